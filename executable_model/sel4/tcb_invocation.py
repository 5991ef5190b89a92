"""Invocations of threads: registers, priorities, address spaces, IPC buffers, bound notifications."""

from __future__ import annotations

import enum

from attrs import frozen

from executable_model.sel4.capability import Cap, CapKind, same_object_as, update_cap_data
from executable_model.sel4.cspace import ExtraCaps, derive_cap, slot_of_thread
from executable_model.sel4.deletion import cap_delete
from executable_model.sel4.derivation import cap_insert, is_final_cap
from executable_model.sel4.errors import ErrorKind, SyscallError
from executable_model.sel4.message import syscall_argument
from executable_model.sel4.schedule import reschedule_required
from executable_model.sel4.state import (
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
    NotificationState,
    SlotRef,
    State,
    ThreadRef,
)
from executable_model.sel4.tcb import bind_notification, restart, set_priority, suspend, unbind_notification
from refinement.logic import NULL, Word, address_of, reference_at

USER_REGISTERS = (FAULT_IP, SP, CPSR, 0, 1, 8, 9, 10, 11, 12, 2, 3, 4, 5, 6, 7, LR, TPIDRURW, TPIDRURO)
"""The registers that users see, in the order that messages have them in."""
FRAME_REGISTERS = 10
"""The first of them, without which a thread cannot run; the others are the integer registers."""
CONDITION_FLAGS = 0xF8000000
"""The bits of CPSR that users can write."""

SUSPEND_SOURCE = 1
RESUME_TARGET = 2
COPY_FRAME = 4
COPY_INTEGER = 8
"""The bits of word 0 of CopyRegisters."""
READ_SUSPENDS = 1
WRITE_RESUMES = 1
"""The bit of word 0 that means something in ReadRegisters, and in WriteRegisters."""


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
    """A capability that is to be put into a slot of a thread, and the slot of the one that it was made of."""

    cap: Cap
    source: SlotRef


