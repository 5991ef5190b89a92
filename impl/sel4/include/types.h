/* The basic types.  A word holds an address: kernel objects lie below 4 GiB also where pointers are wider. */

#ifndef TYPES_H
#define TYPES_H

typedef unsigned int word_t;
typedef unsigned long long uint64_t;
typedef __UINTPTR_TYPE__ uintptr_t;
typedef word_t bool_t;

_Static_assert(sizeof(word_t) == 4, "a word has 32 bits");
_Static_assert(sizeof(uint64_t) == 8, "a double word has 64 bits");

#define NULL ((void *)0)
#define true 1u
#define false 0u

#define WORD_BITS 32u
#define BIT(n) (1u << (n))
/* The lowest n bits, for n below 32. */
#define MASK(n) (BIT((n) & 31u) - 1u)

#endif
