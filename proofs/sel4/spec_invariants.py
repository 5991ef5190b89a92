"""Invariants of the abstract specification, in force between operations."""

from __future__ import annotations

from typing import Any

from refinement.logic import NULL, all_of, any_of, implies, negate, one_of
from refinement.state import exists
from refinement.statements import invariant
from spec.sel4.schedule import is_runnable
from spec.sel4.capability import CapKind
from spec.sel4.state import DOMAIN_SCHEDULE_LENGTH, NUM_DOMAINS, NUM_PRIORITIES, SchedulerAction, ThreadState

MAX_BADGE = (1 << 28) - 1
LAST_ENTRY = DOMAIN_SCHEDULE_LENGTH - 1


def waits_on_endpoint(s: Any, t: Any) -> Any:
    """Whether a thread is blocked on an endpoint."""
    return one_of(s.tcb[t].state, ThreadState.BlockedOnReceive, ThreadState.BlockedOnSend)


def waits_for_signal(s: Any, t: Any) -> Any:
    """Whether a thread is blocked on a notification."""
    return s.tcb[t].state == ThreadState.BlockedOnNotification


def waits(s: Any, t: Any) -> Any:
    """Whether a thread is blocked on an endpoint or notification."""
    return any_of(waits_on_endpoint(s, t), waits_for_signal(s, t))


@invariant("spec", "tcb")
def thread_bounds(s: Any, t: Any) -> Any:
    """A thread has one of the 256 priorities and belongs to one of the 16 domains."""
    return all_of(s.tcb[t].priority < NUM_PRIORITIES, s.tcb[t].domain < NUM_DOMAINS)


@invariant("spec", "tcb")
def queued_runnable(s: Any, t: Any) -> Any:
    """A thread that is ready is runnable."""
    return implies(s.tcb[t].queued, is_runnable(s, t))


@invariant("spec", "tcb")
def blocked_on_endpoint(s: Any, t: Any) -> Any:
    """What a thread sends or receives through exists."""
    return implies(waits_on_endpoint(s, t), exists(s.endpoint, s.tcb[t].endpoint))


@invariant("spec", "tcb", "tcb")
def one_direction(s: Any, t: Any, u: Any) -> Any:
    """Threads that wait on one endpoint all wait to send, or all wait to receive."""
    crossed = all_of(
        s.tcb[t].state == ThreadState.BlockedOnSend,
        s.tcb[u].state == ThreadState.BlockedOnReceive,
        s.tcb[t].endpoint == s.tcb[u].endpoint,
    )
    return negate(crossed)


@invariant("spec", "tcb")
def blocked_on_notification(s: Any, t: Any) -> Any:
    """A notification that a thread waits on exists, and no signal of it is pending."""
    n = s.tcb[t].notification
    return implies(waits_for_signal(s, t), all_of(exists(s.notification, n), negate(s.notification[n].active)))


@invariant("spec", "tcb")
def badge_width(s: Any, t: Any) -> Any:
    """The badge of a blocked sender has at most 28 bits."""
    return implies(s.tcb[t].state == ThreadState.BlockedOnSend, s.tcb[t].badge <= MAX_BADGE)


@invariant("spec")
def time_passes(s: Any) -> Any:
    """Arrivals are numbered from 0."""
    return s.now >= 0


@invariant("spec", "tcb")
def arrived_earlier(s: Any, t: Any) -> Any:
    """A thread that waits began to before now."""
    return implies(waits(s, t), s.tcb[t].since < s.now)


@invariant("spec", "tcb", "tcb")
def arrived_in_turn(s: Any, t: Any, u: Any) -> Any:
    """No two threads began to wait at the same time."""
    return implies(all_of(waits(s, t), waits(s, u), t != u), s.tcb[t].since != s.tcb[u].since)


@invariant("spec", "tcb")
def place_taken(s: Any, t: Any) -> Any:
    """A ready thread has a place that was taken before now."""
    return implies(s.tcb[t].queued, all_of(-s.now < s.tcb[t].place, s.tcb[t].place < s.now))


@invariant("spec", "tcb", "tcb")
def places_differ(s: Any, t: Any, u: Any) -> Any:
    """No two ready threads have the same place."""
    return implies(all_of(s.tcb[t].queued, s.tcb[u].queued, t != u), s.tcb[t].place != s.tcb[u].place)


