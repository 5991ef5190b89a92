"""Path exploration by re-execution: one function, run again for each feasible series of decisions.

A symbolic truth value asked for `bool` arrives in `Run.decide`.  If what is known on the path settles
it, nothing happens; otherwise the path takes one side, and the other is run later from the start with
the recorded decisions.  Paths are taken depth first, so that consecutive paths share a prefix, and
with it the solver's scopes: what was asserted there is not asserted again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, TypeVar, get_type_hints

from attrs import define, frozen

from refinement import context, terms
from refinement.logic import NULL, value_like
from refinement.places import relative
from refinement.schema import MATHEMATICAL, Encoding, Leaf, Record, assembled, flattened, parts_of, record_of, type_of
from refinement.smt import Solver
from refinement.state import Keys
from refinement.terms import Term
from refinement.values import Symbolic


class Infeasible(Exception):
    """This path cannot happen, or is proved elsewhere: leave it out."""


class Cut(Exception):
    """The run has reached a loop head at which the proof stops following it."""

    def __init__(self, label: str, values: dict[str, Any]):
        super().__init__(label)
        self.label = label
        self.values = values


class ProofError(Exception):
    """The proof's own set-up is wrong: a missing loop invariant or witness, an unknown name."""

    def __init__(self, message: str):
        super().__init__(message)
        self.user_message = message


@frozen
class Decision:
    """A condition settled on a path: which side, whether only that was possible, and where it was asked.

    For one that is forced `because` has the labels of the facts that forced it, in a proof that tells.
    """

    condition: Term
    taken: bool
    forced: bool
    location: str = ""
    because: frozenset[str] = frozenset()

    @property
    def literal(self) -> Term:
        """The condition, or its contrary if that is the side taken."""
        return self.condition if self.taken else terms.negate(self.condition)


@frozen
class Guard:
    """Something that must hold for an operation to mean the same when run plainly."""

    layer: str
    condition: Term
    what: str
    location: str
    epoch: int = 0


@frozen
class Fact:
    """A statement assumed of any references of certain kinds: an invariant at some moment of the run.

    `instance(keys)` is its formula for the objects with these keys, one tuple for each of `kinds`.
    A `shared` one is the same on every path.  One about the states after the path's nth call by contract (`since`)
    is assumed of objects that the run looks at since then.  One with a label is to be told apart by the solver.
    """

    id: str
    kinds: tuple[str, ...]
    instance: Callable[[tuple[Keys, ...]], Term]
    shared: bool = True
    since: int = 0
    label: str = ""


class Loops(Protocol):
    """Who says how a run goes through loops without a small bound (see `refinement.loop_proof`)."""

    def known(self, label: str) -> bool:
        """Whether there is a contract for the loop of that label."""

    def head(
        self, run: Run, label: str, variables: dict[str, Any], types: Mapping[str, Leaf | Record] | None = None
    ) -> dict[str, Any]:
        """Arrive at the loop's head; gives the variables to go on with, or ends the run there by a Cut.

        Without their types, the variables are symbolic words and references.
        """

    def enter(self, run: Run) -> None:
        """Note that the run takes an iteration."""

    def leave(self, run: Run) -> None:
        """Note that the run leaves the loop."""


class Calls(Protocol):
    """Who says which operations are called by contract (see `refinement.call_proof`)."""

    def known(self, name: str) -> bool:
        """Whether a contract stands for the operation."""

    def call(self, run: Run, name: str, arguments: Mapping[str, Any] | tuple[Term, ...]) -> Any:
        """Let the contract stand for a call of the operation; gives its result, or raises its error."""


class Chooser(Protocol):
    """Who says what the specification's choices come to (see `refinement.choices`)."""

    def choose(self, objects: Any, suitable: Callable[[Any], Any], before: Any, label: str) -> Any:
        """The object that is chosen, or None."""

    def maybe(self, label: str) -> Any:
        """Whether that which may happen does."""


@define
class Budget:
    """Limits on one exploration; exceeding one ends it with what is open reported as unknown."""

    paths: int = 5000


def _granted(call: int) -> Term:
    return terms.variable(f"call{call}.is_right", terms.BOOL)


T = TypeVar("T")

_ENGINE = str(Path(__file__).parent)


