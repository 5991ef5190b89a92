"""Proofs about notifications."""

from __future__ import annotations

from proofs.sel4 import preconditions
from proofs.sel4.ipc_cancel import CANCEL_IPC
from proofs.sel4.schedule import POSSIBLE_SWITCH_TO
from proofs.sel4.waiting import waiter
from refinement.prove import Operation

OPERATIONS = (
    Operation("notification", "send_signal", witnesses={"waiter": waiter}, calls=(CANCEL_IPC, POSSIBLE_SWITCH_TO)),
    Operation("notification", "receive_signal", preconditions.receive_signal),
    Operation("notification", "complete_signal", preconditions.complete_signal),
)
