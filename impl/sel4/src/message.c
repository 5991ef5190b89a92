/* The transfer of a message from one thread to another: executable_model/sel4/message.py. */

#include "message.h"

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
