"""Places in memory: where in which kind of object, apart from the machine address.

A place is an object (a global, or one of a structure type at some address), and the way from its beginning
through fields and array elements.  The way without the index values is its `Shape`; shapes are made once for
a program and carry everything that is known beforehand: offsets, strides, lengths, the field map's name.
"""

from __future__ import annotations

from attrs import define, field, frozen

from impl.c import ir
from refinement import bits
from refinement.bits import Bits


class Shape:
    """A way into a kind of object, with array indices left open.  Equal shapes of a program are one object.

    `root` is the structure (or other type) of the object or the global's name; `name` is the root with
    `.field` and `[]` for each step, and so the name of the field map in a split memory.  `offset` is the
    byte offset with all indices 0; `strides` (bytes) and `lengths` belong to the array levels.  `width` is
    the number of bits for an integer or pointer, 0 for anything else.
    """

    __slots__ = (
        "children", "is_global", "key_widths", "lengths", "name", "offset", "program", "root", "steps", "strides",
        "type", "width",
    )  # fmt: skip

    def __init__(
        self,
        program: ir.Program,
        root: str,
        is_global: bool,
        type: ir.Type,
        steps: tuple[str | None, ...] = (),
        offset: int = 0,
        strides: tuple[int, ...] = (),
        lengths: tuple[int, ...] = (),
    ):
        self.program = program
        self.root = root
        self.is_global = is_global
        self.type = type
        self.steps = steps
        self.offset = offset
        self.strides = strides
        self.lengths = lengths
        self.name = root + "".join("[]" if step is None else f".{step}" for step in steps)
        self.width = type.width if isinstance(type, ir.Integer) else ir.WORD if isinstance(type, ir.Pointer) else 0
        self.key_widths = (ir.WORD,) * (len(lengths) + (not is_global))
        self.children: dict[str | None, Shape] = {}

    def __repr__(self) -> str:
        return f"Shape({self.name})"

    def child(self, step: str | None) -> Shape:
        """One step further: into a field, or (None) to an element.  KeyError if there is no such step."""
        found = self.children.get(step)
        if found is None:
            found = self.children[step] = self._step(step)
        return found

    def _step(self, step: str | None) -> Shape:
        steps = (*self.steps, step)
        if step is None:
            if not isinstance(self.type, ir.Array):
                raise KeyError(f"{self.name} is not an array")
            element = self.type.element
            strides = (*self.strides, self.program.size_of(element))
            lengths = (*self.lengths, self.type.length)
            return Shape(self.program, self.root, self.is_global, element, steps, self.offset, strides, lengths)
        layout = self.program.structs.get(self.type.name) if isinstance(self.type, ir.Struct) else None
        if layout is None or step not in layout.by_name:
            raise KeyError(f"{self.name} has no field {step!r}")
        entry = layout.by_name[step]
        offset = self.offset + entry.offset
        return Shape(self.program, self.root, self.is_global, entry.type, steps, offset, self.strides, self.lengths)

    def follow(self, steps: tuple[str | None, ...]) -> Shape:
        """All the steps further."""
        shape = self
        for step in steps:
            shape = shape.child(step)
        return shape

    def leaf_shapes(self) -> tuple[Shape, ...]:
        """The shapes of the integers and pointers in what is here, whatever the further indices."""
        if self.width:
            return (self,)
        if isinstance(self.type, ir.Array):
            return self.child(None).leaf_shapes()
        assert isinstance(self.type, ir.Struct)
        layout = self.program.structs[self.type.name]
        return tuple(leaf for entry in layout.fields for leaf in self.child(entry.name).leaf_shapes())

    def leaves(self) -> tuple[tuple[Shape, tuple[int, ...]], ...]:
        """The integers and pointers in what is here, each with the values of the further indices."""
        if self.width:
            return ((self, ()),)
        if isinstance(self.type, ir.Array):
            inner = self.child(None).leaves()
            return tuple((shape, (i, *rest)) for i in range(self.type.length) for shape, rest in inner)
        assert isinstance(self.type, ir.Struct)
        layout = self.program.structs[self.type.name]
        return tuple(leaf for entry in layout.fields for leaf in self.child(entry.name).leaves())


