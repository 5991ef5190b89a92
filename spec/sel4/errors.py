"""How an operation ends that is not carried out: refused, with an error that the caller of the kernel is told.

An error arrives as a message: its label is the kind of error, its words say more about it.  The addresses of
capabilities that a system call begins with are no part of that: where one leads nowhere the thread itself is at fault
(seL4 manual, sections 3.4 and 10.1).
"""

from __future__ import annotations

from attrs import frozen

from refinement.logic import Enumeration, Word


class ErrorKind(Enumeration):
    """What is wrong with a system call; the numbers are those that the caller finds in the label of the reply."""

    NoError = 0
    InvalidArgument = 1
    """The value of a word of the message; followed by which word."""
    InvalidCapability = 2
    """The kind or state of a capability; followed by which, 0 being the invoked one."""
    IllegalOperation = 3
    """The object, or this capability to it, does not allow it."""
    RangeError = 4
    """A number is too small or too large; followed by the smallest and the largest allowed."""
    AlignmentError = 5
    """An address is not aligned as it must be."""
    FailedLookup = 6
    """An address leads to no slot; followed by 1 if it is that of a source, else 0, and by the lookup failure."""
    TruncatedMessage = 7
    """There are fewer words or capabilities in the message than the operation needs."""
    DeleteFirst = 8
    """A slot that is to be filled is not empty."""
    RevokeFirst = 9
    """Capabilities were derived from one that must not have any such."""
    NotEnoughMemory = 10
    """The untyped memory is too small; followed by how many bytes it has left."""


class LookupFailureKind(Enumeration):
    """Why an address leads to no slot; the numbers are those that users find in messages."""

    NoFailure = 0
    InvalidRoot = 1
    """What it is to be looked up in is no CNode."""
    MissingCapability = 2
    """There is no capability, or none of the kind needed."""
    DepthMismatch = 3
    """The address ends inside of a CNode, or goes on where there is no further CNode."""
    GuardMismatch = 4
    """The bits in front of the index are not the CNode's guard."""


@frozen
class LookupFailure:
    """Why and where a lookup failed."""

    kind: LookupFailureKind = LookupFailureKind.NoFailure
    bits_left: Word = 0
    """How many bits of the address were still to be looked up."""
    bits_found: Word = 0
    """DepthMismatch: how many bits the CNode there would use up."""
    guard: Word = 0
    """GuardMismatch: the CNode's guard."""
    guard_size: Word = 0
    """GuardMismatch: how many bits it has."""


@frozen(init=False)
class SyscallError(Exception):
    """A system call is refused: why, and up to five words that tell more about it."""

    kind: ErrorKind
    length: Word
    """How many words there are; the others are 0."""
    first: Word
    second: Word
    third: Word
    fourth: Word
    fifth: Word

    def __init__(self, kind: ErrorKind, *words: Word):
        self.__attrs_init__(kind, len(words), *words, *(0,) * (5 - len(words)))

    @property
    def words(self) -> tuple[Word, ...]:
        """The words that there are."""
        words = (self.first, self.second, self.third, self.fourth, self.fifth)
        return next((words[:length] for length in range(5) if self.length == length), words)


@frozen
class LookupFault(Exception):
    """An address with which a system call begins leads to no slot."""

    failure: LookupFailure


@frozen
class Preempted(Exception):
    """A long operation is interrupted: the thread makes the same system call again, which goes on with what is left."""


def failed_lookup(is_source: bool, failure: LookupFailure) -> SyscallError:
    """The error for an argument by which no slot is found, and whether it was to be the source of a capability."""
    place = 1 if is_source else 0
    match failure.kind:
        case LookupFailureKind.MissingCapability:
            return SyscallError(ErrorKind.FailedLookup, place, 2, failure.bits_left)
        case LookupFailureKind.DepthMismatch:
            return SyscallError(ErrorKind.FailedLookup, place, 3, failure.bits_left, failure.bits_found)
        case LookupFailureKind.GuardMismatch:
            return SyscallError(ErrorKind.FailedLookup, place, 4, failure.bits_left, failure.guard, failure.guard_size)
        case _:
            return SyscallError(ErrorKind.FailedLookup, place, 1)
