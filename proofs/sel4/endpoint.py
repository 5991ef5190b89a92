"""Proofs about message passing through endpoints."""

from __future__ import annotations

from proofs.sel4 import preconditions
from proofs.sel4.derivation import CAP_INSERT
from proofs.sel4.message import DO_IPC_TRANSFER
from proofs.sel4.schedule import POSSIBLE_SWITCH_TO
from proofs.sel4.waiting import receiver, sender
from refinement.prove import Operation

CALLS = (DO_IPC_TRANSFER, POSSIBLE_SWITCH_TO, CAP_INSERT)

OPERATIONS = (
    Operation("endpoint", "send_ipc", preconditions.send_ipc, {"receiver": receiver}, calls=CALLS),
    Operation("endpoint", "receive_ipc", preconditions.receive_ipc, {"sender": sender}, calls=CALLS),
)
