/* Notifications: signals, and waiting for them. */

#ifndef NOTIFICATION_H
#define NOTIFICATION_H

#include "objects.h"

void sendSignal(notification_t *notification, word_t badge);
void receiveSignal(tcb_t *thread, notification_t *notification, bool_t blocking);
void completeSignal(notification_t *notification, tcb_t *thread);

#endif
