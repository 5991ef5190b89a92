"""Proofs about the transfer of a message."""

from __future__ import annotations

from proofs.sel4 import contracts
from refinement.prove import Operation

DO_IPC_TRANSFER = Operation("message", "do_ipc_transfer", contract=contracts.DO_IPC_TRANSFER)

OPERATIONS = (DO_IPC_TRANSFER,)
