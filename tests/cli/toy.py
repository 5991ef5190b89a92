"""Small kernels whose tasks end as their names say: nothing is proved, so they are quick.

Each function is a kernel for `--kernel tests.cli.toy:NAME`.
"""

from __future__ import annotations

import functools
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve

from refinement.errors import InputError
from refinement.obligations import Kernel, Kind, Obligation, Result, Settings, Status, Task
from refinement.recordings import Difference, Replayed, Rule, Unsupported

Make = Callable[[Obligation], Result]


def enqueue(queue: list[int], thread: int) -> list[int]:
    """Stands for the source of every operation of these kernels: what `refine explain` shows."""
    return [*queue, thread]


LOCATION = f"tests/cli/toy.py:{enqueue.__code__.co_firstlineno}"


def obligation(name: str, **other: object) -> Obligation:
    """An obligation of that id (`operation/layers/what`) below `toy`."""
    operation, layers, _ = name.split("/")
    given = {"claim": f"{operation} does as it is told.", "kind": Kind.REFINEMENT, "location": LOCATION, **other}
    return Obligation(f"toy/{name}", layers, operation, assumptions=("toy/spec/sane",), **given)  # type: ignore[arg-type]


def task(name: str, run: Callable[[Settings, tuple[Obligation, ...]], list[Result]], count: int = 2) -> Task:
    """A task of that id (`operation/layers`) with so many obligations."""
    obligations = tuple(obligation(f"{name}/claim{number}") for number in range(count))
    return Task(f"toy/{name}", obligations, lambda settings: run(settings, obligations))


def kernel_of(*tasks: Task) -> Kernel:
    """The kernel of these tasks."""
    return Kernel("toy", tasks, {"toy/spec/sane": "The world is sane."})


def proved(_settings: Settings, obligations: tuple[Obligation, ...]) -> list[Result]:
    """Everything is proved."""
    return [Result(o, Status.PROVED, seconds=0.01, paths=3, queries=2, solver=0.005, witnessed=3) for o in obligations]


def refuted(_settings: Settings, obligations: tuple[Obligation, ...]) -> list[Result]:
    """The first obligation is refuted."""
    first, *others = obligations
    counterexample = {
        "story": [
            f"{first.id}: tcb.state differs",
            "before:",
            "  tcb[1] Running → Inactive",
            "call: enqueue(thread=1)",
            "afterwards:",
            "  differs",
        ],
        "scenario": {"task": "toy", "before": {}},
        "pytest": "def test_toy():\n    assert False\n",
    }
    bad = Result(first, Status.REFUTED, paths=3, witnessed=3, note="tcb.state differs", counterexample=counterexample)
    return [bad, *proved(_settings, tuple(others))]


def unknown(_settings: Settings, obligations: tuple[Obligation, ...]) -> list[Result]:
    """Nothing is known."""
    return [Result(o, Status.UNKNOWN, paths=1, witnessed=1, note="the solver gave up") for o in obligations]


def vacuous(_settings: Settings, obligations: tuple[Obligation, ...]) -> list[Result]:
    """Said to be proved, but of nothing."""
    return [Result(o, Status.PROVED, paths=1) for o in obligations]


def forgetful(settings: Settings, obligations: tuple[Obligation, ...]) -> list[Result]:
    """The last obligation gets no result."""
    return proved(settings, obligations)[:-1]


def talkative(settings: Settings, obligations: tuple[Obligation, ...]) -> list[Result]:
    """Prints, which must not get into the report."""
    print("noise")
    return proved(settings, obligations)


def unsendable(settings: Settings, obligations: tuple[Obligation, ...]) -> list[Result]:
    """The results cannot be sent to another process."""
    return [Result(o, Status.REFUTED, counterexample={"model": lambda: None}) for o in obligations]


def broken(_settings: Settings, _obligations: tuple[Obligation, ...]) -> list[Result]:
    """A fault of the engine."""
    raise ZeroDivisionError("the engine is at fault\nin two lines")


