"""A counterexample as a short story to read, as a scenario to load, and as a test that reproduces it."""

from __future__ import annotations

import json
import linecache
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from refinement.path import Goal, Path
from refinement.places import find_source
from refinement.plain import encode

if TYPE_CHECKING:
    from refinement.prove import Proof
    from refinement.replay import Failures

MOST_LINES = 38
MOST_BRANCHES = 14
MOST_FAILURES = 6


def tell(
    proof: Proof,
    path: Path,
    goal: Goal,
    before: Mapping[str, Any],
    arguments: Mapping[str, Any],
    draws: Iterable[Any],
    after: Failures,
) -> dict[str, Any]:
    """The counterexample as data: `story` (lines), `scenario` (JSON values), `pytest` (the text of a test)."""
    scenario = {
        "kernel": proof.stack.kernel,
        "task": f"{proof.base}/{proof.name}",
        "obligation": goal.key,
        "operation": proof.operation.name,
        "arguments": {name: encode(value) for name, value in arguments.items()},
        "draws": [encode(value) for value in draws],
        "before": {layer.name: layer.dump(before[layer.name]) for layer in proof.layers},
        "failures": list(after.failures),
    }
    return {"story": story(proof, path, goal, scenario), "scenario": scenario, "pytest": test_case(scenario)}


def story(proof: Proof, path: Path, goal: Goal, scenario: Mapping[str, Any]) -> list[str]:
    """What happens, in at most 40 lines: the state before, the call, the branches taken, what is wrong."""
    lines = [f"{goal.key}: {goal.what}", "before:"]
    lines += _state(scenario["before"][proof.lower.name])
    call = ", ".join(f"{name}={_show(value)}" for name, value in scenario["arguments"].items())
    lines += [f"call: {proof.operation.name}({call})"]
    failures = [f"  {failure}" for failure in scenario["failures"]]
    failures = _cut(failures, MOST_FAILURES, "more")
    room = max(MOST_LINES - len(lines) - len(failures) - 2, 3)
    branches = [*_branches(path)]
    if branches:
        lines += ["branches:", *_cut(branches, min(room, MOST_BRANCHES), "more branches")]
    return [*lines, "afterwards:", *failures]


def _cut(lines: list[str], most: int, what: str) -> list[str]:
    return lines if len(lines) <= most else [*lines[: most - 1], f"  ... {len(lines) - most + 1} {what}"]


def _state(data: Mapping[str, Any]) -> list[str]:
    values = [
        f"{name}={_show(value)}"
        for name, value in data.items()
        if not isinstance(value, dict) and value not in (0, "NULL")
    ]
    lines = ["  " + " ".join(values)] if values else []
    for name, entries in data.items():
        if not isinstance(entries, dict):
            continue
        for key, entry in entries.items():
            head = key if ":" in key else f"{name}[{key}]"
            if isinstance(entry, dict):
                if not entry:
                    continue
                lines.append(f"  {head} " + " ".join(f"{field}={_show(value)}" for field, value in entry.items()))
            else:
                lines.append(f"  {head}={_show(entry)}")
    return _cut(lines, 18, "more of the state")


def _show(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_show(item)}" for key, item in value.items()) + "}"
    return hex(value) if isinstance(value, int) and not isinstance(value, bool) and value > 9 else str(value)


def _branches(path: Path) -> dict[str, None]:
    """Each branch with its source line, in order, once."""
    found: dict[str, None] = {}
    for decision in path.run.decisions:
        name, _, number = decision.location.rpartition(":")
        source = find_source(name) if name else None
        text = linecache.getline(str(source), int(number)).strip() if source is not None else ""
        found[f"  {decision.location}: {text} -> {'yes' if decision.taken else 'no'}"] = None
    return found


def test_case(scenario: Mapping[str, Any]) -> str:
    """A pytest module that fails as long as the counterexample can be replayed."""
    task = scenario["task"]
    name = "".join(c if c.isalnum() else "_" for c in task)
    return (
        f'"""Replays a counterexample to {scenario["obligation"]}."""\n\n'
        "import json\n\n"
        "from refinement.scenario import replay\n\n"
        f"SCENARIO = json.loads(r'''\n{_json(scenario)}\n''')\n\n\n"
        f"def test_{name}():\n"
        "    assert replay(SCENARIO) == []\n"
    )


def _json(scenario: Mapping[str, Any]) -> str:
    return json.dumps(scenario, indent=1)
