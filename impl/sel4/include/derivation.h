/* The derivation of capabilities: which were made of which. */

#ifndef DERIVATION_H
#define DERIVATION_H

#include "errors.h"
#include "objects.h"

void capInsert(cap_t cap, cte_t *source, cte_t *destination);
void insertNewCap(cte_t *parent, cte_t *slot, cap_t cap);
void capMove(cap_t cap, cte_t *source, cte_t *destination);
void capSwap(cap_t cap1, cte_t *slot1, cap_t cap2, cte_t *slot2);
void emptySlot(cte_t *slot);
bool_t isMdbParentOf(cte_t *a, cte_t *b);
bool_t hasChildren(cte_t *slot);
exception_t ensureNoChildren(cte_t *slot);
bool_t isFinalCap(cte_t *slot);

/* The neighbours of a slot in the derivation list. */
static inline cte_t *nextSlot(cte_t *slot)
{
    return CTE_PTR(mdb_node_ptr_get_mdbNext(&slot->cteMDBNode));
}

static inline cte_t *prevSlot(cte_t *slot)
{
    return CTE_PTR(mdb_node_ptr_get_mdbPrev(&slot->cteMDBNode));
}

/* Give a slot a place in the derivation list; its neighbours are not changed. */
static inline void setNode(cte_t *slot, cte_t *prev, cte_t *next, word_t revocable, word_t firstBadged)
{
    mdb_node_ptr_set_mdbPrev(&slot->cteMDBNode, CTE_REF(prev));
    mdb_node_ptr_set_mdbNext(&slot->cteMDBNode, CTE_REF(next));
    mdb_node_ptr_set_mdbRevocable(&slot->cteMDBNode, revocable);
    mdb_node_ptr_set_mdbFirstBadged(&slot->cteMDBNode, firstBadged);
}

#endif
