/* System calls: executable_model/sel4/syscall.py. */

#include "syscall.h"
#include "cspace.h"
#include "endpoint.h"
#include "fault.h"
#include "invocation.h"
#include "message.h"
#include "notification.h"
#include "reply.h"
#include "schedule.h"

answer_t current_answer;

static exception_t invokeEndpoint(cap_t cap, bool_t calling, bool_t blocking)
{
    if (!cap_endpoint_cap_get_capCanSend(cap)) {
        return syscallErrorWord(seL4_InvalidCapability, 0);
    }
    sendIPC(blocking, calling, cap_endpoint_cap_get_capEPBadge(cap), cap_endpoint_cap_get_capCanGrant(cap),
            cap_endpoint_cap_get_capCanGrantReply(cap), ksCurThread, EP_PTR(cap_endpoint_cap_get_capEPPtr(cap)));
    return EXCEPTION_NONE;
}

static exception_t invokeNotification(cap_t cap)
{
    if (!cap_notification_cap_get_capNtfnCanSend(cap)) {
        return syscallErrorWord(seL4_InvalidCapability, 0);
    }
    sendSignal(NTFN_PTR(cap_notification_cap_get_capNtfnPtr(cap)), cap_notification_cap_get_capNtfnBadge(cap));
    return EXCEPTION_NONE;
}

static void replyBy(cte_t *slot)
{
    cap_t cap = slot->cap;
    tcb_t *caller = TCB_PTR(cap_reply_cap_get_capTCBPtr(cap));
    doReplyTransfer(ksCurThread, caller, slot, cap_reply_cap_get_capReplyCanGrant(cap));
}

static exception_t invokeReply(cte_t *slot)
{
    if (cap_reply_cap_get_capReplyMaster(slot->cap)) {
        return syscallErrorWord(seL4_InvalidCapability, 0);
    }
    replyBy(slot);
    return EXCEPTION_NONE;
}

/* Invoke the capability in the slot, by its kind; words of the answer are left in current_answer: decode_invocation.
   Memory, address spaces and interrupts cannot be invoked yet. */
static exception_t decodeInvocation(word_t label, word_t length, cte_t *slot, bool_t calling, bool_t blocking,
                                    word_t buffer)
{
    cap_t cap = slot->cap;
    current_answer.length = 0;
    switch (cap_get_capType(cap)) {
    case cap_null_cap:
    case cap_zombie_cap:
        return syscallErrorWord(seL4_InvalidCapability, 0);
    case cap_endpoint_cap:
        return invokeEndpoint(cap, calling, blocking);
    case cap_notification_cap:
        return invokeNotification(cap);
    case cap_reply_cap:
        return invokeReply(slot);
    case cap_cnode_cap:
        return decodeCnodeInvocation(label, length, cap, buffer);
    case cap_untyped_cap:
        return decodeUntypedInvocation(label, length, slot, cap, buffer);
    case cap_thread_cap:
        return decodeTcbInvocation(label, length, slot, cap, buffer);
    case cap_domain_cap:
        return decodeDomainInvocation(label, length, buffer);
    default:
        return syscallError(seL4_IllegalOperation);
    }
}

/* Describe the kernel's answer to a thread, which has as many of its words as there is room for. */
static void describeAnswer(tcb_t *thread, word_t buffer, word_t label, word_t length)
{
    word_t sent = buffer == 0 && length > n_msgRegisters ? n_msgRegisters : length;
    setRegister(thread, badgeRegister, 0);
    setRegister(thread, msgInfoRegister, seL4_MessageInfo_set_length(seL4_MessageInfo_set_label(0, label), sent));
}

/* Tell a thread what was wrong with its call to an object of the kernel: reply_from_kernel. */
static void replyWithError(tcb_t *thread)
{
    word_t buffer = lookupIPCBuffer(thread, true);
    for (word_t number = 0; number < current_syscall_error.length; number++) {
        setMr(thread, buffer, number, current_syscall_error.words[number]);
    }
    describeAnswer(thread, buffer, current_syscall_error.kind, current_syscall_error.length);
}

/* Answer a thread's call to an object of the kernel that was carried out: reply_from_kernel. */
static void replyWithAnswer(tcb_t *thread)
{
    word_t buffer = lookupIPCBuffer(thread, true);
    for (word_t number = 0; number < current_answer.length; number++) {
        setMr(thread, buffer, number, current_answer.words[number]);
    }
    describeAnswer(thread, buffer, seL4_NoError, current_answer.length);
}

