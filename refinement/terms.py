"""Hash-consed typed terms with local rewriting: the formulas that symbolic runs build.

Terms are immutable and shared: two equal terms are the same object, so equality is identity and a
term can key a cache.  Builders fold constants and apply cheap local rules (`x & 0` is `0`, a read of
a bit field that a disjoint write left alone skips the write), because most of what a run asks can be
settled without a solver.  Lowering to Z3 happens in `refinement.smt`, and only for what is asked.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any


class Sort:
    """The type of a term: truth value, integer, rational or bit vector of `width` bits."""

    __slots__ = ("name", "width")

    def __init__(self, name: str, width: int = 0):
        self.name = name
        self.width = width

    def __repr__(self) -> str:
        return f"{self.name}{self.width or ''}"


BOOL = Sort("Bool")
INT = Sort("Int")
REAL = Sort("Real")
_BIT_VECTORS: dict[int, Sort] = {}


def bit_vector(width: int) -> Sort:
    """The sort of bit vectors of `width` bits."""
    sort = _BIT_VECTORS.get(width)
    if sort is None:
        sort = _BIT_VECTORS[width] = Sort("BitVec", width)
    return sort


class Function:
    """An uninterpreted function symbol: the unknown content of a field map."""

    __slots__ = ("domain", "name", "range")

    def __init__(self, name: str, domain: tuple[Sort, ...], range: Sort):
        self.name = name
        self.domain = domain
        self.range = range

    def __repr__(self) -> str:
        return self.name


class Term:
    """A node of the shared formula graph: operator, arguments, payload, sort.

    `maybe` bounds a bit vector from above: a bit outside it is known to be zero.
    """

    __slots__ = ("args", "data", "ident", "lowered", "maybe", "op", "sort")

    op: str
    args: tuple[Term, ...]
    data: object
    sort: Sort
    ident: int
    maybe: int
    lowered: object

    def __repr__(self) -> str:
        return show(self)


class _Table:
    """All live terms; replaced as a whole between proof tasks so that memory stays bounded."""

    def __init__(self) -> None:
        self.terms: dict[tuple, Term] = {}
        self.functions: dict[tuple, Function] = {}
        self.count = 0


_table = _Table()


def _make(op: str, args: tuple[Term, ...], data: object, sort: Sort, maybe: int = -1) -> Term:
    key = (op, data, sort.width, *map(id, args))
    found = _table.terms.get(key)
    if found is not None:
        return found
    term = Term()
    term.op = op
    term.args = args
    term.data = data
    term.sort = sort
    term.lowered = None
    term.maybe = (1 << sort.width) - 1 if sort.width and maybe == -1 else maybe
    _table.count += 1
    term.ident = _table.count
    _table.terms[key] = term
    return term


def _constants() -> tuple[Term, Term]:
    return _make("true", (), None, BOOL), _make("false", (), None, BOOL)


TRUE, FALSE = _constants()


def reset() -> None:
    """Forget all terms but the two truth constants.  Terms made earlier must not be used again."""
    _table.terms = {("true", None, 0): TRUE, ("false", None, 0): FALSE}
    _table.functions = {}
    TRUE.lowered = FALSE.lowered = None


def boolean(value: bool) -> Term:
    """The constant for a plain truth value."""
    return TRUE if value else FALSE


def integer(value: int) -> Term:
    """The integer constant `value`."""
    return _make("int", (), value, INT)


def rational(value: int | Fraction) -> Term:
    """The rational constant `value`."""
    return _make("real", (), Fraction(value), REAL)


def bits(value: int, width: int) -> Term:
    """The bit-vector constant `value`, taken modulo 2**width."""
    value &= (1 << width) - 1
    return _make("bits", (), value, bit_vector(width), value)


def constant(value: int | Fraction, sort: Sort) -> Term:
    """The constant `value` of a numeric sort."""
    if sort is REAL:
        return rational(value)
    if sort is BOOL:
        return boolean(bool(value))
    assert isinstance(value, int)
    return integer(value) if sort is INT else bits(value, sort.width)


def variable(name: str, sort: Sort) -> Term:
    """An unknown of the given sort; the same name is the same unknown."""
    return _make("var", (), name, sort)


def function(name: str, domain: tuple[Sort, ...], range: Sort) -> Function:
    """The function symbol of that name; one object for each name and signature."""
    key = (name, *map(id, domain), id(range))
    found = _table.functions.get(key)
    if found is None:
        found = _table.functions[key] = Function(name, domain, range)
    return found


def apply(symbol: Function, args: tuple[Term, ...]) -> Term:
    """The value of an unknown function at `args`."""
    return _make("apply", args, symbol, symbol.range)


def is_constant(term: Term) -> bool:
    """Whether the term is a literal value."""
    return term.op in ("bits", "int", "real", "true", "false")


def value_of(term: Term) -> Any:
    """The plain value of a constant term: an int, or a Fraction of a rational one."""
    if term.op == "true":
        return 1
    if term.op == "false":
        return 0
    assert isinstance(term.data, int | Fraction)
    return term.data


def negate(term: Term) -> Term:
    """Logical not."""
    if term is TRUE:
        return FALSE
    if term is FALSE:
        return TRUE
    if term.op == "not":
        return term.args[0]
    return _make("not", (term,), None, BOOL)


def conjunction(terms: Iterable[Term]) -> Term:
    """Logical and of any number of terms."""
    kept: dict[Term, None] = {}
    for term in terms:
        if term is FALSE:
            return FALSE
        if term is TRUE:
            continue
        for part in term.args if term.op == "and" else (term,):
            if negate(part) in kept:
                return FALSE
            kept[part] = None
    if not kept:
        return TRUE
    if len(kept) == 1:
        return next(iter(kept))
    return _make("and", tuple(kept), None, BOOL)


def disjunction(terms: Iterable[Term]) -> Term:
    """Logical or of any number of terms."""
    kept: dict[Term, None] = {}
    for term in terms:
        if term is TRUE:
            return TRUE
        if term is FALSE:
            continue
        for part in term.args if term.op == "or" else (term,):
            if negate(part) in kept:
                return TRUE
            kept[part] = None
    if not kept:
        return FALSE
    if len(kept) == 1:
        return next(iter(kept))
    return _make("or", tuple(kept), None, BOOL)


def implies(left: Term, right: Term) -> Term:
    """Logical implication."""
    return disjunction((negate(left), right))


def ite(condition: Term, then: Term, otherwise: Term) -> Term:
    """`then` where the condition holds, `otherwise` elsewhere."""
    if condition is TRUE or then is otherwise:
        return then
    if condition is FALSE:
        return otherwise
    if then.sort is BOOL:
        if then is TRUE:
            return disjunction((condition, otherwise))
        if then is FALSE:
            return conjunction((negate(condition), otherwise))
        if otherwise is TRUE:
            return disjunction((negate(condition), then))
        if otherwise is FALSE:
            return conjunction((condition, then))
    if condition.op == "not":
        return ite(condition.args[0], otherwise, then)
    if otherwise.op == "ite" and otherwise.args[0] is condition:
        return ite(condition, then, otherwise.args[2])
    if then.op == "ite" and then.args[0] is condition:
        return ite(condition, then.args[1], otherwise)
    return _make("ite", (condition, then, otherwise), None, then.sort, then.maybe | otherwise.maybe)


def equal(left: Term, right: Term) -> Term:
    """Equality of two terms of one sort."""
    if left.sort is not right.sort:
        raise TypeError(f"cannot compare {left.sort} with {right.sort}: {left} == {right}")
    if left is right:
        return TRUE
    if left.sort is BOOL:
        if is_constant(left):
            return right if left is TRUE else negate(right)
        if is_constant(right):
            return left if right is TRUE else negate(left)
    left_constant, right_constant = is_constant(left), is_constant(right)
    if left_constant and right_constant:
        return FALSE
    if left_constant:
        left, right = right, left
        right_constant = True
    if right_constant:
        if left.sort.width and value_of(right) & ~left.maybe:
            return FALSE
        if left.op == "ite":
            then, otherwise = left.args[1], left.args[2]
            if is_constant(then) or is_constant(otherwise):
                return ite(left.args[0], equal(then, right), equal(otherwise, right))
    elif left.ident > right.ident:
        left, right = right, left
    return _make("=", (left, right), None, BOOL)


def less(left: Term, right: Term) -> Term:
    """Strictly less, on integers and rationals; unsigned on bit vectors."""
    if left is right:
        return FALSE
    if is_constant(left) and is_constant(right):
        return boolean(value_of(left) < value_of(right))
    if left.sort.width:
        if is_constant(right) and left.maybe < value_of(right):
            return TRUE
        if is_constant(right) and value_of(right) == 0:
            return FALSE
        if is_constant(left) and value_of(left) >= right.maybe:
            return FALSE
        return _make("bvult", (left, right), None, BOOL)
    return _make("<", (left, right), None, BOOL)


def at_most(left: Term, right: Term) -> Term:
    """Less or equal, on integers and rationals; unsigned on bit vectors."""
    return negate(less(right, left))


def signed_less(left: Term, right: Term) -> Term:
    """Strictly less on bit vectors read as two's complement."""
    if left is right:
        return FALSE
    if is_constant(left) and is_constant(right):
        width = left.sort.width
        return boolean(_signed(value_of(left), width) < _signed(value_of(right), width))
    return _make("bvslt", (left, right), None, BOOL)


