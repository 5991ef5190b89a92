"""The layout of capabilities is that of the real kernel: of every recorded one, by its words in memory."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from executable_model.sel4.capability import Cap
from impl.sel4 import layout
from proofs.sel4.cap_words import LEAVES, encode, is_capability, part_of
from tests.golden.recordings import capabilities, recordings

NEVER_RECORDED = {"null_cap"}
"""Kinds that no recording shows: an empty slot is left out."""


def wrong(cap: dict[str, Any]) -> list[str]:
    """What the layout says of a capability's words and the kernel does not."""
    words = cap["words"]
    kind = layout.kind_of("cap", words)
    if kind is None or kind.name != f"{cap['type']}_cap":
        return [f"{cap}: it is taken for {kind.name if kind else 'none'}"]
    recorded = {name: value for name, value in cap.items() if name not in ("type", "words", "mdb")}
    found = []
    if set(recorded) != set(kind.fields) - {"capType"}:
        found.append(f"{cap}: the layout has the fields {', '.join(kind.fields)}")
    for name, value in recorded.items():
        number = int(value, 16) if isinstance(value, str) and value.startswith("0x") else value
        if isinstance(number, int) and kind.decode(name, words) != number:
            found.append(f"{cap}: {name} is taken for {kind.decode(name, words):#x}")
    again: list[Any] = [0] * kind.words
    for name in kind.fields:
        again = kind.encode(name, again, kind.decode(name, words))
    if again != words:
        found.append(f"{cap}: there is more in its words than in its fields")
    return found


def test_every_recorded_capability_is_laid_out_so():
    seen: collections.Counter[str] = collections.Counter()
    for name, recording in recordings().items():
        for cap in capabilities(recording):
            assert wrong(cap) == [], name
            seen[f"{cap['type']}_cap"] += 1
    kinds = {kind.name for kind in layout.kinds_of(layout.layout(), "cap")}
    assert kinds - set(seen) == NEVER_RECORDED


def test_the_parts_of_a_recorded_capability_are_all_that_its_words_hold():
    seen = {
        struct.join(cap["words"])
        for recording in recordings().values()
        for cap in capabilities(recording)
        if (struct := layout.kind_of("cap", cap["words"])) is not None
    }
    assert len(seen) > 1000
    for word in seen:
        assert is_capability(word)
        cap = Cap(**{part: part_of(part, word) for part in LEAVES})
        assert encode(cap) == word, cap


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("capEPBadge = { word = 0, low = 4, width = 28", "capEPBadge = { word = 0, low = 5, width = 27"),
        ("capCNodeRadix = { word = 1, low = 18, width = 5", "capCNodeRadix = { word = 1, low = 18, width = 3"),
        ('tag = { field = "capType", value = 46 }', 'tag = { field = "capType", value = 47 }'),
    ],
)
def test_another_layout_is_not_that_of_the_kernel(before, after, monkeypatch):
    text = layout.SOURCE.read_text(encoding="utf-8")
    assert before in text
    changed = layout.load(text.replace(before, after))
    monkeypatch.setattr(layout, "layout", lambda: changed)
    assert any(wrong(cap) for recording in recordings().values() for cap in capabilities(recording))
