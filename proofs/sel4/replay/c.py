"""The C program, with recordings replayed on it: evaluated, and compiled for this machine."""

from __future__ import annotations

import contextlib
import functools
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import define

from executable_model.sel4.capability import CapKind, object_end, object_start
from executable_model.sel4.state import (
    PAGE_BITS,
    SLOT_BITS,
    THREAD_SLOTS,
    EndpointState,
    NotificationState,
    State,
    ThreadState,
)
from impl.c.layer import CLayer
from impl.c.memory import ByteMemory
from impl.c.native import Native
from impl.sel4 import layout
from impl.sel4.program import KINDS, layer, program, sources
from proofs.sel4.replay import words
from proofs.sel4.replay.machine import ObjectImage, SlotImage
from proofs.sel4.replay.recording import REGISTERS
from proofs.sel4.replay.words import NULL_CAP, Words
from refinement.logic import address_of

PAGE_MASK = (1 << PAGE_BITS) - 1
SLOT_BYTES = 1 << SLOT_BITS


@functools.cache
def kernel() -> CLayer:
    """The C program, entered by a system call."""
    return layer(("call_kernel",), {})


@functools.cache
def root(kind: str) -> str:
    """What a memory calls the objects of a kind."""
    return str(program().named_type(KINDS[kind]))


@define(eq=False)
class CMachine:
    """The C program with its state, in one kind of memory or the other."""

    program: CLayer
    memory: Any

    @property
    def current_thread(self) -> int:
        """The thread that runs."""
        return self.memory.read("ksCurThread")

    @property
    def current_domain(self) -> int:
        """The domain that runs."""
        return self.memory.read("ksCurDomain")

    def register(self, thread: int, number: int) -> int:
        """A register of a thread."""
        return self.memory.read("tcb", thread, f"tcbArch.registers[{number}]")

    def set_register(self, thread: int, number: int, value: int) -> None:
        """Put a value in a register of a thread."""
        self.memory.write("tcb", thread, f"tcbArch.registers[{number}]", value)

    def word(self, address: int) -> int:
        """A word of the memory of users."""
        return self.memory.read("user_data", address & ~PAGE_MASK, f"words[{(address & PAGE_MASK) >> 2}]")

    def set_word(self, address: int, value: int) -> None:
        """Put a value in a word of the memory of users."""
        self.memory.write("user_data", address & ~PAGE_MASK, f"words[{(address & PAGE_MASK) >> 2}]", value)

    def exists(self, kind: str, address: int) -> bool:
        """Whether there is an object of the kind at an address, or memory where one can be."""
        raise NotImplementedError

    def slot_addresses(self) -> Iterable[int]:
        """All slots, or all that can be found."""
        raise NotImplementedError

    def cap_words(self, slot: int) -> Words:
        """The words of the capability in a slot; those of the null capability if there is no slot."""
        return self._slot(slot)[:2] if self.exists("slot", slot) else NULL_CAP

    def slots(self) -> Mapping[int, SlotImage]:
        """All slots with a capability."""
        found = {}
        for address in self.slot_addresses():
            low, high, *node = self._slot(address)
            if (low, high) != NULL_CAP:
                fields = _fields("mdb_node", tuple(node))
                found[address] = SlotImage(
                    words=(low, high),
                    prev=fields["mdbPrev"],
                    next=fields["mdbNext"],
                    revocable=fields["mdbRevocable"] == 1,
                    first_badged=fields["mdbFirstBadged"] == 1,
                )
        return found

    def _slot(self, address: int) -> tuple[int, int, int, int]:
        low, high, node0, node1 = struct.unpack("<4I", self.memory.read_bytes(address, SLOT_BYTES))
        return low, high, node0, node1

    def image(self, kind: str, address: int) -> ObjectImage | None:
        """The thread, endpoint or notification at an address; None if none is."""
        if not self.exists(kind, address):
            return None
        if kind == "tcb":
            return self._thread(address)
        fields = _fields(kind, self._words(kind, address, "", 4))
        if kind == "endpoint":
            state = EndpointState(fields["state"]).name
            return {"state": state, "queue": self._queue(fields["epQueue_head"], fields["epQueue_tail"])}
        return {
            "state": NotificationState(fields["state"]).name,
            "queue": self._queue(fields["ntfnQueue_head"], fields["ntfnQueue_tail"]),
            "msgIdentifier": fields["ntfnMsgIdentifier"],
            "boundTCB": fields["ntfnBoundTCB"],
        }

    def _words(self, kind: str, address: int, path: str, count: int) -> tuple[int, ...]:
        return tuple(self.memory.read(KINDS[kind], address, f"{path}words[{number}]") for number in range(count))

    def _thread(self, address: int) -> dict[str, Any]:
        fields = _fields("thread_state", self._words("tcb", address, "tcbState.", 3))
        state = ThreadState(fields["tsType"]).name
        found = {"state": state, "queued": fields["tcbQueued"]}
        found |= {name: self.memory.read("tcb", address, path) for name, path in THREAD_PATHS.items()}
        found |= {name: fields[name] for name in BLOCKING_FIELDS.get(state, ())}
        return found | {name: self.register(address, number) for number, name in enumerate(REGISTERS)}

    def _queue(self, head: int, tail: int) -> tuple[int, ...]:
        """The threads in a queue in order, with a 0 behind them if its links are wrong."""
        found: list[int] = []
        thread = head
        while thread != 0 and thread not in found and self.exists("tcb", thread):
            found.append(thread)
            thread = self.memory.read("tcb", thread, "tcbEPNext")
        ends_well = thread == 0 and (found[-1] if found else 0) == tail
        return tuple(found) + (() if ends_well else (0,))


