"""Lowering of terms to Z3, and an incremental solver over them with a deterministic budget.

Terms go to Z3 through its C interface directly: building a node through the Python classes costs
several times more than solving does on the queries that refinement proofs ask.
"""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from typing import Any

import z3
from z3 import z3core
from z3.z3 import _to_expr_ref

from refinement import terms
from refinement.cost import IN_PROCESS, Cost
from refinement.terms import Function, Sort, Term


def _raw(name: str) -> Any:
    """Z3's C function behind the Python binding of that name, without the error check after each call.

    The checked binding keeps it as the default of its last parameter.
    """
    return getattr(z3core, name).__defaults__[0].f


_mk_app, _inc_ref, _assert = _raw("Z3_mk_app"), _raw("Z3_inc_ref"), _raw("Z3_solver_assert")


class Solver:
    """An incremental Z3 solver over terms.

    `rlimit` bounds each query by Z3's own count of work, which does not depend on the machine's speed;
    `seconds` is the last guard.  A query that runs into either is `unknown`.  `core` has the labels of what the last
    answer `unsat` comes from, if the solver tells (`refinement.cores`).
    """

    def __init__(self, rlimit: int, seconds: float, seed: int = 0):
        self.cost = Cost()
        self.core: frozenset[str] = frozenset()
        self._context = z3.Context()
        self._ref = self._context.ref()
        self._sorts: dict[Sort, Any] = {}
        self._functions: dict[Function, Any] = {}
        self._build: dict[str, Callable[[Term, list[Any]], Any]] = _builders(self._ref)
        self._open(rlimit, seconds, seed)

    def _open(self, rlimit: int, seconds: float, seed: int = 0) -> None:
        self._solver = z3.SimpleSolver(ctx=self._context)
        self._solver.set("rlimit", rlimit)
        self._solver.set("timeout", int(seconds * 1000))
        self._solver.set("random_seed", seed)
        self._handle = self._solver.solver
        self._scopes: list[list[Term]] = [[]]

    def beside(self, rlimit: int, seconds: float) -> Solver:
        """A solver of which nothing is asserted yet, for terms that this one may have met; its cost is this one's."""
        other = copy.copy(self)
        other._open(rlimit, seconds)
        return other

    def sort(self, sort: Sort) -> Any:
        """The Z3 sort of a sort."""
        found = self._sorts.get(sort)
        if found is None:
            if sort is terms.BOOL:
                found = z3core.Z3_mk_bool_sort(self._ref)
            elif sort is terms.INT:
                found = z3core.Z3_mk_int_sort(self._ref)
            elif sort is terms.REAL:
                found = z3core.Z3_mk_real_sort(self._ref)
            else:
                found = z3core.Z3_mk_bv_sort(self._ref, sort.width)
            z3core.Z3_inc_ref(self._ref, found)
            self._sorts[sort] = found
        return found

    def _function(self, symbol: Function) -> Any:
        found = self._functions.get(symbol)
        if found is None:
            name = z3core.Z3_mk_string_symbol(self._ref, symbol.name)
            domain = (z3.Sort * len(symbol.domain))(*[self.sort(sort) for sort in symbol.domain])
            found = z3core.Z3_mk_func_decl(self._ref, name, len(symbol.domain), domain, self.sort(symbol.range))
            z3core.Z3_inc_ref(self._ref, found)
            self._functions[symbol] = found
        return found

    def lower(self, term: Term) -> Any:
        """The Z3 node of a term."""
        if term.lowered is not None:
            return term.lowered
        stack = [term]
        while stack:
            top = stack[-1]
            if top.lowered is not None:
                stack.pop()
                continue
            missing = [arg for arg in top.args if arg.lowered is None]
            if missing:
                stack.extend(missing)
                continue
            stack.pop()
            top.lowered = self._lower_one(top)
            self.cost.lowered += 1
        return term.lowered

    def _lower_one(self, term: Term) -> Any:
        op = term.op
        args = [arg.lowered for arg in term.args]
        if op == "apply":
            symbol = term.data
            assert isinstance(symbol, Function)
            node = _mk_app(self._ref, self._function(symbol), len(args), (z3.Ast * len(args))(*args))
        elif op == "var":
            name = z3core.Z3_mk_string_symbol(self._ref, str(term.data))
            node = z3core.Z3_mk_const(self._ref, name, self.sort(term.sort))
        elif op in ("bits", "int", "real"):
            node = z3core.Z3_mk_numeral(self._ref, str(terms.value_of(term)), self.sort(term.sort))
        else:
            node = self._build[op](term, args)
        if not node:
            raise RuntimeError(f"Z3 refused the term {term}")
        _inc_ref(self._ref, node)
        return node

    def compute(self, term: Term, arguments: Iterable[int]) -> int:
        """What Z3 makes of a term's operator on plain values: for comparing its semantics with plain Python's."""
        args = [self.lower(terms.constant(value, arg.sort)) for value, arg in zip(arguments, term.args, strict=True)]
        node = self._build[term.op](term, args)
        return _plain(z3.simplify(_to_expr_ref(node, self._context)))

    def add(self, term: Term, label: str = "") -> None:
        """Assert a formula.  Its label is for solvers that tell what their answers come from (`refinement.cores`)."""
        self._scopes[-1].append(term)
        _assert(self._ref, self._handle, self.lower(term))

    def asserted(self) -> Iterator[Term]:
        """The formulas that are asserted."""
        return itertools.chain.from_iterable(self._scopes)

    def push(self) -> None:
        """Open a scope."""
        self._scopes.append([])
        z3core.Z3_solver_push(self._ref, self._handle)

    def pop(self, scopes: int = 1) -> None:
        """Close scopes, and forget what was asserted in them."""
        if scopes:
            del self._scopes[-scopes:]
            z3core.Z3_solver_pop(self._ref, self._handle, scopes)

    def _ask(self) -> int:
        """Z3's answer about what is asserted: 1 for `sat`, -1 for `unsat`."""
        return int(z3core.Z3_solver_check(self._ref, self._handle))

    def _timed(self) -> int:
        """Z3's answer, counted as one query."""
        started = time.perf_counter()
        answer = self._ask()
        seconds = time.perf_counter() - started
        for cost in (self.cost, IN_PROCESS):
            cost.seconds += seconds
            cost.queries += 1
        return answer

    def check(self, extra: Iterable[Term] = ()) -> str:
        """`sat`, `unsat` or `unknown`, of what is asserted together with `extra`."""
        extra = tuple(extra)
        if extra:
            self.push()
            for term in extra:
                self.add(term)
        answer = self._timed()
        if extra:
            self.pop()
        return {1: "sat", -1: "unsat"}.get(answer, "unknown")

    def model(self, extra: Iterable[Term] = ()) -> Model | None:
        """A model of what is asserted together with `extra`, or None if the check is not `sat`."""
        self.push()
        for term in extra:
            self.add(term)
        answer = self._timed()
        model = Model(self, self._solver.model()) if answer == 1 else None
        self.pop()
        return model


