"""What the subset of C refuses, each with file, line and reason."""

import pickle

import pytest

from impl.c import subset
from impl.c.clang import Sources
from impl.c.parse import parse_afresh
from impl.c.subset import OutsideSubset
from impl.c.toolchain import CompilerError

REFUSED = [
    ("void f(void) { again: goto again; }", "labels are not in the subset"),
    ("void f(int x) { if (x) goto end; end: ; }", "goto is not in the subset"),
    ("union u { int a; unsigned b; }; union u g;", "unions are not in the subset"),
    ("struct s { int (*p)(int); }; struct s g;", "function pointers"),
    ("int g(int x) { return x; } int f(int x) { int (*p)(int) = g; return p(x); }", "function pointers"),
    ("int g(int x) { return x; } int f(int x) { return (&g)(x); }", "a call through a pointer"),
    ("int f(int x) { return x; } int g(int x) { return !f; }", "function pointers"),
    ("float g;", "floating point"),
    ("int f(int x) { return x * 1.5 > 2; }", "floating point"),
    ("int f(void) { return sizeof(long double); }", "floating point"),
    ("void g(int *p) { *p = 1; } int f(void) { int x; g(&x); return x; }", "the address of the local 'x' is taken"),
    ("int f(int x) { int *p = &x; return *p; }", "the address of the local 'x' is taken"),
    ("int f(int x) { return x ? f(x - 1) : 0; }", "'f' is recursive"),
    ("int g(int x); int f(int x) { return g(x); } int g(int x) { return x ? f(x) : 0; }", "recursive"),
    ("int f(int n, ...) { return n; }", "'f' takes a variable number of arguments"),
    ("int f(__builtin_va_list v) { return 0; }", "variable arguments"),
    ("int f(int n) { int a[n]; return a[0]; }", "arrays of variable length"),
    ("int f(void) { int a[4]; return a[0]; }", "the local 'a' is an array"),
    ("struct s { int a; }; int f(void) { struct s x; return 0; }", "the local 'x' is a structure"),
    ("struct s { int a; }; int f(struct s x) { return x.a; }", "structures are passed by pointer only"),
    ("struct s { int a; }; struct s g; struct s f(void) { return g; }", "'f' returns a structure"),
    ("struct s { int a; }; int f(void) { return ((struct s){ 1 }).a; }", "compound literals"),
    ("struct s { int a : 3; }; struct s g;", "bit-fields"),
    ("struct s { int a; struct { int b; }; }; struct s g;", "unnamed structure members"),
    ("struct __attribute__((packed)) s { char a; int b; }; struct s g;", "the layout of 's' is not the natural one"),
    ("volatile int g;", "volatile"),
    ("_Thread_local int g;", "thread-local storage"),
    ("_Atomic int g;", "_Atomic"),
    ("enum e { A = 5000000000 };", "an enumeration constant wider than a word"),
    ("int f(int x) { return x++; }", "'++' inside an expression"),
    ("int f(int x) { int y; return y = x; }", "an assignment inside an expression"),
    ("int f(int x) { return (x, 1); }", "the comma operator"),
    ("int f(int *p) { return *(p + 1); }", "pointer arithmetic"),
    ("int f(int *p) { p++; return *p; }", "pointer arithmetic"),
    ("int f(int *p, int *q) { return p - q; }", "pointer arithmetic"),
    ("int f(int *p, int *q) { return p < q; }", "pointers are compared with '==' and '!=' only"),
    ("int f(_Bool b) { b++; return b; }", "arithmetic on a _Bool"),
    ("struct s { int a[2]; }; int f(struct s *p, unsigned long long i) { return p->a[i]; }", "wider than a word"),
    ('void f(void) { __asm__("nop"); }', "inline assembly"),
    ('__asm__("nop");', "inline assembly"),
    ('char *f(void) { return "text"; }', "string literals"),
    ("int f(int x) { switch (x) { case 0: x = 1; case 1: return x; } return 0; }", "falls through"),
    ("int f(int x) { switch (x) { case 0 ... 3: return 1; } return 0; }", "case ranges"),
    ("int f(int x) { switch (x) { case 0: if (x) { case 1: return 2; } break; } return 0; }", "a case label inside"),
    ("int f(int x) { do { if (x) continue; x = 1; } while (x); return x; }", "continue inside do-while"),
    ("int f(int x) { return ({ x; }); }", "statement expressions"),
    ("int f(int x) { return x ?: 1; }", "without its middle operand"),
    ("int f(int x) { static int n; return n; }", "the static local 'n'"),
    ("int f(int x) { struct t { int a; }; return 0; }", "a type declared inside a function"),
    ("int f(int x) { return _Generic(x, int: 1); }", "_Generic"),
    ("int f(int x) { return __builtin_popcount(x); }", "the function '__builtin_popcount'"),
    ("extern int g; int f(void) { return g; }", "the global 'g' is declared but defined in no unit"),
    ("int g; int h(void) { g = 1; return 1; } int f(void) { return g + h(); }", "C leaves their order open"),
    ("int g[2]; int h(void) { return g[0]; } void f(void) { g[h()] += 1; }", "the call of 'h' in a place"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_refused(program_of, text, reason):
    with pytest.raises(OutsideSubset, match=r"unit\.c:3: ") as caught:
        program_of(f"\n/* Line 3 offends. */\n{text}\n")
    assert caught.value.file == "unit.c"
    assert caught.value.line == 3
    assert reason in caught.value.reason
    assert caught.value.user_message == f"unit.c:3: {caught.value.reason}"


def test_every_reason_says_what_is_refused():
    assert all("not in the subset" in reason for reason in subset.REFUSED_KINDS.values())


def test_refusal_survives_pickling():
    error = pickle.loads(pickle.dumps(OutsideSubset("a.c", 7, "goto")))
    assert (error.file, error.line, error.reason, error.user_message) == ("a.c", 7, "goto", "a.c:7: goto")


def test_refusal_in_a_header_names_the_header(tmp_path):
    tmp_path.joinpath("deep.h").write_text("\n\nunion u { int a; };\n")
    tmp_path.joinpath("unit.c").write_text('#include "deep.h"\n')
    with pytest.raises(OutsideSubset, match=r"^deep\.h:3: unions"):
        parse_afresh(Sources(tmp_path, ["unit.c"]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("int f(void) { return 1 }", r"unit\.c:1:23: expected ';'"),
        ("int f(void) { return g; }", r"unit\.c:1:22: use of undeclared identifier 'g'"),
        ('#include "nowhere.h"\n', r"unit\.c:1:10: 'nowhere\.h' file not found"),
    ],
)
def test_compiler_error_is_one_line(program_of, text, message):
    with pytest.raises(CompilerError, match=message) as caught:
        program_of(text)
    assert caught.value.user_message == str(caught.value)
    assert "\n" not in caught.value.user_message


def test_missing_file(tmp_path):
    with pytest.raises(CompilerError, match=r"gone\.c"):
        parse_afresh(Sources(tmp_path, ["gone.c"]))


def test_definitions_that_clash(tmp_path):
    tmp_path.joinpath("one.c").write_text("int f(void) { return 1; }\n")
    tmp_path.joinpath("two.c").write_text("\nint f(void) { return 2; }\n")
    with pytest.raises(OutsideSubset, match=r"two\.c:2: 'f' is defined here and at one\.c:1"):
        parse_afresh(Sources(tmp_path, ["one.c", "two.c"]))


def test_enumeration_constants_have_the_compilers_values(program_of):
    program = program_of("enum e { A = 1, B = 0x80000000u, C = sizeof(int), D };\n")
    assert program.enumerators == {"A": 1, "B": 0x80000000, "C": 4, "D": 5}


def test_pointer_to_constant_is_no_constant(program_of):
    program = program_of("int g; int *const fixed = 0; int *const *moving; const int *other; const int table[2] = {1};")
    constant = {name for name, variable in program.globals.items() if variable.constant}
    assert constant == {"fixed", "table"}
