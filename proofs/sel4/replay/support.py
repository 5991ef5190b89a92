"""What belongs to later work: from the first such system call on a recording is not replayed."""

from __future__ import annotations

from executable_model.sel4.capability import READ_ONLY, READ_WRITE, Cap, CapKind
from executable_model.sel4.state import (
    BUFFER_CAPS,
    CALLER_SLOT,
    CAP_REGISTER,
    CSPACE_ROOT,
    IPC_BUFFER_SLOT,
    MESSAGE_INFO_REGISTER,
    MESSAGE_REGISTERS,
    SLOT_BITS,
    THREAD_OFFSET,
)
from executable_model.sel4.syscall import Syscall
from proofs.sel4.replay import words
from proofs.sel4.replay.guest import NUMBER_REGISTER
from proofs.sel4.replay.machine import Machine
from proofs.sel4.replay.recording import Recording

LATER = (
    CapKind.Frame,
    CapKind.PageTable,
    CapKind.PageDirectory,
    CapKind.ASIDControl,
    CapKind.ASIDPool,
    CapKind.IRQControl,
    CapKind.IRQHandler,
    CapKind.SGISignal,
)
"""The kinds of capabilities whose invocation belongs to later work."""
WORD_BITS = 32
LONG = "messages between threads with more than four words belong to later work"
WITH_CAPS = "the transfer of capabilities between threads belongs to later work"
HEARD = "a fault handler would hear of the fault, and fault handlers belong to later work"


def of_recording(recording: Recording) -> str:
    """Why a recording cannot be replayed at all; empty if it can."""
    return "what happens depends on the timer, which no layer has yet" if recording.timer_driven else ""


def of_entry(machine: Machine, thread: int) -> str:
    """Why the system call that a thread is about to make cannot be replayed; empty if it can."""
    match machine.register(thread, NUMBER_REGISTER):
        case Syscall.Call | Syscall.Send:
            return _of_invocation(machine, thread, True)
        case Syscall.NBSend:
            return _of_invocation(machine, thread, False)
        case Syscall.Recv | Syscall.NBRecv:
            return _of_recv(machine, thread)
        case Syscall.Reply:
            return _of_reply(machine, thread)
        case Syscall.ReplyRecv:
            return _of_reply(machine, thread) or _of_recv(machine, thread)
        case Syscall.Yield:
            return ""
        case _:
            return _of_fault(machine, thread)


def of_rest(machine: Machine) -> str:
    """Why it cannot be told that all has come to rest, as no thread can run; empty if it can."""
    return "" if machine.current_domain == 0 else "when another domain has its turn depends on the timer"


def _of_invocation(machine: Machine, thread: int, blocking: bool) -> str:
    cap = resolve(machine, thread, machine.register(thread, CAP_REGISTER))
    if cap is None or not _names_slots(machine, thread):
        return _of_fault(machine, thread) if blocking else ""
    if cap.kind in LATER:
        return f"the invocation of a {cap.kind.name} capability belongs to later work"
    if cap.kind == CapKind.Endpoint and cap.can_send:
        image = machine.image("endpoint", cap.object)
        if image is not None and image["state"] == "Recv":
            return _of_transfer(machine, thread, image["queue"][0], cap.can_grant)
    if cap.kind == CapKind.Reply and not cap.is_master:
        return _of_transfer(machine, thread, cap.object, cap.can_grant)
    return ""


def _names_slots(machine: Machine, thread: int) -> bool:
    """Whether the addresses of all capabilities that a message names lead to slots."""
    buffer = _buffer(machine, thread, False)
    count = _extra_caps(machine, thread) if buffer else 0
    named = (machine.word(buffer + 4 * (BUFFER_CAPS + number)) for number in range(count))
    return all(resolve(machine, thread, address) is not None for address in named)


