"""Notifications: signals, waiting for them, and the thread bound to a notification."""

from __future__ import annotations

from executable_model.sel4.ipc_cancel import cancel_ipc
from executable_model.sel4.schedule import possible_switch_to, set_thread_state
from executable_model.sel4.state import (
    BADGE_REGISTER,
    NotificationRef,
    NotificationState,
    State,
    ThreadRef,
    ThreadState,
)
from executable_model.sel4.waiting import join_notification, leave_notification
from refinement.logic import NULL, Word


def send_signal(s: State, notification: NotificationRef, badge: Word) -> None:
    """Signal the notification: wake one thread with the badge, or keep it for the next that asks."""
    match s.notification[notification].state:
        case NotificationState.Idle:
            bound = s.notification[notification].bound_thread
            if bound != NULL and s.tcb[bound].state == ThreadState.BlockedOnReceive:
                cancel_ipc(s, bound)
                deliver(s, bound, badge)
            else:
                s.notification[notification].state = NotificationState.Active
                s.notification[notification].badge = badge
        case NotificationState.Waiting:
            waiter = s.notification[notification].head
            leave_notification(s, waiter, notification)
            deliver(s, waiter, badge)
        case NotificationState.Active:
            s.notification[notification].badge = s.notification[notification].badge | badge


def deliver(s: State, thread: ThreadRef, badge: Word) -> None:
    """Let a thread run that has received the badge; a signal has no message, so only that register changes."""
    set_thread_state(s, thread, ThreadState.Running)
    s.tcb[thread].registers[BADGE_REGISTER] = badge
    possible_switch_to(s, thread)


def receive_signal(s: State, thread: ThreadRef, notification: NotificationRef, blocking: bool) -> None:
    """Take the notification's badge if it is active; else wait for a signal, or find out that there is none."""
    match s.notification[notification].state:
        case NotificationState.Idle | NotificationState.Waiting:
            if blocking:
                s.tcb[thread].notification = notification
                set_thread_state(s, thread, ThreadState.BlockedOnNotification)
                join_notification(s, thread, notification)
            else:
                s.tcb[thread].registers[BADGE_REGISTER] = 0
        case NotificationState.Active:
            complete_signal(s, notification, thread)


def complete_signal(s: State, notification: NotificationRef, thread: ThreadRef) -> None:
    """Give an active notification's badge to the thread."""
    s.tcb[thread].registers[BADGE_REGISTER] = s.notification[notification].badge
    s.notification[notification].state = NotificationState.Idle
