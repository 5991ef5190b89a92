"""Proof tasks: an operation run through one layer, or through two in step, and what is proved of it.

A product run starts two layers in related states of which only the invariants are known, runs the
lower layer, then the upper one under the same path condition, and proves on each path: the states are
related again, the invariants hold again, and nothing was done that the plain run could not do.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, get_type_hints

from attrs import define, field, frozen

from refinement import terms, values
from refinement.explore import Cut, Explorer, Fact, Infeasible, ProofError, Run
from refinement.layers import Layer, PythonLayer
from refinement.logic import NULL, Ref
from refinement.loops import Loop, LoopControl, LoopFact, inside_variable
from refinement.obligations import Kind, Obligation, Result, Settings, Status, Task
from refinement.relation import Relation, wrap_keys
from refinement.schema import MACHINE, MATHEMATICAL, Encoding, Leaf, leaf_of
from refinement.smt import Solver
from refinement.state import Keys, SymbolicState, exists
from refinement.statements import Statement, guarded
from refinement.terms import Term
from refinement.values import SymbolicRef, term_of_truth


@frozen
class Operation:
    """An operation as the proofs see it.

    `requires(s, **arguments)` is its precondition, stated on a state of the upper two layers alike.
    `witnesses` supply the specification's choices, by label: `(before, after, arguments) -> reference
    or None`, from the lower layer's states before and after the operation (or loop iteration).
    """

    module: str
    name: str
    requires: Callable[..., Any] | None = None
    witnesses: Mapping[str, Callable[..., Any]] = field(factory=dict)
    loops: tuple[Loop, ...] = ()


@frozen
class Stack:
    """A kernel's layers as proofs need them: name, invariants by layer, and the relations between layers."""

    kernel: str
    invariants: Mapping[str, tuple[Statement, ...]]
    spec: PythonLayer
    model: PythonLayer
    code: Any
    spec_model: Relation
    model_code: Relation | None


@define
class Tally:
    """What is known so far about one obligation of a task."""

    obligation: Obligation
    paths: int = 0
    queries: int = 0
    seconds: float = 0.0
    witnessed: int = 0
    skipped: int = 0
    hit: bool = False
    failure: str = ""
    unknown: str = ""
    counterexample: dict[str, Any] | None = None


@frozen
class Goal:
    """Something to prove at the end of a path, for one obligation."""

    key: str
    term: Term
    what: str


def parameters_of(layer: PythonLayer, operation: str) -> dict[str, Leaf]:
    """The types of an operation's arguments, by name."""
    hints = get_type_hints(layer.operations[operation], include_extras=True)
    return {name: leaf_of(hint) for name, hint in hints.items() if name not in ("s", "return")}


class Proof:
    """One task: an operation in `lower`, and in `upper` too if there is a relation."""

    def __init__(self, stack: Stack, operation: Operation, lower: Layer, relation: Relation | None):
        self.stack = stack
        self.operation = operation
        self.lower = lower
        self.relation = relation
        self.upper = relation.upper if relation is not None else None
        top = self.upper or lower
        assert isinstance(top, PythonLayer)
        self.parameters = parameters_of(top, operation.name)
        self.encoding: Encoding = MACHINE if lower is stack.code else MATHEMATICAL
        self.base = f"{stack.kernel}/{operation.module}/{operation.name}"
        self.layers = relation.name if relation is not None else lower.name

    def proved_layer(self) -> str:
        """The layer whose invariants and guards this task proves."""
        return self.lower.name

    def obligations(self) -> list[Obligation]:
        """All obligations of the task, in a fixed order."""
        found = []
        where = self.lower.location(self.operation.name)

        def add(layers: str, claim_id: str, claim: str, kind: Kind, assumptions: tuple[str, ...] = ()) -> None:
            found.append(
                Obligation(
                    id=f"{self.base}/{layers}/{claim_id}",
                    layers=layers,
                    operation=self.operation.name,
                    claim=claim,
                    kind=kind,
                    location=where,
                    assumptions=self.assumptions(),
                )
            )

        name = self.operation.name
        if self.relation is not None:
            upper, lower = self.relation.upper.name, self.relation.lower.name
            add(self.layers, "state", f"After {name}, {upper} and {lower} agree on every related field.", Kind.REFINEMENT)
            for fact in self.relation.facts:
                add(self.layers, f"relation/{fact.id}", f"{name} keeps: {fact.prose}", Kind.REFINEMENT)
            if lower != "c":
                for label in self.operation.witnesses:
                    claim = f"The choice {label!r} of {upper} in {name} is the one that {lower} makes."
                    add(self.layers, f"choice/{label}", claim, Kind.REFINEMENT)
            for loop in self.operation.loops:
                claim = f"The loops {loop.label} of {upper} and {lower} keep step and keep their invariant."
                add(self.layers, f"loop/{loop.label}", claim, Kind.REFINEMENT)
                if loop.remaining is not None and lower != "c":
                    claim = f"Each iteration of {loop.label} takes one object off those that remain."
                    add(lower, f"termination/{loop.label}", claim, Kind.TERMINATION)
        layer = self.proved_layer()
        add(layer, "guards", f"{name} does nothing in {layer} that is undefined or out of range.", Kind.GUARD)
        for invariant in self.stack.invariants[layer]:
            add(layer, f"invariant/{invariant.id}", f"{name} keeps: {invariant.prose}", Kind.INVARIANT)
        return found

    def assumptions(self) -> tuple[str, ...]:
        """Ids of what the proof assumes: invariants and relation facts before, and the precondition."""
        ids = [f"{self.stack.kernel}/{self.lower.name}/{i.id}" for i in self.stack.invariants[self.lower.name]]
        if self.relation is not None:
            upper = self.relation.upper.name
            ids += [f"{self.stack.kernel}/{upper}/{i.id}" for i in self.stack.invariants[upper]]
            ids += [f"{self.stack.kernel}/{self.relation.name}/{fact.id}" for fact in self.relation.facts]
        if self.operation.requires is not None:
            ids.append(f"{self.base}/requires")
        return tuple(ids)

    def task(self) -> Task:
        """The task, ready to run."""
        return Task(f"{self.base}/{self.layers}", tuple(self.obligations()), self.run)

    def run(self, settings: Settings) -> list[Result]:
        """Discharge the obligations, in this process."""
        return Execution(self, settings).run()


class Execution:
    """One run of a task: its solver, its pristine states, and the tallies of its obligations."""

    def __init__(self, proof: Proof, settings: Settings):
        terms.reset()
        self.proof = proof
        self.settings = settings
        self.solver = Solver(settings.rlimit, settings.seconds)
        self.explorer = Explorer(self.solver)
        self.tallies = {self._key(obligation): Tally(obligation) for obligation in proof.obligations()}
        self.pristine = self._states("")
        self.looping = self._states("loop.") if proof.operation.loops else None
        self.reads: dict[str, set[str]] = {}
        self.arguments = self._arguments()

    def _key(self, obligation: Obligation) -> str:
        return obligation.id.removeprefix(self.proof.base + "/").split("/", 1)[1]

    def _states(self, tag: str) -> dict[str, Any]:
        lower = self.proof.lower.fresh(self.proof.encoding, tag)
        states = {self.proof.lower.name: lower}
        if self.proof.relation is not None:
            states[self.proof.relation.upper.name] = self.proof.relation.upper_state(lower, self.proof.encoding, tag)
        return states

    def _arguments(self) -> dict[str, Any]:
        made = {}
        for name, leaf in self.proof.parameters.items():
            made[name] = leaf.wrap(terms.variable(f"argument.{name}", leaf.sort(self.proof.encoding)))
        return made

    def run(self) -> list[Result]:
        """Explore all paths, prove their goals, and sum up."""
        started = time.perf_counter()
        try:
            for path in self.explorer.explore(self._body):
                self._prove(path)
                if self.settings.fail_fast and any(tally.failure for tally in self.tallies.values()):
                    break
        except ProofError as error:
            return self._results(time.perf_counter() - started, str(error))
        return self._results(time.perf_counter() - started, "")

    def _results(self, seconds: float, broken: str) -> list[Result]:
        results = []
        share = seconds / max(len(self.tallies), 1)
        solver_share = self.solver.cost.seconds / max(len(self.tallies), 1)
        for key, tally in self.tallies.items():
            status, note = Status.PROVED, ""
            if tally.failure:
                status, note = Status.REFUTED, tally.failure
                if tally.counterexample is None:
                    status = Status.UNKNOWN
                    note = f"{tally.failure}; no concrete counterexample was found: an invariant may be missing"
            elif broken:
                status, note = Status.ERROR, broken
            elif tally.unknown:
                status, note = Status.UNKNOWN, tally.unknown
            elif not tally.hit and key.startswith(("choice/", "loop/", "termination/")):
                status, note = Status.ERROR, "no path of the operation comes to it: the proof claims too much"
            elif not self.explorer.paths:
                status, note = Status.ERROR, "vacuous: no path of the operation is possible under the assumptions"
            elif not tally.paths and tally.skipped:
                note = f"nothing that it reads is written on any of the {tally.skipped} paths"
            results.append(
                Result(
                    obligation=tally.obligation,
                    status=status,
                    seconds=share,
                    paths=tally.paths + tally.skipped,
                    queries=tally.queries,
                    solver=solver_share,
                    witnessed=tally.witnessed,
                    note=note,
                    counterexample=tally.counterexample,
                )
            )
        return results

    def _facts(self, states: Mapping[str, Any], tag: str) -> list[Fact]:
        facts = []
        for name in states:
            for invariant in self.proof.stack.invariants[name]:
                facts.append(self._fact(invariant, states, tag))
        if self.proof.relation is not None:
            facts += [self._fact(fact, states, tag) for fact in self.proof.relation.facts]
        return facts

    def _fact(self, statement: Statement, states: Mapping[str, Any], tag: str) -> Fact:
        def instance(choice: tuple[Keys, ...]) -> Term:
            return term_of_truth(self._state_holds(statement, states, choice))

        return Fact(f"{tag}{'-'.join(statement.layers)}/{statement.id}", statement.kinds, instance)

    def _state_holds(self, statement: Statement, states: Mapping[str, Any], choice: tuple[Keys, ...]) -> Any:
        views = tuple(states[layer] for layer in statement.layers)
        schemas = tuple(self._schema(layer) for layer in statement.layers)
        objects = tuple(
            self._object(kind, keys) for kind, keys in zip(statement.kinds, choice, strict=True)
        )
        return guarded(statement, views, schemas, objects)

    def _schema(self, layer: str) -> Any:
        for known in (self.proof.stack.spec, self.proof.stack.model, self.proof.stack.code):
            if known is not None and known.name == layer:
                return known.schema
        raise ProofError(f"there is no layer {layer}")

    def _leaves(self, kind: str) -> tuple[Leaf, ...]:
        for layer in (self.proof.stack.model, self.proof.stack.spec):
            part = layer.schema.parts.get(kind)
            if part is not None:
                return part.keys
            declared = layer.schema.fields.get(kind)
            if declared is not None:
                return declared.keys[-1:]
        raise ProofError(f"no layer has objects of the kind {kind}")

    def _object(self, kind: str, keys: Keys) -> Any:
        wrapped = wrap_keys(self._leaves(kind), keys)
        return wrapped if len(wrapped) > 1 else wrapped[0]

    def skolem(self, kind: str, number: int = 0) -> Keys:
        """Unknown keys of a kind, standing for all of them."""
        return tuple(
            terms.variable(f"any.{kind}.{number}.{place}", leaf.sort(self.proof.encoding))
            for place, leaf in enumerate(self._leaves(kind))
        )

    def _body(self, run: Run) -> None:
        proof = self.proof
        live = {name: state.copy() for name, state in self.pristine.items()}
        run.facts = self._facts(self.pristine, "")
        self._touch_arguments(run)
        run.goals = []  # type: ignore[attr-defined]
        run.live = live  # type: ignore[attr-defined]
        run.before = self.pristine  # type: ignore[attr-defined]
        run.tag = ""  # type: ignore[attr-defined]
        if proof.operation.requires is not None:
            top = proof.upper.name if proof.lower is proof.stack.code and proof.upper else proof.lower.name
            with run.statement(collect=True) as read:
                condition = proof.operation.requires(live[top], **self.arguments)
            run.assume(term_of_truth(condition))
            for kind, keys in read:
                run.footprint.setdefault(kind, {})[keys] = None
        inside = bool(proof.operation.loops) and run.decide(inside_variable())
        control = LoopControl(
            contracts={loop.label: loop for loop in proof.operation.loops},
            inside=inside,
            arrive=self._arrive,
            stutters=self._stutters,
        )
        run.loops = control
        run.cuts = {}  # type: ignore[attr-defined]
        self._call(run, proof.lower)
        if inside and proof.lower.name not in control.reached:
            raise Infeasible
        run.chooser = self._choose_freely if proof.relation is None else None
        if proof.relation is not None:
            run.chooser = self._choose_witness
            self._call(run, proof.relation.upper)
        if inside:
            raise_unless_reached(run, control)

    def _call(self, run: Run, layer: Layer) -> None:
        if self.proof.relation is None:
            run.chooser = self._choose_freely
        try:
            layer.call(run, run.live[layer.name], self.proof.operation.name, self.arguments)  # type: ignore[attr-defined]
        except Cut as cut:
            run.layer = ""
            run.cuts[layer.name] = cut  # type: ignore[attr-defined]

    def _touch_arguments(self, run: Run) -> None:
        for value in self.arguments.values():
            if isinstance(value, SymbolicRef):
                run.footprint.setdefault(value.kind, {})[(value.term,)] = None

    def _arrive(self, run: Run, label: str, entry: dict[str, Any]) -> dict[str, Any]:
        """Go on from an arbitrary state at the loop head."""
        assert self.looping is not None
        layer = run.layer
        run.live[layer].become(self.looping[layer])  # type: ignore[attr-defined]
        if layer == self.proof.lower.name:
            run.facts = [*run.facts, *self._facts(self.looping, "loop.")]
            run.before = self.looping  # type: ignore[attr-defined]
            run.loop_values = {name: _fresh_like(name, value) for name, value in entry.items()}  # type: ignore[attr-defined]
            loop = run.loops.contract(label)
            for fact in loop.facts:
                run.facts.append(self._loop_fact(fact, self.looping, run.loop_values))  # type: ignore[attr-defined]
            for value in run.loop_values.values():  # type: ignore[attr-defined]
                if isinstance(value, SymbolicRef):
                    run.footprint.setdefault(value.kind, {})[(value.term,)] = None
            return run.loop_values  # type: ignore[attr-defined]
        loop = run.loops.contract(label)
        return self._upper_values(loop, entry, run.loop_values)  # type: ignore[attr-defined]

    def _upper_values(self, loop: Loop, entry: dict[str, Any], lower: dict[str, Any]) -> dict[str, Any]:
        """The upper layer's loop variables, from the lower layer's."""
        if "cursor" not in entry:
            return entry
        value = lower[loop.cursor or "cursor"]
        cursor = entry["cursor"]
        if isinstance(value, SymbolicRef):
            return {"cursor": value}
        return {"cursor": SymbolicRef(cursor.kind, value)}

    def _loop_fact(self, fact: LoopFact, states: Mapping[str, Any], loop_values: dict[str, Any]) -> Fact:
        def instance(choice: tuple[Keys, ...]) -> Term:
            return term_of_truth(self._loop_holds(fact.holds, states, loop_values, fact.kinds, choice))

        return Fact(f"loop.fact/{fact.id}", fact.kinds, instance)

    def _loop_holds(
        self,
        holds: Callable[..., Any],
        states: Mapping[str, Any],
        loop_values: dict[str, Any],
        kinds: tuple[str, ...],
        choice: tuple[Keys, ...],
    ) -> Any:
        objects = [self._object(kind, keys) for kind, keys in zip(kinds, choice, strict=True)]
        lower = states[self.proof.lower.name]
        upper = states[self.proof.upper.name] if self.proof.upper is not None else None
        return holds(upper, lower, self.arguments, loop_values, *objects)

    def _stutters(self, run: Run, loop: Loop) -> bool:
        """Whether the upper layer sits this iteration out."""
        if self.proof.upper is None or run.layer != self.proof.upper.name or loop.steps is None:
            return False
        if run.loops.at_end.get(self.proof.lower.name) != "iteration" or self.proof.lower is self.proof.stack.code:
            return False
        assert self.looping is not None
        with run.statement():
            steps = self._loop_holds(loop.steps, self.looping, run.loop_values, (), ())  # type: ignore[attr-defined]
        if run.decide(term_of_truth(steps)):
            return False
        run.loops.at_end[run.layer] = "iteration"
        return True

    def _choose_witness(self, objects: Any, suitable: Any, before: Any, label: str) -> Any:
        from refinement import context

        run = context.current()
        assert run is not None
        supply = self.proof.operation.witnesses.get(label)
        if supply is None:
            raise ProofError(f"the choice {label!r} needs a witness: add one to the operation's proof")
        lower = self.proof.lower.name
        with quiet(run):
            witness = supply(run.before[lower], run.live[lower], self.arguments)  # type: ignore[attr-defined]
        key = f"choice/{label}"
        with run.statement():
            anyone = self._object(objects.part.name, self.skolem(objects.part.name))
            someone = values.truth(
                terms.conjunction((term_of_truth(exists(objects, anyone)), term_of_truth(suitable(anyone))))
            )
            if witness is None:
                run.goals.append(Goal(key, terms.negate(term_of_truth(someone)), "none is suitable"))  # type: ignore[attr-defined]
                return None
            fits = terms.conjunction((term_of_truth(exists(objects, witness)), term_of_truth(suitable(witness))))
            run.goals.append(Goal(key, fits, "the witness is suitable"))  # type: ignore[attr-defined]
            if before is not None:
                first = terms.implies(term_of_truth(someone), term_of_truth(before(witness, anyone)))
                run.goals.append(Goal(key, first, "the witness comes first"))  # type: ignore[attr-defined]
        run.footprint.setdefault(objects.part.name, {})[(witness.term,)] = None
        return witness

    def _choose_freely(self, objects: Any, suitable: Any, before: Any, label: str) -> Any:
        from refinement import context

        run = context.current()
        assert run is not None
        number = len(run.choices) if hasattr(run, "choices") else 0
        run.choices = [*getattr(run, "choices", []), label]  # type: ignore[attr-defined]
        state: SymbolicState = objects.state
        snapshot = state.copy()
        kind = objects.part.name
        name = f"choice.{label}.{number}"
        path = self.explorer.paths + self.explorer.infeasible

        def at_choice(condition: Callable[[], Any]) -> Term:
            now = dict(state._maps)
            state._maps.clear()
            state._maps.update(snapshot._maps)
            try:
                with run.statement():
                    return term_of_truth(condition())
            finally:
                state._maps.clear()
                state._maps.update(now)

        def present(keys: Keys) -> tuple[Any, Term]:
            ref = self._object(kind, keys)
            return ref, at_choice(lambda: values.truth(
                terms.conjunction((term_of_truth(exists(objects, ref)), term_of_truth(suitable(ref))))
            ))

        if not run.decide(terms.variable(f"{name}.some", terms.BOOL)):
            run.facts.append(
                Fact(f"{name}.none@{path}", (kind,), lambda choice: terms.negate(present(choice[0])[1]))
            )
            return None
        keys = tuple(terms.variable(f"{name}.{i}", leaf.sort(self.proof.encoding)) for i, leaf in enumerate(objects.part.keys))
        chosen, fits = present(keys)
        run.footprint.setdefault(kind, {})[keys] = None
        run.assume(fits)
        if before is not None:
            def first(choice: tuple[Keys, ...]) -> Term:
                other, suits = present(choice[0])
                return terms.implies(suits, at_choice(lambda: before(chosen, other)))

            run.facts.append(Fact(f"{name}.first@{path}", (kind,), first))
        return chosen

    def _prove(self, run: Run) -> None:
        """Prove what is to hold at the end of a path."""
        with entered(run):
            goals, skipped = self._goals(run)
            run.instantiate()
            answer = self.solver.check()
            if answer == "unsat":
                self.explorer.paths -= 1
                self.explorer.infeasible += 1
                return
            witnessed = answer == "sat"
            for key in skipped:
                self.tallies[key].skipped += 1
                self.tallies[key].witnessed += witnessed
            by_key: dict[str, list[Goal]] = {}
            for goal in goals:
                by_key.setdefault(goal.key, []).append(goal)
            for key in by_key:
                tally = self.tallies[key]
                tally.hit = True
                tally.paths += 1
                tally.witnessed += witnessed
            open_goals = [goal for goal in goals if run.simplify(goal.term) is not terms.TRUE]
            if not open_goals or self._holds(run, open_goals, open_goals):
                return
            for goal in open_goals:
                if not self.tallies[goal.key].failure:
                    self._prove_one(run, goal)

    def _holds(self, run: Run, goals: list[Goal], blame: list[Goal]) -> bool:
        before = self.solver.cost.queries
        joint = terms.conjunction([goal.term for goal in goals])
        answer = self.solver.check([terms.negate(joint)])
        for goal in blame:
            self.tallies[goal.key].queries += self.solver.cost.queries - before
        return answer == "unsat"

    def _prove_one(self, run: Run, goal: Goal) -> None:
        if self._holds(run, [goal], [goal]):
            return
        self._widen(run)
        tally = self.tallies[goal.key]
        tally.queries += 1
        answer = self.solver.check([terms.negate(goal.term)])
        if answer == "unsat":
            return
        if answer == "unknown":
            tally.unknown = f"the solver gave up within its budget on: {goal.what}"
            return
        tally.failure = goal.what
        from refinement.counterexample import find

        tally.counterexample = find(self, run, goal)

    def _widen(self, run: Run) -> None:
        """Bring into the footprint what the facts read at the unknown objects: one step further."""
        if getattr(run, "widened", False):
            return
        run.widened = True  # type: ignore[attr-defined]
        found: dict[tuple[str, Keys], None] = {}
        for fact in list(run.facts):
            if len(fact.kinds) != 1:
                continue
            for keys in list(run.footprint.get(fact.kinds[0], ())):
                with run.statement(collect=True) as read:
                    fact.instance((keys,))
                found.update(read)
        for kind, keys in found:
            run.footprint.setdefault(kind, {})[keys] = None
        run.instantiate()

    def _goals(self, run: Run) -> tuple[list[Goal], list[str]]:
        """The goals at the end of a path, and the obligations on which it has no bearing."""
        goals: list[Goal] = list(run.goals)  # type: ignore[attr-defined]
        skipped: list[str] = []
        proof = self.proof
        control: LoopControl = run.loops
        guards = [guard for guard in run.guards if guard.layer == proof.proved_layer()]
        for guard in guards:
            goals.append(Goal("guards", guard.condition, guard.what))
        if not guards:
            skipped.append("guards")
        if proof.upper is not None:
            goals += self._loop_goals(run, control)
        live = run.live  # type: ignore[attr-defined]
        written = {name for layer in self._all_layers() for name in layer.written(live[layer.name])}
        for invariant in proof.stack.invariants[proof.proved_layer()]:
            self._statement_goal(run, invariant, f"invariant/{invariant.id}", written, goals, skipped)
        if proof.relation is not None:
            for fact in proof.relation.facts:
                self._statement_goal(run, fact, f"relation/{fact.id}", written, goals, skipped)
            self._agreement_goals(run, written, goals, skipped)
        return goals, skipped

    def _all_layers(self) -> list[Layer]:
        return [self.proof.lower] if self.proof.upper is None else [self.proof.lower, self.proof.upper]

    def _statement_goal(
        self, run: Run, statement: Statement, key: str, written: set[str], goals: list[Goal], skipped: list[str]
    ) -> None:
        counts: dict[str, int] = {}
        choice = []
        for kind in statement.kinds:
            choice.append(self.skolem(kind, counts.get(kind, 0)))
            counts[kind] = counts.get(kind, 0) + 1
        reads = self.reads.get(key)
        if reads is None:
            run.reads = set()
            with run.statement():
                self._state_holds(statement, self.pristine, tuple(choice))
            reads = self.reads[key] = run.reads
            run.reads = None
        if run.before is self.pristine and not reads & written:  # type: ignore[attr-defined]
            skipped.append(key)
            return
        with run.statement(collect=True) as read:
            term = term_of_truth(self._state_holds(statement, run.live, tuple(choice)))  # type: ignore[attr-defined]
        goals.append(Goal(key, term, statement.prose))
        for kind, keys in [*zip(statement.kinds, choice, strict=True), *read]:
            run.footprint.setdefault(kind, {})[keys] = None

    def _agreement_goals(self, run: Run, written: set[str], goals: list[Goal], skipped: list[str]) -> None:
        relation = self.proof.relation
        assert relation is not None
        upper, lower = run.live[relation.upper.name], run.live[relation.lower.name]  # type: ignore[attr-defined]
        before = len(goals)
        for declared, decoder in relation.compared():
            part = relation.upper.schema.parts[declared.path.split(".")[0]]
            keys: Keys = ()
            if declared.keys:
                keys = self.skolem(part.name)
                if len(declared.keys) > len(keys):
                    extra = declared.keys[len(keys) :]
                    keys += tuple(
                        terms.variable(f"any.{declared.path}.{i}", leaf.sort(self.proof.encoding))
                        for i, leaf in enumerate(extra)
                    )
            reads = self._agreement_reads(run, declared, decoder, keys)
            if not reads & written:
                continue
            with run.statement(collect=True) as read:
                term = relation.agreement(declared, decoder, upper, lower, keys)
                if part.exists is not None:
                    ref = self._object(part.name, keys[: len(part.keys)])
                    term = terms.implies(term_of_truth(exists(getattr(upper, part.name), ref)), term)
            goals.append(Goal("state", term, f"{declared.path} differs"))
            if declared.keys:
                run.footprint.setdefault(part.name, {})[keys[: len(part.keys)]] = None
            for kind, read_keys in read:
                run.footprint.setdefault(kind, {})[read_keys] = None
        if len(goals) == before:
            skipped.append("state")

    def _agreement_reads(self, run: Run, declared: Any, decoder: Any, keys: Keys) -> set[str]:
        key = f"field {declared.path}"
        reads = self.reads.get(key)
        if reads is None:
            relation = self.proof.relation
            assert relation is not None
            run.reads = set()
            with run.statement():
                wrapped = wrap_keys(declared.keys, keys)
                decoder.value(self.pristine[relation.lower.name], *wrapped)
                if decoder.when is not None:
                    decoder.when(self.pristine[relation.lower.name], *wrapped)
            reads = self.reads[key] = run.reads | {f"{relation.upper.name}:{declared.path}"}
            run.reads = None
        return reads

    def _loop_goals(self, run: Run, control: LoopControl) -> list[Goal]:
        """That two layers' loops keep step, and that the loop's own invariant and measure hold."""
        proof = self.proof
        assert proof.upper is not None
        upper, lower = proof.upper.name, proof.lower.name
        labels = set(control.reached.values())
        if not labels:
            return []
        goals = []
        for label in labels:
            key = f"loop/{label}"
            loop = control.contracts[label]
            cuts: dict[str, Cut] = run.cuts  # type: ignore[attr-defined]
            in_step = (
                control.reached.get(upper) == control.reached.get(lower)
                and (upper in cuts) == (lower in cuts)
                and control.at_end.get(upper) == control.at_end.get(lower)
            )
            goals.append(Goal(key, terms.boolean(in_step), f"{upper} and {lower} do not go through the loop in step"))
            if not in_step or lower not in cuts:
                continue
            live = run.live  # type: ignore[attr-defined]
            after = cuts[lower].values
            with run.statement():
                if "cursor" in cuts[upper].values and cuts[upper].values is not after and loop.steps is None:
                    expected = self._upper_values(loop, cuts[upper].values, after)["cursor"]
                    same = term_of_truth(cuts[upper].values["cursor"] == expected)
                    goals.append(Goal(key, same, "the loops' cursors are the same"))
                for fact in loop.facts:
                    choice = tuple(self.skolem(kind, place) for place, kind in enumerate(fact.kinds))
                    holds = term_of_truth(self._loop_holds(fact.holds, live, after, fact.kinds, choice))
                    goals.append(Goal(key, holds, fact.prose))
                    for kind, keys in zip(fact.kinds, choice, strict=True):
                        run.footprint.setdefault(kind, {})[keys] = None
                if control.inside and loop.remaining is not None and proof.lower is not proof.stack.code:
                    goals += self._measure_goals(run, loop, after)
        return goals

    def _measure_goals(self, run: Run, loop: Loop, after: dict[str, Any]) -> list[Goal]:
        assert loop.remaining is not None and loop.taken is not None and self.looping is not None
        key = f"termination/{loop.label}"
        anyone = self.skolem(loop.over)
        run.footprint.setdefault(loop.over, {})[anyone] = None
        start = run.loop_values  # type: ignore[attr-defined]
        live = run.live  # type: ignore[attr-defined]

        def remains(states: Mapping[str, Any], loop_values: dict[str, Any], keys: Keys) -> Term:
            return term_of_truth(self._loop_holds(loop.remaining, states, loop_values, (loop.over,), (keys,)))  # type: ignore[arg-type]

        taken = self._loop_holds(loop.taken, self.looping, start, (), ())
        run.footprint.setdefault(loop.over, {})[(taken.term,)] = None
        none_added = terms.implies(remains(live, after, anyone), remains(self.looping, start, anyone))
        one_gone = terms.conjunction(
            (remains(self.looping, start, (taken.term,)), terms.negate(remains(live, after, (taken.term,))))
        )
        return [Goal(key, none_added, "an object came to those that remain"), Goal(key, one_gone, "no object was dealt with")]


def raise_unless_reached(run: Run, control: LoopControl) -> None:
    """A path from inside a loop that an upper layer does not even reach is left to the goals to refute."""


@contextmanager
def entered(run: Run) -> Iterator[None]:
    """Make a finished run the current one again."""
    from refinement import context

    before = context.enter(run)
    try:
        yield
    finally:
        context.enter(before)


@contextmanager
def quiet(run: Run) -> Iterator[None]:
    """While a witness is computed: it may branch, but guards nothing and leaves the footprint alone."""
    before = run.stating
    run.stating = True
    try:
        yield
    finally:
        run.stating = before


def _fresh_like(name: str, value: Any) -> Any:
    if isinstance(value, SymbolicRef):
        return SymbolicRef(value.kind, terms.variable(f"loop.{name}", value.term.sort))
    if isinstance(value, Term):
        return terms.variable(f"loop.{name}", value.sort)
    if isinstance(value, Ref) or value is NULL:
        raise ProofError(f"the loop variable {name} is plain in a symbolic run")
    return value
