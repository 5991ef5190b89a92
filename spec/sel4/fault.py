"""Faults: what becomes of a thread that cannot go on."""

from __future__ import annotations

from spec.sel4.schedule import set_thread_state
from spec.sel4.state import State, ThreadRef, ThreadState


def handle_fault(s: State, thread: ThreadRef) -> None:
    """Stop a thread that cannot go on: there are no fault handlers yet that could be told."""
    set_thread_state(s, thread, ThreadState.Inactive)
