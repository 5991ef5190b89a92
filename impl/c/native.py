"""The C program compiled for this machine, called in this process, with objects at fixed low addresses.

The units are preprocessed as for the target and then compiled for the host with `long` read as `int`, so that
every integer type has the width that it has on the target; only pointers are wider, and so structures lie
differently.  Kernel objects are mapped below 4 GiB: what the kernel does with pointers in 32-bit words loses
nothing.  Globals of the program lie wherever the loader puts them: a pointer to one does not fit a word.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cffi
from attrs import frozen

from impl.c import clang, ir, toolchain
from impl.c.memory import OBJECTS, parse_path
from impl.c.parse import content_key
from impl.c.places import Place
from refinement.bits import Bits
from refinement.terms import Term

_FLAGS = ("-shared", "-fPIC", "-O2", "-w", "-std=gnu11", "-fno-strict-aliasing", "-fwrapv", "-Wl,-z,defs")
_ZIG_FLAGS = ("-fno-sanitize=all",)
# Undefined behaviour is the evaluator's to find; here it must not stop the process.

_HELPERS = r"""
#include <stdint.h>
#include <sys/mman.h>
#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
int refine_map(unsigned long long address, unsigned long long size)
{
    void *wanted = (void *)(uintptr_t)address;
    void *got = mmap(wanted, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) {
        return 1;
    }
    if (got != wanted) {
        munmap(got, size);
        return 1;
    }
    return 0;
}
int refine_unmap(unsigned long long address, unsigned long long size)
{
    return munmap((void *)(uintptr_t)address, size);
}
"""


_HELPER_DECLARATIONS = """
int refine_map(unsigned long long, unsigned long long);
int refine_unmap(unsigned long long, unsigned long long);
"""

_initial_contents: dict[str, dict[str, bytes]] = {}
"""What the globals of each compiled program had in them when it was loaded, by its name."""


class Native:
    """The compiled program, whose globals have their initial values at first.

    `call`, `read`, `write`, `allocate`, `objects` and `valid` are those of the evaluator and `ByteMemory`:
    values are bit patterns, pointers plain ints.  The globals and the mapped memory belong to the process, so of one
    program there can only be one of these at a time.
    """

    def __init__(self, program: ir.Program, sources: clang.Sources, *, objects: tuple[int, int] = OBJECTS):
        """Compile (or take from the cache), load, and map the memory for objects at (address, size).

        Raises CompilerError if the program cannot be compiled, OSError if the memory cannot be mapped.
        """
        self.program = program
        library = load_library(program, sources)
        self._ffi: Any = library.ffi
        self._library: Any = library.functions
        self._functions: dict[str, tuple[Any, tuple[int, ...], bool]] = {}
        for name, function in program.functions.items():
            if function.body is not None and name not in program.ghost:
                masks = tuple((1 << _width(parameter.type)) - 1 for parameter in function.parameters)
                entry = getattr(self._library, f"refine_call_{name}")
                self._functions[name] = entry, masks, not isinstance(function.result, ir.Void)
        self._addresses = {name: getattr(self._library, f"refine_global_{name}")() for name in _variables(program)}
        self._sizes = {name: self._ffi.sizeof(_c_type(program.globals[name].type)) for name in self._addresses}
        contents = {name: bytes(self._buffer(address, self._sizes[name])) for name, address in self._addresses.items()}
        # The first one in the process finds them untouched.
        self._initial = _initial_contents.setdefault(library.name, contents)
        self._restore_globals()
        self._paths: dict[str, tuple[str | int, ...]] = {}
        self._pointers: dict[str, Any] = {}
        self._region = objects
        self.objects: dict[int, str] = {}
        if self._library.refine_map(*objects):
            raise OSError(f"no memory can be mapped at {objects[0]:#x}")

    def close(self) -> None:
        """Give the mapped memory back.  No object in it can be used any more."""
        self._library.refine_unmap(*self._region)

    def __enter__(self) -> Native:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _buffer(self, address: int, size: int) -> Any:
        return self._ffi.buffer(self._ffi.cast("char *", address), size)

    def reset(self) -> None:
        """Forget all objects; zero all object memory; give every global its initial value."""
        self.objects.clear()
        start, size = self._region
        self._library.refine_unmap(start, size)
        if self._library.refine_map(start, size):
            raise OSError(f"no memory can be mapped at {start:#x}")
        self._restore_globals()

    def _restore_globals(self) -> None:
        for name, content in self._initial.items():
            if not self.program.globals[name].constant:
                self._buffer(self._addresses[name], self._sizes[name])[:] = content

    def size_of(self, root: str) -> int:
        """The size in bytes of an object of a type on this machine."""
        size: int = self._ffi.sizeof(_c_type(self.program.named_type(root)))
        return size

    def call(self, name: str, arguments: Sequence[int] = ()) -> int | None:
        """Call a function; its result as a bit pattern, or None.  KeyError if there is no such function."""
        try:
            function, masks, returns = self._functions[name]
        except KeyError:
            raise KeyError(f"the C program has no function {name!r} with a body") from None
        if len(arguments) != len(masks):
            raise TypeError(f"{name} takes {len(masks)} arguments, not {len(arguments)}")
        result: int = function(*[value & mask for value, mask in zip(arguments, masks, strict=True)])
        return result if returns else None

    def allocate(self, root: str, address: int) -> None:
        """Let a zeroed object of a type live at an address; ValueError if it is not inside the mapped memory."""
        size = self.size_of(root)
        start, length = self._region
        if not start <= address <= start + length - size:
            raise ValueError(f"a {root} at {address:#x} is outside of the mapped memory")
        self._buffer(address, size)[:] = bytes(size)
        self.objects[address] = str(self.program.named_type(root))

    def valid(self, root: str, base: Bits) -> bool:
        """Whether a live object of the type `root` begins at the address `base`."""
        return isinstance(base, int) and self.objects.get(base) == root

    def load(self, place: Place, width: int) -> int:
        """The value in a place, of `width` bits."""
        path = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in place.path)
        base = place.base
        if isinstance(base, Term):
            raise TypeError(f"plain memory cannot be accessed at the symbolic place {place}")
        return self.read(place.root, base, path.removeprefix("."))

    def _holder(self, root: str, address: int | None, path: str) -> tuple[Any, str | int]:
        """What holds the value at a path, and the last step to it."""
        pointer_type = self._pointers.get(root)
        if pointer_type is None:
            if root in self.program.globals:
                type = self.program.globals[root].type
                element = type.element if isinstance(type, ir.Array) else type
            else:
                element = self.program.named_type(root)
            pointer_type = self._pointers[root] = self._ffi.typeof(_c_pointer(element))
        steps = self._paths.get(path)
        if steps is None:
            steps = self._paths[path] = parse_path(path)
        if (root in self.program.globals) != (address is None):
            raise ValueError(f"{root!r} is a global" if address is not None else f"a {root!r} needs an address")
        holder = self._ffi.cast(pointer_type, self._addresses[root] if address is None else address)
        if not steps:
            return holder, 0
        for step in steps[:-1]:
            holder = getattr(holder, step) if isinstance(step, str) else holder[step]
        return holder, steps[-1]

    def read(self, root: str, address: int | None = None, path: str = "") -> int:
        """The integer or pointer at a path in an object, or in a global (no address), as a bit pattern."""
        holder, step = self._holder(root, address, path)
        value = getattr(holder, step) if isinstance(step, str) else holder[step]
        if type(value) is int:
            # Negative values become the bit pattern of their type, whatever its width.
            return value if value >= 0 else value & self._mask(root, path)
        if isinstance(value, bool):
            return int(value)
        if isinstance(value, self._ffi.CData) and self._ffi.typeof(value).kind == "pointer":
            return int(self._ffi.cast("uintptr_t", value))
        if isinstance(value, bytes):
            return value[0]
        raise TypeError(f"{root}{path} is not a single value")

    def _mask(self, root: str, path: str) -> int:
        return (1 << _width(self._type_at(root, path))) - 1

    def _type_at(self, root: str, path: str) -> ir.Type:
        variable = self.program.globals.get(root)
        type = variable.type if variable is not None else self.program.named_type(root)
        for step in parse_path(path):
            if isinstance(type, ir.Array):
                type = type.element
            elif isinstance(type, ir.Struct):
                type = self.program.structs[type.name].by_name[str(step)].type
        return type

    def write(self, root: str, address: int | None, path: str, value: int) -> None:
        """Put an integer or pointer at a path in an object or global; it is cut to the field's width."""
        holder, step = self._holder(root, address, path)
        type = self._type_at(root, path)
        content: Any
        if isinstance(type, ir.Pointer):
            content = self._ffi.cast(_c_type(type), value)
        elif isinstance(type, ir.Integer):
            content = int(self._ffi.cast(_c_type(type), value))
        else:
            raise TypeError(f"{root}{path} is not a single value")
        if isinstance(step, str):
            setattr(holder, step, content)
        else:
            holder[step] = content

    def read_bytes(self, address: int, count: int) -> bytes:
        """`count` bytes from an address in the mapped memory on."""
        return bytes(self._buffer(address, count))


