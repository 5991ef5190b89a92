"""From a goal that does not hold to a concrete counterexample: plain states, replayed in every layer.

The solver's model of a failed goal satisfies the invariants only where the proof instantiated them.  So
the search closes the world: a few objects of each kind exist, every reference is to one of them or null,
and all statements hold of all of them.  What is found is turned to plain states, on which every statement
is checked again, and the operation is run on them.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from refinement import terms
from refinement.explore import Fact
from refinement.layers import PythonLayer
from refinement.logic import Ref, reference
from refinement.path import Goal, Path
from refinement.relation import upper_plain
from refinement.replay import Universe, broken, run_and_compare
from refinement.schema import Leaf, Part, Schema, assembled, parts_of
from refinement.smt import Model
from refinement.state import Keys
from refinement.statements import Statement
from refinement.story import tell
from refinement.terms import Term
from refinement.values import SymbolicRef, term_of_truth

if TYPE_CHECKING:
    from refinement.execution import Execution

SIZES = (2, 3, 4, 5)
"""How many objects of each kind the worlds have that are tried."""

SECONDS_FOR_ONE = 20
SECONDS_FOR_ALL = 120
"""After how long the search for a counterexample to one goal, and to all of a task, is given up.

A goal for which none is found is unknown, so that no verdict of `proved` depends on the machine's speed.
"""

ROUNDS = 45
"""How often a model that does not satisfy all statements is mended by instantiating those."""

RLIMIT = 100_000_000
"""Z3's limit for one query of a search."""


Plain = tuple[dict[str, Any], dict[str, Any], list[Any]]
"""Plain states by layer, arguments by name, and what the specification's choices come to."""


@frozen
class Refutation:
    """What the search for a counterexample came to.

    `found` is the counterexample as data (`story`, `scenario`, `pytest`), if there is one that replays.
    `fault` says that a state was found in which, run plainly, nothing fails: the symbolic run is wrong.
    """

    found: dict[str, Any] | None
    fault: bool = False


@frozen
class World:
    """A closed world: the numbers that references of each kind may have, whether or not such objects exist.

    In a `calm` world, tables and arrays have nothing in them but where the path or the goal looks.  If it is a `first`
    one, a path from inside a loop is in the loop's first iteration.
    """

    numbers: dict[str, list[int]]
    calm: bool
    first: bool = False


def refute(execution: Execution, path: Path, goal: Goal) -> Refutation:
    """Look for a concrete counterexample to a goal that failed at the end of a path."""
    proof = execution.proof
    search = Search(execution, path, goal)
    fault = False
    started = time.perf_counter()
    worlds = [World(search.numbers(size), calm=True) for size in SIZES] + [World(search.numbers(3), calm=False)]
    if path.first is not terms.TRUE:
        worlds = [evolve(world, first=True) for world in worlds[:2]] + worlds
    for world in worlds:
        if time.perf_counter() - started > SECONDS_FOR_ONE:
            break
        found = search.state(world)
        if found is not None:
            states, arguments, draws = found
            universe = proof.stack.universe(states[proof.top.name], arguments)
            after = run_and_compare(proof, universe, states, arguments, draws)
            if after.failures:
                return Refutation(tell(proof, path, goal, states, arguments, draws, after))
            fault = fault or not (path.inside or path.called or goal.inner)
    return Refutation(None, fault)


class Query:
    """What is asked of a solver that knows nothing yet: formulas, and what the functions mean that occur in them."""

    def __init__(self, execution: Execution):
        self.solver = execution.solver.beside(RLIMIT, SECONDS_FOR_ONE)
        self._explorer = execution.explorer
        self._met: set[Term] = set()

    def add(self, *formulas: Term) -> None:
        """Assert formulas."""
        for formula in (*formulas, *self._explorer.meanings(formulas, self._met)):
            self.solver.add(formula)


