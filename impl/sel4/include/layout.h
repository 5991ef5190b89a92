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
struct cap {
    word_t words[2];
};
typedef struct cap cap_t;

/* The tag of the kind. */
static inline word_t cap_ptr_get_capType(cap_t *p)
{
    return (p->words[0] & 0xfu) < 0xeu ? p->words[0] & 0xfu : p->words[0] & 0xffu;
}

/* No capability: what an empty slot holds. */

/* Which kind of capability it is. */
static inline word_t cap_null_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_null_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to make objects out of a range of memory. */

/* Where memory not given out yet begins, in units of 16 bytes. */
static inline word_t cap_untyped_cap_ptr_get_capFreeIndex(cap_t *p)
{
    return (p->words[1] >> 6) & 0x03ffffffu;
}

static inline void cap_untyped_cap_ptr_set_capFreeIndex(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0x0000003fu) | ((v << 6) & 0xffffffc0u);
}

/* Whether the memory is that of a device. */
static inline word_t cap_untyped_cap_ptr_get_capIsDevice(cap_t *p)
{
    return (p->words[1] >> 5) & 0x00000001u;
}

static inline void cap_untyped_cap_ptr_set_capIsDevice(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xffffffdfu) | ((v << 5) & 0x00000020u);
}

/* The size of the memory: 2 to this power, in bytes. */
static inline word_t cap_untyped_cap_ptr_get_capBlockSize(cap_t *p)
{
    return p->words[1] & 0x0000001fu;
}

static inline void cap_untyped_cap_ptr_set_capBlockSize(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xffffffe0u) | (v & 0x0000001fu);
}

/* Where the memory begins. */
static inline word_t cap_untyped_cap_ptr_get_capPtr(cap_t *p)
{
    return p->words[0] & 0xfffffff0u;
}

static inline void cap_untyped_cap_ptr_set_capPtr(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_untyped_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_untyped_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to send or receive through an endpoint. */

/* The endpoint. */
static inline word_t cap_endpoint_cap_ptr_get_capEPPtr(cap_t *p)
{
    return p->words[1] & 0xfffffff0u;
}

static inline void cap_endpoint_cap_ptr_set_capEPPtr(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* The right to grant a reply capability only. */
static inline word_t cap_endpoint_cap_ptr_get_capCanGrantReply(cap_t *p)
{
    return (p->words[1] >> 3) & 0x00000001u;
}

static inline void cap_endpoint_cap_ptr_set_capCanGrantReply(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffffff7u) | ((v << 3) & 0x00000008u);
}

/* The right to grant any capability. */
static inline word_t cap_endpoint_cap_ptr_get_capCanGrant(cap_t *p)
{
    return (p->words[1] >> 2) & 0x00000001u;
}

static inline void cap_endpoint_cap_ptr_set_capCanGrant(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffffffbu) | ((v << 2) & 0x00000004u);
}

/* The right to receive. */
static inline word_t cap_endpoint_cap_ptr_get_capCanReceive(cap_t *p)
{
    return (p->words[1] >> 1) & 0x00000001u;
}

static inline void cap_endpoint_cap_ptr_set_capCanReceive(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffffffdu) | ((v << 1) & 0x00000002u);
}

/* The right to send. */
static inline word_t cap_endpoint_cap_ptr_get_capCanSend(cap_t *p)
{
    return p->words[1] & 0x00000001u;
}

static inline void cap_endpoint_cap_ptr_set_capCanSend(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffffffeu) | (v & 0x00000001u);
}

/* The badge that receivers are told; 0 for none. */
static inline word_t cap_endpoint_cap_ptr_get_capEPBadge(cap_t *p)
{
    return (p->words[0] >> 4) & 0x0fffffffu;
}

