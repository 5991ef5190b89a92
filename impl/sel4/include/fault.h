/* Faults: what becomes of a thread that cannot go on. */

#ifndef FAULT_H
#define FAULT_H

#include "objects.h"

void handleFault(tcb_t *thread);

#endif
