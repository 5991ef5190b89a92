"""Proofs about the derivation of capabilities."""

from __future__ import annotations

from executable_model.sel4.state import SlotRef
from refinement.logic import NULL
from refinement.loops import Moment
from refinement.prove import Operation

from proofs.sel4 import preconditions


def first_descendant(before: Moment, after: Moment) -> SlotRef | None:
    """The first descendant is the next capability in the list, if the model's test says that it is one."""
    return None


OPERATIONS = (
    Operation("derivation", "empty_slot"),
    Operation("derivation", "cap_move", preconditions.cap_move),
    Operation("derivation", "cap_swap", preconditions.cap_swap),
)
