"""What goes wrong: one clear line, the documented exit status, and no finished result is lost."""

from __future__ import annotations

import json
import os
import pty
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from refinement.errors import user_message
from refinement.places import project_root
from spec.sel4.schedule import timer_tick
from tests.cli.conftest import Refine, read_terminal

Command = Callable[..., subprocess.Popen[str]]


def one_line(err: str) -> str:
    """The only line, which is no traceback."""
    lines = err.splitlines()
    assert len(lines) == 1, err
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["check", "--only", "toy/enqeue/*"],
            "no obligation matches 'toy/enqeue/*': did you mean '*/enqueue/*' or '*/dequeue/*'?",
        ),
        (["check", "--only", "zzz"], "`refine list` shows them all"),
        (["check", "--layers", "exec-d"], "'exec-d' is not one of spec, exec, c, machine, spec-exec, exec-c"),
        (["check", "--layers", "machine"], "no chosen obligation is about machine: they are about exec-c, spec-exec"),
        (["check", "--jobs", "0"], "--jobs"),
        (["check", "--timeout", "-1"], "--timeout"),
        (["check", "--format", "xml"], "'xml' is not one of 'text', 'json', 'markdown'"),
        (["check", "--wrong"], "No such option"),
        (["check", "--save", "/proc/nowhere"], "choose another folder"),
        (["explain", "toy/enqueue"], "there is no obligation 'toy/enqueue': did you mean toy/enqueue/spec-exec/claim0"),
        (["explain", "toy/enqeue/spec-exec/claim0"], "did you mean toy/enqueue/spec-exec/claim0"),
    ],
)
def test_wrong_words_on_the_command_line(refine: Refine, arguments: list[str], said: str) -> None:
    done = refine(*arguments, kernel="good")
    assert done.status == 2
    assert said in one_line(done.err)
    assert done.out == ""


def test_wrong_command(refine: Refine) -> None:
    done = refine("chek")
    assert (done.status, "see refine --help" in one_line(done.err)) == (2, True)


@pytest.mark.parametrize(
    ("kernel", "said"),
    [
        ("tests.cli.toy:nothing", "tests.cli.toy has no function nothing() that gives a Kernel"),
        ("tests.cli.toy:not_a_kernel", "tests.cli.toy.not_a_kernel gives str, not a Kernel"),
        ("tests.cli.toy:same_ids", "two tasks have the id toy/enqueue/spec-exec: ids must be unique"),
        ("tests.cli.toy:empty", "the kernel toy has no obligations"),
        ("xv6", "there is no kernel 'xv6': there is sel4"),
        ("no_such_module:kernel", "no module named 'no_such_module': install it, or correct the import"),
    ],
)
def test_wrong_kernel(refine: Refine, kernel: str, said: str) -> None:
    done = refine("list", "--kernel", kernel)
    assert done.status == 2
    assert said in one_line(done.err)


