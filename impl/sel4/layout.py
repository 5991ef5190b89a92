"""The layout of the kernel's packed words: read from `layout.toml`, given as C, as Python and as a table.

`python -m impl.sel4.layout` writes `include/layout.h`; with `--markdown` it prints the table.
"""

from __future__ import annotations

import argparse
import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from refinement import bits, terms
from refinement.bits import Bits
from refinement.terms import Term

SOURCE = Path(__file__).with_name("layout.toml")
HEADER = Path(__file__).with_name("include") / "layout.h"


class LayoutError(Exception):
    """Something in the layout's description that makes no sense; the text (`user_message`) says where and what."""

    def __init__(self, message: str):
        super().__init__(f"layout.toml: {message}")
        self.user_message = str(self)


@frozen
class Field:
    """`width` bits of the word `word`, from the bit `low` on.

    With `high` they are the top bits of a value of a whole word whose other bits are 0.
    """

    name: str
    word: int
    low: int
    width: int
    high: bool
    doc: str

    @property
    def mask(self) -> int:
        """The bits of the word that belong to the field."""
        return ((1 << self.width) - 1) << self.low


@frozen
class Tag:
    """What tells a kind of a union from the others: `field` has the value `value`."""

    field: str
    value: int


@frozen
class Struct:
    """`words` words of `bits` bits; a `value` is passed around, as one integer with the first word lowest.

    With a `union` it is one kind of the value of that name, the one with the `tag`.
    """

    name: str
    words: int
    bits: int
    value: bool
    doc: str
    fields: Mapping[str, Field]
    union: str = ""
    tag: Tag | None = None

    @property
    def type(self) -> str:
        """The name of the C type, without its `_t`."""
        return self.union or self.name

    @property
    def prefix(self) -> str:
        """What the names of its C functions begin with."""
        return f"{self.union}_{self.name}" if self.union else self.name

    @property
    def width(self) -> int:
        """How many bits all words have together."""
        return self.words * self.bits

    def split(self, value: Bits) -> list[Bits]:
        """The words of a value."""
        return [
            bits.resize(bits.shift_right(value, self.bits * number, self.width), self.width, self.bits, is_signed=False)
            for number in range(self.words)
        ]

    def join(self, words: Sequence[Bits]) -> Bits:
        """The value that consists of these words."""
        value: Bits = 0
        for number, word in enumerate(words):
            wide = bits.resize(word, self.bits, self.width, is_signed=False)
            value = bits.bit_or(value, bits.shift_left(wide, self.bits * number, self.width), self.width)
        return value

    def field(self, name: str) -> Field:
        """The field of that name; KeyError if there is none."""
        if name not in self.fields:
            raise KeyError(f"{self.name} has no field {name!r}")
        return self.fields[name]

    def shift(self, field: Field) -> int:
        """By how many bits a field's value stands higher than the field; negative where it stands lower."""
        return (self.bits - field.width if field.high else 0) - field.low

    def decode(self, name: str, words: Sequence[Bits]) -> Bits:
        """The value of a field in the words, which are ints or bit-vector terms; as wide as a word."""
        field = self.field(name)
        return self._read(field, words[field.word])

    def _read(self, field: Field, word: Bits) -> Bits:
        if field.width == self.bits:
            return word
        if isinstance(word, Term) and word.op == "ite":
            # Case by case: of a word that was not written the field is then known to be what it was.
            condition, then, otherwise = word.args
            cases = [bits.lift(self._read(field, case), self.bits) for case in (then, otherwise)]
            return bits.plain(terms.ite(condition, *cases))
        shift = self.shift(field)
        word = _shifted(word, shift, self.bits)
        return bits.bit_and(word, field.mask << shift if shift > 0 else field.mask >> -shift, self.bits)

    def encode(self, name: str, words: Sequence[Bits], value: Bits) -> list[Bits]:
        """The words after a field was set to `value`, of which what does not fit the field is cut off."""
        field = self.field(name)
        result = list(words)
        if field.width == self.bits:
            result[field.word] = value
            return result
        ones = (1 << self.bits) - 1
        kept = bits.bit_and(words[field.word], ones ^ field.mask, self.bits)
        put = bits.bit_and(_shifted(value, -self.shift(field), self.bits), field.mask, self.bits)
        result[field.word] = bits.bit_or(kept, put, self.bits)
        return result


