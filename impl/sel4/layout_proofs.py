"""Proofs that the C functions on packed words do what the layout says, for every content of the words.

For each field: the getter gives the field's bits, the setter is `Struct.encode`, what was set is read again,
nothing else changes, and nothing is undefined.
"""

from __future__ import annotations

import functools
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from impl.c.evaluate import Evaluator, UndefinedBehaviour, executable
from impl.c.layer import CLayer, CState
from impl.c.memory import OBJECTS, ByteMemory
from impl.sel4.layout import Field, Struct, kinds_of, layout, maker, tag_getter, unions
from impl.sel4.program import FOLDER, program
from refinement import bits, terms
from refinement.bits import Bits, Truth
from refinement.explore import Explorer, Run
from refinement.obligations import Kind, Obligation, Result, Settings, Status, Task
from refinement.places import relative
from refinement.schema import MACHINE
from refinement.smt import Model, Solver
from refinement.terms import Term
from refinement.values import SymbolicRef, Word, term_of_truth

CLAIMS: Mapping[str, str] = {
    "get": "{getter} gives the bits that the layout says are {field}.",
    "set": "{setter} makes the words what the layout says they are with {field} set.",
    "get_after_set": "{getter} gives what {setter} was given, as far as it fits the field.",
    "frame": "{setter} changes no bit outside of {field}, and no other object.",
    "guards": "{getter} and {setter} do nothing that is undefined.",
}
"""What is proved of each field, by the last part of the obligation's id."""


@frozen
class Accessors:
    """The two C functions of a field, by name."""

    struct: Struct
    field: Field

    @property
    def getter(self) -> str:
        """The function that reads the field."""
        return f"{self.struct.prefix}_{'' if self.struct.value else 'ptr_'}get_{self.field.name}"

    @property
    def setter(self) -> str:
        """The function that writes the field."""
        return f"{self.struct.prefix}_{'' if self.struct.value else 'ptr_'}set_{self.field.name}"

    @property
    def id(self) -> str:
        """The id of the field's task."""
        return f"sel4/layout/{self.struct.name}/{self.field.name}"


@define
class Outcome:
    """What a symbolic run of both functions came to: goals by claim, and the words before and after."""

    words: list[Bits] = field(factory=list)
    value: Bits = 0
    goals: dict[str, Term] = field(factory=dict)


def tasks() -> tuple[Task, ...]:
    """A task for each field of each struct, in the order of the layout, then one for each union."""
    fields = tuple(task(Accessors(struct, entry)) for struct in layout().values() for entry in struct.fields.values())
    return fields + tuple(union_task(union) for union in unions(layout()))


def task(accessors: Accessors) -> Task:
    """The task that proves all claims about a field."""
    return Task(accessors.id, _obligations(accessors), functools.partial(_prove, accessors))


def union_task(union: str) -> Task:
    """The task that proves that the kinds of a union are told apart by their tags, and are made with them."""
    return Task(f"sel4/layout/{union}/kinds", _union_obligations(union), functools.partial(_prove_kinds, union))


def _union_obligations(union: str) -> tuple[Obligation, ...]:
    getter, first = tag_getter(layout(), union), maker(kinds_of(layout(), union)[0])
    tag = f"{getter} gives a kind's tag just if the layout says that the words are of that kind, and of no other."
    new = f"{first} and the like give words of the kind in their name in which all other fields are 0."
    found = []
    for claim, function, text in (("tag", getter, tag), ("new", first, new)):
        location = relative(str(FOLDER / program().functions[function].location))
        found.append(Obligation(f"sel4/layout/{union}/kinds/{claim}", "c", function, text, Kind.LAYOUT, location))
    return tuple(found)


def _prove_kinds(union: str, settings: Settings) -> list[Result]:
    started = time.perf_counter()
    terms.reset()
    solver = Solver(settings.rlimit, settings.seconds)
    of_tag, of_new = _union_obligations(union)
    status, paths, witnessed = Status.PROVED, 0, 0
    found: dict[str, Any] | None = None
    for value, goal in Explorer(solver).explore(lambda run: _run_tag(union)):
        paths += 1
        witnessed += solver.check() == "sat"
        if found is not None or solver.check([terms.negate(goal)]) == "unsat":
            continue
        model = solver.model([terms.negate(goal)])
        status = Status.UNKNOWN if model is None else Status.REFUTED
        if model is not None:
            found = _kinds_counterexample(union, model.value(value))
    seconds = time.perf_counter() - started
    wrong = wrong_makers(union)
    return [
        Result(
            obligation=of_tag,
            status=status,
            seconds=seconds,
            paths=paths,
            queries=2 * paths,
            solver=solver.cost.seconds,
            witnessed=witnessed,
            note="" if status is Status.PROVED else "the tags do not tell the kinds apart as the layout says",
            counterexample=found,
        ),
        Result(
            obligation=of_new,
            status=Status.REFUTED if wrong else Status.PROVED,
            seconds=time.perf_counter() - started - seconds,
            paths=1,
            witnessed=1,
            note="; ".join(wrong),
            counterexample=_makers_counterexample(union, wrong) if wrong else None,
        ),
    ]


