"""Parsed programs are kept on disk, and forgotten when anything changes that they depend on."""

import os

import pytest

from impl.c import clang, toolchain
from impl.c.clang import Sources
from impl.c.evaluate import Evaluator
from impl.c.memory import ByteMemory
from impl.c.parse import content_key, parse

UNIT = '#include "answer.h"\nint f(int x) { return x + ANSWER; }\n'


@pytest.fixture
def sources(tmp_path):
    folder = tmp_path / "program"
    folder.mkdir()
    folder.joinpath("unit.c").write_text(UNIT)
    folder.joinpath("answer.h").write_text("#define ANSWER 42\n")
    return Sources(folder, ["unit.c"], ("include",))


@pytest.fixture
def compiled(monkeypatch):
    """The files that the compiler is run on, for each run."""
    runs = []
    units = clang.units
    monkeypatch.setattr(clang, "units", lambda sources: runs.append(sources.files) or units(sources))
    return runs


def result(program):
    return Evaluator(program, ByteMemory(program)).call("f", [1])


def test_second_time_comes_from_disk(sources, tmp_path, compiled):
    assert result(parse(sources, cache=tmp_path)) == 43
    assert result(parse(sources, cache=tmp_path)) == 43
    assert len(compiled) == 1


def test_changed_header_is_noticed(sources, tmp_path, compiled):
    parse(sources, cache=tmp_path)
    sources.root.joinpath("answer.h").write_text("#define ANSWER 1\n")
    assert result(parse(sources, cache=tmp_path)) == 2
    assert len(compiled) == 2


def test_only_changed_files_are_compiled_again(sources, tmp_path, compiled):
    sources = Sources(sources.root, ["other.c", "unit.c"], sources.include)
    sources.root.joinpath("other.c").write_text("int g(int x) { return x; }\n")
    parse(sources, cache=tmp_path)
    sources.root.joinpath("unit.c").write_text(UNIT.replace("x + ANSWER", "x - ANSWER"))
    assert result(parse(sources, cache=tmp_path)) == -41 & 0xFFFF_FFFF
    assert compiled == [("other.c", "unit.c"), ("unit.c",)]


@pytest.mark.parametrize("content", [b"", b"rubbish", b"\x80\x04N."])
def test_broken_entry_is_made_anew(sources, tmp_path, compiled, content):
    parse(sources, cache=tmp_path)
    for folder in ("c", "c-units"):
        (entry,) = tmp_path.joinpath(folder).iterdir()
        entry.write_bytes(content)
    assert result(parse(sources, cache=tmp_path)) == 43
    assert len(compiled) == 2


def test_unwritable_cache_does_no_harm(sources, tmp_path, compiled):
    tmp_path.joinpath("file").touch()
    assert result(parse(sources, cache=tmp_path / "file")) == 43
    assert result(parse(sources, cache=False)) == 43
    assert len(compiled) == 2


def test_key_depends_on_flags_and_ghosts(sources):
    other = Sources(sources.root, sources.files, sources.include, ("-DX=1",))
    assert len({content_key(sources), content_key(other), content_key(sources, ["ghost"])}) == 3


def test_cache_directory_that_cannot_be_written_is_replaced(tmp_path, monkeypatch):
    blocked = tmp_path / "file"
    blocked.touch()
    monkeypatch.setenv("REFINE_CACHE_DIR", str(blocked / "below"))
    toolchain.cache_directory.cache_clear()
    try:
        folder = toolchain.cache_directory()
        assert folder != blocked / "below"
        assert os.access(folder, os.W_OK)
        folder.rmdir()
    finally:
        toolchain.cache_directory.cache_clear()


def test_missing_compiler_is_one_line(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    toolchain.ziglang.cache_clear()
    try:
        with pytest.raises(toolchain.CompilerError, match="'ziglang', which is not installed"):
            toolchain.ziglang()
    finally:
        toolchain.ziglang.cache_clear()


def test_compiler_that_hangs_is_given_up(tmp_path):
    with pytest.raises(toolchain.CompilerError, match="did not finish within"):
        toolchain.run(["sleep", "30"], tmp_path, timeout=0.1)
