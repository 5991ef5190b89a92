"""Trace equivalence: the specification, the model, the C evaluated and the C compiled, run in lock step.

States are built through operations only.  After every step the layers are compared through the relations that
the proofs use, and every invariant and every fact of the relations is checked.
"""

from __future__ import annotations

import collections
import contextlib
import copy
import functools
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from attrs import define, evolve, field

from executable_model.sel4 import state as model
from executable_model.sel4.capability import Cap, CapKind
from executable_model.sel4.schedule import is_runnable
from impl.c.layer import arguments_of
from impl.c.memory import ByteMemory
from impl.c.native import Native
from impl.c.places import Place, Shapes
from impl.sel4.program import KINDS, program, sources
from proofs.sel4.exec_c import RELATION as EXEC_C
from proofs.sel4.layers import EXEC, SPEC, C
from proofs.sel4.spec_exec import RELATION as SPEC_EXEC
from proofs.sel4.stack import OPERATIONS, STACK
from refinement.layers import parameters_of
from refinement.outcomes import Outcome
from refinement.plain import encode
from refinement.relation import disagreements
from refinement.replay import ends_differ
from refinement.schema import Record
from refinement.statements import Statement, kind_of
from tests.trace.start import (
    ADDRESSES,
    BUFFER_WORDS,
    CNODE_SLOTS,
    ENDPOINT_CAP,
    ENDPOINTS,
    MEMORY,
    NO_SLOTS,
    NOTIFICATION_CAP,
    NOTIFICATIONS,
    PAGES,
    REFS,
    SCHEDULE,
    SLOTS,
    THREADS,
    model_state,
    set_up,
    slot_of,
    spec_state,
)

PRIORITIES = (0, 3, 31, 32, 255)
BADGES = (0, 1, 6, 0x0FFFFFFF)
TABLES: dict[str, list[Any]] = {
    "ready_queue": list(itertools.product((0, 1, 2), PRIORITIES)),
    "l1_bitmap": [0, 1, 2],
    "l2_bitmap": list(itertools.product((0, 1, 2), range(model.L2_BITMAP_SIZE))),
    "domain_schedule": [*range(len(SCHEDULE) + 1), model.DOMAIN_SCHEDULE_LENGTH - 1],
    "tcb.registers": [
        *range(model.FIRST_MESSAGE_REGISTER + model.MESSAGE_REGISTERS),
        model.NEXT_IP,
        model.FAULT_IP,
    ],
    "user_data.words": list(BUFFER_WORDS),
}
"""The indices at which tables can hold something: what is compared after each step."""
DRAWN_SLOTS = [*CNODE_SLOTS[:14], slot_of(THREADS[1], model.REPLY_SLOT), slot_of(THREADS[2], model.CALLER_SLOT)]
"""The slots that operations are about."""
NEW_CAPS = (
    ENDPOINT_CAP,
    evolve(ENDPOINT_CAP, object=ENDPOINTS[1].number),
    evolve(NOTIFICATION_CAP, object=NOTIFICATIONS[1].number),
    Cap(CapKind.Untyped, object=MEMORY + 0x1800, size_bits=11),
    Cap(CapKind.Untyped, object=MEMORY + 0x200, size_bits=9),
    Cap(CapKind.Untyped, object=MEMORY + 0x200, size_bits=4),
)
"""Capabilities to objects that untyped memory is made into."""
REFERENCES = {**REFS, "slot?": [*SLOTS, *NO_SLOTS]}
"""References to objects that exist, by kind; with a `?`, to such that do not exist too."""
BY_NAME = {operation.name: operation for operation in OPERATIONS}


Outcomes = collections.Counter[str]
"""How often each operation was carried out (`send_ipc`), and each change of a thread's state by it
(`send_ipc: BlockedOnReceive -> Running`)."""


@contextlib.contextmanager
def compiled() -> Iterator[Native]:
    """The compiled program, whose globals are as at its start before and afterwards.

    They belong to the process and outlive a `Native`.  RuntimeError if another one has left them changed.
    """
    with Native(program(), sources()) as native:
        native.reset()
        left = different(ByteMemory(program()), native, full=True, objects=False)
        if left:
            raise RuntimeError(f"the globals of the compiled program are not as at its start: {left[0]}")
        try:
            yield native
        finally:
            native.reset()


