from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from fakes import CONCEPTS, DIMENSION, FakeEncoder, corpus_of, unlabelled, vector

from ntqa.assistant import Assistant
from ntqa.conversation import reformulate
from ntqa.guard import EVIDENCE, THRESHOLDS, WEIGHED, Guard, combine, evidence, safe_verdict, split_message
from ntqa.guard_features import BUCKETS, DENSE_SIZE_WITHOUT_EMBEDDING, EMBEDDING_SCALE
from ntqa.lexicon import Lexicon
from ntqa.patterns import PatternSet
from ntqa.schema import OUTCOMES, Corpus, GuardPattern, Query, Topic, Verdict


def pattern(name: str, outcome: str, regex: str, tier: str = "card", unless: str | None = None, person: str = "self") -> GuardPattern:
    return GuardPattern(name, outcome, tier, "en", person, regex, unless, (), ())


CORPUS = corpus_of(
    [Topic("ssri", "SSRIs", "medicine", ("ssri",)), Topic("magnesium", "Magnesium", "supplement", ())],
    patterns=(
        pattern("small", "smalltalk", r"\bhello\b"),
        pattern("dose", "refusal_dosing", r"\bhow much\b"),
        pattern("strip", "crisis", r"\bhopeless\b", tier="strip"),
        pattern("stop", "refusal_treatment", r"\bshould i stop\b"),
        pattern("self", "crisis", r"\bkill myself\b", unless=r"\blaughing\b"),
        pattern("other", "crisis", r"\bhe wants to die\b", person="other"),
        pattern("harm", "crisis", r"\bhurt him\b", person="harm"),
        pattern("pills", "emergency", r"\btoo many pills\b"),
        pattern("scope", "out_of_scope", r"\bfootball\b"),
    ),
)
LEXICON = Lexicon(CORPUS, FakeEncoder().common_words())


def assess(*messages: str, weights: dict | None = None, corpus: Corpus = CORPUS, query: Query | None = None) -> Verdict:
    query = query or reformulate(messages, LEXICON)
    return Guard(corpus, weights or {}, LEXICON).assess(messages, query, vector)


def second_stage(**coefficients: float) -> dict[str, np.ndarray]:
    """Weights of the second stage; by default the score is the probability of the whole message, and sentences do not count."""
    coefficients = coefficients or {"whole": 1.0}
    return {f"second_{name}": np.array([*(coefficients.get(key.replace(" ", "_"), 0.0) for key in EVIDENCE), 0.0]) for name in WEIGHED}


def trained(thresholds: dict[str, float] | None = None, **probability: float) -> dict[str, np.ndarray]:
    """Weights that give every text the same probabilities; what is not named shares the rest."""
    rest = (1 - sum(probability.values())) / (len(OUTCOMES) - len(probability))
    bias = np.array([math.log(probability.get(name, rest)) for name in OUTCOMES])
    weights = {
        "outcomes": np.array(OUTCOMES),
        "dense": np.zeros((len(OUTCOMES), DIMENSION + DENSE_SIZE_WITHOUT_EMBEDDING)),
        "ngrams": np.zeros((BUCKETS, len(OUTCOMES))),
        "bias": bias,
        "examples": np.zeros((0, DIMENSION)),
        "example_bounds": np.zeros(len(OUTCOMES) + 1, dtype=int),
        **second_stage(),
    }
    for name in THRESHOLDS:
        weights[f"threshold_{name}"] = np.array((thresholds or {}).get(name, 0.999))
    return weights


def sensitive(outcome: str, concept: str, thresholds: dict[str, float]) -> dict[str, np.ndarray]:
    """Weights by which only the words of one concept speak for an outcome: its score is logit = 12 * share - 6 against "general"."""
    weights = trained(thresholds)
    weights["bias"] = np.full(len(OUTCOMES), -30.0)
    weights["bias"][OUTCOMES.index("general")] = 0.0
    weights["bias"][OUTCOMES.index(outcome)] = -6.0
    weights["dense"][OUTCOMES.index(outcome), list(CONCEPTS).index(concept)] = 12.0 / EMBEDDING_SCALE
    return weights


# --- patterns ---


