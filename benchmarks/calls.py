"""How many system calls a second each layer makes, run plainly: the specification, the model, C evaluated and compiled.

The thread T0 of a recording copies a capability and deletes the copy, over and over; then it gives up the processor.
Its registers are set before each call from outside, which is what takes the time of the compiled kernel: calls made
from C would be quicker.
"""

from __future__ import annotations

import argparse
import functools
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tabulate import tabulate

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from executable_model.sel4.state import State  # noqa: E402
from proofs.sel4.replay import c, executable, spec  # noqa: E402
from proofs.sel4.replay.recording import Recording, read  # noqa: E402
from proofs.sel4.replay.start import initial_state  # noqa: E402
from tests.golden.recordings import recordings  # noqa: E402

RECORDING = "cnode-copy-errors"
CALL, YIELD = 0xFFFFFFFF, 0xFFFFFFF9
BUFFER_CAPS, FIFTH_WORD = 122, 5
"""Words of the IPC buffer."""
COPY, DELETE = 20, 18
CNODE, NOTIFICATION, FREE, DEPTH, ALL_RIGHTS = 2, 255, 100, 32, 15
"""Slots of the only CNode of a recording; the depth that names them, and the rights that a copy keeps."""

LAYERS: dict[str, Callable[[State], Any]] = {
    "spec": spec.machine,
    "exec": executable.machine,
    "c, evaluated": c.evaluated,
    "c, compiled": c.compiled,
}

EXAMPLES = """\
examples:
  python benchmarks/calls.py
  python benchmarks/calls.py --seconds 5
"""


def tag(label: int, length: int, extra_caps: int) -> int:
    """The word that describes a message."""
    return label << 12 | extra_caps << 7 | length


CALLS: dict[str, list[tuple[int, ...]]] = {
    "Copy and Delete": [
        (CNODE, tag(COPY, 5, 1), FREE, DEPTH, NOTIFICATION, DEPTH, 0, CALL),
        (CNODE, tag(DELETE, 2, 0), FREE, DEPTH, 0, 0, 0, CALL),
    ],
    "Yield": [(0, 0, 0, 0, 0, 0, 0, YIELD)],
}
"""What is measured: the registers r0 to r7 of each call, in turn."""


@contextmanager
def ready(layer: str, recording: Recording) -> Iterator[tuple[Callable[..., Any], ...]]:
    """A layer at the start of the recording: what sets T0's registers, makes a system call, and reads the reply."""
    with LAYERS[layer](initial_state(recording)) as machine:
        thread = machine.current_thread
        buffer = recording.buffers["T0"]
        machine.set_word(buffer + 4 * BUFFER_CAPS, CNODE)
        machine.set_word(buffer + 4 * FIFTH_WORD, ALL_RIGHTS)
        yield _setter(layer, machine, thread), _caller(layer, machine), lambda: machine.register(thread, 1) >> 12


def _setter(layer: str, machine: Any, thread: int) -> Callable[..., None]:
    if layer == "c, compiled":
        ffi = machine.memory._ffi
        registers = ffi.cast("unsigned *", thread)
        contents = {regs: ffi.new("unsigned[8]", list(regs)) for calls in CALLS.values() for regs in calls}
        return lambda regs: ffi.memmove(registers, contents[regs], 32)

    def one_by_one(regs: tuple[int, ...]) -> None:
        for number, value in enumerate(regs):
            machine.set_register(thread, number, value)

    return one_by_one


def _caller(layer: str, machine: Any) -> Callable[[int], Any]:
    if layer == "c, compiled":
        return machine.memory._functions["callKernel"][0]
    return machine.call


def measured(layer: str, recording: Recording, calls: list[tuple[int, ...]], seconds: float) -> float:
    """System calls a second."""
    with ready(layer, recording) as (prepare, call, label):
        for regs in calls:
            prepare(regs)
            call(regs[7])
            if regs[7] == CALL and label() != 0:
                raise RuntimeError(f"{layer}: the kernel refuses the call with error {label()}")
        count, batch = 0, 100
        started = time.perf_counter()
        while (spent := time.perf_counter() - started) < seconds:
            for _ in range(batch):
                for regs in calls:
                    prepare(regs)
                    call(regs[7])
            count += batch * len(calls)
            batch = batch * 2 if spent < seconds / 8 else batch
        return count / (time.perf_counter() - started)


@functools.cache
def start() -> Recording:
    """The recording whose start is measured at."""
    return read(recordings()[RECORDING])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each figure is measured (default: 2)")
    seconds = parser.parse_args().seconds
    rows = [
        [layer, *(f"{measured(layer, start(), calls, seconds):,.0f}" for calls in CALLS.values())] for layer in LAYERS
    ]
    headers = ["layer", *(f"{name}, calls a second" for name in CALLS)]
    print(tabulate(rows, headers=headers, colalign=["left", *("right" for _ in CALLS)]))


if __name__ == "__main__":
    main()
