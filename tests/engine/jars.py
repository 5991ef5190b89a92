"""A kernel as small as can be, to try the engine on: jars with coins, in two layers that hold the same."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from refinement.layers import PythonLayer
from refinement.logic import NULL, Objects, Word, implies, operation, reference
from refinement.prove import Operation, Stack
from refinement.relation import Relation
from refinement.statements import invariant

JarRef = reference("jar")
FULL = 10


@define
class Jar:
    """A jar has coins, and is open or not."""

    coins: Word = 0
    open: bool = False


@define
class State:
    """All jars, and the one that a coin was put into last."""

    jar: Objects[JarRef, Jar] = field(factory=Objects)
    last: JarRef = NULL


@operation
def put(s: State, jar: JarRef) -> None:
    """Put a coin into a jar."""
    s.jar[jar].coins = s.jar[jar].coins + 1
    s.last = jar


def may_put(s: Any, jar: Any) -> Any:
    """The jar is not full."""
    return s.jar[jar].coins < FULL


def put_if_room(s: State, jar: JarRef) -> None:
    """Put a coin into the jar, if there is room for it."""
    if s.jar[jar].coins < FULL:
        put(s, jar)


def put_blindly(s: State, jar: JarRef) -> None:
    """Put a coin into the jar, whether or not it is full."""
    put(s, jar)


def put_twice(s: State, jar: JarRef) -> None:
    """Put a second coin in where only for one there is known to be room."""
    if s.jar[jar].coins < FULL:
        put(s, jar)
        put(s, jar)


def open_and_put(s: State, jar: JarRef) -> None:
    """Open a jar, put a coin in, and open it if that closed it."""
    s.jar[jar].open = True
    if s.jar[jar].coins < FULL:
        put(s, jar)
        if not s.jar[jar].open:
            s.jar[jar].coins = FULL + 1


def put_nothing(s: State, jar: JarRef) -> None:
    """Do nothing, where the other layer puts a coin in."""


def overfill(s: State, jar: JarRef) -> None:
    """Put too many coins in, then put another one."""
    s.jar[jar].coins = FULL + 5
    put(s, jar)


@operation
def empty(s: State, jar: JarRef) -> None:
    """Take all coins out."""
    s.jar[jar].coins = 0


def overfill_and_empty(s: State, jar: JarRef) -> None:
    """Put too many coins in, then take all out."""
    s.jar[jar].coins = FULL + 5
    empty(s, jar)


@operation
def spill(s: State, jar: JarRef) -> None:
    """Put more coins in than there is room for."""
    s.jar[jar].coins = FULL + 5


def spill_and_empty(s: State, jar: JarRef) -> None:
    """Put more coins in than there is room for, and mend that."""
    spill(s, jar)
    s.jar[jar].coins = 0


def spill_only(s: State, jar: JarRef) -> None:
    """Put more coins in than there is room for, and leave it at that."""
    spill(s, jar)


@invariant("upper", "jar")
def not_too_full(s: Any, jar: Any) -> Any:
    """No jar has more coins than there is room for."""
    return s.jar[jar].coins <= FULL


@invariant("lower", "jar")
def no_fuller(s: Any, jar: Any) -> Any:
    """No jar has more coins than there is room for."""
    return implies(True, s.jar[jar].coins <= FULL)


OPERATIONS = (
    put,
    put_if_room,
    put_blindly,
    put_twice,
    open_and_put,
    overfill,
    empty,
    overfill_and_empty,
    spill,
    spill_and_empty,
    spill_only,
)
BY_NAME: dict[str, Any] = {function.__name__: function for function in OPERATIONS}


def stack(free: tuple[str, ...] = (), **lower: Any) -> Stack:
    """The two layers; `lower` says which functions the lower one has in place of those of that name.

    The upper layer's fields that are `free` have nothing to do with those below.
    """
    layers = PythonLayer("upper", State, BY_NAME), PythonLayer("lower", State, {**BY_NAME, **lower})
    relation = Relation(*layers, decode={}, free=free, facts=())
    return Stack("toy", layers, (relation,), {"upper": (not_too_full,), "lower": (no_fuller,)})


def made(name: str, requires: Any = None, **given: Any) -> Operation:
    """An operation of the kernel, as the proofs see it."""
    return Operation("jars", name, requires, **given)
