"""A recording replayed on a layer, step by step, with everything compared that is recorded of each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

from attrs import define, evolve, field

from executable_model.sel4.state import THREAD_OFFSET, State
from proofs.sel4.replay import c, executable, recording, spec, support
from proofs.sel4.replay.apart import Died, apart
from proofs.sel4.replay.comparing import Apart, Expected, compare_result, compare_state, state_at_end, state_at_start
from proofs.sel4.replay.guest import Guest, guests
from proofs.sel4.replay.machine import Machine
from proofs.sel4.replay.recording import Recording, Step
from proofs.sel4.replay.rule import rules
from proofs.sel4.replay.start import FIRST_THREAD, initial_state
from proofs.sel4.replay.stepping import Event, LayerStopped, Moment, play
from proofs.sel4.replay.words import NoWords
from refinement.errors import user_message
from refinement.recordings import Difference, Replayed, Unsupported

MACHINES: dict[str, Callable[[State], AbstractContextManager[Machine]]] = {
    "spec": spec.machine,
    "exec": executable.machine,
    "c": c.evaluated,
    "native": c.compiled,
}
"""For each layer what makes it, with the state of the executable model to begin with."""
PLACES = {"start": "the state is loaded", "end": "all has come to rest"}
"""Where something is compared that is no step."""
APART = ("native",)
"""Layers that can bring the process down that they run in."""


class Sel4Replayer:
    """Replays recordings of seL4."""

    layers = tuple(MACHINES)

    def read(self, content: Any) -> Recording:
        """The recording that is the content of a file; InputError if it is none."""
        found = recording.read(content)
        with recording.whose_mistakes_are_of_the_input():
            initial_state(found)
        return found

    def replay(self, recording: Recording, layer: str) -> Replayed:
        """Replay a recording on a layer, and find what in the specification decided where they differ."""
        reason = support.of_recording(recording)
        if reason:
            return Replayed(recording.steps, 0, 0, 0, unsupported=(Unsupported(f"{FIRST_THREAD}:0", reason),))
        done = self._apart(recording, layer) if layer in APART else replay(recording, layer)
        decided = rules(recording, {difference.step for difference in done.differences}) if done.differences else {}
        return evolve(
            done, differences=tuple(evolve(entry, rule=decided.get(entry.step)) for entry in done.differences)
        )

    def _apart(self, recording: Recording, layer: str) -> Replayed:
        """Replay a recording in a process of its own."""
        try:
            found: Replayed = apart(replay, recording, layer)
        except Died as died:
            step: Step | None = died.last
            name, call = (step.name, step.text) if step is not None else ("start", PLACES["start"])
            difference = Difference(name, call, "outcome", _outcome(step), f"the process ended {died}")
            return Replayed(recording.steps, 0, 0, 0, (difference,))
        return found


def replay(recording: Recording, layer: str, tell: Callable[[Step], None] = lambda step: None) -> Replayed:
    """Replay a recording on a layer in this process; `tell` hears of each step that is begun with."""
    with MACHINES[layer](initial_state(recording)) as machine:
        return Course(recording, machine, tell).run()


@define(eq=False)
class Course:
    """A recording on its way through a layer."""

    recording: Recording
    machine: Machine
    tell: Callable[[Step], None]
    expected: Expected = field(init=False)
    players: dict[int, Guest] = field(init=False)
    step: Step | None = None
    """The step that is being made; before the first and behind the last one there is none."""
    place: str = "start"
    """Where that is if there is none."""
    happened: int = 0
    """How many events of the recording have happened."""
    compared: int = 0
    idle: int = 0
    states: int = 0
    differences: list[Difference] = field(factory=list)
    unsupported: list[Unsupported] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        self.expected = state_at_start(self.recording)
        self.players = guests(self.recording)

    def run(self) -> Replayed:
        """Go on as long as what comes can be compared, and say how it was."""
        try:
            if self.state_is_equal():
                for event in play(self.recording, self.machine, self.players):
                    if not self.goes_on(event):
                        break
        except LayerStopped as stopped:
            self.compared += self.step is not None
            self.differ([Apart("outcome", _outcome(self.step), f"stops: {_reason(stopped.__cause__)}")])
        except NoWords as error:
            self.differ([Apart("state", "one that can be kept in memory", str(error))])
        return Replayed(
            steps=self.recording.steps,
            compared=self.compared,
            idle=self.idle,
            states=self.states,
            differences=tuple(self.differences),
            unsupported=tuple(self.unsupported),
        )

    def goes_on(self, event: Event) -> bool:
        """Compare what can be compared at a moment; gives whether what follows can be."""
        guest = event.guest
        if guest is None:
            self.at_rest()
            return False
        self.step, self.place = guest.step, "end"
        match event.moment:
            case Moment.Begins:
                return self.begins(guest)
            case Moment.Enters:
                return not self.is_unsupported(support.of_entry(self.machine, guest.thread))
            case Moment.Entered:
                return True
            case Moment.Returned:
                return self.returned(guest)
            case Moment.Ends:
                return self.happens(f"{guest.name}:end")
            case Moment.Strays:
                return not self.is_unsupported(event.reason)
            case _:
                self.compared += self.step is not None
                self.differ([Apart("outcome", _outcome(self.step), "enters the kernel again and again")])
                return False

    def begins(self, guest: Guest) -> bool:
        """A guest is about to begin with a step."""
        assert self.step is not None
        if not self.step.issued:
            self.compared += 1
            self.differ([Apart("outcome", _outcome(self.step), "gets to this step")])
            return False
        self.tell(self.step)
        return self.happens(f"{self.step.name}>")

    def happens(self, event: str) -> bool:
        """Compare which guest goes on; gives whether it is the right one."""
        recorded = self.recording.events[self.happened :]
        if recorded[:1] == (event,):
            self.happened += 1
            return True
        self.differ([Apart("order", _told(recorded[0]) if recorded else "nothing more happens", _told(event))])
        return False

    def returned(self, guest: Guest) -> bool:
        """A guest's step has returned.  What follows is compared if the state is known to be equal now."""
        assert self.step is not None
        self.compared += 1
        if not self.step.returned:
            self.differ([Apart("outcome", _outcome(self.step), "returns")])
            return False
        if not self.happens(f"{self.step.name}<"):
            return False
        apart = compare_result(self.machine, guest, self.step)
        self.differ(apart)
        changes = self.recording.changes
        if changes is None or guest.name != FIRST_THREAD or self.step.index >= len(changes):
            return not apart
        self.expected.become(changes[self.step.index])
        # The timer may have ticked, and the thread's slice have ended, before the kernel's memory was read.
        self.expected.forget(guest.thread - THREAD_OFFSET, ("queued", "schedNext"))
        return self.state_is_equal()

    def at_rest(self) -> None:
        """All has come to rest: whoever has not come to the end has blocked, or was stopped."""
        self.step, self.place = None, "end"
        if self.is_unsupported(support.of_rest(self.machine)):
            return
        for guest in self.players.values():
            for step in filter(None, (guest.step, *guest.rest)):
                self.step = step
                self.compared += 1
                if step is not guest.step and not step.issued:
                    self.idle += 1
                elif step.returned or step is not guest.step:
                    state = support.state_of(self.machine, guest.thread) or "deleted"
                    found = f"does not return: {guest.name} is {state}" if step is guest.step else "is never begun"
                    self.differ([Apart("outcome", _outcome(step), found)])
                    return
        self.step, self.place = None, "end"
        left = self.recording.events[self.happened :]
        if left:
            self.differ([Apart("order", _told(left[0]), "nothing more happens")])
            return
        self.expected = state_at_end(self.recording)
        self.state_is_equal()

    def state_is_equal(self) -> bool:
        """Compare the internal state."""
        self.states += 1
        apart = compare_state(self.machine, self.expected, self.recording.addresses)
        self.differ(apart)
        return not apart

    def differ(self, found: list[Apart]) -> None:
        """Note what is different at the present step."""
        name, call = (self.step.name, self.step.text) if self.step is not None else (self.place, PLACES[self.place])
        self.differences += [Difference(name, call, apart.what, apart.kernel, apart.layer) for apart in found]

    def is_unsupported(self, reason: str) -> bool:
        """Note why the present step cannot be replayed, if there is a reason; gives whether there is."""
        if reason:
            self.unsupported.append(Unsupported(self.step.name if self.step is not None else self.place, reason))
        return bool(reason)


def _outcome(step: Step | None) -> str:
    """How a step came out in the kernel, without what it returned."""
    if step is None:
        return "comes to rest"
    if not step.issued:
        return "never gets to this step"
    return "returns" if step.returned else "does not return"


def _told(event: str) -> str:
    """An event of a recording in words."""
    thread, _, what = event.partition(":")
    if what == "end":
        return f"{thread} comes to the end of its program"
    return f"{thread} {'begins with' if what.endswith('>') else 'returns from'} step {what[:-1]}"


def _reason(error: BaseException | None) -> str:
    """Why a layer stopped, in a line."""
    assert error is not None
    return user_message(error) or f"{type(error).__name__}: {' '.join(str(error).split())}"
