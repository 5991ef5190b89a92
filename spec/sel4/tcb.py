"""Operations on threads: stopping and resuming, priorities, the bound notification."""

from __future__ import annotations

from refinement.logic import NULL, Word
from spec.sel4.ipc_cancel import cancel_ipc
from spec.sel4.reply import setup_reply_master
from spec.sel4.schedule import (
    is_runnable,
    possible_switch_to,
    reschedule_required,
    set_thread_state,
    tcb_sched_dequeue,
    tcb_sched_enqueue,
)
from spec.sel4.state import FAULT_IP, NEXT_IP, NotificationRef, State, ThreadRef, ThreadState


def suspend(s: State, thread: ThreadRef) -> None:
    """Stop the thread.

    Whatever it waited for, it no longer does, and will ask for again when resumed.  A running thread will go on
    with its next instruction: for it, nothing is left to be done again.
    """
    cancel_ipc(s, thread)
    if s.tcb[thread].state == ThreadState.Running:
        s.tcb[thread].registers[FAULT_IP] = s.tcb[thread].registers[NEXT_IP]
    tcb_sched_dequeue(s, thread)
    set_thread_state(s, thread, ThreadState.Inactive)


def is_stopped(s: State, thread: ThreadRef) -> bool:
    """A thread is stopped when it is inactive or blocked."""
    return s.tcb[thread].state not in (ThreadState.Running, ThreadState.Restart, ThreadState.IdleThreadState)


def restart(s: State, thread: ThreadRef) -> None:
    """Resume a stopped thread: it repeats the instruction by which it entered the kernel.

    That includes a system call it is blocked in, for which it no longer waits.  A thread that is not stopped
    just goes on.  From the first time on that it is resumed, a thread can make calls: it has a master reply capability.
    """
    if is_stopped(s, thread):
        cancel_ipc(s, thread)
        setup_reply_master(s, thread)
        set_thread_state(s, thread, ThreadState.Restart)
        tcb_sched_enqueue(s, thread)
        possible_switch_to(s, thread)


def set_priority(s: State, thread: ThreadRef, priority: Word) -> None:
    """Give the thread another priority.

    If it is runnable it may have to run now, or, being the current thread, no longer.  Threads that wait on
    endpoints and notifications are not affected: there the order is that of arrival.
    """
    tcb_sched_dequeue(s, thread)
    s.tcb[thread].priority = priority
    if is_runnable(s, thread):
        if thread == s.current_thread:
            reschedule_required(s)
        else:
            possible_switch_to(s, thread)


def bind_notification(s: State, thread: ThreadRef, notification: NotificationRef) -> None:
    """Bind the notification to the thread, so that its signals also reach the thread while it waits for a message."""
    s.notification[notification].bound_thread = thread
    s.tcb[thread].bound_notification = notification


def unbind_notification(s: State, thread: ThreadRef) -> None:
    """Undo the binding of the thread, if it has one."""
    bound = s.tcb[thread].bound_notification
    if bound != NULL:
        s.notification[bound].bound_thread = NULL
        s.tcb[thread].bound_notification = NULL


def unbind_maybe_notification(s: State, notification: NotificationRef) -> None:
    """Undo the binding of the notification, if it has one."""
    bound = s.notification[notification].bound_thread
    if bound != NULL:
        unbind_notification(s, bound)
