"""Loops without a small bound: proved by an invariant at the loop head, one arbitrary iteration at a time.

A proof follows a run up to the first loop head (the *entry*), and separately from a loop head in an
arbitrary state that satisfies the invariant (*inside*): through one iteration to the next head, or out
of the loop to the end.  At the head, the ordinary invariants and the relation hold, together with what
the contract adds.  Where two layers are run, their loops keep step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen


@frozen
class Moment:
    """A moment of a run as contracts and witnesses see it.

    `at["exec"]` is a layer's state; `variables` are those of the loop, by name, where there is one.
    """

    states: Mapping[str, Any]
    arguments: Mapping[str, Any]
    variables: Mapping[str, Any] = field(factory=dict)

    def __getitem__(self, layer: str) -> Any:
        return self.states[layer]


@frozen
class LoopFact:
    """A part of a loop's invariant beyond the ordinary ones: `holds(at, *objects)`, for all objects of `kinds`.

    It speaks of the states of `layers`, and is proved where the last of them is the lower one.
    """

    id: str
    layers: tuple[str, ...]
    kinds: tuple[str, ...]
    prose: str
    holds: Callable[..., Any] = field(repr=False)


@frozen
class Measure:
    """Why a loop ends: each iteration takes one object of the kind `kind` off those that remain.

    `remaining(at, object)` says whether an object is still to be dealt with, `taken(at)` is the one that
    the next iteration deals with.  As there are finitely many objects, the loop ends.  It speaks of the
    states of `layers` and is proved where the last of them is the lower one.
    """

    layers: tuple[str, ...]
    kind: str
    remaining: Callable[..., Any] = field(repr=False)
    taken: Callable[..., Any] = field(repr=False)


@frozen
class Descent:
    """Why a loop ends: each iteration makes the machine word `value(at)` less.  `layers` as for a `Measure`."""

    layers: tuple[str, ...]
    value: Callable[..., Any] = field(repr=False)


@frozen
class Loop:
    """The contract of a loop, by its label in the Python layers.

    `steps(at)` says whether the specification takes an iteration with the model (always, if not given).
    In C the loop is labelled `code`, and `cursor` is the variable there that a `walk` calls its cursor.  Its other
    variables are named alike in all layers; `records` has the types of those that are records.
    """

    label: str
    facts: tuple[LoopFact, ...] = ()
    measures: tuple[Measure | Descent, ...] = ()
    steps: Callable[..., Any] | None = field(default=None, repr=False)
    code: str = ""
    cursor: str = ""
    records: Mapping[str, type] = field(factory=dict, repr=False)
