"""How a layer's state follows from the state of the layer below.

Every field of the upper state is either *decoded* from the lower state, on condition that it means
something there, or *free*: unknown to the lower layer, and tied to it by facts only.  A field with the
same path in both layers is decoded as it stands unless said otherwise.  Symbolically the upper state
of a proof *is* the decoded one; plainly the same functions compare two states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum
from typing import Any

from attrs import field, frozen

from refinement import context, plain, terms
from refinement.layers import PythonLayer, plain_value
from refinement.outcomes import Ending, Outcome
from refinement.schema import Encoding, Field, Leaf, Record, parts_of
from refinement.state import FieldMap, Keys, SymbolicState, unknown
from refinement.statements import Statement
from refinement.terms import Term
from refinement.values import term_of_truth


@frozen
class Decode:
    """The value of an upper field from the lower state: `value(lower, *keys)`.

    `when(lower, *keys)`, if given, says when the field means anything; otherwise it is not compared.
    """

    value: Callable[..., Any]
    when: Callable[..., Any] | None = None


@frozen
class Relation:
    """The relation between an upper and a lower layer.

    `decode` gives the fields that are not simply the same, by path; `free` lists the upper fields that
    the lower state does not determine; `facts` tie those (and anything else) to the lower state.  `results`, by
    operation, and `errors`, by name, say how operations ended, if the lower layer is not written in Python; a plain
    result needs no entry if the lower layer's is just that.
    """

    upper: PythonLayer
    lower: Any
    decode: Mapping[str, Decode] = field(factory=dict)
    free: tuple[str, ...] = ()
    facts: tuple[Statement, ...] = ()
    results: Mapping[str, Ending] = field(factory=dict)
    errors: Mapping[str, Ending] = field(factory=dict)

    @property
    def name(self) -> str:
        """`upper-lower`, as in ids."""
        return f"{self.upper.name}-{self.lower.name}"

    def compared(self) -> list[tuple[Field, Decode]]:
        """The upper fields that the lower state determines, with their decoders.

        Raises TypeError for a field of the upper layer that is neither decoded, nor free, nor the same.
        """
        result = []
        for path, declared in self.upper.schema.fields.items():
            if path in self.free or (declared.leaf.form == "bool" and path.endswith(".exists")):
                continue
            decoder = self.decode.get(path)
            if decoder is None:
                decoder = Decode(_same(declared))
                lower_schema = getattr(self.lower, "schema", None)
                below = lower_schema.fields.get(path) if lower_schema is not None else None
                if below is None or len(below.keys) != len(declared.keys):
                    raise TypeError(f"{self.name}: the field {path} is not decoded, not free, and not the same below")
            result.append((declared, decoder))
        return result

    def upper_state(self, lower: Any, encoding: Encoding, tag: str) -> SymbolicState:
        """The symbolic upper state that is related to a symbolic lower state."""
        state = self.upper.fresh(encoding, tag)
        for declared, decoder in self.compared():
            sorts = tuple(key.sort(encoding) for key in declared.keys)
            base = _decoded_base(declared, decoder, lower, encoding, tag)
            state._maps[declared.path] = FieldMap(f"{self.upper.name}:{declared.path}", sorts, base)
        return state

    def ended(self, operation: str, error: str, lower: Any, outcome: Outcome) -> tuple[Any, Any]:
        """Whether an operation ended in some way, by what the lower layer's outcome says, and with what."""
        if isinstance(self.lower, PythonLayer):
            return outcome.error == error, outcome.value
        ending = self.errors[error] if error else self.results.get(operation)
        if ending is None:
            return True, _same_result(self.upper.ending(operation), outcome.value)
        condition = True if ending.when is None else ending.when(lower, outcome.value)
        return condition, ending.value(lower, outcome.value)

    def agreement(self, declared: Field, decoder: Decode, upper: SymbolicState, lower: Any, keys: Keys) -> Term:
        """That an upper field has the value that the lower state gives it, at these keys."""
        values = wrap_keys(declared.keys, keys)
        expected = decoder.value(lower, *values)
        found = declared.leaf.wrap(upper._maps[declared.path].get(keys))
        same = declared.leaf.unwrap(found, _sort(declared.leaf, upper))
        equal = terms.equal(same, declared.leaf.unwrap(expected, same.sort))
        if decoder.when is None:
            return equal
        return terms.implies(term_of_truth(decoder.when(lower, *values)), equal)


def _sort(leaf: Leaf, state: SymbolicState) -> terms.Sort:
    return leaf.sort(state._encoding)


def _same_result(type: Leaf | Record | None, word: Any) -> Any:
    """A plain result that a function below returns as a word."""
    if type is None:
        return None
    if isinstance(type, Leaf) and type.form in ("word", "bool"):
        return word if type.form == "word" else word != 0
    raise TypeError(f"say in the relation how a result of the type {type} is read off the lower layer")


