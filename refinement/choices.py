"""What becomes of the specification's choices in a proof: a witness from below, or any suitable object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from refinement import terms
from refinement.explore import Fact, ProofError
from refinement.path import Path, wrap_object
from refinement.state import Keys, PartView, SymbolicState, exists
from refinement.terms import Term
from refinement.values import term_of_truth

if TYPE_CHECKING:
    from refinement.execution import Execution

Predicate = Callable[[Any], Any]
Order = Callable[[Any, Any], Any]


class Witnesses:
    """Each choice is the object that the lower layer came to; that it is a right one is to be proved."""

    def __init__(self, execution: Execution, path: Path):
        self.execution = execution
        self.path = path

    def choose(self, objects: PartView, suitable: Predicate, before: Order | None, label: str) -> Any:
        """The witness for the choice, or None if there is none."""
        path, proof = self.path, self.execution.proof
        supply = proof.operation.witnesses.get(label)
        if supply is None:
            raise ProofError(f"the choice {label!r} needs a witness: add one to the proof of {proof.operation.name}")
        with path.run.statement(collect=True) as looked_at:
            witness = supply(path.last_in_step(proof.top.name), path.now())
        key = self.execution.setting.key("choice", label)
        kind = objects.part.name
        (keys,) = self.execution.setting.skolems((kind,))
        path.run.include(kind, keys)
        with path.run.statement(collect=True) as read:
            anyone = self.execution.setting.object(kind, keys)
            someone = _fits(objects, suitable, anyone)
            if witness is None:
                path.goals.append(
                    path.goal(key, terms.negate(someone), f"no {kind} is suitable", ((kind, keys),), far=True)
                )
                return None
            fits = _fits(objects, suitable, witness)
            path.goals.append(path.goal(key, fits, "the witness is suitable", tuple(looked_at)))
            if before is not None:
                first = terms.implies(someone, term_of_truth(before(witness, anyone)))
                path.goals.append(path.goal(key, first, "the witness comes first", ((kind, keys), *read), far=True))
        path.run.include(kind, (witness.term,))
        return witness


class AnySuitable:
    """Each choice is an unknown object of which only is known that it is a right one."""

    def __init__(self, execution: Execution, path: Path):
        self.execution = execution
        self.path = path

    def choose(self, objects: PartView, suitable: Predicate, before: Order | None, label: str) -> Any:
        """Some suitable object, first of all; or, on another path, None and none is suitable."""
        path, run = self.path, self.path.run
        snapshot = objects.state.copy()
        kind = objects.part.name
        name = f"choice.{label}.{path.choices}"
        path.choices += 1

        def fits(ref: Any) -> Term:
            with as_of(objects.state, snapshot), run.statement():
                return _fits(objects, suitable, ref)

        def none(choice: tuple[Keys, ...]) -> Term:
            return terms.negate(fits(wrap_object(objects.part.keys, choice[0])))

        if not run.decide(terms.variable(f"{name}.some", terms.BOOL)):
            run.facts.append(Fact(f"{name}.none", (kind,), none, shared=False))
            return None
        encoding = self.execution.proof.encoding
        keys = tuple(terms.variable(f"{name}.{i}", leaf.sort(encoding)) for i, leaf in enumerate(objects.part.keys))
        chosen = wrap_object(objects.part.keys, keys)
        run.include(kind, keys)
        with run.statement(collect=True) as read:
            suits = _fits(objects, suitable, chosen)
        for other, other_keys in read:
            run.include(other, other_keys)
        run.assume(suits)
        if before is None:
            return chosen

        def first(choice: tuple[Keys, ...]) -> Term:
            other = wrap_object(objects.part.keys, choice[0])
            suits = fits(other)
            with as_of(objects.state, snapshot), run.statement():
                return terms.implies(suits, term_of_truth(before(chosen, other)))

        run.facts.append(Fact(f"{name}.first", (kind,), first, shared=False))
        return chosen


def _fits(objects: PartView, suitable: Predicate, ref: Any) -> Term:
    return terms.conjunction((term_of_truth(exists(objects, ref)), term_of_truth(suitable(ref))))


@contextmanager
def as_of(state: SymbolicState, snapshot: SymbolicState) -> Iterator[None]:
    """While the predicates of a choice are evaluated later: the state is as it was at the choice."""
    now = state.copy()
    state.become(snapshot)
    try:
        yield
    finally:
        state.become(now)
