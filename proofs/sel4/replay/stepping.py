"""The programs of the threads, played on a layer: what the user side of a recording was.

A thread's program is a list of system calls.  A step ends when the thread is in user mode again, behind its `svc`
instruction; a thread that is to repeat a system call is in user mode at that instruction.  Who has come to the end of
its program waits for a signal that never comes.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator

from attrs import define, frozen

from executable_model.sel4.state import (
    BUFFER_CAPS,
    FAULT_IP,
    MESSAGE_REGISTERS,
    NEXT_IP,
)
from executable_model.sel4.syscall import Syscall
from proofs.sel4.replay.machine import Machine
from proofs.sel4.replay.recording import Recording, Step

WORD_MASK = (1 << 32) - 1
NUMBER_REGISTER = 7
"""r7 has the number of the system call."""
RECEIVE_PATH = 125
"""The first of three words of the IPC buffer that tell where a received capability is to go."""
EXIT_SLOT = 255
MOST_ENTRIES = 1000
"""How often a thread may enter the kernel for one step, which is preempted or repeated: more than any needs."""


class LayerStopped(Exception):
    """A layer did not come to the end of a system call: the cause says why."""


@define(eq=False)
class Guest:
    """A thread with a program: where its thread control block and its IPC buffer are, and how far it has come."""

    name: str
    thread: int
    buffer: int
    program: tuple[Step, ...]
    begun: int = 0
    """How many steps it has begun with."""
    step: Step | None = None
    """The one that it is in the middle of."""
    ended: bool = False
    """Whether it waits for ever, or is about to."""
    entries: int = 0
    """How often it has entered the kernel since it began with its step."""

    @property
    def rest(self) -> tuple[Step, ...]:
        """The steps that it has not begun with."""
        return self.program[self.begun :]


class Moment(enum.Enum):
    """What an event is about."""

    Begins = enum.auto()
    """The guest is about to begin with its step: nothing of it is done."""
    Entered = enum.auto()
    """The guest has made a system call, and the kernel has left again."""
    Returned = enum.auto()
    """The guest is in user mode again, and done with its step."""
    AtRest = enum.auto()
    """No guest runs any more."""
    Endless = enum.auto()
    """The guest makes one system call after the other, and does not come to an end."""


@frozen
class Event:
    """A moment in the life of a guest; at rest there is none."""

    moment: Moment
    guest: Guest | None = None


def guests(recording: Recording) -> dict[int, Guest]:
    """The threads with programs, by the addresses of their thread control blocks."""
    found = {}
    for name, program in recording.threads.items():
        thread = recording.addresses.thread(name)
        found[thread] = Guest(name, thread, recording.buffers[name], program)
    return found


def play(recording: Recording, machine: Machine, players: dict[int, Guest]) -> Iterator[Event]:
    """Play the guests' programs: whose thread is the current one goes on.

    At the end the guests themselves tell what they have left undone.
    """
    while True:
        guest = players.get(machine.current_thread)
        if guest is None:
            yield Event(Moment.AtRest)
            return
        if guest.step is not None and machine.register(guest.thread, NEXT_IP) == recording.after_svc:
            yield Event(Moment.Returned, guest)
            guest.step = None
        elif guest.entries == MOST_ENTRIES:
            yield Event(Moment.Endless, guest)
            return
        else:
            if guest.step is None and guest.rest:
                guest.step = guest.rest[0]
                yield Event(Moment.Begins, guest)
                guest.begun += 1
                guest.entries = 0
                prepare(machine, guest, guest.step)
            elif guest.step is None:
                guest.ended = True
                wait_for_ever(machine, guest)
            enter(recording, machine, guest)
            yield Event(Moment.Entered, guest)


def prepare(machine: Machine, guest: Guest, step: Step) -> None:
    """Put in the registers and the IPC buffer what a step says; of the buffer, all else stays as it is."""
    registers = [step.cap, step.tag, *step.args[:MESSAGE_REGISTERS]]
    registers += [0] * (NUMBER_REGISTER - len(registers)) + [step.number & WORD_MASK]
    for number, value in enumerate(registers):
        machine.set_register(guest.thread, number, step.registers.get(number, value))
    in_buffer = {1 + number: word for number, word in enumerate(step.args) if number >= MESSAGE_REGISTERS}
    in_buffer |= {BUFFER_CAPS + number: cap for number, cap in enumerate(step.caps)}
    in_buffer |= {RECEIVE_PATH + number: word for number, word in enumerate(step.receive)}
    for index, value in {**in_buffer, **step.buffer}.items():
        machine.set_word(guest.buffer + 4 * index, value)


def wait_for_ever(machine: Machine, guest: Guest) -> None:
    """Put in the registers what a thread does at the end of its program."""
    for number in range(NUMBER_REGISTER):
        machine.set_register(guest.thread, number, 0)
    machine.set_register(guest.thread, 0, EXIT_SLOT)
    machine.set_register(guest.thread, NUMBER_REGISTER, Syscall.Recv)


def enter(recording: Recording, machine: Machine, guest: Guest) -> None:
    """Have the guest, which is the current thread, execute its `svc` instruction."""
    guest.entries += 1
    machine.set_register(guest.thread, FAULT_IP, recording.svc)
    machine.set_register(guest.thread, NEXT_IP, recording.after_svc)
    try:
        machine.call(machine.register(guest.thread, NUMBER_REGISTER))
    except Exception as error:
        raise LayerStopped from error
