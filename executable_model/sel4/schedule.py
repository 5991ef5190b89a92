"""Scheduling: ready queues with their bitmaps, the scheduler's action, domains, time slices."""

from __future__ import annotations

from executable_model.sel4.state import (
    ALL_ONES,
    FAULT_IP,
    L2_BITMAP_SIZE,
    NEXT_IP,
    TIME_SLICE,
    SchedulerAction,
    State,
    ThreadRef,
    ThreadState,
)
from refinement.logic import NULL, Word, highest_bit, one_of, operation


def is_runnable(s: State, thread: ThreadRef) -> bool:
    """Whether the thread could run now."""
    return one_of(s.tcb[thread].state, ThreadState.Running, ThreadState.Restart)


def set_thread_state(s: State, thread: ThreadRef, state: ThreadState) -> None:
    """Change what a thread does; if the current thread can no longer run, another one must be chosen."""
    s.tcb[thread].state = state
    if (
        thread == s.current_thread
        and s.scheduler_action == SchedulerAction.ResumeCurrentThread
        and not is_runnable(s, thread)
    ):
        reschedule_required(s)


def add_to_bitmap(s: State, domain: Word, priority: Word) -> None:
    """Note that the ready queue of this domain and priority is not empty."""
    group = priority >> 5
    inverted = (L2_BITMAP_SIZE - 1) - group
    s.l1_bitmap[domain] = s.l1_bitmap[domain] | (1 << group)
    s.l2_bitmap[domain, inverted] = s.l2_bitmap[domain, inverted] | (1 << (priority & 31))


def remove_from_bitmap(s: State, domain: Word, priority: Word) -> None:
    """Note that the ready queue of this domain and priority is empty."""
    group = priority >> 5
    inverted = (L2_BITMAP_SIZE - 1) - group
    s.l2_bitmap[domain, inverted] = s.l2_bitmap[domain, inverted] & (ALL_ONES ^ (1 << (priority & 31)))
    if s.l2_bitmap[domain, inverted] == 0:
        s.l1_bitmap[domain] = s.l1_bitmap[domain] & (ALL_ONES ^ (1 << group))


def highest_priority(s: State, domain: Word) -> Word:
    """The highest priority with a ready thread, in a domain that has one."""
    group = highest_bit(s.l1_bitmap[domain])
    inverted = (L2_BITMAP_SIZE - 1) - group
    return (group << 5) | highest_bit(s.l2_bitmap[domain, inverted])


def is_highest_priority(s: State, domain: Word, priority: Word) -> bool:
    """Whether no ready thread of the domain has a higher priority than this."""
    return s.l1_bitmap[domain] == 0 or priority >= highest_priority(s, domain)


@operation
def tcb_sched_enqueue(s: State, thread: ThreadRef) -> None:
    """Put the thread at the head of its ready queue, unless it is in it already."""
    tcb = s.tcb[thread]
    if tcb.queued:
        return
    queue = s.ready_queue[tcb.domain, tcb.priority]
    if queue.head == NULL:
        add_to_bitmap(s, tcb.domain, tcb.priority)
        queue.end = thread
    else:
        s.tcb[queue.head].sched_prev = thread
    tcb.sched_prev = NULL
    tcb.sched_next = queue.head
    queue.head = thread
    tcb.queued = True


@operation
def tcb_sched_append(s: State, thread: ThreadRef) -> None:
    """Put the thread at the end of its ready queue, unless it is in it already."""
    tcb = s.tcb[thread]
    if tcb.queued:
        return
    queue = s.ready_queue[tcb.domain, tcb.priority]
    if queue.head == NULL:
        add_to_bitmap(s, tcb.domain, tcb.priority)
        queue.head = thread
    else:
        s.tcb[queue.end].sched_next = thread
    tcb.sched_prev = queue.end
    tcb.sched_next = NULL
    queue.end = thread
    tcb.queued = True


