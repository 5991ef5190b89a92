/* Invocations of threads: executable_model/sel4/tcb_invocation.py. */

#include "capability.h"
#include "cspace.h"
#include "deletion.h"
#include "derivation.h"
#include "invocation.h"
#include "message.h"
#include "schedule.h"
#include "state.h"
#include "tcb.h"

/* The registers that users see: those of the frame, without which a thread cannot run, and the integer registers. */
#define FRAME_REGISTERS 10u
#define USER_REGISTERS 19u

/* The bits of CPSR that users can write. */
#define CONDITION_FLAGS 0xf8000000u

/* The bits of word 0 of a message about registers. */
#define COPY_SUSPENDS_SOURCE 1u
#define COPY_RESUMES_TARGET 2u
#define COPY_FRAME 4u
#define COPY_INTEGER 8u
#define READ_SUSPENDS 1u
#define WRITE_RESUMES 1u

/* The register that has this number in messages. */
static word_t userRegister(word_t number)
{
    return number == 0    ? FaultIP
           : number == 1u ? SP
           : number == 2u ? CPSR
           : number < 5u  ? number - 3u + R0
           : number < 10u ? number - 5u + R8
           : number < 16u ? number - 10u + R2
           : number == 16u ? LR
           : number == 17u ? TPIDRURW
                           : TPIDRURO;
}

/* What is written to a register when a user asks for a value: sanitised. */
static word_t sanitised(word_t number, word_t value)
{
    return number == CPSR ? (value & CONDITION_FLAGS) | USER_CPSR : value;
}

static void copyRegisters(tcb_t *source, tcb_t *target, word_t first, word_t end)
{
    for (word_t number = first; number < end; number++) {
        setRegister(target, userRegister(number), getRegister(source, userRegister(number)));
    }
}

/* Have the thread go on where its registers say. */
static void goOnThere(tcb_t *thread)
{
    setRegister(thread, NextIP, getRegister(thread, FaultIP));
}

/* Leave the first registers of another thread in current_answer, as many as word 1 of the message says; it may be
   suspended before: tcb_read_registers. */
static exception_t tcbReadRegisters(word_t length, tcb_t *thread, word_t buffer)
{
    if (length < 2u) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t count = syscallArgument(1, buffer);
    if (count < 1u || count > USER_REGISTERS) {
        return syscallErrorWords(seL4_RangeError, 1, USER_REGISTERS);
    }
    if (thread == ksCurThread) {
        return syscallError(seL4_IllegalOperation);
    }
    if (syscallArgument(0, buffer) & READ_SUSPENDS) {
        suspend(thread);
    }
    for (word_t number = 0; number < count; number++) {
        current_answer.words[number] = getRegister(thread, userRegister(number));
    }
    current_answer.length = count;
    return EXCEPTION_NONE;
}

/* Write the first registers of another thread, as many as word 1 of the message says; it may be resumed then:
   tcb_write_registers. */
static exception_t tcbWriteRegisters(word_t length, tcb_t *thread, word_t buffer)
{
    if (length < 2u) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t flags = syscallArgument(0, buffer);
    word_t count = syscallArgument(1, buffer);
    if (count > length - 2u) {
        return syscallError(seL4_TruncatedMessage);
    }
    if (thread == ksCurThread) {
        return syscallError(seL4_IllegalOperation);
    }
    for (word_t number = 0; number < count && number < USER_REGISTERS; number++) {
        word_t value = syscallArgument(2u + number, buffer);
        setRegister(thread, userRegister(number), sanitised(userRegister(number), value));
    }
    goOnThere(thread);
    if (flags & WRITE_RESUMES) {
        restart(thread);
    }
    return EXCEPTION_NONE;
}

/* Copy the frame registers or the integer registers, or both, of the thread that the message names, which may be
   suspended before, while the invoked one may be resumed: tcb_copy_registers. */
