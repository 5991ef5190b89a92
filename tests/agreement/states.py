"""Random states of all layers: those that random operations lead to, and such ones with random changes."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from attrs import evolve

from executable_model.sel4.capability import Cap
from executable_model.sel4.state import SchedulerAction, ThreadState
from proofs.sel4.cap_words import LEAVES, encode
from proofs.sel4.layers import EXEC, SPEC
from refinement.layers import PythonLayer, parameters_of
from refinement.logic import NULL
from refinement.schema import Leaf
from tests.trace.lockstep import BY_NAME, NEW_CAPS, TABLES, LockStep, candidates, values_of
from tests.trace.start import CNODE_SLOTS, FAMILIES, REFS, THREADS
from tests.trace.stories import STORIES, told

CAPS = (*(held.cap for family in FAMILIES for held in family), *NEW_CAPS)
"""Capabilities of many kinds."""
MAX_SIZE_BITS = 28


def arguments(run: LockStep, name: str, draw: random.Random) -> dict[str, Any] | None:
    """Arguments for an operation that its precondition allows, or None if there are none."""
    given = list(candidates(run, name))
    if not given:
        return None
    chosen = draw.choice(given)
    return {p: chosen.get(p, draw.choice(list(values_of(p)))) for p in parameters_of(EXEC, name)}


def wander(draw: random.Random, steps: int) -> Iterator[LockStep]:
    """States that random operations lead to, one after each; every so often from where a story ends.

    Whether the layers agree in them is for those to ask who use them.
    """
    for number in range(steps):
        if number % 50 == 0:
            run = told(draw.choice(sorted(STORIES)))
        name = draw.choice(sorted(BY_NAME))
        if run.model.scheduler_action != SchedulerAction.ResumeCurrentThread and draw.random() < 0.5:
            name = "schedule"
        elif run.model.tcb[run.model.current_thread].state == ThreadState.Restart and draw.random() < 0.5:
            name = "activate_thread"
        chosen = arguments(run, name, draw)
        if chosen is not None:
            run.execute(name, chosen)
            yield run


def reached(draw: random.Random, steps: int) -> LockStep:
    """Where so many random operations lead to."""
    last = LockStep(None)
    for after in wander(draw, steps):
        last = after
    last.check()
    return last


def states_of(run: LockStep) -> dict[str, Any]:
    """The states of a lock step, by layer, to be changed on their own."""
    return copy.deepcopy({"spec": run.spec, "exec": run.model, "c": run.memory})


def some_cap(draw: random.Random) -> Cap:
    """Some capability, with parts that it could not have too."""
    cap = draw.choice(CAPS)
    changed = [name for name in LEAVES if draw.random() < 0.05]
    return evolve(cap, **{name: some(name, LEAVES[name], draw) for name in changed})


def some(name: str, leaf: Leaf, draw: random.Random) -> Any:
    """Some value for a field of that name and type.

    2 to the power of any size fits a word, also with a few bits more: what is said of others has no meaning plainly.
    """
    if name.endswith("size_bits"):
        return draw.randrange(MAX_SIZE_BITS)
    match leaf.form:
        case "bool":
            return draw.random() < 0.5
        case "ref":
            return draw.choice([NULL, *REFS[leaf.kind]])
        case "enum":
            assert leaf.members is not None
            return draw.choice(list(leaf.members))
        case "rational":
            return Fraction(draw.randrange(-4, 20), 16)
    return draw.choice([0, 1, 2, 255, 256, draw.getrandbits(leaf.width or 8)])


def _put(layer: PythonLayer, state: Any, path: str, draw: random.Random) -> None:
    """Change a field somewhere in a state; at a place where it may matter."""
    declared = layer.schema.fields[path]
    outer, _, name = path.partition(".")
    part = layer.schema.parts[outer]
    value = some(path, declared.leaf, draw)
    if part.form == "value":
        setattr(state, outer, value)
    elif part.form == "array":
        getattr(state, outer)[_some_key(outer, draw)] = value
    elif len(declared.keys) > len(part.keys):
        getattr(getattr(state, outer)[_some_key(outer, draw)], name)[_some_key(path, draw)] = value
    else:
        entry = getattr(state, outer)[_some_key(outer, draw)]
        whole, _, inner = name.partition(".")
        setattr(entry, whole, evolve(getattr(entry, whole), **{inner: value}) if inner else value)


def _some_key(name: str, draw: random.Random) -> Any:
    return draw.choice(REFS.get(name) or TABLES[name])


WORDS: tuple[tuple[str, str, int], ...] = (
    ("tcb", "tcbState.words[0]", 1 << 32),
    ("tcb", "tcbState.words[1]", 2),
    ("tcb", "tcbPriority", 1 << 9),
    ("tcb", "tcbDomain", 17),
    ("tcb", "tcbSchedNext", 0),
    ("tcb", "tcbEPPrev", 0),
    ("cte", "cteMDBNode.words[1]", 1 << 32),
)
"""Words in memory to be changed, by the type of the object, and below which number their values are; 0 for the
address of a thread."""


def disturb(states: dict[str, Any], draw: random.Random, changes: int) -> None:
    """Make random changes, each of one field of one object."""
    for _ in range(changes):
        layer = draw.choice([SPEC, EXEC])
        paths = [path for path, declared in layer.schema.fields.items() if not path.endswith(".exists")]
        _put(layer, states[layer.name], draw.choice(paths), draw)
        memory = states["c"]
        root, path, limit = draw.choice(WORDS)
        value = draw.randrange(limit) if limit else draw.choice([0, *(ref.number for ref in THREADS)])
        objects = THREADS if root == "tcb" else CNODE_SLOTS
        memory.write(root, draw.choice(objects).number, path, value)
        memory.write("cte", draw.choice(CNODE_SLOTS).number, "cap", _some_word(draw))


def _some_word(draw: random.Random) -> int:
    """The words of some capability, or others."""
    word = encode(draw.choice(CAPS))
    return word ^ 1 << draw.randrange(64) if draw.random() < 0.3 else word