THREAD_PATHS = {
    "boundNotification": "tcbBoundNotification",
    "domain": "tcbDomain",
    "mcp": "tcbMCP",
    "prio": "tcbPriority",
    "faultHandler": "tcbFaultHandler",
    "ipcBuffer": "tcbIPCBuffer",
    "schedNext": "tcbSchedNext",
    "epNext": "tcbEPNext",
    "epPrev": "tcbEPPrev",
}
"""What recordings tell of a thread, and where it is in its thread control block."""

BLOCKING_FIELDS = {
    "BlockedOnReceive": ("blockingObject", "blockingIPCCanGrant"),
    "BlockedOnSend": (
        "blockingObject",
        "blockingIPCBadge",
        "blockingIPCCanGrant",
        "blockingIPCCanGrantReply",
        "blockingIPCIsCall",
    ),
    "BlockedOnNotification": ("blockingObject",),
}
"""What a thread's state means something of besides, by that state."""


@functools.lru_cache(maxsize=1 << 12)
def _fields(name: str, content: tuple[int, ...]) -> dict[str, int]:
    """The fields of a packed structure."""
    packed = layout.layout()[name]
    return {field: packed.decode(field, content) for field in packed.fields}  # type: ignore[misc]


@define(eq=False)
class EvaluatedMachine(CMachine):
    """The C program, evaluated: its memory, of bytes, knows which objects there are."""

    def call(self, number: int) -> None:
        """Have the current thread make the system call of that number."""
        self.program.execute(self.memory, "call_kernel", {"number": number})

    def exists(self, kind: str, address: int) -> bool:
        """Whether there is an object of the kind at an address."""
        return self.memory.objects.get(address) == root(kind)

    def slot_addresses(self) -> Iterable[int]:
        """All slots."""
        slot = root("slot")
        return [address for address, found in self.memory.objects.items() if found == slot]


@define(eq=False)
class NativeMachine(CMachine):
    """The C program, compiled: which objects there are nobody knows, but all that can be reached can be found."""

    ranges: list[range]
    """The memory that there is."""
    known: frozenset[int]
    """The slots that there were at the start."""

    def call(self, number: int) -> None:
        """Have the current thread make the system call of that number."""
        self.memory.call(self.program.function("call_kernel").name, [number])

    def exists(self, kind: str, address: int) -> bool:
        """Whether there is memory at an address."""
        return any(address in addresses for addresses in self.ranges)

    def slot_addresses(self) -> Iterable[int]:
        """The slots that there were at the start, and those that their capabilities and links lead to."""
        found: set[int] = set()
        waiting = set(self.known)
        while waiting:
            address = waiting.pop()
            if address in found or not self.exists("slot", address):
                continue
            found.add(address)
            low, high, *node = self._slot(address)
            if not (low or any(node)):
                continue
            waiting.update(_fields("mdb_node", tuple(node))[name] for name in ("mdbPrev", "mdbNext"))
            waiting.update(_slots_of((low, high)))
        return found


