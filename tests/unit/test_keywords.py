import math

import numpy as np
import pytest

from ntqa.keywords import KeywordIndex

# N = 3, lengths 2, 3, 1, mean 2; with k1 = 1.2 and b = .75 the length norms are 1.2, 1.65 and .75.
DOCUMENTS = [["mood", "sleep"], ["mood", "mood", "gut"], ["pain"]]
IDF_MOOD = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))  # 0.470004
IDF_ONE = math.log(1 + (3 - 1 + 0.5) / (1 + 0.5))  # 0.980829


@pytest.fixture
def index():
    return KeywordIndex(DOCUMENTS, k1=1.2, b=0.75)


def test_idf(index):
    assert index.idf("mood") == pytest.approx(0.470004, abs=1e-6)
    assert index.idf("pain") == pytest.approx(0.980829, abs=1e-6)


def test_a_term_in_no_document_tells_more_than_any_other(index):
    assert index.idf("zinc") == pytest.approx(math.log(1 + 3.5 / 0.5))
    assert index.idf("zinc") > index.idf("pain") > index.idf("mood")


def test_scores_of_one_term(index):
    # .470004 * 1 * 2.2 / (1 + 1.2) and .470004 * 2 * 2.2 / (2 + 1.65)
    assert index.scores(["mood"]) == pytest.approx([0.470004, 0.566580, 0], abs=1e-5)


def test_a_short_document_scores_more_for_the_same_term(index):
    assert index.scores(["pain"]) == pytest.approx([0, 0, 0.980829 * 2.2 / 1.75], abs=1e-5)
    assert index.scores(["gut"]) == pytest.approx([0, 0.980829 * 2.2 / 2.65, 0], abs=1e-5)


def test_terms_add_up(index):
    expected = [IDF_MOOD + IDF_ONE, IDF_MOOD * 4.4 / 3.65, 0]
    assert index.scores(["sleep", "mood"]) == pytest.approx(expected, abs=1e-5)


def test_repeated_and_unknown_query_terms_change_nothing(index):
    assert index.scores(["mood", "zinc", "mood"]).tolist() == index.scores(["mood"]).tolist()


def test_without_b_length_does_not_count():
    # norm = k1 = 2 for all: idf * tf * 3 / (tf + 2)
    scores = KeywordIndex(DOCUMENTS, k1=2, b=0).scores(["mood", "pain"])
    assert scores == pytest.approx([IDF_MOOD, IDF_MOOD * 6 / 4, IDF_ONE], abs=1e-5)


def test_without_k1_repetition_does_not_count():
    assert KeywordIndex(DOCUMENTS, k1=0, b=0.75).scores(["mood"]) == pytest.approx([IDF_MOOD, IDF_MOOD, 0], abs=1e-5)


def test_a_term_in_every_document_still_counts_a_little():
    index = KeywordIndex([["a"], ["a"]])
    assert index.idf("a") == pytest.approx(math.log(1 + 0.5 / 2.5))
    assert index.scores(["a"]).min() > 0


def test_contains(index):
    assert "mood" in index
    assert "zinc" not in index


@pytest.mark.parametrize("documents", [[], [[]], [[], []]])
def test_nothing_to_search_scores_nothing(documents):
    scores = KeywordIndex(documents).scores(["mood"])
    assert scores.dtype == np.float32
    assert scores.tolist() == [0.0] * len(documents)


def test_an_empty_document_among_others_scores_nothing():
    assert KeywordIndex([["mood"], []]).scores(["mood"])[1] == 0


def test_no_query_terms_score_nothing(index):
    assert index.scores([]).tolist() == [0, 0, 0]
