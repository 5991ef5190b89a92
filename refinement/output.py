"""Writing to standard output and standard error, whatever is at the other end.

A reader that has gone away (`refine list | head`) is no error, a terminal or log that is not UTF-8
gets plain ASCII signs for the others, and colours go to terminals only.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TextIO

import click

from refinement.obligations import Status

_ASCII = str.maketrans(
    {
        "→": "->",
        "←": "<-",
        "⇒": "=>",
        "⇔": "<=>",
        "≠": "!=",
        "≤": "<=",
        "≥": ">=",
        "⊑": "[=",
        "⊒": "=]",
        "∈": "in",
        "…": "...",
        "–": "-",
        "—": "-",
        "’": "'",
        "‘": "'",
        "“": '"',
        "”": '"',
        "✓": "+",
        "✗": "x",
        "×": "x",
        "·": "*",
        "│": "|",
        "─": "-",
        "└": "+",
        "├": "+",
    }
)

_CONTROL = re.compile(r"\x1b\[[0-9;]*m|[\x00-\x08\x0b-\x1f\x7f]")

COLOURS = {Status.PROVED: "green", Status.REFUTED: "red", Status.UNKNOWN: "yellow", Status.ERROR: "magenta"}


class OutputError(Exception):
    """Standard output does not take what is written to it; the text says why, and what to do."""


def write(text: str) -> None:
    """Write text and a line end to standard output.  Raises OutputError if that is full."""
    try:
        _write(sys.stdout, text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"standard output cannot be written: {reason}: send it elsewhere") from error


def write_error(text: str) -> None:
    """Write text and a line end to standard error; what cannot be written there is dropped."""
    try:
        _write(sys.stderr, text)
    except (OSError, ValueError):
        return


def mark(text: str, status: Status) -> str:
    """Text in the colour of a status, if standard output shows colours."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return click.style(text, fg=COLOURS[status], bold=status is not Status.PROVED)


def encodable(text: str, encoding: str) -> str:
    """The text in signs that the encoding has."""
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(_ASCII).encode(encoding, "backslashreplace").decode(encoding)
    return text


def _write(stream: TextIO, text: str) -> None:
    if not stream.isatty():
        text = _CONTROL.sub("", text)
    try:
        stream.write(encodable(text, stream.encoding or "utf-8") + "\n")
        stream.flush()
    except BrokenPipeError:
        _silence(stream)
    except OSError:
        # Python would try to write the rest once more at exit, and fail again.
        _silence(stream)
        raise


def _silence(stream: TextIO) -> None:
    """Let what is written to the stream from now on, and at exit, go nowhere."""
    try:
        target = os.open(os.devnull, os.O_WRONLY)
        os.dup2(target, stream.fileno())
        os.close(target)
    except (OSError, ValueError):
        pass
