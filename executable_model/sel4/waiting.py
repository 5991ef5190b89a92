"""Threads that wait on an endpoint or notification: doubly linked queues, in order of arrival."""

from __future__ import annotations

from executable_model.sel4.state import (
    Endpoint,
    EndpointRef,
    EndpointState,
    Notification,
    NotificationRef,
    NotificationState,
    State,
    ThreadRef,
)
from refinement.logic import NULL


def append(s: State, queue: Endpoint | Notification, thread: ThreadRef) -> None:
    """Link the thread behind the last one of the queue."""
    if queue.head == NULL:
        queue.head = thread
    else:
        s.tcb[queue.tail].ep_next = thread
    s.tcb[thread].ep_prev = queue.tail
    s.tcb[thread].ep_next = NULL
    queue.tail = thread


def remove(s: State, queue: Endpoint | Notification, thread: ThreadRef) -> None:
    """Unlink the thread from the queue, wherever it stands in it."""
    before = s.tcb[thread].ep_prev
    after = s.tcb[thread].ep_next
    if before == NULL:
        queue.head = after
    else:
        s.tcb[before].ep_next = after
    if after == NULL:
        queue.tail = before
    else:
        s.tcb[after].ep_prev = before
    s.tcb[thread].ep_prev = NULL
    s.tcb[thread].ep_next = NULL


def join_endpoint(s: State, thread: ThreadRef, endpoint: EndpointRef, state: EndpointState) -> None:
    """Put the thread in the endpoint's queue, which is one of senders or of receivers by `state`."""
    append(s, s.endpoint[endpoint], thread)
    s.endpoint[endpoint].state = state


def leave_endpoint(s: State, thread: ThreadRef, endpoint: EndpointRef) -> None:
    """Take the thread out of the endpoint's queue; without any left the endpoint is idle."""
    remove(s, s.endpoint[endpoint], thread)
    if s.endpoint[endpoint].head == NULL:
        s.endpoint[endpoint].state = EndpointState.Idle


def join_notification(s: State, thread: ThreadRef, notification: NotificationRef) -> None:
    """Put the thread in the notification's queue."""
    append(s, s.notification[notification], thread)
    s.notification[notification].state = NotificationState.Waiting


def leave_notification(s: State, thread: ThreadRef, notification: NotificationRef) -> None:
    """Take the thread out of the notification's queue; without any left the notification is idle."""
    remove(s, s.notification[notification], thread)
    if s.notification[notification].head == NULL:
        s.notification[notification].state = NotificationState.Idle
