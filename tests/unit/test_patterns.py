from __future__ import annotations

import pytest

from ntqa.errors import CorpusError
from ntqa.patterns import PatternSet, pack, pieces
from ntqa.schema import GuardPattern


def pattern(pattern_id: str, regex: str, unless: str | None = None, outcome: str = "crisis", tier: str = "card") -> GuardPattern:
    return GuardPattern(pattern_id, outcome, tier, "en", "self", regex, unless, (), ())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("regex", "found"),
    [
        ("overdose", {"ove"}),
        (r"\bkill (?:my|your)self\b", {"kil"}),
        ("(?:pills|tablets) now", {" no"}),  # one word that is always there is a better sign than two that may be
        ("(?:pills|tablets)", {"pil", "tab"}),
        ("(?:pills|meds?)", {"pil", "med"}),
        (r"(?=.{0,300}?\blithium\b)(?=.*shak)", {"lit"}),
        ("(?:took ){1,3}it", {"too"}),
    ],
)
def test_what_every_match_must_hold(regex: str, found: set[str]):
    assert pieces(regex) == found


@pytest.mark.parametrize("regex", ["ab", "(?:took )?it", "[abc][abc][abc]", "(?:pills|it)", "(?!overdose).*", "(?:overdose)*", ".*", r"\d+ ?mg"])
def test_where_nothing_is_always_there(regex: str):
    assert pieces(regex) is None


def test_a_pattern_is_found_by_its_pieces_and_one_without_is_always_tried():
    patterns = PatternSet([pattern("word", "overdose"), pattern("number", r"\b\d+ ?mg"), pattern("class", "k[i1]ll")])
    assert [item.id for item in patterns.hits("an overdose of 5 mg could k1ll")] == ["word", "number", "class"]
    assert patterns.hits("nothing of the kind") == []


def test_written_around_forms_are_found_too():
    assert [item.id for item in PatternSet([pattern("word", "overdose")]).hits("0verd0se")] == ["word"]


def test_an_exception_silences_its_pattern_only():
    patterns = PatternSet([pattern("kill", "kill myself", unless="laughing"), pattern("self", "myself")])
    assert [item.id for item in patterns.hits("i could kill myself laughing")] == ["self"]


@pytest.mark.parametrize(("regex", "unless", "part"), [("(", None, "regex"), ("a", "[", "unless")])
def test_a_pattern_that_is_no_regular_expression_is_named(regex: str, unless: str | None, part: str):
    with pytest.raises(CorpusError, match=rf"'{part}' of pattern 'x' is not a valid regular expression"):
        PatternSet([pattern("x", regex, unless)])


def test_pieces_are_kept_as_numbers_and_read_back():
    patterns = [pattern("word", "overdose"), pattern("either", "pills|tablets"), pattern("number", r"\d+ ?mg"), pattern("accent", "caché")]
    packed = pack(patterns, {})
    assert packed["pattern_bounds"].tolist() == [0, 1, 3, 3, 4]
    kept, fresh = PatternSet(patterns, packed), PatternSet(patterns)
    for text in ("an overdose", "pills", "my tablets", "5 mg", "cache", "nothing"):
        assert kept.hits(text) == fresh.hits(text)


def test_only_new_patterns_are_read(monkeypatch: pytest.MonkeyPatch):
    packed = pack([pattern("word", "overdose")], {})
    read = []
    monkeypatch.setattr("ntqa.patterns.pieces", lambda regex: read.append(regex))
    again = pack([pattern("new", "tablets"), pattern("word", "overdose")], packed)
    assert read == ["tablets"]
    assert again["pattern_bounds"].tolist() == [0, 0, 1]