@operation
def tcb_sched_dequeue(s: State, thread: ThreadRef) -> None:
    """Take the thread out of its ready queue, if it is in it."""
    tcb = s.tcb[thread]
    if not tcb.queued:
        return
    queue = s.ready_queue[tcb.domain, tcb.priority]
    before = tcb.sched_prev
    after = tcb.sched_next
    if before == NULL:
        queue.head = after
    else:
        s.tcb[before].sched_next = after
    if after == NULL:
        queue.end = before
    else:
        s.tcb[after].sched_prev = before
    tcb.sched_prev = NULL
    tcb.sched_next = NULL
    tcb.queued = False
    if queue.head == NULL:
        remove_from_bitmap(s, tcb.domain, tcb.priority)


def reschedule_required(s: State) -> None:
    """Have `schedule` choose anew; a thread it was to switch to competes with the others."""
    if s.scheduler_action == SchedulerAction.SwitchToThread:
        tcb_sched_enqueue(s, s.candidate)
    s.scheduler_action = SchedulerAction.ChooseNewThread


@operation
def possible_switch_to(s: State, thread: ThreadRef) -> None:
    """Consider a thread that has just been woken: the first one of the current domain becomes the candidate."""
    if s.tcb[thread].domain != s.current_domain:
        tcb_sched_enqueue(s, thread)
    elif s.scheduler_action != SchedulerAction.ResumeCurrentThread:
        reschedule_required(s)
        tcb_sched_enqueue(s, thread)
    else:
        s.scheduler_action = SchedulerAction.SwitchToThread
        s.candidate = thread


def switch_to_thread(s: State, thread: ThreadRef) -> None:
    """Make a ready thread the current one; the current thread is in no ready queue."""
    tcb_sched_dequeue(s, thread)
    s.current_thread = thread


def switch_to_idle_thread(s: State) -> None:
    """Make the idle thread the current one."""
    s.current_thread = s.idle_thread


def choose_thread(s: State) -> None:
    """Switch to the head of the highest ready queue of the current domain that is not empty, or to the idle thread."""
    if s.l1_bitmap[s.current_domain] == 0:
        switch_to_idle_thread(s)
    else:
        priority = highest_priority(s, s.current_domain)
        switch_to_thread(s, s.ready_queue[s.current_domain, priority].head)


def next_domain(s: State) -> None:
    """Go to the next entry of the domain schedule; behind the last one comes the start entry.

    No work was done yet in the time of that domain.
    """
    index = s.domain_index + 1
    if s.domain_schedule[index].domain == 0 and s.domain_schedule[index].duration == 0:
        index = s.domain_start
    s.domain_index = index
    s.work_units = 0
    s.current_domain = s.domain_schedule[index].domain
    s.domain_time = s.domain_schedule[index].duration


@operation
def schedule_choose_new_thread(s: State) -> None:
    """Choose a thread, of the next domain if the time of the current one has run out."""
    if s.domain_time == 0:
        next_domain(s)
    choose_thread(s)
    s.scheduler_action = SchedulerAction.ResumeCurrentThread


def schedule(s: State) -> None:
    """Settle on the thread to run, at the end of each kernel entry.

    A candidate is switched to at once if it is known to be the best choice: the bitmaps need not be
    looked at when its priority is at least that of the current thread.
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
        outranked = current == s.idle_thread or priority < s.tcb[current].priority
        if outranked and not is_highest_priority(s, s.current_domain, priority):
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


def activate_thread(s: State) -> None:
    """Make the current thread ready for user mode: a restarted one repeats the instruction it entered the kernel by."""
    tcb = s.tcb[s.current_thread]
    if tcb.state == ThreadState.Restart:
        tcb.registers[NEXT_IP] = tcb.registers[FAULT_IP]
        set_thread_state(s, s.current_thread, ThreadState.Running)


def timer_tick(s: State) -> None:
    """Count a tick of the timer against the current thread's time slice and the current domain's time."""
    tcb = s.tcb[s.current_thread]
    if tcb.state == ThreadState.Running:
        if tcb.time_slice > 1:
            tcb.time_slice = tcb.time_slice - 1
        else:
            tcb.time_slice = TIME_SLICE
            tcb_sched_append(s, s.current_thread)
            reschedule_required(s)
    s.domain_time = s.domain_time - 1
    if s.domain_time == 0:
        reschedule_required(s)


def handle_yield(s: State) -> None:
    """The system call Yield: let the other ready threads of the current thread's priority run first."""
    tcb_sched_dequeue(s, s.current_thread)
    tcb_sched_append(s, s.current_thread)
    reschedule_required(s)