def _signed(value: int, width: int) -> int:
    return value - (1 << width) if value >> (width - 1) else value


def add(left: Term, right: Term) -> Term:
    """Sum; modulo 2**width on bit vectors."""
    sort = left.sort
    if is_constant(left) and is_constant(right):
        return constant(value_of(left) + value_of(right), sort)
    if is_constant(left):
        left, right = right, left
    if is_constant(right):
        if value_of(right) == 0:
            return left
        if left.op == "+" and is_constant(left.args[1]):
            return add(left.args[0], constant(value_of(left.args[1]) + value_of(right), sort))
    maybe = -1
    if sort.width:
        if left.maybe & right.maybe == 0:
            return bit_or(left, right)
        maybe = _below(left.maybe + right.maybe, sort.width)
    return _make("+", (left, right), None, sort, maybe)


def _below(bound: int, width: int) -> int:
    mask = (1 << bound.bit_length()) - 1
    return mask if mask >> width == 0 else -1


def subtract(left: Term, right: Term) -> Term:
    """Difference; modulo 2**width on bit vectors."""
    sort = left.sort
    if left is right:
        return constant(0, sort)
    if is_constant(right):
        return add(left, constant(-value_of(right), sort))
    if is_constant(left) and right.op == "-" and is_constant(right.args[0]):
        return add(right.args[1], constant(value_of(left) - value_of(right.args[0]), sort))
    return _make("-", (left, right), None, sort)