static exception_t tcbCopyRegisters(word_t length, tcb_t *thread, word_t buffer)
{
    if (length < 1u || current_extra_caps.first == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t flags = syscallArgument(0, buffer);
    cap_t named = current_extra_caps.first->cap;
    if (cap_get_capType(named) != cap_thread_cap) {
        return syscallErrorWord(seL4_InvalidCapability, 1);
    }
    tcb_t *source = TCB_PTR(cap_thread_cap_get_capTCBPtr(named));
    if (flags & COPY_SUSPENDS_SOURCE) {
        suspend(source);
    }
    if (flags & COPY_RESUMES_TARGET) {
        restart(thread);
    }
    if (flags & COPY_FRAME) {
        copyRegisters(source, thread, 0, FRAME_REGISTERS);
        goOnThere(thread);
    }
    if (flags & COPY_INTEGER) {
        copyRegisters(source, thread, FRAME_REGISTERS, USER_REGISTERS);
    }
    if (thread == ksCurThread) {
        rescheduleRequired();
    }
    return EXCEPTION_NONE;
}

/* Whether the slot holds the last capability to a CNode or thread, or what is left of one: is_deleted_slowly. */
static bool_t isDeletedSlowly(cte_t *slot)
{
    word_t kind = cap_get_capType(slot->cap);
    if (kind == cap_thread_cap || kind == cap_cnode_cap || kind == cap_zombie_cap) {
        return isFinalCap(slot);
    }
    return false;
}

/* Make what a copy of the slot's capability is, with the data unless that is 0, and leave it in current_derived_cap:
   new_root. */
static exception_t newRoot(word_t data, cte_t *source)
{
    cap_t cap = data == 0 ? source->cap : updateCapData(false, data, source->cap);
    return deriveCap(source, cap);
}

/* Make the new root of a capability space. */
static exception_t newCspaceRoot(word_t data, cte_t *source)
{
    exception_t status = newRoot(data, source);
    if (status == EXCEPTION_NONE && cap_get_capType(current_derived_cap) != cap_cnode_cap) {
        status = syscallError(seL4_IllegalOperation);
    }
    return status;
}

/* Make the new root of an address space. */
static exception_t newVspaceRoot(word_t data, cte_t *source)
{
    exception_t status = newRoot(data, source);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cap_t cap = current_derived_cap;
    if (cap_get_capType(cap) != cap_page_directory_cap || !cap_page_directory_cap_get_capPDIsMapped(cap)) {
        return syscallError(seL4_IllegalOperation);
    }
    return EXCEPTION_NONE;
}

/* Make what a copy of the slot's capability to a frame is, for an IPC buffer at an address other than 0:
   new_ipc_buffer. */
static exception_t newIPCBuffer(word_t address, cte_t *source)
{
    exception_t status = deriveCap(source, source->cap);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    if (!isFrame(current_derived_cap) || frameIsDevice(current_derived_cap)) {
        return syscallError(seL4_IllegalOperation);
    }
    if (address & MASK(IPC_BUFFER_BITS)) {
        return syscallError(seL4_AlignmentError);
    }
    return EXCEPTION_NONE;
}

/* Delete what is in a slot of the thread, and insert a capability that was made of the source's: replace_cap.  The
   latter not if the source's, or the invoked capability, which was in `slot`, is no longer there. */
static exception_t replaceCap(cte_t *slot, tcb_t *thread, word_t index, cap_t cap, cte_t *source)
{
    cte_t *target = slotOfThread(thread, index);
    cap_t invoked = cap_thread_cap_set_capTCBPtr(cap_thread_cap_new(), TCB_REF(thread));
    exception_t status = capDelete(target);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    if (sameObjectAs(cap, source->cap) && sameObjectAs(invoked, slot->cap)) {
        capInsert(cap, source, target);
    }
    return EXCEPTION_NONE;
}

/* Replace the thread's fault handler and the roots of its capability and address space, by words 0 to 2 of the message
   and the first two extra capabilities: new_roots and set_space. */
static exception_t setSpace(cte_t *slot, tcb_t *thread, word_t buffer)
{
    cte_t *cspaceSource = current_extra_caps.first;
    cte_t *vspaceSource = current_extra_caps.second;
    if (isDeletedSlowly(slotOfThread(thread, ThreadSlot_CSpaceRoot))
        || isDeletedSlowly(slotOfThread(thread, ThreadSlot_VSpaceRoot))) {
        return syscallError(seL4_IllegalOperation);
    }
    exception_t status = newCspaceRoot(syscallArgument(1, buffer), cspaceSource);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cap_t cspace = current_derived_cap;
    status = newVspaceRoot(syscallArgument(2, buffer), vspaceSource);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cap_t vspace = current_derived_cap;
    thread->tcbFaultHandler = syscallArgument(0, buffer);
    status = replaceCap(slot, thread, ThreadSlot_CSpaceRoot, cspace, cspaceSource);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    return replaceCap(slot, thread, ThreadSlot_VSpaceRoot, vspace, vspaceSource);
}

/* Replace the thread's IPC buffer by one in a frame; by none if the address is 0: set_ipc_buffer. */
static exception_t setIPCBuffer(cte_t *slot, tcb_t *thread, word_t address, cap_t frame, cte_t *source)
{
    exception_t status = address == 0 ? capDelete(slotOfThread(thread, ThreadSlot_IPCBuffer))
                                      : replaceCap(slot, thread, ThreadSlot_IPCBuffer, frame, source);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    thread->tcbIPCBuffer = address;
    if (thread == ksCurThread) {
        rescheduleRequired();
    }
    return EXCEPTION_NONE;
}

/* tcb_configure. */
static exception_t tcbConfigure(word_t length, cte_t *slot, tcb_t *thread, word_t buffer)
{
    cte_t *source = current_extra_caps.third;
    if (length < 4u || source == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t address = syscallArgument(3, buffer);
    exception_t status = address == 0 ? EXCEPTION_NONE : newIPCBuffer(address, source);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cap_t frame = current_derived_cap;
    status = setSpace(slot, thread, buffer);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    return setIPCBuffer(slot, thread, address, frame, source);
}

/* tcb_set_space. */
static exception_t tcbSetSpace(word_t length, cte_t *slot, tcb_t *thread, word_t buffer)
{
    if (length < 3u || current_extra_caps.second == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    return setSpace(slot, thread, buffer);
}

/* tcb_set_ipc_buffer. */
static exception_t tcbSetIPCBuffer(word_t length, cte_t *slot, tcb_t *thread, word_t buffer)
{
    cte_t *source = current_extra_caps.first;
    if (length < 1u || source == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t address = syscallArgument(0, buffer);
    exception_t status = address == 0 ? EXCEPTION_NONE : newIPCBuffer(address, source);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    return setIPCBuffer(slot, thread, address, current_derived_cap, source);
}

/* Refuse a message without the words, or without a capability to a thread, that setting a priority takes. */
static exception_t checkAuthority(word_t length, word_t words)
{
    cte_t *named = current_extra_caps.first;
    if (length < words || named == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    if (cap_get_capType(named->cap) != cap_thread_cap) {
        return syscallErrorWord(seL4_InvalidCapability, 1);
    }
    return EXCEPTION_NONE;
}

/* Refuse a priority that the thread of the first extra capability may not give: check_priority. */
static exception_t checkPriority(word_t priority)
{
    word_t limit = TCB_PTR(cap_thread_cap_get_capTCBPtr(current_extra_caps.first->cap))->tcbMCP;
    return priority > limit ? syscallErrorWords(seL4_RangeError, 0, limit) : EXCEPTION_NONE;
}

/* tcb_set_priority. */
static exception_t tcbSetPriority(word_t length, tcb_t *thread, word_t buffer)
{
    exception_t status = checkAuthority(length, 1);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    word_t priority = syscallArgument(0, buffer);
    status = checkPriority(priority);
    if (status == EXCEPTION_NONE) {
        setPriority(thread, priority);
    }
    return status;
}

/* tcb_set_mc_priority. */
static exception_t tcbSetMcPriority(word_t length, tcb_t *thread, word_t buffer)
{
    exception_t status = checkAuthority(length, 1);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    word_t mcp = syscallArgument(0, buffer);
    status = checkPriority(mcp);
    if (status == EXCEPTION_NONE) {
        thread->tcbMCP = mcp;
    }
    return status;
}

/* tcb_set_sched_params. */
static exception_t tcbSetSchedParams(word_t length, tcb_t *thread, word_t buffer)
{
    exception_t status = checkAuthority(length, 2);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    word_t mcp = syscallArgument(0, buffer);
    word_t priority = syscallArgument(1, buffer);
    status = checkPriority(mcp);
    if (status == EXCEPTION_NONE) {
        status = checkPriority(priority);
    }
    if (status == EXCEPTION_NONE) {
        thread->tcbMCP = mcp;
        setPriority(thread, priority);
    }
    return status;
}

/* Bind the notification of the extra capability to the thread, if neither is bound and nobody waits:
   tcb_bind_notification. */
static exception_t tcbBindNotification(tcb_t *thread)
{
    cte_t *named = current_extra_caps.first;
    if (named == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    cap_t cap = named->cap;
    if (thread->tcbBoundNotification != NULL || cap_get_capType(cap) != cap_notification_cap
        || !cap_notification_cap_get_capNtfnCanReceive(cap)) {
        return syscallError(seL4_IllegalOperation);
    }
    notification_t *notification = NTFN_PTR(cap_notification_cap_get_capNtfnPtr(cap));
    if (notification_ptr_get_ntfnBoundTCB(notification) != 0
        || notification_ptr_get_state(notification) == NtfnState_Waiting) {
        return syscallError(seL4_IllegalOperation);
    }
    bindNotification(thread, notification);
    return EXCEPTION_NONE;
}

/* tcb_unbind_notification. */
static exception_t tcbUnbindNotification(tcb_t *thread)
{
    if (thread->tcbBoundNotification == NULL) {
        return syscallError(seL4_IllegalOperation);
    }
    unbindNotification(thread);
    return EXCEPTION_NONE;
}

/* tcb_set_tls_base. */
static exception_t tcbSetTlsBase(word_t length, tcb_t *thread, word_t buffer)
{
    if (length < 1u) {
        return syscallError(seL4_TruncatedMessage);
    }
    setRegister(thread, TPIDRURW, syscallArgument(0, buffer));
    if (thread == ksCurThread) {
        rescheduleRequired();
    }
    return EXCEPTION_NONE;
}

/* Without a floating-point unit there are no flags that could be set: tcb_set_flags. */
static exception_t tcbSetFlags(word_t length)
{
    if (length < 2u) {
        return syscallError(seL4_TruncatedMessage);
    }
    current_answer.words[0] = 0;
    current_answer.length = 1;
    return EXCEPTION_NONE;
}

/* Do what the message with this label asks of the thread of the capability, which is in the slot; words of the answer
   are left in current_answer: decode_tcb_invocation. */
exception_t decodeTcbInvocation(word_t label, word_t length, cte_t *slot, cap_t cap, word_t buffer)
{
    tcb_t *thread = TCB_PTR(cap_thread_cap_get_capTCBPtr(cap));
    switch (label) {
    case TCBReadRegisters:
        return tcbReadRegisters(length, thread, buffer);
    case TCBWriteRegisters:
        return tcbWriteRegisters(length, thread, buffer);
    case TCBCopyRegisters:
        return tcbCopyRegisters(length, thread, buffer);
    case TCBConfigure:
        return tcbConfigure(length, slot, thread, buffer);
    case TCBSetPriority:
        return tcbSetPriority(length, thread, buffer);
    case TCBSetMCPriority:
        return tcbSetMcPriority(length, thread, buffer);
    case TCBSetSchedParams:
        return tcbSetSchedParams(length, thread, buffer);
    case TCBSetIPCBuffer:
        return tcbSetIPCBuffer(length, slot, thread, buffer);
    case TCBSetSpace:
        return tcbSetSpace(length, slot, thread, buffer);
    case TCBSuspend:
        suspend(thread);
        return EXCEPTION_NONE;
    case TCBResume:
        restart(thread);
        return EXCEPTION_NONE;
    case TCBBindNotification:
        return tcbBindNotification(thread);
    case TCBUnbindNotification:
        return tcbUnbindNotification(thread);
    case TCBSetTLSBase:
        return tcbSetTlsBase(length, thread, buffer);
    case TCBSetFlags:
        return tcbSetFlags(length);
    default:
        return syscallError(seL4_IllegalOperation);
    }
}
