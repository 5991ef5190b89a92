"""Invocations of CNodes: copying, moving, deleting and revoking capabilities."""

from __future__ import annotations

import enum

from executable_model.sel4.capability import (
    Cap,
    CapKind,
    has_cancel_send_rights,
    mask_cap_rights,
    update_cap_data,
)
from executable_model.sel4.cspace import (
    ExtraCaps,
    derive_cap,
    ensure_empty_slot,
    lookup_slot_for_cnode_op,
    slot_of_thread,
)
from executable_model.sel4.deletion import cap_delete, cap_revoke
from executable_model.sel4.derivation import cap_insert, cap_move, cap_swap
from executable_model.sel4.errors import (
    ErrorKind,
    LookupFailure,
    LookupFailureKind,
    SyscallError,
    failed_lookup,
)
from executable_model.sel4.ipc_cancel import cancel_badged_sends
from executable_model.sel4.message import syscall_argument
from executable_model.sel4.state import CALLER_SLOT, EndpointRef, SlotRef, State
from refinement.logic import NULL, Word, one_of, reference_at


class CNodeLabel(enum.IntEnum):
    """The labels of the messages by which CNode capabilities are invoked."""

    Revoke = 17
    Delete = 18
    CancelBadgedSends = 19
    Copy = 20
    Mint = 21
    Move = 22
    Mutate = 23
    Rotate = 24
    SaveCaller = 25


def decode_cnode_invocation(s: State, label: Word, length: Word, cap: Cap, extra: ExtraCaps, buffer: Word) -> None:
    """Do what a message of `length` words asks of a CNode; words 0 and 1 name the destination, a slot in it."""
    if label < CNodeLabel.Revoke or label > CNodeLabel.SaveCaller:
        raise SyscallError(ErrorKind.IllegalOperation)
    if length < 2:
        raise SyscallError(ErrorKind.TruncatedMessage)
    index, depth = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    slot = lookup_slot_for_cnode_op(s, False, cap, index, depth)
    match label:
        case CNodeLabel.Revoke:
            cap_revoke(s, slot)
        case CNodeLabel.Delete:
            cap_delete(s, slot)
        case CNodeLabel.CancelBadgedSends:
            cnode_cancel_badged_sends(s, slot)
        case CNodeLabel.Rotate:
            cnode_rotate(s, length, slot, extra, buffer)
        case CNodeLabel.SaveCaller:
            cnode_save_caller(s, slot)
        case _:
            cnode_transfer(s, label, length, slot, extra, buffer)


def cnode_transfer(s: State, label: Word, length: Word, destination: SlotRef, extra: ExtraCaps, buffer: Word) -> None:
    """Copy or move the capability of the source, which words 2 and 3 name, into the destination; that must be empty."""
    if length < 4 or extra.first == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    ensure_empty_slot(s, destination)
    index, depth = syscall_argument(s, 2, buffer), syscall_argument(s, 3, buffer)
    source = lookup_slot_for_cnode_op(s, True, s.slot[extra.first].cap, index, depth)
    ensure_full_slot(s, True, source, depth)
    match label:
        case CNodeLabel.Copy:
            cnode_copy(s, length, source, destination, buffer)
        case CNodeLabel.Mint:
            cnode_mint(s, length, source, destination, buffer)
        case CNodeLabel.Move:
            cap_move(s, s.slot[source].cap, source, destination)
        case _:
            cnode_mutate(s, length, source, destination, buffer)


def ensure_full_slot(s: State, is_source: bool, slot: SlotRef, depth: Word) -> None:
    """Raise FailedLookup if the slot, which was found by an index of `depth` bits, holds no capability."""
    if s.slot[slot].cap.kind == CapKind.Null:
        raise failed_lookup(is_source, LookupFailure(LookupFailureKind.MissingCapability, depth))


def ensure_possible(cap: Cap) -> None:
    """Raise IllegalOperation if a capability became null that was to be copied or moved."""
    if cap.kind == CapKind.Null:
        raise SyscallError(ErrorKind.IllegalOperation)


