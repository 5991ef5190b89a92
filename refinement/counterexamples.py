"""Saving counterexamples: for each refuted obligation its scenario as JSON and a pytest case that replays it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from refinement.errors import InputError
from refinement.history import write_atomically
from refinement.obligations import Result


def prepare(directory: Path) -> None:
    """Make the folder to save in; InputError if that cannot be done."""
    try:
        directory.mkdir(parents=True, exist_ok=True)
        probe = directory / ".refine-probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise InputError(f"--save: cannot write in {directory}: {error.strerror}: choose another folder") from error


def save(results: Iterable[Result], directory: Path) -> list[Path]:
    """Write what there is of each counterexample; gives the files.  Raises OSError.

    `NAME.json` holds the counterexample's `scenario` (or all of it, if there is none).  It may bring, under
    `pytest`, the text of a test that reproduces it: that becomes `test_NAME.py`.
    """
    written = []
    for result in results:
        if result.counterexample is None:
            continue
        name = re.sub(r"[^A-Za-z0-9]+", "_", result.obligation.id).strip("_")
        content = result.counterexample.get("scenario", result.counterexample)
        case = result.counterexample.get("pytest")
        files = {f"{name}.json": json.dumps(content, indent=1, default=str) + "\n"}
        if isinstance(case, str):
            files[f"test_{name}.py"] = case
        for file, text in files.items():
            write_atomically(directory / file, text)
            written.append(directory / file)
    return written