def decode_tcb_invocation(
    s: State, label: Word, length: Word, slot: SlotRef, cap: Cap, extra: ExtraCaps, buffer: Word
) -> tuple[Word, ...]:
    """Do what a message of `length` words asks of a thread; returns the words of the answer.

    `cap` is the capability to the thread, and in `slot`.
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


def ensure_length(length: Word, words: int) -> None:
    """Raise TruncatedMessage for a message of fewer words."""
    if length < words:
        raise SyscallError(ErrorKind.TruncatedMessage)


def ensure_named(slot: SlotRef) -> None:
    """Raise TruncatedMessage if the message does not name an extra capability, which would be in this slot."""
    if slot == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)


def ensure_other_thread(s: State, thread: ThreadRef) -> None:
    """Raise IllegalOperation for the current thread."""
    if thread == s.current_thread:
        raise SyscallError(ErrorKind.IllegalOperation)


def thread_named(s: State, slot: SlotRef) -> ThreadRef:
    """The thread that the extra capability in the slot is to; InvalidCapability if it is to none."""
    cap = s.slot[slot].cap
    if cap.kind != CapKind.Thread:
        raise SyscallError(ErrorKind.InvalidCapability, 1)
    return reference_at(ThreadRef, cap.object)


def tcb_read_registers(s: State, length: Word, thread: ThreadRef, buffer: Word) -> tuple[Word, ...]:
    """The first registers of another thread, as many as word 1 of the message says; it may be suspended before."""
    ensure_length(length, 2)
    flags, count = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    if count < 1 or count > len(USER_REGISTERS):
        raise SyscallError(ErrorKind.RangeError, 1, len(USER_REGISTERS))
    ensure_other_thread(s, thread)
    if flags & READ_SUSPENDS != 0:
        suspend(s, thread)
    registers = s.tcb[thread].registers
    return tuple(registers[register] for number, register in enumerate(USER_REGISTERS) if number < count)


def tcb_write_registers(s: State, length: Word, thread: ThreadRef, buffer: Word) -> None:
    """Write the first registers of another thread, as many as word 1 of the message says; it may be resumed then."""
    ensure_length(length, 2)
    flags, count = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    if count > length - 2:
        raise SyscallError(ErrorKind.TruncatedMessage)
    ensure_other_thread(s, thread)
    registers = s.tcb[thread].registers
    for number, register in enumerate(USER_REGISTERS):
        if number >= count:
            break
        registers[register] = sanitised(register, syscall_argument(s, 2 + number, buffer))
    registers[NEXT_IP] = registers[FAULT_IP]
    if flags & WRITE_RESUMES != 0:
        restart(s, thread)


def sanitised(register: int, value: Word) -> Word:
    """What is written to a register when a user asks for a value."""
    return (value & CONDITION_FLAGS) | USER_CPSR if register == CPSR else value


def tcb_copy_registers(s: State, length: Word, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """Copy the frame registers or the integer registers, or both, of the thread that the message names.

    That one may be suspended before, and the invoked one be resumed.
    """
    ensure_length(length, 1)
    ensure_named(extra.first)
    source = thread_named(s, extra.first)
    flags = syscall_argument(s, 0, buffer)
    if flags & SUSPEND_SOURCE != 0:
        suspend(s, source)
    if flags & RESUME_TARGET != 0:
        restart(s, thread)
    there, here = s.tcb[source].registers, s.tcb[thread].registers
    if flags & COPY_FRAME != 0:
        for register in USER_REGISTERS[:FRAME_REGISTERS]:
            here[register] = there[register]
        here[NEXT_IP] = here[FAULT_IP]
    if flags & COPY_INTEGER != 0:
        for register in USER_REGISTERS[FRAME_REGISTERS:]:
            here[register] = there[register]
    if thread == s.current_thread:
        reschedule_required(s)


def tcb_configure(s: State, length: Word, slot: SlotRef, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """Set the spaces by words 0 to 2 and two capabilities, and the IPC buffer by word 3 and a third one."""
    ensure_length(length, 4)
    ensure_named(extra.third)
    address = syscall_argument(s, 3, buffer)
    frame = new_ipc_buffer(s, address, extra.third)
    cspace, vspace = new_roots(s, thread, extra, buffer)
    set_space(s, slot, thread, syscall_argument(s, 0, buffer), cspace, vspace)
    set_ipc_buffer(s, slot, thread, address, frame)


def tcb_set_space(s: State, length: Word, slot: SlotRef, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """Set the fault handler by word 0, and the roots of capability and address space by words 1, 2 and capabilities."""
    ensure_length(length, 3)
    ensure_named(extra.second)
    cspace, vspace = new_roots(s, thread, extra, buffer)
    set_space(s, slot, thread, syscall_argument(s, 0, buffer), cspace, vspace)


def new_roots(s: State, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> tuple[NewRoot, NewRoot]:
    """The new roots of the thread's capability and address space.

    Raises IllegalOperation if the old ones cannot be deleted at once, and if the new ones cannot be that.
    """
    for index in (CSPACE_ROOT, VSPACE_ROOT):
        if is_deleted_slowly(s, slot_of_thread(thread, index)):
            raise SyscallError(ErrorKind.IllegalOperation)
    cspace = new_root(s, syscall_argument(s, 1, buffer), extra.first)
    if cspace.cap.kind != CapKind.CNode:
        raise SyscallError(ErrorKind.IllegalOperation)
    vspace = new_root(s, syscall_argument(s, 2, buffer), extra.second)
    if vspace.cap.kind != CapKind.PageDirectory or not vspace.cap.is_mapped:
        raise SyscallError(ErrorKind.IllegalOperation)
    return cspace, vspace


def is_deleted_slowly(s: State, slot: SlotRef) -> bool:
    """Whether the slot holds the last capability to a CNode or thread, or what is left of one."""
    match s.slot[slot].cap.kind:
        case CapKind.Thread | CapKind.CNode | CapKind.Zombie:
            return is_final_cap(s, slot)
    return False


def new_root(s: State, data: Word, source: SlotRef) -> NewRoot:
    """What a copy of the capability in the slot is, with the data unless that is 0."""
    cap = s.slot[source].cap
    return NewRoot(derive_cap(s, source, cap if data == 0 else update_cap_data(False, data, cap)), source)


def set_space(s: State, slot: SlotRef, thread: ThreadRef, handler: Word, cspace: NewRoot, vspace: NewRoot) -> None:
    """Replace the thread's fault handler, and the roots of its capability and address space."""
    s.tcb[thread].fault_handler = handler
    replace_cap(s, slot, thread, CSPACE_ROOT, cspace)
    replace_cap(s, slot, thread, VSPACE_ROOT, vspace)


def replace_cap(s: State, slot: SlotRef, thread: ThreadRef, index: int, new: NewRoot) -> None:
    """Delete what is in a slot of the thread, and insert a capability there.

    The latter not if what it was made of, or the invoked capability, which was in `slot`, is no longer there.
    """
    target = slot_of_thread(thread, index)
    cap_delete(s, target)
    invoked = Cap(CapKind.Thread, object=address_of(thread))
    if same_object_as(new.cap, s.slot[new.source].cap) and same_object_as(invoked, s.slot[slot].cap):
        cap_insert(s, new.cap, new.source, target)


