"""The C program does what the executable model does, also where no recording shows it: every error of invocations."""

from __future__ import annotations

from typing import Any

import pytest

from proofs.sel4.replay import c, executable
from tests.sel4.kernel import Kernel
from tests.sel4.test_domain import ERRORS as DOMAIN_ERRORS
from tests.sel4.test_domain import with_domains
from tests.sel4.test_tcb_invocation import (
    BIND,
    CNODE,
    CONFIGURE,
    COPY,
    FLAGS,
    FRAME,
    IPC_BUFFER,
    MCP,
    NOTIFICATION,
    OTHER,
    OWN,
    PD,
    PRIORITY,
    READ,
    SCHED,
    SPACES,
    SUSPEND,
    TLS,
    WRITE,
    with_threads,
)
from tests.sel4.test_tcb_invocation import ERRORS as THREAD_ERRORS

IDLE = 0x2100
CARRIED_OUT: list[tuple[int, int, tuple[int, ...], tuple[int, ...]]] = [
    (OTHER, READ, (0, 19), ()),
    (OTHER, READ, (1, 7), ()),
    (OTHER, WRITE, (1, 21, *range(0xF1234500, 0xF1234515)), ()),
    (OTHER, WRITE, (0, 5, *range(0xF1234500, 0xF1234505)), ()),
    (OTHER, COPY, (15,), (OWN,)),
    (OTHER, COPY, (12,), (OWN,)),
    (OWN, COPY, (14,), (OTHER,)),
    (OTHER, CONFIGURE, (77, 5 << 8 | 8 << 3, 9, 0x7200), (CNODE, PD, FRAME)),
    (OWN, CONFIGURE, (77, 0, 0, 0), (CNODE, PD, FRAME)),
    (OTHER, PRIORITY, (100,), (OWN,)),
    (OWN, PRIORITY, (31,), (OWN,)),
    (OTHER, MCP, (99,), (OWN,)),
    (OTHER, SCHED, (99, 98), (OWN,)),
    (OWN, IPC_BUFFER, (0x7200,), (FRAME,)),
    (OTHER, SPACES, (77, 0, 0), (CNODE, PD)),
    (OWN, SUSPEND, (), ()),
    (OTHER, BIND, (), (NOTIFICATION,)),
    (OWN, TLS, (0x1234,), ()),
    (OTHER, FLAGS, (1, 2), ()),
]


def seen(machine: Any, kernel: Kernel) -> dict[str, Any]:
    """What can be seen of a state."""
    buffer = kernel.ops.lookup_ipc_buffer(kernel.s, kernel.thread, False)
    words = [machine.word(buffer + 4 * number) for number in range(128)] if buffer else []
    found = {"runs": machine.current_thread, "domain": machine.current_domain, "slots": machine.slots(), "words": words}
    for thread in (kernel.thread, kernel.other):
        found |= {f"{thread} {name}": value for name, value in machine.image("tcb", thread.number).items()}
    return found


def assert_alike(kernel: Kernel, layer: Any, cap: int, label: int, words: Any, caps: Any) -> None:
    """Make a call on the executable model and on the C program, and compare all that can be seen."""
    s, ops = kernel.s, kernel.ops
    s.tcb[ops.ThreadRef(IDLE)] = s.tcb.pop(s.idle_thread)
    s.idle_thread = ops.ThreadRef(IDLE)
    for thread in (kernel.thread, kernel.other):
        s.tcb[thread].registers.update({number: thread.number * number for number in range(8, 20)})
    buffer = ops.lookup_ipc_buffer(s, kernel.thread, False)
    kernel.message(cap, label, words, caps)
    with layer(s) as machine:
        for number in range(128):
            machine.set_word(buffer + 4 * number, ops.load_word(s, buffer, number))
        machine.call(int(ops.Syscall.Call))
        kernel.enter(ops.Syscall.Call)
        with executable.machine(s) as model:
            assert seen(machine, kernel) == seen(model, kernel)


@pytest.mark.parametrize("layer", [c.evaluated, c.compiled])
@pytest.mark.parametrize(("cap", "label", "words", "caps"), [*(error[:4] for error in THREAD_ERRORS), *CARRIED_OUT])
def test_the_c_program_does_the_same_to_threads(cap, label, words, caps, layer):
    assert_alike(with_threads(Kernel("exec")), layer, cap, label, words, caps)


DOMAIN_CALLS = [
    *(error[:3] for error in DOMAIN_ERRORS),
    (30, (1,), (5,)),
    (30, (0,), (6,)),
    (31, (98, 15, 0x89ABCDEF, 0xFFFFFF), ()),
    (32, (0,), ()),
]


@pytest.mark.parametrize("layer", [c.evaluated, c.compiled])
@pytest.mark.parametrize(("label", "words", "caps"), DOMAIN_CALLS)
def test_the_c_program_does_the_same_to_domains(label, words, caps, layer):
    assert_alike(with_domains(Kernel("exec")), layer, 4, label, words, caps)
