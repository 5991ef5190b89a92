"""Proof tasks: an operation run through one layer, or through two in step, and what is claimed of it.

A product run starts two layers in related states of which only the invariants are known, runs the
lower layer, then the upper one under the same path condition, and proves on each path: the states are
related again, the invariants hold again, and nothing was done that the plain run could not do.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from attrs import field, frozen

from refinement.contracts import Contract, Requires
from refinement.execution import Execution
from refinement.explore import ProofError
from refinement.layers import Layer, PythonLayer, parameters_of
from refinement.loops import Descent, Loop
from refinement.obligations import OF_PAIR, Kind, Obligation, Result, Settings, Task
from refinement.relation import Relation
from refinement.schema import MACHINE, MATHEMATICAL, Encoding
from refinement.statements import Statement
from refinement.telling import TellingExecution


@frozen
class Operation:
    """An operation as the proofs see it.

    `requires(s, **arguments)` is its precondition, stated alike on a state of any Python layer; `requires_of` is
    what it requires beyond that of all objects, by layer.
    `witnesses` supply the specification's choices, by label: `(before, after) -> reference or None`,
    from the last moment at which the layers were in step (the start, a loop head, after a call by contract), and
    after the lower layer's run (or loop iteration); `happens` likewise says what becomes of each `maybe`.  For each
    of `calls`, operations that are proved on their own, its contract stands in this one's proof; as they are given
    as objects made before, no proof can rest on itself.  `contract` says how it can be called so itself.  `raises`
    names the errors that it can end with.
    """

    module: str
    name: str
    requires: Callable[..., Any] | None = field(default=None, repr=False)
    witnesses: Mapping[str, Callable[..., Any]] = field(factory=dict, repr=False)
    loops: tuple[Loop, ...] = ()
    calls: tuple[Operation, ...] = field(default=(), repr=False)
    contract: Contract = field(factory=Contract, repr=False)
    requires_of: tuple[Requires, ...] = field(default=(), repr=False)
    happens: Mapping[str, Callable[..., Any]] = field(factory=dict, repr=False)
    raises: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        """What is required of its callers, in sentences; nothing if nothing is."""
        sentences = [inspect.getdoc(self.requires) or ""] if self.requires is not None else []
        sentences += [required.prose for required in self.requires_of]
        return " ".join(" ".join(dict.fromkeys(sentences)).split())

    def required_in(self, layer: str) -> list[Requires]:
        """What it requires of all objects in a layer."""
        return [required for required in self.requires_of if required.layer == layer]

    def allowed(self, layer: str, view: Any, arguments: Mapping[str, Any], universe: Mapping[str, list[Any]]) -> bool:
        """Whether a plain state of a layer in Python, as statements see it, is one in which it may be called."""
        if self.requires is not None and not self.requires(view, **arguments):
            return False
        return next(self.missing(layer, view, arguments, universe), None) is None

    def missing(
        self, layer: str, view: Any, arguments: Mapping[str, Any], universe: Mapping[str, list[Any]]
    ) -> Iterator[tuple[Requires, tuple[Any, ...]]]:
        """What it requires of all objects that does not hold in a plain state, with objects of which it does not."""
        for required in self.required_in(layer):
            for objects in product(*(universe[kind] for kind in required.kinds)):
                if not required.holds(view, arguments, *objects):
                    yield required, objects


Objects = Mapping[str, list[Any]]
"""References, by kind."""


def _nothing_nearby(top: Any, objects: Objects, arguments: Mapping[str, Any]) -> Objects:
    return {}


@frozen
class Stack:
    """A kernel's layers from the top down, their invariants by layer, and the relations between neighbours.

    `indices` lists for tables and arrays (by path for those inside objects) the indices that can occur; `numbers`
    gives, for a number of objects of each kind, the numbers of references to that many, and to what must be beside
    them.  `nearby` gives by kind references that one of some objects in a top layer's state, plain or symbolic, or
    an argument speaks of, whether or not there is what they are to.
    `specification` is the package (or module) of the top layer, of whose functions is told which ones proofs use.
    """

    kernel: str
    layers: tuple[Layer, ...]
    relations: tuple[Relation, ...]
    invariants: Mapping[str, tuple[Statement, ...]]
    indices: Mapping[str, list[Any]] = field(factory=dict, repr=False)
    numbers: Callable[[Mapping[str, int]], Mapping[str, list[int]]] | None = field(default=None, repr=False)
    specification: str = ""
    nearby: Callable[[Any, Objects, Mapping[str, Any]], Objects] = field(default=_nothing_nearby, repr=False)

    def universe(self, top: Any, arguments: Mapping[str, Any]) -> dict[str, list[Any]]:
        """What statements about plain states are checked of: the objects in the top layer's, all indices.

        Those about what may not exist are checked of what is nearby too.
        """
        parts = self.layers[0].schema.parts.values()
        objects = {part.name: list(getattr(top, part.name)) for part in parts if part.form == "objects"}
        near = self.nearby(top, objects, arguments)
        perhaps = {f"{kind}?": list(dict.fromkeys([*found, *near.get(kind, ())])) for kind, found in objects.items()}
        return {**self.indices, **objects, **perhaps}

    def prose(self, operations: Iterable[Operation]) -> dict[str, str]:
        """For the id of each assumption of a proof, the sentence that says what it means."""
        statements = [statement for layer in self.invariants.values() for statement in layer]
        statements += [fact for relation in self.relations for fact in relation.facts]
        found = {self.statement_id(statement): statement.prose for statement in statements}
        for operation in operations:
            for callee in operation.calls:
                found[self.operation_id(callee)] = f"{callee.name} is proved on its own."
            if operation.requirement:
                found[f"{self.operation_id(operation)}/requires"] = operation.requirement
        return found

    def statement_id(self, statement: Statement) -> str:
        """The id of a statement as an assumption."""
        return f"{self.kernel}/{'-'.join(statement.layers)}/{statement.id}"

    def operation_id(self, operation: Operation) -> str:
        """The id of an operation, which those of its obligations and of what its proof assumes begin with."""
        return f"{self.kernel}/{operation.module}/{operation.name}"

    def assumed(self, operations: Iterable[Operation]) -> dict[str, Callable[..., Any]]:
        """By id: the predicates that proofs of the operations assume, and whose uses can be told."""
        statements = [statement for layer in self.invariants.values() for statement in layer]
        statements += [fact for relation in self.relations for fact in relation.facts]
        found = {self.statement_id(statement): statement.holds for statement in statements}
        for operation in operations:
            base = self.operation_id(operation)
            if operation.requires is not None:
                found[f"{base}/requires"] = operation.requires
            for number, required in enumerate(operation.requires_of, start=1):
                found[f"{base}/requires/{number}"] = required.holds
            for ensures in operation.contract.ensures:
                found[f"{base}/ensures/{ensures.id}"] = ensures.holds
            for loop in operation.loops:
                found |= {f"{base}/loop/{loop.label}/{fact.id}": fact.holds for fact in loop.facts}
        return found

    def tasks(self, operations: Iterable[Operation]) -> tuple[Task, ...]:
        """For each operation: the top layer on its own, then each pair of neighbours.

        ProofError if one calls another by contract that is not among them, or if a contract names what there is not.
        """
        tasks = []
        operations = tuple(operations)
        for operation in operations:
            self._check_contract(operation)
            for callee in operation.calls:
                if callee not in operations:
                    raise ProofError(f"{operation.name} calls {callee.name} by contract, which is not proved")
            tasks.append(Proof(self, operation, None).task())
            tasks += [Proof(self, operation, relation).task() for relation in self.relations]
        return tuple(tasks)

    def _check_contract(self, operation: Operation) -> None:
        statements = [s.id for layer in self.invariants.values() for s in layer]
        statements += [fact.id for relation in self.relations for fact in relation.facts]
        contract = operation.contract
        for id in (*(contract.relies or ()), *contract.waives, *contract.breaks):
            if id not in statements:
                raise ProofError(f"the contract of {operation.name} names the statement {id}, which there is not")


class Proof:
    """One task: an operation in the top layer alone, or in the two layers of a relation.

    The pair proves the relation, and the invariants and guards of its lower layer.
    """

    def __init__(self, stack: Stack, operation: Operation, relation: Relation | None):
        self.stack = stack
        self.operation = operation
        self.relation = relation
        top = relation.upper if relation is not None else stack.layers[0]
        if not isinstance(top, PythonLayer):
            raise ProofError(f"the layer {top.name} above another one is to be written in Python")
        self.top = top
        self.lower: Layer = relation.lower if relation is not None else top
        self.layers = (top, self.lower) if relation is not None else (top,)
        self.parameters = parameters_of(top, operation.name)
        in_python = isinstance(self.lower, PythonLayer)
        self.encoding: Encoding = MATHEMATICAL if in_python else MACHINE
        self.base = stack.operation_id(operation)
        self.name = relation.name if relation is not None else top.name

    def chooses(self) -> bool:
        """Whether the top layer's choices need witnesses: it is a specification with a layer below."""
        return self.relation is not None and self.top is self.stack.layers[0]

    def statements(self) -> list[Statement]:
        """The invariants of the layers, and the relation's facts."""
        found = [statement for layer in self.layers for statement in self.stack.invariants[layer.name]]
        return found + list(self.relation.facts if self.relation is not None else ())

    def to_keep(self) -> list[Statement]:
        """The statements that this proof shows to hold again: those about the lower layer."""
        return [statement for statement in self.statements() if statement.layers[-1] == self.lower.name]

    def layer(self, name: str) -> Layer:
        """The layer of that name, which is one of the proof's."""
        return next(layer for layer in self.layers if layer.name == name)

    def has_outcome(self) -> bool:
        """Whether the operation has a result, or can end with an error."""
        return bool(self.operation.raises) or self.top.ending(self.operation.name) is not None

    def states_requirement_twice(self) -> bool:
        """Whether there is a precondition of both layers, and so something to compare."""
        if self.relation is None or not isinstance(self.lower, PythonLayer):
            return False
        return self.operation.requires is not None or bool(self.operation.required_in(self.lower.name))

    def task(self) -> Task:
        """The task, ready to run."""
        return Task(f"{self.base}/{self.name}", tuple(self.obligations()), self.run, self)

    def run(self, settings: Settings) -> list[Result]:
        """Discharge the obligations, in this process."""
        return (TellingExecution if settings.tells_uses else Execution)(self, settings).run()

    def obligations(self) -> list[Obligation]:
        """All obligations of the task, in a fixed order."""
        name, lower = self.operation.name, self.lower.name
        found = []
        if self.relation is not None:
            found.append(self._state())
            if self.has_outcome():
                claim = f"{name} ends in {self.top.name} as in {lower}, with the same result or error."
                found.append(self._obligation("result", "", claim, Kind.REFINEMENT))
            if self.states_requirement_twice():
                claim = f"The precondition of {name} says the same of related states of {self.top.name} and {lower}."
                found.append(self._obligation("requires", "", claim, Kind.REFINEMENT))
            for fact in self.relation.facts:
                found.append(self._obligation("relation", fact.id, self._keeps(fact), Kind.REFINEMENT))
        if self.chooses():
            for label in self.operation.witnesses:
                claim = f"What {self.top.name} chooses as {label!r} in {name} is what {lower} comes to."
                found.append(self._obligation("choice", label, claim, Kind.REFINEMENT))
        found += self._contract()
        for callee in self.operation.calls:
            found.append(self._obligation("call", callee.name, self._call_claim(callee), Kind.REFINEMENT))
        for loop in self.operation.loops:
            found += self._loop(loop)
        claim = f"{name} does nothing in {lower} that is undefined or out of range."
        found.append(self._obligation("guards", "", claim, Kind.GUARD))
        for invariant in self.stack.invariants[lower]:
            found.append(self._obligation("invariant", invariant.id, self._keeps(invariant), Kind.INVARIANT))
        return found

    def _keeps(self, statement: Statement) -> str:
        broken = self.operation.contract.breaks.get(statement.id)
        but = f" (but for `{broken}`)" if broken is not None else ""
        return f"{self.operation.name} keeps{but}: {statement.prose}"

    def _state(self) -> Obligation:
        claim = f"After {self.operation.name}, {self.top.name} and {self.lower.name} agree on every related field."
        return self._obligation("state", "", claim, Kind.REFINEMENT)

    def _contract(self) -> list[Obligation]:
        """That callers may use what the operation's contract says."""
        name, contract = self.operation.name, self.operation.contract
        found = []
        if contract.modifies is not None:
            claim = f"{name} writes nothing in {self.lower.name} but what its contract names."
            found.append(self._obligation("frame", "", claim, Kind.INVARIANT))
        for ensures in contract.ensures if isinstance(self.lower, PythonLayer) else ():
            claim = f"{name} ensures: {ensures.prose}"
            found.append(self._obligation("ensures", ensures.id, claim, Kind.INVARIANT))
        return found

    def _call_claim(self, callee: Operation) -> str:
        claim = f"Where {self.operation.name} calls {callee.name}, that operation's precondition holds"
        in_step = f", and {self.top.name} and {self.lower.name} do so in step, with the same arguments"
        return f"{claim}{in_step if self.relation is not None else ''}."

    def _loop(self, loop: Loop) -> list[Obligation]:
        names = " and ".join(layer.name for layer in self.layers)
        claim = f"The loop {loop.label} of {names} keeps its invariant"
        claim += ", in step." if self.relation is not None else "."
        found = [self._obligation("loop", loop.label, claim, Kind.REFINEMENT)]
        measures = [measure for measure in loop.measures if measure.layers[-1] == self.lower.name]
        if measures:
            descends = any(isinstance(measure, Descent) for measure in measures)
            nearer = "makes a number less" if descends else "takes one object off those that remain"
            claim = f"Each iteration of {loop.label} {nearer}: it ends."
            found.append(self._obligation("termination", loop.label, claim, Kind.TERMINATION))
        return found

    def _obligation(self, what: str, which: str, claim: str, kind: Kind) -> Obligation:
        layers = self.name if what in OF_PAIR else self.lower.name
        return Obligation(
            id="/".join(filter(None, (self.base, layers, what, which))),
            layers=layers,
            operation=self.operation.name,
            claim=claim,
            kind=kind,
            location=self.lower.location(self.operation.name),
            assumptions=self._assumptions(with_requirement=what != "requires"),
        )

    def _assumptions(self, with_requirement: bool) -> tuple[str, ...]:
        """Ids of what the proof assumes before the operation."""
        relied = [s for s in self.statements() if self.operation.contract.relies_on(s.id)]
        ids = [self.stack.statement_id(statement) for statement in relied]
        if self.operation.requirement and with_requirement:
            ids.append(f"{self.base}/requires")
        ids += [self.stack.operation_id(callee) for callee in self.operation.calls]
        return tuple(ids)
