/* Untyped memory: executable_model/sel4/untyped.py. */

#include "untyped.h"
#include "capability.h"
#include "cspace.h"
#include "deletion.h"
#include "derivation.h"
#include "invocation.h"
#include "memory.h"
#include "message.h"

/* Whether the type is that of memory for users. */
static bool_t isFrameType(word_t type)
{
    return type >= ObjectType_SmallPage && type <= ObjectType_SuperSection;
}

/* The size of an object: 2 to this power, in bytes; for some types users choose it: object_size_bits. */
word_t objectSizeBits(word_t objectType, word_t userBits)
{
    return objectType == ObjectType_Untyped         ? userBits
           : objectType == ObjectType_CNode         ? userBits + SLOT_BITS
           : objectType == ObjectType_Thread        ? THREAD_BITS
           : objectType == ObjectType_PageDirectory ? PAGE_DIRECTORY_BITS
           : objectType == ObjectType_SmallPage     ? PAGE_BITS
           : objectType == ObjectType_LargePage     ? LARGE_PAGE_BITS
           : objectType == ObjectType_Section       ? SECTION_BITS
           : objectType == ObjectType_SuperSection  ? SUPERSECTION_BITS
           : objectType == ObjectType_PageTable     ? PAGE_TABLE_BITS
                                                    : ENDPOINT_BITS;
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
    while (freeOffset(slot->cap) != 0) {
        word_t cleared = (freeOffset(slot->cap) - 1u) & ~MASK(RESET_CHUNK_BITS);
        clearMemory(start + cleared, RESET_CHUNK_BITS);
        setFreeOffset(slot, cleared);
        exception_t status = preemptionPoint();
        if (status != EXCEPTION_NONE) {
            return status;
        }
    }
    return EXCEPTION_NONE;
}

/* Take all memory back that was given out of an untyped capability without children, and clear it:
   reset_untyped_cap.  What is small, or memory of a device, which is not cleared, is taken back at once. */
exception_t resetUntypedCap(cte_t *slot)
{
    cap_t cap = slot->cap;
    word_t start = cap_untyped_cap_get_capPtr(cap);
    word_t bits = cap_untyped_cap_get_capBlockSize(cap);
    bool_t isDevice = cap_untyped_cap_get_capIsDevice(cap);
    if (freeOffset(cap) == 0) {
        return EXCEPTION_NONE;
    }
    deleteObjects(start, bits);
    if (!isDevice && bits >= RESET_CHUNK_BITS) {
        return clearPieces(slot);
    }
    if (!isDevice) {
        clearMemory(start, bits);
    }
    setFreeOffset(slot, 0);
    return EXCEPTION_NONE;
}

static cap_t newUntypedCap(word_t address, word_t bits, bool_t isDevice)
{
    cap_t cap = cap_untyped_cap_set_capPtr(cap_untyped_cap_new(), address);
    cap = cap_untyped_cap_set_capBlockSize(cap, bits);
    return cap_untyped_cap_set_capIsDevice(cap, isDevice);
}

static cap_t newEndpointCap(word_t address)
{
    cap_t cap = cap_endpoint_cap_set_capEPPtr(cap_endpoint_cap_new(), address);
    cap = cap_endpoint_cap_set_capCanSend(cap, true);
    cap = cap_endpoint_cap_set_capCanReceive(cap, true);
    cap = cap_endpoint_cap_set_capCanGrant(cap, true);
    return cap_endpoint_cap_set_capCanGrantReply(cap, true);
}

static cap_t newNotificationCap(word_t address)
{
    cap_t cap = cap_notification_cap_set_capNtfnPtr(cap_notification_cap_new(), address);
    cap = cap_notification_cap_set_capNtfnCanSend(cap, true);
    return cap_notification_cap_set_capNtfnCanReceive(cap, true);
}

static cap_t newCnodeCap(word_t address, word_t radix)
{
    cap_t cap = cap_cnode_cap_set_capCNodePtr(cap_cnode_cap_new(), address);
    return cap_cnode_cap_set_capCNodeRadix(cap, radix);
}

static cap_t newSmallFrameCap(word_t address, bool_t isDevice)
{
    cap_t cap = cap_small_frame_cap_set_capFBasePtr(cap_small_frame_cap_new(), address);
    cap = cap_small_frame_cap_set_capFVMRights(cap, VMReadWrite);
    return cap_small_frame_cap_set_capFIsDevice(cap, isDevice);
}