static inline void cap_endpoint_cap_ptr_set_capEPBadge(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000000fu) | ((v << 4) & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_endpoint_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_endpoint_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to signal or wait for a notification. */

/* The badge that is or-ed to those pending; 0 for none. */
static inline word_t cap_notification_cap_ptr_get_capNtfnBadge(cap_t *p)
{
    return (p->words[1] >> 4) & 0x0fffffffu;
}

static inline void cap_notification_cap_ptr_set_capNtfnBadge(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0x0000000fu) | ((v << 4) & 0xfffffff0u);
}

/* The right to wait. */
static inline word_t cap_notification_cap_ptr_get_capNtfnCanReceive(cap_t *p)
{
    return (p->words[1] >> 1) & 0x00000001u;
}

static inline void cap_notification_cap_ptr_set_capNtfnCanReceive(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffffffdu) | ((v << 1) & 0x00000002u);
}

/* The right to signal. */
static inline word_t cap_notification_cap_ptr_get_capNtfnCanSend(cap_t *p)
{
    return p->words[1] & 0x00000001u;
}

static inline void cap_notification_cap_ptr_set_capNtfnCanSend(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffffffeu) | (v & 0x00000001u);
}

/* The notification. */
static inline word_t cap_notification_cap_ptr_get_capNtfnPtr(cap_t *p)
{
    return p->words[0] & 0xfffffff0u;
}

static inline void cap_notification_cap_ptr_set_capNtfnPtr(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_notification_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_notification_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to answer a thread that waits for a reply; it can be used once. */

/* The thread control block, 0x100 bytes into its object. */
static inline word_t cap_reply_cap_ptr_get_capTCBPtr(cap_t *p)
{
    return p->words[0] & 0xffffffc0u;
}

static inline void cap_reply_cap_ptr_set_capTCBPtr(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000003fu) | (v & 0xffffffc0u);
}

/* Whether the answer may grant capabilities. */
static inline word_t cap_reply_cap_ptr_get_capReplyCanGrant(cap_t *p)
{
    return (p->words[0] >> 5) & 0x00000001u;
}

static inline void cap_reply_cap_ptr_set_capReplyCanGrant(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffffffdfu) | ((v << 5) & 0x00000020u);
}

/* Whether it is the thread's own one, which all others are derived from. */
static inline word_t cap_reply_cap_ptr_get_capReplyMaster(cap_t *p)
{
    return (p->words[0] >> 4) & 0x00000001u;
}

static inline void cap_reply_cap_ptr_set_capReplyMaster(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffffffefu) | ((v << 4) & 0x00000010u);
}

/* Which kind of capability it is. */
static inline word_t cap_reply_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_reply_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to a table of capability slots, and how addresses of capabilities are resolved in it. */

/* How many bits the guard has. */
static inline word_t cap_cnode_cap_ptr_get_capCNodeGuardSize(cap_t *p)
{
    return (p->words[1] >> 23) & 0x0000001fu;
}

static inline void cap_cnode_cap_ptr_set_capCNodeGuardSize(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xf07fffffu) | ((v << 23) & 0x0f800000u);
}

/* How many bits index the table: it has 2 to this power slots. */
static inline word_t cap_cnode_cap_ptr_get_capCNodeRadix(cap_t *p)
{
    return (p->words[1] >> 18) & 0x0000001fu;
}

static inline void cap_cnode_cap_ptr_set_capCNodeRadix(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xff83ffffu) | ((v << 18) & 0x007c0000u);
}

/* The bits that an address must have in front of the index. */
static inline word_t cap_cnode_cap_ptr_get_capCNodeGuard(cap_t *p)
{
    return p->words[1] & 0x0003ffffu;
}

static inline void cap_cnode_cap_ptr_set_capCNodeGuard(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffc0000u) | (v & 0x0003ffffu);
}

/* The table. */
static inline word_t cap_cnode_cap_ptr_get_capCNodePtr(cap_t *p)
{
    return p->words[0] & 0xffffffe0u;
}

static inline void cap_cnode_cap_ptr_set_capCNodePtr(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000001fu) | (v & 0xffffffe0u);
}

/* Which kind of capability it is. */
static inline word_t cap_cnode_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_cnode_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to control a thread. */

