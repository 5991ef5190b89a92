"""Plain states of a C program in bytes: made from a symbolic one, written as JSON values and read back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from impl.c import ir
from impl.c.evaluate import executable
from impl.c.memory import OBJECTS, ByteMemory
from impl.c.places import Place
from impl.c.view import Packed, packed_types, roots
from refinement import terms
from refinement.logic import Ref
from refinement.state import FieldMap, Keys
from refinement.terms import Term

SLOT = 0x1000
"""The distance of the objects of a kind, which is more than the size of any."""
SLOTS = 48
"""How many slots are kept for each kind."""


def addresses_of(kinds: Iterable[str], kind: str, count: int) -> list[int]:
    """Addresses for `count` objects of a kind, apart from those of every other kind; ValueError for too many."""
    if count > SLOTS:
        raise ValueError(f"there is room for {SLOTS} objects of a kind, not for {count}")
    start = OBJECTS[0] + list(kinds).index(kind) * SLOTS * SLOT
    return [start + number * SLOT for number in range(count)]


def concretise(
    program: ir.Program,
    kinds: Mapping[str, str],
    maps: Mapping[str, FieldMap],
    objects: Mapping[str, list[Ref]],
    value: Callable[[Term], int],
) -> ByteMemory:
    """The memory that field maps describe, where `value` gives each term's value.

    An array of the program has entries where its map was read, and is 0 elsewhere.
    """
    shapes = executable(program).shapes
    memory = ByteMemory(program, shapes)

    def put(place: Place, keys: Keys) -> None:
        memory.store(place, place.shape.width, value(maps[place.shape.name].get(keys)))

    for kind, root in roots(program, kinds).items():
        for ref in objects.get(kind, ()):
            memory.allocate(root, ref.number)
            for shape, indices in shapes.named(root).leaves():
                if shape.name in maps:
                    put(Place(shape, ref.number, indices), tuple(terms.bits(k, 32) for k in (ref.number, *indices)))
    for name in program.globals:
        for shape in shapes.global_variable(name).leaf_shapes():
            if shape.name in maps:
                for keys in list(maps[shape.name].seen):
                    indices = tuple(value(key) for key in keys)
                    if all(index < length for index, length in zip(indices, shape.lengths, strict=True)):
                        put(Place(shape, None, indices), keys)
    return memory


def dump(memory: ByteMemory, kinds: Mapping[str, str], packed: Mapping[str, Packed]) -> dict[str, Any]:
    """A state as JSON values: objects as `kind:address`, what is not 0 by its path; fields of packed words by name."""
    program = memory.program
    found: dict[str, Any] = {}
    for kind, root in roots(program, kinds).items():
        live = sorted(address for address, name in memory.objects.items() if name == root)
        found[kind] = {f"{kind}:{address:#x}": _content(memory, root, address, packed) for address in live}
    for name in program.globals:
        content = _content(memory, name, None, packed)
        found[name] = content.get("", 0) if memory.shapes.global_variable(name).width else content
    return found


def _content(memory: ByteMemory, root: str, address: int | None, packed: Mapping[str, Packed]) -> dict[str, int]:
    layouts = packed_types(memory.program, packed)
    found: dict[str, int] = {}

    def visit(place: Place) -> None:
        shape = place.shape
        layout = layouts.get(str(shape.type))
        fields = _fields(memory, place, layout) if layout is not None else None
        path = _path(place)
        if fields is not None:
            found.update({f"{path}.{name}".removeprefix("."): value for name, value in fields.items() if value})
        elif shape.width:
            number = memory.load(place, shape.width)
            if number:
                found[path] = number
        else:
            for inner in parts(place):
                visit(inner)

    visit(memory.place(root, address))
    return found


def parts(place: Place) -> list[Place]:
    """The fields or elements of a place that is a structure or array."""
    shape = place.shape
    if isinstance(shape.type, ir.Array):
        return [Place(shape.child(None), place.base, (*place.indices, i)) for i in range(shape.type.length)]
    assert isinstance(shape.type, ir.Struct)
    names = shape.program.structs[shape.type.name].by_name
    return [Place(shape.child(name), place.base, place.indices) for name in names]


def _path(place: Place) -> str:
    steps = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in place.path)
    return steps.removeprefix(".")


def _words(place: Place) -> list[Place]:
    (array,) = parts(place)
    return parts(array)


def _fields(memory: ByteMemory, place: Place, layout: Packed) -> dict[str, int] | None:
    """The fields of a packed structure; None if there is more in its words."""
    words = [memory.load(word, word.shape.width) for word in _words(place)]
    fields: dict[str, int] = {name: _plain(layout.decode(name, words)) for name in layout.fields}
    again: list[Any] = [0] * len(words)
    for name, value in fields.items():
        again = layout.encode(name, again, value)
    return fields if again == words else None


def _plain(value: Any) -> int:
    assert isinstance(value, int)
    return value


def load(
    program: ir.Program, kinds: Mapping[str, str], packed: Mapping[str, Packed], data: Mapping[str, Any]
) -> ByteMemory:
    """The state that `dump` wrote.  Raises KeyError or ValueError if it is none."""
    memory = ByteMemory(program, executable(program).shapes)
    for kind, root in roots(program, kinds).items():
        for name, content in data[kind].items():
            address = int(name.removeprefix(f"{kind}:"), 0)
            memory.allocate(root, address)
            _fill(memory, root, address, content, packed)
    for name in program.globals:
        content = data[name]
        _fill(memory, name, None, content if isinstance(content, dict) else {"": content}, packed)
    return memory


def _fill(
    memory: ByteMemory, root: str, address: int | None, content: Mapping[str, int], packed: Mapping[str, Packed]
) -> None:
    layouts = packed_types(memory.program, packed)
    for path, value in content.items():
        outer, _, name = path.rpartition(".")
        place = memory.place(root, address, outer)
        layout = layouts.get(str(place.shape.type))
        if layout is None or name not in layout.fields:
            memory.write(root, address, path, value)
            continue
        words = _words(place)
        old = [memory.load(word, word.shape.width) for word in words]
        for word, new in zip(words, layout.encode(name, old, value), strict=True):
            memory.store(word, word.shape.width, new)
