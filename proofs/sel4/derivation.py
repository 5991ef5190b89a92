"""Proofs about the derivation of capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from executable_model.sel4.capability import CapKind, same_region_as
from executable_model.sel4.derivation import is_mdb_parent_of
from executable_model.sel4.state import SlotRef
from proofs.sel4 import preconditions
from proofs.sel4.derivation_order import overlap
from proofs.sel4.members import is_in_state
from refinement.contracts import Requires
from refinement.logic import NULL, all_of, any_of, implies, negate
from refinement.loops import Moment
from refinement.prove import Operation
from spec.sel4.derivation import is_descendant


def first_descendant_of(s: Any, slot: SlotRef) -> SlotRef | None:
    """In the model, the next capability in the list, if the model's test says that it descends from the one in the slot."""
    after = s.slot[slot].next
    return after if after != NULL and is_mdb_parent_of(s, slot, after) else None


def first_descendant(before: Moment, after: Moment) -> SlotRef | None:
    """The first descendant of the source is the next capability in the list, if it is one."""
    return first_descendant_of(before["exec"], before.arguments["source"])


def _has_all_its_memory(cap: Any) -> Any:
    return is_in_state(cap.kind, CapKind.Untyped, CapKind.Reply)


def _no_descendant(s: Any, arguments: Mapping[str, Any], slot: SlotRef) -> Any:
    source = arguments["source"]
    return implies(_has_all_its_memory(s.slot[source].cap), negate(is_descendant(s, source, slot)))


def _no_child(s: Any, arguments: Mapping[str, Any]) -> Any:
    source = arguments["source"]
    after = s.slot[source].next
    child = all_of(after != NULL, is_mdb_parent_of(s, source, after))
    return implies(_has_all_its_memory(s.slot[source].cap), negate(child))


LEAF = (
    Requires("spec", ("slot",), "Nothing was derived yet of untyped memory, or of a master reply capability.", _no_descendant),
    Requires("exec", (), "Nothing was derived yet of untyped memory, or of a master reply capability.", _no_child),
)

def _is_free_memory(s: Any, arguments: Mapping[str, Any], slot: SlotRef) -> Any:
    parent, old = arguments["parent"], s.slot[slot].cap
    is_ancestor = any_of(slot == parent, is_descendant(s, slot, parent))
    around = all_of(is_in_state(old.kind, CapKind.Untyped), same_region_as(old, arguments["cap"]), is_ancestor)
    return implies(overlap(old, arguments["cap"]), around)


FREE_MEMORY = (
    Requires(
        "spec",
        ("slot",),
        "There is no capability to any of the memory, but the untyped one that it is made of, and those that this descends "
        "from.",
        _is_free_memory,
    ),
)


def first_descendant_of_parent(before: Moment, after: Moment) -> SlotRef | None:
    """The first descendant of the parent is the next capability in the list, if it is one."""
    return first_descendant_of(before["exec"], before.arguments["parent"])


EMPTY_SLOT = Operation("derivation", "empty_slot")
CAP_MOVE = Operation("derivation", "cap_move", preconditions.cap_move)
CAP_SWAP = Operation("derivation", "cap_swap", preconditions.cap_swap)
CAP_INSERT = Operation(
    "derivation", "cap_insert", preconditions.cap_insert, {"first_descendant": first_descendant}, requires_of=LEAF
)

INSERT_NEW_CAP = Operation(
    "derivation",
    "insert_new_cap",
    preconditions.insert_new_cap,
    {"first_descendant": first_descendant_of_parent},
    requires_of=FREE_MEMORY,
)

OPERATIONS = (EMPTY_SLOT, CAP_MOVE, CAP_SWAP, CAP_INSERT, INSERT_NEW_CAP)
