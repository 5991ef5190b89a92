"""Seeded faults about the lookup of capabilities."""

from __future__ import annotations

SPEC = [
    ("guard off by one", "cspace.py", "if cap.guard_size > left or bits_of(", "if cap.guard_size >= left or bits_of(",
     "sel4/cspace/resolve_address_bits/spec-exec"),
    ("guard of the lowest bits", "cspace.py", "bits_of(address, left - cap.guard_size, cap.guard_size) != cap.guard",
     "bits_of(address, 0, cap.guard_size) != cap.guard", "sel4/cspace/resolve_address_bits/spec-exec"),
    ("guard not counted", "cspace.py", "        needed = cap.guard_size + cap.size_bits\n",
     "        needed = cap.size_bits\n", "sel4/cspace/resolve_address_bits/spec-exec"),
    ("lookup ends at the first CNode", "cspace.py", "        if at.bits_left == 0 or at.cap.kind != CapKind.CNode:\n",
     "        if True:\n", "sel4/cspace/resolve_address_bits/spec-exec"),
    ("source taken for destination", "cspace.py", "        raise failed_lookup(is_source, found.failure)\n",
     "        raise failed_lookup(not is_source, found.failure)\n", "sel4/cspace/lookup_slot_for_cnode_op/spec-exec"),
]  # fmt: skip

MODEL = [
    ("depth check missing", "cspace.py", "        if used > left:\n", "        if False:\n",
     "sel4/cspace/resolve_address_bits/spec-exec"),
    ("depth checked before the root", "cspace.py",
     "    if root.kind != CapKind.CNode:\n        raise failed_lookup(is_source, LookupFailure(LookupFailureKind.InvalidRoot))\n"
     "    if depth < 1 or depth > MAX_DEPTH:\n        raise SyscallError(ErrorKind.RangeError, 1, MAX_DEPTH)\n",
     "    if depth < 1 or depth > MAX_DEPTH:\n        raise SyscallError(ErrorKind.RangeError, 1, MAX_DEPTH)\n"
     "    if root.kind != CapKind.CNode:\n        raise failed_lookup(is_source, LookupFailure(LookupFailureKind.InvalidRoot))\n",
     "sel4/cspace/lookup_slot_for_cnode_op/spec-exec"),
    ("depth of zero allowed", "cspace.py", "    if depth < 1 or depth > MAX_DEPTH:\n", "    if depth > MAX_DEPTH:\n",
     "sel4/cspace/lookup_slot_for_cnode_op/spec-exec"),
    ("mismatch tells other bits", "cspace.py", "LookupFailureKind.DepthMismatch, left, used", "LookupFailureKind.DepthMismatch, used, left",
     "sel4/cspace/resolve_address_bits/spec-exec"),
]  # fmt: skip

C = [
    ("slot of the next index", "src/cspace.c", "        word_t index = (address >> bitsLeft) & MASK(radix);\n",
     "        word_t index = ((address >> bitsLeft) + 1u) & MASK(radix);\n", "sel4/cspace/resolve_address_bits/exec-c"),
    ("guard not compared", "src/cspace.c",
     "guardSize > bitsLeft || ((address >> ((bitsLeft - guardSize) & 31u)) & MASK(guardSize)) != guard",
     "guardSize > bitsLeft", "sel4/cspace/resolve_address_bits/exec-c"),
    ("shift by the whole word", "src/cspace.c", "(address >> ((bitsLeft - guardSize) & 31u))",
     "(address >> (bitsLeft - guardSize))", "sel4/cspace/resolve_address_bits/exec-c"),
    ("bits left are not told", "src/cspace.c", "            return found(slot, bitsLeft);\n",
     "            return found(slot, 0);\n", "sel4/cspace/resolve_address_bits/exec-c"),
]  # fmt: skip