def _width(type: ir.Type) -> int:
    return type.width if isinstance(type, ir.Integer) else ir.WORD


def _variables(program: ir.Program) -> list[str]:
    return [name for name, variable in program.globals.items() if variable.defined]


# Declarations, from the typed tree


def _c_name(struct: str) -> str:
    return "refine_" + re.sub(r"\W", "_", struct)


def _c_type(type: ir.Type) -> str:
    """The type in C, as the generated declarations have it; an array without a name."""
    if isinstance(type, ir.Void):
        return "void"
    if isinstance(type, ir.Integer):
        if type.boolean:
            return "_Bool"
        name = {8: "char", 16: "short", 32: "int", 64: "long long"}[type.width]
        return f"{'signed' if type.signed else 'unsigned'} {name}"
    if isinstance(type, ir.Pointer):
        return "void *" if isinstance(type.target, ir.Array) else f"{_c_type(type.target)} *"
    if isinstance(type, ir.Struct):
        return f"struct {_c_name(type.name)}"
    lengths = ""
    element: ir.Type = type
    while isinstance(element, ir.Array):
        lengths += f"[{element.length}]"
        element = element.element
    return _c_type(element) + lengths


def _c_pointer(type: ir.Type) -> str:
    """A pointer to the type in C, also to an array."""
    element, brackets, lengths = _c_type(type).partition("[")
    return f"{element} (*){brackets}{lengths}"


