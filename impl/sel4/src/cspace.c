/* Capability spaces: executable_model/sel4/cspace.py. */

#include "cspace.h"
#include "derivation.h"
#include "memory.h"
#include "message.h"

lookup_t current_lookup;
extra_caps_t current_extra_caps;
cap_t current_derived_cap;

static exception_t found(cte_t *slot, word_t bitsLeft)
{
    current_lookup.slot = slot;
    current_lookup.bitsLeft = bitsLeft;
    return EXCEPTION_NONE;
}

/* Find the slot that the lowest `depth` bits of the address lead to, from CNode to CNode: resolve_address_bits.  It
   ends well where the bits are used up, or at a capability that is none to a CNode. */
exception_t resolveAddressBits(cap_t root, word_t address, word_t depth)
{
    cap_t cap = root;
    word_t bitsLeft = depth;
    current_lookup.slot = NULL;
    current_lookup.bitsLeft = 0;
    if (cap_get_capType(root) != cap_cnode_cap) {
        return invalidRoot();
    }
    while (true) {
        word_t radix = cap_cnode_cap_get_capCNodeRadix(cap);
        word_t guardSize = cap_cnode_cap_get_capCNodeGuardSize(cap);
        word_t guard = cap_cnode_cap_get_capCNodeGuard(cap);
        word_t used = guardSize + radix;
        if (guardSize > bitsLeft || ((address >> ((bitsLeft - guardSize) & 31u)) & MASK(guardSize)) != guard) {
            return guardMismatch(bitsLeft, guard, guardSize);
        }
        if (used > bitsLeft) {
            return depthMismatch(bitsLeft, used);
        }
        bitsLeft = bitsLeft - used;
        word_t index = (address >> bitsLeft) & MASK(radix);
        cte_t *slot = slotOfCnode(cap_cnode_cap_get_capCNodePtr(cap), index);
        if (bitsLeft == 0) {
            return found(slot, 0);
        }
        cap = slot->cap;
        if (cap_get_capType(cap) != cap_cnode_cap) {
            return found(slot, bitsLeft);
        }
    }
}

/* Find the slot that an address leads to in the thread's capability space: lookup_slot. */
exception_t lookupSlot(tcb_t *thread, word_t address)
{
    cte_t *root = slotOfThread(thread, ThreadSlot_CSpaceRoot);
    return resolveAddressBits(root->cap, address, WORD_BITS);
}

/* Find the slot that an invocation names by a CNode capability, and an index of `depth` bits, which must be used up:
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

static exception_t lookupExtraCap(tcb_t *thread, word_t buffer, word_t number)
{
    return lookupSlot(thread, loadWord(buffer, IPCBuffer_Caps + number));
}

/* Find the slots of the first `count` extra capabilities that the thread's message names in its IPC buffer:
   lookup_extra_caps.  Without a buffer there are none. */
exception_t lookupExtraCaps(tcb_t *thread, word_t buffer, word_t count)
{
    current_extra_caps.first = NULL;
    current_extra_caps.second = NULL;
    current_extra_caps.third = NULL;
    if (buffer == 0 || count == 0) {
        return EXCEPTION_NONE;
    }
    if (lookupExtraCap(thread, buffer, 0) != EXCEPTION_NONE) {
        return EXCEPTION_LOOKUP_FAULT;
    }
    current_extra_caps.first = current_lookup.slot;
    if (count == 1u) {
        return EXCEPTION_NONE;
    }
    if (lookupExtraCap(thread, buffer, 1) != EXCEPTION_NONE) {
        return EXCEPTION_LOOKUP_FAULT;
    }
    current_extra_caps.second = current_lookup.slot;
    if (count == 2u) {
        return EXCEPTION_NONE;
    }
    if (lookupExtraCap(thread, buffer, 2) != EXCEPTION_NONE) {
        return EXCEPTION_LOOKUP_FAULT;
    }
    current_extra_caps.third = current_lookup.slot;
    return EXCEPTION_NONE;
}

/* Refuse a slot that holds a capability: ensure_empty_slot. */
exception_t ensureEmptySlot(cte_t *slot)
{
    return isEmpty(slot) ? EXCEPTION_NONE : syscallError(seL4_DeleteFirst);
}

/* Make what a copy of `cap`, made of the capability in the slot, becomes, and leave it in current_derived_cap: the
   null capability if it cannot be copied: derive_cap. */
exception_t deriveCap(cte_t *slot, cap_t cap)
{
    current_derived_cap = cap;
    switch (cap_get_capType(cap)) {
    case cap_untyped_cap:
        return ensureNoChildren(slot);
    case cap_zombie_cap:
    case cap_reply_cap:
    case cap_irq_control_cap:
        current_derived_cap = cap_null_cap_new();
        return EXCEPTION_NONE;
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