Trace = list[dict[str, Any]]
"""Operations with their arguments as JSON values: `{"operation": name, "arguments": {parameter: value}}`."""


class Apart(AssertionError):
    """The layers came apart, or a statement does not hold; `wrong` says where, `trace` how it came to that."""

    def __init__(self, trace: Trace, wrong: list[str]):
        super().__init__("; ".join(wrong[:8]))
        self.trace = list(trace)
        self.wrong = wrong


@define
class LockStep:
    """The layers' states, and the trace that led to them.  Without `native`, the compiled C does not run along."""

    native: Native | None = None
    spec: Any = field(factory=spec_state)
    model: Any = field(factory=model_state)
    memory: Any = field(factory=lambda: set_up(ByteMemory(program())))
    trace: Trace = field(factory=list)
    outcomes: Outcomes = field(factory=collections.Counter)

    def __attrs_post_init__(self) -> None:
        if self.native is not None:
            set_up(self.native)

    def views(self) -> dict[str, Any]:
        """The states as statements see them, by layer; that of the C program is the evaluated one."""
        return {"spec": SPEC.view(self.spec), "exec": EXEC.view(self.model), "c": C.view(self.memory)}

    def universe(self, full: bool = False) -> dict[str, list[Any]]:
        """What statements are checked of: all objects, and the indices that can matter."""
        everything = STACK.universe(self.model, {})
        if full:
            return everything
        return {**everything, **TABLES}

    def allowed(self, name: str, arguments: dict[str, Any], views: dict[str, Any] | None = None) -> bool:
        """Whether an operation's precondition holds in the present state, of the specification and of the model.

        One that breaks an invariant of a thread, for its caller to mend, is run where there is nothing to mend.
        `views` are those of the present state, if they were made already.
        """
        operation = BY_NAME[name]
        if operation.contract.breaks and not self._is_no_orphan(arguments["thread"]):
            return False
        given = {SPEC.name: SPEC.own(name, arguments), EXEC.name: EXEC.own(name, arguments)}
        views = views or self.views()
        if operation.requires is not None:
            above, below = (bool(operation.requires(views[layer], **given[layer])) for layer in given)
            assert above == below, f"the precondition of {name} differs for {arguments}: spec {above}, exec {below}"
            if not above:
                return False
        above, below = (
            next(operation.missing(layer, views[layer], given[layer], REFERENCES), None) is None for layer in given
        )
        assert below or not above, f"{name}: for {arguments}, spec requires less than exec"
        return above

    def _is_no_orphan(self, thread: Any) -> bool:
        """Whether a thread would not be forgotten if it were in no ready queue."""
        action, candidate = self.model.scheduler_action, self.model.candidate
        switches_to_it = action == model.SchedulerAction.SwitchToThread and candidate == thread
        return not is_runnable(self.model, thread) or thread == self.model.current_thread or switches_to_it

    def step(self, name: str, arguments: dict[str, Any]) -> None:
        """Run an operation in every layer; `Apart` where one stops, they differ, or a statement does not hold."""
        states, slots = self._thread_states(), self._slots()
        ended = self.execute(name, arguments)
        differ = self._ends_differ(name, ended)
        if differ:
            raise Apart(self.trace, differ)
        self.check(changed=self._changed(slots))
        self.outcomes[name] += 1
        if ended["exec"].error:
            self.outcomes[f"{name}: {ended['exec'].error}"] += 1
        for old, new in zip(states, self._thread_states(), strict=True):
            if old != new:
                self.outcomes[f"{name}: {old} -> {new}"] += 1

    def execute(self, name: str, arguments: dict[str, Any]) -> dict[str, Outcome]:
        """Run an operation in every layer, and give how it ended; `Apart` where one stops.

        What it came to is not looked at.
        """
        self.trace.append({"operation": name, "arguments": {key: encode(value) for key, value in arguments.items()}})
        ended = {}
        for layer, execute in self.layers().items():
            try:
                ended[layer] = execute(name, arguments)
            except Exception as error:
                raise Apart(self.trace, [f"{layer} stops with {type(error).__name__}: {error}"]) from error
        return ended

    def _ends_differ(self, name: str, ended: dict[str, Outcome]) -> list[str]:
        """Where an operation ended in the layers in different ways, or in one that is not expected, in words."""
        found = []
        if ended["spec"].error not in ("", *BY_NAME[name].raises):
            found.append(f"spec raises {ended['spec'].error}")
        views = self.views()
        found += ends_differ(SPEC_EXEC, name, views["exec"], ended)
        found += ends_differ(EXEC_C, name, views["c"], ended)
        if self.native is not None and ended["native"] != ended["c"]:
            found.append(f"evaluated C ends with {ended['c'].value}, native with {ended['native'].value}")
        return found

    def layers(self) -> dict[str, Callable[[str, dict[str, Any]], Outcome]]:
        """What runs an operation in each layer, on its state."""

        def compiled(name: str, arguments: dict[str, Any]) -> Outcome:
            assert self.native is not None
            function = C.function(name)
            return Outcome(value=self.native.call(function.name, arguments_of(function, C.plain_arguments(arguments))))

        found: dict[str, Callable[[str, dict[str, Any]], Outcome]] = {
            "spec": lambda name, arguments: SPEC.execute(self.spec, name, arguments),
            "exec": lambda name, arguments: EXEC.execute(self.model, name, arguments),
            "c": lambda name, arguments: C.execute(self.memory, name, arguments),
        }
        return found if self.native is None else {**found, "native": compiled}

    def check(self, full: bool = False, changed: Collection[Any] | None = None) -> None:
        """Raise `Apart` if anything is wrong."""
        wrong = self.wrong(full, changed)
        if wrong:
            raise Apart(self.trace, wrong)

    def _thread_states(self) -> list[str]:
        return [self.model.tcb[thread].state.name for thread in THREADS]

    def _slots(self) -> list[Any]:
        return [{x: copy.copy(slot) for x, slot in state.slot.items()} for state in (self.spec, self.model)]

    def _changed(self, before: list[Any]) -> set[Any]:
        """The slots that are not as they were, and those that were or are next to them in the derivation list."""
        found = set()
        for old, new in zip(before, (self.spec.slot, self.model.slot), strict=True):
            found |= {x for x in {*old, *new} if old.get(x) != new.get(x)}
        changed = [slots[x] for slots in (before[1], self.model.slot) for x in found if x in slots]
        return found | {x for slot in changed for x in (slot.prev, slot.next) if x in self.model.slot}

    def wrong(self, full: bool = False, changed: Collection[Any] | None = None) -> list[str]:
        """What is wrong with the states, in words; statements about several slots are about some of the changed ones.

        `full` is with all indices.  If nothing is said about what was changed, all slots are meant.
        """
        universe = self.universe(full)
        views = self.views()
        found = disagreements(SPEC_EXEC, views["spec"], views["exec"], universe)
        found += disagreements(EXEC_C, views["exec"], views["c"], universe)
        if self.native is not None:
            found += different(self.memory, self.native, full)
        for statement in STATEMENTS:
            found += self.broken(statement, views, universe, changed)
        return found

    def broken(
        self,
        statement: Statement,
        views: dict[str, Any],
        universe: dict[str, list[Any]],
        changed: Collection[Any] | None = None,
    ) -> list[str]:
        """Of which objects a statement does not hold, in words; two of them are enough."""
        states = [views[layer] for layer in statement.layers]
        choices = self._choices(statement.kinds, universe, changed)
        found = (objects for objects in choices if not statement.holds(*states, *objects))
        name = f"{'-'.join(statement.layers)}/{statement.id}"
        return [f"{name} does not hold of {objects}" for objects in itertools.islice(found, 2)]

    def _choices(
        self, kinds: tuple[str, ...], universe: dict[str, list[Any]], changed: Collection[Any] | None
    ) -> Iterator[tuple[Any, ...]]:
        """The objects that a statement of these kinds is checked of.

        There are too many slots to try all pairs of them after every step: of several, each that must exist holds a
        capability or is a certain empty one, and one at least was changed.
        """
        slots = [place for place, kind in enumerate(kinds) if kind_of(kind) == "slot"]
        if len(slots) > 1:
            universe = {**universe, "slot": self._some_slots(len(slots), changed)}
        universe = {**universe, "slot?": REFERENCES["slot?"]}
        for objects in itertools.product(*(universe[kind] for kind in kinds)):
            if len(objects) > 1 and len(set(objects)) < len(objects):
                continue
            if len(slots) < 2 or changed is None or any(objects[place] in changed for place in slots):
                yield objects

    def _some_slots(self, count: int, changed: Collection[Any] | None) -> list[Any]:
        """Those that hold something and an empty one; if three are to be chosen, of the families that were changed."""
        above, below = self.spec.slot, self.model.slot
        held, empty = [], []
        for x in {**above, **below}:
            caps = [slots[x].cap for slots in (above, below) if x in slots]
            (held if any(cap.kind != CapKind.Null for cap in caps) else empty).append(x)
        if count < 3 or changed is None:
            return [*held, *empty[:1]]
        families = {above[x].family for x in changed if x in above}
        return [x for x in held if x in above and above[x].family in families]