class Search:
    """The search for plain states from which a path leads to a broken goal."""

    def __init__(self, execution: Execution, path: Path, goal: Goal):
        self.execution = execution
        self.path = path
        self.goal = goal
        proof = execution.proof
        self.kinds = [part.name for part in proof.top.schema.parts.values() if part.form == "objects"]
        moment = path.before(proof.lower.name)
        self.symbolic = moment.states
        # What is stated of several objects is many formulas: it is added of those of which a model breaks it.
        facts = execution.setting.facts(self.symbolic, "search.", proof.operation.contract)
        self.facts = [fact for fact in facts if len(fact.kinds) < 2]
        if not path.inside:
            self.facts += execution.setting.required(self.symbolic)

    def state(self, world: World) -> Plain | None:
        """Plain states, arguments and draws in a world, if there are any."""
        run = self.path.run
        query = Query(self.execution)
        if world.first:
            query.add(self.path.first)
        query.add(*run.assumed, *(decision.literal for decision in run.decisions))
        query.add(*self._closed(world))
        query.add(terms.negate(self.goal.term), *run.grants(self.goal.epoch))
        return self._solve(query, world)

    def numbers(self, size: int) -> dict[str, list[int]]:
        """The references in a world with so many objects of each kind that the path comes to, at least."""
        proof = self.execution.proof
        counts = {kind: size if kind in self.path.run.footprint else 1 for kind in self.kinds}
        if proof.stack.numbers is not None:
            return dict(proof.stack.numbers(counts))
        return {kind: proof.lower.numbers(kind, count) for kind, count in counts.items()}

    def _solve(self, query: Query, world: World) -> Plain | None:
        proof = self.execution.proof
        hinted: set[tuple[str, Keys]] = set()
        looked_at: Mapping[str, Iterable[Keys]] = self._looked_at() if world.calm else {}
        closed: set[tuple[str, Keys]] = set()
        all_of_world = {kind: [reference(kind)(n) for n in numbers] for kind, numbers in world.numbers.items()}
        for _ in range(ROUNDS):
            query.add(*self._closed_references(world, closed))
            if world.calm:
                query.add(*self._nothing_elsewhere(looked_at, hinted))
            model = query.solver.model()
            if model is None:
                return None
            states, arguments = self._concretise(world, model), self._arguments(model)
            universe = proof.stack.universe(states[proof.top.name], arguments)
            universe |= {f"{kind}?": [*universe[f"{kind}?"], *references] for kind, references in all_of_world.items()}
            wrong = [self._instance(statement, objects) for statement, objects in broken(proof, universe, states)]
            wrong += self._missing(states, arguments, universe)
            if not wrong:
                return states, arguments, self._draws(model)
            query.add(*wrong)
        return None

    def _missing(self, states: Mapping[str, Any], arguments: Mapping[str, Any], universe: Universe) -> Iterator[Term]:
        """What the operation requires of all objects, of those of which it does not hold in plain states."""
        operation, setting = self.execution.proof.operation, self.execution.setting
        for layer in self.execution.proof.layers:
            if isinstance(layer, PythonLayer):
                given, view = layer.own(operation.name, arguments), layer.view(states[layer.name])
                for required, objects in operation.missing(layer.name, view, given, universe):
                    choice, symbolic = self._keys(required.kinds, objects), self.symbolic[layer.name]
                    with self.path.current(), self.path.run.statement():
                        yield setting.requirement(required, symbolic, setting.arguments, choice, layer)

    def _looked_at(self) -> dict[str, dict[Keys, None]]:
        """The objects in the footprint, and what statements read about its tables, or about no object.

        A ready queue that has a thread has a bit in the bitmaps, so they cannot be empty there.
        """
        run = self.path.run
        found: dict[str, dict[Keys, None]] = {kind: dict.fromkeys(keys) for kind, keys in run.footprint.items()}
        parts = {name: part for layer in self.execution.proof.layers for name, part in layer.schema.parts.items()}
        with self.path.current():
            for fact in self.facts:
                if len(fact.kinds) > 1 or (fact.kinds and parts[fact.kinds[0]].form == "objects"):
                    continue
                for choice in [(keys,) for keys in run.footprint.get(fact.kinds[0], ())] if fact.kinds else [()]:
                    with run.statement(collect=True) as read:
                        fact.instance(choice)
                    for kind, keys in read:
                        found.setdefault(kind, {})[keys] = None
        return found

    def _nothing_elsewhere(
        self, looked_at: Mapping[str, Iterable[Keys]], hinted: set[tuple[str, Keys]]
    ) -> Iterator[Term]:
        """That what was read of tables and arrays at other indices has the default."""
        top = self.execution.proof.lower
        if not isinstance(top, PythonLayer):
            top = self.execution.proof.top
        state = self.symbolic[top.name]
        with self.path.current(), self.path.run.statement():
            for part in top.schema.parts.values():
                if part.form not in ("table", "array"):
                    continue
                for declared in (*part.members.values(), *([part.field] if part.field is not None else [])):
                    for keys in list(state._maps[declared.path].seen):
                        if (declared.path, keys) in hinted:
                            continue
                        hinted.add((declared.path, keys))
                        value = state._maps[declared.path].get(keys)
                        default = declared.leaf.unwrap(declared.leaf.default(), value.sort)
                        near = [
                            terms.conjunction([terms.equal(a, b) for a, b in zip(keys, other, strict=True)])
                            for other in looked_at.get(part.name, ())
                        ]
                        yield terms.disjunction([terms.equal(value, default), *near])

    def _closed(self, world: World) -> Iterator[Term]:
        """The formulas that close the world."""
        execution, proof = self.execution, self.execution.proof
        refs = {kind: self._constants(kind, numbers) for kind, numbers in world.numbers.items()}
        run = self.path.run
        if proof.encoding.reference is terms.INT:
            yield from map(terms.is_at, {0, *itertools.chain.from_iterable(world.numbers.values())})
        with self.path.current():
            for layer in proof.layers:
                yield from self._closed_objects(self.symbolic[layer.name], layer.schema, refs)
            if proof.operation.requires is not None and self.path.inside:
                with run.statement():
                    yield term_of_truth(
                        proof.operation.requires(self.symbolic[proof.top.name], **execution.setting.arguments)
                    )
            choices: dict[str, list[Keys]] = {kind: [(constant,) for constant in refs[kind]] for kind in refs}
            for fact in self.facts:
                yield from self._instances(fact, {**run.footprint, **choices})
            yield from self._stated_nearby(choices)

    def _stated_nearby(self, choices: Mapping[str, list[Keys]]) -> Iterator[Term]:
        """What statements and the operation's precondition say of references nearby: is there what they are to?"""
        proof, setting, top = self.execution.proof, self.execution.setting, self.execution.proof.top
        objects = {kind: [setting.object(kind, keys) for keys in found] for kind, found in choices.items()}
        with self.path.run.statement():
            near = proof.stack.nearby(self.symbolic[top.name], objects, setting.arguments)
            keys = {f"{kind}?": [(ref.term,) for ref in references] for kind, references in near.items()}
            for statement in proof.statements():
                if any(kind in keys for kind in statement.kinds) and proof.operation.contract.relies_on(statement.id):
                    for choice in _choices(statement.kinds, {**choices, **keys}):
                        yield setting.holds(statement, self.symbolic, choice)
            for required in proof.operation.required_in(top.name):
                if any(kind in keys for kind in required.kinds):
                    for choice in _choices(required.kinds, {**choices, **keys}):
                        yield setting.requirement(required, self.symbolic[top.name], setting.arguments, choice, top)

    def _closed_objects(self, state: Any, schema: Schema, refs: Mapping[str, list[Term]]) -> Iterator[Term]:
        """Objects that do not exist read as nothing in particular, as they do plainly."""
        for part in schema.parts.values():
            if part.exists is not None:
                for number in (terms.constant(0, refs[part.name][0].sort), *refs[part.name]):
                    yield terms.disjunction(
                        (state._maps[part.exists.path].get((number,)), _nothing(state, part, number))
                    )

    def _closed_references(self, world: World, done: set[tuple[str, Keys]]) -> Iterator[Term]:
        """Whatever exists, and every reference in an object of the world or at a place read so far, is of the world."""
        refs = {kind: self._constants(kind, numbers) for kind, numbers in world.numbers.items()}
        with self.path.current(), self.path.run.statement():
            for kind in self.kinds:
                exists = self.symbolic[self.execution.proof.top.name]._maps[f"{kind}.exists"]
                for keys in list(exists.seen):
                    if (exists.name, keys) not in done:
                        done.add((exists.name, keys))
                        yield terms.implies(exists.get(keys), _among(keys[0], refs[kind]))
            for layer in self.execution.proof.layers:
                for declared in layer.schema.fields.values():
                    if declared.leaf.form != "ref" or declared.leaf.kind not in refs:
                        continue
                    field_map = self.symbolic[layer.name]._maps[declared.path]
                    part = layer.schema.parts[declared.path.split(".")[0]]
                    places = list(field_map.seen)
                    if part.form == "objects":
                        places = [(constant,) for constant in refs[part.name]]
                    for keys in places:
                        if (field_map.name, keys) not in done:
                            done.add((field_map.name, keys))
                            yield _among(field_map.get(keys), refs[declared.leaf.kind])

    def _instances(self, fact: Fact, choices: Mapping[str, Iterable[Keys]]) -> Iterator[Term]:
        if all(kind in choices for kind in fact.kinds):
            for choice in _choices(fact.kinds, choices):
                with self.path.run.statement():
                    yield fact.instance(choice)

    def _constants(self, kind: str, numbers: list[int]) -> list[Term]:
        sort = self.execution.proof.encoding.reference
        return [terms.constant(number, sort) for number in numbers]

    def _instance(self, statement: Statement, objects: tuple[Any, ...]) -> Term:
        """The statement of plain objects, as a formula."""
        choice = self._keys(statement.kinds, objects)
        with self.path.current(), self.path.run.statement():
            return self.execution.setting.holds(statement, self.symbolic, choice)

    def _keys(self, kinds: tuple[str, ...], objects: tuple[Any, ...]) -> tuple[Keys, ...]:
        """The terms of plain objects."""
        encoding, found = self.execution.proof.encoding, []
        for kind, value in zip(kinds, objects, strict=True):
            leaves = self.execution.setting.leaves(kind)
            parts = value if isinstance(value, tuple) else (value,)
            found.append(tuple(leaf.unwrap(p, leaf.sort(encoding)) for leaf, p in zip(leaves, parts, strict=True)))
        return tuple(found)

    def _concretise(self, world: World, model: Model) -> dict[str, Any]:
        """The plain states, by layer, that a model gives."""
        proof = self.execution.proof
        with self.path.current(), self.path.run.statement():
            objects = self._objects(world, model)
            lower = proof.lower.concretise(self.symbolic[proof.lower.name], objects, model.value)
            states = {proof.lower.name: lower}
            if proof.relation is not None:
                upper = self.symbolic[proof.top.name]
                states[proof.top.name] = upper_plain(
                    proof.relation, upper, lower, {**proof.stack.indices, **objects}, model.value
                )
        return states

    def _objects(self, world: World, model: Model) -> dict[str, list[Ref]]:
        """The objects that exist in a model, by kind."""
        maps = self.symbolic[self.execution.proof.top.name]._maps
        return {
            kind: [
                reference(kind)(number)
                for number, constant in zip(numbers, self._constants(kind, numbers), strict=True)
                if model.value(maps[f"{kind}.exists"].get((constant,)))
            ]
            for kind, numbers in world.numbers.items()
        }

    def _arguments(self, model: Model) -> dict[str, Any]:
        proof = self.execution.proof
        given = parts_of(proof.parameters, self.execution.setting.arguments)

        def read(path: str, leaf: Leaf) -> Any:
            return leaf.plain(model.value(leaf.unwrap(given[path], leaf.sort(proof.encoding))))

        return assembled(proof.parameters, read)

    def _draws(self, model: Model) -> list[Any]:
        """What the specification's choices came to, in order."""
        found: list[Any] = []
        for value in self.path.drawn:
            if isinstance(value, SymbolicRef):
                found.append(reference(value.kind)(model.value(value.term)))
            else:
                found.append(bool(model.value(term_of_truth(value))))
        return found


def _nothing(state: Any, part: Part, number: Term) -> Term:
    """That the attributes of an object have their types' defaults."""
    conditions = []
    for declared in part.members.values():
        if len(declared.keys) == 1:
            value = state._maps[declared.path].get((number,))
            conditions.append(terms.equal(value, declared.leaf.unwrap(declared.leaf.default(), value.sort)))
    return terms.conjunction(conditions)


def _among(term: Term, constants: list[Term]) -> Term:
    """That a reference is null or one of the world's."""
    zero = terms.constant(0, term.sort)
    return terms.disjunction([terms.equal(term, constant) for constant in (zero, *constants)])


def _choices(kinds: tuple[str, ...], choices: Mapping[str, Iterable[Keys]]) -> Iterator[tuple[Keys, ...]]:
    if not kinds:
        yield ()
        return
    for keys in choices[kinds[0]]:
        for rest in _choices(kinds[1:], choices):
            yield (keys, *rest)
