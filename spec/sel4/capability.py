"""Capabilities: what they are, what they give a right to, and how new ones are made of old ones.

A capability names an object and says what may be done with it.  Which of its attributes mean something depends on its
kind; all others have their defaults.  Addresses are those of memory: what an *untyped* capability stands for is a range
of it, and every object lies in some range (seL4 manual, chapter 2.3 and 2.4).
"""

from __future__ import annotations

import enum

from attrs import evolve, frozen

from refinement.logic import Word, all_of, any_of, defined, iff, ite, negate, one_of

THREAD_MASK = 0xFFFFFE00
"""Of an address in a thread's object, which has 512 bytes, the bits that are those of its beginning."""

BADGE_MASK = (1 << 28) - 1
GUARD_MASK = (1 << 18) - 1
"""The bits of a badge, and those of a guard, that a capability has room for."""
MAX_DEPTH = 32
"""How many bits the address of a capability has."""

WRITE = 1
READ = 2
GRANT = 4
GRANT_REPLY = 8
"""The bits of a word of rights.  To write is also to send, to read also to receive."""

KERNEL_ONLY = 1
READ_ONLY = 2
READ_WRITE = 3
"""What users may do with a frame: nothing, read, read and write."""


class CapKind(enum.Enum):
    """The kinds of capabilities."""

    Null = 0
    """None: what an empty slot holds."""
    Untyped = 1
    """Memory that objects can be made of: 2 to the power of `size_bits` bytes from `object` on."""
    Endpoint = 2
    Notification = 3
    Reply = 4
    """The right to answer, once, the thread `object`, which waits for a reply."""
    CNode = 5
    """A table of 2 to the power of `size_bits` slots."""
    Thread = 6
    Frame = 7
    """Memory for users, of 2 to the power of `size_bits` bytes."""
    PageTable = 8
    PageDirectory = 9
    ASIDPool = 10
    ASIDControl = 11
    IRQControl = 12
    IRQHandler = 13
    Zombie = 14
    """What is left of the last capability to a table or thread while its slots are being emptied."""
    Domain = 15
    SGISignal = 16


@frozen
class Cap:
    """A capability; without arguments the null capability."""

    kind: CapKind = CapKind.Null
    object: Word = 0
    """The address of what it is about: an object, or where the memory begins."""
    size_bits: Word = 0
    """Untyped, Frame: the size is 2 to this power, in bytes.  CNode, Zombie of one: it has 2 to this power slots."""
    badge: Word = 0
    """Endpoint, Notification: what receivers are told; 0 for none."""
    can_send: bool = False
    """Endpoint, Notification."""
    can_receive: bool = False
    """Endpoint, Notification."""
    can_grant: bool = False
    """Endpoint, Reply."""
    can_grant_reply: bool = False
    """Endpoint."""
    is_master: bool = False
    """Reply: whether it is the thread's own, of which those to be used are derived."""
    is_device: bool = False
    """Untyped, Frame: whether the memory is that of a device."""
    free_offset: Word = 0
    """Untyped: how many bytes from its beginning are given out already."""
    guard: Word = 0
    """CNode: the bits that an address must have in front of the index."""
    guard_size: Word = 0
    """CNode: how many bits the guard has."""
    slots_left: Word = 0
    """Zombie: how many slots are still to be emptied."""
    is_thread: bool = False
    """Zombie: whether it was a thread's; else a CNode's."""
    vm_rights: Word = 0
    """Frame: what users may do with it."""
    is_mapped: bool = False
    """PageTable, PageDirectory: whether it is in use in an address space."""
    asid: Word = 0
    """Frame, PageTable, PageDirectory: the address space that it is mapped in, of a frame 0 for none.  ASIDPool: the
    first address space of the pool."""
    mapped_address: Word = 0
    """Frame, PageTable: the virtual address that it is mapped at."""
    irq: Word = 0
    """IRQHandler, SGISignal: the interrupt."""
    target: Word = 0
    """SGISignal: the processor to be interrupted."""


