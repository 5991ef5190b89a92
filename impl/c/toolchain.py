"""The C compiler of the `ziglang` wheel, run with a timeout and a cache directory that can be written."""

from __future__ import annotations

import functools
import importlib.metadata
import importlib.util
import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from refinement import places

TIMEOUT = 120.0
"""Seconds after which a compiler run is given up."""


class CompilerError(Exception):
    """The compiler is missing, hung, or refused the program; the text is one line, `file:line:col: message`
    for an error in the source.  It is the user's to mend, as `user_message`."""

    def __init__(self, message: str):
        super().__init__(message)
        self.user_message = message


@functools.cache
def ziglang() -> tuple[Path, str]:
    """The folder of the installed `ziglang` wheel and its version; CompilerError if it is not installed."""
    found = importlib.util.find_spec("ziglang")
    if found is None or not found.submodule_search_locations:
        raise CompilerError("the C front end needs the Python package 'ziglang', which is not installed")
    folder = Path(next(iter(found.submodule_search_locations)))
    try:
        version = importlib.metadata.version("ziglang")
    except importlib.metadata.PackageNotFoundError:
        version = "unknown"
    return folder, version


def zig() -> Path:
    """The compiler driver in the wheel."""
    folder, _ = ziglang()
    driver = folder / ("zig.exe" if os.name == "nt" else "zig")
    if not driver.exists():
        raise CompilerError(f"the 'ziglang' package has no compiler at {driver}")
    return driver


@functools.cache
def cache_directory() -> Path:
    """Where parsed programs and compiled modules are kept; a temporary folder if nothing else can be written."""
    folder = places.cache_directory()
    return folder if _writable(folder) else Path(tempfile.mkdtemp(prefix="refine-cache-"))


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def write_atomically(path: Path, content: bytes) -> None:
    """Put `content` in a file so that other processes see all of it or nothing; failures are ignored."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except OSError:
        pass


def run(command: Sequence[str | Path], folder: Path, timeout: float = TIMEOUT) -> str:
    """Run a compiler in `folder`; its standard output.  CompilerError with its first error otherwise."""
    environment = dict(os.environ)
    # The compiler hangs for minutes on a cache folder that it cannot write.
    chosen = environment.get("ZIG_GLOBAL_CACHE_DIR")
    if not chosen or not _writable(Path(chosen)):
        chosen = environment["ZIG_GLOBAL_CACHE_DIR"] = str(cache_directory() / "zig")
    environment.setdefault("ZIG_LOCAL_CACHE_DIR", chosen)
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CompilerError(f"the C compiler did not finish within {timeout:g} seconds") from None
    except OSError as error:
        raise CompilerError(f"the C compiler cannot be run: {error}") from None
    if done.returncode != 0:
        raise CompilerError(_first_error(done.stderr))
    return done.stdout


def _first_error(text: str) -> str:
    match = re.search(r"^(.+?:\d+:\d+): (?:fatal )?error: (.*)$", text, re.MULTILINE)
    if match:
        return f"{match[1]}: {match[2]}"
    match = re.search(r"^.*\berror: (.*)$", text, re.MULTILINE)
    lines = text.strip().splitlines()
    reason = match[1] if match else lines[-1] if lines else "no message"
    return f"the C compiler failed: {reason}"
