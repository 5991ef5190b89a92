"""Named statements about states: invariants of a layer, and facts that relate two layers.

Each is a plain predicate over a state (or two) and a few objects, with an id and a sentence of prose,
so that a proof that fails names the one that broke.  It is meant for *all* objects of its kinds; a
proof assumes it for the objects in the footprint and proves it for unknown ones.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from itertools import product
from typing import Any

from attrs import field, frozen

from refinement import logic
from refinement.plain import default_object
from refinement.schema import Part, Schema
from refinement.state import exists


@frozen
class Statement:
    """A predicate `holds(*states, *objects)` over the objects of certain kinds.

    `layers` names the states it speaks of, `kinds` the objects; an object of a kind that has a notion
    of existence is one that exists in the first of the layers that knows the kind.  A kind with a `?` behind it is
    about all references of that kind, to objects that exist or not; of a plain state it is checked of those that exist.
    """

    id: str
    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    holds: Callable[..., Any] = field(repr=False, eq=False)
    prose: str = field(repr=False)
    location: str = field(repr=False)


def kind_of(kind: str) -> str:
    """The kind of the objects that a statement is about, which exist or (`kind?`) may not."""
    return kind.removesuffix("?")


def statement(*kinds: str, layers: tuple[str, ...]) -> Callable[[Callable[..., Any]], Statement]:
    """Declare a statement; its id is the function's name, its prose the docstring.

    Raises TypeError where the docstring is missing or the parameters do not fit.
    """

    def declare(function: Callable[..., Any]) -> Statement:
        prose = inspect.getdoc(function)
        if not prose:
            raise TypeError(f"the statement {function.__name__} needs a sentence of prose")
        count = len(inspect.signature(function).parameters)
        if count != len(layers) + len(kinds):
            raise TypeError(f"the statement {function.__name__} has {count} parameters for {layers + kinds}")
        code = function.__code__
        location = f"{code.co_filename}:{code.co_firstlineno}"
        return Statement(function.__name__, layers, kinds, function, " ".join(prose.split()), location)

    return declare


def invariant(layer: str, *kinds: str) -> Callable[[Callable[..., Any]], Statement]:
    """Declare an invariant of one layer over objects of the given kinds."""
    return statement(*kinds, layers=(layer,))


def related(upper: str, lower: str, *kinds: str) -> Callable[[Callable[..., Any]], Statement]:
    """Declare a fact that relates a state of `upper` to one of `lower`, over objects of the given kinds."""
    return statement(*kinds, layers=(upper, lower))


class Total:
    """A plain state as a statement sees it: what is not there reads as nothing in particular.

    Statements evaluate both sides of an implication, so they may look behind a null reference; as in
    a logic of total functions, what they then see must not matter.
    """

    def __init__(self, state: Any, schema: Schema):
        self._state = state
        self._schema = schema
        for name, part in schema.parts.items():
            value = getattr(state, name)
            if part.form in ("objects", "table"):
                value = _TotalObjects(value, part)
            setattr(self, name, value)


class _TotalObjects:
    def __init__(self, objects: Mapping[Any, Any], part: Part):
        self.objects = objects
        self.part = part
        assert part.item is not None
        self.nothing = default_object(part)

    def __getitem__(self, key: Any) -> Any:
        return self.objects.get(key, self.nothing)

    def __contains__(self, key: Any) -> bool:
        return key in self.objects

    def __iter__(self) -> Iterator[Any]:
        return iter(self.objects)


def check_plain(
    statement: Statement, states: Mapping[str, Any], universe: Mapping[str, list[Any]]
) -> list[tuple[Any, ...]]:
    """The objects of a plain state for which a statement does not hold.

    `states` are `Total` views by layer; `universe` lists the objects of each kind (for tables and
    arrays, the indices that can occur), and those that may not exist for each `kind?`.
    """
    views = [states[layer] for layer in statement.layers]
    broken = []
    for objects in product(*(universe[kind] for kind in statement.kinds)):
        if len(objects) > 1 and len(set(objects)) < len(objects):
            continue
        if not statement.holds(*views, *objects):
            broken.append(objects)
    return broken


def present(
    kinds: tuple[str, ...], states: tuple[Any, ...], schemas: tuple[Schema, ...], objects: tuple[Any, ...]
) -> Any:
    """Whether objects exist, each in the first of the symbolic states that knows its kind."""
    conditions = []
    for kind, ref in zip(kinds, objects, strict=True):
        if kind.endswith("?"):
            continue
        for state, schema in zip(states, schemas, strict=True):
            part = schema.parts.get(kind)
            if part is not None:
                if part.exists is not None:
                    conditions.append(exists(getattr(state, kind), ref))
                break
    return logic.all_of(*conditions)
