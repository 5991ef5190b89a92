"""Ending a thread's waiting before what it waits for has happened."""

from __future__ import annotations

from executable_model.sel4.reply import delete_reply_cap
from executable_model.sel4.schedule import reschedule_required, set_thread_state, tcb_sched_enqueue
from executable_model.sel4.state import (
    EndpointRef,
    EndpointState,
    NotificationRef,
    NotificationState,
    State,
    ThreadRef,
    ThreadState,
)
from executable_model.sel4.waiting import leave_endpoint, leave_notification
from refinement.logic import Word, operation, repeat, walk


@operation
def cancel_ipc(s: State, thread: ThreadRef) -> None:
    """Make a blocked thread inactive.

    One that waits for a reply keeps its state: what is deleted then is the capability to answer it.
    """
    match s.tcb[thread].state:
        case ThreadState.BlockedOnSend | ThreadState.BlockedOnReceive:
            leave_endpoint(s, thread, s.tcb[thread].endpoint)
            set_thread_state(s, thread, ThreadState.Inactive)
        case ThreadState.BlockedOnNotification:
            cancel_signal(s, thread, s.tcb[thread].notification)
        case ThreadState.BlockedOnReply:
            delete_reply_cap(s, thread)


def cancel_signal(s: State, thread: ThreadRef, notification: NotificationRef) -> None:
    """Make a thread inactive that waits on the notification."""
    leave_notification(s, thread, notification)
    set_thread_state(s, thread, ThreadState.Inactive)


def cancel_all_ipc(s: State, endpoint: EndpointRef) -> None:
    """Have every thread in the endpoint's queue make its system call again, as when the endpoint is deleted."""
    if s.endpoint[endpoint].state == EndpointState.Idle:
        return
    for thread in repeat("cancel_all_ipc", lambda: s.endpoint[endpoint].head):
        leave_endpoint(s, thread, endpoint)
        set_thread_state(s, thread, ThreadState.Restart)
        tcb_sched_enqueue(s, thread)
    reschedule_required(s)


def cancel_badged_sends(s: State, endpoint: EndpointRef, badge: Word) -> None:
    """Have every thread that sends with this badge make its system call again; others go on waiting."""
    if s.endpoint[endpoint].state != EndpointState.Send:
        return
    for thread in walk("cancel_badged_sends", s.endpoint[endpoint].head, lambda t: s.tcb[t].ep_next):
        if s.tcb[thread].badge == badge:
            leave_endpoint(s, thread, endpoint)
            set_thread_state(s, thread, ThreadState.Restart)
            tcb_sched_enqueue(s, thread)
    reschedule_required(s)


def cancel_all_signals(s: State, notification: NotificationRef) -> None:
    """Have every thread in the notification's queue make its system call again."""
    if s.notification[notification].state != NotificationState.Waiting:
        return
    for thread in repeat("cancel_all_signals", lambda: s.notification[notification].head):
        leave_notification(s, thread, notification)
        set_thread_state(s, thread, ThreadState.Restart)
        tcb_sched_enqueue(s, thread)
    reschedule_required(s)
