"""A toy kernel of boxes in a row: each has a tag, which is a record, and a place, which is a rational number.

The two layers have tags and colours of their own, which are alike.
"""

from __future__ import annotations

import enum
from fractions import Fraction
from typing import Any

from attrs import define, evolve, field, frozen

from refinement.layers import PythonLayer
from refinement.logic import Objects, Word, all_of, defined, implies, maybe, reference
from refinement.prove import Operation, Stack
from refinement.relation import Relation
from refinement.statements import invariant

BoxRef = reference("box")
HEAVY = 10


class Colour(enum.Enum):
    """The colour of a tag."""

    White = 0
    Red = 1


@frozen
class Tag:
    """What is written on a box."""

    colour: Colour = Colour.White
    weight: Word = 0
    fragile: bool = False


@define
class Box:
    """A box."""

    tag: Tag = field(factory=Tag)
    place: Fraction = Fraction(0)


@define
class State:
    """All boxes."""

    box: Objects[BoxRef, Box] = field(factory=Objects)


class LowerColour(enum.Enum):
    """The colour of a tag."""

    White = 0
    Red = 1


@frozen
class LowerTag:
    """What is written on a box."""

    colour: LowerColour = LowerColour.White
    weight: Word = 0
    fragile: bool = False


@define
class LowerBox:
    """A box."""

    tag: LowerTag = field(factory=LowerTag)
    place: Fraction = Fraction(0)


@define
class LowerState:
    """All boxes."""

    box: Objects[BoxRef, LowerBox] = field(factory=Objects)


@defined
def is_heavy(tag: Tag) -> bool:
    """Whether it takes two to carry a box with this tag."""
    return tag.weight >= HEAVY


@defined
def heavier(tag: Tag, extra: Word) -> Word:
    """A weight beyond that of the tag."""
    return tag.weight + extra


def label(s: State, box: BoxRef, tag: Tag) -> None:
    """Put another tag on a box."""
    s.box[box].tag = tag


def label_in_lower(s: LowerState, box: BoxRef, tag: LowerTag) -> None:
    """Put another tag on a box."""
    s.box[box].tag = tag


def forget_the_weight(s: LowerState, box: BoxRef, tag: LowerTag) -> None:
    """Put another tag on a box, and write no weight on it."""
    s.box[box].tag = evolve(tag, weight=0)


def copy_tag(s: State, box: BoxRef, other: BoxRef) -> None:
    """Put a copy of a box's tag on another."""
    s.box[other].tag = s.box[box].tag


def paint(s: State, box: BoxRef) -> None:
    """Have the tag of a box be red."""
    if s.box[box].tag.colour == Colour.White:
        s.box[box].tag = evolve(s.box[box].tag, colour=Colour.Red)


def paint_in_lower(s: LowerState, box: BoxRef) -> None:
    """Have the tag of a box be red."""
    s.box[box].tag = evolve(s.box[box].tag, colour=LowerColour.Red)


def unpack(s: State, box: BoxRef) -> None:
    """Leave nothing in a box that is not heavy."""
    if not is_heavy(s.box[box].tag):
        s.box[box].tag = evolve(s.box[box].tag, weight=0)


def weigh(s: State, box: BoxRef, extra: Word) -> None:
    """Write on a box what it weighs with something more in it."""
    s.box[box].tag = evolve(s.box[box].tag, weight=heavier(s.box[box].tag, extra))


def put_between(s: State, box: BoxRef, left: BoxRef, right: BoxRef) -> None:
    """Put a box between two others."""
    s.box[box].place = (s.box[left].place + s.box[right].place) / 2


def put_at_left(s: State, box: BoxRef, left: BoxRef, right: BoxRef) -> None:
    """Put a box where the one on the left is."""
    s.box[box].place = s.box[left].place


def ship(s: State, box: BoxRef) -> None:
    """Empty a box, if it gets lost on the way."""
    if maybe("lost"):
        s.box[box].tag = evolve(s.box[box].tag, weight=0)


def ship_in_lower(s: LowerState, box: BoxRef) -> None:
    """Empty a box, if it is a fragile one."""
    if s.box[box].tag.fragile:
        s.box[box].tag = evolve(s.box[box].tag, weight=0)


def may_weigh(s: Any, box: Any, extra: Any) -> Any:
    """Neither weight is large."""
    return all_of(s.box[box].tag.weight <= HEAVY, extra <= HEAVY)


def may_put_between(s: Any, box: Any, left: Any, right: Any) -> Any:
    """The three are different boxes, and the left one is on the left."""
    return all_of(box != left, box != right, s.box[left].place < s.box[right].place)


@invariant("upper", "box")
def fragile_ones_are_light(s: Any, box: Any) -> Any:
    """A box that is fragile is not heavy."""
    return implies(s.box[box].tag.fragile, s.box[box].tag.weight < HEAVY)


UPPER = (label, copy_tag, paint, unpack, weigh, put_between, put_at_left, ship)
LOWER = {"label": label_in_lower, "paint": paint_in_lower, "ship": ship_in_lower}


def stack(*invariants: Any, **lower: Any) -> Stack:
    """The two layers; `lower` says which functions the lower one has in place of its own of that name."""
    functions = {function.__name__: function for function in UPPER}
    layers = PythonLayer("upper", State, functions), PythonLayer("lower", LowerState, {**functions, **LOWER, **lower})
    return Stack("toy", layers, (Relation(*layers),), {"upper": invariants, "lower": ()})


def made(name: str, requires: Any = None, **given: Any) -> Operation:
    """An operation of the kernel, as the proofs see it."""
    return Operation("boxes", name, requires, **given)
