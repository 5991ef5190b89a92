"""A C program as a layer of proofs: its symbolic states, and its functions run on them."""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import attrs
from attrs import field, frozen

from impl.c import ir, operations, plain
from impl.c.evaluate import Evaluator, UndefinedBehaviour, executable
from impl.c.memory import ByteMemory, SplitMemory
from impl.c.operations import UNSET, LoopBound
from impl.c.places import Place, Shape, global_addresses
from impl.c.primitives import Primitives
from impl.c.view import CView, ObjectsView, Packed, PlaceView, Reader, key_of, roots
from refinement import bits, schema, terms, values
from refinement.bits import Bits, Truth
from refinement.explore import Cut, ProofError, Run
from refinement.layers import existence
from refinement.logic import Ref, all_of
from refinement.outcomes import Outcome
from refinement.places import relative
from refinement.schema import Encoding, Field, Leaf, Part, Record, Schema
from refinement.state import FieldMap, Keys, PartView, unknown
from refinement.values import Bool, Symbolic, SymbolicEnum, SymbolicRef, Word

ROUNDS = 64
"""How often a loop without a contract may go round: it is followed as it is written."""


@frozen
class PackedRecord:
    """How a record is passed to the C program: as one word of `width` bits.

    `part(name, word)` is what a part of the record is in such a word, `encode(record)` the word of a plain record,
    `is_one(word)` whether a word is that of a record.
    """

    width: int
    part: Callable[[str, Any], Any] = field(repr=False)
    encode: Callable[[Any], int] = field(repr=False)
    is_one: Callable[[Any], Any] = field(repr=False)


