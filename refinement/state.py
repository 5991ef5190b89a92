"""Symbolic states: field maps with a write log, and views with the attributes of the plain state.

A field map is an unknown function (or a decoder over another layer's maps) under the writes made so
far.  Views record in the run which objects an operation touches: its footprint.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any

from attrs import frozen

from refinement import context, logic, terms
from refinement.schema import Encoding, Field, Leaf, Part, Schema, parts_of
from refinement.terms import Sort, Term

if TYPE_CHECKING:
    from refinement.explore import Run

Keys = tuple[Term, ...]


@frozen
class Bulk:
    """A guarded update of many entries at once: for every key in `where`, the value `value(key)`.

    If it is known to be about keys only that end with a constant, that is `last`.
    """

    where: Callable[[Keys], Term]
    value: Callable[[Keys], Term]
    last: int | None = None


class FieldMap:
    """A map from keys to values: a base, and a log of writes over it, the newest last.

    `seen` has the keys at which the base was read, in this map or a copy of it; `forgotten` says that the base
    is not the one that the run started with.
    """

    __slots__ = ("base", "cache", "forgotten", "log", "name", "seen", "sorts")

    def __init__(self, name: str, sorts: tuple[Sort, ...], base: Callable[[Keys], Term]):
        self.name = name
        self.sorts = sorts
        self.base = base
        self.log: list[tuple[Keys, Term] | Bulk] = []
        self.cache: dict[Keys, Term] = {}
        self.seen: dict[Keys, None] = {}
        self.forgotten = False

    def copy(self) -> FieldMap:
        """The same map, written to on its own from here on."""
        result = FieldMap(self.name, self.sorts, self.base)
        result.log = list(self.log)
        result.cache = dict(self.cache)
        result.seen = self.seen
        result.forgotten = self.forgotten
        return result

    @property
    def written(self) -> bool:
        """Whether anything in it may have changed since the run started."""
        return self.forgotten or bool(self.log)

    def get(self, keys: Keys) -> Term:
        """The value at `keys`; while an operation runs, the case of it that the path has come to."""
        run = context.current()
        found = self._get(keys, run)
        return found if run is None or run.stating else run.case_of(found)

    def _get(self, keys: Keys, run: Run | None) -> Term:
        if run is not None and run.reads is not None:
            run.reads.add(self.name)
        found = self.cache.get(keys)
        if found is not None:
            return found
        overlays: list[tuple[Term, Term]] = []
        result = None
        for entry in reversed(self.log):
            if isinstance(entry, Bulk):
                condition, value = entry.where(keys), entry.value(keys)
            else:
                condition = terms.conjunction(map(terms.equal, keys, entry[0]))
                value = entry[1]
            if run is not None and not (run.stating and run.has_called):
                condition = run.simplify(condition)
            if condition is terms.TRUE:
                result = value
                break
            if condition is not terms.FALSE:
                overlays.append((condition, value))
        if result is None:
            self.seen[keys] = None
            result = self.base(keys)
        for condition, value in reversed(overlays):
            result = terms.ite(condition, value, result)
        self.cache[keys] = result
        return result

    def set(self, keys: Keys, value: Term) -> None:
        """Write `value` at `keys`."""
        self.log = [entry for entry in self.log if isinstance(entry, Bulk) or entry[0] != keys]
        self.log.append((keys, value))
        self.cache = {keys: value}

    def forget(self, fresh: FieldMap, last: int | None) -> None:
        """Take over what an unknown map has: everywhere, or at the keys that end with a constant."""
        if last is not None:

            def where(keys: Keys) -> Term:
                return terms.equal(keys[-1], terms.constant(last, keys[-1].sort))

            self.set_where(where, fresh.get, last)
            return
        self.base, self.seen, self.log, self.cache = fresh.base, fresh.seen, [], {}
        self.forgotten = True

    def only_at(self, last: Collection[Any]) -> bool:
        """Whether it changed at most at keys that end with one of these constants."""
        if self.forgotten:
            return False
        return all(
            entry.last in last
            if isinstance(entry, Bulk)
            else bool(entry[0]) and terms.is_constant(entry[0][-1]) and entry[0][-1].data in last
            for entry in self.log
        )

    def set_where(self, where: Callable[[Keys], Term], value: Callable[[Keys], Term], last: int | None = None) -> None:
        """Write `value(key)` at every key for which `where(key)` holds: one step, however many keys (see `Bulk`)."""
        self.log.append(Bulk(where, value, last))
        self.cache = {}


def unknown(name: str, sorts: tuple[Sort, ...], result: Sort) -> Callable[[Keys], Term]:
    """A base of which nothing is known: an uninterpreted function, or a variable if it has no keys."""
    if not sorts:
        value = terms.variable(name, result)
        return lambda keys: value
    symbol = terms.function(name, sorts, result)
    return lambda keys: terms.apply(symbol, keys)


def unknown_field(field: Field, encoding: Encoding, prefix: str) -> FieldMap:
    """A field map of unknown content, named after the field."""
    sorts = tuple(key.sort(encoding) for key in field.keys)
    return FieldMap(field.path, sorts, unknown(prefix + field.path, sorts, field.leaf.sort(encoding)))


def in_range(field: Field, value: Term) -> Term:
    """That the value of an enumeration's field is one of its members."""
    assert field.leaf.members is not None
    zero, size = terms.constant(0, value.sort), terms.constant(len(field.leaf.members), value.sort)
    return terms.conjunction((terms.at_most(zero, value), terms.less(value, size)))


