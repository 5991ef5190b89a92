"""What the evaluator reads and writes: bytes as the machine has them, or a family of maps split by type and field."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from impl.c import ir
from impl.c.places import Place, Shape, Shapes, global_addresses
from refinement import bits
from refinement.bits import Bits, Truth

OBJECTS = (0x8000_0000, 0x10_0000)
"""Where objects are kept unless the caller says otherwise: address and size in bytes.

The compiled program has them there too, so it is above where the heap of a Python that is no position-independent
program begins, which is anywhere in the first gigabyte.
"""


class Memory(Protocol):
    """What an evaluator runs on.  Places are in bounds and of integer or pointer type when it asks."""

    @property
    def addresses(self) -> Mapping[str, int]:
        """The address of each global."""

    def load(self, place: Place, width: int) -> Bits:
        """The value in a place, of `width` bits."""

    def store(self, place: Place, width: int, value: Bits) -> None:
        """Put a value of `width` bits in a place."""


class MemoryFault(Exception):
    """An access to an address where there is no memory."""


def parse_path(path: str) -> tuple[str | int, ...]:
    """The steps of a path such as `tcbContext.registers[3]` or `[2].head`; ValueError if it is none."""
    if not re.fullmatch(r"(?:\w+|\[\d+\])?(?:\.\w+|\[\d+\])*", path):
        raise ValueError(f"{path!r} is not a path of fields and indices")
    return tuple(int(index) if index else name for name, index in re.findall(r"(\w+)(?=[.\[]|$)|\[(\d+)\]", path))


class ByteMemory:
    """Plain memory: little-endian bytes in regions, globals laid out at simulated addresses.

    The registry `objects` (address to type name) says which typed objects live; it is what the guard on
    pointers asks.  Harnesses use `allocate`, `read` and `write`, whose values are bit patterns.
    """

    def __init__(
        self,
        program: ir.Program,
        shapes: Shapes | None = None,
        *,
        objects: tuple[int, int] = OBJECTS,
        global_start: int = 0xE000_0000,
        addresses: Mapping[str, int] | None = None,
    ):
        self.program = program
        self.shapes = shapes or Shapes(program)
        self.addresses: dict[str, int] = global_addresses(program, global_start, dict(addresses or {}))
        self.objects: dict[int, str] = {}
        self._regions: list[tuple[int, int, bytearray]] = []
        self._places: dict[tuple[str, str], Place] = {}
        self._sizes: dict[str, int] = {}
        self.map(*objects)
        for name, address in self.addresses.items():
            size = program.size_of(program.globals[name].type)
            if not any(start <= address and address + size <= end for start, end, _ in self._regions):
                self.map(address, size)
        self._set_globals()

    def map(self, address: int, size: int) -> None:
        """Put zeroed memory at an address; ValueError if there is some already."""
        end = address + size
        if any(start < end and address < other for start, other, _ in self._regions):
            raise ValueError(f"the memory at {address:#x} overlaps another region")
        self._regions.append((address, end, bytearray(size)))

    def reset(self) -> None:
        """Forget all objects; zero all memory; give every global its initial value."""
        self.objects.clear()
        for _, _, data in self._regions:
            data[:] = bytes(len(data))
        self._set_globals()

    def _set_globals(self) -> None:
        for name, variable in self.program.globals.items():
            if variable.initial is not None:
                place = Place(self.shapes.global_variable(name), None)
                for (shape, rest), value in zip(place.shape.leaves(), _flat(variable.initial), strict=True):
                    self.store(Place(shape, None, rest), shape.width, value)

    def __deepcopy__(self, memo: dict[int, Any]) -> ByteMemory:
        """The same content, in bytes of its own; the program is shared."""
        result = copy.copy(self)
        result.objects = dict(self.objects)
        result._regions = [(start, end, bytearray(data)) for start, end, data in self._regions]
        return result

    def valid(self, root: str, base: Bits) -> Truth:
        """Whether a live object of the type `root` begins at the address `base`."""
        return isinstance(base, int) and self.objects.get(base) == root

    def _region(self, address: int, count: int) -> tuple[bytearray, int]:
        for start, end, data in self._regions:
            if start <= address and address + count <= end:
                return data, address - start
        raise MemoryFault(f"there is no memory at {address:#x}")

    def address(self, place: Place) -> int:
        """The machine address of a place."""
        shape = place.shape
        total = self._plain(self.addresses[shape.root] if place.base is None else place.base, place) + shape.offset
        for index, stride in zip(place.indices, shape.strides, strict=True):
            total += self._plain(index, place) * stride
        return total & 0xFFFFFFFF

    def _plain(self, part: Bits, place: Place) -> int:
        if not isinstance(part, int):
            raise TypeError(f"plain memory cannot be accessed at the symbolic place {place}")
        return part

    def load(self, place: Place, width: int) -> int:
        """The value in a place."""
        count = width >> 3
        data, at = self._region(self.address(place), count)
        return int.from_bytes(data[at : at + count], "little")

    def store(self, place: Place, width: int, value: Bits) -> None:
        """Put a value in a place."""
        count = width >> 3
        data, at = self._region(self.address(place), count)
        data[at : at + count] = value.to_bytes(count, "little")  # type: ignore[union-attr]

    def read_bytes(self, address: int, count: int) -> bytes:
        """`count` bytes from an address on."""
        data, at = self._region(address, count)
        return bytes(data[at : at + count])

    def write_bytes(self, address: int, content: bytes) -> None:
        """Put bytes at an address."""
        data, at = self._region(address, len(content))
        data[at : at + len(content)] = content

    def allocate(self, root: str, address: int) -> None:
        """Let a zeroed object of a type (by structure, typedef or tag name) live at an address.

        ValueError if the address is not aligned for it or overlaps a live object.
        """
        shape = self.shapes.object(self.program.named_type(root))
        size, align = self.program.size_and_align(shape.type)
        if address % align:
            raise ValueError(f"{address:#x} is not aligned for a {root}")
        for other in self.overlapping(address, size):
            raise ValueError(f"a {root} at {address:#x} overlaps the {self.objects[other]} at {other:#x}")
        self.write_bytes(address, bytes(size))
        self.add(shape.root, address)

    def add(self, root: str, address: int) -> None:
        """Note that an object of a type, by the name of its root, lives at an address."""
        self.size_of(root)
        self.objects[address] = root

    def size_of(self, root: str) -> int:
        """The size in bytes of an object of a type."""
        if root not in self._sizes:
            self._sizes[root] = self.program.size_of(self.program.named_type(root))
        return self._sizes[root]

    def overlapping(self, start: int, size: int) -> list[int]:
        """The addresses of the live objects of which some byte is in a range."""
        sizes, end = self._sizes, start + size
        return [at for at, name in self.objects.items() if at < end and start < at + sizes[name]]

    def free(self, address: int) -> None:
        """End the life of the object at an address; KeyError if there is none."""
        del self.objects[address]

    def place(self, root: str, address: int | None, path: str = "") -> Place:
        """The place at the end of a path in the object at an address, or in a global (no address)."""
        key = (root, path)
        found = self._places.get(key)
        if found is None:
            found = self._places[key] = self.shapes.place(root, None, parse_path(path))
        if found.shape.is_global != (address is None):
            raise ValueError(f"{root!r} is a global" if address is not None else f"a {root!r} needs an address")
        return found if address is None else Place(found.shape, address, found.indices)

    def read(self, root: str, address: int | None = None, path: str = "") -> int:
        """The integer or pointer at a path in an object, or in a global (no address), as a bit pattern."""
        place = self.place(root, address, path)
        if not place.shape.width:
            raise TypeError(f"{place.shape.name} is not a single value")
        return self.load(place, place.shape.width)

    def write(self, root: str, address: int | None, path: str, value: int) -> None:
        """Put an integer or pointer at a path in an object or global; it is cut to the field's width."""
        place = self.place(root, address, path)
        if not place.shape.width:
            raise TypeError(f"{place.shape.name} is not a single value")
        self.store(place, place.shape.width, value & ((1 << place.shape.width) - 1))


