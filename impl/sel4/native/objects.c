/* What is left of include/memory.h where nobody watches which objects there are. */

#include "memory.h"

void deleteObjects(word_t start, word_t bits)
{
}

void clearMemory(word_t start, word_t bits)
{
    __builtin_memset((void *)(uintptr_t)start, 0, (uintptr_t)1 << bits);
}

void createSlots(word_t start, word_t count)
{
}

void createThreads(word_t start, word_t count)
{
}

void createEndpoints(word_t start, word_t count)
{
}

void createNotifications(word_t start, word_t count)
{
}

void createUserData(word_t start, word_t count)
{
}
