"""The specification, with recordings replayed on it.

It has no lists: who waits for how long is told by tickets, who was derived of whom by places in a dense order.  At the
start these are taken from the lists of the executable model; afterwards the order that they tell is compared.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from attrs import define, fields

from executable_model.sel4 import capability as model_capability
from executable_model.sel4 import state as model
from executable_model.sel4.derivation import is_mdb_parent_of
from proofs.sel4.replay import words
from proofs.sel4.replay.machine import ObjectImage, SlotImage
from proofs.sel4.replay.python_layer import PythonMachine, thread_image
from proofs.sel4.replay.start import following
from proofs.sel4.replay.words import NULL_CAP
from refinement.logic import NULL, Objects, address_of
from spec.sel4 import state as spec
from spec.sel4.capability import Cap, CapKind
from spec.sel4.state import EndpointRef, NotificationRef, SlotRef, ThreadRef
from spec.sel4.syscall import call_kernel

STATES = {"BlockedOnSend": "Send", "BlockedOnReceive": "Recv"}
"""The state of an endpoint on which a thread in that state waits."""


@define(eq=False)
class SpecMachine(PythonMachine):
    """A state of the specification."""

    def slots(self) -> Mapping[int, SlotImage]:
        """All slots with a capability.  A family is a list, in the order of its places."""
        families: dict[int, list[tuple[Fraction, int]]] = {}
        for ref, slot in self.s.slot.items():
            if words.encode(slot.cap) != NULL_CAP:
                families.setdefault(slot.family, []).append((slot.position, ref.number))
        found = {}
        for family in families.values():
            order = [0, *(address for _, address in sorted(family)), 0]
            for before, address, after in zip(order, order[1:], order[2:], strict=False):
                slot = self.s.slot[SlotRef(address)]
                found[address] = SlotImage(words.encode(slot.cap), before, after, slot.is_original, None)
        return found

    def image(self, kind: str, address: int) -> ObjectImage | None:
        """The thread, endpoint or notification at an address; None if none is.

        A badge that has been received does not exist any more.
        """
        s = self.s
        if kind == "tcb":
            tcb = s.tcb.get(ThreadRef(address))
            return tcb and thread_image(tcb) | self._neighbours(ThreadRef(address), tcb)
        if kind == "endpoint":
            if EndpointRef(address) not in s.endpoint:
                return None
            waiting = self._waiting(address, *STATES)
            states = {STATES[s.tcb[thread].state.name] for thread in waiting}
            return {"state": " and ".join(sorted(states)) or "Idle", "queue": tuple(map(address_of, waiting))}
        notification = s.notification.get(NotificationRef(address))
        if notification is None:
            return None
        waiting = self._waiting(address, "BlockedOnNotification")
        found = {
            "state": "Active" if notification.active else "Waiting" if waiting else "Idle",
            "queue": tuple(map(address_of, waiting)),
            "boundTCB": address_of(notification.bound_thread),
        }
        return found | ({"msgIdentifier": notification.badge} if notification.active else {})

    def _waiting(self, address: int, *states: str) -> list[ThreadRef]:
        """The threads that wait in one of the states on the object at an address, as they came."""
        waiting = [ref for ref, tcb in self.s.tcb.items() if tcb.state.name in states and _waits_on(tcb) == address]
        return sorted(waiting, key=lambda ref: self.s.tcb[ref].since)

    def _neighbours(self, thread: ThreadRef, tcb: Any) -> dict[str, int]:
        """Those before and behind a thread where it waits, and the one behind it among the ready threads."""
        waits = tcb.state.name in (*STATES, "BlockedOnNotification")
        states = tuple(STATES) if tcb.state.name in STATES else ("BlockedOnNotification",)
        before, after = _around(thread, self._waiting(_waits_on(tcb), *states)) if waits else (0, 0)
        alike = [
            ref
            for ref, other in self.s.tcb.items()
            if other.queued and (other.domain, other.priority) == (tcb.domain, tcb.priority)
        ]
        ready = sorted(alike, key=lambda ref: self.s.tcb[ref].place)
        return {"epPrev": before, "epNext": after, "schedNext": _around(thread, ready)[1] if tcb.queued else 0}


def _waits_on(tcb: Any) -> int:
    return address_of(tcb.notification if tcb.state.name == "BlockedOnNotification" else tcb.endpoint)


def _around(thread: ThreadRef, order: list[ThreadRef]) -> tuple[int, int]:
    """The threads before and behind one in an order; 0 where there is none."""
    addresses = [0, *map(address_of, order), 0]
    at = addresses.index(address_of(thread))
    return addresses[at - 1], addresses[at + 1]


@contextlib.contextmanager
def machine(s: model.State) -> Iterator[SpecMachine]:
    """The specification in the state that is that of the executable model."""
    yield SpecMachine(state_of(s), call_kernel)


def state_of(s: Any) -> spec.State:
    """The state of the specification that is that of the executable model: references are the same in all layers."""
    state = spec.State(
        tcb=Objects({ref: thread_of(tcb) for ref, tcb in s.tcb.items()}),
        endpoint=Objects({ref: spec.Endpoint() for ref in s.endpoint}),
        notification=Objects({ref: spec.Notification() for ref in s.notification}),
        current_thread=s.current_thread,
        idle_thread=s.idle_thread,
        user_data=Objects({ref: spec.UserData() for ref in s.user_data}),
        domain_time=s.domain_time,
        interrupt_pending=s.interrupt_pending,
    )
    for index, entry in s.domain_schedule.items():
        state.domain_schedule[index] = spec.DomainEntry(domain=entry.domain, duration=entry.duration)
    for ref, slot in s.slot.items():
        state.slot[ref] = spec.Slot(cap=cap_of(slot.cap), is_original=slot.revocable)
    for ref, slot in s.slot.items():
        if slot.cap.kind != model_capability.CapKind.Null and slot.prev == NULL:
            place_family(s, state, [ref, *following(s, slot)])
    return state


SAME = ("priority", "domain", "mcp", "fault_handler", "ipc_buffer")
"""What is kept alike of a thread, beside its state and registers: at the start nobody waits or is ready."""


def thread_of(tcb: model.Thread) -> spec.Thread:
    """A thread of the specification."""
    thread = spec.Thread(state=spec.ThreadState[tcb.state.name], **{name: getattr(tcb, name) for name in SAME})
    thread.registers.update(tcb.registers)
    return thread


def cap_of(cap: model_capability.Cap) -> Cap:
    """A capability of the specification: it has the same attributes."""
    attributes = {entry.name: getattr(cap, entry.name) for entry in fields(type(cap))}
    return Cap(**{**attributes, "kind": CapKind[cap.kind.name]})


def place_family(s: Any, state: spec.State, order: list[Any]) -> None:
    """Give the slots of a derivation list their places, and each an interval that has its descendants in it."""
    for index, ref in enumerate(order):
        last = index
        while last + 1 < len(order) and is_mdb_parent_of(s, ref, order[last + 1]):
            last += 1
        slot = state.slot[ref]
        slot.family, slot.position, slot.end = state.families, Fraction(index), Fraction(last + 1)
    state.families += 1
