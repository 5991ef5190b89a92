"""The subset of C that the kernel is written in, and the refusal of everything outside it.

The subset is that of l4v's C parser, in short: locals have no address; no goto, unions, bit-fields, function
pointers, recursion, floating point, varargs, inline assembly or pointer arithmetic; no side effect inside an
expression but that of a call; a switch arm ends in break or return.  What has no form in the typed tree is
refused while it is converted (`impl.c.convert`), the rest here by `check`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from impl.c import ir


class OutsideSubset(Exception):
    """Something in the C program that the subset does not allow.

    The text, which is also the `user_message`, is `file:line: reason`.
    """

    def __init__(self, file: str, line: int, reason: str):
        super().__init__(f"{file}:{line}: {reason}")
        self.user_message = f"{file}:{line}: {reason}"
        self.file = file
        self.line = line
        self.reason = reason

    def __reduce__(self) -> tuple:
        return OutsideSubset, (self.file, self.line, self.reason)


def refuse(location: str, reason: str) -> OutsideSubset:
    """The refusal of what stands at `file:line`."""
    file, _, line = location.rpartition(":")
    return OutsideSubset(file, int(line or 0), reason)


REFUSED_KINDS: Mapping[str, str] = {
    "GotoStmt": "goto is not in the subset",
    "IndirectGotoStmt": "goto is not in the subset",
    "LabelStmt": "labels are not in the subset",
    "AddrLabelExpr": "labels are not in the subset",
    "GCCAsmStmt": "inline assembly is not in the subset",
    "MSAsmStmt": "inline assembly is not in the subset",
    "FileScopeAsmDecl": "inline assembly is not in the subset",
    "FloatingLiteral": "floating point is not in the subset",
    "ImaginaryLiteral": "floating point is not in the subset",
    "StringLiteral": "string literals are not in the subset",
    "PredefinedExpr": "string literals are not in the subset",
    "VAArgExpr": "variable arguments are not in the subset",
    "StmtExpr": "statement expressions are not in the subset",
    "CompoundLiteralExpr": "compound literals are not in the subset",
    "BinaryConditionalOperator": "'?:' without its middle operand is not in the subset",
    "GenericSelectionExpr": "_Generic is not in the subset",
    "AtomicExpr": "atomic operations are not in the subset",
    "IndirectFieldDecl": "unnamed structure members are not in the subset",
    "AttributedStmt": "a switch arm that falls through is not in the subset",
    "OffsetOfExpr": "offsetof is not in the subset",
}
"""Why a kind of node in the compiler's tree is refused; any other unknown kind is refused by its name."""


def terminates(body: tuple[ir.Statement, ...]) -> bool:
    """Whether control never comes to the end of these statements."""
    if not body:
        return False
    last = body[-1]
    match last:
        case ir.Break() | ir.Continue() | ir.Return():
            return True
        case ir.Block(body=inner):
            return terminates(inner)
        case ir.If(then=then, otherwise=otherwise):
            return otherwise is not None and terminates((then,)) and terminates((otherwise,))
        case ir.Evaluate(value=ir.Builtin(function="__builtin_unreachable")):
            return True
        case ir.Switch(arms=arms):
            leaves = any(isinstance(part, ir.Break) for arm in arms for part in _own_breaks(arm))
            return not leaves and any(arm.default for arm in arms) and all(terminates(arm.body) for arm in arms)
    return False


def _own_breaks(statement: ir.Statement) -> Iterable[ir.Statement]:
    """The statements inside that a `break` may leave the surrounding switch from."""
    for inner in ir.substatements(statement):
        if not isinstance(inner, ir.Loop | ir.Switch):
            yield inner
            yield from _own_breaks(inner)


def check(program: ir.Program) -> None:
    """Refuse recursion, undefined functions and globals, and results that depend on an unspecified order.

    Raises OutsideSubset at the first offence.
    """
    order = _callees_first(program)
    effects: dict[str, _Effects] = {}
    for name in order:
        function = program.functions[name]
        if function.body is None:
            effects[name] = _Effects(True, name not in program.ghost)
        else:
            effects[name] = _FunctionEffects(effects).of(function)
        _check_globals(program, function)


