"""Traces kept in files: found, saved and run again; what is no trace is told in one line."""

from __future__ import annotations

import copy
import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from executable_model.sel4 import schedule
from proofs.sel4.layers import EXEC, C
from proofs.sel4.stack import OPERATIONS, STACK
from refinement import trace
from refinement.errors import InputError
from refinement.logic import NULL
from refinement.trace import Run, Trace, TraceFailure, Twin
from tests.trace.lockstep import ENDPOINTS, THREADS, LockStep

RESUMED = (*(("restart", {"thread": thread}) for thread in THREADS[1:4]), ("schedule", {}), ("activate_thread", {}))


def begin() -> dict[str, Any]:
    made = LockStep()
    return {"spec": made.spec, "exec": made.model, "c": made.memory}


def run_of(steps: Any, twins: tuple[Twin, ...] = ()) -> Run:
    run = Run(STACK, OPERATIONS, begin, twins)
    for name, arguments in steps:
        assert run.allowed(name, arguments)
        run.step(name, arguments)
    run.finish()
    return run


@pytest.fixture(scope="module")
def resumed() -> Trace:
    """A trace on which all layers agree."""
    return run_of(RESUMED).trace()


@pytest.fixture
def saved(resumed: Trace, tmp_path: Path) -> Path:
    """Its file."""
    path = tmp_path / "trace.json"
    trace.save(resumed, path)
    return path


@pytest.fixture(scope="module", autouse=True)
def _kernels_loaded_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trace, "stack_of", functools.cache(trace.stack_of))
        yield


