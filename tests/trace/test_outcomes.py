"""The outcomes of operations that leave every thread in its state: each is come to by all layers alike.

Changes of a thread's state are counted where traces are drawn; what happens to messages, signals, queues and the
scheduler without one is looked for here, in the model's state before and after the operation.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from attrs import evolve, frozen

from executable_model.sel4.capability import Cap, CapKind
from executable_model.sel4.state import (
    BADGE_REGISTER,
    CALLER_SLOT,
    FIRST_MESSAGE_REGISTER,
    MESSAGE_INFO_REGISTER,
    MESSAGE_REGISTERS,
    REPLY_SLOT,
    TIME_SLICE,
    NotificationState,
    SchedulerAction,
    ThreadState,
)
from impl.c.native import Native
from tests.trace.lockstep import LockStep, compiled
from tests.trace.start import CNODE_SLOTS as C
from tests.trace.start import ENDPOINT_CAP, ENDPOINTS, NOTIFICATION_CAP, NOTIFICATIONS, THREADS, slot_of
from tests.trace.stories import CAPS

Step = tuple[str, dict[str, Any]]

_, T1, T2, T3, T4, T5, _ = THREADS
E1 = ENDPOINTS[0]
N1 = NOTIFICATIONS[0]
LEAVE: tuple[Step, ...] = (("schedule", {}), ("activate_thread", {}))
TICK: tuple[Step, ...] = (("timer_tick", {}), *LEAVE)


def _start(*threads: Any) -> tuple[Step, ...]:
    return tuple(step for thread in threads for step in (("restart", {"thread": thread}), *LEAVE))


def _send(thread: Any, badge: int = 1, *, blocking: bool = True, call: bool = False) -> Step:
    rights = {"can_grant": call, "can_grant_reply": False}
    arguments = {"blocking": blocking, "call": call, "badge": badge, **rights, "thread": thread, "endpoint": E1}
    return "send_ipc", arguments


def _receive(thread: Any, *, blocking: bool = True) -> Step:
    return "receive_ipc", {"thread": thread, "endpoint": E1, "can_grant": False, "blocking": blocking}


def _wait(thread: Any, *, blocking: bool = True) -> Step:
    return "receive_signal", {"thread": thread, "notification": N1, "blocking": blocking}


def _signal(badge: int) -> Step:
    return "send_signal", {"notification": N1, "badge": badge}


def _transfer(sender: Any, receiver: Any) -> Step:
    return "do_ipc_transfer", {"sender": sender, "receiver": receiver, "badge": 6}


def _insert(source: int, destination: int, **changed: Any) -> Step:
    cap = evolve(CAPS[C[source]], **changed)
    return "cap_insert", {"cap": cap, "source": C[source], "destination": C[destination]}


def _empty(slot: Any) -> Step:
    return "empty_slot", {"slot": slot}


UNTYPED = CAPS[C[1]]
OTHER_ENDPOINT = evolve(ENDPOINT_CAP, object=ENDPOINTS[1].number)
BOUND: Step = ("bind_notification", {"thread": T1, "notification": N1})
UNBOUND: Step = ("unbind_notification", {"thread": T1})
SENDERS = (*_start(T1), _send(T1), *LEAVE, *_start(T2), _send(T2, 6), *LEAVE)


def _unchanged(before: Any, after: Any) -> bool:
    return bool(before == after)


def _unchanged_threads(before: Any, after: Any) -> bool:
    return bool(before.tcb == after.tcb)


def _badge(thread: Any, badge: int) -> Callable[[Any, Any], bool]:
    """The thread finds the badge, and no signal is pending."""
    return lambda before, after: (
        after.tcb[thread].registers[BADGE_REGISTER] == badge != before.tcb[thread].registers[BADGE_REGISTER]
        and after.notification[N1].state == NotificationState.Idle
    )


def _pending(badge: int) -> Callable[[Any, Any], bool]:
    return lambda before, after: (
        after.notification[N1].state == NotificationState.Active and after.notification[N1].badge == badge
    )


def _message(sender: Any, receiver: Any, length: int) -> Callable[[Any, Any], bool]:
    """So many words arrive, and the receiver's other registers keep what they held."""

    def holds(before: Any, after: Any) -> bool:
        arrived = dict(before.tcb[receiver].registers)
        info = before.tcb[sender].registers[MESSAGE_INFO_REGISTER]
        arrived |= {BADGE_REGISTER: 6, MESSAGE_INFO_REGISTER: info >> 12 << 12 | length}
        for register in range(FIRST_MESSAGE_REGISTER, FIRST_MESSAGE_REGISTER + length):
            arrived[register] = before.tcb[sender].registers[register]
        return bool(after.tcb[receiver].registers == arrived)

    return holds