def _of_recv(machine: Machine, thread: int) -> str:
    cap = resolve(machine, thread, machine.register(thread, CAP_REGISTER))
    if cap is None or not cap.can_receive or cap.kind not in (CapKind.Endpoint, CapKind.Notification):
        return _of_fault(machine, thread)
    if cap.kind == CapKind.Notification:
        image = machine.image("notification", cap.object)
        is_other = image is not None and image["boundTCB"] not in (0, thread)
        return _of_fault(machine, thread) if is_other else ""
    image = machine.image("endpoint", cap.object)
    if image is None or image["state"] != "Send" or _is_signalled(machine, thread):
        return ""
    sender = image["queue"][0]
    waiting = machine.image("tcb", sender)
    return _of_transfer(machine, sender, thread, waiting is not None and waiting["blockingIPCCanGrant"] == 1)


def _is_signalled(machine: Machine, thread: int) -> bool:
    """Whether the notification that is bound to a thread is active."""
    image = machine.image("tcb", thread)
    bound = machine.image("notification", image["boundNotification"]) if image and image["boundNotification"] else None
    return bound is not None and bound["state"] == "Active"


def _of_reply(machine: Machine, thread: int) -> str:
    cap = _cap(machine, thread, CALLER_SLOT)
    return _of_transfer(machine, thread, cap.object, cap.can_grant) if cap.kind == CapKind.Reply else ""


def _of_transfer(machine: Machine, sender: int, receiver: int, can_grant: bool) -> str:
    """Why the transfer of a message cannot be replayed; empty if it can."""
    if not (_buffer(machine, sender, False) and _buffer(machine, receiver, True)):
        return ""
    if machine.register(sender, MESSAGE_INFO_REGISTER) & 0x7F > MESSAGE_REGISTERS:
        return LONG
    return WITH_CAPS if can_grant and _extra_caps(machine, sender) else ""


def _of_fault(machine: Machine, thread: int) -> str:
    """Why a fault of a thread cannot be replayed; empty if it can: who has no handler just stops."""
    image = machine.image("tcb", thread)
    handler = resolve(machine, thread, image["faultHandler"]) if image is not None else None
    if handler is None or handler.kind != CapKind.Endpoint:
        return ""
    return HEARD if handler.can_send and (handler.can_grant or handler.can_grant_reply) else ""


def _extra_caps(machine: Machine, thread: int) -> int:
    """How many capabilities the message of a thread names."""
    return machine.register(thread, MESSAGE_INFO_REGISTER) >> 7 & 3


def _buffer(machine: Machine, thread: int, is_receiver: bool) -> int:
    """Where the kernel finds the IPC buffer of a thread; 0 if it has none to send from, or to receive into."""
    frame, image = _cap(machine, thread, IPC_BUFFER_SLOT), machine.image("tcb", thread)
    rights = (READ_WRITE,) if is_receiver else (READ_ONLY, READ_WRITE)
    if image is None or frame.kind != CapKind.Frame or frame.is_device or frame.vm_rights not in rights:
        return 0
    return frame.object + (image["ipcBuffer"] & ((1 << frame.size_bits) - 1))


def state_of(machine: Machine, thread: int) -> str:
    """What a thread does or waits for; empty if it is no more."""
    image = machine.image("tcb", thread)
    return "" if image is None else image["state"]


def resolve(machine: Machine, thread: int, address: int) -> Cap | None:
    """The capability that an address leads to in a thread's capability space; None if to no slot.

    This is looked up here, and not in the layer, so that all layers are asked in the same way.
    """
    cap = _cap(machine, thread, CSPACE_ROOT)
    if cap.kind != CapKind.CNode:
        return None
    left = WORD_BITS
    while cap.kind == CapKind.CNode and left > 0:
        used = cap.guard_size + cap.size_bits
        if used > left or used == 0 or _bits(address, left, cap.guard_size) != cap.guard:
            return None
        index = _bits(address, left - cap.guard_size, cap.size_bits)
        cap = words.decode(machine.cap_words(cap.object + (index << SLOT_BITS)))
        left -= used
    return cap


def _bits(address: int, left: int, count: int) -> int:
    """The first `count` of the `left` low bits of an address."""
    return (address >> (left - count)) & ((1 << count) - 1)


def _cap(machine: Machine, thread: int, index: int) -> Cap:
    """The capability in a slot of a thread."""
    return words.decode(machine.cap_words(thread - THREAD_OFFSET + (index << SLOT_BITS)))
