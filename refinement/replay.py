"""Plain runs of an operation in every layer of a proof, and what is wrong before or after them."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import frozen

from refinement import context, logic
from refinement.layers import PythonLayer
from refinement.outcomes import Outcome
from refinement.relation import Relation, disagreements, parts_are_equal
from refinement.statements import Statement, check_plain

if TYPE_CHECKING:
    from refinement.prove import Proof

Universe = Mapping[str, list[Any]]
"""The objects of each kind, for each `kind?` what may not exist too, and for tables and arrays the possible indices."""


@frozen
class Failures:
    """What plain runs came to: the states afterwards, by layer, and in words whatever is wrong with them."""

    states: Mapping[str, Any]
    failures: tuple[str, ...]


def broken(proof: Proof, universe: Universe, states: Mapping[str, Any]) -> list[tuple[Statement, tuple[Any, ...]]]:
    """The statements, of those that the operation relies on, that do not hold in plain states, with objects of each."""
    views = {layer.name: layer.view(states[layer.name]) for layer in proof.layers}
    relied = [s for s in proof.statements() if proof.operation.contract.relies_on(s.id)]
    return [(s, objects) for s in relied for objects in check_plain(s, views, universe)]


def run_and_compare(
    proof: Proof,
    universe: Universe,
    before: Mapping[str, Any],
    arguments: Mapping[str, Any],
    draws: Iterable[Any] = (),
) -> Failures:
    """Run the operation in each layer on a copy of its state, and say what is wrong afterwards.

    `draws` has what the specification's choices come to, in order.
    """
    after = copy.deepcopy(dict(before))
    failures = []
    outcomes = {}
    under_way = context.enter(None)
    drawing, logic.draw = logic.draw, _drawing(draws)
    try:
        for layer in reversed(proof.layers):
            try:
                outcomes[layer.name] = layer.execute(after[layer.name], proof.operation.name, arguments)
                if outcomes[layer.name].error not in ("", *proof.operation.raises):
                    failures.append(f"{layer.name} raises {outcomes[layer.name].error}")
            except Exception as error:
                failures.append(f"{layer.name} stops with {type(error).__name__}: {error}")
    finally:
        logic.draw = drawing
        context.enter(under_way)
    if failures:
        return Failures(after, tuple(failures))
    failures += _requirement_differs(proof, before, arguments)
    if proof.relation is not None:
        upper, lower = (layer.view(after[layer.name]) for layer in proof.layers)
        failures += disagreements(proof.relation, upper, lower, universe)
        failures += ends_differ(proof.relation, proof.operation.name, lower, outcomes)
    failures += _not_ensured(proof, universe, before, after, outcomes, arguments)
    for statement, objects in broken(proof, universe, after):
        if statement.layers[-1] != proof.lower.name:
            # That the upper layer's own statements are kept is proved with the layer above, which is not here.
            continue
        spared = proof.operation.contract.breaks.get(statement.id)
        if spared is not None and objects == (arguments[spared],):
            continue
        about = ", ".join(map(repr, objects))
        failures.append(f"{'-'.join(statement.layers)}/{statement.id} does not hold{f' of {about}' if about else ''}")
    return Failures(after, tuple(failures))


def _drawing(draws: Iterable[Any]) -> Callable[[list[Any]], Any]:
    """Gives each of the values in turn where it is a candidate, and otherwise the first candidate."""
    remaining = iter(draws)

    def draw(candidates: list[Any]) -> Any:
        wanted = next(remaining, None)
        return wanted if wanted in candidates else candidates[0]

    return draw


def ends_differ(relation: Relation, operation: str, lower: Any, outcomes: Mapping[str, Outcome]) -> list[str]:
    """Where an operation ended in two layers in different ways, in words; `lower` is the view of the lower state."""
    upper, below = outcomes[relation.upper.name], outcomes[relation.lower.name]
    type = relation.upper.ending(operation, upper.error)
    condition, value = relation.ended(operation, upper.error, lower, below)
    if condition and (type is None or parts_are_equal(type, upper.value, value)):
        return []
    return [f"{relation.upper.name} ends with {upper.value!r}, {relation.lower.name} with {below.value!r}"]


def _requirement_differs(proof: Proof, before: Mapping[str, Any], arguments: Mapping[str, Any]) -> list[str]:
    """Whether the precondition holds in one layer's plain state and not in the other's."""
    requires = proof.operation.requires
    if requires is None or not proof.states_requirement_twice():
        return []
    holds = []
    for layer in proof.layers:
        assert isinstance(layer, PythonLayer)
        holds.append(bool(requires(layer.view(before[layer.name]), **layer.own(proof.operation.name, arguments))))
    if holds[0] == holds[1]:
        return []
    return [f"the precondition: {proof.top.name} {holds[0]}, {proof.lower.name} {holds[1]}"]


def _not_ensured(
    proof: Proof,
    universe: Universe,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    outcomes: Mapping[str, Outcome],
    arguments: Mapping[str, Any],
) -> list[str]:
    """What the operation's contract ensures and plain states do not show."""
    failures = []
    for ensures in proof.operation.contract.ensures:
        for layer in proof.layers:
            outcome = outcomes[layer.name]
            if isinstance(layer, PythonLayer) and ensures.applies(outcome):
                one, other = layer.view(before[layer.name]), layer.view(after[layer.name])
                for objects in itertools.product(*(universe[kind] for kind in ensures.kinds)):
                    if not ensures.holds(one, other, arguments, *ensures.given(outcome), *objects):
                        about = ", ".join(map(repr, objects))
                        failures.append(f"{layer.name} does not ensure {ensures.id} of {about}")
    return failures