STATEMENTS: tuple[Statement, ...] = (
    *itertools.chain.from_iterable(STACK.invariants.values()),
    *SPEC_EXEC.facts,
    *EXEC_C.facts,
)
"""All that holds between operations: the invariants of each layer, and the facts that tie two layers together."""


INDICES = {
    "ksReadyQueues": "ready_queue",
    "ksReadyQueuesL1Bitmap": "l1_bitmap",
    "ksReadyQueuesL2Bitmap": "l2_bitmap",
    "ksDomSchedule": "domain_schedule",
}


@functools.cache
def words(full: bool = False) -> tuple[tuple[str, int | None, str], ...]:
    """The words of the C program's objects and globals, of tables those at the indices that can matter."""
    found: list[tuple[str, int | None, str]] = []
    universe = {**TABLES, "l1_bitmap": [(domain,) for domain in TABLES["l1_bitmap"]]}
    universe["domain_schedule"] = [(index,) for index in TABLES["domain_schedule"]]
    shapes = Shapes(program())
    for name in program().globals:
        kept = universe[INDICES[name]] if name in INDICES and not full else None
        for shape, indices in shapes.global_variable(name).leaves():
            if kept is None or indices in kept:
                found.append((name, None, _path(Place(shape, None, indices))))
    for kind, refs in REFS.items():
        for shape, indices in shapes.named(KINDS[kind]).leaves():
            if kind == "user_data" and not full and indices[0] not in TABLES["user_data.words"]:
                continue
            found += [(shape.root, ref.number, _path(Place(shape, None, indices))) for ref in refs]
    return tuple(found)


