"""Operations on CNodes, where no recording of the real kernel tells what they do."""

from __future__ import annotations

from tests.sel4.kernel import SELF, UNTYPED, Kernel

THREAD_TYPE, ENDPOINT_TYPE, NOTIFICATION_TYPE, CNODE_TYPE = 1, 2, 3, 4
MOVE, ROTATE = 22, 24


def test_revoking_a_badge_of_a_notification_leaves_other_badges_and_the_same_one_minted_again(kernel):
    kernel.retype(NOTIFICATION_TYPE, 0, 10)
    kernel.mint(10, 11, 5)
    kernel.copy(11, 12)
    kernel.mint(10, 13, 5)
    kernel.mint(10, 14, 6)
    assert kernel.revoke(14) == ("NoError",)
    assert kernel.revoke(13) == ("NoError",)
    assert kernel.full(10, 11, 12, 13, 14) == [10, 11, 12, 13, 14]
    assert kernel.revoke(11) == ("NoError",)
    assert kernel.full(10, 11, 12, 13, 14) == [10, 11, 13, 14]
    assert kernel.revoke(10) == ("NoError",)
    assert kernel.full(10, 11, 12, 13, 14) == [10]


def test_a_pivot_whose_guard_does_not_fit_is_not_rotated(kernel):
    kernel.retype(CNODE_TYPE, 2, 10, 2)
    words = (12, 32, 31 << 3, 11, 32, 0, 10, 32)
    assert kernel.call(SELF, ROTATE, *words, caps=(SELF, SELF)) == ("IllegalOperation",)
    assert kernel.full(10, 11, 12) == [10, 11]


def test_a_zombie_can_be_moved_and_neither_invoked_nor_copied(kernel):
    ops = kernel.ops
    kernel.retype(CNODE_TYPE, 2, 10)
    cnode = kernel.cap(10)
    kernel.s.slot[kernel.slot(10)].cap = ops.Cap(ops.CapKind.Zombie, object=cnode.object, size_bits=2, slots_left=4)
    assert kernel.call(10, 17, 0, 2) == ("InvalidCapability", 0)
    assert kernel.copy(10, 11) == ("IllegalOperation",)
    assert kernel.move(10, 11) == ("NoError",)
    assert kernel.delete(11) == ("NoError",)
    assert kernel.full(10, 11) == []


def test_a_zombie_in_the_first_slot_of_its_own_object_goes_with_the_other_slots(kernel):
    ops = kernel.ops
    kernel.retype(CNODE_TYPE, 2, 10)
    kernel.retype(ENDPOINT_TYPE, 0, 11)
    start = kernel.cap(10).object
    first, third = ops.slot_of_cnode(start, 0), ops.slot_of_cnode(start, 2)
    ops.cap_move(kernel.s, kernel.cap(11), kernel.slot(11), third)
    ops.cap_move(kernel.s, kernel.cap(10), kernel.slot(10), first)
    ops.cap_delete(kernel.s, first)
    assert kernel.s.slot[first].cap.kind == ops.CapKind.Null
    assert kernel.s.slot[third].cap.kind == ops.CapKind.Null


def test_a_zombie_put_away_in_its_own_object_stays_until_the_memory_is_revoked(kernel):
    ops = kernel.ops
    kernel.retype(CNODE_TYPE, 2, 10, 2)
    kernel.retype(ENDPOINT_TYPE, 0, 12, 2)
    outer, inner = kernel.cap(10).object, kernel.cap(11).object
    kernel.call(10, MOVE, 1, 2, 11, 32, caps=(SELF,))
    for index, source in ((0, 12), (3, 13)):
        ops.cap_move(kernel.s, kernel.cap(source), kernel.slot(source), ops.slot_of_cnode(inner, index))
    assert kernel.delete(10) == ("NoError",)
    assert kernel.s.slot[ops.slot_of_cnode(outer, 1)].cap == ops.Cap()
    zombie = ops.Cap(ops.CapKind.Zombie, object=inner, size_bits=2, slots_left=4)
    assert kernel.s.slot[ops.slot_of_cnode(inner, 0)].cap == zombie
    assert kernel.s.slot[ops.slot_of_cnode(inner, 3)].cap.kind == ops.CapKind.Endpoint
    assert kernel.revoke(UNTYPED) == ("NoError",)
    assert kernel.s.slot[ops.slot_of_cnode(inner, 0)].cap == ops.Cap()
    assert kernel.s.slot[ops.slot_of_cnode(inner, 3)].cap == ops.Cap()


def test_cnodes_in_each_other_are_deleted_each_with_all_that_is_left_of_it(kernel):
    ops = kernel.ops
    kernel.retype(CNODE_TYPE, 2, 10, 2)
    kernel.retype(ENDPOINT_TYPE, 0, 12)
    one, other = kernel.cap(10).object, kernel.cap(11).object
    first, last = ops.slot_of_cnode(other, 0), ops.slot_of_cnode(other, 3)
    for source, destination in ((10, first), (11, ops.slot_of_cnode(one, 3)), (12, last)):
        ops.cap_move(kernel.s, kernel.cap(source), kernel.slot(source), destination)
    ops.cap_delete(kernel.s, first)
    assert kernel.s.slot[first].cap == ops.Cap()
    assert kernel.s.slot[last].cap == ops.Cap()
    zombie = ops.Cap(ops.CapKind.Zombie, object=one, size_bits=2, slots_left=4)
    assert kernel.s.slot[ops.slot_of_cnode(one, 0)].cap == zombie


def test_a_long_revocation_stops_after_a_hundred_steps_for_an_interrupt_and_is_made_again():
    kernel = Kernel("exec")
    ops = kernel.ops
    kernel.retype(ENDPOINT_TYPE, 0, 8, 50)
    kernel.s.work_units = 80
    kernel.s.interrupt_pending = True
    kernel.message(SELF, 17, (UNTYPED, 32))
    kernel.s.tcb[kernel.thread].registers[ops.FAULT_IP] = 0x4000
    kernel.enter(ops.Syscall.Call)
    assert len(kernel.full(*range(8, 58))) == 30
    assert kernel.s.work_units == 0
    assert kernel.s.tcb[kernel.thread].registers[ops.NEXT_IP] == 0x4000
    assert kernel.s.tcb[kernel.thread].registers[1] == 17 << 12 | 2
    kernel.enter(ops.Syscall.Call)
    assert kernel.full(*range(8, 58)) == []
    assert kernel.s.tcb[kernel.thread].registers[1] == 0
