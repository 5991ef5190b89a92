"""What the generated code calls: C's operators with their guards, on ints and on symbolic words.

Values are bit patterns (`Bits`) of a known width, pointers are addresses or `Place`s, conditions are `Truth`.
Guards are reported to the evaluator (`ev.check`), kinds and all.  The rules are those of C99 (ISO 9899) 6.3
and 6.5 on a target with two's complement and arithmetic right shift.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from impl.c import ir
from impl.c.places import Access, Place, Shape, byte_offset
from refinement import bits, terms
from refinement.bits import Bits, Truth

if TYPE_CHECKING:
    from impl.c.evaluate import Evaluator

Pointer = Bits | Place

LOOP_LIMIT = 512
"""How often a loop without a hook may go round on symbolic conditions."""
PLAIN_LOOP_LIMIT = 1_000_000
"""How often a loop may go round at all."""


class Unset:
    """The content of a local variable before it is assigned."""

    def __repr__(self) -> str:
        return "UNSET"


UNSET = Unset()


class LoopBound(Exception):
    """A loop went round too often: it needs a loop invariant, or does not end."""


def nonzero(value: Bits, width: int) -> Truth:
    """C's truth of a value."""
    return value != 0 if isinstance(value, int) else bits.negate(bits.equal(value, 0, width))


def conjunction(left: Truth, right: Truth) -> Truth:
    """Both, without a branch."""
    if isinstance(left, bool):
        return right if left else False
    return bits.plain_truth(bits.terms.conjunction((left, bits.lift_truth(right))))


def disjunction(left: Truth, right: Truth) -> Truth:
    """At least one, without a branch."""
    return bits.negate(conjunction(bits.negate(left), bits.negate(right)))


