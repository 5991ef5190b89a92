"""What the words of a capability stand for: each part of the model's capabilities, read off 64 bits of the C program.

Read from plain words or symbolic ones, without branches: the fields of all kinds are read, and the kind says which one
is meant.  Parts that do not belong to the kind have their defaults.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import frozen

from executable_model.sel4.capability import Cap, CapKind
from impl.c.layer import PackedRecord
from impl.c.view import Unpacked
from impl.sel4.layout import Struct, kinds_of, layout
from refinement import terms, values
from refinement.logic import all_of, any_of, implies, ite
from refinement.schema import MACHINE, record_of
from refinement.values import term_of_truth

KINDS: Mapping[str, CapKind] = {
    "null_cap": CapKind.Null,
    "untyped_cap": CapKind.Untyped,
    "endpoint_cap": CapKind.Endpoint,
    "notification_cap": CapKind.Notification,
    "reply_cap": CapKind.Reply,
    "cnode_cap": CapKind.CNode,
    "thread_cap": CapKind.Thread,
    "small_frame_cap": CapKind.Frame,
    "frame_cap": CapKind.Frame,
    "page_table_cap": CapKind.PageTable,
    "page_directory_cap": CapKind.PageDirectory,
    "asid_pool_cap": CapKind.ASIDPool,
    "asid_control_cap": CapKind.ASIDControl,
    "irq_control_cap": CapKind.IRQControl,
    "irq_handler_cap": CapKind.IRQHandler,
    "zombie_cap": CapKind.Zombie,
    "domain_cap": CapKind.Domain,
    "sgi_signal_cap": CapKind.SGISignal,
}
"""The kind that each structure of the layout is."""

SMALL_PAGE_BITS = 12
LOW_ASID_BITS = 10
FREE_INDEX_BITS = 4
"""The free index of an untyped capability counts units of 2 to this power bytes."""
ZOMBIE_OF_THREAD = 32
"""The type of a zombie that was a thread; of others it is the radix of the CNode."""
MAX_RADIX = 27
THREAD_COUNT_BITS = 5
"""How many low bits of the word of such a zombie count the slots left; of others, one more than the radix."""

Read = Callable[[Unpacked], Any]


@frozen
class _Field:
    """A part that a field holds as it is, as a truth value if `is_flag`."""

    field: str
    is_flag: bool = False

    def __call__(self, words: Unpacked) -> Any:
        value = getattr(words, self.field)
        return value != 0 if self.is_flag else value


def _field(name: str) -> Read:
    return _Field(name)


def _flag(name: str) -> Read:
    return _Field(name, is_flag=True)


def _asid(words: Unpacked) -> Any:
    return words.capFMappedASIDHigh << LOW_ASID_BITS | words.capFMappedASIDLow


def _frame_bits(words: Unpacked) -> Any:
    """16 for a large page, 20 for a section, 24 for a supersection: 12 and 4 for each step."""
    return SMALL_PAGE_BITS + (words.capFSize << 2)


def _is_thread(words: Unpacked) -> Any:
    return words.capZombieType == ZOMBIE_OF_THREAD


def _slots_left(words: Unpacked) -> Any:
    counted = ite(_is_thread(words), THREAD_COUNT_BITS, words.capZombieType + 1)
    return words.capZombieID & ((1 << counted) - 1)


PARTS: Mapping[str, Mapping[str, Read]] = {
    "object": {
        "untyped_cap": _field("capPtr"),
        "endpoint_cap": _field("capEPPtr"),
        "notification_cap": _field("capNtfnPtr"),
        "reply_cap": _field("capTCBPtr"),
        "cnode_cap": _field("capCNodePtr"),
        "thread_cap": _field("capTCBPtr"),
        "small_frame_cap": _field("capFBasePtr"),
        "frame_cap": _field("capFBasePtr"),
        "page_table_cap": _field("capPTBasePtr"),
        "page_directory_cap": _field("capPDBasePtr"),
        "asid_pool_cap": _field("capASIDPool"),
        "zombie_cap": lambda words: words.capZombieID ^ _slots_left(words),
    },
    "size_bits": {
        "untyped_cap": _field("capBlockSize"),
        "cnode_cap": _field("capCNodeRadix"),
        "small_frame_cap": lambda words: SMALL_PAGE_BITS,
        "frame_cap": _frame_bits,
        "zombie_cap": lambda words: ite(_is_thread(words), 0, words.capZombieType),
    },
    "badge": {"endpoint_cap": _field("capEPBadge"), "notification_cap": _field("capNtfnBadge")},
    "can_send": {"endpoint_cap": _flag("capCanSend"), "notification_cap": _flag("capNtfnCanSend")},
    "can_receive": {"endpoint_cap": _flag("capCanReceive"), "notification_cap": _flag("capNtfnCanReceive")},
    "can_grant": {"endpoint_cap": _flag("capCanGrant"), "reply_cap": _flag("capReplyCanGrant")},
    "can_grant_reply": {"endpoint_cap": _flag("capCanGrantReply")},
    "is_master": {"reply_cap": _flag("capReplyMaster")},
    "is_device": {
        "untyped_cap": _flag("capIsDevice"),
        "small_frame_cap": _flag("capFIsDevice"),
        "frame_cap": _flag("capFIsDevice"),
    },
    "free_offset": {"untyped_cap": lambda words: words.capFreeIndex << FREE_INDEX_BITS},
    "guard": {"cnode_cap": _field("capCNodeGuard")},
    "guard_size": {"cnode_cap": _field("capCNodeGuardSize")},
    "slots_left": {"zombie_cap": _slots_left},
    "is_thread": {"zombie_cap": _is_thread},
    "vm_rights": {"small_frame_cap": _field("capFVMRights"), "frame_cap": _field("capFVMRights")},
    "is_mapped": {"page_table_cap": _flag("capPTIsMapped"), "page_directory_cap": _flag("capPDIsMapped")},
    "asid": {
        "small_frame_cap": _asid,
        "frame_cap": _asid,
        "page_table_cap": _field("capPTMappedASID"),
        "page_directory_cap": _field("capPDMappedASID"),
        "asid_pool_cap": _field("capASIDBase"),
    },
    "mapped_address": {
        "small_frame_cap": _field("capFMappedAddress"),
        "frame_cap": _field("capFMappedAddress"),
        "page_table_cap": _field("capPTMappedAddress"),
    },
    "irq": {"irq_handler_cap": _field("capIRQ"), "sgi_signal_cap": _field("capSGIIRQ")},
    "target": {"sgi_signal_cap": _field("capSGITarget")},
}
"""For each part but the kind, how it is read from the words of each structure that has it."""


WAYS_TO_ENCODE: Mapping[str, Mapping[str, Callable[[Cap], int]]] = {
    "untyped_cap": {"capFreeIndex": lambda cap: cap.free_offset >> FREE_INDEX_BITS},
    "small_frame_cap": {
        "capFMappedASIDHigh": lambda cap: cap.asid >> LOW_ASID_BITS,
        "capFMappedASIDLow": lambda cap: cap.asid & ((1 << LOW_ASID_BITS) - 1),
    },
    "frame_cap": {
        "capFSize": lambda cap: (cap.size_bits - SMALL_PAGE_BITS) >> 2,
        "capFMappedASIDHigh": lambda cap: cap.asid >> LOW_ASID_BITS,
        "capFMappedASIDLow": lambda cap: cap.asid & ((1 << LOW_ASID_BITS) - 1),
    },
    "zombie_cap": {
        "capZombieType": lambda cap: ZOMBIE_OF_THREAD if cap.is_thread else cap.size_bits,
        "capZombieID": lambda cap: cap.object | cap.slots_left,
    },
}
"""Fields that do not just hold a part as it is, by structure: how they are made of a capability."""


def struct_of(cap: Any) -> Struct:
    """The structure that holds a plain capability, of either layer in Python."""
    if cap.kind.name == CapKind.Frame.name:
        return layout()["small_frame_cap" if cap.size_bits == SMALL_PAGE_BITS else "frame_cap"]
    return next(layout()[name] for name, kind in KINDS.items() if kind.name == cap.kind.name)


def encode(cap: Any) -> int:
    """The 64 bits of a plain capability, of either layer in Python."""
    struct = struct_of(cap)
    assert struct.tag is not None
    words: Any = struct.encode(struct.tag.field, [0] * struct.words, struct.tag.value)
    special = WAYS_TO_ENCODE.get(struct.name, {})
    for field, value in special.items():
        words = struct.encode(field, words, value(cap))
    for part, reads in PARTS.items():
        read = reads.get(struct.name)
        if isinstance(read, _Field):
            words = struct.encode(read.field, words, int(getattr(cap, part)))
    found = struct.join(words)
    assert isinstance(found, int)
    return found


def _is_struct(struct: Struct, word: Any) -> Any:
    assert struct.tag is not None
    return getattr(Unpacked(struct, word), struct.tag.field) == struct.tag.value


def is_capability(word: Any) -> Any:
    """Whether 64 bits are those of a capability: the tag is that of a kind, and fields that number something do."""
    return _is_plain_capability(word) if isinstance(word, int) else _is_capability(word)


@functools.cache
def _is_plain_capability(word: int) -> Any:
    return _is_capability(word)


def _is_capability(word: Any) -> Any:
    frame, zombie = layout()["frame_cap"], layout()["zombie_cap"]
    type = Unpacked(zombie, word).capZombieType
    return all_of(
        any_of(*(_is_struct(struct, word) for struct in kinds_of(layout(), "cap"))),
        implies(_is_struct(frame, word), Unpacked(frame, word).capFSize != 0),
        implies(_is_struct(zombie, word), any_of(type == ZOMBIE_OF_THREAD, type <= MAX_RADIX)),
    )


_RECORD = record_of(Cap)
assert _RECORD is not None
LEAVES = _RECORD.leaves
"""The types of the parts."""


def part_of(name: str, word: Any) -> Any:
    """The part of that name of the capability that a word of 64 bits is, in the type of the model."""
    if isinstance(word, int):
        return _plain_part(name, word)
    leaf = LEAVES[name]
    sort = leaf.sort(MACHINE)
    if word.term.op == "ite":
        # Of the same word in two places the same is known, without its bits being looked at.
        condition, then, otherwise = word.term.args
        either = [leaf.unwrap(part_of(name, values.word(case)), sort) for case in (then, otherwise)]
        return leaf.wrap(terms.ite(condition, *either))
    found = leaf.unwrap(getattr(Cap(), name), sort)
    for struct, value in _cases(name, word):
        found = terms.ite(term_of_truth(_is_struct(struct, word)), leaf.unwrap(value, sort), found)
    return leaf.wrap(found)


@functools.cache
def _plain_part(name: str, word: int) -> Any:
    return next((value for struct, value in _cases(name, word) if _is_struct(struct, word)), getattr(Cap(), name))


def _cases(name: str, word: Any) -> Iterator[tuple[Struct, Any]]:
    """The structures that have the part, each with what it is if the word is one of that structure."""
    if name == "kind":
        yield from ((struct, KINDS[struct.name]) for struct in kinds_of(layout(), "cap"))
    else:
        for struct_name, read in PARTS[name].items():
            struct = layout()[struct_name]
            yield struct, read(Unpacked(struct, word))


CAP = PackedRecord(64, part_of, encode, is_capability)
"""Capabilities are passed as their words."""
