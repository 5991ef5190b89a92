"""Proofs about lamps, for `--kernel tests.cli.lamps_proofs:NAME`: what they use, and what not, is known beforehand."""

from __future__ import annotations

from typing import Any

from refinement.layers import PythonLayer
from refinement.logic import all_of, negate
from refinement.obligations import Kernel
from refinement.prove import Operation, Stack
from refinement.relation import Relation
from refinement.statements import invariant
from tests.cli.lamps import MOST, State, invert, overload


@invariant("upper", "lamp")
def sound(s: Any, lamp: Any) -> Any:
    """No lamp is broken, has more power than it can take, or more colour than there is."""
    return all_of(
        negate(s.lamp[lamp].broken),
        s.lamp[lamp].power <= MOST,
        s.lamp[lamp].colour <= MOST,
    )


LAYERS = tuple(PythonLayer(name, State, {"invert": invert, "overload": overload}) for name in ("upper", "lower"))
STACK = Stack(
    "lamps",
    LAYERS,
    (Relation(*LAYERS, decode={}, free=(), facts=()),),
    {"upper": (sound,), "lower": ()},
    specification="tests.cli.lamps",
)
INVERT = Operation("lamps", "invert", None)
OVERLOAD = Operation("lamps", "overload", None)


def kernel() -> Kernel:
    """Everything is proved of one operation."""
    return Kernel("lamps", STACK.tasks([INVERT]))


def with_overload() -> Kernel:
    """Of another operation not everything can be proved."""
    return Kernel("lamps", STACK.tasks([INVERT, OVERLOAD]))
