"""The programs of the threads, played on a layer: what the user side of a recording was.

Whose thread is the current one goes on.  A step ends when its thread is in user mode again, behind its `svc`
instruction; a thread that is to repeat a system call is in user mode at that instruction.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

from attrs import frozen

from executable_model.sel4.capability import CapKind
from executable_model.sel4.state import FAULT_IP, NEXT_IP, SLOT_BITS, SP, THREAD_OFFSET, VSPACE_ROOT
from proofs.sel4.replay import words
from proofs.sel4.replay.guest import (
    EXIT_FRAME,
    FRAME,
    NUMBER_REGISTER,
    Beyond,
    Guest,
    UserLevel,
    in_buffer,
    prepare,
    stranger,
    wait_for_ever,
)
from proofs.sel4.replay.machine import Machine
from proofs.sel4.replay.names import IDLE_THREAD
from proofs.sel4.replay.recording import Recording, buffer_slot

MOST_ENTRIES = 1000
"""How often a thread may enter the kernel for one step, which is preempted or repeated: more than any needs."""


class LayerStopped(Exception):
    """A layer did not come to the end of a system call: the cause says why."""


class Moment(enum.Enum):
    """What an event is about."""

    Begins = enum.auto()
    """The guest is about to begin with its step: nothing of it is done."""
    Enters = enum.auto()
    """The guest is about to make the system call that its registers say."""
    Entered = enum.auto()
    """The guest has made a system call, and the kernel has left again."""
    Returned = enum.auto()
    """The guest is in user mode again, and done with its step."""
    Ends = enum.auto()
    """The guest has come to the end of its program."""
    Strays = enum.auto()
    """The guest does what cannot be told from the recording."""
    AtRest = enum.auto()
    """No guest runs any more."""
    Endless = enum.auto()
    """The guest makes one system call after the other, and does not come to an end."""


@frozen
class Event:
    """A moment in the life of a guest; at rest there is none.  For one that strays, why."""

    moment: Moment
    guest: Guest | None = None
    reason: str = ""


def play(recording: Recording, machine: Machine, players: dict[int, Guest]) -> Iterator[Event]:
    """Play the guests' programs, until no guest runs any more, or it cannot be told what one does.

    At the end the guests themselves tell what they have left undone.
    """
    user = UserLevel(dict(players), machine)
    while machine.current_thread != IDLE_THREAD:
        guest = players.get(machine.current_thread)
        if guest is None:
            guest = players[machine.current_thread] = stranger(recording, machine.current_thread)
        for event in go_on(recording, machine, user, guest):
            yield event
            if event.moment in (Moment.Strays, Moment.Endless):
                return
    yield Event(Moment.AtRest)


def go_on(recording: Recording, machine: Machine, user: UserLevel, guest: Guest) -> Iterator[Event]:
    """What the guest, which is in user mode, does until it is so again."""
    at = machine.register(guest.thread, NEXT_IP)
    reason = where_it_strays(recording, machine, guest, at)
    if reason:
        yield Event(Moment.Strays, guest, reason)
    elif guest.step is not None and at == recording.after_svc:
        yield Event(Moment.Returned, guest)
        guest.step = None
    elif at == recording.svc:
        yield from enter(recording, machine, guest)
    elif guest.rest:
        yield from begin(recording, machine, user, guest)
    else:
        if not guest.ended:
            yield Event(Moment.Ends, guest)
        guest.ended = True
        wait_for_ever(recording, machine, guest)
        yield from enter(recording, machine, guest)


def where_it_strays(recording: Recording, machine: Machine, guest: Guest, at: int) -> str:
    """Why it cannot be told what the guest does at an instruction; empty if it can."""
    space = words.decode(machine.cap_words(guest.thread - THREAD_OFFSET + (VSPACE_ROOT << SLOT_BITS)))
    is_shared = space.kind == CapKind.PageDirectory and space.object == recording.address_space
    if not is_shared or not is_held(recording, machine, "S[6]"):
        return f"{guest.name} has no address space that it can run in, and faults of memory belong to later work"
    if at == recording.svc:
        return ""
    if guest.number is not None and at == recording.thread_main and not guest.begun and not guest.ended:
        return ""
    if at == recording.after_svc and (guest.begun or guest.ended):
        used = EXIT_FRAME if guest.ended else FRAME
        if machine.register(guest.thread, SP) == guest.stack - used:
            return ""
        return f"{guest.name} goes on with another stack"
    return f"{guest.name} goes on at {at:#x}, and what is there is not known"


def is_held(recording: Recording, machine: Machine, name: str) -> bool:
    """Whether the capability that a slot had at the start still exists: what it is mapped as goes with it."""
    address = recording.addresses.slot(name)
    found = recording.initial.slots.get(address)
    if found is None or machine.cap_words(address) == found.words:
        return found is not None
    return any(slot.words == found.words for slot in machine.slots().values())


def begin(recording: Recording, machine: Machine, user: UserLevel, guest: Guest) -> Iterator[Event]:
    """Begin with the next step."""
    step = guest.step = guest.rest[0]
    yield Event(Moment.Begins, guest)
    guest.begun += 1
    guest.entries = 0
    if not step.operation:
        if in_buffer(step) and not is_held(recording, machine, buffer_slot(guest.name)):
            yield Event(Moment.Strays, guest, f"the page of {guest.name}'s IPC buffer is mapped no more")
            return
        prepare(recording, machine, guest, step)
        yield from enter(recording, machine, guest)
        return
    value = user.do(guest, step)
    if isinstance(value, Beyond):
        yield Event(Moment.Strays, guest, value.reason)
        return
    guest.value = value
    yield Event(Moment.Returned, guest)
    guest.step = None
    # Nobody sees its registers before it enters the kernel: as behind a system call is as good as anything.
    machine.set_register(guest.thread, NEXT_IP, recording.after_svc)
    machine.set_register(guest.thread, SP, guest.stack - FRAME)


def enter(recording: Recording, machine: Machine, guest: Guest) -> Iterator[Event]:
    """Have the guest, which is the current thread, execute its `svc` instruction."""
    if guest.entries == MOST_ENTRIES:
        yield Event(Moment.Endless, guest)
        return
    guest.entries += 1
    machine.set_register(guest.thread, FAULT_IP, recording.svc)
    machine.set_register(guest.thread, NEXT_IP, recording.after_svc)
    yield Event(Moment.Enters, guest)
    call(machine, guest)
    yield Event(Moment.Entered, guest)


def call(machine: Machine, guest: Guest) -> None:
    """Have the guest make the system call that its registers say."""
    try:
        machine.call(machine.register(guest.thread, NUMBER_REGISTER))
    except Exception as error:
        raise LayerStopped from error
