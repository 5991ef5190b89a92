"""The layers agree on traces of operations, and every statement that the proofs use holds on the way."""

from __future__ import annotations

import collections
import json
import os

import pytest

from executable_model.sel4 import schedule
from impl.c.native import Native
from impl.sel4.program import program, sources
from proofs.sel4.layers import EXEC
from refinement.logic import NULL
from tests.trace import replay as replay_command
from tests.trace.lockstep import BY_NAME, LockStep, replay
from tests.trace.machine import run_traces
from tests.trace.stories import STORIES, tell

EXAMPLES = int(os.environ.get("REFINE_TRACE_EXAMPLES", "40"))

OUTCOMES = {
    "activate_thread: Restart -> Running",
    "cancel_all_ipc: BlockedOnReceive -> Restart",
    "cancel_all_ipc: BlockedOnSend -> Restart",
    "cancel_all_signals: BlockedOnNotification -> Restart",
    "cancel_badged_sends: BlockedOnSend -> Restart",
    "cancel_ipc: BlockedOnSend -> Inactive",
    "cancel_signal: BlockedOnNotification -> Inactive",
    "receive_ipc: BlockedOnSend -> BlockedOnReply",
    "receive_ipc: BlockedOnSend -> Inactive",
    "receive_ipc: BlockedOnSend -> Running",
    "receive_ipc: Running -> BlockedOnReceive",
    "receive_signal: Running -> BlockedOnNotification",
    "restart: Inactive -> Restart",
    "send_ipc: BlockedOnReceive -> Running",
    "send_ipc: Running -> BlockedOnReply",
    "send_ipc: Running -> BlockedOnSend",
    "send_ipc: Running -> Inactive",
    "send_signal: BlockedOnNotification -> Running",
    "send_signal: BlockedOnReceive -> Running",
    "suspend: BlockedOnSend -> Inactive",
    "suspend: Running -> Inactive",
}
"""What has to be seen to happen to threads."""


@pytest.fixture(scope="module")
def native():
    with Native(program(), sources()) as compiled:
        yield compiled


def test_layers_agree(native):
    seen = run_traces(native, EXAMPLES)
    for story in STORIES:
        assert tell(story, native, seen).wrong() == []
    assert set(BY_NAME) - set(seen) == set(), "operations that no trace came to"
    assert OUTCOMES - set(seen) == set(), "outcomes that no trace came to"


def test_every_word_agrees_at_the_end_of_a_story(native):
    assert tell("ticks", native).wrong(full=True) == []


def test_a_difference_of_the_compiled_program_is_found(native):
    run = tell("ready", native)
    native.write("ksReadyQueuesL1Bitmap", None, "[0]", 0)
    assert any("ksReadyQueuesL1Bitmap" in line and "native" in line for line in run.wrong())


def test_a_planted_fault_gives_a_short_trace(native, monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("REFINE_TRACES", str(tmp_path))
    right = schedule.tcb_sched_enqueue

    def wrong(s, thread):
        was_queued = s.tcb[thread].queued
        right(s, thread)
        after = s.tcb[thread].sched_next
        if not was_queued and after != NULL:
            s.tcb[after].sched_prev = NULL

    with monkeypatch.context() as fault:
        fault.setitem(EXEC.operations, "tcb_sched_enqueue", wrong)
        for module in ("schedule", "tcb", "ipc_cancel"):
            fault.setattr(f"executable_model.sel4.{module}.tcb_sched_enqueue", wrong)
        with pytest.raises(AssertionError, match=r"sched_prev|ready_links"):
            run_traces(native, 200)
        saved = tmp_path / "last.json"
        trace = json.loads(saved.read_text(encoding="utf-8"))
        assert len(trace) <= 6
        assert replay_command.main([str(saved)]) == 1
        told = capsys.readouterr().out
        assert all(f"  {step['operation']}(" in told for step in trace)
    assert replay_command.main([str(saved)]) == 0
    assert replay(trace, native).wrong() == []


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
    assert collections.Counter(tell("ready").outcomes)["restart"] == 4
