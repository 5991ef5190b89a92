"""Endpoints: synchronous message passing between threads."""

from __future__ import annotations

from executable_model.sel4.message import do_ipc_transfer
from executable_model.sel4.notification import complete_signal
from executable_model.sel4.reply import setup_caller_cap
from executable_model.sel4.schedule import possible_switch_to, set_thread_state
from executable_model.sel4.state import (
    BADGE_REGISTER,
    EndpointRef,
    EndpointState,
    NotificationState,
    State,
    ThreadRef,
    ThreadState,
)
from executable_model.sel4.waiting import join_endpoint, leave_endpoint
from refinement.logic import NULL, Word


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
    """Send the thread's message through the endpoint: to the first receiver in the queue, or wait for one."""
    match s.endpoint[endpoint].state:
        case EndpointState.Idle | EndpointState.Send:
            if blocking:
                s.tcb[thread].endpoint = endpoint
                s.tcb[thread].badge = badge
                s.tcb[thread].can_grant = can_grant
                s.tcb[thread].can_grant_reply = can_grant_reply
                s.tcb[thread].is_call = call
                set_thread_state(s, thread, ThreadState.BlockedOnSend)
                join_endpoint(s, thread, endpoint, EndpointState.Send)
        case EndpointState.Recv:
            receiver = s.endpoint[endpoint].head
            leave_endpoint(s, receiver, endpoint)
            do_ipc_transfer(s, thread, receiver, badge)
            set_thread_state(s, receiver, ThreadState.Running)
            possible_switch_to(s, receiver)
            if call:
                if can_grant or can_grant_reply:
                    setup_caller_cap(s, thread, receiver, s.tcb[receiver].can_grant)
                else:
                    set_thread_state(s, thread, ThreadState.Inactive)


def receive_ipc(s: State, thread: ThreadRef, endpoint: EndpointRef, can_grant: bool, blocking: bool) -> None:
    """Receive through the endpoint: a signal of the bound notification, else from the first sender, or wait for one."""
    bound = s.tcb[thread].bound_notification
    if bound != NULL and s.notification[bound].state == NotificationState.Active:
        complete_signal(s, bound, thread)
        return
    match s.endpoint[endpoint].state:
        case EndpointState.Idle | EndpointState.Recv:
            if blocking:
                s.tcb[thread].endpoint = endpoint
                s.tcb[thread].can_grant = can_grant
                set_thread_state(s, thread, ThreadState.BlockedOnReceive)
                join_endpoint(s, thread, endpoint, EndpointState.Recv)
            else:
                s.tcb[thread].registers[BADGE_REGISTER] = 0
        case EndpointState.Send:
            sender = s.endpoint[endpoint].head
            leave_endpoint(s, sender, endpoint)
            do_ipc_transfer(s, sender, thread, s.tcb[sender].badge)
            if s.tcb[sender].is_call:
                if s.tcb[sender].can_grant or s.tcb[sender].can_grant_reply:
                    setup_caller_cap(s, sender, thread, can_grant)
                else:
                    set_thread_state(s, sender, ThreadState.Inactive)
            else:
                set_thread_state(s, sender, ThreadState.Running)
                possible_switch_to(s, sender)
