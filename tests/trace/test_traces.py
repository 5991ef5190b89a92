"""A trace in which the layers come apart is short, told, saved, and can be run again."""

from __future__ import annotations

import functools
import json

import pytest

from executable_model.sel4 import schedule
from proofs.sel4.layers import EXEC
from refinement.logic import NULL
from tests.trace import replay as replay_command
from tests.trace.lockstep import LockStep
from tests.trace.machine import run_traces
from tests.trace.stories import T1, T2, T3, tell
from tests.trace.traces import replay, shortened


@pytest.fixture
def fault(monkeypatch):
    """The model's tcb_sched_enqueue, but the thread that was first is not told who is now before it."""
    right = schedule.tcb_sched_enqueue

    @functools.wraps(right)
    def wrong(s, thread):
        was_queued = s.tcb[thread].queued
        right(s, thread)
        after = s.tcb[thread].sched_next
        if not was_queued and after != NULL:
            s.tcb[after].sched_prev = NULL

    with monkeypatch.context() as planted:
        planted.setitem(EXEC.operations, "tcb_sched_enqueue", wrong)
        for module in ("schedule", "tcb", "ipc_cancel"):
            planted.setattr(f"executable_model.sel4.{module}.tcb_sched_enqueue", wrong)
        yield planted


def test_a_planted_fault_gives_a_short_trace(fault, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("REFINE_TRACES", str(tmp_path))
    with pytest.raises(AssertionError, match=r"sched_prev|ready_links") as caught:
        run_traces(None, 200)
    (saved,) = tmp_path.glob("*.json")
    assert str(saved) in str(caught.value)
    trace = json.loads(saved.read_text(encoding="utf-8"))
    assert len(trace) <= 10
    assert replay_command.main([str(saved)]) == 1
    told = capsys.readouterr().out
    assert all(f"  {step['operation']}(" in told for step in trace)
    fault.undo()
    assert replay_command.main([str(saved)]) == 0
    assert replay(trace).wrong() == []


def test_a_trace_is_shortened_to_what_it_fails_with(fault):
    resumed = [{"operation": "restart", "arguments": {"thread": repr(thread)}} for thread in (T1, T2, T3)]
    noise = [{"operation": "reschedule_required", "arguments": {}}] * 5
    short = shortened([*noise, resumed[0], *noise, resumed[1], *noise, resumed[2]])
    assert [step["operation"] for step in short] == ["restart", "restart"]


def test_a_trace_that_does_not_fail_stays_as_it_is():
    trace = tell("ready").trace
    assert shortened(trace) == trace


@pytest.mark.parametrize(
    "content",
    [
        "[{]",
        "{}",
        "[1]",
        '[{"operation": "fly", "arguments": {}}]',
        '[{"operation": "restart", "arguments": {}}]',
        '[{"operation": "restart", "arguments": {"thread": "endpoint:1"}}]',
        '[{"operation": "restart", "arguments": {"thread": "tcb:1"}}]',
        '[{"operation": "handle_yield", "arguments": {}}]',
    ],
)
def test_what_is_no_trace_gets_one_line(content, tmp_path, capsys):
    path = tmp_path / "trace.json"
    path.write_text(content, encoding="utf-8")
    assert replay_command.main([str(path)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert "not a trace" in told[0]


def test_replay_needs_a_file(tmp_path, capsys):
    assert replay_command.main([]) == 2
    assert replay_command.main([str(tmp_path / "none.json")]) == 2
    assert "usage" in capsys.readouterr().err


def test_traces_can_be_built_without_a_compiler():
    assert LockStep().wrong() == []
    assert tell("ready").outcomes["restart"] == 4
