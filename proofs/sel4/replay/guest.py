"""Threads with programs: what they have in their registers when they enter the kernel, and what they do by themselves.

A program is a list of steps, most of which are system calls.  Who has come to the end of its program waits for a signal
that never comes.  The registers beside those of the system call are the same in every recording: all threads run the
same code.
"""

from __future__ import annotations

from attrs import define, field, frozen

from executable_model.sel4.state import (
    BUFFER_CAPS,
    BUFFER_MESSAGE,
    CPSR,
    LR,
    MESSAGE_REGISTERS,
    PAGE_BITS,
    SP,
    TPIDRURW,
)
from executable_model.sel4.syscall import Syscall
from proofs.sel4.replay.machine import Machine
from proofs.sel4.replay.names import THREADS
from proofs.sel4.replay.recording import Recording, Step

WORD_MASK = (1 << 32) - 1
NUMBER_REGISTER = 7
"""r7 has the number of the system call."""
RECEIVE_PATH = 125
"""The first of three words of the IPC buffer that tell where a received capability is to go."""
EXIT_SLOT = 255

PAGE = 1 << PAGE_BITS
BUFFERS = 0x410000
"""The virtual address of T0's IPC buffer; the pages of the others lie behind."""
STACKS = 0x421000
"""The end of T0's stack; those of the others lie behind."""
SCRATCH = 0x700000
"""A page that all threads may use: 0 at first."""
STATUS = 0x60000050
"""The processor's status at every system call."""
LINK = 0x218
"""How far behind the `svc` instruction the code lies that makes the system calls of a program."""
FRAME = 184
"""How much of the stack is in use at the `svc` instruction of a step, and at that of the wait at the end."""
EXIT_FRAME = 88
EXIT_LINK = 0x530


@define(eq=False)
class Guest:
    """A thread: where its thread control block and its IPC buffer are, its program, and how far it has come.

    One without a number is none of those of the recording, and nothing is known of its program.
    """

    name: str
    number: int | None
    thread: int
    buffer: int
    program: tuple[Step, ...] = ()
    begun: int = 0
    """How many steps it has begun with."""
    step: Step | None = None
    """The one that it is in the middle of."""
    value: int = 0
    """What the last user-level operation gave."""
    ended: bool = False
    """Whether it waits for ever, or is about to."""
    entries: int = 0
    """How often it has entered the kernel since it began with its step."""

    @property
    def rest(self) -> tuple[Step, ...]:
        """The steps that it has not begun with."""
        return self.program[self.begun :]

    @property
    def stack(self) -> int:
        """The end of its stack."""
        return STACKS + PAGE * (self.number or 0)


def guests(recording: Recording) -> dict[int, Guest]:
    """The threads of the recording, by the addresses of their thread control blocks."""
    found = {}
    for number, name in enumerate(THREADS):
        thread = recording.addresses.thread(name)
        program = recording.threads.get(name, ())
        found[thread] = Guest(name, number, thread, recording.buffers[name], program)
    return found


def stranger(recording: Recording, thread: int) -> Guest:
    """A thread that is none of those of the recording."""
    return Guest(recording.addresses.name_of(thread), None, thread, 0)


def prepare(recording: Recording, machine: Machine, guest: Guest, step: Step) -> None:
    """Put in the registers and the IPC buffer what a system call takes; of the buffer, all else stays as it is."""
    registers = [step.cap, step.tag, *step.args[:MESSAGE_REGISTERS]]
    registers += [0] * (NUMBER_REGISTER - len(registers)) + [step.number & WORD_MASK]
    registers += [0, step.index, 4, guest.number or 0, guest.stack - FRAME + 64]
    for number, value in enumerate(registers):
        machine.set_register(guest.thread, number, step.registers.get(number, value))
    _set_others(machine, guest, guest.stack - FRAME, recording.svc + LINK)
    for index, value in in_buffer(step).items():
        machine.set_word(guest.buffer + 4 * index, value)


def in_buffer(step: Step) -> dict[int, int]:
    """What a system call takes that is in the IPC buffer, by the number of the word."""
    found = {BUFFER_MESSAGE + number: word for number, word in enumerate(step.args) if number >= MESSAGE_REGISTERS}
    found |= {BUFFER_CAPS + number: cap for number, cap in enumerate(step.caps)}
    found |= {RECEIVE_PATH + number: word for number, word in enumerate(step.receive)}
    return {**found, **step.buffer}


def wait_for_ever(recording: Recording, machine: Machine, guest: Guest) -> None:
    """Put in the registers what a thread does at the end of its program."""
    registers = [EXIT_SLOT, *[0] * 6, Syscall.Recv, *[0] * 4, guest.stack - EXIT_FRAME + 40]
    for number, value in enumerate(registers):
        machine.set_register(guest.thread, number, value)
    _set_others(machine, guest, guest.stack - EXIT_FRAME, recording.svc + EXIT_LINK)


def _set_others(machine: Machine, guest: Guest, stack: int, link: int) -> None:
    for number, value in ((SP, stack), (LR, link), (CPSR, STATUS)):
        machine.set_register(guest.thread, number, value)


@frozen
class Beyond:
    """A user-level operation cannot be done: why."""

    reason: str


@define(eq=False)
class UserLevel:
    """What threads do without the kernel: the memory that is theirs beside the IPC buffers, and the operations."""

    players: dict[int, Guest]
    machine: Machine
    scratch: dict[int, int] = field(factory=dict)

    def do(self, guest: Guest, step: Step) -> int | Beyond:
        """Do a step that is no system call; gives its value."""
        match step.operation:
            case "spin":
                return 0
            case "tls":
                return self.machine.register(guest.thread, TPIDRURW)
            case "peek" if not step.address % 4:
                return self._load(step.address)
            case "poke" if not step.address % 4:
                return self._store(step.address, step.value)
        return Beyond(f"{step.operation} is done at user level, and may be a fault, which no layer has yet")

    def _load(self, address: int) -> int | Beyond:
        if _page(address) == SCRATCH:
            return self.scratch.get(address, 0)
        place = self._in_buffer(address)
        return self.machine.word(place) if place else Beyond(_unknown(address))

    def _store(self, address: int, value: int) -> int | Beyond:
        place = self._in_buffer(address)
        if _page(address) == SCRATCH:
            self.scratch[address] = value
        elif place:
            self.machine.set_word(place, value)
        else:
            return Beyond(_unknown(address))
        return 0

    def _in_buffer(self, address: int) -> int:
        """Where the kernel finds a word of the page of an IPC buffer; 0 for an address in none."""
        for guest in self.players.values():
            if _page(address) == BUFFERS + PAGE * (guest.number or 0):
                return guest.buffer + address % PAGE
        return 0


def _page(address: int) -> int:
    return address - address % PAGE


def _unknown(address: int) -> str:
    return f"what is at {address:#x} at user level, recordings do not tell"
