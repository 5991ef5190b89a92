"""Invocations of the domain capability: every error in the order in which they are found, and who runs then."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sel4.kernel import Kernel

DOMAIN, OWN, OTHER, EMPTY = 4, 5, 6, 50
SET, CONFIGURE, SET_START = 30, 31, 32
OK, TRUNCATED, ILLEGAL = ("NoError",), ("TruncatedMessage",), ("IllegalOperation",)
MOST = 0xFFFFFF


ERRORS: list[tuple[int, tuple[int, ...], tuple[int, ...], tuple[Any, ...]]] = [
    (29, (), (), ILLEGAL),
    (33, (), (), ILLEGAL),
    (SET, (), (EMPTY,), TRUNCATED),
    (SET, (16,), (), ("InvalidArgument", 0)),
    (SET, (256,), (EMPTY,), ("InvalidArgument", 0)),
    (SET, (15,), (), TRUNCATED),
    (SET, (15,), (EMPTY,), ("InvalidArgument", 1)),
    (CONFIGURE, (99, 16, 0), (), TRUNCATED),
    (CONFIGURE, (99, 16, 0, MOST + 1), (), ("RangeError", 0, 98)),
    (CONFIGURE, (98, 16, 0, MOST + 1), (), ("RangeError", 0, 15)),
    (CONFIGURE, (98, 15, 0, MOST + 1), (), ("InvalidArgument", 2)),
    (CONFIGURE, (0, 15, 0, 0), (), ("InvalidArgument", 1)),
    (CONFIGURE, (0, 0, 0, 0), (), ("InvalidArgument", 2)),
    (SET_START, (), (), TRUNCATED),
    (SET_START, (100,), (), ("RangeError", 0, 99)),
    (SET_START, (99,), (), ("InvalidArgument", 0)),
]


@pytest.fixture
def domains(kernel: Kernel) -> Kernel:
    """A kernel with all that invocations of domains are about."""
    return with_domains(kernel)


def with_domains(kernel: Kernel) -> Kernel:
    """A kernel with the capability to domains, and those to both threads."""
    ops = kernel.ops
    kernel.put(kernel.slot(DOMAIN), ops.Cap(ops.CapKind.Domain))
    kernel.put(kernel.slot(OWN), ops.Cap(ops.CapKind.Thread, object=kernel.thread.number))
    kernel.put(kernel.slot(OTHER), ops.Cap(ops.CapKind.Thread, object=kernel.other.number))
    return kernel


@pytest.mark.parametrize(("label", "words", "caps", "expected"), ERRORS)
def test_the_first_error_is_told_and_nothing_is_changed(domains, label, words, caps, expected):
    s = domains.s
    assert domains.call(DOMAIN, label, *words, caps=caps) == expected
    assert [(s.domain_schedule[index].domain, s.domain_schedule[index].duration) for index in (0, 98)] == [
        (0, 1000),
        (0, 0),
    ]
    assert (s.domain_start, s.domain_index, s.domain_time) == (0, 0, 1000)
    assert [s.tcb[thread].domain for thread in (domains.thread, domains.other)] == [0, 0]


def test_an_entry_has_a_domain_and_a_duration_of_56_bits(domains):
    assert domains.call(DOMAIN, CONFIGURE, 98, 15, 0x89ABCDEF, MOST) == OK
    entry = domains.s.domain_schedule[98]
    assert (entry.domain, entry.duration) == (15, 0xFFFFFF89ABCDEF)
    assert domains.call(DOMAIN, CONFIGURE, 98, 0, 0, 0) == OK
    assert domains.call(DOMAIN, SET_START, 98) == ("InvalidArgument", 0)


def test_a_thread_that_moves_to_the_current_domain_is_ready_but_does_not_run_at_once(domains):
    s, ops = domains.s, domains.ops
    s.tcb[domains.other].priority = 200
    assert domains.call(DOMAIN, SET, 1, caps=(OTHER,)) == OK
    ops.restart(s, domains.other)
    assert s.tcb[domains.other].queued
    assert domains.call(DOMAIN, SET, 0, caps=(OTHER,)) == OK
    assert (s.current_thread, s.tcb[domains.other].queued) == (domains.thread, True)
    domains.enter(ops.Syscall.Yield)
    assert s.current_thread == domains.other


def test_a_thread_that_moves_itself_away_stops_until_its_domain_has_its_turn(domains):
    s, ops = domains.s, domains.ops
    domains.message(DOMAIN, SET, (1,), (OWN,))
    domains.enter(ops.Syscall.Call)
    assert (s.current_thread, s.tcb[domains.thread].queued) == (s.idle_thread, True)


def test_a_schedule_that_starts_anew_is_followed_at_once(domains):
    s, ops = domains.s, domains.ops
    domains.call(DOMAIN, CONFIGURE, 7, 3, 40, 0)
    domains.call(DOMAIN, SET, 3, caps=(OTHER,))
    ops.restart(s, domains.other)
    domains.message(DOMAIN, SET_START, (7,))
    domains.enter(ops.Syscall.Call)
    assert s.current_thread == domains.other
    assert (s.current_domain, s.domain_time, s.domain_index, s.domain_start) == (3, 40, 7, 7)
    assert s.tcb[domains.thread].queued
    ops.next_domain(s)
    assert (s.domain_index, s.current_domain) == (7, 3)
