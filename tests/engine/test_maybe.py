"""What may or may not happen: a proof against a lower layer says which, and one without follows both."""

from __future__ import annotations

import pytest

from refinement import logic, scenario
from refinement.explore import Explorer, ProofError
from refinement.logic import implies, maybe
from refinement.obligations import Kernel, Status
from refinement.replay import run_and_compare
from refinement.smt import Solver
from refinement.statements import invariant
from tests.engine import boxes
from tests.engine.proving import not_proved, results


def _fragile(before, after):
    return before["lower"].box[before.arguments["box"]].tag.fragile


@invariant("upper", "box")
def weights_are_known(s, box):
    """No box weighs nothing."""
    return s.box[box].tag.weight != 0


def test_plainly_it_is_drawn(monkeypatch):
    assert maybe("lost") is False
    monkeypatch.setattr(logic, "draw", lambda candidates: candidates[-1])
    assert maybe("lost") is True


def test_what_the_lower_layer_does_is_allowed():
    ship = boxes.made("ship", happens={"lost": _fragile})
    assert not_proved(boxes.stack(boxes.fragile_ones_are_light), ship) == set()


def test_it_makes_no_obligation_of_its_own():
    ship = boxes.made("ship", happens={"lost": _fragile})
    assert not [id for id in results(boxes.stack(), ship) if "choice" in id]


@pytest.mark.parametrize("happens", [True, False])
def test_the_wrong_outcome_is_refuted(happens):
    ship = boxes.made("ship", happens={"lost": lambda before, after: happens})
    found = results(boxes.stack(), ship)["upper-lower/state"]
    assert found.status is Status.REFUTED
    assert found.counterexample["scenario"]["draws"] == [happens]


def test_a_proof_that_does_not_say_is_an_error():
    found = results(boxes.stack(), boxes.made("ship"))["upper-lower/state"]
    assert (found.status, found.note) == (Status.ERROR, "say in the proof of ship whether 'lost' happens")


def test_nobody_to_say_is_an_error():
    with pytest.raises(ProofError, match="nothing says whether 'lost' happens"):
        list(Explorer(Solver(1_000_000, 5)).explore(lambda run: maybe("lost")))


def test_without_a_lower_layer_both_are_followed():
    found = results(boxes.stack(weights_are_known), boxes.made("ship", happens={"lost": _fragile}))
    lost = found["upper/invariant/weights_are_known"]
    assert lost.paths == 2
    assert lost.status is Status.REFUTED
    assert lost.counterexample["scenario"]["draws"] == [True]


def test_a_counterexample_is_replayed_with_what_was_drawn(monkeypatch):
    stack = boxes.stack(weights_are_known)
    tasks = stack.tasks([boxes.made("ship", happens={"lost": _fragile})])
    found = results(stack, boxes.made("ship", happens={"lost": _fragile}))
    saved = found["upper/invariant/weights_are_known"].counterexample["scenario"]
    monkeypatch.setattr("refinement.registry.collect", lambda only: Kernel("toy", tasks))
    assert scenario.replay(saved) == saved["failures"] != []
    assert scenario.replay({**saved, "draws": [False]}) == []


def test_afterwards_draws_are_made_as_before():
    proof = boxes.stack().tasks([boxes.made("ship")])[0].proof
    drawing = logic.draw
    assert proof is not None
    run_and_compare(proof, {"box": []}, {"upper": boxes.State()}, {"box": boxes.BoxRef(1)}, [True])
    assert logic.draw is drawing


def test_an_implication_holds_whatever_happens():
    @invariant("upper", "box")
    def red_ones_are_fragile(s, box):
        """A red box is fragile."""
        return implies(s.box[box].tag.colour == boxes.Colour.Red, s.box[box].tag.fragile)

    ship = boxes.made("ship", happens={"lost": _fragile})
    assert not_proved(boxes.stack(red_ones_are_fragile), ship) == set()
