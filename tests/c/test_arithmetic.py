"""C's arithmetic: the evaluator on ints, the evaluator on symbolic words, and the compiler agree."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from impl.c.clang import Sources
from impl.c.evaluate import Evaluator, UndefinedBehaviour
from impl.c.memory import ByteMemory
from impl.c.native import Native
from impl.c.parse import parse
from refinement import bits, terms
from refinement.explore import Explorer
from refinement.smt import Solver

TYPES = {
    "int": "int",
    "unsigned": "unsigned int",
    "schar": "signed char",
    "ushort": "unsigned short",
    "llong": "long long",
    "ullong": "unsigned long long",
    "long": "long",
    "bool": "_Bool",
}
OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/", "mod": "%", "and": "&", "or": "|", "xor": "^", "shl": "<<",
    "shr": ">>", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "land": "&&", "lor": "||",
}  # fmt: skip


def binary_functions():
    """A function for every operator and pair of types; the result is widened."""
    return [
        f"unsigned long long {name}_{left}_{right}({TYPES[left]} x, {TYPES[right]} y) {{ return x {operator} y; }}"
        for name, operator in OPERATORS.items()
        for left in TYPES
        for right in ("int", "unsigned", "llong", "ushort")
    ]


def other_functions():
    """Conversions between every pair of types, and the unary operators."""
    for source in TYPES:
        for target in TYPES:
            yield f"{TYPES[target]} cast_{source}_{target}({TYPES[source]} x, int y) {{ return ({TYPES[target]})x; }}"
        for name, operator in {"neg": "-", "not": "!", "inv": "~", "plus": "+"}.items():
            yield f"unsigned long long {name}_{source}({TYPES[source]} x, int y) {{ return {operator}x; }}"
        yield f"unsigned long long if_{source}({TYPES[source]} x, int y) {{ return x ? y : x; }}"
        yield f"{TYPES[source]} update_{source}({TYPES[source]} x, unsigned y) {{ {update_body(source)} return x; }}"
    yield "int clz(unsigned x, int y) { return __builtin_clz(x); }"
    yield "int ctz(unsigned long long x, int y) { return __builtin_ctzll(x); }"


def update_body(type):
    """Compound assignments."""
    return "x |= y; x ^= 3;" if type == "bool" else "x += y; x <<= 1; x++; x -= 2;"


def expression(draw, depth):
    """A random expression over x and y."""
    if depth == 0:
        return draw.choice(["x", "y", "1", "3u", "(-5)", "0x80000000u", "31", "7ull"])
    left, right = expression(draw, depth - 1), expression(draw, draw.randrange(depth))
    shape = draw.randrange(10)
    if shape == 0:
        return f"({left} ? {right} : {expression(draw, depth - 1)})"
    if shape == 1:
        return f"(({draw.choice(list(TYPES.values()))}){left})"
    if shape == 2:
        return f"({draw.choice('-~!')}{left})"
    return f"({left} {draw.choice(list(OPERATORS.values()))} {right})"


def nested_functions(count=150):
    """Functions of nested expressions, the same in every run."""
    draw = random.Random(2)
    for number in range(count):
        left, right = draw.choice(list(TYPES.values())), draw.choice(list(TYPES.values()))
        body = expression(draw, draw.choice((2, 3)))
        yield f"unsigned long long nested_{number}({left} x, {right} y) {{ return {body}; }}"


TEXT = "\n".join([*binary_functions(), *other_functions(), *nested_functions()]) + "\n"


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arithmetic")
    folder.joinpath("unit.c").write_text(TEXT)
    return Sources(folder, ["unit.c"])


@pytest.fixture(scope="module")
def program(sources):
    return parse(sources)


@pytest.fixture(scope="module")
def native(program, sources):
    with Native(program, sources, objects=(0xA000_0000, 0x1000)) as compiled:
        yield compiled


def patterns(width):
    """Bit patterns of a width, those at the borders more often."""
    border = st.sampled_from([0, 1, 2, 3, 7, 8, 31, 32, 33, 63])
    near = st.builds(lambda at, off: (at + off) % (1 << width), st.sampled_from([0, 1 << (width - 1)]), border)
    below = st.builds(lambda at, off: (at - off) % (1 << width), st.sampled_from([0, 1 << (width - 1)]), border)
    return near | below | st.integers(0, (1 << width) - 1)


def draw_call(program, data):
    """A function, and arguments as bit patterns of its parameters' types."""
    name = data.draw(st.sampled_from(sorted(program.functions)))
    arguments = []
    for parameter in program.functions[name].parameters:
        top = 1 if parameter.type.boolean else (1 << parameter.type.width) - 1
        arguments.append(data.draw(patterns(parameter.type.width)) & top)
    return name, arguments


def plainly(program, name, arguments):
    """The result on ints; None where behaviour is undefined."""
    try:
        return Evaluator(program, ByteMemory(program)).call(name, arguments)
    except UndefinedBehaviour:
        return None


@settings(max_examples=800, deadline=None)
@given(data=st.data())
def test_ints_as_the_compiler(program, native, data):
    name, arguments = draw_call(program, data)
    result = plainly(program, name, arguments)
    if result is not None:
        assert native.call(name, arguments) == result


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_symbolic_words_as_ints(program, data):
    name, arguments = draw_call(program, data)
    expected = plainly(program, name, arguments)
    terms.reset()
    solver = Solver(5_000_000, 20.0)
    symbols = [
        terms.variable(parameter.name, terms.bit_vector(parameter.type.width))
        for parameter in program.functions[name].parameters
    ]
    chosen = [
        terms.equal(symbol, terms.constant(argument, symbol.sort))
        for symbol, argument in zip(symbols, arguments, strict=True)
    ]
    found = []

    def body(run):
        for condition in chosen:
            run.assume(condition)
        guards = []
        evaluator = Evaluator(program, ByteMemory(program), lambda condition, *_: guards.append(condition))
        try:
            return guards, evaluator.call(name, symbols)
        except UndefinedBehaviour:
            return guards, None

    for guards, result in Explorer(solver).explore(body):
        model = solver.model()
        assert model is not None
        holds = all(model.value(bits.lift_truth(guard)) for guard in guards)
        width = program.functions[name].result.width
        found.append(model.value(bits.lift(result, width)) if holds and result is not None else None)
    assert found == [expected]
