"""What is true of capabilities to CNodes, alike in the specification and the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from executable_model.sel4.capability import MAX_DEPTH, THREAD_MASK, Cap, CapKind
from executable_model.sel4.cspace import slot_of_thread
from executable_model.sel4.state import SLOT_BITS, THREAD_BITS, THREAD_SLOTS
from proofs.sel4.capability_invariants import MAX_RADIX
from proofs.sel4.members import is_in_state
from refinement.contracts import Requires
from refinement.logic import Word, address_of, all_of, any_of, defined, implies, negate
from refinement.state import exists
from refinement.statements import invariant


def is_cnode(cap: Any) -> Any:
    """Whether it is a capability to a CNode."""
    return is_in_state(cap.kind, CapKind.CNode)


@defined
def may_be_cnode(cap: Cap) -> bool:
    """Whether a capability, if it is one to a CNode, tells a possible size and guard, and where such a CNode can be."""
    table = (1 << (cap.size_bits + SLOT_BITS & 31)) - 1
    sizes = all_of(cap.size_bits >= 1, cap.size_bits <= MAX_RADIX)
    bits = all_of(cap.guard_size <= MAX_DEPTH, cap.guard_size + cap.size_bits <= MAX_DEPTH)
    return implies(is_cnode(cap), all_of(sizes, bits, cap.object & table == 0, cap.object != 0))


@defined
def has_slot(cap: Cap, address: Word) -> bool:
    """Whether at an address there is a slot of the CNode that a capability, or what is left of one, is to."""
    is_left = all_of(is_in_state(cap.kind, CapKind.Zombie), negate(cap.is_thread))
    end = cap.object | ((1 << (cap.size_bits + SLOT_BITS & 31)) - 1)
    inside = all_of(cap.object <= address, address <= end, address & ((1 << SLOT_BITS) - 1) == 0)
    return all_of(any_of(is_cnode(cap), is_left), inside)


def slot_exists(s: Any, cap: Any, slot: Any) -> Any:
    """A reference to a slot of a capability's CNode is to one that there is."""
    return implies(has_slot(cap, address_of(slot)), exists(s.slot, slot))


@defined
def overlaps_thread(cap: Cap, thread: Word) -> bool:
    """Whether memory of the CNode that a capability, or what is left of one, is to is also a thread's."""
    is_left = all_of(is_in_state(cap.kind, CapKind.Zombie), negate(cap.is_thread))
    end = cap.object | ((1 << (cap.size_bits + SLOT_BITS & 31)) - 1)
    apart = any_of(end < thread & THREAD_MASK, thread | (1 << THREAD_BITS) - 1 < cap.object)
    return all_of(any_of(is_cnode(cap), is_left), negate(apart))


def is_no_thread(s: Any, cap: Any, t: Any) -> Any:
    """Whether the memory of a capability's CNode is none of a thread's."""
    return any_of(t == s.idle_thread, negate(overlaps_thread(cap, address_of(t))))


def is_slot_of_thread(s: Any, slot: Any, t: Any) -> Any:
    """Whether a slot is one of a thread's."""
    own = (slot == slot_of_thread(t, index) for index in range(THREAD_SLOTS))
    return all_of(t != s.idle_thread, any_of(*own))


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


@invariant("spec", "slot", "tcb")
def cnodes_no_threads(s: Any, x: Any, t: Any) -> Any:
    """The slots of a CNode are none of a thread's."""
    return is_no_thread(s, s.slot[x].cap, t)


@invariant("exec", "slot", "tcb")
def cnodes_no_threads_exec(s: Any, x: Any, t: Any) -> Any:
    """The slots of a CNode are none of a thread's."""
    return is_no_thread(s, s.slot[x].cap, t)


SPEC_INVARIANTS = (cnodes, cnode_slots, cnodes_no_threads)
EXEC_INVARIANTS = (cnodes_exec, cnode_slots_exec, cnodes_no_threads_exec)


def requires_cnode(*arguments: str) -> tuple[Requires, ...]:
    """What is required of capabilities given as arguments: their CNodes' slots are there, and none are a thread's."""

    def slots_exist(s: Any, given: Mapping[str, Any], slot: Any) -> Any:
        return all_of(*(slot_exists(s, given[name], slot) for name in arguments))

    def no_threads(s: Any, given: Mapping[str, Any], t: Any) -> Any:
        return all_of(*(is_no_thread(s, given[name], t) for name in arguments))

    names = " and ".join(arguments)
    return tuple(
        required
        for layer in ("spec", "exec")
        for required in (
            Requires(layer, ("slot?",), f"There are the slots of the CNode that {names} is to, if any.", slots_exist),
            Requires(layer, ("tcb",), f"No slot of the CNode that {names} is to is a thread's.", no_threads),
        )
    )
