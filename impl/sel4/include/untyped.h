/* Untyped memory: making objects of it, and making it anew. */

#ifndef UNTYPED_H
#define UNTYPED_H

#include "errors.h"
#include "objects.h"

/* What can be made, by the numbers that callers use. */
enum object_type {
    ObjectType_Untyped = 0,
    ObjectType_Thread = 1,
    ObjectType_Endpoint = 2,
    ObjectType_Notification = 3,
    ObjectType_CNode = 4,
    ObjectType_PageDirectory = 5,
    ObjectType_SmallPage = 6,
    ObjectType_LargePage = 7,
    ObjectType_Section = 8,
    ObjectType_SuperSection = 9,
    ObjectType_PageTable = 10
};
#define OBJECT_TYPES 11u

#define MIN_UNTYPED_BITS 4u
#define MAX_UNTYPED_BITS 29u
/* How many objects can be made at once. */
#define MAX_RETYPE 256u
/* The units in which an untyped capability counts how much of its memory is given out: 2 to this power bytes. */
#define FREE_INDEX_BITS 4u
/* Memory is cleared in pieces of 2 to this power bytes, between which an interrupt can come. */
#define RESET_CHUNK_BITS 8u

word_t objectSizeBits(word_t objectType, word_t userBits);
exception_t resetUntypedCap(cte_t *slot);
cap_t createObject(word_t objectType, word_t address, word_t userBits, bool_t isDevice);

#endif