def _flat(initial: ir.Initial) -> list[int]:
    if isinstance(initial, list):
        return [value for entry in initial for value in _flat(entry)]
    return [initial]


class FieldMap(Protocol):
    """A map of a split memory: the value of one field of all objects of a type, or of one global."""

    def get(self, keys: tuple[Bits, ...]) -> Bits:
        """The value under the keys."""

    def set(self, keys: tuple[Bits, ...], value: Bits) -> None:
        """Put a value under the keys."""


class SplitMemory:
    """Memory as a family of maps, one for each field of each type and each part of each global.

    A map is named as the shape, `tcb_t.registers[]`; its keys are the object's address (none for a global)
    and the indices, all words.  The caller supplies the maps: `maps(name, key widths, value width)`, asked
    at every access.  This is sound only where every access carries the guard that its object is a live one
    of the type.  Constant globals are read from their initial values.
    """

    def __init__(
        self,
        program: ir.Program,
        maps: Callable[[str, tuple[int, ...], int], FieldMap],
        shapes: Shapes | None = None,
        *,
        addresses: Mapping[str, int] | None = None,
    ):
        self.program = program
        self.maps = maps
        self.shapes = shapes or Shapes(program)
        self.addresses: Mapping[str, int] = addresses or global_addresses(program)
        self._constants: dict[Shape, dict[tuple[int, ...], int]] = {}

    def _keys(self, place: Place) -> tuple[Bits, ...]:
        return place.indices if place.base is None else (place.base, *place.indices)

    def load(self, place: Place, width: int) -> Bits:
        """The value in a place."""
        shape = place.shape
        if place.base is None and self._is_constant(shape.root):
            return self._constant(place, width)
        return self.maps(shape.name, shape.key_widths, width).get(self._keys(place))

    def store(self, place: Place, width: int, value: Bits) -> None:
        """Put a value in a place."""
        shape = place.shape
        self.maps(shape.name, shape.key_widths, width).set(self._keys(place), value)

    def _is_constant(self, name: str) -> bool:
        variable = self.program.globals[name]
        return variable.constant and variable.initial is not None

    def _constant(self, place: Place, width: int) -> Bits:
        table = self._constants.get(place.shape)
        if table is None:
            whole = self.shapes.global_variable(place.root)
            initial = self.program.globals[place.root].initial
            assert initial is not None
            table = self._constants[place.shape] = {
                indices: value
                for (shape, indices), value in zip(whole.leaves(), _flat(initial), strict=True)
                if shape is place.shape
            }
        known = table.get(place.indices)  # type: ignore[arg-type]
        if known is not None:
            return known
        result: Bits = 0
        for indices, value in table.items():
            here: Truth = True
            for given, index in zip(place.indices, indices, strict=True):
                same = bits.equal(given, index, ir.WORD)
                here = bits.plain_truth(bits.terms.conjunction((bits.lift_truth(here), bits.lift_truth(same))))
            result = bits.ite(here, value, result, width)
        return result