class Model:
    """A satisfying assignment: gives every term a plain value."""

    def __init__(self, solver: Solver, model: z3.ModelRef):
        self._solver = solver
        self._model = model

    def value(self, term: Term) -> Any:
        """The value of a term of a numeric or truth sort; unknowns that do not matter count as 0."""
        node = _to_expr_ref(self._solver.lower(term), self._solver._context)
        return _plain(self._model.eval(node, model_completion=True))


def _plain(result: z3.ExprRef) -> Any:
    """The value of a Z3 literal."""
    if z3.is_true(result):
        return 1
    if z3.is_false(result):
        return 0
    if isinstance(result, z3.RatNumRef):
        return Fraction(result.as_fraction())
    assert isinstance(result, z3.IntNumRef | z3.BitVecNumRef)
    return int(result.as_long())


def _builders(context: Any) -> dict[str, Callable[[Term, list[Any]], Any]]:
    """For each operator of a term, the Z3 constructor of its node."""

    def array(args: list[Any]) -> Any:
        return (z3.Ast * len(args))(*args)

    def binary(make: Any) -> Callable[[Term, list[Any]], Any]:
        return lambda term, args: make(context, args[0], args[1])

    def either(bit_vector: Any, number: Any) -> Callable[[Term, list[Any]], Any]:
        def build(term: Term, args: list[Any]) -> Any:
            if term.sort.width:
                return bit_vector(context, args[0], args[1])
            return number(context, 2, array(args))

        return build

    mk_not, mk_and, mk_or, mk_ite = _raw("Z3_mk_not"), _raw("Z3_mk_and"), _raw("Z3_mk_or"), _raw("Z3_mk_ite")
    mk_bvnot, mk_extract = _raw("Z3_mk_bvnot"), _raw("Z3_mk_extract")
    mk_zero_ext, mk_sign_ext = _raw("Z3_mk_zero_ext"), _raw("Z3_mk_sign_ext")
    return {
        "true": lambda term, args: z3core.Z3_mk_true(context),
        "false": lambda term, args: z3core.Z3_mk_false(context),
        "not": lambda term, args: mk_not(context, args[0]),
        "and": lambda term, args: mk_and(context, len(args), array(args)),
        "or": lambda term, args: mk_or(context, len(args), array(args)),
        "ite": lambda term, args: mk_ite(context, args[0], args[1], args[2]),
        "=": binary(_raw("Z3_mk_eq")),
        "<": binary(_raw("Z3_mk_lt")),
        "+": either(_raw("Z3_mk_bvadd"), _raw("Z3_mk_add")),
        "-": either(_raw("Z3_mk_bvsub"), _raw("Z3_mk_sub")),
        "*": either(_raw("Z3_mk_bvmul"), _raw("Z3_mk_mul")),
        "bvult": binary(_raw("Z3_mk_bvult")),
        "bvslt": binary(_raw("Z3_mk_bvslt")),
        "bvudiv": binary(_raw("Z3_mk_bvudiv")),
        "bvurem": binary(_raw("Z3_mk_bvurem")),
        "bvnot": lambda term, args: mk_bvnot(context, args[0]),
        "bvand": binary(_raw("Z3_mk_bvand")),
        "bvor": binary(_raw("Z3_mk_bvor")),
        "bvxor": binary(_raw("Z3_mk_bvxor")),
        "bvshl": binary(_raw("Z3_mk_bvshl")),
        "bvlshr": binary(_raw("Z3_mk_bvlshr")),
        "bvashr": binary(_raw("Z3_mk_bvashr")),
        "extract": lambda term, args: mk_extract(context, *term.data, args[0]),
        "zext": lambda term, args: mk_zero_ext(context, term.data, args[0]),
        "sext": lambda term, args: mk_sign_ext(context, term.data, args[0]),
    }
