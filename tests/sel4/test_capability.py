"""What capabilities are and what becomes of them in copies, where no recording of the real kernel tells."""

from __future__ import annotations


def test_a_cnode_capability_is_to_the_same_object_only_with_the_same_number_of_slots(kernel):
    ops = kernel.ops
    one, other = (ops.Cap(ops.CapKind.CNode, object=0x8000, size_bits=bits) for bits in (4, 5))
    assert ops.same_object_as(one, one)
    assert not ops.same_object_as(one, other)


def test_frames_are_compared_by_address_size_and_device(kernel):
    ops = kernel.ops
    large = ops.Cap(ops.CapKind.Frame, object=0x10000, size_bits=16, vm_rights=3)
    small = ops.Cap(ops.CapKind.Frame, object=0x10000, size_bits=12, vm_rights=3)
    device = ops.Cap(ops.CapKind.Frame, object=0x10000, size_bits=16, vm_rights=1, is_device=True)
    read_only = ops.Cap(ops.CapKind.Frame, object=0x10000, size_bits=16, vm_rights=2, asid=1, mapped_address=0x1000)
    assert ops.same_object_as(large, read_only)
    assert not ops.same_object_as(large, small)
    assert not ops.same_object_as(large, device)
    inside = ops.Cap(ops.CapKind.Frame, object=0x13000, size_bits=12)
    assert ops.same_region_as(large, inside)
    assert not ops.same_region_as(inside, large)


def test_untyped_memory_contains_what_has_memory_in_it(kernel):
    ops, kinds = kernel.ops, kernel.ops.CapKind
    untyped = ops.Cap(kinds.Untyped, object=0x1000, size_bits=9)
    assert ops.same_region_as(untyped, ops.Cap(kinds.Thread, object=0x1100))
    assert ops.same_region_as(untyped, ops.Cap(kinds.Zombie, object=0x1000, is_thread=True, slots_left=5))
    assert not ops.same_region_as(untyped, ops.Cap(kinds.Thread, object=0x1300))
    assert not ops.same_region_as(untyped, ops.Cap(kinds.CNode, object=0x1000, size_bits=6))
    assert not ops.same_region_as(untyped, ops.Cap(kinds.Reply, object=0x1100))
    assert not ops.same_object_as(untyped, untyped)


def test_only_the_grant_right_of_a_reply_capability_can_be_taken_away(kernel):
    ops = kernel.ops
    reply = ops.Cap(ops.CapKind.Reply, object=0x1100, can_grant=True)
    assert ops.mask_cap_rights(4, reply) == reply
    assert ops.mask_cap_rights(11, reply) == ops.Cap(ops.CapKind.Reply, object=0x1100)


def test_a_frame_that_cannot_be_read_cannot_be_written(kernel):
    ops = kernel.ops
    frame = ops.Cap(ops.CapKind.Frame, object=0x10000, size_bits=12, vm_rights=3)
    assert [ops.mask_cap_rights(rights, frame).vm_rights for rights in range(4)] == [1, 1, 2, 3]


def test_neither_zombies_nor_reply_capabilities_are_copied(kernel):
    ops = kernel.ops
    slot = kernel.slot(8)
    for cap in (
        ops.Cap(ops.CapKind.Zombie, object=0x8000, size_bits=4, slots_left=3),
        ops.Cap(ops.CapKind.Reply, object=0x1300),
    ):
        assert ops.derive_cap(kernel.s, slot, cap) == ops.Cap()


def test_copies_of_interrupts_to_send_are_no_children_of_each_other(kernel):
    ops = kernel.ops
    for number in (8, 9):
        kernel.put(kernel.slot(number), ops.Cap(ops.CapKind.SGISignal, irq=3, target=1))
    if kernel.layer == "exec":
        assert not ops.is_mdb_parent_of(kernel.s, kernel.slot(8), kernel.slot(9))
    else:
        assert not ops.should_be_parent_of(kernel.cap(8), True, kernel.cap(9), True)
