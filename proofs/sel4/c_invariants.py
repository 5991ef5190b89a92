"""Invariants of the C program beyond those of the model: what its words may hold."""

from __future__ import annotations

from typing import Any

from impl.c.view import address_of
from proofs.sel4.cap_words import is_capability
from refinement.logic import all_of
from refinement.statements import invariant

OBJECT_ALIGNMENT = 16
PAGE_SIZE = 1 << 12


@invariant("c", "tcb")
def thread_state_number(c: Any, t: Any) -> Any:
    """The field tsType of a thread state holds the number of one of the eight thread states."""
    return c.tcb[t].tcbState.tsType < 8


@invariant("c", "endpoint")
def endpoint_state_number(c: Any, e: Any) -> Any:
    """The field state of an endpoint is Idle, Send or Recv."""
    return c.endpoint[e].state < 3


@invariant("c", "notification")
def notification_state_number(c: Any, n: Any) -> Any:
    """The field state of a notification is Idle, Waiting or Active."""
    return c.notification[n].state < 3


def _aligned(kind: str, ref: Any) -> Any:
    address = address_of(kind, ref)
    return all_of(address != 0, address & (OBJECT_ALIGNMENT - 1) == 0)


@invariant("c", "tcb")
def tcb_alignment(c: Any, t: Any) -> Any:
    """A thread control block is at a multiple of 16 bytes, so that a packed word can hold its address."""
    return _aligned("tcb", t)


@invariant("c", "endpoint")
def endpoint_alignment(c: Any, e: Any) -> Any:
    """An endpoint is at a multiple of 16 bytes, so that a packed word can hold its address."""
    return _aligned("endpoint", e)


@invariant("c", "notification")
def notification_alignment(c: Any, n: Any) -> Any:
    """A notification is at a multiple of 16 bytes, so that a packed word can hold its address."""
    return _aligned("notification", n)


@invariant("c", "slot")
def slot_alignment(c: Any, x: Any) -> Any:
    """A slot is at a multiple of 16 bytes, so that a packed word can hold its address."""
    return _aligned("slot", x)


@invariant("c", "user_data")
def user_data_alignment(c: Any, p: Any) -> Any:
    """User memory is kept in pieces of 4 KiB that are at multiples of that."""
    return address_of("user_data", p) & (PAGE_SIZE - 1) == 0


@invariant("c", "slot")
def capability_words(c: Any, x: Any) -> Any:
    """The words in a slot are those of some kind of capability."""
    return is_capability(c.slot[x].cap)


INVARIANTS = (
    thread_state_number,
    endpoint_state_number,
    notification_state_number,
    tcb_alignment,
    endpoint_alignment,
    notification_alignment,
    slot_alignment,
    user_data_alignment,
    capability_words,
)
