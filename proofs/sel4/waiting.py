"""Proofs about waiting threads: who the specification's "longest waiting" thread is in the model."""

from __future__ import annotations

from executable_model.sel4.state import EndpointState, NotificationState, ThreadRef
from refinement.logic import NULL
from refinement.loops import Moment


def receiver(before: Moment, after: Moment) -> ThreadRef | None:
    """The longest waiting receiver is the head of the endpoint's queue, if it is one of receivers."""
    endpoint = before["exec"].endpoint[before.arguments["endpoint"]]
    return endpoint.head if endpoint.state == EndpointState.Recv else None


def sender(before: Moment, after: Moment) -> ThreadRef | None:
    """The longest waiting sender is the head of the endpoint's queue, if it is one of senders."""
    endpoint = before["exec"].endpoint[before.arguments["endpoint"]]
    return endpoint.head if endpoint.state == EndpointState.Send else None


def waiting(before: Moment, after: Moment) -> ThreadRef | None:
    """The longest waiting thread is the head of the endpoint's queue."""
    head = before["exec"].endpoint[before.arguments["endpoint"]].head
    return None if head == NULL else head


def waiter(before: Moment, after: Moment) -> ThreadRef | None:
    """The thread that waits longest for a signal is the head of the notification's queue."""
    notification = before["exec"].notification[before.arguments["notification"]]
    return notification.head if notification.state == NotificationState.Waiting else None


def badged_sender(before: Moment, after: Moment) -> ThreadRef | None:
    """The longest waiting sender with the badge is where the model's walk is, if its badge is the one."""
    cursor = before.variables["cursor"]
    return None if cursor == NULL else cursor