@pytest.mark.parametrize(
    ("message", "outcome", "reason"),
    [
        ("i want to kill myself", "crisis", "pattern self"),
        ("I want to KILL  MYSELF!!!", "crisis", "pattern self"),
        ("k1ll mys3lf", "crisis", "pattern self"),
        ("k i l l  m y s e l f", "crisis", "pattern self"),
        ("kіll myself", "crisis", "pattern self"),  # a Cyrillic letter
        ("kill\u200b myself", "crisis", "pattern self"),
        ("he wants to die", "crisis", "pattern other"),
        ("she took too many pills", "emergency", "pattern pills"),
        ("how much magnesium is right", "refusal_dosing", "pattern dose"),
        ("should i stop my ssri", "refusal_treatment", "pattern stop"),
        ("hello", "smalltalk", "pattern small"),
        ("who won the football", "out_of_scope", "pattern scope"),
        ("what does magnesium do", "general", "no sign of anything else"),
        ("i could kill myself laughing", "general", "no sign of anything else"),
    ],
)
def test_one_pattern(message: str, outcome: str, reason: str):
    verdict = assess(message)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)
    assert verdict.support is (outcome in ("crisis", "emergency"))
    assert (verdict.scores, verdict.language) == ({}, "en")


@pytest.mark.parametrize(
    ("message", "outcome", "reason"),
    [
        ("hello, i took too many pills, i want to kill myself", "emergency", "pattern pills"),
        ("how much ssri, i want to kill myself", "crisis", "pattern self"),
        ("hello, how much magnesium", "refusal_dosing", "pattern dose"),
        ("should i stop, and how much then", "refusal_dosing", "pattern dose"),
        ("hello, football tonight", "smalltalk", "pattern small"),
    ],
)
def test_the_most_serious_pattern_wins(message: str, outcome: str, reason: str):
    verdict = assess(message)
    assert (verdict.outcome, verdict.reason) == (outcome, reason)


def test_hits_are_ordered_cards_first_then_by_gravity():
    message = "hello football how much hopeless kill myself too many pills should i stop"
    assert [item.id for item in PatternSet(CORPUS.patterns).hits(message)] == ["pills", "self", "dose", "stop", "small", "scope", "strip"]


def test_a_strip_pattern_leaves_the_reply_and_adds_support():
    assert assess("i feel hopeless, what does magnesium do").outcome == "general"
    assert assess("i feel hopeless, what does magnesium do").support is True
    verdict = assess("i feel hopeless, how much magnesium")
    assert (verdict.outcome, verdict.support) == ("refusal_dosing", True)


def test_a_strip_pattern_speaks_even_when_the_scores_are_calm():
    verdict = assess("i feel hopeless, what does magnesium do", weights=trained(general=0.99))
    assert (verdict.outcome, verdict.support) == ("general", True)


def test_a_card_takes_precedence_over_a_strip():
    assert assess("hopeless. i will kill myself").outcome == "crisis"


@pytest.mark.parametrize(
    ("typed", "read_as", "outcome"),
    [
        ("and how much?", "SSRIs: and", "refusal_dosing"),
        ("and?", "SSRIs: how much", "refusal_dosing"),
        ("and?", "SSRIs: and?", "general"),
        ("how mcuh", "how much", "refusal_dosing"),
        ("kil myself", "kill myself", "crisis"),
    ],
)
def test_a_message_is_judged_as_typed_and_as_read(typed: str, read_as: str, outcome: str):
    assert assess("what are ssris?", typed, query=Query(typed, read_as, ("ssri",), context="SSRIs")).outcome == outcome


# --- history ---


def test_a_crisis_before_keeps_the_support_strip():
    verdict = assess("i want to kill myself", "what does magnesium do")
    assert (verdict.outcome, verdict.support) == ("general", True)
    assert verdict.reason == "no sign of anything else; earlier turn at risk"


def test_an_emergency_long_before_keeps_it_too():
    assert assess("too many pills", "thanks", "what are ssris", "and magnesium?", "hello").support is True


def test_a_strip_before_does_not_last():
    assert assess("i feel hopeless", "what does magnesium do").support is False


def test_a_score_before_keeps_it():
    weights = sensitive("crisis", "mood", {"crisis_card": 0.9})
    assert assess("mood", weights=weights).outcome == "crisis"
    verdict = assess("mood", "magnesium", weights=weights)
    assert (verdict.outcome, verdict.support) == ("general", True)
    assert assess("food", "magnesium", weights=weights).support is False


# --- whom it is about ---


