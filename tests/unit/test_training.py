from __future__ import annotations

import math

import numpy as np
import pytest
from fakes import CONCEPTS, DIMENSION, FakeEncoder, corpus_of, vector
from rapidfuzz.distance import OSA

from ntqa.guard import THRESHOLDS, Guard
from ntqa.guard_features import BUCKETS, DENSE_SIZE_WITHOUT_EMBEDDING
from ntqa.lexicon import Lexicon
from ntqa.retrieval import confidence
from ntqa.schema import OUTCOMES, GuardExample, Query
from ntqa.training import (
    CARD_BUDGETS,
    FLOOR,
    REFUSAL_BUDGET,
    STRIP_BUDGETS,
    choose_thresholds,
    fit_confidence,
    train_guard,
    training_texts,
)

LEXICON = Lexicon(corpus_of(), FakeEncoder().common_words())


def examples(**texts: tuple[str, ...]) -> list[GuardExample]:
    return [GuardExample(outcome, text) for outcome, group in texts.items() for text in group]


TWO = examples(
    general=("what is serotonin", "what is gaba for", "how does food matter", "why do people sleep", "what does urine show"),
    crisis=("mood is so dark", "this mood is the end", "dark mood again", "mood gone, dark", "end of my mood"),
)


# --- what is trained on ---


def test_training_texts_are_messages_then_their_sentences_each_once_and_last_turns_alone():
    given = [
        GuardExample("crisis", "One two three. Four five six."),
        GuardExample("crisis", "One two three. Four five six."),
        GuardExample("smalltalk", "and then?", ("earlier", "right before")),
    ]
    assert training_texts(given) == [
        "One two three. Four five six.",
        "One two three.",
        "Four five six.",
        "right before and then?",
        "and then?",
    ]


def test_some_messages_are_composed_of_an_example_and_a_general_one():
    texts = training_texts(TWO)
    alone = [example.text for example in TWO]
    composed = [text for text in texts if ". " in text]
    assert texts[: len(TWO)] == alone
    assert 0 < len(composed) <= len(TWO)
    for text in composed:
        first, second = text.removesuffix(".").split(". ")
        assert {first, second} <= set(alone)
        assert {first, second} & set(alone[:5])


def test_some_examples_come_again_with_slips_of_one_letter():
    many = examples(crisis=tuple(f"everything feels really terrible {name}" for name in "abcdefghij"), general=("what is gaba",))
    alone = {example.text.split(" ")[-1]: example.text.split(" ") for example in many}
    misspelt = [text.split(" ") for text in training_texts(many) if text.split(" ") not in alone.values() and ". " not in text]
    assert misspelt
    for text in misspelt:
        slips = [OSA.distance(word, meant) for word, meant in zip(text, alone[text[-1]], strict=True)]
        assert max(slips) == 1


def test_training_texts_are_the_same_each_time():
    assert training_texts(TWO) == training_texts(TWO)


# --- the classifier ---


@pytest.fixture(scope="module")
def weights() -> dict[str, np.ndarray]:
    return train_guard(TWO, ["what is magnesium", "does exercise help"], vector, LEXICON)


def test_one_outcome_cannot_be_trained():
    assert train_guard(TWO[:5], [], vector, LEXICON) == {}
    assert train_guard([], [], vector, LEXICON) == {}


def test_shapes_of_the_weights(weights: dict[str, np.ndarray]):
    count = len(OUTCOMES)
    assert weights["outcomes"].tolist() == list(OUTCOMES)
    assert weights["dense"].shape == (count, DIMENSION + DENSE_SIZE_WITHOUT_EMBEDDING)
    assert weights["ngrams"].shape == (BUCKETS, count)
    assert weights["bias"].shape == (count,)
    assert {name for name in weights if name.startswith("threshold_")} == {f"threshold_{name}" for name in THRESHOLDS}
    assert not any(value.dtype == object for value in weights.values())  # numbers only, no pickle


def test_an_outcome_without_examples_is_never_chosen(weights: dict[str, np.ndarray]):
    unseen = [position for position, name in enumerate(OUTCOMES) if name not in ("general", "crisis")]
    assert set(weights["bias"][unseen].tolist()) == {-30.0}
    assert not weights["dense"][unseen].any()


def test_it_learns_what_tells_the_examples_apart(weights: dict[str, np.ndarray]):
    guard = Guard(corpus_of(), weights, LEXICON)
    dark, calm = guard.scores("a dark mood", "", "", vector), guard.scores("what is food", "", "", vector)
    assert dark["crisis"] > 0.8 > 0.2 > calm["crisis"]
    assert calm["general"] > 0.8
    lean = weights["dense"][OUTCOMES.index("crisis")] - weights["dense"][OUTCOMES.index("general")]
    assert lean[list(CONCEPTS).index("mood")] > 0 > lean[list(CONCEPTS).index("serotonin")]


