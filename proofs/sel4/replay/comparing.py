"""What the kernel did against what a layer did: results, and states."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from attrs import define, evolve, field, frozen

from executable_model.sel4.errors import ErrorKind
from executable_model.sel4.state import BUFFER_CAPS, FIRST_MESSAGE_REGISTER, MESSAGE_REGISTERS, THREAD_OFFSET
from proofs.sel4.replay import words
from proofs.sel4.replay.guest import Guest
from proofs.sel4.replay.machine import Machine, SlotImage
from proofs.sel4.replay.names import OUTSIDE, OUTSIDE_SLOTS, Addresses
from proofs.sel4.replay.recording import (
    REGISTERS,
    TO_OBJECTS,
    TO_THREADS,
    Change,
    RecordedObject,
    RecordedSlot,
    Recording,
    Step,
)
from proofs.sel4.replay.start import FIRST_THREAD

MOST_EXTRA_CAPS = 3


@frozen
class Apart:
    """Something that the kernel has, or did, otherwise than a layer."""

    what: str
    kernel: str
    layer: str


def compare_result(machine: Machine, guest: Guest, step: Step) -> list[Apart]:
    """Compare all that was recorded of a step that returned with what the layer left for its thread."""
    found = result_of(machine, guest)
    return [
        Apart(name, _shown(recorded), _shown(found[name]))
        for name, recorded in step.result.items()
        if name in found and recorded != found[name]
    ]


def result_of(machine: Machine, guest: Guest) -> dict[str, Any]:
    """What a thread finds in its registers and its IPC buffer, by the names that recordings have for it."""
    registers = [machine.register(guest.thread, number) for number in range(8)]
    tag = registers[1]
    length, label = tag & 0x7F, tag >> 12

    def in_buffer(index: int) -> int:
        return machine.word(guest.buffer + 4 * index)

    message = registers[FIRST_MESSAGE_REGISTER : FIRST_MESSAGE_REGISTER + MESSAGE_REGISTERS]
    message += [in_buffer(1 + number) for number in range(MESSAGE_REGISTERS, length)]
    return {
        "regs": registers,
        "badge": registers[0],
        "tag": tag,
        "label": label,
        "length": length,
        "extraCaps": tag >> 7 & 3,
        "capsUnwrapped": tag >> 9 & 7,
        "mrs": message[:length],
        "caps_or_badges": [in_buffer(BUFFER_CAPS + number) for number in range(MOST_EXTRA_CAPS)],
        "value": guest.value,
        "error": ErrorKind(label).name if label < len(ErrorKind) else f"label {label}",
    }


def _shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(map(_shown, value)) or "nothing"
    return hex(value) if isinstance(value, int) and value > 9 else str(value)


@define
class Expected:
    """The kernel's state as the recording tells it, kept up to date by what it says has changed."""

    slots: dict[int, RecordedSlot] = field(factory=dict)
    objects: dict[int, RecordedObject] = field(factory=dict)
    domain: int | None = None

    def become(self, change: Change) -> None:
        """Take over what has changed."""
        for address, slot in change.slots.items():
            if slot is None:
                self.slots.pop(address, None)
            else:
                self.slots[address] = slot
        for address, found in change.objects.items():
            if found is None:
                self.objects.pop(address, None)
            else:
                self.objects[address] = found
        if change.domain is not None:
            self.domain = change.domain

    def forget(self, address: int, names: Collection[str]) -> None:
        """Compare no longer what these names stand for of the thread at an address."""
        found = self.objects.get(address)
        if found is not None:
            fields = {name: value for name, value in found.fields.items() if name not in names}
            self.objects[address] = evolve(found, fields=fields)


