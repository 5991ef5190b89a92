"""The relation between the executable model and the C program: what the words in memory stand for.

Tables are related at every index: beyond an array's end, where the guards keep the C program from looking, there is
nothing to be wrong about, and a condition on the index would only make the solver's terms differ.
"""

from __future__ import annotations

from typing import Any

from executable_model.sel4.cspace import ExtraCaps, Resolution
from executable_model.sel4.errors import (
    ErrorKind,
    LookupFailure,
    LookupFailureKind,
    LookupFault,
    Preempted,
    SyscallError,
)
from executable_model.sel4.state import (
    EndpointState,
    NotificationState,
    SchedulerAction,
    ThreadState,
)
from impl.c.view import to_member, to_reference, to_width
from proofs.sel4.cap_words import PARTS, part_of
from proofs.sel4.layers import EXEC, C
from refinement.logic import all_of, ite, one_of
from refinement.outcomes import Ending
from refinement.relation import Decode, Relation
from refinement.schema import record_of

EXCEPTION_NONE = 0
EXCEPTION_LOOKUP_FAULT = 2
EXCEPTION_SYSCALL_ERROR = 3
EXCEPTION_PREEMPTED = 4
"""What the C functions return whose operations raise errors."""


def thread_state(c: Any, t: Any) -> Any:
    """The thread's state, by its number in the field tsType."""
    return to_member(ThreadState, c.tcb[t].tcbState.tsType)


def _in_state(*states: ThreadState) -> Any:
    return lambda c, t: one_of(thread_state(c, t), *states)


BLOCKED_ON_ENDPOINT = _in_state(ThreadState.BlockedOnReceive, ThreadState.BlockedOnSend)
BLOCKED_ON_SEND = _in_state(ThreadState.BlockedOnSend)
BLOCKED_ON_NOTIFICATION = _in_state(ThreadState.BlockedOnNotification)


def _queue(c: Any, domain: Any, priority: Any) -> Any:
    return c.ksReadyQueues[domain][priority]


def _action(c: Any) -> Any:
    """0 is to resume the current thread, 1 to choose a new one; anything else is the thread to switch to."""
    word = c.ksSchedulerAction
    return to_member(SchedulerAction, ite(word < 2, word, 2))


def _is_thread(c: Any) -> Any:
    word = c.ksSchedulerAction
    return all_of(word != 0, word != 1)


def _cap(part: str) -> Decode:
    return Decode(lambda c, x: part_of(part, c.slot[x].cap))


def _lookup_failure(c: Any, status: Any) -> LookupFailure:
    """Why a lookup failed, if it did, by the words of current_lookup_fault."""
    kind = c.unpack("invalid_root", c.current_lookup_fault).lufType
    missing, depth, guard = (
        c.unpack(name, c.current_lookup_fault) for name in ("missing_capability", "depth_mismatch", "guard_mismatch")
    )

    def of(number: int, value: Any, otherwise: Any = 0) -> Any:
        return ite(all_of(status == EXCEPTION_LOOKUP_FAULT, kind == number), value, otherwise)

    return LookupFailure(
        kind=to_member(LookupFailureKind, ite(status == EXCEPTION_LOOKUP_FAULT, kind + 1, 0)),
        bits_left=of(1, missing.bitsLeft, of(2, depth.bitsLeft, of(3, guard.bitsLeft))),
        bits_found=of(2, depth.bitsFound),
        guard=of(3, guard.guardFound),
        guard_size=of(3, guard.bitsFound),
    )


def _resolution(c: Any, status: Any) -> Resolution:
    found = c.current_lookup
    return Resolution(to_reference("slot", found.slot), found.bitsLeft, _lookup_failure(c, status))


SYSCALL_ERROR = record_of(SyscallError)
assert SYSCALL_ERROR is not None
WORDS = ("first", "second", "third", "fourth", "fifth")


def _found_slot(c: Any, status: Any) -> Any:
    return to_reference("slot", c.current_lookup.slot)


def _extra_caps(c: Any, status: Any) -> ExtraCaps:
    found = c.current_extra_caps
    return ExtraCaps(*(to_reference("slot", slot) for slot in (found.first, found.second, found.third)))


def _syscall_error(c: Any, status: Any) -> SyscallError:
    error = c.current_syscall_error
    words = [ite(index < error.length, error.words[index], 0) for index in range(len(WORDS))]
    parts = {"kind": to_member(ErrorKind, error.kind), "length": error.length, **dict(zip(WORDS, words, strict=True))}
    assert SYSCALL_ERROR is not None
    return SYSCALL_ERROR.make(lambda name, _: parts[name])


def _is(*numbers: int) -> Any:
    return lambda c, status: one_of(status, *numbers)


RESULTS = {
    "resolve_address_bits": Ending(_resolution, when=_is(EXCEPTION_NONE, EXCEPTION_LOOKUP_FAULT)),
    "lookup_slot": Ending(_found_slot, when=_is(EXCEPTION_NONE)),
    "lookup_slot_for_cnode_op": Ending(_found_slot, when=_is(EXCEPTION_NONE)),
    "lookup_extra_caps": Ending(_extra_caps, when=_is(EXCEPTION_NONE)),
}
"""What functions leave in global variables, by the operations whose results these are."""

ERRORS = {
    "LookupFault": Ending(lambda c, status: LookupFault(_lookup_failure(c, status)), when=_is(EXCEPTION_LOOKUP_FAULT)),
    "SyscallError": Ending(_syscall_error, when=_is(EXCEPTION_SYSCALL_ERROR)),
    "Preempted": Ending(lambda c, status: Preempted(), when=_is(EXCEPTION_PREEMPTED)),
}
"""How functions say that they end with an error."""


def _entry(c: Any, index: Any) -> Any:
    return c.unpack("dschedule", c.ksDomSchedule[index])


