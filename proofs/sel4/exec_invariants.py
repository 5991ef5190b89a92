"""Invariants of the executable model, in force between operations.

Each is local: about one object, or one queue, and what it points at.  What is true of a whole queue (that it
is a list, in order) follows from its links one by one, and is tied to the specification in `spec_exec`.
"""

from __future__ import annotations

from typing import Any

from executable_model.sel4.schedule import is_runnable
from executable_model.sel4.state import (
    DOMAIN_SCHEDULE_LENGTH,
    L2_BITMAP_SIZE,
    NUM_DOMAINS,
    NUM_PRIORITIES,
    EndpointState,
    NotificationState,
    SchedulerAction,
    ThreadState,
)
from refinement.logic import NULL, all_of, any_of, iff, implies, negate, one_of
from refinement.state import exists
from refinement.statements import invariant

MAX_BADGE = (1 << 28) - 1
LAST_ENTRY = DOMAIN_SCHEDULE_LENGTH - 1


def waits(s: Any, t: Any) -> Any:
    """Whether a thread is in the queue of an endpoint or notification."""
    return one_of(
        s.tcb[t].state, ThreadState.BlockedOnReceive, ThreadState.BlockedOnSend, ThreadState.BlockedOnNotification
    )


def waits_on_endpoint(s: Any, t: Any) -> Any:
    """Whether a thread is in the queue of an endpoint."""
    return one_of(s.tcb[t].state, ThreadState.BlockedOnReceive, ThreadState.BlockedOnSend)


def waits_for_signal(s: Any, t: Any) -> Any:
    """Whether a thread is in the queue of a notification."""
    return s.tcb[t].state == ThreadState.BlockedOnNotification


def same_queue(s: Any, t: Any, u: Any) -> Any:
    """Whether two waiting threads are in one queue."""
    one, other = s.tcb[t], s.tcb[u]
    at_endpoint = all_of(waits_on_endpoint(s, t), one.endpoint == other.endpoint)
    at_notification = all_of(waits_for_signal(s, t), one.notification == other.notification)
    return all_of(one.state == other.state, any_of(at_endpoint, at_notification))


def same_ready_queue(s: Any, t: Any, u: Any) -> Any:
    """Whether two threads are in one ready queue."""
    one, other = s.tcb[t], s.tcb[u]
    return all_of(one.queued, other.queued, one.domain == other.domain, one.priority == other.priority)


@invariant("exec", "tcb")
def thread_bounds(s: Any, t: Any) -> Any:
    """A thread has one of the 256 priorities and belongs to one of the 16 domains."""
    return all_of(s.tcb[t].priority < NUM_PRIORITIES, s.tcb[t].domain < NUM_DOMAINS)


@invariant("exec", "tcb")
def queued_runnable(s: Any, t: Any) -> Any:
    """A thread in a ready queue is runnable."""
    return implies(s.tcb[t].queued, is_runnable(s, t))


@invariant("exec", "tcb")
def unqueued_links(s: Any, t: Any) -> Any:
    """A thread that is in no ready queue has no neighbours there."""
    return implies(negate(s.tcb[t].queued), all_of(s.tcb[t].sched_next == NULL, s.tcb[t].sched_prev == NULL))


@invariant("exec", "tcb")
def ready_links(s: Any, t: Any) -> Any:
    """A thread in a ready queue and its neighbours there, of the same domain and priority, point at each other; \
without a neighbour it is the first or the last."""
    tcb = s.tcb[t]
    after, before = tcb.sched_next, tcb.sched_prev
    queue = s.ready_queue[tcb.domain, tcb.priority]
    next_links = all_of(exists(s.tcb, after), after != t, same_ready_queue(s, t, after), s.tcb[after].sched_prev == t)
    prev_links = all_of(
        exists(s.tcb, before), before != t, same_ready_queue(s, t, before), s.tcb[before].sched_next == t
    )
    return implies(
        tcb.queued,
        all_of(
            any_of(all_of(after == NULL, queue.end == t), next_links),
            any_of(all_of(before == NULL, queue.head == t), prev_links),
        ),
    )


def _queue_exists(domain: Any, priority: Any) -> Any:
    return all_of(domain < NUM_DOMAINS, priority < NUM_PRIORITIES)


@invariant("exec", "ready_queue")
def ready_ends(s: Any, key: Any) -> Any:
    """A ready queue has a first and a last thread, which are in it with nothing before or behind; or neither."""
    domain, priority = key
    queue = s.ready_queue[domain, priority]
    head, end = queue.head, queue.end

    def member(t: Any) -> Any:
        tcb = s.tcb[t]
        return all_of(exists(s.tcb, t), tcb.queued, tcb.domain == domain, tcb.priority == priority)

    ends = any_of(
        all_of(head == NULL, end == NULL),
        all_of(member(head), member(end), s.tcb[head].sched_prev == NULL, s.tcb[end].sched_next == NULL),
    )
    return implies(_queue_exists(domain, priority), ends)


