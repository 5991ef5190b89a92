"""Operations on thread control blocks."""

from __future__ import annotations

from executable_model.sel4.ipc_cancel import cancel_ipc
from executable_model.sel4.reply import setup_reply_master
from executable_model.sel4.schedule import (
    is_runnable,
    possible_switch_to,
    reschedule_required,
    set_thread_state,
    tcb_sched_dequeue,
    tcb_sched_enqueue,
)
from executable_model.sel4.state import FAULT_IP, NEXT_IP, NotificationRef, State, ThreadRef, ThreadState
from refinement.logic import NULL, Word


def suspend(s: State, thread: ThreadRef) -> None:
    """Stop the thread, whatever it does; one that was running goes on after the present instruction when resumed."""
    cancel_ipc(s, thread)
    if s.tcb[thread].state == ThreadState.Running:
        s.tcb[thread].registers[FAULT_IP] = s.tcb[thread].registers[NEXT_IP]
    tcb_sched_dequeue(s, thread)
    set_thread_state(s, thread, ThreadState.Inactive)


def is_stopped(s: State, thread: ThreadRef) -> bool:
    """Whether the thread neither runs, could run, nor is the idle thread."""
    return s.tcb[thread].state not in (ThreadState.Running, ThreadState.Restart, ThreadState.IdleThreadState)


def restart(s: State, thread: ThreadRef) -> None:
    """Resume a stopped or blocked thread: it repeats the instruction with which it entered the kernel.

    From the first time on it has a master reply capability, so that its calls can be answered.
    """
    if is_stopped(s, thread):
        cancel_ipc(s, thread)
        setup_reply_master(s, thread)
        set_thread_state(s, thread, ThreadState.Restart)
        tcb_sched_enqueue(s, thread)
        possible_switch_to(s, thread)


def set_priority(s: State, thread: ThreadRef, priority: Word) -> None:
    """Give the thread another priority; who runs next is settled anew if that can matter."""
    tcb_sched_dequeue(s, thread)
    s.tcb[thread].priority = priority
    if is_runnable(s, thread):
        if thread == s.current_thread:
            reschedule_required(s)
        else:
            possible_switch_to(s, thread)


def bind_notification(s: State, thread: ThreadRef, notification: NotificationRef) -> None:
    """Bind the notification to the thread: its signals also reach it while it waits on an endpoint."""
    s.notification[notification].bound_thread = thread
    s.tcb[thread].bound_notification = notification


def unbind_notification(s: State, thread: ThreadRef) -> None:
    """Undo the thread's binding, if there is one."""
    bound = s.tcb[thread].bound_notification
    if bound != NULL:
        s.notification[bound].bound_thread = NULL
        s.tcb[thread].bound_notification = NULL


def unbind_maybe_notification(s: State, notification: NotificationRef) -> None:
    """Undo the notification's binding, if there is one."""
    bound = s.notification[notification].bound_thread
    if bound != NULL:
        unbind_notification(s, bound)
