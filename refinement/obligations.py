"""Obligations, their results, and the tasks that discharge them: the data that every front end shares."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

if TYPE_CHECKING:
    from refinement.recordings import Replayer


class Status(enum.Enum):
    """How an obligation ended.  Only `PROVED` counts as proved."""

    PROVED = "proved"
    REFUTED = "refuted"
    UNKNOWN = "unknown"
    ERROR = "error"


class Kind(enum.Enum):
    """What sort of statement an obligation makes."""

    REFINEMENT = "refinement"
    INVARIANT = "invariant"
    GUARD = "guard"
    SECURITY = "security"
    MACHINE = "machine"
    LAYOUT = "layout"
    TERMINATION = "termination"


OF_PAIR = ("state", "result", "requires", "relation", "choice", "loop", "call")
"""The parts of ids that say that an obligation is about both layers of a pair."""


@frozen
class Obligation:
    """A statement to be proved.

    `id` is stable and reads like a path (`sel4/endpoint/send_ipc/exec-c/state`); `layers` is
    `spec-exec`, `exec-c` or the one layer it is about; `strength` is `unbounded`, `bounded` or
    `tested`, with its `bound` in words; `location` is `file:line` of the operation in the lowest
    layer concerned; `assumptions` are the ids of what the proof may use.
    """

    id: str
    layers: str
    operation: str
    claim: str
    kind: Kind
    location: str
    strength: str = "unbounded"
    bound: str | None = None
    assumptions: tuple[str, ...] = ()


@frozen
class Result:
    """What came of one obligation.

    `seconds` and `solver` are wall seconds of the whole and of the solver; `paths` and `queries` count
    what the obligation needed; `witnessed` says on how many paths its assumptions were shown
    satisfiable; `note` says in a sentence what the reader should know (why unknown, what was skipped);
    `uses` has, if the settings ask for it, the ids of the assumptions and outcomes that the proof uses: to show that
    a part of a statement is kept, by the label of that part, and for all else by an empty one.
    """

    obligation: Obligation
    status: Status
    seconds: float = 0.0
    paths: int = 0
    queries: int = 0
    solver: float = 0.0
    cached: bool = False
    witnessed: int = 0
    note: str = ""
    counterexample: dict[str, Any] | None = None
    uses: Mapping[str, frozenset[str]] = field(factory=dict)


@frozen
class Settings:
    """What a run of a task may spend, and how its results are shown.

    `rlimit` is Z3's deterministic resource limit for one query, `seconds` the last guard for one.  With `tells_uses`,
    results tell what the proofs use, and no counterexamples are looked for.
    """

    rlimit: int = 20_000_000
    seconds: float = 60.0
    fail_fast: bool = False
    tells_uses: bool = False


@frozen
class Task:
    """The unit of work: one operation between two layers (or in one), with all its obligations.

    `id` is the common prefix of the obligations' ids; `run` discharges them in this process and gives
    one result for each, in order; `proof`, if it is a proof about an operation, is what scenarios need.
    """

    id: str
    obligations: tuple[Obligation, ...]
    run: Callable[[Settings], list[Result]] = field(repr=False, eq=False)
    proof: Any = field(default=None, repr=False, eq=False)


@frozen
class Kernel:
    """A kernel under verification: its name, the proof tasks about it, what it takes on trust.

    `prose` has for the id of an assumption the sentence that says what it means.  With a `replayer`, recordings of the
    real kernel can be replayed on its layers.
    """

    name: str
    tasks: tuple[Task, ...]
    prose: Mapping[str, str] = field(factory=dict, repr=False)
    replayer: Replayer | None = field(default=None, repr=False)
