"""What in the specification decided a step: where it raised an error, or else what function it came to in the end.

For this the specification is run once more, and watched by Python's own means for debuggers.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from types import FrameType
from typing import Any

from attrs import define, field

from proofs.sel4.replay.guest import guests
from proofs.sel4.replay.recording import Recording
from proofs.sel4.replay.spec import SpecMachine, state_of
from proofs.sel4.replay.start import initial_state
from proofs.sel4.replay.stepping import LayerStopped, Moment, play
from refinement.places import relative
from refinement.recordings import Rule
from spec.sel4 import syscall
from spec.sel4.errors import LookupFault, SyscallError

FOLDER = str(Path(syscall.__file__).parent)
ENTRY = str(Path(syscall.__file__))
END = "end"
"""The name of what comes behind the last step of all programs."""


def rules(recording: Recording, steps: Collection[str]) -> Mapping[str, Rule]:
    """What decided each of these steps, as far as the specification gets there.

    For the end, and for steps that are never begun with, it is what decided the last system call of all.
    """
    found: dict[str, Rule] = {}
    machine = _WatchedMachine(state_of(initial_state(recording)), syscall.call_kernel)
    try:
        for event in play(recording, machine, guests(recording)):
            if event.moment == Moment.Begins and found.keys() >= set(steps):
                break
            if event.moment == Moment.Entered and machine.last is not None:
                assert event.guest is not None
                found[END if event.guest.step is None else event.guest.step.name] = machine.last
            elif event.moment == Moment.AtRest and machine.last is not None:
                found = {**dict.fromkeys([END, *steps], machine.last), **found}
    except LayerStopped:
        pass
    return {name: rule for name, rule in found.items() if name in steps}


@define(eq=False)
class _WatchedMachine(SpecMachine):
    """The specification, watched while it serves system calls."""

    last: Rule | None = None
    """What decided the last one."""

    def call(self, number: int) -> None:
        """Have the current thread make the system call of that number."""
        watch = _Watch()
        before = sys.gettrace()
        sys.settrace(watch.on_call)
        try:
            super().call(number)
        finally:
            sys.settrace(before)
            self.last = watch.rule()


@define(eq=False)
class _Call:
    """A call of a function of the specification, with those that it makes itself."""

    name: str
    file: str
    line: int
    caller_line: int
    last_line: int
    """The last line of the function: where one that dispatches gives what is given if there is nothing to tell."""
    callees: list[_Call] = field(factory=list)
    left_at: int = 0
    """The line that it returned from."""

    @property
    def is_dispatching(self) -> bool:
        """Whether it may be there to find out which function is asked for."""
        return self.file == ENTRY or self.name.startswith("decode_")

    @property
    def asked(self) -> _Call | None:
        """The call that it came to in the end, if it did nothing else afterwards."""
        last = self.callees[-1] if self.callees else None
        return last if last is not None and self.left_at in (last.caller_line, self.last_line) else None


@define(eq=False)
class _Watch:
    """Notes the calls of functions of the specification, and where exceptions come from that end a system call."""

    calls: dict[FrameType, _Call] = field(factory=dict)
    entered: _Call | None = None
    """Where the search for what decided begins: an invocation, or else the system call as a whole."""
    raised: dict[int, tuple[BaseException, Rule]] = field(factory=dict)
    refusal: Rule | None = None

    def on_call(self, frame: FrameType, event: str, _: Any) -> Any:
        """Called by Python at every call of a function; gives what is to be called for what happens in it."""
        code = frame.f_code
        if not code.co_filename.startswith(FOLDER):
            return None
        caller = frame.f_back
        last_line = max(line for *_, line in code.co_lines() if line is not None)
        caller_line = caller.f_lineno if caller else 0
        call = _Call(code.co_name, code.co_filename, code.co_firstlineno, caller_line, last_line)
        self.calls[frame] = call
        if caller in self.calls:
            self.calls[caller].callees.append(call)
        if call.name == "decode_invocation" or (call.name == "handle_syscall" and self.entered is None):
            self.entered = call
        frame.f_trace_lines = False
        return self.on_event

    def on_event(self, frame: FrameType, event: str, argument: Any) -> Any:
        """Called by Python when a function returns, or an exception comes to it."""
        if event == "return":
            self.calls[frame].left_at = frame.f_lineno
        elif event == "exception" and isinstance(argument[1], SyscallError | LookupFault):
            error = argument[1]
            if id(error) not in self.raised:
                where = f"{relative(frame.f_code.co_filename)}:{frame.f_lineno}"
                self.raised[id(error)] = error, Rule(frame.f_code.co_name, where, f"raises {_told(error)}")
            if frame.f_code.co_filename == ENTRY:
                self.refusal = self.raised[id(error)][1]
        return self.on_event

    def rule(self) -> Rule | None:
        """What decided."""
        if self.refusal is not None or self.entered is None:
            return self.refusal
        call = self.entered
        outcome = "is carried out"
        while call.is_dispatching and call.asked is not None:
            outcome = f"is carried out, called by {call.name} ({relative(call.file)}:{call.asked.caller_line})"
            call = call.asked
        return Rule(call.name, f"{relative(call.file)}:{call.line}", outcome)


def _told(error: SyscallError | LookupFault) -> str:
    """The error in words: why a system call is refused with the words that tell more, or why a lookup failed."""
    parts = (error.kind.name, *error.words) if isinstance(error, SyscallError) else (error.failure,)
    return " ".join([type(error).__name__, *map(_shown, parts)])


def _shown(value: Any) -> str:
    return hex(value) if isinstance(value, int) and value > 9 else str(value)
