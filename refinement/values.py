"""Symbolic truth values, integers, words, references and enumerations.

They have the operators of the plain values they stand for, and mean the same: a `Word` is an int in
`0 .. 2**width - 1`, and an operation whose plain result would leave that range is an obligation of
the run (`Run.guard`), not a silent wrap.  A symbolic truth value asked for `bool` is decided by the
run under way.
"""

from __future__ import annotations

import enum
from fractions import Fraction
from typing import Any

from refinement import context, terms
from refinement.terms import Term


class Symbolic:
    """Base of all symbolic values; `term` is the formula behind it."""

    __slots__ = ("term",)

    def __init__(self, term: Term):
        self.term = term

    def __hash__(self) -> int:
        return id(self.term)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.term}>"


class Bool(Symbolic):
    """A symbolic truth value."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return context.decide(self.term)

    def __eq__(self, other: object) -> Any:
        return truth(terms.equal(self.term, term_of_truth(other)))

    def __ne__(self, other: object) -> Any:
        return truth(terms.negate(terms.equal(self.term, term_of_truth(other))))

    __hash__ = Symbolic.__hash__


def truth(term: Term) -> bool | Bool:
    """The truth value of a formula: plain where it is a constant."""
    if term is terms.TRUE:
        return True
    if term is terms.FALSE:
        return False
    return Bool(term)


def term_of_truth(value: object) -> Term:
    """The formula of a plain or symbolic truth value; TypeError for anything else."""
    if value is True:
        return terms.TRUE
    if value is False:
        return terms.FALSE
    if isinstance(value, Bool):
        return value.term
    raise TypeError(f"expected a truth value, got {value!r}")


class _Number(Symbolic):
    """What integers and words have in common: comparison, truth."""

    __slots__ = ()

    def _lift(self, other: object) -> Term | None:
        if type(other) is type(self):
            return other.term
        if isinstance(other, int) and not isinstance(other, bool):
            return self._constant(other)
        return None

    def _constant(self, value: Any) -> Term:
        return terms.constant(value, self.term.sort)

    def __bool__(self) -> bool:
        return context.decide(terms.negate(terms.equal(self.term, self._constant(0))))

    def __eq__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else truth(terms.equal(self.term, right))

    def __ne__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else truth(terms.negate(terms.equal(self.term, right)))

    def __lt__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else truth(terms.less(self.term, right))

    def __le__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else truth(terms.at_most(self.term, right))

    def __gt__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else truth(terms.less(right, self.term))

    def __ge__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else truth(terms.at_most(right, self.term))

    __hash__ = Symbolic.__hash__


class Int(_Number):
    """A symbolic mathematical integer."""

    __slots__ = ()

    def __add__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else Int(terms.add(self.term, right))

    __radd__ = __add__

    def __sub__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else Int(terms.subtract(self.term, right))

    def __rsub__(self, other: object) -> Any:
        left = self._lift(other)
        return NotImplemented if left is None else Int(terms.subtract(left, self.term))

    def __neg__(self) -> Int:
        return Int(terms.subtract(self._constant(0), self.term))


class Rational(_Number):
    """A symbolic rational number: a key of a dense order."""

    __slots__ = ()

    def _lift(self, other: object) -> Term | None:
        return self._constant(other) if isinstance(other, Fraction) else super()._lift(other)

    def __add__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else Rational(terms.add(self.term, right))

    __radd__ = __add__

    def __sub__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else Rational(terms.subtract(self.term, right))

    def __truediv__(self, other: object) -> Any:
        if not isinstance(other, int):
            return NotImplemented
        return Rational(terms.multiply(self.term, terms.rational(Fraction(1, other))))


class Word(_Number):
    """A symbolic machine word: an unsigned integer of `term.sort.width` bits."""

    __slots__ = ()

    def _constant(self, value: int) -> Term:
        if value < 0 or value >> self.term.sort.width:
            raise OverflowError(f"{value} does not fit a word of {self.term.sort.width} bits")
        return terms.constant(value, self.term.sort)

    def _guarded(self, result: Term, fits: Term, what: str) -> Any:
        run = context.current()
        if run is not None:
            run.guard(fits, what)
        return word(result)

    def __add__(self, other: object) -> Any:
        right = self._lift(other)
        if right is None:
            return NotImplemented
        result = terms.add(self.term, right)
        return self._guarded(result, terms.at_most(self.term, result), "the sum fits the word")

    __radd__ = __add__

    def __sub__(self, other: object) -> Any:
        right = self._lift(other)
        if right is None:
            return NotImplemented
        result = terms.subtract(self.term, right)
        return self._guarded(result, terms.at_most(right, self.term), "the difference is not negative")

    def __rsub__(self, other: object) -> Any:
        left = self._lift(other)
        return NotImplemented if left is None else Word(left) - self

    def __mul__(self, other: object) -> Any:
        right = self._lift(other)
        if right is None:
            return NotImplemented
        width = self.term.sort.width
        exact = terms.multiply(terms.zero_extend(self.term, 2 * width), terms.zero_extend(right, 2 * width))
        fits = terms.equal(terms.extract(exact, 2 * width - 1, width), terms.bits(0, width))
        return self._guarded(terms.multiply(self.term, right), fits, "the product fits the word")

    __rmul__ = __mul__

    def __and__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else word(terms.bit_and(self.term, right))

    __rand__ = __and__

    def __or__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else word(terms.bit_or(self.term, right))

    __ror__ = __or__

    def __xor__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else word(terms.bit_xor(self.term, right))

    __rxor__ = __xor__

    def __lshift__(self, other: object) -> Any:
        right = self._lift(other)
        if right is None:
            return NotImplemented
        result = terms.shift_left(self.term, right)
        fits = terms.equal(terms.shift_right(result, right), self.term)
        return self._guarded(result, fits, "no bit is shifted out of the word")

    def __rlshift__(self, other: object) -> Any:
        left = self._lift(other)
        return NotImplemented if left is None else Word(left) << self

    def __rshift__(self, other: object) -> Any:
        right = self._lift(other)
        return NotImplemented if right is None else word(terms.shift_right(self.term, right))


def word(term: Term) -> int | Word:
    """The word of a bit-vector term: plain where it is a constant."""
    return terms.value_of(term) if terms.is_constant(term) else Word(term)


class SymbolicRef(Symbolic):
    """A symbolic reference to an object of the kind `kind`, or to none (null)."""

    __slots__ = ("kind",)

    def __init__(self, kind: str, term: Term):
        super().__init__(term)
        self.kind = kind

    def _same(self, other: object) -> Term | None:
        if isinstance(other, SymbolicRef):
            if other.kind != self.kind:
                raise TypeError(f"a reference to a {self.kind} was compared with one to a {other.kind}")
            return terms.equal(self.term, other.term)
        kind = getattr(other, "kind", None)
        if kind is None:
            return None
        if kind not in ("null", self.kind):
            raise TypeError(f"a reference to a {self.kind} was compared with one to a {kind}")
        number = other.number  # type: ignore[attr-defined]
        return terms.equal(self.term, terms.constant(number, self.term.sort))

    def __eq__(self, other: object) -> Any:
        same = self._same(other)
        return NotImplemented if same is None else truth(same)

    def __ne__(self, other: object) -> Any:
        same = self._same(other)
        return NotImplemented if same is None else truth(terms.negate(same))

    def __bool__(self) -> bool:
        raise TypeError("a reference has no truth value: compare it with NULL")

    __hash__ = Symbolic.__hash__


class SymbolicEnum(Symbolic):
    """A symbolic member of the enumeration `members`; the term is the member's position."""

    __slots__ = ("members",)

    def __init__(self, members: type[enum.Enum], term: Term):
        super().__init__(term)
        self.members = members

    def _same(self, other: object) -> Term | None:
        if isinstance(other, SymbolicEnum):
            if names(other.members) != names(self.members):
                raise TypeError(f"a {self.members.__name__} was compared with a {other.members.__name__}")
            return terms.equal(self.term, other.term)
        if isinstance(other, enum.Enum):
            if names(type(other)) != names(self.members):
                raise TypeError(f"a {self.members.__name__} was compared with {other}")
            return terms.equal(self.term, terms.constant(position(other), self.term.sort))
        return None

    def __eq__(self, other: object) -> Any:
        same = self._same(other)
        return NotImplemented if same is None else truth(same)

    def __ne__(self, other: object) -> Any:
        same = self._same(other)
        return NotImplemented if same is None else truth(terms.negate(same))

    __hash__ = Symbolic.__hash__


_NAMES: dict[type[enum.Enum], tuple[str, ...]] = {}


def names(members: type[enum.Enum]) -> tuple[str, ...]:
    """The member names of an enumeration, in order.  Enumerations of two layers match by these."""
    found = _NAMES.get(members)
    if found is None:
        found = _NAMES[members] = tuple(member.name for member in members)
    return found


def position(member: enum.Enum) -> int:
    """The place of a member in its enumeration, from 0."""
    return names(type(member)).index(member.name)
