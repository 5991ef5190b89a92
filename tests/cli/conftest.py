"""Running the command line, in this process or in one of its own, on the small kernels of `toy`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from attrs import frozen

from refinement.cli import main
from refinement.places import project_root


@frozen
class Done:
    """What came of a command: its exit status and what it wrote."""

    status: int
    out: str
    err: str


Refine = Callable[..., Done]


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mapping[str, str]:
    """The environment of commands: a cache of their own, the project importable, no colours."""
    changed = {
        "REFINE_CACHE_DIR": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join([str(tmp_path), str(project_root())]),
        "COLUMNS": "120",
    }
    (tmp_path / "cache").mkdir()
    for name, value in changed.items():
        monkeypatch.setenv(name, value)
    for name in ("REFINE_KERNEL", "REFINE_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return {**os.environ}


@pytest.fixture
def refine(environment: Mapping[str, str], capfd: pytest.CaptureFixture[str]) -> Refine:
    """Runs the command line in this process (its workers are processes all the same)."""

    def run(*arguments: str, kernel: str | None = None) -> Done:
        capfd.readouterr()
        status = main([*arguments, *(["--kernel", f"tests.cli.toy:{kernel}"] if kernel else [])])
        captured = capfd.readouterr()
        return Done(status, captured.out, captured.err)

    return run


@pytest.fixture
def command(environment: Mapping[str, str]) -> Callable[..., subprocess.Popen[str]]:
    """Starts the command line as a process of its own."""

    def start(*arguments: str, kernel: str | None = None, **options: object) -> subprocess.Popen[str]:
        words = [sys.executable, "-m", "refinement", *arguments]
        words += ["--kernel", f"tests.cli.toy:{kernel}"] if kernel else []
        streams = {
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
            "env": environment,
            "cwd": project_root(),
            **options,
        }
        return subprocess.Popen(words, text=True, **streams)  # type: ignore[call-overload]

    return start


def read_terminal(ours: int) -> bytes:
    """All that is written to the other end of a terminal, which is closed by then."""
    shown = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(ours)
    return shown
