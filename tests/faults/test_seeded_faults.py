"""Every seeded fault is refuted with a counterexample that replays, and that does not without the fault."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from refinement.places import project_root
from refinement.scenario import replay
from tests.faults.table import FAULTS, Fault

LAYERS = ("refinement", "spec", "executable_model", "impl", "proofs")


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def seeded(fault: Fault, folder: Path) -> None:
    """Copy the project, with the fault."""
    for name in LAYERS:
        shutil.copytree(project_root() / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    file = folder / fault.file
    text = file.read_text(encoding="utf-8")
    assert fault.before in text, "the place of the fault is gone: correct the table"
    file.write_text(text.replace(fault.before, fault.after, 1), encoding="utf-8")


def run(folder: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "REFINE_CACHE_DIR": str(cache)}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


def globs(tasks: str) -> list[str]:
    """The obligations of tasks: those about a pair of layers, and those about its lower layer."""
    base, _, layers = tasks.rpartition("/")
    below = {"spec-exec": ["exec"], "exec-c": ["c"], "spec*": ["exec"]}
    return [tasks, *(f"{base}/{layer}" for layer in below[layers])]


REPLAY = "import json, sys; from refinement.scenario import replay; print(json.dumps(replay(json.load(sys.stdin))))"


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_fault_is_refuted(fault: Fault, tmp_path: Path, cache: Path) -> None:
    seeded(fault, tmp_path)
    only = [word for glob in globs(fault.tasks) for word in ("--only", glob)]
    done = run(tmp_path, cache, "-m", "refinement", "check", *only, "--jobs", "1", "--format", "json", "--fail-fast")
    assert done.returncode == 1, (
        f"not refuted: exit status {done.returncode}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
    )
    refuted = [o for o in json.loads(done.stdout)["obligations"] if o["status"] == "refuted"]
    found = refuted[0]["counterexample"]
    assert len(found["story"]) <= 40
    scenario = found["scenario"]
    assert scenario["failures"]
    (tmp_path / "scenario.json").write_text(json.dumps(scenario), encoding="utf-8")
    again = run(tmp_path, cache, "-c", REPLAY.replace("sys.stdin", "open('scenario.json')"))
    assert json.loads(again.stdout) == scenario["failures"], again.stderr[-1500:]
    assert replay(scenario) == [], "the counterexample fails without the fault too"


def test_there_are_at_least_a_hundred():
    assert len(FAULTS) >= 100
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
