"""Contracts of operations that others are proved with: what they rely on, and what they leave as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from executable_model.sel4.state import ThreadState
from proofs.sel4 import capability_invariants, cnodes, derivation_order, reply_caps
from proofs.sel4.cap_words import PARTS
from proofs.sel4.members import is_in_state
from proofs.sel4.preconditions import WAITING, is_candidate
from proofs.sel4.reply_caps import is_master, is_reply, reply_slot
from refinement.contracts import Contract, Ensures
from refinement.logic import address_of, all_of, any_of, iff, implies, negate

READY_QUEUES = (
    "spec:tcb.queued",
    "spec:tcb.place",
    "spec:now",
    "exec:tcb.queued",
    "exec:tcb.sched_next",
    "exec:tcb.sched_prev",
    "exec:ready_queue.head",
    "exec:ready_queue.end",
    "exec:l1_bitmap",
    "exec:l2_bitmap",
    "c:tcb_t.tcbState.words[][1]",
    "c:tcb_t.tcbSchedNext",
    "c:tcb_t.tcbSchedPrev",
    "c:ksReadyQueues[][].head",
    "c:ksReadyQueues[][].end",
    "c:ksReadyQueuesL1Bitmap[]",
    "c:ksReadyQueuesL2Bitmap[][]",
)
"""What changes when a thread becomes ready or no longer is."""

ACTION = (
    "spec:scheduler_action",
    "spec:candidate",
    "exec:scheduler_action",
    "exec:candidate",
    "c:ksSchedulerAction",
)
"""What changes when another thread may have to run."""

SCHEDULING = (
    "thread_bounds",
    "queued_runnable",
    "unqueued_links",
    "ready_links",
    "ready_ends",
    "ready_bitmaps",
    "group_bitmap",
    "bitmap_width",
    "current_thread",
    "candidate",
    "resumed_thread",
    "no_orphans",
    "current_domain",
    "domain_time_left",
    "time_passes",
    "arrived_earlier",
    "place_taken",
    "places_differ",
    "ready_order",
    "no_place_between",
    "ready_places",
    "thread_state_number",
    "tcb_alignment",
)
"""The statements about ready queues and the scheduler's action."""


def _others_keep_their_place(before: Any, after: Any, arguments: Mapping[str, Any], other: Any) -> Any:
    apart = all_of(other != arguments["thread"], negate(is_candidate(before, other)))
    return implies(apart, iff(after.tcb[other].queued, before.tcb[other].queued))


def _candidate_is_known(before: Any, after: Any, arguments: Mapping[str, Any], other: Any) -> Any:
    known = any_of(other == arguments["thread"], is_candidate(before, other))
    return implies(is_candidate(after, other), known)


def _others_go_on(before: Any, after: Any, arguments: Mapping[str, Any], other: Any) -> Any:
    return implies(other != arguments["thread"], after.tcb[other].state == before.tcb[other].state)


def _waits_no_more(before: Any, after: Any, arguments: Mapping[str, Any], thread: Any) -> Any:
    was, now = before.tcb[thread].state, after.tcb[thread].state
    waited = is_in_state(was, *WAITING)
    becomes = any_of(all_of(waited, is_in_state(now, ThreadState.Inactive)), all_of(negate(waited), now == was))
    return implies(thread == arguments["thread"], becomes)


def _changes_only(queued: bool) -> Any:
    def holds(before: Any, after: Any, arguments: Mapping[str, Any], thread: Any) -> Any:
        is_meant = thread == arguments["thread"]
        now, was = after.tcb[thread].queued, before.tcb[thread].queued
        return all_of(implies(is_meant, iff(now, queued)), implies(negate(is_meant), iff(now, was)))

    return holds


SLOTS = (
    *(f"{layer}:slot.cap.{part}" for layer in ("spec", "exec") for part in ("kind", *PARTS)),
    *(f"spec:slot.{part}" for part in ("is_original", "family", "position", "end")),
    *(f"exec:slot.{part}" for part in ("next", "prev", "revocable", "first_badged")),
    "c:cte_t.cap",
    "c:cte_t.cteMDBNode.words[]",
)
"""What changes when a capability comes into a slot or leaves it."""

CAPABILITIES = (
    *(statement.id for statement in (*capability_invariants.INVARIANTS, *derivation_order.FACTS)),
    *(statement.id for statement in (*reply_caps.SPEC_INVARIANTS, *reply_caps.EXEC_INVARIANTS)),
    *(statement.id for statement in (*cnodes.SPEC_INVARIANTS, *cnodes.EXEC_INVARIANTS)),
    "untyped_caps",
    "slot_alignment",
    "capability_words",
)
"""The statements about slots and what they hold."""


def _has_no_reply(before: Any, after: Any, arguments: Mapping[str, Any], slot: Any) -> Any:
    cap = after.slot[slot].cap
    return negate(all_of(is_reply(cap), cap.object == address_of(arguments["thread"])))


def _keeps_master(before: Any, after: Any, arguments: Mapping[str, Any], thread: Any) -> Any:
    was, now = (is_master(s.slot[reply_slot(thread)].cap) for s in (before, after))
    return any_of(thread == before.idle_thread, iff(was, now))


CAP_INSERT = Contract(relies=CAPABILITIES, modifies=SLOTS)

BECOMES_READY = Contract(
    relies=SCHEDULING,
    waives={"no_orphans": "thread"},
    modifies=READY_QUEUES,
    ensures=(Ensures("ready", ("tcb",), "The thread is ready; of the others, those that were.", _changes_only(True)),),
)

STOPS_BEING_READY = Contract(
    relies=SCHEDULING,
    breaks={"no_orphans": "thread"},
    modifies=READY_QUEUES,
    ensures=(Ensures("not_ready", ("tcb",), "It is not ready; of the others, those that were.", _changes_only(False)),),
)

POSSIBLE_SWITCH_TO = Contract(
    relies=SCHEDULING,
    waives={"no_orphans": "thread"},
    modifies=READY_QUEUES + ACTION,
    ensures=(
        Ensures(
            "others_queued",
            ("tcb",),
            "No other thread but a candidate becomes ready or stops being so.",
            _others_keep_their_place,
        ),
        Ensures(
            "known_candidate",
            ("tcb",),
            "A candidate is the thread, or was one before.",
            _candidate_is_known,
        ),
    ),
)

DO_IPC_TRANSFER = Contract(
    relies=(),
    modifies=("spec:tcb.registers", "exec:tcb.registers", "c:tcb_t.tcbArch.registers[]"),
)

CANCEL_IPC = Contract(
    modifies=(
        "spec:tcb.state",
        "exec:tcb.state",
        "exec:tcb.ep_next",
        "exec:tcb.ep_prev",
        "exec:endpoint.state",
        "exec:endpoint.head",
        "exec:endpoint.tail",
        "exec:notification.state",
        "exec:notification.head",
        "exec:notification.tail",
        "c:tcb_t.tcbState.words[][0]",
        "c:tcb_t.tcbEPNext",
        "c:tcb_t.tcbEPPrev",
        "c:endpoint_t.words[]",
        "c:notification_t.words[][0]",
        "c:notification_t.words[][1]",
        *SLOTS,
    ),
    ensures=(
        Ensures("keeps_master", ("tcb",), "Threads keep their master reply capabilities.", _keeps_master),
        Ensures("no_reply", ("slot",), "There is no capability any more to reply to the thread.", _has_no_reply),
        Ensures("others_go_on", ("tcb",), "No other thread changes what it does.", _others_go_on),
        Ensures("waits_no_more", ("tcb",), "A thread that waited becomes inactive, another goes on.", _waits_no_more),
    ),
)
