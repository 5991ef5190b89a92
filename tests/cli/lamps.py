"""A specification as small as can be, of which not everything is used: lamps with power and a colour."""

from __future__ import annotations

from attrs import define, field

from refinement.logic import Objects, Word, reference

LampRef = reference("lamp")
MOST = 100


@define
class Lamp:
    """A lamp has power and a colour, and is broken or not."""

    power: Word = 0
    colour: Word = 0
    broken: bool = False


@define
class State:
    """All lamps."""

    lamp: Objects[LampRef, Lamp] = field(factory=Objects)


def invert(s: State, lamp: LampRef) -> None:
    """Make a dark lamp bright and a bright one dark."""
    if s.lamp[lamp].broken:
        return
    s.lamp[lamp].power = what_is_missing(s, lamp)


def what_is_missing(s: State, lamp: LampRef) -> Word:
    """How much more power the lamp can take."""
    return MOST - s.lamp[lamp].power


def overload(s: State, lamp: LampRef) -> None:
    """Give a lamp more power than it can take."""
    s.lamp[lamp].power = MOST + 1


def mend(s: State, lamp: LampRef) -> None:
    """Make a lamp whole: but no lamp is ever broken."""
    if s.lamp[lamp].broken:
        s.lamp[lamp].broken = False
