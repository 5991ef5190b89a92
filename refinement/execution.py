"""One run of a proof task: its paths are explored, and on each the goals are put to the solver."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define

from refinement import context, terms
from refinement.call_proof import CallControl
from refinement.choices import AnySuitable, Witnesses
from refinement.contracts import Contract, Ensures, place
from refinement.explore import Cut, Explorer, Fact, Infeasible, ProofError, Run
from refinement.layers import Layer, PythonLayer
from refinement.loop_proof import LoopControl, inside_variable
from refinement.loops import Moment
from refinement.obligations import OF_PAIR, Obligation, Result, Settings, Status
from refinement.path import Goal, Path, wrap_object
from refinement.refutation import refute
from refinement.relation import Decode, Relation, wrap_keys
from refinement.schema import Field, Leaf
from refinement.smt import Solver
from refinement.state import Keys, exists, in_range
from refinement.statements import Statement, present
from refinement.terms import Term
from refinement.values import SymbolicRef, term_of_truth

if TYPE_CHECKING:
    from refinement.prove import Proof


NONE: Mapping[str, Term] = {}
EVERYTHING = Contract()
"""The contract of an operation that relies on everything."""

SEARCHES = 6
"""On how many paths on which an obligation fails a concrete counterexample is looked for."""


@define
class Tally:
    """What is known so far about one obligation of a task.

    `paths` counts the paths with goals for it, `skipped` those on which nothing that it reads was written;
    `searches` is how often a counterexample may still be looked for; `inner` says that the failure is one that
    need not show in the states afterwards.
    """

    obligation: Obligation
    paths: int = 0
    skipped: int = 0
    queries: int = 0
    witnessed: int = 0
    failure: str = ""
    unknown: str = ""
    fault: bool = False
    inner: bool = False
    searches: int = SEARCHES
    counterexample: dict[str, Any] | None = None

    @property
    def failed(self) -> bool:
        """Whether it is settled that the obligation is refuted or in error."""
        return self.counterexample is not None or self.fault


class Execution:
    """One run of a task: its solver, the states it starts from, and the tallies of its obligations."""

    def __init__(self, proof: Proof, settings: Settings):
        terms.reset()
        self.proof = proof
        self.settings = settings
        self.solver = Solver(settings.rlimit, settings.seconds)
        self.explorer = Explorer(self.solver)
        self.tallies = {obligation.id: Tally(obligation) for obligation in proof.obligations()}
        self.arguments = {
            name: leaf.wrap(terms.variable(f"argument.{name}", leaf.sort(proof.encoding)))
            for name, leaf in proof.parameters.items()
        }
        self.pristine = self.states("")
        self.looping = self.states("loop.") if proof.operation.loops else None
        self.after_calls: dict[str, Mapping[str, Any]] = {}
        self.start_facts = self.facts(self.pristine, "", proof.operation.contract)
        self.compared = proof.relation.compared() if proof.relation is not None else []
        self.reads: dict[str, set[str]] = {}
        self._check_names()
        self.far: set[str] = set()

    def _check_names(self) -> None:
        """ProofError if the operation's contract names a map that there is not."""
        maps = {found.name for state in self.pristine.values() for found in state._maps.values()}
        for entry in self.proof.operation.contract.modifies or ():
            layer = entry.partition(":")[0]
            if layer in self.pristine and place(entry)[0] not in maps:
                raise ProofError(f"the contract of {self.proof.operation.name} names {entry}, which there is not")

    def run(self) -> list[Result]:
        """Explore all paths, prove their goals, and sum up."""
        started = time.perf_counter()
        broken = ""
        stopped = False
        try:
            for path in self.explorer.explore(self._body):
                self._prove(path)
                stopped = self.settings.fail_fast and any(tally.failed for tally in self.tallies.values())
                if stopped:
                    break
        except ProofError as error:
            broken = str(error)
        results = self._results(time.perf_counter() - started, broken)
        # Of the others nothing can be said: they were not proved on the paths that were left out.
        return [result for result in results if self.tallies[result.obligation.id].failed] if stopped else results

    def key(self, what: str, which: str = "") -> str:
        """The id of the task's obligation of a sort (`state`, `relation`, `choice`, `loop`, `guards`, ...)."""
        proof = self.proof
        return "/".join(filter(None, (proof.base, proof.name if what in OF_PAIR else proof.lower.name, what, which)))

    def object(self, kind: str, keys: Keys) -> Any:
        """The reference or index of a kind that key terms stand for."""
        return wrap_object(self.leaves(kind), keys)

    def skolems(self, kinds: Iterable[str]) -> tuple[Keys, ...]:
        """Unknown keys of the kinds, standing for all of them."""
        count: dict[str, int] = {}
        found = []
        for kind in kinds:
            number = count[kind] = count.get(kind, -1) + 1
            found.append(
                tuple(
                    terms.variable(f"any.{kind}.{number}.{place}", leaf.sort(self.proof.encoding))
                    for place, leaf in enumerate(self.leaves(kind))
                )
            )
        return tuple(found)

    def add_footprint(self, path: Path, kinds: Iterable[str], choice: Iterable[Keys]) -> None:
        """Have the facts instantiated of these objects."""
        for kind, keys in zip(kinds, choice, strict=True):
            path.run.include(kind, keys)

    def facts(self, states: Mapping[str, Any], tag: str, contract: Contract = EVERYTHING) -> list[Fact]:
        """What is assumed of states: their types, the invariants of their layers, the relation's facts.

        With the contract of this operation: those it relies on, less what it waives.
        """
        facts = self.type_facts(states, tag)
        waived = {id: self.arguments[name].term for id, name in contract.waives.items()}
        for statement in self.proof.statements():
            if contract.relies_on(statement.id):
                facts.append(self.fact(statement, states, tag, waived.get(statement.id)))
        return facts

    def fact(
        self,
        statement: Statement,
        states: Mapping[str, Any],
        tag: str,
        waived: Term | None = None,
        shared: bool = True,
        since: int = 0,
    ) -> Fact:
        """That a statement holds of all objects of its kinds, but for one that it is waived of."""

        def instance(choice: tuple[Keys, ...]) -> Term:
            return _but_for(waived, choice, self.holds(statement, states, choice))

        return Fact(f"{tag}{'-'.join(statement.layers)}/{statement.id}", statement.kinds, instance, shared, since)

    def type_facts(self, states: Mapping[str, Any], tag: str, shared: bool = True, since: int = 0) -> list[Fact]:
        """That every enumeration of the lower state, if it is written in Python, is one of its members."""
        layer = self.proof.lower
        if not isinstance(layer, PythonLayer):
            return []
        facts = []
        for part in layer.schema.parts.values():
            declared = [*part.members.values(), *([part.field] if part.field is not None else [])]
            enumerations = [field for field in declared if field.leaf.form == "enum"]
            if enumerations:
                id = f"{tag}{layer.name}:{part.name} is well typed"
                instance = _in_range(enumerations, states[layer.name])
                kinds = (part.name,) if part.keys else ()
                facts.append(Fact(id, kinds, instance, shared, since))
        return facts

    def holds(self, statement: Statement, states: Mapping[str, Any], choice: tuple[Keys, ...]) -> Term:
        """The statement of these objects in these states, on condition that they exist."""
        views = tuple(states[layer] for layer in statement.layers)
        schemas = tuple(self._layer(name).schema for name in statement.layers)
        objects = tuple(self.object(kind, keys) for kind, keys in zip(statement.kinds, choice, strict=True))
        condition = term_of_truth(present(statement.kinds, views, schemas, objects))
        return terms.implies(condition, term_of_truth(statement.holds(*views, *objects)))

    def states(self, tag: str) -> dict[str, Any]:
        """Related states of unknown content, by layer."""
        proof = self.proof
        lower = proof.lower.fresh(proof.encoding, tag)
        states = {proof.lower.name: lower}
        if proof.relation is not None:
            states[proof.top.name] = proof.relation.upper_state(lower, proof.encoding, tag)
        return states

    def _layer(self, name: str) -> Layer:
        return next(layer for layer in self.proof.layers if layer.name == name)

    def leaves(self, kind: str) -> tuple[Leaf, ...]:
        """The types that the keys of a kind of objects (or of a table's or array's index) have."""
        for layer in self.proof.layers:
            part = layer.schema.parts.get(kind)
            if part is not None:
                return part.keys
            declared = layer.schema.fields.get(kind)
            if declared is not None:
                return declared.keys[-1:]
        raise ProofError(f"no layer has objects of the kind {kind}")

    def _body(self, run: Run) -> Path:
        proof = self.proof
        start = Moment(self.pristine, self.arguments)
        path = Path(run, start, {name: state.copy() for name, state in self.pristine.items()})
        run.facts = list(self.start_facts)
        for value in self.arguments.values():
            if isinstance(value, SymbolicRef):
                run.include(value.kind, (value.term,))
                run.assume(term_of_truth(exists(getattr(self.pristine[proof.top.name], value.kind), value)))
        for name, leaf in proof.parameters.items():
            if leaf.form == "enum":
                run.assume(in_range(Field(name, (), leaf), self.arguments[name].term))
        if proof.operation.requires is not None:
            with run.statement(collect=True) as read:
                condition = proof.operation.requires(self.pristine[proof.top.name], **self.arguments)
            run.assume(term_of_truth(condition))
            self._widen(path, read)
        path.inside = bool(proof.operation.loops) and run.decide(inside_variable())
        run.loops = LoopControl(self, path)
        run.calls = CallControl(self, path)
        run.chooser = (Witnesses(self, path) if proof.chooses() else AnySuitable(self, path)).choose
        self._call(path, proof.lower)
        if path.inside and proof.lower.name not in path.reached:
            raise Infeasible
        if proof.relation is not None:
            self._call(path, proof.top)
        return path

    def _call(self, path: Path, layer: Layer) -> None:
        path.run.enter_epoch(0)
        try:
            layer.call(path.run, path.live[layer.name], self.proof.operation.name, self.arguments)
        except Cut as cut:
            path.cuts[layer.name] = cut

    def _prove(self, path: Path) -> None:
        """Prove what is to hold at the end of a path."""
        run = path.run
        with path.current():
            goals, skipped = self._goals(path)
            run.instantiate()
            grants = run.grants(len(path.called))
            answer = self.solver.check(grants)
            if answer == "unsat" and (not grants or self.solver.check() == "unsat"):
                self.explorer.paths -= 1
                self.explorer.infeasible += 1
                return
            for key in skipped:
                self.tallies[key].skipped += 1
            for key in {self.key("guards"), *skipped, *(goal.key for goal in goals)}:
                self.tallies[key].witnessed += answer == "sat"
            for key in {self.key("guards"), *(goal.key for goal in goals)}:
                self.tallies[key].paths += 1
            for epoch in range(len(path.called) + 1):
                run.enter_epoch(epoch)
                self._prove_goals(path, [goal for goal in goals if goal.epoch == epoch])

    def _prove_goals(self, path: Path, goals: list[Goal]) -> None:
        """Prove goals of one epoch: together if that is possible, else each on its own."""
        remaining = [goal for goal in goals if path.run.simplify(goal.term) is not terms.TRUE]
        far = [goal for goal in remaining if goal.far or goal.key in self.far]
        at_once = [goal for goal in remaining if goal not in far]
        if at_once and self._check(path, at_once) == "unsat":
            remaining = far
        failed = [goal for goal in remaining if self.tallies[goal.key].searches and self._fails(path, goal)]
        for goal in failed:
            self._refute(path, goal)

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
        if tally.searches:
            tally.searches -= 1
            refutation = refute(self, path, goal)
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
        with path.run.aside():
            for more in (lambda: goal.read, lambda: self._read_by_facts(path, goal)):
                if answer == "unsat":
                    return False
                self.far.add(goal.key)
                self._widen(path, more())
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
            Goal(self.key("guards"), guard.condition, guard.what, epoch=guard.epoch)
            for guard in path.run.guards
            if guard.layer == proof.lower.name
        ]
        path.run.enter_epoch(len(path.called))
        assert isinstance(path.run.loops, LoopControl)
        goals += path.run.loops.goals()
        assert isinstance(path.run.calls, CallControl)
        goals += path.run.calls.goals()
        broken = {id: self.arguments[name].term for id, name in self.proof.operation.contract.breaks.items()}
        considered, at_end = self.state_goals(path, path.live, EVERYTHING, broken)
        goals += at_end
        goals += self._contract_goals(path)
        return goals, considered - {goal.key for goal in goals}

    def state_goals(
        self, path: Path, states: Mapping[str, Any], contract: Contract = EVERYTHING, waived: Mapping[str, Term] = NONE
    ) -> tuple[set[str], list[Goal]]:
        """That the states are related and satisfy the invariants, and all obligations that this is about.

        There are no goals about what nothing was written of.  With a contract: only what it relies on, `waived`
        of one object by the statement's id.
        """
        proof = self.proof
        goals: list[Goal] = []
        considered: set[str] = set()
        written = {name for layer in proof.layers for name in layer.written(states[layer.name])}
        for statement in proof.to_keep():
            if contract.relies_on(statement.id):
                what = "invariant" if len(statement.layers) == 1 else "relation"
                key = self.key(what, statement.id)
                considered.add(key)
                goals += self._statement_goal(path, states, statement, key, written, waived.get(statement.id))
        if proof.relation is not None:
            considered.add(self.key("state"))
            goals += self._agreement_goals(path, states, proof.relation, written)
        return considered, goals

    def _contract_goals(self, path: Path) -> list[Goal]:
        """That the operation has written what it may write only, and what else its contract says."""
        lower, contract = self.proof.lower, self.proof.operation.contract
        goals = []
        if contract.modifies is not None:
            outside = sorted(self._outside(path, contract.modifies))
            what = f"it writes {', '.join(outside)}, which its contract does not name"
            goals.append(path.goal(self.key("frame"), terms.boolean(not outside), what, inner=True))
        for ensures in contract.ensures if isinstance(lower, PythonLayer) else ():
            choice = self.skolems(ensures.kinds)
            with path.run.statement(collect=True) as read:
                term = self.ensured(ensures, path.start, path.live, lower, self.arguments, choice)
            self.add_footprint(path, ensures.kinds, choice)
            goals.append(path.goal(self.key("ensures", ensures.id), term, ensures.prose, tuple(read)))
        return goals

    def ensured(
        self,
        ensures: Ensures,
        before: Any,
        after: Any,
        layer: Layer,
        arguments: Mapping[str, Any],
        choice: tuple[Keys, ...],
    ) -> Term:
        """What an operation ensures of objects, on condition that they exist."""
        objects = tuple(self.object(kind, keys) for kind, keys in zip(ensures.kinds, choice, strict=True))
        one, other = before[layer.name], after[layer.name]
        condition = term_of_truth(present(ensures.kinds, (one,), (layer.schema,), objects))
        return terms.implies(condition, term_of_truth(ensures.holds(one, other, arguments, *objects)))

    def _outside(self, path: Path, modifies: tuple[str, ...]) -> set[str]:
        """What the lower layer has written, by itself or in calls, and may not write."""
        lower = self.proof.lower
        allowed: dict[str, set[int | None]] = {}
        for entry in modifies:
            name, last = place(entry)
            allowed.setdefault(name, set()).add(last)
        outside = set()
        for field_map in path.live[lower.name]._maps.values():
            places = allowed.get(field_map.name, set())
            if None not in places and not field_map.only_at(places):
                outside.add(field_map.name)
        return outside

    def reads_of(self, statement: Statement) -> set[str]:
        """The maps that a statement reads."""
        key = f"{'-'.join(statement.layers)}/{statement.id}"
        reads = self.reads.get(key)
        if reads is None:
            run = context.current()
            assert run is not None
            run.reads = reads = self.reads[key] = set()
            with run.statement():
                self.holds(statement, self.pristine, self.skolems(statement.kinds))
            run.reads = None
        return reads

    def _statement_goal(
        self,
        path: Path,
        states: Mapping[str, Any],
        statement: Statement,
        key: str,
        written: set[str],
        waived: Term | None,
    ) -> list[Goal]:
        """That a statement holds again, unless nothing that it reads was written."""
        if not self.reads_of(statement) & written:
            return []
        choice = self.skolems(statement.kinds)
        with path.run.statement(collect=True) as read:
            term = _but_for(waived, choice, self.holds(statement, states, choice))
        self.add_footprint(path, statement.kinds, choice)
        return [path.goal(key, term, statement.prose, tuple(read))]

    def _agreement_goals(
        self, path: Path, states: Mapping[str, Any], relation: Relation, written: set[str]
    ) -> list[Goal]:
        """That every related field written in either layer has the value that the lower layer gives it."""
        run = path.run
        upper, lower = states[relation.upper.name], states[relation.lower.name]
        goals = []
        for declared, decoder in self.compared:
            part = relation.upper.schema.parts[declared.path.split(".")[0]]
            choice = self.skolems((part.name,)) if declared.keys else ()
            keys = self._field_keys(declared, choice)
            if not self._agreement_reads(run, relation, declared, decoder, keys) & written:
                continue
            with run.statement(collect=True) as read:
                term = relation.agreement(declared, decoder, upper, lower, keys)
                if part.exists is not None:
                    ref = self.object(part.name, choice[0])
                    term = terms.implies(term_of_truth(exists(getattr(upper, part.name), ref)), term)
            goals.append(path.goal(self.key("state"), term, f"{declared.path} differs", tuple(read)))
            self.add_footprint(path, (part.name,) if choice else (), choice)
        return goals

    def agreement_facts(
        self, states: Mapping[str, Any], modifies: tuple[str, ...] | None, tag: str, since: int
    ) -> list[Fact]:
        """That fields which an operation leaves alone in the upper layer still agree with those it may write below."""
        relation = self.proof.relation
        if relation is None or modifies is None:
            return []
        changed = {place(entry)[0] for entry in modifies}
        upper, lower = states[relation.upper.name], states[relation.lower.name]
        run = context.current()
        assert run is not None
        facts = []
        for declared, decoder in self.compared:
            part = relation.upper.schema.parts[declared.path.split(".")[0]]
            name = f"{relation.upper.name}:{declared.path}"
            if len(declared.keys) > len(part.keys) or name in changed:
                continue
            keys = self.skolems((part.name,))[0] if declared.keys else ()
            if self._agreement_reads(run, relation, declared, decoder, keys) & changed:
                instance = _agrees(relation, declared, decoder, upper, lower)
                kinds = (part.name,) if declared.keys else ()
                facts.append(Fact(f"{tag}{name} agrees", kinds, instance, shared=False, since=since))
        return facts

    def _field_keys(self, declared: Field, choice: tuple[Keys, ...]) -> Keys:
        """Unknown keys of a field: those of its object, and of an array within it."""
        keys = choice[0] if choice else ()
        return keys + tuple(
            terms.variable(f"any.{declared.path}.{place}", leaf.sort(self.proof.encoding))
            for place, leaf in enumerate(declared.keys[len(keys) :])
        )

    def _agreement_reads(self, run: Run, relation: Relation, declared: Field, decoder: Any, keys: Keys) -> set[str]:
        """The maps that the agreement of a field is about."""
        reads = self.reads.get(declared.path)
        if reads is None:
            run.reads = reads = self.reads[declared.path] = {f"{relation.upper.name}:{declared.path}"}
            with run.statement():
                wrapped = wrap_keys(declared.keys, keys)
                lower = self.pristine[relation.lower.name]
                decoder.value(lower, *wrapped)
                if decoder.when is not None:
                    decoder.when(lower, *wrapped)
            run.reads = None
        return reads

    def _results(self, seconds: float, broken: str) -> list[Result]:
        share = 1 / max(len(self.tallies), 1)
        results = []
        for tally in self.tallies.values():
            status, note = self._outcome(tally, broken)
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
                )
            )
        return results

    def _outcome(self, tally: Tally, broken: str) -> tuple[Status, str]:
        if tally.failure and tally.counterexample is not None:
            return Status.REFUTED, tally.failure
        if broken:
            return Status.ERROR, broken
        if tally.fault:
            return Status.ERROR, f"FAULT OF THE ENCODING: {tally.failure}; but run plainly, nothing fails"
        if tally.failure and tally.inner:
            return Status.UNKNOWN, tally.failure
        if tally.failure:
            return Status.UNKNOWN, f"{tally.failure}; no concrete counterexample was found: an invariant may be missing"
        if tally.unknown:
            return Status.UNKNOWN, tally.unknown
        if not tally.paths + tally.skipped and "/call/" in tally.obligation.id:
            callee = tally.obligation.id.rpartition("/")[2]
            return Status.UNKNOWN, f"no path comes to a call of {callee}: take it off the operation's calls"
        if not tally.paths + tally.skipped:
            return Status.ERROR, "vacuous: no path that is possible under the assumptions comes to it"
        if not tally.witnessed:
            return Status.UNKNOWN, "the solver could not show that the assumptions are satisfiable"
        if not tally.paths:
            return Status.PROVED, f"nothing that it reads is written on any of the {tally.skipped} paths"
        return Status.PROVED, ""


def _but_for(waived: Term | None, choice: tuple[Keys, ...], term: Term) -> Term:
    """What is stated of an object, on condition that it is not the one that this is waived of."""
    return term if waived is None else terms.implies(terms.negate(terms.equal(choice[0][0], waived)), term)


def _agrees(
    relation: Relation, declared: Field, decoder: Decode, upper: Any, lower: Any
) -> Callable[[tuple[Keys, ...]], Term]:
    def instance(choice: tuple[Keys, ...]) -> Term:
        keys = choice[0] if choice else ()
        term = relation.agreement(declared, decoder, upper, lower, keys)
        part = relation.upper.schema.parts[declared.path.split(".")[0]]
        if part.exists is None:
            return term
        return terms.implies(upper._maps[part.exists.path].get(keys), term)

    return instance


def _in_range(enumerations: list[Field], state: Any) -> Callable[[tuple[Keys, ...]], Term]:
    def instance(choice: tuple[Keys, ...]) -> Term:
        keys = choice[0] if choice else ()
        return terms.conjunction([in_range(field, state._maps[field.path].get(keys)) for field in enumerations])

    return instance
