"""Reply capabilities: a thread that makes a call lends the right to answer it to whoever receives the call.

Every thread that has been resumed has a *master* of its own, of which the capability to be used is derived.  There is
at most one, and as long as there is, the thread waits for the reply.
"""

from __future__ import annotations

from executable_model.sel4.capability import Cap, CapKind
from executable_model.sel4.cspace import slot_of_thread
from executable_model.sel4.derivation import cap_insert, empty_slot
from executable_model.sel4.message import do_ipc_transfer
from executable_model.sel4.schedule import possible_switch_to, set_thread_state
from executable_model.sel4.state import CALLER_SLOT, REPLY_SLOT, SlotRef, State, ThreadRef, ThreadState
from refinement.logic import NULL, address_of


def setup_reply_master(s: State, thread: ThreadRef) -> None:
    """Give the thread its master reply capability, unless it has it already."""
    slot = slot_of_thread(thread, REPLY_SLOT)
    if s.slot[slot].cap.kind == CapKind.Null:
        s.slot[slot].cap = Cap(CapKind.Reply, object=address_of(thread), can_grant=True, is_master=True)
        s.slot[slot].revocable = True
        s.slot[slot].first_badged = True


def setup_caller_cap(s: State, sender: ThreadRef, receiver: ThreadRef, can_grant: bool) -> None:
    """Have the sender of a call wait for the reply, and give the receiver the capability to it."""
    set_thread_state(s, sender, ThreadState.BlockedOnReply)
    cap = Cap(CapKind.Reply, object=address_of(sender), can_grant=can_grant)
    cap_insert(s, cap, slot_of_thread(sender, REPLY_SLOT), slot_of_thread(receiver, CALLER_SLOT))


def delete_caller_cap(s: State, thread: ThreadRef) -> None:
    """Give up the right to answer the thread's last caller."""
    empty_slot(s, slot_of_thread(thread, CALLER_SLOT))


def delete_reply_cap(s: State, thread: ThreadRef) -> None:
    """Delete the capability to answer the thread, wherever it is: the one derived from the master, behind it."""
    reply = s.slot[slot_of_thread(thread, REPLY_SLOT)].next
    if reply != NULL:
        empty_slot(s, reply)


def do_reply_transfer(s: State, sender: ThreadRef, receiver: ThreadRef, slot: SlotRef, can_grant: bool) -> None:
    """Answer a call: the sender's message goes to the receiver, which runs on; the capability in `slot` is used up.

    Capabilities are not transferred yet, whether or not the sender `can_grant` them.
    """
    do_ipc_transfer(s, sender, receiver, 0)
    empty_slot(s, slot)
    set_thread_state(s, receiver, ThreadState.Running)
    possible_switch_to(s, receiver)