@invariant("spec", "notification")
def bound_thread(s: Any, n: Any) -> Any:
    """The thread that a notification is bound to is bound to it."""
    t = s.notification[n].bound_thread
    return implies(t != NULL, all_of(exists(s.tcb, t), s.tcb[t].bound_notification == n))


@invariant("spec", "tcb")
def bound_notification(s: Any, t: Any) -> Any:
    """The notification that a thread is bound to is bound to it."""
    n = s.tcb[t].bound_notification
    return implies(n != NULL, all_of(exists(s.notification, n), s.notification[n].bound_thread == t))


@invariant("spec")
def current_thread(s: Any) -> Any:
    """The current thread exists."""
    return exists(s.tcb, s.current_thread)


@invariant("spec")
def idle_thread(s: Any) -> Any:
    """The idle thread exists and is in the state that only it has."""
    return all_of(exists(s.tcb, s.idle_thread), s.tcb[s.idle_thread].state == ThreadState.IdleThreadState)


@invariant("spec", "tcb")
def only_idle_thread(s: Any, t: Any) -> Any:
    """No thread but the idle thread is in the idle state."""
    return implies(s.tcb[t].state == ThreadState.IdleThreadState, t == s.idle_thread)


@invariant("spec")
def candidate(s: Any) -> Any:
    """A candidate to switch to is runnable and of the current domain."""
    t = s.candidate
    switch = s.scheduler_action == SchedulerAction.SwitchToThread
    return implies(switch, all_of(exists(s.tcb, t), is_runnable(s, t), s.tcb[t].domain == s.current_domain))


@invariant("spec")
def resumed_thread(s: Any) -> Any:
    """A current thread that is to go on is the idle thread, or runnable and of the current domain, and not ready."""
    t = s.current_thread
    runs = all_of(is_runnable(s, t), s.tcb[t].domain == s.current_domain, negate(s.tcb[t].queued))
    return implies(s.scheduler_action == SchedulerAction.ResumeCurrentThread, any_of(t == s.idle_thread, runs))


@invariant("spec", "tcb")
def no_orphans(s: Any, t: Any) -> Any:
    """A runnable thread is ready, or it is the current thread, or the candidate to switch to."""
    is_candidate = all_of(s.scheduler_action == SchedulerAction.SwitchToThread, t == s.candidate)
    return implies(is_runnable(s, t), any_of(s.tcb[t].queued, t == s.current_thread, is_candidate))


@invariant("spec")
def current_domain(s: Any) -> Any:
    """The current domain is one of the 16."""
    return s.current_domain < NUM_DOMAINS


@invariant("spec", "domain_schedule")
def domain_entries(s: Any, index: Any) -> Any:
    """An entry of the domain schedule is for one of the 16 domains, for less than 2**56 ticks; without any it \
is an end marker."""
    entry = s.domain_schedule[index]
    bounds = all_of(entry.domain < NUM_DOMAINS, entry.duration < (1 << 56))
    return implies(index < DOMAIN_SCHEDULE_LENGTH, all_of(bounds, implies(entry.duration == 0, entry.domain == 0)))


@invariant("spec")
def domain_schedule_ends(s: Any) -> Any:
    """The last entry of the domain schedule is an end marker; the entry that is followed stands before it, and \
so does the start entry, which is no marker."""
    return all_of(
        s.domain_index < LAST_ENTRY,
        s.domain_start < LAST_ENTRY,
        s.domain_schedule[s.domain_start].duration != 0,
        s.domain_schedule[LAST_ENTRY].duration == 0,
    )


@invariant("spec")
def domain_time_left(s: Any) -> Any:
    """The current domain has time left, unless a new thread is to be chosen."""
    return implies(s.domain_time == 0, s.scheduler_action == SchedulerAction.ChooseNewThread)


@invariant("spec", "slot")
def untyped_caps(s: Any, x: Any) -> Any:
    """An untyped capability is to at least 16 bytes, and at most 512 MiB, and can have children."""
    cap = s.slot[x].cap
    is_untyped = cap.kind == CapKind.Untyped
    return implies(is_untyped, all_of(4 <= cap.size_bits, cap.size_bits <= 29, s.slot[x].is_original))


INVARIANTS = (
    untyped_caps,
    thread_bounds,
    queued_runnable,
    blocked_on_endpoint,
    one_direction,
    blocked_on_notification,
    badge_width,
    time_passes,
    arrived_earlier,
    arrived_in_turn,
    place_taken,
    places_differ,
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
