/* Faults: executable_model/sel4/fault.py. */

#include "fault.h"
#include "schedule.h"

/* Stop a thread that cannot go on: handle_fault.  There are no fault handlers yet that could be told. */
void handleFault(tcb_t *thread)
{
    setThreadState(thread, ThreadState_Inactive);
}