def cnode_copy(s: State, length: Word, source: SlotRef, destination: SlotRef, buffer: Word) -> None:
    """Copy a capability, with those of its rights that are in word 4 of the message."""
    if length < 5:
        raise SyscallError(ErrorKind.TruncatedMessage)
    masked = mask_cap_rights(syscall_argument(s, 4, buffer), s.slot[source].cap)
    cap = derive_cap(s, source, masked)
    ensure_possible(cap)
    cap_insert(s, cap, source, destination)


def cnode_mint(s: State, length: Word, source: SlotRef, destination: SlotRef, buffer: Word) -> None:
    """Copy a capability, with the badge or guard in word 5, and those of its rights that are in word 4."""
    if length < 6:
        raise SyscallError(ErrorKind.TruncatedMessage)
    masked = mask_cap_rights(syscall_argument(s, 4, buffer), s.slot[source].cap)
    cap = derive_cap(s, source, update_cap_data(False, syscall_argument(s, 5, buffer), masked))
    ensure_possible(cap)
    cap_insert(s, cap, source, destination)


def cnode_mutate(s: State, length: Word, source: SlotRef, destination: SlotRef, buffer: Word) -> None:
    """Move a capability, with the guard in word 4 of the message; one with a badge cannot be moved so."""
    if length < 5:
        raise SyscallError(ErrorKind.TruncatedMessage)
    cap = update_cap_data(True, syscall_argument(s, 4, buffer), s.slot[source].cap)
    ensure_possible(cap)
    cap_move(s, cap, source, destination)


def cnode_rotate(s: State, length: Word, destination: SlotRef, extra: ExtraCaps, buffer: Word) -> None:
    """Move a capability to the pivot, and the one that is there to the destination, each with a new guard.

    The pivot is told by words 2 to 4 of the message and the first extra capability, the source by words 5 to 7
    and the second.  If source and destination are the same, the two capabilities are swapped.
    """
    if length < 8 or extra.first == NULL or extra.second == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    pivot_data, pivot_index = syscall_argument(s, 2, buffer), syscall_argument(s, 3, buffer)
    pivot_depth, source_data = syscall_argument(s, 4, buffer), syscall_argument(s, 5, buffer)
    source_index, source_depth = syscall_argument(s, 6, buffer), syscall_argument(s, 7, buffer)
    source = lookup_slot_for_cnode_op(s, True, s.slot[extra.second].cap, source_index, source_depth)
    pivot = lookup_slot_for_cnode_op(s, True, s.slot[extra.first].cap, pivot_index, pivot_depth)
    if one_of(pivot, source, destination):
        raise SyscallError(ErrorKind.IllegalOperation)
    if source != destination:
        ensure_empty_slot(s, destination)
    ensure_full_slot(s, True, source, source_depth)
    ensure_full_slot(s, False, pivot, pivot_depth)
    source_cap = update_cap_data(True, source_data, s.slot[source].cap)
    pivot_cap = update_cap_data(True, pivot_data, s.slot[pivot].cap)
    ensure_possible(source_cap)
    ensure_possible(pivot_cap)
    if source == destination:
        cap_swap(s, source_cap, source, pivot_cap, pivot)
    else:
        cap_move(s, pivot_cap, pivot, destination)
        cap_move(s, source_cap, source, pivot)


def cnode_save_caller(s: State, destination: SlotRef) -> None:
    """Move the capability to answer the current thread's last caller, if there is one, into an empty slot."""
    ensure_empty_slot(s, destination)
    source = slot_of_thread(s.current_thread, CALLER_SLOT)
    cap = s.slot[source].cap
    if cap.kind == CapKind.Reply and not cap.is_master:
        cap_move(s, cap, source, destination)


def cnode_cancel_badged_sends(s: State, slot: SlotRef) -> None:
    """Have all threads that send with the badge of the endpoint capability in the slot make their system call again."""
    cap = s.slot[slot].cap
    if not has_cancel_send_rights(cap):
        raise SyscallError(ErrorKind.IllegalOperation)
    if cap.badge != 0:
        cancel_badged_sends(s, reference_at(EndpointRef, cap.object), cap.badge)
