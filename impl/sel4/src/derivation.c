/* The derivation of capabilities, kept as one list: executable_model/sel4/derivation.py. */

#include "derivation.h"
#include "capability.h"

/* Have the slot, if there is one, be followed by another. */
static void linkNext(cte_t *slot, cte_t *next)
{
    if (slot != NULL) {
        mdb_node_ptr_set_mdbNext(&slot->cteMDBNode, CTE_REF(next));
    }
}

/* Have the slot, if there is one, come after another. */
static void linkPrev(cte_t *slot, cte_t *prev)
{
    if (slot != NULL) {
        mdb_node_ptr_set_mdbPrev(&slot->cteMDBNode, CTE_REF(prev));
    }
}

/* Leave nothing in a slot that no neighbour points at any more: clear_slot. */
static void clearSlot(cte_t *slot)
{
    slot->cap = cap_null_cap_new();
    setNode(slot, NULL, NULL, false, false);
}

/* Have nothing more made of the untyped capability in the source when another one to its memory is made:
   set_untyped_cap_as_full. */
static void setUntypedCapAsFull(cap_t cap, cte_t *source)
{
    cap_t old = source->cap;
    word_t size = cap_untyped_cap_get_capBlockSize(old);
    if (cap_get_capType(old) == cap_untyped_cap && cap_get_capType(cap) == cap_untyped_cap
        && cap_untyped_cap_get_capPtr(old) == cap_untyped_cap_get_capPtr(cap)
        && size == cap_untyped_cap_get_capBlockSize(cap)) {
        source->cap = cap_untyped_cap_set_capFreeIndex(old, BIT(size & 31u) >> 4);
    }
}

/* Put a slot that is in no list directly behind one that is in a list, or begins one: insert_behind. */
static void insertBehind(cte_t *before, cte_t *slot, word_t revocable)
{
    cte_t *after = nextSlot(before);
    setNode(slot, before, after, revocable, revocable);
    linkNext(before, slot);
    linkPrev(after, slot);
}

/* Put a capability derived from the source's into the destination, which is empty: cap_insert. */
void capInsert(cap_t cap, cte_t *source, cte_t *destination)
{
    word_t revocable = isCapRevocable(cap, source->cap);
    setUntypedCapAsFull(cap, source);
    destination->cap = cap;
    insertBehind(source, destination, revocable);
}

/* Put the first capability to an object made of the parent's memory into the slot, which is empty: insert_new_cap. */
void insertNewCap(cte_t *parent, cte_t *slot, cap_t cap)
{
    slot->cap = cap;
    insertBehind(parent, slot, true);
}

/* Put the capability, which takes the place of the source's, into the destination, which is empty: cap_move. */
void capMove(cap_t cap, cte_t *source, cte_t *destination)
{
    cte_t *prev = prevSlot(source);
    cte_t *next = nextSlot(source);
    destination->cap = cap;
    destination->cteMDBNode = source->cteMDBNode;
    clearSlot(source);
    linkNext(prev, destination);
    linkPrev(next, destination);
}

/* Exchange the contents of two slots, in the first of which is put `cap2`, in the second `cap1`: cap_swap.  The
   second slot's neighbours are read after the first one's have been told: the slots may be neighbours. */
void capSwap(cap_t cap1, cte_t *slot1, cap_t cap2, cte_t *slot2)
{
    slot1->cap = cap2;
    slot2->cap = cap1;
    linkNext(prevSlot(slot1), slot2);
    linkPrev(nextSlot(slot1), slot2);
    cte_t *prev = prevSlot(slot2);
    cte_t *next = nextSlot(slot2);
    word_t revocable = mdb_node_ptr_get_mdbRevocable(&slot2->cteMDBNode);
    word_t firstBadged = mdb_node_ptr_get_mdbFirstBadged(&slot2->cteMDBNode);
    slot2->cteMDBNode = slot1->cteMDBNode;
    setNode(slot1, prev, next, revocable, firstBadged);
    linkNext(prev, slot1);
    linkPrev(next, slot1);
}

/* Take the capability out of the slot and the derivation list: empty_slot.  If it was the first with its badge, the
   next one takes that over. */
void emptySlot(cte_t *slot)
{
    if (cap_get_capType(slot->cap) == cap_null_cap) {
        return;
    }
    cte_t *prev = prevSlot(slot);
    cte_t *next = nextSlot(slot);
    linkNext(prev, next);
    linkPrev(next, prev);
    if (next != NULL && mdb_node_ptr_get_mdbFirstBadged(&slot->cteMDBNode)) {
        mdb_node_ptr_set_mdbFirstBadged(&next->cteMDBNode, true);
    }
    clearSlot(slot);
}

/* Whether the second slot's capability, if it follows the first one's and its descendants in the list, descends
   from it: is_mdb_parent_of. */
bool_t isMdbParentOf(cte_t *a, cte_t *b)
{
    cap_t parent = a->cap;
    cap_t child = b->cap;
    word_t revocable = mdb_node_ptr_get_mdbRevocable(&a->cteMDBNode);
    word_t firstBadged = mdb_node_ptr_get_mdbFirstBadged(&b->cteMDBNode);
    word_t badge = badgeOf(parent);
    bool_t sameBadge = badge == 0 || (badge == badgeOf(child) && firstBadged == 0);
    bool_t signals = cap_get_capType(parent) == cap_sgi_signal_cap;
    return revocable != 0 && sameRegionAs(parent, child) && (signals ? firstBadged == 0 : sameBadge);
}

/* Whether there are capabilities made of the slot's: has_children. */
bool_t hasChildren(cte_t *slot)
{
    cte_t *next = nextSlot(slot);
    return next != NULL && isMdbParentOf(slot, next);
}

/* Refuse a slot whose capability has children: ensure_no_children. */
exception_t ensureNoChildren(cte_t *slot)
{
    if (hasChildren(slot)) {
        return syscallError(seL4_RevokeFirst);
    }
    return EXCEPTION_NONE;
}

/* Whether the slot's capability is the last one to its object: is_final_cap.  Those to one object are neighbours in
   the list. */
bool_t isFinalCap(cte_t *slot)
{
    cte_t *prev = prevSlot(slot);
    cte_t *next = nextSlot(slot);
    if (prev != NULL && sameObjectAs(prev->cap, slot->cap)) {
        return false;
    }
    return next == NULL || !sameObjectAs(slot->cap, next->cap);
}
