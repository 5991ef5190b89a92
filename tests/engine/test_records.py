"""Records: in states, as parameters, and alike in two layers that have classes of their own for them."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest
from attrs import define, field, frozen

from refinement.layers import PythonLayer
from refinement.logic import NULL, Objects, one_of
from refinement.obligations import Status
from refinement.plain import decode, encode
from refinement.relation import Decode, Relation
from refinement.schema import Leaf, assembled, flattened, parts_of, record_of, schema_of, type_of
from refinement.statements import invariant
from tests.engine import boxes
from tests.engine.boxes import Box, BoxRef, Colour, LowerColour, LowerTag, State, Tag
from tests.engine.proving import not_proved, results

B1, B2 = BoxRef(1), BoxRef(2)


def test_the_parts_of_a_record_are_fields():
    schema = schema_of(State)
    assert list(schema.fields) == ["box.tag.colour", "box.tag.weight", "box.tag.fragile", "box.place", "box.exists"]
    assert schema.fields["box.tag.weight"].leaf == Leaf("word", width=32)
    assert schema.parts["box"].records == {"tag": record_of(Tag)}


def test_named_values_are_taken_apart_and_put_together():
    types = {"box": type_of(BoxRef), "tag": type_of(Tag)}
    given = {"box": B1, "tag": Tag(Colour.Red, 3)}
    parts = parts_of(types, given)
    assert parts == {"box": B1, "tag.colour": Colour.Red, "tag.weight": 3, "tag.fragile": False}
    assert list(flattened(types)) == list(parts)
    assert assembled(types, lambda path, leaf: parts[path]) == given


def test_a_record_within_a_record_has_its_parts():
    box = type_of(Box)
    assert list(box.leaves) == ["tag.colour", "tag.weight", "tag.fragile", "place"]
    given = {"box": Box(Tag(weight=3), Fraction(1, 2))}
    parts = parts_of({"box": box}, given)
    assert list(parts.items())[1:] == [("box.tag.weight", 3), ("box.tag.fragile", False), ("box.place", Fraction(1, 2))]
    assert assembled({"box": box}, lambda path, leaf: parts[path]) == given
    assert decode(box, encode(given["box"])) == given["box"]


def test_a_record_has_plain_values_and_records_only():
    with pytest.raises(TypeError, match="cannot be of type"):
        record_of(State)


def test_saved_records_are_read_back():
    state = State(Objects({B1: Box(Tag(Colour.Red, 3, True)), B2: Box()}))
    layer = boxes.stack().layers[0]
    saved = json.loads(json.dumps(layer.dump(state)))
    assert saved["box"] == {"box:1": {"tag.colour": "Red", "tag.weight": 3, "tag.fragile": True}, "box:2": {}}
    assert layer.load(saved) == state


def test_a_record_alone_is_read_back():
    assert encode(Tag(weight=3)) == {"weight": 3}
    assert decode(type_of(Tag), {"weight": 3}) == Tag(weight=3)
    with pytest.raises(KeyError):
        decode(type_of(Tag), {"colour": "Blue"})


def test_what_is_not_there_reads_as_an_empty_record():
    view = boxes.stack().layers[0].view(State(Objects({B1: Box(Tag(weight=3))})))
    assert view.box[B1].tag == Tag(weight=3)
    assert view.box[B2].tag == view.box[NULL].tag == Tag()


def test_arguments_become_the_layers_own():
    lower = boxes.stack().layers[1]
    assert lower.own("label", {"box": B1, "tag": Tag(Colour.Red, 3)}) == {
        "box": B1,
        "tag": LowerTag(LowerColour.Red, 3),
    }


def test_a_record_is_passed_and_kept():
    assert not_proved(boxes.stack(), boxes.made("label")) == set()


def test_a_record_is_copied():
    assert not_proved(boxes.stack(), boxes.made("copy_tag")) == set()


def test_a_record_is_changed():
    assert not_proved(boxes.stack(), boxes.made("paint")) == set()


def test_a_part_that_gets_lost_is_found():
    found = results(boxes.stack(label=boxes.forget_the_weight), boxes.made("label"))["upper-lower/state"]
    assert found.status is Status.REFUTED
    scenario = found.counterexample["scenario"]
    box = scenario["arguments"]["box"]
    assert scenario["arguments"]["tag"]["weight"] > 0
    assert any(f"box.tag.weight[{box}]" in line for line in scenario["failures"])


def test_an_enumeration_in_a_record_is_one_of_its_members():
    @invariant("upper", "box")
    def has_a_colour(s, box):
        """A box is white or red."""
        return one_of(s.box[box].tag.colour, *Colour)

    assert not_proved(boxes.stack(has_a_colour), boxes.made("label")) == set()


def test_invariants_of_records_are_kept_only_if_arguments_have_them():
    @invariant("upper", "box")
    def not_red(s, box):
        """No box is red."""
        return s.box[box].tag.colour != Colour.Red

    stack = boxes.stack(not_red)
    assert not_proved(stack, boxes.made("copy_tag")) == set()
    assert not_proved(stack, boxes.made("label")) == {"upper/invariant/not_red"}


@frozen
class Short:
    """A tag without the weight."""

    colour: LowerColour = LowerColour.White
    fragile: bool = False


@define
class ShortBox:
    """A box with such a tag."""

    tag: Short = field(factory=Short)
    place: Fraction = Fraction(0)


@define
class ShortState:
    """All boxes."""

    box: Objects[BoxRef, ShortBox] = field(factory=Objects)


def test_a_part_that_the_lower_layer_does_not_have_is_to_be_decoded():
    relation = Relation(boxes.stack().layers[0], PythonLayer("lower", ShortState, {}))
    with pytest.raises(TypeError, match=r"the field box\.tag\.weight is not decoded, not free, and not the same below"):
        relation.compared()
    decode = {"box.tag.weight": Decode(lambda s, box: 7)}
    compared = Relation(relation.upper, relation.lower, decode).compared()
    assert [declared.path for declared, _ in compared] == [
        "box.tag.colour",
        "box.tag.weight",
        "box.tag.fragile",
        "box.place",
    ]
