/* Messages: in registers and IPC buffers, and their transfer from one thread to another. */

#ifndef MESSAGE_H
#define MESSAGE_H

#include "objects.h"

/* Where things are in an IPC buffer, in words.  Message word n is word n + 1. */
enum ipc_buffer_word {
    IPCBuffer_Message = 1,
    IPCBuffer_Caps = 122
};
#define MAX_MESSAGE_LENGTH 120u

void doIPCTransfer(tcb_t *sender, tcb_t *receiver, word_t badge);
word_t lookupIPCBuffer(tcb_t *thread, bool_t isReceiver);
word_t syscallArgument(word_t number, word_t buffer);
void setMr(tcb_t *thread, word_t buffer, word_t number, word_t word);
word_t messageInfoLength(word_t info);

#endif
