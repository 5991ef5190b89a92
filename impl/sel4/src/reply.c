/* Replies: executable_model/sel4/reply.py. */

#include "reply.h"
#include "cspace.h"
#include "derivation.h"
#include "message.h"
#include "schedule.h"

static cap_t newReplyCap(tcb_t *thread, bool_t canGrant, bool_t isMaster)
{
    cap_t cap = cap_reply_cap_set_capTCBPtr(cap_reply_cap_new(), TCB_REF(thread));
    cap = cap_reply_cap_set_capReplyCanGrant(cap, canGrant);
    return cap_reply_cap_set_capReplyMaster(cap, isMaster);
}

/* Give the thread its own reply capability, which those to answer it are made of, if it has none yet:
   setup_reply_master. */
void setupReplyMaster(tcb_t *thread)
{
    cte_t *slot = slotOfThread(thread, ThreadSlot_Reply);
    if (isEmpty(slot)) {
        slot->cap = newReplyCap(thread, true, true);
        setNode(slot, NULL, NULL, true, true);
    }
}

/* Have the sender of a call wait for the reply, which the receiver gets a capability to give: setup_caller_cap. */
void setupCallerCap(tcb_t *sender, tcb_t *receiver, bool_t canGrant)
{
    setThreadState(sender, ThreadState_BlockedOnReply);
    cte_t *master = slotOfThread(sender, ThreadSlot_Reply);
    capInsert(newReplyCap(sender, canGrant, false), master, slotOfThread(receiver, ThreadSlot_Caller));
}

/* Give up the right to answer the thread's last caller: delete_caller_cap. */
void deleteCallerCap(tcb_t *thread)
{
    emptySlot(slotOfThread(thread, ThreadSlot_Caller));
}

/* Delete the capability to answer the thread, wherever it is: the one made of its own, behind it: delete_reply_cap. */
void deleteReplyCap(tcb_t *thread)
{
    cte_t *reply = nextSlot(slotOfThread(thread, ThreadSlot_Reply));
    if (reply != NULL) {
        emptySlot(reply);
    }
}

/* Answer a call: the sender's message goes to the receiver, which runs on; the capability in the slot is used up:
   do_reply_transfer.  Capabilities are not transferred yet, whether or not the sender can grant them. */
void doReplyTransfer(tcb_t *sender, tcb_t *receiver, cte_t *slot, bool_t canGrant)
{
    doIPCTransfer(sender, receiver, 0);
    emptySlot(slot);
    setThreadState(receiver, ThreadState_Running);
    possibleSwitchTo(receiver);
}
