"""Endpoints: synchronous message passing.

A message passes directly from a sender to a receiver when both have arrived at the endpoint; whoever comes first
waits.  Senders and receivers are each served in the order of their arrival.  A *call* is a send after which the
sender waits for a reply; it needs a capability by which a reply may be granted.
"""

from __future__ import annotations

from refinement.logic import NULL, Word
from spec.sel4.message import do_ipc_transfer
from spec.sel4.notification import complete_signal
from spec.sel4.reply import setup_caller_cap
from spec.sel4.schedule import possible_switch_to, set_thread_state
from spec.sel4.state import BADGE_REGISTER, EndpointRef, State, ThreadRef, ThreadState
from spec.sel4.waiting import longest_waiting_receiver, longest_waiting_sender, wait


def send_ipc(
    s: State,
    blocking: bool,
    call: bool,
    badge: Word,
    can_grant: bool,
    can_grant_reply: bool,
    thread: ThreadRef,
    endpoint: EndpointRef,
) -> None:
    """Send the message of `thread` through the endpoint.

    - A thread waits to receive: the one that has waited longest gets the message and runs on.
      If this is a call, the sender now waits for the reply.
    - None does, and the sender is willing to wait: it blocks, behind those that wait to send already.
    - None does, and it is not: the message is lost.

    `badge`, `can_grant` and `can_grant_reply` are those of the capability that the message is sent by.
    """
    receiver = longest_waiting_receiver(s, endpoint)
    if receiver is not None:
        do_ipc_transfer(s, thread, receiver, badge)
        set_thread_state(s, receiver, ThreadState.Running)
        possible_switch_to(s, receiver)
        if call:
            await_reply(s, thread, can_grant or can_grant_reply, receiver, s.tcb[receiver].can_grant)
    elif blocking:
        s.tcb[thread].endpoint = endpoint
        s.tcb[thread].badge = badge
        s.tcb[thread].can_grant = can_grant
        s.tcb[thread].can_grant_reply = can_grant_reply
        s.tcb[thread].is_call = call
        wait(s, thread, ThreadState.BlockedOnSend)


def await_reply(s: State, caller: ThreadRef, may_reply: bool, receiver: ThreadRef, can_grant: bool) -> None:
    """Have a caller wait for the reply to its message, and give the receiver the means to reply.

    The caller's capability must have the grant or grant-reply right for that (`may_reply`); otherwise no reply can ever
    come, and the caller becomes inactive.  `can_grant` is the grant right of the receiver's capability.
    """
    if may_reply:
        setup_caller_cap(s, caller, receiver, can_grant)
    else:
        set_thread_state(s, caller, ThreadState.Inactive)


def receive_ipc(s: State, thread: ThreadRef, endpoint: EndpointRef, can_grant: bool, blocking: bool) -> None:
    """Receive a message through the endpoint.

    - A signal of the thread's bound notification is pending: the thread gets its badge, and no message.
    - A thread waits to send: the message of the one that has waited longest is received.
      The sender runs on or, if it made a call, now waits for the reply.
    - None does, and the receiver is willing to wait: it blocks, behind those that wait to receive already.
    - None does, and it is not: it finds badge 0.

    `can_grant` is the grant right of the capability by which the thread receives.
    """
    bound = s.tcb[thread].bound_notification
    if bound != NULL and s.notification[bound].active:
        complete_signal(s, bound, thread)
        return
    sender = longest_waiting_sender(s, endpoint)
    if sender is not None:
        do_ipc_transfer(s, sender, thread, s.tcb[sender].badge)
        if s.tcb[sender].is_call:
            may_reply = s.tcb[sender].can_grant or s.tcb[sender].can_grant_reply
            await_reply(s, sender, may_reply, thread, can_grant)
        else:
            set_thread_state(s, sender, ThreadState.Running)
            possible_switch_to(s, sender)
    elif blocking:
        s.tcb[thread].endpoint = endpoint
        s.tcb[thread].can_grant = can_grant
        wait(s, thread, ThreadState.BlockedOnReceive)
    else:
        s.tcb[thread].registers[BADGE_REGISTER] = 0
