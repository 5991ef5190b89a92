"""Python source for the functions of a C program.

Every C function becomes a Python function `f_name(ev, ...)`, every C expression one Python expression over
`impl.c.operations`, with constants folded and guards that hold for certain left out.  A condition becomes a
truth value first and is decided only where control flow needs it.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field

from impl.c import ir
from impl.c.subset import terminates
from refinement import bits

AccessKey = tuple[bool, str, tuple[str | None, ...]]
"""Whether the root is a global, the root (global's name or key of a type), the steps."""

Code = int | str
TruthCode = bool | str


@define
class Module:
    """Generated source, and the static tables that its names `A0`, `A1`... and `T0`, `T1`... stand for.

    An access is (type or None for a global, the global's name, steps); a `T` is a type.
    """

    source: str
    accesses: list[tuple[ir.Type | None, str, tuple[str | None, ...]]] = field(factory=list)
    types: list[ir.Type] = field(factory=list)


def generate(program: ir.Program) -> Module:
    """The Python functions of all functions that have a body."""
    tables = _Tables()
    lines: list[str] = []
    for function in program.functions.values():
        if function.body is not None and function.name not in program.ghost:
            lines += _FunctionEmitter(program, tables, function).emit()
    return Module("\n".join(lines) + "\n", tables.accesses, tables.types)


def constant_value(expression: ir.Expression) -> int | None:
    """The value of a constant expression as a bit pattern, or None if it is none or undefined."""
    emitter = _ExpressionEmitter(None, _Tables())
    code = emitter.value(expression)
    return code if isinstance(code, int) else None


class _Tables:
    def __init__(self) -> None:
        self.accesses: list[tuple[ir.Type | None, str, tuple[str | None, ...]]] = []
        self.types: list[ir.Type] = []
        self._known_accesses: dict[tuple, str] = {}
        self._known_types: dict[ir.Type, str] = {}
        self.computing: dict[str, bool] = {}

    def access(self, type: ir.Type | None, name: str, steps: tuple[str | None, ...]) -> str:
        key = (type, name, steps)
        found = self._known_accesses.get(key)
        if found is None:
            found = self._known_accesses[key] = f"A{len(self.accesses)}"
            self.accesses.append(key)
        return found

    def type(self, type: ir.Type) -> str:
        found = self._known_types.get(type)
        if found is None:
            found = self._known_types[type] = f"T{len(self.types)}"
            self.types.append(type)
        return found


@define
class _PlaceCode:
    """A place in memory as code: a pointer (None for a global), the static access from it, the indices."""

    pointer: str
    type: ir.Type | None
    name: str
    steps: tuple[str | None, ...] = ()
    indices: tuple[Code, ...] = ()
    free: bool = True


_PLAIN = {"+": "add", "-": "subtract", "*": "multiply", "&": "bit_and", "|": "bit_or", "^": "bit_xor"}
_SIGNED = {"+": "signed_add", "-": "signed_subtract", "*": "signed_multiply"}
_PYTHON = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__}
_WIDTHS = {"": 32, "l": 32, "ll": 64}


def _width(type: ir.Type) -> int:
    return type.width if isinstance(type, ir.Integer) else ir.WORD


def _signed(type: ir.Type) -> bool:
    return isinstance(type, ir.Integer) and type.signed


