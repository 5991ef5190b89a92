"""Messages: where their words are, and how a message gets from one thread to another.

A message is described by the *message info* word: bits 0 to 6 are its length in words, bits 7 and 8 tell how many
capabilities it names beside the one it is sent by, and bits 12 to 31 are a label, which means something to the kernel
only where it is itself asked for something.  The first four words travel in registers.  The others, and the addresses
of the capabilities, are in the thread's IPC buffer, if it has one (seL4 manual, section 4.1).

Only what the kernel is asked for itself is read from there.  Between threads a message has at most four words and no
capabilities yet.
"""

from __future__ import annotations

from refinement.logic import Word, ite, operation
from spec.sel4.capability import READ_ONLY, READ_WRITE, CapKind
from spec.sel4.cspace import slot_of_thread
from spec.sel4.memory import load_word, store_word
from spec.sel4.state import (
    BADGE_REGISTER,
    BUFFER_MESSAGE,
    FIRST_MESSAGE_REGISTER,
    IPC_BUFFER_SLOT,
    MAX_MESSAGE_LENGTH,
    MESSAGE_INFO_REGISTER,
    MESSAGE_REGISTERS,
    State,
    ThreadRef,
)


def message_info_label(info: Word) -> Word:
    """The label in a message info word."""
    return info >> 12


def message_info_length(info: Word) -> Word:
    """How many words a message with this message info has: 120 at most."""
    length = info & 0x7F
    return ite(length < MAX_MESSAGE_LENGTH, length, MAX_MESSAGE_LENGTH)


def message_info_extra_caps(info: Word) -> Word:
    """How many capabilities a message with this message info names, beside the one it is sent by."""
    return (info >> 7) & 3


def words_sent(info: Word) -> Word:
    """How many words of a message with this message info arrive: what exceeds the registers is cut off."""
    length = info & 0x7F
    return ite(length < MESSAGE_REGISTERS, length, MESSAGE_REGISTERS)


def message_info(label: Word, length: Word) -> Word:
    """The message info word of a message without capabilities."""
    return (label << 12) | length


def lookup_ipc_buffer(s: State, thread: ThreadRef, is_receiver: bool) -> Word:
    """Where the thread's IPC buffer is in memory; 0 if it has none that can be used.

    It lies in a frame that the thread was given for this purpose.  That must be ordinary memory, which can be read and,
    if the thread is to receive something there, also written.
    """
    frame = s.slot[slot_of_thread(thread, IPC_BUFFER_SLOT)].cap
    if frame.kind != CapKind.Frame or frame.is_device:
        return 0
    if frame.vm_rights == READ_WRITE or (frame.vm_rights == READ_ONLY and not is_receiver):
        return frame.object + (s.tcb[thread].ipc_buffer & ((1 << frame.size_bits) - 1))
    return 0


def syscall_argument(s: State, number: Word, buffer: Word) -> Word:
    """A word, counted from 0, of the message that the current thread has sent to the kernel."""
    if number < MESSAGE_REGISTERS:
        return s.tcb[s.current_thread].registers[FIRST_MESSAGE_REGISTER + number]
    return load_word(s, buffer, BUFFER_MESSAGE + number)


def set_mr(s: State, thread: ThreadRef, buffer: Word, number: Word, word: Word) -> None:
    """Give the thread a word, counted from 0, of a message; without IPC buffer (0) it gets the first four only."""
    if number < MESSAGE_REGISTERS:
        s.tcb[thread].registers[FIRST_MESSAGE_REGISTER + number] = word
    elif buffer != 0:
        store_word(s, buffer, BUFFER_MESSAGE + number, word)


@operation
def do_ipc_transfer(s: State, sender: ThreadRef, receiver: ThreadRef, badge: Word) -> None:
    """Give the sender's message to the receiver, with the badge of the capability it was sent by.

    The receiver's registers for words that the message does not have keep their content.
    """
    info = s.tcb[sender].registers[MESSAGE_INFO_REGISTER]
    for word in range(MESSAGE_REGISTERS):
        if word < words_sent(info):
            register = FIRST_MESSAGE_REGISTER + word
            s.tcb[receiver].registers[register] = s.tcb[sender].registers[register]
    s.tcb[receiver].registers[MESSAGE_INFO_REGISTER] = message_info(message_info_label(info), words_sent(info))
    s.tcb[receiver].registers[BADGE_REGISTER] = badge