def state_at_start(recording: Recording) -> Expected:
    """The kernel's state when T0 is about to begin: it was recorded while T0 waited behind the end of its program."""
    expected = Expected()
    expected.become(recording.initial)
    addresses = recording.addresses
    for address, found in expected.objects.items():
        fields = {name: value for name, value in found.fields.items() if name not in REGISTERS}
        if address == addresses.known[FIRST_THREAD]:
            fields["state"] = "Running"
            fields.pop("blockingObject", None)
        if address == addresses.known["EXIT"]:
            fields |= {"state": "Idle", "queue": ()}
        expected.objects[address] = evolve(found, fields=fields)
    return expected


def state_at_end(recording: Recording) -> Expected:
    """The kernel's state when everything has come to rest."""
    expected = Expected()
    expected.become(recording.final)
    return expected


def compare_state(machine: Machine, expected: Expected, addresses: Addresses) -> list[Apart]:
    """Compare the state of a layer with the kernel's."""
    return [
        *_compare_slots(machine, expected, addresses),
        *_compare_objects(machine, expected, addresses),
        *_compare_domain(machine, expected),
    ]


def _compare_slots(machine: Machine, expected: Expected, addresses: Addresses) -> Iterator[Apart]:
    found = {
        address: evolve(slot, prev=_known(slot.prev), next=_known(slot.next))
        for address, slot in machine.slots().items()
        if _known(address) != OUTSIDE
    }
    for address in sorted(found.keys() | expected.slots.keys()):
        recorded, slot = expected.slots.get(address), found.get(address)
        name = addresses.name_of_slot(address)
        if recorded is None or slot is None:
            yield Apart(f"{name} capability", _cap_shown(recorded), _cap_shown(slot))
            continue
        if recorded.words != slot.words:
            yield Apart(f"{name} capability", _cap_shown(recorded), _cap_shown(slot))
        for what in ("prev", "next"):
            here, there = getattr(recorded, what), getattr(slot, what)
            if here != there:
                yield Apart(f"{name} {what}", addresses.name_of_slot(here), addresses.name_of_slot(there))
        if recorded.revocable != slot.revocable:
            yield Apart(f"{name} revocable", str(recorded.revocable), str(slot.revocable))
        if slot.first_badged is not None and recorded.first_badged != slot.first_badged:
            yield Apart(f"{name} first badged", str(recorded.first_badged), str(slot.first_badged))


def _known(slot: int) -> int:
    """The address of a slot, or OUTSIDE if the recordings do not know it."""
    return OUTSIDE if OUTSIDE_SLOTS <= slot < OUTSIDE_SLOTS + 0x1000 else slot


def _cap_shown(slot: RecordedSlot | SlotImage | None) -> str:
    if slot is None:
        return "none"
    cap = words.decode(slot.words)
    return f"{cap.kind.name} {slot.words[0]:#010x} {slot.words[1]:#010x}"


def _compare_objects(machine: Machine, expected: Expected, addresses: Addresses) -> Iterator[Apart]:
    for address, recorded in sorted(expected.objects.items()):
        at = address + THREAD_OFFSET if recorded.kind == "tcb" else address
        found = machine.image(recorded.kind, at)
        name = addresses.name_of(address)
        if found is None:
            yield Apart(name, f"a {recorded.kind}", "none")
            continue
        for what, value in found.items():
            if what in recorded.fields and recorded.fields[what] != value:
                shown = (_field_shown(what, side, addresses) for side in (recorded.fields[what], value))
                yield Apart(f"{name} {what}", *shown)


def _field_shown(what: str, value: Any, addresses: Addresses) -> str:
    if what == "queue":
        return " ".join(addresses.name_of(thread) if thread else "(broken off)" for thread in value) or "nobody"
    if what in TO_OBJECTS or what in TO_THREADS:
        return addresses.name_of(value) if value else "none"
    return _shown(value)


def _compare_domain(machine: Machine, expected: Expected) -> Iterator[Apart]:
    if expected.domain not in (None, machine.current_domain):
        yield Apart("current domain", str(expected.domain), str(machine.current_domain))
