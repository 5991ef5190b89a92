"""Untyped memory, and the objects made of it (seL4 manual, sections 2.4 and 3.1.3).

An untyped capability stands for a range of memory.  *Retyping* makes objects of it, one behind the other, and remembers
how much is given out.  The first capability to each object is derived from the untyped one.  When all capabilities to
what was made of it are gone, so are the objects, and the memory can be given out again from its beginning.
"""

from __future__ import annotations

import enum

from attrs import evolve

from refinement.logic import NULL, Word, address_of, all_of, choose, repeat, walk
from spec.sel4.capability import MAX_DEPTH, READ_WRITE, Cap, CapKind
from spec.sel4.cspace import ExtraCaps, lookup_slot_for_cnode_op, slot_of_cnode
from spec.sel4.deletion import preemption_point
from spec.sel4.derivation import has_children, insert_new_cap
from spec.sel4.errors import ErrorKind, LookupFailure, LookupFailureKind, SyscallError, failed_lookup
from spec.sel4.memory import create, delete_objects
from spec.sel4.message import syscall_argument
from spec.sel4.state import SLOT_BITS, THREAD_BITS, THREAD_OFFSET, SlotRef, State

RETYPE = 1
"""The label of the message by which an untyped capability is invoked."""
MIN_UNTYPED_BITS = 4
MAX_UNTYPED_BITS = 29
"""The smallest and the largest size of untyped memory, and so of any object: 2 to this power, in bytes."""
MAX_RETYPE = 256
"""How many objects can be made at once."""
RESET_CHUNK_BITS = 8
"""Memory is cleared in pieces of 2 to this power bytes."""


class ObjectType(enum.IntEnum):
    """What can be made of untyped memory, by the numbers that users give."""

    Untyped = 0
    Thread = 1
    Endpoint = 2
    Notification = 3
    CNode = 4
    PageDirectory = 5
    SmallPage = 6
    LargePage = 7
    Section = 8
    SuperSection = 9
    PageTable = 10


def is_frame(object_type: Word) -> bool:
    """Whether objects of the type are memory for users."""
    return all_of(object_type >= ObjectType.SmallPage, object_type <= ObjectType.SuperSection)


def object_size_bits(object_type: Word, user_bits: Word) -> Word:
    """How much memory an object takes: 2 to this power, in bytes.

    Users choose the size of untyped memory, and how many slots a CNode has: 2 to the power of `user_bits`.
    """
    match object_type:
        case ObjectType.Untyped:
            return user_bits
        case ObjectType.Thread:
            return THREAD_BITS
        case ObjectType.CNode:
            return user_bits + SLOT_BITS
        case ObjectType.PageDirectory:
            return 14
        case ObjectType.SmallPage:
            return 12
        case ObjectType.LargePage:
            return 16
        case ObjectType.Section:
            return 20
        case ObjectType.SuperSection:
            return 24
        case ObjectType.PageTable:
            return 10
        case _:
            return 4


def decode_untyped_invocation(
    s: State, label: Word, length: Word, slot: SlotRef, cap: Cap, extra: ExtraCaps, buffer: Word
) -> None:
    """Carry out what a message asks of the untyped capability `cap`, which is in `slot`: make objects of it.

    Words 0 and 1 are their type and size, word 5 is how many.  The capabilities to them go into slots of one CNode that
    follow each other from the index in word 4 on, which must all be empty.  Words 2 and 3 are the index and depth of
    the CNode, looked up from the capability on that the message names; with depth 0 it is that one.

    Memory that is given out is skipped, unless no capability to any of it is left: then all of it is given out anew.
    Of device memory, only frames and smaller untyped memory can be made.
    """
    if label != RETYPE:
        raise SyscallError(ErrorKind.IllegalOperation)
    if length < 6 or extra.first == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    object_type, user_bits = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    offset, count = syscall_argument(s, 4, buffer), syscall_argument(s, 5, buffer)
    check_size(object_type, user_bits)
    node = destination_node(s, extra, buffer)
    check_window(node, offset, count)
    first, last = slot_of_cnode(node.object, offset), slot_of_cnode(node.object, offset + count - 1)
    ensure_empty_slots(s, first, last)
    reset = not has_children(s, slot)
    given_out = 0 if reset else cap.free_offset
    bits = object_size_bits(object_type, user_bits)
    free = (1 << cap.size_bits) - given_out
    if free >> bits < count:
        raise SyscallError(ErrorKind.NotEnoughMemory, free)
    if cap.is_device and object_type != ObjectType.Untyped and not is_frame(object_type):
        raise SyscallError(ErrorKind.InvalidArgument, 1)
    if reset:
        reset_untyped_cap(s, slot)
    begin = round_up(given_out, bits)
    s.slot[slot].cap = evolve(cap, free_offset=begin + (count << bits))
    create_objects(s, object_type, user_bits, cap.object + begin, cap.is_device, slot, first, last)


def check_size(object_type: Word, user_bits: Word) -> None:
    """Raise the error for a type that there is not, or a size that no object of the type can have."""
    if object_type > ObjectType.PageTable:
        raise SyscallError(ErrorKind.InvalidArgument, 0)
    if user_bits >= MAX_DEPTH or object_size_bits(object_type, user_bits) > MAX_UNTYPED_BITS:
        raise SyscallError(ErrorKind.RangeError, 0, MAX_UNTYPED_BITS)
    if object_type == ObjectType.CNode and user_bits == 0:
        raise SyscallError(ErrorKind.InvalidArgument, 1)
    if object_type == ObjectType.Untyped and user_bits < MIN_UNTYPED_BITS:
        raise SyscallError(ErrorKind.InvalidArgument, 1)