def _path(place: Place) -> str:
    return "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in place.path).removeprefix(".")


def different(evaluated: ByteMemory, native: Native, full: bool = False, objects: bool = True) -> list[str]:
    """Where the C program evaluated and the C program compiled came to different words; without `objects`, globals."""
    found = []
    for root, address, path in words(full):
        if address is not None and not objects:
            continue
        left, right = evaluated.read(root, address, path), native.read(root, address, path)
        if left != right:
            where = root if address is None else f"{root}:{address}"
            found.append(f"{where} {path}: evaluated {left:#x}, native {right:#x}")
    return found


Choice = Callable[[LockStep, dict[str, Any]], Iterable[Any]]
"""What an argument may be, in the present state and with the arguments that were chosen before it."""


def _any(*values: Any) -> Choice:
    return lambda run, given: values


FULL = tuple(kind for kind in CapKind if kind != CapKind.Null)


def _slots_with(*kinds: CapKind) -> Choice:
    """The slots with capabilities of these kinds."""
    return lambda run, given: [x for x in DRAWN_SLOTS if run.model.slot[x].cap.kind in kinds]


def _changed_cap(parameter: str) -> Choice:
    """The capability in the slot that another argument is, and with fewer rights or another badge or guard."""

    def choice(run: LockStep, given: dict[str, Any]) -> Iterator[Any]:
        cap = run.model.slot[given[parameter]].cap
        yield cap
        match cap.kind:
            case CapKind.Endpoint | CapKind.Notification:
                yield evolve(cap, can_receive=False)
                yield from (evolve(cap, badge=badge) for badge in BADGES if badge != cap.badge)
            case CapKind.CNode:
                yield evolve(cap, guard=0, guard_size=0)
            case CapKind.Frame:
                yield evolve(cap, vm_rights=1, asid=3)
            case CapKind.Reply:
                yield evolve(cap, is_master=False)
            case CapKind.Zombie if cap.slots_left:
                yield evolve(cap, slots_left=cap.slots_left - 1)

    return choice


