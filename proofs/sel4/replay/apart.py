"""Work in a process of its own, which may die of it."""

from __future__ import annotations

import functools
import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any


class Died(Exception):
    """The process ended in the middle of the work."""


def apart(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a function gives that is run in another process; Died if that ended meanwhile.

    The process is kept for the next time.
    """
    try:
        return _pool().submit(function, *arguments).result()
    except BrokenProcessPool as error:
        _pool.cache_clear()
        raise Died from error


@functools.cache
def _pool() -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_ignore_interrupts)


def _ignore_interrupts() -> None:
    """Leave Ctrl-C to the process that waits for this one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
