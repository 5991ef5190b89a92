"""Outcomes of functions: which there are, and that what a run comes to is noted, and nothing else changes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from refinement import reached
from refinement.errors import InputError

SOURCE = '''
"""A module."""

from __future__ import annotations

import enum


class Colour(enum.Enum):
    """Two of them."""

    Red = 0
    Blue = 1

    def other(self) -> Colour:
        """The other one."""
        return Colour.Blue if self == Colour.Red else Colour.Red


def sign(number: int) -> int:
    """-1, 0 or 1."""
    if number < 0:
        return -1
    elif not number:
        return 0
    return 1


def checked(number: int) -> None:
    """Raise unless the number is even."""
    for _ in range(number):
        number -= 2
        if number == 0:
            break
    if number != 0:
        raise ValueError(number)


def name(colour: Colour) -> str:
    """Its name."""
    match colour:
        case Colour.Red:
            return "red"
        case _ if colour.other() == Colour.Red:
            found = "blue"
            return found
    try:
        checked(3)
    except ValueError:
        return "odd"
    else:
        return "even"


def around() -> int:
    """What a function within gives."""

    def within() -> int:
        return 3

    return within()
'''


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Loads a module with that source, observed."""
    meta_path = list(sys.meta_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def load(name: str) -> Any:
        (tmp_path / f"{name}.py").write_text(SOURCE, encoding="utf-8")
        importlib.invalidate_caches()
        reached.observe([name])
        return importlib.import_module(name)

    yield load
    sys.meta_path[:] = meta_path


def noted(function: Callable[..., Any], *given: Any) -> set[str]:
    """What is noted of a run, without the name of the module."""
    found: set[str] = set()
    with reached.noted(found):
        function(*given)
    return {id.partition(".")[2] for id in found}


def test_all_outcomes_are_listed(module: Callable[[str], Any]) -> None:
    module("listed_by_outcomes")
    functions = reached.functions_of("listed_by_outcomes")
    listed = {
        function.id.partition(".")[2]: [outcome.id.removeprefix(f"{function.id}: ") for outcome in function.outcomes]
        for function in functions
    }
    assert listed == {
        "Colour.other": [
            "return Colour.Blue if self == Colour.Red else Colour.Red",
            "where self == Colour.Red",
            "where not self == Colour.Red",
        ],
        "sign": ["return -1", "return 0", "where number", "return 1"],
        "checked": [
            "for _ in range(number)",
            "where number == 0",
            "where not number == 0",
            "after for _ in range(number)",
            "raise ValueError(number)",
            "where not number != 0",
            "end",
        ],
        "name": ["return 'red'", "return found", "return 'odd'", "return 'even'"],
        "around": ["return 3", "return within()"],
    }
    lines = SOURCE.splitlines()
    first = functions[1].outcomes[0]
    assert lines[int(first.location.rpartition(":")[2]) - 1].strip() == "return -1"


def test_runs_note_what_they_come_to(module: Callable[[str], Any]) -> None:
    made = module("noted_by_outcomes")
    assert made.sign(5) == 1
    assert made.__doc__ == "A module."
    assert made.sign.__doc__ == "-1, 0 or 1."
    assert noted(made.sign, 0) == {"sign", "sign: return 0"}
    assert noted(made.sign, 1) == {"sign", "sign: where number", "sign: return 1"}
    other = {
        "Colour.other",
        "Colour.other: where not self == Colour.Red",
        "Colour.other: return Colour.Blue if self == Colour.Red else Colour.Red",
    }
    assert noted(made.name, made.Colour.Blue) == {"name", "name: return found"} | other
    broken_off = {"checked: for _ in range(number)", "checked: where number == 0", "checked: where not number != 0"}
    assert noted(made.checked, 2) == {"checked", "checked: end"} | broken_off


def test_what_is_loaded_already_cannot_be_observed() -> None:
    with pytest.raises(RuntimeError, match="is loaded already"):
        reached.observe(["tests.engine"])


def test_a_package_that_is_not_there_is_the_users_error() -> None:
    with pytest.raises(InputError, match="there is no package nowhere"):
        reached.functions_of("nowhere.at_all")
