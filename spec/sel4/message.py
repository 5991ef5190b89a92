"""The transfer of a message from one thread to another.

A message is described by the *message info* word: bits 0 to 6 are its length in words, bits 12 to 31 a label
that the kernel does not interpret.  The first four words travel in registers.  No thread has an IPC buffer yet,
which would carry the rest and name capabilities to send along: a message has at most four words and no
capabilities.
"""

from __future__ import annotations

from refinement.logic import Word, ite, operation
from spec.sel4.state import (
    BADGE_REGISTER,
    FIRST_MESSAGE_REGISTER,
    MESSAGE_INFO_REGISTER,
    MESSAGE_REGISTERS,
    State,
    ThreadRef,
)


def label_of(info: Word) -> Word:
    """The label in a message info word."""
    return info >> 12


def words_sent(info: Word) -> Word:
    """How many words of a message with this message info arrive: what exceeds the registers is cut off."""
    length = info & 0x7F
    return ite(length < MESSAGE_REGISTERS, length, MESSAGE_REGISTERS)


def message_info(label: Word, length: Word) -> Word:
    """The message info word of a message without capabilities."""
    return (label << 12) | length


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
    s.tcb[receiver].registers[MESSAGE_INFO_REGISTER] = message_info(label_of(info), words_sent(info))
    s.tcb[receiver].registers[BADGE_REGISTER] = badge
