"""The state that traces start from, alike in every layer: where the objects are, and what is in the slots.

Only the idle thread runs, all others are inactive; two domains take turns.  A CNode has capabilities of several
families: untyped memory with what was made of it, and capabilities that stand for no memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

from attrs import evolve, frozen

from executable_model.sel4 import state as model
from executable_model.sel4.capability import READ_WRITE, Cap, CapKind
from impl.c.memory import OBJECTS
from impl.sel4.layout import layout
from impl.sel4.program import KINDS
from proofs.sel4.cap_words import encode
from proofs.sel4.layers import EXEC, SPEC
from refinement.layers import PythonLayer
from refinement.logic import NULL, Objects
from spec.sel4 import state as spec

START = OBJECTS[0]
THREADS = [model.ThreadRef(START + 0x400 * (number + 1) + model.THREAD_OFFSET) for number in range(7)]
MEMORY, MEMORY_BITS = START + 0x4000, 13
"""The untyped memory that endpoints and notifications are made of."""
ENDPOINTS = [model.EndpointRef(MEMORY + 0x10 * number) for number in range(2)]
NOTIFICATIONS = [model.NotificationRef(MEMORY + 0x1000 + 0x10 * number) for number in range(2)]
PAGES = [model.UserDataRef(START + 0x10000 + 0x1000 * number) for number in range(2)]
CNODE, CNODE_BITS = START + 0x8000, 4
CNODE_SLOTS = [model.SlotRef(CNODE + (index << model.SLOT_BITS)) for index in range(1 << CNODE_BITS)]
INNER_CNODE, ENDED_CNODE, SMALL_CNODE_BITS = START + 0x9000, START + 0x9100, 2
"""A CNode to which there is a capability in the other one, and one of which only a zombie is left."""
INNER_SLOTS, ENDED_SLOTS = (
    [model.SlotRef(start + (index << model.SLOT_BITS)) for index in range(1 << SMALL_CNODE_BITS)]
    for start in (INNER_CNODE, ENDED_CNODE)
)


def slot_of(thread: model.ThreadRef, index: int) -> model.SlotRef:
    """A slot of a thread other than the idle thread, which has none."""
    return model.SlotRef(thread.number - model.THREAD_OFFSET + (index << model.SLOT_BITS))


THREAD_SLOTS = [slot_of(thread, index) for thread in THREADS[1:] for index in range(model.THREAD_SLOTS)]
SLOTS = [*CNODE_SLOTS, *INNER_SLOTS, *ENDED_SLOTS, *THREAD_SLOTS]
NO_SLOTS = [
    model.SlotRef(address)
    for address in (CNODE - 0x10, CNODE + 8, CNODE + 0x100, INNER_CNODE + 0x40, ENDED_CNODE + 0x40, THREADS[0].number)
]
"""References to slots that there are not, some of them close to those that there are."""
REFS: dict[str, list[Any]] = {
    "tcb": THREADS,
    "endpoint": ENDPOINTS,
    "notification": NOTIFICATIONS,
    "slot": SLOTS,
    "user_data": PAGES,
}
"""All objects, by kind."""

DOMAINS = (0, 0, 0, 0, 0, 1, 1)
PRIORITIES = (0, 3, 3, 3, 32, 3, 31)
SCHEDULE = ((0, 3), (1, 2))
MESSAGE_INFOS = tuple(
    label << 12 | unused << 7 | length
    for label, unused, length in (
        (0, 0, 0),
        (1, 0, 1),
        (0xABCDE, 0x1F, 127),
        (2, 1, 4),
        (3, 2, 2),
        (4, 0, 5),
        (5, 4, 3),
    )
)
"""The messages that threads send: of every length up to 4 and more, some with bits that do not arrive."""
ADDRESSES = (0x53, 0x5C, 0xA0000005, 0xA0000002, 0x30000000, 0x12345678)
"""Addresses of capabilities: of two slots of the CNode, one of the inner one, and such that are found only in part."""
BUFFER_WORDS = {
    model.BUFFER_MESSAGE + model.MESSAGE_REGISTERS: 0xDEAD0005,
    model.BUFFER_CAPS: ADDRESSES[0],
    model.BUFFER_CAPS + 1: ADDRESSES[1],
    model.BUFFER_CAPS + 2: ADDRESSES[5],
    1023: 0xFFFFFFFF,
}
"""What is in the first page of user memory, by the number of the word."""

RIGHTS = {"can_send": True, "can_receive": True, "can_grant": True, "can_grant_reply": True}
ENDPOINT_CAP = Cap(CapKind.Endpoint, object=ENDPOINTS[0].number, **RIGHTS)  # type: ignore[arg-type]
NOTIFICATION_CAP = Cap(CapKind.Notification, object=NOTIFICATIONS[0].number, can_send=True, can_receive=True)
FRAME_CAP = Cap(CapKind.Frame, object=PAGES[0].number, size_bits=model.PAGE_BITS, vm_rights=READ_WRITE)


@frozen
class Held:
    """A capability in a slot at the start, and its interval in its family."""

    slot: model.SlotRef
    cap: Cap
    position: Fraction
    end: Fraction
    revocable: bool = True
    first_badged: bool = True


def _cnode(guard: int, guard_size: int) -> Cap:
    return Cap(CapKind.CNode, object=CNODE, size_bits=CNODE_BITS, guard=guard, guard_size=guard_size)


def _cspace(thread: int) -> model.SlotRef:
    return slot_of(THREADS[thread], model.CSPACE_ROOT)


def _held(slot: int | model.SlotRef, cap: Cap, position: int, end: int, revocable: bool = True) -> Held:
    """A capability in the slot of the CNode of that number, or in another one; its interval is told in sixteenths."""
    place = CNODE_SLOTS[slot] if isinstance(slot, int) else slot
    return Held(place, cap, Fraction(position, 16), Fraction(end, 16), revocable, revocable)


FAMILIES: tuple[tuple[Held, ...], ...] = (
    (
        _held(0, Cap(CapKind.Untyped, object=MEMORY, size_bits=MEMORY_BITS, free_offset=0x1010), 0, 16),
        _held(1, Cap(CapKind.Untyped, object=MEMORY + 0x1000, size_bits=12, free_offset=0x10), 1, 5),
        _held(2, NOTIFICATION_CAP, 2, 4),
        _held(3, ENDPOINT_CAP, 6, 12),
        _held(4, evolve(ENDPOINT_CAP, badge=6), 7, 9),
        _held(5, evolve(ENDPOINT_CAP, badge=6, can_grant=False), 8, 9, revocable=False),
        _held(6, evolve(ENDPOINT_CAP, can_receive=False), 10, 12, revocable=False),
    ),
    (
        _held(slot_of(THREADS[1], model.IPC_BUFFER_SLOT), FRAME_CAP, 0, 16),
        _held(slot_of(THREADS[2], model.IPC_BUFFER_SLOT), evolve(FRAME_CAP, vm_rights=2), 8, 16, revocable=False),
    ),
    (
        _held(7, _cnode(5, 28), 0, 16),
        _held(_cspace(1), _cnode(5, 28), 4, 8, revocable=False),
        _held(_cspace(3), _cnode(0, 0), 8, 16, revocable=False),
    ),
    (_held(8, Cap(CapKind.Thread, object=THREADS[1].number), 0, 16),),
    (_held(9, Cap(CapKind.IRQControl), 0, 16), _held(INNER_SLOTS[1], Cap(CapKind.IRQHandler, irq=27), 4, 8)),
    (_held(10, Cap(CapKind.CNode, object=INNER_CNODE, size_bits=SMALL_CNODE_BITS, guard=1, guard_size=26), 0, 16),),
    (_held(11, Cap(CapKind.Zombie, object=ENDED_CNODE, size_bits=SMALL_CNODE_BITS, slots_left=3), 0, 16),),
)
"""The families of capabilities, each in the order of the model's list."""


