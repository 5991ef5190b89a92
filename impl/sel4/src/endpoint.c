/* Endpoints: executable_model/sel4/endpoint.py. */

#include "endpoint.h"
#include "message.h"
#include "notification.h"
#include "reply.h"
#include "schedule.h"
#include "waiting.h"

/* Send the thread's message through the endpoint, to the first receiver in the queue, or wait for one:
   send_ipc. */
void sendIPC(bool_t blocking, bool_t call, word_t badge, bool_t canGrant, bool_t canGrantReply, tcb_t *thread,
             endpoint_t *endpoint)
{
    switch (endpoint_ptr_get_state(endpoint)) {
    case EPState_Idle:
    case EPState_Send:
        if (blocking) {
            thread_state_ptr_set_blockingObject(&thread->tcbState, EP_REF(endpoint));
            thread_state_ptr_set_blockingIPCBadge(&thread->tcbState, badge);
            thread_state_ptr_set_blockingIPCCanGrant(&thread->tcbState, canGrant);
            thread_state_ptr_set_blockingIPCCanGrantReply(&thread->tcbState, canGrantReply);
            thread_state_ptr_set_blockingIPCIsCall(&thread->tcbState, call);
            setThreadState(thread, ThreadState_BlockedOnSend);
            joinEndpoint(thread, endpoint, EPState_Send);
        }
        break;
    case EPState_Recv: {
        tcb_t *receiver = TCB_PTR(endpoint_ptr_get_epQueue_head(endpoint));
        leaveEndpoint(receiver, endpoint);
        doIPCTransfer(thread, receiver, badge);
        setThreadState(receiver, ThreadState_Running);
        possibleSwitchTo(receiver);
        if (call) {
            if (canGrant || canGrantReply) {
                setupCallerCap(thread, receiver, thread_state_ptr_get_blockingIPCCanGrant(&receiver->tcbState));
            } else {
                setThreadState(thread, ThreadState_Inactive);
            }
        }
        break;
    }
    }
}

/* Receive through the endpoint: a signal of the bound notification, else from the first sender, or wait for
   one: receive_ipc. */
void receiveIPC(tcb_t *thread, endpoint_t *endpoint, bool_t canGrant, bool_t blocking)
{
    notification_t *bound = thread->tcbBoundNotification;
    if (bound != NULL && notification_ptr_get_state(bound) == NtfnState_Active) {
        completeSignal(bound, thread);
        return;
    }
    switch (endpoint_ptr_get_state(endpoint)) {
    case EPState_Idle:
    case EPState_Recv:
        if (blocking) {
            thread_state_ptr_set_blockingObject(&thread->tcbState, EP_REF(endpoint));
            thread_state_ptr_set_blockingIPCCanGrant(&thread->tcbState, canGrant);
            setThreadState(thread, ThreadState_BlockedOnReceive);
            joinEndpoint(thread, endpoint, EPState_Recv);
        } else {
            setRegister(thread, badgeRegister, 0);
        }
        break;
    case EPState_Send: {
        tcb_t *sender = TCB_PTR(endpoint_ptr_get_epQueue_head(endpoint));
        leaveEndpoint(sender, endpoint);
        doIPCTransfer(sender, thread, thread_state_ptr_get_blockingIPCBadge(&sender->tcbState));
        if (thread_state_ptr_get_blockingIPCIsCall(&sender->tcbState)) {
            if (thread_state_ptr_get_blockingIPCCanGrant(&sender->tcbState)
                || thread_state_ptr_get_blockingIPCCanGrantReply(&sender->tcbState)) {
                setupCallerCap(sender, thread, canGrant);
            } else {
                setThreadState(sender, ThreadState_Inactive);
            }
        } else {
            setThreadState(sender, ThreadState_Running);
            possibleSwitchTo(sender);
        }
        break;
    }
    }
}
