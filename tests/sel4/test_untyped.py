"""Objects made of untyped memory, where no recording of the real kernel tells what becomes of them."""

from __future__ import annotations

from tests.sel4.kernel import MEMORY, UNTYPED, Kernel

UNTYPED_TYPE, THREAD_TYPE, ENDPOINT_TYPE, CNODE_TYPE, SMALL_PAGE_TYPE = 0, 1, 2, 4, 6


def test_a_new_thread_belongs_to_the_current_domain(kernel):
    kernel.s.current_domain = kernel.s.tcb[kernel.thread].domain = 3
    kernel.retype(THREAD_TYPE, 0, 10)
    assert kernel.s.tcb[kernel.ops.ThreadRef(kernel.cap(10).object)].domain == 3


def test_memory_that_is_given_out_anew_has_none_of_the_old_objects(kernel):
    kernel.retype(CNODE_TYPE, 4, 10)
    kernel.retype(ENDPOINT_TYPE, 0, 11)
    kernel.retype(SMALL_PAGE_TYPE, 0, 12)
    page = kernel.cap(12).object
    kernel.ops.store_word(kernel.s, page, 7, 0x1234)
    for index in (10, 11, 12):
        kernel.delete(index)
    kernel.retype(UNTYPED_TYPE, 4, 10)
    for objects in (kernel.s.slot, kernel.s.endpoint, kernel.s.user_data):
        assert [ref for ref in objects if ref.number >= MEMORY] == []
    kernel.delete(10)
    kernel.retype(SMALL_PAGE_TYPE, 0, 10, 2)
    assert kernel.ops.load_word(kernel.s, page, 7) == 0


def test_clearing_memory_stops_for_an_interrupt_and_goes_on_with_what_is_left():
    kernel = Kernel("exec")
    kernel.retype(UNTYPED_TYPE, 19, 10)
    kernel.delete(10)
    kernel.s.work_units = 0
    kernel.s.interrupt_pending = True
    kernel.message(UNTYPED, 1, (ENDPOINT_TYPE, 0, 0, 0, 10, 1), (2,))
    kernel.enter(kernel.ops.Syscall.Call)
    assert kernel.cap(UNTYPED).free_offset == (1 << 19) - 100 * 256
    assert kernel.full(10) == []
    entries = 1
    while kernel.full(10) == []:
        kernel.enter(kernel.ops.Syscall.Call)
        entries = entries + 1
    assert entries == (1 << 19) // 256 // 100 + 1
    assert kernel.cap(UNTYPED).free_offset == 16


def test_little_memory_is_cleared_at_once():
    kernel = Kernel("exec")
    kernel.retype(UNTYPED_TYPE, 7, 10)
    kernel.call(10, 1, ENDPOINT_TYPE, 0, 0, 0, 11, 1, caps=(2,))
    kernel.delete(11)
    kernel.s.work_units = 99
    kernel.s.interrupt_pending = True
    assert kernel.call(10, 1, ENDPOINT_TYPE, 0, 0, 0, 11, 1, caps=(2,)) == ("NoError",)