def destination_node(s: State, extra: ExtraCaps, buffer: Word) -> Cap:
    """The capability to the CNode that the capabilities to new objects are to be put into."""
    index, depth = syscall_argument(s, 2, buffer), syscall_argument(s, 3, buffer)
    slot = extra.first
    if depth != 0:
        slot = lookup_slot_for_cnode_op(s, False, s.slot[extra.first].cap, index, depth)
    node = s.slot[slot].cap
    if node.kind != CapKind.CNode:
        raise failed_lookup(False, LookupFailure(LookupFailureKind.MissingCapability, depth))
    return node


def check_window(node: Cap, offset: Word, count: Word) -> None:
    """Raise RangeError unless the CNode has `count` slots from the index `offset` on, and they are not too many."""
    slots = 1 << node.size_bits
    if offset > slots - 1:
        raise SyscallError(ErrorKind.RangeError, 0, slots - 1)
    if count < 1 or count > MAX_RETYPE:
        raise SyscallError(ErrorKind.RangeError, 1, MAX_RETYPE)
    if count > slots - offset:
        raise SyscallError(ErrorKind.RangeError, 1, slots - offset)


def ensure_empty_slots(s: State, first: SlotRef, last: SlotRef) -> None:
    """Raise DeleteFirst if one of the slots from the first to the last holds a capability."""
    full = choose(
        s.slot,
        lambda slot: all_of(
            address_of(first) <= address_of(slot),
            address_of(slot) <= address_of(last),
            s.slot[slot].cap.kind != CapKind.Null,
        ),
        label="full_slot",
    )
    if full is not None:
        raise SyscallError(ErrorKind.DeleteFirst)


def round_up(offset: Word, bits: Word) -> Word:
    """The smallest multiple of 2 to the power of `bits` that is not below the offset."""
    return ((offset + ((1 << bits) - 1)) >> bits) << bits


def reset_untyped_cap(s: State, slot: SlotRef) -> None:
    """Take back all memory that is given out: the objects in it are gone, and it is cleared.

    Large memory is cleared piece by piece, from the end on.  When that is interrupted, what is cleared counts as free.
    The memory of devices is not cleared.
    """
    cap = s.slot[slot].cap
    if cap.free_offset == 0:
        return
    delete_objects(s, cap.object, cap.size_bits)
    if cap.is_device or cap.size_bits < RESET_CHUNK_BITS:
        s.slot[slot].cap = evolve(cap, free_offset=0)
        return
    for _ in repeat("reset_untyped_cap", lambda: slot if s.slot[slot].cap.free_offset != 0 else NULL):
        given_out = s.slot[slot].cap.free_offset
        s.slot[slot].cap = evolve(cap, free_offset=((given_out - 1) >> RESET_CHUNK_BITS) << RESET_CHUNK_BITS)
        preemption_point(s)


def create_objects(
    s: State,
    object_type: Word,
    user_bits: Word,
    begin: Word,
    is_device: bool,
    untyped: SlotRef,
    first: SlotRef,
    last: SlotRef,
) -> None:
    """Make objects, one behind the other from the address `begin` on; capabilities to them go into the slots.

    The slots are those from the first to the last.  The capabilities are derived from the untyped one.
    """
    bits = object_size_bits(object_type, user_bits)
    for slot in walk("create_objects", first, lambda slot: slot_behind(slot, last)):
        number = (address_of(slot) - address_of(first)) >> SLOT_BITS
        cap = create_object(s, object_type, begin + (number << bits), user_bits, is_device)
        insert_new_cap(s, untyped, slot, cap)


def slot_behind(slot: SlotRef, last: SlotRef) -> SlotRef:
    """The slot of a CNode that is behind another one; NULL behind the last of those that are to be filled."""
    return NULL if slot == last else slot_of_cnode(address_of(slot), 1)


def create_object(s: State, object_type: Word, address: Word, user_bits: Word, is_device: bool) -> Cap:
    """Make an object at an address; gives the capability to it, with all rights."""
    cap = new_cap(object_type, address, user_bits, is_device)
    create(s, cap)
    return cap


def new_cap(object_type: Word, address: Word, user_bits: Word, is_device: bool) -> Cap:
    """The first capability to a new object: with all rights, without badge or guard, and not mapped."""
    match object_type:
        case ObjectType.Untyped:
            return Cap(CapKind.Untyped, object=address, size_bits=user_bits, is_device=is_device)
        case ObjectType.Thread:
            return Cap(CapKind.Thread, object=address + THREAD_OFFSET)
        case ObjectType.Endpoint:
            return Cap(
                CapKind.Endpoint,
                object=address,
                can_send=True,
                can_receive=True,
                can_grant=True,
                can_grant_reply=True,
            )
        case ObjectType.Notification:
            return Cap(CapKind.Notification, object=address, can_send=True, can_receive=True)
        case ObjectType.CNode:
            return Cap(CapKind.CNode, object=address, size_bits=user_bits)
        case ObjectType.PageDirectory:
            return Cap(CapKind.PageDirectory, object=address)
        case ObjectType.PageTable:
            return Cap(CapKind.PageTable, object=address)
        case _:
            bits = object_size_bits(object_type, user_bits)
            return Cap(CapKind.Frame, object=address, size_bits=bits, vm_rights=READ_WRITE, is_device=is_device)
