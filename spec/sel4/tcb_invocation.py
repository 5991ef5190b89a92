"""Invocations of threads: what holders of a capability to a thread can have done with it (seL4 manual, chapter 6).

They can stop and resume it, read and write its registers, give it priorities, address spaces, an IPC buffer and a fault
handler, and bind a notification to it.  What can be wrong is found out, in the order given here, before anything is
changed.
"""

from __future__ import annotations

import enum

from attrs import frozen

from refinement.logic import NULL, Word, address_of, reference_at
from spec.sel4.capability import Cap, CapKind, same_object_as, update_cap_data
from spec.sel4.cspace import ExtraCaps, derive_cap, slot_of_thread
from spec.sel4.deletion import cap_delete
from spec.sel4.derivation import cap_insert, is_final_cap
from spec.sel4.errors import ErrorKind, SyscallError
from spec.sel4.message import syscall_argument
from spec.sel4.schedule import reschedule_required
from spec.sel4.state import (
    CPSR,
    CSPACE_ROOT,
    FAULT_IP,
    IPC_BUFFER_BITS,
    IPC_BUFFER_SLOT,
    LR,
    NEXT_IP,
    SP,
    TPIDRURO,
    TPIDRURW,
    USER_CPSR,
    VSPACE_ROOT,
    NotificationRef,
    SlotRef,
    State,
    ThreadRef,
)
from spec.sel4.tcb import bind_notification, restart, set_priority, suspend, unbind_notification
from spec.sel4.waiting import longest_waiting_for_signal

FRAME_REGISTERS = (FAULT_IP, SP, CPSR, 0, 1, 8, 9, 10, 11, 12)
"""The registers without which a thread cannot run, in the order that messages have them in."""
INTEGER_REGISTERS = (2, 3, 4, 5, 6, 7, LR, TPIDRURW, TPIDRURO)
"""The others."""
USER_REGISTERS = (*FRAME_REGISTERS, *INTEGER_REGISTERS)
CONDITION_FLAGS = 0xF8000000
"""The bits of CPSR that are the user's to choose."""

FIRST_REGISTER_WORD = 2
"""The word of a message with the first of the registers that are to be written."""

SUSPEND_SOURCE = 1
RESUME_TARGET = 2
COPY_FRAME = 4
COPY_INTEGER = 8
"""The bits of word 0 of CopyRegisters.  In ReadRegisters bit 0 is to suspend, in WriteRegisters to resume."""


class TCBLabel(enum.IntEnum):
    """The labels of the messages by which capabilities to threads are invoked."""

    ReadRegisters = 2
    WriteRegisters = 3
    CopyRegisters = 4
    Configure = 5
    SetPriority = 6
    SetMCPriority = 7
    SetSchedParams = 8
    SetIPCBuffer = 9
    SetSpace = 10
    Suspend = 11
    Resume = 12
    BindNotification = 13
    UnbindNotification = 14
    SetTLSBase = 15
    SetFlags = 16


@frozen
class NewRoot:
    """What is to become the root of a thread's capability or address space, or its IPC buffer."""

    cap: Cap
    source: SlotRef
    """The slot of the capability that it is derived from."""


def decode_tcb_invocation(
    s: State, label: Word, length: Word, slot: SlotRef, cap: Cap, extra: ExtraCaps, buffer: Word
) -> tuple[Word, ...]:
    """Carry out what a message of `length` words asks of the thread of the capability `cap`, which is in `slot`.

    Gives the words that a caller is answered with.
    """
    thread = reference_at(ThreadRef, cap.object)
    match label:
        case TCBLabel.ReadRegisters:
            return tcb_read_registers(s, length, thread, buffer)
        case TCBLabel.WriteRegisters:
            tcb_write_registers(s, length, thread, buffer)
        case TCBLabel.CopyRegisters:
            tcb_copy_registers(s, length, thread, extra, buffer)
        case TCBLabel.Configure:
            tcb_configure(s, length, slot, thread, extra, buffer)
        case TCBLabel.SetPriority:
            tcb_set_priority(s, length, thread, extra, buffer)
        case TCBLabel.SetMCPriority:
            tcb_set_mc_priority(s, length, thread, extra, buffer)
        case TCBLabel.SetSchedParams:
            tcb_set_sched_params(s, length, thread, extra, buffer)
        case TCBLabel.SetIPCBuffer:
            tcb_set_ipc_buffer(s, length, slot, thread, extra, buffer)
        case TCBLabel.SetSpace:
            tcb_set_space(s, length, slot, thread, extra, buffer)
        case TCBLabel.Suspend:
            suspend(s, thread)
        case TCBLabel.Resume:
            restart(s, thread)
        case TCBLabel.BindNotification:
            tcb_bind_notification(s, thread, extra)
        case TCBLabel.UnbindNotification:
            tcb_unbind_notification(s, thread)
        case TCBLabel.SetTLSBase:
            tcb_set_tls_base(s, length, thread, buffer)
        case TCBLabel.SetFlags:
            return tcb_set_flags(length)
        case _:
            raise SyscallError(ErrorKind.IllegalOperation)
    return ()