class _ExpressionEmitter:
    """Expressions to code.  `open` counts what was emitted that is a guard, a decision, or a call that is not free
    of them.

    An expression during which it does not grow can be evaluated whether it is needed or not.
    """

    def __init__(self, program: ir.Program | None, tables: _Tables):
        self.program = program
        self.tables = tables
        self.open = 0
        self.assigned: set[str] = set()

    # Values

    def value(self, expression: ir.Expression) -> Code:
        match expression:
            case ir.Constant(value=value):
                return value
            case ir.Load(place=place):
                return self._load(place, expression.location)
            case ir.AddressOf(place=place, decay=decay):
                return self._address_of(place, decay)
            case ir.Unary():
                return self._unary(expression)
            case ir.Binary():
                return self._binary(expression)
            case ir.Logical():
                return self._of_truth(self.truth(expression), 32)
            case ir.Conditional():
                return self._conditional(expression)
            case ir.Convert():
                return self._convert(expression)
            case ir.Call():
                return self._call(expression)
            case ir.Builtin():
                return self._builtin(expression)
        raise TypeError(f"unknown expression {expression!r}")

    def _of_truth(self, truth: TruthCode, width: int) -> Code:
        return int(truth) if isinstance(truth, bool) else f"of_truth({truth}, {width})"

    def _load(self, place: ir.LValue, location: str) -> Code:
        if isinstance(place, ir.Local):
            name = "v_" + place.variable.unique
            if place.variable.unique in self.assigned:
                return name
            self.open += 1
            return f"({name} if {name} is not UNSET else unset(ev, {place.variable.name!r}, {location!r}))"
        code = self.place(place)
        if not code.free:
            self.open += 1
        return f"load(ev, {self._place_arguments(code)}, {location!r})"

    def _place_arguments(self, code: _PlaceCode) -> str:
        access = self.tables.access(code.type, code.name, code.steps)
        return f"{code.pointer}, {access}, {_tuple(code.indices)}"

    def _address_of(self, place: ir.LValue, decay: bool) -> Code:
        code = self.place(place)
        if decay:
            code.steps += (None,)
            code.indices += (0,)
        return f"locate({self._place_arguments(code)})"

    def place(self, place: ir.LValue) -> _PlaceCode:
        """The code of a place in memory."""
        match place:
            case ir.Global(name=name):
                return _PlaceCode("None", None, name)
            case ir.Dereference(pointer=pointer):
                return _PlaceCode(str(self.value(pointer)), place.type, "", free=False)
            case ir.Member(of=of, field=step):
                code = self.place(of)
                code.steps += (step,)
                return code
            case ir.Index(of=of, index=index):
                code = self.place(of)
                number = self._index(index)
                assert isinstance(of.type, ir.Array)
                if not isinstance(number, int) or number >= of.type.length:
                    code.free = False
                code.steps += (None,)
                code.indices += (number,)
                return code
            case ir.Element(pointer=pointer, index=index):
                base = self.value(pointer)
                self.open += 1
                kind = self.tables.type(place.type)
                pointed = f"element(ev, {base}, {self._index(index)}, {kind}, {place.location!r})"
                return _PlaceCode(pointed, place.type, "", free=False)
        raise TypeError(f"{place!r} is not a place in memory")

    def _index(self, index: ir.Expression) -> Code:
        return self._resized(self.value(index), _width(index.type), ir.WORD, _signed(index.type))

    def _resized(self, code: Code, width: int, to: int, is_signed: bool) -> Code:
        if width == to:
            return code
        if isinstance(code, int):
            return _plain(bits.resize(code, width, to, is_signed=is_signed))
        return f"resize({code}, {width}, {to}, is_signed={is_signed})"

    def _unary(self, expression: ir.Unary) -> Code:
        if expression.operator == "!":
            return self._of_truth(self.truth(expression), 32)
        width = _width(expression.type)
        operand = self.value(expression.operand)
        if expression.operator == "~":
            return _plain(bits.bit_not(operand, width)) if isinstance(operand, int) else f"bit_not({operand}, {width})"
        if isinstance(operand, int) and not (_signed(expression.type) and operand == 1 << (width - 1)):
            return _plain(bits.subtract(0, operand, width))
        if not _signed(expression.type):
            return f"subtract(0, {operand}, {width})"
        self.open += 1
        return f"signed_negate(ev, {operand}, {width}, {expression.location!r})"

    def _binary(self, expression: ir.Binary) -> Code:
        operator = expression.operator
        if operator in ("==", "!=", "<", ">", "<=", ">="):
            return self._of_truth(self.truth(expression), 32)
        left, right = self.value(expression.left), self.value(expression.right)
        width = _width(expression.type)
        is_signed = _signed(expression.type)
        location = expression.location
        plain = isinstance(left, int) and isinstance(right, int)
        if operator in ("<<", ">>"):
            return self._shift(expression, left, right)
        if operator in ("/", "%"):
            if not (isinstance(right, int) and right and not is_signed):
                self.open += 1
            elif isinstance(left, int):
                return left // right if operator == "/" else left % right
            name = "divide" if operator == "/" else "remainder"
            return f"{name}(ev, {left}, {right}, {width}, {is_signed}, {location!r})"
        if is_signed and operator in _SIGNED:
            if isinstance(left, int) and isinstance(right, int):
                result = _PYTHON[operator](bits.signed(left, width), bits.signed(right, width))
                if -(1 << (width - 1)) <= result < 1 << (width - 1):
                    return result & ((1 << width) - 1)
            self.open += 1
            return f"{_SIGNED[operator]}(ev, {left}, {right}, {width}, {location!r})"
        name = _PLAIN[operator]
        return _plain(getattr(bits, name)(left, right, width)) if plain else f"{name}({left}, {right}, {width})"

    def _shift(self, expression: ir.Binary, left: Code, right: Code) -> Code:
        width = _width(expression.type)
        is_signed = _signed(expression.type)
        if isinstance(right, int) and right < width:
            if expression.operator == ">>":
                name = "shift_right_arithmetic" if is_signed else "shift_right"
                if isinstance(left, int):
                    return _plain(getattr(bits, name)(left, right, width))
                return f"bits_{name}({left}, {right}, {width})"
            if not is_signed:
                if isinstance(left, int):
                    return _plain(bits.shift_left(left, right, width))
                return f"bits_shift_left({left}, {right}, {width})"
            if isinstance(left, int) and left << right < 1 << (width - 1):
                return left << right
        if not is_signed and _is_below(expression.right, width):
            name = "shift_left" if expression.operator == "<<" else "shift_right"
            distance = self._resized(right, _width(expression.right.type), width, False)
            return f"bits_{name}({left}, {distance}, {width})"
        self.open += 1
        name = "shift_left" if expression.operator == "<<" else "shift_right"
        distance_width = _width(expression.right.type)
        return f"{name}(ev, {left}, {right}, {width}, {distance_width}, {is_signed}, {expression.location!r})"

    def _conditional(self, expression: ir.Conditional) -> Code:
        condition = self.truth(expression.condition)
        if isinstance(condition, bool):
            return self.value(expression.then if condition else expression.otherwise)
        before = self.open
        then = self.value(expression.then)
        otherwise = self.value(expression.otherwise)
        if self.open == before:
            if isinstance(expression.type, ir.Pointer):
                self.open += 1
                return f"choose_pointer(ev, {condition}, {then}, {otherwise}, {expression.location!r})"
            return f"ite({condition}, {then}, {otherwise}, {_width(expression.type)})"
        self.open += 1
        return f"({then} if decide(ev, {condition}, {expression.condition.location!r}) else {otherwise})"

    def _convert(self, expression: ir.Convert) -> Code:
        source, target = expression.operand.type, expression.type
        if isinstance(target, ir.Integer) and target.boolean:
            return self._of_truth(self.truth(expression.operand), 8)
        code = self.value(expression.operand)
        if isinstance(target, ir.Pointer):
            if isinstance(source, ir.Pointer):
                if isinstance(target.target, ir.Void) or source.target == target.target or isinstance(code, int):
                    return code
                return f"retype(ev, {code}, {self.tables.type(target.target)})"
            return self._resized(code, _width(source), ir.WORD, _signed(source))
        assert isinstance(target, ir.Integer)
        if isinstance(source, ir.Pointer):
            code = code if isinstance(code, int) else f"address(ev, {code})"
            return self._resized(code, ir.WORD, target.width, False)
        assert isinstance(source, ir.Integer)
        if not target.signed or _holds(target, source) or self._is_small(expression.operand, target):
            return self._resized(code, source.width, target.width, source.signed)
        if isinstance(code, int):
            number = bits.signed(code, source.width) if source.signed else code
            if -(1 << (target.width - 1)) <= number < 1 << (target.width - 1):
                return self._resized(code, source.width, target.width, source.signed)
        self.open += 1
        return f"to_signed(ev, {code}, {source.width}, {source.signed}, {target.width}, {expression.location!r})"

    def _is_small(self, expression: ir.Expression, target: ir.Integer) -> bool:
        """Whether the value certainly fits the signed type: a smaller unsigned one, or masked by a constant."""
        match expression:
            case ir.Convert(operand=operand) if isinstance(operand.type, ir.Integer):
                return _holds(target, operand.type) and _holds(_integer(expression.type), operand.type)
            case ir.Binary(operator="&", left=left, right=right):
                limit = 1 << (target.width - 1)
                constants = [part.value for part in (left, right) if isinstance(part, ir.Constant)]
                return any(value < limit for value in constants)
        return False

    def call_code(self, expression: ir.Call) -> str:
        """The call, whatever it returns."""
        if self.program is None:
            return "no constant"
        if not _only_computes(self.program, self.tables, expression.function):
            self.open += 1
        arguments = [str(self.value(part)) for part in expression.arguments]
        function = self.program.functions[expression.function]
        name = expression.function
        if name in self.program.ghost or function.body is None:
            kind = "ghost" if name in self.program.ghost else "external"
            return f"ev.{kind}({name!r}, {_tuple(tuple(arguments))}, {expression.location!r})"
        return f"f_{name}({', '.join(['ev', *arguments])})"

    def _call(self, expression: ir.Call) -> Code:
        return self.call_code(expression)

    def _builtin(self, expression: ir.Builtin) -> Code:
        name = expression.function.removeprefix("__builtin_")
        if name == "unreachable":
            self.open += 1
            return f"unreachable(ev, {expression.location!r})"
        argument = self.value(expression.arguments[0])
        if name == "expect":
            return argument
        operation = "count_leading_zeros" if name.startswith("clz") else "count_trailing_zeros"
        width = _WIDTHS[name[3:]]
        if isinstance(argument, int) and argument:
            return width - argument.bit_length() if name.startswith("clz") else (argument & -argument).bit_length() - 1
        self.open += 1
        return f"{operation}(ev, {argument}, {width}, {expression.location!r})"

    # Conditions

    def truth(self, expression: ir.Expression) -> TruthCode:
        """The code of "is not zero" as a truth value."""
        match expression:
            case ir.Unary(operator="!", operand=operand):
                inner = self.truth(operand)
                return not inner if isinstance(inner, bool) else f"negate({inner})"
            case ir.Binary(operator="==" | "!=" | "<" | ">" | "<=" | ">=" as operator, left=left, right=right):
                return self._comparison(operator, left, right)
            case ir.Logical():
                return self._logical(expression)
            case ir.Convert(operand=operand) if self._keeps_truth(expression.type, operand.type):
                return self.truth(operand)
            case ir.Builtin(function="__builtin_expect", arguments=(first, *_)):
                return self.truth(first)
            case ir.Conditional() if not isinstance(expression.type, ir.Pointer):
                return self._truth_by_cases(expression)
        code = self.value(expression)
        if isinstance(code, int):
            return code != 0
        if isinstance(expression.type, ir.Pointer):
            return f"nonzero(address(ev, {code}), {ir.WORD})"
        return f"nonzero({code}, {_width(expression.type)})"

    def _keeps_truth(self, target: ir.Type, source: ir.Type) -> bool:
        if isinstance(target, ir.Integer) and target.boolean:
            return True
        if isinstance(source, ir.Pointer) or isinstance(target, ir.Pointer):
            return _width(target) == _width(source)
        assert isinstance(target, ir.Integer)
        assert isinstance(source, ir.Integer)
        # A conversion with a guard must not be skipped.
        return target.width >= source.width and (not target.signed or _holds(target, source))

    def _truth_by_cases(self, expression: ir.Conditional) -> TruthCode:
        condition = self.truth(expression.condition)
        if isinstance(condition, bool):
            return self.truth(expression.then if condition else expression.otherwise)
        before = self.open
        then, otherwise = self.truth(expression.then), self.truth(expression.otherwise)
        if self.open == before:
            return f"choose_truth({condition}, {then}, {otherwise})"
        self.open += 1
        return f"({then} if decide(ev, {condition}, {expression.condition.location!r}) else {otherwise})"

    def _comparison(self, operator: str, left: ir.Expression, right: ir.Expression) -> TruthCode:
        first, second = self.value(left), self.value(right)
        if isinstance(left.type, ir.Pointer) or isinstance(right.type, ir.Pointer):
            if isinstance(first, int) and isinstance(second, int):
                return (first == second) is (operator == "==")
            code = f"same(ev, {first}, {second})"
            return code if operator == "==" else f"negate({code})"
        width = _width(left.type)
        if operator in (">", "<="):
            first, second = second, first
        ordering = "signed_less" if _signed(left.type) else "unsigned_less"
        name = "equal" if operator in ("==", "!=") else ordering
        negated = operator in ("!=", "<=", ">=")
        if isinstance(first, int) and isinstance(second, int):
            return bool(getattr(bits, name)(first, second, width)) is not negated
        code = f"{name}({first}, {second}, {width})"
        return f"negate({code})" if negated else code

    def _logical(self, expression: ir.Logical) -> TruthCode:
        is_and = expression.operator == "&&"
        left = self.truth(expression.left)
        if isinstance(left, bool):
            return self.truth(expression.right) if left is is_and else left
        before = self.open
        right = self.truth(expression.right)
        if self.open == before:
            if isinstance(right, bool):
                return left if right is is_and else right
            return f"{'conjunction' if is_and else 'disjunction'}({left}, {right})"
        self.open += 1
        decided = f"decide(ev, {left}, {expression.left.location!r})"
        return f"({right} if {decided} else False)" if is_and else f"(True if {decided} else {right})"


