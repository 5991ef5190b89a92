"""The derivation of capabilities: which were made of which.

Copying a capability, or making objects of an untyped one, makes a capability that is *derived* from it.  Revoking a
capability deletes all that were derived from it, directly or not: its *descendants*.  Not everything that is copied is
a descendant: a plain copy of a copy is another child of the original, and one that only the original's owner can revoke
(seL4 manual, section 3.1.5).

The forest of derivation is kept by places in a dense order.  Capabilities of common origin are a *family*; within it, a
capability descends from those in whose interval, from their `position` to their `end`, its own position lies.
"""

from __future__ import annotations

from fractions import Fraction

from attrs import evolve

from refinement.logic import all_of, choose, implies, negate, one_of, operation
from spec.sel4.capability import Cap, CapKind, is_cap_revocable, same_object_as, same_region_as
from spec.sel4.errors import ErrorKind, SyscallError
from spec.sel4.state import SlotRef, State


def is_descendant(s: State, ancestor: SlotRef, slot: SlotRef) -> bool:
    """Whether the capability in `slot` was derived, directly or not, from that in `ancestor`."""
    above, below = s.slot[ancestor], s.slot[slot]
    return all_of(
        above.cap.kind != CapKind.Null,
        below.cap.kind != CapKind.Null,
        above.family == below.family,
        above.position < below.position,
        below.position < above.end,
    )


def first_descendant(s: State, ancestor: SlotRef) -> SlotRef | None:
    """The descendant of the capability in `ancestor` that comes first in the order of derivation, if it has any."""
    return choose(
        s.slot,
        lambda slot: is_descendant(s, ancestor, slot),
        before=lambda one, other: s.slot[one].position <= s.slot[other].position,
        label="first_descendant",
    )


def has_children(s: State, slot: SlotRef) -> bool:
    """Whether some capability was derived from that in the slot."""
    return first_descendant(s, slot) is not None


def ensure_no_children(s: State, slot: SlotRef) -> None:
    """Raise RevokeFirst if some capability was derived from that in the slot."""
    if has_children(s, slot):
        raise SyscallError(ErrorKind.RevokeFirst)


def is_final_cap(s: State, slot: SlotRef) -> bool:
    """Whether the slot holds the only capability to its object, with which the object goes."""
    cap = s.slot[slot].cap
    another = choose(
        s.slot,
        lambda other: all_of(other != slot, same_object_as(cap, s.slot[other].cap)),
        label="another_to_the_object",
    )
    return another is None


def should_be_parent_of(above: Cap, is_original: bool, below: Cap, below_is_original: bool) -> bool:
    """Whether a capability made of `above` becomes its child, and not another child of what `above` was derived from.

    Only an original has children.  Once it has a badge, those are the copies with the same badge.
    """
    has_badge = all_of(one_of(above.kind, CapKind.Endpoint, CapKind.Notification), above.badge != 0)
    return all_of(
        is_original,
        same_region_as(above, below),
        implies(has_badge, all_of(above.badge == below.badge, negate(below_is_original))),
        implies(above.kind == CapKind.SGISignal, negate(below_is_original)),
    )


def between(low: Fraction, high: Fraction) -> Fraction:
    """A place between two others: there always is one."""
    return (low + high) / 2


def place_first_child(s: State, parent: SlotRef, slot: SlotRef) -> None:
    """Make the slot the first child of `parent`: it comes right behind it, ahead of all its descendants."""
    first = first_descendant(s, parent)
    limit = s.slot[parent].end if first is None else s.slot[first].position
    s.slot[slot].family = s.slot[parent].family
    s.slot[slot].position = between(s.slot[parent].position, limit)
    s.slot[slot].end = between(s.slot[slot].position, limit)


def place_next_sibling(s: State, older: SlotRef, slot: SlotRef) -> None:
    """Make the slot the next child, behind `older`, of what that was derived from; `older` has no children."""
    s.slot[slot].family = s.slot[older].family
    s.slot[slot].end = s.slot[older].end
    s.slot[slot].position = between(s.slot[older].position, s.slot[older].end)
    s.slot[older].end = s.slot[slot].position


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


@operation
def cap_insert(s: State, cap: Cap, source: SlotRef, destination: SlotRef) -> None:
    """Put a capability derived from that in `source` into the empty slot `destination`.

    It becomes a child of the source if that can have it as one, and otherwise the source's next sibling.
    """
    is_original = is_cap_revocable(cap, s.slot[source].cap)
    if should_be_parent_of(s.slot[source].cap, s.slot[source].is_original, cap, is_original):
        place_first_child(s, source, destination)
    else:
        place_next_sibling(s, source, destination)
    set_untyped_cap_as_full(s, cap, source)
    s.slot[destination].cap = cap
    s.slot[destination].is_original = is_original


def insert_new_cap(s: State, parent: SlotRef, slot: SlotRef, cap: Cap) -> None:
    """Put the first capability to an object made of the untyped one in `parent`, as its child, into the empty slot."""
    place_first_child(s, parent, slot)
    s.slot[slot].cap = cap
    s.slot[slot].is_original = True


def cap_move(s: State, cap: Cap, source: SlotRef, destination: SlotRef) -> None:
    """Put the capability of `source`, or what was made of it, into the empty slot `destination`.

    It keeps its parent and its children.
    """
    s.slot[destination].cap = cap
    s.slot[destination].is_original = s.slot[source].is_original
    s.slot[destination].family = s.slot[source].family
    s.slot[destination].position = s.slot[source].position
    s.slot[destination].end = s.slot[source].end
    clear_slot(s, source)


def clear_slot(s: State, slot: SlotRef) -> None:
    """Leave nothing in a slot."""
    s.slot[slot].cap = Cap()
    s.slot[slot].is_original = False


def cap_swap(s: State, cap1: Cap, slot1: SlotRef, cap2: Cap, slot2: SlotRef) -> None:
    """Exchange two capabilities: `cap1`, made of the one in `slot1`, goes to `slot2`, and the other way round.

    Each keeps its parent and its children.
    """
    one, other = s.slot[slot1], s.slot[slot2]
    is_original, family, position, end = one.is_original, one.family, one.position, one.end
    one.cap = cap2
    one.is_original = other.is_original
    one.family = other.family
    one.position = other.position
    one.end = other.end
    other.cap = cap1
    other.is_original = is_original
    other.family = family
    other.position = position
    other.end = end


def empty_slot(s: State, slot: SlotRef) -> None:
    """Remove the capability in the slot, if there is one.  Its children become those of its parent."""
    if s.slot[slot].cap.kind != CapKind.Null:
        clear_slot(s, slot)
