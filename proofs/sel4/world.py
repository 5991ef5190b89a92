"""The small worlds in which counterexamples are looked for: where objects are, and where slots would have to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from executable_model.sel4.state import SLOT_BITS, THREAD_BITS, THREAD_OFFSET, THREAD_SLOTS, SlotRef
from impl.c.plain import addresses_of
from impl.sel4.program import KINDS
from refinement.logic import reference_at


def numbers(counts: Mapping[str, int]) -> dict[str, list[int]]:
    """The addresses of so many objects of each kind.

    Slots come one after the other, so that they can be a CNode.  Beside each thread but the first, which can only be
    the idle thread, there are its slots, which are more.  Threads are aligned to their size, and no more.
    """
    found = {kind: addresses_of(KINDS, kind, counts[kind]) for kind in KINDS}
    found["slot"] = [found["slot"][0] + (number << SLOT_BITS) for number in range(counts["slot"])]
    objects = [address + (1 << THREAD_BITS) for address in found["tcb"]]
    found["tcb"] = [address + THREAD_OFFSET for address in objects]
    found["slot"] += [address + (slot << SLOT_BITS) for address in objects[1:] for slot in range(THREAD_SLOTS)]
    return found


def nearby(s: Any, objects: Mapping[str, list[Any]], arguments: Mapping[str, Any]) -> dict[str, list[Any]]:
    """The first and the last slot of what would be the CNode of each capability in slots or arguments."""
    caps = [s.slot[slot].cap for slot in objects["slot"]]
    caps += [value for value in arguments.values() if hasattr(value, "size_bits")]
    return {"slot": [reference_at(SlotRef, address) for cap in caps for address in _ends(cap)]}


def _ends(cap: Any) -> tuple[Any, Any]:
    size = 1 << (cap.size_bits + SLOT_BITS & 31)
    return cap.object, (cap.object + size - (1 << SLOT_BITS)) & 0xFFFFFFFF
