"""Domains: assigning threads to them, and their schedule (seL4 manual, section 6.3).

Whoever holds the domain capability can do both.
"""

from __future__ import annotations

import enum

from refinement.logic import NULL, Word, reference_at
from spec.sel4.capability import CapKind
from spec.sel4.cspace import ExtraCaps
from spec.sel4.errors import ErrorKind, SyscallError
from spec.sel4.message import syscall_argument
from spec.sel4.schedule import is_runnable, reschedule_required, tcb_sched_dequeue, tcb_sched_enqueue
from spec.sel4.state import DOMAIN_SCHEDULE_LENGTH, NUM_DOMAINS, State, ThreadRef

DURATION_BITS = 56
"""How many bits the duration of a domain's turn has, in timer ticks."""
WORD_BITS = 32


class DomainLabel(enum.IntEnum):
    """The labels of the messages by which the domain capability is invoked."""

    SetSet = 30
    ScheduleConfigure = 31
    ScheduleSetStart = 32


def decode_domain_invocation(s: State, label: Word, length: Word, extra: ExtraCaps, buffer: Word) -> None:
    """Carry out what a message of `length` words asks of the domain capability."""
    match label:
        case DomainLabel.SetSet:
            domain_set_set(s, length, extra, buffer)
        case DomainLabel.ScheduleConfigure:
            domain_schedule_configure(s, length, buffer)
        case DomainLabel.ScheduleSetStart:
            domain_schedule_set_start(s, length, buffer)
        case _:
            raise SyscallError(ErrorKind.IllegalOperation)


def domain_set_set(s: State, length: Word, extra: ExtraCaps, buffer: Word) -> None:
    """DomainSet_Set: assign the thread that the message names to the domain in word 0."""
    if length < 1:
        raise SyscallError(ErrorKind.TruncatedMessage)
    domain = syscall_argument(s, 0, buffer)
    if domain >= NUM_DOMAINS:
        raise SyscallError(ErrorKind.InvalidArgument, 0)
    if extra.first == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    named = s.slot[extra.first].cap
    if named.kind != CapKind.Thread:
        raise SyscallError(ErrorKind.InvalidArgument, 1)
    set_domain(s, reference_at(ThreadRef, named.object), domain)


def set_domain(s: State, thread: ThreadRef, domain: Word) -> None:
    """Assign the thread to a domain.

    If it is runnable, it is ready there, ahead of the others of its priority.  Unless it is the current thread, who
    runs is not settled anew: not even if it would have to run now.
    """
    tcb_sched_dequeue(s, thread)
    s.tcb[thread].domain = domain
    if is_runnable(s, thread):
        tcb_sched_enqueue(s, thread)
    if thread == s.current_thread:
        reschedule_required(s)


def domain_schedule_configure(s: State, length: Word, buffer: Word) -> None:
    """DomainSchedule_Configure: have the entry in word 0 be the domain in word 1, for as long as words 2 and 3 say.

    Word 2 has the lower half of the duration.  Domain 0 for no time is an end marker; the last entry always is one, and
    the one that the schedule starts with cannot be.  It makes a difference when the entry is come to next.
    """
    if length < 4:
        raise SyscallError(ErrorKind.TruncatedMessage)
    index, domain = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    low, high = syscall_argument(s, 2, buffer), syscall_argument(s, 3, buffer)
    if index >= DOMAIN_SCHEDULE_LENGTH - 1:
        raise SyscallError(ErrorKind.RangeError, 0, DOMAIN_SCHEDULE_LENGTH - 2)
    if domain >= NUM_DOMAINS:
        raise SyscallError(ErrorKind.RangeError, 0, NUM_DOMAINS - 1)
    if high >> (DURATION_BITS - WORD_BITS) != 0:
        raise SyscallError(ErrorKind.InvalidArgument, 2)
    is_empty = low == 0 and high == 0
    if is_empty and domain != 0:
        raise SyscallError(ErrorKind.InvalidArgument, 1)
    if is_empty and index == s.domain_start:
        raise SyscallError(ErrorKind.InvalidArgument, 2)
    s.domain_schedule[index].domain = domain
    s.domain_schedule[index].duration = (high << WORD_BITS) | low


def domain_schedule_set_start(s: State, length: Word, buffer: Word) -> None:
    """DomainSchedule_SetStart: have the schedule start with the entry in word 0, and follow that one at once."""
    if length < 1:
        raise SyscallError(ErrorKind.TruncatedMessage)
    index = syscall_argument(s, 0, buffer)
    if index >= DOMAIN_SCHEDULE_LENGTH:
        raise SyscallError(ErrorKind.RangeError, 0, DOMAIN_SCHEDULE_LENGTH - 1)
    if s.domain_schedule[index].domain == 0 and s.domain_schedule[index].duration == 0:
        raise SyscallError(ErrorKind.InvalidArgument, 0)
    s.domain_start = index
    s.domain_time = 0
    s.domain_index = DOMAIN_SCHEDULE_LENGTH - 2
    reschedule_required(s)
