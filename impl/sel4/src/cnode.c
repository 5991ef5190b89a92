/* Operations on CNodes: executable_model/sel4/cnode.py. */

#include "capability.h"
#include "cspace.h"
#include "deletion.h"
#include "derivation.h"
#include "invocation.h"
#include "ipc_cancel.h"
#include "message.h"
#include "state.h"

/* Refuse a slot, found by an index of `depth` bits, that holds no capability: ensure_full_slot. */
static exception_t ensureFullSlot(bool_t isSource, cte_t *slot, word_t depth)
{
    if (isEmpty(slot)) {
        missingCapability(depth);
        return failedLookup(isSource);
    }
    return EXCEPTION_NONE;
}

/* Refuse a capability that was to be copied or moved and became null: ensure_possible. */
static exception_t ensurePossible(cap_t cap)
{
    return cap_get_capType(cap) == cap_null_cap ? syscallError(seL4_IllegalOperation) : EXCEPTION_NONE;
}

/* Put a copy of the source's capability, which is to be `cap`, into the destination. */
static exception_t copyCap(cap_t cap, cte_t *source, cte_t *destination)
{
    exception_t status = deriveCap(source, cap);
    if (status == EXCEPTION_NONE) {
        status = ensurePossible(current_derived_cap);
    }
    if (status == EXCEPTION_NONE) {
        capInsert(current_derived_cap, source, destination);
    }
    return status;
}

/* Copy a capability, with those of its rights that are in word 4 of the message: cnode_copy. */
static exception_t cnodeCopy(word_t length, cte_t *source, cte_t *destination, word_t buffer)
{
    if (length < 5u) {
        return syscallError(seL4_TruncatedMessage);
    }
    return copyCap(maskCapRights(syscallArgument(4, buffer), source->cap), source, destination);
}

/* Copy a capability, with the badge or guard in word 5, and those of its rights that are in word 4: cnode_mint. */
static exception_t cnodeMint(word_t length, cte_t *source, cte_t *destination, word_t buffer)
{
    if (length < 6u) {
        return syscallError(seL4_TruncatedMessage);
    }
    cap_t masked = maskCapRights(syscallArgument(4, buffer), source->cap);
    return copyCap(updateCapData(false, syscallArgument(5, buffer), masked), source, destination);
}

/* Move a capability, with the guard in word 4 of the message; one with a badge cannot be moved so: cnode_mutate. */
static exception_t cnodeMutate(word_t length, cte_t *source, cte_t *destination, word_t buffer)
{
    if (length < 5u) {
        return syscallError(seL4_TruncatedMessage);
    }
    cap_t cap = updateCapData(true, syscallArgument(4, buffer), source->cap);
    exception_t status = ensurePossible(cap);
    if (status == EXCEPTION_NONE) {
        capMove(cap, source, destination);
    }
    return status;
}

/* Find the slot to copy or move a capability from, by words 2 and 3 of the message; the destination must be empty:
   lookup_source. */
