"""The compiler's syntax trees of translation units, with a full source location on every node.

The compiler writes a location as what differs from the one written before it; `settle` walks a tree in the
order of writing and puts the whole back.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen

from impl.c import toolchain

TARGET = ("-target", "arm-none-eabi", "-mcpu=cortex-a8")
DIALECT = ("-std=c99", "-ffreestanding", "-nostdinc", "-fno-short-enums")
"""How the kernel is compiled wherever its meaning is looked at: front end, native build, ARM code."""

Node = dict[str, Any]


def _paths(value: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    return tuple(os.fspath(path) for path in value)


@frozen
class Sources:
    """A program in C: `files` and `include` folders relative to `root`, and further compiler flags.

    The `native` files define, for the native build only, what the program declares and does not define.  Locations are
    given relative to `root`.
    """

    root: Path = field(converter=Path)
    files: tuple[str, ...] = field(converter=_paths)
    include: tuple[str, ...] = field(default=(), converter=_paths)
    flags: tuple[str, ...] = field(default=(), converter=tuple)
    native: tuple[str, ...] = field(default=(), converter=_paths)

    def options(self) -> list[str]:
        """The compiler options that say how to read the sources."""
        folder, _ = toolchain.ziglang()
        includes = [word for path in self.include for word in ("-I", path)]
        return [*TARGET, *DIALECT, "-isystem", str(folder / "lib" / "include"), *includes, *self.flags]


@frozen
class Unit:
    """A translation unit: its file, its syntax tree, and the structure layouts that the compiler reported.

    A layout is (size, alignment, byte offsets of the fields in order), under the structure's type string.
    """

    file: str
    tree: Node
    layouts: dict[str, tuple[int, int, tuple[int, ...]]]


def units(sources: Sources) -> list[Unit]:
    """Parse all files with the compiler.  Raises CompilerError for the first error in them."""
    command = [str(toolchain.zig()), "clang", *sources.options(), "-w", "-fno-color-diagnostics", "-fsyntax-only"]
    command += ["-Xclang", "-ast-dump=json", "-Xclang", "-fdump-record-layouts-complete", *sources.files]
    text = toolchain.run(command, sources.root)
    decoder = json.JSONDecoder()
    result = []
    position = 0
    for file in sources.files:
        start = text.find('{\n  "id"', position)
        if start < 0:
            raise toolchain.CompilerError(f"the C compiler gave no syntax tree for {file}")
        layouts = _layouts(text[position:start])
        tree, position = decoder.raw_decode(text, start)
        settle(tree)
        result.append(Unit(file, tree, layouts))
    return result


def _layouts(text: str) -> dict[str, tuple[int, int, tuple[int, ...]]]:
    found = {}
    for part in text.split("*** Dumping AST Record Layout")[1:]:
        name = re.search(r"^ *0 \| (.+)$", part, re.MULTILINE)
        size = re.search(r"\[sizeof=(\d+), align=(\d+)", part)
        if name and size:
            offsets = re.findall(r"^ *(\d+)(?::[\d-]+)? \|   \S", part, re.MULTILINE)
            found[name[1]] = int(size[1]), int(size[2]), tuple(map(int, offsets))
    return found


def settle(tree: Node) -> None:
    """Put `at`, the (file, line, column) of its beginning, on every node of a tree.

    Declarations begin where their name stands.  Inside a macro it is the place of the expansion.
    """
    file = ""
    line = 0

    def bare(location: Node) -> tuple[str, int, int] | None:
        nonlocal file, line
        if "offset" not in location:
            return None
        file = location.get("file", file)
        line = location.get("line", line)
        return file, line, location["col"]

    def place(location: Node) -> tuple[str, int, int] | None:
        if "spellingLoc" in location:
            bare(location["spellingLoc"])
            return bare(location["expansionLoc"])
        return bare(location)

    def visit(node: Node) -> None:
        if not node:
            return
        name = place(node["loc"]) if "loc" in node else None
        begin = None
        if "range" in node:
            begin = place(node["range"]["begin"])
            place(node["range"]["end"])
        node["at"] = name or begin
        # The filler of a partly given array is written in the place of the elements.
        for inner in node.get("array_filler", ()):
            visit(inner)
        for inner in node.get("inner", ()):
            visit(inner)

    visit(tree)


def location_of(node: Node, fallback: str = "") -> str:
    """Where a node stands, as `file:line`."""
    at = node.get("at")
    return f"{os.path.normpath(at[0])}:{at[1]}" if at else fallback


_SAYING = ("kind", "name", "opcode", "value", "castKind", "isArrow", "isPostfix", "type", "argType", "referencedDecl")


def fingerprint(node: Node) -> tuple:
    """What a declaration says, without addresses and positions: equal for equal text in two units."""
    own = tuple(_said(node[key]) for key in _SAYING if key in node)
    return own + tuple(fingerprint(inner) for inner in (*node.get("array_filler", ()), *node.get("inner", ())) if inner)


def _said(value: Any) -> str | int | bool:
    if isinstance(value, str | int | bool):
        return value
    return str(value.get("qualType", value.get("name")))
