"""Scores are worked out here by hand: the fake's vectors count words, and each document of the small corpora has the same length."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from fakes import FakeEncoder, corpus_of, edition_of, vector

from ntqa.config import Config
from ntqa.lexicon import Lexicon
from ntqa.retrieval import FEATURES, Retriever, confidence
from ntqa.schema import Corpus, Passage, Query, SearchResult, Topic, Wordings

# Plain best entry of each passage; the blends on top of it have tests of their own.
CONFIG = Config(
    dense_weight=0.7,
    support_weight=0.0,
    passage_weight=0.0,
    canonical_weight=0.0,
    context_weight=0.4,
    bare_weight=0.0,
    title_repeat=3,
    bm25_k1=0.6,
    bm25_b=0.4,
)
TINY = 1e-6  # added to every score in the pool
HALF = math.sqrt(0.5)  # cosine of "sleep" with "magnesium sleep"


def passage(passage_id: str, title: str, *questions: str, text: str = "") -> Passage:
    topic_id, _, _ = passage_id.partition("/")
    return Passage(passage_id, topic_id, title, text or f"{title}.", questions or (title.lower(),))


MAGNESIUM = Topic("magnesium", "Magnesium", "supplement", ())
SSRI = Topic("ssri", "SSRIs", "medicine", (), {"sertraline": ("zoloft",), "fluoxetine": ("prozac",)})
SEROTONIN = Topic("serotonin", "Serotonin", "transmitter", ())
EXERCISE = Topic("exercise", "Exercise", "lifestyle", ())

SLEEP = passage("magnesium/sleep", "Magnesium sleep")
EFFECTS = passage("magnesium/effects", "Magnesium effects")
MOOD = passage("exercise/mood", "Exercise mood")
THREE = corpus_of([MAGNESIUM, EXERCISE], [SLEEP, EFFECTS, MOOD])


def retriever(corpus: Corpus, config: Config = CONFIG, **edition: object) -> Retriever:
    encoder = FakeEncoder()
    return Retriever(corpus, edition_of(corpus, encoder, **edition), Lexicon(corpus, encoder.common_words()), config)


def search(
    corpus: Corpus, text: str, *topics: str, config: Config = CONFIG, filtered: bool = True, limit: int = 10, **query: object
) -> SearchResult:
    return retriever(corpus, config).search(Query(text, text, topics, **query), vector, limit=limit, filtered=filtered)


def scores(result: SearchResult) -> dict[str, float]:
    return {hit.passage_id: hit.score for hit in result.hits}


def ranking(result: SearchResult) -> list[str]:
    return [hit.passage_id for hit in result.hits]


# --- fusion ---


def test_the_best_of_both_halves_scores_one():
    result = search(THREE, "sleep")
    # dense .707, 0, 0 and keyword x, 0, 0: after min-max 1, 0, 0 in both
    assert scores(result) == pytest.approx({"magnesium/sleep": 1 + TINY, "magnesium/effects": TINY, "exercise/mood": TINY})
    assert ranking(result)[0] == "magnesium/sleep"
    assert [hit.dense for hit in result.hits] == pytest.approx([HALF, 0, 0])


def test_convex_combination_of_both_halves():
    result = search(THREE, "magnesium sleep", filtered=False)
    # Keyword: 11 terms a document (title three times, text, question, topic name); of them magnesium 6, sleep 5.
    # All lengths are equal, so tf / (tf + k1): magnesium 6 / 6.6, sleep 5 / 5.6, each times idf * (k1 + 1).
    magnesium = math.log(1 + 1.5 / 2.5) * 1.6 * 6 / 6.6
    sleep = math.log(1 + 2.5 / 1.5) * 1.6 * 5 / 5.6
    expected = {
        "magnesium/sleep": 0.7 * 1 + 0.3 * 1,
        "magnesium/effects": 0.7 * 0.5 + 0.3 * magnesium / (magnesium + sleep),
        "exercise/mood": 0,
    }
    assert scores(result) == pytest.approx({name: value + TINY for name, value in expected.items()}, abs=1e-5)
    assert ranking(result) == list(expected)


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_dense_weight(weight: float):
    # "sleep exercise": dense ties on .5 and .5; keyword has both with the same count, so only the weights remain
    corpus = corpus_of([MAGNESIUM, EXERCISE], [SLEEP, passage("exercise/mood", "Exercise mood", "mood")])
    result = search(corpus, "mood", config=replace(CONFIG, dense_weight=weight))
    assert scores(result)["exercise/mood"] == pytest.approx(1 + TINY)
    result = search(corpus, "stopping", config=replace(CONFIG, dense_weight=weight))  # no keyword, no cosine: all zero
    assert list(scores(result).values()) == pytest.approx([TINY, TINY])


def test_ranks_count_from_one_and_zero_means_not_found():
    result = search(THREE, "magnesium sleep", filtered=False)
    assert [(hit.passage_id, hit.dense_rank, hit.keyword_rank) for hit in result.hits] == [
        ("magnesium/sleep", 1, 1),
        ("magnesium/effects", 2, 2),
        ("exercise/mood", 3, 0),
    ]


def test_equal_scores_keep_the_order_of_the_corpus():
    assert ranking(search(THREE, "stopping")) == ["magnesium/sleep", "magnesium/effects", "exercise/mood"]


def test_limit():
    assert ranking(search(THREE, "sleep", limit=1)) == ["magnesium/sleep"]


def test_a_passage_counts_with_its_best_entry():
    corpus = corpus_of([MAGNESIUM], [passage("magnesium/sleep", "Magnesium", "magnesium", "magnesium sleep mood", "sleep"), EFFECTS])
    assert search(corpus, "sleep").hits[0].dense == pytest.approx(1.0)


def test_a_wording_counts_like_a_question_in_both_halves():
    worded = replace(THREE, wordings={"magnesium/effects": Wordings(asked=("stopping",))})
    assert [hit.keyword_rank for hit in search(THREE, "stopping").hits] == [0, 0, 0]
    best = search(worded, "stopping").hits[0]
    assert (best.passage_id, best.dense, best.keyword_rank) == ("magnesium/effects", pytest.approx(1.0), 1)


def test_a_follow_up_wording_counts_as_it_is_read():
    worded = replace(THREE, wordings={"magnesium/effects": Wordings(after=("stopping",))})
    best = search(worded, "Magnesium: stopping", "magnesium").hits[0]
    assert (best.passage_id, best.dense) == ("magnesium/effects", pytest.approx(1.0))


# Entries "magnesium" (the passage), "sleep", "sleep mood", "mood food" (questions): cosines with "sleep" 0, 1, .707, 0
FOUR = corpus_of([MAGNESIUM], [passage("magnesium/sleep", "Magnesium", "mood food", "sleep", "sleep mood", text="Magnesium."), EFFECTS])


@pytest.mark.parametrize(
    ("weights", "dense"),
    [
        ({}, 1.0),
        ({"support_weight": 0.6}, 0.4 * 1 + 0.6 * (HALF + 0) / 2),  # second and third best entry
        ({"passage_weight": 0.2}, 0.8 * 1 + 0.2 * 0),
        ({"support_weight": 0.5, "passage_weight": 0.5}, 0.5 * (0.5 + 0.5 * HALF / 2)),
    ],
)
def test_support_of_other_entries_and_of_the_passage_itself(weights: dict[str, float], dense: float):
    found = search(FOUR, "sleep", config=replace(CONFIG, **weights)).hits[0]
    assert (found.passage_id, found.dense) == ("magnesium/sleep", pytest.approx(dense, abs=1e-6))


def test_missing_entries_are_taken_as_good_as_the_best():
    corpus = corpus_of([], [Passage("a", "", "Sleep", "Sleep.", ()), Passage("b", "", "Mood", "Mood.", ("sleep",))])
    found = search(corpus, "sleep", config=replace(CONFIG, support_weight=0.5))
    assert {hit.passage_id: hit.dense for hit in found.hits} == pytest.approx({"a": 1.0, "b": 0.75})  # b: 1 and (0 + 1) / 2


def test_names_are_also_searched_as_the_corpus_writes_them():
    corpus = corpus_of([SSRI, EXERCISE], [passage("ssri/work", "SSRIs"), passage("ssri/zoloft", "Zoloft", text="Sertraline."), MOOD])
    found = search(corpus, "zoloft", "ssri", config=replace(CONFIG, canonical_weight=0.4), filtered=False)
    # "zoloft" is (sertraline), "sertraline (SSRIs)" is (sertraline + ssri) / sqrt 2
    assert {hit.passage_id: hit.dense for hit in found.hits} == pytest.approx(
        {"ssri/zoloft": 0.6 + 0.4 * HALF, "ssri/work": 0.4 * HALF, "exercise/mood": 0.0}, abs=1e-6
    )


def test_pool_keeps_the_best_of_each_half_only():
    one = replace(CONFIG, pool=1)
    corpus = corpus_of(
        [MAGNESIUM, EXERCISE], [passage("magnesium/sleep", "Nights", "sleep"), passage("exercise/mood", "Pineapple", "mood"), EFFECTS]
    )
    assert ranking(search(corpus, "sleep pineapple", config=one)) == ["magnesium/sleep", "exercise/mood"]


def test_an_entry_beyond_the_pool_counts_like_the_last_one_in_it():
    bulk = [
        Passage("a", "", "Sleep", "Sleep.", ()),
        Passage("b", "", "Sleep mood", "Sleep mood.", ()),
        Passage("c", "", "Food", "Food.", ()),
    ]
    for pool, last in ((3, 0.0), (2, HALF)):
        found = search(corpus_of([], bulk), "sleep", config=replace(CONFIG, entry_pool=pool))
        assert {hit.passage_id: hit.dense for hit in found.hits} == pytest.approx({"a": 1.0, "b": HALF, "c": last}, abs=1e-6)


# --- topics ---


def test_the_names_of_topics_and_members_are_searched_too():
    corpus = corpus_of([SSRI, EXERCISE], [passage("ssri/fluoxetine", "Fluoxetine", "mood"), MOOD])
    result = search(corpus, "is it proven", "ssri", members=("fluoxetine",), filtered=False)
    assert [(hit.passage_id, hit.keyword_rank) for hit in result.hits] == [("ssri/fluoxetine", 1), ("exercise/mood", 0)]


SUBSTANCES = corpus_of(
    [MAGNESIUM, SSRI, SEROTONIN, EXERCISE],
    [
        EFFECTS,
        passage("ssri/effects", "SSRIs effects"),
        passage("ssri/sertraline", "Sertraline effects"),
        passage("ssri/fluoxetine", "Fluoxetine effects"),
        passage("serotonin/what", "Serotonin", text="Serotonin is what SSRIs act on."),
        passage("serotonin/ssri", "Serotonin and SSRIs"),
        passage("exercise/mood", "Exercise mood", text="Exercise was compared with SSRIs."),
        passage("exercise/zoloft", "Exercise and zoloft", "exercise"),
        passage("exercise/effects", "Exercise effects"),
    ],
)


@pytest.mark.parametrize(
    ("topics", "members", "left_out"),
    [
        # passages of other substances stay only when they name what was asked; those of no substance always
        (("ssri",), (), {"magnesium/effects"}),
        (("ssri",), ("fluoxetine",), {"magnesium/effects", "ssri/sertraline", "exercise/zoloft"}),
        (("ssri",), ("sertraline", "fluoxetine"), {"magnesium/effects"}),
        (("magnesium",), (), {name for name in SUBSTANCES.passages if name.startswith(("ssri", "serotonin"))}),
        (("magnesium", "ssri"), (), set()),
        # what is said of a whole group stays whole beside a member of another
        (("magnesium", "ssri"), ("fluoxetine",), {"ssri/sertraline", "exercise/zoloft"}),
        (("exercise",), (), set()),
        ((), (), set()),
    ],
)
def test_passages_about_another_substance_are_left_out(topics: tuple[str, ...], members: tuple[str, ...], left_out: set[str]):
    result = search(SUBSTANCES, "effects", *topics, members=members, limit=20)
    assert set(ranking(result)) == set(SUBSTANCES.passages) - left_out
    assert len(search(SUBSTANCES, "effects", *topics, members=members, limit=20, filtered=False).hits) == len(SUBSTANCES.passages)


def test_what_is_said_of_a_group_is_said_of_its_parts_but_not_the_reverse():
    groups = Topic("antidepressants", "Antidepressants", "medicine", ())
    part = Topic("ssri", "SSRIs", "medicine", (), {}, part_of=("antidepressants",))
    passages = [
        passage("antidepressants/weight", "Antidepressants weight"),
        passage("ssri/effects", "SSRIs effects"),
        passage("magnesium/antidepressants", "Magnesium and antidepressants"),
        EFFECTS,
    ]
    corpus = corpus_of([MAGNESIUM, groups, part], passages)
    assert set(ranking(search(corpus, "effects", "ssri"))) == {"antidepressants/weight", "ssri/effects", "magnesium/antidepressants"}
    assert set(ranking(search(corpus, "effects", "antidepressants"))) == {"antidepressants/weight", "magnesium/antidepressants"}


def test_nothing_left_gives_no_hits_and_no_confidence():
    corpus = corpus_of([MAGNESIUM, SSRI], [passage("ssri/effects", "SSRIs effects")])
    assert search(corpus, "magnesium and qwertz", "magnesium") == SearchResult((), 0.0, ("qwertz",))


# --- follow-ups ---


def test_a_follow_up_is_searched_with_its_context():
    result = search(THREE, "effects", context="magnesium sleep effects", filtered=False)
    third = 1 / math.sqrt(3)
    expected = {
        "magnesium/effects": 0.6 * HALF + 0.4 * 2 * third * HALF,
        "magnesium/sleep": 0.4 * 2 * third * HALF,
        "exercise/mood": 0.0,
    }
    assert {hit.passage_id: hit.dense for hit in result.hits} == pytest.approx(expected, abs=1e-6)


def test_a_follow_up_is_searched_with_its_bare_words_too():
    config = replace(CONFIG, context_weight=0.0, bare_weight=0.25)
    follow_up = Query("sleep", "effects", context="not looked at")
    result = retriever(THREE, config).search(follow_up, vector, filtered=False)
    expected = {"magnesium/effects": 0.75 * HALF, "magnesium/sleep": 0.25 * HALF, "exercise/mood": 0.0}
    assert {hit.passage_id: hit.dense for hit in result.hits} == pytest.approx(expected, abs=1e-6)
    alone = retriever(THREE, config).search(replace(follow_up, context=""), vector, filtered=False)
    assert {hit.passage_id: hit.dense for hit in alone.hits}["magnesium/sleep"] == pytest.approx(0, abs=1e-6)


def test_passages_of_what_was_spoken_of_before_count_more_when_nothing_is_named():
    config = replace(CONFIG, focus_weight=0.2)
    plain = scores(search(THREE, "effects sleep", context="exercise: effects", config=replace(CONFIG, focus_weight=0.0)))
    follow_up = scores(search(THREE, "effects sleep", context="exercise: effects", config=config))
    named = scores(search(THREE, "effects sleep", "magnesium", context="exercise: effects", config=config))
    gain = {name: follow_up[name] - plain[name] for name in plain}
    assert gain == pytest.approx({"exercise/mood": 0.2, "magnesium/effects": 0.0, "magnesium/sleep": 0.0}, abs=1e-6)
    assert named["exercise/mood"] < follow_up["exercise/mood"]


def gains(text: str, after: str, *topics: str, context: str = "sleep", **weights: tuple[float, float] | float) -> dict[str, float]:
    """What each passage of THREE gains in a search after another was the answer."""
    config = replace(CONFIG, **{"answered_topic_weights": (0.0, 0.0), "answered_weights": (0.0, 0.0), "told_weight": 0.0} | weights)
    query = Query(text, text, topics, context=context)
    plain, later = (scores(retriever(THREE, config).search(query, vector, told=told)) for told in ((), ("", after)))
    return {name: later[name] - plain[name] for name in plain}


def test_a_follow_up_leans_to_the_topic_that_the_turn_before_was_answered_from():
    weights = {"answered_topic_weights": (0.2, 0.1)}
    nothing = {"magnesium/sleep": 0.0, "magnesium/effects": 0.0, "exercise/mood": 0.0}
    assert gains("effects sleep", "exercise/mood", **weights) == pytest.approx(nothing | {"exercise/mood": 0.2}, abs=1e-6)
    assert gains("effects exercise", "exercise/mood", **weights) == pytest.approx(nothing | {"exercise/mood": 0.1}, abs=1e-6)  # named anew
    assert gains("effects sleep", "exercise/mood", context="", **weights) == nothing  # no follow-up
    assert gains("effects sleep", "exercise/gone", **weights) == nothing


def test_a_follow_up_leans_to_what_is_like_the_answer_of_the_turn_before():
    gain = gains("effects sleep", "magnesium/sleep", answered_weights=(0.4, 0.1))
    # one word of two in common; none; and itself no more than the most alike of the others
    assert gain == pytest.approx({"magnesium/sleep": 0.2, "magnesium/effects": 0.2, "exercise/mood": 0.0}, abs=1e-6)


def test_what_has_been_told_stands_back_when_somebody_asks_on():
    expected = {"magnesium/sleep": -0.1, "magnesium/effects": 0.0, "exercise/mood": 0.0}
    assert gains("effects sleep", "magnesium/sleep", told_weight=0.1) == pytest.approx(expected, abs=1e-6)
    assert gains("effects sleep", "magnesium/sleep", context="", told_weight=0.1) == dict.fromkeys(expected, 0.0)  # no follow-up


def test_what_answered_before_may_answer_again_unless_something_else_is_named():
    found = retriever(SUBSTANCES)
    follow_up = Query("effects", "effects", ("ssri",), context="effects")
    assert "magnesium/effects" not in ranking(found.search(follow_up, vector, limit=20))
    assert "magnesium/effects" in ranking(found.search(follow_up, vector, limit=20, told=("magnesium/effects",)))
    named = replace(follow_up, asked="zoloft effects")
    assert "magnesium/effects" not in ranking(found.search(named, vector, limit=20, told=("magnesium/effects",)))


# --- words nobody knows ---


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("does magnesium help with sleep", ()),
        ("metformin and magnesium", ("metformin",)),
        ("kava root or metformin for sleep", ("kava root", "metformin")),  # two words before one
        ("is blorptium like glimfast, or blorptium", ("blorptium", "glimfast")),
        ("xyz", ()),  # too short to count
        ("what is the price of a plane", ()),  # words of the language
        ("magnesium effect", ()),  # another form of a word of the corpus
    ],
)
def test_unknown_terms(text: str, expected: tuple[str, ...]):
    corpus = replace(THREE, other_names=frozenset({"metformin", "kava root"}))
    assert search(corpus, text).unknown_terms == expected


# --- confidence ---


def features(result: SearchResult, names: list[str]) -> dict[str, float]:
    found = dict(zip(FEATURES, result.features, strict=True))
    return {name: found[name] for name in names}


def test_features_of_the_first_hit():
    corpus = replace(THREE, other_names=frozenset({"metformin"}))
    result = retriever(corpus).search(Query("", "magnesium sleep metformin", ("magnesium",)), vector, filtered=False, outside=0.3)
    magnesium, sleep, nowhere = math.log(1 + 1.5 / 2.5), math.log(1 + 2.5 / 1.5), math.log(1 + 3.5 / 0.5)
    total = magnesium + sleep + nowhere
    first, second = 1.6 * (magnesium * 6 / 6.6 + sleep * 5 / 5.6), 1.6 * magnesium * 6 / 6.6  # BM25, as above
    expected = {
        "dense": 1.0,
        "dense lead": 1.0,  # the best passage of another topic has cosine 0
        "question": 1.0,
        "coverage": (magnesium + sleep) / total,
        "unknown": nowhere / total,
        "foreign": 1.0,
        "elsewhere": 1.0,
        "strange": 0.0,
        "oddness": 0.0,
        "strange length": 0.0,
        "topic": 1.0,
        "named": 1.0,
        "length": math.log(4),
        "aspect missing": nowhere / (sleep + nowhere),
        "most telling missing": nowhere,
        "missing": nowhere,
        "aspect length": 2.0,
        "keyword best": first,
        "keyword": first,
        "lead": 1 - (0.7 * 0.5 + 0.3 * second / first),
        "outside": 0.3,
    }
    assert features(result, list(expected)) == pytest.approx(expected, abs=1e-5)


def test_features_without_a_topic_and_with_every_word_known():
    expected = {
        "dense": HALF,
        "dense lead": HALF,
        "question": HALF,
        "coverage": 1.0,
        "unknown": 0.0,
        "foreign": 0.0,
        "elsewhere": 0.0,
        "strange": 0.0,
        "oddness": 0.0,
        "strange length": 0.0,
        "topic": 0.0,
        "named": 0.0,
        "length": math.log(2),
        "aspect missing": 0.0,
        "most telling missing": 0.0,
        "missing": 0.0,
        "aspect length": 1.0,
        "lead": 1.0,
        "outside": 0.0,
    }
    assert features(search(THREE, "sleep"), list(expected)) == pytest.approx(expected, abs=1e-5)


def test_features_of_strange_words():
    names = ["foreign", "elsewhere", "strange", "oddness", "strange length"]
    expected = {"foreign": 1.0, "elsewhere": 0.0, "strange": 1.0, "oddness": 1 / 19, "strange length": 1.0}  # one of 9 + 10 letters too many
    assert features(search(THREE, "sleep magnesiumz"), names) == pytest.approx(expected, abs=1e-5)


def test_a_question_without_a_word_in_common_is_not_covered():
    sure = plain_calibration([0.0] * len(FEATURES), vector("") * 0, 3.0)
    found = retriever(THREE, calibration=sure)
    assert found.search(Query("", "blorptium glimfast"), vector).confidence == 0
    assert found.search(Query("", "blorptium glimfast", ("magnesium",)), vector).confidence > 0.9
    assert found.search(Query("", "blorptium sleep"), vector).confidence > 0.9


def plain_calibration(weights: list[float], question: np.ndarray, bias: float) -> dict[str, np.ndarray]:
    """A calibration that takes the features as they are, and no pairs of them."""
    count = len(weights)
    plain = {"centre": np.zeros(count), "scale": np.ones(count), "pairs": np.zeros((count, count))}
    return {**plain, "weights": np.array(weights), "question": question, "bias": np.array(bias)}


def test_confidence_is_logistic_in_features_and_question():
    calibration = plain_calibration([2.0, -1.0], np.array([0.0, 4.0]), 0.5)
    assert confidence((1.0, 0.5), np.array([1.0, 0.0]), calibration) == pytest.approx(1 / (1 + math.exp(-2.0)))
    assert confidence((1.0, 0.5), np.array([0.0, 1.0]), calibration) == pytest.approx(1 / (1 + math.exp(-6.0)))
    assert confidence((0.0, 0.5), np.array([1.0, 0.0]), calibration) == pytest.approx(0.5)


def test_confidence_weighs_standard_features_alone_and_in_pairs():
    calibration = plain_calibration([0.0, 1.0], np.zeros(2), 0.0)
    calibration.update(centre=np.array([1.0, 1.0]), scale=np.array([2.0, 1.0]), pairs=np.array([[3.0, 5.0], [0.0, 0.0]]))
    # standard features 1 and -0.5: -0.5 alone, 3 * 1 * 1 and 5 * 1 * -0.5 in pairs
    assert confidence((3.0, 0.5), np.zeros(2), calibration) == pytest.approx(0.5)


def test_confidence_is_bounded_and_one_without_calibration():
    calibration = plain_calibration([1.0], np.zeros(1), 0.0)
    assert confidence((1e9,), np.zeros(1), calibration) == pytest.approx(1.0)
    assert confidence((-1e9,), np.zeros(1), calibration) == pytest.approx(0.0, abs=1e-12)
    assert confidence((5.0,), np.zeros(1), {}) == 1.0


def calibrated(**weights: float) -> dict[str, np.ndarray]:
    values = [weights.get(name.replace(" ", "_"), 0.0) for name in FEATURES]
    return plain_calibration(values, np.zeros(len(vector(""))), 1.0)


def test_search_uses_the_calibration_of_the_edition():
    result = retriever(THREE, calibration=calibrated(outside=-2.0)).search(Query("", "sleep"), vector, outside=0.5)
    assert result.confidence == pytest.approx(0.5)


def test_confidence_of_a_follow_up_looks_at_both_forms():
    calibration = calibrated()
    calibration["question"] = 2 * vector("food") - 4 * vector("mood")
    result = retriever(THREE, calibration=calibration).search(Query("", "food", context="mood"), vector)
    assert result.confidence == pytest.approx(0.5)  # 1 + 2 / 2 - 4 / 2 = 0


# --- the marked sentence ---


def test_the_sentence_nearest_to_the_question_is_marked():
    text = "Magnesium is a mineral. Effects are mild.\n\nSleep may improve."
    corpus = corpus_of([MAGNESIUM], [passage("magnesium/all", "Magnesium", text=text)])
    found = retriever(corpus)
    for words, sentence in (
        ("sleep", "Sleep may improve."),
        ("its effects", "Effects are mild."),
        ("magnesium", "Magnesium is a mineral."),
    ):
        start, end = found.best_sentence(corpus.passages["magnesium/all"], Query(words, words), vector)
        assert text[start:end] == sentence


def test_sentences_of_bulk_passages_are_embedded_when_they_are_quoted():
    bulk = Passage("bulk/one", "", "Nights", "Food matters. Sleep comes\nlater. Mood too.", ())
    encoder = FakeEncoder()
    start, end = retriever(corpus_of([], [bulk])).best_sentence(bulk, Query("sleep", "sleep"), lambda text: encoder.encode([text])[0])
    assert bulk.text[start:end] == "Sleep comes\nlater."
    assert encoder.embedded == ["sleep", "Food matters.", "Sleep comes later.", "Mood too."]


def test_only_the_first_sentences_of_a_long_bulk_passage_are_looked_at():
    bulk = Passage("bulk/one", "", "Long", " ".join(["Nothing here."] * 40) + " Sleep.", ())
    assert retriever(corpus_of([], [bulk])).best_sentence(bulk, Query("sleep", "sleep"), vector) == (0, 13)


# --- bulk corpora ---


def test_bulk_passages_are_searched_without_topics():
    bulk = [
        Passage("a", "", "Sleep", "Sleep.", ()),
        Passage("b", "", "Mood", "Mood.", ("mood food",)),
        Passage("c", "", "Food", "Food.", ()),
    ]
    result = search(corpus_of([], bulk), "mood food")
    assert ranking(result) == ["b", "c", "a"]
    assert [hit.dense for hit in result.hits] == pytest.approx([1.0, HALF, 0.0], abs=1e-6)


# --- the mini corpus ---


@pytest.mark.parametrize(
    ("question", "ranked"),
    [
        ("what does serotonin do?", ["serotonin/what-it-does", "serotonin/food"]),
        ("serotonin in food", ["serotonin/food", "serotonin/what-it-does"]),
        ("what is gaba", ["gaba/what-it-does"]),
        ("is a gaba supplement proven", ["gaba-supplement/evidence"]),
        ("how do ssris work", ["ssri/how-they-work"]),
        ("side effects of ssris", ["ssri/side-effects"]),
        ("stopping ssris", ["ssri/stopping"]),
        ("zoloft", ["ssri/sertraline"]),
        ("magnesium for sleep", ["magnesium/sleep", "magnesium/side-effects"]),
        ("magnesium effects", ["magnesium/side-effects", "magnesium/sleep"]),
        ("st john's wort for mood", ["st-johns-wort/mood", "st-johns-wort/interactions"]),
        ("hypericum and other medicines", ["st-johns-wort/interactions", "st-johns-wort/mood"]),
        ("exercise for mood", ["exercise/mood"]),
        ("urine test for serotonin", ["urine-tests/what-they-show"]),
        ("is a chemical imbalance proven", ["chemical-imbalance/is-it-proven"]),
        ("do experts keep the imbalance idea", ["chemical-imbalance/why-it-lasts"]),
        ("daylight", ["bulk/daylight"]),
    ],
)
def test_ranking_on_the_mini_corpus(mini, question: str, ranked: list[str]):
    _, result = mini.retrieve([question], 5)
    assert ranking(result)[: len(ranked)] == ranked
