/* Replies: the capabilities to answer a thread that waits for one. */

#ifndef REPLY_H
#define REPLY_H

#include "objects.h"

void setupReplyMaster(tcb_t *thread);
void setupCallerCap(tcb_t *sender, tcb_t *receiver, bool_t canGrant);
void deleteCallerCap(tcb_t *thread);
void deleteReplyCap(tcb_t *thread);
void doReplyTransfer(tcb_t *sender, tcb_t *receiver, cte_t *slot, bool_t canGrant);

#endif
