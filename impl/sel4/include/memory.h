/* Which objects there are, and where: what a compiled program knows nothing of, and the evaluator of C watches.

   These functions have no definition in C; the compiled kernel is given those of native/memory.c. */

#ifndef MEMORY_H
#define MEMORY_H

#include "types.h"

/* End every object in the 2^bits bytes from `start` on; none may lie partly outside. */
void deleteObjects(word_t start, word_t bits);

/* Fill the 2^bits bytes from `start` on, in which there is no object, with zeros. */
void clearMemory(word_t start, word_t bits);

/* Let `count` objects of the type begin, one beside the other from `start` on, in memory that is zero and in which
   there is no object. */
void createSlots(word_t start, word_t count);
void createThreads(word_t start, word_t count);
void createEndpoints(word_t start, word_t count);
void createNotifications(word_t start, word_t count);
void createUserData(word_t start, word_t count);

#endif
