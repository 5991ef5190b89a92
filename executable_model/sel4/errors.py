"""How an operation ends that is not carried out: the errors that the caller of the kernel is told."""

from __future__ import annotations

import enum
from typing import Any


class ErrorKind(enum.Enum):
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


class SyscallError(Exception):
    """A system call is refused: why, and the words that tell more about it."""

    def __init__(self, kind: ErrorKind, *words: Any):
        super().__init__(kind.name, *words)
        self.kind = kind
        self.words = words
