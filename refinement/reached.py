"""What functions can come to, and noting what they do come to when they are run.

The outcomes of a function are its `return` and `raise` statements, its end, and the sides of its branches and loops.
A package that is observed is loaded with a note at each of them; what it computes is the same.
"""

from __future__ import annotations

import ast
import importlib.util
import pkgutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, TypeVar

from attrs import define, field, frozen

from refinement.errors import InputError
from refinement.places import relative

T = TypeVar("T")

_LONGEST = 72
_REACHED = "__reached__"


@frozen
class Outcome:
    """Something that a function can come to: its id (that of the function, and what it says) and `file:line`."""

    id: str
    location: str


@define
class Function:
    """A function or method: its dotted name from the package on, `file:line`, and its outcomes.

    Those are in the order of the text.  Functions within it count as parts of it.
    """

    id: str
    location: str
    outcomes: list[Outcome] = field(factory=list)


_noted: set[str] | None = None


def reached(id: str, value: Any = None) -> Any:
    """Note that a run has come to an outcome or function; gives the value."""
    if _noted is not None:
        _noted.add(id)
    return value


@contextmanager
def noted(into: set[str]) -> Iterator[None]:
    """While what observed functions come to is noted in a set."""
    global _noted
    before, _noted = _noted, into
    try:
        yield
    finally:
        _noted = before


def functions_of(package: str) -> list[Function]:
    """The functions in the modules of a package, or in a module.  InputError if there is none of that name."""
    try:
        found = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        found = None
    if found is None:
        raise InputError(f"there is no package {package}: correct the specification that the kernel names")
    specs = [found]
    if found.submodule_search_locations is not None:
        walked = pkgutil.walk_packages(found.submodule_search_locations, f"{package}.")
        specs += [spec for module in walked if (spec := importlib.util.find_spec(module.name)) is not None]
    functions: list[Function] = []
    for spec in specs:
        if spec.origin is not None and spec.origin.endswith(".py"):
            functions += _noting(spec.name, Path(spec.origin))[1]
    return functions


def observe(packages: Sequence[str]) -> None:
    """Have the modules of packages loaded so that what their functions come to can be noted.

    Raises RuntimeError if one of them is loaded already, and not so.
    """
    finder = _Finder(tuple(packages))
    if finder in sys.meta_path:
        return
    loaded = [name for name in sys.modules if finder.wants(name)]
    if loaded:
        raise RuntimeError(f"{loaded[0]} is loaded already, so what its functions come to cannot be noted")
    sys.meta_path.insert(0, finder)


