"""The proofs about packed words hold, can fail, and then give a counterexample that replays."""

import pytest

from impl.sel4 import layout, layout_proofs
from refinement.obligations import Kind, Settings, Status

TASKS = layout_proofs.tasks()
OF_FIELDS = [task for task in TASKS if not task.id.endswith("/kinds")]


def test_every_field_has_a_task():
    fields = [f"sel4/layout/{s.name}/{f}" for s in layout.layout().values() for f in s.fields]
    assert [task.id for task in OF_FIELDS] == fields
    of_unions = ["sel4/layout/cap/kinds", "sel4/layout/lookup_fault/kinds"]
    assert [task.id for task in TASKS if task not in OF_FIELDS] == of_unions
    obligations = [obligation for task in OF_FIELDS for obligation in task.obligations]
    assert len({obligation.id for obligation in obligations}) == len(obligations) == 5 * len(fields)
    assert {(o.kind, o.layers, o.strength) for o in obligations} == {(Kind.LAYOUT, "c", "unbounded")}
    assert obligations[0].location.startswith("impl/sel4/include/layout.h:")


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.id)
def test_proved(task):
    results = task.run(Settings())
    assert [result.obligation for result in results] == list(task.obligations)
    assert {result.status for result in results} == {Status.PROVED}
    assert {(result.paths, result.witnessed) for result in results} == {(1, 1)}


def test_wrong_tags_are_not_proved(monkeypatch):
    """A layout in which a kind has another tag than in the C function's source."""
    text = layout.SOURCE.read_text(encoding="utf-8")
    changed = layout.load(text.replace("value = 30 }", "value = 13 }").replace("value = 62 }", "value = 30 }"))
    monkeypatch.setattr(layout_proofs, "layout", lambda: changed)
    tag, new = layout_proofs.union_task("cap").run(Settings())
    assert tag.status is new.status is Status.REFUTED
    words = tag.counterexample["scenario"]["words"]
    assert layout_proofs.replay_kinds("cap", words) != []
    assert any("the layout says" in line for line in new.counterexample["story"])
    for result in (tag, new):
        compile(result.counterexample["pytest"], "test_found.py", "exec")
    monkeypatch.undo()
    assert layout_proofs.replay_kinds("cap", words) == layout_proofs.wrong_makers("cap") == []


@pytest.mark.parametrize("struct", ["endpoint", "dschedule", "endpoint_cap"])
def test_wrong_layout_is_refuted(struct, monkeypatch):
    """A layout that differs from the C functions by one bit: the words, and how a value lies in them."""
    text = layout.SOURCE.read_text(encoding="utf-8")
    wrong = {
        "endpoint": ("state = { word = 0, low = 0, width = 2", "state = { word = 0, low = 1, width = 2"),
        "endpoint_cap": (
            "capEPBadge = { word = 0, low = 4, width = 28",
            "capEPBadge = { word = 0, low = 5, width = 27",
        ),
        "dschedule": ("duration = { word = 0, low = 0, width = 56", "duration = { word = 0, low = 0, width = 55"),
    }[struct]
    assert wrong[0] in text
    changed = layout.load(text.replace(*wrong))
    monkeypatch.setattr(layout_proofs, "layout", lambda: changed)
    entry = changed[struct].field({"endpoint": "state", "endpoint_cap": "capEPBadge", "dschedule": "duration"}[struct])
    task = layout_proofs.task(layout_proofs.Accessors(changed[struct], entry))
    results = {result.obligation.id.rpartition("/")[2]: result for result in task.run(Settings())}
    assert results["get"].status is results["set"].status is results["frame"].status is Status.REFUTED
    assert results["guards"].status is Status.PROVED
    found = results["set"].counterexample
    assert any("the layout says" in line for line in found["story"])
    assert layout_proofs.replay(found["scenario"]) != []
    compile(found["pytest"], "test_found.py", "exec")
    monkeypatch.undo()
    assert layout_proofs.replay(found["scenario"]) == []
