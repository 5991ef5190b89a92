/* Capabilities as such, apart from the slots that hold them. */

#ifndef CAPABILITY_H
#define CAPABILITY_H

#include "objects.h"

/* What users may do with a frame. */
enum vm_rights {
    VMKernelOnly = 1,
    VMReadOnly = 2,
    VMReadWrite = 3
};

/* The sizes of frames other than small ones. */
enum frame_size {
    FrameSize_LargePage = 1,
    FrameSize_Section = 2,
    FrameSize_SuperSection = 3
};

/* The type of a zombie of a thread; that of one of a CNode is its radix. */
#define ZombieType_Thread 32u
/* The number of slots in a thread's zombie is counted as if it were a CNode of this radix. */
#define THREAD_RADIX 4u

cap_t maskCapRights(word_t rights, cap_t cap);
cap_t updateCapData(bool_t preserve, word_t data, cap_t cap);
bool_t isFrame(cap_t cap);
word_t frameBits(cap_t cap);
bool_t frameIsDevice(cap_t cap);
word_t frameRights(cap_t cap);
bool_t isPhysical(cap_t cap);
word_t objectStart(cap_t cap);
word_t objectBits(cap_t cap);
bool_t sameRegionAs(cap_t a, cap_t b);
bool_t sameObjectAs(cap_t a, cap_t b);
word_t badgeOf(cap_t cap);
bool_t isCapRevocable(cap_t cap, cap_t source);
bool_t hasCancelSendRights(cap_t cap);
word_t zombieStart(cap_t zombie);
word_t zombieSlotsLeft(cap_t zombie);
cap_t zombieWithSlotsLeft(cap_t zombie, word_t slotsLeft);

#endif