def _run_tag(union: str) -> tuple[Term, Term]:
    """Run the function that tells the kind on an unknown value: the value, and what is to hold."""
    struct = layout()[union]
    value = terms.variable("value", terms.bit_vector(struct.width))
    goals: list[Term] = []
    tag = _evaluator(goals).call(tag_getter(layout(), union), [value])
    assert tag is not None
    is_kind = []
    for kind in kinds_of(layout(), union):
        assert kind.tag is not None
        is_kind.append(_equal(kind.decode(kind.tag.field, struct.split(value)), kind.tag.value, struct.bits))
        goals.append(terms.equal(is_kind[-1], _equal(tag, kind.tag.value, struct.bits)))
    goals += [terms.negate(terms.conjunction(pair)) for pair in itertools.combinations(is_kind, 2)]
    return value, terms.conjunction(goals)


def _evaluator(guards: list[Term]) -> Evaluator:
    """An evaluator of functions that only compute; the conditions on which they are defined are added to the list."""

    def note(condition: Truth, *_: str) -> None:
        guards.append(bits.lift_truth(condition))

    return Evaluator(program(), ByteMemory(program(), executable(program()).shapes), note)


def _kinds_counterexample(union: str, value: int) -> dict[str, Any]:
    """A value whose kind the C function and the layout do not agree on, as a story, a scenario and a test."""
    words = [_int(word) for word in layout()[union].split(value)]
    story = [f"sel4/layout/{union}/kinds/tag", f"words: {_hex(words)}", *replay_kinds(union, words)]
    test = (
        f'"""Replays a counterexample to sel4/layout/{union}/kinds/tag."""\n\n'
        f"from impl.sel4.layout_proofs import replay_kinds\n\n\n"
        f"def test_kinds_of_{union}():\n    assert replay_kinds({union!r}, {words}) == []\n"
    )
    return {"story": story, "scenario": {"union": union, "words": words}, "pytest": test}


def replay_kinds(union: str, words: Sequence[int]) -> list[str]:
    """Run the function that tells a union's kind on plain words, and say what is not as the layout has it."""
    function = tag_getter(layout(), union)
    tag = _int(_evaluator([]).call(function, [layout()[union].join(words)]))
    found = []
    for kind in kinds_of(layout(), union):
        assert kind.tag is not None
        if (kind.decode(kind.tag.field, words) == kind.tag.value) != (tag == kind.tag.value):
            found.append(f"{function} gives {tag:#x}; the tag of {kind.name} is {kind.tag.value:#x}")
    return found


def _makers_counterexample(union: str, wrong: list[str]) -> dict[str, Any]:
    test = (
        f'"""Replays a counterexample to sel4/layout/{union}/kinds/new."""\n\n'
        f"from impl.sel4.layout_proofs import wrong_makers\n\n\n"
        f"def test_new_{union}():\n    assert wrong_makers({union!r}) == []\n"
    )
    return {"story": [f"sel4/layout/{union}/kinds/new", *wrong], "scenario": {"union": union}, "pytest": test}


def wrong_makers(union: str) -> list[str]:
    """Run the functions that make a value of each kind, and say what is not as the layout has it."""
    found = []
    for kind in kinds_of(layout(), union):
        assert kind.tag is not None
        made = _int(_evaluator([]).call(maker(kind)))
        expected = _int(kind.join(kind.encode(kind.tag.field, [0] * kind.words, kind.tag.value)))
        if made != expected:
            found.append(f"{maker(kind)} gives {made:#x}, the layout says {expected:#x}")
    return found


def _obligations(accessors: Accessors) -> tuple[Obligation, ...]:
    name = accessors.field.name
    found = []
    for claim, text in CLAIMS.items():
        function = accessors.getter if claim == "get" else accessors.setter
        said = text.format(getter=accessors.getter, setter=accessors.setter, field=name)
        location = _layer(accessors).place(program().functions[function].location)
        found.append(Obligation(f"{accessors.id}/{claim}", "c", function, said, Kind.LAYOUT, location))
    return tuple(found)


def _layer(accessors: Accessors) -> CLayer:
    """A layer of which the getter and setter are the operations, and the struct, if it is one in memory, a kind."""
    name = accessors.struct.name
    kinds = {} if accessors.struct.value else {name: name}
    functions = {"get": accessors.getter, "set": accessors.setter}
    return CLayer(program(), kinds, layout(), functions, FOLDER)


