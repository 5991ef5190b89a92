"""Calls by contract: what a contract says is proved of the operation, and callers get no more than it says."""

from __future__ import annotations

from typing import Any

import pytest

from refinement.contracts import Contract, Ensures
from refinement.explore import ProofError
from refinement.logic import all_of
from refinement.obligations import Settings, Status
from tests.engine import jars
from tests.engine.proving import not_proved

COINS_ONLY = ("upper:jar.coins", "upper:last", "lower:jar.coins", "lower:last")


def _one_more(before: Any, after: Any, arguments: Any, jar: Any) -> Any:
    return after.jar[arguments["jar"]].coins == before.jar[arguments["jar"]].coins + 1


ONE_MORE = Ensures("one_more", ("jar",), "There is one coin more in the jar.", _one_more)
PUT = jars.made("put", jars.may_put, contract=Contract(modifies=COINS_ONLY, ensures=(ONE_MORE,)))


def test_an_operation_keeps_its_contract():
    assert not_proved(jars.stack(), PUT) == set()


def test_a_caller_is_proved_by_the_contract():
    assert not_proved(jars.stack(), PUT, jars.made("put_if_room", calls=(PUT,))) == set()


def test_what_the_contract_leaves_alone_is_known_afterwards():
    assert not_proved(jars.stack(), PUT, jars.made("open_and_put", calls=(PUT,))) == set()


def test_what_the_contract_may_change_is_unknown_afterwards():
    anything = jars.made("put", jars.may_put)
    lost = not_proved(jars.stack(), anything, jars.made("open_and_put", calls=(anything,)))
    assert lost >= {"upper/invariant/not_too_full", "lower/invariant/no_fuller"}


def test_the_precondition_is_to_be_shown():
    lost = not_proved(jars.stack(), PUT, jars.made("put_blindly", calls=(PUT,)))
    assert lost == {"upper/call/put", "upper-lower/call/put"}


def test_the_precondition_is_to_be_shown_of_each_call():
    lost = not_proved(jars.stack(), PUT, jars.made("put_twice", calls=(PUT,)))
    assert lost == {"upper/call/put", "upper-lower/call/put"}


def test_invariants_are_to_hold_at_the_call():
    lost = not_proved(jars.stack(), PUT, jars.made("overfill", calls=(PUT,)))
    assert lost >= {"upper/invariant/not_too_full", "lower/invariant/no_fuller"}


def test_layers_that_do_not_call_alike_are_found():
    stack = jars.stack(put_if_room=jars.put_nothing)
    lost = not_proved(stack, PUT, jars.made("put_if_room", calls=(PUT,)))
    assert "upper-lower/call/put" in lost


def test_a_precondition_says_the_same_in_both_layers():
    was_last = jars.made("put", lambda s, jar: all_of(s.last == jar, s.jar[jar].coins < jars.FULL))
    assert not_proved(jars.stack(), was_last) == set()
    stack = jars.stack(free=("last",))
    assert "upper-lower/requires" in not_proved(stack, was_last)
    (result,) = [r for r in stack.tasks([was_last])[1].run(Settings()) if r.obligation.id.endswith("/requires")]
    assert result.status is Status.REFUTED
    assert any("the precondition: upper" in line for line in result.counterexample["story"])


def test_a_call_that_is_never_made_is_told():
    (first, *_) = [task for task in jars.stack().tasks([PUT, jars.made("empty", calls=(PUT,))]) if "empty" in task.id]
    (result,) = [r for r in first.run(Settings()) if r.obligation.id.endswith("/call/put")]
    assert result.status is Status.UNKNOWN
    assert result.note == "no path comes to a call of put: take it off the operation's calls"


def test_a_frame_that_leaves_something_out_is_refused():
    narrow = jars.made("put", jars.may_put, contract=Contract(modifies=("upper:jar.coins", "lower:jar.coins")))
    assert not_proved(jars.stack(), narrow) == {"upper/frame", "lower/frame"}


def test_what_is_written_is_told():
    narrow = jars.made("put", jars.may_put, contract=Contract(modifies=("upper:jar.coins", "lower:jar.coins")))
    (first, *_) = jars.stack().tasks([narrow])
    notes = [result.note for result in first.run(Settings()) if result.obligation.id.endswith("/frame")]
    assert notes == ["it writes upper:last, which its contract does not name"]


