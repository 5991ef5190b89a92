"""From the compiler's syntax tree to the typed tree of `impl.c.ir`; all units become one program."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterable

from impl.c import ir
from impl.c.clang import Node, Unit, fingerprint, location_of
from impl.c.generate import constant_value
from impl.c.subset import REFUSED_KINDS, OutsideSubset, refuse, terminates

_TRANSPARENT = ("ParenExpr", "ConstantExpr", "OpaqueValueExpr")
_LIKE_OPERAND = ("NoOp", "LValueToRValue", "FunctionToPointerDecay", "BuiltinFnToFnPtr")
_COMPARISONS = ("==", "!=", "<", ">", "<=", ">=")
_ARITHMETIC = ("+", "-", "*", "/", "%", "&", "|", "^", "<<", ">>")
BUILTINS = (
    "__builtin_clz",
    "__builtin_clzl",
    "__builtin_clzll",
    "__builtin_ctz",
    "__builtin_ctzl",
    "__builtin_ctzll",
    "__builtin_expect",
    "__builtin_unreachable",
)
"""The compiler's functions that the evaluator knows."""


def convert(units: Iterable[Unit], ghost: frozenset[str] = frozenset()) -> ir.Program:
    """The program of all units.  Raises OutsideSubset for what the subset does not allow."""
    merger = _Merger(ghost)
    for unit in units:
        _UnitConverter(unit, merger).convert()
    return merger.program


class _Merger:
    """The program as it grows unit by unit."""

    def __init__(self, ghost: frozenset[str]):
        self.program = ir.Program({}, {}, {}, {}, {}, {}, ghost)
        self.fingerprints: dict[str, tuple] = {}


class _Scope:
    """The variables of the function being converted, and its loops."""

    def __init__(self, function: str, result: ir.Type):
        self.function = function
        self.result = result
        self.variables: dict[str, ir.Variable] = {}
        self.taken: set[str] = set()
        self.visible: list[ir.Variable] = []
        self.loop_count = 0
        self.loops: dict[int, ir.Loop] = {}

    def add(self, ident: str, name: str, type: ir.Type, location: str) -> ir.Variable:
        unique = name
        number = 1
        while unique in self.taken:
            number += 1
            unique = f"{name}_{number}"
        self.taken.add(unique)
        variable = self.variables[ident] = ir.Variable(name, unique, type, location)
        self.visible.append(variable)
        return variable

    def in_sight(self) -> tuple[ir.Variable, ...]:
        """The variables that a name can mean here: of each name the innermost."""
        return tuple({variable.name: variable for variable in self.visible}.values())


