"""Work in a process of its own, which may die of it."""

from __future__ import annotations

import functools
import multiprocessing
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from attrs import frozen

Tell = Callable[[Any], None]


class Died(Exception):
    """The process ended in the middle of the work; `last` is what it told last, None if nothing."""

    def __init__(self, how: str, last: Any):
        super().__init__(how)
        self.last = last


@frozen
class _Worker:
    process: BaseProcess
    connection: Connection

    def end(self) -> str:
        """Have the process end, if it has not; says how it ended."""
        self.process.join(1)
        self.process.kill()
        self.process.join()
        self.connection.close()
        code = self.process.exitcode or 0
        return f"with {signal.Signals(-code).name}" if code < 0 else f"with status {code}"


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function gives that is run in another process; Died if that ends meanwhile.

    The function gets as its last argument one by which it can tell how far it has come.  The process is kept for the
    next time.
    """
    worker = _worker()
    last = None
    try:
        worker.connection.send((function, arguments))
        kind, content = worker.connection.recv()
        while kind == "told":
            last = content
            kind, content = worker.connection.recv()
    except (EOFError, OSError) as error:
        _worker.cache_clear()
        raise Died(worker.end(), last) from error
    except BaseException:
        _worker.cache_clear()
        worker.process.kill()
        raise
    if kind == "raised":
        raise content
    return content


@functools.cache
def _worker() -> _Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours)


def _serve(connection: Connection) -> None:
    """Do what is asked for, until nobody is there any more who could ask.  Ctrl-C is left to the one who asks."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        try:
            function, arguments = connection.recv()
        except EOFError:
            return
        try:
            connection.send(("result", function(*arguments, lambda what: connection.send(("told", what)))))
        except Exception as error:
            connection.send(("raised", error))
