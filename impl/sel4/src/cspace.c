/* Capability spaces: executable_model/sel4/cspace.py. */

#include "cspace.h"
#include "derivation.h"
#include "message.h"

lookup_t current_lookup;
extra_caps_t current_extra_caps;
cap_t current_derived_cap;

/* Find the slot in one CNode, which the first of the bits that are left of the address lead to. */
static exception_t resolveLevel(cap_t cnode, word_t address, word_t bitsLeft)
{
    word_t radix = cap_cnode_cap_get_capCNodeRadix(cnode);
    word_t guardSize = cap_cnode_cap_get_capCNodeGuardSize(cnode);
    word_t guard = cap_cnode_cap_get_capCNodeGuard(cnode);
    current_lookup.slot = NULL;
    if (guardSize > bitsLeft || ((address >> ((bitsLeft - guardSize) & 31u)) & MASK(guardSize)) != guard) {
        return guardMismatch(bitsLeft, guard, guardSize);
    }
    if (radix + guardSize > bitsLeft) {
        return depthMismatch(bitsLeft, radix + guardSize);
    }
    word_t after = bitsLeft - guardSize - radix;
    word_t index = (address >> (after & 31u)) & MASK(radix);
    current_lookup.slot = slotOfCnode(cap_cnode_cap_get_capCNodePtr(cnode), index);
    current_lookup.bitsLeft = after;
    return EXCEPTION_NONE;
}

/* Find the slot that the lowest `depth` bits of the address lead to, from CNode to CNode: resolve_address_bits.  It
   ends well where the bits are used up, or at a capability that is none to a CNode. */
exception_t resolveAddressBits(cap_t root, word_t address, word_t depth)
{
    current_lookup.slot = NULL;
    if (cap_get_capType(root) != cap_cnode_cap) {
        return invalidRoot();
    }
    exception_t status = resolveLevel(root, address, depth);
    while (status == EXCEPTION_NONE && current_lookup.bitsLeft != 0
           && cap_get_capType(current_lookup.slot->cap) == cap_cnode_cap) {
        status = resolveLevel(current_lookup.slot->cap, address, current_lookup.bitsLeft);
    }
    return status;
}

/* Find the slot that an address leads to in the thread's capability space: lookup_slot. */
exception_t lookupSlot(tcb_t *thread, word_t address)
{
    cte_t *root = slotOfThread(thread, ThreadSlot_CSpaceRoot);
    return resolveAddressBits(root->cap, address, WORD_BITS);
}

/* Find the slot that an operation on CNodes names by an index and its depth, which must be used up:
   lookup_slot_for_cnode_op. */
exception_t lookupSlotForCnodeOp(bool_t isSource, cap_t root, word_t index, word_t depth)
{
    if (cap_get_capType(root) != cap_cnode_cap) {
        invalidRoot();
        return failedLookup(isSource);
    }
    if (depth < 1u || depth > WORD_BITS) {
        return syscallErrorWords(seL4_RangeError, 1, WORD_BITS);
    }
    if (resolveAddressBits(root, index, depth) != EXCEPTION_NONE) {
        return failedLookup(isSource);
    }
    if (current_lookup.bitsLeft != 0) {
        depthMismatch(current_lookup.bitsLeft, 0);
        return failedLookup(isSource);
    }
    return EXCEPTION_NONE;
}

/* Find the slot of one of the capabilities that go with a message; NULL if fewer do. */
static exception_t lookupExtraCap(tcb_t *thread, word_t buffer, word_t number, word_t count)
{
    current_lookup.slot = NULL;
    if (number >= count) {
        return EXCEPTION_NONE;
    }
    return lookupSlot(thread, readUserWord(buffer + ((IPCBuffer_Caps + number) << 2)));
}

/* Find the slots of the capabilities that go with a message in the thread's IPC buffer, if it has one:
   lookup_extra_caps. */
exception_t lookupExtraCaps(tcb_t *thread, word_t buffer, word_t count)
{
    word_t present = buffer == 0 ? 0 : count;
    exception_t status = lookupExtraCap(thread, buffer, 0, present);
    current_extra_caps.first = current_lookup.slot;
    if (status == EXCEPTION_NONE) {
        status = lookupExtraCap(thread, buffer, 1, present);
    }
    current_extra_caps.second = current_lookup.slot;
    if (status == EXCEPTION_NONE) {
        status = lookupExtraCap(thread, buffer, 2, present);
    }
    current_extra_caps.third = current_lookup.slot;
    return status;
}

/* Make what a copy of the slot's capability would be, of which `cap` was made; the null capability if there must be
   no copy: derive_cap. */
exception_t deriveCap(cte_t *slot, cap_t cap)
{
    current_derived_cap = cap;
    switch (cap_get_capType(cap)) {
    case cap_zombie_cap:
    case cap_reply_cap:
    case cap_irq_control_cap:
        current_derived_cap = cap_null_cap_new();
        return EXCEPTION_NONE;
    case cap_untyped_cap:
        return ensureNoChildren(slot);
    case cap_page_table_cap:
        return cap_page_table_cap_get_capPTIsMapped(cap) ? EXCEPTION_NONE : syscallError(seL4_IllegalOperation);
    case cap_page_directory_cap:
        return cap_page_directory_cap_get_capPDIsMapped(cap) ? EXCEPTION_NONE : syscallError(seL4_IllegalOperation);
    case cap_small_frame_cap:
        cap = cap_small_frame_cap_set_capFMappedASIDHigh(cap, 0);
        current_derived_cap = cap_small_frame_cap_set_capFMappedASIDLow(cap, 0);
        return EXCEPTION_NONE;
    case cap_frame_cap:
        cap = cap_frame_cap_set_capFMappedASIDHigh(cap, 0);
        current_derived_cap = cap_frame_cap_set_capFMappedASIDLow(cap, 0);
        return EXCEPTION_NONE;
    default:
        return EXCEPTION_NONE;
    }
}
