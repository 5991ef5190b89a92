"""Short traces to states where much can go wrong: threads that wait, that are ready, that are about to run.

Threads 1 to 4 are of domain 0, the fourth of a higher priority than the others; threads 5 and 6 are of domain 1.
What is in the slots of the CNode at the start says `tests.trace.start`.
"""

from __future__ import annotations

import copy
import functools
from typing import Any

from attrs import evolve

from executable_model.sel4.capability import Cap, CapKind
from executable_model.sel4.state import CALLER_SLOT, ThreadState
from impl.c.native import Native
from tests.trace.lockstep import LockStep, Outcomes
from tests.trace.start import (
    ADDRESSES,
    CNODE_SLOTS,
    ENDPOINT_CAP,
    ENDPOINTS,
    FAMILIES,
    MEMORY,
    NOTIFICATIONS,
    PAGES,
    THREADS,
    slot_of,
)

IDLE, T1, T2, T3, T4, T5, T6 = THREADS
E1, E2 = ENDPOINTS
N1, N2 = NOTIFICATIONS

CAPS: dict[Any, Cap] = {held.slot: held.cap for family in FAMILIES for held in family}

_UNTYPED = Cap(CapKind.Untyped, object=MEMORY + 0x200, size_bits=4)

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


def _forgets_caller(thread: Any) -> Step:
    return "empty_slot", {"slot": slot_of(thread, CALLER_SLOT)}


def _derives(source: int, destination: int, like: int | None = None, **changed: Any) -> Step:
    """A capability is made of that in a slot of the CNode: as it is at the start, or as another is, but for changes."""
    cap = evolve(CAPS[CNODE_SLOTS[source if like is None else like]], **changed)
    return "cap_insert", {"cap": cap, "source": CNODE_SLOTS[source], "destination": CNODE_SLOTS[destination]}


def _makes(parent: int, slot: int, cap: Cap) -> Step:
    return "insert_new_cap", {"parent": CNODE_SLOTS[parent], "slot": CNODE_SLOTS[slot], "cap": cap}


def _moves(source: Any, destination: Any, cap: Cap) -> Step:
    return "cap_move", {"cap": cap, "source": source, "destination": destination}


def _swaps(one: int, other: int) -> Step:
    """The capabilities that are in two slots of the CNode at the start are exchanged."""
    slots = {"slot1": CNODE_SLOTS[one], "slot2": CNODE_SLOTS[other]}
    return "cap_swap", {"cap1": CAPS[slots["slot1"]], "cap2": CAPS[slots["slot2"]], **slots}


_LOOKUPS = ((ADDRESSES[0], 32), (ADDRESSES[0], 31), (ADDRESSES[5], 32), (0, 28))
"""Addresses with their lengths in bits."""


def _empties(slot: int) -> Step:
    return "empty_slot", {"slot": CNODE_SLOTS[slot]}


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
        _moves(slot_of(T4, CALLER_SLOT), CNODE_SLOTS[12], Cap(CapKind.Reply, object=T1.number)),
        *_receives(T4),
        _forgets_caller(T4),
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
    "empty slots": (*_starts(T1), *(_empties(number) for number in (12, 4, 3, 5, 0, 1, 2, 6))),
    "copies": (_derives(3, 12), _derives(12, 13, like=3), _derives(4, 14), _derives(7, 15, guard=0, guard_size=0)),
    "badges": (
        _derives(3, 12, badge=1),
        _derives(3, 13, badge=6),
        _derives(12, 14, like=3, badge=1),
        _derives(2, 15, badge=6),
    ),
    "badges change hands": (_derives(4, 12), _empties(4), _empties(12)),
    "new objects": (
        _makes(0, 12, evolve(ENDPOINT_CAP, object=E2.number)),
        _makes(0, 13, evolve(_UNTYPED, size_bits=9)),
        _makes(13, 14, _UNTYPED),
        ("cap_insert", {"cap": _UNTYPED, "source": CNODE_SLOTS[14], "destination": CNODE_SLOTS[15]}),
        _empties(13),
    ),
    "lookups": (
        *(("resolve_address_bits", {"root": CAPS[CNODE_SLOTS[7]], "address": a, "depth": d}) for a, d in _LOOKUPS),
        *(("lookup_slot", {"thread": thread, "address": a}) for thread in (T1, T2, T3) for a in ADDRESSES),
        *(
            ("lookup_slot_for_cnode_op", {"is_source": True, "root": CAPS[CNODE_SLOTS[number]], "index": a, "depth": d})
            for number in (7, 8)
            for a, d in _LOOKUPS
        ),
        *(("lookup_extra_caps", {"thread": T3, "buffer": PAGES[0].number, "count": count}) for count in range(4)),
    ),
    "moved": tuple(_moves(CNODE_SLOTS[n], CNODE_SLOTS[n + 9], CAPS[CNODE_SLOTS[n]]) for n in (3, 4, 5)),
    "exchanged": (_swaps(3, 4), _swaps(0, 11), _swaps(1, 2), _swaps(8, 6)),
    "ticks": (*_starts(T1), ("restart", {"thread": T5}), *(("timer_tick", {}), *LEAVE) * 6),
}


def tell(story: str, native: Native | None = None, outcomes: Outcomes | None = None) -> LockStep:
    """The layers after a story, all whose preconditions must hold."""
    run = LockStep(native) if outcomes is None else LockStep(native, outcomes=outcomes)
    for name, arguments in STORIES[story]:
        assert run.allowed(name, arguments), f"the story {story!r}: {name} is not allowed for {arguments}"
        run.step(name, arguments)
    return run


def told(story: str) -> LockStep:
    """The layers after a story, without the compiled program; to be changed."""
    return copy.deepcopy(_told(story))


@functools.cache
def _told(story: str) -> LockStep:
    return tell(story)
