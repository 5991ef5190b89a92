"""Entry into the kernel: system calls, and the invocation of capabilities."""

from __future__ import annotations

import enum

from executable_model.sel4.capability import CapKind
from executable_model.sel4.cnode import decode_cnode_invocation
from executable_model.sel4.cspace import ExtraCaps, lookup_extra_caps, lookup_slot, slot_of_thread
from executable_model.sel4.domain import decode_domain_invocation
from executable_model.sel4.endpoint import receive_ipc, send_ipc
from executable_model.sel4.errors import ErrorKind, LookupFault, Preempted, SyscallError
from executable_model.sel4.fault import handle_fault
from executable_model.sel4.message import (
    LABEL_SHIFT,
    lookup_ipc_buffer,
    message_info_extra_caps,
    message_info_label,
    message_info_length,
    set_mr,
)
from executable_model.sel4.notification import receive_signal, send_signal
from executable_model.sel4.reply import delete_caller_cap, do_reply_transfer
from executable_model.sel4.schedule import activate_thread, handle_yield, schedule, set_thread_state
from executable_model.sel4.state import (
    BADGE_REGISTER,
    CALLER_SLOT,
    CAP_REGISTER,
    MESSAGE_INFO_REGISTER,
    MESSAGE_REGISTERS,
    EndpointRef,
    NotificationRef,
    SlotRef,
    State,
    ThreadRef,
    ThreadState,
)
from executable_model.sel4.tcb_invocation import decode_tcb_invocation
from executable_model.sel4.untyped import decode_untyped_invocation
from refinement.logic import NULL, Word, one_of, reference_at


class Syscall(enum.IntEnum):
    """The numbers of the system calls: from -1 downwards, as words."""

    Call = 0xFFFFFFFF
    ReplyRecv = 0xFFFFFFFE
    Send = 0xFFFFFFFD
    NBSend = 0xFFFFFFFC
    Recv = 0xFFFFFFFB
    Reply = 0xFFFFFFFA
    Yield = 0xFFFFFFF9
    NBRecv = 0xFFFFFFF8


def call_kernel(s: State, number: Word) -> None:
    """Serve a system call of the current thread, and settle on the thread that runs next."""
    handle_syscall(s, number)
    schedule(s)
    activate_thread(s)


def handle_syscall(s: State, number: Word) -> None:
    """Serve the system call with this number; any other number is a fault."""
    match number:
        case Syscall.Call:
            handle_invocation(s, calling=True, blocking=True)
        case Syscall.ReplyRecv:
            handle_reply(s)
            handle_recv(s, blocking=True)
        case Syscall.Send:
            handle_invocation(s, calling=False, blocking=True)
        case Syscall.NBSend:
            handle_invocation(s, calling=False, blocking=False)
        case Syscall.Recv:
            handle_recv(s, blocking=True)
        case Syscall.Reply:
            handle_reply(s)
        case Syscall.Yield:
            handle_yield(s)
        case Syscall.NBRecv:
            handle_recv(s, blocking=False)
        case _:
            handle_fault(s, s.current_thread)


def handle_invocation(s: State, calling: bool, blocking: bool) -> None:
    """Invoke a capability with a message; if `calling`, the current thread gets a reply.

    It is a fault if the capability, or an extra one that the message names, is not found, unless the call is not
    `blocking`: then nothing happens.  Until the invocation is done the thread is to make its system call again, and
    it will if the invocation is preempted.
    """
    thread = s.current_thread
    registers = s.tcb[thread].registers
    buffer = lookup_ipc_buffer(s, thread, is_receiver=False)
    try:
        slot = lookup_slot(s, thread, registers[CAP_REGISTER])
        extra = lookup_extra_caps(s, thread, buffer, message_info_extra_caps(registers[MESSAGE_INFO_REGISTER]))
    except LookupFault:
        if blocking:
            handle_fault(s, thread)
        return
    set_thread_state(s, thread, ThreadState.Restart)
    try:
        words = decode_invocation(s, slot, extra, buffer, calling, blocking)
    except SyscallError as error:
        finish_invocation(s, thread, calling, error.kind, *error.words)
    except Preempted:
        return
    else:
        if s.tcb[thread].state == ThreadState.Restart:
            finish_invocation(s, thread, calling, ErrorKind.NoError, *words)


