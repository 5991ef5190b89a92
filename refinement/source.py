"""The source of an operation, as text to show."""

from __future__ import annotations

import inspect

from refinement.places import find_source

MOST_LINES = 60


def excerpt(location: str) -> list[str]:
    """The numbered lines of the function at `file:line`; empty if they are not to be had."""
    name, _, number = location.rpartition(":")
    path = find_source(name) if number.isdigit() else None
    if path is None:
        return []
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    first = int(number)
    if not 1 <= first <= len(lines):
        return []
    block = _function(lines[first - 1 :], python=path.suffix == ".py")
    width = len(str(first + len(block)))
    shown = [f"{first + offset:>{width}}  {line}".rstrip() for offset, line in enumerate(block[:MOST_LINES])]
    if len(block) > MOST_LINES:
        shown.append(f"{'':>{width}}  ({len(block) - MOST_LINES} more lines)")
    return shown


def _function(lines: list[str], python: bool) -> list[str]:
    """The lines of the function that begins at the first one."""
    if python:
        return [line.rstrip("\n") for line in inspect.getblock([f"{line}\n" for line in lines])]
    end = next((index for index, line in enumerate(lines) if line.startswith("}")), len(lines) - 1)
    return lines[: end + 1]