class _FunctionEmitter(_ExpressionEmitter):
    """The statements of one function to lines of code."""

    def __init__(self, program: ir.Program, tables: _Tables, function: ir.Function):
        super().__init__(program, tables)
        self.function = function
        self.lines: list[str] = []
        self.indent = 1
        self.fresh = 0
        self.exits: list[tuple[str, ir.Loop | ir.Switch, str]] = []

    def emit(self) -> list[str]:
        """The lines of the function."""
        function = self.function
        assert function.body is not None
        parameters = ["v_" + parameter.unique for parameter in function.parameters]
        self.assigned = {parameter.unique for parameter in function.parameters}
        self.lines = [f"def f_{function.name}({', '.join(['ev', *parameters])}):"]
        if not function.static:
            self._line("if ev.at_call is not None:")
            self._line(f"    found = ev.by_contract({function.name!r}, {_tuple(tuple(parameters))})")
            self._line("    if found is not None: return found[0]")
        self._body(function.body.body)
        if not isinstance(function.result, ir.Void) and not terminates(function.body.body):
            self._line(f"return missing_return(ev, {function.name!r}, {function.location!r})")
        return self.lines

    def _line(self, text: str) -> None:
        self.lines.append("    " * self.indent + text)

    def _name(self, stem: str) -> str:
        self.fresh += 1
        return f"{stem}{self.fresh}"

    def _body(self, statements: Iterable[ir.Statement]) -> None:
        before = len(self.lines)
        for statement in statements:
            self._statement(statement)
        if len(self.lines) == before:
            self._line("pass")

    def _nested(self, statements: Iterable[ir.Statement]) -> set[str]:
        """Emit an indented branch; the variables that are assigned at its end."""
        saved = set(self.assigned)
        self.indent += 1
        self._body(statements)
        self.indent -= 1
        result, self.assigned = self.assigned, saved
        return result

    def _statement(self, statement: ir.Statement) -> None:
        match statement:
            case ir.Block(body=body):
                for inner in body:
                    self._statement(inner)
            case ir.Declare(variable=variable, value=value):
                if value is None:
                    self.assigned.discard(variable.unique)
                    self._line(f"v_{variable.unique} = UNSET")
                else:
                    self._line(f"v_{variable.unique} = {self.value(value)}")
                    self.assigned.add(variable.unique)
            case ir.Assign(place=place, value=value):
                self._assign(place, value, statement.location)
            case ir.CopyStruct(place=place, source=source):
                target, origin = (f"locate({self._place_arguments(self.place(part))})" for part in (place, source))
                self._line(f"copy(ev, {target}, {origin}, {statement.location!r})")
            case ir.Evaluate(value=value):
                code = self.value(value)
                if isinstance(code, str):
                    self._line(code)
            case ir.If():
                self._if(statement)
            case ir.Loop():
                self._loop(statement)
            case ir.Switch():
                self._switch(statement)
            case ir.Return(value=value):
                self._line("return" if value is None else f"return {self.value(value)}")
            case ir.Break():
                self._line("break")
            case ir.Continue():
                self._continue()
            case _:
                raise TypeError(f"unknown statement {statement!r}")

    def _assign(self, place: ir.LValue, value: ir.Expression, location: str) -> None:
        if isinstance(place, ir.Local):
            self._line(f"v_{place.variable.unique} = {self.value(value)}")
            self.assigned.add(place.variable.unique)
            return
        code = self.place(place)
        self._line(f"store(ev, {self._place_arguments(code)}, {self.value(value)}, {location!r})")

    def _if(self, statement: ir.If) -> None:
        condition = self.truth(statement.condition)
        if isinstance(condition, bool):
            chosen = statement.then if condition else statement.otherwise
            if chosen is not None:
                self._statement(chosen)
            return
        self._line(f"if decide(ev, {condition}, {statement.condition.location!r}):")
        then = self._nested((statement.then,))
        ends = [] if terminates((statement.then,)) else [then]
        if statement.otherwise is None:
            ends.append(self.assigned)
        else:
            self._line("else:")
            otherwise = self._nested((statement.otherwise,))
            if not terminates((statement.otherwise,)):
                ends.append(otherwise)
        if ends:
            self.assigned = set.intersection(*ends)

    def _loop(self, loop: ir.Loop) -> None:
        # Variables that only a first iteration assigns are taken as unassigned.
        count = self._name("n")
        self._line(f"{count} = 0")
        self._line("while True:")
        saved = set(self.assigned)
        self.indent += 1
        if not loop.condition_last:
            self._head(loop, count)
        self.exits.append(("loop", loop, ""))
        self._body((loop.body,))
        self.exits.pop()
        if loop.condition_last:
            self._head(loop, count)
        if loop.step is not None:
            self._statement(loop.step)
        self.indent -= 1
        self.assigned = saved

    def _head(self, loop: ir.Loop, count: str) -> None:
        """The hook, and the condition."""
        self._line("if ev.at_loop is not None:")
        self.indent += 1
        entries = ", ".join(f"{variable.name!r}: v_{variable.unique}" for variable in loop.visible)
        self._line(f"values = {{{entries}}}")
        self._line(f"ev.enter_loop({loop.label!r}, values, {loop.assigned!r}, {count}, {loop.location!r})")
        for variable in loop.visible:
            self._line(f"v_{variable.unique} = values[{variable.name!r}]")
        self.indent -= 1
        condition = True if loop.condition is None else self.truth(loop.condition)
        self._line(f"if not go_on(ev, {condition}, {count}, {loop.location!r}): break")
        self._line(f"{count} += 1")

    def _continue(self) -> None:
        for kind, owner, flag in reversed(self.exits):
            if kind == "loop":
                assert isinstance(owner, ir.Loop)
                if owner.step is not None and self.exits[-1][0] == "loop":
                    self._statement(owner.step)
                self._line("continue")
                return
            self._line(f"{flag} = True")
            self._line("break")
            return

    def _switch(self, statement: ir.Switch) -> None:
        """A chain of branches inside a loop that runs once, so that `break` leaves it."""
        value = self._name("s")
        flag = self._name("c")
        continues = any(isinstance(part, ir.Continue) for arm in statement.arms for part in _own(arm))
        self._line(f"{value} = {self.value(statement.value)}")
        if continues:
            self._line(f"{flag} = False")
        self._line("while True:")
        self.indent += 1
        self.exits.append(("switch", statement, flag))
        width = _width(statement.value.type)
        ends: list[set[str]] = []
        word = "if"
        default = next((arm for arm in statement.arms if arm.default), None)
        for arm in statement.arms:
            if arm is not default:
                condition = f"one_of({value}, {arm.labels!r}, {width})"
                self._line(f"{word} decide(ev, {condition}, {arm.location!r}):")
                word = "elif"
                ends += self._arm(arm)
        if default is None:
            ends.append(set(self.assigned))
        elif word == "if":
            self._body(default.body)
            ends.append(set(self.assigned))
        else:
            self._line("else:")
            ends += self._arm(default)
        self._line("break")
        self.exits.pop()
        self.indent -= 1
        if ends:
            self.assigned = set.intersection(*ends)
        if continues:
            self._line(f"if {flag}:")
            self.indent += 1
            self._continue()
            self.indent -= 1

    def _arm(self, arm: ir.Arm) -> list[set[str]]:
        """Emit the arm; what is assigned where it leaves the switch at its end."""
        before = set(self.assigned)
        end = self._nested(arm.body)
        leaves_early = any(isinstance(part, ir.Break) for part in _own(arm) if part is not arm.body[-1])
        if leaves_early:
            return [before]
        return [] if terminates(arm.body) and not isinstance(arm.body[-1], ir.Break | ir.Block) else [end]


