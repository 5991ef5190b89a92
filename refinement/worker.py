"""A worker process: loads the kernel once, then runs the tasks that it is told to, by id."""

from __future__ import annotations

import os
import pickle
import sys
import threading
import time
import traceback
from multiprocessing import parent_process
from multiprocessing.connection import Connection

from attrs import frozen

from refinement.cost import IN_PROCESS, Spent
from refinement.errors import user_message
from refinement.obligations import Result, Settings, Task
from refinement.registry import Source, load


@frozen
class Failure:
    """An exception in a worker: one line, whether it comes of the input, and the traceback."""

    message: str
    is_input: bool
    traceback: str


@frozen
class Ready:
    """The worker has loaded the kernel."""


@frozen
class Answer:
    """What came of one task: its results, or a failure; and what it took."""

    task: str
    results: list[Result]
    failure: Failure | None
    spent: Spent


def serve(connection: Connection, sources: tuple[Source, ...]) -> None:
    """Answer each `(task id, Settings)` that comes in; end when the connection or the parent does."""
    # Whatever a task prints must not get between the results on standard output.
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        tasks = {task.id: task for source in sources for task in load(source).tasks}
    except Exception as error:
        connection.send(_failure(error))
        return
    connection.send(Ready())
    while True:
        try:
            name, settings = connection.recv()
        except EOFError:
            return
        connection.send_bytes(_run(name, tasks.get(name), settings))


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _run(name: str, task: Task | None, settings: Settings) -> bytes:
    """The pickled answer to one request."""
    start = time.perf_counter()
    queries, solver = IN_PROCESS.queries, IN_PROCESS.seconds
    results: list[Result] = []
    failure = None
    try:
        if task is None:
            raise LookupError(f"the kernel has no task {name} when it is loaded again: its ids are not stable")
        results = list(task.run(settings))
    except Exception as error:
        failure = _failure(error)
    spent = Spent(
        seconds=time.perf_counter() - start,
        queries=IN_PROCESS.queries - queries,
        solver=IN_PROCESS.seconds - solver,
        worker=os.getpid(),
        peak_memory_mib=peak_memory_mib(),
    )
    try:
        return pickle.dumps(Answer(name, results, failure, spent))
    except Exception as error:
        # A result that holds something that cannot be sent, such as a solver's term.
        return pickle.dumps(Answer(name, [], _failure(error), spent))


def _failure(error: Exception) -> Failure:
    message = user_message(error)
    text = message or " ".join(f"{type(error).__name__}: {error}".split())
    return Failure(text, message is not None, "".join(traceback.format_exception(error)))


def peak_memory_mib() -> float:
    """The most memory this process has had resident, in MiB.

    The kernel's own count of this program is preferred: `getrusage` also counts what the parent had
    when it started this process.
    """
    try:
        with open("/proc/self/status", encoding="ascii", errors="replace") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) / 1024
    except (OSError, ValueError, IndexError):
        pass
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024
