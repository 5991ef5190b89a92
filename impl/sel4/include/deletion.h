/* Deleting and revoking capabilities, and what becomes of objects when the last one goes. */

#ifndef DELETION_H
#define DELETION_H

#include "errors.h"
#include "objects.h"

cap_t finaliseCap(cap_t cap, bool_t isFinal);
exception_t capDelete(cte_t *slot);
exception_t capRevoke(cte_t *slot);
exception_t preemptionPoint(void);

#endif
