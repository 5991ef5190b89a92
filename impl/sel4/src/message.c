/* Messages: executable_model/sel4/message.py. */

#include "message.h"
#include "capability.h"
#include "cspace.h"
#include "state.h"

/* The word at an aligned address in memory that users can have mapped. */
word_t readUserWord(word_t address)
{
    user_data_t *page = USER_DATA_PTR(address & ~MASK(PAGE_BITS));
    return page->words[(address & MASK(PAGE_BITS)) >> 2];
}

static void writeUserWord(word_t address, word_t value)
{
    user_data_t *page = USER_DATA_PTR(address & ~MASK(PAGE_BITS));
    page->words[(address & MASK(PAGE_BITS)) >> 2] = value;
}

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

/* How many words the message has that is described, and for which there is room: message_length. */
word_t messageLength(word_t info, word_t buffer)
{
    word_t length = seL4_MessageInfo_get_length(info);
    word_t most = buffer == 0 ? n_msgRegisters : MAX_MESSAGE_LENGTH;
    return length > most ? most : length;
}

/* A word of the current thread's message: syscall_argument. */
word_t syscallArgument(word_t number, word_t buffer)
{
    if (number < n_msgRegisters) {
        return getRegister(ksCurThread, msgRegister0 + number);
    }
    return readUserWord(buffer + ((IPCBuffer_Message + number) << 2));
}

/* Give the thread a word of a message, unless it would have to go into a buffer that there is not:
   set_message_word. */
void setMessageWord(tcb_t *thread, word_t number, word_t buffer, word_t value)
{
    if (number < n_msgRegisters) {
        setRegister(thread, msgRegister0 + number, value);
    } else if (buffer != 0) {
        writeUserWord(buffer + ((IPCBuffer_Message + number) << 2), value);
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