/* The thread control block, 0x100 bytes into its object. */
static inline word_t cap_thread_cap_ptr_get_capTCBPtr(cap_t *p)
{
    return p->words[0] & 0xfffffff0u;
}

static inline void cap_thread_cap_ptr_set_capTCBPtr(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_thread_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_thread_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to a small page of memory. */

/* The low bits of the ASID that the page is mapped in. */
static inline word_t cap_small_frame_cap_ptr_get_capFMappedASIDLow(cap_t *p)
{
    return (p->words[1] >> 22) & 0x000003ffu;
}

static inline void cap_small_frame_cap_ptr_set_capFMappedASIDLow(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0x003fffffu) | ((v << 22) & 0xffc00000u);
}

/* What users may do: 1 nothing, 2 read, 3 read and write. */
static inline word_t cap_small_frame_cap_ptr_get_capFVMRights(cap_t *p)
{
    return (p->words[1] >> 20) & 0x00000003u;
}

static inline void cap_small_frame_cap_ptr_set_capFVMRights(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xffcfffffu) | ((v << 20) & 0x00300000u);
}

/* The virtual address that it is mapped at. */
static inline word_t cap_small_frame_cap_ptr_get_capFMappedAddress(cap_t *p)
{
    return (p->words[1] << 12) & 0xfffff000u;
}

static inline void cap_small_frame_cap_ptr_set_capFMappedAddress(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfff00000u) | ((v >> 12) & 0x000fffffu);
}

/* Whether the memory is that of a device. */
static inline word_t cap_small_frame_cap_ptr_get_capFIsDevice(cap_t *p)
{
    return (p->words[0] >> 31) & 0x00000001u;
}

static inline void cap_small_frame_cap_ptr_set_capFIsDevice(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x7fffffffu) | ((v << 31) & 0x80000000u);
}

/* The high bits of that ASID; 0 with the low ones if it is not mapped. */
static inline word_t cap_small_frame_cap_ptr_get_capFMappedASIDHigh(cap_t *p)
{
    return (p->words[0] >> 24) & 0x0000007fu;
}

static inline void cap_small_frame_cap_ptr_set_capFMappedASIDHigh(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x80ffffffu) | ((v << 24) & 0x7f000000u);
}

/* Where the page begins. */
static inline word_t cap_small_frame_cap_ptr_get_capFBasePtr(cap_t *p)
{
    return (p->words[0] << 8) & 0xfffff000u;
}

static inline void cap_small_frame_cap_ptr_set_capFBasePtr(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xff00000fu) | ((v >> 8) & 0x00fffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_small_frame_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_small_frame_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to a page of memory larger than a small one. */

/* The size: 1 large page, 2 section, 3 supersection. */
static inline word_t cap_frame_cap_ptr_get_capFSize(cap_t *p)
{
    return (p->words[1] >> 30) & 0x00000003u;
}

static inline void cap_frame_cap_ptr_set_capFSize(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0x3fffffffu) | ((v << 30) & 0xc0000000u);
}

/* The low bits of the ASID that the page is mapped in. */
static inline word_t cap_frame_cap_ptr_get_capFMappedASIDLow(cap_t *p)
{
    return (p->words[1] >> 20) & 0x000003ffu;
}

static inline void cap_frame_cap_ptr_set_capFMappedASIDLow(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xc00fffffu) | ((v << 20) & 0x3ff00000u);
}

/* What users may do: 1 nothing, 2 read, 3 read and write. */
static inline word_t cap_frame_cap_ptr_get_capFVMRights(cap_t *p)
{
    return (p->words[1] >> 18) & 0x00000003u;
}

static inline void cap_frame_cap_ptr_set_capFVMRights(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfff3ffffu) | ((v << 18) & 0x000c0000u);
}

/* The virtual address that it is mapped at. */
static inline word_t cap_frame_cap_ptr_get_capFMappedAddress(cap_t *p)
{
    return (p->words[1] << 14) & 0xffffc000u;
}

