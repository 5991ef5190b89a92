"""`refine check`: what it reports, in which form, and with which exit status."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest

import refinement
from tests.cli.conftest import Refine

SCHEMA = json.loads((Path(refinement.__file__).parent / "results.schema.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("kernel", "status"),
    [
        ("good", 0),
        ("with_refuted", 1),
        ("with_all", 1),
        ("with_missing_file", 2),
        ("with_unknown", 3),
        ("with_broken", 4),
        ("with_vacuous", 4),
        ("with_forgetful", 4),
        ("with_unsendable", 4),
    ],
)
def test_exit_status_and_json(refine: Refine, kernel: str, status: int) -> None:
    done = refine("check", "--format", "json", "--jobs", "1", kernel=kernel)
    assert done.status == status
    report = json.loads(done.out)
    jsonschema.validate(report, SCHEMA)
    summary = report["summary"]
    assert summary["exit_status"] == status
    assert summary["total"] == sum(summary[name] for name in ("proved", "refuted", "unknown", "error", "not_run"))
    assert report["tasks"][0]["obligations"] == (2 if kernel == "with_all" else 3)
    assert "Traceback" not in done.out + done.err


def test_text_has_a_line_for_each_task_and_says_that_nothing_is_vacuous(refine: Refine) -> None:
    done = refine("check", kernel="good")
    rows = [line.split() for line in done.out.splitlines() if line.startswith("toy/")]
    assert [row[:4] for row in rows] == [
        ["toy/enqueue/spec-exec", "3/3", "unbounded", "3/3"],
        ["toy/dequeue/exec-c", "2/2", "unbounded", "2/2"],
    ]
    assert "5 obligations: 5 proved, 0 refuted, 0 unknown" in done.out
    assert "no obligation is vacuous: the assumptions of each were shown satisfiable, on 3 paths" in done.out
    assert sorted(line[:5] for line in done.err.splitlines()) == ["[1/2]", "[2/2]"]
    assert "claim0" not in done.out + done.err


def test_verbose_lists_all_obligations(refine: Refine) -> None:
    done = refine("check", "--verbose", kernel="good")
    assert re.search(r"^toy/dequeue/exec-c/claim1 +proved +unbounded +3 of 3 paths", done.out, re.MULTILINE)


def test_what_failed_is_told_in_full(refine: Refine) -> None:
    done = refine("check", kernel="with_refuted")
    assert "REFUTED toy/wake/exec-c/claim0" in done.out
    assert "  call: enqueue(thread=1)" in done.out
    assert "note: the solver gave up" in done.out
    assert done.out.count("tcb.state differs") == 1
    assert done.out.index("REFUTED") < done.out.index("UNKNOWN")


def test_proved_of_nothing_is_a_defect(refine: Refine) -> None:
    done = refine("check", kernel="with_vacuous")
    assert done.status == 4
    assert "a defect: proved, but on no path were its assumptions shown satisfiable" in done.out
    assert "assumptions shown satisfiable: 3 of 5; not for toy/air/spec/claim0, toy/air/spec/claim1" in done.out
    assert "no obligation is vacuous" not in done.out


def test_an_obligation_without_a_result_is_an_error(refine: Refine) -> None:
    assert "its task gave no result for it" in refine("check", kernel="with_forgetful").out


def test_markdown(refine: Refine) -> None:
    done = refine("check", "--format", "markdown", kernel="with_refuted")
    assert done.status == 1
    assert done.out.startswith("# Proof obligations of toy\n")
    assert "### `toy/wake/exec-c/claim0`: refuted" in done.out
    assert "| `toy/enqueue/spec-exec/claim0` | enqueue does as it is told. | proved " in done.out


def test_only_and_layers_choose(refine: Refine) -> None:
    for arguments in (["--only", "toy/dequeue"], ["--only", "*/exec-c/*"], ["--layers", "exec-c,c"]):
        done = refine("check", "--format", "json", *arguments, kernel="good")
        assert [o["id"] for o in json.loads(done.out)["obligations"]] == [
            "toy/dequeue/exec-c/claim0",
            "toy/dequeue/exec-c/claim1",
        ]


def test_fail_fast_leaves_the_rest(refine: Refine) -> None:
    refine("check", kernel="with_refuted")
    # The order is by the seconds of the last run; the slowest first: none is slow, so any may be left out.
    done = refine("check", "--fail-fast", "--jobs", "1", "--format", "json", kernel="with_refuted")
    summary = json.loads(done.out)["summary"]
    assert done.status == 1
    assert summary["refuted"] == 1
    assert summary["unknown"] + summary["proved"] + summary["not_run"] == 6


def test_saved_counterexamples(refine: Refine, tmp_path: Path) -> None:
    done = refine("check", "--save", str(tmp_path / "found" / "here"), kernel="with_refuted")
    assert "2 files written to" in done.err
    saved = tmp_path / "found" / "here"
    assert json.loads((saved / "toy_wake_exec_c_claim0.json").read_text(encoding="utf-8"))["task"] == "toy"
    case = saved / "test_toy_wake_exec_c_claim0.py"
    (tmp_path / "ordinary").touch()
    assert case.stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    assert len(list(saved.iterdir())) == 2
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", str(case)], capture_output=True, text=True, check=False)
    assert ran.returncode == 1, ran.stdout
    assert "1 failed" in ran.stdout


def test_what_a_task_prints_is_not_in_the_report(refine: Refine) -> None:
    done = refine("check", "--format", "json", kernel="with_talkative")
    assert json.loads(done.out)["summary"]["proved"] == 2
    assert "noise" in done.err


def test_the_json_says_what_each_worker_needed(refine: Refine) -> None:
    summary = json.loads(refine("check", "--format", "json", "--jobs", "2", kernel="good").out)["summary"]
    peaks = summary["peak_memory_mib_by_worker"]
    assert 1 <= len(peaks) <= 2
    assert summary["peak_memory_mib"] == max(peaks) > 1
