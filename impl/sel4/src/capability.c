/* Capabilities as such: executable_model/sel4/capability.py.

   What tells something about a capability of any kind reads the fields of all kinds, and the kind says which of
   them is meant: so there are no branches. */

#include "capability.h"

/* The bits of a word of rights. */
#define RIGHT_WRITE(rights) ((rights) & 1u)
#define RIGHT_READ(rights) (((rights) >> 1) & 1u)
#define RIGHT_GRANT(rights) (((rights) >> 2) & 1u)
#define RIGHT_GRANT_REPLY(rights) (((rights) >> 3) & 1u)

/* The fields of a word of data for a CNode capability. */
#define DATA_GUARD_SIZE(data) (((data) >> 3) & 31u)
#define DATA_GUARD(data) (((data) >> 8) & MASK(18u))

static cap_t maskEndpoint(word_t rights, cap_t cap)
{
    cap = cap_endpoint_cap_set_capCanSend(cap, cap_endpoint_cap_get_capCanSend(cap) & RIGHT_WRITE(rights));
    cap = cap_endpoint_cap_set_capCanReceive(cap, cap_endpoint_cap_get_capCanReceive(cap) & RIGHT_READ(rights));
    cap = cap_endpoint_cap_set_capCanGrant(cap, cap_endpoint_cap_get_capCanGrant(cap) & RIGHT_GRANT(rights));
    return cap_endpoint_cap_set_capCanGrantReply(
        cap, cap_endpoint_cap_get_capCanGrantReply(cap) & RIGHT_GRANT_REPLY(rights));
}

static cap_t maskNotification(word_t rights, cap_t cap)
{
    cap = cap_notification_cap_set_capNtfnCanSend(
        cap, cap_notification_cap_get_capNtfnCanSend(cap) & RIGHT_WRITE(rights));
    return cap_notification_cap_set_capNtfnCanReceive(
        cap, cap_notification_cap_get_capNtfnCanReceive(cap) & RIGHT_READ(rights));
}

/* What is left of what users may do with a frame: writing only together with reading. */
static word_t maskVMRights(word_t vmRights, word_t rights)
{
    word_t canRead = (vmRights == VMReadOnly || vmRights == VMReadWrite) && RIGHT_READ(rights);
    word_t canWrite = vmRights == VMReadWrite && RIGHT_WRITE(rights);
    return !canRead ? VMKernelOnly : canWrite ? VMReadWrite : VMReadOnly;
}

/* The capability with at most the given rights: mask_cap_rights. */
cap_t maskCapRights(word_t rights, cap_t cap)
{
    switch (cap_get_capType(cap)) {
    case cap_endpoint_cap:
        return maskEndpoint(rights, cap);
    case cap_notification_cap:
        return maskNotification(rights, cap);
    case cap_reply_cap:
        return cap_reply_cap_set_capReplyCanGrant(
            cap, cap_reply_cap_get_capReplyCanGrant(cap) & RIGHT_GRANT(rights));
    case cap_small_frame_cap:
        return cap_small_frame_cap_set_capFVMRights(
            cap, maskVMRights(cap_small_frame_cap_get_capFVMRights(cap), rights));
    case cap_frame_cap:
        return cap_frame_cap_set_capFVMRights(cap, maskVMRights(cap_frame_cap_get_capFVMRights(cap), rights));
    default:
        return cap;
    }
}

static cap_t withGuard(word_t data, cap_t cap)
{
    word_t size = DATA_GUARD_SIZE(data);
    if (size + cap_cnode_cap_get_capCNodeRadix(cap) > WORD_BITS) {
        return cap_null_cap_new();
    }
    cap = cap_cnode_cap_set_capCNodeGuardSize(cap, size);
    return cap_cnode_cap_set_capCNodeGuard(cap, DATA_GUARD(data) & MASK(size));
}

/* The capability with another badge or guard, or the null capability if it may not have it: update_cap_data.  A
   badge can be given only once, and not where what there is shall be preserved. */
cap_t updateCapData(bool_t preserve, word_t data, cap_t cap)
{
    switch (cap_get_capType(cap)) {
    case cap_endpoint_cap:
        if (preserve || cap_endpoint_cap_get_capEPBadge(cap) != 0) {
            return cap_null_cap_new();
        }
        return cap_endpoint_cap_set_capEPBadge(cap, data);
    case cap_notification_cap:
        if (preserve || cap_notification_cap_get_capNtfnBadge(cap) != 0) {
            return cap_null_cap_new();
        }
        return cap_notification_cap_set_capNtfnBadge(cap, data);
    case cap_cnode_cap:
        return withGuard(data, cap);
    default:
        return cap;
    }
}

