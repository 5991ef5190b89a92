"""Where the objects of small worlds are, in which counterexamples are looked for."""

from __future__ import annotations

from collections.abc import Mapping

from executable_model.sel4.state import SLOT_BITS, THREAD_BITS, THREAD_OFFSET, THREAD_SLOTS
from impl.c.plain import addresses_of
from impl.sel4.program import KINDS


def numbers(counts: Mapping[str, int]) -> dict[str, list[int]]:
    """The addresses of so many objects of each kind.

    Beside each thread but the first, which can only be the idle thread, there are its slots, which are more.  Threads
    are aligned to their size, and no more.
    """
    found = {kind: addresses_of(KINDS, kind, counts[kind]) for kind in KINDS}
    objects = [address + (1 << THREAD_BITS) for address in found["tcb"]]
    found["tcb"] = [address + THREAD_OFFSET for address in objects]
    found["slot"] += [address + (slot << SLOT_BITS) for address in objects[1:] for slot in range(THREAD_SLOTS)]
    return found