/* Let the thread go on after its invocation, unless that has stopped it, or was preempted and is to be made again. */
static void finishInvocation(tcb_t *thread, exception_t status, bool_t calling)
{
    if (status == EXCEPTION_SYSCALL_ERROR) {
        if (calling) {
            replyWithError(thread);
        }
        setThreadState(thread, ThreadState_Running);
    } else if (status == EXCEPTION_NONE
               && thread_state_ptr_get_tsType(&thread->tcbState) == ThreadState_Restart) {
        if (calling) {
            replyWithAnswer(thread);
        }
        setThreadState(thread, ThreadState_Running);
    }
}

/* Invoke a capability with a message; if `calling`, the current thread gets a reply: handle_invocation.  It is a fault
   if the capability, or an extra one, is not found, unless the call is not `blocking`: then nothing happens.  Until
   the invocation is done the thread is to make its system call again. */
void handleInvocation(bool_t calling, bool_t blocking)
{
    tcb_t *thread = ksCurThread;
    word_t info = getRegister(thread, msgInfoRegister);
    word_t buffer = lookupIPCBuffer(thread, false);
    exception_t status = lookupSlot(thread, getRegister(thread, capRegister));
    cte_t *slot = current_lookup.slot;
    if (status == EXCEPTION_NONE) {
        status = lookupExtraCaps(thread, buffer, seL4_MessageInfo_get_extraCaps(info));
    }
    if (status != EXCEPTION_NONE) {
        if (blocking) {
            handleFault(thread);
        }
        return;
    }
    word_t length = messageInfoLength(info);
    if (length > n_msgRegisters && buffer == 0) {
        length = n_msgRegisters;
    }
    setThreadState(thread, ThreadState_Restart);
    status = decodeInvocation(seL4_MessageInfo_get_label(info), length, slot, calling, blocking, buffer);
    finishInvocation(thread, status, calling);
}

static void receiveFromEndpoint(tcb_t *thread, cap_t cap, bool_t blocking)
{
    endpoint_t *endpoint = EP_PTR(cap_endpoint_cap_get_capEPPtr(cap));
    deleteCallerCap(thread);
    receiveIPC(thread, endpoint, cap_endpoint_cap_get_capCanGrant(cap), blocking);
}

/* A notification that is bound to another thread is that one's alone. */
static void receiveFromNotification(tcb_t *thread, cap_t cap, bool_t blocking)
{
    notification_t *notification = NTFN_PTR(cap_notification_cap_get_capNtfnPtr(cap));
    tcb_t *bound = TCB_PTR(notification_ptr_get_ntfnBoundTCB(notification));
    if (bound == NULL || bound == thread) {
        receiveSignal(thread, notification, blocking);
    } else {
        handleFault(thread);
    }
}

/* Receive a message or signal by a capability of the current thread; it is a fault if there is none for that:
   handle_recv.  Who receives by an endpoint gives up the right to answer its last caller. */
void handleRecv(bool_t blocking)
{
    tcb_t *thread = ksCurThread;
    if (lookupSlot(thread, getRegister(thread, capRegister)) != EXCEPTION_NONE) {
        handleFault(thread);
        return;
    }
    cap_t cap = current_lookup.slot->cap;
    word_t kind = cap_get_capType(cap);
    if (kind == cap_endpoint_cap && cap_endpoint_cap_get_capCanReceive(cap)) {
        receiveFromEndpoint(thread, cap, blocking);
    } else if (kind == cap_notification_cap && cap_notification_cap_get_capNtfnCanReceive(cap)) {
        receiveFromNotification(thread, cap, blocking);
    } else {
        handleFault(thread);
    }
}

/* Answer the thread that called the current one last, if there still is one to answer: handle_reply. */
void handleReply(void)
{
    cte_t *slot = slotOfThread(ksCurThread, ThreadSlot_Caller);
    cap_t cap = slot->cap;
    if (cap_get_capType(cap) == cap_reply_cap && !cap_reply_cap_get_capReplyMaster(cap)) {
        replyBy(slot);
    }
}

/* Do what the current thread asks for by the number of its system call: handle_syscall. */
void handleSyscall(word_t number)
{
    switch (number) {
    case SysCall:
        handleInvocation(true, true);
        break;
    case SysReplyRecv:
        handleReply();
        handleRecv(true);
        break;
    case SysSend:
        handleInvocation(false, true);
        break;
    case SysNBSend:
        handleInvocation(false, false);
        break;
    case SysRecv:
        handleRecv(true);
        break;
    case SysReply:
        handleReply();
        break;
    case SysYield:
        handleYield();
        break;
    case SysNBRecv:
        handleRecv(false);
        break;
    default:
        handleFault(ksCurThread);
        break;
    }
}

/* The whole of a kernel entry by a system call: call_kernel. */
void callKernel(word_t number)
{
    handleSyscall(number);
    schedule();
    activateThread();
}
