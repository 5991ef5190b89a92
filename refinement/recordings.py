"""Recordings of a real kernel, replayed on the layers that describe it: what a kernel has to offer, and the report.

What a recording is, and how it is replayed, only the kernel's package knows.  It offers a `Replayer`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from attrs import asdict, frozen
from tabulate import tabulate

from refinement.errors import InputError
from refinement.obligations import Status

if TYPE_CHECKING:
    from refinement.progress import Progression

LAYERS = ("spec", "exec", "c", "native")
"""The specification, the executable model, the C program evaluated, and the C program compiled for this machine."""
ALL = "all"

EXIT_EQUAL = 0
EXIT_DIFFERENT = 1
EXIT_USAGE = 2
EXIT_UNSUPPORTED = 3

Style = Callable[[str, Status], str]


@frozen
class Rule:
    """What in the specification decided a step: a function, where that was, and how it came out."""

    function: str
    location: str
    outcome: str


@frozen
class Difference:
    """Something that the kernel did otherwise than a layer.

    `step` names a step of the recording, `call` says what it does, and `what` is what is different, as the `kernel` and
    the `layer` have it.  Without a `rule`, nothing in the specification decided it.
    """

    step: str
    call: str
    what: str
    kernel: str
    layer: str
    rule: Rule | None = None


@frozen
class Unsupported:
    """A step from which on nothing is compared, and why."""

    step: str
    reason: str


@frozen
class Replayed:
    """What came of replaying a recording on a layer.

    `steps` is the number of steps in the recording, for all its threads; `compared` that of those whose whole recorded
    outcome was compared with the layer's.  Of these `idle` are steps that the kernel's threads never got to, nor the
    layer's.  `states` counts how often the internal state was compared, too.
    """

    steps: int
    compared: int
    idle: int
    states: int
    differences: tuple[Difference, ...] = ()
    unsupported: tuple[Unsupported, ...] = ()


class Replayer(Protocol):
    """Reads recordings of a kernel and replays them on its layers."""

    @property
    def layers(self) -> Sequence[str]:
        """The layers that recordings can be replayed on."""

    def read(self, content: Any) -> Any:
        """The recording that is the content of a JSON file; InputError if it is none."""

    def replay(self, recording: Any, layer: str) -> Replayed:
        """Replay a recording on a layer."""


def load(replayer: Replayer, file: Path) -> Any:
    """The recording in a file; InputError, with the file's name, if there is none."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{file}: it cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: this is no recording that can be replayed: it is not JSON: {error}") from error
    try:
        return replayer.read(content)
    except InputError as error:
        raise InputError(f"{file}: {error.user_message}") from error


@frozen
class Replay:
    """A file that was replayed on a layer."""

    file: str
    layer: str
    outcome: Replayed

    @property
    def status(self) -> Status:
        """Equal, different, or equal as far as it was compared."""
        if self.outcome.differences:
            return Status.REFUTED
        return Status.UNKNOWN if self.outcome.unsupported else Status.PROVED


def layers_of(replayer: Replayer, chosen: str) -> tuple[str, ...]:
    """The layers that are meant by the name of one, or by `all`; InputError if the kernel has no such layer."""
    have = tuple(replayer.layers)
    if chosen != ALL and chosen not in have:
        raise InputError(f"recordings cannot be replayed on {chosen}: they can on {', '.join(have)}")
    return have if chosen == ALL else (chosen,)


def replay(replayer: Replayer, file: Path, recording: Any, layers: Sequence[str], shown: Progression) -> list[Replay]:
    """Replay the recording of a file on each of the layers."""
    began = time.perf_counter()
    done = []
    for layer in layers:
        shown.started(f"{file.stem}, {layer}")
        done.append(Replay(str(file), layer, replayer.replay(recording, layer)))
    told = ", ".join(f"{one.layer} {one.outcome.compared} {WORDS[one.status]}" for one in done)
    gravest = next(status for status in WORDS if any(one.status is status for one in done))
    shown.finished(f"{file.stem}: {told}, {time.perf_counter() - began:.1f} s", gravest)
    return done


