/* Scheduling: executable_model/sel4/schedule.py. */

#include "schedule.h"

/* The group of 32 priorities that a priority belongs to, and where the group's word is in the second level. */
#define GROUP(priority) ((priority) >> 5)
#define INVERTED(group) (L2_BITMAP_SIZE - 1u - (group))

/* Whether the thread could run now: is_runnable. */
bool_t isRunnable(tcb_t *thread)
{
    word_t state = thread_state_ptr_get_tsType(&thread->tcbState);
    return state == ThreadState_Running || state == ThreadState_Restart;
}

/* Change what a thread does; if the current thread can no longer run, another one must be chosen:
   set_thread_state. */
void setThreadState(tcb_t *thread, word_t state)
{
    thread_state_ptr_set_tsType(&thread->tcbState, state);
    if (thread == ksCurThread && ksSchedulerAction == SchedulerAction_ResumeCurrentThread && !isRunnable(thread)) {
        rescheduleRequired();
    }
}

/* Note that the ready queue of this domain and priority is not empty: add_to_bitmap. */
static void addToBitmap(word_t domain, word_t priority)
{
    word_t group = GROUP(priority);
    ksReadyQueuesL1Bitmap[domain] |= BIT(group);
    ksReadyQueuesL2Bitmap[domain][INVERTED(group)] |= BIT(priority & 31u);
}

/* Note that the ready queue of this domain and priority is empty: remove_from_bitmap. */
static void removeFromBitmap(word_t domain, word_t priority)
{
    word_t group = GROUP(priority);
    ksReadyQueuesL2Bitmap[domain][INVERTED(group)] &= ~BIT(priority & 31u);
    if (ksReadyQueuesL2Bitmap[domain][INVERTED(group)] == 0) {
        ksReadyQueuesL1Bitmap[domain] &= ~BIT(group);
    }
}

/* The position of the highest set bit of a word that is not 0. */
static word_t highestBit(word_t word)
{
    return WORD_BITS - 1u - (word_t)__builtin_clz(word);
}

/* The highest priority with a ready thread, in a domain that has one: highest_priority. */
static word_t getHighestPrio(word_t domain)
{
    word_t group = highestBit(ksReadyQueuesL1Bitmap[domain]);
    return (group << 5) | highestBit(ksReadyQueuesL2Bitmap[domain][INVERTED(group)]);
}

/* Whether no ready thread of the domain has a higher priority than this: is_highest_priority. */
static bool_t isHighestPrio(word_t domain, word_t priority)
{
    return ksReadyQueuesL1Bitmap[domain] == 0 || priority >= getHighestPrio(domain);
}

/* The ready queue that a thread belongs to when it is ready. */
static tcb_queue_t *readyQueueOf(tcb_t *thread)
{
    return &ksReadyQueues[thread->tcbDomain][thread->tcbPriority];
}

/* Put the thread at the head of its ready queue, unless it is in it already: tcb_sched_enqueue. */
void tcbSchedEnqueue(tcb_t *thread)
{
    if (thread_state_ptr_get_tcbQueued(&thread->tcbState)) {
        return;
    }
    tcb_queue_t *queue = readyQueueOf(thread);
    if (queue->head == NULL) {
        addToBitmap(thread->tcbDomain, thread->tcbPriority);
        queue->end = thread;
    } else {
        queue->head->tcbSchedPrev = thread;
    }
    thread->tcbSchedPrev = NULL;
    thread->tcbSchedNext = queue->head;
    queue->head = thread;
    thread_state_ptr_set_tcbQueued(&thread->tcbState, true);
}

/* Put the thread at the end of its ready queue, unless it is in it already: tcb_sched_append. */
void tcbSchedAppend(tcb_t *thread)
{
    if (thread_state_ptr_get_tcbQueued(&thread->tcbState)) {
        return;
    }
    tcb_queue_t *queue = readyQueueOf(thread);
    if (queue->head == NULL) {
        addToBitmap(thread->tcbDomain, thread->tcbPriority);
        queue->head = thread;
    } else {
        queue->end->tcbSchedNext = thread;
    }
    thread->tcbSchedPrev = queue->end;
    thread->tcbSchedNext = NULL;
    queue->end = thread;
    thread_state_ptr_set_tcbQueued(&thread->tcbState, true);
}

/* Take the thread out of its ready queue, if it is in it: tcb_sched_dequeue. */
void tcbSchedDequeue(tcb_t *thread)
{
    if (!thread_state_ptr_get_tcbQueued(&thread->tcbState)) {
        return;
    }
    tcb_queue_t *queue = readyQueueOf(thread);
    tcb_t *before = thread->tcbSchedPrev;
    tcb_t *after = thread->tcbSchedNext;
    if (before == NULL) {
        queue->head = after;
    } else {
        before->tcbSchedNext = after;
    }
    if (after == NULL) {
        queue->end = before;
    } else {
        after->tcbSchedPrev = before;
    }
    thread->tcbSchedPrev = NULL;
    thread->tcbSchedNext = NULL;
    thread_state_ptr_set_tcbQueued(&thread->tcbState, false);
    if (queue->head == NULL) {
        removeFromBitmap(thread->tcbDomain, thread->tcbPriority);
    }
}

