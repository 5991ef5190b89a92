"""The transfer of a message from one thread to another.

No thread has an IPC buffer yet: a message is the message info and the message registers, and carries no
capabilities.
"""

from __future__ import annotations

from executable_model.sel4.state import (
    BADGE_REGISTER,
    FIRST_MESSAGE_REGISTER,
    MESSAGE_INFO_REGISTER,
    MESSAGE_REGISTERS,
    State,
    ThreadRef,
)
from refinement.logic import Word, operation

LENGTH_MASK = 0x7F
LABEL_SHIFT = 12


def copy_mrs(s: State, sender: ThreadRef, receiver: ThreadRef, length: Word) -> int:
    """Copy up to `length` message registers; returns how many there were."""
    copied = 0
    while copied < length and copied < MESSAGE_REGISTERS:
        register = FIRST_MESSAGE_REGISTER + copied
        s.tcb[receiver].registers[register] = s.tcb[sender].registers[register]
        copied = copied + 1
    return copied


@operation
def do_ipc_transfer(s: State, sender: ThreadRef, receiver: ThreadRef, badge: Word) -> None:
    """Give the sender's message to the receiver, with the badge of the capability it was sent by."""
    info = s.tcb[sender].registers[MESSAGE_INFO_REGISTER]
    copied = copy_mrs(s, sender, receiver, info & LENGTH_MASK)
    label = info >> LABEL_SHIFT
    s.tcb[receiver].registers[MESSAGE_INFO_REGISTER] = (label << LABEL_SHIFT) | copied
    s.tcb[receiver].registers[BADGE_REGISTER] = badge