def _c_field(entry: ir.Field) -> str:
    element, brackets, lengths = _c_type(entry.type).partition("[")
    return f"    {element} {entry.name}{brackets}{lengths};"


def declarations(program: ir.Program) -> str:
    """The structures of the program and the entries to its functions and globals, in C."""
    lines = []
    for layout in program.structs.values():
        lines.append(f"struct {_c_name(layout.name)} {{")
        lines += [_c_field(entry) for entry in layout.fields]
        lines.append("};")
    for name, function in program.functions.items():
        if function.body is not None and name not in program.ghost:
            arguments = ", ".join(["unsigned long long"] * len(function.parameters)) or "void"
            lines.append(f"unsigned long long refine_call_{name}({arguments});")
    lines += [f"unsigned long long refine_global_{name}(void);" for name in _variables(program)]
    return "\n".join(lines) + "\n"


def _entries(program: ir.Program, unit: str) -> str:
    """C text for the end of a unit: an entry to each of its functions and globals, static ones too."""
    lines = []
    for name, function in program.functions.items():
        if function.unit != unit or function.body is None or name in program.ghost:
            continue
        letters = [f"a{number}" for number in range(len(function.parameters))]
        parameters = ", ".join(f"unsigned long long {letter}" for letter in letters) or "void"
        # The compiler knows the parameters' types: through a word an argument becomes what they are.
        values = ", ".join(
            f"({'void *' if isinstance(parameter.type, ir.Pointer) else _c_type(parameter.type)}){letter}"
            for letter, parameter in zip(letters, function.parameters, strict=True)
        )
        call = f"{name}({values})"
        if isinstance(function.result, ir.Void):
            body = f"{call}; return 0;"
        elif isinstance(function.result, ir.Pointer):
            body = f"return (unsigned long long)(void *){call};"
        else:
            assert isinstance(function.result, ir.Integer)
            width = {8: "char", 16: "short", 32: "int", 64: "long long"}[function.result.width]
            body = f"return (unsigned {width}){call};"
        lines.append(f"unsigned long long refine_call_{name}({parameters}) {{ {body} }}")
    lines += [
        f"unsigned long long refine_global_{name}(void) {{ return (unsigned long long)(void *)&{name}; }}"
        for name in _variables(program)
        if program.globals[name].unit == unit
    ]
    return "\n".join(lines) + "\n"


# The units' text for the host

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|^#[^\n]*$|\w+|\s+|.', re.MULTILINE | re.DOTALL)
_SPECIFIERS = frozenset(("long", "int", "signed", "unsigned", "short", "char", "double", "const"))


