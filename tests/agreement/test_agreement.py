"""Symbolic and plain runs of every operation and predicate agree on random states."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from impl.c.memory import ByteMemory
from impl.c.places import Place
from proofs.sel4.layers import EXEC, SPEC, C
from proofs.sel4.stack import OPERATIONS, STACK
from refinement import context, terms
from refinement.layers import Layer, PythonLayer, parameters_of
from refinement.outcomes import Outcome
from refinement.plain import lookup
from refinement.relation import Relation
from refinement.schema import MACHINE, MATHEMATICAL, Encoding, Record, flattened, parts_of, terms_of
from refinement.statements import Statement, kind_of
from refinement.values import Word, term_of_truth
from tests.agreement.following import Assignment, Following, lookup_of
from tests.agreement.states import arguments, disturb, reached, some, some_cap, states_of, wander
from tests.trace.lockstep import DRAWN_SLOTS, REFERENCES, TABLES, VALUES, LockStep
from tests.trace.start import REFS

LAYERS: dict[str, Layer] = {"spec": SPEC, "exec": EXEC, "c": C}
RUNS = [(SPEC, MATHEMATICAL), (EXEC, MATHEMATICAL), (EXEC, MACHINE), (C, MACHINE)]
DRAWN = {"slot": DRAWN_SLOTS, "slot?": REFERENCES["slot?"]}
"""Of which objects statements are tried, where those that there are would mostly be dull."""
INDICES = {**STACK.indices, "user_data.words": TABLES["user_data.words"]}
STATES = 8
"""How many random states each operation is run on."""

TRIES = 400
"""How many random states are tried for that, where its precondition seldom holds."""


def telling_arguments(run: LockStep, name: str, draw: random.Random) -> dict[str, Any] | None:
    """Arguments with which the operation has a result or changes the model's state; None if there are none at hand."""
    for _ in range(4):
        chosen = arguments(run, name, draw)
        if EXEC.ending(name) is not None:
            return chosen
        if chosen is not None:
            after = copy.deepcopy(run.model)
            EXEC.execute(after, name, chosen)
            # What was only looked at may be there with its default afterwards.
            if after != run.model and EXEC.dump(after) != EXEC.dump(run.model):
                return chosen
    return None


def plain_run(layer: Layer, state: Any, name: str, arguments: dict[str, Any]) -> Outcome | None:
    """Run an operation plainly; how it ended, None if it did not come to an end."""
    try:
        return layer.execute(state, name, arguments)
    except Exception:
        return None


