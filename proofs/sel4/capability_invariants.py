"""Invariants of the model's slots: what capabilities may look like, and the links of the derivation list."""

from __future__ import annotations

from typing import Any

from executable_model.sel4.capability import Cap, CapKind, is_physical, object_bits, object_start
from proofs.sel4.exec_invariants import MAX_BADGE
from refinement.logic import NULL, all_of, any_of, defined, implies, negate, one_of
from refinement.state import exists
from refinement.statements import invariant

FRAME_SIZES = (12, 16, 20, 24)
MAX_RADIX = 27


def is_live(s: Any, x: Any) -> Any:
    """Whether a slot holds a capability."""
    return s.slot[x].cap.kind != CapKind.Null


@defined
def well_formed(cap: Cap) -> bool:
    """Whether the sizes that a capability tells are possible ones, and its memory is aligned to its size."""
    unaligned = object_start(cap) & ((1 << (object_bits(cap) & 31)) - 1)
    is_table = any_of(cap.kind == CapKind.CNode, all_of(cap.kind == CapKind.Zombie, negate(cap.is_thread)))
    return all_of(
        implies(is_physical(cap), all_of(unaligned == 0, object_start(cap) != 0)),
        implies(cap.kind == CapKind.Untyped, all_of(cap.size_bits >= 4, cap.size_bits <= 29)),
        implies(cap.kind == CapKind.Untyped, cap.free_offset <= (1 << (cap.size_bits & 31))),
        implies(cap.kind == CapKind.Frame, one_of(cap.size_bits, *FRAME_SIZES)),
        implies(is_table, all_of(cap.size_bits >= 1, cap.size_bits <= MAX_RADIX)),
        implies(one_of(cap.kind, CapKind.Thread, CapKind.Reply), cap.object & 0x1FF == 0x100),
        implies(one_of(cap.kind, CapKind.Endpoint, CapKind.Notification), cap.badge <= MAX_BADGE),
    )


@invariant("exec", "slot")
def caps_well_formed(s: Any, x: Any) -> Any:
    """The memory that a capability stands for is aligned to its size, which is a possible one; an untyped capability \
can have children."""
    untyped = s.slot[x].cap.kind == CapKind.Untyped
    return all_of(well_formed(s.slot[x].cap), implies(untyped, s.slot[x].revocable))


@invariant("exec", "slot")
def empty_slots(s: Any, x: Any) -> Any:
    """An empty slot is in no list."""
    slot = s.slot[x]
    nothing = all_of(slot.next == NULL, slot.prev == NULL, negate(slot.revocable), negate(slot.first_badged))
    return any_of(is_live(s, x), nothing)


@invariant("exec", "slot")
def derivation_links(s: Any, x: Any) -> Any:
    """The neighbours of a capability in the derivation list are others, which point back at it."""
    after, before = s.slot[x].next, s.slot[x].prev
    return all_of(
        any_of(after == NULL, all_of(exists(s.slot, after), is_live(s, after), after != x, s.slot[after].prev == x)),
        any_of(
            before == NULL, all_of(exists(s.slot, before), is_live(s, before), before != x, s.slot[before].next == x)
        ),
    )


@invariant("exec", "slot")
def badges_begin(s: Any, x: Any) -> Any:
    """A capability with another badge than the one before it, of the same object, is the first one with its badge."""
    cap, after = s.slot[x].cap, s.slot[s.slot[x].next]
    same = all_of(
        one_of(cap.kind, CapKind.Endpoint, CapKind.Notification),
        after.cap.kind == cap.kind,
        after.cap.object == cap.object,
    )
    differ = all_of(s.slot[x].next != NULL, after.cap.badge != 0, cap.badge != after.cap.badge)
    return implies(all_of(same, differ), after.first_badged)


INVARIANTS = (caps_well_formed, empty_slots, derivation_links, badges_begin)