RELATION = Relation(
    EXEC,
    C,
    decode={
        "tcb.state": Decode(thread_state),
        "tcb.priority": Decode(lambda c, t: c.tcb[t].tcbPriority),
        "tcb.domain": Decode(lambda c, t: c.tcb[t].tcbDomain),
        "tcb.time_slice": Decode(lambda c, t: c.tcb[t].tcbTimeSlice),
        "tcb.endpoint": Decode(
            lambda c, t: to_reference("endpoint", c.tcb[t].tcbState.blockingObject), when=BLOCKED_ON_ENDPOINT
        ),
        "tcb.notification": Decode(
            lambda c, t: to_reference("notification", c.tcb[t].tcbState.blockingObject), when=BLOCKED_ON_NOTIFICATION
        ),
        "tcb.badge": Decode(lambda c, t: c.tcb[t].tcbState.blockingIPCBadge, when=BLOCKED_ON_SEND),
        "tcb.can_grant": Decode(lambda c, t: c.tcb[t].tcbState.blockingIPCCanGrant != 0, when=BLOCKED_ON_ENDPOINT),
        "tcb.can_grant_reply": Decode(
            lambda c, t: c.tcb[t].tcbState.blockingIPCCanGrantReply != 0, when=BLOCKED_ON_SEND
        ),
        "tcb.is_call": Decode(lambda c, t: c.tcb[t].tcbState.blockingIPCIsCall != 0, when=BLOCKED_ON_SEND),
        "tcb.ep_next": Decode(lambda c, t: to_reference("tcb", c.tcb[t].tcbEPNext)),
        "tcb.ep_prev": Decode(lambda c, t: to_reference("tcb", c.tcb[t].tcbEPPrev)),
        "tcb.bound_notification": Decode(lambda c, t: to_reference("notification", c.tcb[t].tcbBoundNotification)),
        "tcb.queued": Decode(lambda c, t: c.tcb[t].tcbState.tcbQueued != 0),
        "tcb.sched_next": Decode(lambda c, t: to_reference("tcb", c.tcb[t].tcbSchedNext)),
        "tcb.sched_prev": Decode(lambda c, t: to_reference("tcb", c.tcb[t].tcbSchedPrev)),
        "tcb.registers": Decode(lambda c, t, register: c.tcb[t].tcbArch.registers[register]),
        "endpoint.state": Decode(lambda c, e: to_member(EndpointState, c.endpoint[e].state)),
        "endpoint.head": Decode(lambda c, e: to_reference("tcb", c.endpoint[e].epQueue_head)),
        "endpoint.tail": Decode(lambda c, e: to_reference("tcb", c.endpoint[e].epQueue_tail)),
        "notification.state": Decode(lambda c, n: to_member(NotificationState, c.notification[n].state)),
        "notification.head": Decode(lambda c, n: to_reference("tcb", c.notification[n].ntfnQueue_head)),
        "notification.tail": Decode(lambda c, n: to_reference("tcb", c.notification[n].ntfnQueue_tail)),
        "notification.badge": Decode(lambda c, n: c.notification[n].ntfnMsgIdentifier),
        "notification.bound_thread": Decode(lambda c, n: to_reference("tcb", c.notification[n].ntfnBoundTCB)),
        **{f"slot.cap.{part}": _cap(part) for part in ("kind", *PARTS)},
        "slot.next": Decode(lambda c, x: to_reference("slot", c.slot[x].cteMDBNode.mdbNext)),
        "slot.prev": Decode(lambda c, x: to_reference("slot", c.slot[x].cteMDBNode.mdbPrev)),
        "slot.revocable": Decode(lambda c, x: c.slot[x].cteMDBNode.mdbRevocable != 0),
        "slot.first_badged": Decode(lambda c, x: c.slot[x].cteMDBNode.mdbFirstBadged != 0),
        "user_data.words": Decode(lambda c, p, index: c.user_data[p].words[index]),
        "work_units": Decode(lambda c: c.ksWorkUnitsCompleted),
        "interrupt_pending": Decode(lambda c: c.ksInterruptPending != 0),
        "tcb.mcp": Decode(lambda c, t: c.tcb[t].tcbMCP),
        "tcb.fault_handler": Decode(lambda c, t: c.tcb[t].tcbFaultHandler),
        "tcb.ipc_buffer": Decode(lambda c, t: c.tcb[t].tcbIPCBuffer),
        "ready_queue.head": Decode(lambda c, d, p: to_reference("tcb", _queue(c, d, p).head)),
        "ready_queue.end": Decode(lambda c, d, p: to_reference("tcb", _queue(c, d, p).end)),
        "l1_bitmap": Decode(lambda c, d: c.ksReadyQueuesL1Bitmap[d]),
        "l2_bitmap": Decode(lambda c, d, group: c.ksReadyQueuesL2Bitmap[d][group]),
        "current_thread": Decode(lambda c: to_reference("tcb", c.ksCurThread)),
        "idle_thread": Decode(lambda c: to_reference("tcb", c.ksIdleThread)),
        "scheduler_action": Decode(_action),
        "candidate": Decode(lambda c: to_reference("tcb", c.ksSchedulerAction), when=_is_thread),
        "current_domain": Decode(lambda c: c.ksCurDomain),
        "domain_time": Decode(lambda c: c.ksDomainTime),
        "domain_index": Decode(lambda c: c.ksDomScheduleIdx),
        "domain_start": Decode(lambda c: c.ksDomScheduleStart),
        "domain_schedule.domain": Decode(lambda c, i: to_width(32, _entry(c, i).domain)),
        "domain_schedule.duration": Decode(lambda c, i: _entry(c, i).duration),
    },
    results=RESULTS,
    errors=ERRORS,
)
