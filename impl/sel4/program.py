"""The kernel's C program: its source files, what the front end makes of them, and how its state is read."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from pathlib import Path

from impl.c import ir
from impl.c.clang import Sources
from impl.c.layer import CLayer, PackedRecord
from impl.c.parse import parse
from impl.c.primitives import Primitives
from impl.c.subset import OutsideSubset
from impl.c.toolchain import CompilerError
from impl.c.view import CView, Reader
from impl.sel4.layout import layout
from refinement.errors import InputError
from refinement.places import relative

FOLDER = Path(__file__).parent
"""The folder that locations in the C program are relative to."""

KINDS = {
    "tcb": "tcb",
    "endpoint": "endpoint",
    "notification": "notification",
    "slot": "cte",
    "user_data": "user_data",
}
"""The C type of the objects of each kind."""

PRIMITIVES = Primitives(
    delete="deleteObjects",
    clear="clearMemory",
    create={
        "createSlots": "cte",
        "createThreads": "tcb",
        "createEndpoints": "endpoint",
        "createNotifications": "notification",
        "createUserData": "user_data",
    },
)
"""The functions of include/memory.h that say which objects there are."""


def sources() -> Sources:
    """The kernel's C files, in order of name; CompilerError if there are none."""
    files = sorted(path.relative_to(FOLDER).as_posix() for path in (FOLDER / "src").glob("*.c"))
    if not files:
        raise CompilerError(f"{FOLDER / 'src'}: there are no C files")
    return Sources(FOLDER, files, ("include",), native=("native/objects.c",))


@functools.cache
def program() -> ir.Program:
    """The parsed program, made once in a process and kept on disk between them.

    Raises InputError for an error in the sources, and for what the subset of C does not allow.
    """
    try:
        return parse(sources())
    except OutsideSubset as error:
        hint = "write it within the subset, which impl/c/subset.py describes"
        raise InputError(f"{_from_root(error.user_message)}: {hint}") from error
    except CompilerError as error:
        raise InputError(_from_root(error.user_message)) from error


def _from_root(message: str) -> str:
    """A message that begins with `file:line:`, with the file's name from the project's root on."""
    file, colon, rest = message.partition(":")
    return f"{relative(str(FOLDER / file))}:{rest}" if colon and (FOLDER / file).is_file() else message


def function_name(operation: str) -> str:
    """The C function of an operation: `cancel_all_ipc` is `cancelAllIPC`."""
    first, *others = operation.split("_")
    return first + "".join("IPC" if word == "ipc" else word.capitalize() for word in others)


def view(reader: Reader) -> CView:
    """The state of the kernel in a memory."""
    return CView(reader, program(), KINDS, layout())


def layer(operations: Iterable[str], records: Mapping[str, PackedRecord]) -> CLayer:
    """The layer `c`, with the operations of these names, and records that are passed as these say."""
    functions = {name: function_name(name) for name in operations}
    return CLayer(program(), KINDS, layout(), functions, FOLDER, primitives=PRIMITIVES, records=records)
