"""What a proof keeps of one path beyond the engine's run: states, goals, and where it stands in a loop."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attrs import define, field, frozen

from refinement import context, terms
from refinement.explore import Cut, Run
from refinement.loops import Moment
from refinement.outcomes import Outcome
from refinement.schema import Leaf
from refinement.state import Keys
from refinement.statements import kind_of
from refinement.terms import Term


@frozen
class Goal:
    """Something to prove at the end of a path: for the obligation `key`, said in words by `what`.

    `read` has the objects that it reads beyond those that it is about; a goal that is `far` needs them for sure.
    So many calls by contract as `epoch` says came before, and may be taken as right.  One that is `inner` is about
    how the run went, which need not show in the states afterwards.  Where uses are told, one that shows that a part of
    a statement `keeps` true has that part's label.
    """

    key: str
    term: Term
    what: str
    read: tuple[tuple[str, Keys], ...] = ()
    far: bool = False
    epoch: int = 0
    inner: bool = False
    keeps: str = ""


@define
class Called:
    """A call by contract of the operation `name`, the path's `position`th from 0.

    By layer: the states before and after it, the arguments by name (but in C), and their terms in the lower
    layer's order.  `records` are those that the lower layer gives, as it gives them; `outcome` is how the call ended
    in the lower layer.
    """

    name: str
    position: int
    before: dict[str, Any] = field(factory=dict)
    after: dict[str, Any] = field(factory=dict)
    given: dict[str, Mapping[str, Any]] = field(factory=dict)
    terms: dict[str, tuple[Term, ...]] = field(factory=dict)
    records: dict[str, Any] = field(factory=dict)
    outcome: Outcome = field(factory=Outcome)


@define
class Path:
    """One path of a proof.

    `start` is the moment before the operation and `live` the states as the run changes them, by layer;
    `inside` says whether the path is one from inside a loop, `head` the moment at that loop's head, and `first` that
    the loop's variables are then as they are before its first iteration;
    `reached` has the loop that each layer came to, `ended` whether it then took an iteration or left,
    `cuts` where its run was cut, and `outcomes` how it ended if it was not; `called` has the calls by contract, and
    `in_step` is the moment after the last one that both layers have made.  `drawn` has what each choice of the
    specification and each `maybe` came to, in order.
    """

    run: Run
    start: Moment
    live: dict[str, Any]
    goals: list[Goal] = field(factory=list)
    inside: bool = False
    head: Moment | None = None
    first: Term = terms.TRUE
    reached: dict[str, str] = field(factory=dict)
    ended: dict[str, str] = field(factory=dict)
    cuts: dict[str, Cut] = field(factory=dict)
    outcomes: dict[str, Outcome] = field(factory=dict)
    choices: int = 0
    drawn: list[Any] = field(factory=list)
    called: list[Called] = field(factory=list)
    in_step: Moment | None = None

    def before(self, layer: str) -> Moment:
        """The moment from which a layer's run goes on: the start, or the loop head once it came there."""
        if self.head is not None and layer in self.reached:
            return self.head
        return self.start

    def last_in_step(self, layer: str) -> Moment:
        """The last moment at which the layers were in step: after a call by contract of the upper one, or before."""
        return self.in_step or self.before(layer)

    def now(self) -> Moment:
        """The states as they are."""
        return Moment(self.live, self.start.arguments)

    def include(self, kinds: Iterable[str], choice: Iterable[Keys]) -> None:
        """Have the facts instantiated of these objects."""
        for kind, keys in zip(kinds, choice, strict=True):
            self.run.include(kind_of(kind), keys)

    def goal(
        self,
        key: str,
        term: Term,
        what: str,
        read: tuple[tuple[str, Keys], ...] = (),
        far: bool = False,
        inner: bool = False,
        keeps: str = "",
    ) -> Goal:
        """A goal about the present epoch of the run."""
        return Goal(key, term, what, read, far, self.run.epoch, inner, keeps)

    @contextmanager
    def current(self) -> Iterator[None]:
        """Make the finished run the one under way again."""
        before = context.enter(self.run)
        try:
            yield
        finally:
            context.enter(before)


def wrap_object(leaves: tuple[Leaf, ...], keys: Keys) -> Any:
    """The reference or index (a tuple, if it has several parts) of key terms."""
    wrapped = tuple(leaf.wrap(key) for leaf, key in zip(leaves, keys, strict=True))
    return wrapped if len(wrapped) > 1 else wrapped[0]