WITH_ONE_ADDRESS = (
    CapKind.Endpoint,
    CapKind.Notification,
    CapKind.Thread,
    CapKind.PageTable,
    CapKind.PageDirectory,
    CapKind.ASIDPool,
)
"""Kinds of capabilities whose object is told by its address."""

WITHOUT_MEMORY = (
    CapKind.Null,
    CapKind.Reply,
    CapKind.ASIDControl,
    CapKind.IRQControl,
    CapKind.IRQHandler,
    CapKind.Domain,
    CapKind.SGISignal,
)
"""Kinds of capabilities that stand for no memory of their own."""


def is_physical(cap: Cap) -> bool:
    """Whether the capability stands for memory."""
    return negate(one_of(cap.kind, *WITHOUT_MEMORY))


def object_start(cap: Cap) -> Word:
    """The first address of the memory that the capability stands for."""
    return ite(cap.kind == CapKind.Thread, cap.object & THREAD_MASK, cap.object)


def object_bits(cap: Cap) -> Word:
    """The size of that memory: 2 to this power, in bytes."""
    is_table = any_of(cap.kind == CapKind.CNode, all_of(cap.kind == CapKind.Zombie, negate(cap.is_thread)))
    is_thread = any_of(cap.kind == CapKind.Thread, all_of(cap.kind == CapKind.Zombie, cap.is_thread))
    bits = ite(is_table, (cap.size_bits & 31) + 4, 4)
    bits = ite(one_of(cap.kind, CapKind.Untyped, CapKind.Frame), cap.size_bits, bits)
    bits = ite(is_thread, 9, bits)
    bits = ite(cap.kind == CapKind.PageTable, 10, bits)
    bits = ite(cap.kind == CapKind.PageDirectory, 14, bits)
    return ite(cap.kind == CapKind.ASIDPool, 12, bits)


def object_end(cap: Cap) -> Word:
    """The last address of that memory, which is aligned to its size."""
    return object_start(cap) | ((1 << (object_bits(cap) & 31)) - 1)


def _within(outer: Cap, inner: Cap) -> bool:
    """Whether all memory of the one is memory of the other."""
    return all_of(object_start(outer) <= object_start(inner), object_end(inner) <= object_end(outer))


@defined
def same_region_as(one: Cap, other: Cap) -> bool:
    """Whether all that the other capability stands for, the one does too."""
    return any_of(
        all_of(one.kind == CapKind.Untyped, is_physical(other), _within(one, other)),
        all_of(one.kind == CapKind.Frame, other.kind == CapKind.Frame, _within(one, other)),
        all_of(one_of(one.kind, *WITH_ONE_ADDRESS), other.kind == one.kind, one.object == other.object),
        all_of(
            one.kind == CapKind.CNode,
            other.kind == CapKind.CNode,
            one.object == other.object,
            one.size_bits == other.size_bits,
        ),
        all_of(one.kind == CapKind.Reply, other.kind == CapKind.Reply, one.object == other.object),
        all_of(
            one.kind == CapKind.IRQControl,
            one_of(other.kind, CapKind.IRQControl, CapKind.IRQHandler, CapKind.SGISignal),
        ),
        all_of(one_of(one.kind, CapKind.ASIDControl, CapKind.Domain), other.kind == one.kind),
        all_of(one.kind == CapKind.IRQHandler, other.kind == CapKind.IRQHandler, one.irq == other.irq),
        all_of(
            one.kind == CapKind.SGISignal,
            other.kind == CapKind.SGISignal,
            one.irq == other.irq,
            one.target == other.target,
        ),
    )