def caller_location() -> str:
    """`file:line` of the innermost frame outside of the engine."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        filename = frame.f_code.co_filename
        if not filename.startswith(_ENGINE) and not filename.startswith("<"):
            return f"{relative(filename)}:{frame.f_lineno}"
        frame = frame.f_back
    return ""


@frozen
class Relevant:
    """A `defined` function: the symbol that it is known by, the types of its arguments, and those of the parts of them
    that its result depends on."""

    symbol: str
    types: dict[str, Leaf | Record]
    relevant: dict[str, Leaf]


class Explorer:
    """Runs a function on all feasible paths, with one incremental solver."""

    def __init__(self, solver: Solver, encoding: Encoding = MATHEMATICAL, budget: Budget | None = None):
        self.solver = solver
        self.encoding = encoding
        self.budget = budget or Budget()
        self.depth = 0
        self.paths = 0
        self.infeasible = 0
        self.instances: dict[tuple, Term] = {}
        self.is_opaque = False
        self.definitions: dict[Term, Term] = {}
        self._relevant: dict[Callable[..., Any], Relevant] = {}
        self._definitions: dict[str, list[Term]] = {}

    def relevant(self, function: Callable[..., Any]) -> Relevant:
        """What there is to know of a `defined` function before it is asked for the result of certain arguments.

        Functions of one name, such as those of two layers, are known by one name if their definitions are the same.
        """
        found = self._relevant.get(function)
        if found is None:
            hints = get_type_hints(function, include_extras=True)
            types = {name: type_of(hint) for name, hint in hints.items() if name != "return"}
            positions = {name: position for position, name in enumerate(types)}
            names = {}
            for path, leaf in flattened(types).items():
                name, dot, part = path.partition(".")
                names[path] = terms.variable(f"part {positions[name]}{dot}{part}", leaf.sort(self.encoding))
            self.is_opaque = False
            result = function(*assembled(types, lambda path, leaf: leaf.wrap(names[path])).values())
            self.is_opaque = True
            used = terms.variables(result.term)
            relevant = {path: leaf for path, leaf in flattened(types).items() if names[path] in used}
            same_name = self._definitions.setdefault(function.__name__, [])
            if result.term not in same_name:
                same_name.append(result.term)
            number = same_name.index(result.term)
            symbol = f"{function.__name__} {number}" if number else function.__name__
            found = self._relevant[function] = Relevant(symbol, types, relevant)
        return found

    def meanings(self, formulas: Iterable[Term], met: set[Term]) -> Iterator[Term]:
        """What the functions mean that formulas name; of terms that were not `met` yet, which they then are."""
        stack = list(formulas)
        while stack:
            term = stack.pop()
            if term not in met:
                met.add(term)
                stack.extend(term.args)
                definition = self.definitions.get(term)
                if definition is not None:
                    stack.append(definition)
                    yield definition

    def explore(self, body: Callable[[Run], T]) -> Iterator[T]:
        """Run `body` once for each path; yields what it gives while the path's facts are asserted."""
        work: list[tuple[Decision, ...]] = [()]
        self.solver.push()
        try:
            while work:
                prefix = work.pop()
                forks = sum(not decision.forced for decision in prefix)
                keep = max(forks - 1, 0)
                self.solver.pop(self.depth - keep)
                self.depth = keep
                if self.paths + self.infeasible >= self.budget.paths:
                    raise ProofError(
                        f"more than {self.budget.paths} paths: state a loop invariant or split the operation"
                    )
                run = Run(self, prefix, replay=forks)
                before = context.enter(run)
                try:
                    result = body(run)
                    self.paths += 1
                    yield result
                except Infeasible:
                    self.infeasible += 1
                finally:
                    context.enter(before)
                work.extend(run.alternatives)
        finally:
            self.solver.pop(self.depth + 1)
            self.depth = 0


