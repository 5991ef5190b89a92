"""Memory: the words that users keep there, and which objects exist in it.

Objects are made of untyped memory, and are gone when their memory is taken back.  There is an object wherever, and only
where, there is a capability to it (seL4 manual, section 2.4).
"""

from __future__ import annotations

from typing import Any

from refinement.logic import Array, Word, address_of, reference_at
from spec.sel4.capability import Cap, CapKind, object_start
from spec.sel4.state import (
    CPSR,
    PAGE_BITS,
    SLOT_BITS,
    THREAD_SLOTS,
    USER_CPSR,
    Endpoint,
    EndpointRef,
    Notification,
    NotificationRef,
    Slot,
    SlotRef,
    State,
    Thread,
    ThreadRef,
    UserData,
    UserDataRef,
)


def load_word(s: State, address: Word, number: Word) -> Word:
    """Word `number` of what users keep from an address on; all of that is within 4 KiB."""
    return page_at(s, address).words[first_word(address) + number]


def store_word(s: State, address: Word, number: Word, value: Word) -> None:
    """Write word `number` of what users keep from an address on; all of that is within 4 KiB."""
    page_at(s, address).words[first_word(address) + number] = value


def page_at(s: State, address: Word) -> UserData:
    """The 4 KiB of memory in which an address lies."""
    return s.user_data[reference_at(UserDataRef, (address >> PAGE_BITS) << PAGE_BITS)]


def first_word(address: Word) -> Word:
    """Which word of these 4 KiB is at the address."""
    return (address & ((1 << PAGE_BITS) - 1)) >> 2


def create(s: State, cap: Cap) -> None:
    """Make the object exist that a new capability is to.

    A thread is inactive, has the lowest priority, and belongs to the current domain; nobody waits on an endpoint or
    notification; slots are empty; memory for users is 0.  A thread's slots are found where its memory begins.  Of the
    memory of devices the kernel keeps nothing.
    """
    start = object_start(cap)
    match cap.kind:
        case CapKind.Thread:
            s.tcb[reference_at(ThreadRef, cap.object)] = Thread(
                domain=s.current_domain, registers=Array({CPSR: USER_CPSR})
            )
            create_slots(s, start, THREAD_SLOTS)
        case CapKind.Endpoint:
            s.endpoint[reference_at(EndpointRef, start)] = Endpoint()
        case CapKind.Notification:
            s.notification[reference_at(NotificationRef, start)] = Notification()
        case CapKind.CNode:
            create_slots(s, start, 1 << cap.size_bits)
        case CapKind.Frame if not cap.is_device:
            for page in range(1 << (cap.size_bits - PAGE_BITS)):
                s.user_data[reference_at(UserDataRef, start + (page << PAGE_BITS))] = UserData()


def create_slots(s: State, start: Word, count: Word) -> None:
    """Make that many empty slots exist, one behind the other."""
    for index in range(count):
        s.slot[reference_at(SlotRef, start + (index << SLOT_BITS))] = Slot()


def delete_objects(s: State, start: Word, size_bits: Word) -> None:
    """Have no object any more in the memory of 2 to the power of `size_bits` bytes from `start` on."""
    parts: tuple[Any, ...] = (s.tcb, s.endpoint, s.notification, s.slot, s.user_data)
    for objects in parts:
        for ref in [ref for ref in objects if address_of(ref) >> size_bits == start >> size_bits]:
            del objects[ref]
