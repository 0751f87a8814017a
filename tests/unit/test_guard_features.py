from __future__ import annotations

import zlib

import numpy as np
import pytest
from fakes import DIMENSION, vector

from ntqa.assistant import Assistant
from ntqa.guard_features import (
    BUCKETS,
    DENSE_SIZE_WITHOUT_EMBEDDING,
    EMBEDDING_SCALE,
    NAMED,
    NGRAM_SCALE,
    dense_features,
    example_table,
    named_features,
    nearness,
    ngrams,
    probabilities,
)


def signs(text: str, mini: Assistant) -> dict[str, float]:
    return {name: float(value) for name, value in zip(NAMED, named_features(text, mini.lexicon), strict=True)}


@pytest.mark.parametrize(
    ("text", "present", "absent"),
    [
        ("How much magnesium should I take?", ["I", "how much", "should I", "question", "substances", "any topic"], ["my", "result", "two substances"]),
        ("can I mix zoloft with magnesium", ["can I", "change", "substances", "two substances"], ["question", "number"]),
        ("my daughter weighs 20 kg", ["my", "other person", "age or weight", "number"], ["I", "substances"]),
        ("My test results came back: 3 ng/ml", ["my", "result", "my result", "number"], ["amount"]),
        ("took 5 pills 2 hours ago", ["took", "amount", "number", "now"], ["I"]),
        ("do I have a disease, what's wrong with me", ["I", "have I", "whats wrong"], ["question"]),
        ("What is serotonin?", ["general opening", "question", "any topic", "substances"], ["I", "my"]),
        ("exercise", ["any topic"], ["substances"]),
        ("metformin or kava root", ["substances", "two substances"], ["any topic"]),
        ("thanks, you are great", ["thanks or greeting", "you"], ["I"]),
        ("i want to unalive", ["I", "death"], []),
        ("k i l l i n g it", ["death"], []),
        ("i’m pregnant", ["I", "pregnant"], []),
        ("estoy muy mal", ["other language"], ["I"]),
    ],
)  # fmt: skip
def test_signs(mini: Assistant, text: str, present: list[str], absent: list[str]):
    found = signs(text, mini)
    assert {name: found[name] for name in present} == dict.fromkeys(present, 1.0)
    assert {name: found[name] for name in absent} == dict.fromkeys(absent, 0.0)


def test_length_is_counted_up_to_a_bound(mini: Assistant):
    assert signs("one two three", mini)["words"] == pytest.approx(3 / 60)
    assert signs("word " * 100, mini)["words"] == 1.0
    assert signs("One. Two! Three?", mini)["sentences"] == pytest.approx(3 / 6)
    assert signs("A. " * 20, mini)["sentences"] == 1.0


def test_a_brand_and_its_medicine_are_one_substance(mini: Assistant):
    assert signs("zoloft, that is sertraline", mini)["two substances"] == 0.0
    assert signs("zoloft and prozac", mini)["two substances"] == 1.0


def test_ngrams_have_one_length_whatever_the_text():
    for text in ("hello", "hello hello hello", "a much longer text about many things"):
        buckets, weights = ngrams(text)
        assert np.linalg.norm(weights) == pytest.approx(NGRAM_SCALE)
        assert len(buckets) == len(set(buckets.tolist())) == len(weights)
        assert 0 <= buckets.min() <= buckets.max() < BUCKETS


def test_ngrams_hold_words_word_pairs_and_parts_of_words():
    buckets = set(ngrams("Hello you").__getitem__(0).tolist())
    for gram in ("w hello", "w you", "^ hello", "hello you", "c <he", "c ello", "c llo>", "c <you>"):
        assert zlib.crc32(gram.encode()) & (BUCKETS - 1) in buckets


def test_ngrams_by_hand():
    # "ab": the word, its pair with the beginning, and the only character n-grams of <ab>: <ab, ab>, <ab>; five in all
    buckets, weights = ngrams("ab")
    assert sorted(buckets.tolist()) == sorted(
        zlib.crc32(gram) & (BUCKETS - 1) for gram in (b"w ab", b"^ ab", b"c <ab", b"c ab>", b"c <ab>")
    )
    assert weights.tolist() == pytest.approx([NGRAM_SCALE / 5**0.5] * 5)


def test_ngrams_of_nothing():
    buckets, weights = ngrams("...")
    assert (len(buckets), len(weights)) == (0, 0)


def test_disguised_words_have_the_same_ngrams():
    assert sorted(ngrams("Ｋｉｌｌ")[0].tolist()) == sorted(ngrams("kill")[0].tolist())


def test_dense_features_are_embedding_then_signs(mini: Assistant):
    text = "what is serotonin?"
    found = dense_features(vector(text), text, mini.lexicon)
    assert found.shape == (DIMENSION + DENSE_SIZE_WITHOUT_EMBEDDING,)
    assert np.array_equal(found[:DIMENSION], vector(text) * EMBEDDING_SCALE)
    assert np.array_equal(found[DIMENSION:], named_features(text, mini.lexicon))


def test_probabilities_are_a_softmax_of_dense_bias_and_ngrams():
    weights = {
        "dense": np.array([[1.0, 0.0], [0.0, 2.0]]),
        "bias": np.array([0.5, 0.0]),
        "ngrams": np.array([[0.0, 0.0], [0.0, 3.0], [9.0, 9.0]]),
    }
    found = probabilities(weights, np.array([1.0, 0.25]), (np.array([1]), np.array([0.5])))
    first, second = np.exp(1.0 + 0.5), np.exp(2 * 0.25 + 3 * 0.5)
    assert found.tolist() == pytest.approx([first / (first + second), second / (first + second)])


def test_probabilities_of_huge_scores_stay_numbers():
    weights = {"dense": np.zeros((2, 1)), "bias": np.array([5000.0, -5000.0]), "ngrams": np.zeros((1, 2))}
    assert probabilities(weights, np.zeros(1), (np.array([], dtype=int), np.array([]))).tolist() == [1.0, 0.0]


def test_nearness_is_the_mean_of_the_nearest_examples_of_each_outcome():
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [0.8, 0.6], [0, 1]], dtype=np.float32)
    table = example_table(vectors, np.array([2, 0, 2, 2, 2]), outcomes=4)
    assert table["example_bounds"].tolist() == [0, 1, 1, 5, 5]
    # cosines with (1, 0): outcome 0 has 0; outcome 2 has 1, 0.6, 0.8, 0, of which the best three count; the others have none
    assert nearness(table, np.array([[1, 0], [0, 1]], dtype=np.float32)) == pytest.approx(np.array([[0, 0, 0.8, 0], [1, 0, 0.8, 0]]))
