"""The state machine that draws traces: a rule for each operation, and one for each kind of kernel entry as a whole.

Hypothesis leaves some of the rules out of each trace, so that also rare mixtures come about: only senders, say,
and never a signal.
"""

from __future__ import annotations

import collections
import contextlib
import io
from typing import Any, ClassVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from executable_model.sel4.state import CALLER_SLOT, SchedulerAction, ThreadState
from impl.c.native import Native
from proofs.sel4.layers import EXEC
from refinement.layers import parameters_of
from tests.trace.lockstep import BY_NAME, Apart, LockStep, Outcomes, candidates, values_of
from tests.trace.start import THREADS, slot_of
from tests.trace.traces import replay, save, shortened, told

STEPS = 30
ENTRIES = ("send_ipc", "receive_ipc", "receive_signal", "send_signal", "handle_yield", "timer_tick")
"""The operations that a kernel entry is made for."""
RARELY = st.sampled_from((False,) * 24 + (True,))
CALM = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much)


class Traces(RuleBasedStateMachine):
    """Operations on all layers in lock step, those whose preconditions hold."""

    native: ClassVar[Native | None] = None
    outcomes: ClassVar[Outcomes]

    def __init__(self) -> None:
        super().__init__()
        self.run = LockStep(self.native, outcomes=self.outcomes)
        self.full = False

    def do(self, name: str, **arguments: Any) -> None:
        """Carry out an operation, if its precondition holds."""
        if self.run.allowed(name, arguments):
            self.run.step(name, arguments)

    @initialize(data=st.data(), threads=st.lists(st.sampled_from(THREADS[1:]), unique=True, min_size=1), full=RARELY)
    def begin(self, data: st.DataObject, threads: list[Any], full: bool) -> None:
        """Some threads are resumed in turn, and each time the one that runs does something."""
        self.full = full
        for thread in threads:
            self.do("restart", thread=thread)
            self.enter_kernel(data, data.draw(st.sampled_from(ENTRIES)))

    def enter_kernel(self, data: st.DataObject, name: str) -> None:
        """The thread that runs makes a system call, or the timer ticks; then the kernel is left."""
        self.leave_kernel()
        running = self.run.model.current_thread
        if name == "receive_ipc" and running != THREADS[0]:
            self.do("empty_slot", slot=slot_of(running, CALLER_SLOT))
        possible = [given for given in candidates(self.run, name) if given.get("thread", running) == running]
        if possible:
            self.do(name, **drawn(data, name, data.draw(st.sampled_from(possible))))
            self.leave_kernel()

    @rule()
    def leave_kernel(self) -> None:
        """What ends every kernel entry, as far as there is anything to do."""
        if self.run.model.scheduler_action != SchedulerAction.ResumeCurrentThread:
            # Where both are possible they do the same; each is to have its turn.
            choose = self.run.allowed("schedule_choose_new_thread", {}) and len(self.run.trace) % 2
            self.do("schedule_choose_new_thread" if choose else "schedule")
        if self.run.model.tcb[self.run.model.current_thread].state == ThreadState.Restart:
            self.do("activate_thread")

    def teardown(self) -> None:
        """Some traces end in a comparison of everything, also of what no operation should have touched."""
        if self.full:
            self.run.check(full=True)


def drawn(data: st.DataObject, name: str, given: dict[str, Any]) -> dict[str, Any]:
    """An operation's arguments: the given ones, and for the others some value."""
    parameters = parameters_of(EXEC, name)
    return {
        parameter: given[parameter] if parameter in given else data.draw(st.sampled_from(values_of(parameter)))
        for parameter in parameters
    }


def _entry_rule(name: str) -> Any:
    def entry(self: Traces, data: st.DataObject) -> None:
        self.enter_kernel(data, name)

    entry.__name__ = f"enter_{name}"
    return rule(data=st.data())(entry)


def _operation_rule(name: str) -> Any:
    def possible(self: Traces) -> bool:
        return any(True for _ in candidates(self.run, name))

    def step(self: Traces, data: st.DataObject) -> None:
        given = data.draw(st.sampled_from(list(candidates(self.run, name))))
        self.do(name, **drawn(data, name, given))

    step.__name__ = name
    return precondition(possible)(rule(data=st.data())(step))


def run_traces(native: Native | None, examples: int) -> Outcomes:
    """Draw traces and run them; gives what they came to.

    Where layers differ or a statement does not hold, AssertionError with a short trace, which is saved.
    """
    seen: Outcomes = collections.Counter()
    rules = {f"operation_{name}": _operation_rule(name) for name in BY_NAME}
    rules |= {f"enter_{name}": _entry_rule(name) for name in ENTRIES}
    machine = type("Machine", (Traces,), {**rules, "native": native, "outcomes": seen})
    chosen = settings(
        max_examples=examples,
        stateful_step_count=STEPS,
        # A trace is shortened by leaving out steps: that takes seconds, where shrinking what was drawn takes minutes.
        phases=(Phase.generate,),
        deadline=None,
        suppress_health_check=CALM,
        database=None,
        report_multiple_bugs=False,
        print_blob=False,
    )
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            run_state_machine_as_test(machine, settings=chosen)
    except Apart as apart:
        trace = shortened(apart.trace, native)
        path = save(trace)
        try:
            replay(trace, native)
        except Apart as short:
            apart = short
        raise AssertionError(f"{told(apart)}\nreplay it: python -m tests.trace.replay {path}") from None
    return seen