def _same(declared: Field) -> Callable[..., Any]:
    """The decoder of a field that is the same below: follow its path."""
    first, *names = declared.path.split(".")

    def read(lower: Any, *keys: Any) -> Any:
        value = getattr(lower, first)
        if not names:
            return value[_key(keys)] if keys else value
        outer = len(lower._schema.parts[first].keys)
        inner = value[_key(keys[:outer])]
        for name in names:
            inner = getattr(inner, name)
        return inner[_key(keys[outer:])] if len(keys) > outer else inner

    return read


def _key(keys: tuple[Any, ...]) -> Any:
    return keys if len(keys) > 1 else keys[0]


def wrap_keys(leaves: tuple[Leaf, ...], keys: Keys) -> tuple[Any, ...]:
    """The values of key terms."""
    return tuple(leaf.wrap(key) for leaf, key in zip(leaves, keys, strict=True))


def _decoded_base(declared: Field, decoder: Decode, lower: Any, encoding: Encoding, tag: str) -> Callable[[Keys], Term]:
    sort = declared.leaf.sort(encoding)
    sorts = tuple(key.sort(encoding) for key in declared.keys)
    meaningless = unknown(f"{tag}meaningless.{declared.path}", sorts, sort)
    cache: dict[Keys, Term] = {}

    def base(keys: Keys) -> Term:
        found = cache.get(keys)
        if found is None:
            run = context.current()
            assert run is not None, "decoding a symbolic state needs a run"
            with run.statement():
                values = wrap_keys(declared.keys, keys)
                found = declared.leaf.unwrap(decoder.value(lower, *values), sort)
                if decoder.when is not None:
                    found = terms.ite(term_of_truth(decoder.when(lower, *values)), found, meaningless(keys))
            cache[keys] = found
        return found

    return base


def upper_plain(
    relation: Relation,
    upper: SymbolicState,
    lower: Any,
    universe: Mapping[str, list[Any]],
    value: Callable[[Term], int],
) -> Any:
    """The plain upper state of a plain lower one.

    `value` gives the free fields' values from those of the symbolic state `upper`; `universe` lists the
    keys by part name (by path for arrays inside objects).
    """
    view = relation.lower.view(lower)
    decoders = {declared.path: decoder for declared, decoder in relation.compared()}

    def read(declared: Field, keys: tuple[Any, ...]) -> Any:
        decoder = decoders.get(declared.path)
        if decoder is None:
            return plain_value(upper, declared, keys, value)
        if decoder.when is not None and not decoder.when(view, *keys):
            return declared.leaf.default()
        found = decoder.value(view, *keys)
        return declared.leaf.members[found.name] if declared.leaf.members is not None else found

    return plain.build(relation.upper.schema, universe, read)


def disagreements(relation: Relation, upper: Any, lower: Any, universe: Mapping[str, list[Any]]) -> list[str]:
    """Where a plain upper state differs from what the plain lower state says, in words.

    `upper` and `lower` are total views; `universe` lists the keys by part name.
    """
    found = []
    for declared, decoder in relation.compared():
        read = _same(declared)
        for keys in _plain_keys(relation.upper, declared, universe):
            if decoder.when is not None and not decoder.when(lower, *keys):
                continue
            expected = decoder.value(lower, *keys)
            actual = read(upper, *keys)
            if not _equal(actual, expected):
                where = f"[{', '.join(map(_show, keys))}]" if keys else ""
                found.append(
                    f"{declared.path}{where}: {relation.upper.name} {_show(actual)}, "
                    f"{relation.lower.name} {_show(expected)}"
                )
    return found


def parts_are_equal(type: Leaf | Record, left: Any, right: Any) -> bool:
    """Whether two plain values of a type are the same, those of enumerations by name."""
    parts = [parts_of({"value": type}, {"value": value}) for value in (left, right)]
    return all(_equal(parts[0][path], parts[1][path]) for path in parts[0])


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, Enum) and isinstance(right, Enum):
        return left.name == right.name
    return bool(left == right)


def _show(value: Any) -> str:
    return getattr(value, "name", None) or repr(value)


def _plain_keys(layer: PythonLayer, declared: Field, universe: Mapping[str, list[Any]]) -> list[tuple[Any, ...]]:
    if not declared.keys:
        return [()]
    part = layer.schema.parts[declared.path.split(".")[0]]
    outer = universe[part.name]
    keys = [key if isinstance(key, tuple) else (key,) for key in outer]
    if len(declared.keys) > len(part.keys):
        indices = universe[declared.path]
        keys = [(*key, *(i if isinstance(i, tuple) else (i,))) for key in keys for i in indices]
    return keys
