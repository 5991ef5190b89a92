"""Symbolic runs that follow a plain state: every unknown has that state's value, every decision is what it comes to.

The operators of terms are computed by Z3, one at a time, so that its reading of them is compared with Python's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from impl.c.layer import CLayer
from impl.c.memory import ByteMemory
from impl.c.places import Place
from refinement import terms
from refinement.explore import Explorer, Run
from refinement.layers import Layer, PythonLayer
from refinement.plain import lookup
from refinement.schema import MATHEMATICAL, Encoding
from refinement.smt import Solver
from refinement.terms import Function, Term
from refinement.values import SymbolicRef, term_of_truth
from tests.trace.start import REFS

Lookup = Callable[[str, tuple[int, ...]], int]
"""The value of an unknown: by its name and, for a function, its arguments."""
ADDRESSING = (terms.address_function().name, terms.reference_function().name)
"""The functions from references that are integers to addresses, and back."""


class Assignment:
    """A value for every unknown, and so for every term."""

    def __init__(self, lookup: Lookup):
        self.lookup = lookup
        self.solver = Solver(1_000_000, 60)
        self.explorer = Explorer(self.solver)
        self._values: dict[Term, Any] = {}
        self._known: dict[tuple[Any, ...], Any] = {}

    def value(self, term: Term) -> Any:
        """The value of a term."""
        stack = [term]
        while stack:
            top = stack[-1]
            missing = [arg for arg in top.args if arg not in self._values]
            if missing:
                stack += missing
                continue
            stack.pop()
            if top not in self._values:
                self._values[top] = self._one(top, [self._values[arg] for arg in top.args])
        return self._values[term]

    def _one(self, term: Term, arguments: list[Any]) -> Any:
        if terms.is_constant(term):
            return terms.value_of(term)
        if term.op == "var":
            return self.lookup(str(term.data), ())
        if term.op == "apply":
            assert isinstance(term.data, Function)
            if term in self.explorer.definitions and term.data.name not in ADDRESSING:
                return self._defined(term, arguments)
            return self.lookup(term.data.name, tuple(arguments))
        return self.solver.compute(term, arguments)

    def _defined(self, name: Term, arguments: list[Any]) -> Any:
        """The value of a function that is known by its name: what its definition equates it with.

        It is the same for the same values of the arguments, as the solver takes for granted.
        """
        definition = self.explorer.definitions[name]
        assert definition.op == "=", f"{name} is defined by {definition}"
        (other,) = [side for side in definition.args if side is not name]
        found = self.value(other)
        known = self._known.setdefault((name.data, *arguments), found)
        assert known == found, f"{name} is once {known} and once {found} of {arguments}"
        return found


class Following(Run):
    """A run whose decisions are those of an assignment; `broken` has the guards that do not hold.

    As in proofs, functions are known by their names where references are integers.
    """

    def __init__(self, assignment: Assignment, objects: Mapping[str, list[Any]], encoding: Encoding):
        assignment.explorer.encoding = encoding
        assignment.explorer.is_opaque = encoding is MATHEMATICAL
        super().__init__(assignment.explorer, (), 0)
        self.assignment = assignment
        self.objects = objects
        self.broken: list[str] = []
        self.chooser = self

    def decide(self, condition: Term) -> bool:
        """What the condition comes to."""
        return bool(self.assignment.value(condition))

    def guard(self, condition: Term, what: str) -> None:
        """Note a guard that does not hold."""
        if not self.stating and not self.assignment.value(condition):
            self.broken.append(what)

    def again(self, label: str, variables: Any, around: Any) -> None:
        """As often as it is done plainly."""

    def repeat(self, label: str, following: Callable[[], Any]) -> Iterator[Any]:
        """As often as it is done plainly."""
        while (item := following()) is not None and self.assignment.value(item.term):
            yield item

    def walk(self, label: str, first: Any, following: Callable[[Any], Any]) -> Iterator[Any]:
        """As far as it goes plainly."""
        cursor = first
        while self.assignment.value(cursor.term):
            after = following(cursor)
            yield cursor
            cursor = after

    def maybe(self, label: str) -> Any:
        """What is drawn plainly when nobody says."""
        return False

    def choose(self, objects: Any, suitable: Any, before: Any, label: str) -> Any:
        """The choice that is made plainly when nobody draws: the first one."""
        sort = objects.state._encoding.reference
        kind = objects.part.name
        refs = [SymbolicRef(kind, terms.constant(ref.number, sort)) for ref in self.objects[kind]]
        fit = [ref for ref in refs if self.assignment.value(term_of_truth(suitable(ref)))]
        if before is not None:
            fit = [r for r in fit if all(self.assignment.value(term_of_truth(before(r, other))) for other in fit)]
        return fit[0] if fit else None


def lookup_python(layer: PythonLayer, plain: Any, encoding: Encoding) -> Lookup:
    """The unknowns of a fresh state of a Python layer, by the plain state."""
    fields = {f"{layer.name}.{path}": declared for path, declared in layer.schema.fields.items()}

    view = layer.view(plain)

    def value_of(name: str, numbers: tuple[int, ...]) -> int:
        declared = fields[name]
        keys = tuple(leaf.plain(number) for leaf, number in zip(declared.keys, numbers, strict=True))
        value = lookup(view, declared, keys, layer.schema)
        return terms.value_of(declared.leaf.unwrap(value, declared.leaf.sort(encoding)))

    return value_of


def lookup_c(layer: CLayer, memory: ByteMemory) -> Lookup:
    """The unknowns of a fresh state of the C program, by the memory."""
    shapes = {f"c.{shape.name}": shape for shape in layer.shapes}

    def value_of(name: str, numbers: tuple[int, ...]) -> int:
        shape = shapes[name]
        base, indices = (None, numbers) if len(numbers) == len(shape.lengths) else (numbers[0], numbers[1:])
        root = shape.name.split(".")[0]
        if base is not None and memory.objects.get(base) != root:
            return 0
        if any(index >= length for index, length in zip(indices, shape.lengths, strict=True)):
            return 0
        return memory.load(Place(shape, base, indices), shape.width)

    return value_of


def lookup_of(
    states: Mapping[str, Any], layers: Mapping[str, Layer], encoding: Encoding, given: Mapping[str, int]
) -> Lookup:
    """The unknowns of fresh states of several layers, which objects exist, and the values `given` by name.

    The address of a reference that is an integer is that number.
    """
    lookups = {
        name: lookup_c(layers[name], plain)  # type: ignore[arg-type]
        if isinstance(plain, ByteMemory)
        else lookup_python(layers[name], plain, encoding)  # type: ignore[arg-type]
        for name, plain in states.items()
    }
    existing = {
        kind: {ref.number for ref in getattr(plain, kind)}
        for name, plain in states.items()
        if isinstance(layers[name], PythonLayer)
        for kind in REFS
    }

    def value_of(name: str, numbers: tuple[int, ...]) -> int:
        if name in ADDRESSING:
            return numbers[0]
        layer, _, rest = name.partition(".")
        if rest == "exists":
            return int(numbers[0] in existing[layer])
        if layer in lookups:
            return lookups[layer](name, numbers)
        # What a decoder gives where it means nothing: anything, for what is read there must not matter.
        return 1 if ".meaningless." in f".{name}" else given[name]

    return value_of
