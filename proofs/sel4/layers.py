"""The kernel's layers: the abstract specification, the executable model and the C program."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from executable_model.sel4.state import State as ModelState
from impl.sel4.program import layer
from proofs.sel4.cap_words import CAP
from refinement.layers import PythonLayer
from spec.sel4.state import State as SpecState

OPERATIONS = {
    "schedule": (
        "set_thread_state",
        "tcb_sched_enqueue",
        "tcb_sched_append",
        "tcb_sched_dequeue",
        "reschedule_required",
        "possible_switch_to",
        "schedule_choose_new_thread",
        "schedule",
        "activate_thread",
        "timer_tick",
        "handle_yield",
    ),
    "ipc_cancel": ("cancel_ipc", "cancel_signal", "cancel_all_ipc", "cancel_badged_sends", "cancel_all_signals"),
    "message": ("do_ipc_transfer",),
    "notification": ("send_signal", "receive_signal", "complete_signal"),
    "endpoint": ("send_ipc", "receive_ipc"),
    "cspace": ("resolve_address_bits", "lookup_slot", "lookup_slot_for_cnode_op", "lookup_extra_caps"),
    "derivation": ("empty_slot", "cap_move", "cap_swap", "cap_insert", "insert_new_cap"),
    "tcb": ("suspend", "restart", "set_priority", "bind_notification", "unbind_notification"),
}
"""The operations that are verified, by the module that has them in every layer."""


def _functions(package: str) -> dict[str, Callable[..., Any]]:
    return {
        name: getattr(import_module(f"{package}.{module}"), name)
        for module, names in OPERATIONS.items()
        for name in names
    }


def _errors(package: str) -> tuple[type[Exception], ...]:
    errors = import_module(f"{package}.errors")
    return (errors.SyscallError, errors.LookupFault, errors.Preempted)


SPEC = PythonLayer("spec", SpecState, _functions("spec.sel4"), _errors("spec.sel4"))
EXEC = PythonLayer("exec", ModelState, _functions("executable_model.sel4"), _errors("executable_model.sel4"))
C = layer((name for names in OPERATIONS.values() for name in names), {"Cap": CAP})
