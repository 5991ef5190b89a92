"""Messages: their parts, and the transfer of one from a thread to another.

The first words of a message are in registers, the others in the IPC buffer of the thread.  Between threads only those
in registers are transferred yet, and no capabilities.
"""

from __future__ import annotations

from executable_model.sel4.capability import READ_ONLY, READ_WRITE, CapKind
from executable_model.sel4.cspace import slot_of_thread
from executable_model.sel4.memory import load_word, store_word
from executable_model.sel4.state import (
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
from refinement.logic import Word, ite, operation

LENGTH_MASK = 0x7F
EXTRA_CAPS_SHIFT = 7
EXTRA_CAPS_MASK = 3
LABEL_SHIFT = 12


def message_info_length(info: Word) -> Word:
    """How many words the message has, at most 120."""
    length = info & LENGTH_MASK
    return ite(length < MAX_MESSAGE_LENGTH, length, MAX_MESSAGE_LENGTH)


def message_info_extra_caps(info: Word) -> Word:
    """How many extra capabilities the message names."""
    return (info >> EXTRA_CAPS_SHIFT) & EXTRA_CAPS_MASK


def message_info_label(info: Word) -> Word:
    """The label of the message: what an invocation is to do."""
    return info >> LABEL_SHIFT


def lookup_ipc_buffer(s: State, thread: ThreadRef, is_receiver: bool) -> Word:
    """Where in memory the thread's IPC buffer is that it may write as a receiver, or else read; 0 if it has none."""
    cap = s.slot[slot_of_thread(thread, IPC_BUFFER_SLOT)].cap
    if cap.kind != CapKind.Frame or cap.is_device:
        return 0
    if cap.vm_rights == READ_WRITE or (cap.vm_rights == READ_ONLY and not is_receiver):
        return cap.object + (s.tcb[thread].ipc_buffer & ((1 << cap.size_bits) - 1))
    return 0


def syscall_argument(s: State, number: Word, buffer: Word) -> Word:
    """Word `number` of the current thread's message."""
    if number < MESSAGE_REGISTERS:
        return s.tcb[s.current_thread].registers[FIRST_MESSAGE_REGISTER + number]
    return load_word(s, buffer, BUFFER_MESSAGE + number)


def set_mr(s: State, thread: ThreadRef, buffer: Word, number: Word, word: Word) -> None:
    """Write word `number` of a message to the thread; without a buffer there is only room for the first four."""
    if number < MESSAGE_REGISTERS:
        s.tcb[thread].registers[FIRST_MESSAGE_REGISTER + number] = word
    elif buffer != 0:
        store_word(s, buffer, BUFFER_MESSAGE + number, word)


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
