"""Replies: how a thread that has made a call gets its answer.

Every thread that can run has, in a slot of its own, a *master* reply capability to itself.  When its call is received,
one that can be used, once, is derived from it and put into the caller slot of the receiver.  So there is at most one of
them for each thread, wherever its receiver may have moved it, and it can be found as what was derived from the master
(seL4 manual, section 4.2.4; the master and its place are no part of what users see).
"""

from __future__ import annotations

from fractions import Fraction

from refinement.logic import address_of
from spec.sel4.capability import Cap, CapKind
from spec.sel4.cspace import slot_of_thread
from spec.sel4.derivation import cap_insert, empty_slot, first_descendant
from spec.sel4.message import do_ipc_transfer
from spec.sel4.schedule import possible_switch_to, set_thread_state
from spec.sel4.state import CALLER_SLOT, REPLY_SLOT, SlotRef, State, ThreadRef, ThreadState


def setup_reply_master(s: State, thread: ThreadRef) -> None:
    """Give the thread its master reply capability, unless it has it: the origin of a family of its own."""
    slot = s.slot[slot_of_thread(thread, REPLY_SLOT)]
    if slot.cap.kind == CapKind.Null:
        slot.cap = Cap(CapKind.Reply, object=address_of(thread), can_grant=True, is_master=True)
        slot.is_original = True
        slot.family = s.families
        slot.position = Fraction(0)
        slot.end = Fraction(1)
        s.families = s.families + 1


def setup_caller_cap(s: State, sender: ThreadRef, receiver: ThreadRef, can_grant: bool) -> None:
    """Have the sender of a call wait for the reply, and give the receiver the capability to reply.

    `can_grant` says whether the reply may carry capabilities: whether the receiver's own capability has the grant
    right.
    """
    set_thread_state(s, sender, ThreadState.BlockedOnReply)
    reply = Cap(CapKind.Reply, object=address_of(sender), can_grant=can_grant)
    cap_insert(s, reply, slot_of_thread(sender, REPLY_SLOT), slot_of_thread(receiver, CALLER_SLOT))


def delete_caller_cap(s: State, thread: ThreadRef) -> None:
    """Forget whom the thread could reply to, if it did not move that capability away.  That one waits on."""
    empty_slot(s, slot_of_thread(thread, CALLER_SLOT))


def delete_reply_cap(s: State, thread: ThreadRef) -> None:
    """Delete the capability to reply to the thread, if there is one, wherever it is."""
    reply = first_descendant(s, slot_of_thread(thread, REPLY_SLOT))
    if reply is not None:
        empty_slot(s, reply)


def do_reply_transfer(s: State, sender: ThreadRef, receiver: ThreadRef, slot: SlotRef, can_grant: bool) -> None:
    """Send the sender's message as the reply to `receiver`, which has waited for it and runs on.

    The reply capability, in `slot`, is used up.  Its grant right `can_grant` makes no difference yet, as no message
    carries capabilities.
    """
    do_ipc_transfer(s, sender, receiver, 0)
    empty_slot(s, slot)
    set_thread_state(s, receiver, ThreadState.Running)
    possible_switch_to(s, receiver)
