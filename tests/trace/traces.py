"""Traces in which the layers came apart: run again, made shorter, told and saved."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from impl.c.native import Native
from proofs.sel4.layers import EXEC
from refinement.layers import parameters_of
from refinement.plain import decode
from refinement.schema import Leaf
from tests.trace.lockstep import BY_NAME, Apart, LockStep, Trace
from tests.trace.start import CNODE_SLOTS, ENDED_SLOTS, ENDPOINTS, INNER_SLOTS, NOTIFICATIONS, PAGES, THREADS, slot_of

LETTERS: dict[str, list[Any]] = {
    "T": THREADS,
    "E": ENDPOINTS,
    "N": NOTIFICATIONS,
    "C": CNODE_SLOTS,
    "I": INNER_SLOTS,
    "Z": ENDED_SLOTS,
    "P": PAGES,
}
NAMES = {repr(ref): f"{letter}{number}" for letter, refs in LETTERS.items() for number, ref in enumerate(refs)} | {
    repr(slot_of(thread, index)): f"T{number}.{name}"
    for number, thread in enumerate(THREADS)
    for index, name in enumerate(("cspace", "vspace", "reply", "caller", "buffer"))
    if number
}
"""How objects are called when a trace is told: T0 is the idle thread, C0 the first slot of the CNode, I0 that of the
inner one, and Z0 that of the one of which a zombie is left."""
BEFORE = {
    repr(ref): tuple(map(repr, refs[:number]))
    for refs in (THREADS, ENDPOINTS, NOTIFICATIONS, CNODE_SLOTS)
    for number, ref in enumerate(refs)
}
"""The objects of its kind that come before each object."""


def replay(trace: Trace, native: Native | None = None) -> LockStep:
    """Run a trace again, and compare everything at its end.

    Raises `Apart` where it fails, ValueError if it is no trace: wrong names or types, objects that there are not,
    or an operation whose precondition does not hold.
    """
    if not isinstance(trace, list):
        raise ValueError("a trace is a list of steps")
    run = LockStep(native)
    for number, step in enumerate(trace, start=1):
        name, arguments = _parsed(number, step)
        if not run.allowed(name, arguments):
            raise ValueError(f"step {number}: the precondition of {name} does not hold")
        run.step(name, arguments)
    run.check(full=True)
    return run


def _parsed(number: int, step: Any) -> tuple[str, dict[str, Any]]:
    try:
        name, encoded = step["operation"], step["arguments"]
        types = parameters_of(EXEC, BY_NAME[name].name)
        if set(encoded) != set(types):
            raise ValueError(f"{name} takes {', '.join(types) or 'no arguments'}")
        arguments = {parameter: decode(type, encoded[parameter]) for parameter, type in types.items()}
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"step {number}: {error}") from None
    references = [key for key, type in types.items() if isinstance(type, Leaf) and type.form == "ref"]
    unknown = [encoded[key] for key in references if encoded[key] not in NAMES]
    if unknown:
        raise ValueError(f"step {number}: there is no {unknown[0]}")
    return name, arguments


def shortened(trace: Trace, native: Native | None = None) -> Trace:
    """A failing trace without the steps that it fails without, and about the first objects that it fails with.

    One that does not fail when run again stays as it is.
    """
    failing = _failing(trace, native)
    if failing is None:
        return trace
    size = len(failing)
    while size := size // 2:
        start = 0
        while start < len(failing):
            shorter = _failing(failing[:start] + failing[start + size :], native)
            if shorter is None:
                start += size
            else:
                failing = shorter
    while True:
        simpler = next((found for plan in _simpler(failing) if (found := _failing(plan, native)) is not None), None)
        if simpler is None:
            return failing
        failing = simpler


def _simpler(trace: Trace) -> Iterator[Trace]:
    """The trace without each of its steps in turn, and with each object in turn replaced by one before it."""
    for number in range(len(trace)):
        yield trace[:number] + trace[number + 1 :]
    for number, step in enumerate(trace):
        for parameter, value in step["arguments"].items():
            for ref in BEFORE.get(value, ()) if isinstance(value, str) else ():
                replaced = {**step, "arguments": {**step["arguments"], parameter: ref}}
                yield [*trace[:number], replaced, *trace[number + 1 :]]


def _failing(trace: Trace, native: Native | None) -> Trace | None:
    """The trace up to where it fails; None if it does not, or is not allowed."""
    try:
        replay(trace, native)
    except Apart as apart:
        return apart.trace
    except ValueError:
        return None
    return None


def told(apart: Apart) -> str:
    """What is wrong and the trace that led there, to read."""
    lines = [*apart.wrong[:8], "trace:"]
    for step in apart.trace:
        arguments = (f"{key}={NAMES.get(str(value), value)}" for key, value in step["arguments"].items())
        lines.append(f"  {step['operation']}({', '.join(arguments)})")
    return "\n".join(lines)


def save(trace: Trace) -> Path:
    """Write a trace to the folder that REFINE_TRACES names, or to `.refine/traces`; gives the file.  Raises OSError."""
    folder = Path(os.environ.get("REFINE_TRACES", ".refine/traces"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"last-{os.environ.get('PYTEST_XDIST_WORKER', 'main')}.json"
    path.write_text(json.dumps(trace, indent=1), encoding="utf-8")
    return path
