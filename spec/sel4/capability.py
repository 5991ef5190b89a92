"""Capabilities: what they are, what they give a right to, and how new ones are made of old ones.

A capability names an object and says what may be done with it.  Which of its attributes mean something depends on its
kind; all others have their defaults.  Addresses are those of memory: what an *untyped* capability stands for is a range
of it, and every object lies in some range (seL4 manual, chapter 2.3 and 2.4).
"""

from __future__ import annotations

import enum

from attrs import frozen

from refinement.logic import Word


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
    """Untyped, Frame: the size is 2 to this power, in bytes.  CNode, Zombie of a CNode: it has 2 to this power slots."""
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
    """Frame: what users may do with it: 1 nothing, 2 read, 3 read and write."""
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
