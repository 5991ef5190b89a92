"""What solving and running tasks costs."""

from __future__ import annotations

from attrs import define, frozen


@define
class Cost:
    """Number of queries, seconds in the solver, terms lowered."""

    queries: int = 0
    seconds: float = 0.0
    lowered: int = 0


IN_PROCESS = Cost()
"""What all solvers of this process have cost so far; `lowered` is not counted here."""


@frozen
class Spent:
    """What a task took: wall seconds, queries to the solver and the seconds in it.

    `worker` is the process id, `peak_memory_mib` the most memory that this process had had by then.
    """

    seconds: float = 0.0
    queries: int = 0
    solver: float = 0.0
    worker: int = 0
    peak_memory_mib: float = 0.0
