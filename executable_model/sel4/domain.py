"""Invocations of the domain capability: which domain a thread belongs to, and when which domain runs."""

from __future__ import annotations

import enum

from executable_model.sel4.capability import CapKind
from executable_model.sel4.cspace import ExtraCaps
from executable_model.sel4.errors import ErrorKind, SyscallError
from executable_model.sel4.message import syscall_argument
from executable_model.sel4.schedule import is_runnable, reschedule_required, tcb_sched_dequeue, tcb_sched_enqueue
from executable_model.sel4.state import DOMAIN_SCHEDULE_LENGTH, NUM_DOMAINS, State, ThreadRef
from refinement.logic import NULL, Word, reference_at

MAX_DURATION = (1 << 56) - 1
"""The most timer ticks that an entry of the schedule has room for."""


class DomainLabel(enum.IntEnum):
    """The labels of the messages by which the domain capability is invoked."""

    SetSet = 30
    ScheduleConfigure = 31
    ScheduleSetStart = 32


def decode_domain_invocation(s: State, label: Word, length: Word, extra: ExtraCaps, buffer: Word) -> None:
    """Do what a message of `length` words asks of the domain capability."""
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
    """Assign the thread of the extra capability to the domain in word 0."""
    if length < 1:
        raise SyscallError(ErrorKind.TruncatedMessage)
    domain = syscall_argument(s, 0, buffer)
    if domain >= NUM_DOMAINS:
        raise SyscallError(ErrorKind.InvalidArgument, 0)
    if extra.first == NULL:
        raise SyscallError(ErrorKind.TruncatedMessage)
    cap = s.slot[extra.first].cap
    if cap.kind != CapKind.Thread:
        raise SyscallError(ErrorKind.InvalidArgument, 1)
    set_domain(s, reference_at(ThreadRef, cap.object), domain)


def set_domain(s: State, thread: ThreadRef, domain: Word) -> None:
    """Assign the thread to a domain; a runnable one goes to the head of its ready queue there."""
    tcb_sched_dequeue(s, thread)
    s.tcb[thread].domain = domain
    if is_runnable(s, thread):
        tcb_sched_enqueue(s, thread)
    if thread == s.current_thread:
        reschedule_required(s)


def domain_schedule_configure(s: State, length: Word, buffer: Word) -> None:
    """Write the entry of the schedule in word 0: the domain in word 1, the duration in words 2 and 3, low half first.

    The last entry cannot be written, and the start entry cannot become an end marker.
    """
    if length < 4:
        raise SyscallError(ErrorKind.TruncatedMessage)
    index, domain = syscall_argument(s, 0, buffer), syscall_argument(s, 1, buffer)
    duration = syscall_argument(s, 3, buffer) << 32 | syscall_argument(s, 2, buffer)
    if index >= DOMAIN_SCHEDULE_LENGTH - 1:
        raise SyscallError(ErrorKind.RangeError, 0, DOMAIN_SCHEDULE_LENGTH - 2)
    if domain >= NUM_DOMAINS:
        raise SyscallError(ErrorKind.RangeError, 0, NUM_DOMAINS - 1)
    if duration > MAX_DURATION:
        raise SyscallError(ErrorKind.InvalidArgument, 2)
    if duration == 0 and domain != 0:
        raise SyscallError(ErrorKind.InvalidArgument, 1)
    if duration == 0 and index == s.domain_start:
        raise SyscallError(ErrorKind.InvalidArgument, 2)
    s.domain_schedule[index].domain = domain
    s.domain_schedule[index].duration = duration


def domain_schedule_set_start(s: State, length: Word, buffer: Word) -> None:
    """Have the schedule start with the entry in word 0, which is followed as soon as a thread is chosen."""
    if length < 1:
        raise SyscallError(ErrorKind.TruncatedMessage)
    index = syscall_argument(s, 0, buffer)
    if index >= DOMAIN_SCHEDULE_LENGTH:
        raise SyscallError(ErrorKind.RangeError, 0, DOMAIN_SCHEDULE_LENGTH - 1)
    entry = s.domain_schedule[index]
    if entry.domain == 0 and entry.duration == 0:
        raise SyscallError(ErrorKind.InvalidArgument, 0)
    s.domain_start = index
    s.domain_index = DOMAIN_SCHEDULE_LENGTH - 2
    s.domain_time = 0
    reschedule_required(s)
