"""The typed tree of a C program that the evaluator runs: types, expressions, statements, the whole program.

It is what is left of the compiler's syntax tree once typedefs, macros, implicit conversions and enumeration
constants are settled.  Every expression knows its type, and where it stands as `file:line` (of the expansion,
where a macro is involved).  Only what the subset allows can be expressed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import field, frozen

WORD = 32
"""Bits of a machine word, an address and an array index on the target."""

# The classes below have no slots: the cached tree is unpickled several times quicker so.


@frozen(slots=False)
class Void:
    """The type of no value."""

    def __str__(self) -> str:
        return "void"


@frozen(slots=False)
class Integer:
    """An integer type of the target: `width` bits, signed or not; `name` is its spelling in C.

    Booleans (`_Bool`, 8 bits) and enumerations are integers as well.
    """

    width: int
    signed: bool
    name: str

    @property
    def boolean(self) -> bool:
        """Whether it is `_Bool`, to which conversion means "is not zero"."""
        return self.name == "_Bool"

    def __str__(self) -> str:
        return self.name


@frozen(slots=False)
class Pointer:
    """A pointer to a value of the type `target`."""

    target: Type

    def __str__(self) -> str:
        return f"{self.target} *"


@frozen(slots=False)
class Array:
    """An array of `length` elements."""

    element: Type
    length: int

    def __str__(self) -> str:
        return f"{self.element}[{self.length}]"


@frozen(slots=False)
class Struct:
    """A structure; its fields are in `Program.structs` under `name`, if it is complete.

    The name is the typedef name if it has one, else the tag; a structure without either that is the type
    of a field is called `outer.field`.
    """

    name: str

    def __str__(self) -> str:
        return self.name


Type = Void | Integer | Pointer | Array | Struct

VOID = Void()
INT = Integer(32, True, "int")
UNSIGNED = Integer(32, False, "unsigned int")
BOOL = Integer(8, False, "_Bool")


@frozen(slots=False)
class Field:
    """A field of a structure at the byte offset `offset`."""

    name: str
    type: Type
    offset: int


@frozen(slots=False)
class StructLayout:
    """A complete structure as the target lays it out; size, alignment and offsets in bytes."""

    name: str
    fields: tuple[Field, ...]
    size: int
    align: int
    location: str
    by_name: dict[str, Field] = field(init=False, repr=False, eq=False)

    @by_name.default
    def _index(self) -> dict[str, Field]:
        return {entry.name: entry for entry in self.fields}


@frozen(slots=False)
class Variable:
    """A parameter or local variable; `unique` tells it from others of the same name in the function."""

    name: str
    unique: str
    type: Type
    location: str


@frozen(slots=False)
class Expression:
    """A value of the type `type`."""

    type: Type
    location: str


@frozen(slots=False)
class Constant(Expression):
    """A known value, as the bit pattern of its type."""

    value: int


@frozen(slots=False)
class Load(Expression):
    """The value kept in a place."""

    place: LValue


@frozen(slots=False)
class AddressOf(Expression):
    """A pointer to a place; for an array, to its first element (`decay`)."""

    place: LValue
    decay: bool = False


@frozen(slots=False)
class Unary(Expression):
    """`-`, `~` or `!` of an operand."""

    operator: str
    operand: Expression


@frozen(slots=False)
class Binary(Expression):
    """An arithmetic, bitwise or comparison operator on operands that were converted already."""

    operator: str
    left: Expression
    right: Expression


@frozen(slots=False)
class Logical(Expression):
    """`&&` or `||`: the right side is evaluated only if the left one leaves it open."""

    operator: str
    left: Expression
    right: Expression


@frozen(slots=False)
class Conditional(Expression):
    """`condition ? then : otherwise`."""

    condition: Expression
    then: Expression
    otherwise: Expression


@frozen(slots=False)
class Convert(Expression):
    """The operand converted to another type, by the compiler or by a cast."""

    operand: Expression


@frozen(slots=False)
class Call(Expression):
    """A call of a function by name.  Arguments were converted to the parameters' types."""

    function: str
    arguments: tuple[Expression, ...]


@frozen(slots=False)
class Builtin(Expression):
    """A call of a function that the compiler provides."""

    function: str
    arguments: tuple[Expression, ...]


@frozen(slots=False)
class LValue:
    """A place that can be read, written or pointed to."""

    type: Type
    location: str


