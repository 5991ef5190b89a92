"""The unknown states that a proof speaks of, and what is assumed of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import evolve

from refinement import context, terms
from refinement.conjuncts import conjuncts
from refinement.contracts import Contract, Ensures, Requires, place
from refinement.explore import Fact, ProofError
from refinement.layers import Layer, PythonLayer
from refinement.obligations import OF_PAIR
from refinement.outcomes import Outcome
from refinement.path import wrap_object
from refinement.relation import Decode, Relation, wrap_keys
from refinement.schema import Field, Leaf
from refinement.state import Keys, in_range
from refinement.statements import Statement, kind_of, present
from refinement.terms import Term
from refinement.values import term_of_truth

if TYPE_CHECKING:
    from refinement.prove import Proof

EVERYTHING = Contract()
"""The contract of an operation that relies on everything."""


class Setting:
    """What a proof is about: its arguments, the states that it starts from, and the facts about them.

    `compared` has the related fields with their decoders, `given_below` the arguments as the lower layer is given them.
    Where it `tells` uses, each conjunct of what is assumed is a fact of its own, with a label.
    """

    def __init__(self, proof: Proof, tells: bool = False):
        self.proof = proof
        self.tells = tells
        self.arguments, self.given_below = proof.lower.unknown_arguments(proof.parameters, proof.encoding)
        self.pristine = self.states("")
        self.compared = proof.relation.compared() if proof.relation is not None else []
        self._reads: dict[str, set[str]] = {}
        self._check_names()

    def _check_names(self) -> None:
        """ProofError if the operation's contract names a map that there is not."""
        maps = {found.name for state in self.pristine.values() for found in state._maps.values()}
        for entry in self.proof.operation.contract.modifies or ():
            layer = entry.partition(":")[0]
            if layer in self.pristine and place(entry)[0] not in maps:
                raise ProofError(f"the contract of {self.proof.operation.name} names {entry}, which there is not")

    def key(self, what: str, which: str = "") -> str:
        """The id of the task's obligation of a sort (`state`, `relation`, `choice`, `loop`, `guards`, ...)."""
        proof = self.proof
        return "/".join(filter(None, (proof.base, proof.name if what in OF_PAIR else proof.lower.name, what, which)))

    def object(self, kind: str, keys: Keys) -> Any:
        """The reference or index of a kind that key terms stand for."""
        return wrap_object(self.leaves(kind), keys)

    def skolems(self, kinds: Iterable[str]) -> tuple[Keys, ...]:
        """Unknown keys of the kinds, standing for all of them."""
        count: dict[str, int] = {}
        found = []
        for kind in map(kind_of, kinds):
            number = count[kind] = count.get(kind, -1) + 1
            found.append(
                tuple(
                    terms.variable(f"any.{kind}.{number}.{place}", leaf.sort(self.proof.encoding))
                    for place, leaf in enumerate(self.leaves(kind))
                )
            )
        return tuple(found)

    def facts(self, states: Mapping[str, Any], tag: str, contract: Contract = EVERYTHING) -> list[Fact]:
        """What is assumed of states: their types, the invariants of their layers, the relation's facts.

        With the contract of this operation: those it relies on, less what it waives.
        """
        facts = self.type_facts(states, tag)
        waived = {id: self.arguments[name].term for id, name in contract.waives.items()}
        for statement in self.proof.statements():
            if contract.relies_on(statement.id):
                facts += self.stated(statement, states, tag, waived.get(statement.id))
        return facts

    def parts(self, id: str, predicate: Callable[..., Any]) -> list[tuple[Callable[..., Any], str]]:
        """What is assumed as one fact each when a predicate with that id is assumed, with its label, if it has one."""
        if not self.tells:
            return [(predicate, "")]
        return [(part.holds, part.label(id)) for part in conjuncts(predicate)]

    def parts_of(self, statement: Statement) -> list[tuple[Statement, str]]:
        """The parts of a statement that are facts and goals of their own, each with its label, if it has one."""
        parts = self.parts(self.proof.stack.statement_id(statement), statement.holds)
        return [(evolve(statement, holds=holds), label) for holds, label in parts]

    def stated(
        self,
        statement: Statement,
        states: Mapping[str, Any],
        tag: str,
        waived: Term | None = None,
        shared: bool = True,
        since: int = 0,
    ) -> list[Fact]:
        """That a statement holds of all objects of its kinds, but for one that it is waived of."""

        def instance_of(part: Statement) -> Callable[[tuple[Keys, ...]], Term]:
            return lambda choice: but_for(waived, choice, self.holds(part, states, choice))

        id, kinds = self.proof.stack.statement_id(statement), tuple(map(kind_of, statement.kinds))
        return [
            Fact(f"{tag}{label or id}", kinds, instance_of(part), shared, since, label)
            for part, label in self.parts_of(statement)
        ]

    def required(self, states: Mapping[str, Any]) -> list[Fact]:
        """What the operation requires of all objects, of the states of the upper layer."""
        top = self.proof.top

        def instance_of(part: Requires) -> Callable[[tuple[Keys, ...]], Term]:
            return lambda choice: self.requirement(part, states[top.name], self.arguments, choice, top)

        facts = []
        for number, required in enumerate(self.proof.operation.requires_of, start=1):
            id, kinds = f"{self.proof.base}/requires/{number}", tuple(map(kind_of, required.kinds))
            if required.layer == top.name:
                for holds, label in self.parts(id, required.holds):
                    instance = instance_of(evolve(required, holds=holds))
                    facts.append(Fact(label or id, kinds, instance, shared=False, label=label))
        return facts

    def requirement(
        self, required: Requires, state: Any, arguments: Mapping[str, Any], choice: tuple[Keys, ...], layer: Layer
    ) -> Term:
        """What an operation requires, of these objects, on condition that they exist."""
        objects = tuple(self.object(kind, keys) for kind, keys in zip(required.kinds, choice, strict=True))
        condition = term_of_truth(present(required.kinds, (state,), (layer.schema,), objects))
        return terms.implies(condition, term_of_truth(required.holds(state, arguments, *objects)))

    def type_facts(self, states: Mapping[str, Any], tag: str, shared: bool = True, since: int = 0) -> list[Fact]:
        """That every enumeration of the lower state, if it is written in Python, is one of its members."""
        layer = self.proof.lower
        if not isinstance(layer, PythonLayer):
            return []
        facts = []
        for part in layer.schema.parts.values():
            declared = [*part.members.values(), *([part.field] if part.field is not None else [])]
            enumerations = [field for field in declared if field.leaf.form == "enum"]
            if enumerations:
                id = f"{tag}{layer.name}:{part.name} is well typed"
                instance = _in_range(enumerations, states[layer.name])
                kinds = (part.name,) if part.keys else ()
                facts.append(Fact(id, kinds, instance, shared, since))
        return facts

    def holds(self, statement: Statement, states: Mapping[str, Any], choice: tuple[Keys, ...]) -> Term:
        """The statement of these objects in these states, on condition that they exist."""
        views = tuple(states[layer] for layer in statement.layers)
        schemas = tuple(self.proof.layer(name).schema for name in statement.layers)
        objects = tuple(self.object(kind, keys) for kind, keys in zip(statement.kinds, choice, strict=True))
        condition = term_of_truth(present(statement.kinds, views, schemas, objects))
        return terms.implies(condition, term_of_truth(statement.holds(*views, *objects)))

    def states(self, tag: str) -> dict[str, Any]:
        """Related states of unknown content, by layer."""
        proof = self.proof
        lower = proof.lower.fresh(proof.encoding, tag)
        states = {proof.lower.name: lower}
        if proof.relation is not None:
            states[proof.top.name] = proof.relation.upper_state(lower, proof.encoding, tag)
        return states

    def leaves(self, kind: str) -> tuple[Leaf, ...]:
        """The types that the keys of a kind of objects (or of a table's or array's index) have."""
        kind = kind_of(kind)
        for layer in self.proof.layers:
            part = layer.schema.parts.get(kind)
            if part is not None:
                return part.keys
            declared = layer.schema.fields.get(kind)
            if declared is not None:
                return declared.keys[-1:]
        raise ProofError(f"no layer has objects of the kind {kind}")

    def ensured(
        self,
        ensures: Ensures,
        before: Any,
        after: Any,
        layer: Layer,
        arguments: Mapping[str, Any],
        outcome: Outcome,
        choice: tuple[Keys, ...],
    ) -> Term:
        """What an operation ensures of objects, on condition that they exist."""
        objects = tuple(self.object(kind, keys) for kind, keys in zip(ensures.kinds, choice, strict=True))
        one, other = before[layer.name], after[layer.name]
        condition = term_of_truth(present(ensures.kinds, (one,), (layer.schema,), objects))
        return terms.implies(
            condition, term_of_truth(ensures.holds(one, other, arguments, *ensures.given(outcome), *objects))
        )

    def reads_of(self, statement: Statement) -> set[str]:
        """The maps that a statement reads."""
        key = f"{'-'.join(statement.layers)}/{statement.id}"
        reads = self._reads.get(key)
        if reads is None:
            run = context.current()
            assert run is not None
            run.reads = reads = self._reads[key] = set()
            with run.statement():
                self.holds(statement, self.pristine, self.skolems(statement.kinds))
            run.reads = None
        return reads

    def agreement_facts(
        self, states: Mapping[str, Any], modifies: tuple[str, ...] | None, tag: str, since: int
    ) -> list[Fact]:
        """That fields which an operation leaves alone in the upper layer still agree with those it may write below."""
        relation = self.proof.relation
        if relation is None or modifies is None:
            return []
        changed = {place(entry)[0] for entry in modifies}
        upper, lower = states[relation.upper.name], states[relation.lower.name]
        facts = []
        for declared, decoder in self.compared:
            part = relation.upper.schema.parts[declared.path.split(".")[0]]
            name = f"{relation.upper.name}:{declared.path}"
            if len(declared.keys) > len(part.keys) or name in changed:
                continue
            if self.agreement_reads(relation, declared, decoder) & changed:
                instance = _agrees(relation, declared, decoder, upper, lower)
                kinds = (part.name,) if declared.keys else ()
                facts.append(Fact(f"{tag}{name} agrees", kinds, instance, shared=False, since=since))
        return facts

    def field_keys(self, declared: Field) -> Keys:
        """Unknown keys of a field: those of its object, and of an array within it."""
        kind = declared.path.split(".")[0]
        keys = self.skolems((kind,))[0] if declared.keys else ()
        return keys + tuple(
            terms.variable(f"any.{declared.path}.{place}", leaf.sort(self.proof.encoding))
            for place, leaf in enumerate(declared.keys[len(keys) :])
        )

    def agreement_reads(self, relation: Relation, declared: Field, decoder: Decode) -> set[str]:
        """The maps that the agreement of a field is about."""
        reads = self._reads.get(declared.path)
        if reads is None:
            run = context.current()
            assert run is not None
            run.reads = reads = self._reads[declared.path] = {f"{relation.upper.name}:{declared.path}"}
            with run.statement():
                wrapped = wrap_keys(declared.keys, self.field_keys(declared))
                lower = self.pristine[relation.lower.name]
                decoder.value(lower, *wrapped)
                if decoder.when is not None:
                    decoder.when(lower, *wrapped)
            run.reads = None
        return reads


def but_for(waived: Term | None, choice: tuple[Keys, ...], term: Term) -> Term:
    """What is stated of an object, on condition that it is not the one that this is waived of."""
    return term if waived is None else terms.implies(terms.negate(terms.equal(choice[0][0], waived)), term)


def _agrees(
    relation: Relation, declared: Field, decoder: Decode, upper: Any, lower: Any
) -> Callable[[tuple[Keys, ...]], Term]:
    def instance(choice: tuple[Keys, ...]) -> Term:
        keys = choice[0] if choice else ()
        term = relation.agreement(declared, decoder, upper, lower, keys)
        part = relation.upper.schema.parts[declared.path.split(".")[0]]
        if part.exists is None:
            return term
        return terms.implies(upper._maps[part.exists.path].get(keys), term)

    return instance


def _in_range(enumerations: list[Field], state: Any) -> Callable[[tuple[Keys, ...]], Term]:
    def instance(choice: tuple[Keys, ...]) -> Term:
        keys = choice[0] if choice else ()
        return terms.conjunction([in_range(field, state._maps[field.path].get(keys)) for field in enumerations])

    return instance
