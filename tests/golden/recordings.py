"""Recordings of the real seL4 kernel (AArch32, classic): what it answered to scenarios, and its state read from memory.

They are facts about commit 1326364bc913 on the imx6 platform, kept in one archive.
"""

from __future__ import annotations

import functools
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ARCHIVE = Path(__file__).with_name("recordings.tar.xz")


@functools.cache
def recordings() -> dict[str, dict[str, Any]]:
    """All recordings, by name."""
    found = {}
    with tarfile.open(ARCHIVE) as archive:
        for member in archive:
            file = archive.extractfile(member)
            assert file is not None
            found[member.name.removesuffix(".json")] = json.load(file)
    return found


def capabilities(recording: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every capability that a recording shows: at the start, at the end, and where one changed."""
    states = [recording["initial_state"], recording["final_state"], *recording.get("state_deltas", [])]
    for state in states:
        yield from (cap for cap in (state or {}).get("caps", {}).values() if cap is not None)
