"""What is true of capabilities to CNodes, alike in the specification and the model."""

from __future__ import annotations

from typing import Any

from executable_model.sel4.capability import MAX_DEPTH, Cap, CapKind
from executable_model.sel4.state import SLOT_BITS
from proofs.sel4.capability_invariants import MAX_RADIX
from proofs.sel4.members import is_in_state
from refinement.logic import Word, address_of, all_of, any_of, defined, implies, negate
from refinement.state import exists
from refinement.statements import invariant


def is_cnode(cap: Any) -> Any:
    """Whether it is a capability to a CNode."""
    return is_in_state(cap.kind, CapKind.CNode)


@defined
def may_be_cnode(cap: Cap) -> bool:
    """Whether a capability, if it is one to a CNode, tells a possible size and guard, and where such a CNode can be."""
    table = (1 << (cap.size_bits + SLOT_BITS)) - 1
    sizes = all_of(1 <= cap.size_bits, cap.size_bits <= MAX_RADIX)
    bits = all_of(cap.guard_size <= MAX_DEPTH, cap.guard_size + cap.size_bits <= MAX_DEPTH)
    return implies(is_cnode(cap), all_of(sizes, bits, cap.object & table == 0, cap.object != 0))


@defined
def has_slot(cap: Cap, address: Word) -> bool:
    """Whether at an address there is a slot of the CNode that a capability, or what is left of one, is to."""
    is_left = all_of(is_in_state(cap.kind, CapKind.Zombie), negate(cap.is_thread))
    end = cap.object | ((1 << (cap.size_bits + SLOT_BITS)) - 1)
    inside = all_of(cap.object <= address, address <= end, address & ((1 << SLOT_BITS) - 1) == 0)
    return all_of(any_of(is_cnode(cap), is_left), inside)


def slot_exists(s: Any, cap: Any, slot: Any) -> Any:
    """A reference to a slot of a capability's CNode is to one that there is."""
    return implies(has_slot(cap, address_of(slot)), exists(s.slot, slot))


@invariant("spec", "slot")
def cnodes(s: Any, x: Any) -> Any:
    """A CNode has 2 to 2**27 slots and is aligned to its size; its guard and index have no more than 32 bits."""
    return may_be_cnode(s.slot[x].cap)


@invariant("exec", "slot")
def cnodes_exec(s: Any, x: Any) -> Any:
    """A CNode has 2 to 2**27 slots and is aligned to its size; its guard and index have no more than 32 bits."""
    return may_be_cnode(s.slot[x].cap)


@invariant("spec", "slot", "slot?")
def cnode_slots(s: Any, x: Any, y: Any) -> Any:
    """There are the slots of a CNode to which there is a capability, or what is left of one."""
    return slot_exists(s, s.slot[x].cap, y)


@invariant("exec", "slot", "slot?")
def cnode_slots_exec(s: Any, x: Any, y: Any) -> Any:
    """There are the slots of a CNode to which there is a capability, or what is left of one."""
    return slot_exists(s, s.slot[x].cap, y)


SPEC_INVARIANTS = (cnodes, cnode_slots)
EXEC_INVARIANTS = (cnodes_exec, cnode_slots_exec)