Layout = Mapping[str, Struct]

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def load(text: str) -> Layout:
    """The layout that a description (the text of `layout.toml`) states; LayoutError if it is not a proper one."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LayoutError(f"the layout is not proper TOML: {error}") from error
    structs = {name: _struct(name, table) for name, table in tables.items()}
    for name in unions(structs):
        _check_union(name, structs)
    return structs


def _check_union(name: str, structs: Layout) -> None:
    """LayoutError unless a union is a value, and its kinds have its size, and tags at one place that differ."""
    if name not in structs:
        raise LayoutError(f"{name}: there are kinds of it, but no struct of that name")
    if not structs[name].value:
        raise LayoutError(f"{name}: what there are kinds of must be a value")
    kinds = kinds_of(structs, name)
    if any(kind.words != structs[name].words for kind in kinds):
        raise LayoutError(f"{name}: its kinds have other numbers of words")
    places = {(kind.tag.field, _tag_field(kind).word, _tag_field(kind).low) for kind in kinds if kind.tag}
    if len(places) != 1:
        raise LayoutError(f"{name}: the tags of its kinds are at different places")
    for number, kind in enumerate(kinds):
        for other in kinds[:number]:
            narrow = (1 << min(_tag_field(kind).width, _tag_field(other).width)) - 1
            if (_tag_value(kind) ^ _tag_value(other)) & narrow == 0:
                raise LayoutError(f"{name}: {other.name} and {kind.name} cannot be told apart by their tags")
    narrow_tags, _, first_wide, _ = tag_widths(structs, name)
    if first_wide is not None and max(narrow_tags) >= first_wide:
        raise LayoutError(f"{name}: the narrow tags must be below the low bits of the wide ones")


def unions(structs: Layout) -> list[str]:
    """The names of the structs that there are kinds of."""
    return list(dict.fromkeys(struct.union for struct in structs.values() if struct.union))


def kinds_of(structs: Layout, union: str) -> list[Struct]:
    """The kinds of a union."""
    return [struct for struct in structs.values() if struct.union == union]


def kind_of(union: str, words: Sequence[int]) -> Struct | None:
    """Which kind of a union plain words are; None if no kind has their tag."""
    for kind in kinds_of(layout(), union):
        if kind.tag is not None and kind.decode(kind.tag.field, words) == kind.tag.value:
            return kind
    return None


def tag_widths(structs: Layout, union: str) -> tuple[list[int], int, int | None, int]:
    """The narrow tags of a union and their width, the least low bits of a wide one, and the width of those.

    Where all tags have one width, there are no wide ones: None.
    """
    kinds = kinds_of(structs, union)
    widths = sorted({_tag_field(kind).width for kind in kinds})
    if len(widths) > 2:
        raise LayoutError(f"{union}: its tags have more than two widths")
    narrow, wide = widths[0], widths[-1]
    narrow_tags = [_tag_value(kind) for kind in kinds if _tag_field(kind).width == narrow]
    low_bits = [_tag_value(kind) & ((1 << narrow) - 1) for kind in kinds if _tag_field(kind).width > narrow]
    return narrow_tags, narrow, min(low_bits, default=None), wide


def _tag_field(kind: Struct) -> Field:
    if kind.tag is None or kind.tag.field not in kind.fields:
        raise LayoutError(f"{kind.name}: a kind of a union needs a tag, which is one of its fields")
    return kind.fields[kind.tag.field]


def _tag_value(kind: Struct) -> int:
    assert kind.tag is not None
    if not 0 <= kind.tag.value < 1 << _tag_field(kind).width:
        raise LayoutError(f"{kind.name}: the tag {kind.tag.value} does not fit its field")
    return kind.tag.value


@functools.cache
def layout() -> Layout:
    """The layout of the kernel's packed words."""
    return load(SOURCE.read_text(encoding="utf-8"))


