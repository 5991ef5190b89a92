"""Trace equivalence: the specification, the model, the C evaluated and the C compiled, run in lock step.

States are built through operations only.  After every step the layers are compared through the relations that
the proofs use, and every invariant is checked.
"""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path
from typing import Any

from attrs import define, field

from executable_model.sel4 import state as model
from impl.c.layer import arguments_of
from impl.c.memory import OBJECTS, ByteMemory
from impl.c.native import Native
from impl.sel4.program import program
from proofs.sel4.exec_c import RELATION as EXEC_C
from proofs.sel4.layers import EXEC, SPEC, C
from proofs.sel4.spec_exec import RELATION as SPEC_EXEC
from proofs.sel4.stack import OPERATIONS, STACK
from refinement.logic import NULL, Objects
from refinement.plain import decode, encode
from refinement.prove import parameters_of
from refinement.relation import disagreements
from refinement.statements import check_plain
from spec.sel4 import state as spec

START = OBJECTS[0]
THREADS = [model.ThreadRef(START + 0x400 * (number + 1)) for number in range(6)]
ENDPOINTS = [model.EndpointRef(START + 0x4000 + 0x10 * number) for number in range(2)]
NOTIFICATIONS = [model.NotificationRef(START + 0x5000 + 0x10 * number) for number in range(2)]
PRIORITIES = (0, 3, 31, 32, 255)
DOMAINS = (0, 0, 0, 0, 1, 1)
BADGES = (0, 1, 6, 0x0FFFFFFF)
SCHEDULE = ((0, 3), (1, 2))
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def _python_state(layer: Any) -> Any:
    """The start: only the idle thread runs, all others are inactive; two domains take turns."""
    threads = {}
    for number, ref in enumerate(THREADS):
        state = layer.ThreadState.Inactive if number else layer.ThreadState.IdleThreadState
        thread = layer.Thread(state=state, priority=3, domain=DOMAINS[number], time_slice=2)
        for register in range(20):
            thread.registers[register] = 0x1000 * number + register
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
        for path, value in (("tcbPriority", 3), ("tcbDomain", DOMAINS[number]), ("tcbTimeSlice", 2)):
            memory.write("tcb", ref.number, path, value)
        memory.write("tcb", ref.number, "tcbState.words[0]", 0 if number else 7)
        for register in range(20):
            memory.write("tcb", ref.number, f"tcbArch.registers[{register}]", 0x1000 * number + register)
    memory.write("ksCurThread", None, "", THREADS[0].number)
    memory.write("ksIdleThread", None, "", THREADS[0].number)
    memory.write("ksDomainTime", None, "", SCHEDULE[0][1])
    for index, (domain, duration) in enumerate(SCHEDULE):
        memory.write("ksDomSchedule", None, f"[{index}]", domain << 56 | duration)
    return memory


