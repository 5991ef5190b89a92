/* The kernel's global variables. */

#ifndef STATE_H
#define STATE_H

#include "objects.h"

#define NUM_DOMAINS 16u
#define NUM_PRIORITIES 256u
#define L2_BITMAP_SIZE (NUM_PRIORITIES / WORD_BITS)
#define TIME_SLICE 5u
#define DOMAIN_SCHEDULE_LENGTH 100u
#define WORK_UNITS_LIMIT 100u

/* What the scheduler shall do; any other value is the thread to switch to. */
#define SchedulerAction_ResumeCurrentThread ((tcb_t *)0)
#define SchedulerAction_ChooseNewThread ((tcb_t *)1)

extern tcb_queue_t ksReadyQueues[NUM_DOMAINS][NUM_PRIORITIES];
extern word_t ksReadyQueuesL1Bitmap[NUM_DOMAINS];
extern word_t ksReadyQueuesL2Bitmap[NUM_DOMAINS][L2_BITMAP_SIZE];
extern tcb_t *ksCurThread;
extern tcb_t *ksIdleThread;
extern tcb_t *ksSchedulerAction;
extern word_t ksCurDomain;
extern uint64_t ksDomainTime;
extern word_t ksDomScheduleIdx;
extern word_t ksDomScheduleStart;
extern dschedule_t ksDomSchedule[DOMAIN_SCHEDULE_LENGTH];
extern word_t ksWorkUnitsCompleted;
extern bool_t ksInterruptPending;

#endif
