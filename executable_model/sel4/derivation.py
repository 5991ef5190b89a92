"""The derivation list (mapping database): all capabilities of common origin, in a doubly linked list of their slots.

Behind a capability come those derived from it, before any other: whether the next one was derived from it is told by
what both are (`is_mdb_parent_of`), and so is where its descendants end.
"""

from __future__ import annotations

from attrs import evolve

from executable_model.sel4.capability import Cap, CapKind, is_cap_revocable, same_object_as, same_region_as
from executable_model.sel4.errors import ErrorKind, SyscallError
from executable_model.sel4.state import SlotRef, State
from refinement.logic import NULL, all_of, any_of, implies, negate, one_of, operation


def is_mdb_parent_of(s: State, parent: SlotRef, child: SlotRef) -> bool:
    """Whether the capability of `child` was derived from that of `parent`, if it stands among those behind it."""
    above, below = s.slot[parent], s.slot[child]
    has_badge = all_of(one_of(above.cap.kind, CapKind.Endpoint, CapKind.Notification), above.cap.badge != 0)
    return all_of(
        above.revocable,
        same_region_as(above.cap, below.cap),
        implies(has_badge, all_of(above.cap.badge == below.cap.badge, negate(below.first_badged))),
        implies(above.cap.kind == CapKind.SGISignal, negate(below.first_badged)),
    )


def has_children(s: State, slot: SlotRef) -> bool:
    """Whether some capability was derived from that in the slot: the next one then is."""
    after = s.slot[slot].next
    return after != NULL and is_mdb_parent_of(s, slot, after)


def ensure_no_children(s: State, slot: SlotRef) -> None:
    """Raise RevokeFirst if a capability was derived from that in the slot."""
    if has_children(s, slot):
        raise SyscallError(ErrorKind.RevokeFirst)


def is_final_cap(s: State, slot: SlotRef) -> bool:
    """Whether no other capability is to the same object: one would be next to it in the list."""
    before, after = s.slot[slot].prev, s.slot[slot].next
    if before != NULL and same_object_as(s.slot[before].cap, s.slot[slot].cap):
        return False
    return after == NULL or not same_object_as(s.slot[slot].cap, s.slot[after].cap)


def set_untyped_cap_as_full(s: State, cap: Cap, source: SlotRef) -> None:
    """Have nothing more made of the untyped capability in `source` when `cap` becomes another one to its memory."""
    old = s.slot[source].cap
    if all_of(
        old.kind == CapKind.Untyped,
        cap.kind == CapKind.Untyped,
        old.object == cap.object,
        old.size_bits == cap.size_bits,
    ):
        s.slot[source].cap = evolve(old, free_offset=1 << old.size_bits)


def insert_behind(s: State, before: SlotRef, slot: SlotRef) -> None:
    """Put a slot that is in no list directly behind one that is in a list, or begins one."""
    after = s.slot[before].next
    s.slot[slot].prev = before
    s.slot[slot].next = after
    s.slot[before].next = slot
    if after != NULL:
        s.slot[after].prev = slot


@operation
def cap_insert(s: State, cap: Cap, source: SlotRef, destination: SlotRef) -> None:
    """Put a capability derived from that in `source` into the empty slot `destination`."""
    revocable = is_cap_revocable(cap, s.slot[source].cap)
    set_untyped_cap_as_full(s, cap, source)
    s.slot[destination].cap = cap
    s.slot[destination].revocable = revocable
    s.slot[destination].first_badged = revocable
    insert_behind(s, source, destination)


def insert_new_cap(s: State, parent: SlotRef, slot: SlotRef, cap: Cap) -> None:
    """Put the first capability to an object made of the untyped one in `parent` into the empty slot."""
    s.slot[slot].cap = cap
    s.slot[slot].revocable = True
    s.slot[slot].first_badged = True
    insert_behind(s, parent, slot)


def cap_move(s: State, cap: Cap, source: SlotRef, destination: SlotRef) -> None:
    """Put the capability of `source`, or what was made of it, into the empty slot `destination`, at its place in the \
list."""
    before, after = s.slot[source].prev, s.slot[source].next
    s.slot[destination].cap = cap
    s.slot[destination].prev = before
    s.slot[destination].next = after
    s.slot[destination].revocable = s.slot[source].revocable
    s.slot[destination].first_badged = s.slot[source].first_badged
    clear_slot(s, source)
    if before != NULL:
        s.slot[before].next = destination
    if after != NULL:
        s.slot[after].prev = destination


def clear_slot(s: State, slot: SlotRef) -> None:
    """Leave nothing in a slot that no neighbour points at any more."""
    s.slot[slot].cap = Cap()
    s.slot[slot].prev = NULL
    s.slot[slot].next = NULL
    s.slot[slot].revocable = False
    s.slot[slot].first_badged = False


def cap_swap(s: State, cap1: Cap, slot1: SlotRef, cap2: Cap, slot2: SlotRef) -> None:
    """Exchange two capabilities with their places in the list: `cap1`, made of the one in `slot1`, goes to `slot2`.

    The slots may be neighbours.
    """
    s.slot[slot1].cap = cap2
    s.slot[slot2].cap = cap1
    before, after = s.slot[slot1].prev, s.slot[slot1].next
    revocable, first_badged = s.slot[slot1].revocable, s.slot[slot1].first_badged
    if before != NULL:
        s.slot[before].next = slot2
    if after != NULL:
        s.slot[after].prev = slot2
    before2, after2 = s.slot[slot2].prev, s.slot[slot2].next
    s.slot[slot1].prev = before2
    s.slot[slot1].next = after2
    s.slot[slot1].revocable = s.slot[slot2].revocable
    s.slot[slot1].first_badged = s.slot[slot2].first_badged
    s.slot[slot2].prev = before
    s.slot[slot2].next = after
    s.slot[slot2].revocable = revocable
    s.slot[slot2].first_badged = first_badged
    if before2 != NULL:
        s.slot[before2].next = slot1
    if after2 != NULL:
        s.slot[after2].prev = slot1


def empty_slot(s: State, slot: SlotRef) -> None:
    """Remove the capability in the slot, if there is one.

    If it was the first one with its badge, the next one now is.
    """
    if s.slot[slot].cap.kind == CapKind.Null:
        return
    before, after = s.slot[slot].prev, s.slot[slot].next
    if before != NULL:
        s.slot[before].next = after
    if after != NULL:
        s.slot[after].prev = before
        s.slot[after].first_badged = any_of(s.slot[after].first_badged, s.slot[slot].first_badged)
    clear_slot(s, slot)
