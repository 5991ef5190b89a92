"""Loops without a small bound: proved by an invariant at the loop head, one arbitrary iteration at a time.

A proof follows a run up to the first loop head (the *entry*), and separately from a loop head in an
arbitrary state that satisfies the invariant (*inside*): through one iteration to the next head, or out
of the loop to the end.  At the head, the ordinary invariants and the relation hold, together with what
the contract adds.  Where two layers are run, their loops keep step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field, frozen

from refinement import terms
from refinement.explore import Cut, ProofError, Run


@frozen
class LoopFact:
    """A fact about a loop's state: `holds(upper, lower, arguments, values, *objects)`, for all objects."""

    id: str
    kinds: tuple[str, ...]
    holds: Callable[..., Any] = field(repr=False)
    prose: str = ""


@frozen
class Loop:
    """The contract of a loop, by its label.

    `facts` are the invariant beyond the ordinary ones.  `steps(upper, lower, arguments, values)` says
    whether the upper layer takes an iteration with the lower one (always, if not given).
    `remaining(upper, lower, arguments, values, object)` says whether an object of the kind `over` is
    still to be dealt with, and `taken(...)` is the one that an iteration deals with: as there are
    finitely many objects, a loop that takes one away each time ends.
    `lower_label` is the label in the lower layer where it is another; `cursor` names the lower loop
    variable that is the upper one's `cursor`.
    """

    label: str
    facts: tuple[LoopFact, ...] = ()
    steps: Callable[..., Any] | None = None
    over: str = ""
    remaining: Callable[..., Any] | None = None
    taken: Callable[..., Any] | None = None
    lower_label: str = ""
    cursor: str = ""


@define
class LoopControl:
    """What one path does at its loops: `inside` or on entry, and how each layer's run ended."""

    contracts: dict[str, Loop]
    inside: bool
    arrive: Callable[[Run, str, dict[str, Any]], dict[str, Any]]
    stutters: Callable[[Run, Loop], bool]
    reached: dict[str, str] = field(factory=dict)
    at_end: dict[str, str] = field(factory=dict)

    def contract(self, label: str) -> Loop | None:
        """The contract of the loop with that label in any layer."""
        for loop in self.contracts.values():
            if label in (loop.label, loop.lower_label):
                return loop
        return None

    def head(self, run: Run, label: str, values: dict[str, Any]) -> dict[str, Any]:
        """Arrive at a loop head for the first time; gives the loop variables to go on with."""
        loop = self.contract(label)
        if loop is None:
            raise ProofError(f"the loop {label!r} needs an invariant: state a Loop for it with the operation's proof")
        self.reached[run.layer] = loop.label
        if not self.inside:
            raise Cut(label, values)
        values = self.arrive(run, loop.label, values)
        if self.stutters(run, loop):
            raise Cut(label, values)
        return values

    def enter(self, run: Run, label: str) -> None:
        """Note that the run takes an iteration."""
        self.at_end[run.layer] = "iteration"

    def leave(self, run: Run, label: str) -> None:
        """Note that the run leaves the loop."""
        self.at_end[run.layer] = "left"


def inside_variable() -> terms.Term:
    """The decision whether a path is one from inside a loop: free, so both are explored."""
    return terms.variable("loop.inside", terms.BOOL)
