/* Ending a thread's waiting before what it waits for has happened. */

#ifndef IPC_CANCEL_H
#define IPC_CANCEL_H

#include "objects.h"

void cancelIPC(tcb_t *thread);
void cancelSignal(tcb_t *thread, notification_t *notification);
void cancelAllIPC(endpoint_t *endpoint);
void cancelBadgedSends(endpoint_t *endpoint, word_t badge);
void cancelAllSignals(notification_t *notification);

#endif
