/* Kernel objects: threads, endpoints, notifications, slots for capabilities, user memory. */

#ifndef OBJECTS_H
#define OBJECTS_H

#include "layout.h"
#include "registers.h"
#include "types.h"

/* What a thread does or waits for: the field tsType of its thread_state. */
enum thread_state_type {
    ThreadState_Inactive = 0,
    ThreadState_Running = 1,
    ThreadState_Restart = 2,
    ThreadState_BlockedOnReceive = 3,
    ThreadState_BlockedOnSend = 4,
    ThreadState_BlockedOnReply = 5,
    ThreadState_BlockedOnNotification = 6,
    ThreadState_IdleThreadState = 7
};

/* Who is in an endpoint's queue. */
enum endpoint_state {
    EPState_Idle = 0,
    EPState_Send = 1,
    EPState_Recv = 2
};

/* Nothing to tell, threads in the queue, or a badge that nobody has received yet. */
enum notification_state {
    NtfnState_Idle = 0,
    NtfnState_Waiting = 1,
    NtfnState_Active = 2
};

/* A thread's registers while it is in the kernel. */
struct arch_tcb {
    word_t registers[n_contextRegisters];
};
typedef struct arch_tcb arch_tcb_t;

/* A thread control block. */
typedef struct tcb tcb_t;
struct tcb {
    arch_tcb_t tcbArch;
    thread_state_t tcbState;
    word_t tcbFlags;
    notification_t *tcbBoundNotification;
    word_t tcbFault[2];
    word_t tcbLookupFailure[2];
    word_t tcbDomain;
    word_t tcbMCP;
    word_t tcbPriority;
    word_t tcbTimeSlice;
    word_t tcbFaultHandler;
    word_t tcbIPCBuffer;
    tcb_t *tcbSchedNext;
    tcb_t *tcbSchedPrev;
    tcb_t *tcbEPNext;
    tcb_t *tcbEPPrev;
};

/* The ready threads of one domain and priority; the head runs next. */
struct tcb_queue {
    tcb_t *head;
    tcb_t *end;
};
typedef struct tcb_queue tcb_queue_t;

/* A slot for a capability (capability table entry), with its place in the derivation list (mapping database). */
struct cte {
    cap_t cap;
    mdb_node_t cteMDBNode;
};
typedef struct cte cte_t;

/* The sizes of objects: 2 to this power, in bytes. */
#define SLOT_BITS 4u
#define ENDPOINT_BITS 4u
#define NOTIFICATION_BITS 4u
#define THREAD_BITS 9u
#define PAGE_TABLE_BITS 10u
#define PAGE_BITS 12u
#define ASID_POOL_BITS 12u
#define PAGE_DIRECTORY_BITS 14u
#define LARGE_PAGE_BITS 16u
#define SECTION_BITS 20u
#define SUPERSECTION_BITS 24u
#define IPC_BUFFER_BITS 9u

/* A thread's object has 16 slots, of which five are in use; its control block lies behind them. */
#define THREAD_OFFSET 0x100u
/* Of an address in a thread's object the bits that are those of its beginning. */
#define THREAD_MASK 0xfffffe00u
#define THREAD_SLOTS 5u
enum thread_slot {
    ThreadSlot_CSpaceRoot = 0,
    ThreadSlot_VSpaceRoot = 1,
    ThreadSlot_Reply = 2, /* the thread's own reply capability, which those to answer it are derived from */
    ThreadSlot_Caller = 3, /* the one to answer the thread that called it last */
    ThreadSlot_IPCBuffer = 4
};

/* 4 KiB of memory that users can have mapped. */
#define USER_DATA_WORDS 1024u
struct user_data {
    word_t words[USER_DATA_WORDS];
};
typedef struct user_data user_data_t;

_Static_assert(sizeof(cte_t) == 16, "a slot has 16 bytes");
_Static_assert(sizeof(user_data_t) == 4096, "user memory comes in pages of 4 KiB");
_Static_assert(sizeof(endpoint_t) == 16, "an endpoint has 16 bytes");
_Static_assert(sizeof(notification_t) == 16, "a notification has 16 bytes");
_Static_assert(sizeof(thread_state_t) == 12, "a thread state has 12 bytes");
#if __SIZEOF_POINTER__ == 4
_Static_assert(sizeof(tcb_t) == 39 * 4, "a thread control block has 39 words");
_Static_assert(__builtin_offsetof(tcb_t, tcbState) == 20 * 4, "tcbState");
_Static_assert(__builtin_offsetof(tcb_t, tcbBoundNotification) == 24 * 4, "tcbBoundNotification");
_Static_assert(__builtin_offsetof(tcb_t, tcbDomain) == 29 * 4, "tcbDomain");
_Static_assert(__builtin_offsetof(tcb_t, tcbSchedNext) == 35 * 4, "tcbSchedNext");
_Static_assert(__builtin_offsetof(tcb_t, tcbEPPrev) == 38 * 4, "tcbEPPrev");
_Static_assert(sizeof(tcb_queue_t) == 8, "a ready queue has 8 bytes");
#endif

/* An object's address as it is kept in packed words, and back. */
#define TCB_REF(pointer) ((word_t)(uintptr_t)(pointer))
#define TCB_PTR(ref) ((tcb_t *)(uintptr_t)(ref))
#define EP_REF(pointer) ((word_t)(uintptr_t)(pointer))
#define EP_PTR(ref) ((endpoint_t *)(uintptr_t)(ref))
#define NTFN_REF(pointer) ((word_t)(uintptr_t)(pointer))
#define NTFN_PTR(ref) ((notification_t *)(uintptr_t)(ref))
#define CTE_REF(pointer) ((word_t)(uintptr_t)(pointer))
#define CTE_PTR(ref) ((cte_t *)(uintptr_t)(ref))
#define USER_DATA_PTR(ref) ((user_data_t *)(uintptr_t)(ref))

/* A register of a thread. */
static inline word_t getRegister(tcb_t *thread, word_t number)
{
    return thread->tcbArch.registers[number];
}

static inline void setRegister(tcb_t *thread, word_t number, word_t value)
{
    thread->tcbArch.registers[number] = value;
}

#endif
