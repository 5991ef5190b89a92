"""What a state consists of, read off the annotations of its attrs class.

A state class declares its parts with `Objects[Ref, Kind]`, `Table[Index, Entry]`, `Array[Index, Value]`
and plain values; kinds and entries are attrs classes of plain values, arrays and *records*, which are attrs classes
of plain values themselves.  The schema flattens that to *fields*: one map each, from keys (the object's reference,
table and array indices) to a value.
"""

from __future__ import annotations

import enum
import functools
import types
import typing
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import attrs
from attrs import frozen

from refinement import logic, terms, values
from refinement.terms import Sort, Term


@frozen
class Encoding:
    """How references and enumerations become terms: as integers, or as machine words of 32 bits."""

    reference: Sort
    enumeration: Sort


MATHEMATICAL = Encoding(terms.INT, terms.INT)
MACHINE = Encoding(terms.bit_vector(32), terms.bit_vector(32))


@frozen
class Leaf:
    """The type of a field's values or keys: `bool`, `int`, `rational`, `word`, `ref` or `enum`."""

    form: str
    width: int = 0
    kind: str = ""
    members: type[enum.Enum] | None = None

    def sort(self, encoding: Encoding) -> Sort:
        """The sort of its terms."""
        if self.form == "bool":
            return terms.BOOL
        if self.form == "int":
            return terms.INT
        if self.form == "rational":
            return terms.REAL
        if self.form == "word":
            return terms.bit_vector(self.width)
        return encoding.reference if self.form == "ref" else encoding.enumeration

    def wrap(self, term: Term) -> Any:
        """The value of a term of this type."""
        if self.form == "bool":
            return values.truth(term)
        if self.form == "int":
            return values.Int(term)
        if self.form == "rational":
            return values.Rational(term)
        if self.form == "word":
            return values.word(term)
        if self.form == "ref":
            return values.SymbolicRef(self.kind, term)
        assert self.members is not None
        return values.SymbolicEnum(self.members, term)

    def unwrap(self, value: Any, sort: Sort) -> Term:
        """The term of a value of this type; TypeError for a value of any other."""
        if self.form == "bool":
            return values.term_of_truth(value)
        if self.form == "ref":
            if getattr(value, "kind", None) not in (self.kind, "null"):
                raise TypeError(f"expected a reference to a {self.kind}, got {value!r}")
            if isinstance(value, values.SymbolicRef):
                return value.term
            return terms.constant(value.number, sort)
        if self.form == "enum":
            assert self.members is not None
            if isinstance(value, values.SymbolicEnum) and values.names(value.members) == values.names(self.members):
                return value.term
            if isinstance(value, enum.Enum) and values.names(type(value)) == values.names(self.members):
                return terms.constant(values.position(value), sort)
            raise TypeError(f"expected a {self.members.__name__}, got {value!r}")
        if isinstance(value, values.Int | values.Word | values.Rational):
            if value.term.sort is not sort:
                raise TypeError(f"expected a {self.form} of sort {sort}, got {value!r}")
            return value.term
        if isinstance(value, bool) or not isinstance(value, Fraction if self.form == "rational" else int):
            raise TypeError(f"expected a {self.form}, got {value!r}")
        if self.form == "word" and not 0 <= value < 1 << self.width:
            raise OverflowError(f"{value} does not fit a word of {self.width} bits")
        return terms.constant(value, sort)

    def default(self) -> Any:
        """The plain value that stands for "nothing in particular"."""
        if self.form == "bool":
            return False
        if self.form == "ref":
            return logic.NULL
        if self.form == "enum":
            assert self.members is not None
            return next(iter(self.members))
        return Fraction(0) if self.form == "rational" else 0

    def plain(self, number: Any) -> Any:
        """The plain value that a term's constant stands for."""
        if self.form == "bool":
            return bool(number)
        if self.form == "ref":
            return logic.reference(self.kind)(number) if number else logic.NULL
        if self.form == "enum":
            assert self.members is not None
            return list(self.members)[number]
        return Fraction(number) if self.form == "rational" else number


@frozen
class Field:
    """One map of the state: `path` names it (`tcb.state`), `keys` and `leaf` are its types."""

    path: str
    keys: tuple[Leaf, ...]
    leaf: Leaf


@frozen(slots=False)
class Record:
    """The type of a value that has parts: an attrs class, of plain values and records by name.

    `leaves` has the plain values by name, those of a record within as `record.part`.
    """

    item: type
    members: dict[str, Leaf | Record] = attrs.field(eq=False)

    @functools.cached_property
    def leaves(self) -> dict[str, Leaf]:
        """The plain values, by name."""
        return flattened(self.members)

    def make(self, read: Callable[[str, Leaf], Any]) -> Any:
        """The record whose parts `read(name, type)` gives.  If it has an `__init__` of its own, that is left out."""
        values = assembled(self.members, read)
        if not hasattr(self.item, "__attrs_init__"):
            return self.item(**values)
        new: Any = self.item.__new__
        made = new(self.item)
        made.__attrs_init__(**values)
        return made


def flattened(types: Mapping[str, Leaf | Record]) -> dict[str, Leaf]:
    """The types of named values, with the parts of a record each by itself, as `record.part`."""
    found: dict[str, Leaf] = {}
    for name, type in types.items():
        if isinstance(type, Record):
            found.update({f"{name}.{part}": leaf for part, leaf in type.leaves.items()})
        else:
            found[name] = type
    return found


