"""A run of a proof task that tells what its proofs use: assumptions, and outcomes of the specification."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from refinement import reached
from refinement.cores import TracingSolver
from refinement.execution import Execution
from refinement.explore import Run
from refinement.layers import Layer
from refinement.obligations import Result, Settings
from refinement.path import Goal, Path

if TYPE_CHECKING:
    from refinement.prove import Proof


DEARER = 4
"""How much more a query may take that tells what it uses."""


class TellingExecution(Execution):
    """A run whose results tell what was used.

    An obligation uses what its own queries needed, what ruled out other decisions on its paths and whole paths of its
    task, and the outcomes of the top layer's functions that its paths come to.
    """

    def __init__(self, proof: Proof, settings: Settings):
        super().__init__(proof, settings)
        self._needed_by_all: set[str] = set()
        self._outcomes: set[str] = set()

    def new_solver(self) -> TracingSolver:
        """A solver that tells.  As telling makes some queries dearer, each may take more."""
        self.tracer = TracingSolver(DEARER * self.settings.rlimit, self.settings.seconds)
        return self.tracer

    def run(self) -> list[Result]:
        """Explore all paths, prove their goals, and sum up."""
        results = super().run()
        return [evolve(result, uses={**result.uses, "": self._at_large(result)}) for result in results]

    def _at_large(self, result: Result) -> frozenset[str]:
        return result.uses.get("", frozenset()) | self._needed_by_all

    def _body(self, run: Run) -> Path:
        self._outcomes = set()
        return super()._body(run)

    def _call(self, path: Path, layer: Layer) -> None:
        if layer is not self.proof.stack.layers[0]:
            super()._call(path, layer)
            return
        with reached.noted(self._outcomes):
            super()._call(path, layer)

    def _dismiss(self, path: Path) -> None:
        super()._dismiss(path)
        self._needed_by_all |= self.tracer.core | path.run.used

    def _count(self, path: Path, keys: set[str], skipped: set[str], possible: bool) -> None:
        super()._count(path, keys, skipped, possible)
        for key in keys:
            used = self.tallies[key].uses.setdefault("", set())
            used |= path.run.used
            if possible:
                used |= self._outcomes

    def _check(self, path: Path, goals: list[Goal]) -> str:
        """Whether some goal can be wrong, each purpose (an obligation, or a part of a statement) on its own."""
        purposes: dict[tuple[str, str], list[Goal]] = {}
        for goal in goals:
            purposes.setdefault((goal.key, goal.keeps), []).append(goal)
        answers = [self._check_alike(path, alike) for alike in purposes.values()]
        return next((answer for answer in answers if answer != "unsat"), "unsat")

    def _check_alike(self, path: Path, goals: list[Goal]) -> str:
        answer = super()._check(path, goals)
        if answer == "unsat":
            self.tallies[goals[0].key].uses.setdefault(goals[0].keeps, set()).update(self.tracer.core)
        return answer

    def _refute(self, path: Path, goal: Goal) -> None:
        tally = self.tallies[goal.key]
        tally.failure, tally.inner, tally.searches = tally.failure or goal.what, tally.inner or goal.inner, 0