def _prove(accessors: Accessors, settings: Settings) -> list[Result]:
    started = time.perf_counter()
    terms.reset()
    solver = Solver(settings.rlimit, settings.seconds)
    states: dict[str, Status] = dict.fromkeys(CLAIMS, Status.PROVED)
    found: dict[str, dict[str, Any]] = {}
    paths = witnessed = 0
    for outcome in Explorer(solver).explore(lambda run: _run(accessors, run)):
        paths += 1
        witnessed += solver.check() == "sat"
        for claim, goal in outcome.goals.items():
            answer = solver.check([terms.negate(goal)])
            if answer == "unsat":
                continue
            model = solver.model([terms.negate(goal)])
            states[claim] = Status.UNKNOWN if model is None else Status.REFUTED
            if model is not None:
                found[claim] = _counterexample(accessors, claim, outcome, model)
    share = 1 / len(CLAIMS)
    seconds = (time.perf_counter() - started) * share
    return [
        Result(
            obligation=obligation,
            status=states[claim],
            seconds=seconds,
            paths=paths,
            queries=2 * paths,
            solver=solver.cost.seconds * share,
            witnessed=witnessed,
            counterexample=found.get(claim),
        )
        for claim, obligation in zip(CLAIMS, _obligations(accessors), strict=True)
    ]


def _run(accessors: Accessors, run: Run) -> Outcome:
    """Run the getter, the setter, and the getter again, on words of which nothing is known."""
    value = terms.variable("value", terms.bit_vector(accessors.struct.bits))
    if accessors.struct.value:
        return _run_on_value(accessors, value)
    return _run_on_object(accessors, run, value)


def _run_on_value(accessors: Accessors, value: Term) -> Outcome:
    struct = accessors.struct
    whole = terms.variable("whole", terms.bit_vector(struct.width))
    guards: list[Term] = []
    evaluator = _evaluator(guards)

    def call(function: str, *arguments: Bits) -> Bits:
        result = evaluator.call(function, arguments)
        assert result is not None
        return result

    words = struct.split(whole)
    after = call(accessors.setter, whole, value)
    again = call(accessors.getter, after)
    goals = _goals(accessors, words, value, call(accessors.getter, whole), struct.split(after), again)
    return Outcome(words, value, {**goals, "guards": terms.conjunction(guards)})


def _run_on_object(accessors: Accessors, run: Run, value: Term) -> Outcome:
    name = accessors.struct.name
    layer = _layer(accessors)
    state = layer.fresh(MACHINE, "")
    this = SymbolicRef(name, terms.variable("object", MACHINE.reference))
    other = SymbolicRef(name, terms.variable("other", MACHINE.reference))
    run.assume(term_of_truth(state.exists(name, this)))
    words, others = _words(accessors.struct, state, this), _words(accessors.struct, state, other)

    def call(operation: str, **arguments: Any) -> Bits:
        outcome = layer.call(run, state, operation, arguments)
        assert outcome is not None
        return bits.plain(outcome.value.term) if outcome.value is not None else 0

    before = call("get", p=this)
    call("set", p=this, v=Word(value))
    after = _words(accessors.struct, state, this)
    goals = _goals(accessors, words, value, before, after, call("get", p=this))
    untouched = _same(others, _words(accessors.struct, state, other), accessors.struct.bits)
    apart = terms.implies(terms.negate(terms.equal(this.term, other.term)), untouched)
    goals["frame"] = terms.conjunction((goals["frame"], apart))
    goals["guards"] = terms.conjunction([guard.condition for guard in run.guards])
    return Outcome(words, value, goals)


def _words(struct: Struct, state: CState, ref: SymbolicRef) -> list[Bits]:
    """The words of an object."""
    view = getattr(state, struct.name)[ref]
    return [bits.plain(view.words[number].term) for number in range(struct.words)]


def _goals(
    accessors: Accessors, words: list[Bits], value: Bits, before: Bits, after: list[Bits], again: Bits
) -> dict[str, Term]:
    """The claims as formulas: the getter gave `before` of `words`, the setter made them `after`, then `again`."""
    struct, entry = accessors.struct, accessors.field
    width = struct.bits
    fits = bits.bit_and(value, _value_mask(struct, entry), width)
    encoded = struct.encode(entry.name, words, value)
    cut, decoded = _bits_of(struct, entry, words), struct.decode(entry.name, words)
    return {
        "get": terms.conjunction((_equal(before, cut, width), _equal(before, decoded, width))),
        "set": _same(after, encoded, width),
        "get_after_set": _equal(again, fits, width),
        "frame": _outside(struct, entry, words, after),
    }


def _equal(left: Bits, right: Bits, width: int) -> Term:
    return bits.lift_truth(bits.equal(left, right, width))


