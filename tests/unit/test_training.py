from __future__ import annotations

import numpy as np
import pytest
from fakes import CONCEPTS, DIMENSION, FakeEncoder, corpus_of, vector

from ntqa.guard import THRESHOLDS, Guard
from ntqa.guard_features import BUCKETS, DENSE_SIZE_WITHOUT_EMBEDDING
from ntqa.lexicon import Lexicon
from ntqa.schema import OUTCOMES, GuardExample, Query
from ntqa.training import (
    CARD_BUDGETS,
    FLOOR,
    REFUSAL_BUDGET,
    STRIP_BUDGETS,
    choose_thresholds,
    train_guard,
)

LEXICON = Lexicon(corpus_of(), FakeEncoder().common_words())


def examples(**texts: tuple[str, ...]) -> list[GuardExample]:
    return [GuardExample(outcome, text) for outcome, group in texts.items() for text in group]


TWO = examples(
    general=("what is serotonin", "what is gaba for", "how does food matter", "why do people sleep", "what does urine show"),
    crisis=("mood is so dark", "this mood is the end", "dark mood again", "mood gone, dark", "end of my mood"),
)


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