WORDS = {Status.REFUTED: "different", Status.UNKNOWN: "equal up to a step not supported", Status.PROVED: "equal"}
"""How a replay ended, in words: the gravest first."""


def exit_status(replays: Iterable[Replay], bad_input: bool) -> int:
    """The status to exit with: of several reasons the gravest, a difference before all others."""
    statuses = {replay.status for replay in replays}
    if Status.REFUTED in statuses:
        return EXIT_DIFFERENT
    if bad_input:
        return EXIT_USAGE
    return EXIT_UNSUPPORTED if Status.UNKNOWN in statuses else EXIT_EQUAL


def as_json(replay: Replay) -> str:
    """A replay as a line of JSON."""
    outcome = replay.outcome
    content = {
        "file": replay.file,
        "layer": replay.layer,
        "steps": outcome.steps,
        "compared": outcome.compared,
        "differences": [asdict(difference) for difference in outcome.differences],
        "unsupported": [asdict(entry) for entry in outcome.unsupported],
    }
    return json.dumps(content)


def as_text(replays: Sequence[Replay], style: Style) -> str:
    """The report for a terminal or log: a line for each file and layer, the differences in detail, the summary."""
    parts = [tabulate([_row(replay) for replay in replays], headers="keys", tablefmt="simple", disable_numparse=True)]
    parts += [_details(replay, style) for replay in replays if replay.outcome.differences]
    return "\n\n".join([*parts, _summary(replays, style)])


def _row(replay: Replay) -> dict[str, str]:
    outcome = replay.outcome
    return {
        "recording": Path(replay.file).stem,
        "layer": replay.layer,
        "compared": f"{outcome.compared}/{outcome.steps}",
        "states": str(outcome.states),
        "different": str(len({difference.step for difference in outcome.differences}) or ""),
        "not supported": "; ".join(f"from {entry.step} on: {entry.reason}" for entry in outcome.unsupported),
    }


def _details(replay: Replay, style: Style) -> str:
    """What is different, by steps."""
    lines = []
    last = ""
    for difference in replay.outcome.differences:
        if difference.step != last:
            last = difference.step
            title = f"{Path(replay.file).stem}, {replay.layer}, step {difference.step}: {difference.call}"
            lines.append(f"{style('DIFFERENT', Status.REFUTED)} {title}")
            lines += [f"  {line}" for line in rule_lines(difference.rule)]
        width = max(len("kernel"), len(replay.layer)) + 1
        sides = {"kernel": difference.kernel, replay.layer: difference.layer}
        lines += [f"  {difference.what}", *(f"    {side + ':':<{width}} {text}" for side, text in sides.items())]
    return "\n".join(lines)


def rule_lines(rule: Rule | None) -> list[str]:
    """What decided, for readers."""
    if rule is None:
        return ["decided by no rule of the specification"]
    return [f"decided by {rule.function} ({rule.location}): {rule.outcome}"]


def _summary(replays: Sequence[Replay], style: Style) -> str:
    files = {replay.file for replay in replays}
    counts = []
    for status, word in reversed(WORDS.items()):
        number = sum(replay.status is status for replay in replays)
        text = f"{number} {word}"
        counts.append(style(text, status) if number else text)
    counted = f"{_count(len(files), 'recording')}, {_count(len(replays), 'replay')}"
    lines = [f"{counted}: {', '.join(counts)}"]
    for layer in dict.fromkeys(replay.layer for replay in replays):
        done = [replay.outcome for replay in replays if replay.layer == layer]
        compared, steps = sum(one.compared for one in done), sum(one.steps for one in done)
        idle, states = sum(one.idle for one in done), sum(one.states for one in done)
        lines.append(
            f"{layer}: {compared} of {steps} steps compared ({idle} of them no thread gets to), and {states} states"
        )
    return "\n".join(lines)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
