/* Untyped memory: executable_model/sel4/untyped.py. */

#include "untyped.h"
#include "capability.h"
#include "cspace.h"
#include "deletion.h"
#include "derivation.h"
#include "invocation.h"
#include "memory.h"
#include "message.h"
#include "state.h"

/* The units in which an untyped capability counts how much of its memory is given out. */
#define FREE_INDEX_BITS 4u

/* Whether the type is that of a frame. */
static bool_t isFrameType(word_t type)
{
    return type >= ObjectType_SmallPage && type <= ObjectType_SuperSection;
}

/* The size of an object: 2 to this power, in bytes: object_size_bits. */
word_t objectSizeBits(word_t type, word_t userSize)
{
    return type == ObjectType_Untyped         ? userSize
           : type == ObjectType_Thread        ? THREAD_BITS
           : type == ObjectType_Endpoint      ? ENDPOINT_BITS
           : type == ObjectType_Notification  ? NOTIFICATION_BITS
           : type == ObjectType_CNode         ? userSize + SLOT_BITS
           : type == ObjectType_PageDirectory ? PAGE_DIRECTORY_BITS
           : type == ObjectType_SmallPage     ? PAGE_BITS
           : type == ObjectType_LargePage     ? LARGE_PAGE_BITS
           : type == ObjectType_Section       ? SECTION_BITS
           : type == ObjectType_SuperSection  ? SUPERSECTION_BITS
                                              : PAGE_TABLE_BITS;
}

/* How many bytes of an untyped capability's memory are given out. */
static word_t freeOffset(cap_t cap)
{
    return cap_untyped_cap_get_capFreeIndex(cap) << FREE_INDEX_BITS;
}

static void setFreeOffset(cte_t *slot, word_t offset)
{
    slot->cap = cap_untyped_cap_set_capFreeIndex(slot->cap, offset >> FREE_INDEX_BITS);
}

/* Clear the memory piece by piece, from what was given out last to the beginning. */
static exception_t clearPieces(cte_t *slot)
{
    word_t start = cap_untyped_cap_get_capPtr(slot->cap);
    word_t end = freeOffset(slot->cap);
    while (end != 0) {
        end = (end - 1u) & ~MASK(RESET_CHUNK_BITS);
        clearMemory(start + end, RESET_CHUNK_BITS);
        setFreeOffset(slot, end);
        exception_t status = preemptionPoint();
        if (status != EXCEPTION_NONE) {
            return status;
        }
    }
    return EXCEPTION_NONE;
}

/* Make all memory of an untyped capability that has no children free again: reset_untyped_cap. */
exception_t resetUntypedCap(cte_t *slot)
{
    cap_t cap = slot->cap;
    word_t start = cap_untyped_cap_get_capPtr(cap);
    word_t bits = cap_untyped_cap_get_capBlockSize(cap);
    if (freeOffset(cap) == 0) {
        return EXCEPTION_NONE;
    }
    deleteObjects(start, bits);
    if (cap_untyped_cap_get_capIsDevice(cap)) {
        setFreeOffset(slot, 0);
        return EXCEPTION_NONE;
    }
    if (bits < RESET_CHUNK_BITS) {
        clearMemory(start, bits);
        setFreeOffset(slot, 0);
        return EXCEPTION_NONE;
    }
    return clearPieces(slot);
}

static cap_t createUntyped(word_t start, word_t bits, bool_t isDevice)
{
    cap_t cap = cap_untyped_cap_set_capPtr(cap_untyped_cap_new(), start);
    cap = cap_untyped_cap_set_capBlockSize(cap, bits);
    return cap_untyped_cap_set_capIsDevice(cap, isDevice);
}

static cap_t createThread(word_t start)
{
    tcb_t *thread = TCB_PTR(start + THREAD_OFFSET);
    createSlots(start, THREAD_SLOTS);
    createThreads(TCB_REF(thread), 1);
    setRegister(thread, CPSR, INITIAL_CPSR);
    thread->tcbTimeSlice = TIME_SLICE;
    thread->tcbDomain = ksCurDomain;
    return cap_thread_cap_set_capTCBPtr(cap_thread_cap_new(), TCB_REF(thread));
}

