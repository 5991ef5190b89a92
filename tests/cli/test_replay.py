"""`refine replay`: what it writes and how it ends, on a kernel of words and on the real one."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Refine, read_terminal
from tests.golden.doctored import DOCTORED
from tests.golden.recordings import recordings


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """Writes files: a value as JSON, a text as it is; gives their paths."""

    def write(name: str, content: Any, text: str | None = None) -> str:
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content) if text is None else text, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["equal"], 0),
        (["equal", "different", "unsupported"], 1),
        (["equal", "unsupported"], 3),
        (["unsupported", 7], 2),
        (["different", 7], 1),
    ],
)
def test_the_gravest_of_several_outcomes_is_the_exit_status(refine: Refine, file: Any, words: list[Any], status: int):
    files = [file(str(number), word) for number, word in enumerate(words)]
    assert refine("replay", *files, kernel="with_replayer").status == status


def test_the_report_as_text(refine: Refine, file: Any):
    files = [file(word, word) for word in ("equal", "different", "unsupported")]
    done = refine("replay", *files, kernel="with_replayer")
    rows = [line.split() for line in done.out.splitlines()]
    assert ["equal", "exec", "5/5", "4"] in rows
    assert ["different", "c", "5/5", "4", "2"] in rows
    assert "from T0:3 on: there is no timer" in done.out
    details = done.out[done.out.index("DIFFERENT") :].splitlines()
    assert details[0] == "DIFFERENT different, c, step T0:2: enqueue(1)"
    assert details[1].startswith("  decided by enqueue (tests/cli/toy.py:")
    assert details[1].endswith("): raises Full")
    assert details[2:5] == ["  badge", "    kernel: 0", "    c:      1"]
    assert "step end" in done.out
    assert "decided by no rule of the specification" in done.out
    assert "3 recordings, 6 replays: 3 equal, 2 equal up to a step not supported, 1 different" in done.out
    assert "c: 13 of 15 steps compared (3 of them no thread gets to), and 12 states" in done.out
    assert [line.partition(", 0.")[0] for line in done.err.splitlines()] == [
        "[1/3] equal: exec 5 equal, c 5 equal",
        "[2/3] different: exec 5 equal, c 5 different",
        "[3/3] unsupported: exec 3 equal up to a step not supported, c 3 equal up to a step not supported",
    ]


def test_the_report_as_json_is_a_line_for_each_file_and_layer(refine: Refine, file: Any):
    files = [file(word, word) for word in ("different", "unsupported")]
    done = refine("replay", *files, "--format", "json", kernel="with_replayer")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [(line["file"], line["layer"]) for line in lines] == [
        (name, layer) for name in files for layer in ("exec", "c")
    ]
    assert all(set(line) == {"file", "layer", "steps", "compared", "differences", "unsupported"} for line in lines)
    assert lines[1]["differences"][0]["rule"]["function"] == "enqueue"
    assert lines[1]["differences"][2]["rule"] is None
    assert lines[2]["unsupported"] == [{"step": "T0:3", "reason": "there is no timer"}]
    assert (lines[2]["steps"], lines[2]["compared"]) == (5, 3)


def test_one_layer_can_be_chosen(refine: Refine, file: Any):
    done = refine("replay", file("a", "different"), "--layer", "exec", "--format", "json", kernel="with_replayer")
    assert done.status == 0
    assert [json.loads(line)["layer"] for line in done.out.splitlines()] == ["exec"]


def test_a_layer_that_the_kernel_does_not_have(refine: Refine, file: Any):
    done = refine("replay", file("a", "equal"), "--layer", "native", kernel="with_replayer")
    assert (done.status, done.out) == (2, "")
    assert done.err == "refine: error: recordings cannot be replayed on native: they can on exec, c\n"


def test_a_kernel_without_recordings(refine: Refine, file: Any):
    done = refine("replay", file("a", "equal"), kernel="good")
    assert (done.status, done.out) == (2, "")
    assert done.err == "refine: error: no recordings can be replayed of toy: its package offers no replayer\n"


def test_files_that_are_not_right_are_told_in_a_line_each_and_others_are_replayed(
    refine: Refine, file: Any, tmp_path: Path
):
    wrong = [
        file("number", 7),
        file("text", None, "no JSON"),
        file("deep", None, "[" * 100_000),
        str(tmp_path / "missing.json"),
        str(tmp_path),
    ]
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")
    wrong.append(str(tmp_path / "binary.json"))
    done = refine("replay", *wrong, file("good", "equal"), "--format", "json", kernel="with_replayer")
    assert done.status == 2
    assert [json.loads(line)["layer"] for line in done.out.splitlines()] == ["exec", "c"]
    *errors, last = done.err.splitlines()
    assert len(errors) == len(wrong)
    for name, line in zip(wrong, errors, strict=True):
        assert line.startswith(f"refine: error: {name}: ")
    assert last.startswith("[7/7] good: ")


@pytest.mark.parametrize(
    "arguments", [[], ["--layer", "spec"], ["x.json", "--layer", "asm"], ["x.json", "--format", "xml"]]
)
def test_a_wrong_command_line(refine: Refine, arguments: list[str]):
    done = refine("replay", *arguments)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("refine: error: ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(("word", "status", "told"), [("interrupted", 130, "interrupted"), ("broken", 4, "at fault")])
def test_what_was_done_is_reported_even_if_the_rest_cannot_be(
    refine: Refine, file: Any, word: str, status: int, told: str
):
    done = refine("replay", file("first", "equal"), file("second", word), kernel="with_replayer")
    assert done.status == status
    assert "1 recording, 2 replays: 2 equal" in done.out
    assert told in done.err


def test_on_a_terminal_there_is_a_bar_and_what_is_different_at_once(
    command: Callable[..., subprocess.Popen[str]], environment: Mapping[str, str], file: Any
):
    files = [file("one", "equal"), file("two", "different")]
    ours, theirs = pty.openpty()
    surroundings = {**environment, "TERM": "xterm", "COLUMNS": "100"}
    arguments = ("replay", *files, "no.json", "--format", "json")
    process = command(*arguments, kernel="with_replayer", stderr=theirs, env=surroundings)
    os.close(theirs)
    shown = read_terminal(ours).decode()
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert [json.loads(line)["layer"] for line in out.splitlines()] == ["exec", "c", "exec", "c"]
    assert "3/3" in shown
    assert "two: exec 5 equal, c 5 different" in shown
    assert "refine: error: no.json: it cannot be read" in shown
    assert "one: exec" not in shown


def test_help_says_what_is_compared(refine: Refine):
    done = refine("replay", "--help")
    assert done.status == 0
    assert "counts as compared" in " ".join(done.out.split())
    assert "3  something is not supported yet" in done.out


def test_recordings_of_the_real_kernel(refine: Refine, file: Any):
    names = ("invoke-bad-cptr-call-fault", "ipc-call-reply")
    files = [file(name, recordings()[name]) for name in names]
    done = refine("replay", *files, "--format", "json")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert done.status == 3
    assert [line["layer"] for line in lines] == ["spec", "exec", "c", "native"] * 2
    assert all(line["differences"] == [] for line in lines)
    assert all((line["steps"], line["compared"], line["unsupported"]) == (2, 2, []) for line in lines[:4])
    assert all((line["steps"], line["compared"]) == (14, 5) for line in lines[4:])
    assert {entry["step"] for line in lines[4:] for entry in line["unsupported"]} == {"T0:5"}


def test_a_doctored_recording_of_the_real_kernel(refine: Refine, file: Any):
    doctored = next(entry for entry in DOCTORED if entry.what == "error")
    done = refine("replay", file("doctored", doctored.content()))
    assert done.status == 1
    for layer in ("spec", "exec", "c", "native"):
        assert f"DIFFERENT doctored, {layer}, step T0:11: Call of capability 2, CNodeMint, with " in done.out
    assert "(spec/sel4/cnode.py:" in done.out
    assert "raises SyscallError IllegalOperation" in done.out
    assert "    kernel: NoError\n" in done.out


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([], "it is no object of JSON"),
        ({}, "'format' is missing"),
        ({"format": 2}, "its format is 2, and 1 is the one that is known"),
        ({"format": 1}, "'symbols' is missing"),
    ],
)
def test_what_is_no_recording_of_the_real_kernel(refine: Refine, file: Any, content: Any, told: str):
    name = file("bad", content)
    done = refine("replay", name)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"refine: error: {name}: this is no recording that can be replayed: {told}\n"
