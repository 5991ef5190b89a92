"""System calls, where no recording of the real kernel tells what they do."""

from __future__ import annotations

import pytest

from tests.sel4.kernel import BUFFER, SELF, UNTYPED

ENDPOINT_TYPE, NOTIFICATION_TYPE = 2, 3
RETYPE, COPY = 1, 20


def run(kernel, thread):
    """Give the processor to a thread, the other one of the two being able to run too."""
    s, ops = kernel.s, kernel.ops
    ops.tcb_sched_enqueue(s, s.current_thread)
    if s.tcb[thread].state == ops.ThreadState.Inactive:
        s.tcb[thread].state = ops.ThreadState.Running
        ops.tcb_sched_enqueue(s, thread)
    ops.switch_to_thread(s, thread)


def caller_cap(kernel, thread):
    """The capability by which a thread can answer its last caller."""
    return kernel.s.slot[kernel.ops.slot_of_thread(thread, kernel.ops.CALLER_SLOT)].cap


@pytest.mark.parametrize("receiver_waits", [True, False])
@pytest.mark.parametrize(("sender", "receiver", "granted"), [(15, 3, False), (9, 15, True)])
def test_it_is_the_receiver_who_may_grant_by_a_reply(kernel, receiver_waits, sender, receiver, granted):
    ops = kernel.ops
    kernel.retype(ENDPOINT_TYPE, 0, 10)
    kernel.copy(10, 11, sender)
    kernel.copy(10, 12, receiver)

    def call():
        kernel.message(11)
        kernel.enter(ops.Syscall.Call)

    def receive():
        kernel.message(12)
        kernel.enter(ops.Syscall.Recv)

    first, then = (receive, call) if receiver_waits else (call, receive)
    run(kernel, kernel.other)
    first()
    assert kernel.s.current_thread == kernel.thread
    then()
    asks, answers = (kernel.thread, kernel.other) if receiver_waits else (kernel.other, kernel.thread)
    assert caller_cap(kernel, answers) == ops.Cap(ops.CapKind.Reply, object=asks.number, can_grant=granted)


@pytest.mark.parametrize(("rights", "kept"), [(13, True), (15, False)])
def test_who_may_not_receive_keeps_the_caller(kernel, rights, kept):
    ops = kernel.ops
    kernel.retype(ENDPOINT_TYPE, 0, 10)
    kernel.copy(10, 11, rights)
    ops.setup_caller_cap(kernel.s, kernel.other, kernel.thread, False)
    kernel.message(11)
    kernel.enter(ops.Syscall.Recv)
    assert (caller_cap(kernel, kernel.thread).kind == ops.CapKind.Reply) is kept
    state = ops.ThreadState.Inactive if kept else ops.ThreadState.BlockedOnReceive
    assert kernel.s.tcb[kernel.thread].state == state


@pytest.mark.parametrize("bound_to_other", [True, False])
def test_only_the_bound_thread_may_wait_for_a_notification(kernel, bound_to_other):
    ops = kernel.ops
    kernel.retype(NOTIFICATION_TYPE, 0, 10)
    thread = kernel.other if bound_to_other else kernel.thread
    ops.bind_notification(kernel.s, thread, ops.NotificationRef(kernel.cap(10).object))
    kernel.message(10)
    kernel.enter(ops.Syscall.Recv)
    state = ops.ThreadState.Inactive if bound_to_other else ops.ThreadState.BlockedOnNotification
    assert kernel.s.tcb[kernel.thread].state == state


def set_buffer(kernel, cap):
    """Have the thread use another frame for its IPC buffer."""
    kernel.s.slot[kernel.ops.slot_of_thread(kernel.thread, kernel.ops.IPC_BUFFER_SLOT)].cap = cap


def test_a_message_names_no_capabilities_without_a_buffer(kernel):
    kernel.retype(ENDPOINT_TYPE, 0, 10)
    set_buffer(kernel, kernel.ops.Cap())
    registers = kernel.s.tcb[kernel.thread].registers
    for number, value in enumerate((UNTYPED, RETYPE << 12 | 1 << 7 | 6, ENDPOINT_TYPE, 0, 0, 0)):
        registers[number] = value
    kernel.enter(kernel.ops.Syscall.Call)
    assert registers[1] >> 12 == kernel.ops.ErrorKind.TruncatedMessage.value


def test_a_reply_has_four_words_without_a_buffer_that_can_be_written(kernel):
    ops = kernel.ops
    frame = ops.Cap(ops.CapKind.Frame, object=BUFFER, size_bits=12, vm_rights=2)
    set_buffer(kernel, frame)
    kernel.message(SELF, COPY, (10, 32, 1 << 20, 32, 15), (SELF,))
    ops.store_word(kernel.s, BUFFER, 5, 77)
    kernel.enter(ops.Syscall.Call)
    registers = kernel.s.tcb[kernel.thread].registers
    assert registers[1] == ops.ErrorKind.FailedLookup.value << 12 | 4
    assert [registers[number] for number in range(2, 6)] == [1, 4, 32, 0]
    assert ops.load_word(kernel.s, BUFFER, 5) == 77


def test_the_buffer_is_where_in_its_frame_the_address_says(kernel):
    ops = kernel.ops
    kernel.s.tcb[kernel.thread].ipc_buffer = 0x70000600
    assert ops.lookup_ipc_buffer(kernel.s, kernel.thread, True) == BUFFER + 0x600
    assert kernel.retype(ENDPOINT_TYPE, 0, 10) == ("NoError",)
    assert kernel.full(10) == [10]


def test_the_memory_of_devices_is_no_buffer(kernel):
    ops = kernel.ops
    set_buffer(kernel, ops.Cap(ops.CapKind.Frame, object=BUFFER, size_bits=12, vm_rights=3, is_device=True))
    assert ops.lookup_ipc_buffer(kernel.s, kernel.thread, False) == 0


def test_a_message_has_no_more_than_120_words(kernel):
    assert [kernel.ops.message_info_length(info) for info in (119, 120, 121, 0xFFF)] == [119, 120, 120, 120]
