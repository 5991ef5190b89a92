"""What a predicate consists of: where it gives `all_of(...)`, each condition is a predicate of its own.

A predicate whose last line is `return implies(condition, all_of(one, other))` has two conjuncts as well.
"""

from __future__ import annotations

import ast
import copy
import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping
from types import CodeType, FunctionType
from typing import Any

from attrs import frozen

from refinement import logic
from refinement.places import relative

Predicate = Callable[..., Any]


@frozen
class Conjunct:
    """A part of a predicate that holds where all of it does: `holds` takes what the predicate takes.

    `number` counts from 1; it is 0 for a predicate that is not a conjunction.
    """

    number: int
    text: str
    location: str
    holds: Predicate

    def label(self, of: str) -> str:
        """The id of this part of the predicate with that id."""
        return f"{of}#{self.number}" if self.number else of


@functools.cache
def conjuncts(predicate: Predicate) -> tuple[Conjunct, ...]:
    """The parts of a predicate: all of them together say the same as it does."""
    definition = _definition(predicate)
    if definition is None or not isinstance(predicate, FunctionType):
        return (Conjunct(0, "", _location(predicate), predicate),)
    *_, last = definition.body
    assert isinstance(last, ast.Return)
    assert last.value is not None
    names = {
        target.id: statement.value
        for statement in definition.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    parts = _parts(predicate, last.value, names)
    if len(parts) == 1:
        return (Conjunct(0, _text(last.value), _location(predicate), predicate),)
    file = relative(predicate.__code__.co_filename)
    return tuple(
        Conjunct(number, _text(part), f"{file}:{line}", _giving(predicate, definition, part))
        for number, (part, line) in enumerate(parts, start=1)
    )


def _location(predicate: Predicate) -> str:
    code = getattr(inspect.unwrap(predicate), "__code__", None)
    return f"{relative(code.co_filename)}:{code.co_firstlineno}" if code is not None else ""


def _definition(predicate: Predicate) -> ast.FunctionDef | None:
    """The syntax of a predicate that ends with its only `return`; None if it is written otherwise."""
    if not isinstance(predicate, FunctionType) or hasattr(predicate, "__wrapped__"):
        return None
    try:
        lines, first = inspect.getsourcelines(predicate)
        (definition,) = ast.parse(textwrap.dedent("".join(lines))).body
    except (OSError, SyntaxError, ValueError):
        return None
    if not isinstance(definition, ast.FunctionDef):
        return None
    ast.increment_lineno(definition, max(first - 1, 0))
    definition.decorator_list = []
    *before, last = definition.body
    simple = all(isinstance(statement, ast.Expr | ast.Assign | ast.FunctionDef) for statement in before)
    return definition if simple and isinstance(last, ast.Return) and last.value is not None else None


def _parts(predicate: FunctionType, given: ast.expr, names: Mapping[str, ast.expr]) -> list[tuple[ast.expr, int]]:
    """The conjuncts of what a predicate gives, each with its line; `names` are what it gave names to before."""
    if isinstance(given, ast.Name) and given.id in names:
        parts = _parts(predicate, names[given.id], names)
        return parts if len(parts) > 1 else [(given, given.lineno)]
    if isinstance(given, ast.Call) and isinstance(given.func, ast.Name) and not given.keywords:
        called = predicate.__globals__.get(given.func.id)
        if called is logic.all_of and not any(isinstance(arg, ast.Starred) for arg in given.args):
            return [part for arg in given.args for part in _parts(predicate, arg, names)]
        if called is logic.implies:
            condition, consequence = given.args
            return [
                (ast.copy_location(ast.Call(given.func, [condition, part], []), part), line)
                for part, line in _parts(predicate, consequence, names)
            ]
    return [(given, given.lineno)]


def _giving(predicate: FunctionType, definition: ast.FunctionDef, part: ast.expr) -> Predicate:
    """The predicate, but giving only a part of what it gives."""
    *before, last = definition.body
    own = copy.copy(definition)
    own.body = [*before, ast.copy_location(ast.Return(part), last)]
    code = predicate.__code__
    # What it knows of the function around it, if there is one.
    around = ast.parse(f"def around({', '.join(code.co_freevars)}): pass")
    (outer,) = around.body
    assert isinstance(outer, ast.FunctionDef)
    outer.body = [own]
    compiled = compile(ast.fix_missing_locations(around), code.co_filename, "exec", dont_inherit=True)
    inner = _code_in(_code_in(compiled))
    cells = dict(zip(code.co_freevars, predicate.__closure__ or (), strict=True))
    closure = tuple(cells[name] for name in inner.co_freevars)
    return FunctionType(inner, predicate.__globals__, predicate.__name__, predicate.__defaults__, closure)


def _code_in(code: CodeType) -> CodeType:
    return next(constant for constant in code.co_consts if isinstance(constant, CodeType))


def _text(expression: ast.expr) -> str:
    return " ".join(ast.unparse(expression).split())