def ensure_other_thread(s: State, thread: ThreadRef) -> None:
    """Raise IllegalOperation for the current thread, whose registers are in use by the system call itself."""
    if thread == s.current_thread:
        raise SyscallError(ErrorKind.IllegalOperation)


def tcb_read_registers(s: State, length: Word, thread: ThreadRef, buffer: Word) -> tuple[Word, ...]:
    """ReadRegisters: answer with the first registers of another thread, as many as word 1 says.

    Bit 0 of word 0 asks for the thread to be suspended before.
    """
    if length < 2:
        raise SyscallError(ErrorKind.TruncatedMessage)
    flags, count = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    if count < 1 or count > len(USER_REGISTERS):
        raise SyscallError(ErrorKind.RangeError, 1, len(USER_REGISTERS))
    ensure_other_thread(s, thread)
    if flags & SUSPEND_SOURCE != 0:
        suspend(s, thread)
    return tuple(s.tcb[thread].registers[register] for number, register in enumerate(USER_REGISTERS) if number < count)


def tcb_write_registers(s: State, length: Word, thread: ThreadRef, buffer: Word) -> None:
    """WriteRegisters: give another thread new values of its first registers, as many as word 1 says.

    It goes on where they say.  Bit 0 of word 0 asks for it to be resumed then.
    """
    if length < FIRST_REGISTER_WORD:
        raise SyscallError(ErrorKind.TruncatedMessage)
    flags, count = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    if length - FIRST_REGISTER_WORD < count:
        raise SyscallError(ErrorKind.TruncatedMessage)
    ensure_other_thread(s, thread)
    for number, register in enumerate(USER_REGISTERS):
        if number < count:
            value = syscall_argument(s, FIRST_REGISTER_WORD + number, buffer)
            s.tcb[thread].registers[register] = allowed_value(register, value)
    s.tcb[thread].registers[NEXT_IP] = s.tcb[thread].registers[FAULT_IP]
    if flags & 1 != 0:
        restart(s, thread)


def allowed_value(register: int, value: Word) -> Word:
    """What users can write to a register: of the processor's status only the condition flags."""
    return (value & CONDITION_FLAGS) | USER_CPSR if register == CPSR else value


