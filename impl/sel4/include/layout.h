/* Packed words.  Written by `python -m impl.sel4.layout` from layout.toml: change that one. */

#ifndef LAYOUT_H
#define LAYOUT_H

#include "types.h"

/* An endpoint: a queue of threads that all wait to send, or all wait to receive.  Words 2 and 3 are not used. */
struct endpoint {
    word_t words[4];
};
typedef struct endpoint endpoint_t;

/* The thread that has waited longest; 0 if none waits. */
static inline word_t endpoint_ptr_get_epQueue_head(endpoint_t *p)
{
    return p->words[1] & 0xfffffff0u;
}

static inline void endpoint_ptr_set_epQueue_head(endpoint_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* The thread that came last; 0 if none waits. */
static inline word_t endpoint_ptr_get_epQueue_tail(endpoint_t *p)
{
    return p->words[0] & 0xfffffff0u;
}

static inline void endpoint_ptr_set_epQueue_tail(endpoint_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* Idle, Send or Recv: nobody waits, senders do, receivers do. */
static inline word_t endpoint_ptr_get_state(endpoint_t *p)
{
    return p->words[0] & 0x00000003u;
}

static inline void endpoint_ptr_set_state(endpoint_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffffcu) | (v & 0x00000003u);
}

/* A notification: a queue of waiting threads or a pending badge, and the thread bound to it. */
struct notification {
    word_t words[4];
};
typedef struct notification notification_t;

/* The thread it is bound to; 0 if none. */
static inline word_t notification_ptr_get_ntfnBoundTCB(notification_t *p)
{
    return p->words[3] & 0xfffffff0u;
}

static inline void notification_ptr_set_ntfnBoundTCB(notification_t *p, word_t v)
{
    p->words[3] = (p->words[3] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* The badges signalled, or-ed together; means nothing unless Active. */
static inline word_t notification_ptr_get_ntfnMsgIdentifier(notification_t *p)
{
    return p->words[2];
}

static inline void notification_ptr_set_ntfnMsgIdentifier(notification_t *p, word_t v)
{
    p->words[2] = v;
}

/* The thread that has waited longest; 0 if none waits. */
static inline word_t notification_ptr_get_ntfnQueue_head(notification_t *p)
{
    return p->words[1] & 0xfffffff0u;
}

static inline void notification_ptr_set_ntfnQueue_head(notification_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* The thread that came last; 0 if none waits. */
static inline word_t notification_ptr_get_ntfnQueue_tail(notification_t *p)
{
    return p->words[0] & 0xfffffff0u;
}

static inline void notification_ptr_set_ntfnQueue_tail(notification_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* Idle, Waiting or Active: nothing to tell, threads wait, a badge is pending. */
static inline word_t notification_ptr_get_state(notification_t *p)
{
    return p->words[0] & 0x00000003u;
}

static inline void notification_ptr_set_state(notification_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffffcu) | (v & 0x00000003u);
}

/* What a thread does, what it is blocked on and how, and whether it is in a ready queue. */
struct thread_state {
    word_t words[3];
};
typedef struct thread_state thread_state_t;

/* The badge of a blocked send. */
static inline word_t thread_state_ptr_get_blockingIPCBadge(thread_state_t *p)
{
    return (p->words[2] >> 4) & 0x0fffffffu;
}

static inline void thread_state_ptr_set_blockingIPCBadge(thread_state_t *p, word_t v)
{
    p->words[2] = (p->words[2] & 0x0000000fu) | ((v << 4) & 0xfffffff0u);
}

/* Whether the capability of a blocked send or receive has the grant right. */
static inline word_t thread_state_ptr_get_blockingIPCCanGrant(thread_state_t *p)
{
    return (p->words[2] >> 3) & 0x00000001u;
}

static inline void thread_state_ptr_set_blockingIPCCanGrant(thread_state_t *p, word_t v)
{
    p->words[2] = (p->words[2] & 0xfffffff7u) | ((v << 3) & 0x00000008u);
}

/* Whether the capability of a blocked send has the grant-reply right. */
static inline word_t thread_state_ptr_get_blockingIPCCanGrantReply(thread_state_t *p)
{
    return (p->words[2] >> 2) & 0x00000001u;
}

static inline void thread_state_ptr_set_blockingIPCCanGrantReply(thread_state_t *p, word_t v)
{
    p->words[2] = (p->words[2] & 0xfffffffbu) | ((v << 2) & 0x00000004u);
}

/* Whether a blocked send is a call. */
static inline word_t thread_state_ptr_get_blockingIPCIsCall(thread_state_t *p)
{
    return (p->words[2] >> 1) & 0x00000001u;
}

static inline void thread_state_ptr_set_blockingIPCIsCall(thread_state_t *p, word_t v)
{
    p->words[2] = (p->words[2] & 0xfffffffdu) | ((v << 1) & 0x00000002u);
}

/* Whether the thread is in the ready queue of its domain and priority. */
static inline word_t thread_state_ptr_get_tcbQueued(thread_state_t *p)
{
    return p->words[1] & 0x00000001u;
}

static inline void thread_state_ptr_set_tcbQueued(thread_state_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffffffeu) | (v & 0x00000001u);
}

/* The endpoint or notification that the thread is blocked on. */
static inline word_t thread_state_ptr_get_blockingObject(thread_state_t *p)
{
    return p->words[0] & 0xfffffff0u;
}

static inline void thread_state_ptr_set_blockingObject(thread_state_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* The thread state, as numbered in `enum thread_state_type`. */
static inline word_t thread_state_ptr_get_tsType(thread_state_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void thread_state_ptr_set_tsType(thread_state_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The description of a message that a sender passes in r1 and a receiver finds there. */
typedef word_t seL4_MessageInfo_t;

/* A number that the kernel hands over as it is. */
static inline word_t seL4_MessageInfo_get_label(seL4_MessageInfo_t x)
{
    return (x >> 12) & 0x000fffffu;
}

static inline seL4_MessageInfo_t seL4_MessageInfo_set_label(seL4_MessageInfo_t x, word_t v)
{
    return (x & 0x00000fffu) | ((v << 12) & 0xfffff000u);
}

/* Which of the received capabilities arrived as a badge. */
static inline word_t seL4_MessageInfo_get_capsUnwrapped(seL4_MessageInfo_t x)
{
    return (x >> 9) & 0x00000007u;
}

static inline seL4_MessageInfo_t seL4_MessageInfo_set_capsUnwrapped(seL4_MessageInfo_t x, word_t v)
{
    return (x & 0xfffff1ffu) | ((v << 9) & 0x00000e00u);
}

/* How many capabilities go with the message. */
static inline word_t seL4_MessageInfo_get_extraCaps(seL4_MessageInfo_t x)
{
    return (x >> 7) & 0x00000003u;
}

static inline seL4_MessageInfo_t seL4_MessageInfo_set_extraCaps(seL4_MessageInfo_t x, word_t v)
{
    return (x & 0xfffffe7fu) | ((v << 7) & 0x00000180u);
}

/* How many words the message has. */
static inline word_t seL4_MessageInfo_get_length(seL4_MessageInfo_t x)
{
    return x & 0x0000007fu;
}

static inline seL4_MessageInfo_t seL4_MessageInfo_set_length(seL4_MessageInfo_t x, word_t v)
{
    return (x & 0xffffff80u) | (v & 0x0000007fu);
}

/* An entry of the domain schedule; 0, domain 0 for no time, marks its end. */
typedef uint64_t dschedule_t;

/* The domain. */
static inline uint64_t dschedule_get_domain(dschedule_t x)
{
    return (x >> 56) & 0x00000000000000ffull;
}

static inline dschedule_t dschedule_set_domain(dschedule_t x, uint64_t v)
{
    return (x & 0x00ffffffffffffffull) | ((v << 56) & 0xff00000000000000ull);
}

/* For how many timer ticks it runs. */
static inline uint64_t dschedule_get_duration(dschedule_t x)
{
    return x & 0x00ffffffffffffffull;
}

static inline dschedule_t dschedule_set_duration(dschedule_t x, uint64_t v)
{
    return (x & 0xff00000000000000ull) | (v & 0x00ffffffffffffffull);
}

/* A capability: which words hold what depends on its kind, which `capType` tells. */
typedef uint64_t cap_t;

/* The tags of the kinds. */
enum cap_tag {
    cap_null_cap = 0,
    cap_untyped_cap = 2,
    cap_endpoint_cap = 4,
    cap_notification_cap = 6,
    cap_reply_cap = 8,
    cap_cnode_cap = 10,
    cap_thread_cap = 12,
    cap_small_frame_cap = 1,
    cap_frame_cap = 3,
    cap_asid_pool_cap = 5,
    cap_page_table_cap = 7,
    cap_page_directory_cap = 9,
    cap_asid_control_cap = 11,
    cap_irq_control_cap = 14,
    cap_irq_handler_cap = 30,
    cap_zombie_cap = 46,
    cap_domain_cap = 62,
    cap_sgi_signal_cap = 63
};

/* The tag of the kind. */
static inline word_t cap_get_capType(cap_t x)
{
    return ((word_t)x & 0xfu) < 0xeu ? (word_t)x & 0xfu : (word_t)x & 0xffu;
}

/* No capability: what an empty slot holds. */

/* One whose fields are all 0. */
static inline cap_t cap_null_cap_new(void)
{
    return 0x0000000000000000ull;
}

/* Which kind of capability it is. */
static inline word_t cap_null_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_null_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to make objects out of a range of memory. */

/* One whose fields are all 0. */
static inline cap_t cap_untyped_cap_new(void)
{
    return 0x0000000000000002ull;
}

/* Where memory not given out yet begins, in units of 16 bytes. */
static inline word_t cap_untyped_cap_get_capFreeIndex(cap_t x)
{
    return ((word_t)(x >> 32) >> 6) & 0x03ffffffu;
}

static inline cap_t cap_untyped_cap_set_capFreeIndex(cap_t x, word_t v)
{
    return (x & 0x0000003fffffffffull) | ((uint64_t)((v << 6) & 0xffffffc0u) << 32);
}

/* Whether the memory is that of a device. */
static inline word_t cap_untyped_cap_get_capIsDevice(cap_t x)
{
    return ((word_t)(x >> 32) >> 5) & 0x00000001u;
}

static inline cap_t cap_untyped_cap_set_capIsDevice(cap_t x, word_t v)
{
    return (x & 0xffffffdfffffffffull) | ((uint64_t)((v << 5) & 0x00000020u) << 32);
}

/* The size of the memory: 2 to this power, in bytes. */
static inline word_t cap_untyped_cap_get_capBlockSize(cap_t x)
{
    return (word_t)(x >> 32) & 0x0000001fu;
}

static inline cap_t cap_untyped_cap_set_capBlockSize(cap_t x, word_t v)
{
    return (x & 0xffffffe0ffffffffull) | ((uint64_t)(v & 0x0000001fu) << 32);
}

/* Where the memory begins. */
static inline word_t cap_untyped_cap_get_capPtr(cap_t x)
{
    return (word_t)x & 0xfffffff0u;
}

static inline cap_t cap_untyped_cap_set_capPtr(cap_t x, word_t v)
{
    return (x & 0xffffffff0000000full) | (v & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_untyped_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_untyped_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to send or receive through an endpoint. */

/* One whose fields are all 0. */
static inline cap_t cap_endpoint_cap_new(void)
{
    return 0x0000000000000004ull;
}

/* The endpoint. */
static inline word_t cap_endpoint_cap_get_capEPPtr(cap_t x)
{
    return (word_t)(x >> 32) & 0xfffffff0u;
}

static inline cap_t cap_endpoint_cap_set_capEPPtr(cap_t x, word_t v)
{
    return (x & 0x0000000fffffffffull) | ((uint64_t)(v & 0xfffffff0u) << 32);
}

/* The right to grant a reply capability only. */
static inline word_t cap_endpoint_cap_get_capCanGrantReply(cap_t x)
{
    return ((word_t)(x >> 32) >> 3) & 0x00000001u;
}

static inline cap_t cap_endpoint_cap_set_capCanGrantReply(cap_t x, word_t v)
{
    return (x & 0xfffffff7ffffffffull) | ((uint64_t)((v << 3) & 0x00000008u) << 32);
}

/* The right to grant any capability. */
static inline word_t cap_endpoint_cap_get_capCanGrant(cap_t x)
{
    return ((word_t)(x >> 32) >> 2) & 0x00000001u;
}

static inline cap_t cap_endpoint_cap_set_capCanGrant(cap_t x, word_t v)
{
    return (x & 0xfffffffbffffffffull) | ((uint64_t)((v << 2) & 0x00000004u) << 32);
}

/* The right to receive. */
static inline word_t cap_endpoint_cap_get_capCanReceive(cap_t x)
{
    return ((word_t)(x >> 32) >> 1) & 0x00000001u;
}

static inline cap_t cap_endpoint_cap_set_capCanReceive(cap_t x, word_t v)
{
    return (x & 0xfffffffdffffffffull) | ((uint64_t)((v << 1) & 0x00000002u) << 32);
}

/* The right to send. */
static inline word_t cap_endpoint_cap_get_capCanSend(cap_t x)
{
    return (word_t)(x >> 32) & 0x00000001u;
}

static inline cap_t cap_endpoint_cap_set_capCanSend(cap_t x, word_t v)
{
    return (x & 0xfffffffeffffffffull) | ((uint64_t)(v & 0x00000001u) << 32);
}

/* The badge that receivers are told; 0 for none. */
static inline word_t cap_endpoint_cap_get_capEPBadge(cap_t x)
{
    return ((word_t)x >> 4) & 0x0fffffffu;
}

static inline cap_t cap_endpoint_cap_set_capEPBadge(cap_t x, word_t v)
{
    return (x & 0xffffffff0000000full) | ((v << 4) & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_endpoint_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_endpoint_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to signal or wait for a notification. */

/* One whose fields are all 0. */
static inline cap_t cap_notification_cap_new(void)
{
    return 0x0000000000000006ull;
}

/* The badge that is or-ed to those pending; 0 for none. */
static inline word_t cap_notification_cap_get_capNtfnBadge(cap_t x)
{
    return ((word_t)(x >> 32) >> 4) & 0x0fffffffu;
}

static inline cap_t cap_notification_cap_set_capNtfnBadge(cap_t x, word_t v)
{
    return (x & 0x0000000fffffffffull) | ((uint64_t)((v << 4) & 0xfffffff0u) << 32);
}

/* The right to wait. */
static inline word_t cap_notification_cap_get_capNtfnCanReceive(cap_t x)
{
    return ((word_t)(x >> 32) >> 1) & 0x00000001u;
}

static inline cap_t cap_notification_cap_set_capNtfnCanReceive(cap_t x, word_t v)
{
    return (x & 0xfffffffdffffffffull) | ((uint64_t)((v << 1) & 0x00000002u) << 32);
}

/* The right to signal. */
static inline word_t cap_notification_cap_get_capNtfnCanSend(cap_t x)
{
    return (word_t)(x >> 32) & 0x00000001u;
}

static inline cap_t cap_notification_cap_set_capNtfnCanSend(cap_t x, word_t v)
{
    return (x & 0xfffffffeffffffffull) | ((uint64_t)(v & 0x00000001u) << 32);
}

/* The notification. */
static inline word_t cap_notification_cap_get_capNtfnPtr(cap_t x)
{
    return (word_t)x & 0xfffffff0u;
}

static inline cap_t cap_notification_cap_set_capNtfnPtr(cap_t x, word_t v)
{
    return (x & 0xffffffff0000000full) | (v & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_notification_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_notification_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to answer a thread that waits for a reply; it can be used once. */

/* One whose fields are all 0. */
static inline cap_t cap_reply_cap_new(void)
{
    return 0x0000000000000008ull;
}

/* The thread control block, 0x100 bytes into its object. */
static inline word_t cap_reply_cap_get_capTCBPtr(cap_t x)
{
    return (word_t)x & 0xffffffc0u;
}

static inline cap_t cap_reply_cap_set_capTCBPtr(cap_t x, word_t v)
{
    return (x & 0xffffffff0000003full) | (v & 0xffffffc0u);
}

/* Whether the answer may grant capabilities. */
static inline word_t cap_reply_cap_get_capReplyCanGrant(cap_t x)
{
    return ((word_t)x >> 5) & 0x00000001u;
}

static inline cap_t cap_reply_cap_set_capReplyCanGrant(cap_t x, word_t v)
{
    return (x & 0xffffffffffffffdfull) | ((v << 5) & 0x00000020u);
}

/* Whether it is the thread's own one, which all others are derived from. */
static inline word_t cap_reply_cap_get_capReplyMaster(cap_t x)
{
    return ((word_t)x >> 4) & 0x00000001u;
}

static inline cap_t cap_reply_cap_set_capReplyMaster(cap_t x, word_t v)
{
    return (x & 0xffffffffffffffefull) | ((v << 4) & 0x00000010u);
}

/* Which kind of capability it is. */
static inline word_t cap_reply_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_reply_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to a table of capability slots, and how addresses of capabilities are resolved in it. */

/* One whose fields are all 0. */
static inline cap_t cap_cnode_cap_new(void)
{
    return 0x000000000000000aull;
}

/* How many bits the guard has. */
static inline word_t cap_cnode_cap_get_capCNodeGuardSize(cap_t x)
{
    return ((word_t)(x >> 32) >> 23) & 0x0000001fu;
}

static inline cap_t cap_cnode_cap_set_capCNodeGuardSize(cap_t x, word_t v)
{
    return (x & 0xf07fffffffffffffull) | ((uint64_t)((v << 23) & 0x0f800000u) << 32);
}

/* How many bits index the table: it has 2 to this power slots. */
static inline word_t cap_cnode_cap_get_capCNodeRadix(cap_t x)
{
    return ((word_t)(x >> 32) >> 18) & 0x0000001fu;
}

static inline cap_t cap_cnode_cap_set_capCNodeRadix(cap_t x, word_t v)
{
    return (x & 0xff83ffffffffffffull) | ((uint64_t)((v << 18) & 0x007c0000u) << 32);
}

/* The bits that an address must have in front of the index. */
static inline word_t cap_cnode_cap_get_capCNodeGuard(cap_t x)
{
    return (word_t)(x >> 32) & 0x0003ffffu;
}

static inline cap_t cap_cnode_cap_set_capCNodeGuard(cap_t x, word_t v)
{
    return (x & 0xfffc0000ffffffffull) | ((uint64_t)(v & 0x0003ffffu) << 32);
}

/* The table. */
static inline word_t cap_cnode_cap_get_capCNodePtr(cap_t x)
{
    return (word_t)x & 0xffffffe0u;
}

static inline cap_t cap_cnode_cap_set_capCNodePtr(cap_t x, word_t v)
{
    return (x & 0xffffffff0000001full) | (v & 0xffffffe0u);
}

/* Which kind of capability it is. */
static inline word_t cap_cnode_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_cnode_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to control a thread. */

/* One whose fields are all 0. */
static inline cap_t cap_thread_cap_new(void)
{
    return 0x000000000000000cull;
}

/* The thread control block, 0x100 bytes into its object. */
static inline word_t cap_thread_cap_get_capTCBPtr(cap_t x)
{
    return (word_t)x & 0xfffffff0u;
}

static inline cap_t cap_thread_cap_set_capTCBPtr(cap_t x, word_t v)
{
    return (x & 0xffffffff0000000full) | (v & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_thread_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_thread_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to a small page of memory. */

/* One whose fields are all 0. */
static inline cap_t cap_small_frame_cap_new(void)
{
    return 0x0000000000000001ull;
}

/* The low bits of the ASID that the page is mapped in. */
static inline word_t cap_small_frame_cap_get_capFMappedASIDLow(cap_t x)
{
    return ((word_t)(x >> 32) >> 22) & 0x000003ffu;
}

static inline cap_t cap_small_frame_cap_set_capFMappedASIDLow(cap_t x, word_t v)
{
    return (x & 0x003fffffffffffffull) | ((uint64_t)((v << 22) & 0xffc00000u) << 32);
}

/* What users may do: 1 nothing, 2 read, 3 read and write. */
static inline word_t cap_small_frame_cap_get_capFVMRights(cap_t x)
{
    return ((word_t)(x >> 32) >> 20) & 0x00000003u;
}

static inline cap_t cap_small_frame_cap_set_capFVMRights(cap_t x, word_t v)
{
    return (x & 0xffcfffffffffffffull) | ((uint64_t)((v << 20) & 0x00300000u) << 32);
}

/* The virtual address that it is mapped at. */
static inline word_t cap_small_frame_cap_get_capFMappedAddress(cap_t x)
{
    return ((word_t)(x >> 32) << 12) & 0xfffff000u;
}

static inline cap_t cap_small_frame_cap_set_capFMappedAddress(cap_t x, word_t v)
{
    return (x & 0xfff00000ffffffffull) | ((uint64_t)((v >> 12) & 0x000fffffu) << 32);
}

/* Whether the memory is that of a device. */
static inline word_t cap_small_frame_cap_get_capFIsDevice(cap_t x)
{
    return ((word_t)x >> 31) & 0x00000001u;
}

static inline cap_t cap_small_frame_cap_set_capFIsDevice(cap_t x, word_t v)
{
    return (x & 0xffffffff7fffffffull) | ((v << 31) & 0x80000000u);
}

/* The high bits of that ASID; 0 with the low ones if it is not mapped. */
static inline word_t cap_small_frame_cap_get_capFMappedASIDHigh(cap_t x)
{
    return ((word_t)x >> 24) & 0x0000007fu;
}

static inline cap_t cap_small_frame_cap_set_capFMappedASIDHigh(cap_t x, word_t v)
{
    return (x & 0xffffffff80ffffffull) | ((v << 24) & 0x7f000000u);
}

/* Where the page begins. */
static inline word_t cap_small_frame_cap_get_capFBasePtr(cap_t x)
{
    return ((word_t)x << 8) & 0xfffff000u;
}

static inline cap_t cap_small_frame_cap_set_capFBasePtr(cap_t x, word_t v)
{
    return (x & 0xffffffffff00000full) | ((v >> 8) & 0x00fffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_small_frame_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_small_frame_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to a page of memory larger than a small one. */

/* One whose fields are all 0. */
static inline cap_t cap_frame_cap_new(void)
{
    return 0x0000000000000003ull;
}

/* The size: 1 large page, 2 section, 3 supersection. */
static inline word_t cap_frame_cap_get_capFSize(cap_t x)
{
    return ((word_t)(x >> 32) >> 30) & 0x00000003u;
}

static inline cap_t cap_frame_cap_set_capFSize(cap_t x, word_t v)
{
    return (x & 0x3fffffffffffffffull) | ((uint64_t)((v << 30) & 0xc0000000u) << 32);
}

/* The low bits of the ASID that the page is mapped in. */
static inline word_t cap_frame_cap_get_capFMappedASIDLow(cap_t x)
{
    return ((word_t)(x >> 32) >> 20) & 0x000003ffu;
}

static inline cap_t cap_frame_cap_set_capFMappedASIDLow(cap_t x, word_t v)
{
    return (x & 0xc00fffffffffffffull) | ((uint64_t)((v << 20) & 0x3ff00000u) << 32);
}

/* What users may do: 1 nothing, 2 read, 3 read and write. */
static inline word_t cap_frame_cap_get_capFVMRights(cap_t x)
{
    return ((word_t)(x >> 32) >> 18) & 0x00000003u;
}

static inline cap_t cap_frame_cap_set_capFVMRights(cap_t x, word_t v)
{
    return (x & 0xfff3ffffffffffffull) | ((uint64_t)((v << 18) & 0x000c0000u) << 32);
}

/* The virtual address that it is mapped at. */
static inline word_t cap_frame_cap_get_capFMappedAddress(cap_t x)
{
    return ((word_t)(x >> 32) << 14) & 0xffffc000u;
}

static inline cap_t cap_frame_cap_set_capFMappedAddress(cap_t x, word_t v)
{
    return (x & 0xfffc0000ffffffffull) | ((uint64_t)((v >> 14) & 0x0003ffffu) << 32);
}

/* Whether the memory is that of a device. */
static inline word_t cap_frame_cap_get_capFIsDevice(cap_t x)
{
    return ((word_t)x >> 29) & 0x00000001u;
}

static inline cap_t cap_frame_cap_set_capFIsDevice(cap_t x, word_t v)
{
    return (x & 0xffffffffdfffffffull) | ((v << 29) & 0x20000000u);
}

/* The high bits of that ASID; 0 with the low ones if it is not mapped. */
static inline word_t cap_frame_cap_get_capFMappedASIDHigh(cap_t x)
{
    return ((word_t)x >> 22) & 0x0000007fu;
}

static inline cap_t cap_frame_cap_set_capFMappedASIDHigh(cap_t x, word_t v)
{
    return (x & 0xffffffffe03fffffull) | ((v << 22) & 0x1fc00000u);
}

/* Where the page begins. */
static inline word_t cap_frame_cap_get_capFBasePtr(cap_t x)
{
    return ((word_t)x << 10) & 0xffffc000u;
}

static inline cap_t cap_frame_cap_set_capFBasePtr(cap_t x, word_t v)
{
    return (x & 0xffffffffffc0000full) | ((v >> 10) & 0x003ffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_frame_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_frame_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to give address spaces out of a pool of ASIDs. */

/* One whose fields are all 0. */
static inline cap_t cap_asid_pool_cap_new(void)
{
    return 0x0000000000000005ull;
}

/* The first ASID of the pool. */
static inline word_t cap_asid_pool_cap_get_capASIDBase(cap_t x)
{
    return (word_t)(x >> 32) & 0x0001ffffu;
}

static inline cap_t cap_asid_pool_cap_set_capASIDBase(cap_t x, word_t v)
{
    return (x & 0xfffe0000ffffffffull) | ((uint64_t)(v & 0x0001ffffu) << 32);
}

/* The pool. */
static inline word_t cap_asid_pool_cap_get_capASIDPool(cap_t x)
{
    return (word_t)x & 0xfffffff0u;
}

static inline cap_t cap_asid_pool_cap_set_capASIDPool(cap_t x, word_t v)
{
    return (x & 0xffffffff0000000full) | (v & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_asid_pool_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_asid_pool_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to a page table. */

/* One whose fields are all 0. */
static inline cap_t cap_page_table_cap_new(void)
{
    return 0x0000000000000007ull;
}

/* Whether the table is mapped. */
static inline word_t cap_page_table_cap_get_capPTIsMapped(cap_t x)
{
    return ((word_t)(x >> 32) >> 29) & 0x00000001u;
}

static inline cap_t cap_page_table_cap_set_capPTIsMapped(cap_t x, word_t v)
{
    return (x & 0xdfffffffffffffffull) | ((uint64_t)((v << 29) & 0x20000000u) << 32);
}

/* The ASID that it is mapped in. */
static inline word_t cap_page_table_cap_get_capPTMappedASID(cap_t x)
{
    return ((word_t)(x >> 32) >> 12) & 0x0001ffffu;
}

static inline cap_t cap_page_table_cap_set_capPTMappedASID(cap_t x, word_t v)
{
    return (x & 0xe0000fffffffffffull) | ((uint64_t)((v << 12) & 0x1ffff000u) << 32);
}

/* The virtual address of the first page that it maps. */
static inline word_t cap_page_table_cap_get_capPTMappedAddress(cap_t x)
{
    return ((word_t)(x >> 32) << 20) & 0xfff00000u;
}

static inline cap_t cap_page_table_cap_set_capPTMappedAddress(cap_t x, word_t v)
{
    return (x & 0xfffff000ffffffffull) | ((uint64_t)((v >> 20) & 0x00000fffu) << 32);
}

/* The table. */
static inline word_t cap_page_table_cap_get_capPTBasePtr(cap_t x)
{
    return (word_t)x & 0xfffffc00u;
}

static inline cap_t cap_page_table_cap_set_capPTBasePtr(cap_t x, word_t v)
{
    return (x & 0xffffffff000003ffull) | (v & 0xfffffc00u);
}

/* Which kind of capability it is. */
static inline word_t cap_page_table_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_page_table_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to a page directory: an address space. */

/* One whose fields are all 0. */
static inline cap_t cap_page_directory_cap_new(void)
{
    return 0x0000000000000009ull;
}

/* The ASID of the address space. */
static inline word_t cap_page_directory_cap_get_capPDMappedASID(cap_t x)
{
    return (word_t)(x >> 32) & 0x0001ffffu;
}

static inline cap_t cap_page_directory_cap_set_capPDMappedASID(cap_t x, word_t v)
{
    return (x & 0xfffe0000ffffffffull) | ((uint64_t)(v & 0x0001ffffu) << 32);
}

/* The directory. */
static inline word_t cap_page_directory_cap_get_capPDBasePtr(cap_t x)
{
    return (word_t)x & 0xffffc000u;
}

static inline cap_t cap_page_directory_cap_set_capPDBasePtr(cap_t x, word_t v)
{
    return (x & 0xffffffff00003fffull) | (v & 0xffffc000u);
}

/* Whether it has an ASID. */
static inline word_t cap_page_directory_cap_get_capPDIsMapped(cap_t x)
{
    return ((word_t)x >> 4) & 0x00000001u;
}

static inline cap_t cap_page_directory_cap_set_capPDIsMapped(cap_t x, word_t v)
{
    return (x & 0xffffffffffffffefull) | ((v << 4) & 0x00000010u);
}

/* Which kind of capability it is. */
static inline word_t cap_page_directory_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_page_directory_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to make pools of ASIDs. */

/* One whose fields are all 0. */
static inline cap_t cap_asid_control_cap_new(void)
{
    return 0x000000000000000bull;
}

/* Which kind of capability it is. */
static inline word_t cap_asid_control_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x0000000fu;
}

static inline cap_t cap_asid_control_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xfffffffffffffff0ull) | (v & 0x0000000fu);
}

/* The right to hand out interrupts. */

/* One whose fields are all 0. */
static inline cap_t cap_irq_control_cap_new(void)
{
    return 0x000000000000000eull;
}

/* Which kind of capability it is. */
static inline word_t cap_irq_control_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x000000ffu;
}

static inline cap_t cap_irq_control_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xffffffffffffff00ull) | (v & 0x000000ffu);
}

/* The right to have an interrupt signalled and to acknowledge it. */

/* One whose fields are all 0. */
static inline cap_t cap_irq_handler_cap_new(void)
{
    return 0x000000000000001eull;
}

/* The interrupt. */
static inline word_t cap_irq_handler_cap_get_capIRQ(cap_t x)
{
    return (word_t)(x >> 32) & 0x000000ffu;
}

static inline cap_t cap_irq_handler_cap_set_capIRQ(cap_t x, word_t v)
{
    return (x & 0xffffff00ffffffffull) | ((uint64_t)(v & 0x000000ffu) << 32);
}

/* Which kind of capability it is. */
static inline word_t cap_irq_handler_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x000000ffu;
}

static inline cap_t cap_irq_handler_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xffffffffffffff00ull) | (v & 0x000000ffu);
}

/* What is left of a capability to an object with slots, while those are being emptied. */

/* One whose fields are all 0. */
static inline cap_t cap_zombie_cap_new(void)
{
    return 0x000000000000002eull;
}

/* The object, with the number of slots that are left in its low bits. */
static inline word_t cap_zombie_cap_get_capZombieID(cap_t x)
{
    return (word_t)(x >> 32);
}

static inline cap_t cap_zombie_cap_set_capZombieID(cap_t x, word_t v)
{
    return (x & 0x00000000ffffffffull) | ((uint64_t)v << 32);
}

/* 32 for a thread, otherwise the radix of the table. */
static inline word_t cap_zombie_cap_get_capZombieType(cap_t x)
{
    return ((word_t)x >> 8) & 0x0000003fu;
}

static inline cap_t cap_zombie_cap_set_capZombieType(cap_t x, word_t v)
{
    return (x & 0xffffffffffffc0ffull) | ((v << 8) & 0x00003f00u);
}

/* Which kind of capability it is. */
static inline word_t cap_zombie_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x000000ffu;
}

static inline cap_t cap_zombie_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xffffffffffffff00ull) | (v & 0x000000ffu);
}

/* The right to assign threads to domains and to set the domain schedule. */

/* One whose fields are all 0. */
static inline cap_t cap_domain_cap_new(void)
{
    return 0x000000000000003eull;
}

/* Which kind of capability it is. */
static inline word_t cap_domain_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x000000ffu;
}

static inline cap_t cap_domain_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xffffffffffffff00ull) | (v & 0x000000ffu);
}

/* The right to raise a software-generated interrupt. */

/* One whose fields are all 0. */
static inline cap_t cap_sgi_signal_cap_new(void)
{
    return 0x000000000000003full;
}

/* The processor to be interrupted. */
static inline word_t cap_sgi_signal_cap_get_capSGITarget(cap_t x)
{
    return (word_t)(x >> 32);
}

static inline cap_t cap_sgi_signal_cap_set_capSGITarget(cap_t x, word_t v)
{
    return (x & 0x00000000ffffffffull) | ((uint64_t)v << 32);
}

/* The interrupt to be raised. */
static inline word_t cap_sgi_signal_cap_get_capSGIIRQ(cap_t x)
{
    return ((word_t)x >> 8) & 0x0000000fu;
}

static inline cap_t cap_sgi_signal_cap_set_capSGIIRQ(cap_t x, word_t v)
{
    return (x & 0xfffffffffffff0ffull) | ((v << 8) & 0x00000f00u);
}

/* Which kind of capability it is. */
static inline word_t cap_sgi_signal_cap_get_capType(cap_t x)
{
    return (word_t)x & 0x000000ffu;
}

static inline cap_t cap_sgi_signal_cap_set_capType(cap_t x, word_t v)
{
    return (x & 0xffffffffffffff00ull) | (v & 0x000000ffu);
}

/* A slot's place in the list of all capabilities in the order of their derivation. */
struct mdb_node {
    word_t words[2];
};
typedef struct mdb_node mdb_node_t;

/* The next slot in the list; 0 at its end. */
static inline word_t mdb_node_ptr_get_mdbNext(mdb_node_t *p)
{
    return p->words[1] & 0xfffffff8u;
}

static inline void mdb_node_ptr_set_mdbNext(mdb_node_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0x00000007u) | (v & 0xfffffff8u);
}

/* Whether revoking the capability revokes its copies. */
static inline word_t mdb_node_ptr_get_mdbRevocable(mdb_node_t *p)
{
    return (p->words[1] >> 1) & 0x00000001u;
}

static inline void mdb_node_ptr_set_mdbRevocable(mdb_node_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffffffdu) | ((v << 1) & 0x00000002u);
}

/* Whether it is the first one with its badge, so that those after it with that badge are its children. */
static inline word_t mdb_node_ptr_get_mdbFirstBadged(mdb_node_t *p)
{
    return p->words[1] & 0x00000001u;
}

static inline void mdb_node_ptr_set_mdbFirstBadged(mdb_node_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffffffeu) | (v & 0x00000001u);
}

/* The slot before it in the list; 0 at the beginning. */
static inline word_t mdb_node_ptr_get_mdbPrev(mdb_node_t *p)
{
    return p->words[0] & 0xfffffff8u;
}

static inline void mdb_node_ptr_set_mdbPrev(mdb_node_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x00000007u) | (v & 0xfffffff8u);
}

/* Why the address of a capability leads nowhere. */
typedef uint64_t lookup_fault_t;

/* The tags of the kinds. */
enum lookup_fault_tag {
    lookup_fault_invalid_root = 0,
    lookup_fault_missing_capability = 1,
    lookup_fault_depth_mismatch = 2,
    lookup_fault_guard_mismatch = 3
};

/* The tag of the kind. */
static inline word_t lookup_fault_get_lufType(lookup_fault_t x)
{
    return (word_t)x & 0x3u;
}

/* What the search begins with is no CNode. */

/* One whose fields are all 0. */
static inline lookup_fault_t lookup_fault_invalid_root_new(void)
{
    return 0x0000000000000000ull;
}

/* Which kind of failure it is. */
static inline word_t lookup_fault_invalid_root_get_lufType(lookup_fault_t x)
{
    return (word_t)x & 0x00000003u;
}

static inline lookup_fault_t lookup_fault_invalid_root_set_lufType(lookup_fault_t x, word_t v)
{
    return (x & 0xfffffffffffffffcull) | (v & 0x00000003u);
}

/* There is no capability, or not one that will do. */

/* One whose fields are all 0. */
static inline lookup_fault_t lookup_fault_missing_capability_new(void)
{
    return 0x0000000000000001ull;
}

/* How many bits of the address were left. */
static inline word_t lookup_fault_missing_capability_get_bitsLeft(lookup_fault_t x)
{
    return ((word_t)x >> 2) & 0x0000003fu;
}

static inline lookup_fault_t lookup_fault_missing_capability_set_bitsLeft(lookup_fault_t x, word_t v)
{
    return (x & 0xffffffffffffff03ull) | ((v << 2) & 0x000000fcu);
}

/* Which kind of failure it is. */
static inline word_t lookup_fault_missing_capability_get_lufType(lookup_fault_t x)
{
    return (word_t)x & 0x00000003u;
}

static inline lookup_fault_t lookup_fault_missing_capability_set_lufType(lookup_fault_t x, word_t v)
{
    return (x & 0xfffffffffffffffcull) | (v & 0x00000003u);
}

/* A CNode takes more bits than are left, or bits are left where there is no further CNode. */

/* One whose fields are all 0. */
static inline lookup_fault_t lookup_fault_depth_mismatch_new(void)
{
    return 0x0000000000000002ull;
}

/* How many bits the CNode takes; 0 if there is none. */
static inline word_t lookup_fault_depth_mismatch_get_bitsFound(lookup_fault_t x)
{
    return ((word_t)x >> 8) & 0x0000003fu;
}

static inline lookup_fault_t lookup_fault_depth_mismatch_set_bitsFound(lookup_fault_t x, word_t v)
{
    return (x & 0xffffffffffffc0ffull) | ((v << 8) & 0x00003f00u);
}

/* How many bits of the address were left. */
static inline word_t lookup_fault_depth_mismatch_get_bitsLeft(lookup_fault_t x)
{
    return ((word_t)x >> 2) & 0x0000003fu;
}

static inline lookup_fault_t lookup_fault_depth_mismatch_set_bitsLeft(lookup_fault_t x, word_t v)
{
    return (x & 0xffffffffffffff03ull) | ((v << 2) & 0x000000fcu);
}

/* Which kind of failure it is. */
static inline word_t lookup_fault_depth_mismatch_get_lufType(lookup_fault_t x)
{
    return (word_t)x & 0x00000003u;
}

static inline lookup_fault_t lookup_fault_depth_mismatch_set_lufType(lookup_fault_t x, word_t v)
{
    return (x & 0xfffffffffffffffcull) | (v & 0x00000003u);
}

/* The address has other bits than the guard of a CNode. */

/* One whose fields are all 0. */
static inline lookup_fault_t lookup_fault_guard_mismatch_new(void)
{
    return 0x0000000000000003ull;
}

/* The guard. */
static inline word_t lookup_fault_guard_mismatch_get_guardFound(lookup_fault_t x)
{
    return (word_t)(x >> 32);
}

static inline lookup_fault_t lookup_fault_guard_mismatch_set_guardFound(lookup_fault_t x, word_t v)
{
    return (x & 0x00000000ffffffffull) | ((uint64_t)v << 32);
}

/* How many bits of the address were left. */
static inline word_t lookup_fault_guard_mismatch_get_bitsLeft(lookup_fault_t x)
{
    return ((word_t)x >> 8) & 0x0000003fu;
}

static inline lookup_fault_t lookup_fault_guard_mismatch_set_bitsLeft(lookup_fault_t x, word_t v)
{
    return (x & 0xffffffffffffc0ffull) | ((v << 8) & 0x00003f00u);
}

/* How many bits the guard has. */
static inline word_t lookup_fault_guard_mismatch_get_bitsFound(lookup_fault_t x)
{
    return ((word_t)x >> 2) & 0x0000003fu;
}

static inline lookup_fault_t lookup_fault_guard_mismatch_set_bitsFound(lookup_fault_t x, word_t v)
{
    return (x & 0xffffffffffffff03ull) | ((v << 2) & 0x000000fcu);
}

/* Which kind of failure it is. */
static inline word_t lookup_fault_guard_mismatch_get_lufType(lookup_fault_t x)
{
    return (word_t)x & 0x00000003u;
}

static inline lookup_fault_t lookup_fault_guard_mismatch_set_lufType(lookup_fault_t x, word_t v)
{
    return (x & 0xfffffffffffffffcull) | (v & 0x00000003u);
}

#endif
