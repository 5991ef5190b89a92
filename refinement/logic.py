"""The vocabulary of specifications, models and invariants: one source, plain or symbolic.

A specification is plain Python.  `if`, `==`, `<`, `+` and attribute access work as they are, on plain
and on symbolic values.  What Python's syntax cannot say of both is here:

- typed references to objects (`reference`, `NULL`);
- the connectives of logic for *predicates*, which must not branch: `all_of`, `any_of`, `negate`,
  `implies`, `iff`, `ite`, `one_of` (in operations use `and`, `or`, `not`, `if`);
- enumerations that match those of other layers (`Enumeration`);
- machine words (`Word`, `Word64`), arrays and tables of objects for declaring a state;
- `choose`: some object for which a predicate holds, or the least one;
- `address_of` and `reference_at`: where objects are in memory;
- `again`, `repeat` and `walk`: loops without a small bound;
- `defined`: marks a function that is known by its name before its definition is looked at;
- `operation`: marks a function that is proved on its own, and by whose contract callers can be proved.
"""

from __future__ import annotations

import enum
import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Generic, Literal, TypeVar

from attrs import frozen

from refinement import context, terms, values
from refinement.values import Bool, Int, Rational, Symbolic, SymbolicEnum, SymbolicRef, term_of_truth, truth


@frozen
class WordType:
    """Marks an int annotation as a machine word of `width` bits."""

    width: int


Word = Annotated[int, WordType(32)]
Word64 = Annotated[int, WordType(64)]


class Ref:
    """A plain reference to an object: a kind and a number above 0.  Made by `reference`."""

    __slots__ = ("number",)
    kind = ""

    def __init__(self, number: int):
        if number <= 0:
            raise ValueError(f"a reference to a {self.kind} needs a number above 0, not {number}")
        self.number = number

    def __eq__(self, other: object) -> bool:
        if other is self:
            return True
        if type(other) is type(self):
            return self.number == other.number
        if isinstance(other, SymbolicRef):
            return NotImplemented
        kind = getattr(other, "kind", None)
        if kind is None or kind == "null":
            return False
        raise TypeError(f"a reference to a {self.kind} was compared with one to a {kind}")

    def __hash__(self) -> int:
        return self.number

    def __repr__(self) -> str:
        number = self.number
        return f"{self.kind}:{number if number < 1 << 16 else hex(number)}"

    def __bool__(self) -> bool:
        raise TypeError("a reference has no truth value: compare it with NULL")


class _Null:
    """The reference to no object.  Equal to itself only; it fits every kind."""

    __slots__ = ()
    kind = "null"
    number = 0

    def __repr__(self) -> str:
        return "NULL"

    def __reduce__(self) -> str:
        return "NULL"

    def __eq__(self, other: object) -> bool:
        return NotImplemented if isinstance(other, SymbolicRef) else other is self

    def __hash__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        raise TypeError("a reference has no truth value: compare it with NULL")


NULL: Any = _Null()

_KINDS: dict[str, type[Ref]] = {}


def reference(kind: str) -> type[Ref]:
    """The type of references to objects of the kind `kind`; one type for each kind, in all layers."""
    found = _KINDS.get(kind)
    if found is None:
        name = "".join(part.capitalize() for part in kind.split("_")) + "Ref"
        found = _KINDS[kind] = type(name, (Ref,), {"kind": kind, "__slots__": ()})
    return found


def address_of(ref: Any) -> Any:
    """The number of a reference as a machine word: where the object is in memory.  0 for NULL."""
    if isinstance(ref, SymbolicRef):
        run = context.current()
        return values.word(terms.address(ref.term) if run is None else run.address(ref.term))
    return ref.number


def reference_at(type: type[Ref], address: Any) -> Any:
    """The reference to the object of a type at an address; NULL for 0."""
    if isinstance(address, values.Word):
        run = context.current()
        assert run is not None, "a symbolic address needs a run"
        return SymbolicRef(type.kind, run.at_address(address.term))
    return type(address) if address else NULL


