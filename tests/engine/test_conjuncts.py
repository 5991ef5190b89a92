"""Conjuncts of predicates: which there are, where, and that together they say what the predicate says."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from refinement.conjuncts import conjuncts
from refinement.logic import all_of, any_of, implies


def single(a: Any, b: Any, c: Any) -> Any:
    return any_of(a, all_of(b, c))


def listed(a: Any, b: Any, c: Any) -> Any:
    both = all_of(b, c)
    return all_of(
        a,
        both,
    )


def conditional(a: Any, b: Any, c: Any) -> Any:
    def member(x: Any) -> Any:
        return x

    return implies(a, all_of(member(b), implies(b, c)))


def spread(a: Any, b: Any, c: Any) -> Any:
    return all_of(*(a, b, c))


def branching(a: Any, b: Any, c: Any) -> Any:
    if a:
        return all_of(b, c)
    return True


def within(outer: bool) -> Callable[[Any, Any, Any], Any]:
    def holds(a: Any, b: Any, c: Any) -> Any:
        return all_of(outer, a, any_of(b, c))

    return holds


PREDICATES = {single: 1, listed: 3, conditional: 2, spread: 1, branching: 1, within(True): 3, within(False): 3}


def test_there_are_so_many() -> None:
    assert {predicate: len(conjuncts(predicate)) for predicate in PREDICATES} == PREDICATES


def test_together_they_say_what_the_predicate_says() -> None:
    for predicate in PREDICATES:
        for values in product((False, True), repeat=3):
            assert all(part.holds(*values) for part in conjuncts(predicate)) == predicate(*values)


def test_each_has_a_number_and_a_place() -> None:
    first, second, third = conjuncts(listed)
    line = listed.__code__.co_firstlineno
    assert [part.label("listed") for part in (first, second, third)] == ["listed#1", "listed#2", "listed#3"]
    assert first.location == f"tests/engine/test_conjuncts.py:{line + 3}"
    assert second.location == third.location == f"tests/engine/test_conjuncts.py:{line + 1}"
    (whole,) = conjuncts(single)
    assert whole.label("single") == "single"
    assert [part.text for part in conjuncts(conditional)] == ["implies(a, member(b))", "implies(a, implies(b, c))"]
