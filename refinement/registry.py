"""Which kernels there are, and their proof tasks.

A kernel is a sub-package of `proofs` with a function `kernel() -> Kernel`; any other place is named
as `module:function`.  Loading is repeatable in another process from those names alone, since the
tasks themselves hold closures and cannot be sent.
"""

from __future__ import annotations

import contextlib
import difflib
import fnmatch
import importlib
import pkgutil
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from attrs import frozen

from refinement import reached
from refinement.errors import InputError
from refinement.obligations import Kernel, Obligation, Task

if TYPE_CHECKING:
    from refinement.recordings import Replayer

LAYERS = ("spec", "exec", "c", "machine", "spec-exec", "exec-c")


@frozen
class Source:
    """Where a kernel comes from: the function `attribute` of `module`.

    The packages that are `observed` are loaded so that what their functions come to can be noted.
    """

    module: str
    attribute: str = "kernel"
    observed: tuple[str, ...] = ()


def sources(chosen: str | None) -> tuple[Source, ...]:
    """The kernel named `chosen`, or all of them; InputError if there is none."""
    if chosen is not None and (":" in chosen or "." in chosen):
        module, _, attribute = chosen.partition(":")
        return (Source(module, attribute or "kernel"),)
    proofs = importlib.import_module("proofs")
    names = [found.name for found in pkgutil.iter_modules(proofs.__path__) if found.ispkg]
    if chosen is None:
        if not names:
            raise InputError("there is no kernel: expected a sub-package of proofs with a function kernel()")
        return tuple(Source(f"proofs.{name}") for name in names)
    if chosen not in names:
        raise InputError(f"there is no kernel {chosen!r}: there is {', '.join(names) or 'none'}")
    return (Source(f"proofs.{chosen}"),)


def load(source: Source) -> Kernel:
    """The kernel at `source`.  What its modules print goes to standard error."""
    if source.observed:
        reached.observe(source.observed)
    with contextlib.redirect_stdout(sys.stderr):
        module = importlib.import_module(source.module)
        make = getattr(module, source.attribute, None)
        if make is None:
            raise InputError(f"{source.module} has no function {source.attribute}() that gives a Kernel")
        kernel = make() if callable(make) else make
    if not isinstance(kernel, Kernel):
        raise InputError(f"{source.module}.{source.attribute} gives {type(kernel).__name__}, not a Kernel")
    return kernel


@frozen
class Collection:
    """The kernels of a run, with their tasks and obligations in order."""

    sources: tuple[Source, ...]
    kernels: tuple[Kernel, ...]

    @property
    def name(self) -> str:
        """The kernels' names."""
        return ", ".join(kernel.name for kernel in self.kernels)

    @property
    def tasks(self) -> tuple[Task, ...]:
        """All tasks."""
        return tuple(task for kernel in self.kernels for task in kernel.tasks)

    @property
    def obligations(self) -> tuple[Obligation, ...]:
        """All obligations."""
        return tuple(obligation for task in self.tasks for obligation in task.obligations)

    def prose(self, assumption: str) -> str:
        """The sentence that says what an assumption means; empty if none is known."""
        return next((kernel.prose[assumption] for kernel in self.kernels if assumption in kernel.prose), "")


def collect(chosen: str | None) -> Collection:
    """Load the kernel named `chosen`, or all; InputError if ids are not unique."""
    found = sources(chosen)
    collection = Collection(found, tuple(load(source) for source in found))
    for what, ids in (
        ("tasks", [task.id for task in collection.tasks]),
        ("obligations", [obligation.id for obligation in collection.obligations]),
    ):
        twice = [name for name, count in Counter(ids).items() if count > 1]
        if twice:
            raise InputError(f"two {what} have the id {twice[0]}: ids must be unique")
    return collection


def replayer(chosen: str | None) -> Replayer:
    """What replays recordings of the kernel named `chosen`, or of the only one that has any.

    InputError if there is none, or if there are several.
    """
    kernels = collect(chosen).kernels
    able = {kernel.name: kernel.replayer for kernel in kernels if kernel.replayer is not None}
    if not able:
        names = ", ".join(kernel.name for kernel in kernels)
        raise InputError(f"no recordings can be replayed of {names}: its package offers no replayer")
    if len(able) > 1:
        raise InputError(f"recordings of several kernels can be replayed, {', '.join(able)}: choose one with --kernel")
    (found,) = able.values()
    return found


def select(collection: Collection, only: Sequence[str], layers: Iterable[str]) -> list[Obligation]:
    """The obligations that one of the globs `only` matches (all, without globs), about one of `layers`.

    A glob that names a whole folder of ids (`sel4/endpoint`) takes all that is in it.  InputError for a
    glob that matches nothing, with the nearest names.
    """
    obligations = collection.obligations
    if not obligations:
        raise InputError(f"the kernel {collection.name} has no obligations")
    chosen: set[str] = set()
    for glob in only:
        matching = {obligation.id for obligation in obligations if _matches(glob, obligation.id)}
        if not matching:
            raise InputError(f"no obligation matches {glob!r}: {suggestion(collection, glob)}")
        chosen |= matching
    wanted = set(layers)
    selected = [
        obligation
        for obligation in obligations
        if (not only or obligation.id in chosen) and (not wanted or obligation.layers in wanted)
    ]
    if not selected:
        have = sorted({obligation.layers for obligation in obligations if not only or obligation.id in chosen})
        raise InputError(f"no chosen obligation is about {', '.join(sorted(wanted))}: they are about {', '.join(have)}")
    return selected


def _matches(glob: str, name: str) -> bool:
    return fnmatch.fnmatchcase(name, glob) or fnmatch.fnmatchcase(name, glob.rstrip("/") + "/*")


def suggestion(collection: Collection, wrong: str) -> str:
    """What the user may have meant by an id or glob that is not there, as half a sentence."""
    ids = [obligation.id for obligation in collection.obligations]
    word = wrong.strip("*/")
    inside = sorted({obligation.operation for obligation in collection.obligations if word and word in obligation.id})
    if inside:
        return "did you mean " + " or ".join(f"'*/{name}/*'" for name in inside[:3]) + "?"
    near = [] if "*" in wrong else difflib.get_close_matches(wrong, ids, n=3, cutoff=0.5)
    if near:
        return "did you mean " + " or ".join(near) + "?"
    operations = sorted({obligation.operation for obligation in collection.obligations})
    parts = [part for part in wrong.split("/") if part.strip("*")]
    for part in reversed(parts):
        near = difflib.get_close_matches(part.strip("*"), operations, n=3, cutoff=0.6)
        if near:
            return "did you mean " + " or ".join(f"'*/{name}/*'" for name in near) + "?"
    return "`refine list` shows them all"
