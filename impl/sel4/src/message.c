/* Messages: executable_model/sel4/message.py. */

#include "message.h"
#include "capability.h"
#include "cspace.h"
#include "memory.h"
#include "state.h"

/* Where the thread's IPC buffer is in kernel memory, or 0 if it has none that it may use as a sender or receiver:
   lookup_ipc_buffer. */
word_t lookupIPCBuffer(tcb_t *thread, bool_t isReceiver)
{
    cte_t *slot = slotOfThread(thread, ThreadSlot_IPCBuffer);
    cap_t cap = slot->cap;
    word_t rights = frameRights(cap);
    if (!isFrame(cap) || frameIsDevice(cap) || !(rights == VMReadWrite || (rights == VMReadOnly && !isReceiver))) {
        return 0;
    }
    return objectStart(cap) + (thread->tcbIPCBuffer & MASK(frameBits(cap)));
}

/* How many words the message has that is described, at most 120: message_info_length. */
word_t messageInfoLength(word_t info)
{
    word_t length = seL4_MessageInfo_get_length(info);
    return length > MAX_MESSAGE_LENGTH ? MAX_MESSAGE_LENGTH : length;
}

/* Word `number` of the current thread's message: syscall_argument. */
word_t syscallArgument(word_t number, word_t buffer)
{
    if (number < n_msgRegisters) {
        return getRegister(ksCurThread, msgRegister0 + number);
    }
    return loadWord(buffer, IPCBuffer_Message + number);
}

/* Write word `number` of a message to the thread; without a buffer there is only room for the first four: set_mr. */
void setMr(tcb_t *thread, word_t buffer, word_t number, word_t word)
{
    if (number < n_msgRegisters) {
        setRegister(thread, msgRegister0 + number, word);
    } else if (buffer != 0) {
        storeWord(buffer, IPCBuffer_Message + number, word);
    }
}

/* Copy up to `length` message registers; returns how many there were: copy_mrs. */
static word_t copyMRs(tcb_t *sender, tcb_t *receiver, word_t length)
{
    word_t copied = 0;
    while (copied < length && copied < n_msgRegisters) {
        setRegister(receiver, msgRegister0 + copied, getRegister(sender, msgRegister0 + copied));
        copied++;
    }
    return copied;
}

/* Give the sender's message to the receiver, with the badge of the capability it was sent by:
   do_ipc_transfer. */
void doIPCTransfer(tcb_t *sender, tcb_t *receiver, word_t badge)
{
    seL4_MessageInfo_t info = getRegister(sender, msgInfoRegister);
    word_t copied = copyMRs(sender, receiver, seL4_MessageInfo_get_length(info));
    info = seL4_MessageInfo_set_length(info, copied);
    info = seL4_MessageInfo_set_extraCaps(info, 0);
    info = seL4_MessageInfo_set_capsUnwrapped(info, 0);
    setRegister(receiver, msgInfoRegister, info);
    setRegister(receiver, badgeRegister, badge);
}