@frozen(slots=False)
class Local(LValue):
    """A local variable or parameter.  It has no address."""

    variable: Variable


@frozen(slots=False)
class Global(LValue):
    """A global variable."""

    name: str


@frozen(slots=False)
class Dereference(LValue):
    """What a pointer points to."""

    pointer: Expression


@frozen(slots=False)
class Member(LValue):
    """A field of a structure in memory."""

    of: LValue
    field: str


@frozen(slots=False)
class Index(LValue):
    """An element of an array in memory."""

    of: LValue
    index: Expression


@frozen(slots=False)
class Element(LValue):
    """`pointer[index]` for a pointer that did not come from naming an array."""

    pointer: Expression
    index: Expression


@frozen(slots=False)
class Statement:
    """Something done at a location."""

    location: str


@frozen(slots=False)
class Declare(Statement):
    """A local variable comes into being, with a value or without."""

    variable: Variable
    value: Expression | None


@frozen(slots=False)
class Assign(Statement):
    """A value is put in a place.  Compound assignment and `++` are this as well."""

    place: LValue
    value: Expression


@frozen(slots=False)
class CopyStruct(Statement):
    """A whole structure is copied from place to place."""

    place: LValue
    source: LValue


@frozen(slots=False)
class Evaluate(Statement):
    """An expression is evaluated for its effect."""

    value: Expression


@frozen(slots=False)
class Block(Statement):
    """Statements one after the other."""

    body: tuple[Statement, ...]


@frozen(slots=False)
class If(Statement):
    """A branch."""

    condition: Expression
    then: Statement
    otherwise: Statement | None


@frozen(slots=False)
class Loop(Statement):
    """`while`, `for` or `do`: `label` is `function#n` with n counted from 1 in the order of the source.

    `visible` are the variables that exist at the condition, `assigned` the names of those that the loop
    assigns.  `condition` is None for one that always holds; `step` is what a `for` does after its body.
    """

    label: str
    condition: Expression | None
    step: Statement | None
    body: Statement
    condition_last: bool
    visible: tuple[Variable, ...]
    assigned: tuple[str, ...]


@frozen(slots=False)
class Arm(Statement):
    """An arm of a switch: its case labels as values, whether it is the default, its statements."""

    labels: tuple[int, ...]
    default: bool
    body: tuple[Statement, ...]


@frozen(slots=False)
class Switch(Statement):
    """A switch whose arms do not fall through."""

    value: Expression
    arms: tuple[Arm, ...]


@frozen(slots=False)
class Break(Statement):
    """Leaves the innermost loop or switch."""


@frozen(slots=False)
class Continue(Statement):
    """Goes on with the next iteration of the innermost loop."""


@frozen(slots=False)
class Return(Statement):
    """Returns from the function."""

    value: Expression | None


@frozen(slots=False)
class Function:
    """A function; `body` is None if it is only declared."""

    name: str
    result: Type
    parameters: tuple[Variable, ...]
    body: Block | None
    location: str
    static: bool
    unit: str
    loops: tuple[Loop, ...] = ()


Initial = int | list[Any]
"""The initial value of a global: a bit pattern, or one entry for each element or field."""


@frozen(slots=False)
class GlobalVariable:
    """A global variable; `initial` is None where it is zero or left to the environment."""

    name: str
    type: Type
    constant: bool
    initial: Initial | None
    location: str
    static: bool
    unit: str
    defined: bool


