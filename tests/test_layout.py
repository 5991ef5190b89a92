"""The layout of packed words: its description, the C header, the Python decoders."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from impl.sel4 import layout
from refinement import terms

FIELDS = [(struct, field) for struct in layout.layout().values() for field in struct.fields.values()]


def words_of(struct):
    """Strategy for the content of a struct."""
    word = st.integers(0, (1 << struct.bits) - 1)
    return st.lists(word, min_size=struct.words, max_size=struct.words)


def test_header_is_current():
    assert layout.HEADER.read_text(encoding="utf-8") == layout.c_header(layout.layout())


def test_markdown_names_every_field():
    text = layout.markdown(layout.layout())
    for struct, field in FIELDS:
        assert f"### {struct.name} " in text
        assert f"| `{field.name}` | {field.word} |" in text


@pytest.mark.parametrize(("struct", "field"), FIELDS, ids=lambda value: value.name)
@given(data=st.data())
def test_field_holds_what_was_put_in_it(struct, field, data):
    words = data.draw(words_of(struct))
    value = data.draw(st.integers(0, (1 << struct.bits) - 1))
    after = layout.encode(struct.name, field.name, words, value)
    unit = 1 << (struct.bits - field.width) if field.high else 1
    expected = value // unit * unit if field.high else value % (1 << field.width)
    assert layout.decode(struct.name, field.name, after) == expected
    for other in struct.fields.values():
        if other is not field:
            assert layout.decode(struct.name, other.name, after) == layout.decode(struct.name, other.name, words)


@pytest.mark.parametrize("struct", [s for s in layout.layout().values() if s.fields], ids=lambda value: value.name)
@given(data=st.data())
def test_only_the_fields_own_bits_change(struct, data):
    words = data.draw(words_of(struct))
    field = data.draw(st.sampled_from(list(struct.fields.values())))
    after = layout.encode(struct.name, field.name, words, data.draw(st.integers(0, (1 << struct.bits) - 1)))
    for place, (old, new) in enumerate(zip(words, after, strict=True)):
        assert (old ^ new) & ~(field.mask if place == field.word else 0) == 0


def test_high_field_is_an_aligned_address():
    words = layout.encode("endpoint", "epQueue_head", [0, 0, 0, 0], 0xE0001230)
    assert words == [0, 0xE0001230, 0, 0]
    assert layout.decode("endpoint", "epQueue_head", [0, 0xE000123F, 0, 0]) == 0xE0001230


def test_domain_and_duration_share_a_double_word():
    assert layout.decode("dschedule", "domain", [0x0300000000000007]) == 3
    assert layout.decode("dschedule", "duration", [0x0300000000000007]) == 7


@pytest.mark.parametrize(("struct", "field"), FIELDS, ids=lambda value: value.name)
@given(data=st.data())
def test_terms_decode_as_ints_do(struct, field, data):
    words = data.draw(words_of(struct))
    value = data.draw(st.integers(0, (1 << struct.bits) - 1))
    lifted = [terms.bits(word, struct.bits) for word in words]

    def plain(result):
        return terms.value_of(result) if isinstance(result, terms.Term) else result

    assert plain(layout.decode(struct.name, field.name, lifted)) == layout.decode(struct.name, field.name, words)
    after = layout.encode(struct.name, field.name, lifted, terms.bits(value, struct.bits))
    assert [plain(word) for word in after] == layout.encode(struct.name, field.name, words, value)


def test_a_value_of_two_words_has_the_first_one_lowest():
    cap = layout.layout()["cap"]
    assert cap.join([0x00000004, 0xF0000003]) == 0xF0000003_00000004
    assert cap.split(0xF0000003_00000004) == [0x00000004, 0xF0000003]
    assert [terms.value_of(terms.bits(word, 32)) for word in cap.split(terms.bits(0x12345678, 64))] == [0x12345678, 0]


def test_kinds_are_told_apart_by_their_tags():
    kinds = layout.kinds_of(layout.layout(), "cap")
    assert len(kinds) == 18
    for kind in kinds:
        words = kind.encode(kind.tag.field, [0xFFFFFFFF, 0xFFFFFFFF], kind.tag.value)
        assert layout.kind_of("cap", words) is kind
    assert layout.kind_of("cap", [0xD, 0]) is None


def test_unknown_field():
    with pytest.raises(KeyError, match="endpoint has no field 'badge'"):
        layout.decode("endpoint", "badge", [0, 0, 0, 0])


def described(*fields, words=1, extra=""):
    """The text of a layout with one struct of these fields."""
    return f'[thing]\nwords = {words}\ndoc = "A thing."\n{extra}\n[thing.fields]\n' + "\n".join(fields)


def union(*kinds, base='[word]\nwords = 1\nvalue = true\ndoc = ""'):
    """The text of a layout with a union of kinds, each given by its tag, the tag's width and its place."""
    parts = [base]
    for number, (tag, width, low) in enumerate(kinds):
        parts.append(f'[kind{number}]\nwords = 1\nunion = "word"\ntag = {{ field = "t", value = {tag} }}\ndoc = ""')
        parts.append(f'[kind{number}.fields]\nt = {{ word = 0, low = {low}, width = {width}, doc = "" }}')
    return "\n".join(parts)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (union((1, 4, 0), base=""), "word: there are kinds of it, but no struct"),
        (union((1, 4, 0), base='[word]\nwords = 1\ndoc = ""'), "what there are kinds of must be a value"),
        (union((1, 4, 0), base='[word]\nwords = 2\nvalue = true\ndoc = ""'), "its kinds have other numbers of words"),
        (union((1, 4, 0), (2, 4, 1)), "the tags of its kinds are at different places"),
        (union((1, 4, 0), (1, 4, 0)), "kind0 and kind1 cannot be told apart"),
        (union((14, 4, 0), (30, 8, 0)), "kind0 and kind1 cannot be told apart"),
        (union((15, 4, 0), (30, 8, 0)), "the narrow tags must be below"),
        (union((16, 4, 0)), "the tag 16 does not fit"),
        (union((1, 4, 0), (30, 8, 0), (1000, 10, 0)), "more than two widths"),
        (described(extra='union = "word"'), "a kind of a union has a tag"),
        (described(extra='tag = { field = "a", value = 1 }'), "a kind of a union has a tag"),
        (
            described(extra='union = "word"\nvalue = true\ntag = { field = "a", value = 1 }'),
            "that a kind is a value is said of its union",
        ),
    ],
)
def test_senseless_union_is_refused(text, reason):
    with pytest.raises(layout.LayoutError, match=reason):
        layout.load(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (described('a = { word = 0, low = 30, width = 3, doc = "" }'), "3 bits from bit 30 on are not inside 32"),
        (described('a = { word = 0, low = 0, width = 0, doc = "" }'), "0 bits from bit 0 on"),
        (described('a = { word = 1, low = 0, width = 1, doc = "" }'), "thing.a: there is no word 1, only 1"),
        (
            described(
                'a = { word = 0, low = 0, width = 4, doc = "" }',
                'b = { word = 0, low = 3, width = 2, doc = "" }',
            ),
            "thing.b: shares bits of word 0 with a",
        ),
        (
            described(
                'a = { word = 0, low = 0, width = 4, doc = "" }',
                'a = { word = 0, low = 4, width = 2, doc = "" }',
            ),
            "not proper TOML",
        ),
        (described('"a b" = { word = 0, low = 0, width = 4, doc = "" }'), "'a b' is no name for a field"),
        (described("a = { word = 0, low = 0, width = 4 }"), "thing.a: 'doc' is missing"),
        (described('a = { word = 0, low = 0, width = 4, doc = "", hi = true }'), "unknown entry 'hi'"),
        (described('a = { word = 0, low = true, width = 4, doc = "" }'), "'low' must be of type int"),
        (described("a = 3"), "thing.a: expected a table"),
        (described(words=0), "at least one word"),
        (described(words=3, extra="value = true"), "a value has 64 bits at most, not 96"),
        (described(extra="bits = 64"), "the words of a struct in memory have 32 bits"),
        (described(extra="bits = 16"), "words of 32 or 64 bits"),
    ],
)
def test_senseless_layout_is_refused(text, reason):
    with pytest.raises(layout.LayoutError, match=reason):
        layout.load(text)
