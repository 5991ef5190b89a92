"""The deletion of capabilities, and with the last one to it, of an object.

The slots of a CNode or thread must be emptied first: meanwhile what is left of the last capability to it is a *zombie*,
which counts the slots that are left.  A slot in the middle of that may again hold the last capability to a CNode or
thread.  That object's slots are not emptied then, so that deletion needs no stack: its zombie changes places with what
is in its own first slot, where no one can reach it but by revoking, and the deletion goes on with what was there.

Deletion and revocation can take long, so they stop for interrupts and are then begun again.
"""

from __future__ import annotations

from attrs import evolve

from executable_model.sel4.capability import Cap, CapKind, object_start
from executable_model.sel4.cspace import slot_of_cnode
from executable_model.sel4.derivation import cap_swap, empty_slot, has_children, is_final_cap
from executable_model.sel4.errors import Preempted
from executable_model.sel4.ipc_cancel import cancel_all_ipc, cancel_all_signals
from executable_model.sel4.state import (
    THREAD_SLOTS,
    WORK_UNITS_LIMIT,
    EndpointRef,
    NotificationRef,
    SlotRef,
    State,
    ThreadRef,
)
from executable_model.sel4.tcb import suspend, unbind_maybe_notification, unbind_notification
from refinement.logic import NULL, all_of, any_of, reference_at, repeat


def preemption_point(s: State) -> None:
    """Count a unit of work; after each hundred raise Preempted if an interrupt is pending."""
    s.work_units = s.work_units + 1
    if s.work_units >= WORK_UNITS_LIMIT:
        s.work_units = 0
        if s.interrupt_pending:
            raise Preempted


def finalise_cap(s: State, cap: Cap, is_final: bool) -> Cap:
    """Do to the object what the deletion of a capability to it takes; returns what is left of the capability."""
    if is_final:
        match cap.kind:
            case CapKind.Endpoint:
                cancel_all_ipc(s, reference_at(EndpointRef, cap.object))
            case CapKind.Notification:
                notification = reference_at(NotificationRef, cap.object)
                unbind_maybe_notification(s, notification)
                cancel_all_signals(s, notification)
            case CapKind.CNode:
                return Cap(CapKind.Zombie, object=cap.object, size_bits=cap.size_bits, slots_left=1 << cap.size_bits)
            case CapKind.Thread:
                thread = reference_at(ThreadRef, cap.object)
                unbind_notification(s, thread)
                suspend(s, thread)
                return Cap(CapKind.Zombie, object=object_start(cap), slots_left=THREAD_SLOTS, is_thread=True)
            case CapKind.Zombie:
                return cap
    return Cap()


def is_removable(cap: Cap, slot: SlotRef) -> bool:
    """Whether a slot with this left in it can be emptied: no other slots of the object must be emptied before."""
    in_own_slot = reference_at(SlotRef, cap.object) == slot
    is_last = any_of(cap.slots_left == 0, all_of(cap.slots_left == 1, in_own_slot))
    return any_of(cap.kind == CapKind.Null, all_of(cap.kind == CapKind.Zombie, is_last))


def finalise_step(s: State, slot: SlotRef) -> SlotRef:
    """Finalise what the slot holds; returns the first slot of the object if it holds a zombie then, else NULL.

    It is NULL also if it holds what can be removed at once.
    """
    cap = s.slot[slot].cap
    if cap.kind == CapKind.Null:
        return NULL
    left = finalise_cap(s, cap, is_final_cap(s, slot))
    if is_removable(left, slot):
        return NULL
    s.slot[slot].cap = left
    return reference_at(SlotRef, left.object)


def cap_delete(s: State, slot: SlotRef) -> None:
    """Delete the capability in the slot, if there is one."""
    finalise_slot(s, slot)
    empty_slot(s, slot)


def finalise_slot(s: State, slot: SlotRef) -> None:
    """Finalise the capability in the slot, and empty all slots of its object if it was the last one."""
    for _ in repeat("finalise_slot", lambda: finalise_step(s, slot)):
        reduce_zombie(s, slot)
        preemption_point(s)


def reduce_zombie(s: State, slot: SlotRef) -> None:
    """Empty the last slot that is left of the object of the zombie in `slot`.

    The zombie may have changed places with another meanwhile; the next step of the deletion then sees to that.
    """
    zombie = s.slot[slot].cap
    slots_left = zombie.slots_left - 1
    empty_inner_slot(s, slot_of_cnode(zombie.object, slots_left))
    now = s.slot[slot].cap
    if all_of(
        now.kind == CapKind.Zombie,
        now.object == zombie.object,
        now.size_bits == zombie.size_bits,
        now.is_thread == zombie.is_thread,
        now.slots_left == zombie.slots_left,
    ):
        s.slot[slot].cap = evolve(now, slots_left=slots_left)


def empty_inner_slot(s: State, slot: SlotRef) -> None:
    """Delete the capability in a slot of an object that is itself being deleted.

    Zombies go to the first slot of their own object; one that is there already stays.
    """
    for first in repeat("empty_inner_slot", lambda: finalise_inner_step(s, slot)):
        cap_swap(s, s.slot[first].cap, first, s.slot[slot].cap, slot)
        preemption_point(s)
    if s.slot[slot].cap.kind != CapKind.Zombie or is_removable(s.slot[slot].cap, slot):
        empty_slot(s, slot)


def finalise_inner_step(s: State, slot: SlotRef) -> SlotRef:
    """As `finalise_step`, but NULL too if the zombie is in the first slot of its own object."""
    first = finalise_step(s, slot)
    return NULL if first == slot else first


def cap_revoke(s: State, slot: SlotRef) -> None:
    """Delete all capabilities that were derived from that in the slot."""
    for child in repeat("cap_revoke", lambda: s.slot[slot].next if has_children(s, slot) else NULL):
        cap_delete(s, child)
        preemption_point(s)