def decode_invocation(
    s: State, slot: SlotRef, extra: ExtraCaps, buffer: Word, calling: bool, blocking: bool
) -> tuple[Word, ...]:
    """Invoke the capability in the slot, by its kind, with the current thread's message.

    Returns the words of the answer.
    """
    cap = s.slot[slot].cap
    thread = s.current_thread
    info = s.tcb[thread].registers[MESSAGE_INFO_REGISTER]
    label, length = message_info_label(info), message_info_length(info)
    if buffer == 0 and length > MESSAGE_REGISTERS:
        length = MESSAGE_REGISTERS
    match cap.kind:
        case CapKind.Null | CapKind.Zombie:
            raise SyscallError(ErrorKind.InvalidCapability, 0)
        case CapKind.Endpoint:
            if not cap.can_send:
                raise SyscallError(ErrorKind.InvalidCapability, 0)
            endpoint = reference_at(EndpointRef, cap.object)
            send_ipc(s, blocking, calling, cap.badge, cap.can_grant, cap.can_grant_reply, thread, endpoint)
        case CapKind.Notification:
            if not cap.can_send:
                raise SyscallError(ErrorKind.InvalidCapability, 0)
            send_signal(s, reference_at(NotificationRef, cap.object), cap.badge)
        case CapKind.Reply:
            if cap.is_master:
                raise SyscallError(ErrorKind.InvalidCapability, 0)
            do_reply_transfer(s, thread, reference_at(ThreadRef, cap.object), slot, cap.can_grant)
        case CapKind.CNode:
            decode_cnode_invocation(s, label, length, cap, extra, buffer)
        case CapKind.Untyped:
            decode_untyped_invocation(s, label, length, slot, cap, extra, buffer)
        case CapKind.Thread:
            return decode_tcb_invocation(s, label, length, slot, cap, extra, buffer)
        case CapKind.Domain:
            decode_domain_invocation(s, label, length, extra, buffer)
        case _:
            # Memory, address spaces and interrupts cannot be invoked yet.
            raise SyscallError(ErrorKind.IllegalOperation)
    return ()


def finish_invocation(s: State, thread: ThreadRef, calling: bool, result: ErrorKind, *words: Word) -> None:
    """Have the thread go on behind its system call, if `calling` with a reply that tells the result."""
    if calling:
        reply_from_kernel(s, thread, result, *words)
    set_thread_state(s, thread, ThreadState.Running)


def reply_from_kernel(s: State, thread: ThreadRef, result: ErrorKind, *words: Word) -> None:
    """Answer a thread's call to an object of the kernel: the result, and words that tell more."""
    buffer = lookup_ipc_buffer(s, thread, is_receiver=True)
    for number, word in enumerate(words):
        set_mr(s, thread, buffer, number, word)
    length = MESSAGE_REGISTERS if buffer == 0 and len(words) > MESSAGE_REGISTERS else len(words)
    registers = s.tcb[thread].registers
    registers[MESSAGE_INFO_REGISTER] = (result.value << LABEL_SHIFT) | length
    registers[BADGE_REGISTER] = 0


def handle_reply(s: State) -> None:
    """Answer the current thread's last caller, if it is still there to be answered."""
    slot = slot_of_thread(s.current_thread, CALLER_SLOT)
    cap = s.slot[slot].cap
    if cap.kind == CapKind.Reply and not cap.is_master:
        do_reply_transfer(s, s.current_thread, reference_at(ThreadRef, cap.object), slot, cap.can_grant)


def handle_recv(s: State, blocking: bool) -> None:
    """Receive a message or signal by a capability of the current thread; it is a fault if there is none for that.

    Who receives by an endpoint gives up the right to answer its last caller.  A notification that is bound to
    another thread is that one's alone.
    """
    thread = s.current_thread
    try:
        slot = lookup_slot(s, thread, s.tcb[thread].registers[CAP_REGISTER])
    except LookupFault:
        handle_fault(s, thread)
        return
    cap = s.slot[slot].cap
    if cap.kind == CapKind.Endpoint and cap.can_receive:
        delete_caller_cap(s, thread)
        receive_ipc(s, thread, reference_at(EndpointRef, cap.object), cap.can_grant, blocking)
    elif cap.kind == CapKind.Notification and cap.can_receive:
        notification = reference_at(NotificationRef, cap.object)
        bound = s.notification[notification].bound_thread
        if one_of(bound, NULL, thread):
            receive_signal(s, thread, notification, blocking)
        else:
            handle_fault(s, thread)
    else:
        handle_fault(s, thread)
