/* Capability spaces: finding capabilities by their addresses. */

#ifndef CSPACE_H
#define CSPACE_H

#include "errors.h"
#include "objects.h"

/* Where a lookup ended: the slot, or NULL after a failure, and how many bits of the address were left. */
struct lookup {
    cte_t *slot;
    word_t bitsLeft;
};
typedef struct lookup lookup_t;
extern lookup_t current_lookup;

/* The slots of the capabilities that go with a message; NULL where there is none. */
struct extra_caps {
    cte_t *first;
    cte_t *second;
    cte_t *third;
};
typedef struct extra_caps extra_caps_t;
extern extra_caps_t current_extra_caps;

/* What the last capability that was derived is. */
extern cap_t current_derived_cap;

exception_t resolveAddressBits(cap_t root, word_t address, word_t depth);
exception_t lookupSlot(tcb_t *thread, word_t address);
exception_t lookupSlotForCnodeOp(bool_t isSource, cap_t root, word_t index, word_t depth);
exception_t lookupExtraCaps(tcb_t *thread, word_t buffer, word_t count);
exception_t ensureEmptySlot(cte_t *slot);
exception_t deriveCap(cte_t *slot, cap_t cap);

/* The slot of a CNode with that index: slot_of_cnode. */
static inline cte_t *slotOfCnode(word_t cnode, word_t index)
{
    return CTE_PTR(cnode + (index << SLOT_BITS));
}

/* The slot of a thread with that number: slot_of_thread. */
static inline cte_t *slotOfThread(tcb_t *thread, word_t index)
{
    return CTE_PTR((TCB_REF(thread) & THREAD_MASK) | (index << SLOT_BITS));
}

static inline bool_t isEmpty(cte_t *slot)
{
    return cap_get_capType(slot->cap) == cap_null_cap;
}

#endif
