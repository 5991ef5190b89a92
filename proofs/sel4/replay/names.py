"""The names that recordings give to objects and slots, and the addresses that they stand for.

One place goes by several names, depending on which capabilities were visible when the kernel's memory was read:
addresses are what is compared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from attrs import frozen

from executable_model.sel4.state import SLOT_BITS, THREAD_OFFSET, THREAD_SLOTS

OUTSIDE = -1
"""Stands for a slot that a recording only calls "outside"."""
ELSEWHERE = 0xE1F0_0000
"""From here on lies what the recordings give no addresses for; nothing that they show lies there."""
IDLE_THREAD = ELSEWHERE + THREAD_OFFSET
OUTSIDE_SLOTS = ELSEWHERE + 0x1000
IRQ_SLOTS = ELSEWHERE + 0x2000

THREADS = tuple(f"T{number}" for number in range(8))
CNODE_SLOTS = 256
"""The slots of `S`, and those for interrupts."""
THREAD_SLOT_NAMES = ("CTable", "VTable", "Reply", "Caller", "Buffer")
"""The slots of a thread, in order."""

_IN_UNTYPED = re.compile(r"(?:CN@|TCB@|slot@)?U\+0x([0-9a-f]+)")
_ADDRESS = re.compile(r"(?:CN@|TCB@|slot@)?0x([0-9a-f]+)")
_INDEXED = re.compile(r"(.+)\[(\d+)\]")
_OF_THREAD = re.compile(r"(.+)\.(\w+)")


@frozen
class Addresses:
    """Where the objects are that a recording has names for: `S`, `U`, `EXIT`, `T0` to `T7`."""

    known: Mapping[str, int]

    def object(self, name: str) -> int:
        """The address of an object; ValueError for a name that is none."""
        if name in self.known:
            return self.known[name]
        if found := _IN_UNTYPED.fullmatch(name):
            return self.known["U"] + int(found[1], 16)
        if found := _ADDRESS.fullmatch(name):
            return int(found[1], 16)
        raise ValueError(f"{name!r} is no name of an object")

    def thread(self, name: str) -> int:
        """The address of a thread's control block, by which it is referred to; ValueError for a name that is none."""
        return self.object(name) + THREAD_OFFSET

    def slot(self, name: str) -> int:
        """The address of a slot, or OUTSIDE; ValueError for a name that is none."""
        if name == "outside":
            return OUTSIDE
        if found := _INDEXED.fullmatch(name):
            start = IRQ_SLOTS if found[1] == "irq" else self.object(found[1])
            return start + (int(found[2]) << SLOT_BITS)
        found = _OF_THREAD.fullmatch(name)
        if found and found[2] in THREAD_SLOT_NAMES:
            return self.object(found[1]) + (THREAD_SLOT_NAMES.index(found[2]) << SLOT_BITS)
        return self.object(name)

    def name_of(self, address: int) -> str:
        """A name for the address of an object, or of a thread control block; `none` for 0."""
        if address == 0:
            return "none"
        for name, start in self.known.items():
            if name != "U" and address in (start, start + (THREAD_OFFSET if name in THREADS else 0)):
                return name
        return f"U+{address - self.known['U']:#x}" if address >= self.known["U"] else f"{address:#x}"

    def name_of_slot(self, address: int) -> str:
        """A name for the address of a slot; `none` for 0."""
        if address in (0, OUTSIDE):
            return "outside" if address else "none"
        if 0 <= address - self.known["S"] < CNODE_SLOTS << SLOT_BITS:
            return f"S[{(address - self.known['S']) >> SLOT_BITS}]"
        for name in THREADS:
            if 0 <= address - self.known[name] < THREAD_SLOTS << SLOT_BITS:
                return f"{name}.{THREAD_SLOT_NAMES[(address - self.known[name]) >> SLOT_BITS]}"
        if 0 <= address - IRQ_SLOTS < CNODE_SLOTS << SLOT_BITS:
            return f"irq[{(address - IRQ_SLOTS) >> SLOT_BITS}]"
        return self.name_of(address)
