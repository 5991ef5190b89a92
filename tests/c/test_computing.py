"""Functions that only compute are expressions like others: calling one is no reason to decide anything."""

import pytest

from impl.c.evaluate import Evaluator
from impl.c.memory import ByteMemory
from refinement import terms
from refinement.explore import Explorer
from refinement.smt import Solver

TEXT = """
static word_t twice(word_t x) { word_t y = x + x; y = y & 0xffu; return y; }
static word_t nested(word_t x) { return twice(x) < 9u ? twice(x) : 7u; }
static word_t shifted(word_t x, word_t n) { return x >> (n & 31u); }
static word_t branching(word_t x) { if (x) { return 1u; } return 2u; }
static word_t guarded(word_t x, word_t n) { return x >> n; }
word_t table[4];
static word_t reading(void) { return table[1]; }

word_t simple(word_t x) { return x && twice(x) ? nested(x) : shifted(x, x); }
word_t branches(word_t x) { return x && branching(x); }
word_t guards(word_t x) { return x && guarded(x, x); }
word_t reads(word_t x) { return x && reading(); }
word_t counts(word_t x) { word_t n = 0; while (twice(n) < x) { n++; } return n; }
"""


def explored(program, name):
    """How many paths a function has on an unknown word, and how many conditions it needs on each."""
    found = []

    def body(run):
        conditions = []
        evaluator = Evaluator(program, ByteMemory(program), lambda condition, *_: conditions.append(condition))
        evaluator.call(name, [terms.variable("x", terms.bit_vector(32))])
        return len(conditions)

    found.extend(Explorer(Solver(1_000_000, 5.0)).explore(body))
    return found


@pytest.mark.parametrize(("name", "paths"), [("simple", [0]), ("branches", [0, 0]), ("guards", [0, 1])])
def test_paths_and_guards(program_of, name, paths):
    assert sorted(explored(program_of(TEXT), name)) == paths


@pytest.mark.parametrize("x", [0, 1, 3, 4, 200, 0xFFFFFFFF])
def test_values(program_of, x):
    program = program_of(TEXT)
    evaluator = Evaluator(program, ByteMemory(program))
    y = (x + x) & 0xFF
    assert evaluator.call("simple", [x]) == ((y if y < 9 else 7) if x and y else x >> (x & 31))
    assert evaluator.call("reads", [x]) == 0
    assert evaluator.call("counts", [min(x, 7)]) == (min(x, 7) + 1) // 2


def test_a_masked_distance_needs_no_guard(program_of):
    program = program_of("word_t f(word_t x, uint64_t n) { return (x << (n & 15u)) | (x >> (31u & x)); }")
    evaluator = Evaluator(program, ByteMemory(program), guard=None)
    assert evaluator.call("f", [0x12, 0x104]) == 0x120 | 0x12 >> 0x12
