"""The evaluator of C: one meaning for plain ints over bytes and for symbolic words over split memory.

A program's functions are turned to Python once (`impl.c.generate`); an `Evaluator` is one run's memory,
guards and hooks.
"""

from __future__ import annotations

import marshal
import weakref
from collections.abc import Callable, Mapping, Sequence
from types import CodeType
from typing import Any

from impl.c import ir, operations
from impl.c.generate import Module, generate
from impl.c.memory import ByteMemory, Memory
from impl.c.places import Access, Place, Shapes
from impl.c.primitives import Primitives
from refinement import bits
from refinement.bits import Bits, Truth
from refinement.terms import Term

Guard = Callable[[Truth, str, str, str], None]
"""Called with a condition that must hold, its kind, what it says, and where (`file:line`).

Kinds: `pointer`, `array`, `shift`, `division`, `overflow`, `cast`, `uninitialised`, `return`, `builtin`,
`unreachable`, `object`.  Conditions that hold whatever the state are not reported.
"""

LoopHook = Callable[[str, dict[str, Any], tuple[str, ...]], None]
CallHook = Callable[[str, tuple["Bits | Place", ...]], tuple["Bits | None"] | None]


class UndefinedBehaviour(Exception):
    """A guard that does not hold on plain values; the text is `location: what must hold`."""

    def __init__(self, kind: str, message: str, location: str):
        super().__init__(f"{location}: undefined behaviour ({kind}): it does not hold that {message}")
        self.kind = kind
        self.message = message
        self.location = location


def plain_guard(condition: Truth, kind: str, message: str, location: str) -> None:
    """The guard of plain runs: raise UndefinedBehaviour where the condition does not hold."""
    if condition is not True:
        raise UndefinedBehaviour(kind, message, location)


class Executable:
    """A program ready to be run: its Python functions and its shapes.  `executable(program)` makes it once."""

    def __init__(self, program: ir.Program, module: Module, code: CodeType):
        self.program = program
        self.module = module
        self.code = code
        self.shapes = Shapes(program)
        names: dict[str, Any] = dict(_NAMES)
        for number, (type, name, steps) in enumerate(module.accesses):
            whole = self.shapes.global_variable(name) if type is None else self.shapes.object(type)
            names[f"A{number}"] = Access(whole.follow(steps), steps)
        for number, type in enumerate(module.types):
            names[f"T{number}"] = self.shapes.object(type)
        exec(code, names)
        self.functions: dict[str, Callable[..., Any]] = {
            name: names[f"f_{name}"] for name in program.functions if f"f_{name}" in names
        }

    @classmethod
    def of(cls, program: ir.Program) -> Executable:
        """Generate and compile the functions of a program."""
        module = generate(program)
        return cls(program, module, compile(module.source, "<generated from C>", "exec"))


_NAMES: dict[str, Any] = {
    "add": bits.add,
    "subtract": bits.subtract,
    "multiply": bits.multiply,
    "bit_and": bits.bit_and,
    "bit_or": bits.bit_or,
    "bit_xor": bits.bit_xor,
    "bit_not": bits.bit_not,
    "bits_shift_left": bits.shift_left,
    "bits_shift_right": bits.shift_right,
    "bits_shift_right_arithmetic": bits.shift_right_arithmetic,
    "equal": bits.equal,
    "unsigned_less": bits.unsigned_less,
    "signed_less": bits.signed_less,
    "negate": bits.negate,
    "ite": bits.ite,
    "of_truth": bits.of_truth,
    "resize": bits.resize,
} | {
    name: getattr(operations, name)
    for name in (
        "UNSET", "address", "choose_pointer", "choose_truth", "conjunction", "copy", "count_leading_zeros",
        "count_trailing_zeros", "decide", "disjunction", "divide", "element", "go_on", "load", "locate",
        "missing_return", "nonzero", "one_of", "remainder", "retype", "same", "shift_left", "shift_right",
        "signed_add", "signed_multiply", "signed_negate", "signed_subtract", "store", "to_signed", "unreachable",
        "unset",
    )
}  # fmt: skip

_executables: dict[int, tuple[weakref.ref[ir.Program], Executable]] = {}


def executable(program: ir.Program) -> Executable:
    """The executable form of a program, made at the first call."""
    found = _executables.get(id(program))
    if found is None or found[0]() is not program:
        found = _executables[id(program)] = weakref.ref(program), Executable.of(program)
    return found[1]


def adopt(program: ir.Program, module: Module, code: bytes) -> None:
    """Take the executable form from a cache; `code` is marshalled by the same Python."""
    _executables[id(program)] = weakref.ref(program), Executable(program, module, marshal.loads(code))