def test_training_again_gives_the_same_weights(weights: dict[str, np.ndarray]):
    again = train_guard(TWO, ["what is magnesium", "does exercise help"], vector, LEXICON)
    assert all(np.array_equal(again[name], value) for name, value in weights.items())


def test_three_outcomes_are_told_apart():
    more = examples(smalltalk=("hello friend", "hello there friend", "good friend hello", "friend, hello", "hello hello friend"))
    guard = Guard(corpus_of(), train_guard([*TWO, *more], [], vector, LEXICON), LEXICON)
    for text, outcome in (("hello my friend", "smalltalk"), ("dark mood, the end", "crisis"), ("what is sleep for", "general")):
        found = guard.scores(text, "", "", vector)
        assert max(("smalltalk", "crisis", "general"), key=found.__getitem__) == outcome
    assert guard.assess(["dark mood, the end"], Query("", "dark mood, the end"), vector).outcome == "crisis"


# --- thresholds ---


def scores_of(count: int, **values: float) -> list[dict[str, float]]:
    names = (*OUTCOMES, "refusal")
    return [{name: values.get(name, 0.0) for name in names} for _ in range(count)]


def chosen(*groups: tuple[str, list[dict[str, float]]]) -> dict[str, float]:
    scores = [score for _, group in groups for score in group]
    labels = np.array([OUTCOMES.index(outcome) for outcome, group in groups for _ in group])
    return choose_thresholds(scores, labels)


def just_above(value: float) -> float:
    return pytest.approx(value, abs=1e-12)


def test_easy_examples_teach_but_no_threshold_is_chosen_on_them(monkeypatch: pytest.MonkeyPatch):
    judged = []

    def choose(scores, labels):
        judged.append((len(scores), len(labels)))
        return choose_thresholds(scores, labels)

    monkeypatch.setattr("ntqa.training.choose_thresholds", choose)
    easy = examples(general=("exercise and food", "does exercise work", "is urine yellow", "zoloft and sleep", "what is proof"))
    without, with_easy = (train_guard(TWO, (), vector, LEXICON, easy=more) for more in ((), easy))
    assert judged == [(len(TWO), len(TWO))] * 2
    assert len(with_easy["examples"]) == len(without["examples"]) + len(easy)
    assert not np.array_equal(with_easy["dense"], without["dense"])


def test_clean_data_give_the_floors():
    found = chosen(("general", scores_of(100)), ("crisis", scores_of(10, crisis=0.9)))
    assert found == {
        "emergency_card": FLOOR["card"],
        "emergency_strip": FLOOR["strip"],
        "crisis_card": FLOOR["card"],
        "crisis_strip": FLOOR["strip"],
        "refusal": FLOOR["refusal"],
        "smalltalk": 0.5,
    }


def test_a_threshold_is_as_low_as_its_budget_allows():
    # Of 1000 harmless messages, its budgets may get a card, and a strip, for crisis; one more, and the threshold lies above them.
    card, strip = int(CARD_BUDGETS["crisis"] * 1000), int(STRIP_BUDGETS["crisis"] * 1000)
    assert 0 < card < strip < 1000
    expected = {0: (0.25, 0.06), card: (0.25, 0.06), card + 1: (0.6, 0.06), strip: (0.6, 0.06), strip + 1: (0.6, 0.6)}
    for alarming, thresholds in expected.items():
        found = chosen(("general", [*scores_of(alarming, crisis=0.6), *scores_of(1000 - alarming, crisis=0.01)]))
        assert (found["crisis_card"], found["crisis_strip"]) == tuple(map(just_above, thresholds)), alarming
        assert (found["emergency_card"], found["emergency_strip"]) == (FLOOR["card"], FLOOR["strip"])


def test_refusals_spend_their_budget_on_general_questions_only():
    allowed = int(REFUSAL_BUDGET * 100)  # scores of real refusals do not count
    general = [*scores_of(allowed, refusal=0.8), *scores_of(1, refusal=0.5), *scores_of(99 - allowed)]
    found = chosen(("general", general), ("refusal_dosing", scores_of(50, refusal=0.99)))
    assert found["refusal"] == just_above(0.5)


def test_refused_messages_count_as_harmless_for_the_cards():
    found = chosen(("refusal_dosing", scores_of(10, emergency=0.7)), ("general", scores_of(10)))
    assert found["emergency_card"] == just_above(0.7)


def test_a_strip_never_needs_more_than_a_card():
    found = chosen(("general", scores_of(10, crisis=0.1)), ("emergency", scores_of(5, crisis=0.99)))
    assert found["crisis_strip"] <= found["crisis_card"]


def test_without_harmless_messages_nothing_is_known():
    found = chosen(("crisis", scores_of(5, crisis=0.9)))
    assert (found["crisis_card"], found["refusal"]) == (0.5, 0.5)