@define
class LockStep:
    """The layers' states, and the trace that led to them."""

    native: Native
    spec: Any = field(factory=lambda: _python_state(spec))
    model: Any = field(factory=lambda: _python_state(model))
    memory: Any = field(factory=lambda: _set_up(ByteMemory(program())))
    trace: list[dict[str, Any]] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        _set_up(self.native)

    def universe(self, full: bool = False) -> dict[str, list[Any]]:
        """What statements are checked of: all objects, and the indices that can matter."""
        everything = STACK.universe(self.model)
        if full:
            return everything
        domains = sorted({*DOMAINS, 2})
        return {
            **everything,
            "ready_queue": list(itertools.product(domains, PRIORITIES)),
            "l1_bitmap": domains,
            "l2_bitmap": list(itertools.product(domains, range(8))),
            "domain_schedule": [0, 1, 2, 99],
        }

    def allowed(self, name: str, arguments: dict[str, Any]) -> bool:
        """Whether an operation's precondition holds in the present state."""
        requires = BY_NAME[name].requires
        return requires is None or bool(requires(EXEC.view(self.model), **arguments))

    def step(self, name: str, arguments: dict[str, Any]) -> None:
        """Run an operation in every layer; AssertionError, with the trace, where they differ or a statement breaks."""
        self.trace.append({"operation": name, "arguments": {key: encode(value) for key, value in arguments.items()}})
        try:
            SPEC.execute(self.spec, name, _of_layer(spec, arguments))
            EXEC.execute(self.model, name, arguments)
            C.execute(self.memory, name, arguments)
            function = C.function(name)
            self.native.call(function.name, arguments_of(function, arguments))
        except Exception as error:
            raise AssertionError(f"{type(error).__name__}: {error}\n{self.told()}") from error
        wrong = self.wrong()
        assert not wrong, "\n".join([*wrong[:8], self.told()])

    def wrong(self, full: bool = False) -> list[str]:
        """What is wrong with the states, in words."""
        universe = self.universe(full)
        views = {"spec": SPEC.view(self.spec), "exec": EXEC.view(self.model)}
        found = disagreements(SPEC_EXEC, views["spec"], views["exec"], universe)
        for name, memory in (("evaluated", self.memory), ("native", self.native)):
            view = C.view(memory)
            found += [f"{name}: {line}" for line in disagreements(EXEC_C, views["exec"], view, universe)]
            for statement in STACK.invariants["c"]:
                found += _broken(statement, {"c": view}, universe)
        for statement in (*STACK.invariants["spec"], *STACK.invariants["exec"], *SPEC_EXEC.facts):
            found += _broken(statement, views, universe)
        return found

    def told(self) -> str:
        """The trace, to read; it is saved too, to be replayed."""
        folder = Path(os.environ.get("REFINE_TRACES", ".refine/traces"))
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "last.json"
        path.write_text(json.dumps(self.trace, indent=1), encoding="utf-8")
        lines = [
            f"  {step['operation']}({', '.join(f'{k}={v}' for k, v in step['arguments'].items())})"
            for step in self.trace
        ]
        return "\n".join(["trace:", *lines, f"replay it: python -m tests.trace.replay {path}"])


def _broken(statement: Any, views: dict[str, Any], universe: dict[str, list[Any]]) -> list[str]:
    broken = check_plain(statement, views, universe)
    return [f"{'-'.join(statement.layers)}/{statement.id} does not hold of {objects}" for objects in broken[:2]]


def _of_layer(layer: Any, arguments: dict[str, Any]) -> dict[str, Any]:
    states = {member.name: member for member in layer.ThreadState}
    return {
        key: states[value.name] if isinstance(value, model.ThreadState) else value for key, value in arguments.items()
    }


def replay(trace: list[dict[str, Any]], native: Native) -> LockStep:
    """Run a saved trace again; AssertionError where it fails, KeyError or ValueError if it is no trace."""
    run = LockStep(native)
    for step in trace:
        leaves = parameters_of(EXEC, step["operation"])
        run.step(step["operation"], {name: decode(leaf, step["arguments"][name]) for name, leaf in leaves.items()})
    return run


CHOICES: dict[str, tuple[Any, ...]] = {
    "thread": tuple(THREADS),
    "sender": tuple(THREADS),
    "receiver": tuple(THREADS),
    "endpoint": tuple(ENDPOINTS),
    "notification": tuple(NOTIFICATIONS),
    "priority": PRIORITIES,
    "badge": BADGES,
    "state": tuple(model.ThreadState),
}


def candidates(run: LockStep, name: str) -> list[dict[str, Any]]:
    """All arguments of an operation for which its precondition holds now."""
    leaves = parameters_of(EXEC, name)
    choices = [CHOICES.get(parameter, (False, True)) for parameter in leaves]
    every = (dict(zip(leaves, values, strict=True)) for values in itertools.product(*choices))
    if name in ("send_ipc", "receive_ipc", "receive_signal"):
        runs = [
            t for t in THREADS if run.allowed("receive_signal", {"thread": t, "notification": NULL, "blocking": True})
        ]
        every = (arguments for arguments in every if arguments["thread"] in runs)
    return [arguments for arguments in every if run.allowed(name, arguments)]