/* Whether it is a capability to a frame, of any size. */
bool_t isFrame(cap_t cap)
{
    word_t kind = cap_get_capType(cap);
    return kind == cap_small_frame_cap || kind == cap_frame_cap;
}

/* The size of a frame: 2 to this power, in bytes. */
word_t frameBits(cap_t cap)
{
    word_t size = cap_frame_cap_get_capFSize(cap);
    word_t bits = size == FrameSize_LargePage ? LARGE_PAGE_BITS
                  : size == FrameSize_Section ? SECTION_BITS
                                              : SUPERSECTION_BITS;
    return cap_get_capType(cap) == cap_small_frame_cap ? PAGE_BITS : bits;
}

/* Whether a frame is memory of a device. */
bool_t frameIsDevice(cap_t cap)
{
    return cap_get_capType(cap) == cap_small_frame_cap ? cap_small_frame_cap_get_capFIsDevice(cap)
                                                       : cap_frame_cap_get_capFIsDevice(cap);
}

/* What users may do with a frame. */
word_t frameRights(cap_t cap)
{
    return cap_get_capType(cap) == cap_small_frame_cap ? cap_small_frame_cap_get_capFVMRights(cap)
                                                       : cap_frame_cap_get_capFVMRights(cap);
}

/* Whether it is a capability to memory, given out of an untyped capability: is_physical. */
bool_t isPhysical(cap_t cap)
{
    word_t kind = cap_get_capType(cap);
    return isFrame(cap) || kind == cap_untyped_cap || kind == cap_endpoint_cap || kind == cap_notification_cap
           || kind == cap_cnode_cap || kind == cap_thread_cap || kind == cap_zombie_cap || kind == cap_page_table_cap
           || kind == cap_page_directory_cap || kind == cap_asid_pool_cap;
}

/* The radix by which the slots of a zombie are counted. */
static word_t zombieRadix(cap_t zombie)
{
    word_t type = cap_zombie_cap_get_capZombieType(zombie);
    return type == ZombieType_Thread ? THREAD_RADIX : type;
}

/* The bits of a zombie's identifier that hold the number of slots left: one more than its radix. */
static word_t zombieMask(cap_t zombie)
{
    return (2u << (zombieRadix(zombie) & 31u)) - 1u;
}

/* Where the object of a zombie begins. */
word_t zombieStart(cap_t zombie)
{
    return cap_zombie_cap_get_capZombieID(zombie) & ~zombieMask(zombie);
}

/* How many slots of a zombie are still to be emptied. */
word_t zombieSlotsLeft(cap_t zombie)
{
    return cap_zombie_cap_get_capZombieID(zombie) & zombieMask(zombie);
}

/* The zombie with another number of slots to be emptied. */
cap_t zombieWithSlotsLeft(cap_t zombie, word_t slotsLeft)
{
    return cap_zombie_cap_set_capZombieID(zombie, zombieStart(zombie) | (slotsLeft & zombieMask(zombie)));
}

/* Where the memory begins that a physical capability is about; 0 for other ones: object_start. */
word_t objectStart(cap_t cap)
{
    word_t kind = cap_get_capType(cap);
    return kind == cap_untyped_cap          ? cap_untyped_cap_get_capPtr(cap)
           : kind == cap_endpoint_cap       ? cap_endpoint_cap_get_capEPPtr(cap)
           : kind == cap_notification_cap   ? cap_notification_cap_get_capNtfnPtr(cap)
           : kind == cap_cnode_cap          ? cap_cnode_cap_get_capCNodePtr(cap)
           : kind == cap_thread_cap         ? cap_thread_cap_get_capTCBPtr(cap) - THREAD_OFFSET
           : kind == cap_zombie_cap         ? zombieStart(cap)
           : kind == cap_small_frame_cap    ? cap_small_frame_cap_get_capFBasePtr(cap)
           : kind == cap_frame_cap          ? cap_frame_cap_get_capFBasePtr(cap)
           : kind == cap_page_table_cap     ? cap_page_table_cap_get_capPTBasePtr(cap)
           : kind == cap_page_directory_cap ? cap_page_directory_cap_get_capPDBasePtr(cap)
           : kind == cap_asid_pool_cap      ? cap_asid_pool_cap_get_capASIDPool(cap)
                                            : 0;
}

