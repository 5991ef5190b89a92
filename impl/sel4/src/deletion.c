/* Deletion: executable_model/sel4/deletion.py.

   A zombie takes the place of the last capability to a CNode or thread until its slots are empty.  Emptying one of
   these may come upon the last capability to another such object: its zombie is put into a slot of that object, and
   what was there is deleted instead.  So there is no recursion. */

#include "deletion.h"
#include "capability.h"
#include "cspace.h"
#include "derivation.h"
#include "ipc_cancel.h"
#include "state.h"
#include "tcb.h"

/* Have an interrupt that is pending go before a long operation, every so often: preemption_point. */
exception_t preemptionPoint(void)
{
    ksWorkUnitsCompleted++;
    if (ksWorkUnitsCompleted < WORK_UNITS_LIMIT) {
        return EXCEPTION_NONE;
    }
    ksWorkUnitsCompleted = 0;
    return ksInterruptPending ? EXCEPTION_PREEMPTED : EXCEPTION_NONE;
}

static void finaliseEndpoint(cap_t cap)
{
    cancelAllIPC(EP_PTR(cap_endpoint_cap_get_capEPPtr(cap)));
}

static void finaliseNotification(cap_t cap)
{
    notification_t *notification = NTFN_PTR(cap_notification_cap_get_capNtfnPtr(cap));
    unbindMaybeNotification(notification);
    cancelAllSignals(notification);
}

static cap_t newZombie(word_t start, word_t type, word_t slots)
{
    cap_t zombie = cap_zombie_cap_set_capZombieType(cap_zombie_cap_new(), type);
    return cap_zombie_cap_set_capZombieID(zombie, start | slots);
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

/* Do what the end of a capability means for its object; gives what remains in its place: finalise_cap. */
cap_t finaliseCap(cap_t cap, bool_t isFinal)
{
    if (!isFinal) {
        return cap_null_cap_new();
    }
    switch (cap_get_capType(cap)) {
    case cap_endpoint_cap:
        finaliseEndpoint(cap);
        return cap_null_cap_new();
    case cap_notification_cap:
        finaliseNotification(cap);
        return cap_null_cap_new();
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

/* The same for the kinds of capabilities of which nothing remains and that need no long work: fast_finalise. */
void fastFinalise(cap_t cap, bool_t isFinal)
{
    if (!isFinal) {
        return;
    }
    switch (cap_get_capType(cap)) {
    case cap_endpoint_cap:
        finaliseEndpoint(cap);
        break;
    case cap_notification_cap:
        finaliseNotification(cap);
        break;
    default:
        break;
    }
}

/* Delete a capability of one of those kinds: cap_delete_one. */
void capDeleteOne(cte_t *slot)
{
    if (!isEmpty(slot)) {
        fastFinalise(slot->cap, isFinalCap(slot));
        emptySlot(slot);
    }
}

/* Whether what remains is a zombie that is in the first slot of its own object. */
static bool_t isCyclic(cap_t remainder, cte_t *slot)
{
    return cap_get_capType(remainder) == cap_zombie_cap && zombieStart(remainder) == CTE_REF(slot);
}

/* Whether what remains in the slot can go: nothing, or a zombie without slots but perhaps this one. */
static bool_t isRemovable(cap_t remainder, cte_t *slot)
{
    word_t kind = cap_get_capType(remainder);
    word_t left = zombieSlotsLeft(remainder);
    bool_t isLast = left == 0 || (left == 1u && zombieStart(remainder) == CTE_REF(slot));
    return kind == cap_null_cap || (kind == cap_zombie_cap && isLast);
}

/* Put the zombie into the first slot of its object, and what was there into its slot. */
static void parkZombie(cte_t *slot)
{
    cte_t *first = CTE_PTR(zombieStart(slot->cap));
    capSwap(first->cap, first, slot->cap, slot);
}

/* Delete the capability in a slot of a zombie's object.  A zombie that is there already stays in its place. */
static exception_t deleteInner(cte_t *slot)
{
    while (!isEmpty(slot)) {
        cap_t remainder = finaliseCap(slot->cap, isFinalCap(slot));
        if (isRemovable(remainder, slot)) {
            emptySlot(slot);
            return EXCEPTION_NONE;
        }
        slot->cap = remainder;
        if (isCyclic(remainder, slot)) {
            return EXCEPTION_NONE;
        }
        parkZombie(slot);
        exception_t status = preemptionPoint();
        if (status != EXCEPTION_NONE) {
            return status;
        }
    }
    return EXCEPTION_NONE;
}

/* Empty the last slot that is left of the zombie in this one: reduce_zombie.  The zombie may be another one after
   that, or gone. */
static exception_t reduceZombie(cte_t *slot)
{
    cap_t zombie = slot->cap;
    word_t last = zombieSlotsLeft(zombie) - 1u;
    exception_t status = deleteInner(slotOfCnode(zombieStart(zombie), last));
    if (status == EXCEPTION_NONE && slot->cap == zombie) {
        slot->cap = zombieWithSlotsLeft(zombie, last);
    }
    return status;
}

/* Delete the capability in a slot: cap_delete. */
exception_t capDelete(cte_t *slot)
{
    while (!isEmpty(slot)) {
        cap_t remainder = finaliseCap(slot->cap, isFinalCap(slot));
        if (isRemovable(remainder, slot)) {
            emptySlot(slot);
            return EXCEPTION_NONE;
        }
        slot->cap = remainder;
        exception_t status = reduceZombie(slot);
        if (status == EXCEPTION_NONE) {
            status = preemptionPoint();
        }
        if (status != EXCEPTION_NONE) {
            return status;
        }
    }
    return EXCEPTION_NONE;
}

/* Delete all capabilities that were made of the slot's: cap_revoke. */
exception_t capRevoke(cte_t *slot)
{
    while (hasChildren(slot)) {
        exception_t status = capDelete(nextSlot(slot));
        if (status == EXCEPTION_NONE) {
            status = preemptionPoint();
        }
        if (status != EXCEPTION_NONE) {
            return status;
        }
    }
    return EXCEPTION_NONE;
}
