/* The queues of threads that wait on an endpoint or notification. */

#ifndef WAITING_H
#define WAITING_H

#include "objects.h"

void joinEndpoint(tcb_t *thread, endpoint_t *endpoint, word_t state);
void leaveEndpoint(tcb_t *thread, endpoint_t *endpoint);
void joinNotification(tcb_t *thread, notification_t *notification);
void leaveNotification(tcb_t *thread, notification_t *notification);

#endif