@define(unsafe_hash=True)
class Place:
    """A place inside an object: its shape, the address of the object (None for a global), the indices.

    `indices` are 32-bit words, one for each array level, and not yet known to be in bounds.
    """

    shape: Shape
    base: Bits | None
    indices: tuple[Bits, ...] = ()

    @property
    def root(self) -> str:
        """The type of the object, or the name of the global."""
        return self.shape.root

    @property
    def path(self) -> tuple[str | Bits, ...]:
        """The way from the beginning of the object: field names and index values."""
        indices = iter(self.indices)
        return tuple(next(indices) if step is None else step for step in self.shape.steps)

    def __str__(self) -> str:
        base = "" if self.base is None else f"@{self.base:#x}" if isinstance(self.base, int) else f"@{self.base}"
        return self.root + base + "".join(f".{s}" if isinstance(s, str) else f"[{s}]" for s in self.path)


class Shapes:
    """All shapes of a program, by root."""

    def __init__(self, program: ir.Program):
        self.program = program
        self._objects: dict[str, Shape] = {}
        self._globals: dict[str, Shape] = {}

    def object(self, type: ir.Type) -> Shape:
        """The shape of a whole object of that type at some address."""
        name = str(type)
        found = self._objects.get(name)
        if found is None:
            found = self._objects[name] = Shape(self.program, name, False, type)
        return found

    def global_variable(self, name: str) -> Shape:
        """The shape of a whole global; KeyError if there is none of that name."""
        found = self._globals.get(name)
        if found is None:
            if name not in self.program.globals:
                raise KeyError(f"the C program has no global {name!r}")
            found = self._globals[name] = Shape(self.program, name, True, self.program.globals[name].type)
        return found

    def named(self, root: str) -> Shape:
        """The shape of a whole global or object, by the global's name, typedef name or tag."""
        if root in self.program.globals:
            return self.global_variable(root)
        return self.object(self.program.named_type(root))

    def place(self, root: str, base: Bits | None, path: tuple[str | Bits, ...]) -> Place:
        """The place at the end of a path.  KeyError if the path does not fit the type."""
        steps = tuple(step if isinstance(step, str) else None for step in path)
        shape = self.named(root).follow(steps)
        return Place(shape, base, tuple(step for step in path if not isinstance(step, str)))


@frozen(eq=False)
class Access:
    """How an expression in the program goes from a pointer (or global) to a place: static, made at load time."""

    shape: Shape
    steps: tuple[str | None, ...]
    known: dict[Shape, Shape] = field(factory=dict, repr=False)

    def under(self, pointed: Shape) -> Shape:
        """The resulting shape when the pointer points inside an object, at the shape `pointed`."""
        found = self.known.get(pointed)
        if found is None:
            found = self.known[pointed] = pointed.follow(self.steps)
        return found


def byte_offset(place: Place) -> Bits:
    """The distance in bytes of a place from the beginning of its object."""
    total: Bits = place.shape.offset
    for index, stride in zip(place.indices, place.shape.strides, strict=True):
        total = bits.add(total, bits.multiply(index, stride, ir.WORD), ir.WORD)
    return total


def global_addresses(
    program: ir.Program, start: int = 0xE000_0000, fixed: dict[str, int] | None = None
) -> dict[str, int]:
    """An address for every global: the given ones, and for the others, in order of name, from `start` upwards.

    They are aligned to 64 bytes, so that the low bits of a pointer to one are free.
    """
    addresses = dict(fixed or {})
    for name in sorted(program.globals):
        if name not in addresses:
            addresses[name] = start
            start += (program.size_of(program.globals[name].type) + 63) // 64 * 64
    return addresses
