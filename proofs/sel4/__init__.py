"""What is proved of the kernel seL4."""

from __future__ import annotations

from refinement.obligations import Kernel


def kernel() -> Kernel:
    """The kernel with all its proof tasks."""
    from impl.sel4 import layout_proofs
    from proofs.sel4.replay.replayer import Sel4Replayer
    from proofs.sel4.stack import OPERATIONS, STACK

    tasks = (*layout_proofs.tasks(), *STACK.tasks(OPERATIONS))
    return Kernel("sel4", tasks, STACK.prose(OPERATIONS), Sel4Replayer())