def choose_truth(condition: Truth, then: Truth, otherwise: Truth) -> Truth:
    """A truth value by cases, without a branch."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    return bits.plain_truth(bits.terms.ite(condition, bits.lift_truth(then), bits.lift_truth(otherwise)))


def choose_pointer(ev: Evaluator, condition: Truth, then: Pointer, otherwise: Pointer, location: str) -> Pointer:
    """A pointer by cases: without a branch if both are addresses."""
    if not isinstance(condition, bool) and not isinstance(then, Place) and not isinstance(otherwise, Place):
        return bits.ite(condition, then, otherwise, ir.WORD)
    return then if decide(ev, condition, location) else otherwise


def one_of(value: Bits, labels: tuple[int, ...], width: int) -> Truth:
    """Whether the value is one of the labels."""
    if isinstance(value, int):
        return value in labels
    result: Truth = False
    for label in labels:
        result = disjunction(result, bits.equal(value, label, width))
    return result


def decide(ev: Evaluator, condition: Truth, location: str) -> bool:
    """Settle a branch at `location`."""
    if condition is True or condition is False:
        return condition
    ev.location = location
    return bits.decide(condition)


def go_on(ev: Evaluator, condition: Truth, count: int, location: str) -> bool:
    """Settle whether a loop goes round once more, having done so `count` times."""
    if condition is True or condition is False:
        if count >= PLAIN_LOOP_LIMIT and condition:
            raise LoopBound(f"{location}: the loop did not end within {PLAIN_LOOP_LIMIT} iterations")
        return condition
    if count >= LOOP_LIMIT:
        raise LoopBound(f"{location}: more than {LOOP_LIMIT} symbolic iterations: the loop needs a loop invariant")
    ev.location = location
    return bits.decide(condition)


# Arithmetic with guards


def _fits(wide: Bits, width: int, to: int) -> Truth:
    narrow = bits.resize(wide, width, to, is_signed=True)
    return bits.equal(bits.resize(narrow, to, width, is_signed=True), wide, width)


def _guarded(ev: Evaluator, wide: Bits, more: int, width: int, location: str) -> Bits:
    ev.check(_fits(wide, more, width), "overflow", "the signed result fits its type", location)
    return bits.resize(wide, more, width, is_signed=True)


def _widened(value: Bits, width: int, to: int) -> Bits:
    return bits.resize(value, width, to, is_signed=True)


def signed_add(ev: Evaluator, left: Bits, right: Bits, width: int, location: str) -> Bits:
    """Signed sum."""
    more = width + 1
    wide = bits.add(_widened(left, width, more), _widened(right, width, more), more)
    return _guarded(ev, wide, more, width, location)


def signed_subtract(ev: Evaluator, left: Bits, right: Bits, width: int, location: str) -> Bits:
    """Signed difference."""
    more = width + 1
    wide = bits.subtract(_widened(left, width, more), _widened(right, width, more), more)
    return _guarded(ev, wide, more, width, location)


def signed_multiply(ev: Evaluator, left: Bits, right: Bits, width: int, location: str) -> Bits:
    """Signed product."""
    more = 2 * width
    wide = bits.multiply(_widened(left, width, more), _widened(right, width, more), more)
    return _guarded(ev, wide, more, width, location)


def signed_negate(ev: Evaluator, value: Bits, width: int, location: str) -> Bits:
    """Signed unary minus."""
    fits = bits.negate(bits.equal(value, 1 << (width - 1), width))
    ev.check(fits, "overflow", "the signed result fits its type", location)
    return bits.subtract(0, value, width)


def _magnitude(value: Bits, width: int) -> tuple[Truth, Bits]:
    negative = bits.signed_less(value, 0, width)
    return negative, bits.ite(negative, bits.subtract(0, value, width), value, width)


def _check_division(ev: Evaluator, left: Bits, right: Bits, width: int, is_signed: bool, location: str) -> None:
    ev.check(nonzero(right, width), "division", "the divisor is not 0", location)
    if is_signed:
        least = bits.equal(left, 1 << (width - 1), width)
        minus_one = bits.equal(right, (1 << width) - 1, width)
        ev.check(bits.negate(conjunction(least, minus_one)), "overflow", "the signed quotient fits its type", location)


def divide(ev: Evaluator, left: Bits, right: Bits, width: int, is_signed: bool, location: str) -> Bits:
    """Quotient, rounded towards zero."""
    _check_division(ev, left, right, width, is_signed, location)
    if right == 0:
        return 0
    if not is_signed:
        return bits.unsigned_divide(left, right, width)
    left_negative, left = _magnitude(left, width)
    right_negative, right = _magnitude(right, width)
    quotient = bits.unsigned_divide(left, right, width)
    differ = choose_truth(left_negative, bits.negate(right_negative), right_negative)
    return bits.ite(differ, bits.subtract(0, quotient, width), quotient, width)


def remainder(ev: Evaluator, left: Bits, right: Bits, width: int, is_signed: bool, location: str) -> Bits:
    """Remainder, with the sign of the dividend."""
    _check_division(ev, left, right, width, is_signed, location)
    if right == 0:
        return 0
    if not is_signed:
        return bits.unsigned_remainder(left, right, width)
    left_negative, left = _magnitude(left, width)
    _, right = _magnitude(right, width)
    rest = bits.unsigned_remainder(left, right, width)
    return bits.ite(left_negative, bits.subtract(0, rest, width), rest, width)


def _distance(ev: Evaluator, distance: Bits, width: int, distance_width: int, location: str) -> Bits:
    # A negative distance is a large one here.
    in_range = bits.unsigned_less(distance, width, distance_width)
    ev.check(in_range, "shift", f"the shift distance is below {width}", location)
    return bits.resize(distance, distance_width, width, is_signed=False)


def shift_left(
    ev: Evaluator, value: Bits, distance: Bits, width: int, distance_width: int, is_signed: bool, location: str
) -> Bits:
    """Left shift; a signed value must not be negative nor lose a bit."""
    distance = _distance(ev, distance, width, distance_width, location)
    result = bits.shift_left(value, distance, width)
    if is_signed:
        whole = bits.equal(bits.shift_right_arithmetic(result, distance, width), value, width)
        positive = bits.negate(bits.signed_less(value, 0, width))
        ev.check(conjunction(positive, whole), "shift", "the shifted signed value fits its type", location)
    return result


def shift_right(
    ev: Evaluator, value: Bits, distance: Bits, width: int, distance_width: int, is_signed: bool, location: str
) -> Bits:
    """Right shift; arithmetic for a signed value, as all compilers of the target have it."""
    distance = _distance(ev, distance, width, distance_width, location)
    if is_signed:
        return bits.shift_right_arithmetic(value, distance, width)
    return bits.shift_right(value, distance, width)


def to_signed(ev: Evaluator, value: Bits, width: int, is_signed: bool, to: int, location: str) -> Bits:
    """The value converted to a signed type that cannot hold all of the old one's values."""
    result = bits.resize(value, width, to, is_signed=is_signed)
    if is_signed:
        fits = bits.equal(bits.resize(result, to, width, is_signed=True), value, width)
    else:
        fits = bits.unsigned_less(value, 1 << (to - 1), width)
    ev.check(fits, "cast", f"the converted value fits a signed type of {to} bits", location)
    return result


def count_leading_zeros(ev: Evaluator, value: Bits, width: int, location: str) -> Bits:
    """`__builtin_clz` and its like; the result is an int."""
    ev.check(nonzero(value, width), "builtin", "the argument of __builtin_clz is not 0", location)
    if isinstance(value, int):
        leading: Bits = bits.count_leading_zeros(value, width)
    else:
        leading = terms.subtract(terms.bits(width - 1, width), terms.highest_bit(value))
    return bits.resize(leading, width, 32, is_signed=False)


def count_trailing_zeros(ev: Evaluator, value: Bits, width: int, location: str) -> Bits:
    """`__builtin_ctz` and its like; the result is an int."""
    ev.check(nonzero(value, width), "builtin", "the argument of __builtin_ctz is not 0", location)
    lowest = bits.bit_and(value, bits.subtract(0, value, width), width)
    leading = bits.count_leading_zeros(lowest, width)
    return bits.resize(bits.subtract(width - 1, leading, width), width, 32, is_signed=False)


