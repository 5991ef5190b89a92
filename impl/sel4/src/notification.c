/* Notifications: executable_model/sel4/notification.py. */

#include "notification.h"
#include "ipc_cancel.h"
#include "schedule.h"
#include "waiting.h"

/* Let a thread run that has received the badge; a signal has no message, so only that register changes:
   deliver. */
static void deliver(tcb_t *thread, word_t badge)
{
    setThreadState(thread, ThreadState_Running);
    setRegister(thread, badgeRegister, badge);
    possibleSwitchTo(thread);
}

/* Signal the notification: wake one thread with the badge, or keep it for the next that asks: send_signal. */
void sendSignal(notification_t *notification, word_t badge)
{
    switch (notification_ptr_get_state(notification)) {
    case NtfnState_Idle: {
        tcb_t *bound = TCB_PTR(notification_ptr_get_ntfnBoundTCB(notification));
        if (bound != NULL && thread_state_ptr_get_tsType(&bound->tcbState) == ThreadState_BlockedOnReceive) {
            cancelIPC(bound);
            deliver(bound, badge);
        } else {
            notification_ptr_set_state(notification, NtfnState_Active);
            notification_ptr_set_ntfnMsgIdentifier(notification, badge);
        }
        break;
    }
    case NtfnState_Waiting: {
        tcb_t *waiter = TCB_PTR(notification_ptr_get_ntfnQueue_head(notification));
        leaveNotification(waiter, notification);
        deliver(waiter, badge);
        break;
    }
    case NtfnState_Active:
        notification_ptr_set_ntfnMsgIdentifier(
            notification, notification_ptr_get_ntfnMsgIdentifier(notification) | badge);
        break;
    }
}

/* Take the notification's badge if it is active; else wait for a signal, or find out that there is none:
   receive_signal. */
void receiveSignal(tcb_t *thread, notification_t *notification, bool_t blocking)
{
    switch (notification_ptr_get_state(notification)) {
    case NtfnState_Idle:
    case NtfnState_Waiting:
        if (blocking) {
            thread_state_ptr_set_blockingObject(&thread->tcbState, NTFN_REF(notification));
            setThreadState(thread, ThreadState_BlockedOnNotification);
            joinNotification(thread, notification);
        } else {
            setRegister(thread, badgeRegister, 0);
        }
        break;
    case NtfnState_Active:
        completeSignal(notification, thread);
        break;
    }
}

/* Give an active notification's badge to the thread: complete_signal. */
void completeSignal(notification_t *notification, tcb_t *thread)
{
    setRegister(thread, badgeRegister, notification_ptr_get_ntfnMsgIdentifier(notification));
    notification_ptr_set_state(notification, NtfnState_Idle);
}
