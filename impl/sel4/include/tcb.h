/* Operations on thread control blocks. */

#ifndef TCB_H
#define TCB_H

#include "objects.h"

void suspend(tcb_t *thread);
void restart(tcb_t *thread);
void setPriority(tcb_t *thread, word_t priority);
void bindNotification(tcb_t *thread, notification_t *notification);
void unbindNotification(tcb_t *thread);
void unbindMaybeNotification(notification_t *notification);

#endif
