"""The executable model, with recordings replayed on it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

from attrs import define

from executable_model.sel4.state import EndpointRef, NotificationRef, State, ThreadRef
from executable_model.sel4.syscall import call_kernel
from proofs.sel4.replay import words
from proofs.sel4.replay.machine import ObjectImage, SlotImage
from proofs.sel4.replay.python_layer import PythonMachine, thread_image
from proofs.sel4.replay.words import NULL_CAP
from refinement.logic import NULL, address_of


@define(eq=False)
class ExecutableMachine(PythonMachine):
    """A state of the executable model."""

    def slots(self) -> Mapping[int, SlotImage]:
        """All slots with a capability."""
        found = {}
        for ref, slot in self.s.slot.items():
            cap_words = words.encode(slot.cap)
            if cap_words != NULL_CAP:
                found[ref.number] = SlotImage(
                    cap_words, address_of(slot.prev), address_of(slot.next), slot.revocable, slot.first_badged
                )
        return found

    def image(self, kind: str, address: int) -> ObjectImage | None:
        """The thread, endpoint or notification at an address; None if none is."""
        s = self.s
        if kind == "tcb":
            tcb = s.tcb.get(ThreadRef(address))
            if tcb is None:
                return None
            links = {"schedNext": tcb.sched_next, "epNext": tcb.ep_next, "epPrev": tcb.ep_prev}
            return thread_image(tcb) | {name: address_of(ref) for name, ref in links.items()}
        if kind == "endpoint":
            endpoint = s.endpoint.get(EndpointRef(address))
            return endpoint and {"state": endpoint.state.name, "queue": queue(s, endpoint.head, endpoint.tail)}
        notification = s.notification.get(NotificationRef(address))
        return notification and {
            "state": notification.state.name,
            "queue": queue(s, notification.head, notification.tail),
            "msgIdentifier": notification.badge,
            "boundTCB": address_of(notification.bound_thread),
        }


def queue(s: State, head: ThreadRef, tail: ThreadRef) -> tuple[int, ...]:
    """The threads in a queue in order, with what is wrong with its links: a 0 is a thread that it does not end with."""
    found: list[ThreadRef] = []
    ref = head
    while ref != NULL and ref not in found:
        found.append(ref)
        ref = s.tcb[ref].ep_next
    ends_well = (found[-1] if found else NULL) == tail and ref == NULL
    return tuple(map(address_of, found)) + (() if ends_well else (0,))


@contextlib.contextmanager
def machine(s: State) -> Iterator[ExecutableMachine]:
    """The executable model in a state."""
    yield ExecutableMachine(s, call_kernel)
