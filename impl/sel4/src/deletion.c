/* Deletion: executable_model/sel4/deletion.py.

   A zombie takes the place of the last capability to a CNode or thread until its slots are empty.  Emptying one of
   these may come upon the last capability to another such object: its zombie is put into the first slot of that
   object, and what was there is deleted instead.  So there is no recursion. */

#include "deletion.h"
#include "capability.h"
#include "cspace.h"
#include "derivation.h"
#include "ipc_cancel.h"
#include "state.h"
#include "tcb.h"

/* Count a unit of work, and let a pending interrupt go before after each hundred: preemption_point. */
exception_t preemptionPoint(void)
{
    ksWorkUnitsCompleted++;
    if (ksWorkUnitsCompleted < WORK_UNITS_LIMIT) {
        return EXCEPTION_NONE;
    }
    ksWorkUnitsCompleted = 0;
    return ksInterruptPending ? EXCEPTION_PREEMPTED : EXCEPTION_NONE;
}

static cap_t newZombie(word_t start, word_t type, word_t slots)
{
    cap_t zombie = cap_zombie_cap_set_capZombieType(cap_zombie_cap_new(), type);
    return cap_zombie_cap_set_capZombieID(zombie, start | slots);
}

static cap_t finaliseNotification(cap_t cap)
{
    notification_t *notification = NTFN_PTR(cap_notification_cap_get_capNtfnPtr(cap));
    unbindMaybeNotification(notification);
    cancelAllSignals(notification);
    return cap_null_cap_new();
}

static cap_t finaliseThread(cap_t cap)
{
    tcb_t *thread = TCB_PTR(cap_thread_cap_get_capTCBPtr(cap));
    unbindNotification(thread);
    suspend(thread);
    return newZombie(objectStart(cap), ZombieType_Thread, THREAD_SLOTS);
}

static cap_t finaliseCnode(cap_t cap)
{
    word_t radix = cap_cnode_cap_get_capCNodeRadix(cap);
    return newZombie(objectStart(cap), radix, BIT(radix & 31u));
}

/* Do to the object what the deletion of a capability to it takes; gives what is left of the capability:
   finalise_cap. */
cap_t finaliseCap(cap_t cap, bool_t isFinal)
{
    if (!isFinal) {
        return cap_null_cap_new();
    }
    switch (cap_get_capType(cap)) {
    case cap_endpoint_cap:
        cancelAllIPC(EP_PTR(cap_endpoint_cap_get_capEPPtr(cap)));
        return cap_null_cap_new();
    case cap_notification_cap:
        return finaliseNotification(cap);
    case cap_cnode_cap:
        return finaliseCnode(cap);
    case cap_thread_cap:
        return finaliseThread(cap);
    case cap_zombie_cap:
        return cap;
    default:
        return cap_null_cap_new();
    }
}

/* Whether a slot with this left in it can be emptied, as no other slots of the object must be emptied before:
   is_removable. */
static bool_t isRemovable(cap_t cap, cte_t *slot)
{
    word_t kind = cap_get_capType(cap);
    word_t left = zombieSlotsLeft(cap);
    bool_t isLast = left == 0 || (left == 1u && zombieStart(cap) == CTE_REF(slot));
    return kind == cap_null_cap || (kind == cap_zombie_cap && isLast);
}

/* Finalise what the slot holds; gives the first slot of the object if it holds a zombie then, else NULL:
   finalise_step. */
static cte_t *finaliseStep(cte_t *slot)
{
    if (isEmpty(slot)) {
        return NULL;
    }
    cap_t left = finaliseCap(slot->cap, isFinalCap(slot));
    if (isRemovable(left, slot)) {
        return NULL;
    }
    slot->cap = left;
    return CTE_PTR(zombieStart(left));
}

/* The same, but NULL too if the zombie is in the first slot of its own object: finalise_inner_step. */
static cte_t *finaliseInnerStep(cte_t *slot)
{
    cte_t *first = finaliseStep(slot);
    return first == slot ? NULL : first;
}

/* Delete the capability in a slot of an object that is itself being deleted: empty_inner_slot.  Zombies go to the
   first slot of their own object; one that is there already stays. */
static exception_t emptyInnerSlot(cte_t *slot)
{
    cte_t *first = finaliseInnerStep(slot);
    while (first != NULL) {
        capSwap(first->cap, first, slot->cap, slot);
        exception_t status = preemptionPoint();
        if (status != EXCEPTION_NONE) {
            return status;
        }
        first = finaliseInnerStep(slot);
    }
    cap_t cap = slot->cap;
    if (cap_get_capType(cap) != cap_zombie_cap || isRemovable(cap, slot)) {
        emptySlot(slot);
    }
    return EXCEPTION_NONE;
}

/* Empty the last slot that is left of the object of the zombie in this slot: reduce_zombie.  The zombie may have
   changed places with another meanwhile; the next step of the deletion then sees to that. */
static exception_t reduceZombie(cte_t *slot)
{
    cap_t zombie = slot->cap;
    word_t left = zombieSlotsLeft(zombie) - 1u;
    exception_t status = emptyInnerSlot(slotOfCnode(zombieStart(zombie), left));
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cap_t now = slot->cap;
    if (cap_get_capType(now) == cap_zombie_cap
        && cap_zombie_cap_get_capZombieID(now) == cap_zombie_cap_get_capZombieID(zombie)
        && cap_zombie_cap_get_capZombieType(now) == cap_zombie_cap_get_capZombieType(zombie)) {
        slot->cap = zombieWithSlotsLeft(now, left);
    }
    return EXCEPTION_NONE;
}

/* Finalise the capability in the slot, and empty all slots of its object if it was the last one: finalise_slot. */
static exception_t finaliseSlot(cte_t *slot)
{
    cte_t *first = finaliseStep(slot);
    while (first != NULL) {
        exception_t status = reduceZombie(slot);
        if (status != EXCEPTION_NONE) {
            return status;
        }
        status = preemptionPoint();
        if (status != EXCEPTION_NONE) {
            return status;
        }
        first = finaliseStep(slot);
    }
    return EXCEPTION_NONE;
}

/* Delete the capability in the slot, if there is one: cap_delete. */
exception_t capDelete(cte_t *slot)
{
    exception_t status = finaliseSlot(slot);
    if (status == EXCEPTION_NONE) {
        emptySlot(slot);
    }
    return status;
}

/* The first capability that was made of the slot's, or NULL. */
static cte_t *firstChild(cte_t *slot)
{
    return hasChildren(slot) ? nextSlot(slot) : NULL;
}

/* Delete all capabilities that were made of the slot's: cap_revoke. */
exception_t capRevoke(cte_t *slot)
{
    cte_t *child = firstChild(slot);
    while (child != NULL) {
        exception_t status = capDelete(child);
        if (status != EXCEPTION_NONE) {
            return status;
        }
        status = preemptionPoint();
        if (status != EXCEPTION_NONE) {
            return status;
        }
        child = firstChild(slot);
    }
    return EXCEPTION_NONE;
}
