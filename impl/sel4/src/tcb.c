/* Operations on thread control blocks: executable_model/sel4/tcb.py. */

#include "tcb.h"
#include "ipc_cancel.h"
#include "reply.h"
#include "schedule.h"

/* Stop the thread, whatever it does; one that was running goes on after the present instruction when resumed:
   suspend. */
void suspend(tcb_t *thread)
{
    cancelIPC(thread);
    if (thread_state_ptr_get_tsType(&thread->tcbState) == ThreadState_Running) {
        setRegister(thread, FaultIP, getRegister(thread, NextIP));
    }
    tcbSchedDequeue(thread);
    setThreadState(thread, ThreadState_Inactive);
}

/* Whether the thread neither runs, could run, nor is the idle thread: is_stopped. */
static bool_t isStopped(tcb_t *thread)
{
    word_t state = thread_state_ptr_get_tsType(&thread->tcbState);
    return state != ThreadState_Running && state != ThreadState_Restart && state != ThreadState_IdleThreadState;
}

/* Resume a stopped or blocked thread, which repeats the instruction with which it entered the kernel: restart.
   From then on others can be given the right to answer it. */
void restart(tcb_t *thread)
{
    if (isStopped(thread)) {
        cancelIPC(thread);
        setupReplyMaster(thread);
        setThreadState(thread, ThreadState_Restart);
        tcbSchedEnqueue(thread);
        possibleSwitchTo(thread);
    }
}

/* Give the thread another priority; who runs next is settled anew if that can matter: set_priority. */
void setPriority(tcb_t *thread, word_t priority)
{
    tcbSchedDequeue(thread);
    thread->tcbPriority = priority;
    if (isRunnable(thread)) {
        if (thread == ksCurThread) {
            rescheduleRequired();
        } else {
            possibleSwitchTo(thread);
        }
    }
}

/* Bind the notification to the thread: its signals also reach it while it waits on an endpoint:
   bind_notification. */
void bindNotification(tcb_t *thread, notification_t *notification)
{
    notification_ptr_set_ntfnBoundTCB(notification, TCB_REF(thread));
    thread->tcbBoundNotification = notification;
}

/* Undo the thread's binding, if there is one: unbind_notification. */
void unbindNotification(tcb_t *thread)
{
    notification_t *bound = thread->tcbBoundNotification;
    if (bound != NULL) {
        notification_ptr_set_ntfnBoundTCB(bound, 0);
        thread->tcbBoundNotification = NULL;
    }
}

/* Undo the notification's binding, if there is one: unbind_maybe_notification. */
void unbindMaybeNotification(notification_t *notification)
{
    tcb_t *bound = TCB_PTR(notification_ptr_get_ntfnBoundTCB(notification));
    if (bound != NULL) {
        unbindNotification(bound);
    }
}
