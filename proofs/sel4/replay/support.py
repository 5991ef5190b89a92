"""What belongs to later work: from the first such step on a recording is not replayed."""

from __future__ import annotations

from collections.abc import Iterable

from executable_model.sel4.capability import Cap, CapKind
from executable_model.sel4.state import CSPACE_ROOT, SLOT_BITS, THREAD_OFFSET
from executable_model.sel4.syscall import Syscall
from proofs.sel4.replay import words
from proofs.sel4.replay.machine import Machine
from proofs.sel4.replay.recording import Recording, Step
from proofs.sel4.replay.stepping import WORD_MASK, Guest

LATER = (
    CapKind.Thread,
    CapKind.Frame,
    CapKind.PageTable,
    CapKind.PageDirectory,
    CapKind.ASIDControl,
    CapKind.ASIDPool,
    CapKind.IRQControl,
    CapKind.IRQHandler,
    CapKind.Domain,
    CapKind.SGISignal,
)
"""The kinds of capabilities whose invocation belongs to later work."""
WORD_BITS = 32


def of_recording(recording: Recording) -> str:
    """Why a recording cannot be replayed at all; empty if it can."""
    return "what happens depends on the timer, which no layer has yet" if recording.timer_driven else ""


def of_step(machine: Machine, guest: Guest, step: Step) -> str:
    """Why a step, which is about to be made, cannot be replayed; empty if it can."""
    if step.operation:
        return f"{step.operation} is done at user level, which no layer has yet"
    if step.number & WORD_MASK not in (Syscall.Call, Syscall.Send, Syscall.NBSend):
        return ""
    cap = resolve(machine, guest.thread, step.cap)
    return f"the invocation of a {cap.kind.name} capability belongs to later work" if cap.kind in LATER else ""


def of_outcome(machine: Machine, guest: Guest, others: Iterable[Guest], heard: bool) -> str:
    """Why what a step has led to cannot be replayed; empty if it can.

    `heard` says that a fault handler would have heard of a fault of the guest's.
    """
    if heard and state_of(machine, guest.thread) == "Inactive":
        return "a fault handler would hear of the fault, and fault handlers belong to later work"
    for other in others:
        if state_of(machine, other.thread) in ("Running", "Restart"):
            return f"{other.name} can run now, and recordings with several threads belong to later work"
    return ""


def would_be_heard(machine: Machine, guest: Guest) -> bool:
    """Whether there is a fault handler that would hear of a fault of the guest's."""
    image = machine.image("tcb", guest.thread)
    if image is None:
        return False
    handler = resolve(machine, guest.thread, image["faultHandler"])
    return handler.kind == CapKind.Endpoint and handler.can_send and (handler.can_grant or handler.can_grant_reply)


def state_of(machine: Machine, thread: int) -> str:
    """What a thread does or waits for; empty if it is no more."""
    image = machine.image("tcb", thread)
    return "" if image is None else image["state"]


def resolve(machine: Machine, thread: int, address: int) -> Cap:
    """The capability that an address leads to in a thread's capability space; the null capability if to none.

    This is looked up here, and not in the layer, so that all layers are asked in the same way.
    """
    cap = _cap(machine, thread - THREAD_OFFSET + (CSPACE_ROOT << SLOT_BITS))
    left = WORD_BITS
    while cap.kind == CapKind.CNode and left > 0:
        used = cap.guard_size + cap.size_bits
        if used > left or used == 0 or _bits(address, left, cap.guard_size) != cap.guard:
            return Cap()
        index = _bits(address, left - cap.guard_size, cap.size_bits)
        cap = _cap(machine, cap.object + (index << SLOT_BITS))
        left -= used
    return cap if left < WORD_BITS else Cap()


def _bits(address: int, left: int, count: int) -> int:
    """The first `count` of the `left` low bits of an address."""
    return (address >> (left - count)) & ((1 << count) - 1)


def _cap(machine: Machine, slot: int) -> Cap:
    return words.decode(machine.cap_words(slot))
