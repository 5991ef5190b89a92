"""What the engine needs of a layer, and the layer that is written in Python."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, get_type_hints

from attrs import field, frozen

from refinement import plain, terms
from refinement.explore import Run
from refinement.logic import Ref
from refinement.outcomes import Outcome
from refinement.places import relative
from refinement.schema import (
    Encoding,
    Field,
    Leaf,
    Record,
    Schema,
    assembled,
    flattened,
    parts_of,
    record_of,
    schema_of,
    type_of,
)
from refinement.state import FieldMap, Keys, SymbolicState, unknown_field
from refinement.statements import Total
from refinement.terms import Term


class Layer(Protocol):
    """One description of the kernel: it has states of which nothing is known, and runs operations on them."""

    @property
    def name(self) -> str:
        """The layer's name, as in ids."""

    @property
    def schema(self) -> Schema:
        """The kinds of objects that the layer's statements may be about."""

    def fresh(self, encoding: Encoding, tag: str) -> Any:
        """A symbolic state of unknown content; states with different tags have nothing in common."""

    def call(self, run: Run, state: Any, operation: str, arguments: Mapping[str, Any]) -> Outcome | None:
        """Run an operation on a symbolic state; gives how it ended, or None if it does what is undefined."""

    def unknown_result(self, operation: str, tag: str) -> Any:
        """What a call by contract of an operation gives in a layer that is not written in Python."""

    def unknown_arguments(
        self, types: Mapping[str, Leaf | Record], encoding: Encoding
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Unknown arguments of these types: as a Python layer has them, and as this one is given them."""

    def well_typed(self, given: Mapping[str, Any], types: Mapping[str, Leaf | Record]) -> Any:
        """Whether what this layer is given for records are such."""

    def argument_terms(self, operation: str, arguments: Mapping[str, Any], encoding: Encoding) -> tuple[Term, ...]:
        """The terms of arguments given by name in the terms of a Python layer."""

    def given(self, operation: str, given: tuple[Term, ...], types: Mapping[str, Leaf | Record]) -> dict[str, Any]:
        """Of arguments that the layer itself gives in a call the records, by name, as it gives them."""

    def call_terms(
        self, operation: str, given: tuple[Term, ...], types: Mapping[str, Leaf | Record], encoding: Encoding
    ) -> tuple[Term, ...]:
        """The same of arguments that the layer itself gives in a call, whose types are these in a Python layer."""

    def loop_variables(self, variables: Mapping[str, Any], records: Mapping[str, type]) -> dict[str, Any]:
        """A loop's variables as facts see them: with the names of a Python layer, and records of these types."""

    def location(self, operation: str) -> str:
        """`file:line` of the operation."""

    def written(self, state: Any) -> set[str]:
        """The names of the maps that were written since the state was fresh."""

    def numbers(self, kind: str, count: int) -> list[int]:
        """Numbers that references to `count` different objects of a kind can have."""

    def concretise(self, state: Any, objects: Mapping[str, list[Ref]], value: Callable[[Term], int]) -> Any:
        """The plain state of a symbolic one: `objects` are those that exist, `value` gives each term's value."""

    def view(self, plain: Any) -> Any:
        """A plain state as statements see it."""

    def execute(self, plain: Any, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Run an operation on a plain state.  Raises whatever shows that it does what it must not."""

    def dump(self, plain: Any) -> dict[str, Any]:
        """A plain state as JSON values."""

    def load(self, data: Mapping[str, Any]) -> Any:
        """The plain state that `dump` wrote."""


@frozen
class PythonLayer:
    """A layer written as plain Python functions over an attrs state class.

    `errors` are the exceptions that operations raise to say that they are not carried out, or not to their end: each
    is an attrs class, a record of what it tells.
    """

    name: str
    state: type
    operations: Mapping[str, Callable[..., Any]] = field(repr=False)
    errors: tuple[type[Exception], ...] = field(default=(), repr=False)

    @property
    def schema(self) -> Schema:
        """The schema of the layer's state."""
        return schema_of(self.state)

    def fresh(self, encoding: Encoding, tag: str) -> SymbolicState:
        """A symbolic state of unknown content."""
        maps = {}
        for path, declared in self.schema.fields.items():
            made = unknown_field(declared, encoding, f"{tag}{self.name}.")
            made.name = f"{self.name}:{path}"
            maps[path] = made
        for part in self.schema.parts.values():
            if part.exists is not None:
                maps[part.exists.path] = existence(part.exists.path, encoding)
        return SymbolicState(self.schema, encoding, maps, self.name)

    def call(self, run: Run, state: SymbolicState, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Run an operation."""
        before, run.layer = run.layer, self.name
        try:
            return self._outcome(operation, state, arguments)
        finally:
            run.layer = before

    def _outcome(self, operation: str, state: Any, arguments: Mapping[str, Any]) -> Outcome:
        try:
            return Outcome(value=self.operations[operation](state, **arguments))
        except self.errors as error:
            return Outcome(type(error).__name__, error)

    def unknown_result(self, operation: str, tag: str) -> None:
        """Not needed: it is made of the types of the result and the errors."""

    def ending(self, operation: str, error: str = "") -> Leaf | Record | None:
        """The type of an operation's result (None if it has none), or of the error of that name."""
        if error:
            return record_of(next(known for known in self.errors if known.__name__ == error))
        hint = get_type_hints(self.operations[operation], include_extras=True).get("return")
        return None if hint in (None, type(None)) else type_of(hint)

    def unknown_arguments(
        self, types: Mapping[str, Leaf | Record], encoding: Encoding
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Unknown arguments of these types; this layer has them as any in Python."""
        made = assembled(types, lambda path, leaf: leaf.wrap(terms.variable(f"argument.{path}", leaf.sort(encoding))))
        return made, made

    def well_typed(self, given: Mapping[str, Any], types: Mapping[str, Leaf | Record]) -> bool:
        """Whether what this layer is given for records are such: they are what they are."""
        return True

    def given(self, operation: str, given: tuple[Term, ...], types: Mapping[str, Leaf | Record]) -> dict[str, Any]:
        """Of arguments given as terms the records: this layer gives none so."""
        return {}

    def call_terms(
        self, operation: str, given: tuple[Term, ...], types: Mapping[str, Leaf | Record], encoding: Encoding
    ) -> tuple[Term, ...]:
        """The arguments as they are."""
        return given

    def argument_terms(self, operation: str, arguments: Mapping[str, Any], encoding: Encoding) -> tuple[Term, ...]:
        """The terms of arguments given by name."""
        types = parameters_of(self, operation)
        given = parts_of(types, arguments)
        return tuple(leaf.unwrap(given[path], leaf.sort(encoding)) for path, leaf in flattened(types).items())

    def loop_variables(self, variables: Mapping[str, Any], records: Mapping[str, type]) -> dict[str, Any]:
        """A loop's variables as they are."""
        return dict(variables)

    def location(self, operation: str) -> str:
        """`file:line` of the operation's function."""
        function = inspect.unwrap(self.operations[operation])
        return f"{relative(inspect.getsourcefile(function) or '')}:{function.__code__.co_firstlineno}"

    def written(self, state: SymbolicState) -> set[str]:
        """The names of the maps that were written."""
        return {field_map.name for field_map in state._maps.values() if field_map.written}

    def numbers(self, kind: str, count: int) -> list[int]:
        """The numbers from 1 on."""
        return list(range(1, count + 1))

    def concretise(self, state: SymbolicState, objects: Mapping[str, list[Ref]], value: Callable[[Term], int]) -> Any:
        """The plain state of a symbolic one; tables and arrays have entries where the symbolic one was read."""
        keys: dict[str, Any] = dict(objects)
        for part in self.schema.parts.values():
            fields = [*part.members.values(), *([part.field] if part.field is not None else [])]
            for declared in fields:
                seen = state._maps[declared.path].seen
                if part.form != "objects" and declared.keys:
                    keys.setdefault(part.name, {}).update(_plain_keys(declared.keys, seen, value, 0))
                elif len(declared.keys) > len(part.keys):
                    keys[declared.path] = _plain_keys(declared.keys, seen, value, len(part.keys))

        def read(declared: Field, at: tuple[Any, ...]) -> Any:
            return plain_value(state, declared, at, value)

        return plain.build(self.schema, keys, read)

    def view(self, plain_state: Any) -> Total:
        """A plain state as statements see it."""
        return Total(plain_state, self.schema)

    def execute(self, plain_state: Any, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Run an operation on a plain state."""
        return self._outcome(operation, plain_state, self.own(operation, arguments))

    def own(self, operation: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Plain arguments of an operation, those of another layer's enumerations and records as this layer's."""
        types = parameters_of(self, operation)
        given = parts_of(types, arguments)

        def read(path: str, leaf: Leaf) -> Any:
            return leaf.members[given[path].name] if leaf.members is not None else given[path]

        return assembled(types, read)

    def dump(self, plain_state: Any) -> dict[str, Any]:
        """A plain state as JSON values."""
        return plain.dump(self.schema, plain_state)

    def load(self, data: Mapping[str, Any]) -> Any:
        """The plain state that `dump` wrote."""
        return plain.load(self.schema, data)


def parameters_of(layer: PythonLayer, operation: str) -> dict[str, Leaf | Record]:
    """The types of an operation's arguments, by name."""
    return dict(_types(layer.operations[operation]))


@functools.cache
def _types(function: Callable[..., Any]) -> dict[str, Leaf | Record]:
    hints = get_type_hints(function, include_extras=True)
    return {name: type_of(hint) for name, hint in hints.items() if name not in ("s", "return")}


def plain_value(state: SymbolicState, declared: Field, at: tuple[Any, ...], value: Callable[[Term], int]) -> Any:
    """The plain value of a symbolic state's field at plain keys."""
    encoding = state._encoding
    keys = tuple(leaf.unwrap(key, leaf.sort(encoding)) for leaf, key in zip(declared.keys, at, strict=True))
    return declared.leaf.plain(value(state._maps[declared.path].get(keys)))


def _plain_keys(
    leaves: tuple[Leaf, ...], seen: Iterable[Keys], value: Callable[[Term], int], skip: int
) -> dict[Any, None]:
    """The plain keys, without the first `skip` parts, that key terms stand for."""
    found: dict[Any, None] = {}
    for keys in seen:
        parts = tuple(leaf.plain(value(key)) for leaf, key in zip(leaves[skip:], keys[skip:], strict=True))
        found[parts if len(parts) > 1 else parts[0]] = None
    return found


def existence(path: str, encoding: Encoding) -> FieldMap:
    """The map that says which objects of a kind exist: the same one in every layer; null never does."""
    symbol = terms.function(path, (encoding.reference,), terms.BOOL)
    zero = terms.constant(0, encoding.reference)

    def base(keys: Keys) -> terms.Term:
        return terms.conjunction((terms.negate(terms.equal(keys[0], zero)), terms.apply(symbol, keys)))

    return FieldMap(f"exists:{path}", (encoding.reference,), base)
