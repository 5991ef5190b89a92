"""How operations end: they return, with a result or without, or raise an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen


@frozen
class Outcome:
    """How an operation ended in a layer.

    `error` is the name of the error that it raised, empty if it returned; `value` is the result, or the error.
    """

    error: str = ""
    value: Any = None


@frozen
class Ending:
    """How it shows in a lower layer, not written in Python, that an operation ended in some way.

    `value(lower, result)` is the result or error, as one of the upper layer, that the state afterwards and what the
    function returned stand for; `when(lower, result)` says whether it ended so (it did, if not given).
    """

    value: Callable[[Any, Any], Any] = field(repr=False)
    when: Callable[[Any, Any], Any] | None = field(default=None, repr=False)
