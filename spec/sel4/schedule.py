"""Scheduling: which thread runs.

Of the ready threads of the current domain the one with the highest priority runs, and those of one priority
take turns.  Domains follow each other by a fixed schedule, whoever is ready, so that no domain can learn from
the time it gets what another one does.

While an operation is carried out the kernel only notes, as its *scheduler action*, that another thread may have
to run; `schedule` settles it once, at the end of each kernel entry.
"""

from __future__ import annotations

from refinement.logic import Word, all_of, any_of, choose, one_of, operation
from spec.sel4.state import (
    FAULT_IP,
    NEXT_IP,
    TIME_SLICE,
    SchedulerAction,
    State,
    ThreadRef,
    ThreadState,
)


def is_runnable(s: State, thread: ThreadRef) -> bool:
    """A thread is runnable when nothing but the processor is missing for it to run."""
    return one_of(s.tcb[thread].state, ThreadState.Running, ThreadState.Restart)


def set_thread_state(s: State, thread: ThreadRef, state: ThreadState) -> None:
    """Change what a thread does.  When the current thread stops being runnable, another one must be chosen."""
    s.tcb[thread].state = state
    if (
        thread == s.current_thread
        and s.scheduler_action == SchedulerAction.ResumeCurrentThread
        and not is_runnable(s, thread)
    ):
        s.scheduler_action = SchedulerAction.ChooseNewThread


@operation
def tcb_sched_enqueue(s: State, thread: ThreadRef) -> None:
    """Make a thread ready, ahead of all others of its domain and priority.  A ready one keeps its place."""
    if not s.tcb[thread].queued:
        s.tcb[thread].queued = True
        s.tcb[thread].place = -s.now
        s.now = s.now + 1


@operation
def tcb_sched_append(s: State, thread: ThreadRef) -> None:
    """Make a thread ready, behind all others of its domain and priority.  A ready one keeps its place."""
    if not s.tcb[thread].queued:
        s.tcb[thread].queued = True
        s.tcb[thread].place = s.now
        s.now = s.now + 1


@operation
def tcb_sched_dequeue(s: State, thread: ThreadRef) -> None:
    """Make a thread no longer ready."""
    s.tcb[thread].queued = False


def is_ready(s: State, thread: ThreadRef) -> bool:
    """Whether the thread is ready and belongs to the current domain."""
    return all_of(s.tcb[thread].queued, s.tcb[thread].domain == s.current_domain)


def runs_before(s: State, one: ThreadRef, other: ThreadRef) -> bool:
    """Of two ready threads the one of higher priority runs first, of equal ones the one ahead in place."""
    return any_of(
        s.tcb[one].priority > s.tcb[other].priority,
        all_of(s.tcb[one].priority == s.tcb[other].priority, s.tcb[one].place <= s.tcb[other].place),
    )


def highest_ready(s: State) -> ThreadRef | None:
    """The ready thread of the current domain that runs before all others; None if no thread is ready."""
    return choose(
        s.tcb,
        lambda thread: is_ready(s, thread),
        lambda one, other: runs_before(s, one, other),
        label="highest_ready",
    )


def higher_ready(s: State, priority: Word) -> ThreadRef | None:
    """Some ready thread of the current domain with a higher priority than this; None if there is none."""
    return choose(
        s.tcb,
        lambda thread: all_of(is_ready(s, thread), s.tcb[thread].priority > priority),
        label="higher_ready",
    )


def reschedule_required(s: State) -> None:
    """Have a thread chosen among all that are ready; a candidate becomes one of them."""
    if s.scheduler_action == SchedulerAction.SwitchToThread:
        tcb_sched_enqueue(s, s.candidate)
    s.scheduler_action = SchedulerAction.ChooseNewThread


@operation
def possible_switch_to(s: State, thread: ThreadRef) -> None:
    """Consider a thread that was just woken.

    One of another domain becomes ready: its domain's turn will come.  In the current domain, the only thread
    woken so far is the candidate to switch to; as soon as there is a second one, or any other reason to choose
    anew, all of them just become ready and the scheduler chooses.
    """
    if s.tcb[thread].domain != s.current_domain:
        tcb_sched_enqueue(s, thread)
    elif s.scheduler_action == SchedulerAction.ResumeCurrentThread:
        s.scheduler_action = SchedulerAction.SwitchToThread
        s.candidate = thread
    else:
        reschedule_required(s)
        tcb_sched_enqueue(s, thread)


