"""What is true of the slots of threads, and of capabilities to reply to them, in the specification and the model."""

from __future__ import annotations

from typing import Any

from executable_model.sel4.capability import CapKind
from executable_model.sel4.cspace import slot_of_thread
from executable_model.sel4.state import CALLER_SLOT, REPLY_SLOT, THREAD_SLOTS, ThreadRef, ThreadState
from proofs.sel4.members import is_in_state
from refinement.logic import NULL, address_of, all_of, any_of, implies, negate, reference_at
from refinement.state import exists
from refinement.statements import invariant
from spec.sel4.derivation import is_descendant

STOPPED = (ThreadState.Inactive, ThreadState.IdleThreadState)


def reply_slot(t: Any) -> Any:
    """The slot for the thread's own reply capability, the master."""
    return slot_of_thread(t, REPLY_SLOT)


def caller_slot(t: Any) -> Any:
    """The slot for the capability to reply to the thread's last caller."""
    return slot_of_thread(t, CALLER_SLOT)


def is_null(cap: Any) -> Any:
    """Whether it is the null capability."""
    return is_in_state(cap.kind, CapKind.Null)


def is_master(cap: Any) -> Any:
    """Whether it is a thread's own reply capability."""
    return all_of(is_in_state(cap.kind, CapKind.Reply), cap.is_master)


def is_reply(cap: Any) -> Any:
    """Whether it is a capability that a reply can be made with."""
    return all_of(is_in_state(cap.kind, CapKind.Reply), negate(cap.is_master))


def _slots_exist(s: Any, t: Any) -> Any:
    in_place = address_of(t) & 0x1FF == 0x100
    slots = all_of(*(exists(s.slot, slot_of_thread(t, index)) for index in range(THREAD_SLOTS)))
    return all_of(in_place, any_of(t == s.idle_thread, slots))


def _slots_hold(s: Any, t: Any) -> Any:
    """What may be in the two slots for reply capabilities."""
    master, caller, state = s.slot[reply_slot(t)].cap, s.slot[caller_slot(t)].cap, s.tcb[t].state
    own = all_of(is_master(master), master.object == address_of(t))
    holds = all_of(
        any_of(own, all_of(is_null(master), is_in_state(state, *STOPPED))),
        any_of(is_null(caller), is_reply(caller)),
        implies(is_in_state(state, ThreadState.BlockedOnReceive), is_null(caller)),
    )
    return any_of(t == s.idle_thread, holds)


def _of_thread(s: Any, x: Any, descends: Any) -> Any:
    """What a reply capability says of its thread; `descends` is whether it comes from that thread's master."""
    cap = s.slot[x].cap
    t = reference_at(ThreadRef, cap.object)
    waits = is_in_state(s.tcb[t].state, ThreadState.BlockedOnReply)
    return implies(
        is_in_state(cap.kind, CapKind.Reply),
        all_of(
            exists(s.tcb, t),
            t != s.idle_thread,
            implies(cap.is_master, x == reply_slot(t)),
            implies(negate(cap.is_master), all_of(waits, descends)),
        ),
    )


@invariant("spec", "tcb")
def thread_slots(s: Any, t: Any) -> Any:
    """A thread is 256 bytes into its object of 512 bytes, which begins with its slots; the idle thread has none."""
    return _slots_exist(s, t)


@invariant("exec", "tcb")
def thread_slots_exec(s: Any, t: Any) -> Any:
    """A thread is 256 bytes into its object of 512 bytes, which begins with its slots; the idle thread has none."""
    return _slots_exist(s, t)


def _own_slots(t: Any, u: Any) -> Any:
    apart = [one != other for one in (reply_slot(t), caller_slot(t)) for other in (reply_slot(u), caller_slot(u))]
    return all_of(reply_slot(t) != caller_slot(t), any_of(t == u, all_of(*apart)))


@invariant("spec", "tcb", "tcb")
def own_slots(s: Any, t: Any, u: Any) -> Any:
    """The slots of a thread are different ones, and no other thread's."""
    return _own_slots(t, u)


