/* System calls: how threads enter the kernel. */

#ifndef SYSCALL_H
#define SYSCALL_H

#include "errors.h"
#include "objects.h"

/* The number of a system call, as it is in r7. */
#define SysCall 0xffffffffu
#define SysReplyRecv 0xfffffffeu
#define SysSend 0xfffffffdu
#define SysNBSend 0xfffffffcu
#define SysRecv 0xfffffffbu
#define SysReply 0xfffffffau
#define SysYield 0xfffffff9u
#define SysNBRecv 0xfffffff8u

void callKernel(word_t number);
void handleSyscall(word_t number);
void handleInvocation(bool_t calling, bool_t blocking);
void handleRecv(bool_t blocking);
void handleReply(void);

#endif
