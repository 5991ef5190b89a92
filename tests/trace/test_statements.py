"""Every statement that the proofs use can fail: each is broken by a small corruption of a reachable state.

Likewise every field that a relation compares is really compared.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import pytest
from attrs import evolve

from executable_model.sel4.capability import Cap
from executable_model.sel4.state import (
    CALLER_SLOT,
    DOMAIN_SCHEDULE_LENGTH,
    REPLY_SLOT,
    NotificationState,
    Slot,
    Thread,
    ThreadRef,
    ThreadState,
)
from proofs.sel4.cap_words import is_capability
from proofs.sel4.exec_c import RELATION as EXEC_C
from proofs.sel4.layers import EXEC, SPEC
from proofs.sel4.spec_exec import RELATION as SPEC_EXEC
from refinement.logic import NULL, reference
from refinement.relation import Relation, disagreements
from refinement.schema import Field
from spec.sel4.state import ThreadState as AbstractState
from tests.trace.lockstep import STATEMENTS, LockStep
from tests.trace.start import CNODE_SLOTS as C
from tests.trace.start import MEMORY, START, own, slot_of
from tests.trace.stories import E1, IDLE, N1, T1, T2, T3, T4, told

LATE = 10**6
"""A ticket or place behind all others."""
MISPLACED = START + 0x8
NO_CAPABILITY = next(word for word in range(1 << 8) if not is_capability(word))
SAME_SLOTS = ThreadRef(T1.number + 0x10)
"""A thread within another one's object."""
REPLY = slot_of(T1, REPLY_SLOT)
CALLER = slot_of(T1, CALLER_SLOT)
LAST = DOMAIN_SCHEDULE_LENGTH - 1
Corruption = Callable[[LockStep], object]


def _set(layer: str, path: str, value: Any, *keys: Any) -> Corruption:
    """Put a value in a field of a layer's state; one without a class of its own is made of the one that is there."""

    def corrupt(run: LockStep) -> None:
        holder = run.spec if layer == "spec" else run.model
        *outer, last = path.split(".")
        for name, key in zip(outer, keys, strict=False):
            holder = getattr(holder, name)[key]
        if len(keys) > len(outer):
            getattr(holder, last)[keys[-1]] = value
        else:
            setattr(holder, last, value)

    return corrupt


def _word(root: str, address: int, path: str, value: int) -> Corruption:
    return lambda run: run.memory.write(root, address, path, value)


def _misplaced(kind: str, made: Any) -> Corruption:
    return lambda run: getattr(run.model, kind).update({reference(kind)(MISPLACED): made})


def _cap(layer: str, slot: Any, cap: Cap | None = None, **changes: Any) -> Corruption:
    """Put a capability in a slot of a layer in Python, or change the one that is there."""

    def corrupt(run: LockStep) -> None:
        holder = _layer(run, layer).slot[slot]
        made = own(SPEC if layer == "spec" else EXEC, cap) if cap is not None else holder.cap
        holder.cap = evolve(made, **changes)

    return corrupt


def _head(run: LockStep) -> Any:
    """The first of the ready threads 1 to 3."""
    return run.model.ready_queue[0, 3].head


def _behind_head(run: LockStep) -> Any:
    return run.model.tcb[_head(run)].sched_next


def _alike(layer: str, states: Any) -> dict[str, tuple[str, Corruption]]:
    """Corruptions of what the specification and the model have in common."""
    end = "" if layer == "spec" else "_exec"
    return {
        f"{layer}/thread_bounds": ("ready", _set(layer, "tcb.priority", 256, T1)),
        f"{layer}/queued_runnable": ("ready", _set(layer, "tcb.state", states.Inactive, T1)),
        f"{layer}/blocked_on_endpoint": ("senders", _set(layer, "tcb.endpoint", NULL, T2)),
        f"{layer}/blocked_on_notification": ("waiters", _set(layer, "tcb.notification", NULL, T2)),
        f"{layer}/badge_width": ("senders", _set(layer, "tcb.badge", 1 << 28, T1)),
        f"{layer}/bound_thread": ("bound", _set(layer, "notification.bound_thread", T2, N1)),
        f"{layer}/bound_notification": ("bound", _set(layer, "tcb.bound_notification", N1, T2)),
        f"{layer}/current_thread": ("ready", _set(layer, "current_thread", NULL)),
        f"{layer}/idle_thread": ("ready", _set(layer, "tcb.state", states.Inactive, IDLE)),
        f"{layer}/only_idle_thread": ("bound", _set(layer, "tcb.state", states.IdleThreadState, T1)),
        f"{layer}/candidate": ("candidate", _set(layer, "candidate", T4)),
        f"{layer}/resumed_thread": ("ready", _set(layer, "tcb.queued", True, T4)),
        f"{layer}/no_orphans": ("ready", _set(layer, "tcb.queued", False, T1)),
        f"{layer}/current_domain": ("ready", _set(layer, "current_domain", 16)),
        f"{layer}/domain_entries": ("ready", lambda run: setattr(_layer(run, layer).domain_schedule[1], "domain", 16)),
        f"{layer}/domain_schedule_ends": (
            "ready",
            lambda run: setattr(_layer(run, layer).domain_schedule[LAST], "duration", 1),
        ),
        f"{layer}/domain_time_left": ("ready", _set(layer, "domain_time", 0)),
        f"{layer}/thread_slots{end}": ("bound", lambda run: _layer(run, layer).slot.pop(CALLER)),
        f"{layer}/own_slots{end}": ("bound", lambda run: run.model.tcb.update({SAME_SLOTS: Thread()})),
        f"{layer}/cnodes{end}": ("bound", _cap(layer, C[7], guard_size=29)),
        f"{layer}/cnode_slots{end}": ("bound", lambda run: _layer(run, layer).slot.pop(C[15])),
        f"{layer}/cnodes_no_threads{end}": ("bound", _cap(layer, C[10], object=slot_of(T2, 0).number)),
        f"{layer}/reply_slots{end}": ("ready", _cap(layer, REPLY, Cap())),
        f"{layer}/reply_caps{end}": ("answered calls", _set(layer, "tcb.state", states.Inactive, T3)),
    }


