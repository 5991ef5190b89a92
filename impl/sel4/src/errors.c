/* Errors and failed lookups: executable_model/sel4/errors.py. */

#include "errors.h"

syscall_error_t current_syscall_error;
lookup_fault_t current_lookup_fault;

exception_t syscallError(word_t kind)
{
    current_syscall_error.kind = kind;
    current_syscall_error.length = 0;
    return EXCEPTION_SYSCALL_ERROR;
}

exception_t syscallErrorWord(word_t kind, word_t word)
{
    current_syscall_error.kind = kind;
    current_syscall_error.length = 1;
    current_syscall_error.words[0] = word;
    return EXCEPTION_SYSCALL_ERROR;
}

exception_t syscallErrorWords(word_t kind, word_t first, word_t second)
{
    current_syscall_error.kind = kind;
    current_syscall_error.length = 2;
    current_syscall_error.words[0] = first;
    current_syscall_error.words[1] = second;
    return EXCEPTION_SYSCALL_ERROR;
}

/* Callers are told the number of the kind of failure plus one, and then its words. */
exception_t failedLookup(bool_t isSource)
{
    lookup_fault_t fault = current_lookup_fault;
    word_t kind = lookup_fault_get_lufType(fault);
    current_syscall_error.kind = seL4_FailedLookup;
    current_syscall_error.words[0] = isSource;
    current_syscall_error.words[1] = kind + 1u;
    switch (kind) {
    case lookup_fault_invalid_root:
        current_syscall_error.length = 2;
        break;
    case lookup_fault_missing_capability:
        current_syscall_error.length = 3;
        current_syscall_error.words[2] = lookup_fault_missing_capability_get_bitsLeft(fault);
        break;
    case lookup_fault_depth_mismatch:
        current_syscall_error.length = 4;
        current_syscall_error.words[2] = lookup_fault_depth_mismatch_get_bitsLeft(fault);
        current_syscall_error.words[3] = lookup_fault_depth_mismatch_get_bitsFound(fault);
        break;
    case lookup_fault_guard_mismatch:
        current_syscall_error.length = 5;
        current_syscall_error.words[2] = lookup_fault_guard_mismatch_get_bitsLeft(fault);
        current_syscall_error.words[3] = lookup_fault_guard_mismatch_get_guardFound(fault);
        current_syscall_error.words[4] = lookup_fault_guard_mismatch_get_bitsFound(fault);
        break;
    }
    return EXCEPTION_SYSCALL_ERROR;
}

exception_t invalidRoot(void)
{
    current_lookup_fault = lookup_fault_invalid_root_new();
    return EXCEPTION_LOOKUP_FAULT;
}

exception_t missingCapability(word_t bitsLeft)
{
    lookup_fault_t fault = lookup_fault_missing_capability_new();
    current_lookup_fault = lookup_fault_missing_capability_set_bitsLeft(fault, bitsLeft);
    return EXCEPTION_LOOKUP_FAULT;
}

exception_t depthMismatch(word_t bitsLeft, word_t bitsFound)
{
    lookup_fault_t fault = lookup_fault_depth_mismatch_new();
    fault = lookup_fault_depth_mismatch_set_bitsLeft(fault, bitsLeft);
    current_lookup_fault = lookup_fault_depth_mismatch_set_bitsFound(fault, bitsFound);
    return EXCEPTION_LOOKUP_FAULT;
}

exception_t guardMismatch(word_t bitsLeft, word_t guard, word_t guardSize)
{
    lookup_fault_t fault = lookup_fault_guard_mismatch_new();
    fault = lookup_fault_guard_mismatch_set_bitsLeft(fault, bitsLeft);
    fault = lookup_fault_guard_mismatch_set_guardFound(fault, guard);
    current_lookup_fault = lookup_fault_guard_mismatch_set_bitsFound(fault, guardSize);
    return EXCEPTION_LOOKUP_FAULT;
}
