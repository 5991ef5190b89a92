"""Untyped memory: making objects of it, and getting it back when no capability to any of them is left."""

from __future__ import annotations

from attrs import evolve

from executable_model.sel4.capability import READ_WRITE, Cap, CapKind
from executable_model.sel4.cspace import ExtraCaps, ensure_empty_slot, lookup_slot_for_cnode_op, slot_of_cnode
from executable_model.sel4.deletion import preemption_point
from executable_model.sel4.derivation import has_children, insert_new_cap
from executable_model.sel4.errors import (
    ErrorKind,
    LookupFailure,
    LookupFailureKind,
    SyscallError,
    failed_lookup,
)
from executable_model.sel4.memory import create, delete_objects
from executable_model.sel4.message import syscall_argument
from executable_model.sel4.state import SLOT_BITS, THREAD_BITS, THREAD_OFFSET, WORD_BITS, SlotRef, State
from refinement.logic import NULL, Word, address_of, one_of, reference_at, repeat, walk

RETYPE = 1
"""The label of the invocation."""

UNTYPED = 0
THREAD = 1
ENDPOINT = 2
NOTIFICATION = 3
CNODE = 4
PAGE_DIRECTORY = 5
SMALL_PAGE = 6
LARGE_PAGE = 7
SECTION = 8
SUPER_SECTION = 9
PAGE_TABLE = 10
OBJECT_TYPES = 11
"""The types of objects, by their numbers in messages, and how many there are."""
FRAMES = (SMALL_PAGE, LARGE_PAGE, SECTION, SUPER_SECTION)
"""The types that are memory for users."""

MIN_UNTYPED_BITS = 4
MAX_UNTYPED_BITS = 29
MAX_RETYPE = 256
"""How many objects can be made at once."""
RESET_CHUNK_BITS = 8
"""Memory is cleared in pieces of 2 to this power bytes, between which the kernel looks for interrupts."""


def object_size_bits(object_type: Word, user_bits: Word) -> Word:
    """The size of an object of a type: 2 to this power, in bytes.  For some types, users choose it."""
    if object_type == UNTYPED:
        return user_bits
    if object_type == CNODE:
        return user_bits + SLOT_BITS
    if object_type == THREAD:
        return THREAD_BITS
    if object_type == PAGE_DIRECTORY:
        return 14
    if object_type == SMALL_PAGE:
        return 12
    if object_type == LARGE_PAGE:
        return 16
    if object_type == SECTION:
        return 20
    if object_type == SUPER_SECTION:
        return 24
    if object_type == PAGE_TABLE:
        return 10
    return 4


def decode_untyped_invocation(
    s: State, label: Word, length: Word, slot: SlotRef, cap: Cap, extra: ExtraCaps, buffer: Word
) -> None:
    """Make objects of the untyped memory that `cap`, in `slot`, stands for, and put capabilities to them into slots.

    The message has the type of the objects and, for types that leave it open, their size; index and depth of the
    CNode for the capabilities, looked up in the first extra capability, which is itself that CNode if the depth is 0;
    the index of the first slot there; and how many objects there are to be.
    """
    if label != RETYPE:
        raise SyscallError(ErrorKind.IllegalOperation)
    if length < 6 or extra.first == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    object_type, user_bits = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    index, depth = syscall_argument(s, 2, buffer), syscall_argument(s, 3, buffer)
    offset, count = syscall_argument(s, 4, buffer), syscall_argument(s, 5, buffer)
    check_object_size(object_type, user_bits)
    first, last = lookup_target_slots(s, extra.first, index, depth, offset, count)
    must_reset = not has_children(s, slot)
    free_offset = 0 if must_reset else cap.free_offset
    size_bits = object_size_bits(object_type, user_bits)
    free_bytes = (1 << cap.size_bits) - free_offset
    if free_bytes >> size_bits < count:
        raise SyscallError(ErrorKind.NotEnoughMemory, free_bytes)
    if cap.is_device and not one_of(object_type, UNTYPED, *FRAMES):
        raise SyscallError(ErrorKind.InvalidArgument, 1)
    if must_reset:
        reset_untyped_cap(s, slot)
    start = align_up(free_offset, size_bits)
    s.slot[slot].cap = evolve(cap, free_offset=start + (count << size_bits))
    for target in walk("create_objects", first, lambda target: following(target, last)):
        number = (address_of(target) - address_of(first)) >> SLOT_BITS
        address = cap.object + start + (number << size_bits)
        insert_new_cap(s, slot, target, create_object(s, object_type, address, user_bits, cap.is_device))


