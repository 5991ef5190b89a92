"""Invocations of threads: every error, in the order in which they are found, and what no recording shows."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from tests.sel4.kernel import BUFFER, SELF, Kernel

OWN, OTHER, PD, FRAME, DEVICE, NOTIFICATION, NO_RECEIVE, CNODE = 4, 5, 6, 7, 8, 9, 10, 11
EMPTY = 50
NOTIFICATION_TYPE, CNODE_TYPE = 3, 4
SPACE = 0x20000
READ, WRITE, COPY, CONFIGURE, PRIORITY, MCP, SCHED, IPC_BUFFER, SPACES = 2, 3, 4, 5, 6, 7, 8, 9, 10
SUSPEND, RESUME, BIND, UNBIND, TLS, FLAGS = 11, 12, 13, 14, 15, 16
OK = ("NoError",)
TRUNCATED, ILLEGAL, MISALIGNED = ("TruncatedMessage",), ("IllegalOperation",), ("AlignmentError",)


@pytest.fixture
def threads(kernel: Kernel) -> Kernel:
    """A kernel with all that threads can be given."""
    return with_threads(kernel)


def with_threads(kernel: Kernel) -> Kernel:
    """A kernel with capabilities to all that a thread can be given; the current one may give priorities up to 100."""
    ops = kernel.ops
    frame = ops.Cap(ops.CapKind.Frame, object=BUFFER + 0x2000, size_bits=12, vm_rights=3)
    caps = {
        OWN: ops.Cap(ops.CapKind.Thread, object=kernel.thread.number),
        OTHER: ops.Cap(ops.CapKind.Thread, object=kernel.other.number),
        PD: ops.Cap(ops.CapKind.PageDirectory, object=SPACE, is_mapped=True, asid=1),
        FRAME: frame,
        DEVICE: evolve(frame, object=0x3000, is_device=True),
    }
    for index, cap in caps.items():
        kernel.put(kernel.slot(index), cap)
    ops.create(kernel.s, frame)
    for thread in (kernel.thread, kernel.other):
        for index, source in ((ops.CSPACE_ROOT, SELF), (ops.VSPACE_ROOT, PD)):
            slot = ops.slot_of_thread(thread, index)
            kernel.s.slot[slot].cap = ops.Cap()
            ops.cap_insert(kernel.s, kernel.cap(source), kernel.slot(source), slot)
    kernel.retype(NOTIFICATION_TYPE, 0, NOTIFICATION)
    kernel.copy(NOTIFICATION, NO_RECEIVE, 1)
    kernel.retype(CNODE_TYPE, 4, CNODE)
    kernel.s.tcb[kernel.thread].mcp = 100
    return kernel


ERRORS: list[tuple[int, int, tuple[int, ...], tuple[int, ...], tuple[Any, ...]]] = [
    (OWN, 0, (), (), ILLEGAL),
    (OWN, 17, (), (), ILLEGAL),
    (OWN, READ, (0,), (), TRUNCATED),
    (OWN, READ, (0, 0), (), ("RangeError", 1, 19)),
    (OWN, READ, (0, 20), (), ("RangeError", 1, 19)),
    (OWN, READ, (0, 19), (), ILLEGAL),
    (OWN, WRITE, (0,), (), TRUNCATED),
    (OWN, WRITE, (0, 2, 1), (), TRUNCATED),
    (OWN, WRITE, (0, 0xFFFFFFFF, 1), (), TRUNCATED),
    (OWN, WRITE, (0, 1, 1), (), ILLEGAL),
    (OTHER, COPY, (), (EMPTY,), TRUNCATED),
    (OTHER, COPY, (15,), (), TRUNCATED),
    (OTHER, COPY, (15,), (EMPTY,), ("InvalidCapability", 1)),
    (OTHER, CONFIGURE, (0, 0, 0), (SELF, PD, EMPTY), TRUNCATED),
    (OTHER, CONFIGURE, (0, 0, 0, 0x201), (EMPTY, EMPTY), TRUNCATED),
    (OTHER, CONFIGURE, (0, 0, 0, 0x201), (EMPTY, EMPTY, EMPTY), ILLEGAL),
    (OTHER, CONFIGURE, (0, 0, 0, 0x201), (EMPTY, EMPTY, DEVICE), ILLEGAL),
    (OTHER, CONFIGURE, (0, 0, 0, 0x201), (EMPTY, EMPTY, FRAME), MISALIGNED),
    (OTHER, CONFIGURE, (0, 0, 0, 0x200), (EMPTY, EMPTY, FRAME), ILLEGAL),
    (OTHER, CONFIGURE, (0, 0, 0, 0x200), (CNODE, EMPTY, FRAME), ILLEGAL),
    (OTHER, CONFIGURE, (0, 0, 0, 0), (CNODE, EMPTY, EMPTY), ILLEGAL),
    (OTHER, PRIORITY, (), (EMPTY,), TRUNCATED),
    (OTHER, PRIORITY, (101,), (), TRUNCATED),
    (OTHER, PRIORITY, (101,), (EMPTY,), ("InvalidCapability", 1)),
    (OTHER, PRIORITY, (101,), (OWN,), ("RangeError", 0, 100)),
    (OTHER, PRIORITY, (256,), (OWN,), ("RangeError", 0, 100)),
    (OTHER, MCP, (), (EMPTY,), TRUNCATED),
    (OTHER, MCP, (101,), (), TRUNCATED),
    (OTHER, MCP, (101,), (EMPTY,), ("InvalidCapability", 1)),
    (OTHER, MCP, (101,), (OWN,), ("RangeError", 0, 100)),
    (OTHER, SCHED, (101,), (EMPTY,), TRUNCATED),
    (OTHER, SCHED, (101, 101), (), TRUNCATED),
    (OTHER, SCHED, (101, 101), (EMPTY,), ("InvalidCapability", 1)),
    (OTHER, SCHED, (101, 1), (OWN,), ("RangeError", 0, 100)),
    (OTHER, SCHED, (1, 101), (OWN,), ("RangeError", 0, 100)),
    (OTHER, IPC_BUFFER, (), (EMPTY,), TRUNCATED),
    (OTHER, IPC_BUFFER, (0x201,), (), TRUNCATED),
    (OTHER, IPC_BUFFER, (0x201,), (EMPTY,), ILLEGAL),
    (OTHER, IPC_BUFFER, (0x201,), (DEVICE,), ILLEGAL),
    (OTHER, IPC_BUFFER, (0x201,), (FRAME,), MISALIGNED),
    (OTHER, SPACES, (0, 0), (EMPTY, EMPTY), TRUNCATED),
    (OTHER, SPACES, (0, 0, 0), (EMPTY,), TRUNCATED),
    (OTHER, SPACES, (0, 0, 0), (3, EMPTY), ("RevokeFirst",)),
    (OTHER, SPACES, (0, 0, 0), (PD, PD), ILLEGAL),
    (OTHER, SPACES, (0, 31 << 3, 0), (CNODE, PD), ILLEGAL),
    (OTHER, SPACES, (0, 0, 0), (CNODE, CNODE), ILLEGAL),
    (OTHER, BIND, (), (), TRUNCATED),
    (OTHER, BIND, (), (EMPTY,), ILLEGAL),
    (OTHER, BIND, (), (NO_RECEIVE,), ILLEGAL),
    (OTHER, UNBIND, (), (), ILLEGAL),
    (OTHER, TLS, (), (), TRUNCATED),
    (OTHER, FLAGS, (1,), (), TRUNCATED),
]


@pytest.mark.parametrize(("cap", "label", "words", "caps", "expected"), ERRORS)
def test_the_first_error_is_told_and_nothing_is_changed(threads, cap, label, words, caps, expected):
    before = {slot: held.cap for slot, held in threads.s.slot.items()}
    tcb = evolve(threads.s.tcb[threads.other])
    assert threads.call(cap, label, *words, caps=caps) == expected
    assert {slot: held.cap for slot, held in threads.s.slot.items()} == before
    assert threads.s.tcb[threads.other] == tcb


def other(threads: Kernel) -> Any:
    return threads.s.tcb[threads.other]


def held(threads: Kernel, index: int) -> Any:
    return threads.s.slot[threads.ops.slot_of_thread(threads.other, index)].cap


def test_registers_are_read_back_as_they_were_written(threads):
    values = [0x4000, 0x5000, 0x12345678, *range(3, 19)]
    assert threads.call(OTHER, WRITE, 0, 19, *values) == OK
    values[2] = 0x10000050
    assert threads.call(OTHER, READ, 0, 19) == (*OK, *values)
    assert threads.call(OTHER, READ, 0, 3) == (*OK, *values[:3])
    assert other(threads).registers[threads.ops.NEXT_IP] == 0x4000
    assert other(threads).registers[threads.ops.LR] == 16
    assert other(threads).state == threads.ops.ThreadState.Inactive


def test_more_registers_than_there_are_change_no_others(threads):
    assert threads.call(OTHER, WRITE, 0, 21, *range(100, 121)) == OK
    assert threads.call(OTHER, READ, 0, 19) == (*OK, 100, 101, 0x50, *range(103, 119))


def test_without_a_buffer_an_answer_has_four_words(threads):
    threads.call(OTHER, WRITE, 0, 6, 1, 2, 3, 4, 5, 6)
    threads.s.slot[threads.ops.slot_of_thread(threads.thread, threads.ops.IPC_BUFFER_SLOT)].cap = threads.ops.Cap()
    assert threads.call(OTHER, READ, 0, 6) == (*OK, 1, 2, 0x50, 4)


def test_reading_and_writing_can_stop_and_resume(threads):
    ops = threads.ops
    other(threads).priority = 50
    assert threads.call(OTHER, WRITE, 1, 1, 0x4000) == OK
    assert other(threads).state == ops.ThreadState.Restart
    assert threads.call(OTHER, READ, 0, 1) == (*OK, 0x4000)
    assert other(threads).state == ops.ThreadState.Restart
    assert threads.call(OTHER, READ, 1, 1) == (*OK, 0x4000)
    assert (other(threads).state, other(threads).queued) == (ops.ThreadState.Inactive, False)


@pytest.mark.parametrize(("flags", "frame", "integer"), [(0, 0, 0), (4, 1, 0), (8, 0, 1), (12, 1, 1)])
def test_registers_are_copied_by_groups(threads, flags, frame, integer):
    own, registers = threads.s.tcb[threads.thread].registers, other(threads).registers
    ops = threads.ops
    own.update({register: 0x100 + register for register in (8, 12, ops.SP, ops.LR, ops.TPIDRURW, ops.TPIDRURO)})
    own[ops.FAULT_IP] = 0x4000
    assert threads.call(OTHER, COPY, flags, caps=(OWN,)) == OK
    assert [registers[register] for register in (8, 12, ops.SP)] == [frame * (0x100 + r) for r in (8, 12, ops.SP)]
    assert registers[ops.NEXT_IP] == registers[ops.FAULT_IP] == frame * 0x4000
    others = (ops.LR, ops.TPIDRURW, ops.TPIDRURO)
    assert [registers[register] for register in others] == [integer * (0x100 + register) for register in others]


def test_copying_can_stop_the_source_and_resume_the_target(threads):
    ops = threads.ops
    assert threads.call(OTHER, COPY, 2, caps=(OTHER,)) == OK
    assert other(threads).state == ops.ThreadState.Restart
    threads.message(OTHER, COPY, (1,), (OWN,))
    threads.enter(ops.Syscall.Call)
    assert threads.s.tcb[threads.thread].state == ops.ThreadState.Inactive
    assert threads.s.current_thread == threads.other
    assert other(threads).state == ops.ThreadState.Running


def test_a_thread_that_stops_itself_makes_its_call_again_when_it_is_resumed(threads):
    ops, own = threads.ops, threads.s.tcb[threads.thread]
    own.registers[ops.FAULT_IP], own.registers[ops.NEXT_IP] = 0x4000, 0x4004
    threads.message(OWN, SUSPEND)
    threads.enter(ops.Syscall.Call)
    assert own.state == ops.ThreadState.Inactive
    assert own.registers[1] == SUSPEND << 12
    assert own.registers[ops.FAULT_IP] == 0x4000


@pytest.mark.parametrize("label", [SUSPEND, RESUME])
def test_stopping_and_resuming_take_no_notice_of_the_message(threads, label):
    assert threads.call(OTHER, label, 1, 2, caps=(EMPTY,)) == OK
    expected = threads.ops.ThreadState.Restart if label == RESUME else threads.ops.ThreadState.Inactive
    assert other(threads).state == expected


def test_configuring_sets_spaces_handler_and_buffer(threads):
    ops = threads.ops
    data = 5 << 8 | 8 << 3
    assert threads.call(OTHER, CONFIGURE, 77, data, 9, 0x7200, caps=(CNODE, PD, FRAME)) == OK
    assert (other(threads).fault_handler, other(threads).ipc_buffer) == (77, 0x7200)
    assert held(threads, ops.CSPACE_ROOT) == evolve(threads.cap(CNODE), guard=5, guard_size=8)
    assert held(threads, ops.VSPACE_ROOT) == threads.cap(PD)
    assert held(threads, ops.IPC_BUFFER_SLOT) == threads.cap(FRAME)
    assert ops.lookup_ipc_buffer(threads.s, threads.other, True) == BUFFER + 0x2000 + 0x200


def test_with_address_0_there_is_no_buffer_any_more(threads):
    assert threads.call(OTHER, IPC_BUFFER, 0, caps=(EMPTY,)) == OK
    assert held(threads, threads.ops.IPC_BUFFER_SLOT) == threads.ops.Cap()
    assert threads.call(OTHER, CONFIGURE, 0, 0, 0, 0, caps=(CNODE, PD, EMPTY)) == OK


@pytest.mark.parametrize("label", [SPACES, CONFIGURE])
def test_a_root_that_would_take_long_to_delete_stays(threads, label):
    ops = threads.ops
    words = (0, 0, 0, 0) if label == CONFIGURE else (0, 0, 0)
    caps = (SELF, PD, EMPTY) if label == CONFIGURE else (SELF, PD)
    assert threads.call(OTHER, SPACES, 0, 0, 0, caps=(CNODE, PD)) == OK
    assert threads.delete(CNODE) == OK
    assert threads.call(OTHER, label, *words, caps=caps) == ILLEGAL
    assert held(threads, ops.CSPACE_ROOT).size_bits == 4


def test_a_buffer_whose_capability_went_with_the_old_one_is_not_inserted(threads):
    """This cannot come about by system calls: the source is put into the slot that is emptied."""
    ops, s = threads.ops, threads.s
    target = ops.slot_of_thread(threads.other, ops.IPC_BUFFER_SLOT)
    new = ops.NewRoot(s.slot[target].cap, target)
    ops.replace_cap(s, threads.slot(OTHER), threads.other, ops.IPC_BUFFER_SLOT, new)
    assert s.slot[target].cap == ops.Cap()
    new = ops.NewRoot(threads.cap(FRAME), threads.slot(FRAME))
    ops.replace_cap(s, threads.slot(OWN), threads.other, ops.IPC_BUFFER_SLOT, new)
    assert s.slot[target].cap == ops.Cap()
    ops.replace_cap(s, threads.slot(OTHER), threads.other, ops.IPC_BUFFER_SLOT, new)
    assert s.slot[target].cap == threads.cap(FRAME)


def test_priorities_are_given_up_to_the_highest_allowed(threads):
    assert threads.call(OTHER, PRIORITY, 100, caps=(OWN,)) == OK
    assert threads.call(OTHER, MCP, 40, caps=(OWN,)) == OK
    assert (other(threads).priority, other(threads).mcp) == (100, 40)
    assert threads.call(OTHER, PRIORITY, 41, caps=(OTHER,)) == ("RangeError", 0, 40)
    assert threads.call(OTHER, SCHED, 30, 40, caps=(OTHER,)) == OK
    assert (other(threads).priority, other(threads).mcp) == (40, 30)


def test_who_lowers_its_own_priority_lets_others_run(threads):
    ops = threads.ops
    assert threads.call(OTHER, RESUME) == OK
    threads.message(OWN, PRIORITY, (99,), (OWN,))
    threads.enter(ops.Syscall.Call)
    assert threads.s.current_thread == threads.other


def test_a_bound_notification_can_be_bound_no_second_time(threads):
    assert threads.call(OTHER, BIND, caps=(NOTIFICATION,)) == OK
    assert threads.call(OTHER, BIND, caps=(NOTIFICATION,)) == ILLEGAL
    assert threads.call(OWN, BIND, caps=(NOTIFICATION,)) == ILLEGAL
    assert threads.call(OTHER, UNBIND) == OK
    assert threads.call(OTHER, UNBIND) == ILLEGAL


def test_a_notification_that_someone_waits_for_cannot_be_bound(threads):
    ops, s = threads.ops, threads.s
    ops.restart(s, threads.other)
    ops.schedule(s)
    ops.tcb_sched_enqueue(s, s.current_thread)
    ops.switch_to_thread(s, threads.other)
    threads.message(NOTIFICATION)
    threads.enter(ops.Syscall.Recv)
    assert s.current_thread == threads.thread
    assert threads.call(OTHER, BIND, caps=(NOTIFICATION,)) == ILLEGAL


def test_storage_of_a_thread_and_flags(threads):
    assert threads.call(OTHER, TLS, 0x1234) == OK
    assert other(threads).registers[threads.ops.TPIDRURW] == 0x1234
    assert threads.call(OTHER, FLAGS, 0, 0xFFFFFFFF) == (*OK, 0)


def test_what_is_not_called_for_gets_no_answer(threads):
    threads.message(OTHER, READ, (0, 4))
    before = dict(threads.s.tcb[threads.thread].registers)
    threads.enter(threads.ops.Syscall.Send)
    assert threads.s.tcb[threads.thread].registers == before
