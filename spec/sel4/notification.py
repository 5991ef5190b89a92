"""Notifications: one thread tells another that something has happened.

Signalling never blocks and carries nothing but the badge of the capability used.  Signals that nobody waits for
add up: their badges are or-ed until someone asks.  A notification can be bound to one thread, which then hears
of its signals also while it waits for a message.
"""

from __future__ import annotations

from refinement.logic import NULL, Word
from spec.sel4.ipc_cancel import cancel_ipc
from spec.sel4.schedule import possible_switch_to, set_thread_state
from spec.sel4.state import BADGE_REGISTER, NotificationRef, State, ThreadRef, ThreadState
from spec.sel4.waiting import longest_waiting_for_signal, wait


def send_signal(s: State, notification: NotificationRef, badge: Word) -> None:
    """Signal the notification.

    - A signal is pending already: the badge is added to it.
    - A thread waits for it: the one that has waited longest gets the badge and runs on.
    - Its bound thread waits for a message: that wait ends, and the thread gets the badge instead.
    - Otherwise the signal stays pending.
    """
    if s.notification[notification].active:
        s.notification[notification].badge = s.notification[notification].badge | badge
        return
    waiter = longest_waiting_for_signal(s, notification)
    bound = s.notification[notification].bound_thread
    if waiter is not None:
        deliver(s, waiter, badge)
    elif bound != NULL and s.tcb[bound].state == ThreadState.BlockedOnReceive:
        cancel_ipc(s, bound)
        deliver(s, bound, badge)
    else:
        s.notification[notification].active = True
        s.notification[notification].badge = badge


def deliver(s: State, thread: ThreadRef, badge: Word) -> None:
    """Let a blocked thread run on with the badge; a signal has no message, so no other register changes."""
    set_thread_state(s, thread, ThreadState.Running)
    s.tcb[thread].registers[BADGE_REGISTER] = badge
    possible_switch_to(s, thread)


def receive_signal(s: State, thread: ThreadRef, notification: NotificationRef, blocking: bool) -> None:
    """Ask for a signal of the notification.

    - One is pending: its badge is taken.
    - None is, and the thread is willing to wait: it blocks, behind those that wait already.
    - None is, and it is not: it finds badge 0.
    """
    if s.notification[notification].active:
        complete_signal(s, notification, thread)
    elif blocking:
        s.tcb[thread].notification = notification
        wait(s, thread, ThreadState.BlockedOnNotification)
    else:
        s.tcb[thread].registers[BADGE_REGISTER] = 0


def complete_signal(s: State, notification: NotificationRef, thread: ThreadRef) -> None:
    """Give the badge of a pending signal to the thread; nothing is pending any more."""
    s.tcb[thread].registers[BADGE_REGISTER] = s.notification[notification].badge
    s.notification[notification].active = False
