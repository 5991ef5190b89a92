"""What the tests of the C front end share: small programs from text, and the kernel."""

from collections.abc import Callable

import pytest

from impl.c import ir
from impl.c.clang import Sources
from impl.c.parse import parse_afresh
from refinement import terms

PRELUDE = """
typedef unsigned int word_t;
typedef unsigned long long uint64_t;
typedef __UINTPTR_TYPE__ uintptr_t;
#define NULL ((void *)0)
"""
"""Included before every program."""


@pytest.fixture(autouse=True)
def _fresh_terms():
    """Terms that a solver has lowered must not come to another one."""
    terms.reset()


@pytest.fixture
def sources_of(tmp_path) -> Callable[[str], Sources]:
    """Makes a program's text the only source file, `unit.c`."""

    def make(text: str) -> Sources:
        tmp_path.joinpath("prelude.h").write_text(PRELUDE)
        tmp_path.joinpath("unit.c").write_text(text)
        return Sources(tmp_path, ["unit.c"], flags=("-include", "prelude.h"))

    return make


@pytest.fixture
def program_of(sources_of) -> Callable[[str], ir.Program]:
    """Parses a program's text."""
    return lambda text: parse_afresh(sources_of(text))
