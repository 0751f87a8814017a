import datetime as dt

import pytest

from ntqa.yamlfile import MAX_BYTES, MAX_DEPTH, YamlError, parse

DOCUMENT = """\
# a comment
name: Magnesium
sources:
  - id: one
    year: 2020
  - id: two

    year: 2021
"""


def test_data_is_plain_python():
    assert parse(DOCUMENT).data == {"name": "Magnesium", "sources": [{"id": "one", "year": 2020}, {"id": "two", "year": 2021}]}


def test_dates_become_dates():
    assert parse("reviewed: 2026-11-21").data == {"reviewed": dt.date(2026, 11, 21)}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 2),
        (("name",), 2),
        (("sources",), 3),
        (("sources", 0), 4),
        (("sources", 0, "year"), 5),
        (("sources", 1), 6),
        (("sources", 1, "year"), 8),
    ],
)
def test_every_value_knows_its_line(path, line):
    assert parse(DOCUMENT).line(*path) == line


def test_the_line_of_a_missing_key_is_that_of_the_mapping_around_it():
    located = parse(DOCUMENT)
    assert located.line("sources", 1, "title") == 6
    assert located.line("nothing", "here") == 2


def test_lines_are_counted_from_the_first_line_given():
    located = parse("title: x\nkind: y\n", first_line=2)
    assert (located.line("title"), located.line("kind")) == (2, 3)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
def test_an_empty_document_is_none(text):
    located = parse(text, first_line=5)
    assert located.data is None
    assert located.line() == 5


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: &x 2\n", 2, "anchors and aliases"),
        ("a: 1\nb: *x\n", 2, "anchors and aliases"),
        ("a: &x [1]\nb: *x\n", 1, "anchors and aliases"),
        ("a: 1\nb: !!python/object/apply:os.system [id]\n", 2, "python/object/apply:os.system"),
        ("a: !!binary aGk=\n", 1, "tags such as"),
        ("a: 1\n\nb: !mine x\n", 3, "'!mine'"),
        ("a: 1\nb: 2\na: 3\n", 3, "'a' is given twice"),
        ("x:\n  a: 1\n  b: 1\n  'a': 2\n", 4, "'a' is given twice"),
        ("x:\n  - {a: 1}\n  - {a: 1, a: 2}\n", 3, "'a' is given twice"),
        ("a: 1\n? [b]\n: 2\n", 2, "a key must be plain text"),
        ("a: 1\n? {b: c}\n: 2\n", 2, "a key must be plain text"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("title: SSRIs: stopping\n", 1, "mapping values are not allowed"),
        ("a: [1, 2\nb: 3\n", 2, "not valid YAML"),
        ("a: 'open\n\n", 3, "not valid YAML"),
        ("a: 1\n---\nb: 2\n", 2, "another document"),
        ("a: \x00\n", 1, "not valid YAML"),
        ("é: 1\nb: x\x07\n", 2, "not valid YAML: holds the character U+0007"),
        ("b: 1\n<<: {a: 1}\n", 2, "merge keys (<<) are not allowed"),
        ("x:\n  - b: 1\n    <<: [{a: 1}, {c: 1}]\n", 3, "merge keys (<<) are not allowed"),
        ("a: 1\nreviewed: 2026-13-20\n", 2, "'2026-13-20' is no date or number that exists"),
        ("a:\n  - 1\n  - 2026-02-30 10:00:00\n", 3, "'2026-02-30 10:00:00' is no date"),
        ("a: 1\n2026-02-30: x\n", 2, "'2026-02-30' is no date"),
        ("a: 1\nb: " + "9" * 5000 + "\n", 2, "is no date or number that exists"),
    ],
)
def test_what_is_refused_is_named_with_its_line(text, line, words):
    with pytest.raises(YamlError) as caught:
        parse(text)
    assert caught.value.line == line
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_quoted_merge_key_is_an_ordinary_key():
    assert parse("'<<': 1\n").data == {"<<": 1}


def test_lines_of_errors_also_count_from_the_first_line_given():
    with pytest.raises(YamlError) as caught:
        parse("a: 1\nb: *x\n", first_line=2)
    assert caught.value.line == 3
    with pytest.raises(YamlError) as caught:
        parse("a: 1\nb: [\n", first_line=2)
    assert caught.value.line == 4


def test_nesting_is_allowed_up_to_the_limit():
    assert parse("[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH).data == [[[[[[[[1]]]]]]]]
    with pytest.raises(YamlError, match=f"deeper than {MAX_DEPTH} levels"):
        parse("a:\n  " + "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH)


def test_depth_is_measured_and_not_the_number_of_lists():
    assert parse("[" + "[1], " * 50 + "]").data == [[1]] * 50


def test_depth_is_still_limited_after_shallow_lists():
    with pytest.raises(YamlError, match="nested deeper"):
        parse("[" + "[1], " * 20 + "[" * MAX_DEPTH + "1" + "]" * MAX_DEPTH + "]")


def test_a_bomb_of_brackets_is_refused_without_using_the_stack():
    with pytest.raises(YamlError, match="nested deeper"):
        parse("[" * 1_000_000)


def test_size_is_limited():
    assert parse("#" * MAX_BYTES).data is None
    with pytest.raises(YamlError, match="larger than 2,000,000 characters"):
        parse("#" * (MAX_BYTES + 1))