def _slots_of(cap_words: Words) -> Iterable[int]:
    """The slots of what a capability is to."""
    if cap_words == NULL_CAP:
        return ()
    cap = words.decode(cap_words)
    is_thread = cap.kind == CapKind.Thread or (cap.kind == CapKind.Zombie and cap.is_thread)
    if not is_thread and cap.kind not in (CapKind.CNode, CapKind.Zombie):
        return ()
    count = THREAD_SLOTS if is_thread else 1 << cap.size_bits
    return range(object_start(cap), object_start(cap) + count * SLOT_BYTES, SLOT_BYTES)


@contextlib.contextmanager
def evaluated(s: State) -> Iterator[EvaluatedMachine]:
    """The C program, evaluated, in the state that is that of the executable model."""
    first, *others = memory_of(s)
    memory = ByteMemory(program(), objects=(first.start, len(first)))
    for addresses in others:
        memory.map(addresses.start, len(addresses))
    set_up(memory, s)
    yield EvaluatedMachine(kernel(), memory)


@contextlib.contextmanager
def compiled(s: State) -> Iterator[NativeMachine]:
    """The C program, compiled, in the state that is that of the executable model."""
    ranges = memory_of(s)
    whole = range(ranges[0].start, ranges[-1].stop)
    with Native(program(), sources(), objects=(whole.start, len(whole))) as native:
        native.reset()
        set_up(native, s)
        try:
            yield NativeMachine(kernel(), native, ranges, frozenset(map(address_of, s.slot)))
        finally:
            native.reset()


def memory_of(s: State) -> list[range]:
    """The memory that the objects of a state lie in, and that untyped capabilities are to, in whole pages."""
    pieces = [
        *(range(address_of(ref), address_of(ref) + 1) for objects in _objects(s).values() for ref in objects),
        *(
            range(slot.cap.object, object_end(slot.cap) + 1)
            for slot in s.slot.values()
            if slot.cap.kind == CapKind.Untyped and not slot.cap.is_device
        ),
    ]
    found: list[range] = []
    for piece in sorted(pieces, key=lambda piece: piece.start):
        start, stop = piece.start & ~PAGE_MASK, (piece.stop + PAGE_MASK) & ~PAGE_MASK
        if found and start <= found[-1].stop:
            found[-1] = range(found[-1].start, max(stop, found[-1].stop))
        else:
            found.append(range(start, stop))
    return found


def _objects(s: State) -> dict[str, Any]:
    return {kind: getattr(s, kind) for kind in KINDS}


def set_up(memory: Any, s: State) -> None:
    """Write the state to memory, which is 0.  Nobody waits in it, and nobody is ready."""
    for kind, objects in _objects(s).items():
        for ref in objects:
            memory.allocate(KINDS[kind], ref.number)
    for ref, tcb in s.tcb.items():
        content = {path: getattr(tcb, name) for path, name in THREAD_WORDS.items()}
        content |= {f"tcbArch.registers[{number}]": value for number, value in tcb.registers.items()}
        content["tcbState.words[0]"] = tcb.state.value
        for path, value in content.items():
            memory.write("tcb", ref.number, path, value)
    for ref, slot in s.slot.items():
        if slot.cap.kind == CapKind.Null:
            continue
        low, high = words.encode(slot.cap)
        node: Any = [0, 0]
        fields = {
            "mdbPrev": address_of(slot.prev),
            "mdbNext": address_of(slot.next),
            "mdbRevocable": int(slot.revocable),
            "mdbFirstBadged": int(slot.first_badged),
        }
        for name, value in fields.items():
            node = layout.encode("mdb_node", name, node, value)
        memory.write("cte", ref.number, "cap", high << 32 | low)
        for number, word in enumerate(node):
            memory.write("cte", ref.number, f"cteMDBNode.words[{number}]", word)
    memory.write("ksCurThread", None, "", address_of(s.current_thread))
    memory.write("ksIdleThread", None, "", address_of(s.idle_thread))
    memory.write("ksDomainTime", None, "", s.domain_time)
    memory.write("ksWorkUnitsCompleted", None, "", s.work_units)
    memory.write("ksInterruptPending", None, "", int(s.interrupt_pending))
    for index, entry in s.domain_schedule.items():
        memory.write("ksDomSchedule", None, f"[{index}]", entry.domain << 56 | entry.duration)


THREAD_WORDS = {
    "tcbPriority": "priority",
    "tcbDomain": "domain",
    "tcbTimeSlice": "time_slice",
    "tcbMCP": "mcp",
    "tcbFaultHandler": "fault_handler",
    "tcbIPCBuffer": "ipc_buffer",
}
"""Words of a thread control block, and what they are in the executable model."""