def test_a_counterexample_to_what_is_ensured_is_replayed():
    none_more = Ensures(
        "none_more",
        ("jar",),
        "There are as many coins in the jar.",
        lambda before, after, arguments, jar: after.jar[jar].coins == before.jar[jar].coins,
    )
    (first, *_) = jars.stack().tasks([jars.made("put", jars.may_put, contract=Contract(ensures=(none_more,)))])
    (result,) = [r for r in first.run(Settings()) if r.obligation.id.endswith("/none_more")]
    assert result.status is Status.REFUTED
    assert any("does not ensure none_more of jar:" in line for line in result.counterexample["story"])


def test_a_caller_may_not_write_less_than_what_it_calls():
    narrow = Contract(modifies=("upper:jar.coins", "lower:jar.coins"))
    caller = jars.made("put_if_room", calls=(PUT,), contract=narrow)
    assert not_proved(jars.stack(), PUT, caller) == {"upper/frame", "lower/frame"}


def test_what_is_not_ensured_is_refused():
    two_more = Ensures(
        "two_more",
        ("jar",),
        "There are two coins more in the jar.",
        lambda before, after, arguments, jar: after.jar[jar].coins == before.jar[jar].coins + 2,
    )
    wrong = jars.made("put", jars.may_put, contract=Contract(ensures=(two_more,)))
    assert not_proved(jars.stack(), wrong) == {"upper/ensures/two_more", "lower/ensures/two_more"}


WAIVED = {"not_too_full": "jar", "no_fuller": "jar"}


def test_a_waived_invariant_need_not_hold_at_the_call():
    empty = jars.made("empty", contract=Contract(waives=WAIVED))
    assert not_proved(jars.stack(), empty) == set()
    assert not_proved(jars.stack(), empty, jars.made("overfill_and_empty", calls=(empty,))) == set()


def test_an_invariant_that_is_not_waived_must_hold_at_the_call():
    empty = jars.made("empty")
    lost = not_proved(jars.stack(), empty, jars.made("overfill_and_empty", calls=(empty,)))
    assert lost == {"upper/invariant/not_too_full", "lower/invariant/no_fuller"}


def test_a_broken_invariant_is_not_known_afterwards():
    spill = jars.made("spill", contract=Contract(breaks=WAIVED))
    assert not_proved(jars.stack(), spill) == set()
    assert not_proved(jars.stack(), spill, jars.made("spill_and_empty", calls=(spill,))) == set()
    lost = not_proved(jars.stack(), spill, jars.made("spill_only", calls=(spill,)))
    assert lost == {"upper/invariant/not_too_full", "lower/invariant/no_fuller"}


def test_an_operation_that_breaks_an_invariant_unsaid_is_refused():
    lost = not_proved(jars.stack(), jars.made("spill"))
    assert lost == {"upper/invariant/not_too_full", "lower/invariant/no_fuller"}


def test_who_relies_on_nothing_may_be_called_in_any_state():
    empty = jars.made("empty", contract=Contract(relies=(), modifies=("upper:jar.coins", "lower:jar.coins")))
    lost = not_proved(jars.stack(), empty)
    assert lost == {"upper/invariant/not_too_full", "lower/invariant/no_fuller"}, "of other jars nothing is known"


def test_only_what_is_proved_can_be_called():
    with pytest.raises(ProofError, match="put_if_room calls put by contract, which is not proved"):
        jars.stack().tasks([jars.made("put_if_room", calls=(PUT,))])


@pytest.mark.parametrize("contract", [Contract(relies=("no_such",)), Contract(waives={"no_such": "jar"})])
def test_a_contract_names_statements_that_there_are(contract: Contract):
    with pytest.raises(ProofError, match="the statement no_such, which there is not"):
        jars.stack().tasks([jars.made("put", contract=contract)])


def test_a_contract_names_maps_that_there_are():
    (first, *_) = jars.stack().tasks([jars.made("put", contract=Contract(modifies=("upper:jar.coin",)))])
    with pytest.raises(ProofError, match=r"names upper:jar\.coin, which there is not"):
        first.run(Settings())
