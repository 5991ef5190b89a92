"""Symbolic and plain runs of every operation and predicate agree on random states."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from impl.c.memory import ByteMemory
from impl.c.places import Place
from proofs.sel4.layers import EXEC, SPEC, C
from proofs.sel4.stack import OPERATIONS, STACK
from refinement import context, terms
from refinement.layers import Layer, PythonLayer, parameters_of
from refinement.plain import lookup
from refinement.relation import Relation
from refinement.schema import MACHINE, MATHEMATICAL, Encoding
from refinement.statements import Statement
from refinement.values import term_of_truth
from spec.sel4 import state as spec_state
from tests.agreement.following import Assignment, Following, lookup_of
from tests.agreement.states import REFS, arguments, disturb, reached, states_of, wander
from tests.trace.lockstep import CHOICES, LockStep, of_layer, values_of

LAYERS: dict[str, Layer] = {"spec": SPEC, "exec": EXEC, "c": C}
RUNS = [(SPEC, MATHEMATICAL), (EXEC, MATHEMATICAL), (EXEC, MACHINE), (C, MACHINE)]
STATES = 8
"""How many random states each operation is run on."""

TRIES = 400
"""How many random states are tried for that, where its precondition seldom holds."""


def given_to(layer: Layer, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments as a layer takes them."""
    return of_layer(spec_state, arguments) if layer is SPEC else arguments


def telling_arguments(run: LockStep, name: str, draw: random.Random) -> dict[str, Any] | None:
    """Arguments with which the operation changes the model's state, or None if there are none at hand."""
    for _ in range(4):
        chosen = arguments(run, name, draw)
        if chosen is not None:
            after = copy.deepcopy(run.model)
            EXEC.execute(after, name, chosen)
            if EXEC.dump(after) != EXEC.dump(run.model):
                return chosen
    return None


def plain_run(layer: Layer, state: Any, name: str, arguments: dict[str, Any]) -> bool:
    """Run an operation plainly; whether it came to its end."""
    try:
        layer.execute(state, name, arguments)
    except Exception:
        return False
    return True


def symbolic_run(
    layer: Layer, encoding: Encoding, before: Mapping[str, Any], name: str, arguments: dict[str, Any]
) -> tuple[Following, Any]:
    """Run an operation on unknowns that have the values of a plain state; gives the run and the state after it."""
    types = parameters_of(SPEC if layer is SPEC else EXEC, name)
    numbers = {
        f"argument.{p}": terms.value_of(leaf.unwrap(arguments[p], leaf.sort(encoding))) for p, leaf in types.items()
    }
    objects = {kind: list(getattr(before["exec"], kind)) for kind in REFS}
    run = Following(Assignment(lookup_of(before, LAYERS, encoding, numbers)), objects)
    state = layer.fresh(encoding, "")
    unknown = {p: leaf.wrap(terms.variable(f"argument.{p}", leaf.sort(encoding))) for p, leaf in types.items()}
    outside = context.enter(run)
    try:
        layer.call(run, state, name, unknown)
    finally:
        context.enter(outside)
    return run, state


def python_differences(layer: PythonLayer, encoding: Encoding, run: Following, state: Any, after: Any) -> Iterator[str]:
    """Where a symbolic state after a run differs from a plain one."""
    for path, declared in layer.schema.fields.items():
        part = layer.schema.parts[path.split(".")[0]]
        if path.endswith(".exists"):
            continue
        places: list[tuple[Any, ...]] = [()]
        if part.keys:
            places = [key if isinstance(key, tuple) else (key,) for key in getattr(after, part.name)]
        if len(declared.keys) > len(part.keys):
            places = [(*keys, index) for keys in places for index in STACK.indices[path]]
        for keys in places:
            plain = declared.leaf.unwrap(
                lookup(layer.view(after), declared, keys, layer.schema), declared.leaf.sort(encoding)
            )
            sorts = [leaf.sort(encoding) for leaf in declared.keys]
            key_terms = tuple(leaf.unwrap(k, s) for leaf, k, s in zip(declared.keys, keys, sorts, strict=True))
            found = run.assignment.value(state._maps[path].get(key_terms))
            if found != terms.value_of(plain):
                yield f"{path}{keys}: symbolically {found}, plainly {terms.value_of(plain)}"


