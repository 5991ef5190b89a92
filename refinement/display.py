"""Progress while tasks run, on standard error: live on a terminal, plain lines anywhere else."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from attrs import define, field
from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from refinement.obligations import Result, Status, Task
from refinement.output import COLOURS, write_error
from refinement.report import alike


class Display(Protocol):
    """Shows how a run goes; a context manager that lasts as long as the run."""

    def __enter__(self) -> Display: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def started(self, task: Task) -> None:
        """A worker has begun with a task."""

    def finished(self, task: Task, results: Sequence[Result], seconds: float) -> None:
        """The results of a task are in."""

    def warning(self, line: str) -> None:
        """Something that the user should know, in one line."""


def display(total: int) -> Display:
    """The display for a run of `total` tasks that fits what standard error is."""
    if sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        return _Live(total)
    return _Lines(total)


@define(eq=False)
class _Lines:
    """One line for each task that is finished."""

    total: int
    done: int = 0

    def __enter__(self) -> _Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def started(self, task: Task) -> None:
        pass

    def finished(self, task: Task, results: Sequence[Result], seconds: float) -> None:
        self.done += 1
        place = f"[{self.done:>{len(str(self.total))}}/{self.total}]"
        counts = ", ".join(f"{number} {status.value}" for status, number in _counts(results))
        write_error(f"{place} {task.id}: {counts}, {seconds:.1f} s")
        for status, line in _grave(results):
            write_error(f"{' ' * len(place)} {status.value}: {line}")

    def warning(self, line: str) -> None:
        write_error(f"refine: warning: {line}")


@define(eq=False)
class _Live:
    """A bar with counts, under it the tasks that are running."""

    total: int
    counts: Counter[Status] = field(factory=Counter)
    running: dict[str, float] = field(factory=dict)
    live: Live = field(init=False)
    progress: Progress = field(init=False)

    def __attrs_post_init__(self) -> None:
        console = Console(stderr=True)
        columns = (BarColumn(bar_width=30), MofNCompleteColumn(), TextColumn("tasks"), TimeElapsedColumn())
        self.progress = Progress(*columns, console=console)
        self.progress.add_task("", total=self.total)
        self.live = Live(get_renderable=self._picture, console=console, transient=True, refresh_per_second=8)

    def __enter__(self) -> _Live:
        self.live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.stop()

    def started(self, task: Task) -> None:
        self.running[task.id] = time.monotonic()

    def finished(self, task: Task, results: Sequence[Result], seconds: float) -> None:
        self.running.pop(task.id, None)
        self.counts.update(result.status for result in results)
        self.progress.advance(self.progress.task_ids[0])
        for status, line in _grave(results):
            self.live.console.print(Text(status.value, style=COLOURS[status]).append(f" {line}", ""))

    def warning(self, line: str) -> None:
        self.live.console.print(Text(f"refine: warning: {line}", style="yellow"))

    def _picture(self) -> Group:
        counts = Text("  ").join(
            Text(f"{self.counts[status]} {status.value}", style=COLOURS[status] if self.counts[status] else "dim")
            for status in Status
        )
        now = time.monotonic()
        tasks = [Text(f"  {name}  {now - began:.0f} s", style="dim") for name, began in list(self.running.items())]
        return Group(self.progress, counts, *tasks)


def _grave(results: Sequence[Result]) -> list[tuple[Status, str]]:
    """What is to be said at once of results: a line for each that is refuted or in error, or for several alike."""
    found = []
    for group in alike(result for result in results if result.status in (Status.REFUTED, Status.ERROR)):
        first = group[0]
        line = first.obligation.id if len(group) == 1 else f"{len(group)} obligations: {first.note}"
        found.append((first.status, line))
    return found


def _counts(results: Sequence[Result]) -> list[tuple[Status, int]]:
    counted = Counter(result.status for result in results)
    return [(status, counted[status]) for status in Status if counted[status]]
