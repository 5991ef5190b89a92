"""Proofs about the scheduler's operations."""

from __future__ import annotations

from executable_model.sel4 import schedule as model
from executable_model.sel4.state import ThreadRef
from proofs.sel4 import contracts, preconditions
from refinement.loops import Moment
from refinement.prove import Operation


def highest_ready(before: Moment, after: Moment) -> ThreadRef | None:
    """The thread chosen is the current one afterwards, unless that is the idle thread, which is never ready."""
    chosen = after["exec"].current_thread
    return None if chosen == after["exec"].idle_thread else chosen


def higher_ready(before: Moment, after: Moment) -> ThreadRef | None:
    """If the bitmaps tell of a higher priority than the candidate's: the head of the highest ready queue."""
    s = before["exec"]
    if model.is_highest_priority(s, s.current_domain, s.tcb[s.candidate].priority):
        return None
    return s.ready_queue[s.current_domain, model.highest_priority(s, s.current_domain)].head


TCB_SCHED_ENQUEUE = Operation(
    "schedule", "tcb_sched_enqueue", preconditions.tcb_sched_enqueue, contract=contracts.BECOMES_READY
)

TCB_SCHED_APPEND = Operation(
    "schedule", "tcb_sched_append", preconditions.tcb_sched_append, contract=contracts.BECOMES_READY
)

TCB_SCHED_DEQUEUE = Operation("schedule", "tcb_sched_dequeue", contract=contracts.STOPS_BEING_READY)

POSSIBLE_SWITCH_TO = Operation(
    "schedule", "possible_switch_to", preconditions.possible_switch_to, contract=contracts.POSSIBLE_SWITCH_TO
)

CHOOSE_NEW_THREAD = Operation(
    "schedule",
    "schedule_choose_new_thread",
    preconditions.schedule_choose_new_thread,
    witnesses={"highest_ready": highest_ready},
    calls=(TCB_SCHED_DEQUEUE,),
)

OPERATIONS = (
    Operation("schedule", "set_thread_state", preconditions.set_thread_state),
    TCB_SCHED_ENQUEUE,
    TCB_SCHED_APPEND,
    TCB_SCHED_DEQUEUE,
    Operation("schedule", "reschedule_required"),
    POSSIBLE_SWITCH_TO,
    CHOOSE_NEW_THREAD,
    Operation(
        "schedule",
        "schedule",
        witnesses={"higher_ready": higher_ready},
        calls=(TCB_SCHED_ENQUEUE, TCB_SCHED_APPEND, TCB_SCHED_DEQUEUE, CHOOSE_NEW_THREAD),
    ),
    Operation("schedule", "activate_thread", preconditions.activate_thread),
    Operation("schedule", "timer_tick", preconditions.timer_tick),
    Operation("schedule", "handle_yield", preconditions.handle_yield),
)