def argument_numbers(encoding: Encoding, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The values of unknown arguments of an operation, of records their parts and the words that C is given."""
    types = parameters_of(EXEC, name)
    given = parts_of(types, arguments)
    numbers = {f"argument.{name}": word for name, word in C.plain_arguments(arguments).items()}
    for path, leaf in flattened(types).items():
        numbers[f"argument.{path}"] = terms.value_of(leaf.unwrap(given[path], leaf.sort(encoding)))
    return numbers


def symbolic_run(
    layer: Layer, encoding: Encoding, before: Mapping[str, Any], name: str, arguments: dict[str, Any]
) -> tuple[Following, Any, Outcome | None]:
    """Run an operation on unknowns that have the values of a plain state.

    Gives the run, the state after it, and how the operation ended.
    """
    objects = {kind: list(getattr(before["exec"], kind)) for kind in REFS}
    lookup = lookup_of(before, LAYERS, encoding, argument_numbers(encoding, name, arguments))
    run = Following(Assignment(lookup), objects, encoding)
    state = layer.fresh(encoding, "")
    _, unknown = layer.unknown_arguments(parameters_of(SPEC if layer is SPEC else EXEC, name), encoding)
    outside = context.enter(run)
    try:
        outcome = layer.call(run, state, name, unknown)
    finally:
        context.enter(outside)
    return run, state, outcome


def differing_ends(
    layer: Layer, encoding: Encoding, run: Following, name: str, symbolic: Outcome, plain: Outcome
) -> Iterator[str]:
    """Where a symbolic run ended otherwise than a plain one."""
    if symbolic.error != plain.error:
        yield f"symbolically it ended with {symbolic.error or 'a result'}, plainly with {plain.error or 'a result'}"
        return
    type = layer.ending(name, plain.error) if isinstance(layer, PythonLayer) else None
    if type is not None:
        found, expected = (terms_of({"": type}, {"": outcome.value}, encoding) for outcome in (symbolic, plain))
        for path, term in found.items():
            if run.assignment.value(term) != terms.value_of(expected[path]):
                yield f"the result{path}: symbolically {run.assignment.value(term)}, plainly {expected[path]}"
    elif not isinstance(layer, PythonLayer) and plain.value is not None:
        value = run.assignment.value(symbolic.value.term) if isinstance(symbolic.value, Word) else symbolic.value
        if value != plain.value:
            yield f"the result: symbolically {value}, plainly {plain.value}"


def python_differences(layer: PythonLayer, encoding: Encoding, run: Following, state: Any, after: Any) -> Iterator[str]:
    """Where a symbolic state after a run differs from a plain one."""
    view = layer.view(after)
    for path, declared in layer.schema.fields.items():
        part = layer.schema.parts[path.split(".")[0]]
        if path.endswith(".exists"):
            continue
        places: list[tuple[Any, ...]] = [()]
        if part.keys:
            places = [key if isinstance(key, tuple) else (key,) for key in getattr(after, part.name)]
        if len(declared.keys) > len(part.keys):
            places = [(*keys, index) for keys in places for index in INDICES[path]]
        for keys in places:
            plain = declared.leaf.unwrap(lookup(view, declared, keys, layer.schema), declared.leaf.sort(encoding))
            sorts = [leaf.sort(encoding) for leaf in declared.keys]
            key_terms = tuple(leaf.unwrap(k, s) for leaf, k, s in zip(declared.keys, keys, sorts, strict=True))
            found = run.assignment.value(state._maps[path].get(key_terms))
            if found != terms.value_of(plain):
                yield f"{path}{keys}: symbolically {found}, plainly {terms.value_of(plain)}"


def c_differences(run: Following, state: Any, before: ByteMemory, after: ByteMemory) -> Iterator[str]:
    """Where symbolic memory after a run differs from bytes, of what was or is not 0 there."""
    for shape in C.shapes:
        roots = REFS.get(C.kind_of.get(shape.root, ""))
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
        lock_step.check()
        before = states_of(lock_step)
        ran += 1
        for layer, encoding in RUNS:
            after = copy.deepcopy(before[layer.name])
            terms.reset()
            ended = plain_run(layer, after, operation.name, chosen)
            run, state, outcome = symbolic_run(layer, encoding, before, operation.name, chosen)
            assert (ended is None) == bool(run.broken), f"{layer.name}: {run.broken} with {chosen}"
            outside = context.enter(run)
            try:
                with run.statement():
                    if ended is not None:
                        assert outcome is not None
                        different = list(differing_ends(layer, encoding, run, operation.name, outcome, ended))
                        assert different == [], f"{layer.name} with {chosen}"
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
            run = Following(Assignment(lookup_of(states, LAYERS, encoding, {})), {}, encoding)
            for statement in STATEMENTS:
                if ("c" in statement.layers) != (encoding is MACHINE):
                    continue
                layers = [LAYERS[name] for name in statement.layers]
                for objects, symbols in some_objects(statement.kinds, layers, encoding, draw):
                    plain = bool(statement.holds(*[views[name] for name in statement.layers], *objects))
                    fresh = [layer.fresh(encoding, "") for layer in layers]
                    symbolic = truth_in(run, lambda: statement.holds(*fresh, *symbols))  # noqa: B023
                    assert symbolic == plain, f"{statement.layers} {statement.id} of {objects}"
                    came_out.setdefault(f"{statement.layers}{statement.id}", set()).add(plain)
    if disturbed:
        both = [id for id, outcomes in came_out.items() if len(outcomes) == 2]
        assert len(both) > len(STATEMENTS) // 2, f"only {len(both)} statements came out both true and false"


def some_objects(
    kinds: tuple[str, ...], layers: list[Any], encoding: Encoding, draw: random.Random
) -> Iterator[tuple[list[Any], list[Any]]]:
    """Some objects or indices of the kinds, which the layers know: plain, and as symbolic values."""
    for _ in range(6 if kinds else 1):
        plain, wrapped = [], []
        for kind in kinds:
            part = next(found for layer in layers if (found := layer.schema.parts.get(kind_of(kind))) is not None)
            value = draw.choice(DRAWN.get(kind) or REFS.get(kind) or STACK.indices[kind])
            parts = value if isinstance(value, tuple) else (value,)
            sorts = [leaf.sort(encoding) for leaf in part.keys]
            symbols = [leaf.wrap(leaf.unwrap(v, s)) for leaf, v, s in zip(part.keys, parts, sorts, strict=True)]
            plain.append(value)
            wrapped.append(tuple(symbols) if len(symbols) > 1 else symbols[0])
        yield plain, wrapped


@pytest.mark.parametrize("operation", [o for o in OPERATIONS if o.requires or o.requires_of], ids=lambda o: o.name)
def test_preconditions_agree(operation: Any) -> None:
    """A precondition says the same of a symbolic state as of a plain one, and so does what is required of objects."""
    draw = random.Random(operation.name)
    for number in range(STATES):
        lock_step = reached(draw, draw.randrange(2, 40))
        states = states_of(lock_step)
        if number % 2:
            disturb(states, draw, 8)
        for layer in (SPEC, EXEC):
            chosen = any_arguments(operation.name, draw)
            own = layer.own(operation.name, chosen)
            terms.reset()
            numbers = argument_numbers(MATHEMATICAL, operation.name, chosen)
            run = Following(Assignment(lookup_of(states, LAYERS, MATHEMATICAL, numbers)), {}, MATHEMATICAL)
            wrapped, _ = layer.unknown_arguments(parameters_of(layer, operation.name), MATHEMATICAL)
            view, state = layer.view(states[layer.name]), layer.fresh(MATHEMATICAL, "")
            if operation.requires is not None:
                plain = bool(operation.requires(view, **own))
                assert plain == truth_in(run, lambda: operation.requires(state, **wrapped))  # noqa: B023
            for required in operation.required_in(layer.name):
                for objects, symbols in some_objects(required.kinds, [layer], MATHEMATICAL, draw):
                    plain = bool(required.holds(view, own, *objects))
                    assert plain == truth_in(run, lambda: required.holds(state, wrapped, *symbols))  # noqa: B023


def truth_in(run: Following, statement: Callable[[], Any]) -> bool:
    """Whether a statement holds in a symbolic run."""
    outside = context.enter(run)
    try:
        with run.statement():
            return bool(run.assignment.value(term_of_truth(statement())))
    finally:
        context.enter(outside)


def any_arguments(name: str, draw: random.Random) -> dict[str, Any]:
    """Some arguments of an operation, whether or not its precondition holds."""
    found: dict[str, Any] = {}
    for parameter, type in parameters_of(EXEC, name).items():
        if isinstance(type, Record):
            found[parameter] = some_cap(draw)
        elif type.form == "ref":
            found[parameter] = draw.choice(DRAWN.get(type.kind) or REFS[type.kind])
        else:
            found[parameter] = draw.choice(VALUES[parameter]) if parameter in VALUES else some(parameter, type, draw)
    return found


@pytest.mark.parametrize("relation", STACK.relations, ids=lambda relation: relation.name)
def test_decoders_agree(relation: Relation) -> None:
    """The upper state that belongs to an unknown lower one is the one that belongs to the plain one."""
    draw = random.Random(relation.name)
    encoding = MACHINE if relation.lower is C else MATHEMATICAL
    for _ in range(STATES):
        lock_step = reached(draw, draw.randrange(2, 40))
        states = states_of(lock_step)
        terms.reset()
        run = Following(Assignment(lookup_of(states, LAYERS, encoding, {})), {}, encoding)
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
