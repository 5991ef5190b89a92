"""Proofs about ending a thread's waiting, and about the loops over whole queues."""

from __future__ import annotations

from typing import Any

from executable_model.sel4.state import NotificationState, SlotRef, ThreadRef, ThreadState
from proofs.sel4 import contracts, preconditions
from proofs.sel4.derivation import first_descendant_of
from proofs.sel4.reply_caps import reply_slot
from proofs.sel4.waiting import badged_sender, sender, waiter, waiting
from refinement.logic import NULL, all_of, any_of, implies, one_of
from refinement.loops import Loop, LoopFact, Measure, Moment
from refinement.prove import Operation
from refinement.state import exists


def _waits_on_endpoint(at: Moment, thread: ThreadRef) -> Any:
    tcb = at["exec"].tcb[thread]
    blocked = one_of(tcb.state, ThreadState.BlockedOnSend, ThreadState.BlockedOnReceive)
    return all_of(blocked, tcb.endpoint == at.arguments["endpoint"])


def _head_of_endpoint(at: Moment) -> ThreadRef:
    return at["exec"].endpoint[at.arguments["endpoint"]].head


def _waits_for_signal(at: Moment, thread: ThreadRef) -> Any:
    tcb = at["exec"].tcb[thread]
    blocked = tcb.state == ThreadState.BlockedOnNotification
    return all_of(blocked, tcb.notification == at.arguments["notification"])


def _head_of_notification(at: Moment) -> ThreadRef:
    return at["exec"].notification[at.arguments["notification"]].head


def _not_active(at: Moment) -> Any:
    return at["exec"].notification[at.arguments["notification"]].state != NotificationState.Active


def _sends_here(at: Moment, thread: ThreadRef) -> Any:
    tcb = at["exec"].tcb[thread]
    return all_of(tcb.state == ThreadState.BlockedOnSend, tcb.endpoint == at.arguments["endpoint"])


def _badge_fits(at: Moment) -> Any:
    cursor = at.variables["cursor"]
    return at["exec"].tcb[cursor].badge == at.arguments["badge"]


def _cursor_sends_here(at: Moment) -> Any:
    cursor = at.variables["cursor"]
    return any_of(cursor == NULL, all_of(exists(at["exec"].tcb, cursor), _sends_here(at, cursor)))


def _not_before_cursor(at: Moment, thread: ThreadRef) -> Any:
    cursor = at.variables["cursor"]
    return all_of(cursor != NULL, at["spec"].tcb[cursor].since <= at["spec"].tcb[thread].since)


def _badged_are_ahead(at: Moment, thread: ThreadRef) -> Any:
    fits = all_of(_sends_here(at, thread), at["exec"].tcb[thread].badge == at.arguments["badge"])
    return implies(fits, _not_before_cursor(at, thread))


ALL_IPC = Loop(
    "cancel_all_ipc",
    facts=(
        LoopFact(
            "thread_is_head",
            ("exec", "c"),
            (),
            "The thread that the loop looks at is the head of the endpoint's queue.",
            lambda at: at.variables["thread"] == _head_of_endpoint(at),
        ),
    ),
    measures=(Measure(("exec",), "tcb", _waits_on_endpoint, _head_of_endpoint),),
    code="cancelAllIPC#1",
)

ALL_SIGNALS = Loop(
    "cancel_all_signals",
    facts=(
        LoopFact("not_active", ("exec",), (), "No signal is pending.", _not_active),
        LoopFact(
            "thread_is_head",
            ("exec", "c"),
            (),
            "The thread that the loop looks at is the head of the notification's queue.",
            lambda at: at.variables["thread"] == _head_of_notification(at),
        ),
    ),
    measures=(Measure(("exec",), "tcb", _waits_for_signal, _head_of_notification),),
    code="cancelAllSignals#1",
)

BADGED_SENDS = Loop(
    "cancel_badged_sends",
    facts=(
        LoopFact(
            "cursor_sends",
            ("exec",),
            (),
            "The walk is at a thread that sends through the endpoint, or through.",
            _cursor_sends_here,
        ),
        LoopFact(
            "badged_are_ahead",
            ("spec", "exec"),
            ("tcb",),
            "Every thread that sends with the badge has come no earlier than the one where the walk is.",
            _badged_are_ahead,
        ),
    ),
    measures=(
        Measure(
            ("spec", "exec"),
            "tcb",
            lambda at, thread: all_of(_sends_here(at, thread), _not_before_cursor(at, thread)),
            lambda at: at.variables["cursor"],
        ),
    ),
    steps=_badge_fits,
    code="cancelBadgedSends#1",
    cursor="thread",
)



def reply(before: Moment, after: Moment) -> SlotRef | None:
    """The capability to reply to the thread is behind its master reply capability."""
    return first_descendant_of(before["exec"], reply_slot(before.arguments["thread"]))


CANCEL_IPC = Operation(
    "ipc_cancel", "cancel_ipc", witnesses={"first_descendant": reply}, contract=contracts.CANCEL_IPC
)

OPERATIONS = (
    CANCEL_IPC,
    Operation("ipc_cancel", "cancel_signal", preconditions.cancel_signal),
    Operation("ipc_cancel", "cancel_all_ipc", witnesses={"waiting": waiting}, loops=(ALL_IPC,)),
    Operation(
        "ipc_cancel",
        "cancel_badged_sends",
        witnesses={"sender": sender, "badged_sender": badged_sender},
        loops=(BADGED_SENDS,),
    ),
    Operation("ipc_cancel", "cancel_all_signals", witnesses={"waiter": waiter}, loops=(ALL_SIGNALS,)),
)
