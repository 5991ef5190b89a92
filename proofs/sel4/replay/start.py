"""The state that every replay of a recording begins with, as the executable model has it.

It is the recorded one, with what recordings leave out: memory that users have mapped, empty slots, the idle thread, and
the slots that are only called "outside".  The recorded one was read when T0's program had come to its end.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from executable_model.sel4 import state as model
from executable_model.sel4.capability import Cap, CapKind, object_end, object_start
from executable_model.sel4.state import (
    NEXT_IP,
    PAGE_BITS,
    SLOT_BITS,
    THREAD_OFFSET,
    THREAD_SLOTS,
    EndpointRef,
    NotificationRef,
    SlotRef,
    State,
    ThreadRef,
    ThreadState,
    UserDataRef,
)
from proofs.sel4.replay import words
from proofs.sel4.replay.names import CNODE_SLOTS, IDLE_THREAD, OUTSIDE, OUTSIDE_SLOTS
from proofs.sel4.replay.recording import REGISTERS, Recording
from refinement.logic import NULL, Objects, reference_at

FIRST_THREAD = "T0"
DOMAIN_TIME = 1000
"""Ticks left to the only domain of the schedule: without a timer none of them passes."""


def initial_state(recording: Recording) -> State:
    """The state of the executable model in which T0 is about to begin with its program; ValueError if there is none."""
    s = State(
        tcb=Objects({ThreadRef(IDLE_THREAD): model.Thread(state=ThreadState.IdleThreadState)}),
        endpoint=Objects(),
        notification=Objects(),
        current_thread=ThreadRef(recording.addresses.thread(FIRST_THREAD)),
        idle_thread=ThreadRef(IDLE_THREAD),
        domain_time=DOMAIN_TIME,
    )
    s.domain_schedule[0] = model.DomainEntry(domain=0, duration=DOMAIN_TIME)
    add_objects(s, recording)
    add_empty_slots(s, recording)
    add_capabilities(s, recording)
    add_user_memory(s)
    return s


def add_objects(s: State, recording: Recording) -> None:
    """Add the threads, endpoints and notifications.  ValueError if anyone but T0 does something already."""
    for address, found in recording.initial.objects.items():
        if found is None:
            continue
        fields = found.fields
        if found.kind == "endpoint":
            s.endpoint[EndpointRef(address)] = model.Endpoint()
        elif found.kind == "notification":
            s.notification[NotificationRef(address)] = model.Notification()
        else:
            ref = ThreadRef(address + THREAD_OFFSET)
            is_first = ref == s.current_thread
            if fields["state"] != "Inactive" and not is_first:
                name = recording.addresses.name_of(address)
                raise ValueError(f"{name} is not inactive at the start")
            s.tcb[ref] = model.Thread(
                state=ThreadState.Running if is_first else ThreadState.Inactive,
                priority=fields["prio"],
                mcp=fields["mcp"],
                domain=fields["domain"],
                fault_handler=fields["faultHandler"],
                ipc_buffer=fields["ipcBuffer"],
            )
            s.tcb[ref].registers.update({number: fields.get(name, 0) for number, name in enumerate(REGISTERS)})
            if is_first:
                s.tcb[ref].registers[NEXT_IP] = recording.thread_main


def add_empty_slots(s: State, recording: Recording) -> None:
    """Add the slots of the CNode and of the threads."""
    for name, start in recording.addresses.known.items():
        count = CNODE_SLOTS if name == "S" else THREAD_SLOTS if ThreadRef(start + THREAD_OFFSET) in s.tcb else 0
        s.slot.update({SlotRef(start + (index << SLOT_BITS)): model.Slot() for index in range(count)})


def add_capabilities(s: State, recording: Recording) -> None:
    """Put the capabilities in their slots, with slots of our own for the neighbours that are outside."""
    outside = itertools.count(OUTSIDE_SLOTS, 1 << SLOT_BITS)
    before: list[model.Slot] = []
    behind: list[model.Slot] = []
    for address, found in recording.initial.slots.items():
        if found is None:
            continue
        ref = SlotRef(address)
        slot = s.slot[ref] = model.Slot(
            cap=words.decode(found.words), revocable=found.revocable, first_badged=found.first_badged
        )
        if found.prev == OUTSIDE:
            slot.prev = SlotRef(next(outside))
            s.slot[slot.prev] = model.Slot(next=ref, revocable=True, first_badged=True)
            before.append(s.slot[slot.prev])
        else:
            slot.prev = reference_at(SlotRef, found.prev)
        if found.next == OUTSIDE:
            slot.next = SlotRef(next(outside))
            s.slot[slot.next] = model.Slot(prev=ref)
            behind.append(s.slot[slot.next])
        else:
            slot.next = reference_at(SlotRef, found.next)
    for slot in before:
        slot.cap = origin_of([s.slot[ref].cap for ref in following(s, slot)])
    for slot in behind:
        slot.cap = s.slot[slot.prev].cap


def following(s: State, slot: model.Slot) -> Iterator[SlotRef]:
    """The slots that come behind one in the derivation list.  ValueError if the list has no end."""
    seen: dict[SlotRef, None] = {}
    ref = slot.next
    while ref != NULL:
        if ref in seen or ref not in s.slot:
            raise ValueError(f"the derivation list breaks off at {ref}")
        seen[ref] = None
        ref = s.slot[ref].next
    return iter(seen)


def origin_of(derived: list[Cap]) -> Cap:
    """A capability that all of these can have been derived of: one to their memory as a whole, or to the directory."""
    if derived[0].kind == CapKind.PageDirectory:
        return derived[0]
    start, end = min(map(object_start, derived)), max(map(object_end, derived))
    bits = (start ^ end).bit_length()
    return Cap(
        kind=CapKind.Untyped,
        object=start >> bits << bits,
        size_bits=bits,
        is_device=derived[0].is_device,
        free_offset=1 << bits,
    )


def add_user_memory(s: State) -> None:
    """Add the memory that the capabilities to frames are to."""
    for slot in s.slot.values():
        if slot.cap.kind == CapKind.Frame and not slot.cap.is_device:
            for address in range(slot.cap.object, object_end(slot.cap), 1 << PAGE_BITS):
                s.user_data[UserDataRef(address)] = model.UserData()