@pytest.mark.parametrize(
    ("message", "person"),
    [
        ("i want to kill myself", "self"),
        ("he wants to die", "other"),
        ("i will hurt him", "harm"),
        ("my friend hates me and i want to kill myself", "self"),
        ("i might kill myself or hurt someone", "harm"),
        ("kill myself", "self"),
    ],
)
def test_wording_of_the_crisis_card(message: str, person: str):
    verdict = assess(message)
    assert (verdict.outcome, verdict.person) == ("crisis", person)


@pytest.mark.parametrize(
    ("message", "person"),
    [
        ("mood mood", "self"),
        ("my brother has a mood", "other"),
        ("my brother has a mood and i think i have too", "self"),
        ("i could stab someone in this mood", "harm"),
    ],
)
def test_wording_when_the_score_decides(message: str, person: str):
    verdict = assess(message, weights=sensitive("crisis", "mood", {"crisis_card": 0.5}))
    assert (verdict.outcome, verdict.person) == ("crisis", person)


# --- scores ---


@pytest.mark.parametrize(
    ("probability", "thresholds", "outcome", "support"),
    [
        ({"emergency": 0.5}, {"emergency_card": 0.5}, "emergency", True),
        ({"emergency": 0.5}, {"emergency_card": 0.51}, "general", False),
        ({"crisis": 0.3}, {"crisis_card": 0.3}, "crisis", True),
        ({"crisis": 0.3}, {"crisis_card": 0.4, "crisis_strip": 0.3}, "general", True),
        ({"crisis": 0.3}, {"crisis_card": 0.4, "crisis_strip": 0.31}, "general", False),
        ({"emergency": 0.3}, {"emergency_strip": 0.2}, "general", True),
        ({"crisis": 0.4, "emergency": 0.3}, {"crisis_card": 0.2, "emergency_card": 0.2}, "emergency", True),
        ({"refusal_results": 0.4, "refusal_dosing": 0.2}, {"refusal": 0.55}, "refusal_results", False),
        ({"refusal_results": 0.4, "refusal_dosing": 0.2}, {"refusal": 0.9}, "general", False),
        ({"refusal_diagnosis": 0.6, "crisis": 0.2}, {"refusal": 0.5, "crisis_strip": 0.1}, "refusal_diagnosis", True),
        ({"smalltalk": 0.6}, {"smalltalk": 0.5}, "smalltalk", False),
        ({"smalltalk": 0.6}, {"smalltalk": 0.7}, "general", False),
    ],
)
def test_thresholds(probability: dict[str, float], thresholds: dict[str, float], outcome: str, support: bool):
    thresholds = {name: value - 1e-6 for name, value in thresholds.items()}
    verdict = assess("some sleep", weights=trained(thresholds, **probability))
    assert (verdict.outcome, verdict.support) == (outcome, support)


def test_what_refers_to_nothing_is_no_small_talk():
    assert assess("is it safe", weights=trained({"smalltalk": 0.5}, smalltalk=0.9)).outcome == "general"


def test_reason_names_the_score():
    verdict = assess("what is this", weights=trained({"crisis_card": 0.5}, crisis=0.61))
    assert (verdict.reason, verdict.scores["crisis"]) == ("score crisis 0.61", pytest.approx(0.61))


def test_a_refusal_pattern_says_which_refusal_even_when_the_score_says_another():
    verdict = assess("how much magnesium", weights=trained({"refusal": 0.5}, refusal_diagnosis=0.9))
    assert (verdict.outcome, verdict.reason) == ("refusal_dosing", "pattern dose")


def test_a_refusal_score_wins_over_a_smalltalk_pattern():
    assert assess("hello", weights=trained({"refusal": 0.5}, refusal_results=0.9)).outcome == "refusal_results"


def test_small_talk_that_names_a_topic_is_a_question():
    weights = trained({"smalltalk": 0.5}, smalltalk=0.9)
    assert assess("lovely", weights=weights).outcome == "smalltalk"
    assert assess("lovely magnesium", weights=weights).outcome == "general"


def test_outside_is_out_of_scope_and_small_talk_together():
    assert assess("what", weights=trained(out_of_scope=0.5, smalltalk=0.2)).outside == pytest.approx(0.7)
    assert assess("what").outside == 0.0


