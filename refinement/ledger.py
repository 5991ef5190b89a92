"""The ledger of trust: everything that proofs assume and do not prove, in one machine-readable file."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path

from attrs import frozen

from refinement.errors import InputError
from refinement.obligations import Kernel
from refinement.places import project_root


@frozen
class Trusted:
    """Something believed: `section` and `name` make its id, `reason` says why it is believed and until when."""

    section: str
    name: str
    statement: str
    reason: str

    @property
    def id(self) -> str:
        """`section.name`; an entry for an assumption of proofs has that assumption's id as its name."""
        return f"{self.section}.{self.name}"


def ledger_file() -> Path:
    """Where the ledger is."""
    return project_root() / "proofs" / "trusted.toml"


def read(path: Path | None = None) -> tuple[Trusted, ...]:
    """The entries of the ledger, in order.  Raises InputError where it is not a proper one."""
    path = path or ledger_file()
    try:
        sections = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(
            Trusted(section, name, entry["statement"], entry["reason"])
            for section, entries in sections.items()
            for name, entry in entries.items()
        )
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: restore the ledger of trust") from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise InputError(f"{path}: not a proper ledger ({error}): mend it") from error


def missing(kernels: Iterable[Kernel], entries: Iterable[Trusted]) -> list[str]:
    """The assumptions of proofs that no obligation proves and no entry lists."""
    listed = {entry.name for entry in entries}
    found: dict[str, None] = {}
    for kernel in kernels:
        proved = _proved(kernel)
        for task in kernel.tasks:
            for obligation in task.obligations:
                for assumption in obligation.assumptions:
                    if assumption not in proved and assumption not in listed:
                        found[assumption] = None
    return list(found)


def superfluous(kernels: Iterable[Kernel], entries: Iterable[Trusted]) -> list[str]:
    """The entries for assumptions (of the section `assumptions`) that no proof makes any more."""
    made = {a for kernel in kernels for task in kernel.tasks for o in task.obligations for a in o.assumptions}
    return [entry.id for entry in entries if entry.section == "assumptions" and entry.name not in made]


def _proved(kernel: Kernel) -> set[str]:
    """What proofs may assume: the statements that every operation is proved to keep, and the operations."""
    kept: dict[str, set[str]] = {}
    operations: set[str] = set()
    for task in kernel.tasks:
        if task.proof is None:
            continue
        operations.add(task.proof.base)
        for obligation in task.obligations:
            what = obligation.id.removeprefix(task.proof.base + "/").split("/")
            if len(what) == 3 and what[1] in ("invariant", "relation"):
                kept.setdefault(f"{kernel.name}/{what[0]}/{what[2]}", set()).add(task.proof.base)
    return operations | {statement for statement, by in kept.items() if by == operations}


def as_markdown(entries: Iterable[Trusted]) -> str:
    """The ledger as a page to read."""
    lines = [
        "# What is trusted",
        "",
        "Everything that the proofs assume and do not prove. Written by `refine trust` from `proofs/trusted.toml`.",
    ]
    section = ""
    for entry in entries:
        if entry.section != section:
            section = entry.section
            lines += ["", f"## {section.capitalize()}", ""]
        lines.append(f"- **{entry.name}**: {entry.statement} {entry.reason}")
    return "\n".join(lines) + "\n"
