"""Rational numbers in states: between two there is always another one."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from refinement import terms
from refinement.contracts import Contract, Ensures
from refinement.logic import Objects, all_of, any_of, implies, ite
from refinement.obligations import Status
from refinement.schema import MACHINE, MATHEMATICAL, Leaf, leaf_of
from refinement.smt import Solver
from refinement.statements import invariant
from refinement.values import Rational, term_of_truth
from tests.engine import boxes
from tests.engine.boxes import Box, BoxRef, State
from tests.engine.proving import not_proved, results

HALF = Fraction(1, 2)


def _between(before, after, arguments, box):
    left, right = before.box[arguments["left"]].place, before.box[arguments["right"]].place
    is_meant = box == arguments["box"]
    return implies(is_meant, all_of(left < after.box[box].place, after.box[box].place < right))


BETWEEN = Contract(ensures=(Ensures("between", ("box",), "The box is between the two.", _between),))


@pytest.fixture(autouse=True)
def _fresh_terms():
    """Terms that a solver has lowered must not come to another one."""
    terms.reset()


def unknown(name):
    return Rational(terms.variable(name, terms.REAL))


@pytest.fixture
def holds():
    """Says whether a condition on unknowns always holds."""
    solver = Solver(1_000_000, 5)
    return lambda condition: solver.check([terms.negate(term_of_truth(condition))]) == "unsat"


def test_a_place_between_two_others():
    operation = boxes.made("put_between", boxes.may_put_between, contract=BETWEEN)
    assert not_proved(boxes.stack(), operation) == set()


def test_a_place_that_is_not_between_is_refuted():
    operation = boxes.made("put_at_left", boxes.may_put_between, contract=BETWEEN)
    found = results(boxes.stack(), operation)
    assert {id for id, result in found.items() if result.status is Status.REFUTED} == {
        "upper/ensures/between",
        "lower/ensures/between",
    }


def test_layers_that_put_it_elsewhere_are_found():
    stack = boxes.stack(put_between=boxes.put_at_left)
    found = results(stack, boxes.made("put_between", boxes.may_put_between))["upper-lower/state"]
    assert found.status is Status.REFUTED
    assert any("box.place" in line for line in found.counterexample["scenario"]["failures"])


def test_there_need_not_be_a_whole_number_between():
    @invariant("upper", "box")
    def half_or_none(s, box):
        """A box is at one half or less, or at one or more."""
        return any_of(s.box[box].place <= HALF, s.box[box].place >= 1)

    operation = boxes.made("put_between", boxes.may_put_between)
    assert not_proved(boxes.stack(half_or_none), operation) == {"upper/invariant/half_or_none"}


def test_operators_mean_what_they_do_plainly(holds):
    x, y = unknown("x"), unknown("y")
    assert holds(implies(x < y, all_of(x < (x + y) / 2, (x + y) / 2 < y)))
    assert holds((x + HALF) - x == HALF)
    assert holds(HALF + x > x)
    assert holds(ite(x < y, y, x) >= x)
    assert not holds(x / 2 < x)


def test_constants_are_folded():
    assert terms.add(terms.rational(HALF), terms.rational(1)) is terms.rational(Fraction(3, 2))
    assert terms.multiply(terms.rational(3), terms.rational(HALF)) is terms.rational(Fraction(3, 2))
    assert terms.less(terms.rational(HALF), terms.rational(1)) is terms.TRUE
    assert terms.value_of(terms.constant(HALF, terms.REAL)) == HALF


def test_whole_numbers_stand_for_rationals_and_other_numbers_do_not(holds):
    x = unknown("x")
    assert holds(implies(x > 1, x > 0))
    with pytest.raises(TypeError):
        x < 0.5  # noqa: B015
    with pytest.raises(TypeError):
        x / HALF


@pytest.mark.parametrize("encoding", [MATHEMATICAL, MACHINE])
def test_the_type_of_fractions(encoding):
    leaf = leaf_of(Fraction)
    assert leaf == Leaf("rational")
    assert leaf.sort(encoding) is terms.REAL
    assert leaf.default() == Fraction(0)
    assert leaf.plain(leaf.unwrap(HALF, terms.REAL).data) == HALF
    with pytest.raises(TypeError, match="expected a rational"):
        leaf.unwrap(1, terms.REAL)


def test_saved_rationals_are_read_back():
    layer = boxes.stack().layers[0]
    state = State(Objects({BoxRef(1): Box(place=Fraction(-3, 4))}))
    saved = json.loads(json.dumps(layer.dump(state)))
    assert saved == {"box": {"box:1": {"place": "-3/4"}}}
    assert layer.load(saved) == state


def test_a_model_gives_fractions():
    solver = Solver(1_000_000, 5)
    x = unknown("x")
    model = solver.model([term_of_truth(all_of(x + x + x == 1))])
    assert model is not None
    assert model.value(x.term) == Fraction(1, 3)