def test_small_talk_after_a_topic_is_small_talk():
    weights = trained({"smalltalk": 0.5}, smalltalk=0.9)
    assert assess("what is magnesium", "who made it, you?", weights=weights).outcome == "smalltalk"
    assert assess("what is magnesium", "and ssri?", weights=weights).outcome == "general"


@pytest.mark.parametrize(
    ("messages", "outside"),
    [
        (("what is magnesium", "and the old town?"), 0.0),  # read as a question of magnesium
        (("what is magnesium", "and the old town where the river is wide?"), 1.0),  # too long to hang on that
        (("and the old town?",), 1.0),  # nor does a first message
    ],
)
def test_a_short_follow_up_is_no_further_outside_than_it_is_read(messages: tuple[str, ...], outside: float):
    weights = sensitive("out_of_scope", "mood", {})
    query = Query(messages[-1], "magnesium: town", context="magnesium town" if len(messages) > 1 else "")

    @unlabelled
    def embed(text: str) -> np.ndarray:
        return vector("mood") if text == messages[-1] else vector("magnesium")

    assert round(Guard(CORPUS, weights, LEXICON).assess(messages, query, embed).outside) == outside


def test_in_general_is_in_general():
    weights = sensitive("refusal_results", "mood", {"refusal": 0.4})
    query = Query("but in general does that work", "mood mood", context="mood work")
    for text, outcome in ((query.asked, "general"), ("but does my test work", "refusal_results")):
        assert Guard(CORPUS, weights, LEXICON).assess(("mood", text), replace(query, asked=text), vector).outcome == outcome


def test_one_sentence_of_a_long_message_is_enough():
    weights = {**sensitive("crisis", "mood", {"crisis_card": 0.9}), **second_stage(worst_sentence=1.0)}
    long = "What does magnesium do in sleep and food. Please say mood now. Is exercise proven at work."
    assert assess(long.replace(". ", ", "), weights=weights).outcome == "general"
    assert assess(long, weights=weights).outcome == "crisis"


def test_a_short_message_is_judged_with_the_turn_before():
    weights = sensitive("refusal_dosing", "mood", {"refusal": 0.4})
    assert assess("mood", "just roughly please", weights=weights).outcome == "refusal_dosing"
    assert assess("mood", "just roughly please tell us the whole long story", weights=weights).outcome == "general"
    assert assess("mood", "magnesium", weights=weights).outcome == "general"


@pytest.mark.parametrize(
    ("messages", "outcome"),
    [
        (("what is sleep", "and mood?"), "general"),  # asks on in general: only as read, "sleep and mood", it would be refused
        (("what is sleep", "and mood i mean?"), "general"),
        (("what is sleep", "and my mood?"), "refusal_diagnosis"),
        (("what is sleep", "and the maximum mood?"), "refusal_diagnosis"),
        (("what is sleep", "and mood twice?"), "refusal_diagnosis"),
        (("what is sleep", "and mooood xqzt?"), "refusal_diagnosis"),  # no words to be sure of
        (("should i stop sleep", "and mood?"), "refusal_diagnosis"),  # the turn before was refused
        (("should i stop sleep", "what is food", "and mood?"), "refusal_diagnosis"),  # so was one a little earlier
        (("should i stop sleep", "what is mood like then?"), "general"),  # but this is a whole question
    ],
)
def test_a_general_follow_up_is_not_refused_for_how_it_is_read(messages: tuple[str, ...], outcome: str):
    weights = sensitive("refusal_diagnosis", "mood", {"refusal": 0.4})
    query = Query(messages[-1], "mood mood", context="sleep mood")
    guard = Guard(CORPUS, weights, LEXICON)

    @unlabelled
    def embed(text: str) -> np.ndarray:  # the message alone is harmless
        return vector("sleep") if text == messages[-1] else vector(text)

    assert guard.assess(messages, query, embed).outcome == outcome


@pytest.mark.parametrize(
    ("messages", "outcome"),
    [
        (("what is sleep", "with mood?"), "general"),  # alone it looks personal; after the question before it, it does not
        (("what is sleep", "with my mood?"), "refusal_diagnosis"),
        (("what is sleep", "with mood and food and sleep?"), "refusal_diagnosis"),  # long enough to be judged by itself
        (("with mood?",), "refusal_diagnosis"),
    ],
)
def test_a_fragment_is_not_refused_when_it_is_general_with_the_question_before(messages: tuple[str, ...], outcome: str):
    weights = sensitive("refusal_diagnosis", "mood", {"refusal": 0.4})
    query = Query(messages[-1], "sleep: mood", context="sleep mood" if len(messages) > 1 else "")
    guard = Guard(CORPUS, weights, LEXICON)

    @unlabelled
    def embed(text: str) -> np.ndarray:
        return vector("sleep") if text == f"{messages[0]} {messages[-1]}" else vector(text)

    assert guard.assess(messages, query, embed).outcome == outcome


