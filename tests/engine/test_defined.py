"""Functions known by their name: what follows from that alone, and what takes their definition."""

from __future__ import annotations

from attrs import evolve

from refinement import terms
from refinement.explore import Explorer
from refinement.logic import defined, implies, negate
from refinement.obligations import Status
from refinement.schema import MATHEMATICAL, record_of
from refinement.smt import Solver
from refinement.statements import invariant
from refinement.values import Word
from tests.engine import boxes
from tests.engine.boxes import HEAVY, LowerTag, Tag, heavier, is_heavy
from tests.engine.proving import not_proved, results

TAG = record_of(Tag)


def unknown_tag(name):
    return TAG.make(lambda part, leaf: leaf.wrap(terms.variable(f"{name}.{part}", leaf.sort(MATHEMATICAL))))


def opaquely(body, opaque=True):
    """What a function gives in a run that knows functions by their names, and their definitions by then."""
    terms.reset()
    explorer = Explorer(Solver(1_000_000, 5))
    explorer.is_opaque = opaque
    (result,) = explorer.explore(lambda run: body())
    return result, explorer.definitions


@invariant("upper", "box")
def heavy_ones_are_not_fragile(s, box):
    """A box that is heavy is not fragile."""
    return implies(is_heavy(s.box[box].tag), negate(s.box[box].tag.fragile))


@invariant("upper", "box")
def none_is_heavy(s, box):
    """No box is heavy."""
    return negate(is_heavy(s.box[box].tag))


def test_plainly_it_is_any_function():
    assert is_heavy(Tag(weight=HEAVY)) is True
    assert is_heavy(Tag()) is False
    assert heavier(Tag(weight=2), 3) == 5


def test_it_is_named():
    heavy, definitions = opaquely(lambda: is_heavy(unknown_tag("t")))
    assert heavy.term.op == "apply"
    assert heavy.term.data.name == "is_heavy"
    assert list(definitions) == [heavy.term]
    assert {variable.data for variable in terms.variables(definitions[heavy.term])} == {"t.weight"}


def test_only_the_parts_that_it_depends_on_make_a_difference():
    def body():
        tag = unknown_tag("t")
        return [
            is_heavy(evolve(tag, **other)) for other in ({}, {"fragile": True}, {"weight": unknown_tag("u").weight})
        ]

    (one, same, other), _ = opaquely(body)
    assert [argument.data for argument in one.term.args] == ["t.weight"]
    assert one.term is same.term
    assert one.term is not other.term


def test_parameters_that_are_no_records():
    def body():
        return heavier(unknown_tag("t"), Word(terms.variable("extra", terms.bit_vector(32))))

    weight, _ = opaquely(body)
    assert [argument.data for argument in weight.term.args] == ["t.weight", "extra"]


def test_what_is_known_is_not_named():
    known, definitions = opaquely(lambda: is_heavy(evolve(unknown_tag("t"), weight=3)))
    assert known is False
    assert definitions == {}


def test_in_a_run_that_is_not_opaque_it_is_its_definition():
    heavy, definitions = opaquely(lambda: is_heavy(unknown_tag("t")), opaque=False)
    assert heavy.term.op != "apply"
    assert definitions == {}


def test_of_the_same_it_is_the_same():
    assert not_proved(boxes.stack(heavy_ones_are_not_fragile), boxes.made("copy_tag")) == set()
    assert not_proved(boxes.stack(heavy_ones_are_not_fragile), boxes.made("paint")) == set()


def test_the_definition_is_used_where_the_name_does_not_suffice():
    operation = boxes.made("unpack")
    assert not_proved(boxes.stack(none_is_heavy), operation) == set()
    assert not_proved(boxes.stack(heavy_ones_are_not_fragile), operation) == set()


def test_what_does_not_follow_is_refuted_by_a_state_that_fits_the_definition():
    found = results(boxes.stack(heavy_ones_are_not_fragile), boxes.made("label"))
    lost = found["upper/invariant/heavy_ones_are_not_fragile"]
    assert lost.status is Status.REFUTED
    given = lost.counterexample["scenario"]["arguments"]["tag"]
    assert given["fragile"] is True
    assert given["weight"] >= HEAVY


def test_a_branch_on_a_name_that_its_definition_rules_out_is_no_path():
    """Without the definition both sides seem possible; nothing is said to be proved of the one that is not."""
    found = results(
        boxes.stack(boxes.fragile_ones_are_light), boxes.made("unpack", lambda s, box: s.box[box].tag.fragile)
    )
    assert {result.status for result in found.values()} == {Status.PROVED}
    assert {result.paths for result in found.values()} == {1}


def test_words_are_named_too():
    assert not_proved(boxes.stack(), boxes.made("weigh", boxes.may_weigh)) == set()


def test_what_a_definition_needs_is_asked_of_the_arguments_only():
    """It is not asked of the unknown parts by which is found out what the result depends on."""
    assert not_proved(boxes.stack(), boxes.made("weigh")) == {"upper/guards", "lower/guards"}
    found = results(boxes.stack(), boxes.made("weigh", boxes.may_weigh))
    assert found["lower/guards"].status is Status.PROVED


def test_another_function_of_that_name_in_the_other_layer_is_another_function():
    @defined
    def is_heavy(tag: LowerTag) -> bool:
        return tag.weight > HEAVY

    def unpack_in_lower(s: boxes.LowerState, box: boxes.BoxRef) -> None:
        if not is_heavy(s.box[box].tag):
            s.box[box].tag = evolve(s.box[box].tag, weight=0)

    unpack = boxes.made("unpack")
    found = results(boxes.stack(unpack=unpack_in_lower), unpack)["upper-lower/state"]
    assert found.status is Status.REFUTED
    scenario = found.counterexample["scenario"]
    assert scenario["before"]["lower"]["box"][scenario["arguments"]["box"]]["tag.weight"] == HEAVY


def test_the_same_function_in_both_layers_is_known_by_one_name():
    @defined
    def is_heavy(label: LowerTag) -> bool:
        return label.weight >= HEAVY

    def unpack_in_lower(s, box):
        if not is_heavy(s.box[box].tag):
            s.box[box].tag = evolve(s.box[box].tag, weight=0)

    assert not_proved(boxes.stack(unpack=unpack_in_lower), boxes.made("unpack")) == set()
    (one, other), definitions = opaquely(lambda: [f(unknown_tag("t")) for f in (boxes.is_heavy, is_heavy)])
    assert one.term is other.term
    assert len(definitions) == 1
