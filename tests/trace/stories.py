"""Short traces to states where much can go wrong: threads that wait, that are ready, that are about to run.

Threads 1 to 4 are of domain 0, the fourth of a higher priority than the others; threads 5 and 6 are of domain 1.
"""

from __future__ import annotations

from typing import Any

from executable_model.sel4.state import ThreadState
from impl.c.native import Native
from tests.trace.lockstep import ENDPOINTS, NOTIFICATIONS, THREADS, LockStep, Outcomes

IDLE, T1, T2, T3, T4, T5, T6 = THREADS
E1, E2 = ENDPOINTS
N1, N2 = NOTIFICATIONS

Step = tuple[str, dict[str, Any]]
LEAVE: tuple[Step, ...] = (("schedule", {}), ("activate_thread", {}))


def _starts(thread: Any) -> tuple[Step, ...]:
    return ("restart", {"thread": thread}), *LEAVE


def _sends(thread: Any, badge: int, *, call: bool = False, grant: bool = False, endpoint: Any = E1) -> tuple[Step, ...]:
    rights = {"can_grant": grant, "can_grant_reply": False}
    arguments = {"blocking": True, "call": call, "badge": badge, **rights, "thread": thread, "endpoint": endpoint}
    return ("send_ipc", arguments), ("schedule", {})


def _receives(thread: Any, endpoint: Any = E1) -> tuple[Step, ...]:
    return ("receive_ipc", {"thread": thread, "endpoint": endpoint, "can_grant": False, "blocking": True}), *LEAVE


def _waits(thread: Any, notification: Any = N1) -> tuple[Step, ...]:
    return ("receive_signal", {"thread": thread, "notification": notification, "blocking": True}), *LEAVE


_BOUND: Step = ("bind_notification", {"thread": T1, "notification": N1})
_SENDERS = (*_starts(T1), *_sends(T1, 1), *_starts(T2), *_sends(T2, 6), *_starts(T3), *_sends(T3, 1))
_RECEIVERS = (*_starts(T1), *_receives(T1), *_starts(T2), *_receives(T2))
_WAITERS = (*_starts(T1), *_waits(T1), *_starts(T2), *_waits(T2), *_starts(T3), *_waits(T3))
_READY = (*_starts(T1), *_starts(T2), *_starts(T3), *_starts(T4))

STORIES: dict[str, tuple[Step, ...]] = {
    "senders": _SENDERS,
    "waiters": _WAITERS,
    "ready": _READY,
    "bound": (_BOUND,),
    "candidate": (("restart", {"thread": T2}),),
    "messages": (*_SENDERS, *_starts(T4), *_receives(T4), *_receives(T4)),
    "calls": (
        *_starts(T1),
        *_sends(T1, 1, call=True, grant=True),
        *_starts(T2),
        *_sends(T2, 6, call=True),
        *_starts(T4),
        *_receives(T4),
        *_receives(T4),
    ),
    "answered calls": (
        *_RECEIVERS,
        *_starts(T3),
        *_sends(T3, 1, call=True, grant=True),
        *_starts(T4),
        *_sends(T4, 1, call=True),
    ),
    "messages to receivers": (*_RECEIVERS, *_starts(T3), *_sends(T3, 0x0FFFFFFF)),
    "badged sends": (*_SENDERS, ("cancel_badged_sends", {"endpoint": E1, "badge": 1}), *LEAVE),
    "senders cancelled": (*_SENDERS, ("cancel_all_ipc", {"endpoint": E1}), *LEAVE),
    "receivers cancelled": (*_RECEIVERS, ("cancel_all_ipc", {"endpoint": E1}), *LEAVE),
    "waiters cancelled": (*_WAITERS, ("cancel_all_signals", {"notification": N1}), *LEAVE),
    "one cancelled": (*_WAITERS, ("cancel_signal", {"thread": T2, "notification": N1})),
    "signals": (*_WAITERS, ("send_signal", {"notification": N1, "badge": 1}), *LEAVE),
    "pending signal": (
        ("send_signal", {"notification": N1, "badge": 1}),
        ("send_signal", {"notification": N1, "badge": 6}),
        ("complete_signal", {"notification": N1, "thread": T4}),
        ("send_signal", {"notification": N2, "badge": 6}),
    ),
    "signal to a receiver": (_BOUND, *_RECEIVERS, ("send_signal", {"notification": N1, "badge": 1}), *LEAVE),
    "stopped": (
        *_SENDERS,
        ("suspend", {"thread": T2}),
        ("cancel_ipc", {"thread": T1}),
        *_starts(T3),
        ("suspend", {"thread": T3}),
        *LEAVE,
    ),
    "transfers": tuple(("do_ipc_transfer", {"sender": t, "receiver": u, "badge": 6}) for t in THREADS for u in THREADS),
    "unbound": (_BOUND, ("unbind_notification", {"thread": T1}), ("unbind_notification", {"thread": T2})),
    "scheduling": (
        *_READY,
        ("reschedule_required", {}),
        ("tcb_sched_enqueue", {"thread": T4}),
        ("tcb_sched_dequeue", {"thread": T4}),
        ("tcb_sched_append", {"thread": T4}),
        ("set_thread_state", {"thread": T4, "state": ThreadState.Restart}),
        ("possible_switch_to", {"thread": T2}),
        *LEAVE,
    ),
    "choice": (*_READY, ("suspend", {"thread": T4}), ("schedule_choose_new_thread", {})),
    "yield": (*_READY, ("set_priority", {"thread": T4, "priority": 3}), *LEAVE, ("handle_yield", {}), *LEAVE),
    "ticks": (*_starts(T1), ("restart", {"thread": T5}), *(("timer_tick", {}), *LEAVE) * 6),
}


def tell(story: str, native: Native | None = None, outcomes: Outcomes | None = None) -> LockStep:
    """The layers after a story, all whose preconditions must hold."""
    run = LockStep(native) if outcomes is None else LockStep(native, outcomes=outcomes)
    for name, arguments in STORIES[story]:
        assert run.allowed(name, arguments), f"the story {story!r}: {name} is not allowed for {arguments}"
        run.step(name, arguments)
    return run
