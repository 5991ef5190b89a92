"""System calls: how the kernel is entered, and what each call does (seL4 manual, section 2.2).

There are eight.  Five are about capabilities, named by address: Send, NBSend and Call *invoke* one, which sends a
message to whatever it stands for; Recv and NBRecv ask an endpoint or notification for a message or signal.  Reply
answers the last caller, ReplyRecv then receives, and Yield gives up the processor.

An invocation of an object of the kernel is a message too, but the kernel itself carries it out.  Only a Call is told
what came of it.
"""

from __future__ import annotations

import enum

from refinement.logic import NULL, Word, one_of, reference_at
from spec.sel4.capability import CapKind
from spec.sel4.cnode import decode_cnode_invocation
from spec.sel4.cspace import ExtraCaps, lookup_extra_caps, lookup_slot, slot_of_thread
from spec.sel4.domain import decode_domain_invocation
from spec.sel4.endpoint import receive_ipc, send_ipc
from spec.sel4.errors import ErrorKind, LookupFault, Preempted, SyscallError
from spec.sel4.fault import handle_fault
from spec.sel4.message import (
    lookup_ipc_buffer,
    message_info,
    message_info_extra_caps,
    message_info_label,
    message_info_length,
    set_mr,
)
from spec.sel4.notification import receive_signal, send_signal
from spec.sel4.reply import delete_caller_cap, do_reply_transfer
from spec.sel4.schedule import activate_thread, handle_yield, schedule, set_thread_state
from spec.sel4.state import (
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
from spec.sel4.tcb_invocation import decode_tcb_invocation
from spec.sel4.untyped import decode_untyped_invocation


class Syscall(enum.IntEnum):
    """The numbers of the system calls, as r7 has them: from -1 downwards."""

    Call = 0xFFFFFFFF
    ReplyRecv = 0xFFFFFFFE
    Send = 0xFFFFFFFD
    NBSend = 0xFFFFFFFC
    Recv = 0xFFFFFFFB
    Reply = 0xFFFFFFFA
    Yield = 0xFFFFFFF9
    NBRecv = 0xFFFFFFF8


def call_kernel(s: State, number: Word) -> None:
    """The current thread has made the system call of this number: all that happens until a thread runs again."""
    handle_syscall(s, number)
    schedule(s)
    activate_thread(s)


def handle_syscall(s: State, number: Word) -> None:
    """Do what the system call of this number asks for.  To ask for one that there is not is a fault."""
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
    """Call, Send and NBSend: invoke the capability at the address in r0.

    If it, or another one that the message names, is not found, that is a fault of the thread; but NBSend then just does
    nothing.  While the invocation is carried out the thread is set to make the system call again, which it will if it
    is interrupted.  If it neither waits nor was stopped by then, it runs on in the end.
    """
    thread = s.current_thread
    try:
        slot = lookup_slot(s, thread, s.tcb[thread].registers[CAP_REGISTER])
        buffer = lookup_ipc_buffer(s, thread, is_receiver=False)
        count = message_info_extra_caps(s.tcb[thread].registers[MESSAGE_INFO_REGISTER])
        extra = lookup_extra_caps(s, thread, buffer, count)
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


def finish_invocation(s: State, thread: ThreadRef, calling: bool, result: ErrorKind, *words: Word) -> None:
    """Let the thread run on after an invocation; only a caller is told what came of it."""
    if calling:
        reply_from_kernel(s, thread, result, *words)
    set_thread_state(s, thread, ThreadState.Running)


def reply_from_kernel(s: State, thread: ThreadRef, result: ErrorKind, *words: Word) -> None:
    """Give the thread the kernel's answer: a message with the result as its label, and badge 0."""
    buffer = lookup_ipc_buffer(s, thread, is_receiver=True)
    for number, word in enumerate(words):
        set_mr(s, thread, buffer, number, word)
    length = len(words) if buffer != 0 else min(len(words), MESSAGE_REGISTERS)
    s.tcb[thread].registers[MESSAGE_INFO_REGISTER] = message_info(result.value, length)
    s.tcb[thread].registers[BADGE_REGISTER] = 0


def decode_invocation(
    s: State, slot: SlotRef, extra: ExtraCaps, buffer: Word, calling: bool, blocking: bool
) -> tuple[Word, ...]:
    """Carry out the invocation of the capability in a slot by the current thread's message.

    Gives the words that a caller is answered with.

    - An endpoint, notification or reply capability: the message is sent, whatever its label.  To send to the first two
      takes the right to.
    - CNodes, untyped memory, threads and domains are asked for what the label says.
    - A null capability, what is left of a deleted object, and a master reply capability cannot be invoked.

    All other objects refuse everything: their operations are not described yet.
    """
    thread = s.current_thread
    cap = s.slot[slot].cap
    info = s.tcb[thread].registers[MESSAGE_INFO_REGISTER]
    label, length = message_info_label(info), message_info_length(info)
    if buffer == 0 and length > MESSAGE_REGISTERS:
        length = MESSAGE_REGISTERS
    match cap.kind:
        case CapKind.Endpoint if cap.can_send:
            endpoint = reference_at(EndpointRef, cap.object)
            send_ipc(s, blocking, calling, cap.badge, cap.can_grant, cap.can_grant_reply, thread, endpoint)
        case CapKind.Notification if cap.can_send:
            send_signal(s, reference_at(NotificationRef, cap.object), cap.badge)
        case CapKind.Reply if not cap.is_master:
            do_reply_transfer(s, thread, reference_at(ThreadRef, cap.object), slot, cap.can_grant)
        case CapKind.CNode:
            decode_cnode_invocation(s, label, length, cap, extra, buffer)
        case CapKind.Untyped:
            decode_untyped_invocation(s, label, length, slot, cap, extra, buffer)
        case CapKind.Thread:
            return decode_tcb_invocation(s, label, length, slot, cap, extra, buffer)
        case CapKind.Domain:
            decode_domain_invocation(s, label, length, extra, buffer)
        case CapKind.Null | CapKind.Zombie | CapKind.Endpoint | CapKind.Notification | CapKind.Reply:
            raise SyscallError(ErrorKind.InvalidCapability, 0)
        case _:
            raise SyscallError(ErrorKind.IllegalOperation)
    return ()


def handle_recv(s: State, blocking: bool) -> None:
    """Recv and NBRecv: ask the endpoint or notification whose capability is at the address in r0.

    That takes the right to receive; a notification that is bound to a thread can only be asked by that one.  Anything
    else is a fault of the thread.  Whoever receives from an endpoint can no longer reply to the last caller.
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
    elif cap.kind == CapKind.Notification and cap.can_receive and may_wait(s, thread, cap.object):
        receive_signal(s, thread, reference_at(NotificationRef, cap.object), blocking)
    else:
        handle_fault(s, thread)


def may_wait(s: State, thread: ThreadRef, notification: Word) -> bool:
    """Whether the thread may wait for a signal of the notification at an address."""
    bound = s.notification[reference_at(NotificationRef, notification)].bound_thread
    return one_of(bound, NULL, thread)


def handle_reply(s: State) -> None:
    """Reply: send the message to the last caller, if there is one that was not replied to."""
    thread = s.current_thread
    slot = slot_of_thread(thread, CALLER_SLOT)
    cap = s.slot[slot].cap
    if cap.kind == CapKind.Reply:
        do_reply_transfer(s, thread, reference_at(ThreadRef, cap.object), slot, cap.can_grant)
