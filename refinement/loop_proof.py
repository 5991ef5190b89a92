"""How a path of a proof goes through a loop: cut on entry, or from an unknown state at the loop's head."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from refinement import terms
from refinement.explore import Cut, Fact, Run
from refinement.loops import Descent, Loop, LoopFact, Measure, Moment
from refinement.path import Goal, Path
from refinement.schema import Field, Leaf, Record, assembled, flattened, terms_of, type_of
from refinement.state import Keys, in_range
from refinement.statements import kind_of, present
from refinement.terms import Term
from refinement.values import SymbolicRef, Word, term_of_truth

if TYPE_CHECKING:
    from refinement.execution import Execution

Types = Mapping[str, Leaf | Record]


class LoopControl:
    """What one path does at the loops of its layers."""

    def __init__(self, execution: Execution, path: Path):
        self.execution = execution
        self.path = path
        self.contracts = execution.proof.operation.loops
        self.types: dict[str, Types] = {}

    def contract(self, label: str) -> Loop | None:
        """The contract of the loop with that label in some layer."""
        return next((loop for loop in self.contracts if label in (loop.label, loop.code)), None)

    def known(self, label: str) -> bool:
        """Whether there is a contract for the loop of that label."""
        return self.contract(label) is not None

    def head(self, run: Run, label: str, variables: dict[str, Any], types: Types | None = None) -> dict[str, Any]:
        """Arrive at a loop's head for the first time; gives the variables to go on with."""
        loop = self.contract(label)
        assert loop is not None
        layer = run.layer
        self.path.reached[layer] = loop.label
        if types is None:
            types = {name: leaf_of_value(name, value) for name, value in variables.items()}
        self.types[layer] = types
        if not self.path.inside:
            raise Cut(label, variables)
        if self.path.head is None:
            found = self._go_inside(run, loop, types)
            self.path.first = self._same(types, found, variables)
        else:
            self.path.live[layer].become(self.path.head[layer])
            found = self._upper_variables(types)
        if self._sits_out(run, loop):
            self.enter(run)
            raise Cut(label, found)
        return found

    def enter(self, run: Run) -> None:
        """Note that the run takes an iteration."""
        self.path.ended[run.layer] = "iteration"

    def leave(self, run: Run) -> None:
        """Note that the run leaves the loop."""
        self.path.ended[run.layer] = "left"

    def _go_inside(self, run: Run, loop: Loop, types: Types) -> dict[str, Any]:
        """Forget the state: of the one at the loop's head only the invariants are known."""
        states = self.execution.looping
        assert states is not None
        encoding = self.execution.proof.encoding
        variables = assembled(types, lambda path, leaf: leaf.wrap(terms.variable(f"loop.{path}", leaf.sort(encoding))))
        head = Moment(states, self.path.start.arguments, self._seen(loop, variables))
        self.path.head = head
        self.path.live[run.layer].become(states[run.layer])
        run.facts = [*run.facts, *self.execution.setting.facts(states, "loop.")]
        for fact in self.facts_of(loop):
            id = f"{self.execution.proof.base}/loop/{loop.label}/{fact.id}"
            kinds = tuple(map(kind_of, fact.kinds))
            for holds, label in self.execution.setting.parts(id, fact.holds):
                instance = self._instance(evolve(fact, holds=holds), head)
                run.facts.append(Fact(label or id, kinds, instance, label=label))
        with run.statement():
            run.assume(self._well_typed(loop, variables, types))
        for value in variables.values():
            if isinstance(value, SymbolicRef):
                run.include(value.kind, (value.term,))
        return variables

    def _upper_variables(self, types: Types) -> dict[str, Any]:
        """The upper layer's loop variables, which are the lower one's of the same name."""
        assert self.path.head is not None
        found = self._terms(types, self.path.head.variables)
        return assembled(types, lambda path, leaf: leaf.wrap(self.path.run.case_of(found[path])))

    def _terms(self, types: Types, variables: Mapping[str, Any]) -> dict[str, Term]:
        return terms_of(types, variables, self.execution.proof.encoding)

    def _same(self, types: Types, variables: Mapping[str, Any], others: Mapping[str, Any]) -> Term:
        """That variables have the same values as others."""
        one, other = self._terms(types, variables), self._terms(types, others)
        return terms.conjunction([terms.equal(one[path], other[path]) for path in one])

    def _seen(self, loop: Loop, variables: Mapping[str, Any]) -> dict[str, Any]:
        """The lower layer's variables as facts see them; the one that is the cursor in C under that name too."""
        with self.path.run.statement():
            found = self.execution.proof.lower.loop_variables(variables, loop.records)
        if loop.cursor in found:
            found["cursor"] = found[loop.cursor]
        return found

    def _well_typed(self, loop: Loop, variables: Mapping[str, Any], types: Types) -> Term:
        """That the lower layer's variables have the values of their types: those of enumerations, words of records."""
        given = self._terms(types, variables)
        leaves = flattened(types).items()
        ranges = [in_range(Field(path, (), leaf), given[path]) for path, leaf in leaves if leaf.form == "enum"]
        records = {name: type_of(item) for name, item in loop.records.items()}
        return terms.conjunction([*ranges, term_of_truth(self.execution.proof.lower.well_typed(variables, records))])

    def facts_of(self, loop: Loop) -> list[LoopFact]:
        """The facts that speak of this proof's layers only."""
        names = {layer.name for layer in self.execution.proof.layers}
        return [fact for fact in loop.facts if names.issuperset(fact.layers)]

    def _instance(self, fact: LoopFact, head: Moment) -> Callable[[tuple[Keys, ...]], Term]:
        return lambda choice: self._holds(fact, head, choice)

    def _holds(self, fact: LoopFact, at: Moment, choice: tuple[Keys, ...]) -> Term:
        objects = [self.execution.setting.object(kind, keys) for kind, keys in zip(fact.kinds, choice, strict=True)]
        views = tuple(at[layer] for layer in fact.layers)
        schemas = tuple(
            layer.schema for name in fact.layers for layer in self.execution.proof.layers if layer.name == name
        )
        condition = term_of_truth(present(fact.kinds, views, schemas, tuple(objects)))
        return terms.implies(condition, term_of_truth(fact.holds(at, *objects)))

    def _sits_out(self, run: Run, loop: Loop) -> bool:
        """Whether the upper layer takes no iteration with the lower one's."""
        proof = self.execution.proof
        if loop.steps is None or not proof.chooses() or run.layer != proof.top.name:
            return False
        if self.path.ended.get(proof.lower.name) != "iteration":
            return False
        assert self.path.head is not None
        with run.statement():
            steps = term_of_truth(loop.steps(self.path.head))
        return not run.decide(steps)

    def goals(self) -> list[Goal]:
        """That the layers go through the loop in step, and that its invariant and measure hold."""
        path, proof = self.path, self.execution.proof
        goals = []
        for label in dict.fromkeys(path.reached.values()):
            loop = self.contract(label)
            assert loop is not None
            names = [layer.name for layer in proof.layers]
            key = self.execution.setting.key("loop", label)
            standing = {(path.reached.get(n), n in path.cuts, path.ended.get(n)) for n in names}
            what = f"{' and '.join(names)} do not go through the loop in step"
            goals.append(self.path.goal(key, terms.boolean(len(standing) == 1), what))
            if len(standing) == 1 and proof.lower.name in path.cuts:
                goals += self._invariant_goals(loop, key)
        return goals

    def _invariant_goals(self, loop: Loop, key: str) -> list[Goal]:
        path, proof = self.path, self.execution.proof
        given = path.cuts[proof.lower.name].values
        variables = self._seen(loop, given)
        at = Moment(path.live, path.start.arguments, variables)
        for value in variables.values():
            if isinstance(value, SymbolicRef):
                path.run.include(value.kind, (value.term,))
        goals = []
        if proof.relation is not None:
            types = self.types[proof.top.name]
            above, below = (self._terms(types, values) for values in (path.cuts[proof.top.name].values, variables))
            for name, term in above.items():
                what = f"the loop variable {name} differs between the layers"
                goals.append(self.path.goal(key, terms.equal(term, below[name]), what))
        with path.run.statement():
            well_typed = self._well_typed(loop, given, self.types[proof.lower.name])
        goals.append(self.path.goal(key, well_typed, "a loop variable has no value of its type"))
        for fact in self.facts_of(loop):
            if fact.layers[-1] != proof.lower.name:
                continue
            choice = self.execution.setting.skolems(fact.kinds)
            with path.run.statement(collect=True) as read:
                term = self._holds(fact, at, choice)
            path.include(fact.kinds, choice)
            goals.append(self.path.goal(key, term, fact.prose, tuple(read)))
        if path.inside:
            for measure in loop.measures:
                if measure.layers[-1] != proof.lower.name:
                    continue
                if isinstance(measure, Descent):
                    goals.append(self._descent_goal(loop, measure, at))
                else:
                    goals += self._measure_goals(loop, measure, at)
        return goals

    def _descent_goal(self, loop: Loop, measure: Descent, after: Moment) -> Goal:
        head = self.path.head
        assert head is not None
        with self.path.run.statement():
            less = term_of_truth(measure.value(after) < measure.value(head))
        key = self.execution.setting.key("termination", loop.label)
        return self.path.goal(key, less, "the iteration did not make the number less")

    def _measure_goals(self, loop: Loop, measure: Measure, after: Moment) -> list[Goal]:
        head = self.path.head
        assert head is not None
        key = self.execution.setting.key("termination", loop.label)
        (anyone,) = self.execution.setting.skolems((measure.kind,))
        ref = self.execution.setting.object(measure.kind, anyone)
        with self.path.run.statement():
            taken = measure.taken(head)
            was, remains = measure.remaining(head, ref), measure.remaining(after, ref)
            none_added = terms.implies(term_of_truth(remains), term_of_truth(was))
            counted = term_of_truth(measure.remaining(head, taken))
            one_gone = terms.conjunction((counted, terms.negate(term_of_truth(measure.remaining(after, taken)))))
        for keys in (anyone, (taken.term,)):
            self.path.run.include(measure.kind, keys)
        return [
            self.path.goal(key, none_added, f"a {measure.kind} came to those that remain"),
            self.path.goal(key, one_gone, f"the iteration took no {measure.kind} off those that remain"),
        ]


def inside_variable() -> Term:
    """The decision whether a path is one from inside a loop: free, so both are explored."""
    return terms.variable("loop.inside", terms.BOOL)


def leaf_of_value(name: str, value: Any) -> Leaf:
    """The type of a loop variable that is a symbolic reference or word; TypeError for any other."""
    if isinstance(value, SymbolicRef):
        return Leaf("ref", kind=value.kind)
    if isinstance(value, Word):
        return Leaf("word", width=value.term.sort.width)
    raise TypeError(f"the loop variable {name} has a plain value in a symbolic run: {value!r}")
