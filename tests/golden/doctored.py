"""Recordings that were changed in one place, so that they say something that the kernel did not do."""

from __future__ import annotations

import copy
from typing import Any

from attrs import frozen

from tests.golden.recordings import recordings

MINT = "cnode-copy-mint-basic"
ERRORS = "cnode-copy-errors"
BADGES = "notification-badges"
BLOCKS = "fuzz-cspace-15"
"""In this one T0 is blocked for ever by its step 5."""

REGISTERS = "tcb-registers"
TURNS = "sched-wake-equal"
"""In this one several threads wait for their turns."""
OPERATIONS = "tcb-tls-flags"
"""In this one threads do something without the kernel."""

Path = tuple[str | int, ...]


@frozen
class Doctored:
    """A recording with another value in one place.

    It has to be noticed at a step, as a difference in `what`; by the specification only if it `is_abstract`.
    """

    recording: str
    place: Path
    value: Any
    step: str
    what: str
    is_abstract: bool = True

    @property
    def name(self) -> str:
        """The place, as a test's name."""
        return "-".join([self.recording, *map(str, self.place)])

    def content(self) -> dict[str, Any]:
        """The recording with that value."""
        content = copy.deepcopy(recordings()[self.recording])
        inner: Any = content
        for part in self.place[:-1]:
            inner = inner[part]
        assert inner[self.place[-1]] != self.value, "that is what was recorded"
        inner[self.place[-1]] = self.value
        return content


def _result(index: int, *place: str | int) -> Path:
    return ("threads", "T0", index, "result", *place)


def _cap(index: int, slot: str, *place: str | int) -> Path:
    return ("state_deltas", index, "caps", slot, *place)


DOCTORED = (
    Doctored(MINT, _result(11, "error"), "NoError", "T0:11", "error"),
    Doctored(MINT, _result(2, "regs", 2), 51, "T0:2", "regs"),
    Doctored(MINT, _result(11, "tag"), 0x2000, "T0:11", "tag"),
    Doctored(BADGES, _result(11, "badge"), 3, "T0:11", "badge"),
    Doctored(ERRORS, _result(7, "mrs", 4), 25, "T0:7", "mrs"),
    Doctored(ERRORS, _result(7, "length"), 4, "T0:7", "length"),
    Doctored(ERRORS, _result(7, "returned"), False, "T0:7", "outcome"),
    Doctored(ERRORS, _result(7, "issued"), False, "T0:7", "outcome"),
    Doctored(BLOCKS, _result(5, "returned"), True, "T0:5", "outcome"),
    Doctored(BLOCKS, ("threads", "T0", 6, "result"), {"issued": True, "returned": False}, "T0:6", "outcome"),
    Doctored(REGISTERS, _result(10, "mrs", 12), 7, "T0:10", "mrs"),
    Doctored(OPERATIONS, _result(3, "value"), 1, "T0:3", "value"),
    Doctored(TURNS, ("events", 13), "T1:0>", "T2:0", "order"),
    Doctored(TURNS, ("events", -1), "T0:6>", "end", "order"),
    Doctored(MINT, ("final_state", "objects", "T0", "regs", "sp"), 0x420000, "end", "T0 sp"),
    Doctored(MINT, _cap(10, "S[60]", "words", 0), 84 ^ 1 << 4, "T0:10", "S[60] capability"),
    Doctored(MINT, _cap(10, "S[60]", "words", 1), 4026531855 ^ 1 << 1, "T0:10", "S[60] capability"),
    Doctored(MINT, _cap(10, "S[60]"), None, "T0:10", "S[60] capability"),
    Doctored(MINT, _cap(10, "S[60]", "mdb", "next"), "S[56]", "T0:10", "S[60] next"),
    Doctored(MINT, _cap(10, "S[57]", "mdb", "prev"), None, "T0:10", "S[57] prev"),
    Doctored(MINT, _cap(0, "S[16]", "mdb", "prev"), None, "T0:0", "S[16] prev"),
    Doctored(MINT, _cap(10, "S[60]", "mdb", "revocable"), 0, "T0:10", "S[60] revocable"),
    Doctored(MINT, _cap(10, "S[60]", "mdb", "firstBadged"), 0, "T0:10", "S[60] first badged", is_abstract=False),
    Doctored(MINT, ("state_deltas", 0, "objects", "U+0x0", "state"), "Send", "T0:0", "U+0x0 state"),
    Doctored(BADGES, ("state_deltas", 5, "objects", "U+0x0", "queue"), ["T1"], "T0:5", "U+0x0 queue"),
    Doctored(BADGES, ("state_deltas", 9, "objects", "U+0x0", "msgIdentifier"), 6, "T0:9", "U+0x0 msgIdentifier"),
    Doctored(
        BADGES, ("state_deltas", 11, "objects", "U+0x0", "msgIdentifier"), 0, "T0:11", "U+0x0 msgIdentifier", False
    ),
    Doctored(BADGES, ("state_deltas", 5, "objects", "U+0x0", "boundTCB"), "T0", "T0:5", "U+0x0 boundTCB"),
    Doctored(MINT, ("final_state", "caps", "S[60]", "words", 0), 4, "end", "S[60] capability"),
    Doctored(MINT, ("final_state", "curDomain"), 1, "end", "current domain"),
    Doctored(BLOCKS, ("final_state", "objects", "U+0x0", "queue"), [], "end", "U+0x0 queue"),
    Doctored(BLOCKS, ("final_state", "objects", "U+0x0", "state"), "Recv", "end", "U+0x0 state"),
    Doctored(BLOCKS, ("final_state", "objects", "T0", "state"), "BlockedOnReply", "end", "T0 state"),
    Doctored(BLOCKS, ("final_state", "objects", "T0", "blockingObject"), "U+0x10", "end", "T0 blockingObject"),
    Doctored(BLOCKS, ("final_state", "objects", "T0", "blockingIPCCanGrant"), 5, "end", "T0 blockingIPCCanGrant"),
    Doctored(BLOCKS, ("final_state", "objects", "T0", "epNext"), "T1", "end", "T0 epNext"),
    Doctored(BLOCKS, ("final_state", "objects", "T0", "regs", "r1"), 1, "end", "T0 r1"),
    Doctored(BLOCKS, ("final_state", "objects", "T1", "mcp"), 1, "end", "T1 mcp"),
)
"""One of each sort of thing that is recorded."""