# Pointers and memory


def address(ev: Evaluator, pointer: Pointer) -> Bits:
    """The machine address that a pointer stands for."""
    if not isinstance(pointer, Place):
        return pointer
    base = ev.addresses[pointer.shape.root] if pointer.base is None else pointer.base
    return bits.add(base, byte_offset(pointer), ir.WORD)


def same(ev: Evaluator, left: Pointer, right: Pointer) -> Truth:
    """Equality of pointers."""
    return bits.equal(address(ev, left), address(ev, right), ir.WORD)


def retype(ev: Evaluator, pointer: Pointer, shape: Shape) -> Pointer:
    """A pointer cast to a pointer to `shape.type`: it stays inside its object only if that is its type."""
    if isinstance(pointer, Place) and pointer.shape.type != shape.type:
        return address(ev, pointer)
    return pointer


def locate(pointer: Pointer | None, access: Access, indices: tuple[Bits, ...]) -> Place:
    """The place that is reached from a pointer (None: a global)."""
    if isinstance(pointer, Place):
        return Place(access.under(pointer.shape), pointer.base, pointer.indices + indices)
    return Place(access.shape, pointer, indices)


def element(ev: Evaluator, pointer: Pointer, index: Bits, shape: Shape, location: str) -> Pointer:
    """A pointer to `pointer[index]`; the index is a 32-bit word, negative ones being large."""
    if not isinstance(pointer, Place):
        stride = shape.program.size_of(shape.type)
        return bits.add(pointer, bits.multiply(index, stride, ir.WORD), ir.WORD)
    if not pointer.indices or pointer.shape.steps[-1] is not None:
        ev.check(bits.equal(index, 0, ir.WORD), "array", "a pointer to a single value is indexed with 0", location)
        return pointer
    first = pointer.indices[-1]
    if first == 0:
        return Place(pointer.shape, pointer.base, (*pointer.indices[:-1], index))
    length = pointer.shape.lengths[-1]
    # Neither index is further out than the array is long, so that their sum does not wrap.
    near = bits.unsigned_less(bits.add(index, length, ir.WORD), 2 * length + 1, ir.WORD)
    ev.check(near, "array", f"the index is within {length}", location)
    ev.check(bits.unsigned_less(first, length + 1, ir.WORD), "array", f"the index is within {length}", location)
    return Place(pointer.shape, pointer.base, (*pointer.indices[:-1], bits.add(first, index, ir.WORD)))


def check_place(ev: Evaluator, place: Place, location: str) -> None:
    """The guards of an access: a live object of its type, every index in bounds."""
    shape = place.shape
    if place.base is not None:
        live = ev.valid(shape.root, place.base)
        if live is not True:
            ev.check(live, "pointer", f"the pointer is to a live {shape.root}", location)
    if shape.lengths:
        for index, length in zip(place.indices, shape.lengths, strict=True):
            if type(index) is int and index < length:
                continue
            ev.check(bits.unsigned_less(index, length, ir.WORD), "array", f"the index is below {length}", location)


def load(ev: Evaluator, pointer: Pointer | None, access: Access, indices: tuple[Bits, ...], location: str) -> Bits:
    """The value in memory that is reached from a pointer or global."""
    ev.location = location
    place = locate(pointer, access, indices)
    check_place(ev, place, location)
    return ev.memory.load(place, place.shape.width)


def store(
    ev: Evaluator,
    pointer: Pointer | None,
    access: Access,
    indices: tuple[Bits, ...],
    value: Pointer,
    location: str,
) -> None:
    """Put a value in memory, where it is reached from a pointer or global."""
    ev.location = location
    place = locate(pointer, access, indices)
    check_place(ev, place, location)
    ev.memory.store(place, place.shape.width, address(ev, value))


def copy(ev: Evaluator, target: Place, source: Place, location: str) -> None:
    """Copy a structure, field by field."""
    ev.location = location
    check_place(ev, source, location)
    check_place(ev, target, location)
    values = [
        ev.memory.load(Place(shape, source.base, source.indices + rest), shape.width)
        for shape, rest in source.shape.leaves()
    ]
    for (shape, rest), value in zip(target.shape.leaves(), values, strict=True):
        ev.memory.store(Place(shape, target.base, target.indices + rest), shape.width, value)


def unset(ev: Evaluator, name: str, location: str) -> Bits:
    """The reading of a local variable that was not assigned."""
    return ev.fail("uninitialised", f"the local '{name}' is assigned before it is read", location)


def missing_return(ev: Evaluator, name: str, location: str) -> Bits:
    """The end of a function that should have returned a value."""
    return ev.fail("return", f"'{name}' returns a value", location)


def unreachable(ev: Evaluator, location: str) -> Bits:
    """`__builtin_unreachable`."""
    return ev.fail("unreachable", "this is never reached", location)