def _take(where: str, table: Any, required: Mapping[str, type], optional: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a table, each of its type; `optional` gives those that may be left out, with their defaults."""
    if not isinstance(table, dict):
        raise LayoutError(f"{where}: expected a table, got {table!r}")
    unknown = sorted(table.keys() - required.keys() - optional.keys())
    if unknown:
        raise LayoutError(f"{where}: unknown entry {unknown[0]!r}")
    missing = [entry for entry in required if entry not in table]
    if missing:
        raise LayoutError(f"{where}: {missing[0]!r} is missing")
    kinds = {**required, **{entry: type(default) for entry, default in optional.items()}}
    for entry, value in table.items():
        if type(value) is not kinds[entry]:
            raise LayoutError(f"{where}: {entry!r} must be of type {kinds[entry].__name__}, not {value!r}")
    return {**optional, **table}


def _struct(name: str, table: Any) -> Struct:
    if not _NAME.fullmatch(name):
        raise LayoutError(f"{name!r} is no name for a struct in C")
    optional = {"bits": 32, "value": False, "fields": {}, "union": "", "tag": {}}
    entries = _take(name, table, {"words": int, "doc": str}, optional)
    tag = Tag(**_take(f"{name}.tag", entries["tag"], {"field": str, "value": int}, {})) if entries["tag"] else None
    if bool(entries["union"]) != (tag is not None):
        raise LayoutError(f"{name}: a kind of a union has a tag, and nothing else has one")
    if entries["words"] < 1 or entries["bits"] not in (32, 64):
        raise LayoutError(f"{name}: a struct has at least one word, and words of 32 or 64 bits")
    if tag is not None and entries["value"]:
        raise LayoutError(f"{name}: that a kind is a value is said of its union")
    is_value = entries["value"] or tag is not None
    if is_value and entries["words"] * entries["bits"] > 64:
        raise LayoutError(f"{name}: a value has 64 bits at most, not {entries['words'] * entries['bits']}")
    if entries["bits"] != 32 and not is_value:
        raise LayoutError(f"{name}: the words of a struct in memory have 32 bits")
    fields: dict[str, Field] = {}
    for field_name, field_table in entries["fields"].items():
        field = _field(f"{name}.{field_name}", field_name, field_table, entries["words"], entries["bits"])
        for other in fields.values():
            if other.word == field.word and other.mask & field.mask:
                raise LayoutError(f"{name}.{field_name}: shares bits of word {field.word} with {other.name}")
        fields[field_name] = field
    return Struct(name, entries["words"], entries["bits"], is_value, entries["doc"], fields, entries["union"], tag)


def _field(where: str, name: str, table: Any, words: int, width_of_word: int) -> Field:
    if not _NAME.fullmatch(name):
        raise LayoutError(f"{where}: {name!r} is no name for a field in C")
    required = {"word": int, "low": int, "width": int, "doc": str}
    field = Field(name=name, **_take(where, table, required, {"high": False}))
    if not 0 <= field.word < words:
        raise LayoutError(f"{where}: there is no word {field.word}, only {words}")
    if field.width < 1 or field.low < 0 or field.low + field.width > width_of_word:
        raise LayoutError(f"{where}: {field.width} bits from bit {field.low} on are not inside {width_of_word}")
    return field


def decode(struct: str, field: str, words: Sequence[Bits]) -> Bits:
    """The value of a field in a struct's words, which are ints or bit-vector terms; as wide as a word."""
    return layout()[struct].decode(field, words)


def encode(struct: str, field: str, words: Sequence[Bits], value: Bits) -> list[Bits]:
    """The struct's words after the field was set to `value`, of which what does not fit the field is cut off."""
    return layout()[struct].encode(field, words, value)


def _shifted(value: Bits, distance: int, width: int) -> Bits:
    """The value moved up by `distance` bits, or down if that is negative."""
    if distance > 0:
        return bits.shift_left(value, distance, width)
    return bits.shift_right(value, -distance, width) if distance < 0 else value


def c_header(structs: Layout) -> str:
    """The C header with the types, and for each field a function that reads it and one that writes it."""
    parts = [
        "/* Packed words.  Written by `python -m impl.sel4.layout` from layout.toml: change that one. */\n",
        "#ifndef LAYOUT_H\n#define LAYOUT_H\n",
        '#include "types.h"\n',
    ]
    for struct in structs.values():
        parts.append(_c_type(struct))
        if kinds_of(structs, struct.name):
            parts.append(_c_tags(structs, struct))
            parts.append(_c_tag_getter(structs, struct))
        if struct.tag is not None:
            parts.append(_c_maker(struct))
        for field in struct.fields.values():
            parts.append(_c_getter(struct, field))
            parts.append(_c_setter(struct, field))
    parts.append("#endif\n")
    return "\n".join(parts)


def _c_type(struct: Struct) -> str:
    comment = f"/* {struct.doc} */\n"
    if struct.union:
        return comment
    if struct.value:
        return f"{comment}typedef {_c_integer(struct.width)} {struct.name}_t;\n"
    body = f"struct {struct.name} {{\n    word_t words[{struct.words}];\n}};\n"
    return f"{comment}{body}typedef struct {struct.name} {struct.name}_t;\n"


def _c_tags(structs: Layout, struct: Struct) -> str:
    tags = [f"    {kind.prefix} = {_tag_value(kind)}" for kind in kinds_of(structs, struct.name)]
    return f"/* The tags of the kinds. */\nenum {struct.name}_tag {{\n" + ",\n".join(tags) + "\n};\n"


def _c_integer(width: int) -> str:
    return "word_t" if width == 32 else "uint64_t"


def _c_constant(width: int, value: int) -> str:
    return f"{value:#0{2 + width // 4}x}{'u' if width == 32 else 'ull'}"


def _c_shifted(value: str, distance: int) -> str:
    if distance == 0:
        return value
    return f"({value} << {distance})" if distance > 0 else f"({value} >> {-distance})"


def _c_masked(value: str, mask: int, width: int) -> str:
    full = mask == (1 << width) - 1
    return value if full else f"({value} & {_c_constant(width, mask)})"


def _c_word(struct: Struct, number: int) -> str:
    """The word of that number, of the value `x` or of the structure that `p` points to."""
    if not struct.value:
        return f"p->words[{number}]"
    return "x" if struct.words == 1 else f"(word_t){_c_shifted('x', -struct.bits * number)}"


def _c_getter(struct: Struct, field: Field) -> str:
    shift = struct.shift(field)
    mask = field.mask << shift if shift > 0 else field.mask >> -shift
    value = _outer(_c_masked(_c_shifted(_c_word(struct, field.word), shift), mask, struct.bits))
    name, parameter = _c_function(struct, "get", field)
    integer = _c_integer(struct.bits)
    return f"/* {field.doc} */\nstatic inline {integer} {name}({parameter})\n{{\n    return {value};\n}}\n"


def tag_getter(structs: Layout, union: str) -> str:
    """The C function that tells the kind of a value, by name."""
    return f"{union}_get_{_tag_field(kinds_of(structs, union)[0]).name}"


def _c_tag_getter(structs: Layout, struct: Struct) -> str:
    field = _tag_field(kinds_of(structs, struct.name)[0])
    _, narrow, first_wide, wide = tag_widths(structs, struct.name)
    place = _c_shifted(_c_word(struct, field.word), -field.low)
    value = f"{place} & {(1 << narrow) - 1:#x}u"
    if first_wide is not None:
        value = f"({value}) < {first_wide:#x}u ? {value} : {place} & {(1 << wide) - 1:#x}u"
    name = tag_getter(structs, struct.name)
    return f"/* The tag of the kind. */\nstatic inline word_t {name}({struct.name}_t x)\n{{\n    return {value};\n}}\n"


def maker(kind: Struct) -> str:
    """The C function that makes a new value of a kind, by name."""
    return f"{kind.prefix}_new"


def _c_maker(kind: Struct) -> str:
    value = kind.join(kind.encode(_tag_field(kind).name, [0] * kind.words, _tag_value(kind)))
    assert isinstance(value, int)
    constant = _c_constant(kind.width, value)
    comment = "/* One whose fields are all 0. */\n"
    return f"{comment}static inline {kind.type}_t {maker(kind)}(void)\n{{\n    return {constant};\n}}\n"


def _c_setter(struct: Struct, field: Field) -> str:
    value = _c_masked(_c_shifted("v", -struct.shift(field)), field.mask, struct.bits)
    place = _c_word(struct, field.word)
    kept, width = ((1 << struct.bits) - 1) ^ field.mask, struct.bits
    if struct.value and struct.words > 1:
        place, width = "x", struct.width
        above = struct.bits * field.word
        value = _c_shifted(f"(uint64_t){value}", above) if above else value
        kept = ((1 << width) - 1) ^ (field.mask << above)
    if kept:
        value = f"{_c_masked(place, kept, width)} | {value}"
    name, parameter = _c_function(struct, "set", field)
    result = f"{struct.type}_t" if struct.value else "void"
    body = f"return {_outer(value)}" if struct.value else f"{place} = {_outer(value)}"
    return f"static inline {result} {name}({parameter}, {_c_integer(struct.bits)} v)\n{{\n    {body};\n}}\n"


def _c_function(struct: Struct, verb: str, field: Field) -> tuple[str, str]:
    if struct.value:
        return f"{struct.prefix}_{verb}_{field.name}", f"{struct.type}_t x"
    return f"{struct.prefix}_ptr_{verb}_{field.name}", f"{struct.type}_t *p"


def _outer(expression: str) -> str:
    """The expression without parentheses around the whole of it."""
    depth = 0
    for place, character in enumerate(expression):
        depth += (character == "(") - (character == ")")
        if depth == 0 and place < len(expression) - 1:
            return expression
    return expression[1:-1] if expression.startswith("(") else expression


def markdown(structs: Layout) -> str:
    """The layout as Markdown: for each struct a table of its fields, from the top of the last word downwards."""
    parts = []
    for struct in structs.values():
        size = "1 word" if struct.words == 1 else f"{struct.words} words"
        tagged = f" The kind of `{struct.union}` with the tag {struct.tag.value}." if struct.tag is not None else ""
        parts.append(f"### {struct.name} ({size} of {struct.bits} bits)\n\n{struct.doc}{tagged}\n")
        rows = ["| field | word | bits | holds |", "|---|---|---|---|"]
        for field in sorted(struct.fields.values(), key=lambda entry: (-entry.word, -entry.low)):
            top = field.low + field.width - 1
            places = str(field.low) if field.width == 1 else f"{field.low}-{top}"
            note = f" Top {field.width} bits of the value." if field.high else ""
            rows.append(f"| `{field.name}` | {field.word} | {places} | {field.doc}{note} |")
        parts.append("\n".join(rows) + "\n")
    return "\n".join(parts)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the C header, or print the Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m impl.sel4.layout", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print the table of all fields instead")
    if parser.parse_args(arguments).markdown:
        print(markdown(layout()), end="")
    else:
        HEADER.write_text(c_header(layout()), encoding="utf-8")


if __name__ == "__main__":
    main()