def linked() -> Iterator[tuple[int, Held, Any, Any]]:
    """All capabilities at the start: the number of the family, the capability, and the slots before and after it."""
    for number, family in enumerate(FAMILIES):
        slots = [NULL, *(held.slot for held in family), NULL]
        for held, before, after in zip(family, slots, slots[2:], strict=False):
            yield number, held, before, after


def registers(number: int) -> dict[int, int]:
    """What a thread has in its registers at the start: in each something else, and a message info."""
    content = {register: 0x1000 * number + register for register in range(model.TPIDRURO + 1)}
    return {**content, model.MESSAGE_INFO_REGISTER: MESSAGE_INFOS[number]}


def _python_state(layer: Any, slots: dict[Any, Any]) -> Any:
    """What the layers in Python have in common, with these slots."""
    threads = {}
    for number, ref in enumerate(THREADS):
        state = layer.ThreadState.Inactive if number else layer.ThreadState.IdleThreadState
        thread = layer.Thread(state=state, priority=PRIORITIES[number], domain=DOMAINS[number], time_slice=2)
        thread.registers.update(registers(number))
        threads[ref] = thread
    made = layer.State(
        tcb=Objects(threads),
        endpoint=Objects({ref: layer.Endpoint() for ref in ENDPOINTS}),
        notification=Objects({ref: layer.Notification() for ref in NOTIFICATIONS}),
        slot=Objects({ref: slots.get(ref) or layer.Slot() for ref in SLOTS}),
        user_data=Objects({ref: layer.UserData() for ref in PAGES}),
        current_thread=THREADS[0],
        idle_thread=THREADS[0],
        domain_time=SCHEDULE[0][1],
    )
    made.user_data[PAGES[0]].words.update(BUFFER_WORDS)
    for index, (domain, duration) in enumerate(SCHEDULE):
        made.domain_schedule[index] = layer.DomainEntry(domain=domain, duration=duration)
    return made