class Evaluator:
    """Runs functions of a C program on a memory.

    - `guard` is told every condition without which behaviour is undefined (see `Guard`).
    - `valid(root, base)` says whether a live object of the type `root` begins at the address `base`; by
      default the memory's own registry.
    - `at_loop(label, values, assigned)` is called before each evaluation of a loop condition with the
      values of the visible variables, which it may replace, and the names that the loop assigns;
      `iteration` is then how often the loop went round (0: it is entered) and `program.loop(label)` says
      what types the variables have.  A variable not assigned yet is `operations.UNSET`.
    - `at_call(name, arguments)` is called on entry to each function that other files can call; if it gives
      something, the function is left at once, with that as its result (`(None,)` if it has none).
    - `ghosts[name](*arguments)` is called for a ghost function, `externals[name](*arguments)` for one
      that has no definition; `primitives` are such functions that say which objects live in plain memory.
    - `location` is the `file:line` of what is evaluated, as of the last decision, guard or access.
    """

    def __init__(
        self,
        program: ir.Program,
        memory: Memory,
        guard: Guard = plain_guard,
        *,
        valid: Callable[[str, Bits], Truth] | None = None,
        at_loop: LoopHook | None = None,
        at_call: CallHook | None = None,
        ghosts: Mapping[str, Callable[..., None]] | None = None,
        externals: Mapping[str, Callable[..., Bits | None]] | None = None,
        primitives: Primitives | None = None,
    ):
        self.program = program
        self.memory = memory
        self.guard = guard
        own_valid = getattr(memory, "valid", None)
        if valid is None and own_valid is None:
            raise TypeError("the memory does not know which objects are valid: pass `valid`")
        self.valid: Callable[[str, Bits], Truth] = valid or own_valid  # type: ignore[assignment]
        self.at_loop = at_loop
        self.at_call = at_call
        self.ghosts = ghosts or {}
        self.externals: Mapping[str, Callable[..., Bits | None]] = externals or {}
        if primitives is not None:
            if not isinstance(memory, ByteMemory):
                raise TypeError("primitives are known on bytes only")
            self.externals = {**self.externals, **primitives.on(self, memory)}
        self.addresses = memory.addresses
        self.executable = executable(program)
        self.shapes = self.executable.shapes
        self.location = ""
        self.iteration = 0
        self._functions = self.executable.functions

    def call(self, name: str, arguments: Sequence[Bits | Place] = ()) -> Bits | None:
        """Call a function; its result as a bit pattern (a pointer as its address), or None.

        Plain arguments are cut to the width of their parameter.  KeyError if there is no such function.
        """
        function = self._functions.get(name)
        if function is None:
            raise KeyError(f"the C program has no function {name!r} with a body")
        declared = self.program.functions[name]
        if len(arguments) != len(declared.parameters):
            raise TypeError(f"{name} takes {len(declared.parameters)} arguments, not {len(arguments)}")
        values = [
            self._argument(value, parameter) for value, parameter in zip(arguments, declared.parameters, strict=True)
        ]
        result = function(self, *values)
        if isinstance(declared.result, ir.Void):
            return None
        return operations.address(self, result)

    def _argument(self, value: Bits | Place, parameter: ir.Variable) -> Bits | Place:
        type = parameter.type
        if isinstance(value, Place):
            return value
        width = type.width if isinstance(type, ir.Integer) else ir.WORD
        if isinstance(value, Term):
            if value.sort.width != width:
                raise TypeError(f"the parameter '{parameter.name}' has {width} bits, not {value.sort}")
            return value
        if isinstance(type, ir.Integer) and type.boolean:
            return int(value != 0)
        return int(value) & ((1 << width) - 1)

    def check(self, condition: Truth, kind: str, message: str, location: str) -> None:
        """Report a condition that must hold, unless it does anyway."""
        if condition is not True:
            self.location = location
            self.guard(condition, kind, message, location)

    def fail(self, kind: str, message: str, location: str) -> Bits:
        """Report that undefined behaviour is reached; nothing sensible can follow."""
        self.check(False, kind, message, location)
        raise UndefinedBehaviour(kind, message, location)

    def enter_loop(
        self, label: str, values: dict[str, Any], assigned: tuple[str, ...], count: int, location: str
    ) -> None:
        """Call the loop hook; used by the generated code."""
        self.location = location
        self.iteration = count
        assert self.at_loop is not None
        self.at_loop(label, values, assigned)

    def by_contract(self, name: str, arguments: tuple[Bits | Place, ...]) -> tuple[Bits | None] | None:
        """What the call hook gives; used by the generated code."""
        assert self.at_call is not None
        return self.at_call(name, arguments)

    def ghost(self, name: str, arguments: tuple[Any, ...], location: str) -> None:
        """A call of a ghost function; used by the generated code."""
        hook = self.ghosts.get(name)
        if hook is not None:
            self.location = location
            hook(*arguments)

    def external(self, name: str, arguments: tuple[Any, ...], location: str) -> Any:
        """A call of a function without a definition; used by the generated code."""
        self.location = location
        function = self.externals.get(name)
        if function is None:
            raise KeyError(f"{location}: the function '{name}' has no definition and none was supplied")
        values = (operations.address(self, value) if isinstance(value, Place) else value for value in arguments)
        return function(*values)