static inline void cap_frame_cap_ptr_set_capFMappedAddress(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffc0000u) | ((v >> 14) & 0x0003ffffu);
}

/* Whether the memory is that of a device. */
static inline word_t cap_frame_cap_ptr_get_capFIsDevice(cap_t *p)
{
    return (p->words[0] >> 29) & 0x00000001u;
}

static inline void cap_frame_cap_ptr_set_capFIsDevice(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xdfffffffu) | ((v << 29) & 0x20000000u);
}

/* The high bits of that ASID; 0 with the low ones if it is not mapped. */
static inline word_t cap_frame_cap_ptr_get_capFMappedASIDHigh(cap_t *p)
{
    return (p->words[0] >> 22) & 0x0000007fu;
}

static inline void cap_frame_cap_ptr_set_capFMappedASIDHigh(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xe03fffffu) | ((v << 22) & 0x1fc00000u);
}

/* Where the page begins. */
static inline word_t cap_frame_cap_ptr_get_capFBasePtr(cap_t *p)
{
    return (p->words[0] << 10) & 0xffffc000u;
}

static inline void cap_frame_cap_ptr_set_capFBasePtr(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffc0000fu) | ((v >> 10) & 0x003ffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_frame_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_frame_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to give address spaces out of a pool of ASIDs. */

/* The first ASID of the pool. */
static inline word_t cap_asid_pool_cap_ptr_get_capASIDBase(cap_t *p)
{
    return p->words[1] & 0x0001ffffu;
}

static inline void cap_asid_pool_cap_ptr_set_capASIDBase(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffe0000u) | (v & 0x0001ffffu);
}

/* The pool. */
static inline word_t cap_asid_pool_cap_ptr_get_capASIDPool(cap_t *p)
{
    return p->words[0] & 0xfffffff0u;
}

static inline void cap_asid_pool_cap_ptr_set_capASIDPool(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x0000000fu) | (v & 0xfffffff0u);
}

/* Which kind of capability it is. */
static inline word_t cap_asid_pool_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_asid_pool_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to a page table. */

/* Whether the table is mapped. */
static inline word_t cap_page_table_cap_ptr_get_capPTIsMapped(cap_t *p)
{
    return (p->words[1] >> 29) & 0x00000001u;
}

static inline void cap_page_table_cap_ptr_set_capPTIsMapped(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xdfffffffu) | ((v << 29) & 0x20000000u);
}

/* The ASID that it is mapped in. */
static inline word_t cap_page_table_cap_ptr_get_capPTMappedASID(cap_t *p)
{
    return (p->words[1] >> 12) & 0x0001ffffu;
}

static inline void cap_page_table_cap_ptr_set_capPTMappedASID(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xe0000fffu) | ((v << 12) & 0x1ffff000u);
}

/* The virtual address of the first page that it maps. */
static inline word_t cap_page_table_cap_ptr_get_capPTMappedAddress(cap_t *p)
{
    return (p->words[1] << 20) & 0xfff00000u;
}

static inline void cap_page_table_cap_ptr_set_capPTMappedAddress(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffff000u) | ((v >> 20) & 0x00000fffu);
}

/* The table. */
static inline word_t cap_page_table_cap_ptr_get_capPTBasePtr(cap_t *p)
{
    return p->words[0] & 0xfffffc00u;
}

static inline void cap_page_table_cap_ptr_set_capPTBasePtr(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x000003ffu) | (v & 0xfffffc00u);
}

/* Which kind of capability it is. */
static inline word_t cap_page_table_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_page_table_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to a page directory: an address space. */

/* The ASID of the address space. */
static inline word_t cap_page_directory_cap_ptr_get_capPDMappedASID(cap_t *p)
{
    return p->words[1] & 0x0001ffffu;
}

static inline void cap_page_directory_cap_ptr_set_capPDMappedASID(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xfffe0000u) | (v & 0x0001ffffu);
}

/* The directory. */
static inline word_t cap_page_directory_cap_ptr_get_capPDBasePtr(cap_t *p)
{
    return p->words[0] & 0xffffc000u;
}

