"""What every caller guarantees of an operation's arguments: stated alike on the specification and the model."""

from __future__ import annotations

from typing import Any

from executable_model.sel4.capability import MAX_DEPTH, Cap, CapKind, same_region_as
from executable_model.sel4.memory import PAGE_MASK
from executable_model.sel4.state import (
    IPC_BUFFER_BITS,
    NUM_PRIORITIES,
    NotificationState,
    SchedulerAction,
    ThreadRef,
    ThreadState,
    UserDataRef,
)
from proofs.sel4.capability_invariants import well_formed
from proofs.sel4.cnodes import may_be_cnode
from proofs.sel4.members import is_in_state
from proofs.sel4.reply_caps import caller_slot, is_master, is_reply, reply_slot
from refinement.logic import NULL, Word, all_of, any_of, iff, implies, negate, reference_at
from refinement.state import exists
from spec.sel4.state import MAX_EXTRA_CAPS

MAX_BADGE = (1 << 28) - 1

WAITING = (ThreadState.BlockedOnReceive, ThreadState.BlockedOnSend, ThreadState.BlockedOnNotification)


def _runnable(s: Any, thread: Any) -> Any:
    return is_in_state(s.tcb[thread].state, ThreadState.Running, ThreadState.Restart)


def _resumes(s: Any) -> Any:
    return is_in_state(s.scheduler_action, SchedulerAction.ResumeCurrentThread)


def is_candidate(s: Any, thread: Any) -> Any:
    """Whether the thread is the one to switch to."""
    return all_of(is_in_state(s.scheduler_action, SchedulerAction.SwitchToThread), s.candidate == thread)


def _runs_now(s: Any, thread: Any) -> Any:
    """The thread makes a system call: it is runnable, and neither waits for the processor nor is to get it anew."""
    return all_of(_runnable(s, thread), negate(s.tcb[thread].queued), negate(is_candidate(s, thread)))


def set_thread_state(s: Any, thread: Any, state: Any) -> Any:
    """Neither the old nor the new state is one of waiting in a queue, nor the old one of waiting for a reply; the \
idle thread stays idle; a ready thread or a candidate stays runnable, and no other becomes so; without a master reply \
capability a thread stays stopped."""
    runs = is_in_state(state, ThreadState.Running, ThreadState.Restart)
    scheduled = any_of(s.tcb[thread].queued, is_candidate(s, thread))
    return all_of(
        negate(is_in_state(s.tcb[thread].state, *WAITING)),
        negate(is_in_state(state, *WAITING, ThreadState.IdleThreadState)),
        thread != s.idle_thread,
        implies(scheduled, runs),
        implies(runs, any_of(scheduled, s.current_thread == thread)),
        negate(is_in_state(s.tcb[thread].state, ThreadState.BlockedOnReply)),
        any_of(is_in_state(state, ThreadState.Inactive), is_master(s.slot[reply_slot(thread)].cap)),
    )


def tcb_sched_enqueue(s: Any, thread: Any) -> Any:
    """The thread is runnable, and does not go on running."""
    return all_of(_runnable(s, thread), negate(all_of(_resumes(s), s.current_thread == thread)))


def tcb_sched_append(s: Any, thread: Any) -> Any:
    """The thread is runnable, and does not go on running."""
    return tcb_sched_enqueue(s, thread)


def possible_switch_to(s: Any, thread: Any) -> Any:
    """The thread is runnable."""
    return _runnable(s, thread)


def schedule_choose_new_thread(s: Any) -> Any:
    """A new thread is to be chosen, and the current one would not be forgotten: if it is runnable, it is ready."""
    current = s.current_thread
    chooses = is_in_state(s.scheduler_action, SchedulerAction.ChooseNewThread)
    return all_of(chooses, implies(_runnable(s, current), s.tcb[current].queued))


def activate_thread(s: Any) -> Any:
    """The scheduler has settled on the current thread."""
    return _resumes(s)


def timer_tick(s: Any) -> Any:
    """The kernel was just entered: the current thread was running."""
    return _resumes(s)


def handle_yield(s: Any) -> Any:
    """The current thread made the system call."""
    return all_of(_resumes(s), _runnable(s, s.current_thread))


def cancel_signal(s: Any, thread: Any, notification: Any) -> Any:
    """The thread waits on the notification."""
    tcb = s.tcb[thread]
    return all_of(is_in_state(tcb.state, ThreadState.BlockedOnNotification), tcb.notification == notification)


def receive_signal(s: Any, thread: Any, notification: Any, blocking: bool) -> Any:
    """The thread makes the system call."""
    return _runs_now(s, thread)


def complete_signal(s: Any, notification: Any, thread: Any) -> Any:
    """A signal is pending."""
    active = getattr(s.notification[notification], "active", None)
    return s.notification[notification].state == NotificationState.Active if active is None else active


def send_ipc(
    s: Any,
    blocking: bool,
    call: bool,
    badge: Word,
    can_grant: bool,
    can_grant_reply: bool,
    thread: Any,
    endpoint: Any,
) -> Any:
    """The thread makes the system call, through a capability whose badge has at most 28 bits."""
    return all_of(_runs_now(s, thread), badge <= MAX_BADGE)


def receive_ipc(s: Any, thread: Any, endpoint: Any, can_grant: bool, blocking: bool) -> Any:
    """The thread makes the system call, and has no capability any more to reply to its last caller."""
    return all_of(_runs_now(s, thread), _is_empty(s, caller_slot(thread)))


def suspend(s: Any, thread: Any) -> Any:
    """The thread is not the idle thread, and not about to be switched to."""
    return all_of(thread != s.idle_thread, negate(is_candidate(s, thread)))


def set_priority(s: Any, thread: Any, priority: Word) -> Any:
    """The priority is one of the 256."""
    return priority < NUM_PRIORITIES


