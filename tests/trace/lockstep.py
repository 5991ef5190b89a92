"""Trace equivalence: the specification, the model, the C evaluated and the C compiled, run in lock step.

States are built through operations only.  After every step the layers are compared through the relations that
the proofs use, and every invariant and every fact of the relations is checked.
"""

from __future__ import annotations

import collections
import contextlib
import functools
import itertools
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from executable_model.sel4 import state as model
from executable_model.sel4.schedule import is_runnable
from impl.c.layer import arguments_of
from impl.c.memory import OBJECTS, ByteMemory
from impl.c.native import Native
from impl.c.places import Place, Shapes
from impl.sel4.program import program, sources
from proofs.sel4.exec_c import RELATION as EXEC_C
from proofs.sel4.layers import EXEC, SPEC, C
from proofs.sel4.spec_exec import RELATION as SPEC_EXEC
from proofs.sel4.stack import OPERATIONS, STACK
from refinement.layers import parameters_of
from refinement.logic import Objects
from refinement.plain import encode
from refinement.relation import disagreements
from refinement.statements import Statement, check_plain
from spec.sel4 import state as spec

START = OBJECTS[0]
THREADS = [model.ThreadRef(START + 0x400 * (number + 1)) for number in range(7)]
ENDPOINTS = [model.EndpointRef(START + 0x4000 + 0x10 * number) for number in range(2)]
NOTIFICATIONS = [model.NotificationRef(START + 0x5000 + 0x10 * number) for number in range(2)]
PRIORITIES = (0, 3, 31, 32, 255)
DOMAINS = (0, 0, 0, 0, 0, 1, 1)
STARTING_PRIORITIES = (0, 3, 3, 3, 32, 3, 31)
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
BADGES = (0, 1, 6, 0x0FFFFFFF)
SCHEDULE = ((0, 3), (1, 2))
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
}
"""The indices at which tables can hold something: what is compared after each step."""
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def _registers(number: int) -> dict[int, int]:
    """What a thread has in its registers at the start: in each something else, and a message info."""
    content = {register: 0x1000 * number + register for register in range(model.TPIDRURO + 1)}
    return {**content, model.MESSAGE_INFO_REGISTER: MESSAGE_INFOS[number]}


def _python_state(layer: Any) -> Any:
    """The start: only the idle thread runs, all others are inactive; two domains take turns."""
    threads = {}
    for number, ref in enumerate(THREADS):
        state = layer.ThreadState.Inactive if number else layer.ThreadState.IdleThreadState
        priority = STARTING_PRIORITIES[number]
        thread = layer.Thread(state=state, priority=priority, domain=DOMAINS[number], time_slice=2)
        thread.registers.update(_registers(number))
        threads[ref] = thread
    made = layer.State(
        tcb=Objects(threads),
        endpoint=Objects({ref: layer.Endpoint() for ref in ENDPOINTS}),
        notification=Objects({ref: layer.Notification() for ref in NOTIFICATIONS}),
        current_thread=THREADS[0],
        idle_thread=THREADS[0],
        domain_time=SCHEDULE[0][1],
    )
    for index, (domain, duration) in enumerate(SCHEDULE):
        made.domain_schedule[index] = layer.DomainEntry(domain=domain, duration=duration)
    return made