static cap_t newFrameCap(word_t size, word_t address, bool_t isDevice)
{
    cap_t cap = cap_frame_cap_set_capFBasePtr(cap_frame_cap_new(), address);
    cap = cap_frame_cap_set_capFSize(cap, size);
    cap = cap_frame_cap_set_capFVMRights(cap, VMReadWrite);
    return cap_frame_cap_set_capFIsDevice(cap, isDevice);
}

/* The first capability to an object of a type at an address: new_cap. */
static cap_t newCap(word_t objectType, word_t address, word_t userBits, bool_t isDevice)
{
    switch (objectType) {
    case ObjectType_Untyped:
        return newUntypedCap(address, userBits, isDevice);
    case ObjectType_Thread:
        return cap_thread_cap_set_capTCBPtr(cap_thread_cap_new(), address + THREAD_OFFSET);
    case ObjectType_Endpoint:
        return newEndpointCap(address);
    case ObjectType_Notification:
        return newNotificationCap(address);
    case ObjectType_CNode:
        return newCnodeCap(address, userBits);
    case ObjectType_PageTable:
        return cap_page_table_cap_set_capPTBasePtr(cap_page_table_cap_new(), address);
    case ObjectType_PageDirectory:
        return cap_page_directory_cap_set_capPDBasePtr(cap_page_directory_cap_new(), address);
    case ObjectType_SmallPage:
        return newSmallFrameCap(address, isDevice);
    case ObjectType_LargePage:
        return newFrameCap(FrameSize_LargePage, address, isDevice);
    case ObjectType_Section:
        return newFrameCap(FrameSize_Section, address, isDevice);
    default:
        return newFrameCap(FrameSize_SuperSection, address, isDevice);
    }
}

/* Make an object of a type at an address; gives the capability to it, with all rights: create_object. */
cap_t createObject(word_t objectType, word_t address, word_t userBits, bool_t isDevice)
{
    cap_t cap = newCap(objectType, address, userBits, isDevice);
    create(cap);
    return cap;
}

/* The slot behind another one of a row of slots; NULL behind the last: following. */
static cte_t *following(cte_t *slot, cte_t *last)
{
    return slot == last ? NULL : CTE_PTR(CTE_REF(slot) + BIT(SLOT_BITS));
}

/* Make objects one beside the other, and put a capability to each into a row of slots. */
static void createObjects(cte_t *slot, word_t objectType, word_t userBits, word_t start, cte_t *first, cte_t *last)
{
    word_t bits = objectSizeBits(objectType, userBits);
    word_t isDevice = cap_untyped_cap_get_capIsDevice(slot->cap);
    cte_t *target = first;
    while (target != NULL) {
        word_t number = (CTE_REF(target) - CTE_REF(first)) >> SLOT_BITS;
        cap_t cap = createObject(objectType, start + (number << (bits & 31u)), userBits, isDevice);
        insertNewCap(slot, target, cap);
        target = following(target, last);
    }
}

/* Refuse types that there are not, and sizes that they cannot have: check_object_size. */
static exception_t checkObjectSize(word_t objectType, word_t userBits)
{
    if (objectType >= OBJECT_TYPES) {
        return syscallErrorWord(seL4_InvalidArgument, 0);
    }
    if (userBits >= WORD_BITS || objectSizeBits(objectType, userBits) > MAX_UNTYPED_BITS) {
        return syscallErrorWords(seL4_RangeError, 0, MAX_UNTYPED_BITS);
    }
    if (objectType == ObjectType_CNode && userBits == 0) {
        return syscallErrorWord(seL4_InvalidArgument, 1);
    }
    if (objectType == ObjectType_Untyped && userBits < MIN_UNTYPED_BITS) {
        return syscallErrorWord(seL4_InvalidArgument, 1);
    }
    return EXCEPTION_NONE;
}

/* Find the slot whose capability is the CNode for the new ones: the root itself if the depth is 0. */
static exception_t lookupTargetCnode(cte_t *root, word_t index, word_t depth)
{
    current_lookup.slot = root;
    if (depth != 0) {
        exception_t status = lookupSlotForCnodeOp(false, root->cap, index, depth);
        if (status != EXCEPTION_NONE) {
            return status;
        }
    }
    if (cap_get_capType(current_lookup.slot->cap) != cap_cnode_cap) {
        missingCapability(depth);
        return failedLookup(false);
    }
    return EXCEPTION_NONE;
}

