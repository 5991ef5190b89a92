"""Waiting on an endpoint or notification: who does, and since when.

Every thread that begins to wait draws a ticket, and whoever has waited longest is served first.  Priority
plays no part in it.
"""

from __future__ import annotations

from refinement.logic import Word, all_of, choose, one_of
from spec.sel4.schedule import set_thread_state
from spec.sel4.state import EndpointRef, NotificationRef, State, ThreadRef, ThreadState


def wait(s: State, thread: ThreadRef, state: ThreadState) -> None:
    """Block the thread, as the last one to arrive."""
    set_thread_state(s, thread, state)
    s.tcb[thread].since = s.now
    s.now = s.now + 1


def waits_to_receive(s: State, thread: ThreadRef, endpoint: EndpointRef) -> bool:
    """Whether the thread is blocked because nobody has sent through the endpoint."""
    return all_of(s.tcb[thread].state == ThreadState.BlockedOnReceive, s.tcb[thread].endpoint == endpoint)


def waits_to_send(s: State, thread: ThreadRef, endpoint: EndpointRef) -> bool:
    """Whether the thread is blocked because nobody has received its message through the endpoint."""
    return all_of(s.tcb[thread].state == ThreadState.BlockedOnSend, s.tcb[thread].endpoint == endpoint)


def waits_on_endpoint(s: State, thread: ThreadRef, endpoint: EndpointRef) -> bool:
    """Whether the thread is blocked on the endpoint, to send or to receive."""
    blocked = one_of(s.tcb[thread].state, ThreadState.BlockedOnSend, ThreadState.BlockedOnReceive)
    return all_of(blocked, s.tcb[thread].endpoint == endpoint)


def waits_for_signal(s: State, thread: ThreadRef, notification: NotificationRef) -> bool:
    """Whether the thread is blocked until someone signals the notification."""
    waiting = s.tcb[thread].state == ThreadState.BlockedOnNotification
    return all_of(waiting, s.tcb[thread].notification == notification)


def arrived_before(s: State, one: ThreadRef, other: ThreadRef) -> bool:
    """Whether of two waiting threads the one has waited at least as long as the other."""
    return s.tcb[one].since <= s.tcb[other].since


def longest_waiting_receiver(s: State, endpoint: EndpointRef) -> ThreadRef | None:
    """Of the threads that wait to receive through the endpoint, the one that has waited longest, if any."""
    return choose(
        s.tcb,
        lambda thread: waits_to_receive(s, thread, endpoint),
        lambda one, other: arrived_before(s, one, other),
        label="receiver",
    )


def longest_waiting_sender(s: State, endpoint: EndpointRef) -> ThreadRef | None:
    """Of the threads that wait to send through the endpoint, the one that has waited longest, if any."""
    return choose(
        s.tcb,
        lambda thread: waits_to_send(s, thread, endpoint),
        lambda one, other: arrived_before(s, one, other),
        label="sender",
    )


def longest_waiting_badged_sender(s: State, endpoint: EndpointRef, badge: Word) -> ThreadRef | None:
    """Of the threads that wait to send through the endpoint with this badge, the one that has waited longest."""
    return choose(
        s.tcb,
        lambda thread: all_of(waits_to_send(s, thread, endpoint), s.tcb[thread].badge == badge),
        lambda one, other: arrived_before(s, one, other),
        label="badged_sender",
    )


def longest_waiting(s: State, endpoint: EndpointRef) -> ThreadRef | None:
    """Of the threads that wait on the endpoint, to send or to receive, the one that has waited longest, if any."""
    return choose(
        s.tcb,
        lambda thread: waits_on_endpoint(s, thread, endpoint),
        lambda one, other: arrived_before(s, one, other),
        label="waiting",
    )


def longest_waiting_for_signal(s: State, notification: NotificationRef) -> ThreadRef | None:
    """Of the threads that wait for a signal of the notification, the one that has waited longest, if any."""
    return choose(
        s.tcb,
        lambda thread: waits_for_signal(s, thread, notification),
        lambda one, other: arrived_before(s, one, other),
        label="waiter",
    )