def _is_below(expression: ir.Expression, limit: int) -> bool:
    """Whether an unsigned value is certainly less than the limit, being masked by a constant."""
    match expression:
        case ir.Binary(operator="&", left=left, right=right) if not _signed(expression.type):
            return any(isinstance(part, ir.Constant) and part.value < limit for part in (left, right))
    return False


def _only_computes(program: ir.Program, tables: _Tables, name: str) -> bool:
    """Whether a function does nothing but compute its result, without guards and decisions: a call of it is an
    expression like others."""
    found = tables.computing.get(name)
    if found is None:
        found = tables.computing[name] = name not in program.ghost and _computes(program, tables, name)
    return found


def _computes(program: ir.Program, tables: _Tables, name: str) -> bool:
    function = program.functions[name]
    statements = function.body.body if function.body is not None else ()
    if not statements or not isinstance(statements[-1], ir.Return):
        return False
    scratch = _Tables()
    scratch.computing = tables.computing
    emitter = _ExpressionEmitter(program, scratch)
    emitter.assigned = {parameter.unique for parameter in function.parameters}
    for statement in statements:
        match statement:
            case (
                ir.Declare(variable=variable, value=ir.Expression() as value)
                | ir.Assign(place=ir.Local(variable=variable), value=value)
            ):
                emitter.value(value)
                emitter.assigned.add(variable.unique)
            case ir.Return(value=ir.Expression() as value):
                emitter.value(value)
            case _:
                return False
    return emitter.open == 0 and not scratch.accesses


def _own(statement: ir.Statement) -> Iterable[ir.Statement]:
    """The statements inside whose `break` or `continue` belongs to the surrounding loop or switch."""
    for inner in ir.substatements(statement):
        yield inner
        if not isinstance(inner, ir.Loop | ir.Switch):
            yield from _own(inner)


def _tuple(codes: tuple[Code, ...]) -> str:
    return f"({', '.join(map(str, codes))}{',' if len(codes) == 1 else ''})"


def _plain(value: bits.Bits) -> int:
    assert isinstance(value, int)
    return value


def _integer(type: ir.Type) -> ir.Integer:
    assert isinstance(type, ir.Integer)
    return type


def _holds(target: ir.Integer, source: ir.Integer) -> bool:
    """Whether every value of the type `source` is one of the type `target`."""
    if source.signed:
        return target.signed and target.width >= source.width
    return target.width > source.width if target.signed else target.width >= source.width
