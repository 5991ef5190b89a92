/* The transfer of a message from one thread to another. */

#ifndef MESSAGE_H
#define MESSAGE_H

#include "objects.h"

void doIPCTransfer(tcb_t *sender, tcb_t *receiver, word_t badge);

#endif
