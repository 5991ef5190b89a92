"""Runs tasks on worker processes, so that no task can take the others' results with it.

A worker that dies (killed, out of memory, crashed in a native library) costs only the task it was at:
that one is tried once more when nothing else runs, and then reported as an error.  A task that takes
longer than its wall-clock guard is stopped and reported as unknown.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Protocol

from attrs import define, evolve, field, frozen

from refinement.cost import Spent
from refinement.obligations import Result, Settings, Status, Task
from refinement.registry import Source
from refinement.worker import Answer, Failure, Ready, serve

START_ATTEMPTS = 3
"""A worker that cannot even start dies at every attempt: give up after this many in a row."""

VACUOUS = "a defect: proved, but on no path were its assumptions shown satisfiable"
"""The note of an obligation that a task says is proved though it may be so of nothing."""


class Observer(Protocol):
    """Who is told how the run goes."""

    def started(self, task: Task) -> None:
        """A worker has begun with a task."""

    def finished(self, task: Task, results: Sequence[Result], seconds: float) -> None:
        """The results of a task are in."""

    def warning(self, line: str) -> None:
        """Something that the user should know, in one line."""


@frozen
class Limits:
    """What a run may use: worker processes at a time, wall seconds for one task."""

    jobs: int
    task_seconds: float


@define
class Outcome:
    """What came of a run: results by task id, and what they took, for the tasks that were finished.

    `failures` are the exceptions behind results that are errors; `interrupted` the signal that ended
    the run early.
    """

    results: dict[str, list[Result]] = field(factory=dict)
    spent: dict[str, Spent] = field(factory=dict)
    failures: list[Failure] = field(factory=list)
    interrupted: int | None = None


@define(eq=False)
class _Worker:
    process: BaseProcess
    connection: Connection
    task: Task | None = None
    ready: bool = False
    began: float = 0.0


def run(
    tasks: Sequence[Task],
    sources: tuple[Source, ...],
    settings: Settings,
    limits: Limits,
    observer: Observer,
    known_seconds: Mapping[str, float],
) -> Outcome:
    """Run every task, those known to take longest first, and those not known before them.

    With `settings.fail_fast` the run ends at the first task with an obligation refuted or in error.
    SIGINT and SIGTERM end it as well; what is finished by then is in the outcome.
    """
    order = sorted(tasks, key=lambda task: -known_seconds.get(task.id, float("inf")))
    pool = _Pool(sources, settings, limits, observer, deque(order))
    with _signals(pool):
        try:
            pool.work()
        finally:
            pool.close()
    return pool.outcome


@define(eq=False)
class _Pool:
    sources: tuple[Source, ...]
    settings: Settings
    limits: Limits
    observer: Observer
    waiting: deque[Task]
    suspects: deque[Task] = field(factory=deque)
    workers: list[_Worker] = field(factory=list)
    outcome: Outcome = field(factory=Outcome)
    failed_starts: int = 0
    stopped: bool = False
    # Signal handlers only write here, so that they cannot interrupt the reading of a result.
    alarms: tuple[Connection, Connection] = field(factory=lambda: multiprocessing.Pipe(duplex=False))

    def work(self) -> None:
        while not self.stopped and (self.waiting or self.suspects or self._busy()):
            self._hand_out()
            self._listen()
        # What had been finished when the run was ended is not thrown away.
        for worker in self._busy():
            if worker.connection.poll():
                self._receive(worker)

    def close(self) -> None:
        for worker in list(self.workers):
            self._discard(worker)
        for end in self.alarms:
            end.close()

    def interrupt(self, number: int) -> None:
        """End the run because of a signal; safe to call from its handler."""
        self.outcome.interrupted = number
        self.stopped = True
        with contextlib.suppress(OSError):
            self.alarms[1].send_bytes(b"!")

    def _busy(self) -> list[_Worker]:
        return [worker for worker in self.workers if worker.task is not None]

    def _hand_out(self) -> None:
        while self.waiting and len(self._busy()) < self.limits.jobs:
            idle = next((worker for worker in self.workers if worker.task is None), None)
            self._give(idle or self._start(), self.waiting.popleft())
        if not self.waiting and self.suspects and not self._busy():
            # Alone: the memory of the idle workers is given back first.
            for worker in list(self.workers):
                self._discard(worker)
            self._give(self._start(), self.suspects[0])

    def _start(self) -> _Worker:
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        process = context.Process(target=serve, args=(theirs, self.sources), daemon=True)
        with _environment_of_workers():
            process.start()
        theirs.close()
        worker = _Worker(process, ours)
        self.workers.append(worker)
        return worker

    def _give(self, worker: _Worker, task: Task) -> None:
        worker.task, worker.began = task, time.monotonic()
        # A worker that is already dead is noticed by its end of the connection.
        with contextlib.suppress(OSError):
            worker.connection.send((task.id, self.settings))
        self.observer.started(task)

    def _listen(self) -> None:
        busy = self._busy()
        if not busy:
            return
        next_deadline = min(worker.began for worker in busy) + self.limits.task_seconds
        timeout = max(0.0, next_deadline - time.monotonic())
        by_connection = {worker.connection: worker for worker in busy}
        for ready in wait([*by_connection, self.alarms[0]], timeout):
            if isinstance(ready, Connection) and ready in by_connection:
                self._receive(by_connection[ready])
        if self.stopped:
            return
        now = time.monotonic()
        for worker in self._busy():
            if now >= worker.began + self.limits.task_seconds and not worker.connection.poll():
                self._timed_out(worker)

    def _receive(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError, pickle.UnpicklingError):
            self._died(worker)
            return
        if isinstance(message, Ready):
            worker.ready, worker.began, self.failed_starts = True, time.monotonic(), 0
        elif isinstance(message, Answer):
            self._answered(worker, message)
        else:
            self._cannot_start(message)

    def _answered(self, worker: _Worker, answer: Answer) -> None:
        task, worker.task = worker.task, None
        assert task is not None
        if answer.failure is None:
            self._finish(task, _matched(task, answer.results, self.settings), answer.spent)
            return
        self.outcome.failures.append(answer.failure)
        self._finish(task, _all(task, Status.ERROR, answer.failure.message), answer.spent)

    def _died(self, worker: _Worker) -> None:
        task = worker.task
        assert task is not None
        self._discard(worker, grace=1.0)
        how = _end_of(worker.process.exitcode)
        if not worker.ready:
            self.failed_starts += 1
            if self.failed_starts >= START_ATTEMPTS:
                self._cannot_start(Failure(f"workers do not start: {how}", False, ""))
                return
        if task in self.suspects:
            note = f"its worker was {how} twice, the second time with nothing else running"
            self.observer.warning(f"{task.id}: {note}")
            self._finish(task, _all(task, Status.ERROR, note), _spent_by(worker))
        else:
            self.observer.warning(f"{task.id}: its worker was {how}; it will be tried once more, alone")
            self.suspects.append(task)

    def _timed_out(self, worker: _Worker) -> None:
        task = worker.task
        assert task is not None
        self._discard(worker)
        note = f"stopped after {self.limits.task_seconds:g} s; --task-timeout allows more"
        self._finish(task, _all(task, Status.UNKNOWN, note), _spent_by(worker))

    def _cannot_start(self, failure: Failure) -> None:
        """No worker can load the kernel: whatever is left is an error."""
        self.outcome.failures.append(failure)
        left = [*(worker.task for worker in self._busy() if worker.task is not None), *self.waiting, *self.suspects]
        for task in left:
            if task.id not in self.outcome.results:
                self._finish(task, _all(task, Status.ERROR, failure.message), Spent())
        self.stopped = True

    def _finish(self, task: Task, results: list[Result], spent: Spent) -> None:
        if task in self.suspects:
            self.suspects.remove(task)
        self.outcome.results[task.id] = results
        self.outcome.spent[task.id] = spent
        self.observer.finished(task, results, spent.seconds)
        bad = any(result.status in (Status.REFUTED, Status.ERROR) for result in results)
        if self.settings.fail_fast and bad:
            self.stopped = True

    def _discard(self, worker: _Worker, grace: float = 0.0) -> None:
        """End a worker; `grace` lets one that is dying tell how."""
        self.workers.remove(worker)
        worker.connection.close()
        worker.process.join(grace)
        worker.process.kill()
        worker.process.join()


def _matched(task: Task, results: list[Result], settings: Settings) -> list[Result]:
    """The results, with an error for each obligation that has none, and for each that may be vacuous.

    Under fail-fast a task may end at its first failure; what it left out counts as not run.
    """
    results = [_not_vacuous(result) for result in results]
    have = {result.obligation.id for result in results}
    missing = [obligation for obligation in task.obligations if obligation.id not in have]
    if settings.fail_fast and any(result.status is not Status.PROVED for result in results):
        return results
    return [
        *results,
        *(Result(obligation, Status.ERROR, note="its task gave no result for it") for obligation in missing),
    ]


def _not_vacuous(result: Result) -> Result:
    if result.status is not Status.PROVED or result.witnessed:
        return result
    return evolve(result, status=Status.ERROR, note=f"{VACUOUS} ({result.note})" if result.note else VACUOUS)


def _spent_by(worker: _Worker) -> Spent:
    """What a worker that gave no answer has taken for its task."""
    return Spent(seconds=time.monotonic() - worker.began)


def _all(task: Task, status: Status, note: str) -> list[Result]:
    return [Result(obligation, status, note=note) for obligation in task.obligations]


def _end_of(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        with contextlib.suppress(ValueError):
            name = signal.Signals(-exitcode).name
            hint = " (is memory short? try fewer --jobs)" if name == "SIGKILL" else ""
            return f"ended by {name}{hint}"
    return f"ended with exit status {exitcode}"


@contextlib.contextmanager
def _signals(pool: _Pool) -> Iterator[None]:
    """SIGINT and SIGTERM end the run in order while this lasts."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda received, _frame: pool.interrupt(received)) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextlib.contextmanager
def _environment_of_workers() -> Iterator[None]:
    """What a worker is born with: no ear for Ctrl-C, which is the parent's; sets in the same order in every run."""
    seed = os.environ.get("PYTHONHASHSEED")
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if main else None
    try:
        yield
    finally:
        if main:
            signal.signal(signal.SIGINT, before)
        if seed is None:
            del os.environ["PYTHONHASHSEED"]
