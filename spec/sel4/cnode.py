"""The operations on CNodes: copying, moving, deleting and revoking capabilities (seL4 manual, section 3.1.2).

A CNode capability is invoked to do something to a slot, the *destination*, that is looked up from there on.  Where a
capability comes from, the *source*, is looked up from a second CNode capability on.  An operation is either carried out
completely or not at all: what can be wrong is found out, in the order given here, before anything is changed.
"""

from __future__ import annotations

import enum

from refinement.logic import NULL, Word, one_of, reference_at
from spec.sel4.capability import Cap, CapKind, has_cancel_send_rights, mask_cap_rights, update_cap_data
from spec.sel4.cspace import ExtraCaps, derive_cap, ensure_empty_slot, lookup_slot_for_cnode_op, slot_of_thread
from spec.sel4.deletion import cap_delete, cap_revoke
from spec.sel4.derivation import cap_insert, cap_move, cap_swap
from spec.sel4.errors import ErrorKind, LookupFailure, LookupFailureKind, SyscallError, failed_lookup
from spec.sel4.ipc_cancel import cancel_badged_sends
from spec.sel4.message import syscall_argument
from spec.sel4.state import CALLER_SLOT, EndpointRef, SlotRef, State


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
    """Carry out what a message of `length` words asks of the CNode capability `cap`.

    Words 0 and 1 are always the index and depth of the destination.
    """
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


def ensure_full_slot(s: State, is_source: bool, slot: SlotRef, depth: Word) -> None:
    """Raise FailedLookup if the slot, found by an index of `depth` bits, is empty."""
    if s.slot[slot].cap.kind == CapKind.Null:
        raise failed_lookup(is_source, LookupFailure(LookupFailureKind.MissingCapability, depth))


def ensure_possible(cap: Cap) -> None:
    """Raise IllegalOperation if what was to be copied or moved came out as the null capability."""
    if cap.kind == CapKind.Null:
        raise SyscallError(ErrorKind.IllegalOperation)


def cnode_transfer(s: State, label: Word, length: Word, destination: SlotRef, extra: ExtraCaps, buffer: Word) -> None:
    """Copy, Mint, Move or Mutate: put a capability, or what is made of it, into the destination, which must be empty.

    Words 2 and 3 are the index and depth of the source, looked up from the first capability on that the message names.
    """
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
        case CNodeLabel.Mutate:
            cnode_mutate(s, length, source, destination, buffer)


def cnode_copy(s: State, length: Word, source: SlotRef, destination: SlotRef, buffer: Word) -> None:
    """Copy: derive a capability with the rights that are also in word 4."""
    if length < 5:
        raise SyscallError(ErrorKind.TruncatedMessage)
    masked = mask_cap_rights(syscall_argument(s, 4, buffer), s.slot[source].cap)
    cap = derive_cap(s, source, masked)
    ensure_possible(cap)
    cap_insert(s, cap, source, destination)


def cnode_mint(s: State, length: Word, source: SlotRef, destination: SlotRef, buffer: Word) -> None:
    """Mint: derive a capability with the rights that are also in word 4, and with word 5 as its badge or guard."""
    if length < 6:
        raise SyscallError(ErrorKind.TruncatedMessage)
    masked = mask_cap_rights(syscall_argument(s, 4, buffer), s.slot[source].cap)
    cap = derive_cap(s, source, update_cap_data(False, syscall_argument(s, 5, buffer), masked))
    ensure_possible(cap)
    cap_insert(s, cap, source, destination)


def cnode_mutate(s: State, length: Word, source: SlotRef, destination: SlotRef, buffer: Word) -> None:
    """Mutate: move the capability, with word 4 as its guard; it cannot be one that can have a badge."""
    if length < 5:
        raise SyscallError(ErrorKind.TruncatedMessage)
    cap = update_cap_data(True, syscall_argument(s, 4, buffer), s.slot[source].cap)
    ensure_possible(cap)
    cap_move(s, cap, source, destination)


def cnode_rotate(s: State, length: Word, destination: SlotRef, extra: ExtraCaps, buffer: Word) -> None:
    """Rotate: move two capabilities at once, that of the *pivot* to the destination, that of the source to the pivot.

    Source and destination may be the same slot: then the two change places.  For each of the pivot and the source there
    are three words, the new guard, the index and the depth, and a capability to begin the lookup at.
    """
    if length < 8 or extra.first == NULL or extra.second == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    pivot_data, pivot_index, pivot_depth = (syscall_argument(s, number, buffer) for number in (2, 3, 4))
    source_data, source_index, source_depth = (syscall_argument(s, number, buffer) for number in (5, 6, 7))
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


def cnode_cancel_badged_sends(s: State, slot: SlotRef) -> None:
    """CancelBadgedSends: all that wait to send with the badge of the capability in the slot make their call again.

    So a server can be certain that nothing sent with a badge will arrive any more, once all capabilities with it are
    revoked.  Without a badge nothing happens.
    """
    cap = s.slot[slot].cap
    if not has_cancel_send_rights(cap):
        raise SyscallError(ErrorKind.IllegalOperation)
    if cap.badge != 0:
        cancel_badged_sends(s, reference_at(EndpointRef, cap.object), cap.badge)


def cnode_save_caller(s: State, destination: SlotRef) -> None:
    """SaveCaller: keep the capability to reply to the last caller in a slot of one's own, if there is one."""
    ensure_empty_slot(s, destination)
    caller = slot_of_thread(s.current_thread, CALLER_SLOT)
    if s.slot[caller].cap.kind == CapKind.Reply:
        cap_move(s, s.slot[caller].cap, caller, destination)
