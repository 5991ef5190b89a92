/* The queues of threads that wait on an endpoint or notification: executable_model/sel4/waiting.py. */

#include "waiting.h"

/* Link the thread behind the last one of the endpoint's queue: append. */
static void endpointAppend(endpoint_t *endpoint, tcb_t *thread)
{
    tcb_t *tail = TCB_PTR(endpoint_ptr_get_epQueue_tail(endpoint));
    if (endpoint_ptr_get_epQueue_head(endpoint) == 0) {
        endpoint_ptr_set_epQueue_head(endpoint, TCB_REF(thread));
    } else {
        tail->tcbEPNext = thread;
    }
    thread->tcbEPPrev = tail;
    thread->tcbEPNext = NULL;
    endpoint_ptr_set_epQueue_tail(endpoint, TCB_REF(thread));
}

/* Unlink the thread from the endpoint's queue, wherever it stands in it: remove. */
static void endpointRemove(endpoint_t *endpoint, tcb_t *thread)
{
    tcb_t *before = thread->tcbEPPrev;
    tcb_t *after = thread->tcbEPNext;
    if (before == NULL) {
        endpoint_ptr_set_epQueue_head(endpoint, TCB_REF(after));
    } else {
        before->tcbEPNext = after;
    }
    if (after == NULL) {
        endpoint_ptr_set_epQueue_tail(endpoint, TCB_REF(before));
    } else {
        after->tcbEPPrev = before;
    }
    thread->tcbEPPrev = NULL;
    thread->tcbEPNext = NULL;
}

/* Link the thread behind the last one of the notification's queue: append. */
static void notificationAppend(notification_t *notification, tcb_t *thread)
{
    tcb_t *tail = TCB_PTR(notification_ptr_get_ntfnQueue_tail(notification));
    if (notification_ptr_get_ntfnQueue_head(notification) == 0) {
        notification_ptr_set_ntfnQueue_head(notification, TCB_REF(thread));
    } else {
        tail->tcbEPNext = thread;
    }
    thread->tcbEPPrev = tail;
    thread->tcbEPNext = NULL;
    notification_ptr_set_ntfnQueue_tail(notification, TCB_REF(thread));
}

/* Unlink the thread from the notification's queue, wherever it stands in it: remove. */
static void notificationRemove(notification_t *notification, tcb_t *thread)
{
    tcb_t *before = thread->tcbEPPrev;
    tcb_t *after = thread->tcbEPNext;
    if (before == NULL) {
        notification_ptr_set_ntfnQueue_head(notification, TCB_REF(after));
    } else {
        before->tcbEPNext = after;
    }
    if (after == NULL) {
        notification_ptr_set_ntfnQueue_tail(notification, TCB_REF(before));
    } else {
        after->tcbEPPrev = before;
    }
    thread->tcbEPPrev = NULL;
    thread->tcbEPNext = NULL;
}

/* Put the thread in the endpoint's queue, which is one of senders or of receivers by `state`: join_endpoint. */
void joinEndpoint(tcb_t *thread, endpoint_t *endpoint, word_t state)
{
    endpointAppend(endpoint, thread);
    endpoint_ptr_set_state(endpoint, state);
}

/* Take the thread out of the endpoint's queue; without any left the endpoint is idle: leave_endpoint. */
void leaveEndpoint(tcb_t *thread, endpoint_t *endpoint)
{
    endpointRemove(endpoint, thread);
    if (endpoint_ptr_get_epQueue_head(endpoint) == 0) {
        endpoint_ptr_set_state(endpoint, EPState_Idle);
    }
}

/* Put the thread in the notification's queue: join_notification. */
void joinNotification(tcb_t *thread, notification_t *notification)
{
    notificationAppend(notification, thread);
    notification_ptr_set_state(notification, NtfnState_Waiting);
}

/* Take the thread out of the notification's queue; without any left the notification is idle:
   leave_notification. */
void leaveNotification(tcb_t *thread, notification_t *notification)
{
    notificationRemove(notification, thread);
    if (notification_ptr_get_ntfnQueue_head(notification) == 0) {
        notification_ptr_set_state(notification, NtfnState_Idle);
    }
}