def tcb_set_ipc_buffer(
    s: State, length: Word, slot: SlotRef, thread: ThreadRef, extra: ExtraCaps, buffer: Word
) -> None:
    """Set the thread's IPC buffer, whose address is word 0, in the frame of the extra capability; none for 0."""
    ensure_length(length, 1)
    ensure_named(extra.first)
    address = syscall_argument(s, 0, buffer)
    set_ipc_buffer(s, slot, thread, address, new_ipc_buffer(s, address, extra.first))


def new_ipc_buffer(s: State, address: Word, source: SlotRef) -> NewRoot:
    """What a copy of the capability in the slot is, which must be to a frame for an IPC buffer; nothing for address 0.

    Raises IllegalOperation for what is no frame, or one of a device; AlignmentError if the address is not aligned.
    """
    if address == 0:
        return NewRoot(Cap(), NULL)
    frame = derive_cap(s, source, s.slot[source].cap)
    if frame.kind != CapKind.Frame or frame.is_device:
        raise SyscallError(ErrorKind.IllegalOperation)
    if address & ((1 << IPC_BUFFER_BITS) - 1) != 0:
        raise SyscallError(ErrorKind.AlignmentError)
    return NewRoot(frame, source)


def set_ipc_buffer(s: State, slot: SlotRef, thread: ThreadRef, address: Word, frame: NewRoot) -> None:
    """Replace the thread's IPC buffer."""
    if frame.source == NULL:
        cap_delete(s, slot_of_thread(thread, IPC_BUFFER_SLOT))
    else:
        replace_cap(s, slot, thread, IPC_BUFFER_SLOT, frame)
    s.tcb[thread].ipc_buffer = address
    if thread == s.current_thread:
        reschedule_required(s)


def check_priority(s: State, priority: Word, authority: ThreadRef) -> None:
    """Raise RangeError if the authority, a thread, may not give this priority."""
    limit = s.tcb[authority].mcp
    if priority > limit:
        raise SyscallError(ErrorKind.RangeError, 0, limit)


def tcb_set_priority(s: State, length: Word, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """Give the thread the priority in word 0, if the extra capability's thread may give it."""
    ensure_length(length, 1)
    ensure_named(extra.first)
    authority = thread_named(s, extra.first)
    priority = syscall_argument(s, 0, buffer)
    check_priority(s, priority, authority)
    set_priority(s, thread, priority)


def tcb_set_mc_priority(s: State, length: Word, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """Let the thread give priorities up to that in word 0, if the extra capability's thread may."""
    ensure_length(length, 1)
    ensure_named(extra.first)
    authority = thread_named(s, extra.first)
    mcp = syscall_argument(s, 0, buffer)
    check_priority(s, mcp, authority)
    s.tcb[thread].mcp = mcp


def tcb_set_sched_params(s: State, length: Word, thread: ThreadRef, extra: ExtraCaps, buffer: Word) -> None:
    """Both at once: word 0 is the highest priority that the thread may give, word 1 its own."""
    ensure_length(length, 2)
    ensure_named(extra.first)
    authority = thread_named(s, extra.first)
    mcp, priority = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    check_priority(s, mcp, authority)
    check_priority(s, priority, authority)
    s.tcb[thread].mcp = mcp
    set_priority(s, thread, priority)


def tcb_bind_notification(s: State, thread: ThreadRef, extra: ExtraCaps) -> None:
    """Bind the notification of the extra capability to the thread, if neither is bound and nobody waits."""
    ensure_named(extra.first)
    if s.tcb[thread].bound_notification != NULL:
        raise SyscallError(ErrorKind.IllegalOperation)
    cap = s.slot[extra.first].cap
    if cap.kind != CapKind.Notification or not cap.can_receive:
        raise SyscallError(ErrorKind.IllegalOperation)
    ref = reference_at(NotificationRef, cap.object)
    notification = s.notification[ref]
    if notification.bound_thread != NULL or notification.state == NotificationState.Waiting:
        raise SyscallError(ErrorKind.IllegalOperation)
    bind_notification(s, thread, ref)


def tcb_unbind_notification(s: State, thread: ThreadRef) -> None:
    """Undo the thread's binding, if there is one; else raise IllegalOperation."""
    if s.tcb[thread].bound_notification == NULL:
        raise SyscallError(ErrorKind.IllegalOperation)
    unbind_notification(s, thread)


def tcb_set_tls_base(s: State, length: Word, thread: ThreadRef, buffer: Word) -> None:
    """Write word 0 to the register that tells a thread where its thread-local storage is."""
    ensure_length(length, 1)
    s.tcb[thread].registers[TPIDRURW] = syscall_argument(s, 0, buffer)
    if thread == s.current_thread:
        reschedule_required(s)


def tcb_set_flags(length: Word) -> tuple[Word, ...]:
    """Clear and set flags of the thread; returns all that are set.  Without a floating-point unit there are none."""
    ensure_length(length, 2)
    return (0,)
