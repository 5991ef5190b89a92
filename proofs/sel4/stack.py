"""The kernel's layers with their invariants and relations, and the operations proved of them."""

from __future__ import annotations

from executable_model.sel4.state import (
    DOMAIN_SCHEDULE_LENGTH,
    L2_BITMAP_SIZE,
    NUM_DOMAINS,
    NUM_PRIORITIES,
    TPIDRURO,
)
from proofs.sel4 import (
    c_invariants,
    capability_invariants,
    cnodes,
    cspace,
    derivation,
    endpoint,
    exec_c,
    exec_invariants,
    ipc_cancel,
    message,
    notification,
    reply_caps,
    schedule,
    spec_exec,
    spec_invariants,
    tcb,
    world,
)
from proofs.sel4.layers import EXEC, SPEC, C
from refinement.prove import Stack

STACK = Stack(
    "sel4",
    (SPEC, EXEC, C),
    (spec_exec.RELATION, exec_c.RELATION),
    {
        "spec": (*spec_invariants.INVARIANTS, *reply_caps.SPEC_INVARIANTS, *cnodes.SPEC_INVARIANTS),
        "exec": (
            *exec_invariants.INVARIANTS,
            *capability_invariants.INVARIANTS,
            *reply_caps.EXEC_INVARIANTS,
            *cnodes.EXEC_INVARIANTS,
        ),
        "c": c_invariants.INVARIANTS,
    },
    {
        "ready_queue": [(d, p) for d in range(NUM_DOMAINS) for p in range(NUM_PRIORITIES)],
        "l1_bitmap": list(range(NUM_DOMAINS)),
        "l2_bitmap": [(d, group) for d in range(NUM_DOMAINS) for group in range(L2_BITMAP_SIZE)],
        "domain_schedule": list(range(DOMAIN_SCHEDULE_LENGTH)),
        "tcb.registers": list(range(TPIDRURO + 1)),
        "user_data.words": list(range(1024)),
    },
    world.numbers,
    "spec.sel4",
    world.nearby,
)

OPERATIONS = tuple(
    operation
    for module in (schedule, ipc_cancel, message, notification, endpoint, derivation, cspace, tcb)
    for operation in module.OPERATIONS
)
