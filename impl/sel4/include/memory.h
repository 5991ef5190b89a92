/* Memory: the objects that are in it, and the words that users keep there. */

#ifndef MEMORY_H
#define MEMORY_H

#include "objects.h"

/* Which objects there are, and where, is what the evaluator of C watches and a compiled program knows nothing of: the
   functions from here to createUserData have no definition in C.  The compiled kernel is given those of
   native/objects.c. */

/* End every object in the 2^bits bytes from `start` on; none may lie partly outside. */
void deleteObjects(word_t start, word_t bits);

/* Fill the 2^bits bytes from `start` on, in which there is no object, with zeros. */
void clearMemory(word_t start, word_t bits);

/* Let `count` objects of a type begin, one beside the other from `start` on, in memory that is zero and in which there
   is no object. */
void createSlots(word_t start, word_t count);
void createThreads(word_t start, word_t count);
void createEndpoints(word_t start, word_t count);
void createNotifications(word_t start, word_t count);
void createUserData(word_t start, word_t count);

void create(cap_t cap);
word_t loadWord(word_t address, word_t number);
void storeWord(word_t address, word_t number, word_t value);

#endif
