"""What is known of each obligation of a task while it is run."""

from __future__ import annotations

from typing import Any

from attrs import define, field

from refinement.obligations import Obligation, Status

SEARCHES = 6
"""On how many paths on which an obligation fails a concrete counterexample is looked for."""


@define
class Tally:
    """What is known so far about one obligation of a task.

    `paths` counts the paths with goals for it, `skipped` those on which nothing that it reads was written;
    `searches` is how often a counterexample may still be looked for; `inner` says that the failure is one that
    need not show in the states afterwards; `uses` are what its proof is known to use, by what it uses it for.
    """

    obligation: Obligation
    paths: int = 0
    skipped: int = 0
    queries: int = 0
    witnessed: int = 0
    failure: str = ""
    unknown: str = ""
    fault: bool = False
    inner: bool = False
    searches: int = SEARCHES
    counterexample: dict[str, Any] | None = None
    uses: dict[str, set[str]] = field(factory=dict)

    @property
    def failed(self) -> bool:
        """Whether it is settled that the obligation is refuted or in error."""
        return self.counterexample is not None or self.fault

    def outcome(self, broken: str) -> tuple[Status, str]:
        """How the obligation ended, and a note; `broken` says what is wrong with the proof's set-up, if anything."""
        if self.failure and self.counterexample is not None:
            return Status.REFUTED, self.failure
        if broken:
            return Status.ERROR, broken
        if self.fault:
            return Status.ERROR, f"FAULT OF THE ENCODING: {self.failure}; but run plainly, nothing fails"
        if self.failure and self.inner:
            return Status.UNKNOWN, self.failure
        if self.failure:
            return Status.UNKNOWN, f"{self.failure}; no concrete counterexample was found: an invariant may be missing"
        if self.unknown:
            return Status.UNKNOWN, self.unknown
        if not self.paths + self.skipped and "/call/" in self.obligation.id:
            callee = self.obligation.id.rpartition("/")[2]
            return Status.UNKNOWN, f"no path comes to a call of {callee}: take it off the operation's calls"
        if not self.paths + self.skipped:
            return Status.ERROR, "vacuous: no path that is possible under the assumptions comes to it"
        if not self.witnessed:
            return Status.UNKNOWN, "the solver could not show that the assumptions are satisfiable"
        if not self.paths:
            return Status.PROVED, f"nothing that it reads is written on any of the {self.skipped} paths"
        return Status.PROVED, ""