class SymbolicState:
    """A state of which only the invariants are known; attribute access as on the plain state."""

    __slots__ = ("_encoding", "_layer", "_maps", "_schema")

    def __init__(self, schema: Schema, encoding: Encoding, maps: dict[str, FieldMap], layer: str):
        object.__setattr__(self, "_schema", schema)
        object.__setattr__(self, "_encoding", encoding)
        object.__setattr__(self, "_maps", maps)
        object.__setattr__(self, "_layer", layer)

    def copy(self) -> SymbolicState:
        """A snapshot that later writes leave alone."""
        maps = {path: field_map.copy() for path, field_map in self._maps.items()}
        return SymbolicState(self._schema, self._encoding, maps, self._layer)

    def become(self, other: SymbolicState) -> None:
        """Take over the content of another state of the same schema."""
        copied = other.copy()
        self._maps.clear()
        self._maps.update(copied._maps)

    def __getattr__(self, name: str) -> Any:
        part = self._schema.parts.get(name)
        if part is None:
            raise AttributeError(f"the state of {self._layer} has no {name}")
        if part.form == "value":
            assert part.field is not None
            return part.field.leaf.wrap(self._maps[part.field.path].get(()))
        if part.form == "array":
            assert part.field is not None
            return ArrayView(self, part.field, ())
        return PartView(self, part)

    def __setattr__(self, name: str, value: Any) -> None:
        part = self._schema.parts.get(name)
        if part is None or part.form != "value":
            raise AttributeError(f"the state of {self._layer} has no value {name}")
        assert part.field is not None
        leaf = part.field.leaf
        self._maps[part.field.path].set((), leaf.unwrap(value, leaf.sort(self._encoding)))

    def key_terms(self, leaves: tuple[Leaf, ...], key: Any) -> Keys:
        """The terms of a key: a value, or a tuple of values."""
        parts = key if isinstance(key, tuple) else (key,)
        if len(parts) != len(leaves):
            raise TypeError(f"expected {len(leaves)} indices, got {len(parts)}")
        return tuple(leaf.unwrap(part, leaf.sort(self._encoding)) for leaf, part in zip(leaves, parts, strict=True))


class PartView:
    """All objects of a kind, or all entries of a table: index it, or give it to `choose`."""

    __slots__ = ("part", "state")

    def __init__(self, state: SymbolicState, part: Part):
        self.state = state
        self.part = part

    def __getitem__(self, key: Any) -> ObjectView:
        keys = self.state.key_terms(self.part.keys, key)
        run = context.current()
        if run is not None:
            run.touch(self.part.name, keys)
            if self.part.exists is not None and not run.stating:
                exists = self.state._maps[self.part.exists.path].get(keys)
                run.guard(exists, f"the {self.part.name} that is looked up exists")
        return ObjectView(self.state, self.part, keys)

    def __contains__(self, key: Any) -> Any:
        raise TypeError("use `exists(objects, reference)`: `in` cannot give a symbolic truth value")


class ObjectView:
    """One object or table entry: its attributes are the fields."""

    __slots__ = ("_keys", "_part", "_state")

    def __init__(self, state: SymbolicState, part: Part, keys: Keys):
        object.__setattr__(self, "_state", state)
        object.__setattr__(self, "_part", part)
        object.__setattr__(self, "_keys", keys)

    def __getattr__(self, name: str) -> Any:
        field = self._part.members.get(name)
        if field is None:
            record = self._part.records.get(name)
            if record is None:
                raise AttributeError(f"a {self._part.name} has no {name}")
            return record.make(lambda part, leaf: leaf.wrap(self._map(f"{name}.{part}").get(self._keys)))
        if len(field.keys) > len(self._keys):
            return ArrayView(self._state, field, self._keys)
        return field.leaf.wrap(self._state._maps[field.path].get(self._keys))

    def __setattr__(self, name: str, value: Any) -> None:
        record = self._part.records.get(name)
        if record is not None:
            for path, part in parts_of({name: record}, {name: value}).items():
                self._set(path, part)
            return
        self._set(name, value)

    def _map(self, member: str) -> FieldMap:
        return self._state._maps[self._part.members[member].path]

    def _set(self, name: str, value: Any) -> None:
        field = self._part.members.get(name)
        if field is None or len(field.keys) != len(self._keys):
            raise AttributeError(f"a {self._part.name} has no value {name}")
        leaf = field.leaf
        self._state._maps[field.path].set(self._keys, leaf.unwrap(value, leaf.sort(self._state._encoding)))


class ArrayView:
    """An array of the state or inside an object."""

    __slots__ = ("field", "keys", "state")

    def __init__(self, state: SymbolicState, field: Field, keys: Keys):
        self.state = state
        self.field = field
        self.keys = keys

    def _all_keys(self, index: Any) -> Keys:
        indices = self.state.key_terms(self.field.keys[len(self.keys) :], index)
        if not self.keys:
            run = context.current()
            if run is not None:
                run.touch(self.field.path, indices)
        return self.keys + indices

    def __getitem__(self, index: Any) -> Any:
        return self.field.leaf.wrap(self.state._maps[self.field.path].get(self._all_keys(index)))

    def __setitem__(self, index: Any, value: Any) -> None:
        leaf = self.field.leaf
        sort = leaf.sort(self.state._encoding)
        self.state._maps[self.field.path].set(self._all_keys(index), leaf.unwrap(value, sort))


def exists(objects: Any, ref: Any) -> Any:
    """Whether `ref` is one of the objects, on plain and symbolic states; NULL never is."""
    if isinstance(objects, PartView):
        field = objects.part.exists
        assert field is not None
        keys = objects.state.key_terms(objects.part.keys, ref)
        present = objects.state._maps[field.path].get(keys)
        zero = terms.constant(0, keys[0].sort)
        return field.leaf.wrap(terms.conjunction((present, terms.negate(terms.equal(keys[0], zero)))))
    return ref is not logic.NULL and ref in objects