def _layer(run: LockStep, layer: str) -> Any:
    return run.spec if layer == "spec" else run.model


CORRUPTIONS: dict[str, tuple[str, Corruption]] = {
    **_alike("spec", AbstractState),
    "spec/one_direction": ("senders", _set("spec", "tcb.state", AbstractState.BlockedOnReceive, T1)),
    "spec/blocked_on_notification": ("waiters", _set("spec", "notification.active", True, N1)),
    "spec/time_passes": ("bound", _set("spec", "now", -1)),
    "spec/arrived_earlier": ("senders", lambda run: setattr(run.spec.tcb[T1], "since", run.spec.now)),
    "spec/arrived_in_turn": ("senders", lambda run: setattr(run.spec.tcb[T1], "since", run.spec.tcb[T2].since)),
    "spec/place_taken": ("ready", lambda run: setattr(run.spec.tcb[T1], "place", run.spec.now)),
    "spec/places_differ": ("ready", lambda run: setattr(run.spec.tcb[T1], "place", run.spec.tcb[T2].place)),
    "spec/places": ("bound", _set("spec", "slot.family", 9, C[0])),
    "spec/places_apart": ("bound", _set("spec", "slot.position", Fraction(6, 16), C[4])),
    "spec/descendants": ("bound", _set("spec", "slot.is_original", False, C[3])),
    "spec/untyped_caps": ("bound", _cap("spec", C[0], size_bits=30)),
    "spec/one_reply": ("answered calls", lambda run: setattr(run.spec.slot[C[12]], "cap", run.spec.slot[CALLER].cap)),
    **_alike("exec", ThreadState),
    "exec/caps_well_formed": ("bound", _cap("exec", C[0], object=MISPLACED)),
    "exec/empty_slots": ("bound", _set("exec", "slot.revocable", True, C[12])),
    "exec/derivation_links": ("bound", _set("exec", "slot.prev", NULL, C[1])),
    "exec/badges_begin": ("bound", _set("exec", "slot.first_badged", False, C[4])),
    "exec/unqueued_links": ("ready", _set("exec", "tcb.sched_next", T1, T4)),
    "exec/ready_links": ("ready", lambda run: setattr(run.model.tcb[_behind_head(run)], "sched_prev", NULL)),
    "exec/ready_ends": ("ready", lambda run: setattr(run.model.ready_queue[0, 3], "end", NULL)),
    "exec/ready_bitmaps": ("ready", _set("exec", "l2_bitmap", 0, (0, 7))),
    "exec/group_bitmap": ("ready", _set("exec", "l1_bitmap", 0, 0)),
    "exec/bitmap_width": ("ready", _set("exec", "l1_bitmap", 1 | 1 << 8, 0)),
    "exec/blocked_on_endpoint": ("senders", _set("exec", "tcb.ep_prev", NULL, T2)),
    "exec/blocked_on_notification": ("waiters", _set("exec", "tcb.ep_next", NULL, T2)),
    "exec/not_waiting": ("ready", _set("exec", "tcb.ep_next", T2, T1)),
    "exec/endpoint_ends": ("senders", _set("exec", "endpoint.tail", T1, E1)),
    "exec/notification_ends": ("waiters", _set("exec", "notification.state", NotificationState.Idle, N1)),
    "c/thread_state_number": ("bound", _word("tcb", T1.number, "tcbState.words[0]", 0xF)),
    "c/endpoint_state_number": ("bound", _word("endpoint", E1.number, "words[0]", 0x3)),
    "c/notification_state_number": ("bound", _word("notification", N1.number, "words[0]", 0x3)),
    "c/tcb_alignment": ("bound", _misplaced("tcb", Thread())),
    "c/endpoint_alignment": ("bound", _misplaced("endpoint", object())),
    "c/notification_alignment": ("bound", _misplaced("notification", object())),
    "c/slot_alignment": ("bound", _misplaced("slot", Slot())),
    "c/user_data_alignment": ("bound", _misplaced("user_data", object())),
    "c/capability_words": ("bound", _word("cte", C[0].number, "cap", NO_CAPABILITY)),
    "spec-exec/places_taken": ("bound", _set("spec", "slot.end", Fraction(0), C[0])),
    "spec-exec/next_in_family": ("bound", _set("spec", "slot.family", 0, C[9])),
    "spec-exec/derivation_places": ("bound", _set("spec", "slot.position", Fraction(6, 16), C[4])),
    "spec-exec/intervals_nest": ("bound", _set("spec", "slot.end", Fraction(1), C[4])),
    "spec-exec/descendants_are_children": ("bound", _set("exec", "slot.revocable", False, C[3])),
    "spec-exec/descendants_end": ("bound", _cap("exec", C[6], badge=6)),
    "spec-exec/regions_have_one_family": ("bound", _set("spec", "slot.family", 1, C[5])),
    "spec-exec/regions_are_together": ("bound", _set("spec", "slot.position", Fraction(3, 32), C[3])),
    "spec-exec/untyped_descendants": ("bound", _cap("exec", C[8], object=MEMORY + 0x300)),
    "spec-exec/arrival_order": ("senders", _set("spec", "tcb.since", LATE, T2)),
    "spec-exec/none_between": ("senders", _set("spec", "tcb.since", LATE, T2)),
    "spec-exec/endpoint_arrivals": ("senders", _set("spec", "tcb.since", LATE, T1)),
    "spec-exec/notification_arrivals": ("waiters", _set("spec", "tcb.since", LATE, T1)),
    "spec-exec/ready_order": ("ready", lambda run: setattr(run.spec.tcb[_head(run)], "place", LATE)),
    "spec-exec/no_place_between": ("ready", lambda run: setattr(run.spec.tcb[_behind_head(run)], "place", LATE)),
    "spec-exec/ready_places": ("ready", lambda run: setattr(run.spec.tcb[_head(run)], "place", LATE)),
}
"""For each statement a story, and what to do to the state that it leads to."""


def _name(statement: Any) -> str:
    return f"{'-'.join(statement.layers)}/{statement.id}"


def test_there_is_a_corruption_for_each_statement():
    assert sorted(map(_name, STATEMENTS)) == sorted(CORRUPTIONS)


@pytest.mark.parametrize("statement", STATEMENTS, ids=_name)
def test_a_statement_can_fail(statement):
    story, corrupt = CORRUPTIONS[_name(statement)]
    run = told(story)
    assert run.broken(statement, run.views(), run.universe()) == []
    corrupt(run)
    assert run.broken(statement, run.views(), run.universe()), "it holds of the corrupted state too"


def _compared() -> Iterator[tuple[Relation, Field]]:
    for relation in (SPEC_EXEC, EXEC_C):
        yield from ((relation, declared) for declared, _ in relation.compared())


@pytest.mark.parametrize(
    ("relation", "declared"), [pytest.param(r, d, id=f"{r.name}/{d.path}") for r, d in _compared()]
)
def test_a_field_is_compared(relation, declared):
    """In some story, another value of the field of the upper layer is a disagreement, and the only one."""
    for story in ("senders", "waiters", "ready", "candidate", "pending signal"):
        run = told(story)
        for holder, name in _places(_layer(run, relation.upper.name), declared, run.universe()):
            old = _get(holder, name)
            _put(holder, name, _another(declared, old))
            views = run.views()
            found = disagreements(relation, views[relation.upper.name], views[relation.lower.name], run.universe())
            _put(holder, name, old)
            if len(found) == 1 and found[0].startswith(declared.path):
                return
    pytest.fail("no other value of the field is a disagreement")


def _places(state: Any, declared: Field, universe: dict[str, list[Any]]) -> Iterator[tuple[Any, Any]]:
    """Where the field is held: an object and attribute (and part of a record), or an array and index."""
    outer, _, name = declared.path.partition(".")
    whole = getattr(state, outer)
    if not declared.keys:
        yield state, outer
    elif not name:
        yield from ((whole, index) for index in universe[outer])
    elif declared.path in universe:
        for key in universe[outer]:
            yield from ((getattr(whole[key], name), index) for index in universe[declared.path])
    else:
        yield from ((whole[key], name) for key in universe[outer])


def _get(holder: Any, name: Any) -> Any:
    if isinstance(holder, dict):
        return holder[name]
    for step in name.split("."):
        holder = getattr(holder, step)
    return holder


def _put(holder: Any, name: Any, value: Any) -> None:
    if isinstance(holder, dict):
        holder[name] = value
        return
    name, _, part = name.partition(".")
    setattr(holder, name, evolve(getattr(holder, name), **{part: value}) if part else value)


def _another(declared: Field, old: Any) -> Any:
    """Another value of the field's type."""
    leaf = declared.leaf
    if leaf.form == "ref":
        return reference(leaf.kind)(MISPLACED)
    if isinstance(old, enum.Enum):
        members = list(type(old))
        return members[(members.index(old) + 1) % len(members)]
    return not old if isinstance(old, bool) else old ^ 1
