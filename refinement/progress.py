"""Progress of something that takes a while, on standard error: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Protocol

from attrs import define
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from refinement.obligations import Status
from refinement.output import COLOURS, write_error


class Progression(Protocol):
    """Is told how far it has come."""

    def started(self, name: str) -> None:
        """Something is being done now."""

    def finished(self, line: str, status: Status) -> None:
        """Another part is done: a line about it, and how it ended."""

    def failed(self, message: str) -> None:
        """Another part cannot be done because of the input: a line that says why."""


@contextlib.contextmanager
def progression(total: int, unit: str) -> Iterator[Progression]:
    """Show the progress of `total` parts, each a `unit`, in the way that fits what standard error is."""
    if not (sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb"):
        yield _Lines(total)
        return
    columns = (BarColumn(bar_width=30), MofNCompleteColumn(), TextColumn(unit), TimeElapsedColumn())
    description = TextColumn("{task.description}", style="dim")
    with Progress(*columns, description, console=Console(stderr=True), transient=True) as bar:
        yield _Bar(bar, bar.add_task("", total=total))


@define
class _Lines:
    """A line for each part."""

    total: int
    done: int = 0

    def started(self, name: str) -> None:
        pass

    def finished(self, line: str, status: Status) -> None:
        self.done += 1
        write_error(f"[{self.done:>{len(str(self.total))}}/{self.total}] {line}")

    def failed(self, message: str) -> None:
        self.done += 1
        write_error(f"refine: error: {message}")


@define
class _Bar:
    """A bar; of the parts, those that did not end well are told at once."""

    bar: Progress
    task: TaskID

    def started(self, name: str) -> None:
        self.bar.update(self.task, description=name)

    def finished(self, line: str, status: Status) -> None:
        self.bar.advance(self.task)
        if status in (Status.REFUTED, Status.ERROR):
            self.bar.console.print(Text(line, style=COLOURS[status]))

    def failed(self, message: str) -> None:
        self.bar.advance(self.task)
        self.bar.console.print(Text(f"refine: error: {message}"))
