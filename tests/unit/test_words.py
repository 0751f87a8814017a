import pytest

from ntqa.words import STOP_WORDS, content_words, fold, stem, terms, words


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Naïve CAFÉ", "naive cafe"),
        ("Ünïcode’s", "unicodes"),
        ("don't don’t don`t", "dont dont dont"),
        ("５-ＨＴＰ", "5-htp"),
        ("ﬁbre", "fibre"),
    ],
)
def test_fold(text, folded):
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("St John's Wort, 5-HTP & naïve", ["st", "johns", "wort", "5", "htp", "naive"]),
        ("5\u2011HTP", ["5", "htp"]),
        ("H₂O and B₁₂", ["h2o", "and", "b12"]),
        ("", []),
        ("?!… 👍", []),
    ],
)
def test_words(text, found):
    assert words(text) == found


@pytest.mark.parametrize(
    "forms",
    [("depress", "depressed", "depresses"), ("sleep", "sleeping", "sleeps"), ("study", "studies"), ("relieve", "relieving", "relieved")],
)
def test_inflected_forms_share_a_stem(forms):
    assert len({stem(form) for form in forms}) == 1


def test_different_subjects_have_different_stems():
    assert len({stem(word) for word in ("serotonin", "dopamine", "melatonin", "sertraline", "depression")}) == 5


def test_content_words_keep_order_and_repetition():
    assert content_words("Does magnesium help? What does magnesium DO to sleep?") == ["magnesium", "magnesium", "sleep"]


def test_terms_are_the_stems_of_the_content_words():
    assert terms("What are the side effects of taking SSRIs?") == ["side", "effect", "take", "ssris"]


def test_a_question_of_stop_words_alone_has_no_terms():
    assert terms("what about it? can't you tell me, please") == []


@pytest.mark.parametrize("word", ["without", "cannot", "im", "dont", "thats"])
def test_stop_words_are_given_as_they_look_when_folded(word):
    assert word in STOP_WORDS


def test_every_stop_word_is_one_folded_word():
    assert [word for word in STOP_WORDS if words(word) != [word]] == []


@pytest.mark.parametrize("word", ["mood", "sleep", "risk", "stop", "safe", "side", "effect", "pain", "work", "long"])
def test_words_that_tell_aspects_apart_are_no_stop_words(word):
    assert word not in STOP_WORDS
