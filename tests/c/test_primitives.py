"""Functions that say which objects live: what they do on bytes, what they must not be asked, and the native build."""

import pytest

from impl.c.clang import Sources
from impl.c.evaluate import Evaluator, UndefinedBehaviour
from impl.c.memory import ByteMemory
from impl.c.native import Native
from impl.c.parse import parse_afresh
from impl.c.primitives import Primitives
from impl.c.toolchain import CompilerError
from impl.sel4.program import PRIMITIVES, program

TEXT = """
struct pair { unsigned a, b; };
typedef struct pair pair_t;
struct four { unsigned words[4]; };
void endAll(unsigned start, unsigned bits);
void zero(unsigned start, unsigned bits);
void newPairs(unsigned start, unsigned count);
void newFours(unsigned start, unsigned count);
void end(unsigned start, unsigned bits) { endAll(start, bits); }
void clear(unsigned start, unsigned bits) { zero(start, bits); }
void pairs(unsigned start, unsigned count) { newPairs(start, count); }
void fours(unsigned start, unsigned count) { newFours(start, count); }
void put(pair_t *p, unsigned value) { p->b = value; }
unsigned get(pair_t *p) { return p->b; }
"""
NATIVE = """
void endAll(unsigned start, unsigned bits) {}
void zero(unsigned start, unsigned bits) { __builtin_memset((void *)(__UINTPTR_TYPE__)start, 0, 1u << bits); }
void newPairs(unsigned start, unsigned count) {}
void newFours(unsigned start, unsigned count) {}
"""
FUNCTIONS = Primitives("endAll", "zero", {"newPairs": "pair", "newFours": "four"})
AT = 0x8000_0000


@pytest.fixture
def memory(program_of):
    return ByteMemory(program_of(TEXT))


@pytest.fixture
def call(memory):
    evaluator = Evaluator(memory.program, memory, primitives=FUNCTIONS)
    return lambda name, *arguments: evaluator.call(name, arguments)


def test_memory_changes_its_type(memory, call):
    call("pairs", AT, 2)
    assert memory.objects == {AT: "pair_t", AT + 8: "pair_t"}
    call("put", AT + 8, 7)
    call("end", AT, 4)
    assert memory.objects == {}
    with pytest.raises(UndefinedBehaviour, match="the pointer is to a live pair_t"):
        call("get", AT + 8)
    with pytest.raises(UndefinedBehaviour, match="the memory of the new four is 0"):
        call("fours", AT, 1)
    call("clear", AT, 4)
    call("fours", AT, 1)
    assert memory.objects == {AT: "four"}


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        ("end", (AT, 2), "no object lies partly in the deleted memory"),
        ("end", (AT + 12, 2), "no object lies partly in the deleted memory"),
        ("clear", (AT + 8, 3), "there is no object in the cleared memory"),
        ("pairs", (AT + 12, 1), "there is no object where the new pair is"),
        ("fours", (AT - 8, 2), "there is no object where the new four is"),
        ("pairs", (AT + 18, 1), "the new pair is aligned"),
    ],
)
def test_what_must_not_be_is_found(memory, call, function, arguments, message):
    call("pairs", AT, 2)
    with pytest.raises(UndefinedBehaviour, match=message):
        call(function, *arguments)


def test_only_bytes_have_objects(memory):
    class Other:
        addresses = memory.addresses

    with pytest.raises(TypeError, match="on bytes only"):
        Evaluator(memory.program, Other(), valid=lambda *_: True, primitives=FUNCTIONS)


def test_native_build_takes_the_definitions_it_is_given(tmp_path):
    tmp_path.joinpath("unit.c").write_text(TEXT)
    tmp_path.joinpath("native.c").write_text(NATIVE)
    sources = Sources(tmp_path, ["unit.c"], native=["native.c"])
    with Native(parse_afresh(sources), sources, objects=(0xA000_0000, 0x1000)) as compiled:
        compiled.call("put", [0xA000_0000, 7])
        assert compiled.call("get", [0xA000_0000]) == 7
        compiled.call("clear", [0xA000_0000, 3])
        assert compiled.call("get", [0xA000_0000]) == 0


@pytest.mark.parametrize("native", [(), ("native.c",)])
def test_native_build_needs_all_definitions(tmp_path, native):
    tmp_path.joinpath("unit.c").write_text(TEXT)
    tmp_path.joinpath("native.c").write_text("int unrelated;\n")
    sources = Sources(tmp_path, ["unit.c"], native=native)
    with pytest.raises(CompilerError, match="endAll"):
        Native(parse_afresh(sources), sources, objects=(0xA000_0000, 0x1000))


def test_kernel_declares_its_primitives():
    declared = {name for name, function in program().functions.items() if function.body is None}
    assert declared == {PRIMITIVES.delete, PRIMITIVES.clear, *PRIMITIVES.create}
