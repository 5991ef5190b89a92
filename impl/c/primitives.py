"""What a C program says of which objects live where: by functions that it declares and does not define.

To the compiled program they mean nothing, save that memory is cleared.  In a run on bytes they change the memory's
registry of live objects, so that an access to memory that was given another type is undefined behaviour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from attrs import frozen

from impl.c.memory import ByteMemory

if TYPE_CHECKING:
    from impl.c.evaluate import Evaluator


@frozen
class Primitives:
    """The functions, by name.

    `delete` (start, bits): every object in 2**bits bytes ceases to live; none may lie partly outside.
    `clear` (start, bits): 2**bits bytes, in which no object may live, become 0.
    `create`: for each such function (start, count) the type of the objects that it lets live, one beside the other.
    They are aligned, and their memory is 0 and that of no other object.
    """

    delete: str
    clear: str
    create: Mapping[str, str]

    def on(self, evaluator: Evaluator, memory: ByteMemory) -> dict[str, Callable[..., None]]:
        """The functions on bytes; what must hold is reported to the evaluator."""

        def check(condition: bool, message: str) -> None:
            evaluator.check(condition, "object", message, evaluator.location)

        def delete(start: int, bits: int) -> None:
            end = start + (1 << bits)
            for address in memory.overlapping(start, 1 << bits):
                inside = start <= address and address + memory.size_of(memory.objects[address]) <= end
                check(inside, "no object lies partly in the deleted memory")
                memory.free(address)

        def clear(start: int, bits: int) -> None:
            check(not memory.overlapping(start, 1 << bits), "there is no object in the cleared memory")
            memory.write_bytes(start, bytes(1 << bits))

        def creator(root: str) -> Callable[[int, int], None]:
            shape = memory.shapes.named(root)
            size, align = memory.program.size_and_align(shape.type)

            def create(start: int, count: int) -> None:
                whole = size * count
                check(start % align == 0, f"the new {root} is aligned")
                check(not memory.overlapping(start, whole), f"there is no object where the new {root} is")
                check(not any(memory.read_bytes(start, whole)), f"the memory of the new {root} is 0")
                for number in range(count):
                    memory.add(shape.root, start + number * size)

            return create

        creators = {name: creator(root) for name, root in self.create.items()}
        return {self.delete: delete, self.clear: clear, **creators}
