"""Read access to a C program's state with the names of C, alike for symbolic maps, bytes and the compiled program.

Reads are total, as statements need them: what a null or stale reference leads to, or an index out of bounds,
reads as 0 in a plain state, and as nothing in particular in a symbolic one.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

from impl.c import ir
from impl.c.evaluate import executable
from impl.c.places import Place, Shape
from refinement import bits, context, logic, values
from refinement.bits import Bits, Truth
from refinement.terms import Term
from refinement.values import SymbolicRef, Word


class Reader(Protocol):
    """What a view reads: `ByteMemory`, `Native`, or the symbolic memory of `impl.c.layer`.

    `objects` are the typed objects of plain memory that live, by address; None in symbolic memory.
    """

    @property
    def objects(self) -> Mapping[int, str] | None:
        """The type of each object, by address."""

    def load(self, place: Place, width: int) -> Bits:
        """The value in a place, of `width` bits."""

    def valid(self, root: str, base: Bits) -> Truth:
        """Whether a live object of the type `root` begins at the address `base`."""


class Packed(Protocol):
    """How the fields of a structure lie in its words; `bits` are those of one word."""

    @property
    def bits(self) -> int:
        """How many bits each word has."""

    @property
    def fields(self) -> Collection[str]:
        """The names of the fields."""

    def split(self, value: Bits) -> list[Bits]:
        """The words of a structure that is passed around as one integer."""

    def decode(self, name: str, words: Sequence[Bits]) -> Bits:
        """The value of a field in the structure's words; as wide as a word."""

    def encode(self, name: str, words: Sequence[Bits], value: Bits) -> list[Bits]:
        """The structure's words after a field was set; what does not fit the field is cut off."""


class CView:
    """A state of a C program.

    `kinds` gives for each kind of reference the C type of its objects (by structure, typedef or tag name),
    `packed` for each packed structure, or value, its layout.  `c.tcb[t].tcbArch.registers[i]` is a field of an
    object, `c.ksReadyQueues[i].head` of a global; the fields of a packed structure are attributes like others.
    An object is named by a reference, whose number is its address, or by the address itself.  What is read is
    a machine word: an int, or a `Word`.
    """

    def __init__(self, reader: Reader, program: ir.Program, kinds: Mapping[str, str], packed: Mapping[str, Packed]):
        self._reader = reader
        self._program = program
        self._roots = roots(program, kinds)
        self._packed = packed
        self._layouts = packed_types(program, packed)
        self._shapes = executable(program).shapes

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._roots:
            return ObjectsView(self, name)
        if name in self._program.globals:
            return self._at(self._shapes.global_variable(name), None, ())
        raise AttributeError(f"the C program has no global and no kind of object {name!r}")

    def exists(self, kind: str, ref: Any) -> Any:
        """Whether a reference (or address) is one to a live object of the kind."""
        live = self._reader.valid(self._roots[kind], key_of(kind, ref))
        return live if isinstance(live, bool) else values.truth(live)

    def unpack(self, name: str, word: Any) -> Unpacked:
        """The fields of a packed value, such as a global has it: `c.unpack("dschedule", c.ksDomSchedule[0]).domain`."""
        return Unpacked(self._packed[name], word)

    def _at(self, shape: Shape, base: Bits | None, indices: tuple[Bits, ...]) -> Any:
        """What is in a place: a word, or a view of the parts that it has."""
        if not shape.width:
            return PlaceView(self, shape, base, indices)
        return wrapped(self._load(shape, base, indices))

    def _load(self, shape: Shape, base: Bits | None, indices: tuple[Bits, ...]) -> Bits:
        reader = self._reader
        if reader.objects is not None:
            outside = any(isinstance(i, int) and i >= n for i, n in zip(indices, shape.lengths, strict=True))
            if outside or (base is not None and not reader.valid(shape.root, base)):
                return 0
        return reader.load(Place(shape, base, indices), shape.width)


class ObjectsView:
    """All objects of a kind: index it by reference."""

    def __init__(self, view: CView, kind: str):
        self.view = view
        self.kind = kind

    def __getitem__(self, ref: Any) -> PlaceView:
        view = self.view
        shape = view._shapes.named(view._roots[self.kind])
        base = key_of(self.kind, ref)
        run = context.current()
        if run is not None:
            run.touch(self.kind, (bits.lift(base, ir.WORD),))
        return PlaceView(view, shape, base, ())

    def __contains__(self, ref: Any) -> bool:
        found = self.view.exists(self.kind, ref)
        if not isinstance(found, bool):
            raise TypeError("use `exists(objects, reference)`: `in` cannot give a symbolic truth value")
        return found

    def __iter__(self) -> Iterator[logic.Ref]:
        objects = self.view._reader.objects
        if objects is None:
            raise TypeError("the objects of a symbolic state cannot be listed")
        make = logic.reference(self.kind)
        return iter([make(address) for address in sorted(objects) if objects[address] == self.view._roots[self.kind]])


