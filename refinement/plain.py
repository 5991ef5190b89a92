"""Plain states of a layer written in Python: built field by field, written as JSON and read back."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import attrs

from refinement import logic
from refinement.schema import Field, Leaf, Part, Record, Schema

Read = Callable[[Field, tuple[Any, ...]], Any]
"""Gives the plain value of a field at plain keys."""


def default_object(part: Part) -> Any:
    """An object of which every attribute has its type's default."""
    filled: dict[str, Any] = {}
    for name, declared in part.members.items():
        filled[name] = logic.Array() if len(declared.keys) > len(part.keys) else declared.leaf.default()
    return _assembled(part, filled)


def _assembled(part: Part, filled: Mapping[str, Any]) -> Any:
    """The object with these members; those of a record, `record.part`, are put into it."""
    assert part.item is not None
    whole = {name: value for name, value in filled.items() if "." not in name}
    for name, record in part.records.items():
        whole[name] = record.make(lambda inner, _, name=name: filled[f"{name}.{inner}"])  # type: ignore[misc]
    return part.item(**whole)


def _member(entry: Any, name: str) -> Any:
    for step in name.split("."):
        entry = getattr(entry, step)
    return entry


def build(schema: Schema, keys: Mapping[str, Iterable[Any]], read: Read) -> Any:
    """A state with the objects, table entries and array indices of `keys`, their values as `read` gives them.

    `keys` has them by the name of the part, or by path for an array inside an object.
    """
    parts: dict[str, Any] = {}
    for part in schema.parts.values():
        if part.form == "value":
            assert part.field is not None
            parts[part.name] = read(part.field, ())
        elif part.form == "array":
            assert part.field is not None
            parts[part.name] = logic.Array({key: read(part.field, _tuple(key)) for key in keys.get(part.name, ())})
        else:
            built = {key: _object(part, _tuple(key), keys, read) for key in keys.get(part.name, ())}
            if part.form == "objects":
                parts[part.name] = logic.Objects(built)
            else:
                parts[part.name] = logic.Table(lambda part=part: default_object(part), built)  # type: ignore[misc]
    return schema.state(**parts)


def _object(part: Part, key: tuple[Any, ...], keys: Mapping[str, Iterable[Any]], read: Read) -> Any:
    filled: dict[str, Any] = {}
    for name, declared in part.members.items():
        if len(declared.keys) > len(part.keys):
            indices = keys.get(declared.path, ())
            filled[name] = logic.Array({index: read(declared, (*key, *_tuple(index))) for index in indices})
        else:
            filled[name] = read(declared, key)
    return _assembled(part, filled)


def _tuple(key: Any) -> tuple[Any, ...]:
    return key if isinstance(key, tuple) else (key,)


def lookup(state: Any, declared: Field, keys: tuple[Any, ...], schema: Schema) -> Any:
    """The value of a field of a plain state (or a `Total` view of one) at plain keys."""
    first, _, rest = declared.path.partition(".")
    value = getattr(state, first)
    if not rest:
        return value[_key(keys)] if keys else value
    outer = len(schema.parts[first].keys)
    inner = _member(value[_key(keys[:outer])], rest)
    return inner[_key(keys[outer:])] if len(keys) > outer else inner


def _key(keys: tuple[Any, ...]) -> Any:
    return keys if len(keys) > 1 else keys[0]


def dump(schema: Schema, state: Any) -> dict[str, Any]:
    """A state as JSON values; what has its type's default is left out."""
    found: dict[str, Any] = {}
    for part in schema.parts.values():
        value = getattr(state, part.name)
        if part.form == "value":
            found[part.name] = encode(value)
        elif part.form == "array":
            found[part.name] = {_text(key): item for key, item in value.items() if item}
        else:
            entries = {_text(key): dump_object(part, entry) for key, entry in value.items()}
            found[part.name] = {key: entry for key, entry in entries.items() if entry or part.form == "objects"}
    return found


def dump_object(part: Part, entry: Any) -> dict[str, Any]:
    """The attributes of an object that do not have their type's default, as JSON values."""
    found: dict[str, Any] = {}
    for name, declared in part.members.items():
        value = _member(entry, name)
        if len(declared.keys) > len(part.keys):
            value = {_text(key): encode(item) for key, item in value.items() if item != declared.leaf.default()}
            if value:
                found[name] = value
        elif value != declared.leaf.default():
            found[name] = encode(value)
    return found


def load(schema: Schema, data: Mapping[str, Any]) -> Any:
    """The state that `dump` wrote.  Raises KeyError or ValueError if it is none."""
    keys: dict[str, list[Any]] = {}
    for part in schema.parts.values():
        if part.form != "value":
            keys[part.name] = [_parsed(part.keys, text) for text in data.get(part.name, {})]
        for declared in part.members.values():
            if len(declared.keys) > len(part.keys):
                name = declared.path.partition(".")[2]
                indices = {text: None for entry in data.get(part.name, {}).values() for text in entry.get(name, {})}
                keys[declared.path] = [_parsed(declared.keys[len(part.keys) :], text) for text in indices]

    def read(declared: Field, at: tuple[Any, ...]) -> Any:
        first, _, rest = declared.path.partition(".")
        value = data[first]
        part = schema.parts[first]
        outer = len(part.keys)
        if part.form == "array":
            value = value.get(_text(at), 0)
        elif part.form != "value":
            value = value[_text(at[:outer])].get(rest)
            if len(at) > outer and value is not None:
                value = value.get(_text(at[outer:]))
        return declared.leaf.default() if value is None else decode(declared.leaf, value)

    return build(schema, keys, read)


def encode(value: Any) -> Any:
    """A plain value as a JSON value: a reference as `kind:number`, an enumeration's member by its name."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, logic.Ref) or value is logic.NULL:
        return repr(value)
    if isinstance(value, Fraction):
        return str(value)
    if attrs.has(type(value)):
        default = attrs.asdict(type(value)(), recurse=False)
        parts = attrs.asdict(value, recurse=False)
        return {name: encode(part) for name, part in parts.items() if part != default[name]}
    return value


def decode(type: Leaf | Record, value: Any) -> Any:
    """The plain value that `encode` wrote; ValueError or KeyError if it is none of that type."""
    if isinstance(type, Record):
        return type.make(lambda path, leaf: _decoded_part(leaf, value, path))
    leaf = type
    if leaf.form == "ref":
        if value == "NULL":
            return logic.NULL
        kind, _, number = str(value).partition(":")
        if kind != leaf.kind:
            raise ValueError(f"expected a reference to a {leaf.kind}, got {value!r}")
        return logic.reference(kind)(int(number, 0))
    if leaf.form == "enum":
        assert leaf.members is not None
        return leaf.members[value]
    if leaf.form == "rational":
        return Fraction(value)
    return bool(value) if leaf.form == "bool" else int(value)


def _decoded_part(leaf: Leaf, value: Any, path: str) -> Any:
    for name in path.split("."):
        if name not in value:
            return leaf.default()
        value = value[name]
    return decode(leaf, value)


def _text(key: Any) -> str:
    return ",".join(str(encode(part)) for part in _tuple(key))


def _parsed(leaves: tuple[Leaf, ...], text: str) -> Any:
    return _key(tuple(decode(leaf, part) for leaf, part in zip(leaves, text.split(","), strict=True)))
