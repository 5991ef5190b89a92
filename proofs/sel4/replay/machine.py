"""What a layer has to offer for recordings to be replayed on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from attrs import frozen

from proofs.sel4.replay.words import Words


@frozen
class SlotImage:
    """A slot with a capability, and its neighbours in the derivation list; None is what the layer does not know."""

    words: Words
    prev: int
    next: int
    revocable: bool
    first_badged: bool | None


ObjectImage = Mapping[str, Any]
"""What a layer knows of a thread, endpoint or notification, by the names of `recording.COMPARED`."""


class Machine(Protocol):
    """A layer with a state of its own, at the start that of a recording.

    Objects, slots and threads are named by their addresses, as in recordings; 0 is none.
    """

    @property
    def current_thread(self) -> int:
        """The thread that runs."""

    @property
    def current_domain(self) -> int:
        """The domain that runs."""

    def register(self, thread: int, number: int) -> int:
        """A register of a thread."""

    def set_register(self, thread: int, number: int, value: int) -> None:
        """Put a value in a register of a thread."""

    def word(self, address: int) -> int:
        """A word of the memory of users."""

    def set_word(self, address: int, value: int) -> None:
        """Put a value in a word of the memory of users."""

    def call(self, number: int) -> None:
        """Have the current thread make the system call of that number."""

    def cap_words(self, slot: int) -> Words:
        """The words of the capability in a slot; those of the null capability if there is no slot."""

    def slots(self) -> Mapping[int, SlotImage]:
        """All slots with a capability."""

    def image(self, kind: str, address: int) -> ObjectImage | None:
        """The thread, endpoint or notification (`tcb`, `endpoint`, `notification`) at an address; None if none is."""