def _same(left: list[Bits], right: list[Bits], width: int) -> Term:
    return terms.conjunction([_equal(a, b, width) for a, b in zip(left, right, strict=True)])


def _value_mask(struct: Struct, entry: Field) -> int:
    """The bits of a value that the field can hold."""
    ones = (1 << entry.width) - 1
    return ones << (struct.bits - entry.width) if entry.high else ones


def _bits_of(struct: Struct, entry: Field, words: list[Bits]) -> Bits:
    """The field's bits cut out of its word: what the layout means, said without shifts and masks."""
    word = bits.lift(words[entry.word], struct.bits)
    cut = terms.zero_extend(terms.extract(word, entry.low + entry.width - 1, entry.low), struct.bits)
    return terms.multiply(cut, terms.bits(1 << (struct.bits - entry.width if entry.high else 0), struct.bits))


def _outside(struct: Struct, entry: Field, words: list[Bits], after: list[Bits]) -> Term:
    """That no bit outside of the field changed."""
    same = []
    for number, (old, new) in enumerate(zip(words, after, strict=True)):
        inside = entry.mask if number == entry.word else 0
        for place in range(struct.bits):
            if not inside >> place & 1:
                pair = (terms.extract(bits.lift(word, struct.bits), place, place) for word in (old, new))
                same.append(terms.equal(*pair))
    return terms.conjunction(same)


def _counterexample(accessors: Accessors, claim: str, outcome: Outcome, model: Model) -> dict[str, Any]:
    """Words and a value for which a claim does not hold, as a story, a scenario and a test."""
    width = accessors.struct.bits
    scenario: dict[str, Any] = {
        "struct": accessors.struct.name,
        "field": accessors.field.name,
        "words": [model.value(bits.lift(word, width)) for word in outcome.words],
        "value": model.value(bits.lift(outcome.value, width)),
    }
    story = [f"{accessors.id}/{claim}", f"words: {_hex(scenario['words'])}", f"value: {scenario['value']:#x}"]
    return {"story": [*story, *replay(scenario)], "scenario": scenario, "pytest": _test_case(accessors, scenario)}


def _hex(words: list[int]) -> str:
    return " ".join(f"{word:#x}" for word in words)


def _test_case(accessors: Accessors, scenario: Mapping[str, Any]) -> str:
    name = f"{accessors.struct.name}_{accessors.field.name}"
    return (
        f'"""Replays a counterexample to {accessors.id}."""\n\nfrom impl.sel4.layout_proofs import replay\n\n\n'
        f"def test_{name}():\n    assert replay({json.dumps(scenario)}) == []\n"
    )


def replay(scenario: Mapping[str, Any]) -> list[str]:
    """Run the functions of a field on plain words, and say what is not as the layout has it."""
    struct = layout()[scenario["struct"]]
    accessors = Accessors(struct, struct.field(scenario["field"]))
    words, value = list(scenario["words"]), scenario["value"]
    memory = ByteMemory(program(), executable(program()).shapes)
    evaluator = Evaluator(program(), memory)
    run: Callable[[], tuple[Any, list[int], Any]]
    if struct.value:

        def run() -> tuple[Any, list[int], Any]:
            whole = struct.join(words)
            before = evaluator.call(accessors.getter, [whole])
            after = _int(evaluator.call(accessors.setter, [whole, value]))
            return before, [_int(word) for word in struct.split(after)], evaluator.call(accessors.getter, [after])
    else:
        address = OBJECTS[0]
        memory.allocate(struct.name, address)
        for number, word in enumerate(words):
            memory.write(struct.name, address, f"words[{number}]", word)

        def run() -> tuple[Any, list[int], Any]:
            before = evaluator.call(accessors.getter, [address])
            evaluator.call(accessors.setter, [address, value])
            after = [memory.read(struct.name, address, f"words[{number}]") for number in range(struct.words)]
            return before, after, evaluator.call(accessors.getter, [address])

    try:
        before, after, again = run()
    except UndefinedBehaviour as error:
        return [str(error)]
    return _differences(accessors, words, value, before, after, again)


def _int(value: Bits | None) -> int:
    assert isinstance(value, int)
    return value


def _differences(
    accessors: Accessors, words: list[int], value: int, before: Any, after: list[int], again: Any
) -> list[str]:
    struct, entry = accessors.struct, accessors.field
    found = []
    expected = struct.decode(entry.name, words)
    if before != expected:
        found.append(f"{accessors.getter} gives {before:#x}, the layout says {expected:#x}")
    encoded = [_int(word) for word in struct.encode(entry.name, words, value)]
    if after != encoded:
        found.append(f"{accessors.setter} makes the words {_hex(after)}, the layout says {_hex(encoded)}")
    fits = value & _value_mask(struct, entry)
    if again != fits:
        found.append(f"{accessors.getter} then gives {again:#x}, not {fits:#x}")
    return found
