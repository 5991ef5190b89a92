"""What is to be proved of a path: that states are related and satisfy the invariants, and the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refinement import terms
from refinement.contracts import Contract, place
from refinement.layers import PythonLayer
from refinement.path import Goal, Path
from refinement.relation import Relation
from refinement.schema import terms_of
from refinement.setting import EVERYTHING, Setting, but_for
from refinement.state import exists
from refinement.statements import Statement
from refinement.terms import Term
from refinement.values import term_of_truth

NONE: Mapping[str, Term] = {}


def of_states(
    setting: Setting,
    path: Path,
    states: Mapping[str, Any],
    contract: Contract = EVERYTHING,
    waived: Mapping[str, Term] = NONE,
) -> tuple[set[str], list[Goal]]:
    """That the states are related and satisfy the invariants, and all obligations that this is about.

    There are no goals about what nothing was written of.  With a contract: only what it relies on, `waived`
    of one object by the statement's id.
    """
    proof = setting.proof
    goals: list[Goal] = []
    considered: set[str] = set()
    written = {name for layer in proof.layers for name in layer.written(states[layer.name])}
    for statement in proof.to_keep():
        if contract.relies_on(statement.id):
            what = "invariant" if len(statement.layers) == 1 else "relation"
            key = setting.key(what, statement.id)
            considered.add(key)
            goals += _statement(setting, path, states, statement, key, written, waived.get(statement.id))
    if proof.relation is not None:
        considered.add(setting.key("state"))
        goals += _agreement(setting, path, states, proof.relation, written)
    return considered, goals


def _statement(
    setting: Setting,
    path: Path,
    states: Mapping[str, Any],
    statement: Statement,
    key: str,
    written: set[str],
    waived: Term | None,
) -> list[Goal]:
    """That a statement holds again, unless nothing that it reads was written."""
    if not setting.reads_of(statement) & written:
        return []
    choice = setting.skolems(statement.kinds)
    goals = []
    for part, label in setting.parts_of(statement):
        with path.run.statement(collect=True) as read:
            term = but_for(waived, choice, setting.holds(part, states, choice))
        path.include(part.kinds, choice)
        goals.append(path.goal(key, term, part.prose, tuple(read), keeps=label))
    return goals


def _agreement(
    setting: Setting, path: Path, states: Mapping[str, Any], relation: Relation, written: set[str]
) -> list[Goal]:
    """That every related field written in either layer has the value that the lower layer gives it."""
    run = path.run
    upper, lower = states[relation.upper.name], states[relation.lower.name]
    goals = []
    for declared, decoder in setting.compared:
        part = relation.upper.schema.parts[declared.path.split(".")[0]]
        if not setting.agreement_reads(relation, declared, decoder) & written:
            continue
        choice = setting.skolems((part.name,)) if declared.keys else ()
        keys = setting.field_keys(declared)
        with run.statement(collect=True) as read:
            term = relation.agreement(declared, decoder, upper, lower, keys)
            if part.exists is not None:
                ref = setting.object(part.name, choice[0])
                term = terms.implies(term_of_truth(exists(getattr(upper, part.name), ref)), term)
        goals.append(path.goal(setting.key("state"), term, f"{declared.path} differs", tuple(read)))
        path.include((part.name,) if choice else (), choice)
    return goals


def of_outcome(setting: Setting, path: Path) -> list[Goal]:
    """That the operation ends in both layers in the same way, with the same result, and with no other error than said.

    A path that ends inside a loop has no outcome.
    """
    proof, outcomes = setting.proof, path.outcomes
    goals = []
    if proof.lower.name in outcomes and outcomes[proof.lower.name].error not in ("", *proof.operation.raises):
        what = f"{proof.lower.name} raises {outcomes[proof.lower.name].error}"
        goals.append(path.goal(setting.key("guards"), terms.FALSE, what))
    if proof.relation is None or not proof.has_outcome() or len(outcomes) < len(proof.layers):
        return goals
    upper, lower = outcomes[proof.top.name], outcomes[proof.lower.name]
    with path.run.statement(collect=True) as read:
        found = proof.relation.ended(proof.operation.name, upper.error, path.live[proof.lower.name], lower)
        condition = term_of_truth(found[0])
        type = proof.top.ending(proof.operation.name, upper.error)
        if condition is not terms.FALSE and type is not None:
            values = (
                terms_of({"result": type}, {"result": value}, proof.encoding) for value in (upper.value, found[1])
            )
            same = [terms.equal(one, other) for one, other in zip(*(v.values() for v in values), strict=True)]
            condition = terms.conjunction((condition, *same))
    ends = f"ends with {upper.error}" if upper.error else "returns"
    what = f"{proof.top.name} {ends}, and {proof.lower.name} not so, or not with the same"
    return [*goals, path.goal(setting.key("result"), condition, what, tuple(read))]


def of_requirement(setting: Setting, path: Path) -> list[Goal]:
    """That what the operation requires of all objects in the lower layer follows from what it requires above."""
    proof = setting.proof
    goals = []
    for required in proof.operation.required_in(proof.lower.name):
        choice = setting.skolems(required.kinds)
        with path.run.statement(collect=True) as read:
            state = setting.pristine[proof.lower.name]
            term = setting.requirement(required, state, setting.arguments, choice, proof.lower)
        path.include(required.kinds, choice)
        goals.append(path.goal(setting.key("requires"), term, required.prose, tuple(read)))
    return goals


def of_contract(setting: Setting, path: Path) -> list[Goal]:
    """That the operation has written what it may write only, and what else its contract says."""
    lower, contract = setting.proof.lower, setting.proof.operation.contract
    goals = []
    if contract.modifies is not None:
        outside = sorted(_outside(setting, path, contract.modifies))
        what = f"it writes {', '.join(outside)}, which its contract does not name"
        goals.append(path.goal(setting.key("frame"), terms.boolean(not outside), what, inner=True))
    outcome = path.outcomes.get(lower.name)
    if outcome is None or not isinstance(lower, PythonLayer):
        return goals
    for ensures in contract.ensures:
        if not ensures.applies(outcome):
            continue
        choice = setting.skolems(ensures.kinds)
        with path.run.statement(collect=True) as read:
            term = setting.ensured(ensures, path.start, path.live, lower, setting.arguments, outcome, choice)
        path.include(ensures.kinds, choice)
        goals.append(path.goal(setting.key("ensures", ensures.id), term, ensures.prose, tuple(read)))
    return goals


def _outside(setting: Setting, path: Path, modifies: tuple[str, ...]) -> set[str]:
    """What the lower layer has written, by itself or in calls, and may not write."""
    lower = setting.proof.lower
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
