"""Faults: what a thread does that the kernel cannot go on from."""

from __future__ import annotations

from executable_model.sel4.schedule import set_thread_state
from executable_model.sel4.state import State, ThreadRef, ThreadState


def handle_fault(s: State, thread: ThreadRef) -> None:
    """Stop a thread that is at fault: no thread has a fault handler yet."""
    set_thread_state(s, thread, ThreadState.Inactive)
