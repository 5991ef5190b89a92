"""Counterexamples that were saved, run again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refinement import registry
from refinement.errors import InputError
from refinement.plain import decode
from refinement.replay import run_and_compare
from refinement.schema import Leaf


def replay(scenario: Mapping[str, Any]) -> list[str]:
    """Run a scenario's operation in its layers, and say what is wrong afterwards: nothing, if it was mended.

    Raises InputError if the scenario does not fit the kernel as it is.
    """
    collection = registry.collect(None)
    task = next((task for task in collection.tasks if task.id == scenario["task"]), None)
    if task is None or task.proof is None:
        raise InputError(f"the scenario is about {scenario['task']}, which {collection.name} does not have")
    proof = task.proof
    try:
        before = {layer.name: layer.load(scenario["before"][layer.name]) for layer in proof.layers}
        arguments = {name: decode(leaf, scenario["arguments"][name]) for name, leaf in proof.parameters.items()}
        draws = [_drawn(value) for value in scenario["draws"]]
    except (KeyError, ValueError) as error:
        raise InputError(f"the scenario does not fit {task.id} as it is now: {error}") from error
    universe = proof.stack.universe(before[proof.top.name], arguments)
    return list(run_and_compare(proof, universe, before, arguments, draws).failures)


def _drawn(value: Any) -> Any:
    """What a choice of the specification came to: a truth value, or a reference as `kind:number`."""
    return value if isinstance(value, bool) else decode(Leaf("ref", kind=value.partition(":")[0]), value)
