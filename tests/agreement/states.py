"""Random states of all layers: those that random operations lead to, and such ones with random changes."""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from executable_model.sel4.state import SchedulerAction, ThreadState
from proofs.sel4.layers import EXEC, SPEC
from refinement.layers import PythonLayer, parameters_of
from refinement.logic import NULL
from refinement.schema import Leaf
from tests.trace.lockstep import BY_NAME, ENDPOINTS, NOTIFICATIONS, THREADS, LockStep, candidates, values_of

REFS = {"tcb": THREADS, "endpoint": ENDPOINTS, "notification": NOTIFICATIONS}


def arguments(run: LockStep, name: str, draw: random.Random) -> dict[str, Any] | None:
    """Arguments for an operation that its precondition allows, or None if there are none."""
    given = list(candidates(run, name))
    if not given:
        return None
    chosen = draw.choice(given)
    return {p: chosen.get(p, draw.choice(list(values_of(p)))) for p in parameters_of(EXEC, name)}


def wander(draw: random.Random, steps: int) -> Iterator[LockStep]:
    """States that random operations lead to, one after each: every so often from the start again."""
    for number in range(steps):
        if number % 50 == 0:
            run = LockStep(None)
        name = draw.choice(sorted(BY_NAME))
        if run.model.scheduler_action != SchedulerAction.ResumeCurrentThread and draw.random() < 0.5:
            name = "schedule"
        elif run.model.tcb[run.model.current_thread].state == ThreadState.Restart and draw.random() < 0.5:
            name = "activate_thread"
        chosen = arguments(run, name, draw)
        if chosen is not None:
            run.step(name, chosen)
            yield run


def reached(draw: random.Random, steps: int) -> LockStep:
    """Where so many random operations lead to."""
    *_, last = wander(draw, steps)
    return last


def states_of(run: LockStep) -> dict[str, Any]:
    """The states of a lock step, by layer, to be changed on their own."""
    return copy.deepcopy({"spec": run.spec, "exec": run.model, "c": run.memory})


def _some(leaf: Leaf, draw: random.Random) -> Any:
    if leaf.form == "bool":
        return draw.random() < 0.5
    if leaf.form == "ref":
        return draw.choice([NULL, *REFS[leaf.kind]])
    if leaf.form == "enum":
        assert leaf.members is not None
        return draw.choice(list(leaf.members))
    return draw.choice([0, 1, 2, 255, 256, draw.getrandbits(leaf.width or 8)])


def _put(layer: PythonLayer, state: Any, path: str, draw: random.Random) -> None:
    declared = layer.schema.fields[path]
    part = layer.schema.parts[path.split(".")[0]]
    value = _some(declared.leaf, draw)
    if part.form == "value":
        setattr(state, part.name, value)
    elif part.form == "objects" and len(declared.keys) == 1:
        setattr(getattr(state, part.name)[draw.choice(REFS[part.name])], path.split(".")[1], value)
    elif part.form == "table":
        keys = tuple(draw.choice([0, 1, 7]) for _ in part.keys)
        setattr(getattr(state, part.name)[keys if len(keys) > 1 else keys[0]], path.split(".")[1], value)


def disturb(states: dict[str, Any], draw: random.Random, changes: int) -> None:
    """Make random changes, each of one field of one object."""
    for _ in range(changes):
        layer = draw.choice([SPEC, EXEC])
        paths = [path for path, declared in layer.schema.fields.items() if not path.endswith(".exists")]
        _put(layer, states[layer.name], draw.choice(paths), draw)
        memory = states["c"]
        path, limit = draw.choice(
            [
                ("tcbState.words[0]", 1 << 32),
                ("tcbState.words[1]", 2),
                ("tcbPriority", 1 << 9),
                ("tcbDomain", 17),
                ("tcbSchedNext", 0),
                ("tcbEPPrev", 0),
            ]
        )
        value = draw.randrange(limit) if limit else draw.choice([0, *(ref.number for ref in THREADS)])
        memory.write("tcb", draw.choice(THREADS).number, path, value)
