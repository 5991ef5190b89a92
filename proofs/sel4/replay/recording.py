"""What a recording says, with addresses for the names in it; whatever it lacks is found when it is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from executable_model.sel4.state import THREAD_OFFSET
from proofs.sel4.replay import words
from proofs.sel4.replay.names import THREADS, Addresses
from proofs.sel4.replay.words import Words
from refinement.errors import InputError

FORMAT = 1
"""The version of the format that is understood."""
REGISTERS = (*(f"r{number}" for number in range(13)), "sp", "lr", "NextIP", "cpsr", "FaultIP", "tpidrurw", "tpidruro")
"""The registers of a thread, in the order of their numbers."""


@frozen
class Step:
    """One step of a thread's program, and what came of it.

    `operation` is the name of a user-level operation, for some at an `address`, which one of them writes a `value` to;
    if it is empty, the step is the system call `number`.
    """

    thread: str
    index: int
    operation: str
    system_call: str
    number: int
    cap: int
    tag: int
    label: str
    args: tuple[int, ...]
    caps: tuple[int, ...]
    receive: tuple[int, ...]
    registers: Mapping[int, int]
    buffer: Mapping[int, int]
    issued: bool
    returned: bool
    result: Mapping[str, Any]
    address: int = 0
    value: int = 0

    @property
    def name(self) -> str:
        """The thread and the number of the step in its program."""
        return f"{self.thread}:{self.index}"

    @property
    def text(self) -> str:
        """What the step does, for readers."""
        if self.operation:
            return f"{self.operation} at {self.address:#x}" if self.address else self.operation
        if not -8 <= self.number < 0:
            return f"system call {self.number}"
        parts = [f"{self.system_call} of capability {self.cap}"]
        parts += [self.label] if self.label != "0" else []
        parts += ["with " + " ".join(f"{arg:#x}" if arg > 9 else str(arg) for arg in self.args)] if self.args else []
        parts += ["capabilities " + " ".join(map(str, self.caps))] if self.caps else []
        return ", ".join(parts)


@frozen
class RecordedSlot:
    """A slot with a capability, and its neighbours in the derivation list."""

    words: Words
    prev: int
    next: int
    revocable: bool
    first_badged: bool


@frozen
class RecordedObject:
    """A thread, endpoint or notification, and what is compared of it, by the names of the recording.

    Other objects are named by their addresses, threads by those of their control blocks; 0 is none.
    """

    kind: str
    fields: Mapping[str, Any]


@frozen
class Change:
    """Slots and objects by address, as they are from some moment on; None where the recording shows none any more."""

    slots: Mapping[int, RecordedSlot | None]
    objects: Mapping[int, RecordedObject | None]
    domain: int | None = None


@frozen
class Recording:
    """What was recorded of a scenario.

    `changes` has an entry for each step of T0 that returned; None if they were not recorded.
    """

    name: str
    timer_driven: bool
    addresses: Addresses
    address_space: int
    """The page directory that the threads run in."""
    thread_main: int
    """Where the threads begin with their programs."""
    svc: int
    after_svc: int
    threads: Mapping[str, tuple[Step, ...]]
    events: tuple[str, ...]
    """What the threads did, in order: `T1:3>` begins with step 3, `T1:3<` is done with it, `T1:end` has no more."""
    buffers: Mapping[str, int]
    """For each thread the page that it has its IPC buffer in, where the kernel finds it."""
    initial: Change
    changes: tuple[Change, ...] | None
    final: Change

    @property
    def steps(self) -> int:
        """How many steps the programs of all threads have."""
        return sum(map(len, self.threads.values()))


class _Malformed(Exception):
    """Something in the file is not as the format says; the text says what and where."""


def read(content: Any) -> Recording:
    """The recording that is the content of a file; InputError if it is none."""
    with whose_mistakes_are_of_the_input():
        return _recording(content)


@contextlib.contextmanager
def whose_mistakes_are_of_the_input() -> Iterator[None]:
    """Have what goes wrong told as what is wrong with the recording: InputError."""
    try:
        yield
    except (_Malformed, ValueError) as error:
        raise InputError(f"this is no recording that can be replayed: {error}") from error
    except (TypeError, LookupError, AttributeError) as error:
        told = f"something in it is not as the format says: {type(error).__name__}: {error}"
        raise InputError(f"this is no recording that can be replayed: {told}") from error


def _recording(content: Any) -> Recording:
    version = _get("", content, "format", int)
    if version != FORMAT:
        raise _Malformed(f"its format is {version}, and {FORMAT} is the one that is known")
    symbols = _get("", content, "symbols", dict)
    addresses = _addresses(content)
    threads = {}
    for name, steps in _get("", content, "threads", dict).items():
        if name not in THREADS or not isinstance(steps, list):
            raise _Malformed(f"threads: {name!r} is no thread with a list of steps")
        threads[name] = tuple(_step(name, index, step) for index, step in enumerate(steps))
    if THREADS[0] not in threads:
        raise _Malformed(f"threads: {THREADS[0]!r} is missing")
    deltas = content.get("state_deltas")
    changes = None
    if deltas is not None:
        changes = tuple(
            _change(f"state_deltas[{index}]", delta, addresses)
            for index, delta in enumerate(_get("", content, "state_deltas", list))
        )
    initial = _state(content, "initial_state", addresses)
    for name in ("EXIT", *THREADS):
        found = initial.objects.get(addresses.known[name])
        if found is None or found.kind != ("notification" if name == "EXIT" else "tcb"):
            raise _Malformed(f"initial_state.objects: {name!r} is missing")
    return Recording(
        name=_get("", content, "name", str),
        timer_driven="TIMER-DRIVEN" in _get("", content, "doc", str),
        addresses=addresses,
        address_space=_object_of(content, "S[3]"),
        thread_main=_word("symbols", symbols, "thread_main"),
        svc=_word("symbols", symbols, "svc_insn"),
        after_svc=_word("symbols", symbols, "svc_after"),
        threads=threads,
        events=_events(content),
        buffers={name: _buffer(initial, addresses, name) for name in THREADS},
        initial=initial,
        changes=changes,
        final=_state(content, "final_state", addresses),
    )


def _addresses(content: Any) -> Addresses:
    """The base addresses, which are only in the raw words of the capabilities of the initial state."""
    known = {name: _object_of(content, slot) for name, slot in (("S", "S[2]"), ("U", "S[16]"), ("EXIT", "S[255]"))}
    for number, name in enumerate(THREADS):
        known[name] = _object_of(content, f"S[{20 + number}]" if number else "S[1]") - THREAD_OFFSET
    return Addresses(known)


def _object_of(content: Any, slot: str) -> int:
    """What the capability in a slot is to in the initial state."""
    caps = _get("initial_state", _get("", content, "initial_state", dict), "caps", dict)
    return words.decode(_words(f"initial_state.caps.{slot}", _get("initial_state.caps", caps, slot, dict))).object


def _events(content: Any) -> tuple[str, ...]:
    events = _get("", content, "events", list)
    if not all(isinstance(event, str) for event in events):
        raise _Malformed("events: not all of them are texts")
    return tuple(events)


def buffer_slot(thread: str) -> str:
    """The slot of the capability to the page that a thread has its IPC buffer in."""
    number = THREADS.index(thread)
    return f"S[{30 + number}]" if number else "S[10]"


def _buffer(initial: Change, addresses: Addresses, thread: str) -> int:
    name = buffer_slot(thread)
    frame = initial.slots.get(addresses.slot(name))
    if frame is None:
        raise _Malformed(f"initial_state.caps: {name!r}, the IPC buffer of {thread}, is missing")
    return words.decode(frame.words).object


def _step(thread: str, index: int, entry: Any) -> Step:
    where = f"threads.{thread}[{index}]"
    step, result = _get(where, entry, "step", dict), _get(where, entry, "result", dict)
    issued = _get(f"{where}.result", result, "issued", bool)
    returned = issued and _get(f"{where}.result", result, "returned", bool)
    if "op" in step:
        operation = _get(f"{where}.step", step, "op", str)
        address, value = (_word(f"{where}.step", step, name) if name in step else 0 for name in ("addr", "value"))
        return Step(
            *(thread, index, operation, "", 0, 0, 0, "", (), (), (), {}, {}, issued, returned, result, address, value)
        )
    where = f"{where}.step"
    return Step(
        thread=thread,
        index=index,
        operation="",
        system_call=str(step.get("as", step.get("sys"))),
        number=_get(where, step, "sysno", int),
        cap=_word(where, step, "cap"),
        tag=_word(where, step, "tag"),
        label=str(step.get("label", "")),
        args=_list_of_words(where, step, "args"),
        caps=_list_of_words(where, step, "caps"),
        receive=_list_of_words(where, step, "recv") if "recv" in step else (),
        registers=_numbered(where, step, "regs"),
        buffer=_numbered(where, step, "ipc"),
        issued=issued,
        returned=returned,
        result=result,
    )


def _state(content: Any, name: str, addresses: Addresses) -> Change:
    """A state as a whole."""
    state = _get("", content, name, dict)
    for part, kind in (("caps", dict), ("objects", dict), ("curDomain", int)):
        _get(name, state, part, kind)
    return _change(name, state, addresses)


def _change(where: str, entry: Any, addresses: Addresses) -> Change:
    slots: dict[int, RecordedSlot | None] = {}
    objects: dict[int, RecordedObject | None] = {}
    for name, cap in _gone_first(where, entry, "caps"):
        slots[addresses.slot(name)] = None if cap is None else _slot(f"{where}.caps.{name}", cap, addresses)
    for name, found in _gone_first(where, entry, "objects"):
        made = None if found is None else _object(f"{where}.objects.{name}", found, addresses)
        objects[addresses.object(name)] = made
    domain = _word(where, entry, "curDomain") if "curDomain" in entry else None
    return Change(slots, objects, domain)


def _gone_first(where: str, entry: Any, name: str) -> list[tuple[str, Any]]:
    """The entries of a table that may be left out, with what is gone at first.

    One place can get another name: what is gone by the one is then there by the other.
    """
    found = _get(where, entry, name, dict) if name in entry else {}
    return sorted(found.items(), key=lambda item: item[1] is not None)


def _slot(where: str, entry: Any, addresses: Addresses) -> RecordedSlot:
    node = _get(where, entry, "mdb", dict)

    def neighbour(name: str) -> int:
        return 0 if node[name] is None else addresses.slot(_get(f"{where}.mdb", node, name, str))

    return RecordedSlot(
        words=_words(where, entry),
        prev=neighbour("prev"),
        next=neighbour("next"),
        revocable=_word(f"{where}.mdb", node, "revocable") == 1,
        first_badged=_word(f"{where}.mdb", node, "firstBadged") == 1,
    )


THREAD_FIELDS = (
    "state",
    "queued",
    "blockingObject",
    "blockingIPCBadge",
    "blockingIPCCanGrant",
    "blockingIPCCanGrantReply",
    "blockingIPCIsCall",
    "boundNotification",
    "domain",
    "mcp",
    "prio",
    "faultHandler",
    "ipcBuffer",
    "schedNext",
    "epNext",
    "epPrev",
)
"""What is compared of a thread; beside it its first registers, at the end.