class PlaceView:
    """A structure or array inside an object or global: its attributes are the fields, its items the elements."""

    __slots__ = ("_base", "_indices", "_shape", "_view")

    def __init__(self, view: CView, shape: Shape, base: Bits | None, indices: tuple[Bits, ...]):
        self._view = view
        self._shape = shape
        self._base = base
        self._indices = indices

    def __getattr__(self, name: str) -> Any:
        layout = self._view._layouts.get(str(self._shape.type))
        if layout is not None and name in layout.fields:
            return wrapped(layout.decode(name, _Words(self)))
        try:
            shape = self._shape.child(name)
        except KeyError as error:
            raise AttributeError(error.args[0]) from None
        return self._view._at(shape, self._base, self._indices)

    def __getitem__(self, index: Any) -> Any:
        try:
            shape = self._shape.child(None)
        except KeyError as error:
            raise TypeError(error.args[0]) from None
        return self._view._at(shape, self._base, (*self._indices, index_of(index)))


class _Words(Sequence[Bits]):
    """The words of a packed structure, each read when it is asked for."""

    def __init__(self, of: PlaceView):
        (words,) = of._view._program.structs[str(of._shape.type)].fields
        self._array = of._shape.child(words.name)
        self._of = of

    def __getitem__(self, number: Any) -> Any:
        of = self._of
        return of._view._load(self._array.child(None), of._base, (*of._indices, number))

    def __len__(self) -> int:
        type = self._array.type
        assert isinstance(type, ir.Array)
        return type.length


class Unpacked:
    """A packed value: its attributes are the fields."""

    __slots__ = ("_layout", "_word")

    def __init__(self, layout: Packed, word: Any):
        self._layout = layout
        self._word = word

    def __getattr__(self, name: str) -> Any:
        if name not in self._layout.fields:
            raise AttributeError(f"the packed value has no field {name!r}")
        word = self._word.term if isinstance(self._word, Word) else self._word
        return wrapped(self._layout.decode(name, self._layout.split(word)))


def roots(program: ir.Program, kinds: Mapping[str, str]) -> dict[str, str]:
    """For each kind the name that its objects' type has as the root of a place; KeyError for an unknown type."""
    return {kind: str(program.named_type(name)) for kind, name in kinds.items()}


def packed_types(program: ir.Program, packed: Mapping[str, Packed]) -> dict[str, Packed]:
    """The layouts of packed structures, by the name that the type goes by; values have none."""
    return {str(program.named_type(name)): layout for name, layout in packed.items() if name in program.records}


def wrapped(value: Bits) -> Any:
    """Bits as a machine word: an int, or a `Word`."""
    return value if isinstance(value, int) else values.word(value)


def key_of(kind: str, ref: Any) -> Bits:
    """The address that a reference to an object of the kind stands for; TypeError for one of another kind."""
    found = getattr(ref, "kind", kind)
    if found not in ("null", kind):
        raise TypeError(f"expected a reference to a {kind}, got {ref!r}")
    if isinstance(ref, SymbolicRef):
        return _machine(bits.plain(ref.term))
    return index_of(getattr(ref, "number", ref))


def index_of(index: Any) -> Bits:
    """An index or address as bits; TypeError for anything that is not a machine word."""
    if isinstance(index, Word):
        return _machine(index.term)
    if isinstance(index, Term):
        return _machine(bits.plain(index))
    if isinstance(index, int) and not isinstance(index, bool):
        return index & 0xFFFFFFFF
    raise TypeError(f"expected a machine word, got {index!r}")


def _machine(value: Bits) -> Bits:
    if isinstance(value, Term) and value.sort.width != ir.WORD:
        raise TypeError(f"expected a machine word of {ir.WORD} bits, got one of sort {value.sort}")
    return value


def to_reference(kind: str, word: Any) -> Any:
    """The reference to an object of the kind that a word holds as an address; NULL for 0."""
    if isinstance(word, Word):
        return SymbolicRef(kind, word.term)
    return logic.reference(kind)(word) if word else logic.NULL


def address_of(kind: str, ref: Any) -> Any:
    """The address that a reference to an object of the kind stands for, as a word; 0 for NULL."""
    return wrapped(key_of(kind, ref))


def to_member(members: type[enum.Enum], word: Any) -> Any:
    """The member of an enumeration, in order, that a word numbers; a plain word out of range reads as the first."""
    if isinstance(word, Word):
        return values.SymbolicEnum(members, word.term)
    return list(members)[word if word < len(members) else 0]


def to_width(width: int, word: Any) -> Any:
    """A word with its upper bits cut off, or with zeros before it, so that it has `width` bits."""
    if isinstance(word, Word):
        return values.word(bits.lift(bits.resize(word.term, word.term.sort.width, width, is_signed=False), width))
    return word & ((1 << width) - 1)
