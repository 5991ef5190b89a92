"""The hook at loop heads."""

import pytest

from impl.c.evaluate import Evaluator
from impl.c.memory import ByteMemory
from impl.c.operations import UNSET

TEXT = """
int sum(int n) {
    int total = 0;
    for (int i = 0; i < n; i++) {
        total += i;
    }
    return total;
}
int nested(int n) {
    int count = 0;
    int last;
    while (n > 0) {
        int inner = n;
        do { count++; inner--; } while (inner > 0);
        last = n;
        n--;
    }
    return count;
}
"""


@pytest.fixture
def program(program_of):
    return program_of(TEXT)


def heads(program, name, arguments):
    """What the hook is called with, and the result."""
    seen = []

    def note(label, values, assigned):
        seen.append((label, evaluator.iteration, dict(values), assigned))

    evaluator = Evaluator(program, ByteMemory(program), at_loop=note)
    return seen, evaluator.call(name, arguments)


def test_called_at_each_head(program):
    seen, result = heads(program, "sum", [2])
    assert result == 1
    assert seen == [
        ("sum#1", 0, {"n": 2, "total": 0, "i": 0}, ("total", "i")),
        ("sum#1", 1, {"n": 2, "total": 0, "i": 1}, ("total", "i")),
        ("sum#1", 2, {"n": 2, "total": 1, "i": 2}, ("total", "i")),
    ]


def test_inner_loops_and_variables_without_a_value(program):
    seen, result = heads(program, "nested", [2])
    assert result == 3
    assert [(label, iteration) for label, iteration, *_ in seen] == [
        ("nested#1", 0), ("nested#2", 0), ("nested#2", 1),
        ("nested#1", 1), ("nested#2", 0),
        ("nested#1", 2),
    ]  # fmt: skip
    assert seen[0][2] == {"n": 2, "count": 0, "last": UNSET}
    assert seen[0][3] == ("n", "count", "last")


def test_may_replace_variables(program):
    def skip(label, values, assigned):
        values["i"] = values["n"]
        values["total"] = 100

    evaluator = Evaluator(program, ByteMemory(program), at_loop=skip)
    assert evaluator.call("sum", [5]) == 100


def test_may_end_the_run(program):
    class Enough(Exception):
        pass

    def stop(label, values, assigned):
        raise Enough

    with pytest.raises(Enough):
        Evaluator(program, ByteMemory(program), at_loop=stop).call("sum", [5])


def test_labels_name_loops(program):
    assert program.loop("nested#2").condition_last
    assert [variable.name for variable in program.loop("sum#1").visible] == ["n", "total", "i"]
    for label in ("sum#0", "sum#2", "sum", "other#1"):
        with pytest.raises(KeyError, match="has no loop"):
            program.loop(label)