Not compared: the time slice, which depends on the time, and faults and flags, which no layer has yet.
"""
ENDPOINT_FIELDS = ("state", "queue")
NOTIFICATION_FIELDS = ("state", "queue", "msgIdentifier", "boundTCB")
COMPARED = {"tcb": THREAD_FIELDS, "endpoint": ENDPOINT_FIELDS, "notification": NOTIFICATION_FIELDS}
CONTROLLER = "0xffef8400"
"""The thread that ended the recording: always ready, with the lowest priority.  The layers do not have it."""
TO_OBJECTS = ("blockingObject", "boundNotification")
TO_THREADS = ("schedNext", "epNext", "epPrev", "boundTCB")


def _object(where: str, entry: Any, addresses: Addresses) -> RecordedObject | None:
    kind = _get(where, entry, "kind", str)
    if kind not in COMPARED:
        return None
    fields: dict[str, Any] = {}
    for name in COMPARED[kind]:
        if name not in entry or entry[name] == CONTROLLER:
            continue
        value = entry[name]
        if name == "queue":
            value = tuple(addresses.thread(thread) for thread in _get(where, entry, name, list))
        elif name in TO_OBJECTS:
            value = 0 if value is None else addresses.object(value)
        elif name in TO_THREADS:
            value = 0 if value is None else addresses.thread(value)
        fields[name] = value
    if "regs" in entry:
        registers = _get(where, entry, "regs", dict)
        fields |= {name: _word(f"{where}.regs", registers, name) for name in REGISTERS}
    _get(where, entry, "state", str)
    for name in ("prio", "mcp", "domain", "faultHandler", "ipcBuffer") if kind == "tcb" else ():
        _word(where, entry, name)
    return RecordedObject(kind, fields)


def _words(where: str, entry: Any) -> Words:
    found = _list_of_words(where, entry, "words")
    if len(found) != 2:
        raise _Malformed(f"{where}.words: a capability has two words, not {len(found)}")
    words.decode((found[0], found[1]))
    return found[0], found[1]


def _get(where: str, entry: Any, name: str, kind: type) -> Any:
    """The entry `name` of something; it must be there, and of the kind."""
    if not isinstance(entry, dict):
        raise _Malformed(f"{where or 'it'} is no object of JSON")
    if name not in entry:
        raise _Malformed(f"{where + ': ' if where else ''}{name!r} is missing")
    if type(entry[name]) is not kind:
        raise _Malformed(f"{where + '.' if where else ''}{name} must be of type {kind.__name__}")
    return entry[name]


def _word(where: str, entry: Any, name: str) -> int:
    value: int = _get(where, entry, name, int)
    if not 0 <= value < 1 << 32:
        raise _Malformed(f"{where}.{name}: {value} is no machine word")
    return value


def _list_of_words(where: str, entry: Any, name: str) -> tuple[int, ...]:
    found: Sequence[Any] = _get(where, entry, name, list)
    if not all(type(value) is int and 0 <= value < 1 << 32 for value in found):
        raise _Malformed(f"{where}.{name} is no list of machine words")
    return tuple(found)


def _numbered(where: str, entry: Any, name: str) -> Mapping[int, int]:
    found = _get(where, entry, name, dict) if name in entry else {}
    if not all(key.isdecimal() and type(value) is int and 0 <= value < 1 << 32 for key, value in found.items()):
        raise _Malformed(f"{where}.{name} is no table of machine words")
    return {int(key): value for key, value in found.items()}