def check_object_size(object_type: Word, user_bits: Word) -> None:
    """Raise an error if there is no such type of objects, or they cannot have this size."""
    if object_type >= OBJECT_TYPES:
        raise SyscallError(ErrorKind.InvalidArgument, 0)
    if user_bits >= WORD_BITS or object_size_bits(object_type, user_bits) > MAX_UNTYPED_BITS:
        raise SyscallError(ErrorKind.RangeError, 0, MAX_UNTYPED_BITS)
    if object_type == CNODE and user_bits == 0:
        raise SyscallError(ErrorKind.InvalidArgument, 1)
    if object_type == UNTYPED and user_bits < MIN_UNTYPED_BITS:
        raise SyscallError(ErrorKind.InvalidArgument, 1)


def lookup_target_slots(
    s: State, root: SlotRef, index: Word, depth: Word, offset: Word, count: Word
) -> tuple[SlotRef, SlotRef]:
    """The first and the last of `count` slots of a CNode, all of which must be empty."""
    target = root
    if depth != 0:
        target = lookup_slot_for_cnode_op(s, False, s.slot[root].cap, index, depth)
    cnode = s.slot[target].cap
    if cnode.kind != CapKind.CNode:
        raise failed_lookup(False, LookupFailure(LookupFailureKind.MissingCapability, depth))
    slots = 1 << cnode.size_bits
    if offset >= slots:
        raise SyscallError(ErrorKind.RangeError, 0, slots - 1)
    if count < 1 or count > MAX_RETYPE:
        raise SyscallError(ErrorKind.RangeError, 1, MAX_RETYPE)
    if count > slots - offset:
        raise SyscallError(ErrorKind.RangeError, 1, slots - offset)
    first, last = slot_of_cnode(cnode.object, offset), slot_of_cnode(cnode.object, offset + count - 1)
    for slot in walk("ensure_empty_slots", first, lambda slot: following(slot, last)):
        ensure_empty_slot(s, slot)
    return first, last


def following(slot: SlotRef, last: SlotRef) -> SlotRef:
    """The slot behind another one of a row of slots; NULL behind the last."""
    return NULL if slot == last else reference_at(SlotRef, address_of(slot) + (1 << SLOT_BITS))


def align_up(offset: Word, bits: Word) -> Word:
    """The first multiple of 2 to the power of `bits` that is no smaller than the offset."""
    mask = (1 << bits) - 1
    return ((offset + mask) >> bits) << bits


def reset_untyped_cap(s: State, slot: SlotRef) -> None:
    """Take all memory back that was given out of an untyped capability without children, and clear it.

    This can take long: it stops for interrupts, with some of the memory still to be cleared.  What is small, or
    memory of a device, which is not cleared, is taken back at once.
    """
    cap = s.slot[slot].cap
    if cap.free_offset == 0:
        return
    delete_objects(s, cap.object, cap.size_bits)
    if cap.is_device or cap.size_bits < RESET_CHUNK_BITS:
        s.slot[slot].cap = evolve(cap, free_offset=0)
        return
    for _ in repeat("reset_untyped_cap", lambda: slot if s.slot[slot].cap.free_offset != 0 else NULL):
        free_offset = s.slot[slot].cap.free_offset
        cleared = ((free_offset - 1) >> RESET_CHUNK_BITS) << RESET_CHUNK_BITS
        s.slot[slot].cap = evolve(s.slot[slot].cap, free_offset=cleared)
        preemption_point(s)


def create_object(s: State, object_type: Word, address: Word, user_bits: Word, is_device: bool) -> Cap:
    """Make an object of a type at an address; returns the capability to it, with all rights."""
    cap = new_cap(object_type, address, user_bits, is_device)
    create(s, cap)
    return cap


def new_cap(object_type: Word, address: Word, user_bits: Word, is_device: bool) -> Cap:
    """The first capability to an object of a type at an address."""
    if object_type == UNTYPED:
        return Cap(CapKind.Untyped, object=address, size_bits=user_bits, is_device=is_device)
    if object_type == THREAD:
        return Cap(CapKind.Thread, object=address + THREAD_OFFSET)
    if object_type == ENDPOINT:
        return Cap(
            CapKind.Endpoint, object=address, can_send=True, can_receive=True, can_grant=True, can_grant_reply=True
        )
    if object_type == NOTIFICATION:
        return Cap(CapKind.Notification, object=address, can_send=True, can_receive=True)
    if object_type == CNODE:
        return Cap(CapKind.CNode, object=address, size_bits=user_bits)
    if object_type == PAGE_TABLE:
        return Cap(CapKind.PageTable, object=address)
    if object_type == PAGE_DIRECTORY:
        return Cap(CapKind.PageDirectory, object=address)
    bits = object_size_bits(object_type, user_bits)
    return Cap(CapKind.Frame, object=address, size_bits=bits, vm_rights=READ_WRITE, is_device=is_device)
