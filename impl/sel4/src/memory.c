/* Memory: executable_model/sel4/memory.py. */

#include "memory.h"
#include "capability.h"
#include "state.h"

/* Word `number` of what users keep at an address; all of that is in one page: load_word. */
word_t loadWord(word_t address, word_t number)
{
    user_data_t *page = USER_DATA_PTR(address & ~MASK(PAGE_BITS));
    return page->words[((address & MASK(PAGE_BITS)) >> 2) + number];
}

/* Write word `number` of what users keep at an address; all of that is in one page: store_word. */
void storeWord(word_t address, word_t number, word_t value)
{
    user_data_t *page = USER_DATA_PTR(address & ~MASK(PAGE_BITS));
    page->words[((address & MASK(PAGE_BITS)) >> 2) + number] = value;
}

static void createThread(cap_t cap)
{
    tcb_t *thread = TCB_PTR(cap_thread_cap_get_capTCBPtr(cap));
    createSlots(objectStart(cap), THREAD_SLOTS);
    createThreads(TCB_REF(thread), 1);
    setRegister(thread, CPSR, USER_CPSR);
    thread->tcbTimeSlice = TIME_SLICE;
    thread->tcbDomain = ksCurDomain;
}

/* Have the object be there that the new capability is to, with all the slots or pages that it consists of: create.
   Of the memory of devices nothing is kept. */
void create(cap_t cap)
{
    switch (cap_get_capType(cap)) {
    case cap_endpoint_cap:
        createEndpoints(objectStart(cap), 1);
        break;
    case cap_notification_cap:
        createNotifications(objectStart(cap), 1);
        break;
    case cap_thread_cap:
        createThread(cap);
        break;
    case cap_cnode_cap:
        createSlots(objectStart(cap), BIT(cap_cnode_cap_get_capCNodeRadix(cap) & 31u));
        break;
    case cap_small_frame_cap:
    case cap_frame_cap:
        if (!frameIsDevice(cap)) {
            createUserData(objectStart(cap), BIT((frameBits(cap) - PAGE_BITS) & 31u));
        }
        break;
    default:
        break;
    }
}
