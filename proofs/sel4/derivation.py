"""Proofs about the derivation of capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from executable_model.sel4.capability import CapKind, same_region_as
from executable_model.sel4.derivation import is_mdb_parent_of
from executable_model.sel4.state import SlotRef, ThreadRef, ThreadState
from proofs.sel4 import contracts, preconditions
from proofs.sel4.cnodes import requires_cnode
from proofs.sel4.derivation_order import overlap
from proofs.sel4.members import is_in_state
from proofs.sel4.reply_caps import STOPPED, caller_slot, is_reply, reply_slot
from refinement.contracts import Requires
from refinement.logic import NULL, all_of, any_of, implies, negate
from refinement.loops import Moment
from refinement.prove import Operation
from spec.sel4.derivation import is_descendant


def first_descendant_of(s: Any, slot: SlotRef) -> SlotRef | None:
    """In the model, the next capability in the list, if its test says that it descends from the one in the slot."""
    after = s.slot[slot].next
    return after if after != NULL and is_mdb_parent_of(s, slot, after) else None


def first_descendant(before: Moment, after: Moment) -> SlotRef | None:
    """The first descendant of the source is the next capability in the list, if it is one."""
    return first_descendant_of(before["exec"], before.arguments["source"])


def _nothing_made(s: Any, arguments: Mapping[str, Any], slot: Any) -> Any:
    source, old = arguments["source"], s.slot[arguments["source"]].cap
    is_untyped = is_in_state(old.kind, CapKind.Untyped)
    same_thread = all_of(is_reply(s.slot[slot].cap), s.slot[slot].cap.object == old.object)
    return all_of(
        implies(is_untyped, negate(is_descendant(s, source, slot))),
        implies(is_in_state(old.kind, CapKind.Reply), negate(same_thread)),
    )


def _may_hold(s: Any, arguments: Mapping[str, Any], t: ThreadRef) -> Any:
    destination = arguments["destination"]
    receives = is_in_state(s.tcb[t].state, ThreadState.BlockedOnReceive)
    is_to_caller = all_of(is_reply(arguments["cap"]), negate(receives))
    fits = all_of(destination != reply_slot(t), implies(destination == caller_slot(t), is_to_caller))
    return any_of(t == s.idle_thread, fits)


def _apart(*names: str) -> Any:
    def holds(s: Any, arguments: Mapping[str, Any], t: ThreadRef) -> Any:
        apart = [arguments[name] != slot for name in names for slot in (reply_slot(t), caller_slot(t))]
        return any_of(t == s.idle_thread, all_of(*apart))

    return holds


def _is_no_master(s: Any, arguments: Mapping[str, Any], t: ThreadRef) -> Any:
    stopped = is_in_state(s.tcb[t].state, *STOPPED)
    return any_of(t == s.idle_thread, stopped, arguments["slot"] != reply_slot(t))


NOTHING_MADE = Requires(
    "spec",
    ("slot",),
    "Nothing was made yet of untyped memory, and there is no capability yet to reply to the thread.",
    _nothing_made,
)
MAY_HOLD = Requires(
    "spec",
    ("tcb",),
    "The destination is no thread's slot for its own reply capability; in the one for its caller a thread that does "
    "not wait for a message may get a capability to reply.",
    _may_hold,
)


def apart(*names: str) -> Requires:
    """That slots are none of those that threads have for reply capabilities."""
    return Requires(
        "spec", ("tcb",), "The slots are none of those that threads have for reply capabilities.", _apart(*names)
    )


IS_NO_MASTER = Requires(
    "spec",
    ("tcb",),
    "The slot is not that of a thread's own reply capability, unless the thread is stopped.",
    _is_no_master,
)


def _is_free_memory(s: Any, arguments: Mapping[str, Any], slot: Any) -> Any:
    parent, old = arguments["parent"], s.slot[slot].cap
    is_ancestor = any_of(slot == parent, is_descendant(s, slot, parent))
    around = all_of(is_in_state(old.kind, CapKind.Untyped), same_region_as(old, arguments["cap"]), is_ancestor)
    return implies(overlap(old, arguments["cap"]), around)


FREE_MEMORY = Requires(
    "spec",
    ("slot",),
    "There is no capability to any of the memory, but the untyped one that it is made of, and those that this descends "
    "from.",
    _is_free_memory,
)


def first_descendant_of_parent(before: Moment, after: Moment) -> SlotRef | None:
    """The first descendant of the parent is the next capability in the list, if it is one."""
    return first_descendant_of(before["exec"], before.arguments["parent"])


EMPTY_SLOT = Operation("derivation", "empty_slot", requires_of=(IS_NO_MASTER,))
CAP_MOVE = Operation("derivation", "cap_move", preconditions.cap_move, requires_of=(apart("destination"),))
CAP_SWAP = Operation("derivation", "cap_swap", preconditions.cap_swap, requires_of=(apart("slot1", "slot2"),))
CAP_INSERT = Operation(
    "derivation",
    "cap_insert",
    preconditions.cap_insert,
    {"first_descendant": first_descendant},
    contract=contracts.CAP_INSERT,
    requires_of=(NOTHING_MADE, MAY_HOLD),
)

INSERT_NEW_CAP = Operation(
    "derivation",
    "insert_new_cap",
    preconditions.insert_new_cap,
    {"first_descendant": first_descendant_of_parent},
    requires_of=(FREE_MEMORY, apart("slot"), *requires_cnode("cap")),
)

OPERATIONS = (EMPTY_SLOT, CAP_MOVE, CAP_SWAP, CAP_INSERT, INSERT_NEW_CAP)