@pytest.mark.parametrize(
    ("messages", "outcome", "support"),
    [
        (("what is sleep", "and then mood?"), "general", True),  # a fragment looks dangerous by itself, not with the question before it
        (("what is sleep", "and then my mood?"), "crisis", True),
        (("what is sleep", "and mood and food and sleep?"), "crisis", True),  # long enough to be judged by itself
        (("and then mood?",), "crisis", True),
        (("mood and mood", "and then mood?"), "crisis", True),  # with the question before it it is as bad
    ],
)
def test_a_fragment_gets_a_card_only_with_the_question_before(messages: tuple[str, ...], outcome: str, support: bool):
    weights = sensitive("crisis", "mood", {"crisis_card": 0.4, "crisis_strip": 0.1})
    query = Query(messages[-1], "sleep: nothing", context="sleep nothing" if len(messages) > 1 else "")
    guard = Guard(CORPUS, weights, LEXICON)

    @unlabelled
    def embed(text: str) -> np.ndarray:
        return vector("sleep") if text == "what is sleep and then mood?" else vector(text)

    verdict = guard.assess(messages, query, embed)
    assert (verdict.outcome, verdict.support) == (outcome, support)


@pytest.mark.parametrize(
    ("messages", "support"),
    [
        (("what is sleep", "what is food", "what is exercise"), True),
        (("what is food", "what is exercise"), False),  # together these two are nothing
        (("what is sleep", "", "what is exercise"), False),  # a turn that cannot be read
    ],
)
def test_turns_that_are_a_danger_together_get_the_line_of_support(messages: tuple[str, ...], support: bool):
    weights = sensitive("crisis", "mood", {"crisis_card": 0.4, "crisis_strip": 0.1})

    @unlabelled
    def embed(text: str) -> np.ndarray:
        return vector("mood" if text == "what is sleep what is food what is exercise" else "sleep")

    verdict = Guard(CORPUS, weights, LEXICON).assess(messages, Query(messages[-1], messages[-1]), embed)
    assert (verdict.outcome, verdict.support) == ("general", support)


def test_a_whole_question_of_few_words_gets_no_card_that_its_reading_would_not():
    weights = sensitive("crisis", "mood", {"crisis_card": 0.4, "crisis_strip": 0.1})
    query = Query("can it be mood", "sleep: nothing", context="sleep nothing")

    @unlabelled
    def embed(text: str) -> np.ndarray:
        return vector("sleep") if text.startswith("what is sleep ") else vector(text)

    verdict = Guard(CORPUS, weights, LEXICON).assess(("what is sleep", "can it be mood"), query, embed)
    assert (verdict.outcome, verdict.support) == ("general", True)


def test_thanks_are_not_refused_for_what_was_asked_before():
    weights = trained({"refusal": 0.2, "smalltalk": 0.5}, smalltalk=0.85, refusal_dosing=0.1)
    dosing = OUTCOMES.index("refusal_dosing")
    weights["dense"][dosing, list(CONCEPTS).index("mood")] = 12.0 / EMBEDDING_SCALE
    messages = ("mood mood", "right will ask")
    query = Query(messages[-1], messages[-1], context="mood right will ask")
    assert Guard(CORPUS, weights, LEXICON).assess(messages, query, vector).outcome == "smalltalk"
    weights["bias"][OUTCOMES.index("smalltalk")] = math.log(0.1)  # no thanks
    assert Guard(CORPUS, weights, LEXICON).assess(messages, query, vector).outcome == "refusal_dosing"


def test_without_weights_only_patterns_speak():
    guard = Guard(CORPUS, {}, LEXICON)
    assert guard.scores("anything", "", "", vector) == {}


# --- combining ---