@defined
def same_object_as(one: Cap, other: Cap) -> bool:
    """Whether both capabilities are to one object, which goes when the last of them does."""
    same_frame = all_of(
        one.kind == CapKind.Frame,
        other.kind == CapKind.Frame,
        one.object == other.object,
        one.size_bits == other.size_bits,
        iff(one.is_device, other.is_device),
    )
    unclear = one_of(one.kind, CapKind.Untyped, CapKind.IRQControl, CapKind.SGISignal, CapKind.Frame)
    return any_of(same_frame, all_of(negate(unclear), same_region_as(one, other)))


@defined
def is_cap_revocable(cap: Cap, source: Cap) -> bool:
    """Whether a capability derived from `source` can be revoked, and so have children, on its own."""
    return any_of(
        all_of(one_of(cap.kind, CapKind.Endpoint, CapKind.Notification), cap.badge != source.badge),
        all_of(one_of(cap.kind, CapKind.IRQHandler, CapKind.SGISignal), source.kind == CapKind.IRQControl),
        cap.kind == CapKind.Untyped,
    )


def has_cancel_send_rights(cap: Cap) -> bool:
    """Whether the capability allows to cancel sends with its badge: that takes all rights to an endpoint."""
    return all_of(cap.kind == CapKind.Endpoint, cap.can_send, cap.can_receive, cap.can_grant, cap.can_grant_reply)


def mask_cap_rights(rights: Word, cap: Cap) -> Cap:
    """The capability with those of its rights only that are also in the word `rights`.

    There are four: to write (send), to read (receive), to grant and to grant a reply (seL4 manual, section 3.1.4).
    A notification can only be sent to and received from, a frame only be written and read; with a reply capability one
    can always reply, and only the right to grant can be lost.  To any other object there are no rights less than all.
    """
    can_write, can_read = (rights & WRITE) != 0, (rights & READ) != 0
    can_grant, can_grant_reply = (rights & GRANT) != 0, (rights & GRANT_REPLY) != 0
    match cap.kind:
        case CapKind.Endpoint:
            return evolve(
                cap,
                can_send=all_of(cap.can_send, can_write),
                can_receive=all_of(cap.can_receive, can_read),
                can_grant=all_of(cap.can_grant, can_grant),
                can_grant_reply=all_of(cap.can_grant_reply, can_grant_reply),
            )
        case CapKind.Notification:
            return evolve(cap, can_send=all_of(cap.can_send, can_write), can_receive=all_of(cap.can_receive, can_read))
        case CapKind.Reply:
            return evolve(cap, can_grant=all_of(cap.can_grant, can_grant))
        case CapKind.Frame:
            return evolve(cap, vm_rights=mask_vm_rights(cap.vm_rights, can_read, can_write))
        case _:
            return cap


def mask_vm_rights(vm_rights: Word, can_read: bool, can_write: bool) -> Word:
    """What remains of the rights to a frame: what cannot be read cannot be written either."""
    if vm_rights == KERNEL_ONLY or not can_read:
        return KERNEL_ONLY
    if vm_rights == READ_ONLY or not can_write:
        return READ_ONLY
    return READ_WRITE


def update_cap_data(preserve: bool, data: Word, cap: Cap) -> Cap:
    """The capability with new data: the badge of an endpoint or notification, the guard of a CNode.

    A badge is given once and for all, and not to a capability that is only to be moved (`preserve`): the null
    capability then.  So it is for a guard that together with the index is longer than an address.
    In the word for a CNode, bits 3 to 7 are the size of the guard, and the guard begins at bit 8.
    """
    match cap.kind:
        case CapKind.Endpoint | CapKind.Notification:
            if preserve or cap.badge != 0:
                return Cap()
            return evolve(cap, badge=data & BADGE_MASK)
        case CapKind.CNode:
            guard_size = (data >> 3) & 0x1F
            if guard_size + cap.size_bits > MAX_DEPTH:
                return Cap()
            guard = (data >> 8) & GUARD_MASK & ((1 << guard_size) - 1)
            return evolve(cap, guard_size=guard_size, guard=guard)
        case _:
            return cap