static exception_t lookupSource(word_t length, cte_t *destination, word_t buffer)
{
    if (length < 4u || current_extra_caps.first == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t index = syscallArgument(2, buffer);
    word_t depth = syscallArgument(3, buffer);
    exception_t status = ensureEmptySlot(destination);
    if (status == EXCEPTION_NONE) {
        status = lookupSlotForCnodeOp(true, current_extra_caps.first->cap, index, depth);
    }
    if (status == EXCEPTION_NONE) {
        status = ensureFullSlot(true, current_lookup.slot, depth);
    }
    return status;
}

/* Copy, Mint, Move and Mutate. */
static exception_t cnodeTransfer(word_t label, word_t length, cte_t *destination, word_t buffer)
{
    exception_t status = lookupSource(length, destination, buffer);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cte_t *source = current_lookup.slot;
    switch (label) {
    case CNodeCopy:
        return cnodeCopy(length, source, destination, buffer);
    case CNodeMint:
        return cnodeMint(length, source, destination, buffer);
    case CNodeMutate:
        return cnodeMutate(length, source, destination, buffer);
    default:
        capMove(source->cap, source, destination);
        return EXCEPTION_NONE;
    }
}

/* Have all threads that send with the badge of the endpoint capability in the slot make their system call again:
   cnode_cancel_badged_sends. */
static exception_t cnodeCancelBadgedSends(cte_t *slot)
{
    cap_t cap = slot->cap;
    word_t badge = badgeOf(cap);
    if (!hasCancelSendRights(cap)) {
        return syscallError(seL4_IllegalOperation);
    }
    if (badge != 0) {
        cancelBadgedSends(EP_PTR(cap_endpoint_cap_get_capEPPtr(cap)), badge);
    }
    return EXCEPTION_NONE;
}

/* Move the capability to answer the current thread's last caller, if there is one, into an empty slot:
   cnode_save_caller. */
static exception_t cnodeSaveCaller(cte_t *destination)
{
    exception_t status = ensureEmptySlot(destination);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cte_t *source = slotOfThread(ksCurThread, ThreadSlot_Caller);
    cap_t cap = source->cap;
    if (cap_get_capType(cap) == cap_reply_cap && !cap_reply_cap_get_capReplyMaster(cap)) {
        capMove(cap, source, destination);
    }
    return EXCEPTION_NONE;
}

/* Refuse slots that cannot be rotated; words 4 and 7 are the depths that the pivot and the source were found with. */
static exception_t checkRotation(cte_t *source, cte_t *pivot, cte_t *destination, word_t buffer)
{
    if (pivot == source || pivot == destination) {
        return syscallError(seL4_IllegalOperation);
    }
    exception_t status = source == destination ? EXCEPTION_NONE : ensureEmptySlot(destination);
    if (status == EXCEPTION_NONE) {
        status = ensureFullSlot(true, source, syscallArgument(7, buffer));
    }
    if (status == EXCEPTION_NONE) {
        status = ensureFullSlot(false, pivot, syscallArgument(4, buffer));
    }
    return status;
}

/* Move the source's capability to the pivot, and the pivot's to the destination; words 5 and 2 are their guards. */
static exception_t rotate(cte_t *source, cte_t *pivot, cte_t *destination, word_t buffer)
{
    cap_t sourceCap = updateCapData(true, syscallArgument(5, buffer), source->cap);
    cap_t pivotCap = updateCapData(true, syscallArgument(2, buffer), pivot->cap);
    exception_t status = ensurePossible(sourceCap);
    if (status == EXCEPTION_NONE) {
        status = ensurePossible(pivotCap);
    }
    if (status != EXCEPTION_NONE) {
        return status;
    }
    if (source == destination) {
        capSwap(sourceCap, source, pivotCap, pivot);
    } else {
        capMove(pivotCap, pivot, destination);
        capMove(sourceCap, source, pivot);
    }
    return EXCEPTION_NONE;
}

/* Move a capability to the pivot, and the one that is there to the destination, each with a new guard: cnode_rotate.
   The pivot is told by words 2 to 4 of the message and the first extra capability, the source by words 5 to 7 and the
   second. */
static exception_t cnodeRotate(word_t length, cte_t *destination, word_t buffer)
{
    if (length < 8u || current_extra_caps.first == NULL || current_extra_caps.second == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    cap_t pivotRoot = current_extra_caps.first->cap;
    cap_t sourceRoot = current_extra_caps.second->cap;
    word_t sourceIndex = syscallArgument(6, buffer);
    word_t pivotIndex = syscallArgument(3, buffer);
    exception_t status = lookupSlotForCnodeOp(true, sourceRoot, sourceIndex, syscallArgument(7, buffer));
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cte_t *source = current_lookup.slot;
    status = lookupSlotForCnodeOp(true, pivotRoot, pivotIndex, syscallArgument(4, buffer));
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cte_t *pivot = current_lookup.slot;
    status = checkRotation(source, pivot, destination, buffer);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    return rotate(source, pivot, destination, buffer);
}

/* Do what the message with this label asks of the CNode; all of it names a slot there first, by words 0 and 1:
   decode_cnode_invocation. */
exception_t decodeCnodeInvocation(word_t label, word_t length, cap_t cap, word_t buffer)
{
    if (label < CNodeRevoke || label > CNodeSaveCaller) {
        return syscallError(seL4_IllegalOperation);
    }
    if (length < 2u) {
        return syscallError(seL4_TruncatedMessage);
    }
    exception_t status = lookupSlotForCnodeOp(false, cap, syscallArgument(0, buffer), syscallArgument(1, buffer));
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cte_t *slot = current_lookup.slot;
    switch (label) {
    case CNodeRevoke:
        return capRevoke(slot);
    case CNodeDelete:
        return capDelete(slot);
    case CNodeCancelBadgedSends:
        return cnodeCancelBadgedSends(slot);
    case CNodeRotate:
        return cnodeRotate(length, slot, buffer);
    case CNodeSaveCaller:
        return cnodeSaveCaller(slot);
    default:
        return cnodeTransfer(label, length, slot, buffer);
    }
}