/* Refuse a row of slots that the CNode does not have. */
static exception_t checkWindow(cap_t cnode, word_t offset, word_t count)
{
    word_t slots = BIT(cap_cnode_cap_get_capCNodeRadix(cnode) & 31u);
    if (offset >= slots) {
        return syscallErrorWords(seL4_RangeError, 0, slots - 1u);
    }
    if (count < 1u || count > MAX_RETYPE) {
        return syscallErrorWords(seL4_RangeError, 1, MAX_RETYPE);
    }
    if (count > slots - offset) {
        return syscallErrorWords(seL4_RangeError, 1, slots - offset);
    }
    return EXCEPTION_NONE;
}

/* Refuse a row of slots of which one holds a capability. */
static exception_t ensureEmptySlots(cte_t *first, cte_t *last)
{
    cte_t *slot = first;
    while (slot != NULL) {
        exception_t status = ensureEmptySlot(slot);
        if (status != EXCEPTION_NONE) {
            return status;
        }
        slot = following(slot, last);
    }
    return EXCEPTION_NONE;
}

/* Refuse more objects than there is memory for, and those that cannot be in memory of a device. */
static exception_t checkMemory(cap_t cap, word_t objectType, word_t bits, word_t freeBytes, word_t count)
{
    if ((freeBytes >> (bits & 31u)) < count) {
        return syscallErrorWord(seL4_NotEnoughMemory, freeBytes);
    }
    if (cap_untyped_cap_get_capIsDevice(cap) && objectType != ObjectType_Untyped && !isFrameType(objectType)) {
        return syscallErrorWord(seL4_InvalidArgument, 1);
    }
    return EXCEPTION_NONE;
}

/* Make as many objects as there are slots from the first to the last, if there is memory for them; memory of which
   nothing is made any more is reset before. */
static exception_t retype(cte_t *slot, word_t objectType, word_t userBits, cte_t *first, cte_t *last, word_t count)
{
    cap_t cap = slot->cap;
    word_t bits = objectSizeBits(objectType, userBits);
    bool_t mustReset = !hasChildren(slot);
    word_t used = mustReset ? 0 : freeOffset(cap);
    word_t freeBytes = BIT(cap_untyped_cap_get_capBlockSize(cap) & 31u) - used;
    exception_t status = checkMemory(cap, objectType, bits, freeBytes, count);
    if (status == EXCEPTION_NONE && mustReset) {
        status = resetUntypedCap(slot);
    }
    if (status != EXCEPTION_NONE) {
        return status;
    }
    word_t start = (used + MASK(bits)) & ~MASK(bits);
    setFreeOffset(slot, start + (count << (bits & 31u)));
    createObjects(slot, objectType, userBits, cap_untyped_cap_get_capPtr(cap) + start, first, last);
    return EXCEPTION_NONE;
}

/* Make objects of the untyped memory that `cap`, in `slot`, stands for, and put capabilities to them into slots:
   decode_untyped_invocation.  Words 0 and 1 are the type and size of the objects, words 2 and 3 and the first extra
   capability tell the CNode, word 4 the first slot, word 5 how many there shall be. */
exception_t decodeUntypedInvocation(word_t label, word_t length, cte_t *slot, cap_t cap, word_t buffer)
{
    if (label != UntypedRetype) {
        return syscallError(seL4_IllegalOperation);
    }
    if (length < 6u || current_extra_caps.first == NULL) {
        return syscallError(seL4_TruncatedMessage);
    }
    word_t objectType = syscallArgument(0, buffer);
    word_t userBits = syscallArgument(1, buffer);
    word_t offset = syscallArgument(4, buffer);
    word_t count = syscallArgument(5, buffer);
    exception_t status = checkObjectSize(objectType, userBits);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    status = lookupTargetCnode(current_extra_caps.first, syscallArgument(2, buffer), syscallArgument(3, buffer));
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cap_t cnode = current_lookup.slot->cap;
    status = checkWindow(cnode, offset, count);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    cte_t *first = slotOfCnode(cap_cnode_cap_get_capCNodePtr(cnode), offset);
    cte_t *last = slotOfCnode(cap_cnode_cap_get_capCNodePtr(cnode), offset + count - 1u);
    status = ensureEmptySlots(first, last);
    if (status != EXCEPTION_NONE) {
        return status;
    }
    return retype(slot, objectType, userBits, first, last, count);
}