@frozen(slots=False)
class Program:
    """All translation units as one.  Functions and globals by name, structures by `Struct.name`.

    `ghost` are functions that stand for nothing in the compiled code.  `records` maps other names of a
    structure (its tag, further typedefs) to the one it goes by.
    """

    structs: dict[str, StructLayout]
    records: dict[str, str]
    typedefs: dict[str, Type]
    enumerators: dict[str, int]
    functions: dict[str, Function]
    globals: dict[str, GlobalVariable]
    ghost: frozenset[str]

    def named_type(self, name: str) -> Type:
        """The type of that name: a typedef, a structure's name or tag, or an integer type's spelling.

        Raises KeyError for any other name.
        """
        if name in self.structs:
            return Struct(name)
        if name in self.typedefs:
            return self.typedefs[name]
        if name in self.records:
            return Struct(self.records[name])
        if name in INTEGERS:
            return INTEGERS[name]
        if name.endswith("*"):
            return Pointer(self.named_type(name[:-1].rstrip()))
        raise KeyError(f"the C program has no type {name!r}")

    def loop(self, label: str) -> Loop:
        """The loop `function#n`; KeyError if there is none."""
        name, _, number = label.partition("#")
        loops = self.functions[name].loops if name in self.functions else ()
        if not number.isdigit() or not 1 <= int(number) <= len(loops):
            raise KeyError(f"the C program has no loop {label!r}")
        return loops[int(number) - 1]

    def size_of(self, type: Type) -> int:
        """The size in bytes of an object of that type."""
        return self.size_and_align(type)[0]

    def size_and_align(self, type: Type) -> tuple[int, int]:
        """Size and alignment in bytes of an object of that type; TypeError if it has none."""
        if isinstance(type, Integer):
            return type.width // 8, type.width // 8
        if isinstance(type, Pointer):
            return WORD // 8, WORD // 8
        if isinstance(type, Array):
            size, align = self.size_and_align(type.element)
            return size * type.length, align
        if isinstance(type, Struct) and type.name in self.structs:
            layout = self.structs[type.name]
            return layout.size, layout.align
        raise TypeError(f"{type} has no size")


INTEGERS: dict[str, Integer] = {
    name: Integer(width, signed, name)
    for name, width, signed in (
        ("char", 8, False),  # plain char is unsigned on ARM
        ("signed char", 8, True),
        ("unsigned char", 8, False),
        ("short", 16, True),
        ("unsigned short", 16, False),
        ("int", 32, True),
        ("unsigned int", 32, False),
        ("long", 32, True),
        ("unsigned long", 32, False),
        ("long long", 64, True),
        ("unsigned long long", 64, False),
    )
} | {"_Bool": BOOL, "bool": BOOL}


def operands(expression: Expression) -> tuple[Expression | LValue, ...]:
    """The direct parts of an expression, from left to right."""
    match expression:
        case Load(place=place) | AddressOf(place=place):
            return (place,)
        case Unary(operand=operand) | Convert(operand=operand):
            return (operand,)
        case Binary(left=left, right=right) | Logical(left=left, right=right):
            return (left, right)
        case Conditional(condition=condition, then=then, otherwise=otherwise):
            return (condition, then, otherwise)
        case Call(arguments=arguments) | Builtin(arguments=arguments):
            return arguments
    return ()


def place_operands(place: LValue) -> tuple[Expression | LValue, ...]:
    """The direct parts of a place, from left to right."""
    match place:
        case Dereference(pointer=pointer):
            return (pointer,)
        case Member(of=of):
            return (of,)
        case Index(of=of, index=index):
            return (of, index)
        case Element(pointer=pointer, index=index):
            return (pointer, index)
    return ()


def substatements(statement: Statement) -> tuple[Statement, ...]:
    """The statements directly inside a statement, in the order of the source."""
    match statement:
        case Block(body=body) | Arm(body=body):
            return body
        case If(then=then, otherwise=otherwise):
            return (then,) if otherwise is None else (then, otherwise)
        case Loop(step=step, body=body):
            return (body,) if step is None else (body, step)
        case Switch(arms=arms):
            return arms
    return ()


def statement_parts(statement: Statement) -> tuple[Expression | LValue, ...]:
    """The expressions and places directly in a statement."""
    match statement:
        case Declare(value=value) | Return(value=value):
            return () if value is None else (value,)
        case Assign(place=place, value=value):
            return (place, value)
        case CopyStruct(place=place, source=source):
            return (place, source)
        case Evaluate(value=value) | Switch(value=value):
            return (value,)
        case If(condition=condition):
            return (condition,)
        case Loop(condition=condition):
            return () if condition is None else (condition,)
    return ()


def statements(statement: Statement) -> Iterator[Statement]:
    """The statement and all inside it."""
    yield statement
    for inner in substatements(statement):
        yield from statements(inner)


def calls(function: Function) -> Iterator[Call]:
    """All calls of program functions in a function's body."""
    pending: list[Expression | LValue] = []
    if function.body is not None:
        for statement in statements(function.body):
            pending.extend(statement_parts(statement))
    while pending:
        part = pending.pop()
        if isinstance(part, Call):
            yield part
        pending.extend(place_operands(part) if isinstance(part, LValue) else operands(part))
