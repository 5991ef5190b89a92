"""What proofs use of the specification and of the statements, and what of it no proof uses.

A statement that is only used to show that it is kept itself, or that others are kept which nothing else needs, counts
as unused.
"""

from __future__ import annotations

import enum
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import field, frozen

from refinement import reached
from refinement.conjuncts import conjuncts
from refinement.errors import InputError
from refinement.obligations import Kernel, Obligation, Result, Status
from refinement.places import project_root


class Sort(enum.Enum):
    """What a proof can use."""

    FUNCTION = "function"
    OUTCOME = "outcome"
    CONJUNCT = "conjunct"


@frozen
class Item:
    """Something that a proof can use: of a function an outcome, of a statement a conjunct, or a function.

    `of` is what it is a part of: the function, the statement, of a function the module (or class).
    """

    id: str
    sort: Sort
    of: str
    location: str
    text: str = ""


@frozen
class Uses:
    """What there is to use, and for the id of each item the obligations that use it; `idle` are the unused ones."""

    items: tuple[Item, ...]
    by: Mapping[str, tuple[Obligation, ...]]
    idle: frozenset[str]

    @property
    def unused(self) -> tuple[Item, ...]:
        """The items that no proof uses, without the outcomes of functions among them."""
        whole = {item.id for item in self.items if item.sort is Sort.FUNCTION and item.id in self.idle}
        return tuple(item for item in self.items if item.id in self.idle and item.of not in whole)

    def parts(self, of: str) -> list[Item]:
        """The outcomes of a function, or the conjuncts of a statement."""
        return [item for item in self.items if item.of == of and item.sort is not Sort.FUNCTION]


def specifications(kernel: Kernel) -> tuple[str, ...]:
    """The packages of the specifications that proofs about a kernel are about."""
    stacks = [task.proof.stack for task in kernel.tasks if task.proof is not None]
    return tuple(dict.fromkeys(stack.specification for stack in stacks if stack.specification))


def items(kernel: Kernel) -> list[Item]:
    """Everything about a kernel that its proofs can use."""
    found = []
    for package in specifications(kernel):
        for function in reached.functions_of(package):
            found.append(Item(function.id, Sort.FUNCTION, function.id.rpartition(".")[0], function.location))
            for outcome in function.outcomes:
                text = outcome.id.removeprefix(f"{function.id}: ")
                found.append(Item(outcome.id, Sort.OUTCOME, function.id, outcome.location, text))
    proofs = [task.proof for task in kernel.tasks if task.proof is not None]
    stacks = {id(proof.stack): proof.stack for proof in proofs}
    for stack in stacks.values():
        operations = {proof.base: proof.operation for proof in proofs if proof.stack is stack}
        for name, predicate in stack.assumed(operations.values()).items():
            for part in conjuncts(predicate):
                found.append(Item(part.label(name), Sort.CONJUNCT, name, part.location, part.text))
    return found


def gather(kernels: Iterable[Kernel], results: Iterable[Result]) -> Uses:
    """What the proved obligations among the results use."""
    kernels = tuple(kernels)
    found = tuple(item for kernel in kernels for item in items(kernel))
    by: dict[str, dict[str, Obligation]] = {item.id: {} for item in found}
    needed: set[str] = set()
    for_others: dict[str, set[str]] = {}
    keeping = {id for kernel in kernels for id in _keeping(kernel)}
    for result in results:
        if result.status is Status.PROVED:
            for purpose, ids in result.uses.items():
                for used in ids & by.keys():
                    by[used][result.obligation.id] = result.obligation
                    for_others.setdefault(used, set()).add(purpose)
                if result.obligation.id not in keeping:
                    needed |= ids
    while more := {id for id, purposes in for_others.items() if id not in needed and purposes & needed}:
        needed |= more
    conjuncts_idle = {item.id for item in found if item.sort is Sort.CONJUNCT and item.id not in needed}
    never = {id for id, users in by.items() if not users}
    return Uses(found, {id: tuple(users.values()) for id, users in by.items()}, frozenset(never | conjuncts_idle))


def _keeping(kernel: Kernel) -> Iterator[str]:
    """The obligations that an operation keeps a statement."""
    for task in kernel.tasks:
        if task.proof is not None:
            for obligation in task.obligations:
                what = obligation.id.removeprefix(f"{task.proof.base}/").split("/")
                if len(what) == 3 and what[1] in ("invariant", "relation"):
                    yield obligation.id


@frozen
class Exceptions:
    """What may be unused: for each name the reason.

    A name stands for what has that id, for the functions in the module (or package, or class) of that name, and for the
    conjuncts of the statement of that name; as long as all of it is unused.
    """

    file: Path
    reasons: Mapping[str, str] = field(factory=dict)

    def about(self, kernels: Iterable[Kernel]) -> Exceptions:
        """The entries whose names begin as those of these kernels do."""
        begins = [f"{kernel.name}/" for kernel in kernels]
        begins += [package for kernel in kernels for package in specifications(kernel)]
        reasons = {name: reason for name, reason in self.reasons.items() if name.startswith(tuple(begins))}
        return Exceptions(self.file, reasons)

    def judge(self, uses: Uses) -> tuple[dict[str, str], list[str]]:
        """For the ids of unused items that have one the reason; and, in words, which entries are not right."""
        excused: dict[str, str] = {}
        wrong = []
        for name, reason in self.reasons.items():
            meant = [item for item in uses.items if _means(name, item)]
            used = [item.id for item in meant if item.id not in uses.idle]
            if used:
                what = "it is used" if used == [name] else f"{used[0]} is used"
                wrong.append(f"{name} need no longer be listed as unused: {what}")
            elif not meant:
                wrong.append(f"{name} is listed as unused, but there is no such thing")
            else:
                excused |= dict.fromkeys((item.id for item in meant), reason)
        return excused, wrong


def _means(name: str, item: Item) -> bool:
    if item.sort is Sort.FUNCTION:
        return item.id == name or item.of == name or item.of.startswith(f"{name}.")
    return item.id == name or (item.sort is Sort.CONJUNCT and item.of == name)


def exceptions_file() -> Path:
    """Where the list of what may be unused is."""
    return project_root() / "proofs" / "unused.toml"


def read_exceptions(path: Path) -> Exceptions:
    """The list of what may be unused; empty if there is no such file.  Raises InputError if it is not a proper one."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("unused", [])
        return Exceptions(path, {name: str(entry["reason"]) for entry in entries for name in entry["names"]})
    except FileNotFoundError:
        return Exceptions(path)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}: make it readable") from error
    except (tomllib.TOMLDecodeError, KeyError, TypeError, AttributeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not a proper list of what may be unused ({error}): mend it") from error
