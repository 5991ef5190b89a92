"""Fixed-width machine arithmetic on plain ints or symbolic bit vectors, as a processor or C has it.

Every function takes values that are either ints in `0 .. 2**width - 1` or bit-vector terms, and
returns an int where all arguments are ints.  Truth values are `bool` or terms of sort Bool.  Nothing
here checks for undefined behaviour: that is the caller's obligation.
"""

from __future__ import annotations

from refinement import context, terms
from refinement.terms import Term

Bits = int | Term
Truth = bool | Term


def lift(value: Bits, width: int) -> Term:
    """The value as a bit-vector term."""
    return value if isinstance(value, Term) else terms.bits(value, width)


def lift_truth(value: Truth) -> Term:
    """The truth value as a term."""
    return value if isinstance(value, Term) else terms.boolean(value)


def plain(value: Term) -> Bits:
    """The term, as an int where it is a constant."""
    return terms.value_of(value) if terms.is_constant(value) else value


def plain_truth(value: Term) -> Truth:
    """The term, as a bool where it is a constant."""
    return value is terms.TRUE if terms.is_constant(value) else value


def decide(condition: Truth) -> bool:
    """The plain truth value: as it is, or as the symbolic run under way decides."""
    return context.decide(condition) if isinstance(condition, Term) else condition


def _mask(width: int) -> int:
    return (1 << width) - 1


def signed(value: int, width: int) -> int:
    """An int of `width` bits read as two's complement."""
    return value - (1 << width) if value >> (width - 1) else value


def add(left: Bits, right: Bits, width: int) -> Bits:
    """Sum modulo 2**width."""
    if isinstance(left, int) and isinstance(right, int):
        return (left + right) & _mask(width)
    return plain(terms.add(lift(left, width), lift(right, width)))


def subtract(left: Bits, right: Bits, width: int) -> Bits:
    """Difference modulo 2**width."""
    if isinstance(left, int) and isinstance(right, int):
        return (left - right) & _mask(width)
    return plain(terms.subtract(lift(left, width), lift(right, width)))


def multiply(left: Bits, right: Bits, width: int) -> Bits:
    """Product modulo 2**width."""
    if isinstance(left, int) and isinstance(right, int):
        return (left * right) & _mask(width)
    return plain(terms.multiply(lift(left, width), lift(right, width)))


def unsigned_divide(left: Bits, right: Bits, width: int) -> Bits:
    """Quotient; the divisor must not be zero."""
    if isinstance(left, int) and isinstance(right, int):
        return left // right
    return plain(terms.unsigned_divide(lift(left, width), lift(right, width)))


def unsigned_remainder(left: Bits, right: Bits, width: int) -> Bits:
    """Remainder; the divisor must not be zero."""
    if isinstance(left, int) and isinstance(right, int):
        return left % right
    return plain(terms.unsigned_remainder(lift(left, width), lift(right, width)))


def bit_and(left: Bits, right: Bits, width: int) -> Bits:
    """Bitwise and."""
    if isinstance(left, int) and isinstance(right, int):
        return left & right
    return plain(terms.bit_and(lift(left, width), lift(right, width)))


def bit_or(left: Bits, right: Bits, width: int) -> Bits:
    """Bitwise or."""
    if isinstance(left, int) and isinstance(right, int):
        return left | right
    return plain(terms.bit_or(lift(left, width), lift(right, width)))


def bit_xor(left: Bits, right: Bits, width: int) -> Bits:
    """Bitwise exclusive or."""
    if isinstance(left, int) and isinstance(right, int):
        return left ^ right
    return plain(terms.bit_xor(lift(left, width), lift(right, width)))


def bit_not(value: Bits, width: int) -> Bits:
    """Bitwise complement."""
    if isinstance(value, int):
        return value ^ _mask(width)
    return plain(terms.bit_not(value))


def shift_left(value: Bits, distance: Bits, width: int) -> Bits:
    """Left shift; zero if the distance is the width or more."""
    if isinstance(value, int) and isinstance(distance, int):
        return (value << distance) & _mask(width) if distance < width else 0
    return plain(terms.shift_left(lift(value, width), lift(distance, width)))


def shift_right(value: Bits, distance: Bits, width: int) -> Bits:
    """Logical right shift; zero if the distance is the width or more."""
    if isinstance(value, int) and isinstance(distance, int):
        return value >> distance if distance < width else 0
    return plain(terms.shift_right(lift(value, width), lift(distance, width)))


def shift_right_arithmetic(value: Bits, distance: Bits, width: int) -> Bits:
    """Arithmetic right shift."""
    if isinstance(value, int) and isinstance(distance, int):
        return (signed(value, width) >> min(distance, width - 1)) & _mask(width)
    return plain(terms.shift_right_arithmetic(lift(value, width), lift(distance, width)))


def equal(left: Bits, right: Bits, width: int) -> Truth:
    """Equality."""
    if isinstance(left, int) and isinstance(right, int):
        return left == right
    return plain_truth(terms.equal(lift(left, width), lift(right, width)))


def unsigned_less(left: Bits, right: Bits, width: int) -> Truth:
    """Strictly less, read as unsigned."""
    if isinstance(left, int) and isinstance(right, int):
        return left < right
    return plain_truth(terms.less(lift(left, width), lift(right, width)))


def signed_less(left: Bits, right: Bits, width: int) -> Truth:
    """Strictly less, read as two's complement."""
    if isinstance(left, int) and isinstance(right, int):
        return signed(left, width) < signed(right, width)
    return plain_truth(terms.signed_less(lift(left, width), lift(right, width)))


def negate(condition: Truth) -> Truth:
    """Logical not."""
    if isinstance(condition, bool):
        return not condition
    return plain_truth(terms.negate(condition))


def ite(condition: Truth, then: Bits, otherwise: Bits, width: int) -> Bits:
    """`then` where the condition holds, `otherwise` elsewhere."""
    if isinstance(condition, bool):
        return then if condition else otherwise
    return plain(terms.ite(condition, lift(then, width), lift(otherwise, width)))


def of_truth(condition: Truth, width: int) -> Bits:
    """1 where the condition holds, 0 elsewhere: C's value of a comparison."""
    return ite(condition, 1, 0, width)


def resize(value: Bits, width: int, to: int, *, is_signed: bool) -> Bits:
    """The value converted from `width` bits (signed or not) to `to` bits."""
    if to == width:
        return value
    if isinstance(value, int):
        return (signed(value, width) if is_signed else value) & _mask(to)
    if to < width:
        return plain(terms.extract(value, to - 1, 0))
    return plain(terms.sign_extend(value, to) if is_signed else terms.zero_extend(value, to))


def count_leading_zeros(value: Bits, width: int) -> Bits:
    """The number of zero bits before the highest set bit; `width` for zero."""
    if isinstance(value, int):
        return width - value.bit_length()
    leading = terms.subtract(terms.bits(width - 1, width), terms.highest_bit(value))
    return ite(equal(value, 0, width), width, leading, width)