class Enumeration(enum.Enum):
    """Base of a layer's enumerations: members are equal to those of the same names in other layers' own ones.

    So what is stated of states of two layers means the same of plain values as of symbolic ones.
    """

    def __eq__(self, other: object) -> Any:
        if self is other:
            return True
        if not isinstance(other, Enumeration):
            return NotImplemented
        kinds = type(self), type(other)
        return kinds[0] is not kinds[1] and self.name == other.name and values.names(kinds[0]) == values.names(kinds[1])

    __hash__ = enum.Enum.__hash__


K = TypeVar("K")
V = TypeVar("V")
F = TypeVar("F", bound=Callable[..., Any])


class Objects(dict[K, V], Generic[K, V]):
    """The objects of one kind that exist, by reference.  Looking up any other is a KeyError."""

    def __missing__(self, key: K) -> V:
        raise KeyError(f"there is no object {key!r}")


class Table(dict[K, V], Generic[K, V]):
    """A table with an entry for every index; one never written holds the default."""

    def __init__(self, default: Callable[[], V], *args: Any):
        super().__init__(*args)
        self.default = default

    def __missing__(self, key: K) -> V:
        entry = self[key] = self.default()
        return entry


class Array(dict[K, V], Generic[K, V]):
    """An array inside an object: a value for every index, 0 where never written."""

    def __missing__(self, key: K) -> V:
        return 0  # type: ignore[return-value]


def all_of(*conditions: Any) -> Any:
    """Whether every condition holds."""
    symbolic = False
    for condition in conditions:
        if condition is False:
            return False
        symbolic = symbolic or condition is not True
    if not symbolic:
        return True
    return truth(terms.conjunction([term_of_truth(condition) for condition in conditions]))


def any_of(*conditions: Any) -> Any:
    """Whether some condition holds."""
    symbolic = False
    for condition in conditions:
        if condition is True:
            return True
        symbolic = symbolic or condition is not False
    if not symbolic:
        return False
    return truth(terms.disjunction([term_of_truth(condition) for condition in conditions]))


def negate(condition: Any) -> Any:
    """Whether the condition does not hold."""
    return not condition if isinstance(condition, bool) else truth(terms.negate(term_of_truth(condition)))


def implies(condition: Any, consequence: Any) -> Any:
    """Whether the consequence holds if the condition does.  Both sides are evaluated."""
    return any_of(negate(condition), consequence)


def iff(left: Any, right: Any) -> Any:
    """Whether both conditions hold or neither."""
    if isinstance(left, bool) and isinstance(right, bool):
        return left is right
    return truth(terms.equal(term_of_truth(left), term_of_truth(right)))


def one_of(value: Any, *members: Any) -> Any:
    """Whether the value is one of the members."""
    return any_of(*(value == member for member in members))


def ite(condition: Any, then: Any, otherwise: Any) -> Any:
    """The value `then` where the condition holds, `otherwise` elsewhere, without a branch."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    sample = then if isinstance(then, Symbolic) else otherwise
    if not isinstance(sample, Symbolic):
        if then is otherwise or then == otherwise:
            return then
        if isinstance(then, bool):
            return truth(terms.ite(condition.term, term_of_truth(then), term_of_truth(otherwise)))
        raise TypeError(f"ite needs a symbolic side to know the type: {then!r}, {otherwise!r}")
    result = terms.ite(condition.term, term_like(sample, then), term_like(sample, otherwise))
    return value_like(sample, result)


def term_like(sample: Symbolic, value: Any) -> terms.Term:
    """The term of a value that has the type of `sample`; TypeError if it cannot have."""
    if isinstance(value, Symbolic):
        if type(value) is not type(sample) or value.term.sort is not sample.term.sort:
            raise TypeError(f"{value!r} does not have the type of {sample!r}")
        return value.term
    if isinstance(sample, Bool):
        return term_of_truth(value)
    if isinstance(sample, SymbolicRef):
        if getattr(value, "kind", "") not in ("null", sample.kind):
            raise TypeError(f"{value!r} is not a reference to a {sample.kind}")
        return terms.constant(value.number, sample.term.sort)
    if isinstance(sample, SymbolicEnum):
        return terms.constant(values.position(value), sample.term.sort)
    return terms.constant(value, sample.term.sort)


def value_like(sample: Symbolic, term: terms.Term) -> Any:
    """The value of a term, of the type of `sample`."""
    if isinstance(sample, Bool):
        return truth(term)
    if isinstance(sample, SymbolicRef):
        return SymbolicRef(sample.kind, term)
    if isinstance(sample, SymbolicEnum):
        return SymbolicEnum(sample.members, term)
    if isinstance(sample, Int | Rational):
        return type(sample)(term)
    return values.word(term)


def choose(
    objects: Any,
    suitable: Callable[[Any], Any],
    before: Callable[[Any, Any], Any] | None = None,
    *,
    label: str,
) -> Any:
    """Some object among `objects` that is suitable, or None if none is.

    With `before(a, b)`, "a comes no later than b", it is one that comes before all suitable ones.
    Run on plain values, ties (and every choice without an order) are drawn by `Nondeterminism.draw`.
    In a proof the relation supplies the object for this `label`, and that it is suitable, that it is
    first, or that there is none, are obligations.
    """
    run = context.current()
    if run is not None:
        return run.choose(objects, suitable, before, label)
    candidates = [ref for ref in objects if suitable(ref)]
    if before is not None:
        candidates = [ref for ref in candidates if all(before(ref, other) for other in candidates)]
    return draw(candidates) if candidates else None


def _first(candidates: list[Any]) -> Any:
    return candidates[0]


def maybe(label: str) -> Any:
    """Whether something that may or may not happen does: drawn as `choose` does."""
    run = context.current()
    if run is not None:
        return run.maybe(label)
    return draw([False, True])


draw: Callable[[list[Any]], Any] = _first
"""Who settles the specification's nondeterminism when it is run: by default the first candidate."""


