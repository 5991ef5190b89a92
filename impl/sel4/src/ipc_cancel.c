/* Ending a thread's waiting before what it waits for has happened: executable_model/sel4/ipc_cancel.py. */

#include "ipc_cancel.h"
#include "reply.h"
#include "schedule.h"
#include "waiting.h"

/* Make a blocked thread inactive: cancel_ipc.  One that waits for a reply keeps its state: what is deleted then is
   the reply capability. */
void cancelIPC(tcb_t *thread)
{
    word_t object = thread_state_ptr_get_blockingObject(&thread->tcbState);
    switch (thread_state_ptr_get_tsType(&thread->tcbState)) {
    case ThreadState_BlockedOnSend:
    case ThreadState_BlockedOnReceive:
        leaveEndpoint(thread, EP_PTR(object));
        setThreadState(thread, ThreadState_Inactive);
        break;
    case ThreadState_BlockedOnNotification:
        cancelSignal(thread, NTFN_PTR(object));
        break;
    case ThreadState_BlockedOnReply:
        deleteReplyCap(thread);
        break;
    default:
        break;
    }
}

/* Make a thread inactive that waits on the notification: cancel_signal. */
void cancelSignal(tcb_t *thread, notification_t *notification)
{
    leaveNotification(thread, notification);
    setThreadState(thread, ThreadState_Inactive);
}

/* Have every thread in the endpoint's queue make its system call again: cancel_all_ipc. */
void cancelAllIPC(endpoint_t *endpoint)
{
    if (endpoint_ptr_get_state(endpoint) == EPState_Idle) {
        return;
    }
    tcb_t *thread = TCB_PTR(endpoint_ptr_get_epQueue_head(endpoint));
    while (thread != NULL) {
        leaveEndpoint(thread, endpoint);
        setThreadState(thread, ThreadState_Restart);
        tcbSchedEnqueue(thread);
        thread = TCB_PTR(endpoint_ptr_get_epQueue_head(endpoint));
    }
    rescheduleRequired();
}

/* Have every thread that sends with this badge make its system call again; others go on waiting:
   cancel_badged_sends. */
void cancelBadgedSends(endpoint_t *endpoint, word_t badge)
{
    if (endpoint_ptr_get_state(endpoint) != EPState_Send) {
        return;
    }
    tcb_t *thread = TCB_PTR(endpoint_ptr_get_epQueue_head(endpoint));
    while (thread != NULL) {
        tcb_t *next = thread->tcbEPNext;
        if (thread_state_ptr_get_blockingIPCBadge(&thread->tcbState) == badge) {
            leaveEndpoint(thread, endpoint);
            setThreadState(thread, ThreadState_Restart);
            tcbSchedEnqueue(thread);
        }
        thread = next;
    }
    rescheduleRequired();
}

/* Have every thread in the notification's queue make its system call again: cancel_all_signals. */
void cancelAllSignals(notification_t *notification)
{
    if (notification_ptr_get_state(notification) != NtfnState_Waiting) {
        return;
    }
    tcb_t *thread = TCB_PTR(notification_ptr_get_ntfnQueue_head(notification));
    while (thread != NULL) {
        leaveNotification(thread, notification);
        setThreadState(thread, ThreadState_Restart);
        tcbSchedEnqueue(thread);
        thread = TCB_PTR(notification_ptr_get_ntfnQueue_head(notification));
    }
    rescheduleRequired();
}
