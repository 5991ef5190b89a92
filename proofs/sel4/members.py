"""Enumerations of both layers in Python, compared by the names of their members."""

from __future__ import annotations

import enum
from typing import Any

from refinement.logic import any_of


def is_in_state(value: Any, *members: enum.Enum) -> Any:
    """Whether a state, action or kind is one of the members, which stand for those of the same name in every layer."""
    if isinstance(value, enum.Enum):
        return value.name in {member.name for member in members}
    return any_of(*(value == member for member in members))