def for_host(text: str) -> str:
    """Preprocessed text of a unit with `long` as `int` and `1l` as `1`, and without static assertions.

    What the target's `long` is has the same width there as `int`; assertions on layouts with pointers hold
    on the target only, where the front end has seen them.
    """
    tokens = _TOKEN.findall(text)
    result: list[str] = []
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token == "_Static_assert":
            position = _after_parentheses(tokens, position + 1)
            result.append(" ")
            continue
        if token in _SPECIFIERS:
            end = position
            last = position
            while end < len(tokens) and (tokens[end] in _SPECIFIERS or tokens[end].isspace()):
                if tokens[end] in _SPECIFIERS:
                    last = end
                end += 1
            result += _shorter(tokens[position : last + 1])
            position = last + 1
            continue
        if token[0].isdigit():
            number = re.fullmatch(r"(0[xX][0-9a-fA-F]+|\d+)([uU]?)([lL]?)([uU]?)", token)
            token = f"{number[1]}{number[2]}{number[4]}" if number else token
        elif token in ("__builtin_clzl", "__builtin_ctzl"):
            token = token[:-1]
        result.append(token)
        position += 1
    return "".join(result)


def _shorter(words: list[str]) -> list[str]:
    if words.count("long") != 1 or "double" in words:
        return words
    return ["" if word == "long" and "int" in words else "int" if word == "long" else word for word in words]


def _after_parentheses(tokens: list[str], position: int) -> int:
    depth = 0
    while position < len(tokens):
        depth += {"(": 1, ")": -1}.get(tokens[position], 0)
        position += 1
        if depth == 0 and tokens[position - 1] == ")":
            return position
    return position


# Building


def _compiler() -> list[str]:
    chosen = os.environ.get("CC")
    return shlex.split(chosen) if chosen else [str(toolchain.zig()), "cc"]


@frozen
class Library:
    """A compiled program that is loaded: cffi's view of its declarations and of its functions."""

    name: str
    ffi: Any
    functions: Any


@functools.cache
def _library(name: str, path: Path, declared: str) -> Library:
    """The library in a file; OSError if it cannot be loaded."""
    ffi = cffi.FFI()
    ffi.cdef(declared)
    return Library(name, ffi, ffi.dlopen(str(path)))


def load_library(program: ir.Program, sources: clang.Sources) -> Library:
    """The compiled and loaded library of a program; from the cache if nothing changed.

    It is called without a Python extension around it, which would need Python's C headers to be built.
    """
    key = content_key(sources, [*_compiler(), *sorted(program.ghost)])
    name = f"refine_native_{hashlib.sha256(key.encode()).hexdigest()[:20]}"
    path = toolchain.cache_directory() / "native" / f"{name}.so"
    declared = declarations(program) + _HELPER_DECLARATIONS
    if path.exists():
        with contextlib.suppress(OSError):
            return _library(name, path, declared)
    _build(path, program, sources)
    try:
        return _library(name, path, declared)
    except OSError as error:
        raise toolchain.CompilerError(f"the compiled kernel cannot be loaded: {error}") from error


def _build(path: Path, program: ir.Program, sources: clang.Sources) -> None:
    undefined = sorted(
        name for name, function in program.functions.items() if function.body is None and name not in program.ghost
    )
    if undefined and not sources.native:
        raise toolchain.CompilerError(f"the native build has no definition of {', '.join(undefined)}")
    with tempfile.TemporaryDirectory(prefix="refine-native-") as temporary:
        folder = Path(temporary)
        (folder / "helpers.c").write_text(_HELPERS)
        files = ["helpers.c"]
        for number, unit in enumerate((*sources.files, *sources.native)):
            preprocess = [str(toolchain.zig()), "clang", *sources.options(), "-w", "-E", unit]
            text = for_host(toolchain.run(preprocess, sources.root))
            file = f"unit{number}.c"
            (folder / file).write_text(text + "\n" + _entries(program, unit))
            files.append(file)
        compiler = _compiler()
        flags = [*_FLAGS, *([] if os.environ.get("CC") else _ZIG_FLAGS)]
        command = [*compiler, *flags, *files, "-o", path.name]
        toolchain.run(command, folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}.new")
        shutil.copy(folder / path.name, fresh)
        os.replace(fresh, path)