@frozen
class CLayer:
    """The layer `c`: a C program of which certain functions are the operations.

    `operations` maps an operation's name to that of its C function, whose parameters are named as the
    operation's, but in camel case.  `kinds` and `packed` are those of `CView`.  Locations in the program are
    relative to `root`.  `primitives` are the functions that say which objects live.  `records` tells, by the name of
    their type, how records are passed.
    """

    program: ir.Program = field(repr=False)
    kinds: Mapping[str, str]
    packed: Mapping[str, Packed] = field(repr=False)
    operations: Mapping[str, str] = field(repr=False)
    root: Path = field(factory=Path, repr=False)
    name: str = "c"
    primitives: Primitives | None = field(default=None, repr=False)
    records: Mapping[str, PackedRecord] = field(factory=dict, repr=False)

    @cached_property
    def schema(self) -> Schema:
        """The kinds of objects of the layer; its fields are not listed, a relation has to decode them."""
        parts = {}
        for kind in self.kinds:
            keys = (Leaf("ref", kind=kind),)
            parts[kind] = Part(kind, "objects", keys, exists=Field(f"{kind}.exists", keys, Leaf("bool")))
        return Schema(CState, parts, {})

    @cached_property
    def kind_of(self) -> Mapping[str, str]:
        """The kind of the objects of a type, by the type's name as the root of a place."""
        return {root: kind for kind, root in roots(self.program, self.kinds).items()}

    @cached_property
    def addresses(self) -> Mapping[str, int]:
        """An address for every global."""
        return global_addresses(self.program)

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shapes of all that the program's globals and the objects of its kinds hold, constants left out."""
        known = executable(self.program).shapes
        wholes = [known.named(root) for root in self.kind_of]
        wholes += [known.global_variable(name) for name, entry in self.program.globals.items() if not entry.constant]
        return tuple(shape for whole in wholes for shape in whole.leaf_shapes())

    def fresh(self, encoding: Encoding, tag: str) -> CState:
        """A symbolic state of unknown content; references must be machine words."""
        if encoding.reference.width != ir.WORD:
            raise ProofError("references are addresses in C: prove with the encoding MACHINE")
        memory = SymbolicMemory(self, encoding, tag)
        # Made now, so that all copies note in the same map where it was read.
        for shape in self.shapes:
            memory.field_map(shape.name, shape.key_widths, shape.width)
        return CState(self, memory)

    def call(self, run: Run, state: CState, operation: str, arguments: Mapping[str, Any]) -> Outcome | None:
        """Run an operation; undefined behaviour is a guard of the run that does not hold."""
        return _Call(self, run, state).of(self.function(operation), arguments)

    def unknown_result(self, operation: str, tag: str) -> Word | None:
        """What a call by contract of an operation gives: an unknown word, if the function has a result."""
        result = self.function(operation).result
        if isinstance(result, ir.Void):
            return None
        return Word(terms.variable(f"{tag}result", terms.bit_vector(_width(result))))

    def function(self, operation: str) -> ir.Function:
        """The C function of an operation; ProofError if there is none."""
        name = self.operations.get(operation, "")
        function = self.program.functions.get(name)
        if function is None or function.body is None:
            raise ProofError(f"there is no C function {name or 'known'} for the operation {operation}: define it")
        return function

    def unknown_arguments(
        self, types: Mapping[str, Leaf | Record], encoding: Encoding
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Unknown arguments of these types: as the layer above has them, and as this one is given them."""
        above: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for name, type in types.items():
            if isinstance(type, Record):
                packed = self.record(type)
                word = own[name] = Word(terms.variable(f"argument.{name}", terms.bit_vector(packed.width)))
                above[name] = type.make(lambda part, _, packed=packed, word=word: packed.part(part, word))  # type: ignore[misc]
            else:
                variable = terms.variable(f"argument.{name}", type.sort(encoding))
                above[name] = own[name] = type.wrap(variable)
        return above, own

    def well_typed(self, given: Mapping[str, Any], types: Mapping[str, Leaf | Record]) -> Any:
        """Whether the words given for records are those of records."""
        return all_of(
            *(self.record(type).is_one(given[name]) for name, type in types.items() if isinstance(type, Record))
        )

    def record(self, type: Record) -> PackedRecord:
        """How records of a type are passed; ProofError if they cannot be."""
        packed = self.records.get(type.item.__name__)
        if packed is None:
            raise ProofError(f"a {type.item.__name__} cannot be passed to C: say how it is packed")
        return packed

    def argument_terms(
        self, operation: str, arguments: Mapping[str, Any], encoding: Encoding
    ) -> tuple[terms.Term, ...]:
        """The terms of arguments given by name, in the order of the C function's parameters; of a record, its parts."""
        function = self.function(operation)
        by_parameter = {_camel(name): value for name, value in arguments.items()}
        if sorted(by_parameter) != sorted(parameter.name for parameter in function.parameters):
            arguments_of(function, arguments)
        found: list[terms.Term] = []
        for parameter in function.parameters:
            value = by_parameter[parameter.name]
            if attrs.has(type(value)):
                found += _parts(schema.record_of(type(value)), lambda part, value=value: getattr(value, part), encoding)  # type: ignore[misc]
            else:
                found.append(bits.lift(_argument(value, parameter.type), _width(parameter.type)))
        return tuple(found)

    def given(
        self, operation: str, given: tuple[terms.Term, ...], types: Mapping[str, Leaf | Record]
    ) -> dict[str, Any]:
        """Of arguments given as the terms of the C function's parameters the records' words, by name."""
        by_parameter = {_camel(name): name for name in types}
        names = [by_parameter[parameter.name] for parameter in self.function(operation).parameters]
        return {name: Word(term) for name, term in zip(names, given, strict=True) if isinstance(types[name], Record)}

    def call_terms(
        self, operation: str, given: tuple[terms.Term, ...], types: Mapping[str, Leaf | Record], encoding: Encoding
    ) -> tuple[terms.Term, ...]:
        """The same of arguments given as the terms of the C function's parameters."""
        by_parameter = {_camel(name): type for name, type in types.items()}
        found: list[terms.Term] = []
        for parameter, term in zip(self.function(operation).parameters, given, strict=True):
            type = by_parameter[parameter.name]
            if isinstance(type, Record):
                packed = self.record(type)
                found += _parts(type, lambda part, packed=packed, term=term: packed.part(part, Word(term)), encoding)  # type: ignore[misc]
            else:
                found.append(term)
        return tuple(found)

    def loop_variables(self, variables: Mapping[str, Any], records: Mapping[str, type]) -> dict[str, Any]:
        """A loop's variables in snake case; of those that are words of records, the records."""
        found = {_snake(name): value for name, value in variables.items()}
        for name, item in records.items():
            type, word = schema.record_of(item), found[name]
            assert type is not None
            packed = self.record(type)
            found[name] = type.make(lambda part, _, packed=packed, word=word: packed.part(part, word))  # type: ignore[misc]
        return found

    def location(self, operation: str) -> str:
        """`file:line` of the operation's function."""
        return self.place(self.function(operation).location)

    def place(self, location: str) -> str:
        """A location of the program, as those of other layers are given."""
        return relative(str(self.root / location))

    def written(self, state: CState) -> set[str]:
        """The names of the maps that were written."""
        return {field_map.name for field_map in state._maps.values() if field_map.written}

    def numbers(self, kind: str, count: int) -> list[int]:
        """Addresses for objects of a kind."""
        return plain.addresses_of(self.kinds, kind, count)

    def concretise(
        self, state: CState, objects: Mapping[str, list[Ref]], value: Callable[[terms.Term], int]
    ) -> ByteMemory:
        """The plain state of a symbolic one."""
        return plain.concretise(self.program, self.kinds, state._maps, objects, value)

    def view(self, plain_state: Reader) -> CView:
        """A plain state as statements see it."""
        return CView(plain_state, self.program, self.kinds, self.packed)

    def execute(self, plain_state: ByteMemory, operation: str, arguments: Mapping[str, Any]) -> Outcome:
        """Run an operation on a plain state; UndefinedBehaviour where a guard does not hold."""
        function = self.function(operation)
        try:
            evaluator = Evaluator(self.program, plain_state, primitives=self.primitives)
            return Outcome(value=evaluator.call(function.name, arguments_of(function, self.plain_arguments(arguments))))
        except UndefinedBehaviour as error:
            raise UndefinedBehaviour(error.kind, error.message, self.place(error.location)) from None

    def plain_arguments(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Plain arguments with the word of each record in its place."""
        return {
            name: self.records[type(value).__name__].encode(value) if attrs.has(type(value)) else value
            for name, value in arguments.items()
        }

    def dump(self, plain_state: ByteMemory) -> dict[str, Any]:
        """A plain state as JSON values."""
        return plain.dump(plain_state, self.kinds, self.packed)

    def load(self, data: Mapping[str, Any]) -> ByteMemory:
        """The plain state that `dump` wrote."""
        return plain.load(self.program, self.kinds, self.packed, data)


def _parts(type: Record | None, read: Callable[[str], Any], encoding: Encoding) -> list[terms.Term]:
    assert type is not None
    return [leaf.unwrap(read(part), leaf.sort(encoding)) for part, leaf in type.leaves.items()]


def arguments_of(function: ir.Function, arguments: Mapping[str, Any]) -> list[Bits]:
    """The arguments of a C function, given by the names of its parameters in snake case.

    A reference becomes its address, a truth value 1 or 0, an enumeration's member its place.  Raises
    ProofError if the names are others.
    """
    given = {_camel(name): value for name, value in arguments.items()}
    wanted = [parameter.name for parameter in function.parameters]
    if sorted(given) != sorted(wanted):
        raise ProofError(f"{function.name} has the parameters {', '.join(wanted)}, not {', '.join(given)}")
    return [_argument(given[parameter.name], parameter.type) for parameter in function.parameters]


def _argument(value: Any, type: ir.Type) -> Bits:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Bool):
        return bits.of_truth(value.term, _width(type))
    if isinstance(value, enum.Enum):
        return values.position(value)
    if isinstance(value, SymbolicEnum | SymbolicRef | Word):
        return bits.plain(value.term)
    number = getattr(value, "number", value)
    if not isinstance(number, int):
        raise TypeError(f"a C function cannot be given {value!r}")
    return number


class SymbolicMemory(SplitMemory):
    """Memory of which nothing is known: a field map for each field of each type and each part of a global."""

    objects: None = None

    def __init__(self, layer: CLayer, encoding: Encoding, tag: str):
        program = layer.program
        shapes = executable(program).shapes
        super().__init__(program, self._map, shapes, addresses=layer.addresses)
        self.layer = layer
        self.encoding = encoding
        self.tag = tag
        self.fields: dict[str, FieldMap] = {
            f"{kind}.exists": existence(f"{kind}.exists", encoding) for kind in layer.kinds
        }

    def field_map(self, name: str, key_widths: tuple[int, ...], width: int) -> FieldMap:
        """The map of that name, made if it is not there."""
        found = self.fields.get(name)
        if found is None:
            sorts = tuple(map(terms.bit_vector, key_widths))
            base = unknown(f"{self.tag}c.{name}", sorts, terms.bit_vector(width))
            found = self.fields[name] = FieldMap(f"{self.layer.name}:{name}", sorts, base)
        return found

    def _map(self, name: str, key_widths: tuple[int, ...], width: int) -> _Lifted:
        return _Lifted(self.field_map(name, key_widths, width), width)

    def valid(self, root: str, base: Bits) -> Truth:
        """Whether an object of the type `root` lives at an address: what the kind's existence map says."""
        kind = self.layer.kind_of.get(root)
        if kind is None:
            return False
        return bits.plain_truth(self.fields[f"{kind}.exists"].get((bits.lift(base, ir.WORD),)))

    def copy(self) -> SymbolicMemory:
        """The same memory, written to on its own from here on."""
        result = SymbolicMemory(self.layer, self.encoding, self.tag)
        result.fields = {name: field_map.copy() for name, field_map in self.fields.items()}
        return result


class _Lifted:
    """A field map whose keys and values may be ints."""

    __slots__ = ("inner", "width")

    def __init__(self, inner: FieldMap, width: int):
        self.inner = inner
        self.width = width

    def _keys(self, keys: tuple[Bits, ...]) -> Keys:
        return tuple([bits.lift(key, ir.WORD) for key in keys])

    def get(self, keys: tuple[Bits, ...]) -> Bits:
        return bits.plain(self.inner.get(self._keys(keys)))

    def set(self, keys: tuple[Bits, ...], value: Bits) -> None:
        self.inner.set(self._keys(keys), bits.lift(value, self.width))


class CState(CView):
    """A symbolic state of a C program, read as any `CView`."""

    def __init__(self, layer: CLayer, memory: SymbolicMemory):
        super().__init__(memory, layer.program, layer.kinds, layer.packed)
        self._layer = layer
        self._memory = memory

    @property
    def _maps(self) -> dict[str, FieldMap]:
        return self._memory.fields

    @property
    def _schema(self) -> Schema:
        return self._layer.schema

    def copy(self) -> CState:
        """A snapshot that later writes leave alone."""
        return CState(self._layer, self._memory.copy())

    def become(self, other: CState) -> None:
        """Take over the content of another state of the layer."""
        copied = other._memory.copy()
        self._memory.tag = copied.tag
        self._memory.fields = copied.fields

    def key_terms(self, leaves: tuple[Leaf, ...], key: Any) -> Keys:
        """The term of a reference."""
        (leaf,) = leaves
        return (bits.lift(key_of(leaf.kind, key), ir.WORD),)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("_") and name in self._layer.kinds:
            return SymbolicObjects(self, name)
        return super().__getattr__(name)


class SymbolicObjects(PartView):
    """All objects of a kind in a symbolic state."""

    __slots__ = ()

    def __init__(self, state: CState, kind: str):
        super().__init__(state, state._schema.parts[kind])  # type: ignore[arg-type]

    def __getitem__(self, key: Any) -> PlaceView:  # type: ignore[override]
        return ObjectsView(self.state, self.part.name)[key]  # type: ignore[arg-type]


class _Call:
    """One operation run in C on a symbolic state."""

    def __init__(self, layer: CLayer, run: Run, state: CState):
        self.layer = layer
        self.run = run
        self.memory = state._memory
        self.guarded: set[terms.Term] = set()
        self.inside = ""
        self.operations = {function: operation for operation, function in layer.operations.items()}
        self.evaluator = Evaluator(
            layer.program, self.memory, self._guard, valid=self._valid, at_loop=self._at_loop, at_call=self._at_call
        )

    def of(self, function: ir.Function, arguments: Mapping[str, Any]) -> Outcome | None:
        """Call the function with the arguments of those names; None where it does what is undefined."""
        given = arguments_of(function, arguments)
        with self._own_layer():
            try:
                result = self.evaluator.call(function.name, given)
            except UndefinedBehaviour:
                # The guard that cannot hold is recorded; what follows on this path does not matter.
                return None
            except LoopBound as error:
                raise ProofError(str(error)) from None
        if self.inside and self.run.loops is not None:
            with self._own_layer():
                self.run.loops.leave(self.run)
        if result is None:
            return Outcome()
        return Outcome(value=Word(bits.lift(result, _width(function.result))))

    @contextmanager
    def _own_layer(self) -> Iterator[None]:
        run = self.run
        before = run.layer, run.location
        run.layer, run.location = self.layer.name, self._location
        try:
            yield
        finally:
            run.layer, run.location = before

    def _location(self) -> str:
        return self.layer.place(self.evaluator.location)

    def _guard(self, condition: Truth, kind: str, message: str, location: str) -> None:
        term = bits.lift_truth(condition)
        if term not in self.guarded:
            self.guarded.add(term)
            self.run.guard(term, message)

    def _valid(self, root: str, base: Bits) -> Truth:
        kind = self.layer.kind_of.get(root)
        if kind is not None:
            self.run.touch(kind, (bits.lift(base, ir.WORD),))
        return self.memory.valid(root, base)

    def _at_loop(self, label: str, variables: dict[str, Any], assigned: tuple[str, ...]) -> None:
        loops = self.run.loops
        count = self.evaluator.iteration
        if loops is None or not loops.known(label):
            if count > ROUNDS:
                many = f"goes round more than {ROUNDS} times"
                raise ProofError(f"{self._location()}: the loop {label} {many}: it needs an invariant")
            return
        declared = {variable.name: variable.type for variable in self.layer.program.loop(label).visible}
        current = {
            name: self._symbolic(variables[name], declared[name]) for name in assigned if variables[name] is not UNSET
        }
        if count:
            loops.enter(self.run)
            raise Cut(label, current)
        if self.inside:
            raise ProofError(f"{label} comes after the loop {self.inside}: one of them at most can have an invariant")
        for name, value in loops.head(self.run, label, current).items():
            variables[name] = bits.plain(value.term)
        self.inside = label

    def _at_call(self, name: str, arguments: tuple[Bits | Place, ...]) -> tuple[Bits | None] | None:
        operation = self.operations.get(name)
        if operation is None or not self.run.by_contract(operation):
            return None
        parameters = self.layer.program.functions[name].parameters
        result = self.run.call(
            operation,
            tuple(
                bits.lift(operations.address(self.evaluator, value), _width(parameter.type))
                for value, parameter in zip(arguments, parameters, strict=True)
            ),
        )
        return (None if result is None else result.term,)

    def _symbolic(self, value: Bits | Place, type: ir.Type) -> Symbolic:
        """The value of a C variable: a reference for a pointer to a kind of object, else a word."""
        term = bits.lift(operations.address(self.evaluator, value), _width(type))
        if isinstance(type, ir.Pointer):
            kind = self.layer.kind_of.get(str(type.target))
            if kind is not None:
                return SymbolicRef(kind, term)
        return Word(term)


def _width(type: ir.Type) -> int:
    return type.width if isinstance(type, ir.Integer) else ir.WORD


def _snake(name: str) -> str:
    return re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", name)


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(other.capitalize() for other in others)