def _callees_first(program: ir.Program) -> list[str]:
    """The functions, each after those that it calls; recursion is refused."""
    order: list[str] = []
    state: dict[str, int] = {}

    def visit(name: str) -> None:
        state[name] = 1
        for call in ir.calls(program.functions[name]):
            seen = state.get(call.function, 0)
            if seen == 1:
                raise refuse(call.location, f"'{call.function}' is recursive: recursion is not in the subset")
            if seen == 0:
                visit(call.function)
        state[name] = 2
        order.append(name)

    for name in program.functions:
        if state.get(name, 0) == 0:
            visit(name)
    return order


def _check_globals(program: ir.Program, function: ir.Function) -> None:
    if function.body is None:
        return
    pending: list[ir.Expression | ir.LValue] = []
    for statement in ir.statements(function.body):
        pending.extend(ir.statement_parts(statement))
    while pending:
        part = pending.pop()
        if isinstance(part, ir.Global) and not program.globals[part.name].defined:
            raise refuse(part.location, f"the global '{part.name}' is declared but defined in no unit")
        pending.extend(ir.place_operands(part) if isinstance(part, ir.LValue) else ir.operands(part))


class _Effects:
    """Whether evaluating something may read or write memory."""

    __slots__ = ("reads", "writes")

    def __init__(self, reads: bool = False, writes: bool = False):
        self.reads = reads
        self.writes = writes

    def then(self, other: _Effects) -> _Effects:
        """Both, one after the other."""
        return _Effects(self.reads or other.reads, self.writes or other.writes)


class _FunctionEffects:
    """What a function does to memory, and that no full expression depends on the order of evaluation.

    C leaves open in which order operands are evaluated.  So an operand that calls a function which writes
    memory must not stand beside one that reads or writes memory, unless `&&`, `||`, `?:` or a call put
    them in order.
    """

    def __init__(self, known: Mapping[str, _Effects]):
        self._known = known

    def of(self, function: ir.Function) -> _Effects:
        """The effects of a call of the function."""
        assert function.body is not None
        total = _Effects()
        for statement in ir.statements(function.body):
            match statement:
                case ir.Assign(place=place, value=value):
                    total = total.then(self._beside(statement.location, (self._place(place), self._value(value))))
                    if not isinstance(place, ir.Local):
                        total.writes = True
                case ir.CopyStruct(place=place, source=source):
                    parts = (self._place(place), self._place(source))
                    total = total.then(self._beside(statement.location, parts)).then(_Effects(True, True))
                case _:
                    for part in ir.statement_parts(statement):
                        assert isinstance(part, ir.Expression)
                        total = total.then(self._value(part))
        return total

    def _beside(self, location: str, parts: tuple[_Effects, ...]) -> _Effects:
        total = _Effects()
        for part in parts:
            if (part.writes and (total.reads or total.writes)) or (total.writes and part.reads):
                reason = "a call that writes memory stands beside another access: C leaves their order open"
                raise refuse(location, reason)
            total = total.then(part)
        return total

    def _place(self, place: ir.LValue) -> _Effects:
        parts = tuple(self._part(part) for part in ir.place_operands(place))
        return self._beside(place.location, parts)

    def _part(self, part: ir.Expression | ir.LValue) -> _Effects:
        return self._place(part) if isinstance(part, ir.LValue) else self._value(part)

    def _value(self, value: ir.Expression) -> _Effects:
        parts = tuple(self._part(part) for part in ir.operands(value))
        if isinstance(value, ir.Logical | ir.Conditional):
            total = _Effects()
            for part in parts:
                total = total.then(part)
            return total
        total = self._beside(value.location, parts)
        if isinstance(value, ir.Load) and not isinstance(value.place, ir.Local):
            return total.then(_Effects(reads=True))
        if isinstance(value, ir.Call):
            return total.then(self._known[value.function])
        return total