def schedule(s: State) -> None:
    """Settle which thread runs next.

    Unless the action is to go on with the current thread, that thread becomes ready, if it is runnable, ahead of
    the others of its priority.  Then:

    - a new thread is chosen if that is the action;
    - a candidate of lower priority than the current thread, when a thread of still higher priority is ready,
      becomes ready itself, and a thread is chosen; likewise any candidate when the idle thread is the current one;
    - a candidate of the current thread's own priority lines up behind, so that the current thread goes on;
    - any other candidate is switched to.
    """
    if s.scheduler_action == SchedulerAction.ResumeCurrentThread:
        return
    current = s.current_thread
    was_runnable = is_runnable(s, current)
    if was_runnable:
        tcb_sched_enqueue(s, current)
    if s.scheduler_action == SchedulerAction.ChooseNewThread:
        schedule_choose_new_thread(s)
    else:
        candidate = s.candidate
        priority = s.tcb[candidate].priority
        may_be_outranked = current == s.idle_thread or priority < s.tcb[current].priority
        if may_be_outranked and higher_ready(s, priority) is not None:
            tcb_sched_enqueue(s, candidate)
            s.scheduler_action = SchedulerAction.ChooseNewThread
            schedule_choose_new_thread(s)
        elif was_runnable and priority == s.tcb[current].priority:
            tcb_sched_append(s, candidate)
            s.scheduler_action = SchedulerAction.ChooseNewThread
            schedule_choose_new_thread(s)
        else:
            switch_to_thread(s, candidate)
            s.scheduler_action = SchedulerAction.ResumeCurrentThread


@operation
def schedule_choose_new_thread(s: State) -> None:
    """Go over to the next domain if the time of the current one has run out, and choose a thread of it."""
    if s.domain_time == 0:
        next_domain(s)
    choose_thread(s)
    s.scheduler_action = SchedulerAction.ResumeCurrentThread


def next_domain(s: State) -> None:
    """Follow the next entry of the domain schedule or, where that is an end marker, the start entry."""
    following = s.domain_index + 1
    if s.domain_schedule[following].domain == 0 and s.domain_schedule[following].duration == 0:
        following = s.domain_start
    s.domain_index = following
    s.current_domain = s.domain_schedule[following].domain
    s.domain_time = s.domain_schedule[following].duration


def choose_thread(s: State) -> None:
    """Switch to the ready thread that runs before all others or, when none is ready, to the idle thread."""
    thread = highest_ready(s)
    if thread is None:
        switch_to_idle_thread(s)
    else:
        switch_to_thread(s, thread)


def switch_to_thread(s: State, thread: ThreadRef) -> None:
    """Make a thread the current one.  It has the processor now, so it does not wait for it: it is not ready."""
    tcb_sched_dequeue(s, thread)
    s.current_thread = thread


def switch_to_idle_thread(s: State) -> None:
    """Make the idle thread the current one."""
    s.current_thread = s.idle_thread


def activate_thread(s: State) -> None:
    """Prepare the current thread for user mode: one that restarts goes back to the instruction it came by."""
    thread = s.current_thread
    if s.tcb[thread].state == ThreadState.Restart:
        s.tcb[thread].registers[NEXT_IP] = s.tcb[thread].registers[FAULT_IP]
        set_thread_state(s, thread, ThreadState.Running)


def timer_tick(s: State) -> None:
    """A tick of the timer has passed.

    When it was the last one of a running thread's time slice, the thread gets a new slice and lines up behind the
    others of its priority.  When it was the last one of the domain's time, the next domain has its turn.
    """
    thread = s.current_thread
    if s.tcb[thread].state == ThreadState.Running:
        if s.tcb[thread].time_slice > 1:
            s.tcb[thread].time_slice = s.tcb[thread].time_slice - 1
        else:
            s.tcb[thread].time_slice = TIME_SLICE
            tcb_sched_append(s, thread)
            reschedule_required(s)
    s.domain_time = s.domain_time - 1
    if s.domain_time == 0:
        reschedule_required(s)


def handle_yield(s: State) -> None:
    """The system call Yield: the current thread lines up behind the ready threads of its priority."""
    tcb_sched_dequeue(s, s.current_thread)
    tcb_sched_append(s, s.current_thread)
    reschedule_required(s)
