"""Errors that are the user's to mend: each says in one line what is wrong and what to do."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from pathlib import Path

from refinement.places import cache_directory, relative


class InputError(Exception):
    """What was asked for, or a file that it needs, is not right; `user_message` says so in one line.

    Any exception with an attribute `user_message` (such as the C front end's for a file outside of its
    subset) is treated alike: that line, no traceback.
    """

    def __init__(self, user_message: str):
        super().__init__(user_message)
        self.user_message = user_message


def user_message(error: BaseException) -> str | None:
    """The one line for an error that comes of the input; None for one that is a fault of this program."""
    message = getattr(error, "user_message", None)
    if isinstance(message, str):
        return " ".join(message.split())
    if isinstance(error, SyntaxError):
        return f"{error.filename}:{error.lineno}: {error.msg}: mend the syntax"
    if isinstance(error, ModuleNotFoundError):
        return f"{_place(error)}no module named {error.name!r}: install it, or correct the import"
    if isinstance(error, ImportError):
        return f"{_place(error)}{' '.join(str(error).split())}: correct the import"
    if isinstance(error, FileNotFoundError) and error.filename is not None:
        return f"{_place(error)}there is no file {os.fsdecode(error.filename)}: restore it, or correct the path"
    if isinstance(error, MISTAKES):
        place = _place_in_kernel(error)
        if place:
            return f"{place}: {type(error).__name__}: {' '.join(str(error).split())}: mend it"
    return None


MISTAKES = (NameError, AttributeError, TypeError, LookupError, ValueError, ArithmeticError)
"""What a mistake in a kernel's Python code shows as, when it is run."""

KERNEL = ("spec", "executable_model", "impl", "proofs")
"""The folders that have a kernel's code."""


def _place_in_kernel(error: BaseException) -> str:
    """`file:line` of the innermost frame in a kernel's code, from the project's root on; empty if there is none."""
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        name = relative(frame.filename)
        if name.split("/")[0] in KERNEL and not name.startswith("impl/c/"):
            return f"{name}:{frame.lineno}"
    return ""


def _place(error: BaseException) -> str:
    """`file:line: ` of the innermost frame that is not the import machinery's; empty if there is none."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen ")]
    return f"{frames[-1].filename}:{frames[-1].lineno}: " if frames else ""


def record_traceback(text: str) -> str:
    """Write a traceback to a file for later; says in a phrase where it is.

    With REFINE_TRACEBACK set it goes to standard error as well.
    """
    if os.environ.get("REFINE_TRACEBACK", "0") not in ("", "0"):
        sys.stderr.write(text)
    for directory in (cache_directory(), Path(tempfile.gettempdir())):
        path = directory / f"traceback-{os.getpid()}.txt"
        try:
            directory.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", errors="backslashreplace")
        except OSError:
            continue
        return f"the traceback is in {path}"
    return "set REFINE_TRACEBACK=1 to see the traceback"
