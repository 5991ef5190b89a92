"""`refine list`, `explain`, `trust`, and the help."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from refinement.places import project_root
from tests.cli.conftest import Refine
from tests.cli.toy import LOCATION


def test_list(refine: Refine) -> None:
    done = refine("list", "--only", "toy/dequeue", kernel="good")
    assert done.status == 0
    assert [line.split() for line in done.out.splitlines()[1:]] == [
        ["toy/dequeue/exec-c/claim0", "refinement", "unbounded", "-"],
        ["toy/dequeue/exec-c/claim1", "refinement", "unbounded", "-"],
    ]
    refine("check", kernel="good")
    assert refine("list", kernel="good").out.count(" proved") == 5


def test_list_as_json(refine: Refine) -> None:
    listed = json.loads(refine("list", "--format", "json", kernel="good").out)
    assert (listed["schema"], listed["kernel"], len(listed["obligations"])) == (1, "toy", 5)
    assert listed["obligations"][0]["location"] == LOCATION


def test_explain(refine: Refine) -> None:
    before = refine("explain", "toy/wake/exec-c/claim0", kernel="with_refuted")
    assert before.status == 0
    assert "claim:     wake does as it is told." in before.out
    assert "toy/spec/sane: The world is sane." in before.out
    assert "last result: none yet; `refine check` makes one" in before.out
    assert "  def enqueue(queue: list[int], thread: int) -> list[int]:" in before.out
    refine("check", kernel="with_refuted")
    after = refine("explain", "toy/wake/exec-c/claim0", kernel="with_refuted")
    assert "status:    refuted" in after.out
    assert "call: enqueue(thread=1)" in after.out


def test_results_of_obligations_that_are_gone_are_forgotten(refine: Refine, tmp_path: Path) -> None:
    refine("check", kernel="with_refuted")
    refine("check", kernel="good")
    kept = json.loads((tmp_path / "cache" / "last-results.json").read_text(encoding="utf-8"))
    assert all(name.startswith(("toy/enqueue", "toy/dequeue")) for name in kept["results"])


def test_the_kernel_can_be_chosen_by_the_environment(refine: Refine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFINE_KERNEL", "tests.cli.toy:good")
    assert "toy/dequeue/exec-c/claim0" in refine("list").out


def test_the_real_kernel_is_found_and_explained(refine: Refine) -> None:
    done = refine("explain", "sel4/endpoint/send_ipc/exec-c/state")
    assert done.status == 0
    assert "impl/sel4/src/endpoint.c" in done.out
    assert "sel4/endpoint/send_ipc/requires" in done.out


def test_trust_prints_the_ledger(refine: Refine) -> None:
    page = (project_root() / "proofs" / "TRUSTED.md").read_text(encoding="utf-8")
    assert refine("trust").out == page


@pytest.mark.parametrize("arguments", [[], ["check"], ["list"], ["explain"], ["replay"], ["trust"]])
def test_help_has_examples(refine: Refine, arguments: list[str]) -> None:
    done = refine(*arguments, "--help")
    assert done.status == 0
    assert "Examples:\n  " in done.out
    assert "refine " + " ".join(arguments) in done.out


def test_help_says_the_exit_statuses(refine: Refine) -> None:
    done = refine("check", "-h")
    assert "Exit status:\n" in done.out
    assert "130, 143  ended by Ctrl-C, by SIGTERM" in done.out


def test_version(refine: Refine) -> None:
    assert refine("--version").out.startswith("refine, version ")