class Run:
    """One path: its decisions, what is assumed and known on it, the objects it touches, its goals.

    `assumed` has what is assumed of it beyond its decisions and the facts about the states that it starts from.
    `used` has the labels of the facts because of which its decisions are the only ones that are possible, and what
    else is noted of what the path comes to (`refinement.reached`).
    """

    def __init__(self, explorer: Explorer, prefix: tuple[Decision, ...], replay: int):
        self.explorer = explorer
        self.prefix = prefix
        self.decisions: list[Decision] = []
        self.alternatives: list[tuple[Decision, ...]] = []
        self.replay = replay
        self.known: dict[Term, bool] = {}
        self.bound: dict[Term, Term] = {}
        self.facts: list[Fact] = []
        self.assumed: list[Term] = []
        self.footprint: dict[str, dict[Keys, int]] = {}
        self.epoch = 0
        self.knowledge: list[tuple[dict[Term, bool], dict[Term, Term]]] = [(self.known, self.bound)]
        self.instantiated: set[tuple] = set()
        self.guards: list[Guard] = []
        self.used: set[str] = set()
        self.stating = False
        self.collected: dict[tuple[str, Keys], None] | None = None
        self.reads: set[str] | None = None
        self.layer = ""
        self.location: Callable[[], str] = caller_location
        self.chooser: Chooser | None = None
        self.loops: Loops | None = None
        self.around: dict[tuple[str, str], dict[str, Any]] = {}
        self.calls: Calls | None = None

    @property
    def encoding(self) -> Encoding:
        """How the run's references and enumerations are terms."""
        return self.explorer.encoding

    def simplify(self, condition: Term) -> Term:
        """The condition, as a constant where the path settles it without a solver."""
        known = self.known.get(condition)
        if known is not None:
            return terms.boolean(known)
        op = condition.op
        if op == "=":
            left, right = condition.args
            fixed = self.bound.get(left)
            if fixed is not None and terms.is_constant(right):
                return terms.boolean(fixed is right)
        elif op == "not":
            return terms.negate(self.simplify(condition.args[0]))
        elif op == "and":
            return terms.conjunction([self.simplify(part) for part in condition.args])
        elif op == "or":
            return terms.disjunction([self.simplify(part) for part in condition.args])
        return condition

    def case_of(self, term: Term) -> Term:
        """Of a term that distinguishes cases, the one that the path has come to, as far as it settles that."""
        while term.op == "ite" and terms.is_constant(settled := self.simplify(term.args[0])):
            term = term.args[1] if settled is terms.TRUE else term.args[2]
        return term

    def _learn(self, condition: Term, value: bool = True) -> None:
        if condition.op == "not":
            self._learn(condition.args[0], not value)
            return
        self.known[condition] = value
        if (condition.op == "and" and value) or (condition.op == "or" and not value):
            for part in condition.args:
                self._learn(part, value)
        elif value and condition.op == "=" and terms.is_constant(condition.args[1]):
            self.bound[condition.args[0]] = condition.args[1]

    def assume(self, condition: Term, since: int = 0, label: str = "", of_start: bool = False) -> None:
        """Take a formula as true from here on.  Only for what is proved or trusted elsewhere.

        One about the states after the nth call by contract (`since`) is only used where that is granted.
        One with a label is left to the solver, which tells where it uses it.  What is not `of_start`, said by facts of
        the states before any call, is noted in `assumed`.
        """
        if condition is terms.TRUE or self.known.get(condition) is True:
            return
        if since <= self.epoch and not label:
            self._learn(condition)
        if since:
            condition = terms.implies(_granted(since), condition)
        if not of_start:
            self.assumed.append(condition)
        if not self.replay:
            self.explorer.solver.add(condition, label)

    def enter_epoch(self, epoch: int) -> None:
        """Go on after the nth call by contract of a layer; from the start for n = 0.

        What comes after a call is known on condition that the call was right.  So that nothing about the call
        itself is shown by what follows from it, what was learned is kept apart by epochs.
        """
        if epoch > self.epoch:
            for later in range(self.epoch + 1, epoch + 1):
                known, bound = self.knowledge[later - 1]
                if later == len(self.knowledge):
                    self.knowledge.append(({}, {}))
                self.knowledge[later][0].update(known)
                self.knowledge[later][1].update(bound)
        self.epoch = epoch
        self.known, self.bound = self.knowledge[epoch]

    @property
    def has_called(self) -> bool:
        """Whether there was a call by contract: statements about earlier states must then not be simplified.

        What was learned since may hold on condition only that the call was right.
        """
        return len(self.knowledge) > 1

    def grants(self, epoch: int) -> list[Term]:
        """The formulas by which the calls up to an epoch are taken as right."""
        return [_granted(call) for call in range(1, epoch + 1)]

    def decide(self, condition: Term) -> bool:
        """Settle a condition on this path."""
        simple = self.simplify(condition)
        if not terms.is_constant(simple):
            self.instantiate()
            simple = self.simplify(simple)
        if terms.is_constant(simple):
            return simple is terms.TRUE
        if len(self.decisions) < len(self.prefix):
            decision = self.prefix[len(self.decisions)]
            self._take(decision)
            return decision.taken
        solver = self.explorer.solver
        where = self.location()
        grants = self.grants(self.epoch)
        if solver.check([simple, *grants]) == "unsat":
            decision = Decision(simple, False, True, where, solver.core)
        elif solver.check([terms.negate(simple), *grants]) == "unsat":
            decision = Decision(simple, True, True, where, solver.core)
        else:
            decision = Decision(simple, True, False, where)
            self.alternatives.append((*self.decisions, Decision(simple, False, False, where)))
        self._take(decision)
        return decision.taken

    def _take(self, decision: Decision) -> None:
        self.decisions.append(decision)
        self.used |= decision.because
        literal = decision.literal
        self._learn(literal)
        if decision.forced:
            return
        explorer = self.explorer
        if self.replay > 1:
            self.replay -= 1
            return
        self.replay = 0
        explorer.solver.push()
        explorer.depth += 1
        explorer.solver.add(literal)

    def include(self, kind: str, keys: Keys) -> None:
        """Have facts instantiated of an object: those about the states since the present call by contract too."""
        objects = self.footprint.setdefault(kind, {})
        if objects.get(keys, -1) < self.epoch:
            objects[keys] = self.epoch

    def touch(self, kind: str, keys: Keys) -> None:
        """Note that the run looks at an object: it joins the footprint, unless a statement reads it."""
        if not self.stating:
            self.include(kind, keys)
        elif self.collected is not None:
            self.collected[kind, keys] = None

    @contextmanager
    def statement(self, collect: bool = False) -> Iterator[dict[tuple[str, Keys], None]]:
        """While a statement about states is evaluated: nothing is guarded and the footprint stays.

        With `collect`, gives the objects that the statement reads.
        """
        before = self.stating, self.collected
        self.stating = True
        self.collected = {} if collect else None
        try:
            yield self.collected if self.collected is not None else {}
        finally:
            self.stating, self.collected = before

    def guard(self, condition: Term, what: str) -> None:
        """Require a condition without which the plain run would fail here."""
        if self.stating or self.simplify(condition) is terms.TRUE:
            return
        self.guards.append(Guard(self.layer, condition, what, self.location(), self.epoch))

    def instantiate(self) -> None:
        """Assume every fact of all objects in the footprint of which it is not assumed yet."""
        for fact in self.facts:
            for choice in product(*(self._objects(kind, fact.since) for kind in fact.kinds)):
                if len(choice) > 1 and len(set(zip(fact.kinds, choice, strict=True))) < len(choice):
                    continue
                key = (fact.id, choice)
                if key in self.instantiated:
                    continue
                self.instantiated.add(key)
                self.assume(self.instance(fact, choice), fact.since, fact.label, of_start=not fact.since)

    def _objects(self, kind: str, since: int) -> list[Keys]:
        return [keys for keys, epoch in self.footprint.get(kind, {}).items() if epoch >= since]

    @contextmanager
    def aside(self) -> Iterator[None]:
        """While facts are assumed for one query only: afterwards the path is as it was."""
        before = self.known, self.bound, self.footprint, self.instantiated
        self.known, self.bound, self.instantiated = dict(self.known), dict(self.bound), set(self.instantiated)
        self.footprint = {kind: dict(keys) for kind, keys in self.footprint.items()}
        self.explorer.solver.push()
        try:
            yield
        finally:
            self.explorer.solver.pop()
            self.known, self.bound, self.footprint, self.instantiated = before

    def instance(self, fact: Fact, choice: tuple[Keys, ...]) -> Term:
        """The formula of a fact for certain objects."""
        cached = self.explorer.instances.get((fact.id, choice)) if fact.shared else None
        if cached is None:
            with self.statement():
                cached = fact.instance(choice)
            if fact.shared:
                self.explorer.instances[fact.id, choice] = cached
        return cached

    def address(self, reference: Term) -> Term:
        """The address of a reference; that the reference can be told from it joins what functions mean."""
        word = terms.address(reference)
        if word.op == "apply" and word.data is terms.address_function():
            back = terms.apply(terms.reference_function(), (word,))
            self.explorer.definitions.setdefault(word, terms.equal(back, reference))
        return word

    def at_address(self, word: Term) -> Term:
        """The reference of that address; that the address can be told from it joins what functions mean."""
        reference = terms.at_address(word, self.encoding.reference)
        if reference.op == "apply" and reference.data is terms.reference_function():
            back = terms.apply(terms.address_function(), (reference,))
            self.explorer.definitions.setdefault(reference, terms.equal(back, word))
        return reference

    def defined(self, function: Callable[..., Any], given: tuple[Any, ...]) -> Any:
        """What a `defined` function gives: known by its name if the run is opaque, else by its definition."""
        result = function(*given)
        if not self.explorer.is_opaque or not isinstance(result, Symbolic) or terms.is_constant(result.term):
            return result
        with self.statement():
            known = self.explorer.relevant(function)
        parts = parts_of(known.types, dict(zip(known.types, given, strict=True)))
        arguments = tuple(leaf.unwrap(parts[path], leaf.sort(self.encoding)) for path, leaf in known.relevant.items())
        symbol = terms.function(known.symbol, tuple(term.sort for term in arguments), result.term.sort)
        name = terms.apply(symbol, arguments)
        self.explorer.definitions[name] = terms.equal(name, result.term)
        return value_like(result, name)

    def choose(self, objects: Any, suitable: Any, before: Any, label: str) -> Any:
        """What the specification's choice comes to in this proof."""
        if self.chooser is None:
            raise ProofError(f"the choice {label!r} has no witness: the proof of this operation must supply one")
        return self.chooser.choose(objects, suitable, before, label)

    def maybe(self, label: str) -> Any:
        """Whether in this proof that happens which the specification says may happen."""
        if self.chooser is None:
            raise ProofError(f"nothing says whether {label!r} happens: the proof of this operation must")
        return self.chooser.maybe(label)

    def by_contract(self, name: str) -> bool:
        """Whether in this proof the contract of an operation stands for calls of it."""
        return self.calls is not None and not self.stating and self.calls.known(name)

    def call(self, name: str, arguments: Mapping[str, Any] | tuple[Term, ...]) -> Any:
        """Call an operation by its contract, with its arguments by name or as the lower layer's terms in order."""
        assert self.calls is not None
        return self.calls.call(self, name, arguments)

    def _loops(self, label: str) -> Loops:
        if self.loops is None or not self.loops.known(label):
            raise ProofError(f"the loop {label!r} needs an invariant: state a Loop for it with the operation's proof")
        return self.loops

    def repeat(self, label: str, following: Callable[[], Any]) -> Iterator[Any]:
        """A loop without a bound, cut at its head."""
        loops = self._loops(label)
        loops.head(self, label, {})
        item = following()
        if item is None or (getattr(item, "kind", None) is not None and item == NULL):
            loops.leave(self)
            return
        loops.enter(self)
        yield item
        raise Cut(label, {})

    def again(self, label: str, variables: Any, around: Mapping[str, Any]) -> None:
        """A loop whose variables are an object's attributes, cut at its head; `around` are the function's locals."""
        loops = self._loops(label)
        record = record_of(type(variables))
        if record is None:
            raise ProofError(f"the variables of the loop {label!r} are to be the attributes of an attrs object")
        values = {name: getattr(variables, name) for name in record.members}
        before = self.around.get((self.layer, label))
        if before is not None:
            for name in before:
                if around[name] is not before[name]:
                    raise ProofError(f"the loop {label!r} changes {name}, which is none of its variables")
            loops.enter(self)
            raise Cut(label, values)
        for name, value in loops.head(self, label, values, record.members).items():
            setattr(variables, name, value)
        self.around[self.layer, label] = dict(around)
        loops.leave(self)

    def walk(self, label: str, first: Any, following: Callable[[Any], Any]) -> Iterator[Any]:
        """A walk along references, cut at its head; the loop variable is called `cursor`."""
        loops = self._loops(label)
        cursor = loops.head(self, label, {"cursor": first})["cursor"]
        if cursor == NULL:
            loops.leave(self)
            return
        loops.enter(self)
        after = following(cursor)
        yield cursor
        raise Cut(label, {"cursor": after})
