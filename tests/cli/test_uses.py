"""`refine uses`: what proofs use is told, and what none uses is an error unless it is listed with a reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli import lamps, lamps_proofs
from tests.cli.conftest import Done, Refine

DEAD = "tests.cli.lamps.mend"
NEVER = "tests.cli.lamps.invert: return"
OVERLOAD = "tests.cli.lamps.overload"
COLOUR = "lamps/upper/sound#3"
UNUSED = [NEVER, OVERLOAD, DEAD, COLOUR]

Uses = Callable[..., Done]


@pytest.fixture
def uses(refine: Refine, tmp_path: Path) -> Uses:
    """Runs `refine uses` on the lamps, with a list of what may be unused."""

    def run(*arguments: str, listed: tuple[str, ...] = (), kernel: str = "kernel") -> Done:
        file = tmp_path / "unused.toml"
        file.write_text(f"[[unused]]\nnames = {json.dumps(list(listed))}\nreason = 'So it is.'\n", encoding="utf-8")
        given = ("--exceptions", str(file), "--jobs", "1", "--kernel", f"tests.cli.lamps_proofs:{kernel}")
        return refine("uses", *given, *arguments)

    return run


def test_what_none_uses_is_an_error(uses: Uses) -> None:
    done = uses("--format", "json")
    report = json.loads(done.out)
    assert report["unused"] == UNUSED
    assert done.status == report["summary"]["exit_status"] == 1


def test_users_are_told_by_task(uses: Uses) -> None:
    report = json.loads(uses("--format", "json").out)
    users = {item["id"]: item["used_by"] for sort in ("functions", "outcomes", "conjuncts") for item in report[sort]}
    assert users["tests.cli.lamps.invert"].keys() == {"lamps/lamps/invert"}
    assert "upper/guards" in users["tests.cli.lamps.what_is_missing"]["lamps/lamps/invert"]
    assert "upper-lower/state" in users["tests.cli.lamps.invert: end"]["lamps/lamps/invert"]
    assert "upper/guards" in users["lamps/upper/sound#2"]["lamps/lamps/invert"]
    assert "lower/guards" in users["lamps/upper/sound#2"]["lamps/lamps/invert"]
    assert users["lamps/upper/sound#3"] == {"lamps/lamps/invert": ["upper/invariant/sound"]}
    assert users[DEAD] == users[NEVER] == {}


def test_text_says_where_what_is_unused_is(uses: Uses) -> None:
    done = uses("--verbose")
    assert done.status == 1
    dead, invert, sound = (
        made.__code__.co_firstlineno for made in (lamps.mend, lamps.invert, lamps_proofs.sound.holds)
    )
    assert f"UNUSED {DEAD} (tests/cli/lamps.py:{dead}): no proof comes to this function" in done.out
    assert f"UNUSED {NEVER} (tests/cli/lamps.py:{invert + 3}): no path of a proof comes to this outcome" in done.out
    assert f"UNUSED {COLOUR} (tests/cli/lamps_proofs.py:{sound + 6}): only proofs that it, or what nothing" in done.out
    assert done.out.count("UNUSED") == len(UNUSED)
    assert "lamps: used by proofs: 2 of 4 functions" in done.out


def test_what_is_listed_may_be_unused(uses: Uses) -> None:
    done = uses(listed=tuple(UNUSED))
    assert done.status == 0
    assert "UNUSED" not in done.out
    assert "unused: 0; unused for a reason: 4" in done.out
    assert "So it is." in uses("--format", "markdown", listed=tuple(UNUSED)).out


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("tests.cli.lamps.invert", "need no longer be listed as unused: it is used"),
        ("tests.cli.lamps", "need no longer be listed as unused: tests.cli.lamps.invert is used"),
        ("lamps/upper/sound", "need no longer be listed as unused: lamps/upper/sound#1 is used"),
        ("tests.cli.lamps.repair", "is listed as unused, but there is no such thing"),
    ],
)
def test_a_needless_exception_is_an_error(uses: Uses, name: str, why: str) -> None:
    done = uses(listed=(*UNUSED, name))
    assert done.status == 1
    assert f"NOT RIGHT {name} {why}" in done.out


def test_exceptions_of_other_kernels_do_not_matter(uses: Uses) -> None:
    assert uses(listed=(*UNUSED, "spec.sel4.nothing")).status == 0


def test_what_is_not_proved_uses_nothing(uses: Uses) -> None:
    done = uses(kernel="with_overload", listed=(NEVER, DEAD, COLOUR))
    assert done.status == 3
    assert "not proved, so that nothing is told of what they use: " in done.out
    assert "lamps/lamps/overload/upper/invariant/sound" in done.out


def test_of_a_part_nothing_is_called_unused(uses: Uses) -> None:
    done = uses("--only", "*/invert/upper")
    assert done.status == 0
    assert "UNUSED" not in done.out
    assert DEAD not in done.out
    assert "tests.cli.lamps.what_is_missing" in done.out


def test_a_list_that_is_not_proper_is_the_users_error(refine: Refine, tmp_path: Path) -> None:
    (tmp_path / "unused.toml").write_text("[[unused]]\nnames = ['x']\n", encoding="utf-8")
    done = refine("uses", "--exceptions", str(tmp_path / "unused.toml"), "--kernel", "tests.cli.lamps_proofs:kernel")
    assert done.status == 2
    assert "not a proper list of what may be unused" in done.err
