"""The layers agree on traces of operations, and every statement that the proofs use holds on the way."""

from __future__ import annotations

import collections
import json

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from executable_model.sel4 import schedule
from impl.c.native import Native
from impl.sel4.program import program, sources
from refinement.logic import NULL
from tests.trace import replay as replay_command
from tests.trace.lockstep import BY_NAME, THREADS, LockStep, candidates, replay

EXERCISED: collections.Counter[str] = collections.Counter()
NAMES = [*BY_NAME, *("schedule", "activate_thread", "restart", "send_ipc", "receive_ipc", "receive_signal") * 3]


@pytest.fixture(scope="module")
def native():
    with Native(program(), sources()) as compiled:
        yield compiled


def machine(native):
    class Layers(RuleBasedStateMachine):
        def __init__(self):
            super().__init__()
            self.run = LockStep(native)

        @rule(data=st.data(), name=st.sampled_from(NAMES))
        def step(self, data, name):
            possible = candidates(self.run, name)
            if possible:
                self.run.step(name, data.draw(st.sampled_from(possible)))
                EXERCISED[name] += 1

        def teardown(self):
            assert self.run.wrong(full=True) == []

    return Layers


CALM = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def run_machine(native, examples):
    run_state_machine_as_test(
        machine(native),
        settings=settings(
            max_examples=examples, stateful_step_count=40, deadline=None, suppress_health_check=CALM, database=None,
            print_blob=False,
        ),
    )  # fmt: skip


DIRECTED = (
    (("restart", 1), ("schedule",), ("handle_yield",)),
    (("restart", 1), ("schedule",), ("activate_thread",), ("receive_signal", 1), ("cancel_signal", 1)),
    (("restart", 1), ("schedule",), ("activate_thread",), ("timer_tick",), ("schedule",)),
)
"""Traces to what random ones seldom come to: operations, each with the number of its thread."""


def test_layers_agree(native):
    for trace in DIRECTED:
        run = LockStep(native)
        for name, *thread in trace:
            wanted = [a for a in candidates(run, name) if not thread or a["thread"] == THREADS[thread[0]]]
            run.step(name, next(a for a in wanted if a.get("blocking", True)))
            EXERCISED[name] += 1
    run_machine(native, 40)
    assert {name for name in BY_NAME if not EXERCISED[name]} == set(), "operations that no trace came to"


def test_a_planted_fault_gives_a_short_trace(native, monkeypatch, tmp_path):
    monkeypatch.setenv("REFINE_TRACES", str(tmp_path))
    right = schedule.tcb_sched_enqueue

    def wrong(s, thread):
        was_queued = s.tcb[thread].queued
        right(s, thread)
        after = s.tcb[thread].sched_next
        if not was_queued and after != NULL:
            s.tcb[after].sched_prev = NULL

    monkeypatch.setitem(__import__("proofs.sel4.layers").sel4.layers.EXEC.operations, "tcb_sched_enqueue", wrong)
    monkeypatch.setattr("executable_model.sel4.tcb.tcb_sched_enqueue", wrong)
    with pytest.raises(AssertionError, match=r"sched_prev|ready_links"):
        run_machine(native, 200)
    trace = json.loads((tmp_path / "last.json").read_text())
    assert len(trace) <= 6
    with pytest.raises(AssertionError):
        replay(trace, native)
    monkeypatch.undo()
    assert replay(trace, native).wrong() == []


def test_replaying_a_broken_file(tmp_path, capsys):
    path = tmp_path / "trace.json"
    path.write_text("[{]")
    assert replay_command.main([str(path)]) == 2
    assert "not a trace" in capsys.readouterr().err