def repeat(label: str, following: Callable[[], Any]) -> Iterator[Any]:
    """Go on with what `following()` gives until it gives None or NULL: a loop without a bound.

    The loop invariant of that label, with its measure, is stated in `proofs/`.
    """
    run = context.current()
    if run is not None:
        yield from run.repeat(label, following)
        return
    while True:
        item = following()
        if item is None or item is NULL:
            return
        yield item


def walk(label: str, first: Any, following: Callable[[Any], Any]) -> Iterator[Any]:
    """Go from reference to reference, from `first` until NULL: a loop without a bound.

    The successor of a reference is read before the body runs with it.
    """
    run = context.current()
    if run is not None:
        yield from run.walk(label, first, following)
        return
    cursor = first
    while cursor is not NULL:
        after = following(cursor)
        yield cursor
        cursor = after


def again(label: str, variables: Any) -> Literal[True]:
    """Whether to go round a loop once more: always.  `while again("levels", at):` is a loop without a bound.

    Of what there is before the loop, a round may change the state and the attributes of the attrs object `variables`.
    The loop invariant of that label, with its measure, is stated in `proofs/`.
    """
    run = context.current()
    if run is not None:
        run.again(label, variables, sys._getframe(1).f_locals)
    return True


def operation(function: F) -> F:
    """Mark a function that is proved on its own.

    In the proof of a caller that names it among its `calls`, its contract stands for it (`refinement.contracts`).
    """
    signature = inspect.signature(function)

    @functools.wraps(function)
    def called(*given: Any, **named: Any) -> Any:
        run = context.current()
        if run is None or not run.by_contract(function.__name__):
            return function(*given, **named)
        _, *arguments = signature.bind(*given, **named).arguments.items()
        return run.call(function.__name__, dict(arguments))

    return called  # type: ignore[return-value]


REMEMBERED = 1 << 14
"""Of how many plain arguments the results of each `defined` function are remembered."""


def defined(function: F) -> F:
    """Mark a function of plain values and records, whose result depends on nothing else, as one known by its name.

    Much can be proved of it without its definition, such as that it gives the same of the same; the solver is told the
    definition where that does not suffice.  Of plain values, what it gave lately is remembered.
    """
    remembered = functools.lru_cache(maxsize=REMEMBERED)(function)

    @functools.wraps(function)
    def called(*given: Any) -> Any:
        run = context.current()
        return remembered(*given) if run is None else run.defined(function, given)

    return called  # type: ignore[return-value]


def index_of(member: enum.Enum) -> int:
    """The place of a plain enumeration member in its enumeration, from 0."""
    return values.position(member)


def highest_bit(word: Any) -> Any:
    """The position of the highest set bit of a word that is not 0."""
    if isinstance(word, int):
        return word.bit_length() - 1
    return values.word(terms.highest_bit(word.term))