/* Have schedule choose anew; a thread it was to switch to competes with the others: reschedule_required. */
void rescheduleRequired(void)
{
    if (ksSchedulerAction != SchedulerAction_ResumeCurrentThread
        && ksSchedulerAction != SchedulerAction_ChooseNewThread) {
        tcbSchedEnqueue(ksSchedulerAction);
    }
    ksSchedulerAction = SchedulerAction_ChooseNewThread;
}

/* Consider a thread that has just been woken; the first one of the current domain becomes the candidate:
   possible_switch_to. */
void possibleSwitchTo(tcb_t *thread)
{
    if (thread->tcbDomain != ksCurDomain) {
        tcbSchedEnqueue(thread);
    } else if (ksSchedulerAction != SchedulerAction_ResumeCurrentThread) {
        rescheduleRequired();
        tcbSchedEnqueue(thread);
    } else {
        ksSchedulerAction = thread;
    }
}

/* Make a ready thread the current one, which is in no ready queue: switch_to_thread. */
void switchToThread(tcb_t *thread)
{
    tcbSchedDequeue(thread);
    ksCurThread = thread;
}

/* Make the idle thread the current one: switch_to_idle_thread. */
void switchToIdleThread(void)
{
    ksCurThread = ksIdleThread;
}

/* Switch to the head of the highest ready queue of the current domain that is not empty, or to the idle
   thread: choose_thread. */
void chooseThread(void)
{
    if (ksReadyQueuesL1Bitmap[ksCurDomain] == 0) {
        switchToIdleThread();
    } else {
        word_t priority = getHighestPrio(ksCurDomain);
        switchToThread(ksReadyQueues[ksCurDomain][priority].head);
    }
}

/* Go to the next entry of the domain schedule; behind the last one comes the start entry: next_domain. */
void nextDomain(void)
{
    word_t index = ksDomScheduleIdx + 1u;
    if (dschedule_get_domain(ksDomSchedule[index]) == 0 && dschedule_get_duration(ksDomSchedule[index]) == 0) {
        index = ksDomScheduleStart;
    }
    ksDomScheduleIdx = index;
    ksWorkUnitsCompleted = 0;
    ksCurDomain = (word_t)dschedule_get_domain(ksDomSchedule[index]);
    ksDomainTime = dschedule_get_duration(ksDomSchedule[index]);
}

/* Choose a thread, of the next domain if the time of the current one has run out:
   schedule_choose_new_thread. */
void scheduleChooseNewThread(void)
{
    if (ksDomainTime == 0) {
        nextDomain();
    }
    chooseThread();
    ksSchedulerAction = SchedulerAction_ResumeCurrentThread;
}

/* Settle on the thread to run, at the end of each kernel entry: schedule.  A candidate is switched to at once
   if it is known to be the best choice; the bitmaps need not be looked at when its priority is at least that
   of the current thread. */
void schedule(void)
{
    if (ksSchedulerAction == SchedulerAction_ResumeCurrentThread) {
        return;
    }
    tcb_t *current = ksCurThread;
    bool_t wasRunnable = isRunnable(current);
    if (wasRunnable) {
        tcbSchedEnqueue(current);
    }
    if (ksSchedulerAction == SchedulerAction_ChooseNewThread) {
        scheduleChooseNewThread();
    } else {
        tcb_t *candidate = ksSchedulerAction;
        word_t priority = candidate->tcbPriority;
        bool_t outranked = current == ksIdleThread || priority < current->tcbPriority;
        if (outranked && !isHighestPrio(ksCurDomain, priority)) {
            tcbSchedEnqueue(candidate);
            ksSchedulerAction = SchedulerAction_ChooseNewThread;
            scheduleChooseNewThread();
        } else if (wasRunnable && priority == current->tcbPriority) {
            tcbSchedAppend(candidate);
            ksSchedulerAction = SchedulerAction_ChooseNewThread;
            scheduleChooseNewThread();
        } else {
            switchToThread(candidate);
            ksSchedulerAction = SchedulerAction_ResumeCurrentThread;
        }
    }
}

/* Make the current thread ready for user mode; a restarted one repeats the instruction it entered the kernel
   by: activate_thread. */
void activateThread(void)
{
    if (thread_state_ptr_get_tsType(&ksCurThread->tcbState) == ThreadState_Restart) {
        setRegister(ksCurThread, NextIP, getRegister(ksCurThread, FaultIP));
        setThreadState(ksCurThread, ThreadState_Running);
    }
}

/* Count a tick of the timer against the current thread's time slice and the current domain's time:
   timer_tick. */
void timerTick(void)
{
    if (thread_state_ptr_get_tsType(&ksCurThread->tcbState) == ThreadState_Running) {
        if (ksCurThread->tcbTimeSlice > 1u) {
            ksCurThread->tcbTimeSlice--;
        } else {
            ksCurThread->tcbTimeSlice = TIME_SLICE;
            tcbSchedAppend(ksCurThread);
            rescheduleRequired();
        }
    }
    ksDomainTime--;
    if (ksDomainTime == 0) {
        rescheduleRequired();
    }
}

/* The system call Yield: let the other ready threads of the current thread's priority run first:
   handle_yield. */
void handleYield(void)
{
    tcbSchedDequeue(ksCurThread);
    tcbSchedAppend(ksCurThread);
    rescheduleRequired();
}