@invariant("exec", "ready_queue")
def ready_bitmaps(s: Any, key: Any) -> Any:
    """A priority's bit in the second level of the bitmap is set just if its ready queue has a thread, and then \
the first level's bit for its group is set too."""
    domain, priority = key
    group = priority >> 5
    bit = (s.l2_bitmap[domain, (L2_BITMAP_SIZE - 1) - group] >> (priority & 31)) & 1 == 1
    group_bit = (s.l1_bitmap[domain] >> group) & 1 == 1
    ready = s.ready_queue[domain, priority].head != NULL
    return implies(_queue_exists(domain, priority), all_of(iff(bit, ready), implies(bit, group_bit)))


@invariant("exec", "l2_bitmap")
def group_bitmap(s: Any, key: Any) -> Any:
    """A group's bit in the first level of the bitmap is set just if its word in the second level is not 0."""
    domain, inverted = key
    bit = (s.l1_bitmap[domain] >> ((L2_BITMAP_SIZE - 1) - inverted)) & 1 == 1
    inside = all_of(domain < NUM_DOMAINS, inverted < L2_BITMAP_SIZE)
    return implies(inside, iff(bit, s.l2_bitmap[domain, inverted] != 0))


@invariant("exec", "l1_bitmap")
def bitmap_width(s: Any, domain: Any) -> Any:
    """The first level of the bitmap has no bits but those of the eight groups."""
    return implies(domain < NUM_DOMAINS, s.l1_bitmap[domain] < (1 << L2_BITMAP_SIZE))


def _linked(s: Any, t: Any, after: Any, before: Any, head: Any, tail: Any) -> Any:
    next_links = all_of(exists(s.tcb, after), after != t, same_queue(s, t, after), s.tcb[after].ep_prev == t)
    prev_links = all_of(exists(s.tcb, before), before != t, same_queue(s, t, before), s.tcb[before].ep_next == t)
    return all_of(
        any_of(all_of(after == NULL, tail == t), next_links), any_of(all_of(before == NULL, head == t), prev_links)
    )


@invariant("exec", "tcb")
def blocked_on_endpoint(s: Any, t: Any) -> Any:
    """A thread blocked on an endpoint is in its queue, which is one of senders or receivers as the thread is."""
    tcb = s.tcb[t]
    queue = s.endpoint[tcb.endpoint]
    sends = all_of(tcb.state == ThreadState.BlockedOnSend, queue.state == EndpointState.Send)
    receives = all_of(tcb.state == ThreadState.BlockedOnReceive, queue.state == EndpointState.Recv)
    linked = _linked(s, t, tcb.ep_next, tcb.ep_prev, queue.head, queue.tail)
    return implies(waits_on_endpoint(s, t), all_of(exists(s.endpoint, tcb.endpoint), any_of(sends, receives), linked))


@invariant("exec", "tcb")
def blocked_on_notification(s: Any, t: Any) -> Any:
    """A thread blocked on a notification is in its queue."""
    tcb = s.tcb[t]
    queue = s.notification[tcb.notification]
    linked = _linked(s, t, tcb.ep_next, tcb.ep_prev, queue.head, queue.tail)
    waiting = queue.state == NotificationState.Waiting
    return implies(waits_for_signal(s, t), all_of(exists(s.notification, tcb.notification), waiting, linked))


@invariant("exec", "tcb")
def not_waiting(s: Any, t: Any) -> Any:
    """A thread that waits on nothing has no neighbours in a queue of waiting threads."""
    return implies(negate(waits(s, t)), all_of(s.tcb[t].ep_next == NULL, s.tcb[t].ep_prev == NULL))


@invariant("exec", "tcb")
def badge_width(s: Any, t: Any) -> Any:
    """The badge of a blocked sender has at most 28 bits."""
    return implies(s.tcb[t].state == ThreadState.BlockedOnSend, s.tcb[t].badge <= MAX_BADGE)


@invariant("exec", "endpoint")
def endpoint_ends(s: Any, e: Any) -> Any:
    """An endpoint is idle and its queue empty, or the first and last of its queue wait on it, with nothing \
before or behind."""
    queue = s.endpoint[e]
    head, tail = queue.head, queue.tail

    def member(t: Any) -> Any:
        tcb = s.tcb[t]
        sends = all_of(queue.state == EndpointState.Send, tcb.state == ThreadState.BlockedOnSend)
        receives = all_of(queue.state == EndpointState.Recv, tcb.state == ThreadState.BlockedOnReceive)
        return all_of(exists(s.tcb, t), any_of(sends, receives), tcb.endpoint == e)

    return any_of(
        all_of(queue.state == EndpointState.Idle, head == NULL, tail == NULL),
        all_of(member(head), member(tail), s.tcb[head].ep_prev == NULL, s.tcb[tail].ep_next == NULL),
    )


