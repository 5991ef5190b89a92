"""Calls by contract: an operation that is proved on its own is not run again in the proof of its callers.

At the call, what the operation's own proof starts from is to be shown: related states, the invariants, its
precondition.  Afterwards the states are unknown ones of which what that proof ends with is assumed.  Two layers
make their calls in step: the same operations, in the same order, with the same arguments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from refinement import terms
from refinement.explore import Cut, Run
from refinement.layers import parameters_of
from refinement.path import Called, Goal, Path
from refinement.schema import Field
from refinement.state import exists, in_range
from refinement.terms import Term
from refinement.values import term_of_truth

if TYPE_CHECKING:
    from refinement.execution import Execution


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

    def call(self, run: Run, name: str, arguments: Mapping[str, Any] | tuple[Term, ...]) -> None:
        """Note the call, and go on from the unknown states after it."""
        proof = self.execution.proof
        layer = run.layer
        if layer == proof.lower.name:
            called = Called(name)
            self.path.called.append(called)
            states = self._after(len(self.path.called) - 1)
            run.facts = [*run.facts, *self.execution.facts(states, self._tag(len(self.path.called) - 1))]
            called.terms[layer] = (
                arguments
                if isinstance(arguments, tuple)
                else proof.lower.argument_terms(name, arguments, proof.encoding)
            )
        else:
            position = self.upper_calls
            self.upper_calls += 1
            if position >= len(self.path.called) or self.path.called[position].name != name:
                self.out_of_step = name
                raise Cut(name, {})
            called = self.path.called[position]
            states = self._after(position)
            assert isinstance(arguments, Mapping)
            called.terms[layer] = proof.lower.argument_terms(name, arguments, proof.encoding)
        if layer == proof.top.name:
            assert isinstance(arguments, Mapping)
            called.given = arguments
        called.before[layer] = self.path.live[layer].copy()
        self.path.live[layer].become(states[layer])

    def goals(self) -> Iterator[Goal]:
        """That each call is made in step, from related states with all invariants, as the precondition wants."""
        proof = self.execution.proof
        for called in self.path.called:
            key = self.execution.key("call", called.name)
            if proof.top.name not in called.before:
                yield Goal(key, terms.FALSE, f"{proof.lower.name} calls {called.name} and {proof.top.name} does not")
                continue
            yield from self._precondition(called, key)
            if proof.relation is not None:
                same = zip(called.terms[proof.top.name], called.terms[proof.lower.name], strict=True)
                equal = terms.conjunction([terms.equal(one, other) for one, other in same])
                yield Goal(key, equal, f"{called.name} is called with different arguments")
            yield from self.execution.state_goals(self.path, called.before)[1]
        if self.out_of_step:
            key = self.execution.key("call", self.out_of_step)
            yield Goal(
                key, terms.FALSE, f"{proof.top.name} calls {self.out_of_step} out of step with {proof.lower.name}"
            )

    def _precondition(self, called: Called, key: str) -> Iterator[Goal]:
        """That the arguments exist and have their types, and what is required of them."""
        proof = self.execution.proof
        callee = self.contracts[called.name]
        before = called.before[proof.top.name]
        with self.path.run.statement(collect=True) as read:
            conditions = []
            for name, leaf in parameters_of(proof.top, called.name).items():
                value = called.given[name]
                if leaf.form == "ref":
                    conditions.append(term_of_truth(exists(getattr(before, leaf.kind), value)))
                elif leaf.form == "enum":
                    conditions.append(in_range(Field(name, (), leaf), leaf.unwrap(value, leaf.sort(proof.encoding))))
            if callee.requires is not None:
                conditions.append(term_of_truth(callee.requires(before, **called.given)))
        yield Goal(key, terms.conjunction(conditions), f"the precondition of {called.name}", tuple(read))

    def _tag(self, position: int) -> str:
        return f"call{position}."

    def _after(self, position: int) -> Mapping[str, Any]:
        """The unknown states after the call at that position, by layer."""
        tag = self._tag(position)
        known = self.execution.after_calls.get(tag)
        if known is None:
            known = self.execution.after_calls[tag] = self.execution.states(tag)
        return known
