"""Every kind of guard has a program that violates it, and the evaluator says where."""

import pytest

from impl.c.evaluate import Evaluator, UndefinedBehaviour
from impl.c.memory import ByteMemory
from impl.c.operations import LoopBound

OBJECTS = "struct thing { int value; int many[4]; struct thing *next; }; typedef struct thing thing_t;\n"

VIOLATIONS = [
    ("pointer", "int f(thing_t *p) { return p->value; }", [0], "the pointer is to a live thing_t"),
    ("pointer", "int f(thing_t *p) { return p->value; }", [0x10000004], "the pointer is to a live thing_t"),
    ("pointer", "int f(thing_t *p) { return p->next->value; }", [0x80000000], "the pointer is to a live thing_t"),
    ("pointer", "void f(thing_t *p) { p->value = 1; }", [0x20000000], "the pointer is to a live thing_t"),
    ("pointer", "int f(thing_t *p) { return *(int *)(uintptr_t)p; }", [0x80000000], "the pointer is to a live int"),
    ("pointer", "int f(thing_t *p) { return *(char *)&p->value; }", [0x80000000], "the pointer is to a live char"),
    ("array", "int f(thing_t *p, word_t i) { return p->many[i]; }", [0x80000000, 4], "the index is below 4"),
    ("array", "int f(thing_t *p, int i) { return p->many[i]; }", [0x80000000, -1], "the index is below 4"),
    ("array", "int f(thing_t *p) { int *q = &p->value; return q[1]; }", [0x80000000], "is indexed with 0"),
    ("array", "int f(thing_t *p) { int *q = &p->many[1]; return q[3]; }", [0x80000000], "the index is below 4"),
    ("array", "int f(thing_t *p) { int *q = p->many; return q[5]; }", [0x80000000], "the index is below 4"),
    ("array", "int table[3]; int f(word_t i) { return table[i]; }", [3], "the index is below 3"),
    ("shift", "word_t f(word_t x, word_t n) { return x << n; }", [1, 32], "the shift distance is below 32"),
    ("shift", "word_t f(word_t x, int n) { return x >> n; }", [1, -1], "the shift distance is below 32"),
    ("shift", "int f(int x) { return x << 1; }", [0x40000000], "the shifted signed value fits its type"),
    ("shift", "int f(int x) { return x << 1; }", [-1], "the shifted signed value fits its type"),
    ("division", "word_t f(word_t x, word_t y) { return x / y; }", [1, 0], "the divisor is not 0"),
    ("division", "int f(int x, int y) { return x % y; }", [1, 0], "the divisor is not 0"),
    ("overflow", "int f(int x, int y) { return x / y; }", [-(2**31), -1], "the signed quotient fits its type"),
    ("overflow", "int f(int x) { return x + 1; }", [2**31 - 1], "the signed result fits its type"),
    ("overflow", "int f(int x) { return x - 1; }", [-(2**31)], "the signed result fits its type"),
    ("overflow", "int f(int x) { return x * 2; }", [2**30], "the signed result fits its type"),
    ("overflow", "int f(int x) { return -x; }", [-(2**31)], "the signed result fits its type"),
    ("cast", "int f(word_t x) { return (int)x; }", [2**31], "the converted value fits a signed type of 32 bits"),
    ("cast", "int f(int x) { return (signed char)x; }", [128], "the converted value fits a signed type of 8 bits"),
    ("uninitialised", "int f(int x) { int y; if (x) y = 1; return y; }", [0], "the local 'y' is assigned"),
    ("return", "int f(int x) { if (x) { return 1; } }", [0], "'f' returns a value"),
    ("builtin", "int f(word_t x) { return __builtin_clz(x); }", [0], "the argument of __builtin_clz is not 0"),
    ("builtin", "int f(word_t x) { return __builtin_ctz(x); }", [0], "the argument of __builtin_ctz is not 0"),
    ("unreachable", "int f(int x) { if (x) return 1; __builtin_unreachable(); }", [0], "this is never reached"),
]


@pytest.fixture
def evaluator_of(program_of):
    """Makes an evaluator of a program with one live `thing_t`, at 0x80000000."""

    def make(text, **hooks):
        program = program_of(OBJECTS + text)
        memory = ByteMemory(program)
        memory.allocate("thing_t", 0x80000000)
        return Evaluator(program, memory, **hooks)

    return make


@pytest.mark.parametrize(("kind", "text", "arguments", "message"), VIOLATIONS)
def test_violation_is_found(evaluator_of, kind, text, arguments, message):
    evaluator = evaluator_of(text)
    with pytest.raises(UndefinedBehaviour) as caught:
        evaluator.call("f", arguments)
    assert caught.value.kind == kind
    assert message in caught.value.message
    assert caught.value.location == "unit.c:2"


def test_every_kind_has_a_violation():
    kinds = {"pointer", "array", "shift", "division", "overflow", "cast", "uninitialised", "return", "builtin"}
    assert {kind for kind, *_ in VIOLATIONS} == kinds | {"unreachable"}


@pytest.mark.parametrize(
    ("text", "arguments", "result"),
    [
        ("int f(thing_t *p, word_t i) { p->many[i] = 7; return p->many[i]; }", [0x80000000, 3], 7),
        ("int f(thing_t *p) { int *q = p->many; q[2] = 5; return p->many[2]; }", [0x80000000], 5),
        ("int f(thing_t *p) { int *q = &p->many[1]; q[2] = 5; return p->many[3]; }", [0x80000000], 5),
        ("word_t f(word_t x) { return x + 1; }", [2**32 - 1], 0),
        ("word_t f(word_t x) { return x << 31; }", [3], 2**31),
        ("int f(int x) { return x / -2; }", [7], 2**32 - 3),
        ("int f(int x) { return x % -2; }", [-7], 2**32 - 1),
        ("int f(thing_t *p) { return p != NULL && p->value == 0; }", [0], 0),
        ("int f(thing_t *p) { p->next = p; return p->next->next == p; }", [0x80000000], 1),
        ("word_t f(thing_t *p) { return (word_t)(uintptr_t)&p->many[1]; }", [0x80000000], 0x80000008),
    ],
)
def test_defined_behaviour_passes(evaluator_of, text, arguments, result):
    assert evaluator_of(text).call("f", arguments) == result


def test_a_hook_may_note_guards_and_go_on(evaluator_of):
    noted = []
    evaluator = evaluator_of("int f(int x) { return x + 1; }", guard=lambda *guard: noted.append(guard))
    assert evaluator.call("f", [2**31 - 1]) == 2**31
    assert noted == [(False, "overflow", "the signed result fits its type", "unit.c:2")]


def test_endless_loop_is_given_up(evaluator_of, monkeypatch):
    monkeypatch.setattr("impl.c.operations.PLAIN_LOOP_LIMIT", 100)
    with pytest.raises(LoopBound, match=r"unit\.c:2: the loop did not end within 100 iterations"):
        evaluator_of("void f(void) { while (1) { } }").call("f")


def test_global_of_the_program(evaluator_of):
    evaluator = evaluator_of("int count = 3; int f(void) { count++; return count; }")
    assert evaluator.call("f") == 4
    assert evaluator.memory.read("count") == 4
