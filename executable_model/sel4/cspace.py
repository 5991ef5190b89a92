"""Capability spaces: finding slots by address, and what becomes of a capability that is copied from its slot."""

from __future__ import annotations

from attrs import define, evolve, frozen

from executable_model.sel4.capability import MAX_DEPTH, THREAD_MASK, Cap, CapKind
from executable_model.sel4.derivation import ensure_no_children
from executable_model.sel4.errors import (
    NO_FAILURE,
    ErrorKind,
    LookupFailure,
    LookupFailureKind,
    LookupFault,
    SyscallError,
    failed_lookup,
)
from executable_model.sel4.memory import load_word
from executable_model.sel4.state import (
    BUFFER_CAPS,
    CSPACE_ROOT,
    SLOT_BITS,
    SlotRef,
    State,
    ThreadRef,
)
from refinement.logic import NULL, Word, address_of, again, defined, operation, reference_at


@frozen
class Resolution:
    """Where the lookup of an address ended: at a slot, with bits of the address left over, or in a failure."""

    slot: SlotRef = NULL
    """NULL if it failed."""
    bits_left: Word = 0
    failure: LookupFailure = NO_FAILURE


@define
class Stage:
    """How far a lookup has come: a CNode capability to go on from, and how many bits of the address are left."""

    cap: Cap
    bits_left: Word


@frozen
class ExtraCaps:
    """The slots of the capabilities that a message names beside the invoked one; NULL where it names none."""

    first: SlotRef = NULL
    second: SlotRef = NULL
    third: SlotRef = NULL


def slot_of_cnode(cnode: Word, index: Word) -> SlotRef:
    """The slot with this index of the CNode at the address `cnode`."""
    return reference_at(SlotRef, cnode + (index << SLOT_BITS))


@defined
def slot_of_thread(thread: ThreadRef, index: Word) -> SlotRef:
    """One of the five slots of a thread."""
    return reference_at(SlotRef, (address_of(thread) & THREAD_MASK) | (index << SLOT_BITS))


@operation
def resolve_address_bits(s: State, root: Cap, address: Word, depth: Word) -> Resolution:
    """Look the lowest `depth` bits of an address up, from the CNode capability `root` on.

    A CNode uses the next bits as its guard, which must agree, and as the index of a slot.  While bits are left
    and the slot holds a CNode capability, the lookup goes on there.
    """
    if root.kind != CapKind.CNode:
        return Resolution(failure=LookupFailure(LookupFailureKind.InvalidRoot))
    at = Stage(root, depth)
    while again("resolve_address_bits", at):
        cap, left = at.cap, at.bits_left
        used = cap.guard_size + cap.size_bits
        if cap.guard_size > left or (address >> (left - cap.guard_size)) & ((1 << cap.guard_size) - 1) != cap.guard:
            return Resolution(
                failure=LookupFailure(LookupFailureKind.GuardMismatch, left, guard=cap.guard, guard_size=cap.guard_size)
            )
        if used > left:
            return Resolution(failure=LookupFailure(LookupFailureKind.DepthMismatch, left, used))
        at.bits_left = left - used
        slot = slot_of_cnode(cap.object, (address >> at.bits_left) & ((1 << cap.size_bits) - 1))
        if at.bits_left == 0:
            return Resolution(slot)
        at.cap = s.slot[slot].cap
        if at.cap.kind != CapKind.CNode:
            return Resolution(slot, at.bits_left)


@operation
def lookup_slot(s: State, thread: ThreadRef, address: Word) -> SlotRef:
    """The slot at an address in the thread's capability space; bits may be left over.  Raises LookupFault."""
    root = s.slot[slot_of_thread(thread, CSPACE_ROOT)].cap
    found = resolve_address_bits(s, root, address, MAX_DEPTH)
    if found.slot == NULL:
        raise LookupFault(found.failure)
    return found.slot


@operation
def lookup_slot_for_cnode_op(s: State, is_source: bool, root: Cap, index: Word, depth: Word) -> SlotRef:
    """The slot that an invocation names by a CNode capability, and an index of `depth` bits.  Raises SyscallError.

    All bits must be used up.
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
    """The slots of the first `count` extra capabilities that the thread's message names in its IPC buffer.

    Without a buffer there are none.  Raises LookupFault.
    """
    if buffer == 0 or count == 0:
        return ExtraCaps()
    first = lookup_slot(s, thread, load_word(s, buffer, BUFFER_CAPS))
    if count == 1:
        return ExtraCaps(first)
    second = lookup_slot(s, thread, load_word(s, buffer, BUFFER_CAPS + 1))
    if count == 2:
        return ExtraCaps(first, second)
    return ExtraCaps(first, second, lookup_slot(s, thread, load_word(s, buffer, BUFFER_CAPS + 2)))


def ensure_empty_slot(s: State, slot: SlotRef) -> None:
    """Raise DeleteFirst if the slot holds a capability."""
    if s.slot[slot].cap.kind != CapKind.Null:
        raise SyscallError(ErrorKind.DeleteFirst)


def derive_cap(s: State, slot: SlotRef, cap: Cap) -> Cap:
    """What a copy of `cap`, made of the capability in the slot, becomes: null if it cannot be copied.

    Raises RevokeFirst for an untyped capability of which objects were made, IllegalOperation for a page table or
    page directory that is in no use.  A copy of a frame is not mapped.
    """
    match cap.kind:
        case CapKind.Untyped:
            ensure_no_children(s, slot)
        case CapKind.Zombie | CapKind.Reply | CapKind.IRQControl:
            return Cap()
        case CapKind.PageTable | CapKind.PageDirectory:
            if not cap.is_mapped:
                raise SyscallError(ErrorKind.IllegalOperation)
        case CapKind.Frame:
            return evolve(cap, asid=0)
    return cap
