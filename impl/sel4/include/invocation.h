/* What can be asked of kernel objects: the labels of messages to them, and who carries them out. */

#ifndef INVOCATION_H
#define INVOCATION_H

#include "errors.h"
#include "objects.h"

enum invocation_label {
    UntypedRetype = 1,
    CNodeRevoke = 17,
    CNodeDelete = 18,
    CNodeCancelBadgedSends = 19,
    CNodeCopy = 20,
    CNodeMint = 21,
    CNodeMove = 22,
    CNodeMutate = 23,
    CNodeRotate = 24,
    CNodeSaveCaller = 25
};

/* `length` words of the message count, `buffer` is the sender's IPC buffer or 0; capabilities that go with the message
   are in current_extra_caps. */
exception_t decodeCnodeInvocation(word_t label, word_t length, cap_t cap, word_t buffer);
exception_t decodeUntypedInvocation(word_t label, word_t length, cte_t *slot, cap_t cap, word_t buffer);

#endif
