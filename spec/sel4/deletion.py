"""Deleting capabilities, and revoking them: deleting all that were derived from one.

With the last capability to an object the object goes, and nobody waits on it any more.  The last one to a CNode or
thread cannot go at once, for the slots of the object still hold capabilities.  It first becomes a *zombie*, which tells
how many slots are left, and they are emptied one by one, from the last to the first; the zombie goes at the end.

Emptying a slot can meet the last capability to another CNode or thread.  To empty that one's slots as well could go on
without end.  Instead its zombie is put away in its own first slot, out of which no address leads to it any more, and
what was there is deleted in its place.  Its other slots stay as they are until the memory is revoked (seL4 manual,
section 3.2; `rec_del` of the abstract specification by the seL4 verification project does the same).

All this can take long, so it is interrupted when something else is to be heard, and taken up again later.
"""

from __future__ import annotations

from attrs import evolve

from refinement.logic import NULL, all_of, any_of, maybe, reference_at, repeat
from spec.sel4.capability import Cap, CapKind, object_start
from spec.sel4.cspace import slot_of_cnode
from spec.sel4.derivation import cap_swap, empty_slot, first_descendant, is_final_cap
from spec.sel4.errors import Preempted
from spec.sel4.ipc_cancel import cancel_all_ipc, cancel_all_signals
from spec.sel4.state import THREAD_SLOTS, EndpointRef, NotificationRef, SlotRef, State, ThreadRef
from spec.sel4.tcb import suspend, unbind_maybe_notification, unbind_notification


def preemption_point(s: State) -> None:
    """Raise Preempted if a device waits to be heard; but it does not have to be noticed here already."""
    if s.interrupt_pending and maybe("preempted"):
        raise Preempted


def cap_revoke(s: State, slot: SlotRef) -> None:
    """Delete all capabilities that were derived from the one in the slot, one by one.

    It stays itself, unless it is in one of the CNodes that go.
    """
    for descendant in repeat("cap_revoke", lambda: first_descendant(s, slot)):
        cap_delete(s, descendant)
        preemption_point(s)


def cap_delete(s: State, slot: SlotRef) -> None:
    """Delete the capability in the slot, and with the last one to an object all that goes with the object."""
    finalise_slot(s, slot)
    empty_slot(s, slot)


def finalise_slot(s: State, slot: SlotRef) -> None:
    """Do all that must be done before the capability in the slot can be removed.

    If it is the last one to a CNode or thread, that is to empty the slots of the object.
    """
    for _ in repeat("finalise_slot", lambda: finalise_step(s, slot)):
        reduce_zombie(s, slot)
        preemption_point(s)


def finalise_step(s: State, slot: SlotRef) -> SlotRef:
    """Finalise the capability in the slot, and leave a zombie there if slots of its object are to be emptied first.

    Gives the first slot of that object; NULL if the capability, if there is one, can be removed as it is.
    """
    cap = s.slot[slot].cap
    if cap.kind == CapKind.Null:
        return NULL
    remainder = finalise_cap(s, cap, is_final_cap(s, slot))
    if is_removable(remainder, slot):
        return NULL
    s.slot[slot].cap = remainder
    return reference_at(SlotRef, remainder.object)


def is_removable(cap: Cap, slot: SlotRef) -> bool:
    """Whether what remains of the capability in the slot can be removed: nothing, or a zombie without slots left.

    Of a zombie that is itself in the first slot of its object, this one is no slot to be emptied.
    """
    is_in_own_object = reference_at(SlotRef, cap.object) == slot
    nothing_left = any_of(cap.slots_left == 0, all_of(cap.slots_left == 1, is_in_own_object))
    return any_of(cap.kind == CapKind.Null, all_of(cap.kind == CapKind.Zombie, nothing_left))


def reduce_zombie(s: State, slot: SlotRef) -> None:
    """Empty the last of the slots that the zombie in the slot has left.

    That may have removed the zombie, or put another one in its place; then there is nothing to count.
    """
    zombie = s.slot[slot].cap
    slots_left = zombie.slots_left - 1
    empty_inner_slot(s, slot_of_cnode(zombie.object, slots_left))
    now = s.slot[slot].cap
    if now.kind == CapKind.Zombie and now.object == zombie.object and now.slots_left == zombie.slots_left:
        s.slot[slot].cap = evolve(zombie, slots_left=slots_left)


def empty_inner_slot(s: State, slot: SlotRef) -> None:
    """Delete the capability in a slot of an object that goes.

    If it is the last one to another CNode or thread, its zombie changes places with what is in the first slot of that
    object, which is then deleted.  A zombie in the first slot of its own object stays there.
    """
    for first in repeat("empty_inner_slot", lambda: finalise_inner_step(s, slot)):
        cap_swap(s, s.slot[first].cap, first, s.slot[slot].cap, slot)
        preemption_point(s)
    if s.slot[slot].cap.kind != CapKind.Zombie or is_removable(s.slot[slot].cap, slot):
        empty_slot(s, slot)


def finalise_inner_step(s: State, slot: SlotRef) -> SlotRef:
    """Finalise the capability in the slot; gives the first slot of the object if it left a zombie that can go there."""
    first = finalise_step(s, slot)
    return NULL if first == slot else first


def finalise_cap(s: State, cap: Cap, is_final: bool) -> Cap:
    """Undo what stands behind a capability that is to be deleted; gives what remains of it: a zombie, or nothing.

    - The last one to an endpoint or notification: all that wait there make their system call again; the notification is
      no longer bound.
    - The last one to a CNode: its slots remain to be emptied.
    - The last one to a thread: its notification is no longer bound to it, it is stopped, and its slots remain to be
      emptied.
    - A zombie: it remains.
    - Any other: nothing happens.
    """
    match cap.kind:
        case CapKind.Endpoint if is_final:
            cancel_all_ipc(s, reference_at(EndpointRef, cap.object))
        case CapKind.Notification if is_final:
            notification = reference_at(NotificationRef, cap.object)
            unbind_maybe_notification(s, notification)
            cancel_all_signals(s, notification)
        case CapKind.CNode if is_final:
            slots = 1 << cap.size_bits
            return Cap(CapKind.Zombie, object=cap.object, size_bits=cap.size_bits, slots_left=slots)
        case CapKind.Thread if is_final:
            thread = reference_at(ThreadRef, cap.object)
            unbind_notification(s, thread)
            suspend(s, thread)
            return Cap(CapKind.Zombie, object=object_start(cap), is_thread=True, slots_left=THREAD_SLOTS)
        case CapKind.Zombie:
            return cap
    return Cap()
