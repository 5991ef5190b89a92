"""Proofs about what is done to a thread."""

from __future__ import annotations

from proofs.sel4 import preconditions
from refinement.prove import Operation

OPERATIONS = (
    Operation("tcb", "suspend", preconditions.suspend),
    Operation("tcb", "restart"),
    Operation("tcb", "set_priority", preconditions.set_priority),
    Operation("tcb", "bind_notification", preconditions.bind_notification),
    Operation("tcb", "unbind_notification"),
)