def bind_notification(s: Any, thread: Any, notification: Any) -> Any:
    """Neither is bound."""
    return all_of(s.tcb[thread].bound_notification == NULL, s.notification[notification].bound_thread == NULL)


def _is_empty(s: Any, slot: Any) -> Any:
    return is_in_state(s.slot[slot].cap.kind, CapKind.Null)


def _same_thing(cap: Any, old: Any) -> Any:
    """Whether a capability is to the same thing as another: it may differ in what only says how it is used."""
    return all_of(same_but_badge(cap, old), cap.badge == old.badge, iff(cap.is_master, old.is_master))


def same_but_badge(cap: Any, old: Any) -> Any:
    """Whether a capability is to the same object, memory or interrupt as another."""
    return all_of(
        cap.kind == old.kind,
        cap.object == old.object,
        cap.size_bits == old.size_bits,
        cap.free_offset == old.free_offset,
        iff(cap.is_device, old.is_device),
        iff(cap.is_thread, old.is_thread),
        cap.irq == old.irq,
        cap.target == old.target,
    )


COPIED = (
    CapKind.Endpoint,
    CapKind.Notification,
    CapKind.CNode,
    CapKind.Thread,
    CapKind.Untyped,
    CapKind.Frame,
    CapKind.PageTable,
    CapKind.PageDirectory,
    CapKind.ASIDPool,
    CapKind.ASIDControl,
    CapKind.IRQHandler,
    CapKind.Domain,
    CapKind.SGISignal,
)
"""The kinds of capabilities of which copies can be made."""


def resolve_address_bits(s: Any, root: Cap, address: Word, depth: Word) -> Any:
    """The address has 32 bits at most, and a CNode to begin with is a possible one."""
    return all_of(depth <= MAX_DEPTH, may_be_cnode(root))


def lookup_slot(s: Any, thread: Any, address: Word) -> Any:
    """The thread is not the idle thread."""
    return thread != s.idle_thread


def lookup_slot_for_cnode_op(s: Any, is_source: bool, root: Cap, index: Word, depth: Word) -> Any:
    """A CNode to begin with is a possible one."""
    return may_be_cnode(root)


def is_buffer(s: Any, buffer: Word) -> Any:
    """Whether an IPC buffer, if there is one, is in memory that there is, at a multiple of its size."""
    page = reference_at(UserDataRef, buffer & PAGE_MASK)
    aligned = buffer & ((1 << IPC_BUFFER_BITS) - 1) == 0
    return any_of(buffer == 0, all_of(exists(s.user_data, page), aligned))


def lookup_extra_caps(s: Any, thread: Any, buffer: Word, count: Word) -> Any:
    """The thread is not the idle thread; its IPC buffer is in memory that there is, and names at most three \
capabilities."""
    return all_of(thread != s.idle_thread, is_buffer(s, buffer), count <= MAX_EXTRA_CAPS)


def cap_insert(s: Any, cap: Cap, source: Any, destination: Any) -> Any:
    """The destination is another slot and empty.  The capability is to the same thing as the source's, which may have \
been given a badge now; or it is the one to be used of a thread's master reply capability."""
    old = s.slot[source].cap
    thread = s.tcb[reference_at(ThreadRef, old.object)]
    gets_badge = all_of(
        is_in_state(old.kind, CapKind.Endpoint, CapKind.Notification), old.badge == 0, cap.badge <= MAX_BADGE
    )
    is_copied = all_of(
        is_in_state(old.kind, *COPIED), same_but_badge(cap, old), any_of(cap.badge == old.badge, gets_badge)
    )
    is_lent = all_of(
        is_master(old), is_reply(cap), cap.object == old.object, is_in_state(thread.state, ThreadState.BlockedOnReply)
    )
    fits = any_of(is_copied, is_lent)
    return all_of(source != destination, _is_empty(s, destination), fits, may_be_cnode(cap))


def cap_move(s: Any, cap: Cap, source: Any, destination: Any) -> Any:
    """The destination is another slot and empty, and the capability is to the same thing as the one moved, which is \
no master reply capability."""
    return all_of(
        source != destination,
        negate(is_master(cap)),
        _is_empty(s, destination),
        negate(_is_empty(s, source)),
        _same_thing(cap, s.slot[source].cap),
        may_be_cnode(cap),
    )


def cap_swap(s: Any, cap1: Cap, slot1: Any, cap2: Cap, slot2: Any) -> Any:
    """The slots are two that are not empty, and each capability is to the same thing as the one it is made of."""
    return all_of(
        slot1 != slot2,
        negate(_is_empty(s, slot1)),
        negate(_is_empty(s, slot2)),
        _same_thing(cap1, s.slot[slot1].cap),
        _same_thing(cap2, s.slot[slot2].cap),
        may_be_cnode(cap1),
        may_be_cnode(cap2),
    )


MADE = (
    CapKind.Untyped,
    CapKind.Thread,
    CapKind.Endpoint,
    CapKind.Notification,
    CapKind.CNode,
    CapKind.Frame,
    CapKind.PageTable,
    CapKind.PageDirectory,
)
"""The kinds of capabilities that untyped memory is made into."""


def insert_new_cap(s: Any, parent: Any, slot: Any, cap: Cap) -> Any:
    """The slot is empty.  The capability, without a badge, is to memory of the untyped one of the parent."""
    return all_of(
        parent != slot,
        _is_empty(s, slot),
        is_in_state(s.slot[parent].cap.kind, CapKind.Untyped),
        is_in_state(cap.kind, *MADE),
        cap.badge == 0,
        well_formed(cap),
        may_be_cnode(cap),
        same_region_as(s.slot[parent].cap, cap),
    )