def missing_file(_settings: Settings, _obligations: tuple[Obligation, ...]) -> list[Result]:
    """A file that the task needs is not there."""
    Path("/nowhere/tcb.c").read_text(encoding="utf-8")
    return []


def slow(settings: Settings, obligations: tuple[Obligation, ...]) -> list[Result]:
    """Takes longer than any test waits."""
    time.sleep(120)
    return proved(settings, obligations)


def killed(settings: Settings, obligations: tuple[Obligation, ...], after: int = 1_000_000) -> list[Result]:
    """The process is killed; with `after`, only so many times, counted in the folder REFINE_CACHE_DIR."""
    mark = Path(os.environ["REFINE_CACHE_DIR"]) / "killed"
    with mark.open("a") as file:
        file.write("x")
    if mark.stat().st_size <= after:
        os.kill(os.getpid(), signal.SIGKILL)
    return proved(settings, obligations)


class Replayer:
    """Replays recordings that are a word, which says how a replay ends."""

    layers = ("exec", "c")

    def read(self, content: Any) -> str:
        """The word."""
        if not isinstance(content, str):
            raise InputError("this is no word")
        return content

    def replay(self, recording: str, layer: str) -> Replayed:
        """End as the word says; what is different is so in C only."""
        done = Replayed(steps=5, compared=5, idle=1, states=4)
        rule = Rule("enqueue", LOCATION, "raises Full")
        if recording == "different" and layer == "c":
            differences = (
                Difference("T0:2", "enqueue(1)", "badge", "0", "1", rule),
                Difference("T0:2", "enqueue(1)", "T0 → queue", "nobody", "T0", rule),
                Difference("end", "", "domain", "0", "1"),
            )
            return evolve(done, differences=differences)
        if recording == "unsupported":
            return evolve(done, compared=3, unsupported=(Unsupported("T0:3", "there is no timer"),))
        if recording == "interrupted":
            raise KeyboardInterrupt
        if recording == "broken":
            raise ZeroDivisionError("the replayer is at fault")
        return done


ENQUEUE = task("enqueue/spec-exec", proved, 3)
DEQUEUE = task("dequeue/exec-c", proved)

good = functools.partial(kernel_of, ENQUEUE, DEQUEUE)
with_refuted = functools.partial(kernel_of, ENQUEUE, task("wake/exec-c", refuted), task("sleep/spec", unknown))
with_unknown = functools.partial(kernel_of, ENQUEUE, task("sleep/spec", unknown))
with_broken = functools.partial(kernel_of, ENQUEUE, task("sleep/spec", unknown), task("boom/exec", broken))
with_all = functools.partial(kernel_of, task("wake/exec-c", refuted), task("boom/exec", broken), ENQUEUE)
with_vacuous = functools.partial(kernel_of, ENQUEUE, task("air/spec", vacuous))
with_forgetful = functools.partial(kernel_of, ENQUEUE, task("lapse/spec", forgetful))
with_talkative = functools.partial(kernel_of, task("talk/spec", talkative))
with_unsendable = functools.partial(kernel_of, ENQUEUE, task("closure/spec", unsendable))
with_missing_file = functools.partial(kernel_of, ENQUEUE, task("read/c", missing_file))
with_slow = functools.partial(kernel_of, ENQUEUE, task("sloth/spec", slow))
with_killed = functools.partial(kernel_of, ENQUEUE, task("fall/c", killed), DEQUEUE)
with_killed_once = functools.partial(kernel_of, ENQUEUE, task("fall/c", functools.partial(killed, after=1)), DEQUEUE)
with_replayer = functools.partial(Kernel, "toy", (ENQUEUE,), {}, Replayer())
same_ids = functools.partial(kernel_of, ENQUEUE, ENQUEUE)
empty = functools.partial(kernel_of)
not_a_kernel = functools.partial(str)
