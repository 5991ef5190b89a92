"""Capability spaces: how the address of a capability leads to the slot that holds it.

A thread names capabilities by addresses in its own capability space, a directed graph of CNodes with a CNode capability
as its root.  At each CNode the next bits of the address must be the *guard* of the capability to it; those that follow
are the index of a slot.  If that slot holds another CNode, the lookup goes on there with the bits that are left
(seL4 manual, section 3.3).
"""

from __future__ import annotations

from attrs import define, evolve, field, frozen

from refinement.logic import NULL, Word, address_of, again, defined, operation, reference_at
from spec.sel4.capability import MAX_DEPTH, THREAD_MASK, Cap, CapKind
from spec.sel4.derivation import ensure_no_children
from spec.sel4.errors import (
    ErrorKind,
    LookupFailure,
    LookupFailureKind,
    LookupFault,
    SyscallError,
    failed_lookup,
)
from spec.sel4.memory import load_word
from spec.sel4.state import (
    BUFFER_CAPS,
    CSPACE_ROOT,
    MAX_EXTRA_CAPS,
    SLOT_BITS,
    SlotRef,
    State,
    ThreadRef,
)


@frozen
class Resolution:
    """Where a lookup ended."""

    slot: SlotRef = NULL
    """The slot that it came to; NULL if it failed."""
    bits_left: Word = 0
    """How many bits of the address were not needed, since the slot there holds no CNode to go on with."""
    failure: LookupFailure = field(factory=LookupFailure)
    """Why it failed."""


@define
class Stage:
    """How far a lookup has come."""

    cap: Cap
    """The capability to the CNode in which it goes on."""
    bits_left: Word
    """How many bits of the address are still to be looked up."""


@frozen
class ExtraCaps:
    """The slots of the capabilities that a message names beside the invoked one; NULL for those that it does not."""

    first: SlotRef = NULL
    second: SlotRef = NULL
    third: SlotRef = NULL


def slot_of_cnode(cnode: Word, index: Word) -> SlotRef:
    """The slot of that index in the CNode at an address."""
    return reference_at(SlotRef, cnode + (index << SLOT_BITS))


@defined
def slot_of_thread(thread: ThreadRef, index: Word) -> SlotRef:
    """One of the slots of a thread, such as CSPACE_ROOT."""
    return reference_at(SlotRef, (address_of(thread) & THREAD_MASK) | (index << SLOT_BITS))


def bits_of(address: Word, above: Word, size: Word) -> Word:
    """The `size` bits of an address that stand above its lowest `above` bits."""
    return (address >> above) & ((1 << size) - 1)


@operation
def resolve_address_bits(s: State, root: Cap, address: Word, depth: Word) -> Resolution:
    """Look up the lowest `depth` bits of an address, the highest of them first, in the CNode of a capability.

    The guard is compared first, then the bits must suffice for guard and index.  Where no bits are left, or no further
    CNode is found, the lookup is at its end; whoever needs all of the bits used up looks at `bits_left`.
    """
    if root.kind != CapKind.CNode:
        return Resolution(failure=LookupFailure(LookupFailureKind.InvalidRoot))
    at = Stage(root, depth)
    while again("resolve_address_bits", at):
        cap, left = at.cap, at.bits_left
        if cap.guard_size > left or bits_of(address, left - cap.guard_size, cap.guard_size) != cap.guard:
            mismatch = LookupFailureKind.GuardMismatch
            return Resolution(failure=LookupFailure(mismatch, left, guard=cap.guard, guard_size=cap.guard_size))
        needed = cap.guard_size + cap.size_bits
        if needed > left:
            return Resolution(failure=LookupFailure(LookupFailureKind.DepthMismatch, left, bits_found=needed))
        at.bits_left = left - needed
        slot = slot_of_cnode(cap.object, bits_of(address, at.bits_left, cap.size_bits))
        at.cap = s.slot[slot].cap
        if at.bits_left == 0 or at.cap.kind != CapKind.CNode:
            return Resolution(slot, at.bits_left)


@operation
def lookup_slot(s: State, thread: ThreadRef, address: Word) -> SlotRef:
    """The slot at an address in the capability space of a thread; LookupFault if there is none.

    All 32 bits are looked up.  Bits that are left when no further CNode is found mean nothing.
    """
    root = s.slot[slot_of_thread(thread, CSPACE_ROOT)].cap
    found = resolve_address_bits(s, root, address, MAX_DEPTH)
    if found.slot == NULL:
        raise LookupFault(found.failure)
    return found.slot


@operation
def lookup_slot_for_cnode_op(s: State, is_source: bool, root: Cap, index: Word, depth: Word) -> SlotRef:
    """The slot that an operation on CNodes is about: by the lowest `depth` bits of an index, looked up from `root` on.

    Unlike in the use of a capability, what is looked up can be a slot that holds a CNode: all bits must be used up
    exactly (seL4 manual, section 3.3.2).  `is_source` says whether the operation takes a capability from there.
    """
    if root.kind != CapKind.CNode:
        raise failed_lookup(is_source, LookupFailure(LookupFailureKind.InvalidRoot))
    if depth < 1 or depth > MAX_DEPTH:
        raise SyscallError(ErrorKind.RangeError, 1, MAX_DEPTH)
    found = resolve_address_bits(s, root, index, depth)
    if found.slot == NULL:
        raise failed_lookup(is_source, found.failure)
    if found.bits_left != 0:
        raise failed_lookup(is_source, LookupFailure(LookupFailureKind.DepthMismatch, found.bits_left))
    return found.slot


@operation
def lookup_extra_caps(s: State, thread: ThreadRef, buffer: Word, count: Word) -> ExtraCaps:
    """The slots of the first `count` capabilities named in the IPC buffer; LookupFault if one is not found.

    They may be empty.  A thread without IPC buffer (0) names none.
    """
    if buffer == 0:
        return ExtraCaps()
    return ExtraCaps(*(extra_cap(s, thread, buffer, count, number) for number in range(MAX_EXTRA_CAPS)))


def extra_cap(s: State, thread: ThreadRef, buffer: Word, count: Word, number: int) -> SlotRef:
    """The slot of the capability of that number, from 0, named in the IPC buffer; NULL if there are not so many."""
    if number >= count:
        return NULL
    return lookup_slot(s, thread, load_word(s, buffer, BUFFER_CAPS + number))


def ensure_empty_slot(s: State, slot: SlotRef) -> None:
    """Raise DeleteFirst if the slot holds a capability."""
    if s.slot[slot].cap.kind != CapKind.Null:
        raise SyscallError(ErrorKind.DeleteFirst)


def derive_cap(s: State, slot: SlotRef, cap: Cap) -> Cap:
    """The capability that a copy is when `cap` was made of the one in `slot`; the null one if it cannot be copied.

    - Reply capabilities, the control of interrupts, and what is left of deleted objects cannot be.
    - Untyped memory can only be while nothing is made of it: RevokeFirst.
    - The copy of a frame is not mapped.  A page table or directory is copied with its place, which it must have.
    """
    match cap.kind:
        case CapKind.Reply | CapKind.IRQControl | CapKind.Zombie:
            return Cap()
        case CapKind.Untyped:
            ensure_no_children(s, slot)
        case CapKind.Frame:
            return evolve(cap, asid=0)
        case CapKind.PageTable | CapKind.PageDirectory:
            if not cap.is_mapped:
                raise SyscallError(ErrorKind.IllegalOperation)
    return cap
