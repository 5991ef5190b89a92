/* Invocations of the domain capability: executable_model/sel4/domain.py. */

#include "cspace.h"
#include "invocation.h"
#include "message.h"
#include "schedule.h"

/* The most timer ticks that an entry of the schedule has room for. */
#define MAX_DURATION 0xffffffffffffffull

/* Assign the thread to a domain; a runnable one goes to the head of its ready queue there: set_domain. */
static void setDomain(tcb_t *thread, word_t domain)
{
    tcbSchedDequeue(thread);
    thread->tcbDomain = domain;
    if (isRunnable(thread)) {
        tcbSchedEnqueue(thread);
    }
    if (thread == ksCurThread) {
        rescheduleRequired();
    }
}

/* Assign the thread of the extra capability to the domain in word 0: domain_set_set. */
static exception_t domainSetSet(word_t length, word_t buffer)
{
    cte_t *named = current_extra_caps.first;
    if (length < 1u) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t domain = syscallArgument(0, buffer);
    if (domain >= NUM_DOMAINS) {
        return syscallErrorWord(seL4_InvalidArgument, 0);
    }
    if (named == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    if (cap_get_capType(named->cap) != cap_thread_cap) {
        return syscallErrorWord(seL4_InvalidArgument, 1);
    }
    setDomain(TCB_PTR(cap_thread_cap_get_capTCBPtr(named->cap)), domain);
    return EXCEPTION_NONE;
}

/* Write the entry of the schedule in word 0: the domain in word 1, the duration in words 2 and 3, low half first:
   domain_schedule_configure. */
static exception_t domainScheduleConfigure(word_t length, word_t buffer)
{
    if (length < 4u) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t index = syscallArgument(0, buffer);
    word_t domain = syscallArgument(1, buffer);
    uint64_t high = syscallArgument(3, buffer);
    uint64_t duration = (high << WORD_BITS) | syscallArgument(2, buffer);
    if (index >= DOMAIN_SCHEDULE_LENGTH - 1u) {
        return syscallErrorWords(seL4_RangeError, 0, DOMAIN_SCHEDULE_LENGTH - 2u);
    }
    if (domain >= NUM_DOMAINS) {
        return syscallErrorWords(seL4_RangeError, 0, NUM_DOMAINS - 1u);
    }
    if (duration > MAX_DURATION) {
        return syscallErrorWord(seL4_InvalidArgument, 2);
    }
    if (duration == 0 && domain != 0) {
        return syscallErrorWord(seL4_InvalidArgument, 1);
    }
    if (duration == 0 && index == ksDomScheduleStart) {
        return syscallErrorWord(seL4_InvalidArgument, 2);
    }
    ksDomSchedule[index] = dschedule_set_duration(dschedule_set_domain(ksDomSchedule[index], domain), duration);
    return EXCEPTION_NONE;
}

/* Have the schedule start with the entry in word 0, which is followed as soon as a thread is chosen:
   domain_schedule_set_start. */
static exception_t domainScheduleSetStart(word_t length, word_t buffer)
{
    if (length < 1u) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t index = syscallArgument(0, buffer);
    if (index >= DOMAIN_SCHEDULE_LENGTH) {
        return syscallErrorWords(seL4_RangeError, 0, DOMAIN_SCHEDULE_LENGTH - 1u);
    }
    if (dschedule_get_domain(ksDomSchedule[index]) == 0 && dschedule_get_duration(ksDomSchedule[index]) == 0) {
        return syscallErrorWord(seL4_InvalidArgument, 0);
    }
    ksDomScheduleStart = index;
    ksDomScheduleIdx = DOMAIN_SCHEDULE_LENGTH - 2u;
    ksDomainTime = 0;
    rescheduleRequired();
    return EXCEPTION_NONE;
}

/* Do what the message with this label asks of the domain capability: decode_domain_invocation. */
exception_t decodeDomainInvocation(word_t label, word_t length, word_t buffer)
{
    switch (label) {
    case DomainSetSet:
        return domainSetSet(length, buffer);
    case DomainScheduleConfigure:
        return domainScheduleConfigure(length, buffer);
    case DomainScheduleSetStart:
        return domainScheduleSetStart(length, buffer);
    default:
        return syscallError(seL4_IllegalOperation);
    }
}