def own(layer: PythonLayer, cap: Cap) -> Any:
    """A capability of the model as one of that layer."""
    return layer.own("cap_move", {"cap": cap, "source": NULL, "destination": NULL})["cap"]


def spec_state() -> Any:
    """The start in the specification."""
    slots = {}
    for family, held, _, _ in linked():
        slots[held.slot] = spec.Slot(own(SPEC, held.cap), held.revocable, family, held.position, held.end)
    made = _python_state(spec, slots)
    made.families = len(FAMILIES)
    return made


def model_state() -> Any:
    """The start in the model."""
    slots = {}
    for _, held, before, after in linked():
        slots[held.slot] = model.Slot(own(EXEC, held.cap), after, before, held.revocable, held.first_badged)
    return _python_state(model, slots)


def set_up(memory: Any) -> Any:
    """The start in memory, of which nothing else is kept; gives the memory."""
    memory.reset()
    for kind, refs in REFS.items():
        for ref in refs:
            memory.allocate(KINDS[kind], ref.number)
    for number, ref in enumerate(THREADS):
        content = {"tcbPriority": PRIORITIES[number], "tcbDomain": DOMAINS[number], "tcbTimeSlice": 2}
        for path, value in content.items():
            memory.write("tcb", ref.number, path, value)
        memory.write("tcb", ref.number, "tcbState.words[0]", 0 if number else 7)
        for register, value in registers(number).items():
            memory.write("tcb", ref.number, f"tcbArch.registers[{register}]", value)
    for _, held, before, after in linked():
        memory.write("cte", held.slot.number, "cap", encode(held.cap))
        for number, word in enumerate(_node(held, before, after)):
            memory.write("cte", held.slot.number, f"cteMDBNode.words[{number}]", word)
    for number, word in BUFFER_WORDS.items():
        memory.write("user_data", PAGES[0].number, f"words[{number}]", word)
    memory.write("ksCurThread", None, "", THREADS[0].number)
    memory.write("ksIdleThread", None, "", THREADS[0].number)
    memory.write("ksDomainTime", None, "", SCHEDULE[0][1])
    for index, (domain, duration) in enumerate(SCHEDULE):
        memory.write("ksDomSchedule", None, f"[{index}]", domain << 56 | duration)
    return memory


def _node(held: Held, before: Any, after: Any) -> list[Any]:
    """The words of a place in the derivation list."""
    node = layout()["mdb_node"]
    words: list[Any] = [0] * node.words
    for name, value in (
        ("mdbPrev", before.number),
        ("mdbNext", after.number),
        ("mdbRevocable", int(held.revocable)),
        ("mdbFirstBadged", int(held.first_badged)),
    ):
        words = node.encode(name, words, value)
    return words