def _set_up(memory: Any) -> Any:
    """The same start in memory."""
    memory.reset()
    for kind, refs in (("tcb", THREADS), ("endpoint", ENDPOINTS), ("notification", NOTIFICATIONS)):
        for ref in refs:
            memory.allocate(kind, ref.number)
    for number, ref in enumerate(THREADS):
        content = {"tcbPriority": STARTING_PRIORITIES[number], "tcbDomain": DOMAINS[number], "tcbTimeSlice": 2}
        for path, value in content.items():
            memory.write("tcb", ref.number, path, value)
        memory.write("tcb", ref.number, "tcbState.words[0]", 0 if number else 7)
        for register, value in _registers(number).items():
            memory.write("tcb", ref.number, f"tcbArch.registers[{register}]", value)
    memory.write("ksCurThread", None, "", THREADS[0].number)
    memory.write("ksIdleThread", None, "", THREADS[0].number)
    memory.write("ksDomainTime", None, "", SCHEDULE[0][1])
    for index, (domain, duration) in enumerate(SCHEDULE):
        memory.write("ksDomSchedule", None, f"[{index}]", domain << 56 | duration)
    return memory


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
    spec: Any = field(factory=lambda: _python_state(spec))
    model: Any = field(factory=lambda: _python_state(model))
    memory: Any = field(factory=lambda: _set_up(ByteMemory(program())))
    trace: Trace = field(factory=list)
    outcomes: Outcomes = field(factory=collections.Counter)

    def __attrs_post_init__(self) -> None:
        if self.native is not None:
            _set_up(self.native)

    def views(self) -> dict[str, Any]:
        """The states as statements see them, by layer; that of the C program is the evaluated one."""
        return {"spec": SPEC.view(self.spec), "exec": EXEC.view(self.model), "c": C.view(self.memory)}

    def universe(self, full: bool = False) -> dict[str, list[Any]]:
        """What statements are checked of: all objects, and the indices that can matter."""
        everything = STACK.universe(self.model)
        if full:
            return everything
        return {**everything, **TABLES}

    def allowed(self, name: str, arguments: dict[str, Any]) -> bool:
        """Whether an operation's precondition holds in the present state, of the specification and of the model.

        One that breaks an invariant of a thread, for its caller to mend, is run where there is nothing to mend.
        """
        if BY_NAME[name].contract.breaks and not self._is_no_orphan(arguments["thread"]):
            return False
        requires = BY_NAME[name].requires
        if requires is None:
            return True
        above = bool(requires(SPEC.view(self.spec), **of_layer(spec, arguments)))
        below = bool(requires(EXEC.view(self.model), **arguments))
        assert above == below, f"the precondition of {name} differs for {arguments}: spec {above}, exec {below}"
        return below

    def _is_no_orphan(self, thread: Any) -> bool:
        """Whether a thread would not be forgotten if it were in no ready queue."""
        action, candidate = self.model.scheduler_action, self.model.candidate
        switches_to_it = action == model.SchedulerAction.SwitchToThread and candidate == thread
        return not is_runnable(self.model, thread) or thread == self.model.current_thread or switches_to_it

    def step(self, name: str, arguments: dict[str, Any]) -> None:
        """Run an operation in every layer; `Apart` where one stops, they differ, or a statement does not hold."""
        before = self._thread_states()
        self.trace.append({"operation": name, "arguments": {key: encode(value) for key, value in arguments.items()}})
        for layer, execute in self.layers().items():
            try:
                execute(name, arguments)
            except Exception as error:
                raise Apart(self.trace, [f"{layer} stops with {type(error).__name__}: {error}"]) from error
        self.check()
        self.outcomes[name] += 1
        for old, new in zip(before, self._thread_states(), strict=True):
            if old != new:
                self.outcomes[f"{name}: {old} -> {new}"] += 1

    def layers(self) -> dict[str, Callable[[str, dict[str, Any]], None]]:
        """What runs an operation in each layer, on its state."""

        def compiled(name: str, arguments: dict[str, Any]) -> None:
            assert self.native is not None
            function = C.function(name)
            self.native.call(function.name, arguments_of(function, arguments))

        found: dict[str, Callable[[str, dict[str, Any]], None]] = {
            "spec": lambda name, arguments: SPEC.execute(self.spec, name, of_layer(spec, arguments)),
            "exec": lambda name, arguments: EXEC.execute(self.model, name, arguments),
            "c": lambda name, arguments: C.execute(self.memory, name, arguments),
        }
        return found if self.native is None else {**found, "native": compiled}

    def check(self, full: bool = False) -> None:
        """Raise `Apart` if anything is wrong."""
        wrong = self.wrong(full)
        if wrong:
            raise Apart(self.trace, wrong)

    def _thread_states(self) -> list[str]:
        return [self.model.tcb[thread].state.name for thread in THREADS]

    def wrong(self, full: bool = False) -> list[str]:
        """What is wrong with the states, in words."""
        universe = self.universe(full)
        views = self.views()
        found = disagreements(SPEC_EXEC, views["spec"], views["exec"], universe)
        found += disagreements(EXEC_C, views["exec"], views["c"], universe)
        if self.native is not None:
            found += different(self.memory, self.native, full)
        for statement in STATEMENTS:
            found += broken(statement, views, universe)
        return found


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
    for kind, refs in (("tcb", THREADS), ("endpoint", ENDPOINTS), ("notification", NOTIFICATIONS)):
        for shape, indices in shapes.named(kind).leaves():
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


def broken(statement: Statement, views: dict[str, Any], universe: dict[str, list[Any]]) -> list[str]:
    """Of which objects a statement does not hold, in words; two of them are enough."""
    found = check_plain(statement, views, universe)
    return [f"{'-'.join(statement.layers)}/{statement.id} does not hold of {objects}" for objects in found[:2]]


def of_layer(layer: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    states = {member.name: member for member in layer.ThreadState}
    return {
        key: states[value.name] if isinstance(value, model.ThreadState) else value for key, value in arguments.items()
    }


CHOICES: dict[str, tuple[Any, ...]] = {
    "thread": tuple(THREADS),
    "sender": tuple(THREADS),
    "receiver": tuple(THREADS),
    "endpoint": tuple(ENDPOINTS),
    "notification": tuple(NOTIFICATIONS),
    "state": tuple(model.ThreadState),
}
"""What may make the difference for a precondition; the other arguments are drawn from `VALUES`."""
VALUES: dict[str, tuple[Any, ...]] = {"priority": PRIORITIES, "badge": BADGES, "blocking": (True, True, True, False)}


def candidates(run: LockStep, name: str) -> Iterator[dict[str, Any]]:
    """For an operation, the objects and states to call it with for which its precondition holds now."""
    fixed = {parameter: values_of(parameter)[0] for parameter in parameters_of(EXEC, name) if parameter not in CHOICES}
    free = [parameter for parameter in parameters_of(EXEC, name) if parameter in CHOICES]
    for values in itertools.product(*(CHOICES[parameter] for parameter in free)):
        found = dict(zip(free, values, strict=True))
        if run.allowed(name, {**fixed, **found}):
            yield found


def values_of(parameter: str) -> tuple[Any, ...]:
    """What a parameter that is no object and no thread state may be; a precondition holds for all or for none."""
    return VALUES.get(parameter, (False, True))
