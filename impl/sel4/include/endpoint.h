/* Endpoints: synchronous message passing. */

#ifndef ENDPOINT_H
#define ENDPOINT_H

#include "objects.h"

void sendIPC(bool_t blocking, bool_t call, word_t badge, bool_t canGrant, bool_t canGrantReply, tcb_t *thread,
             endpoint_t *endpoint);
void receiveIPC(tcb_t *thread, endpoint_t *endpoint, bool_t canGrant, bool_t blocking);

#endif