def test_a_trace_is_read_as_it_was_saved(resumed: Trace, saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert trace.read(saved) == resumed
    assert trace.main([str(saved)]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert shown[0] == "restart(thread=tcb[1])"
    assert shown[-1] == "all layers agree"


def _no_back_link(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the model's enqueue forget the link from the old head to the new one."""
    right = schedule.tcb_sched_enqueue

    @functools.wraps(right)
    def wrong(s: Any, thread: Any) -> None:
        queued = s.tcb[thread].queued
        right(s, thread)
        if not queued and s.tcb[thread].sched_next != NULL:
            s.tcb[s.tcb[thread].sched_next].sched_prev = NULL

    monkeypatch.setitem(EXEC.operations, "tcb_sched_enqueue", wrong)
    monkeypatch.setattr("executable_model.sel4.schedule.tcb_sched_enqueue", wrong)
    monkeypatch.setattr("executable_model.sel4.tcb.tcb_sched_enqueue", wrong)


def test_a_planted_fault_is_saved_and_found_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as planted:
        _no_back_link(planted)
        with pytest.raises(TraceFailure, match="ready_links") as caught, trace.saving(tmp_path):
            run_of(RESUMED)
        path = tmp_path / "sel4-restart.json"
        assert caught.value.__notes__ == [f"to run it again: python -m refinement.trace {path}"]
        found = trace.read(path)
        assert found == caught.value.trace
        assert len(found.steps) <= 3
        assert trace.replay(found, STACK, OPERATIONS) == found.failures
        assert trace.main([str(path)]) == 1
        assert "exec/ready_links does not hold of tcb[1]" in capsys.readouterr().out
    assert trace.replay(found, STACK, OPERATIONS) == ()
    assert trace.main([str(path)]) == 0
    assert "all layers agree; it was saved because " in capsys.readouterr().out


def test_a_twin_that_differs_is_found() -> None:
    memory = begin()["c"]

    def execute(operation: str, arguments: Any) -> None:
        if operation != "activate_thread":
            C.execute(memory, operation, arguments)

    with pytest.raises(TraceFailure, match=r"copy: tcb\.state") as caught:
        run_of(RESUMED, (Twin("copy", "c", memory, execute),))
    assert all(failure.startswith("copy: ") for failure in caught.value.trace.failures)


def test_a_layer_that_stops_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(s: Any) -> None:
        raise KeyError("gone")

    monkeypatch.setitem(EXEC.operations, "schedule", stop)
    with pytest.raises(TraceFailure, match="exec stops with KeyError"):
        run_of(RESUMED)


def test_what_no_operation_touches_is_compared_in_the_end() -> None:
    run = Run(STACK, OPERATIONS, begin)
    run.states["c"].write("ksReadyQueues", None, "[9][200].head", THREADS[1].number)
    run.step("schedule", {})
    with pytest.raises(TraceFailure, match=r"ready_queue\.head\[9, 200\]"):
        run.finish()


def _without(*path: Any) -> Any:
    return lambda data: _inside(data, path[:-1]).pop(path[-1])


def _with(value: Any, *path: Any) -> Any:
    return lambda data: _inside(data, path[:-1]).__setitem__(path[-1], value)


def _inside(data: Any, path: Any) -> Any:
    for step in path:
        data = data[step]
    return data


THREAD = ("steps", 0, "arguments", "thread")
DAMAGES = {
    "no format": (_without("format"), "not a trace: the format is None"),
    "other format": (_with(99, "format"), "not a trace: the format is 99"),
    "no steps": (_without("steps"), "not a trace: steps is not a list"),
    "step": (_with(7, "steps", 1), "not a trace: step 2 is not an object"),
    "no arguments": (_without("steps", 0, "arguments"), "not a trace: the arguments of step 1 is not an object"),
    "kernel": (_with("proofs.sel4:kernel", "kernel"), "there is no kernel 'proofs.sel4:kernel'"),
    "operation": (_with("halt", "steps", 0, "operation"), "step 1: the kernel has no operation 'halt'"),
    "parameter": (_without(*THREAD), "step 1: restart takes the arguments thread"),
    "kind": (_with(repr(ENDPOINTS[0]), *THREAD), "expected a reference to a tcb"),
    "object": (_with("tcb:16", *THREAD), "there is no tcb:16"),
    "null": (_with("NULL", *THREAD), "a tcb is needed"),
    "precondition": (
        _with({"operation": "handle_yield", "arguments": {}}, "steps", 0),
        "step 1: the precondition of handle_yield does not hold any more",
    ),
    "layer": (_without("start", "exec"), "there is no 'exec'"),
    "global": (_without("start", "c", "ksCurThread"), "there is no 'ksCurThread'"),
    "state": (_with("Asleep", "start", "spec", "tcb", repr(THREADS[1]), "state"), "there is no 'Asleep'"),
    "unrelated": (_with(9, "start", "exec", "domain_time"), "at its start domain_time: spec 3, exec 9"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_trace_is_told_in_a_line(name: str, saved: Path, capsys: pytest.CaptureFixture[str]) -> None:
    damage, told = DAMAGES[name]
    data = json.loads(saved.read_text(encoding="utf-8"))
    damage(data)
    saved.write_text(json.dumps(data), encoding="utf-8")
    assert trace.main([str(saved)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith(f"{saved}: ")
    assert told in shown.err
    assert shown.err.count("\n") == 1


@pytest.mark.parametrize("text", ["", "[{]", "[]", "null", "\x00", "[" * 100_000])
def test_what_is_no_trace_is_told_in_a_line(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "trace.json"
    path.write_text(text, encoding="utf-8")
    assert trace.main([str(path)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_file_that_cannot_be_read_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\xff")
    for path in (tmp_path, tmp_path / "none", tmp_path / "bytes"):
        assert trace.main([str(path)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert trace.main([]) == 2


BADGE = ("badge", 1 << 32)
SEND = {
    "blocking": True, "call": False, "badge": 1, "can_grant": False, "can_grant_reply": False,
    "thread": repr(THREADS[1]), "endpoint": repr(ENDPOINTS[0]),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [BADGE, ("badge", -1), ("badge", True), ("call", 1), ("badge", "1")])
def test_an_argument_of_another_type_is_refused(name: str, value: Any, saved: Path) -> None:
    good = trace.read(saved)
    changed = trace.Step("send_ipc", {**copy.deepcopy(SEND), name: value})
    with pytest.raises(InputError, match=f"argument {name} of send_ipc"):
        trace.replay(Trace(good.kernel, good.start, (*good.steps, changed)), STACK, OPERATIONS)
