"""Ending a thread's waiting before what it waits for has happened.

A single thread is taken out of its waiting when it is suspended, resumed or deleted.  All that wait on an object
are when that object goes away, or the right to send with a badge is withdrawn; those make their system call again
and find out for themselves.
"""

from __future__ import annotations

from refinement.logic import Word, operation, repeat
from spec.sel4.reply import delete_reply_cap
from spec.sel4.schedule import reschedule_required, set_thread_state, tcb_sched_enqueue
from spec.sel4.state import EndpointRef, NotificationRef, State, ThreadRef, ThreadState
from spec.sel4.waiting import (
    longest_waiting,
    longest_waiting_badged_sender,
    longest_waiting_for_signal,
    longest_waiting_sender,
)


@operation
def cancel_ipc(s: State, thread: ThreadRef) -> None:
    """Make a thread inactive that is blocked on an endpoint or notification.

    A thread that waits for a reply keeps its state, but nobody can reply to it any more.
    """
    match s.tcb[thread].state:
        case ThreadState.BlockedOnSend | ThreadState.BlockedOnReceive:
            set_thread_state(s, thread, ThreadState.Inactive)
        case ThreadState.BlockedOnNotification:
            cancel_signal(s, thread, s.tcb[thread].notification)
        case ThreadState.BlockedOnReply:
            delete_reply_cap(s, thread)


def cancel_signal(s: State, thread: ThreadRef, notification: NotificationRef) -> None:
    """Make a thread inactive that is blocked on the notification."""
    set_thread_state(s, thread, ThreadState.Inactive)


def make_restart(s: State, thread: ThreadRef) -> None:
    """Have a blocked thread make its system call again, ahead of the ready threads of its priority."""
    set_thread_state(s, thread, ThreadState.Restart)
    tcb_sched_enqueue(s, thread)


def cancel_all_ipc(s: State, endpoint: EndpointRef) -> None:
    """Have every thread that waits on the endpoint make its system call again.

    Each gets ahead of those before it: of equal priorities, the one that came last runs first.
    """
    if longest_waiting(s, endpoint) is None:
        return
    for thread in repeat("cancel_all_ipc", lambda: longest_waiting(s, endpoint)):
        make_restart(s, thread)
    reschedule_required(s)


def cancel_badged_sends(s: State, endpoint: EndpointRef, badge: Word) -> None:
    """Have every thread that sends with this badge through the endpoint make its system call again.

    Other senders keep waiting, in their order.  A new thread is chosen whenever there were any senders.
    """
    if longest_waiting_sender(s, endpoint) is None:
        return
    for thread in repeat("cancel_badged_sends", lambda: longest_waiting_badged_sender(s, endpoint, badge)):
        make_restart(s, thread)
    reschedule_required(s)


def cancel_all_signals(s: State, notification: NotificationRef) -> None:
    """Have every thread that waits for a signal of the notification make its system call again."""
    if longest_waiting_for_signal(s, notification) is None:
        return
    for thread in repeat("cancel_all_signals", lambda: longest_waiting_for_signal(s, notification)):
        make_restart(s, thread)
    reschedule_required(s)