@invariant("exec", "tcb", "tcb")
def own_slots_exec(s: Any, t: Any, u: Any) -> Any:
    """The slots of a thread are different ones, and no other thread's."""
    return _own_slots(t, u)


@invariant("spec", "tcb")
def reply_slots(s: Any, t: Any) -> Any:
    """A thread has its master reply capability, or none if it is stopped; and one to its last caller at most, and \
none while it waits for a message.  A master can have children."""
    original = implies(is_master(s.slot[reply_slot(t)].cap), s.slot[reply_slot(t)].is_original)
    return all_of(_slots_hold(s, t), any_of(t == s.idle_thread, original))


@invariant("exec", "tcb")
def reply_slots_exec(s: Any, t: Any) -> Any:
    """A thread has its master reply capability, or none if it is stopped; and one to its last caller at most, and \
none while it waits for a message.  Behind the master comes, while the thread waits for a reply, the one to be used, \
alone."""
    master = s.slot[reply_slot(t)]
    reply = s.slot[master.next]
    alone = any_of(
        master.next == NULL,
        all_of(
            is_in_state(s.tcb[t].state, ThreadState.BlockedOnReply),
            is_reply(reply.cap),
            reply.cap.object == address_of(t),
            reply.next == NULL,
        ),
    )
    heads = all_of(master.revocable, master.prev == NULL, alone)
    return all_of(_slots_hold(s, t), any_of(t == s.idle_thread, implies(is_master(master.cap), heads)))


@invariant("spec", "slot")
def reply_caps(s: Any, x: Any) -> Any:
    """A reply capability is to a thread that there is: its master, in its place; or one derived from that, and the \
thread waits for the reply."""
    t = reference_at(ThreadRef, s.slot[x].cap.object)
    return _of_thread(s, x, is_descendant(s, reply_slot(t), x))


@invariant("exec", "slot")
def reply_caps_exec(s: Any, x: Any) -> Any:
    """A reply capability is to a thread that there is: its master, in its place; or the one behind that, and the \
thread waits for the reply."""
    t = reference_at(ThreadRef, s.slot[x].cap.object)
    return _of_thread(s, x, all_of(s.slot[x].prev == reply_slot(t), negate(s.slot[x].revocable)))


@invariant("spec", "slot", "slot")
def one_reply(s: Any, x: Any, y: Any) -> Any:
    """There is at most one capability to reply to a thread."""
    one, other = s.slot[x].cap, s.slot[y].cap
    return implies(all_of(x != y, is_reply(one), is_reply(other)), one.object != other.object)


@invariant("spec", "slot")
def places(s: Any, x: Any) -> Any:
    """A capability's interval has an inside, and its family was begun already."""
    slot = s.slot[x]
    return any_of(is_null(slot.cap), all_of(slot.position < slot.end, slot.family < s.families))


@invariant("spec", "slot", "slot")
def places_apart(s: Any, x: Any, y: Any) -> Any:
    """No two capabilities of a family have the same place."""
    one, other = s.slot[x], s.slot[y]
    both = all_of(x != y, negate(is_null(one.cap)), negate(is_null(other.cap)), one.family == other.family)
    return implies(both, one.position != other.position)


@invariant("spec", "slot", "slot")
def descendants(s: Any, x: Any, y: Any) -> Any:
    """Only an original has descendants; those of a master reply capability are capabilities to reply to that thread."""
    above, below = s.slot[x], s.slot[y].cap
    to_thread = all_of(is_reply(below), below.object == above.cap.object)
    return implies(is_descendant(s, x, y), all_of(above.is_original, implies(is_master(above.cap), to_thread)))


SPEC_INVARIANTS = (own_slots, places, places_apart, descendants, thread_slots, reply_slots, reply_caps, one_reply)
EXEC_INVARIANTS = (own_slots_exec, thread_slots_exec, reply_slots_exec, reply_caps_exec)