def multiply(left: Term, right: Term) -> Term:
    """Product; modulo 2**width on bit vectors."""
    sort = left.sort
    if is_constant(left) and is_constant(right):
        return constant(value_of(left) * value_of(right), sort)
    if is_constant(left):
        left, right = right, left
    if is_constant(right):
        factor = value_of(right)
        if factor == 0:
            return right
        if factor == 1:
            return left
        if sort.width and factor & (factor - 1) == 0:
            return shift_left(left, bits(factor.bit_length() - 1, sort.width))
    return _make("*", (left, right), None, sort)


def unsigned_divide(left: Term, right: Term) -> Term:
    """Quotient of bit vectors read as unsigned; the divisor must not be zero."""
    if is_constant(left) and is_constant(right) and value_of(right):
        return constant(value_of(left) // value_of(right), left.sort)
    return _make("bvudiv", (left, right), None, left.sort)


def unsigned_remainder(left: Term, right: Term) -> Term:
    """Remainder of bit vectors read as unsigned; the divisor must not be zero."""
    if is_constant(left) and is_constant(right) and value_of(right):
        return constant(value_of(left) % value_of(right), left.sort)
    return _make("bvurem", (left, right), None, left.sort)


def bit_not(term: Term) -> Term:
    """Bitwise complement."""
    if is_constant(term):
        return bits(~value_of(term), term.sort.width)
    if term.op == "bvnot":
        return term.args[0]
    return _make("bvnot", (term,), None, term.sort)


def bit_and(left: Term, right: Term) -> Term:
    """Bitwise and."""
    if left is right:
        return left
    if is_constant(left):
        left, right = right, left
    if is_constant(right):
        mask = value_of(right)
        if is_constant(left):
            return bits(value_of(left) & mask, left.sort.width)
        if left.maybe & mask == 0:
            return bits(0, left.sort.width)
        if left.maybe & ~mask == 0:
            return left
        if left.op == "bvand" and is_constant(left.args[1]):
            return bit_and(left.args[0], bits(value_of(left.args[1]) & mask, left.sort.width))
        if left.op == "bvor" and any(part.maybe & mask == 0 or part.maybe & ~mask == 0 for part in left.args):
            return bit_or(bit_and(left.args[0], right), bit_and(left.args[1], right))
        if left.op == "ite" and (is_constant(left.args[1]) or is_constant(left.args[2])):
            return ite(left.args[0], bit_and(left.args[1], right), bit_and(left.args[2], right))
    elif left.ident > right.ident:
        left, right = right, left
    if left.maybe & right.maybe == 0:
        return bits(0, left.sort.width)
    return _make("bvand", (left, right), None, left.sort, left.maybe & right.maybe)


def bit_or(left: Term, right: Term) -> Term:
    """Bitwise or."""
    if left is right:
        return left
    if is_constant(left):
        left, right = right, left
    if is_constant(right):
        if is_constant(left):
            return bits(value_of(left) | value_of(right), left.sort.width)
        if value_of(right) == 0:
            return left
    elif left.ident > right.ident:
        left, right = right, left
    return _make("bvor", (left, right), None, left.sort, left.maybe | right.maybe)


def bit_xor(left: Term, right: Term) -> Term:
    """Bitwise exclusive or."""
    if left is right:
        return bits(0, left.sort.width)
    if is_constant(left) and is_constant(right):
        return bits(value_of(left) ^ value_of(right), left.sort.width)
    return _make("bvxor", (left, right), None, left.sort, left.maybe | right.maybe)


def shift_left(left: Term, right: Term) -> Term:
    """Shift towards the high end, filling with zeros; zero if the distance is the width or more."""
    width = left.sort.width
    if is_constant(right):
        distance = value_of(right)
        if distance == 0:
            return left
        if distance >= width:
            return bits(0, width)
        if is_constant(left):
            return bits(value_of(left) << distance, width)
        if left.op == "bvor":
            return bit_or(shift_left(left.args[0], right), shift_left(left.args[1], right))
        if left.op == "bvlshr" and is_constant(left.args[1]) and value_of(left.args[1]) == distance:
            return bit_and(left.args[0], bits(-1 << distance, width))
        return _make("bvshl", (left, right), None, left.sort, (left.maybe << distance) & ((1 << width) - 1))
    return _make("bvshl", (left, right), None, left.sort)


def shift_right(left: Term, right: Term) -> Term:
    """Shift towards the low end, filling with zeros; zero if the distance is the width or more."""
    width = left.sort.width
    if is_constant(right):
        distance = value_of(right)
        if distance == 0:
            return left
        if distance >= width or left.maybe >> distance == 0:
            return bits(0, width)
        if is_constant(left):
            return bits(value_of(left) >> distance, width)
        if left.op == "bvor":
            return bit_or(shift_right(left.args[0], right), shift_right(left.args[1], right))
        if left.op == "bvshl" and is_constant(left.args[1]) and value_of(left.args[1]) == distance:
            return bit_and(left.args[0], bits((1 << (width - distance)) - 1, width))
        return _make("bvlshr", (left, right), None, left.sort, left.maybe >> distance)
    return _make("bvlshr", (left, right), None, left.sort)


def shift_right_arithmetic(left: Term, right: Term) -> Term:
    """Shift towards the low end, filling with the sign bit."""
    width = left.sort.width
    if left.maybe >> (width - 1) == 0:
        return shift_right(left, right)
    if is_constant(left) and is_constant(right):
        distance = min(value_of(right), width - 1)
        return bits(_signed(value_of(left), width) >> distance, width)
    return _make("bvashr", (left, right), None, left.sort)


def extract(term: Term, high: int, low: int) -> Term:
    """Bits `high` down to `low` of a bit vector."""
    width = high - low + 1
    if width == term.sort.width:
        return term
    if is_constant(term):
        return bits(value_of(term) >> low, width)
    mask = (1 << width) - 1
    if (term.maybe >> low) & mask == 0:
        return bits(0, width)
    if term.op == "zext" and high < term.args[0].sort.width:
        return extract(term.args[0], high, low)
    if term.op == "zext" and low == 0 and term.args[0].sort.width <= width:
        return zero_extend(term.args[0], width)
    return _make("extract", (term,), (high, low), bit_vector(width), (term.maybe >> low) & mask)


def zero_extend(term: Term, width: int) -> Term:
    """The bit vector with zeros put before it up to `width` bits."""
    if width == term.sort.width:
        return term
    if is_constant(term):
        return bits(value_of(term), width)
    return _make("zext", (term,), width - term.sort.width, bit_vector(width), term.maybe)


def sign_extend(term: Term, width: int) -> Term:
    """The bit vector with copies of its sign bit put before it up to `width` bits."""
    if width == term.sort.width:
        return term
    if is_constant(term):
        return bits(_signed(value_of(term), term.sort.width), width)
    if term.maybe >> (term.sort.width - 1) == 0:
        return zero_extend(term, width)
    return _make("sext", (term,), width - term.sort.width, bit_vector(width))


def address_function() -> Function:
    """The unknown function from integers that are references to their addresses."""
    return function("address of", (INT,), bit_vector(32))


def reference_function() -> Function:
    """The unknown function from addresses to integers that are references: the other way round."""
    return function("at address", (bit_vector(32),), INT)


def address(reference: Term) -> Term:
    """The machine word that a reference stands for, which it is unless references are integers.

    Of those nothing is known about their addresses but that each has one of its own.
    """
    if reference.sort.width:
        return reference
    if is_constant(reference):
        return bits(value_of(reference), 32)
    if reference.op == "apply" and reference.data is reference_function():
        return reference.args[0]
    return apply(address_function(), (reference,))


def at_address(word: Term, sort: Sort) -> Term:
    """The reference, of that sort, whose address a machine word is."""
    if sort.width:
        return word
    if is_constant(word):
        return integer(value_of(word))
    if word.op == "apply" and word.data is address_function():
        return word.args[0]
    return apply(reference_function(), (word,))


def is_at(reference: int) -> Term:
    """That the reference of that number is to the address of that number, of references that are integers."""
    number, word = integer(reference), bits(reference, 32)
    there = equal(apply(address_function(), (number,)), word)
    return conjunction((there, equal(apply(reference_function(), (word,)), number)))


def variables(term: Term) -> set[Term]:
    """The unknowns that occur in a term."""
    seen: set[Term] = set()
    stack = [term]
    while stack:
        top = stack.pop()
        if top not in seen:
            seen.add(top)
            stack.extend(top.args)
    return {part for part in seen if part.op == "var"}


def show(term: Term, depth: int = 6) -> str:
    """A short readable form, for messages."""
    if term.op in ("int", "real", "var"):
        return str(term.data)
    if term.op == "bits":
        return hex(value_of(term))
    if not term.args:
        return term.op
    if depth == 0:
        return "..."
    inner = " ".join(show(arg, depth - 1) for arg in term.args)
    name = term.data if term.op == "apply" else term.op
    if term.op == "extract":
        name = f"extract{term.data}"
    return f"({name} {inner})"


def highest_bit(term: Term) -> Term:
    """The position of the highest set bit of a bit vector that is not 0, found by halving."""
    width = term.sort.width
    zero = bits(0, width)
    result = zero
    half = 1 << ((width - 1).bit_length() - 1)
    while half:
        upper = shift_right(term, bits(half, width))
        is_upper = negate(equal(upper, zero))
        result = add(result, ite(is_upper, bits(half, width), zero))
        term = ite(is_upper, upper, term)
        half >>= 1
    return result