def _switches(old: Any, new: Any) -> Callable[[Any, Any], bool]:
    return lambda before, after: before.current_thread == old and after.current_thread == new


def _ready(*threads: Any) -> Callable[[Any, Any], bool]:
    """The model's ready queue of domain 0 and priority 3 is these threads, and so it is back to front."""

    def holds(before: Any, after: Any) -> bool:
        queue = after.ready_queue[0, 3]
        return bool(
            list(_followed(after, queue.head, "sched_next")) == list(threads)
            and list(_followed(after, queue.end, "sched_prev")) == list(reversed(threads))
        )

    return holds


def _followed(state: Any, thread: Any, link: str) -> Iterator[Any]:
    while thread in state.tcb:
        yield thread
        thread = getattr(state.tcb[thread], link)


def _action(action: SchedulerAction, candidate: Any = None) -> Callable[[Any, Any], bool]:
    return lambda before, after: after.scheduler_action == action and (candidate in (None, after.candidate))


def _was(action: SchedulerAction) -> Callable[[Any, Any], bool]:
    return lambda before, after: before.scheduler_action == action


def _both(*conditions: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    return lambda before, after: all(condition(before, after) for condition in conditions)


def _domain(old: int, new: int, time: int) -> Callable[[Any, Any], bool]:
    return lambda before, after: (before.current_domain, after.current_domain, after.domain_time) == (old, new, time)


def _slice(thread: Any, old: int, new: int) -> Callable[[Any, Any], bool]:
    return lambda before, after: (before.tcb[thread].time_slice, after.tcb[thread].time_slice) == (old, new)


CHOOSE = _action(SchedulerAction.ChooseNewThread)
RESUME = _action(SchedulerAction.ResumeCurrentThread)


def _holds(slot: Any, cap: Cap, **flags: bool) -> Callable[[Any, Any], bool]:
    """The slot holds the capability, with these flags only."""
    wanted = {"revocable": False, "first_badged": False, **flags}
    return lambda before, after: (
        after.slot[slot].cap == cap and all(getattr(after.slot[slot], name) == flag for name, flag in wanted.items())
    )


def _list(*slots: Any) -> Callable[[Any, Any], bool]:
    """Each of the slots stands right behind the one before it."""
    return lambda before, after: all(
        after.slot[one].next == other and after.slot[other].prev == one for one, other in itertools.pairwise(slots)
    )


@frozen
class Outcome:
    """What an operation comes to after other operations, by the model's states before and after it."""

    story: tuple[Step, ...]
    step: Step
    holds: Callable[[Any, Any], bool]


OUTCOMES = {
    "a send that nobody receives is dropped": Outcome(_start(T1), _send(T1, blocking=False), _unchanged),
    "a call that nobody receives is dropped": Outcome(_start(T1), _send(T1, blocking=False, call=True), _unchanged),
    "a receiver that does not block finds badge 0": Outcome(_start(T1), _receive(T1, blocking=False), _badge(T1, 0)),
    "a receiver finds the pending signal of its bound notification": Outcome(
        (BOUND, _signal(6), *_start(T1)), _receive(T1), _badge(T1, 6)
    ),
    "a receiver leaves the senders waiting if a signal is pending": Outcome(
        (*_start(T2), _send(T2), *LEAVE, BOUND, _signal(6), *_start(T1)),
        _receive(T1),
        _both(_badge(T1, 6), lambda before, after: after.endpoint[E1] == before.endpoint[E1]),
    ),
    "a message of no words": Outcome((), _transfer(THREADS[0], T1), _message(THREADS[0], T1, 0)),
    "a message of one word": Outcome((), _transfer(T1, T2), _message(T1, T2, 1)),
    "a message that is cut": Outcome((), _transfer(T2, T1), _message(T2, T1, MESSAGE_REGISTERS)),
    "a message that fits just so": Outcome((), _transfer(T3, T1), _message(T3, T1, MESSAGE_REGISTERS)),
    "a message to oneself": Outcome((), _transfer(T4, T4), _message(T4, T4, 2)),
    "a signal stays pending": Outcome((), _signal(1), _pending(1)),
    "signals add up": Outcome((_signal(1),), _signal(6), _pending(7)),
    "a signal with badge 0 is pending too": Outcome((), _signal(0), _pending(0)),
    "an old signal's badge is gone": Outcome(
        (_signal(1), ("complete_signal", {"notification": N1, "thread": T1})), _signal(6), _pending(6)
    ),
    "a signal to a bound thread that does not wait stays pending": Outcome(
        (BOUND, *_start(T1)), _signal(6), _pending(6)
    ),
    "a waiter takes the pending signal": Outcome((_signal(6), *_start(T1)), _wait(T1), _badge(T1, 6)),
    "a poll takes the pending signal": Outcome((_signal(6), *_start(T1)), _wait(T1, blocking=False), _badge(T1, 6)),
    "a poll without a signal finds badge 0": Outcome(_start(T1), _wait(T1, blocking=False), _badge(T1, 0)),
    "nobody waits on the endpoint": Outcome(_start(T1), ("cancel_all_ipc", {"endpoint": E1}), _unchanged),
    "nobody waits for a signal": Outcome(_start(T1), ("cancel_all_signals", {"notification": N1}), _unchanged),
    "nobody sends through the endpoint": Outcome(
        (*_start(T1), _receive(T1), *LEAVE), ("cancel_badged_sends", {"endpoint": E1, "badge": 0}), _unchanged
    ),
    "nobody sends with the badge": Outcome(
        SENDERS,
        ("cancel_badged_sends", {"endpoint": E1, "badge": 0}),
        _both(CHOOSE, lambda before, after: after.endpoint == before.endpoint and after.tcb == before.tcb),
    ),
    "a thread that waits for nothing has no wait to cancel": Outcome(
        _start(T1), ("cancel_ipc", {"thread": T1}), _unchanged
    ),
    "a received call lends the right to reply": Outcome(
        (*_start(T2), _receive(T2), *LEAVE, *_start(T1)),
        _send(T1, call=True),
        _both(
            _holds(slot_of(T2, CALLER_SLOT), Cap(CapKind.Reply, object=T1.number)),
            _list(slot_of(T1, REPLY_SLOT), slot_of(T2, CALLER_SLOT)),
        ),
    ),
    "a wait for a reply goes on, but nobody can reply any more": Outcome(
        (*_start(T2), _receive(T2), *LEAVE, *_start(T1), _send(T1, call=True), *LEAVE),
        ("cancel_ipc", {"thread": T1}),
        _both(
            _holds(slot_of(T2, CALLER_SLOT), Cap()),
            lambda before, after: before.tcb == after.tcb and after.tcb[T1].state == ThreadState.BlockedOnReply,
        ),
    ),
    "a wait for a reply that nobody can make goes on": Outcome(
        (
            *_start(T2),
            _receive(T2),
            *LEAVE,
            *_start(T1),
            _send(T1, call=True),
            *LEAVE,
            _empty(slot_of(T2, CALLER_SLOT)),
        ),
        ("cancel_ipc", {"thread": T1}),
        _unchanged,
    ),
    "a thread gets its own reply capability when it is first resumed": Outcome(
        (),
        ("restart", {"thread": T1}),
        _holds(
            slot_of(T1, REPLY_SLOT),
            Cap(CapKind.Reply, object=T1.number, can_grant=True, is_master=True),
            revocable=True,
            first_badged=True,
        ),
    ),
    "a copy stands right behind the original": Outcome(
        (), _insert(3, 12), _both(_holds(C[12], ENDPOINT_CAP), _list(C[3], C[12], C[4]))
    ),
    "a copy of a copy stands behind it": Outcome(
        (), _insert(5, 12), _both(_holds(C[12], CAPS[C[5]]), _list(C[5], C[12], C[6]))
    ),
    "a capability that gets a badge is an original": Outcome(
        (),
        _insert(3, 12, badge=1),
        _holds(C[12], evolve(ENDPOINT_CAP, badge=1), revocable=True, first_badged=True),
    ),
    "a copy of untyped memory leaves nothing to the one that is copied": Outcome(
        (_empty(C[2]),),
        _insert(1, 12),
        _both(
            _holds(C[1], evolve(UNTYPED, free_offset=0x1000), revocable=True, first_badged=True),
            _holds(C[12], UNTYPED, revocable=True, first_badged=True),
        ),
    ),
    "a new object is the first that was made of the memory": Outcome(
        (),
        ("insert_new_cap", {"parent": C[0], "slot": C[12], "cap": OTHER_ENDPOINT}),
        _both(_holds(C[12], OTHER_ENDPOINT, revocable=True, first_badged=True), _list(C[0], C[12], C[1])),
    ),
    "an empty slot stays empty": Outcome((), _empty(C[12]), _unchanged),
    "the next one becomes the first with its badge": Outcome(
        (),
        _empty(C[4]),
        _both(_list(C[3], C[5]), lambda before, after: after.slot[C[5]].first_badged),
    ),
    "one that is not the first with its badge leaves no trace": Outcome(
        (),
        _empty(C[5]),
        _both(_list(C[4], C[6]), lambda before, after: not after.slot[C[6]].first_badged),
    ),
    "a capability keeps its place when it is moved": Outcome(
        (),
        ("cap_move", {"cap": evolve(ENDPOINT_CAP, can_grant=False), "source": C[3], "destination": C[12]}),
        _both(
            _holds(C[12], evolve(ENDPOINT_CAP, can_grant=False), revocable=True, first_badged=True),
            _holds(C[3], Cap()),
            _list(C[2], C[12], C[4]),
        ),
    ),
    "neighbours are exchanged": Outcome(
        (),
        ("cap_swap", {"cap1": ENDPOINT_CAP, "slot1": C[3], "cap2": NOTIFICATION_CAP, "slot2": C[2]}),
        _both(_holds(C[2], ENDPOINT_CAP, revocable=True, first_badged=True), _list(C[1], C[3], C[2], C[4])),
    ),
    "a runnable thread is not restarted": Outcome(_start(T1), ("restart", {"thread": T1}), _unchanged),
    "the idle thread is not restarted": Outcome((), ("restart", {"thread": THREADS[0]}), _unchanged),
    "an unbound thread is not unbound": Outcome((), UNBOUND, _unchanged),
    "a thread is unbound": Outcome(
        (BOUND,),
        UNBOUND,
        lambda before, after: after.notification[N1].bound_thread != T1 == before.notification[N1].bound_thread,
    ),
    "a tick of the time slice": Outcome(_start(T1), TICK[0], _both(_slice(T1, 2, 1), RESUME)),
    "the time slice ends": Outcome(
        (*_start(T1, T2), ("timer_tick", {})), TICK[0], _both(_slice(T1, 1, TIME_SLICE), CHOOSE, _ready(T2, T1))
    ),
    "a tick of the idle thread": Outcome((), TICK[0], _both(_unchanged_threads, _domain(0, 0, 2), RESUME)),
    "the domain's time ends": Outcome(TICK * 2, TICK[0], _both(_unchanged_threads, CHOOSE)),
    "the next domain's turn, in which nobody is ready": Outcome(
        (*_start(T1), *TICK * 2, TICK[0]), LEAVE[0], _both(_domain(0, 1, 2), _switches(T1, THREADS[0]))
    ),
    "the next domain's turn, in which a thread is ready": Outcome(
        (*_start(T1), ("restart", {"thread": T5}), *TICK * 2, TICK[0]),
        LEAVE[0],
        _both(_domain(0, 1, 2), _switches(T1, T5)),
    ),
    "the first domain's turn, behind the end marker": Outcome(
        (*_start(T1), *TICK * 4, TICK[0]), LEAVE[0], _both(_domain(1, 0, 3), _switches(THREADS[0], T1))
    ),
    "the current thread goes on": Outcome(_start(T1), LEAVE[0], _unchanged),
    "the idle thread gives way": Outcome((("restart", {"thread": T1}),), LEAVE[0], _switches(THREADS[0], T1)),
    "a higher candidate is switched to": Outcome(
        (*_start(T1), ("restart", {"thread": T4})), LEAVE[0], _switches(T1, T4)
    ),
    "a candidate of the same priority waits its turn": Outcome(
        (*_start(T1), ("restart", {"thread": T2})),
        LEAVE[0],
        _both(_was(SchedulerAction.SwitchToThread), _switches(T1, T1), RESUME, _ready(T2)),
    ),
    "a lower candidate stays ready": Outcome(
        (*_start(T4), ("restart", {"thread": T1})),
        LEAVE[0],
        _both(_was(SchedulerAction.SwitchToThread), _switches(T4, T4), RESUME, _ready(T1)),
    ),
    "a caller gives way to a lower receiver, the highest there is": Outcome(
        (*_start(T1), _receive(T1), *LEAVE, *_start(T4), _send(T4, call=True)),
        LEAVE[0],
        _both(_was(SchedulerAction.SwitchToThread), _switches(T4, T1)),
    ),
    "a caller gives way to a higher thread than its receiver": Outcome(
        (
            *_start(T1),
            _receive(T1),
            *LEAVE,
            ("set_priority", {"thread": T2, "priority": 31}),
            *_start(T2, T4),
            _send(T4, call=True),
        ),
        LEAVE[0],
        _both(_was(SchedulerAction.SwitchToThread), _switches(T4, T2), _ready(T1)),
    ),
    "nobody is left to run": Outcome((*_start(T1), ("suspend", {"thread": T1})), LEAVE[0], _switches(T1, THREADS[0])),
    "the first woken thread is the candidate": Outcome(
        _start(T1), ("restart", {"thread": T4}), _action(SchedulerAction.SwitchToThread, T4)
    ),
    "a second woken thread competes with it": Outcome(
        (*_start(T4), ("restart", {"thread": T1})), ("restart", {"thread": T2}), _both(CHOOSE, _ready(T2, T1))
    ),
    "a woken thread of another domain is only ready": Outcome(
        _start(T1), ("restart", {"thread": T5}), _both(RESUME, lambda before, after: after.tcb[T5].queued)
    ),
    "a thread yields to those of its priority": Outcome(
        _start(T1, T2, T3), ("handle_yield", {}), _both(CHOOSE, _ready(T3, T2, T1))
    ),
    "a ready thread does not get to the front": Outcome(
        _start(T1, T2, T3), ("tcb_sched_enqueue", {"thread": T2}), _both(_unchanged, _ready(T3, T2))
    ),
    "a ready thread does not get to the back": Outcome(
        _start(T1, T2, T3), ("tcb_sched_append", {"thread": T3}), _both(_unchanged, _ready(T3, T2))
    ),
    "a thread from the middle of its queue": Outcome(
        _start(T4, T1, T2, T3), ("suspend", {"thread": T2}), _ready(T3, T1)
    ),
    "the current thread's priority": Outcome(
        _start(T4), ("set_priority", {"thread": T4, "priority": 3}), _both(CHOOSE, _ready())
    ),
    "a ready thread's priority": Outcome(
        _start(T1, T2, T3),
        ("set_priority", {"thread": T2, "priority": 255}),
        _both(_ready(T3), _action(SchedulerAction.SwitchToThread, T2)),
    ),
    "an inactive thread's priority": Outcome(
        _start(T1),
        ("set_priority", {"thread": T2, "priority": 255}),
        _both(RESUME, _ready(), lambda before, after: after.tcb[T2].priority == 255),
    ),
}


@pytest.fixture(scope="module")
def native() -> Iterator[Native]:
    with compiled() as running:
        yield running


@pytest.mark.parametrize("name", OUTCOMES)
def test_an_operation_comes_to_this(name: str, native: Native) -> None:
    outcome = OUTCOMES[name]
    run = LockStep(native)
    for operation, arguments in outcome.story:
        assert run.allowed(operation, arguments), f"{operation} is not allowed for {arguments}"
        run.step(operation, arguments)
    before = copy.deepcopy(run.model)
    operation, arguments = outcome.step
    assert run.allowed(operation, arguments)
    run.step(operation, arguments)
    assert outcome.holds(before, run.model)