def tcb_copy_registers(s: State, length: Word, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """CopyRegisters: copy registers of the thread that the message names by a capability, the source.

    The bits of word 0 ask, in this order, for the source to be suspended, the target to be resumed, its frame registers
    to be copied, and its integer registers.
    """
    if length < 1 or extra.first == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    flags = syscall_argument(s, 0, buffer)
    named = s.slot[extra.first].cap
    if named.kind != CapKind.Thread:
        raise SyscallError(ErrorKind.InvalidCapability, 1)
    source = reference_at(ThreadRef, named.object)
    if flags & SUSPEND_SOURCE != 0:
        suspend(s, source)
    if flags & RESUME_TARGET != 0:
        restart(s, thread)
    if flags & COPY_FRAME != 0:
        copy_registers(s, source, thread, FRAME_REGISTERS)
        s.tcb[thread].registers[NEXT_IP] = s.tcb[thread].registers[FAULT_IP]
    if flags & COPY_INTEGER != 0:
        copy_registers(s, source, thread, INTEGER_REGISTERS)
    if thread == s.current_thread:
        reschedule_required(s)


def copy_registers(s: State, source: ThreadRef, target: ThreadRef, registers: tuple[int, ...]) -> None:
    """Copy some registers from one thread to another."""
    for register in registers:
        s.tcb[target].registers[register] = s.tcb[source].registers[register]


def tcb_configure(s: State, length: Word, slot: SlotRef, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """Configure: SetSpace and SetIPCBuffer in one.

    Words 0 to 2 and the first two capabilities are those of SetSpace, word 3 and the third those of SetIPCBuffer.
    """
    if length < 4 or extra.third == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    handler, address = syscall_argument(s, 0, buffer), syscall_argument(s, 3, buffer)
    cspace_data, vspace_data = syscall_argument(s, 1, buffer), syscall_argument(s, 2, buffer)
    frame = new_ipc_buffer(s, address, extra.third)
    ensure_roots_can_go(s, thread)
    cspace = new_cspace_root(s, cspace_data, extra.first)
    vspace = new_vspace_root(s, vspace_data, extra.second)
    set_space(s, slot, thread, handler, cspace, vspace)
    set_ipc_buffer(s, slot, thread, address, frame)


def tcb_set_space(s: State, length: Word, slot: SlotRef, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """SetSpace: give the thread a fault handler and the roots of its capability and address space.

    Word 0 is the address of the capability to the fault handler, words 1 and 2 are data for the roots; with 0 the
    capabilities that the message names are taken as they are.
    """
    if length < 3 or extra.second == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    handler = syscall_argument(s, 0, buffer)
    cspace_data, vspace_data = syscall_argument(s, 1, buffer), syscall_argument(s, 2, buffer)
    ensure_roots_can_go(s, thread)
    cspace = new_cspace_root(s, cspace_data, extra.first)
    vspace = new_vspace_root(s, vspace_data, extra.second)
    set_space(s, slot, thread, handler, cspace, vspace)


def ensure_roots_can_go(s: State, thread: ThreadRef) -> None:
    """Raise IllegalOperation if to delete one of the thread's roots would take long: to replace it must not."""
    for index in (CSPACE_ROOT, VSPACE_ROOT):
        if takes_long_to_delete(s, slot_of_thread(thread, index)):
            raise SyscallError(ErrorKind.IllegalOperation)


def takes_long_to_delete(s: State, slot: SlotRef) -> bool:
    """Whether the slot holds the last capability to an object with slots, which would have to be emptied."""
    has_slots = s.slot[slot].cap.kind in (CapKind.Thread, CapKind.CNode, CapKind.Zombie)
    return has_slots and is_final_cap(s, slot)


def new_root(s: State, data: Word, source: SlotRef) -> NewRoot:
    """What is derived from the capability in a slot, with the data if that is not 0."""
    cap = s.slot[source].cap
    if data != 0:
        cap = update_cap_data(False, data, cap)
    return NewRoot(derive_cap(s, source, cap), source)


def new_cspace_root(s: State, data: Word, source: SlotRef) -> NewRoot:
    """The root of a capability space: that is a CNode."""
    root = new_root(s, data, source)
    if root.cap.kind != CapKind.CNode:
        raise SyscallError(ErrorKind.IllegalOperation)
    return root


def new_vspace_root(s: State, data: Word, source: SlotRef) -> NewRoot:
    """The root of an address space: that is a page directory which is one."""
    root = new_root(s, data, source)
    if root.cap.kind != CapKind.PageDirectory or not root.cap.is_mapped:
        raise SyscallError(ErrorKind.IllegalOperation)
    return root


def set_space(s: State, slot: SlotRef, thread: ThreadRef, handler: Word, cspace: NewRoot, vspace: NewRoot) -> None:
    """Give the thread a fault handler, and new roots of its capability and address space."""
    s.tcb[thread].fault_handler = handler
    replace_cap(s, slot, thread, CSPACE_ROOT, cspace)
    replace_cap(s, slot, thread, VSPACE_ROOT, vspace)


def replace_cap(s: State, slot: SlotRef, thread: ThreadRef, index: int, new: NewRoot) -> None:
    """Put a capability into a slot of the thread, instead of the one that is there.

    If with that one also the capability has gone which the new one is derived from, or the one to the thread itself by
    which it was invoked, the slot stays empty.
    """
    target = slot_of_thread(thread, index)
    cap_delete(s, target)
    invoked = Cap(CapKind.Thread, object=address_of(thread))
    if same_object_as(new.cap, s.slot[new.source].cap) and same_object_as(invoked, s.slot[slot].cap):
        cap_insert(s, new.cap, new.source, target)


def tcb_set_ipc_buffer(
    s: State, length: Word, slot: SlotRef, thread: ThreadRef, extra: ExtraCaps, buffer: Word
) -> None:
    """SetIPCBuffer: give the thread an IPC buffer at the address in word 0, in the frame that the message names.

    With address 0 the thread has none any more.
    """
    if length < 1 or extra.first == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    address = syscall_argument(s, 0, buffer)
    set_ipc_buffer(s, slot, thread, address, new_ipc_buffer(s, address, extra.first))


def new_ipc_buffer(s: State, address: Word, source: SlotRef) -> NewRoot:
    """The frame for an IPC buffer at an address, derived from the capability in a slot; no frame for address 0."""
    if address == 0:
        return NewRoot(Cap(), NULL)
    frame = derive_cap(s, source, s.slot[source].cap)
    if frame.kind != CapKind.Frame or frame.is_device:
        raise SyscallError(ErrorKind.IllegalOperation)
    if address & ((1 << IPC_BUFFER_BITS) - 1) != 0:
        raise SyscallError(ErrorKind.AlignmentError)
    return NewRoot(frame, source)


def set_ipc_buffer(s: State, slot: SlotRef, thread: ThreadRef, address: Word, frame: NewRoot) -> None:
    """Give the thread an IPC buffer, or none."""
    if frame.source == NULL:
        cap_delete(s, slot_of_thread(thread, IPC_BUFFER_SLOT))
    else:
        replace_cap(s, slot, thread, IPC_BUFFER_SLOT, frame)
    s.tcb[thread].ipc_buffer = address
    if thread == s.current_thread:
        reschedule_required(s)


def authority_of(s: State, length: Word, words: int, extra: ExtraCaps) -> ThreadRef:
    """The thread that a message of at least that many words names: no priority can be given that is above its MCP."""
    if length < words or extra.first == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    named = s.slot[extra.first].cap
    if named.kind != CapKind.Thread:
        raise SyscallError(ErrorKind.InvalidCapability, 1)
    return reference_at(ThreadRef, named.object)


def ensure_may_give(s: State, priority: Word, authority: ThreadRef) -> None:
    """Raise RangeError if a priority is above the highest that the authority may give."""
    if priority > s.tcb[authority].mcp:
        raise SyscallError(ErrorKind.RangeError, 0, s.tcb[authority].mcp)


def tcb_set_priority(s: State, length: Word, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """SetPriority: give the thread the priority in word 0."""
    authority = authority_of(s, length, 1, extra)
    priority = syscall_argument(s, 0, buffer)
    ensure_may_give(s, priority, authority)
    set_priority(s, thread, priority)


def tcb_set_mc_priority(s: State, length: Word, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """SetMCPriority: let the thread give priorities up to that in word 0."""
    authority = authority_of(s, length, 1, extra)
    mcp = syscall_argument(s, 0, buffer)
    ensure_may_give(s, mcp, authority)
    s.tcb[thread].mcp = mcp


def tcb_set_sched_params(s: State, length: Word, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """SetSchedParams: SetMCPriority with word 0, and SetPriority with word 1."""
    authority = authority_of(s, length, 2, extra)
    mcp, priority = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    ensure_may_give(s, mcp, authority)
    ensure_may_give(s, priority, authority)
    s.tcb[thread].mcp = mcp
    set_priority(s, thread, priority)


def tcb_bind_notification(s: State, thread: ThreadRef, extra: ExtraCaps) -> None:
    """BindNotification: bind the notification that the message names, by a capability to receive, to the thread.

    Neither may be bound yet, and nobody may wait for a signal of it.
    """
    if extra.first == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    cap = s.slot[extra.first].cap
    if s.tcb[thread].bound_notification != NULL or cap.kind != CapKind.Notification or not cap.can_receive:
        raise SyscallError(ErrorKind.IllegalOperation)
    notification = reference_at(NotificationRef, cap.object)
    if s.notification[notification].bound_thread != NULL:
        raise SyscallError(ErrorKind.IllegalOperation)
    if longest_waiting_for_signal(s, notification) is not None:
        raise SyscallError(ErrorKind.IllegalOperation)
    bind_notification(s, thread, notification)


def tcb_unbind_notification(s: State, thread: ThreadRef) -> None:
    """UnbindNotification: undo the binding of the thread, which must have one."""
    if s.tcb[thread].bound_notification == NULL:
        raise SyscallError(ErrorKind.IllegalOperation)
    unbind_notification(s, thread)


def tcb_set_tls_base(s: State, length: Word, thread: ThreadRef, buffer: Word) -> None:
    """SetTLSBase: tell the thread, by a register, where its thread-local storage is."""
    if length < 1:
        raise SyscallError(ErrorKind.TruncatedMessage)
    s.tcb[thread].registers[TPIDRURW] = syscall_argument(s, 0, buffer)
    if thread == s.current_thread:
        reschedule_required(s)


def tcb_set_flags(length: Word) -> tuple[Word, ...]:
    """SetFlags: clear the thread's flags that are in word 0, set those in word 1, and answer with all that are set.

    Without a floating-point unit there are no flags, so none is ever set.
    """
    if length < 2:
        raise SyscallError(ErrorKind.TruncatedMessage)
    return (0,)
