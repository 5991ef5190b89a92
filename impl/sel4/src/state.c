/* The kernel's global variables: executable_model/sel4/state.py. */

#include "state.h"

/* By domain and priority. */
tcb_queue_t ksReadyQueues[NUM_DOMAINS][NUM_PRIORITIES];

/* By domain: bit g is set when some queue of priorities 32 g .. 32 g + 31 is not empty. */
word_t ksReadyQueuesL1Bitmap[NUM_DOMAINS];

/* By domain and inverted group 7 - g: bit b is set when the queue of priority 32 g + b is not empty.
   The groups of high priority, which are looked at most, come first. */
word_t ksReadyQueuesL2Bitmap[NUM_DOMAINS][L2_BITMAP_SIZE];

tcb_t *ksCurThread;
tcb_t *ksIdleThread;
tcb_t *ksSchedulerAction;

word_t ksCurDomain;
/* Timer ticks left to the current domain. */
uint64_t ksDomainTime;
/* The entry of the schedule that is being followed, and the one that follows an end marker. */
word_t ksDomScheduleIdx;
word_t ksDomScheduleStart;
dschedule_t ksDomSchedule[DOMAIN_SCHEDULE_LENGTH];

/* Work done since the kernel last looked for pending interrupts in the middle of a long operation. */
word_t ksWorkUnitsCompleted;
bool_t ksInterruptPending;
