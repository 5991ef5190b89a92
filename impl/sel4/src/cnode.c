/* Operations on CNodes: executable_model/sel4/cnode.py. */

#include "capability.h"
#include "cspace.h"
#include "deletion.h"
#include "derivation.h"
#include "invocation.h"
#include "ipc_cancel.h"
#include "message.h"
#include "state.h"

/* Put a capability made of the source's into the destination. */
static exception_t insertCap(cap_t cap, cte_t *source, cte_t *destination)
{
    if (cap_get_capType(cap) == cap_null_cap) {
        return syscallError(seL4_IllegalOperation);
    }
    capInsert(cap, source, destination);
    return EXCEPTION_NONE;
}

/* Put the source's capability, or what has been made of it, into the destination instead. */
static exception_t moveCap(cap_t cap, cte_t *source, cte_t *destination)
{
    if (cap_get_capType(cap) == cap_null_cap) {
        return syscallError(seL4_IllegalOperation);
    }
    capMove(cap, source, destination);
    return EXCEPTION_NONE;
}

/* Put what the source's capability, changed to `cap`, becomes in a copy into the destination. */
static exception_t copyCap(cap_t cap, cte_t *source, cte_t *destination)
{
    exception_t status = deriveCap(source, cap);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    return insertCap(current_derived_cap, source, destination);
}

/* Copy: word 4 is the rights. */
static exception_t cnodeCopy(word_t length, cte_t *source, cte_t *destination, word_t buffer)
{
    if (length < 5u) {
        return syscallError(seL4_TruncatedMessage);
    }
    return copyCap(maskCapRights(syscallArgument(4, buffer), source->cap), source, destination);
}

/* Mint: word 4 is the rights, word 5 the new badge or guard. */
static exception_t cnodeMint(word_t length, cte_t *source, cte_t *destination, word_t buffer)
{
    if (length < 6u) {
        return syscallError(seL4_TruncatedMessage);
    }
    cap_t cap = maskCapRights(syscallArgument(4, buffer), source->cap);
    return copyCap(updateCapData(false, syscallArgument(5, buffer), cap), source, destination);
}

/* Mutate: word 4 is the new guard. */
static exception_t cnodeMutate(word_t length, cte_t *source, cte_t *destination, word_t buffer)
{
    if (length < 5u) {
        return syscallError(seL4_TruncatedMessage);
    }
    return moveCap(updateCapData(true, syscallArgument(4, buffer), source->cap), source, destination);
}

/* Copy, Mint, Move and Mutate: words 2 and 3 and the first capability tell the source, which must not be empty, as the
   destination must. */
static exception_t cnodeTransfer(word_t label, word_t length, cte_t *destination, word_t buffer)
{
    if (length < 4u || current_extra_caps.first == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    if (!isEmpty(destination)) {
        return syscallError(seL4_DeleteFirst);
    }
    word_t depth = syscallArgument(3, buffer);
    cap_t root = current_extra_caps.first->cap;
    exception_t status = lookupSlotForCnodeOp(true, root, syscallArgument(2, buffer), depth);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cte_t *source = current_lookup.slot;
    if (isEmpty(source)) {
        missingCapability(depth);
        return failedLookup(true);
    }
    switch (label) {
    case CNodeCopy:
        return cnodeCopy(length, source, destination, buffer);
    case CNodeMint:
        return cnodeMint(length, source, destination, buffer);
    case CNodeMutate:
        return cnodeMutate(length, source, destination, buffer);
    default:
        return moveCap(source->cap, source, destination);
    }
}

/* CancelBadgedSends: have those who send with the badge of this endpoint capability make their calls again. */
static exception_t cnodeCancelBadgedSends(cte_t *slot)
{
    cap_t cap = slot->cap;
    word_t badge = cap_endpoint_cap_get_capEPBadge(cap);
    if (cap_get_capType(cap) != cap_endpoint_cap || !cap_endpoint_cap_get_capCanSend(cap)
        || !cap_endpoint_cap_get_capCanReceive(cap) || !cap_endpoint_cap_get_capCanGrant(cap)
        || !cap_endpoint_cap_get_capCanGrantReply(cap)) {
        return syscallError(seL4_IllegalOperation);
    }
    if (badge != 0) {
        cancelBadgedSends(EP_PTR(cap_endpoint_cap_get_capEPPtr(cap)), badge);
    }
    return EXCEPTION_NONE;
}

/* SaveCaller: keep the capability to answer the thread that called last; nothing happens if there is none. */
static exception_t cnodeSaveCaller(cte_t *destination)
{
    if (!isEmpty(destination)) {
        return syscallError(seL4_DeleteFirst);
    }
    cte_t *caller = slotOfThread(ksCurThread, ThreadSlot_Caller);
    cap_t cap = caller->cap;
    if (cap_get_capType(cap) == cap_reply_cap && !cap_reply_cap_get_capReplyMaster(cap)) {
        capMove(cap, caller, destination);
    }
    return EXCEPTION_NONE;
}

/* Rotate the slots once all of them are known: the pivot's capability goes to the destination, the source's to the
   pivot.  Words 2 and 5 are their new guards, words 4 and 7 their depths. */
static exception_t rotateSlots(cte_t *source, cte_t *pivot, cte_t *destination, word_t buffer)
{
    if (pivot == source || pivot == destination) {
        return syscallError(seL4_IllegalOperation);
    }
    if (source != destination && !isEmpty(destination)) {
        return syscallError(seL4_DeleteFirst);
    }
    if (isEmpty(source)) {
        missingCapability(syscallArgument(7, buffer));
        return failedLookup(true);
    }
    if (isEmpty(pivot)) {
        missingCapability(syscallArgument(4, buffer));
        return failedLookup(false);
    }
    cap_t newSource = updateCapData(true, syscallArgument(5, buffer), source->cap);
    cap_t newPivot = updateCapData(true, syscallArgument(2, buffer), pivot->cap);
    if (cap_get_capType(newSource) == cap_null_cap || cap_get_capType(newPivot) == cap_null_cap) {
        return syscallError(seL4_IllegalOperation);
    }
    if (source == destination) {
        capSwap(newSource, source, newPivot, pivot);
    } else {
        capMove(newPivot, pivot, destination);
        capMove(newSource, source, pivot);
    }
    return EXCEPTION_NONE;
}

/* Rotate: words 3 and 4 and the first capability tell the pivot, words 6 and 7 and the second one the source. */
static exception_t cnodeRotate(word_t length, cte_t *destination, word_t buffer)
{
    if (length < 8u || current_extra_caps.first == NULL || current_extra_caps.second == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    cap_t pivotRoot = current_extra_caps.first->cap;
    cap_t sourceRoot = current_extra_caps.second->cap;
    exception_t status =
        lookupSlotForCnodeOp(true, sourceRoot, syscallArgument(6, buffer), syscallArgument(7, buffer));
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cte_t *source = current_lookup.slot;
    status = lookupSlotForCnodeOp(true, pivotRoot, syscallArgument(3, buffer), syscallArgument(4, buffer));
    if (status != EXCEPTION_NONE) {
        return status;
    }
    return rotateSlots(source, current_lookup.slot, destination, buffer);
}

/* Do what a message asks of a CNode; words 0 and 1 tell the destination in it: decode_cnode_invocation. */
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
