"""Proofs about what is done to a thread."""

from __future__ import annotations

from proofs.sel4 import preconditions
from proofs.sel4.ipc_cancel import CANCEL_IPC
from proofs.sel4.schedule import POSSIBLE_SWITCH_TO, TCB_SCHED_DEQUEUE, TCB_SCHED_ENQUEUE
from refinement.prove import Operation

OPERATIONS = (
    Operation("tcb", "suspend", preconditions.suspend, calls=(CANCEL_IPC, TCB_SCHED_DEQUEUE)),
    Operation("tcb", "restart", calls=(CANCEL_IPC, TCB_SCHED_ENQUEUE, POSSIBLE_SWITCH_TO)),
    Operation("tcb", "set_priority", preconditions.set_priority, calls=(TCB_SCHED_DEQUEUE, POSSIBLE_SWITCH_TO)),
    Operation("tcb", "bind_notification", preconditions.bind_notification),
    Operation("tcb", "unbind_notification"),
)
