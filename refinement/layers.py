"""What the engine needs of a layer, and the layer that is written in Python."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from attrs import field, frozen

from refinement import terms
from refinement.explore import Run
from refinement.schema import Encoding, Schema, schema_of
from refinement.state import FieldMap, Keys, SymbolicState, unknown_field


class Layer(Protocol):
    """One description of the kernel: it has states of which nothing is known, and runs operations on them."""

    name: str

    def fresh(self, encoding: Encoding, tag: str) -> Any:
        """A symbolic state of unknown content; states with different tags have nothing in common."""

    def call(self, run: Run, state: Any, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Run an operation on a symbolic state; gives its result."""

    def location(self, operation: str) -> str:
        """`file:line` of the operation."""

    def written(self, state: Any) -> set[str]:
        """The names of the maps that were written since the state was fresh."""


@frozen
class PythonLayer:
    """A layer written as plain Python functions over an attrs state class."""

    name: str
    state: type
    operations: Mapping[str, Callable[..., Any]] = field(repr=False)

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

    def call(self, run: Run, state: SymbolicState, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Run an operation."""
        before, run.layer = run.layer, self.name
        try:
            return self.operations[operation](state, **arguments)
        finally:
            run.layer = before

    def location(self, operation: str) -> str:
        """`file:line` of the operation's function."""
        function = self.operations[operation]
        return f"{inspect.getsourcefile(function)}:{inspect.getsourcelines(function)[1]}"

    def written(self, state: SymbolicState) -> set[str]:
        """The names of the maps that were written."""
        return {field_map.name for field_map in state._maps.values() if field_map.written}


def existence(path: str, encoding: Encoding) -> FieldMap:
    """The map that says which objects of a kind exist: the same one in every layer; null never does."""
    symbol = terms.function(path, (encoding.reference,), terms.BOOL)
    zero = terms.constant(0, encoding.reference)

    def base(keys: Keys) -> terms.Term:
        return terms.conjunction((terms.negate(terms.equal(keys[0], zero)), terms.apply(symbol, keys)))

    return FieldMap(f"exists:{path}", (encoding.reference,), base)