def c_differences(run: Following, state: Any, before: ByteMemory, after: ByteMemory) -> Iterator[str]:
    """Where symbolic memory after a run differs from bytes, of what was or is not 0 there."""
    bases = {"tcb_t": REFS["tcb"], "endpoint_t": REFS["endpoint"], "notification_t": REFS["notification"]}
    for shape in C.shapes:
        roots = bases.get(shape.name.split(".")[0])
        for base in [ref.number for ref in roots] if roots else [None]:
            for indices in _indices(shape.lengths):
                place = Place(shape, base, indices)
                plain = after.load(place, shape.width)
                if plain or before.load(place, shape.width):
                    keys = tuple(terms.bits(k, 32) for k in (*([base] if base is not None else []), *indices))
                    found = run.assignment.value(state._maps[shape.name].get(keys))
                    if found != plain:
                        yield f"{shape.name}{(base, *indices)}: symbolically {found}, plainly {plain}"


def _indices(lengths: tuple[int, ...]) -> list[tuple[int, ...]]:
    found: list[tuple[int, ...]] = [()]
    for length in lengths:
        found = [(*indices, index) for indices in found for index in range(length)]
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_operations_agree(operation: Any) -> None:
    """An operation ends in the same state, or breaks a guard just where the plain run stops."""
    draw = random.Random(operation.name)
    ran = 0
    for lock_step in wander(draw, TRIES):
        if ran == STATES:
            break
        chosen = telling_arguments(lock_step, operation.name, draw) if draw.random() < 0.3 or not ran else None
        if chosen is None:
            continue
        before = states_of(lock_step)
        ran += 1
        for layer, encoding in RUNS:
            after = copy.deepcopy(before[layer.name])
            terms.reset()
            own = given_to(layer, chosen)
            ended = plain_run(layer, after, operation.name, own)
            run, state = symbolic_run(layer, encoding, before, operation.name, own)
            assert ended == (not run.broken), f"{layer.name}: {run.broken} with {chosen}"
            outside = context.enter(run)
            try:
                with run.statement():
                    if isinstance(layer, PythonLayer):
                        found = list(python_differences(layer, encoding, run, state, after))
                    else:
                        found = list(c_differences(run, state, before["c"], after))
            finally:
                context.enter(outside)
            assert found == [], f"{layer.name} with {chosen}"
    assert ran, "in no random state did the operation change anything"


STATEMENTS: list[Statement] = [s for found in STACK.invariants.values() for s in found]
STATEMENTS += [fact for relation in STACK.relations for fact in relation.facts]


@pytest.mark.parametrize("disturbed", [False, True])
def test_predicates_agree(disturbed: bool) -> None:
    """Every invariant, every fact of a relation and every precondition, of random objects of random states."""
    draw = random.Random(disturbed)
    came_out: dict[str, set[bool]] = {}
    for _ in range(3 * STATES):
        lock_step = reached(draw, draw.randrange(2, 40))
        states = states_of(lock_step)
        if disturbed:
            disturb(states, draw, 60)
        views = {name: LAYERS[name].view(plain) for name, plain in states.items()}
        for encoding in (MATHEMATICAL, MACHINE):
            terms.reset()
            run = Following(Assignment(lookup_of(states, LAYERS, encoding, {})), {})
            for statement in STATEMENTS:
                if ("c" in statement.layers) != (encoding is MACHINE):
                    continue
                for objects, symbols in _some_objects(statement, encoding, draw):
                    plain = bool(statement.holds(*[views[name] for name in statement.layers], *objects))
                    outside = context.enter(run)
                    try:
                        with run.statement():
                            fresh = [LAYERS[name].fresh(encoding, "") for name in statement.layers]
                            symbolic = run.assignment.value(term_of_truth(statement.holds(*fresh, *symbols)))
                    finally:
                        context.enter(outside)
                    assert bool(symbolic) == plain, f"{statement.layers} {statement.id} of {objects}"
                    came_out.setdefault(f"{statement.layers}{statement.id}", set()).add(plain)
    if disturbed:
        both = [id for id, outcomes in came_out.items() if len(outcomes) == 2]
        assert len(both) > len(STATEMENTS) // 2, f"only {len(both)} statements came out both true and false"