def row(near: dict[str, float] | None = None, labels: dict[str, float] | None = None, **values: float) -> np.ndarray:
    """Signs of a text: probabilities of the outcomes named, how near it is to their examples, and probabilities by the model's own layers."""
    return np.array([[given.get(name, 0.0) for name in OUTCOMES] for given in (values, near or {}, labels or {})])


UNLABELLED = [math.log(0.0001 / 0.9999)] * 2 + [0.0]  # what the evidence ends with when the model has no layers of its own


def combined(whole: np.ndarray, parts: list[np.ndarray], joined: list[np.ndarray], /, **coefficients: float) -> dict[str, float]:
    return combine({"outcomes": np.array(OUTCOMES), **second_stage(**coefficients)}, whole, parts, joined)


def test_evidence_is_whole_worst_sentence_general_and_length():
    whole = row(crisis=0.2, emergency=0.1, refusal_dosing=0.3, refusal_results=0.2, general=0.2)
    found = evidence(OUTCOMES, whole, [row(crisis=0.5), row(emergency=0.4, refusal_diagnosis=0.8)])
    rest = [0.2, math.log(3), *[0] * 5, *UNLABELLED]
    assert found["crisis"].tolist() == pytest.approx([math.log(0.2 / 0.8), 0.0, *rest])
    assert found["emergency"].tolist() == pytest.approx([math.log(0.1 / 0.9), math.log(0.4 / 0.6), *rest])
    assert found["refusal"].tolist() == pytest.approx([0.0, math.log(0.8 / 0.2), *rest], abs=1e-6)


def test_a_message_of_one_sentence_is_its_own_worst():
    found = evidence(OUTCOMES, row(crisis=0.2, general=0.5), [])["crisis"]
    assert found.tolist() == pytest.approx([math.log(0.25), math.log(0.25), 0.5, 0.0, *[0] * 5, *UNLABELLED])


def test_evidence_is_also_how_near_the_examples_are():
    whole = row({"crisis": 0.6, "general": 0.5, "refusal_dosing": 0.7})
    parts = [row({"crisis": 0.9, "general": 0.8}), row({"crisis": 0.4, "general": 0.1})]
    # near it, near general, near anything else, the nearest sentence, the sentence that is nearest beyond general ones
    assert evidence(OUTCOMES, whole, parts)["crisis"][4:9].tolist() == pytest.approx([0.6, 0.5, 0.7, 0.9, 0.3])
    assert evidence(OUTCOMES, whole, [])["crisis"][4:9].tolist() == pytest.approx([0.6, 0.5, 0.7, 0.6, 0.1])
    assert evidence(OUTCOMES, whole, [])["refusal"][4:9].tolist() == pytest.approx([0.7, 0.5, 0.6, 0.7, 0.2])


def test_evidence_is_also_what_the_models_own_layers_say():
    whole = row(labels={"crisis": 0.2, "general": 0.5, "refusal_dosing": 0.1, "refusal_results": 0.2})
    parts = [row(labels={"crisis": 0.5}), row(labels={"refusal_treatment": 0.8, "emergency": 0.1})]
    assert evidence(OUTCOMES, whole, parts)["crisis"][9:].tolist() == pytest.approx([math.log(0.25), 0.0, 0.5], abs=1e-6)
    assert evidence(OUTCOMES, whole, parts)["refusal"][9:].tolist() == pytest.approx([math.log(3 / 7), math.log(4), 0.5])
    assert evidence(OUTCOMES, whole, [])["crisis"][9:].tolist() == pytest.approx([math.log(0.25), math.log(0.25), 0.5])


def test_what_is_not_weighed_is_the_mean_of_classifier_and_own_layers():
    whole = row(smalltalk=0.6, refusal_dosing=0.2, refusal_results=0.3, labels={"smalltalk": 0.2, "refusal_dosing": 0.5})
    found = combined(whole, [], [])
    assert found["smalltalk"] == pytest.approx(0.4)
    assert (found["refusal_dosing"], found["refusal_results"]) == (pytest.approx(0.35), pytest.approx(0.15))


def test_certainty_is_bounded():
    found = evidence(OUTCOMES, row(crisis=1.0), [])
    assert found["crisis"][0] == pytest.approx(math.log(0.9999 / 0.0001), rel=1e-3)
    assert found["emergency"][0] == pytest.approx(math.log(0.0001 / 0.9999), rel=1e-3)