static inline void cap_page_directory_cap_ptr_set_capPDBasePtr(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0x00003fffu) | (v & 0xffffc000u);
}

/* Whether it has an ASID. */
static inline word_t cap_page_directory_cap_ptr_get_capPDIsMapped(cap_t *p)
{
    return (p->words[0] >> 4) & 0x00000001u;
}

static inline void cap_page_directory_cap_ptr_set_capPDIsMapped(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffffffefu) | ((v << 4) & 0x00000010u);
}

/* Which kind of capability it is. */
static inline word_t cap_page_directory_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_page_directory_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to make pools of ASIDs. */

/* Which kind of capability it is. */
static inline word_t cap_asid_control_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x0000000fu;
}

static inline void cap_asid_control_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffffff0u) | (v & 0x0000000fu);
}

/* The right to hand out interrupts. */

/* Which kind of capability it is. */
static inline word_t cap_irq_control_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x000000ffu;
}

static inline void cap_irq_control_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffffff00u) | (v & 0x000000ffu);
}

/* The right to have an interrupt signalled and to acknowledge it. */

/* The interrupt. */
static inline word_t cap_irq_handler_cap_ptr_get_capIRQ(cap_t *p)
{
    return p->words[1] & 0x000000ffu;
}

static inline void cap_irq_handler_cap_ptr_set_capIRQ(cap_t *p, word_t v)
{
    p->words[1] = (p->words[1] & 0xffffff00u) | (v & 0x000000ffu);
}

/* Which kind of capability it is. */
static inline word_t cap_irq_handler_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x000000ffu;
}

static inline void cap_irq_handler_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffffff00u) | (v & 0x000000ffu);
}

/* What is left of a capability to an object with slots, while those are being emptied. */

/* The object, with the number of slots that are left in its low bits. */
static inline word_t cap_zombie_cap_ptr_get_capZombieID(cap_t *p)
{
    return p->words[1];
}

static inline void cap_zombie_cap_ptr_set_capZombieID(cap_t *p, word_t v)
{
    p->words[1] = v;
}

/* 32 for a thread, otherwise the radix of the table. */
static inline word_t cap_zombie_cap_ptr_get_capZombieType(cap_t *p)
{
    return (p->words[0] >> 8) & 0x0000003fu;
}

static inline void cap_zombie_cap_ptr_set_capZombieType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffffc0ffu) | ((v << 8) & 0x00003f00u);
}

/* Which kind of capability it is. */
static inline word_t cap_zombie_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x000000ffu;
}

static inline void cap_zombie_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffffff00u) | (v & 0x000000ffu);
}

/* The right to assign threads to domains and to set the domain schedule. */

/* Which kind of capability it is. */
static inline word_t cap_domain_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x000000ffu;
}

static inline void cap_domain_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffffff00u) | (v & 0x000000ffu);
}

/* The right to raise a software-generated interrupt. */

/* The processor to be interrupted. */
static inline word_t cap_sgi_signal_cap_ptr_get_capSGITarget(cap_t *p)
{
    return p->words[1];
}

static inline void cap_sgi_signal_cap_ptr_set_capSGITarget(cap_t *p, word_t v)
{
    p->words[1] = v;
}

/* The interrupt to be raised. */
static inline word_t cap_sgi_signal_cap_ptr_get_capSGIIRQ(cap_t *p)
{
    return (p->words[0] >> 8) & 0x0000000fu;
}

static inline void cap_sgi_signal_cap_ptr_set_capSGIIRQ(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xfffff0ffu) | ((v << 8) & 0x00000f00u);
}

/* Which kind of capability it is. */
static inline word_t cap_sgi_signal_cap_ptr_get_capType(cap_t *p)
{
    return p->words[0] & 0x000000ffu;
}

static inline void cap_sgi_signal_cap_ptr_set_capType(cap_t *p, word_t v)
{
    p->words[0] = (p->words[0] & 0xffffff00u) | (v & 0x000000ffu);
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

#endif
