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

#endif