static cap_t createEndpoint(word_t start)
{
    createEndpoints(start, 1);
    cap_t cap = cap_endpoint_cap_set_capEPPtr(cap_endpoint_cap_new(), start);
    cap = cap_endpoint_cap_set_capCanSend(cap, true);
    cap = cap_endpoint_cap_set_capCanReceive(cap, true);
    cap = cap_endpoint_cap_set_capCanGrant(cap, true);
    return cap_endpoint_cap_set_capCanGrantReply(cap, true);
}

static cap_t createNotification(word_t start)
{
    createNotifications(start, 1);
    cap_t cap = cap_notification_cap_set_capNtfnPtr(cap_notification_cap_new(), start);
    cap = cap_notification_cap_set_capNtfnCanSend(cap, true);
    return cap_notification_cap_set_capNtfnCanReceive(cap, true);
}

static cap_t createCnode(word_t start, word_t radix)
{
    createSlots(start, BIT(radix & 31u));
    cap_t cap = cap_cnode_cap_set_capCNodePtr(cap_cnode_cap_new(), start);
    return cap_cnode_cap_set_capCNodeRadix(cap, radix);
}

static cap_t createSmallPage(word_t start, bool_t isDevice)
{
    cap_t cap = cap_small_frame_cap_set_capFBasePtr(cap_small_frame_cap_new(), start);
    cap = cap_small_frame_cap_set_capFVMRights(cap, VMReadWrite);
    return cap_small_frame_cap_set_capFIsDevice(cap, isDevice);
}

/* The types of larger frames come in the order of the sizes in their capabilities. */
static cap_t createLargerFrame(word_t type, word_t start, bool_t isDevice)
{
    cap_t cap = cap_frame_cap_set_capFBasePtr(cap_frame_cap_new(), start);
    cap = cap_frame_cap_set_capFSize(cap, type - ObjectType_SmallPage);
    cap = cap_frame_cap_set_capFVMRights(cap, VMReadWrite);
    return cap_frame_cap_set_capFIsDevice(cap, isDevice);
}

/* Memory of a device is none that the kernel looks at. */
static cap_t createFrame(word_t type, word_t start, bool_t isDevice)
{
    if (!isDevice) {
        createUserData(start, BIT((objectSizeBits(type, 0) - PAGE_BITS) & 31u));
    }
    return type == ObjectType_SmallPage ? createSmallPage(start, isDevice)
                                        : createLargerFrame(type, start, isDevice);
}

/* Make an object in free memory; gives the capability to it: create_object. */
cap_t createObject(word_t type, word_t start, word_t userSize, bool_t isDevice)
{
    switch (type) {
    case ObjectType_Untyped:
        return createUntyped(start, userSize, isDevice);
    case ObjectType_Thread:
        return createThread(start);
    case ObjectType_Endpoint:
        return createEndpoint(start);
    case ObjectType_Notification:
        return createNotification(start);
    case ObjectType_CNode:
        return createCnode(start, userSize);
    case ObjectType_PageDirectory:
        return cap_page_directory_cap_set_capPDBasePtr(cap_page_directory_cap_new(), start);
    case ObjectType_PageTable:
        return cap_page_table_cap_set_capPTBasePtr(cap_page_table_cap_new(), start);
    default:
        return createFrame(type, start, isDevice);
    }
}

/* Make objects side by side, and put a capability to each into the slots of a CNode from an index on. */
static void createObjects(cte_t *slot, word_t type, word_t userSize, word_t start, word_t cnode, word_t index,
                          word_t count)
{
    word_t bits = objectSizeBits(type, userSize);
    word_t isDevice = cap_untyped_cap_get_capIsDevice(slot->cap);
    for (word_t made = 0; made < count; made++) {
        cap_t cap = createObject(type, start + (made << (bits & 31u)), userSize, isDevice);
        insertNewCap(slot, slotOfCnode(cnode, index + made), cap);
    }
}

/* Whether all of these slots of a CNode are empty. */
static bool_t areEmpty(word_t cnode, word_t index, word_t count)
{
    for (word_t seen = 0; seen < count; seen++) {
        if (!isEmpty(slotOfCnode(cnode, index + seen))) {
            return false;
        }
    }
    return true;
}