def assembled(types: Mapping[str, Leaf | Record], read: Callable[[str, Leaf], Any]) -> dict[str, Any]:
    """Named values of these types: `read(name, type)` gives them, and the parts of a record, as `record.part`."""
    found = {}
    for name, type in types.items():
        if isinstance(type, Record):
            found[name] = type.make(lambda part, leaf, name=name: read(f"{name}.{part}", leaf))  # type: ignore[misc]
        else:
            found[name] = read(name, type)
    return found


def parts_of(types: Mapping[str, Leaf | Record], given: Mapping[str, Any]) -> dict[str, Any]:
    """Named values with the parts of a record each by itself, as `record.part`."""
    found = {}
    for path in flattened(types):
        name, _, inner = path.partition(".")
        value = given[name]
        for part in inner.split(".") if inner else ():
            value = getattr(value, part)
        found[path] = value
    return found


def terms_of(types: Mapping[str, Leaf | Record], given: Mapping[str, Any], encoding: Encoding) -> dict[str, Term]:
    """The terms of named values of these types, the parts of a record each by itself, as `record.part`."""
    parts = parts_of(types, given)
    return {path: leaf.unwrap(parts[path], leaf.sort(encoding)) for path, leaf in flattened(types).items()}


@frozen
class Part:
    """A top-level attribute of the state.

    `form` is `objects`, `table`, `array` or `value`; `item` is the attrs class of objects and entries;
    `members` maps their attributes to fields, the parts of a record as `record.part`; `records` has the types of the
    records; `field` is the field of an array or value; `exists` the map that says which objects exist.
    """

    name: str
    form: str
    keys: tuple[Leaf, ...] = ()
    item: type | None = None
    members: dict[str, Field] = attrs.field(factory=dict, eq=False)
    records: dict[str, Record] = attrs.field(factory=dict, eq=False)
    field: Field | None = None
    exists: Field | None = None


@frozen
class Schema:
    """The parts of a state class and, flattened, its fields by path."""

    state: type
    parts: dict[str, Part] = attrs.field(eq=False)
    fields: dict[str, Field] = attrs.field(eq=False)


_SCHEMAS: dict[type, Schema] = {}


def schema_of(state: type) -> Schema:
    """The schema of a state class; TypeError where an annotation is not one of the known forms."""
    found = _SCHEMAS.get(state)
    if found is None:
        parts = {}
        for name, annotation in _annotations(state).items():
            parts[name] = _part(state, name, annotation)
        fields: dict[str, Field] = {}
        for part in parts.values():
            for declared in (*part.members.values(), part.field, part.exists):
                if declared is not None:
                    fields[declared.path] = declared
        found = _SCHEMAS[state] = Schema(state, parts, fields)
    return found


def _annotations(cls: type) -> dict[str, Any]:
    hints = get_type_hints(cls, include_extras=True)
    return {attribute.name: hints[attribute.name] for attribute in attrs.fields(cls)}


def _part(state: type, name: str, annotation: Any) -> Part:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is logic.Objects or origin is logic.Table:
        keys = _keys(arguments[0])
        item = arguments[1]
        members = {}
        records = {}
        for member, inner in _annotations(item).items():
            record = record_of(inner)
            if record is None:
                members[member] = _member(f"{name}.{member}", keys, inner)
                continue
            records[member] = record
            for part, leaf in record.leaves.items():
                members[f"{member}.{part}"] = Field(f"{name}.{member}.{part}", keys, leaf)
        if origin is logic.Table:
            return Part(name, "table", keys, item, members, records)
        exists = Field(f"{name}.exists", keys, Leaf("bool"))
        return Part(name, "objects", keys, item, members, records, exists=exists)
    field = _member(name, (), annotation)
    return Part(name, "array" if field.keys else "value", field.keys, field=field)


def _member(path: str, keys: tuple[Leaf, ...], annotation: Any) -> Field:
    if get_origin(annotation) is logic.Array:
        index, element = get_args(annotation)
        return Field(path, keys + _keys(index), leaf_of(element))
    return Field(path, keys, leaf_of(annotation))


def _keys(annotation: Any) -> tuple[Leaf, ...]:
    if get_origin(annotation) is tuple:
        return tuple(leaf_of(part) for part in get_args(annotation))
    return (leaf_of(annotation),)


def record_of(annotation: Any) -> Record | None:
    """The record type that an annotation means, if it means one."""
    if not isinstance(annotation, type) or not attrs.has(annotation):
        return None
    return Record(annotation, {name: type_of(inner) for name, inner in _annotations(annotation).items()})


def type_of(annotation: Any) -> Leaf | Record:
    """The type of values that an annotation means."""
    return record_of(annotation) or leaf_of(annotation)


def leaf_of(annotation: Any) -> Leaf:
    """The value type that an annotation means."""
    if get_origin(annotation) is Annotated:
        for mark in get_args(annotation)[1:]:
            if isinstance(mark, logic.WordType):
                return Leaf("word", width=mark.width)
    if isinstance(annotation, type):
        if annotation is bool:
            return Leaf("bool")
        if annotation is int:
            return Leaf("int")
        if annotation is Fraction:
            return Leaf("rational")
        if issubclass(annotation, logic.Ref):
            return Leaf("ref", kind=annotation.kind)
        if issubclass(annotation, enum.Enum):
            return Leaf("enum", members=annotation)
    if isinstance(annotation, types.UnionType) or get_origin(annotation) is typing.Union:
        raise TypeError(f"a field has one type, not {annotation}; an optional reference is NULL where there is none")
    raise TypeError(f"a state field cannot be of type {annotation!r}")