@frozen
class _Finder(MetaPathFinder):
    packages: tuple[str, ...]

    def wants(self, name: str) -> bool:
        return any(name == package or name.startswith(f"{package}.") for package in self.packages)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        spec = PathFinder.find_spec(fullname, path, target) if self.wants(fullname) else None
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = _Loader(fullname, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:
        return compile(_noting(fullname, Path(self.path))[0], self.path, "exec", dont_inherit=True)

    def exec_module(self, module: ModuleType) -> None:
        module.__dict__[_REACHED] = reached
        super().exec_module(module)


def _noting(module: str, path: Path) -> tuple[ast.Module, list[Function]]:
    """The syntax of a module with notes in it, and its functions."""
    writer = _Writer(module, relative(str(path)))
    tree = writer.visit(ast.parse(path.read_bytes(), str(path)))
    return ast.fix_missing_locations(tree), writer.functions


class _Writer(ast.NodeTransformer):
    """Puts notes into a module's syntax, and lists what they are about."""

    def __init__(self, module: str, file: str):
        self.file = file
        self.names = [module]
        self.functions: list[Function] = []
        self.function: Function | None = None
        self.texts: Counter[str] = Counter()

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.names.append(node.name)
        self.generic_visit(node)
        self.names.pop()
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if self.function is not None:
            return self.generic_visit(node)
        self.function = Function(".".join([*self.names, node.name]), f"{self.file}:{node.lineno}")
        self.functions.append(self.function)
        self.texts = Counter()
        documented = ast.get_docstring(node) is not None
        node.body = [self.visit(statement) for statement in node.body]
        node.body.insert(int(documented), self._call(self.function.id, node.body[0]))
        if _goes_on(node.body):
            node.body.append(self._note("end", node.body[-1]))
        self.function = None
        return node

    def visit_Return(self, node: ast.Return) -> ast.AST:
        if self.function is None:
            return node
        node.value = self._noted(f"return {_text(node.value)}" if node.value else "return", node.value, node)
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if self.function is None or node.exc is None:
            return node
        node.exc = self._noted(f"raise {_text(node.exc)}", node.exc, node)
        return self.generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if self.function is None:
            return self.generic_visit(node)
        yes, no = _sides(node.test)
        node.test = self.visit(node.test)
        node.body = self._side(yes, node.body, node)
        if not (len(node.orelse) == 1 and isinstance(node.orelse[0], ast.If)):
            node.orelse = self._side(no, node.orelse, node)
        else:
            node.orelse = [self.visit(node.orelse[0])]
        return node

    def visit_IfExp(self, node: ast.IfExp) -> ast.AST:
        if self.function is None:
            return self.generic_visit(node)
        yes, no = _sides(node.test)
        node.body = self._noted(yes, node.body, node.body)
        node.orelse = self._noted(no, node.orelse, node.orelse)
        return self.generic_visit(node)

    def visit_For(self, node: ast.For) -> ast.AST:
        text = f"for {_text(node.target)} in {_text(node.iter)}"
        node.iter = self.visit(node.iter)
        return self._loop(node, text)

    def visit_While(self, node: ast.While) -> ast.AST:
        text = f"while {_text(node.test)}"
        node.test = self.visit(node.test)
        return self._loop(node, text)

    def _loop(self, node: ast.For | ast.While, text: str) -> ast.AST:
        if self.function is not None:
            node.body = self._side(text, node.body, node)
            node.orelse = self._side(f"after {text}", node.orelse, node)
        return node

    def visit_match_case(self, node: ast.match_case) -> ast.AST:
        if self.function is None:
            return self.generic_visit(node)
        guard = f" if {_text(node.guard)}" if node.guard is not None else ""
        node.body = self._side(f"case {_text(node.pattern)}{guard}", node.body, node.pattern)
        return node

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> ast.AST:
        if self.function is None:
            return self.generic_visit(node)
        node.body = self._side(f"except {_text(node.type)}" if node.type else "except", node.body, node)
        return node

    def _side(self, text: str, body: list[ast.stmt], node: ast.AST) -> list[ast.stmt]:
        """The statements of a branch with a note before them, unless they end with one that says as much."""
        straight = not any(isinstance(statement, _COMPOUND) for statement in body)
        if straight and body and isinstance(body[-1], ast.Return | ast.Raise):
            return [self.visit(statement) for statement in body]
        note = self._note(text, body[0] if body else node)
        return [note, *(self.visit(statement) for statement in body)]

    def _id(self, text: str, node: ast.AST) -> str:
        assert self.function is not None
        text = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
        self.texts[text] += 1
        id = f"{self.function.id}: {text}" + (f" ({self.texts[text]})" if self.texts[text] > 1 else "")
        self.function.outcomes.append(Outcome(id, f"{self.file}:{getattr(node, 'lineno', 0)}"))
        return id

    def _note(self, text: str, node: ast.AST) -> ast.stmt:
        return self._call(self._id(text, node), node)

    def _call(self, id: str, node: ast.AST) -> ast.stmt:
        call = ast.Call(ast.Name(_REACHED, ast.Load()), [ast.Constant(id)], [])
        return ast.copy_location(ast.Expr(call), node)

    def _noted(self, text: str, value: ast.expr | None, node: ast.AST) -> ast.expr:
        given: list[ast.expr] = [ast.Constant(self._id(text, node)), *([value] if value is not None else [])]
        return ast.copy_location(ast.Call(ast.Name(_REACHED, ast.Load()), given, []), node)


_COMPOUND = ast.If | ast.For | ast.While | ast.Match | ast.Try | ast.With


def _goes_on(body: list[ast.stmt]) -> bool:
    """Whether the end of statements can be reached."""
    match body[-1]:
        case ast.Return() | ast.Raise():
            return False
        case ast.If() as branch:
            return not branch.orelse or _goes_on(branch.body) or _goes_on(branch.orelse)
        case ast.Match() as choice:
            last = choice.cases[-1]
            complete = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
            return not complete or any(_goes_on(case.body) for case in choice.cases)
        case ast.Try() as attempt:
            sides = [attempt.orelse or attempt.body, *(handler.body for handler in attempt.handlers)]
            return any(_goes_on(side) for side in sides)
        case ast.With() as block:
            return _goes_on(block.body)
        case _:
            return True


def _sides(test: ast.expr) -> tuple[str, str]:
    """What the sides of a branch say: that the condition holds, and that it does not."""
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        no, yes = _sides(test.operand)
        return yes, no
    negated = f"({_text(test)})" if isinstance(test, ast.BoolOp | ast.IfExp) else _text(test)
    return f"where {_text(test)}", f"where not {negated}"


def _text(node: ast.AST) -> str:
    return " ".join(ast.unparse(node).split())
