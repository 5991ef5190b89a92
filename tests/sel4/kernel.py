"""A small kernel in one of the Python layers, to make system calls to: a thread with a CNode, and untyped memory."""

from __future__ import annotations

import importlib
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import executable_model.sel4
import spec.sel4

LAYERS = {"spec": spec.sel4, "exec": executable_model.sel4}
MODULES = ("capability", "state", "errors", "cspace", "derivation", "memory", "message", "reply", "tcb", "schedule")
INVOCATIONS = ("deletion", "tcb_invocation", "domain", "syscall")

THREAD = 0x1100
OTHER_THREAD = 0x1300
CNODE = 0x8000
BUFFER = 0x10000
MEMORY = 0x400000
MEMORY_BITS = 20
RADIX = 6
SELF, UNTYPED = 2, 3
"""Slots of the CNode: the CNode itself, and the untyped memory.  Those from 8 on are empty."""


class Kernel:
    """The state, and the layer's functions by name.  Addresses are slots of the CNode; indices have 32 bits."""

    def __init__(self, layer: str):
        names: dict[str, Any] = {}
        for module in (*MODULES, *INVOCATIONS):
            names.update(vars(importlib.import_module(f"{LAYERS[layer].__name__}.{module}")))
        self.layer = layer
        self.ops = ops = SimpleNamespace(**names)
        self.s = s = ops.initial_state()
        self.thread, self.other = ops.ThreadRef(THREAD), ops.ThreadRef(OTHER_THREAD)
        for thread in (self.thread, self.other):
            s.tcb[thread] = ops.Thread(priority=100)
            ops.create_slots(s, thread.number - 0x100, 5)
            ops.setup_reply_master(s, thread)
        s.tcb[self.thread].state = ops.ThreadState.Running
        s.current_thread = self.thread
        ops.create_slots(s, CNODE, 1 << RADIX)
        root = ops.Cap(ops.CapKind.CNode, object=CNODE, size_bits=RADIX, guard_size=32 - RADIX)
        self.put(self.slot(SELF), root)
        self.put(self.slot(UNTYPED), ops.Cap(ops.CapKind.Untyped, object=MEMORY, size_bits=MEMORY_BITS))
        for thread, page in ((self.thread, BUFFER), (self.other, BUFFER + 0x1000)):
            self.put(ops.slot_of_thread(thread, ops.CSPACE_ROOT), root)
            frame = ops.Cap(ops.CapKind.Frame, object=page, size_bits=12, vm_rights=3)
            ops.create(s, frame)
            self.put(ops.slot_of_thread(thread, ops.IPC_BUFFER_SLOT), frame)

    def slot(self, index: int) -> Any:
        """A slot of the CNode."""
        return self.ops.slot_of_cnode(CNODE, index)

    def cap(self, index: int) -> Any:
        """The capability in a slot of the CNode."""
        return self.s.slot[self.slot(index)].cap

    def put(self, slot: Any, cap: Any) -> None:
        """Put a capability that was derived from no other into a slot."""
        entry = self.s.slot[slot]
        entry.cap = cap
        if self.layer == "spec":
            entry.is_original = True
            entry.family, entry.position, entry.end = self.s.families, Fraction(0), Fraction(1)
            self.s.families = self.s.families + 1
        else:
            entry.revocable = entry.first_badged = True

    def message(self, address: int, label: int = 0, words: tuple[int, ...] = (), caps: tuple[int, ...] = ()) -> None:
        """Have the current thread ready to send a message."""
        tcb = self.s.tcb[self.s.current_thread]
        tcb.registers[0] = address
        tcb.registers[1] = label << 12 | len(caps) << 7 | len(words)
        buffer = self.ops.lookup_ipc_buffer(self.s, self.s.current_thread, False)
        for number, word in enumerate(words):
            self.ops.set_mr(self.s, self.s.current_thread, buffer, number, word)
        for number, cap in enumerate(caps):
            self.ops.store_word(self.s, buffer, self.ops.BUFFER_CAPS + number, cap)

    def enter(self, number: int) -> None:
        """Enter the kernel by a system call of the current thread."""
        self.ops.call_kernel(self.s, number)

    def call(self, address: int, label: int, *words: int, caps: tuple[int, ...] = ()) -> tuple[str, ...]:
        """Call an object of the kernel; gives the name of the error, NoError if all went well, and its words."""
        thread = self.s.current_thread
        self.message(address, label, words, caps)
        self.enter(self.ops.Syscall.Call)
        registers = self.s.tcb[thread].registers
        buffer = self.ops.lookup_ipc_buffer(self.s, thread, False)
        length = registers[1] & 0x7F
        found = [registers[2 + n] if n < 4 else self.ops.load_word(self.s, buffer, 1 + n) for n in range(length)]
        return (self.ops.ErrorKind(registers[1] >> 12).name, *found)

    def retype(self, object_type: int, user_bits: int, offset: int, count: int = 1) -> tuple[str, ...]:
        """Make objects; the capabilities go into the slots from `offset` on."""
        return self.call(UNTYPED, 1, object_type, user_bits, 0, 0, offset, count, caps=(SELF,))

    def copy(self, source: int, destination: int, rights: int = 15) -> tuple[str, ...]:
        """Copy a capability from one slot of the CNode to another."""
        return self.call(SELF, 20, destination, 32, source, 32, rights, caps=(SELF,))

    def mint(self, source: int, destination: int, data: int, rights: int = 15) -> tuple[str, ...]:
        """Copy a capability with a badge or guard."""
        return self.call(SELF, 21, destination, 32, source, 32, rights, data, caps=(SELF,))

    def move(self, source: int, destination: int) -> tuple[str, ...]:
        """Move a capability."""
        return self.call(SELF, 22, destination, 32, source, 32, caps=(SELF,))

    def revoke(self, index: int) -> tuple[str, ...]:
        """Delete what was derived from a slot's capability."""
        return self.call(SELF, 17, index, 32)

    def delete(self, index: int) -> tuple[str, ...]:
        """Delete a slot's capability."""
        return self.call(SELF, 18, index, 32)

    def full(self, *indices: int) -> list[int]:
        """Those of the slots that hold a capability."""
        return [index for index in indices if self.cap(index).kind != self.ops.CapKind.Null]
