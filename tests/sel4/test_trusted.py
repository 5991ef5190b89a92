"""The ledger of trust names everything that proofs assume and do not prove, and nothing else."""

from __future__ import annotations

from attrs import evolve

from proofs.sel4 import kernel
from refinement import ledger
from refinement.obligations import Kernel
from refinement.places import project_root


def test_everything_assumed_is_proved_or_listed():
    assert ledger.missing([kernel()], ledger.read()) == []


def test_nothing_is_listed_that_is_not_assumed():
    assert ledger.superfluous([kernel()], ledger.read()) == []


def test_the_page_is_the_ledger():
    page = (project_root() / "proofs" / "TRUSTED.md").read_text(encoding="utf-8")
    assert page == ledger.as_markdown(ledger.read()), "write it anew: refine trust > proofs/TRUSTED.md"


def test_an_assumption_that_is_not_listed_is_found():
    known = kernel()
    entries = [entry for entry in ledger.read() if entry.name != "sel4/tcb/suspend/requires"]
    assert ledger.missing([known], entries) == ["sel4/tcb/suspend/requires"]


def test_an_invariant_that_one_operation_does_not_prove_is_found():
    known = kernel()
    tasks = []
    for task in known.tasks:
        kept = tuple(o for o in task.obligations if not o.id.endswith("suspend/exec/invariant/no_orphans"))
        tasks.append(evolve(task, obligations=kept))
    assert ledger.missing([Kernel(known.name, tuple(tasks))], ledger.read()) == ["sel4/exec/no_orphans"]