/* Refuse types and sizes that there are none of. */
static exception_t checkType(word_t type, word_t userSize)
{
    if (type >= OBJECT_TYPES) {
        return syscallErrorWord(seL4_InvalidArgument, 0);
    }
    if (userSize >= WORD_BITS || objectSizeBits(type, userSize) > MAX_UNTYPED_BITS) {
        return syscallErrorWords(seL4_RangeError, 0, MAX_UNTYPED_BITS);
    }
    if ((type == ObjectType_CNode && userSize == 0)
        || (type == ObjectType_Untyped && userSize < MIN_UNTYPED_BITS)) {
        return syscallErrorWord(seL4_InvalidArgument, 1);
    }
    return EXCEPTION_NONE;
}

/* Find the CNode that the new capabilities shall go to: the root itself if the depth is 0.  Leaves its capability in
   current_derived_cap. */
static exception_t lookupDestination(word_t index, word_t depth)
{
    cte_t *root = current_extra_caps.first;
    current_derived_cap = root->cap;
    if (depth != 0) {
        exception_t status = lookupSlotForCnodeOp(false, root->cap, index, depth);
        if (status != EXCEPTION_NONE) {
            return status;
        }
        current_derived_cap = current_lookup.slot->cap;
    }
    if (cap_get_capType(current_derived_cap) != cap_cnode_cap) {
        missingCapability(depth);
        return failedLookup(false);
    }
    return EXCEPTION_NONE;
}

/* Refuse slots that the CNode does not have, or that are not empty. */
static exception_t checkSlots(cap_t cnode, word_t index, word_t count)
{
    word_t slots = BIT(cap_cnode_cap_get_capCNodeRadix(cnode) & 31u);
    if (index > slots - 1u) {
        return syscallErrorWords(seL4_RangeError, 0, slots - 1u);
    }
    if (count < 1u || count > RETYPE_LIMIT) {
        return syscallErrorWords(seL4_RangeError, 1, RETYPE_LIMIT);
    }
    if (count > slots - index) {
        return syscallErrorWords(seL4_RangeError, 1, slots - index);
    }
    if (!areEmpty(cap_cnode_cap_get_capCNodePtr(cnode), index, count)) {
        return syscallError(seL4_DeleteFirst);
    }
    return EXCEPTION_NONE;
}

/* Make the objects once it is known that this can be done; memory that has no children is reset first. */
static exception_t retype(cte_t *slot, word_t type, word_t userSize, cap_t cnode, word_t index, word_t count)
{
    cap_t cap = slot->cap;
    word_t base = cap_untyped_cap_get_capPtr(cap);
    word_t bits = objectSizeBits(type, userSize);
    bool_t reset = !hasChildren(slot);
    word_t used = reset ? 0 : freeOffset(cap);
    word_t left = BIT(cap_untyped_cap_get_capBlockSize(cap) & 31u) - used;
    if ((left >> (bits & 31u)) < count) {
        return syscallErrorWord(seL4_NotEnoughMemory, left);
    }
    if (cap_untyped_cap_get_capIsDevice(cap) && type != ObjectType_Untyped && !isFrameType(type)) {
        return syscallErrorWord(seL4_InvalidArgument, 1);
    }
    if (reset) {
        exception_t status = resetUntypedCap(slot);
        if (status != EXCEPTION_NONE) {
            return status;
        }
    }
    word_t start = (base + used + MASK(bits)) & ~MASK(bits);
    setFreeOffset(slot, start - base + (count << (bits & 31u)));
    createObjects(slot, type, userSize, start, cap_cnode_cap_get_capCNodePtr(cnode), index, count);
    return EXCEPTION_NONE;
}

/* Do what a message asks of untyped memory: decode_untyped_invocation.  Words 0 and 1 are the type and size of the
   objects, words 2 and 3 and the first capability tell the CNode, word 4 the first slot, word 5 how many there
   shall be. */
exception_t decodeUntypedInvocation(word_t label, word_t length, cte_t *slot, cap_t cap, word_t buffer)
{
    if (label != UntypedRetype) {
        return syscallError(seL4_IllegalOperation);
    }
    if (length < 6u || current_extra_caps.first == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t type = syscallArgument(0, buffer);
    word_t userSize = syscallArgument(1, buffer);
    exception_t status = checkType(type, userSize);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    status = lookupDestination(syscallArgument(2, buffer), syscallArgument(3, buffer));
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cap_t cnode = current_derived_cap;
    word_t index = syscallArgument(4, buffer);
    word_t count = syscallArgument(5, buffer);
    status = checkSlots(cnode, index, count);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    return retype(slot, type, userSize, cnode, index, count);
}
