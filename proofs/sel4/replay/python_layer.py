"""What the specification and the executable model have in common when recordings are replayed on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define

from executable_model.sel4.state import PAGE_BITS, SlotRef, ThreadRef, UserDataRef
from proofs.sel4.replay import words
from proofs.sel4.replay.recording import REGISTERS
from proofs.sel4.replay.words import NULL_CAP, Words
from refinement.logic import address_of


@define(eq=False)
class PythonMachine:
    """A state of a layer that is written in Python, and what serves a system call on it."""

    s: Any
    call_kernel: Callable[[Any, int], None]

    @property
    def current_thread(self) -> int:
        """The thread that runs."""
        return address_of(self.s.current_thread)

    @property
    def current_domain(self) -> int:
        """The domain that runs."""
        return self.s.current_domain

    def register(self, thread: int, number: int) -> int:
        """A register of a thread."""
        return self.s.tcb[ThreadRef(thread)].registers[number]

    def set_register(self, thread: int, number: int, value: int) -> None:
        """Put a value in a register of a thread."""
        self.s.tcb[ThreadRef(thread)].registers[number] = value

    def word(self, address: int) -> int:
        """A word of the memory of users."""
        return self.s.user_data[_page(address)].words[_index(address)]

    def set_word(self, address: int, value: int) -> None:
        """Put a value in a word of the memory of users."""
        self.s.user_data[_page(address)].words[_index(address)] = value

    def call(self, number: int) -> None:
        """Have the current thread make the system call of that number."""
        self.call_kernel(self.s, number)

    def cap_words(self, slot: int) -> Words:
        """The words of the capability in a slot; those of the null capability if there is no slot."""
        found = self.s.slot.get(SlotRef(slot))
        return NULL_CAP if found is None else words.encode(found.cap)


def thread_image(tcb: Any) -> dict[str, Any]:
    """What both layers know of a thread in the same way."""
    state = tcb.state.name
    found = {
        "state": state,
        "queued": int(tcb.queued),
        "boundNotification": address_of(tcb.bound_notification),
        "domain": tcb.domain,
        "mcp": tcb.mcp,
        "prio": tcb.priority,
        "faultHandler": tcb.fault_handler,
        "ipcBuffer": tcb.ipc_buffer,
    }
    if state in ("BlockedOnSend", "BlockedOnReceive"):
        found |= {"blockingObject": address_of(tcb.endpoint), "blockingIPCCanGrant": int(tcb.can_grant)}
    if state == "BlockedOnSend":
        found |= {
            "blockingIPCBadge": tcb.badge,
            "blockingIPCCanGrantReply": int(tcb.can_grant_reply),
            "blockingIPCIsCall": int(tcb.is_call),
        }
    if state == "BlockedOnNotification":
        found |= {"blockingObject": address_of(tcb.notification)}
    return found | {name: tcb.registers[number] for number, name in enumerate(REGISTERS)}


def _page(address: int) -> Any:
    return UserDataRef(address >> PAGE_BITS << PAGE_BITS)


def _index(address: int) -> int:
    return (address & ((1 << PAGE_BITS) - 1)) >> 2
