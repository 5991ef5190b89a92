/* What can be asked of kernel objects: the labels of messages to them, and who carries them out. */

#ifndef INVOCATION_H
#define INVOCATION_H

#include "errors.h"
#include "objects.h"

enum invocation_label {
    UntypedRetype = 1,
    TCBReadRegisters = 2,
    TCBWriteRegisters = 3,
    TCBCopyRegisters = 4,
    TCBConfigure = 5,
    TCBSetPriority = 6,
    TCBSetMCPriority = 7,
    TCBSetSchedParams = 8,
    TCBSetIPCBuffer = 9,
    TCBSetSpace = 10,
    TCBSuspend = 11,
    TCBResume = 12,
    TCBBindNotification = 13,
    TCBUnbindNotification = 14,
    TCBSetTLSBase = 15,
    TCBSetFlags = 16,
    CNodeRevoke = 17,
    CNodeDelete = 18,
    CNodeCancelBadgedSends = 19,
    CNodeCopy = 20,
    CNodeMint = 21,
    CNodeMove = 22,
    CNodeMutate = 23,
    CNodeRotate = 24,
    CNodeSaveCaller = 25,
    DomainSetSet = 30,
    DomainScheduleConfigure = 31,
    DomainScheduleSetStart = 32
};

#define ANSWER_WORDS 19u

/* What a caller is told whose invocation was carried out: `length` words. */
struct answer {
    word_t length;
    word_t words[ANSWER_WORDS];
};
typedef struct answer answer_t;
extern answer_t current_answer;

/* `length` words of the message count, `buffer` is the sender's IPC buffer or 0; capabilities that go with the message
   are in current_extra_caps. */
exception_t decodeCnodeInvocation(word_t label, word_t length, cap_t cap, word_t buffer);
exception_t decodeUntypedInvocation(word_t label, word_t length, cte_t *slot, cap_t cap, word_t buffer);
exception_t decodeTcbInvocation(word_t label, word_t length, cte_t *slot, cap_t cap, word_t buffer);
exception_t decodeDomainInvocation(word_t label, word_t length, word_t buffer);

#endif
