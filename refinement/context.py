"""The symbolic run that is under way in this process, if there is one.

Plain functions do not know whether they are run on plain or symbolic values.  What they touch (a
truth value asked for `bool`, a field, a choice, a loop) asks here for the run to report to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from refinement.explore import Run
    from refinement.terms import Term

_run: Run | None = None


def current() -> Run | None:
    """The run under way, or None when everything is plain."""
    return _run


def enter(run: Run | None) -> Run | None:
    """Make `run` the one under way; returns the one before."""
    global _run
    before, _run = _run, run
    return before


def decide(condition: Term) -> bool:
    """Settle a symbolic condition on this path: the forced side, or one side now and the other later.

    Raises RuntimeError outside of a symbolic run.
    """
    if _run is None:
        raise RuntimeError("a symbolic truth value was asked for a plain one outside of a symbolic run")
    return _run.decide(condition)
