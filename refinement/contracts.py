"""What a proof of a caller may use of an operation that is proved on its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import field, frozen

from refinement.outcomes import Outcome


@frozen
class Ensures:
    """What an operation guarantees beyond the invariants: `holds(before, after, arguments, *objects)`.

    It holds for all objects of `kinds` that exist, and is stated alike on the states of any layer in Python;
    `arguments` are the operation's, by name.  If it is `of` the "result", or of an error by its name, it is about the
    calls that end so, and is given that too: `holds(before, after, arguments, result, *objects)`.
    """

    id: str
    kinds: tuple[str, ...]
    prose: str
    holds: Callable[..., Any] = field(repr=False)
    of: str = ""

    def applies(self, outcome: Outcome) -> bool:
        """Whether it is about calls that end so."""
        return self.of in ("", outcome.error or "result")

    def given(self, outcome: Outcome) -> tuple[Any, ...]:
        """What it is given of how the call ended."""
        return (outcome.value,) if self.of else ()


@frozen
class Requires:
    """What an operation needs at its start of all objects of `kinds` that exist: `holds(s, arguments, *objects)`.

    It is stated on the states of one layer.  That it holds in a layer follows from what is required above.
    """

    layer: str
    kinds: tuple[str, ...]
    prose: str
    holds: Callable[..., Any] = field(repr=False)


@frozen
class Contract:
    """How an operation can be called: what it needs of the state, and what it leaves as it is.

    - `relies`: ids of the invariants and of the relation's facts that its proof uses, and that its callers must
      have established; all of them if not given.
    - `waives`: for the id of an invariant about one object, the argument that need not satisfy it at the call.
    - `breaks`: for the id of an invariant about one object, the argument that need not satisfy it afterwards.
    - `modifies`: the maps that it may write, as `layer:path` (`exec:tcb.queued`), or as `layer:path[n]` for
      those places in an array whose index is n; any, if not given.  Nothing else changes.
    - `ensures`: what else is known afterwards.
    """

    relies: tuple[str, ...] | None = None
    waives: Mapping[str, str] = field(factory=dict)
    breaks: Mapping[str, str] = field(factory=dict)
    modifies: tuple[str, ...] | None = None
    ensures: tuple[Ensures, ...] = ()

    def relies_on(self, id: str) -> bool:
        """Whether the operation needs the statement of that id to hold at the call."""
        return self.relies is None or id in self.relies

    def may_change(self, names: set[str]) -> bool:
        """Whether one of the maps of these names can be another one after the operation."""
        return self.modifies is None or any(place(entry)[0] in names for entry in self.modifies)


def place(entry: str) -> tuple[str, int | None]:
    """The map that an entry of `modifies` names, and the last index if it names one."""
    head, bracket, tail = entry.rpartition("[")
    return (head, int(tail[:-1])) if bracket and tail[:-1].isdigit() else (entry, None)
