"""Proofs about the transfer of a message."""

from __future__ import annotations

from refinement.prove import Operation

OPERATIONS = (Operation("message", "do_ipc_transfer"),)
