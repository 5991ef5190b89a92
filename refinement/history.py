"""The last result of every obligation, kept from one run to the next.

`refine explain` shows it, and the runner starts the tasks that took longest first.  Nothing depends on
it: a missing, damaged or unwritable file only means that nothing is remembered.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field

from refinement.places import cache_directory

FORMAT = 1


@define
class History:
    """What is remembered: by obligation its last result as in the JSON report, by task its seconds."""

    results: dict[str, dict[str, Any]] = field(factory=dict)
    seconds: dict[str, float] = field(factory=dict)


def _path() -> Path:
    return cache_directory() / "last-results.json"


def read() -> History:
    """What is remembered; nothing if the file is not there or is damaged."""
    try:
        content = json.loads(_path().read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            return History()
        results = {str(key): dict(value) for key, value in content["results"].items()}
        return History(results, {str(key): float(value) for key, value in content["seconds"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return History()


def update(results: Mapping[str, dict[str, Any]], seconds: Mapping[str, float], kernels: Iterable[str],
           known: Iterable[str]) -> None:  # fmt: skip
    """Remember these results besides the earlier ones, less those of ids that `kernels` no longer have.

    `known` are the ids of all obligations and tasks of these kernels.  The file is replaced in one step.
    Raises OSError where it cannot be written.
    """
    history = read()
    current, prefixes = set(known), tuple(f"{name}/" for name in kernels)
    kept = {key: value for key, value in history.results.items() if key in current or not key.startswith(prefixes)}
    timed = {key: value for key, value in history.seconds.items() if key in current or not key.startswith(prefixes)}
    content = {"format": FORMAT, "results": {**kept, **results}, "seconds": {**timed, **seconds}}
    write_atomically(_path(), json.dumps(content, default=str))


def write_atomically(path: Path, text: str) -> None:
    """Write a whole file or nothing: readers see the old content or the new.  Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made by an ordinary open, not by tempfile: what is saved is for others to read too, as the umask allows.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, path)
    except BaseException:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise
