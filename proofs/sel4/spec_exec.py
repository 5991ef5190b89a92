"""The relation between the abstract specification and the executable model.

The specification's queues are orders of arrival; the model's are linked lists.  That a list is in the order of
arrival is said link by link: each thread came before the next one, none came between, the first came first
and the last came last.
"""

from __future__ import annotations

from typing import Any

from executable_model.sel4.state import NotificationState, SchedulerAction, ThreadState
from proofs.sel4 import derivation_order
from proofs.sel4.exec_invariants import (
    same_queue,
    same_ready_queue,
    waits,
    waits_for_signal,
    waits_on_endpoint,
)
from proofs.sel4.layers import EXEC, SPEC
from refinement.logic import NULL, all_of, any_of, implies
from refinement.relation import Decode, Relation
from refinement.statements import related


def _sends(s: Any, t: Any) -> Any:
    return s.tcb[t].state == ThreadState.BlockedOnSend


@related("spec", "exec", "tcb")
def arrival_order(spec: Any, s: Any, t: Any) -> Any:
    """A waiting thread came before the one behind it."""
    after = s.tcb[t].ep_next
    return implies(all_of(waits(s, t), after != NULL), spec.tcb[t].since < spec.tcb[after].since)


@related("spec", "exec", "tcb", "tcb")
def none_between(spec: Any, s: Any, t: Any, u: Any) -> Any:
    """No thread of the queue came between a waiting thread and the one behind it."""
    after = s.tcb[t].ep_next
    apart = any_of(spec.tcb[u].since <= spec.tcb[t].since, spec.tcb[after].since <= spec.tcb[u].since)
    return implies(all_of(same_queue(s, t, u), after != NULL), apart)


@related("spec", "exec", "tcb")
def endpoint_arrivals(spec: Any, s: Any, t: Any) -> Any:
    """The first thread in an endpoint's queue came no later than any that waits there, the last no earlier."""
    queue = s.endpoint[s.tcb[t].endpoint]
    since = spec.tcb[t].since
    bounds = all_of(spec.tcb[queue.head].since <= since, since <= spec.tcb[queue.tail].since)
    return implies(waits_on_endpoint(s, t), all_of(queue.head != NULL, queue.tail != NULL, bounds))


@related("spec", "exec", "tcb")
def notification_arrivals(spec: Any, s: Any, t: Any) -> Any:
    """The first thread in a notification's queue came no later than any that waits there, the last no earlier."""
    queue = s.notification[s.tcb[t].notification]
    since = spec.tcb[t].since
    bounds = all_of(spec.tcb[queue.head].since <= since, since <= spec.tcb[queue.tail].since)
    return implies(waits_for_signal(s, t), all_of(queue.head != NULL, queue.tail != NULL, bounds))


@related("spec", "exec", "tcb")
def ready_order(spec: Any, s: Any, t: Any) -> Any:
    """A ready thread's place is ahead of that of the one behind it."""
    after = s.tcb[t].sched_next
    return implies(all_of(s.tcb[t].queued, after != NULL), spec.tcb[t].place < spec.tcb[after].place)


@related("spec", "exec", "tcb", "tcb")
def no_place_between(spec: Any, s: Any, t: Any, u: Any) -> Any:
    """No ready thread of the same domain and priority has a place between a thread's and that of the one behind it."""
    after = s.tcb[t].sched_next
    apart = any_of(spec.tcb[u].place <= spec.tcb[t].place, spec.tcb[after].place <= spec.tcb[u].place)
    return implies(all_of(same_ready_queue(s, t, u), after != NULL), apart)


@related("spec", "exec", "tcb")
def ready_places(spec: Any, s: Any, t: Any) -> Any:
    """The first thread of a ready queue has the foremost place of all that are in it, the last the hindmost."""
    queue = s.ready_queue[s.tcb[t].domain, s.tcb[t].priority]
    place = spec.tcb[t].place
    bounds = all_of(spec.tcb[queue.head].place <= place, place <= spec.tcb[queue.end].place)
    return implies(s.tcb[t].queued, all_of(queue.head != NULL, queue.end != NULL, bounds))


RELATION = Relation(
    SPEC,
    EXEC,
    decode={
        "tcb.endpoint": Decode(lambda s, t: s.tcb[t].endpoint, when=waits_on_endpoint),
        "tcb.notification": Decode(lambda s, t: s.tcb[t].notification, when=waits_for_signal),
        "tcb.badge": Decode(lambda s, t: s.tcb[t].badge, when=_sends),
        "tcb.can_grant": Decode(lambda s, t: s.tcb[t].can_grant, when=waits_on_endpoint),
        "tcb.can_grant_reply": Decode(lambda s, t: s.tcb[t].can_grant_reply, when=_sends),
        "tcb.is_call": Decode(lambda s, t: s.tcb[t].is_call, when=_sends),
        "notification.active": Decode(lambda s, n: s.notification[n].state == NotificationState.Active),
        "notification.badge": Decode(
            lambda s, n: s.notification[n].badge, when=lambda s, n: s.notification[n].state == NotificationState.Active
        ),
        "slot.is_original": Decode(lambda s, x: s.slot[x].revocable),
        "candidate": Decode(lambda s: s.candidate, when=lambda s: s.scheduler_action == SchedulerAction.SwitchToThread),
    },
    free=(
        "now",
        "tcb.since",
        "tcb.place",
        "families",
        "slot.family",
        "slot.position",
        "slot.end",
    ),
    facts=(
        arrival_order,
        none_between,
        endpoint_arrivals,
        notification_arrivals,
        ready_order,
        no_place_between,
        ready_places,
        *derivation_order.FACTS,
    ),
)
