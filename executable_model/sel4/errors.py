"""How an operation ends that is not carried out: errors that the caller is told, failed lookups, preemption."""

from __future__ import annotations

from attrs import frozen

from refinement.logic import Enumeration, Word


class ErrorKind(Enumeration):
    """What is wrong with a system call; the numbers are those that the caller finds in the label of the reply."""

    NoError = 0
    InvalidArgument = 1
    InvalidCapability = 2
    IllegalOperation = 3
    RangeError = 4
    AlignmentError = 5
    FailedLookup = 6
    TruncatedMessage = 7
    DeleteFirst = 8
    RevokeFirst = 9
    NotEnoughMemory = 10


class LookupFailureKind(Enumeration):
    """Why a lookup in a capability space failed; the numbers are those that messages have."""

    NoFailure = 0
    InvalidRoot = 1
    """It did not begin at a CNode."""
    MissingCapability = 2
    """There is no capability."""
    DepthMismatch = 3
    """Its address has too few bits for the CNode that it came to, or too many."""
    GuardMismatch = 4
    """Its address does not have the guard of the CNode that it came to."""


@frozen
class LookupFailure:
    """A lookup failed: why, and words that tell more; without arguments that it did not fail.

    Fields that do not belong to the kind have their defaults.
    """

    kind: LookupFailureKind = LookupFailureKind.NoFailure
    bits_left: Word = 0
    """MissingCapability, DepthMismatch, GuardMismatch: how many bits of the address were still to be used."""
    bits_found: Word = 0
    """DepthMismatch: how many bits the CNode would have used."""
    guard: Word = 0
    guard_size: Word = 0
    """GuardMismatch: the guard of the CNode, and how many bits it has."""


NO_FAILURE = LookupFailure()


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
    """A system call names a capability that the caller does not have: a fault of the caller."""

    failure: LookupFailure


@frozen
class Preempted(Exception):
    """A long operation stops for an interrupt that is pending; the caller will make its system call again."""


def lookup_failure_words(failure: LookupFailure) -> tuple[Word, ...]:
    """The words of a message that tell why a lookup failed: the number of the kind, and what belongs to it."""
    match failure.kind:
        case LookupFailureKind.MissingCapability:
            return (2, failure.bits_left)
        case LookupFailureKind.DepthMismatch:
            return (3, failure.bits_left, failure.bits_found)
        case LookupFailureKind.GuardMismatch:
            return (4, failure.bits_left, failure.guard, failure.guard_size)
    return (1,)


def failed_lookup(is_source: bool, failure: LookupFailure) -> SyscallError:
    """The error that a slot is not found which the message names, as a source or not."""
    return SyscallError(ErrorKind.FailedLookup, 1 if is_source else 0, *lookup_failure_words(failure))
