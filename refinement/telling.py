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
from refinement.tally import Tally

if TYPE_CHECKING:
    from refinement.prove import Proof


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
        """A solver that tells."""
        self.tracer = TracingSolver(self.settings.rlimit, self.settings.seconds)
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
        answer = super()._check(path, goals)
        if answer == "unsat":
            self._note(path, goals)
        return answer

    def _note(self, path: Path, goals: list[Goal]) -> None:
        """Note what the proof of goals needed: of each obligation on its own, among what all of them needed."""
        core = self.tracer.core
        purposes: dict[tuple[str, str], list[Goal]] = {}
        for goal in goals:
            purposes.setdefault((goal.key, goal.keeps), []).append(goal)
        for (key, keeps), alike in purposes.items():
            needed = core
            if len(purposes) > 1:
                with self.tracer.only(core):
                    alone = super()._check(path, alike)
                needed = self.tracer.core if alone == "unsat" else core
            self.tallies[key].uses.setdefault(keeps, set()).update(needed)

    def _refute(self, path: Path, goal: Goal) -> None:
        tally: Tally = self.tallies[goal.key]
        tally.failure, tally.inner, tally.searches = tally.failure or goal.what, tally.inner or goal.inner, 0
