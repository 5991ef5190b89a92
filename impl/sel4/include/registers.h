/* The registers of a thread, by their place in its saved context. */

#ifndef REGISTERS_H
#define REGISTERS_H

enum register_number {
    R0 = 0,
    R1 = 1,
    R2 = 2,
    R8 = 8,
    SP = 13,
    LR = 14,
    NextIP = 15, /* where the thread goes on when it is next in user mode */
    CPSR = 16,
    FaultIP = 17, /* the instruction with which the thread entered the kernel */
    TPIDRURW = 18,
    TPIDRURO = 19
};

#define capRegister R0
#define badgeRegister R0
#define msgInfoRegister R1
#define msgRegister0 R2

/* What a new thread has in CPSR: user mode, without fast interrupts. */
#define USER_CPSR 0x50u

#define n_msgRegisters 4u
#define n_contextRegisters 20u

#endif