/* The size of that memory: 2 to this power, in bytes: object_bits. */
word_t objectBits(cap_t cap)
{
    word_t kind = cap_get_capType(cap);
    word_t type = cap_zombie_cap_get_capZombieType(cap);
    return kind == cap_untyped_cap          ? cap_untyped_cap_get_capBlockSize(cap)
           : kind == cap_endpoint_cap       ? ENDPOINT_BITS
           : kind == cap_notification_cap   ? NOTIFICATION_BITS
           : kind == cap_cnode_cap          ? cap_cnode_cap_get_capCNodeRadix(cap) + SLOT_BITS
           : kind == cap_thread_cap         ? THREAD_BITS
           : kind == cap_zombie_cap         ? (type == ZombieType_Thread ? THREAD_BITS : type + SLOT_BITS)
           : isFrame(cap)                   ? frameBits(cap)
           : kind == cap_page_table_cap     ? PAGE_TABLE_BITS
           : kind == cap_page_directory_cap ? PAGE_DIRECTORY_BITS
           : kind == cap_asid_pool_cap      ? ASID_POOL_BITS
                                            : 0;
}

/* The last byte of that memory, which is aligned to its size. */
static word_t objectEnd(cap_t cap)
{
    return objectStart(cap) | MASK(objectBits(cap));
}

/* Whether the memory of one physical capability lies in that of the other. */
static bool_t contains(cap_t outer, cap_t inner)
{
    return objectStart(outer) <= objectStart(inner) && objectEnd(inner) <= objectEnd(outer);
}

/* Whether two capabilities of one kind, which is not one that stands for a region, are about the same thing. */
static bool_t sameThing(cap_t a, cap_t b)
{
    word_t kind = cap_get_capType(a);
    return kind == cap_reply_cap ? cap_reply_cap_get_capTCBPtr(a) == cap_reply_cap_get_capTCBPtr(b)
           : kind == cap_irq_handler_cap
               ? cap_irq_handler_cap_get_capIRQ(a) == cap_irq_handler_cap_get_capIRQ(b)
           : kind == cap_sgi_signal_cap
               ? cap_sgi_signal_cap_get_capSGIIRQ(a) == cap_sgi_signal_cap_get_capSGIIRQ(b)
                     && cap_sgi_signal_cap_get_capSGITarget(a) == cap_sgi_signal_cap_get_capSGITarget(b)
           : kind == cap_cnode_cap ? objectStart(a) == objectStart(b) && objectBits(a) == objectBits(b)
                                   : objectStart(a) == objectStart(b);
}

/* Whether what `b` is about is part of what `a` is about: same_region_as. */
bool_t sameRegionAs(cap_t a, cap_t b)
{
    word_t kind = cap_get_capType(a);
    word_t other = cap_get_capType(b);
    return kind == cap_null_cap || kind == cap_zombie_cap ? false
           : kind == cap_untyped_cap                      ? isPhysical(b) && contains(a, b)
           : isFrame(a)                                   ? isFrame(b) && contains(a, b)
           : kind == cap_irq_control_cap
               ? other == cap_irq_control_cap || other == cap_irq_handler_cap || other == cap_sgi_signal_cap
               : kind == other && sameThing(a, b);
}

/* Whether the capabilities are about one object, so that neither is the last one to it: same_object_as. */
bool_t sameObjectAs(cap_t a, cap_t b)
{
    word_t kind = cap_get_capType(a);
    return kind == cap_untyped_cap || kind == cap_irq_control_cap || kind == cap_sgi_signal_cap ? false
           : isFrame(a) ? isFrame(b) && objectStart(a) == objectStart(b) && frameBits(a) == frameBits(b)
                              && frameIsDevice(a) == frameIsDevice(b)
                        : sameRegionAs(a, b);
}

/* The badge of an endpoint or notification capability; 0 for other ones. */
word_t badgeOf(cap_t cap)
{
    word_t kind = cap_get_capType(cap);
    return kind == cap_endpoint_cap       ? cap_endpoint_cap_get_capEPBadge(cap)
           : kind == cap_notification_cap ? cap_notification_cap_get_capNtfnBadge(cap)
                                          : 0;
}

/* Whether a capability made of another one can have children of its own: is_cap_revocable. */
bool_t isCapRevocable(cap_t cap, cap_t source)
{
    word_t kind = cap_get_capType(cap);
    return kind == cap_endpoint_cap || kind == cap_notification_cap ? badgeOf(cap) != badgeOf(source)
           : kind == cap_irq_handler_cap || kind == cap_sgi_signal_cap
               ? cap_get_capType(source) == cap_irq_control_cap
               : kind == cap_untyped_cap;
}

/* Whether the capability allows to cancel what is sent with its badge: one to an endpoint, with all rights:
   has_cancel_send_rights. */
bool_t hasCancelSendRights(cap_t cap)
{
    return cap_get_capType(cap) == cap_endpoint_cap && cap_endpoint_cap_get_capCanSend(cap)
           && cap_endpoint_cap_get_capCanReceive(cap) && cap_endpoint_cap_get_capCanGrant(cap)
           && cap_endpoint_cap_get_capCanGrantReply(cap);
}