def test_syntax_error_in_a_module(refine: Refine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad_kernel.py").write_text("x = 1\ndef (\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    done = refine("check", "--kernel", "bad_kernel:kernel")
    assert done.status == 2
    assert "bad_kernel.py:2: invalid syntax: mend the syntax" in one_line(done.err)


def test_missing_file_costs_only_its_task(refine: Refine) -> None:
    done = refine("check", "--format", "json", kernel="with_missing_file")
    assert done.status == 2
    assert "there is no file /nowhere/tcb.c: restore it, or correct the path" in done.err
    summary = json.loads(done.out)["summary"]
    assert (summary["proved"], summary["error"]) == (3, 2)


def test_fault_of_the_engine_is_one_line_and_a_file(refine: Refine) -> None:
    done = refine("check", kernel="with_broken")
    (line,) = [line for line in done.err.splitlines() if line.startswith("refine:")]
    assert line.startswith("refine: internal error: ZeroDivisionError: the engine is at fault in two lines: ")
    traceback = Path(line.rpartition(" ")[2]).read_text(encoding="utf-8")
    assert "toy.py" in traceback
    assert "5 obligations" not in done.out
    assert "3 proved" in done.out


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the whole project, to damage."""
    root = tmp_path_factory.mktemp("project")
    for name in ("refinement", "spec", "executable_model", "impl", "proofs"):
        shutil.copytree(project_root() / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("int f(int x) { goto out; out: return x; }\n", "impl/sel4/src/tcb.c:{line}: goto is not in the subset: write"),
        ("int f(void) { return }\n", "impl/sel4/src/tcb.c:{line}:22: expected expression"),
        (None, "there is no C function suspend for the operation suspend: define it"),
    ],
    ids=["outside of the subset", "no C", "missing file"],
)
def test_bad_c(project: Path, command: Command, environment: dict[str, str], change: str | None, said: str) -> None:
    file = project / "impl" / "sel4" / "src" / "tcb.c"
    before = file.read_text(encoding="utf-8")
    try:
        if change is None:
            file.unlink()
        else:
            file.write_text(before + change, encoding="utf-8")
        there = {**environment, "PYTHONPATH": str(project)}
        process = command("check", "--only", "sel4/tcb/bind_notification", cwd=project, env=there)
        out, err = process.communicate(timeout=60)
    finally:
        file.write_text(before, encoding="utf-8")
    assert process.returncode == 2
    assert said.format(line=before.count("\n") + 1) in one_line(err)
    assert out == ""


def test_killed_worker_is_tried_again(refine: Refine) -> None:
    done = refine("check", "--format", "json", "--jobs", "2", kernel="with_killed_once")
    assert done.status == 0
    assert json.loads(done.out)["summary"]["proved"] == 7
    assert "toy/fall/c: its worker was ended by SIGKILL" in done.err
    assert "it will be tried once more, alone" in done.err


def test_worker_killed_twice_costs_only_its_task(refine: Refine) -> None:
    done = refine("check", "--format", "json", "--jobs", "2", kernel="with_killed")
    assert done.status == 4
    summary = json.loads(done.out)["summary"]
    assert (summary["proved"], summary["error"]) == (5, 2)
    notes = {o["note"] for o in json.loads(done.out)["obligations"] if o["status"] == "error"}
    assert len(notes) == 1
    assert "twice, the second time with nothing else running" in notes.pop()


def test_task_that_takes_too_long_is_unknown(refine: Refine) -> None:
    done = refine("check", "--task-timeout", "0.5", "--format", "json", "--jobs", "2", kernel="with_slow")
    assert done.status == 3
    assert (json.loads(done.out)["summary"]["proved"], json.loads(done.out)["summary"]["unknown"]) == (3, 2)
    assert "stopped after 0.5 s; --task-timeout allows more" in done.out


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_run_reports_what_is_finished(command: Command, number: int, status: int) -> None:
    process = command("check", "--jobs", "2", kernel="with_slow")
    assert process.stderr is not None
    assert "[1/2] toy/enqueue/spec-exec: 3 proved" in process.stderr.readline()
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    assert process.returncode == status
    assert "3 proved, 0 refuted, 0 unknown, 2 not run" in out
    assert "the run was interrupted: what is above had been finished" in out
    assert err == ""


def test_cache_that_cannot_be_written(refine: Refine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("REFINE_CACHE_DIR", str(tmp_path / "file" / "cache"))
    done = refine("check", kernel="good")
    assert done.status == 0
    (line,) = [line for line in done.err.splitlines() if line.startswith("refine:")]
    assert line.startswith("refine: warning: results are not remembered: ")
    assert line.endswith("set REFINE_CACHE_DIR to a writable folder")


def test_damaged_cache_is_as_none(refine: Refine, tmp_path: Path) -> None:
    for text in ("{", '{"format": 1, "results": 7}', "[]"):
        (tmp_path / "cache" / "last-results.json").write_text(text, encoding="utf-8")
        assert refine("list", kernel="good").status == 0
        assert refine("explain", "toy/dequeue/exec-c/claim0", kernel="good").status == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device")
def test_full_standard_output_loses_no_result(command: Command, refine: Refine) -> None:
    with open("/dev/full", "w", encoding="utf-8") as full:
        process = command("check", kernel="good", stdout=full)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 4
    assert "refine: error: standard output cannot be written: No space left on device" in err.splitlines()[-1]
    assert "status:    proved" in refine("explain", "toy/dequeue/exec-c/claim0", kernel="good").out


def test_reader_that_goes_away(command: Command) -> None:
    process = command("list", kernel="good")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(timeout=20) == 0


def test_log_that_is_not_utf8(command: Command, environment: dict[str, str]) -> None:
    process = command("check", kernel="with_refuted", env={**environment, "PYTHONIOENCODING": "ascii"})
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert "tcb[1] Running -> Inactive" in out


def test_live_progress_on_a_terminal(command: Command, environment: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    process = command("check", kernel="with_refuted", stderr=theirs, env={**environment, "TERM": "xterm"})
    os.close(theirs)
    shown = read_terminal(ours)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 1
    assert b"3/3" in shown
    assert b"tasks" in shown
    assert b"toy/wake/exec-c/claim0" in shown
    assert "\x1b" not in out


def test_a_mistake_in_a_kernel_is_the_users_to_mend():
    with pytest.raises(AttributeError) as caught:
        timer_tick(None)
    message = user_message(caught.value)
    assert message is not None
    assert message.startswith("spec/sel4/schedule.py:")
    assert message.endswith("'NoneType' object has no attribute 'current_thread': mend it")
    with pytest.raises(ZeroDivisionError) as caught_here:
        _ = 1 // len("")
    assert user_message(caught_here.value) is None, "an error of ours is not"


def test_what_is_the_same_of_all_is_told_once(refine: Refine):
    done = refine("check", kernel="with_broken")
    assert done.out.count("the engine is at fault") == 1
    assert "ERROR toy/boom/exec: 2 obligations" in done.out
