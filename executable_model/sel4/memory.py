"""Memory: the objects that are in it, and the words that users keep there."""

from __future__ import annotations

from typing import Any

from executable_model.sel4.capability import Cap, CapKind
from executable_model.sel4.state import (
    ALL_ONES,
    CPSR,
    PAGE_BITS,
    SLOT_BITS,
    THREAD_OFFSET,
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
from refinement.logic import Array, Objects, Word, reference_at

OFFSET_MASK = (1 << PAGE_BITS) - 1
PAGE_MASK = ALL_ONES ^ OFFSET_MASK


def load_word(s: State, address: Word, number: Word) -> Word:
    """Word `number` of what users keep at an address; all of that is in one page."""
    page = s.user_data[reference_at(UserDataRef, address & PAGE_MASK)]
    return page.words[((address & OFFSET_MASK) >> 2) + number]


def store_word(s: State, address: Word, number: Word, value: Word) -> None:
    """Write word `number` of what users keep at an address; all of that is in one page."""
    page = s.user_data[reference_at(UserDataRef, address & PAGE_MASK)]
    page.words[((address & OFFSET_MASK) >> 2) + number] = value


def create(s: State, cap: Cap) -> None:
    """Have the object be there that the new capability is to, with all the slots or pages that it consists of.

    Memory is cleared before.  Of the memory of devices nothing is kept.
    """
    match cap.kind:
        case CapKind.Endpoint:
            s.endpoint[reference_at(EndpointRef, cap.object)] = Endpoint()
        case CapKind.Notification:
            s.notification[reference_at(NotificationRef, cap.object)] = Notification()
        case CapKind.Thread:
            thread = Thread(domain=s.current_domain, registers=Array({CPSR: USER_CPSR}))
            s.tcb[reference_at(ThreadRef, cap.object)] = thread
            create_slots(s, cap.object - THREAD_OFFSET, THREAD_SLOTS)
        case CapKind.CNode:
            create_slots(s, cap.object, 1 << cap.size_bits)
        case CapKind.Frame if not cap.is_device:
            for page in range(1 << (cap.size_bits - PAGE_BITS)):
                s.user_data[reference_at(UserDataRef, cap.object + (page << PAGE_BITS))] = UserData()


def create_slots(s: State, start: Word, count: Word) -> None:
    """Have that many empty slots be there, one behind the other."""
    for index in range(count):
        s.slot[reference_at(SlotRef, start + (index << SLOT_BITS))] = Slot()


def delete_objects(s: State, start: Word, size_bits: Word) -> None:
    """Have no objects be there any more in the 2 to the power of `size_bits` bytes from `start` on."""
    end = start | ((1 << size_bits) - 1)
    kinds: tuple[Objects[Any, Any], ...] = (s.tcb, s.endpoint, s.notification, s.slot, s.user_data)
    for objects in kinds:
        for ref in [ref for ref in objects if start <= ref.number <= end]:
            del objects[ref]
