/* How an operation ends other than well, and what is told about it. */

#ifndef ERRORS_H
#define ERRORS_H

#include "layout.h"
#include "types.h"

/* How an operation ends. */
enum exception {
    EXCEPTION_NONE = 0,
    EXCEPTION_FAULT = 1, /* the thread cannot go on */
    EXCEPTION_LOOKUP_FAULT = 2, /* the address of a capability leads nowhere: current_lookup_fault tells why */
    EXCEPTION_SYSCALL_ERROR = 3, /* the caller is to be told current_syscall_error */
    EXCEPTION_PREEMPTED = 4 /* an interrupt is pending: the call is to be made again */
};
typedef word_t exception_t;

/* What was wrong with a system call, by the numbers that callers are told. */
enum error_kind {
    seL4_NoError = 0,
    seL4_InvalidArgument = 1,
    seL4_InvalidCapability = 2,
    seL4_IllegalOperation = 3,
    seL4_RangeError = 4,
    seL4_AlignmentError = 5,
    seL4_FailedLookup = 6,
    seL4_TruncatedMessage = 7,
    seL4_DeleteFirst = 8,
    seL4_RevokeFirst = 9,
    seL4_NotEnoughMemory = 10
};

#define SYSCALL_ERROR_WORDS 5u

/* What a caller is told: the kind of the error, and `length` words. */
struct syscall_error {
    word_t kind;
    word_t length;
    word_t words[SYSCALL_ERROR_WORDS];
};
typedef struct syscall_error syscall_error_t;

/* The last error; it means something after EXCEPTION_SYSCALL_ERROR. */
extern syscall_error_t current_syscall_error;
/* Why the last lookup failed; it means something after EXCEPTION_LOOKUP_FAULT. */
extern lookup_fault_t current_lookup_fault;

/* Note an error with no, one or two words. */
exception_t syscallError(word_t kind);
exception_t syscallErrorWord(word_t kind, word_t word);
exception_t syscallErrorWords(word_t kind, word_t first, word_t second);
/* Note that a lookup failed, as current_lookup_fault tells. */
exception_t failedLookup(bool_t isSource);

/* Note why a lookup failed. */
exception_t invalidRoot(void);
exception_t missingCapability(word_t bitsLeft);
exception_t depthMismatch(word_t bitsLeft, word_t bitsFound);
exception_t guardMismatch(word_t bitsLeft, word_t guard, word_t guardSize);

#endif