def test_the_second_stage_weighs_whole_and_worst_sentence():
    whole, parts = row(crisis=0.2), [row(crisis=0.5), row(crisis=0.1)]
    assert combined(whole, parts, [])["crisis"] == pytest.approx(0.2)
    assert combined(whole, parts, [], worst_sentence=1.0)["crisis"] == pytest.approx(0.5)
    both = combined(whole, parts, [], whole=0.5, worst_sentence=0.5)["crisis"]
    assert both == pytest.approx(1 / (1 + math.sqrt(0.8 / 0.2)))  # half of log(0.2 / 0.8), half of log(1)


def test_the_more_serious_reading_of_a_follow_up_counts():
    found = combined(row(crisis=0.3, emergency=0.2), [], [row(crisis=0.1, emergency=0.4), row(emergency=0.3)])
    assert (found["crisis"], found["emergency"]) == pytest.approx((0.3, 0.4))


def test_refusals_are_summed_and_the_kind_is_that_of_the_clearest_form():
    found = combined(row(refusal_dosing=0.3, refusal_results=0.2), [row(refusal_diagnosis=0.6)], [])
    assert found["refusal"] == pytest.approx(0.5)
    assert (found["refusal_diagnosis"], found["refusal_dosing"]) == pytest.approx((0.6, 0.0))


def test_the_other_outcomes_are_those_of_the_whole_message():
    assert combined(row(general=0.5), [row(general=0.9)], [row(general=0.8)])["general"] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("message", "parts"),
    [
        ("One sentence only here", []),
        ("What is this? Tell me more now.", ["What is this?", "Tell me more now."]),
        ("Hi. What is this thing?", ["What is this thing?"]),
        ("first line of it\nsecond line of it", ["first line of it", "second line of it"]),
        ("take it all; leave it there", ["take it all", "leave it there"]),
        ("ok. no. yes.", []),
        ("this is lower. case goes on", ["this is lower.", "case goes on"]),
    ],
)
def test_split_message(message: str, parts: list[str]):
    assert split_message(message) == parts


def test_split_message_looks_at_a_bounded_number_of_sentences():
    assert len(split_message("This is it. " * 50)) == 12


# --- what cannot be read, other languages, own situations ---


@pytest.mark.parametrize("message", ["", "   ", "???", "12345", "👍", "a", "!!! a b !!!!!!!!"])
def test_unreadable(message: str):
    verdict = assess(message)
    assert (verdict.outcome, verdict.reason, verdict.support) == ("out_of_scope", "unreadable", False)


def test_another_language_is_not_answered_but_danger_in_it_is_seen():
    spanish = "¿Qué es la serotonina y para qué sirve en el cerebro humano?"
    verdict = assess(spanish)
    assert (verdict.outcome, verdict.language) == ("out_of_scope", "es")
    danger = replace(CORPUS, patterns=(pattern("es", "crisis", r"\bquiero morir\b"),))
    verdict = assess("Estoy muy mal y quiero morir, no puedo más con la vida", corpus=danger)
    assert (verdict.outcome, verdict.language) == ("crisis", "es")


@pytest.mark.parametrize(
    ("message", "pointer"),
    [
        ("i have depression. what does magnesium do", True),
        ("my mum is sad, what are ssris", True),
        ("i'm on ssris, what are they", True),
        ("what does magnesium do", False),
        ("i have depression, how much magnesium", False),  # a refusal says it already
    ],
)
def test_pointer_for_an_own_situation(message: str, pointer: bool):
    assert assess(message).pointer is pointer


def test_the_safe_verdict_is_the_crisis_card():
    assert safe_verdict("broken") == Verdict("crisis", True, reason="broken", language="en")


# --- the mini corpus, trained ---


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("what is serotonin", "general"),
        ("how do ssris work in the brain", "general"),
        ("magnesium and sleep", "general"),
        ("i wish i would not wake up", "crisis"),
        ("nobody would miss me", "crisis"),
        ("my child swallowed the tablets just now", "emergency"),
        ("what dose of magnesium is right for me", "refusal_dosing"),
        ("is it ok for me to quit prozac", "refusal_treatment"),
        ("my serotonin level came back low, is that bad", "refusal_results"),
        ("is something wrong with my brain", "refusal_diagnosis"),
    ],
)
def test_trained_on_a_few_examples(trained_mini: Assistant, message: str, outcome: str):
    assert trained_mini.reply([message]).verdict.outcome == outcome