class _UnitConverter:
    """Converts one translation unit into the program of a `_Merger`."""

    def __init__(self, unit: Unit, merger: _Merger):
        self._unit = unit
        self._merger = merger
        self._program = merger.program
        self._typedefs: dict[str, str | ir.Type] = {}
        self._tags: dict[str, str] = {}
        self._unnamed: dict[str, str] = {}
        self._enumerations: dict[str, bool] = {}
        self._types: dict[str, ir.Type] = {}
        self._scope = _Scope("", ir.VOID)

    def convert(self) -> None:
        declarations = [node for node in self._unit.tree.get("inner", ()) if node.get("at")]
        # The compiler's own declarations have no place in a file.
        self._name_types(declarations)
        for node in declarations:
            kind = node["kind"]
            if kind == "RecordDecl":
                self._record(node, self._record_name(node))
            elif kind == "EnumDecl":
                self._enumeration(node)
            elif kind == "TypedefDecl":
                self._typedef(node)
            elif kind == "FunctionDecl":
                self._function(node)
            elif kind == "VarDecl":
                self._global(node)
            elif kind not in ("EmptyDecl", "StaticAssertDecl"):
                raise self._refused(node)

    # Types

    def _name_types(self, declarations: list[Node]) -> None:
        """Find the name that every structure goes by, before any type is looked at."""
        names: dict[str, str] = {}
        owners: dict[str, str] = {}
        for node in declarations:
            if node["kind"] == "RecordDecl" and node.get("name"):
                owners[node["id"]] = node["name"]
            if node["kind"] == "TypedefDecl":
                inner = (node.get("inner") or [{}])[0]
                if inner.get("kind") == "ElaboratedType":
                    inner = (inner.get("inner") or [{}])[0]
                if inner.get("kind") == "RecordType":
                    ident = inner["decl"]["id"]
                    tag = owners.get(ident) or inner["decl"].get("name") or ""
                    self._tags.setdefault(tag or node["name"], node["name"])
                    names.setdefault(ident, node["name"])
        self._names_by_id = names

    def _record_name(self, node: Node) -> str:
        tag = node.get("name")
        if tag:
            return self._tags.setdefault(tag, tag)
        return self._names_by_id.get(node["id"], "")

    def _record(self, node: Node, name: str) -> None:
        location = location_of(node)
        if node.get("tagUsed") == "union":
            raise refuse(location, "unions are not in the subset")
        if not node.get("completeDefinition"):
            return
        tag = node.get("name")
        if not name:
            return
        at = node["at"]
        spelled = f"struct (unnamed at {at[0]}:{at[1]}:{at[2]})"
        self._unnamed.setdefault(spelled, name)
        if tag:
            self._program.records[tag] = name
        fields: list[ir.Field] = []
        offset = 0
        align = 1
        members = list(node.get("inner", ()))
        for position, member in enumerate(members):
            kind = member["kind"]
            if kind == "RecordDecl":
                self._nested_record(member, members[position + 1 :], name)
                continue
            if kind == "EnumDecl":
                self._enumeration(member)
                continue
            if kind != "FieldDecl":
                if kind.endswith("Attr"):
                    continue
                raise self._refused(member)
            place = location_of(member)
            if member.get("isBitfield"):
                raise refuse(place, "bit-fields are not in the subset")
            if not member.get("name"):
                raise refuse(place, "unnamed structure members are not in the subset")
            type = self._object_type(member, f"the field '{member['name']}'")
            size, alignment = self._program.size_and_align(type)
            offset = (offset + alignment - 1) // alignment * alignment
            align = max(align, alignment)
            fields.append(ir.Field(member["name"], type, offset))
            offset += size
        size = (offset + align - 1) // align * align
        layout = ir.StructLayout(name, tuple(fields), size, align, location)
        self._check_layout(node, layout)
        known = self._program.structs.get(name)
        if known is not None and (known.fields, known.size) != (layout.fields, layout.size):
            raise refuse(location, f"the structure '{name}' is another one than at {known.location}")
        self._program.structs.setdefault(name, layout)

    def _nested_record(self, node: Node, later: list[Node], outer: str) -> None:
        """A structure defined inside a structure: named by its tag, else by the field it is the type of."""
        if node.get("name"):
            self._record(node, self._record_name(node))
            return
        if not node.get("at"):
            return
        at = node["at"]
        spelled = f"struct (unnamed at {at[0]}:{at[1]}:{at[2]})"
        for member in later:
            if member["kind"] == "FieldDecl" and member.get("name") and member["type"]["qualType"].startswith(spelled):
                self._record(node, f"{outer}.{member['name']}")
                return
        raise refuse(location_of(node), "unnamed structure members are not in the subset")

    def _check_layout(self, node: Node, layout: ir.StructLayout) -> None:
        """The offsets above follow the ARM procedure call standard; the compiler must agree."""
        at = node["at"]
        tag = node.get("name") or layout.name
        reported = self._unit.layouts.get(f"struct {tag}") or self._unit.layouts.get(layout.name)
        if reported is None:
            ending = f"(unnamed at {at[0]}:{at[1]}:{at[2]})"
            reported = next((value for key, value in self._unit.layouts.items() if key.endswith(ending)), None)
        if reported is None:
            raise refuse(layout.location, f"the compiler did not report the layout of the structure '{layout.name}'")
        own = layout.size, layout.align, tuple(entry.offset for entry in layout.fields)
        if own != reported:
            unnatural = f"the layout of '{layout.name}' is not the natural one"
            raise refuse(layout.location, f"{unnatural}: packed or aligned fields are not in the subset")

    def _enumeration(self, node: Node) -> None:
        following = 0
        negative = False
        for constant in node.get("inner", ()):
            if constant["kind"] != "EnumConstantDecl":
                continue
            if constant.get("inner"):
                following = self._enumerator(constant["inner"][0])
            negative = negative or following < 0
            if not -(2**31) <= following < 2**32:
                raise refuse(location_of(constant), "an enumeration constant wider than a word is not in the subset")
            known = self._program.enumerators.setdefault(constant["name"], following)
            if known != following:
                raise refuse(location_of(constant), f"the enumeration constant '{constant['name']}' has two values")
            following += 1
        # The compiler takes `unsigned int` unless a constant is negative.
        self._enumerations[node["id"]] = negative
        if node.get("name"):
            self._types[f"enum {node['name']}"] = ir.Integer(32, negative, f"enum {node['name']}")

    def _enumerator(self, given: Node) -> int:
        """The value given to an enumeration constant, as the compiler worked it out."""
        while "value" not in given:
            if given["kind"] != "ImplicitCastExpr":
                raise self._refused(given)
            given = given["inner"][0]
        return int(given["value"])

    def _typedef(self, node: Node) -> None:
        name = node["name"]
        inner = (node.get("inner") or [{}])[0]
        if inner.get("kind") == "ElaboratedType":
            inner = (inner.get("inner") or [{}])[0]
        if inner.get("kind") == "RecordType":
            ident = inner["decl"]["id"]
            tag = inner["decl"].get("name") or name
            struct = ir.Struct(self._tags.get(tag) or self._names_by_id.get(ident) or name)
            self._typedefs[name] = struct
            self._program.typedefs.setdefault(name, struct)
            self._program.records.setdefault(name, struct.name)
        elif inner.get("kind") == "EnumType" and not inner["decl"].get("name"):
            type = ir.Integer(32, self._enumerations.get(inner["decl"]["id"], False), name)
            self._types[f"enum {name}"] = type
            self._typedefs[name] = type
            self._program.typedefs.setdefault(name, type)
        else:
            self._typedefs[name] = node["type"]["qualType"]
            # Declaring a type outside of the subset does no harm, using it is refused.
            with contextlib.suppress(OutsideSubset):
                self._program.typedefs.setdefault(name, self._parse_type(node["type"]["qualType"], location_of(node)))

    def _type(self, node: Node) -> ir.Type:
        return self._spelled_type(node["type"], location_of(node))

    def _spelled_type(self, type: Node, location: str) -> ir.Type:
        return self._parse_type(type["qualType"], location)

    def _object_type(self, node: Node, what: str) -> ir.Type:
        """The type of something that is kept in memory."""
        type = self._type(node)
        element = type
        while isinstance(element, ir.Array):
            element = element.element
        if isinstance(element, ir.Struct) and element.name not in self._program.structs:
            raise refuse(location_of(node), f"{what} has the incomplete type '{element.name}'")
        if isinstance(element, ir.Void):
            raise refuse(location_of(node), f"{what} has no type")
        return type

    def _parse_type(self, text: str, location: str) -> ir.Type:
        known = self._types.get(text)
        if known is None:
            known = self._types[text] = self._parse_new_type(text, location)
        return known

    def _parse_new_type(self, text: str, location: str) -> ir.Type:
        if re.search(r"\bvolatile\b", text):
            raise refuse(location, "volatile is not in the subset")
        if re.search(r"\((?!unnamed at)", text):
            reason = "function pointers are not" if "(*" in text else f"the type '{text}' is not"
            raise refuse(location, f"{reason} in the subset")
        lengths = []
        array = re.fullmatch(r"(.*?)((?:\[\d*\])+)", text)
        base = text
        if array:
            base = array[1]
            lengths = re.findall(r"\[(\d*)\]", array[2])
            if "" in lengths:
                raise refuse(location, "arrays without a length are not in the subset")
        elif text.endswith("]"):
            raise refuse(location, "arrays of variable length are not in the subset")
        base = re.sub(r"\b(const|restrict|__restrict)\b", "", base)
        stars = base.count("*")
        base = " ".join(base.replace("*", " ").split())
        type = self._base_type(base, location)
        for _ in range(stars):
            type = ir.Pointer(type)
        for length in reversed(lengths):
            type = ir.Array(type, int(length))
        return type

    def _base_type(self, name: str, location: str) -> ir.Type:
        if name == "void":
            return ir.VOID
        if name in ir.INTEGERS:
            return ir.INTEGERS[name]
        if name in self._types:
            return self._types[name]
        if name in self._typedefs:
            meaning = self._typedefs[name]
            return self._parse_type(meaning, location) if isinstance(meaning, str) else meaning
        if name.startswith("struct "):
            if name in self._unnamed:
                return ir.Struct(self._unnamed[name])
            if not name.startswith("struct ("):
                tag = name.removeprefix("struct ")
                return ir.Struct(self._tags.get(tag, tag))
        if name.startswith("union "):
            raise refuse(location, "unions are not in the subset")
        if name in ("float", "double", "long double") or name.startswith("_Complex"):
            raise refuse(location, "floating point is not in the subset")
        if "va_list" in name:
            raise refuse(location, "variable arguments are not in the subset")
        raise refuse(location, f"the type '{name}' is not in the subset")

    # Declarations

    def _refused(self, node: Node) -> OutsideSubset:
        kind = node.get("kind", "nothing")
        reason = REFUSED_KINDS.get(kind, f"{kind} is not in the subset")
        return refuse(location_of(node, self._unit.file + ":0"), reason)

    def _seen(self, key: str, node: Node, known_location: str) -> bool:
        """Whether a definition is one from a header that another unit brought in already."""
        location = location_of(node)
        mark = fingerprint(node)
        if key not in self._merger.fingerprints:
            self._merger.fingerprints[key] = mark
            return False
        name = key.partition(" ")[2]
        if known_location != location:
            raise refuse(location, f"'{name}' is defined here and at {known_location}")
        if self._merger.fingerprints[key] != mark:
            raise refuse(location, f"'{name}' from this header means something else in another unit")
        return True

    def _global(self, node: Node) -> None:
        name = node["name"]
        location = location_of(node)
        type = self._object_type(node, f"the global '{name}'")
        known = self._program.globals.get(name)
        storage = node.get("storageClass", "")
        defined = storage != "extern" or "init" in node
        static = storage == "static"
        if known is not None and known.static != static:
            raise refuse(location, f"there is another global '{name}' at {known.location}")
        if known is not None and known.type != type:
            raise refuse(location, f"the global '{name}' has another type than at {known.location}")
        if node.get("tls"):
            raise refuse(location, "thread-local storage is not in the subset")
        text = node["type"]["qualType"]
        outermost = re.sub(r"(\[\d*\])+$", "", text).rpartition("*")[2]
        constant = bool(re.search(r"\bconst\b", outermost))
        where = known.location if known else ""
        if static and constant and "init" in node and self._seen(f"global {name}", node, where):
            return
        if known is not None and static and known.unit != self._unit.file:
            # A static that can change is one object for each unit that includes it.
            raise refuse(location, f"there is another static global '{name}' at {known.location}")
        initial: ir.Initial | None = None
        if "init" in node:
            values = [inner for inner in node.get("inner", ()) if not inner["kind"].endswith("Attr")]
            initial = self._initial(values[0], type)
        if known is not None and (not defined or (known.defined and initial is None)):
            return
        if known is not None and known.defined and known.unit != self._unit.file:
            raise refuse(location, f"'{name}' is defined here and at {known.location}")
        self._program.globals[name] = ir.GlobalVariable(
            name, type, constant, initial, location, static, self._unit.file, defined
        )

    def _initial(self, node: Node, type: ir.Type) -> ir.Initial:
        node = self._strip(node)
        if node["kind"] == "ImplicitValueInitExpr":
            return self._zero(type)
        if node["kind"] == "InitListExpr":
            given: list[Node] = node.get("array_filler") or node.get("inner") or []
            if "array_filler" in node and given and given[0]["kind"] == "ImplicitValueInitExpr":
                given = given[1:]
            if isinstance(type, ir.Array):
                values = [self._initial(inner, type.element) for inner in given]
                return values + [self._zero(type.element) for _ in range(type.length - len(values))]
            if isinstance(type, ir.Struct):
                fields = self._program.structs[type.name].fields
                values = [self._initial(inner, entry.type) for inner, entry in zip(given, fields, strict=False)]
                return values + [self._zero(entry.type) for entry in fields[len(values) :]]
            return self._initial(given[0], type) if given else 0
        if isinstance(type, ir.Array | ir.Struct):
            raise refuse(location_of(node), "this initial value is not in the subset")
        value = constant_value(self._value(node))
        if value is None:
            raise refuse(location_of(node), "an initial value must be a constant number")
        return value

    def _zero(self, type: ir.Type) -> ir.Initial:
        if isinstance(type, ir.Array):
            return [self._zero(type.element) for _ in range(type.length)]
        if isinstance(type, ir.Struct):
            return [self._zero(entry.type) for entry in self._program.structs[type.name].fields]
        return 0

    def _function(self, node: Node) -> None:
        name = node["name"]
        location = location_of(node)
        if node.get("isImplicit") or name in BUILTINS:
            return
        if node.get("variadic"):
            raise refuse(location, f"'{name}' takes a variable number of arguments: not in the subset")
        inner = node.get("inner", [])
        bodies = [part for part in inner if part["kind"] == "CompoundStmt"]
        known = self._program.functions.get(name)
        if bodies and known is not None and known.body is None:
            known = None
        if not bodies and known is not None:
            return
        if bodies and self._seen(f"function {name}", node, known.location if known else location):
            return
        result = self._parse_type(node["type"]["qualType"].partition("(")[0].strip(), location)
        if isinstance(result, ir.Struct):
            raise refuse(location, f"'{name}' returns a structure: structures are passed by pointer only")
        self._scope = scope = _Scope(name, result)
        parameters = []
        for part in inner:
            if part["kind"] == "ParmVarDecl":
                type = self._type(part)
                if isinstance(type, ir.Struct):
                    what = f"the parameter '{part.get('name', '')}' of '{name}' is a structure"
                    raise refuse(location_of(part), f"{what}: structures are passed by pointer only")
                parameters.append(scope.add(part["id"], part.get("name", "unnamed"), type, location_of(part)))
        body = self._block(bodies[0]) if bodies else None
        loops = tuple(scope.loops[number] for number in range(scope.loop_count))
        static = node.get("storageClass") == "static"
        self._program.functions[name] = ir.Function(
            name, result, tuple(parameters), body, location, static, self._unit.file, loops
        )

    # Statements

    def _block(self, node: Node) -> ir.Block:
        assert node["kind"] == "CompoundStmt"
        return ir.Block(location_of(node), self._sequence(node.get("inner", [])))

    def _sequence(self, nodes: Iterable[Node]) -> tuple[ir.Statement, ...]:
        depth = len(self._scope.visible)
        result: list[ir.Statement] = []
        for node in nodes:
            if node["kind"] == "DeclStmt":
                result.extend(self._declarations(node))
            elif node["kind"] != "NullStmt":
                result.append(self._statement(node))
        del self._scope.visible[depth:]
        return tuple(result)

    def _inner(self, node: Node) -> ir.Statement:
        """The body of a branch or loop."""
        if node["kind"] == "CompoundStmt":
            return self._block(node)
        return ir.Block(location_of(node), self._sequence([node]))

    def _statement(self, node: Node) -> ir.Statement:
        kind = node["kind"]
        location = location_of(node)
        parts = node.get("inner", [])
        if kind == "CompoundStmt":
            return self._block(node)
        if kind == "IfStmt":
            if node.get("hasInit") or node.get("hasVar"):
                raise self._refused(node)
            condition = self._value(parts[0])
            then = self._inner(parts[1])
            return ir.If(location, condition, then, self._inner(parts[2]) if len(parts) > 2 else None)
        if kind in ("WhileStmt", "DoStmt"):
            return self._loop(node)
        if kind == "ForStmt":
            return self._for(node)
        if kind == "SwitchStmt":
            return self._switch(node)
        if kind == "BreakStmt":
            return ir.Break(location)
        if kind == "ContinueStmt":
            return ir.Continue(location)
        if kind == "ReturnStmt":
            return ir.Return(location, self._value(parts[0]) if parts else None)
        if kind in ("CaseStmt", "DefaultStmt"):
            raise refuse(location, "a case label inside a nested statement is not in the subset")
        if kind in REFUSED_KINDS:
            raise self._refused(node)
        return self._effect(node)

    def _declarations(self, node: Node) -> list[ir.Statement]:
        result: list[ir.Statement] = []
        for inner in node.get("inner", []):
            location = location_of(inner)
            if inner["kind"] != "VarDecl":
                if inner["kind"] == "StaticAssertDecl":
                    continue
                raise refuse(location, "a type declared inside a function is not in the subset")
            name = inner["name"]
            if inner.get("storageClass") in ("static", "extern"):
                raise refuse(location, f"the {inner['storageClass']} local '{name}' is not in the subset")
            type = self._type(inner)
            if isinstance(type, ir.Struct | ir.Array):
                what = "a structure" if isinstance(type, ir.Struct) else "an array"
                raise refuse(location, f"the local '{name}' is {what}: these live in memory only")
            value = None
            if "init" in inner:
                values = [part for part in inner.get("inner", ()) if not part["kind"].endswith("Attr")]
                value = self._value(values[0])
            result.append(ir.Declare(location, self._scope.add(inner["id"], name, type, location), value))
        return result

    def _effect(self, node: Node) -> ir.Statement:
        """An expression that stands as a statement: assignment, increment, call."""
        location = location_of(node)
        node = self._strip(node)
        kind = node["kind"]
        parts = node.get("inner", [])
        if kind == "BinaryOperator" and node["opcode"] == "=":
            place = self._place(parts[0])
            if isinstance(place.type, ir.Struct):
                source = self._strip(parts[1])
                if source["kind"] != "ImplicitCastExpr" or source["castKind"] != "LValueToRValue":
                    raise refuse(location, "structures are passed by pointer only")
                return ir.CopyStruct(location, place, self._place(source["inner"][0]))
            return ir.Assign(location, place, self._value(parts[1]))
        if kind == "CompoundAssignOperator":
            place = self._place(parts[0])
            type = self._spelled_type(node["computeResultType"], location)
            left = self._spelled_type(node["computeLHSType"], location)
            return self._update(location, place, node["opcode"][:-1], left, self._value(parts[1]), type)
        if kind == "UnaryOperator" and node["opcode"] in ("++", "--"):
            place = self._place(parts[0])
            type = place.type
            if isinstance(type, ir.Integer) and type.width < 32:
                type = ir.INT
            one = ir.Constant(type, location, 1)
            return self._update(location, place, node["opcode"][0], type, one, type)
        if kind == "CStyleCastExpr" and node["castKind"] == "ToVoid":
            return ir.Evaluate(location, self._value(parts[0]))
        return ir.Evaluate(location, self._value(node))

    def _update(
        self, location: str, place: ir.LValue, operator: str, left: ir.Type, right: ir.Expression, type: ir.Type
    ) -> ir.Statement:
        if isinstance(place.type, ir.Pointer):
            raise refuse(location, "pointer arithmetic is not in the subset: use array indexing")
        if place.type == ir.BOOL and operator in ("+", "-"):
            raise refuse(location, "arithmetic on a _Bool is not in the subset")
        pending: list[ir.Expression | ir.LValue] = list(ir.place_operands(place))
        while pending:
            part = pending.pop()
            if isinstance(part, ir.Call):
                raise refuse(part.location, f"the call of '{part.function}' in a place that is read and written")
            pending.extend(ir.place_operands(part) if isinstance(part, ir.LValue) else ir.operands(part))
        value: ir.Expression = ir.Load(place.type, location, place)
        value = self._converted(value, left)
        value = ir.Binary(type, location, operator, value, right)
        return ir.Assign(location, place, self._converted(value, place.type))

    def _converted(self, value: ir.Expression, type: ir.Type) -> ir.Expression:
        return value if value.type == type else ir.Convert(type, value.location, value)

    def _for(self, node: Node) -> ir.Statement:
        start = node["inner"][0]
        if not start:
            return self._loop(node)
        depth = len(self._scope.visible)
        before = self._declarations(start) if start["kind"] == "DeclStmt" else [self._step(start)]
        loop = self._loop(node)
        del self._scope.visible[depth:]
        return ir.Block(location_of(node), (*before, loop))

    def _loop(self, node: Node) -> ir.Loop:
        scope = self._scope
        location = location_of(node)
        kind = node["kind"]
        parts = node.get("inner", [])
        number = scope.loop_count
        scope.loop_count += 1
        if kind == "ForStmt":
            if parts[1]:
                raise self._refused(node)
            condition_node, step_node, body_node = parts[2], parts[3], parts[4]
        elif kind == "WhileStmt":
            if len(parts) != 2:
                raise self._refused(node)
            condition_node, step_node, body_node = parts[0], None, parts[1]
        else:
            condition_node, step_node, body_node = parts[1], None, parts[0]
        visible = scope.in_sight()
        condition = self._value(condition_node) if condition_node else None
        if condition is not None:
            location = condition.location
            if constant_value(condition):
                condition = None
        step = self._step(step_node) if step_node else None
        body = self._inner(body_node)
        if kind == "DoStmt" and any(isinstance(part, ir.Continue) for part in _loop_statements(body)):
            raise refuse(location, "continue inside do-while is not in the subset")
        assigned = _assigned((body,) if step is None else (body, step), visible)
        loop = ir.Loop(
            location, f"{scope.function}#{number + 1}", condition, step, body, kind == "DoStmt", visible, assigned
        )
        scope.loops[number] = loop
        return loop

    def _step(self, node: Node) -> ir.Statement:
        node = self._strip(node)
        if node["kind"] == "BinaryOperator" and node["opcode"] == ",":
            location = location_of(node)
            return ir.Block(location, tuple(self._step(part) for part in node["inner"]))
        return self._effect(node)

    def _switch(self, node: Node) -> ir.Switch:
        location = location_of(node)
        parts = node.get("inner", [])
        if len(parts) != 2 or parts[1]["kind"] != "CompoundStmt":
            raise refuse(location, "a switch must be a value and a block of case arms")
        value = self._value(parts[0])
        pending: list[tuple[str, tuple[int, ...], bool, list[Node]]] = []
        for inner in parts[1].get("inner", []):
            if inner["kind"] not in ("CaseStmt", "DefaultStmt"):
                if not pending:
                    raise refuse(location_of(inner), "a statement before the first case label is not in the subset")
                pending[-1][3].append(inner)
                continue
            labels: list[int] = []
            default = False
            place = location_of(inner)
            while inner["kind"] in ("CaseStmt", "DefaultStmt"):
                if inner["kind"] == "DefaultStmt":
                    default = True
                    inner = inner["inner"][0]
                    continue
                if inner.get("isGNURange"):
                    raise refuse(location_of(inner), "case ranges are not in the subset")
                labels.append(self._label(inner["inner"][0]))
                inner = inner["inner"][1]
            pending.append((place, tuple(labels), default, [inner]))
        arms = []
        depth = len(self._scope.visible)
        for position, (place, values, default, nodes) in enumerate(pending):
            body = self._sequence(nodes)
            if position + 1 < len(pending) and not terminates(body):
                reason = "a switch arm falls through to this one: it must end in break or return"
                raise refuse(pending[position + 1][0], reason)
            arms.append(ir.Arm(place, values, default, body))
        del self._scope.visible[depth:]
        return ir.Switch(location, value, tuple(arms))

    def _label(self, node: Node) -> int:
        value = constant_value(self._value(node))
        if value is None:
            raise refuse(location_of(node), "a case label must be a constant")
        return value

    # Expressions

    def _strip(self, node: Node) -> Node:
        while node["kind"] in _TRANSPARENT or (node["kind"] == "UnaryOperator" and node["opcode"] == "__extension__"):
            node = node["inner"][0]
        return node

    def _value(self, node: Node) -> ir.Expression:
        node = self._strip(node)
        kind = node["kind"]
        method = getattr(self, "_value_" + kind, None)
        if method is None:
            raise self._refused(node)
        result: ir.Expression = method(node)
        return result

    def _value_IntegerLiteral(self, node: Node) -> ir.Expression:
        type = self._type(node)
        assert isinstance(type, ir.Integer)
        return ir.Constant(type, location_of(node), int(node["value"]) & ((1 << type.width) - 1))

    _value_CharacterLiteral = _value_IntegerLiteral

    def _value_UnaryExprOrTypeTraitExpr(self, node: Node) -> ir.Expression:
        location = location_of(node)
        if node["name"] not in ("sizeof", "_Alignof", "alignof", "__alignof"):
            raise refuse(location, f"{node['name']} is not in the subset")
        if "argType" in node:
            type = self._spelled_type(node["argType"], location)
        else:
            type = self._type(self._strip(node["inner"][0]))
        size, align = self._program.size_and_align(type)
        value = size if node["name"] == "sizeof" else align
        return ir.Constant(ir.UNSIGNED, location, value)

    def _value_DeclRefExpr(self, node: Node) -> ir.Expression:
        target = node["referencedDecl"]
        location = location_of(node)
        if target["kind"] == "EnumConstantDecl":
            value = self._program.enumerators[target["name"]]
            return ir.Constant(self._type(node), location, value & 0xFFFFFFFF)
        if target["kind"] == "FunctionDecl":
            raise refuse(location, f"'{target['name']}' is used as a value: function pointers are not in the subset")
        raise self._refused(node)

    def _value_ImplicitCastExpr(self, node: Node) -> ir.Expression:
        kind = node["castKind"]
        location = location_of(node)
        inner = node["inner"][0]
        if kind == "LValueToRValue":
            place = self._place(inner)
            if isinstance(place.type, ir.Struct):
                raise refuse(location, "structures are passed by pointer only")
            return ir.Load(place.type, location, place)
        if kind == "ArrayToPointerDecay":
            place = self._place(inner)
            assert isinstance(place.type, ir.Array)
            return ir.AddressOf(ir.Pointer(place.type.element), location, place, True)
        if kind == "NullToPointer":
            return ir.Constant(self._type(node), location, 0)
        if kind in ("FunctionToPointerDecay", "BuiltinFnToFnPtr"):
            raise refuse(location, "function pointers are not in the subset")
        if kind == "ToVoid":
            raise refuse(location, "a cast to void inside an expression is not in the subset")
        if "Floating" in kind:
            raise refuse(location, "floating point is not in the subset")
        known = ("NoOp", "IntegralCast", "BitCast", "IntegralToBoolean", "PointerToBoolean", "IntegralToPointer",
                 "PointerToIntegral")  # fmt: skip
        if kind not in known:
            raise refuse(location, f"the conversion {kind} is not in the subset")
        operand = self._value(inner)
        type = self._type(node)
        if not isinstance(type, ir.Integer | ir.Pointer):
            raise refuse(location, f"a conversion to '{type}' is not in the subset")
        return self._converted(operand, type)

    _value_CStyleCastExpr = _value_ImplicitCastExpr

    def _value_UnaryOperator(self, node: Node) -> ir.Expression:
        operator = node["opcode"]
        location = location_of(node)
        inner = node["inner"][0]
        if operator in ("++", "--"):
            raise refuse(location, f"'{operator}' inside an expression is not in the subset")
        if operator == "&":
            place = self._place(inner)
            if isinstance(place, ir.Dereference):
                return place.pointer
            if isinstance(place, ir.Local):
                raise refuse(location, f"the address of the local '{place.variable.name}' is taken: locals have none")
            return ir.AddressOf(ir.Pointer(place.type), location, place)
        if operator == "+":
            return self._value(inner)
        if operator not in ("-", "~", "!"):
            raise refuse(location, f"the operator '{operator}' is not in the subset")
        return ir.Unary(self._type(node), location, operator, self._value(inner))

    def _value_BinaryOperator(self, node: Node) -> ir.Expression:
        operator = node["opcode"]
        location = location_of(node)
        if operator == "=":
            raise refuse(location, "an assignment inside an expression is not in the subset")
        if operator == ",":
            raise refuse(location, "the comma operator is not in the subset")
        left, right = (self._value(part) for part in node["inner"])
        if operator in ("&&", "||"):
            return ir.Logical(self._type(node), location, operator, left, right)
        pointers = isinstance(left.type, ir.Pointer) or isinstance(right.type, ir.Pointer)
        if pointers and operator in _ARITHMETIC:
            raise refuse(location, "pointer arithmetic is not in the subset: use array indexing")
        if pointers and operator not in ("==", "!="):
            raise refuse(location, "pointers are compared with '==' and '!=' only")
        if operator not in _COMPARISONS and operator not in _ARITHMETIC:
            raise refuse(location, f"the operator '{operator}' is not in the subset")
        return ir.Binary(self._type(node), location, operator, left, right)

    def _value_CompoundAssignOperator(self, node: Node) -> ir.Expression:
        raise refuse(location_of(node), "an assignment inside an expression is not in the subset")

    def _value_ConditionalOperator(self, node: Node) -> ir.Expression:
        condition, then, otherwise = (self._value(part) for part in node["inner"])
        type = self._type(node)
        if isinstance(type, ir.Void):
            raise refuse(location_of(node), "'?:' without a value is not in the subset: use if")
        return ir.Conditional(type, location_of(node), condition, then, otherwise)

    def _value_CallExpr(self, node: Node) -> ir.Expression:
        location = location_of(node)
        callee = node["inner"][0]
        while callee["kind"] in ("ImplicitCastExpr", "ParenExpr"):
            callee = callee["inner"][0]
        if callee["kind"] != "DeclRefExpr" or callee["referencedDecl"]["kind"] != "FunctionDecl":
            raise refuse(location, "a call through a pointer is not in the subset")
        name = callee["referencedDecl"]["name"]
        arguments = tuple(self._value(part) for part in node["inner"][1:])
        if name in BUILTINS:
            type = self._type(node)
            return ir.Builtin(type, location, name, arguments)
        if name not in self._program.functions:
            if name == self._scope.function:
                raise refuse(location, f"'{name}' is recursive: recursion is not in the subset")
            raise refuse(location, f"the function '{name}' is not in the subset")
        return ir.Call(self._type(node), location, sys.intern(name), arguments)

    # Places

    def _place(self, node: Node) -> ir.LValue:
        node = self._strip(node)
        kind = node["kind"]
        location = location_of(node)
        if kind == "DeclRefExpr":
            target = node["referencedDecl"]
            if target["id"] in self._scope.variables:
                variable = self._scope.variables[target["id"]]
                return ir.Local(variable.type, location, variable)
            if target["kind"] == "VarDecl" and target["name"] in self._program.globals:
                return ir.Global(self._program.globals[target["name"]].type, location, target["name"])
        if kind == "UnaryOperator" and node["opcode"] == "*":
            pointer = self._value(node["inner"][0])
            if not isinstance(pointer.type, ir.Pointer):
                raise self._refused(node)
            if isinstance(pointer, ir.AddressOf):
                # *&place, or *array
                first = ir.Constant(ir.UNSIGNED, location, 0)
                return ir.Index(pointer.type.target, location, pointer.place, first) if pointer.decay else pointer.place
            return ir.Dereference(pointer.type.target, location, pointer)
        if kind == "MemberExpr":
            return self._member(node)
        if kind == "ArraySubscriptExpr":
            base, index = (self._value(part) for part in node["inner"])
            if isinstance(index.type, ir.Pointer):
                base, index = index, base
            assert isinstance(base.type, ir.Pointer)
            assert isinstance(index.type, ir.Integer)
            if index.type.width > ir.WORD:
                raise refuse(location, "an array index wider than a word is not in the subset")
            if isinstance(base, ir.AddressOf) and base.decay:
                return ir.Index(base.type.target, location, base.place, index)
            return ir.Element(base.type.target, location, base, index)
        raise self._refused(node)

    def _member(self, node: Node) -> ir.LValue:
        location = location_of(node)
        name = node.get("name")
        if not name:
            raise refuse(location, "unnamed structure members are not in the subset")
        of: ir.LValue
        if node.get("isArrow"):
            pointer = self._value(node["inner"][0])
            assert isinstance(pointer.type, ir.Pointer)
            if isinstance(pointer, ir.AddressOf) and not pointer.decay:
                of = pointer.place
            else:
                of = ir.Dereference(pointer.type.target, location, pointer)
        else:
            of = self._place(node["inner"][0])
        if not isinstance(of.type, ir.Struct) or of.type.name not in self._program.structs:
            raise self._refused(node)
        return ir.Member(self._program.structs[of.type.name].by_name[name].type, location, of, name)


def _loop_statements(statement: ir.Statement) -> Iterable[ir.Statement]:
    """The statements that belong to this loop and to no inner one."""
    yield statement
    for inner in ir.substatements(statement):
        if not isinstance(inner, ir.Loop):
            yield from _loop_statements(inner)


def _assigned(parts: tuple[ir.Statement, ...], visible: tuple[ir.Variable, ...]) -> tuple[str, ...]:
    names = {
        inner.place.variable.unique
        for part in parts
        for inner in ir.statements(part)
        if isinstance(inner, ir.Assign) and isinstance(inner.place, ir.Local)
    }
    return tuple(variable.name for variable in visible if variable.unique in names)