# --- confidence ---

QUESTIONS = np.zeros((40, 3), dtype=np.float32)
COVERED = np.array([True] * 20 + [False] * 20)


def confident(calibration: dict, features: np.ndarray, question: np.ndarray) -> np.ndarray:
    return np.array([confidence(row, vector, calibration) for row, vector in zip(features, question, strict=True)])


def test_features_that_tell_covered_from_not_are_learnt():
    features = np.column_stack([np.where(COVERED, 0.9, 0.2), np.full(40, 0.5)])
    calibration = fit_confidence(features, QUESTIONS, COVERED)
    found = confident(calibration, features, QUESTIONS)
    assert calibration["weights"][0] > 0
    assert found[:20].min() > 0.7 > 0.3 > found[20:].max()
    assert 0.1 < float(calibration["cut_off"]) < 0.95


def test_features_that_say_nothing_leave_the_base_rate():
    covered = np.array([True] * 30 + [False] * 10)
    calibration = fit_confidence(np.full((40, 2), 0.5), QUESTIONS, covered)
    assert confident(calibration, np.full((40, 2), 0.5), QUESTIONS).tolist() == pytest.approx([0.75] * 40, abs=1e-3)


def test_two_features_can_matter_only_together():
    first, second = np.tile([0.0, 1.0], 20), np.tile([0.0, 0.0, 1.0, 1.0], 10)
    covered = first == second
    features = np.column_stack([first, second])
    found = confident(fit_confidence(features, QUESTIONS, covered), features, QUESTIONS)
    assert found[covered].min() > 0.7 > 0.3 > found[~covered].max()


def test_what_is_asked_about_counts_beside_the_features():
    questions = np.zeros((40, 3), dtype=np.float32)
    questions[:20, 0] = questions[20:, 1] = 1
    features = np.full((40, 2), 0.5)
    calibration = fit_confidence(features, questions, COVERED)
    assert calibration["question"][0] > 0 > calibration["question"][1]
    assert calibration["question"][2] == pytest.approx(0.0)
    found = confident(calibration, features, questions)
    assert found[:20].min() > 0.8 > 0.2 > found[20:].max()


def test_the_scale_of_a_feature_does_not_matter():
    features = np.column_stack([np.where(COVERED, 0.9, 0.2) + np.linspace(0, 0.1, 40), np.linspace(0, 1, 40)])
    first = fit_confidence(features, QUESTIONS, COVERED)
    scaled = fit_confidence(features * [1000, 1], QUESTIONS, COVERED)
    assert confident(first, features, QUESTIONS).tolist() == pytest.approx(
        confident(scaled, features * [1000, 1], QUESTIONS).tolist(), abs=1e-4
    )


@pytest.mark.parametrize("covered", [np.ones(40, dtype=bool), np.zeros(40, dtype=bool)])
def test_questions_of_one_kind_do_not_break_it(covered: np.ndarray):
    features = np.column_stack([np.linspace(0, 1, 40), np.linspace(1, 0, 40)])
    calibration = fit_confidence(features, QUESTIONS, covered)
    assert all(np.isfinite(value).all() for value in calibration.values())
    found = confident(calibration, features, QUESTIONS)
    assert (found > 0.9).all() if covered.all() else (found < 0.1).all()


def test_the_cut_off_separates_clean_data():
    # With one telling feature the held-out probabilities are high for all covered and low for all others: no error on either side
    features = np.where(COVERED, 5.0, -5.0)[:, None] + np.linspace(-1, 1, 40)[:, None]
    calibration = fit_confidence(features, QUESTIONS, COVERED)
    found = confident(calibration, features, QUESTIONS)
    assert found[20:].max() < float(calibration["cut_off"]) < found[:20].min()


def test_only_fresh_questions_set_the_cut_off():
    # What the adapter has seen looks easy: seen questions that are not covered lie far off, fresh ones right below the covered.
    seen = np.arange(40) >= 30
    features = np.select([COVERED, seen], [5.0, -50.0], 3.0)[:, None] + np.linspace(-1, 1, 40)[:, None]
    all_count, fresh_count = (fit_confidence(features, QUESTIONS, COVERED, fresh) for fresh in (None, ~seen))
    assert all(np.array_equal(all_count[name], fresh_count[name]) for name in all_count if name != "cut_off")
    only_seen = fit_confidence(features, QUESTIONS, COVERED, COVERED | seen)
    assert float(only_seen["cut_off"]) < float(fresh_count["cut_off"])


def test_fitting_is_the_same_each_time():
    features = np.column_stack([np.linspace(0, 1, 40), np.sin(np.arange(40))])
    first, second = fit_confidence(features, QUESTIONS, COVERED), fit_confidence(features, QUESTIONS, COVERED)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert math.isfinite(float(first["bias"]))
