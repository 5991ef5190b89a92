"""From C files to a program: compile, convert, check the subset, and keep the result in a cache.

The syntax tree of each file is kept too, so that after a change of one file only that one is compiled again.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import hashlib
import marshal
import os
import pickle
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from attrs import evolve

from impl.c import clang, ir, subset, toolchain
from impl.c.clang import Sources, Unit
from impl.c.convert import convert
from impl.c.evaluate import adopt, executable


def parse(sources: Sources, *, ghost: Iterable[str] = (), cache: Path | bool | None = True) -> ir.Program:
    """The program of a set of C files.

    `ghost` names functions that stand for nothing in the compiled code.  `cache` is the folder to keep the
    result in (True: the user's, False: none); a cache that cannot be used is passed over silently.
    Raises CompilerError for the first error in the sources, OutsideSubset for what the subset refuses.
    """
    ghosts = frozenset(ghost)
    if cache is False or cache is None:
        return parse_afresh(sources, ghosts)
    folder = toolchain.cache_directory() if cache is True else Path(cache)
    entry = folder / "c" / f"{content_key(sources, sorted(ghosts))}.pickle"
    program = _recall(entry)
    if program is None:
        program = _program(_units(sources, folder / "c-units"), ghosts)
        runnable = executable(program)
        content = pickle.dumps((program, runnable.module, marshal.dumps(runnable.code)), pickle.HIGHEST_PROTOCOL)
        toolchain.write_atomically(entry, content)
    return program


def parse_afresh(sources: Sources, ghost: frozenset[str] = frozenset()) -> ir.Program:
    """The program of a set of C files, without a cache."""
    return _program(clang.units(sources), ghost)


def _program(units: list[Unit], ghost: frozenset[str]) -> ir.Program:
    program = convert(units, ghost)
    subset.check(program)
    return program


def _units(sources: Sources, folder: Path) -> list[Unit]:
    """The syntax trees of all files; those that are not in the folder are made, together, and put there."""
    alone = {file: evolve(sources, files=(file,), native=()) for file in sources.files}
    entries = {file: folder / f"{content_key(source)}.pickle" for file, source in alone.items()}
    found = {file: _recall_unit(entry) for file, entry in entries.items()}
    missing = [file for file, unit in found.items() if unit is None]
    made = clang.units(evolve(sources, files=missing)) if missing else []
    for unit in made:
        toolchain.write_atomically(entries[unit.file], pickle.dumps(unit, pickle.HIGHEST_PROTOCOL))
    units = [*(unit for unit in found.values() if unit is not None), *made]
    return sorted(units, key=lambda unit: sources.files.index(unit.file))


def _recall_unit(entry: Path) -> Unit | None:
    try:
        with _without_collection():
            unit = pickle.loads(entry.read_bytes())
        return unit if isinstance(unit, Unit) else None
    except Exception:
        return None


@contextlib.contextmanager
def _without_collection() -> Iterator[None]:
    """Do without the garbage collector: it takes most of the time when a large tree is made, and finds nothing."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _recall(entry: Path) -> ir.Program | None:
    try:
        program, module, code = pickle.loads(entry.read_bytes())
        if not isinstance(program, ir.Program):
            return None
        adopt(program, module, code)
        return program
    except Exception:
        return None


def content_key(sources: Sources, extra: Iterable[str] = ()) -> str:
    """A hash of everything that the result depends on: files, headers, flags, compiler, this package."""
    _, version = toolchain.ziglang()
    mark = hashlib.sha256()
    words = [version, sys.implementation.cache_tag or "", own_version(), *sources.options(), *extra]
    for word in words:
        mark.update(word.encode() + b"\0")
    for path in _files(sources):
        mark.update(path.encode() + b"\0")
        try:
            mark.update(hashlib.sha256((sources.root / path).read_bytes()).digest())
        except OSError:
            mark.update(b"missing")
    return mark.hexdigest()[:40]


def _files(sources: Sources) -> list[str]:
    """The sources, and every header in the include folders and beside the sources."""
    folders = {*sources.include, *(os.path.dirname(path) or "." for path in sources.files)}
    headers = {
        os.path.relpath(os.path.join(folder, name), sources.root)
        for start in folders
        for folder, _, names in os.walk(sources.root / start)
        for name in names
        if name.endswith(".h")
    }
    return [*sources.files, *sources.native, *sorted(headers)]


@functools.cache
def own_version() -> str:
    """A hash of this package's source, so that a change of the front end forgets what it cached."""
    mark = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        mark.update(path.read_bytes())
    return mark.hexdigest()
