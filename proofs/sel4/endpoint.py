"""Proofs about message passing through endpoints."""

from __future__ import annotations

from proofs.sel4 import preconditions
from proofs.sel4.waiting import receiver, sender
from refinement.prove import Operation

OPERATIONS = (
    Operation("endpoint", "send_ipc", preconditions.send_ipc, {"receiver": receiver}),
    Operation("endpoint", "receive_ipc", preconditions.receive_ipc, {"sender": sender}),
)
