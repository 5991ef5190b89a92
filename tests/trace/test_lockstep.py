"""The layers agree on traces of operations, and every statement that the proofs use holds on the way."""

from __future__ import annotations

import os

import pytest

from tests.trace.lockstep import BY_NAME, compiled
from tests.trace.machine import run_traces
from tests.trace.stories import STORIES, tell

EXAMPLES = int(os.environ.get("REFINE_TRACE_EXAMPLES", "30"))

OUTCOMES = {
    "activate_thread: Restart -> Running",
    "cancel_all_ipc: BlockedOnReceive -> Restart",
    "cancel_all_ipc: BlockedOnSend -> Restart",
    "cancel_all_signals: BlockedOnNotification -> Restart",
    "cancel_badged_sends: BlockedOnSend -> Restart",
    "cancel_ipc: BlockedOnSend -> Inactive",
    "cancel_signal: BlockedOnNotification -> Inactive",
    "lookup_extra_caps: LookupFault",
    "lookup_slot: LookupFault",
    "lookup_slot_for_cnode_op: SyscallError",
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
"""What has to be seen to happen to threads, and how operations have to be seen to end."""


@pytest.fixture(scope="module")
def native():
    with compiled() as running:
        yield running


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
