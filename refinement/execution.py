"""One run of a proof task: its paths are explored, and on each the goals are put to the solver."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from refinement import goals as goals_of_path
from refinement import terms
from refinement.call_proof import CallControl
from refinement.choices import AnySuitable, Witnesses
from refinement.explore import Cut, Explorer, Infeasible, ProofError, Run
from refinement.layers import Layer, PythonLayer
from refinement.loop_proof import LoopControl, inside_variable
from refinement.loops import Moment
from refinement.obligations import Result, Settings
from refinement.path import Goal, Path
from refinement.refutation import SECONDS_FOR_ALL, refute
from refinement.schema import Field, assembled, flattened, parts_of, terms_of
from refinement.setting import EVERYTHING, Setting
from refinement.smt import Solver
from refinement.state import Keys, exists, in_range
from refinement.tally import Tally
from refinement.terms import Term
from refinement.values import SymbolicRef, term_of_truth

if TYPE_CHECKING:
    from refinement.prove import Proof


class Execution:
    """One run of a task: its solver, the states it starts from, and the tallies of its obligations."""

    def __init__(self, proof: Proof, settings: Settings):
        terms.reset()
        self.proof = proof
        self.settings = settings
        self.solver = self.new_solver()
        self.explorer = Explorer(self.solver, proof.encoding)
        self.explorer.is_opaque = isinstance(proof.lower, PythonLayer)
        self.tallies = {obligation.id: Tally(obligation) for obligation in proof.obligations()}
        self.setting = Setting(proof, tells=settings.tells_uses)
        self.looping = self.setting.states("loop.") if proof.operation.loops else None
        self.after_calls: dict[str, Mapping[str, Any]] = {}
        self.start_facts = self.setting.facts(self.setting.pristine, "", proof.operation.contract)
        self.far: set[str] = set()
        self.searched = 0.0

    def new_solver(self) -> Solver:
        """The solver for all of the task's queries."""
        return Solver(self.settings.rlimit, self.settings.seconds)

    def run(self) -> list[Result]:
        """Explore all paths, prove their goals, and sum up."""
        started = time.perf_counter()
        broken = ""
        stopped = False
        try:
            if self.proof.states_requirement_twice():
                self._compare_requirements()
            for path in self.explorer.explore(self._body):
                self._prove(path)
                stopped = self._may_stop()
                if stopped:
                    break
        except ProofError as error:
            broken = str(error)
        results = self._results(time.perf_counter() - started, broken)
        # Of the others nothing can be said: they were not proved on the paths that were left out.
        return [result for result in results if self.tallies[result.obligation.id].failed] if stopped else results

    def _may_stop(self) -> bool:
        """Whether a failure is settled, and one is all that is wanted."""
        return self.settings.fail_fast and any(tally.failed for tally in self.tallies.values())

    def _compare_requirements(self) -> None:
        """Prove that the precondition says the same of related states of both layers."""
        proof, tally = self.proof, self.tallies[self.setting.key("requires")]
        for path in Explorer(self.solver, self.proof.encoding).explore(self._start):
            with path.current():
                with path.run.statement(collect=True) as read:
                    upper, lower = self._requires(proof.top), self._requires(proof.lower)
                self._widen(path, read)
                tally.paths += 1
                tally.witnessed += self.solver.check() == "sat"
                what = f"the precondition differs between {proof.top.name} and {proof.lower.name}"
                same = path.goal(tally.obligation.id, terms.equal(upper, lower), what, tuple(read))
                if self._fails(path, same):
                    self._refute(path, same)
                path.run.assume(upper)
                path.run.facts += self.setting.required(self.setting.pristine)
                for goal in goals_of_path.of_requirement(self.setting, path):
                    if self._fails(path, goal):
                        self._refute(path, goal)

    def _requires(self, layer: Layer) -> Term:
        """The operation's precondition of the state of a layer at the start."""
        requires = self.proof.operation.requires
        if requires is None:
            return terms.TRUE
        return term_of_truth(requires(self.setting.pristine[layer.name], **self.setting.arguments))

    def _start(self, run: Run) -> Path:
        """A path at its beginning: the facts about the states, and arguments that exist and have their types."""
        proof = self.proof
        start = Moment(self.setting.pristine, self.setting.arguments)
        path = Path(run, start, {name: state.copy() for name, state in self.setting.pristine.items()})
        run.facts = list(self.start_facts)
        for value in self.setting.arguments.values():
            if isinstance(value, SymbolicRef):
                run.include(value.kind, (value.term,))
                run.assume(term_of_truth(exists(getattr(self.setting.pristine[proof.top.name], value.kind), value)))
        run.assume(term_of_truth(proof.lower.well_typed(self.setting.given_below, proof.parameters)))
        given = parts_of(proof.parameters, self.setting.arguments)
        for name, leaf in flattened(proof.parameters).items():
            if leaf.form == "enum":
                run.assume(in_range(Field(name, (), leaf), leaf.unwrap(given[name], leaf.sort(proof.encoding))))
        return path

    def _body(self, run: Run) -> Path:
        proof = self.proof
        path = self._start(run)
        if proof.operation.requires is not None:
            with run.statement(collect=True) as read:
                for requires, label in self.setting.parts(f"{proof.base}/requires", proof.operation.requires):
                    condition = requires(self.setting.pristine[proof.top.name], **self.setting.arguments)
                    run.assume(term_of_truth(condition), label=label)
            self._widen(path, read)
        run.facts += self.setting.required(self.setting.pristine)
        path.inside = bool(proof.operation.loops) and run.decide(inside_variable())
        run.loops = LoopControl(self, path)
        run.calls = CallControl(self, path)
        run.chooser = Witnesses(self, path) if proof.chooses() else AnySuitable(self, path)
        self._call(path, proof.lower)
        if path.inside and proof.lower.name not in path.reached:
            raise Infeasible
        if proof.relation is not None:
            self._call(path, proof.top)
        return path

    def _call(self, path: Path, layer: Layer) -> None:
        path.run.enter_epoch(0)
        try:
            below = layer is self.proof.lower
            given = self.setting.given_below if below else self._arguments(path.run)
            outcome = layer.call(path.run, path.live[layer.name], self.proof.operation.name, given)
            if outcome is not None:
                path.outcomes[layer.name] = outcome
        except Cut as cut:
            path.cuts[layer.name] = cut

    def _arguments(self, run: Run) -> dict[str, Any]:
        """The upper layer's arguments, as far as the path settles what they are."""
        proof = self.proof
        found = terms_of(proof.parameters, self.setting.arguments, proof.encoding)
        return assembled(proof.parameters, lambda path, leaf: leaf.wrap(run.case_of(found[path])))

    def _prove(self, path: Path) -> None:
        """Prove what is to hold at the end of a path."""
        run = path.run
        with path.current():
            goals, skipped = self._goals(path)
            run.instantiate()
            grants = run.grants(len(path.called))
            with self._definitions():
                answer = self.solver.check(grants)
                impossible = answer == "unsat" and (not grants or self.solver.check() == "unsat")
            if impossible:
                self._dismiss(path)
                return
            self._count(path, {self.setting.key("guards"), *(goal.key for goal in goals)}, skipped, answer == "sat")
            for epoch in range(len(path.called) + 1):
                if self._may_stop():
                    return
                run.enter_epoch(epoch)
                self._prove_goals(path, [goal for goal in goals if goal.epoch == epoch])

    def _dismiss(self, path: Path) -> None:
        """Leave out a path that turned out to be impossible."""
        self.explorer.paths -= 1
        self.explorer.infeasible += 1

    def _count(self, path: Path, keys: set[str], skipped: set[str], possible: bool) -> None:
        """Note that obligations have goals on a path, on which others are skipped, and if it was shown possible."""
        for key in keys:
            self.tallies[key].paths += 1
        for key in skipped:
            self.tallies[key].skipped += 1
        for key in keys | skipped:
            self.tallies[key].witnessed += possible

    def _prove_goals(self, path: Path, goals: list[Goal]) -> None:
        """Prove goals of one epoch: together if that is possible, else each on its own."""
        remaining = [goal for goal in goals if path.run.simplify(goal.term) is not terms.TRUE]
        far = [goal for goal in remaining if goal.far or goal.key in self.far]
        at_once = [goal for goal in remaining if goal not in far]
        if at_once and self._check(path, at_once) == "unsat":
            remaining = far
        for goal in remaining:
            if self.tallies[goal.key].searches and self._fails(path, goal):
                self._refute(path, goal)
                if self._may_stop():
                    return

    @contextmanager
    def _definitions(self, *goals: Goal) -> Iterator[None]:
        """While the solver knows what the functions mean that goals, or what is asserted, name only."""
        asked = (*self.solver.asserted(), *(goal.term for goal in goals))
        self.solver.push()
        for definition in self.explorer.meanings(asked, set()):
            self.solver.add(definition)
        try:
            yield
        finally:
            self.solver.pop()

    def _check(self, path: Path, goals: list[Goal]) -> str:
        """Whether some goal of an epoch can be wrong: `unsat` if none."""
        wrong = terms.negate(terms.conjunction([goal.term for goal in goals]))
        answer = self.solver.check([wrong, *path.run.grants(goals[0].epoch)])
        for key in {goal.key for goal in goals}:
            self.tallies[key].queries += 1
        return answer

    def _refute(self, path: Path, goal: Goal) -> None:
        """Look for a concrete counterexample to a goal that failed, unless there is one for its obligation."""
        tally = self.tallies[goal.key]
        tally.failure, tally.inner = tally.failure or goal.what, tally.inner or goal.inner
        if tally.searches and self.searched < SECONDS_FOR_ALL:
            tally.searches -= 1
            started = time.perf_counter()
            refutation = refute(self, path, goal)
            self.searched += time.perf_counter() - started
            tally.fault = tally.fault or refutation.fault
            if refutation.found is not None:
                tally.failure, tally.counterexample, tally.searches = goal.what, refutation.found, 0

    def _fails(self, path: Path, goal: Goal) -> bool:
        """Whether a goal cannot be proved; one that the solver gives up on is noted as unknown.

        Few facts make fast queries.  Most goals need only those about the objects that the run touched and the
        unknown ones that the goals are about; the others get, for themselves, what they read, then what the
        facts about those read.  `far` remembers the obligations that needed more on some path.
        """
        far = goal.far or goal.key in self.far
        answer = "unknown" if far else self._check(path, [goal])
        if answer == "sat" and self.explorer.definitions:
            with self._definitions(goal):
                answer = self._check(path, [goal])
        with path.run.aside():
            for more in (lambda: goal.read, lambda: self._read_by_facts(path, goal)):
                if answer == "unsat":
                    return False
                self.far.add(goal.key)
                self._widen(path, more())
                answer = self._check(path, [goal])
                if answer == "sat" and self.explorer.definitions:
                    with self._definitions(goal):
                        answer = self._check(path, [goal])
        if answer == "unknown":
            self.tallies[goal.key].unknown = f"the solver gave up within its budget on: {goal.what}"
        return answer == "sat"

    def _widen(self, path: Path, objects: Iterable[tuple[str, Keys]]) -> None:
        """Have the facts instantiated of more objects."""
        for kind, keys in objects:
            path.run.include(kind, keys)
        path.run.instantiate()

    def _read_by_facts(self, path: Path, goal: Goal) -> dict[tuple[str, Keys], None]:
        """What the facts read about the objects that a goal reads: one step further."""
        found: dict[tuple[str, Keys], None] = {}
        for fact in path.run.facts:
            for kind, keys in goal.read:
                if fact.kinds == (kind,):
                    with path.run.statement(collect=True) as read:
                        fact.instance((keys,))
                    found.update(read)
        return found

    def _goals(self, path: Path) -> tuple[list[Goal], set[str]]:
        """The goals at the end of a path, and the ids of obligations on which it has no bearing."""
        proof = self.proof
        goals = list(path.goals)
        goals += [
            Goal(self.setting.key("guards"), guard.condition, guard.what, epoch=guard.epoch)
            for guard in path.run.guards
            if guard.layer == proof.lower.name
        ]
        path.run.enter_epoch(len(path.called))
        assert isinstance(path.run.loops, LoopControl)
        goals += path.run.loops.goals()
        assert isinstance(path.run.calls, CallControl)
        goals += path.run.calls.goals()
        broken = {id: self.setting.arguments[name].term for id, name in self.proof.operation.contract.breaks.items()}
        considered, at_end = goals_of_path.of_states(self.setting, path, path.live, EVERYTHING, broken)
        goals += at_end
        goals += goals_of_path.of_outcome(self.setting, path)
        goals += goals_of_path.of_contract(self.setting, path)
        return goals, considered - {goal.key for goal in goals}

    def _results(self, seconds: float, broken: str) -> list[Result]:
        share = 1 / max(len(self.tallies), 1)
        results = []
        for tally in self.tallies.values():
            status, note = tally.outcome(broken)
            results.append(
                Result(
                    obligation=tally.obligation,
                    status=status,
                    seconds=seconds * share,
                    paths=tally.paths + tally.skipped,
                    queries=tally.queries,
                    solver=self.solver.cost.seconds * share,
                    witnessed=tally.witnessed,
                    note=note,
                    counterexample=tally.counterexample,
                    uses={purpose: frozenset(used) for purpose, used in tally.uses.items()},
                )
            )
        return results
