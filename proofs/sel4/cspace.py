"""Proofs about finding slots by the addresses of capabilities."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from executable_model.sel4.capability import MAX_DEPTH, Cap
from executable_model.sel4.errors import LookupFailureKind
from proofs.sel4 import preconditions
from proofs.sel4.cnodes import (
    is_cnode,
    is_no_thread,
    is_slot_of_thread,
    may_be_cnode,
    requires_cnode,
    slot_exists,
)
from proofs.sel4.members import is_in_state
from refinement.contracts import Contract, Ensures
from refinement.logic import NULL, all_of, any_of, iff, negate
from refinement.loops import Descent, Loop, LoopFact, Moment
from refinement.prove import Operation
from refinement.state import exists

CURRENT_LOOKUP = ("c:current_lookup.slot", "c:current_lookup.bitsLeft", "c:current_lookup_fault")
"""Where the C program leaves what a lookup came to."""
CURRENT_EXTRA_CAPS = tuple(f"c:current_extra_caps.{name}" for name in ("first", "second", "third"))
CURRENT_SYSCALL_ERROR = tuple(f"c:current_syscall_error.{name}" for name in ("kind", "length", "words[]"))


def _goes_on_in_cnode(at: Moment) -> Any:
    cap = at.variables["cap"]
    return all_of(is_cnode(cap), may_be_cnode(cap), at.variables["bits_left"] <= MAX_DEPTH)


def _slots_exist(layer: str) -> Any:
    return lambda at, slot: slot_exists(at[layer], at.variables["cap"], slot)


def _no_threads(layer: str) -> Any:
    return lambda at, t: is_no_thread(at[layer], at.variables["cap"], t)


def _none_found(at: Moment) -> Any:
    found = at["c"].current_lookup
    return all_of(found.slot == 0, found.bitsLeft == 0)


def _bits_left(at: Moment) -> Any:
    return at.variables["bits_left"]


LEVELS = Loop(
    "resolve_address_bits",
    facts=(
        *(
            fact
            for layer in ("spec", "exec")
            for fact in (
                LoopFact("in_cnode", (layer,), (), "It goes on in a CNode, with 32 bits at most.", _goes_on_in_cnode),
                LoopFact("slots_exist", (layer,), ("slot?",), "There are the CNode's slots.", _slots_exist(layer)),
                LoopFact("no_threads", (layer,), ("tcb",), "None of them is a thread's.", _no_threads(layer)),
            )
        ),
        LoopFact("none_found", ("c",), (), "No slot is noted yet as found.", _none_found),
    ),
    measures=(Descent(("spec",), _bits_left), Descent(("exec",), _bits_left)),
    code="resolveAddressBits#1",
    records={"cap": Cap},
)


def _found_slot(before: Any, after: Any, arguments: Mapping[str, Any], found: Any) -> Any:
    succeeds = is_in_state(found.failure.kind, LookupFailureKind.NoFailure)
    there_is = any_of(found.slot == NULL, exists(after.slot, found.slot))
    return all_of(iff(found.slot != NULL, succeeds), there_is, found.bits_left <= MAX_DEPTH)


def _no_thread_slot(before: Any, after: Any, arguments: Mapping[str, Any], found: Any, t: Any) -> Any:
    return negate(is_slot_of_thread(after, found.slot, t))


RESOLVE_ADDRESS_BITS = Operation(
    "cspace",
    "resolve_address_bits",
    preconditions.resolve_address_bits,
    loops=(LEVELS,),
    contract=Contract(
        modifies=CURRENT_LOOKUP,
        ensures=(
            Ensures("found_slot", (), "A slot that is found exists; else it is said why.", _found_slot, of="result"),
            Ensures("no_thread_slot", ("tcb",), "What is found is no slot of a thread.", _no_thread_slot, of="result"),
        ),
    ),
    requires_of=requires_cnode("root"),
)


def _slot_exists(before: Any, after: Any, arguments: Mapping[str, Any], slot: Any) -> Any:
    return exists(after.slot, slot)


def _none_of_thread(before: Any, after: Any, arguments: Mapping[str, Any], slot: Any, t: Any) -> Any:
    return negate(is_slot_of_thread(after, slot, t))


FOUND = (
    Ensures("found_slot", (), "The slot exists.", _slot_exists, of="result"),
    Ensures("no_thread_slot", ("tcb",), "It is no slot of a thread.", _none_of_thread, of="result"),
)

LOOKUP_SLOT = Operation(
    "cspace",
    "lookup_slot",
    preconditions.lookup_slot,
    calls=(RESOLVE_ADDRESS_BITS,),
    contract=Contract(modifies=CURRENT_LOOKUP, ensures=FOUND),
    raises=("LookupFault",),
)

LOOKUP_SLOT_FOR_CNODE_OP = Operation(
    "cspace",
    "lookup_slot_for_cnode_op",
    preconditions.lookup_slot_for_cnode_op,
    calls=(RESOLVE_ADDRESS_BITS,),
    contract=Contract(modifies=(*CURRENT_LOOKUP, *CURRENT_SYSCALL_ERROR), ensures=FOUND),
    requires_of=requires_cnode("root"),
    raises=("SyscallError",),
)


def _slots_exist_or_none(before: Any, after: Any, arguments: Mapping[str, Any], found: Any) -> Any:
    slots = (found.first, found.second, found.third)
    return all_of(*(any_of(slot == NULL, exists(after.slot, slot)) for slot in slots))


LOOKUP_EXTRA_CAPS = Operation(
    "cspace",
    "lookup_extra_caps",
    preconditions.lookup_extra_caps,
    calls=(LOOKUP_SLOT,),
    contract=Contract(
        modifies=(*CURRENT_LOOKUP, *CURRENT_EXTRA_CAPS),
        ensures=(Ensures("found_slots", (), "Slots that are found exist.", _slots_exist_or_none, of="result"),),
    ),
    raises=("LookupFault",),
)

OPERATIONS = (RESOLVE_ADDRESS_BITS, LOOKUP_SLOT, LOOKUP_SLOT_FOR_CNODE_OP, LOOKUP_EXTRA_CAPS)