@invariant("exec", "notification")
def notification_ends(s: Any, n: Any) -> Any:
    """Threads wait on a notification, and the first and last of its queue have nothing before or behind; or \
its queue is empty."""
    queue = s.notification[n]
    head, tail = queue.head, queue.tail

    def member(t: Any) -> Any:
        return all_of(exists(s.tcb, t), waits_for_signal(s, t), s.tcb[t].notification == n)

    waiting = queue.state == NotificationState.Waiting
    return any_of(
        all_of(negate(waiting), head == NULL, tail == NULL),
        all_of(waiting, member(head), member(tail), s.tcb[head].ep_prev == NULL, s.tcb[tail].ep_next == NULL),
    )


@invariant("exec", "notification")
def bound_thread(s: Any, n: Any) -> Any:
    """The thread that a notification is bound to is bound to it."""
    t = s.notification[n].bound_thread
    return implies(t != NULL, all_of(exists(s.tcb, t), s.tcb[t].bound_notification == n))


@invariant("exec", "tcb")
def bound_notification(s: Any, t: Any) -> Any:
    """The notification that a thread is bound to is bound to it."""
    n = s.tcb[t].bound_notification
    return implies(n != NULL, all_of(exists(s.notification, n), s.notification[n].bound_thread == t))


@invariant("exec")
def current_thread(s: Any) -> Any:
    """The current thread exists."""
    return exists(s.tcb, s.current_thread)


@invariant("exec")
def idle_thread(s: Any) -> Any:
    """The idle thread exists and is in the state that only it has."""
    return all_of(exists(s.tcb, s.idle_thread), s.tcb[s.idle_thread].state == ThreadState.IdleThreadState)


@invariant("exec", "tcb")
def only_idle_thread(s: Any, t: Any) -> Any:
    """No thread but the idle thread is in the idle state."""
    return implies(s.tcb[t].state == ThreadState.IdleThreadState, t == s.idle_thread)


@invariant("exec")
def candidate(s: Any) -> Any:
    """A candidate to switch to is runnable and of the current domain."""
    t = s.candidate
    switch = s.scheduler_action == SchedulerAction.SwitchToThread
    return implies(switch, all_of(exists(s.tcb, t), is_runnable(s, t), s.tcb[t].domain == s.current_domain))


@invariant("exec")
def resumed_thread(s: Any) -> Any:
    """A current thread that is to go on is the idle thread, or runnable and of the current domain, and in no \
ready queue."""
    t = s.current_thread
    runs = all_of(is_runnable(s, t), s.tcb[t].domain == s.current_domain, negate(s.tcb[t].queued))
    return implies(s.scheduler_action == SchedulerAction.ResumeCurrentThread, any_of(t == s.idle_thread, runs))


@invariant("exec", "tcb")
def no_orphans(s: Any, t: Any) -> Any:
    """A runnable thread is in a ready queue, or it is the current thread, or the candidate to switch to."""
    is_candidate = all_of(s.scheduler_action == SchedulerAction.SwitchToThread, t == s.candidate)
    return implies(is_runnable(s, t), any_of(s.tcb[t].queued, t == s.current_thread, is_candidate))


@invariant("exec")
def current_domain(s: Any) -> Any:
    """The current domain is one of the 16."""
    return s.current_domain < NUM_DOMAINS


@invariant("exec", "domain_schedule")
def domain_entries(s: Any, index: Any) -> Any:
    """An entry of the domain schedule is for one of the 16 domains, for less than 2**56 ticks; without any it \
is an end marker."""
    entry = s.domain_schedule[index]
    return implies(
        index < DOMAIN_SCHEDULE_LENGTH,
        all_of(entry.domain < NUM_DOMAINS, entry.duration < (1 << 56), implies(entry.duration == 0, entry.domain == 0)),
    )


@invariant("exec")
def domain_schedule_ends(s: Any) -> Any:
    """The last entry of the domain schedule is an end marker; the entry that is followed stands before it, and \
so does the start entry, which is no marker."""
    start = s.domain_schedule[s.domain_start]
    return all_of(
        s.domain_index < LAST_ENTRY,
        s.domain_start < LAST_ENTRY,
        start.duration != 0,
        s.domain_schedule[LAST_ENTRY].duration == 0,
    )


@invariant("exec")
def domain_time_left(s: Any) -> Any:
    """The current domain has time left, unless a new thread is to be chosen."""
    return implies(s.domain_time == 0, s.scheduler_action == SchedulerAction.ChooseNewThread)


INVARIANTS = (
    thread_bounds,
    queued_runnable,
    unqueued_links,
    ready_links,
    ready_ends,
    ready_bitmaps,
    group_bitmap,
    bitmap_width,
    blocked_on_endpoint,
    blocked_on_notification,
    not_waiting,
    badge_width,
    endpoint_ends,
    notification_ends,
    bound_thread,
    bound_notification,
    current_thread,
    idle_thread,
    only_idle_thread,
    candidate,
    resumed_thread,
    no_orphans,
    current_domain,
    domain_entries,
    domain_schedule_ends,
    domain_time_left,
)