CHOICES: dict[str, Choice] = {
    "thread": _any(*THREADS),
    "sender": _any(*THREADS),
    "receiver": _any(*THREADS),
    "endpoint": _any(*ENDPOINTS),
    "notification": _any(*NOTIFICATIONS),
    "state": _any(*model.ThreadState),
    "slot": _any(*DRAWN_SLOTS),
    "source": _slots_with(*FULL),
    "destination": _slots_with(CapKind.Null),
    "slot1": _slots_with(*FULL),
    "slot2": _slots_with(*FULL),
    "cap": _changed_cap("source"),
    "cap1": _changed_cap("slot1"),
    "cap2": lambda run, given: (run.model.slot[given["slot2"]].cap,),
    "root": lambda run, given: [run.model.slot[x].cap for x in CNODE_SLOTS],
    "depth": _any(0, 4, 28, 31, 32),
    "lookup_slot_for_cnode_op.depth": _any(0, 28, 32, 33),
    "buffer": _any(0, PAGES[0].number, PAGES[0].number + 0x200, PAGES[1].number),
    "count": _any(0, 1, 2, 3),
    "insert_new_cap.parent": _slots_with(CapKind.Untyped),
    "insert_new_cap.slot": _slots_with(CapKind.Null),
    "insert_new_cap.cap": _any(*NEW_CAPS),
}
"""What may make the difference for a precondition, by parameter, or by operation and parameter where it is something
else there; the other arguments are drawn from `VALUES`."""
VALUES: dict[str, tuple[Any, ...]] = {
    "priority": PRIORITIES,
    "badge": BADGES,
    "blocking": (True, True, True, False),
    "address": ADDRESSES,
    "index": ADDRESSES,
}


def choice_of(name: str, parameter: str) -> Choice | None:
    """What an operation's argument is chosen from, if it may make the difference for the precondition."""
    return CHOICES.get(f"{name}.{parameter}") or CHOICES.get(parameter)


def candidates(run: LockStep, name: str) -> Iterator[dict[str, Any]]:
    """For an operation, the arguments of `CHOICES` to call it with for which its precondition holds now."""
    types = parameters_of(EXEC, name)
    fixed = {parameter: values_of(parameter)[0] for parameter in types if choice_of(name, parameter) is None}
    free = [parameter for parameter in types if parameter not in fixed]
    views = run.views()
    for found in _chosen(run, name, sorted(free, key=lambda parameter: isinstance(types[parameter], Record)), {}):
        if run.allowed(name, {**fixed, **found}, views):
            yield found


def _chosen(run: LockStep, name: str, parameters: list[str], given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The given arguments with all choices of these parameters, capabilities last."""
    if not parameters:
        yield given
        return
    choice = choice_of(name, parameters[0])
    assert choice is not None
    for value in choice(run, given):
        yield from _chosen(run, name, parameters[1:], {**given, parameters[0]: value})


def values_of(parameter: str) -> tuple[Any, ...]:
    """What a parameter without a choice may be; a precondition holds for all or for none."""
    return VALUES.get(parameter, (False, True))
