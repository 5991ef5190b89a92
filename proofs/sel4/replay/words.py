"""Capabilities as the two words that they are in memory, and back."""

from __future__ import annotations

import functools
from typing import Any

from executable_model.sel4.capability import Cap, CapKind
from impl.sel4 import layout

Words = tuple[int, int]

FIELDS = {
    "null_cap": (CapKind.Null, {}),
    "untyped_cap": (CapKind.Untyped, {"object": "capPtr", "size_bits": "capBlockSize", "is_device": "capIsDevice"}),
    "endpoint_cap": (
        CapKind.Endpoint,
        {
            "object": "capEPPtr",
            "badge": "capEPBadge",
            "can_send": "capCanSend",
            "can_receive": "capCanReceive",
            "can_grant": "capCanGrant",
            "can_grant_reply": "capCanGrantReply",
        },
    ),
    "notification_cap": (
        CapKind.Notification,
        {
            "object": "capNtfnPtr",
            "badge": "capNtfnBadge",
            "can_send": "capNtfnCanSend",
            "can_receive": "capNtfnCanReceive",
        },
    ),
    "reply_cap": (
        CapKind.Reply,
        {"object": "capTCBPtr", "can_grant": "capReplyCanGrant", "is_master": "capReplyMaster"},
    ),
    "cnode_cap": (
        CapKind.CNode,
        {
            "object": "capCNodePtr",
            "size_bits": "capCNodeRadix",
            "guard": "capCNodeGuard",
            "guard_size": "capCNodeGuardSize",
        },
    ),
    "thread_cap": (CapKind.Thread, {"object": "capTCBPtr"}),
    "small_frame_cap": (
        CapKind.Frame,
        {
            "object": "capFBasePtr",
            "vm_rights": "capFVMRights",
            "is_device": "capFIsDevice",
            "mapped_address": "capFMappedAddress",
        },
    ),
    "frame_cap": (
        CapKind.Frame,
        {
            "object": "capFBasePtr",
            "vm_rights": "capFVMRights",
            "is_device": "capFIsDevice",
            "mapped_address": "capFMappedAddress",
        },
    ),
    "page_table_cap": (
        CapKind.PageTable,
        {
            "object": "capPTBasePtr",
            "is_mapped": "capPTIsMapped",
            "asid": "capPTMappedASID",
            "mapped_address": "capPTMappedAddress",
        },
    ),
    "page_directory_cap": (
        CapKind.PageDirectory,
        {"object": "capPDBasePtr", "is_mapped": "capPDIsMapped", "asid": "capPDMappedASID"},
    ),
    "asid_pool_cap": (CapKind.ASIDPool, {"object": "capASIDPool", "asid": "capASIDBase"}),
    "asid_control_cap": (CapKind.ASIDControl, {}),
    "irq_control_cap": (CapKind.IRQControl, {}),
    "irq_handler_cap": (CapKind.IRQHandler, {"irq": "capIRQ"}),
    "zombie_cap": (CapKind.Zombie, {}),
    "domain_cap": (CapKind.Domain, {}),
    "sgi_signal_cap": (CapKind.SGISignal, {"irq": "capSGIIRQ", "target": "capSGITarget"}),
}
"""For each structure of the layout its kind, and the fields that hold an attribute of a capability as it is."""

TRUTHS = ("can_send", "can_receive", "can_grant", "can_grant_reply", "is_master", "is_device", "is_mapped")
SMALL_PAGE_BITS = 12
FRAME_BITS = {1: 16, 2: 20, 3: 24}
"""The sizes of frames by `capFSize`."""
LOW_ASID_BITS = 10
FREE_INDEX_BITS = 4
"""The free index of an untyped capability counts units of 2 to this power bytes."""
THREAD_ZOMBIE = 32
"""`capZombieType` of what was a thread; otherwise it is the radix of the table."""


@functools.lru_cache(maxsize=1 << 16)
def decode(words: Words) -> Cap:
    """The capability that the words are; ValueError if they are none."""
    struct = layout.kind_of("cap", words)
    if struct is None:
        raise ValueError(f"{words[0]:#010x} {words[1]:#010x} are the words of no capability")
    kind, fields = FIELDS[struct.name]

    def field(name: str) -> Any:
        return struct.decode(name, words)

    found = {name: field(source) for name, source in fields.items()}
    found.update({name: bool(found[name]) for name in TRUTHS if name in found})
    if kind == CapKind.Untyped:
        found["free_offset"] = field("capFreeIndex") << FREE_INDEX_BITS
    if kind == CapKind.Frame:
        found["size_bits"] = SMALL_PAGE_BITS if struct.name == "small_frame_cap" else FRAME_BITS[field("capFSize")]
        found["asid"] = field("capFMappedASIDHigh") << LOW_ASID_BITS | field("capFMappedASIDLow")
    if kind == CapKind.Zombie:
        found["is_thread"] = field("capZombieType") == THREAD_ZOMBIE
        found["size_bits"] = 0 if found["is_thread"] else field("capZombieType")
        counted = (1 << _count_bits(found["is_thread"], found["size_bits"])) - 1
        found["slots_left"] = field("capZombieID") & counted
        found["object"] = field("capZombieID") - found["slots_left"]
    return Cap(kind=kind, **found)


def _count_bits(is_thread: bool, radix: int) -> int:
    """How many low bits of a zombie's address have the number of slots left in them."""
    return 5 if is_thread else radix + 1


@functools.lru_cache(maxsize=1 << 16)
def encode(cap: Any) -> Words:
    """The words of a capability of either of the layers in Python; ValueError if it has something that they cannot hold."""
    name, (_, fields) = _struct(cap)
    values = {source: int(getattr(cap, attribute)) for attribute, source in fields.items()}
    if name == "untyped_cap":
        values["capFreeIndex"] = cap.free_offset >> FREE_INDEX_BITS
    if name == "frame_cap":
        values["capFSize"] = next(size for size, bits in FRAME_BITS.items() if bits == cap.size_bits)
    if name in ("frame_cap", "small_frame_cap"):
        values["capFMappedASIDHigh"] = cap.asid >> LOW_ASID_BITS
        values["capFMappedASIDLow"] = cap.asid & ((1 << LOW_ASID_BITS) - 1)
    if name == "zombie_cap":
        values["capZombieType"] = THREAD_ZOMBIE if cap.is_thread else cap.size_bits
        values["capZombieID"] = cap.object | cap.slots_left
    struct = layout.layout()[name]
    assert struct.tag is not None
    words: Any = struct.encode(struct.tag.field, [0, 0], struct.tag.value)
    for field, value in values.items():
        words = struct.encode(field, words, value)
        if struct.decode(field, words) != value:
            raise ValueError(f"{value:#x} is not a {field}: {cap}")
    return words[0], words[1]


def _struct(cap: Any) -> tuple[str, tuple[CapKind, dict[str, str]]]:
    """The structure of the layout that a capability is kept as."""
    for name, (kind, fields) in FIELDS.items():
        is_other_size = kind == CapKind.Frame and (name == "small_frame_cap") != (cap.size_bits == SMALL_PAGE_BITS)
        if kind.name == cap.kind.name and not is_other_size:
            return name, (kind, fields)
    raise ValueError(f"{cap} is of no kind that is known")