def _some_objects(
    statement: Statement, encoding: Encoding, draw: random.Random
) -> Iterator[tuple[list[Any], list[Any]]]:
    """Some objects or indices of the statement's kinds: plain, and as symbolic values."""
    for _ in range(6 if statement.kinds else 1):
        plain, wrapped = [], []
        for kind in statement.kinds:
            part = next(LAYERS[n].schema.parts[kind] for n in statement.layers if kind in LAYERS[n].schema.parts)
            value = draw.choice(REFS[kind]) if kind in REFS else draw.choice(STACK.indices[kind])
            parts = value if isinstance(value, tuple) else (value,)
            sorts = [leaf.sort(encoding) for leaf in part.keys]
            symbols = [leaf.wrap(leaf.unwrap(v, s)) for leaf, v, s in zip(part.keys, parts, sorts, strict=True)]
            plain.append(value)
            wrapped.append(tuple(symbols) if len(symbols) > 1 else symbols[0])
        yield plain, wrapped


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.requires is not None], ids=lambda o: o.name)
def test_preconditions_agree(operation: Any) -> None:
    """A precondition says the same of a symbolic state as of a plain one."""
    draw = random.Random(operation.name)
    for number in range(STATES):
        lock_step = reached(draw, draw.randrange(2, 40))
        states = states_of(lock_step)
        if number % 2:
            disturb(states, draw, 8)
        for layer in (SPEC, EXEC):
            own = given_to(layer, _any_arguments(operation.name, draw))
            terms.reset()
            run = Following(Assignment(lookup_of(states, LAYERS, MATHEMATICAL, {})), {})
            types = parameters_of(layer, operation.name)
            wrapped = {p: leaf.wrap(leaf.unwrap(own[p], leaf.sort(MATHEMATICAL))) for p, leaf in types.items()}
            plain = bool(operation.requires(layer.view(states[layer.name]), **own))
            outside = context.enter(run)
            try:
                with run.statement():
                    term = term_of_truth(operation.requires(layer.fresh(MATHEMATICAL, ""), **wrapped))
                    assert bool(run.assignment.value(term)) == plain
            finally:
                context.enter(outside)


def _any_arguments(name: str, draw: random.Random) -> dict[str, Any]:
    return {p: draw.choice(list(CHOICES.get(p) or values_of(p))) for p in parameters_of(EXEC, name)}


@pytest.mark.parametrize("relation", STACK.relations, ids=lambda relation: relation.name)
def test_decoders_agree(relation: Relation) -> None:
    """The upper state that belongs to an unknown lower one is the one that belongs to the plain one."""
    draw = random.Random(relation.name)
    encoding = MACHINE if relation.lower is C else MATHEMATICAL
    for _ in range(STATES):
        lock_step = reached(draw, draw.randrange(2, 40))
        states = states_of(lock_step)
        terms.reset()
        run = Following(Assignment(lookup_of(states, LAYERS, encoding, {})), {})
        outside = context.enter(run)
        try:
            upper = relation.upper_state(relation.lower.fresh(encoding, ""), encoding, "upper.")
            plain = relation.lower.view(states[relation.lower.name])
            for declared, decoder in relation.compared():
                part = relation.upper.schema.parts[declared.path.split(".")[0]]
                if len(declared.keys) > len(part.keys):
                    continue
                choices = REFS.get(part.name) or STACK.indices.get(part.name, [()])
                value = draw.choice(list(choices))
                keys = value if isinstance(value, tuple) else (value,)
                sorts = [leaf.sort(encoding) for leaf in declared.keys]
                key_terms = tuple(leaf.unwrap(k, s) for leaf, k, s in zip(declared.keys, keys, sorts, strict=True))
                context.enter(None)
                if decoder.when is not None and not decoder.when(plain, *keys):
                    context.enter(run)
                    continue
                expected = decoder.value(plain, *keys)
                context.enter(run)
                found = declared.leaf.plain(run.assignment.value(upper._maps[declared.path].get(key_terms)))
                same = getattr(found, "name", found) == getattr(expected, "name", expected)
                assert same, f"{declared.path}{keys}: symbolically {found}, plainly {expected}"
        finally:
            context.enter(outside)
