/* Scheduling: ready queues, the scheduler's action, domains, time slices. */

#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "state.h"

bool_t isRunnable(tcb_t *thread);
void setThreadState(tcb_t *thread, word_t state);
void tcbSchedEnqueue(tcb_t *thread);
void tcbSchedAppend(tcb_t *thread);
void tcbSchedDequeue(tcb_t *thread);
void rescheduleRequired(void);
void possibleSwitchTo(tcb_t *thread);
void switchToThread(tcb_t *thread);
void switchToIdleThread(void);
void chooseThread(void);
void nextDomain(void);
void scheduleChooseNewThread(void);
void schedule(void);
void activateThread(void);
void timerTick(void);
void handleYield(void);

#endif
