"""Capabilities as the two words that they are in memory, and back."""

from __future__ import annotations

import functools
from typing import Any

from attrs import fields

from executable_model.sel4.capability import Cap
from impl.c.view import Unpacked
from impl.sel4 import layout
from proofs.sel4 import cap_words

Words = tuple[int, int]

WORD_BITS = 32
NULL_CAP: Words = (0, 0)
ATTRIBUTES = tuple(entry.name for entry in fields(Cap))


class NoWords(Exception):
    """A capability that cannot be kept as words: some part of it does not fit, or is not of its kind."""


@functools.lru_cache(maxsize=1 << 16)
def decode(words: Words) -> Cap:
    """The capability that the words are; ValueError if they are none."""
    struct = layout.kind_of("cap", words)
    if struct is None:
        raise ValueError(f"{words[0]:#010x} {words[1]:#010x} are the words of no capability")
    unpacked = Unpacked(struct, words[1] << WORD_BITS | words[0])
    parts = {name: reads[struct.name](unpacked) for name, reads in cap_words.PARTS.items() if struct.name in reads}
    return Cap(kind=cap_words.KINDS[struct.name], **parts)


@functools.lru_cache(maxsize=1 << 16)
def encode(cap: Any) -> Words:
    """The words of a capability, of either layer in Python; NoWords if there are none for it."""
    word = cap_words.encode(cap)
    words = word & ((1 << WORD_BITS) - 1), word >> WORD_BITS
    if _parts(decode(words)) != _parts(cap):
        raise NoWords(f"no words can hold {cap}")
    return words


def _parts(cap: Any) -> list[Any]:
    return [cap.kind.name, *(getattr(cap, name) for name in ATTRIBUTES if name != "kind")]
