"""A solver that tells which of the labelled formulas its answers come from: by unsat cores."""

from __future__ import annotations

from typing import Any

import z3
from z3 import z3core

from refinement import terms
from refinement.smt import Solver
from refinement.terms import Term


class TracingSolver(Solver):
    """A solver whose `core` has, after an answer `unsat`, the labels of formulas that suffice for it.

    They are not always the fewest.  Formulas of one label stand together under one literal, which every query assumes.
    """

    def __init__(self, rlimit: int, seconds: float, seed: int = 0):
        super().__init__(rlimit, seconds, seed)
        self._literals: dict[str, Any] = {}
        self._labels: dict[int, str] = {}

    def add(self, term: Term, label: str = "") -> None:
        """Assert a formula; one with a label may be left out."""
        if label:
            literal = terms.variable(f"uses {label}", terms.BOOL)
            if label not in self._literals:
                node = self._literals[label] = self.lower(literal)
                self._labels[z3core.Z3_get_ast_id(self._ref, node)] = label
            term = terms.implies(literal, term)
        super().add(term)

    def _ask(self) -> int:
        literals = list(self._literals.values())
        given = (z3.Ast * len(literals))(*literals)
        answer = int(z3core.Z3_solver_check_assumptions(self._ref, self._handle, len(literals), given))
        if answer == -1:
            core = self._solver.unsat_core()
            self.core = frozenset(self._labels[literal.get_id()] for literal in core)
        return answer
