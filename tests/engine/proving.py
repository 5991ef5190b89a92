"""Proving operations of the toy kernels, and looking at what is not proved."""

from __future__ import annotations

from refinement.obligations import Result, Settings, Status
from refinement.prove import Operation, Stack


def results(stack: Stack, *operations: Operation) -> dict[str, Result]:
    """What comes of the obligations of the last operation, by id without what they all begin with."""
    last = f"{stack.kernel}/{operations[-1].module}/{operations[-1].name}/"
    found = [r for t in stack.tasks(operations) if t.id.startswith(last) for r in t.run(Settings())]
    return {result.obligation.id.removeprefix(last): result for result in found}


def not_proved(stack: Stack, *operations: Operation) -> set[str]:
    """The obligations of the last operation that are not proved, without what they all begin with."""
    return {id for id, result in results(stack, *operations).items() if result.status is not Status.PROVED}
