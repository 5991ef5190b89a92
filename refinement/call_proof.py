"""Calls by contract: an operation that is proved on its own is not run again in the proof of its callers.

At the call, what the operation's own proof starts from is to be shown: related states, the invariants that it
relies on, its precondition.  Afterwards, of what it may have written only what that proof ends with is known.
Two layers make their calls in step: the same operations, in the same order, with the same arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from refinement import goals as goals_of_path
from refinement import terms
from refinement.contracts import Ensures, place
from refinement.explore import Cut, Fact, Run
from refinement.layers import PythonLayer, parameters_of
from refinement.loops import Moment
from refinement.outcomes import Outcome
from refinement.path import Called, Goal, Path
from refinement.schema import Field, Leaf, Record, assembled, flattened, parts_of, terms_of
from refinement.state import FieldMap, Keys, exists, in_range
from refinement.statements import kind_of
from refinement.terms import Sort, Term
from refinement.values import SymbolicRef, term_of_truth

if TYPE_CHECKING:
    from refinement.execution import Execution
    from refinement.prove import Operation


class CallControl:
    """What one path does at the calls by contract of its layers."""

    def __init__(self, execution: Execution, path: Path):
        self.execution = execution
        self.path = path
        self.contracts = {callee.name: callee for callee in execution.proof.operation.calls}
        self.upper_calls = 0
        self.out_of_step = ""

    def known(self, name: str) -> bool:
        """Whether a contract stands for the operation."""
        return name in self.contracts

    def call(self, run: Run, name: str, arguments: Mapping[str, Any] | tuple[Term, ...]) -> Any:
        """Note the call, and go on from the states after it, with its result or error."""
        proof = self.execution.proof
        if run.layer == proof.lower.name:
            called = Called(name, len(self.path.called))
            self.path.called.append(called)
        elif self.upper_calls < len(self.path.called) and self.path.called[self.upper_calls].name == name:
            called = self.path.called[self.upper_calls]
            self.upper_calls += 1
        else:
            self.out_of_step = name
            raise Cut(name, {})
        if isinstance(arguments, tuple):
            types = parameters_of(proof.top, name)
            with run.statement():
                called.terms[run.layer] = proof.lower.call_terms(name, arguments, types, proof.encoding)
            called.records = proof.lower.given(name, arguments, types)
        else:
            called.given[run.layer] = arguments
            called.terms[run.layer] = proof.lower.argument_terms(name, arguments, proof.encoding)
            for value in arguments.values():
                if isinstance(value, SymbolicRef):
                    run.include(value.kind, (value.term,))
        live = self.path.live[run.layer]
        called.before[run.layer] = live.copy()
        self._forget(run, called)
        called.after[run.layer] = live.copy()
        if proof.relation is not None and run.layer == proof.top.name:
            self.path.in_step = Moment(called.after, self.path.start.arguments)
        run.enter_epoch(called.position + 1)
        outcome = self._outcome(run, called)
        run.facts = [*run.facts, *self._facts(run.layer, called, outcome)]
        if outcome.error:
            raise outcome.value
        return outcome.value

    def _outcome(self, run: Run, called: Called) -> Outcome:
        """How the call ended: in some way, of which the lower layer knows first."""
        proof, callee = self.execution.proof, self.contracts[called.name]
        errors = callee.raises
        if run.layer == proof.lower.name:
            if not isinstance(proof.lower, PythonLayer):
                called.outcome = Outcome(value=proof.lower.unknown_result(called.name, _tag(called)))
                run.assume(terms.disjunction([self._ended(called, error)[0] for error in ("", *errors)]), run.epoch)
                return called.outcome
            error = next((name for name in errors if run.decide(_variable(called, f"raises {name}", terms.BOOL))), "")
            called.outcome = Outcome(error, self._unknown(run, called, proof.lower, error))
            return called.outcome
        error = next((name for name in errors if run.decide(self._ended(called, name)[0])), "")
        type = proof.top.ending(called.name, error)
        if type is None:
            return Outcome(error)
        found = terms_of({"result": type}, {"result": self._ended(called, error)[1]}, proof.encoding)
        value = assembled({"result": type}, lambda path, leaf: leaf.wrap(found[path]))["result"]
        self._well_typed(run, type, value)
        return Outcome(error, value)

    def _ended(self, called: Called, error: str) -> tuple[Term, Any]:
        """Whether the call ended so, by what is known of the lower layer, and with what."""
        proof, run = self.execution.proof, self.path.run
        assert proof.relation is not None
        with run.statement():
            after = called.after[proof.lower.name]
            condition, value = proof.relation.ended(called.name, error, after, called.outcome)
            return term_of_truth(condition), value

    def _unknown(self, run: Run, called: Called, layer: PythonLayer, error: str) -> Any:
        """An unknown result, or error, of the call."""
        type = layer.ending(called.name, error)
        if type is None:
            return None
        encoding, what = self.execution.proof.encoding, error or "result"
        value = assembled({what: type}, lambda path, leaf: leaf.wrap(_variable(called, path, leaf.sort(encoding))))[
            what
        ]
        self._well_typed(run, type, value)
        return value

    def _well_typed(self, run: Run, type: Leaf | Record, value: Any) -> None:
        """Take it that a result's enumerations are of their members; its references join the footprint."""
        found = terms_of({"result": type}, {"result": value}, self.execution.proof.encoding)
        for path, leaf in flattened({"result": type}).items():
            if leaf.form == "enum":
                run.assume(in_range(Field(path, (), leaf), found[path]), run.epoch)
            elif leaf.form == "ref":
                run.include(leaf.kind, (found[path],))

    def _forget(self, run: Run, called: Called) -> None:
        """Let what the operation may write be unknown."""
        execution, proof = self.execution, self.execution.proof
        modifies = self.contracts[called.name].contract.modifies
        layer, tag = run.layer, _tag(called)
        unknown = execution.after_calls.get(tag)
        if unknown is None:
            unknown = execution.after_calls[tag] = execution.setting.states(tag)
        fresh = unknown[layer]
        if modifies is None:
            self.path.live[layer].become(fresh)
            for found in self.path.live[layer]._maps.values():
                found.forgotten = True
            return
        if layer != proof.lower.name:
            assert proof.relation is not None
            fresh = proof.relation.upper_state(called.after[proof.lower.name], proof.encoding, tag)
        by_name: dict[str, FieldMap] = {found.name: found for found in fresh._maps.values()}
        for found in self.path.live[layer]._maps.values():
            for entry in modifies:
                name, last = place(entry)
                if name == found.name:
                    found.forget(by_name[name], last)

    def _facts(self, layer: str, called: Called, outcome: Outcome) -> list[Fact]:
        """What is known after a call of the layer's state; when it is the upper one, of both states."""
        execution, proof = self.execution, self.execution.proof
        callee, tag, since = self.contracts[called.name], _tag(called), called.position + 1
        contract = callee.contract
        shared = contract.modifies is None
        facts: list[Fact] = []
        for statement in proof.statements():
            of_layer = statement.layers == (layer,) or (len(statement.layers) > 1 and layer == proof.top.name)
            if (
                of_layer
                and contract.relies_on(statement.id)
                and contract.may_change(execution.setting.reads_of(statement))
            ):
                broken = contract.breaks.get(statement.id)
                waived = called.given[layer][broken].term if broken is not None else None
                facts += execution.setting.stated(statement, called.after, tag, waived, shared, since)
        if layer == proof.lower.name:
            facts += execution.setting.type_facts(called.after, tag, shared=shared, since=since)
        else:
            facts += execution.setting.agreement_facts(called.after, contract.modifies, tag, since)
        if isinstance(proof.lower, PythonLayer) or layer == proof.top.name:
            for ensures in contract.ensures:
                if not ensures.applies(outcome):
                    continue
                id = f"{proof.stack.operation_id(callee)}/ensures/{ensures.id}"
                for holds, label in execution.setting.parts(id, ensures.holds):
                    part = evolve(ensures, holds=holds)
                    facts.append(self._ensured(part, called, outcome, layer, f"{tag}{layer}/{label or id}", label))
        return facts

    def _ensured(self, ensures: Ensures, called: Called, outcome: Outcome, layer: str, id: str, label: str) -> Fact:
        # A copy, so that what is learned later gets into no term of the state at the call.
        before = {layer: called.before[layer].copy()}

        def instance(choice: tuple[Keys, ...]) -> Term:
            setting, given = self.execution.setting, called.given[layer]
            within = self.execution.proof.layer(layer)
            return setting.ensured(ensures, before, called.after, within, given, outcome, choice)

        kinds = tuple(map(kind_of, ensures.kinds))
        return Fact(id, kinds, instance, shared=False, since=called.position + 1, label=label)

    def goals(self) -> Iterator[Goal]:
        """That each call is made in step, from related states with the invariants and the precondition."""
        proof, run = self.execution.proof, self.path.run
        for called in self.path.called:
            key = self.execution.setting.key("call", called.name)
            run.enter_epoch(called.position)
            if proof.top.name not in called.before:
                what = f"{proof.lower.name} calls {called.name} and {proof.top.name} does not"
                yield self.path.goal(key, terms.FALSE, what, inner=True)
                continue
            callee = self.contracts[called.name]
            yield self._precondition(called, callee, key)
            yield from self._required(called, callee, key)
            if proof.relation is not None:
                same = zip(called.terms[proof.top.name], called.terms[proof.lower.name], strict=True)
                equal = terms.conjunction([terms.equal(one, other) for one, other in same])
                yield self.path.goal(key, equal, f"{called.name} is called with different arguments", inner=True)
            types = parameters_of(proof.top, called.name)
            if called.records:
                with run.statement():
                    well_typed = term_of_truth(proof.lower.well_typed(called.records, types))
                yield self.path.goal(key, well_typed, f"{called.name} is given what is no record", inner=True)
            given = called.given[proof.top.name]
            waived = {id: given[name].term for id, name in callee.contract.waives.items()}
            yield from goals_of_path.of_states(
                self.execution.setting, self.path, called.before, callee.contract, waived
            )[1]
        if self.out_of_step:
            run.enter_epoch(self.upper_calls)
            key = self.execution.setting.key("call", self.out_of_step)
            what = f"{proof.top.name} calls {self.out_of_step} out of step with {proof.lower.name}"
            yield self.path.goal(key, terms.FALSE, what, inner=True)
        run.enter_epoch(len(self.path.called))

    def _required(self, called: Called, callee: Operation, key: str) -> Iterator[Goal]:
        """That what is required of all objects holds."""
        setting, top = self.execution.setting, self.execution.proof.top
        for required in callee.required_in(top.name):
            choice = setting.skolems(required.kinds)
            with self.path.run.statement(collect=True) as read:
                term = setting.requirement(required, called.before[top.name], called.given[top.name], choice, top)
            self.path.include(required.kinds, choice)
            yield self.path.goal(key, term, required.prose, tuple(read), inner=True)

    def _precondition(self, called: Called, callee: Operation, key: str) -> Goal:
        """That the arguments exist and have their types, and what is required of them."""
        proof = self.execution.proof
        before, given = called.before[proof.top.name], called.given[proof.top.name]
        conditions = []
        with self.path.run.statement(collect=True) as read:
            types = parameters_of(proof.top, called.name)
            parts = parts_of(types, given)
            for name, leaf in flattened(types).items():
                if leaf.form == "ref":
                    conditions.append(term_of_truth(exists(getattr(before, leaf.kind), parts[name])))
                elif leaf.form == "enum":
                    value = leaf.unwrap(parts[name], leaf.sort(proof.encoding))
                    conditions.append(in_range(Field(name, (), leaf), value))
            if callee.requires is not None:
                conditions.append(term_of_truth(callee.requires(before, **given)))
        return self.path.goal(
            key, terms.conjunction(conditions), f"the precondition of {called.name}", tuple(read), inner=True
        )


def _tag(called: Called) -> str:
    return f"call{called.position}."


def _variable(called: Called, name: str, sort: Sort) -> Term:
    return terms.variable(f"{_tag(called)}{name}", sort)
