from __future__ import annotations

from dataclasses import replace

import pytest
from fakes import corpus_of

from ntqa.answer import compose, is_comparison, nearest_titles, related_questions
from ntqa.config import Config
from ntqa.schema import Corpus, Hit, Passage, Query, SearchResult, Topic

CONFIG = Config(near_tie=0.03, second_part=0.25, max_answers=2)
TOPICS = [
    Topic("ssri", "SSRIs", "medicine", ("ssri",), {"sertraline": ("zoloft",)}),
    Topic("magnesium", "Magnesium", "supplement", ()),
    Topic("wort", "St John's wort", "supplement", ("hypericum",)),
]


def passage(passage_id: str, title: str = "", **links: tuple[str, ...]) -> Passage:
    return Passage(
        passage_id, passage_id.split("/")[0], title or passage_id, f"Text of {passage_id}.", (f"{passage_id}?", "second?"), **links
    )


def corpus(*passages: Passage) -> Corpus:
    return corpus_of(TOPICS, passages)


PLAIN = corpus(*(passage(f"ssri/{name}") for name in "abcde"))


def hit(passage_id: str, score: float) -> Hit:
    return Hit(passage_id, score, 0.8, 1, 1)


def composed(content: Corpus, *hits: Hit, text: str = "what are ssris", config: Config = CONFIG, **query: tuple[str, ...]):
    return compose(content, Query(text, text, **query), SearchResult(hits, 0.9), config, lambda item: (0, len(item.id)))


def shown(*args, **options) -> list[tuple[str, str]]:
    return [(quote.passage.id, quote.role) for quote in composed(*args, **options).quotes]


# --- how many ---


def test_one_passage_when_the_first_is_clearly_best():
    assert shown(PLAIN, hit("ssri/a", 0.9), hit("ssri/b", 0.8)) == [("ssri/a", "answer")]


def test_a_quote_is_the_whole_passage_with_the_marked_sentence():
    (quote,) = composed(PLAIN, hit("ssri/a", 0.9)).quotes
    assert (quote.start, quote.end, quote.marked, quote.text) == (0, 15, (0, 6), "Text of ssri/a.")


@pytest.mark.parametrize(("score", "count"), [(0.9, 2), (0.88, 2), (0.875, 2), (0.865, 1), (0.8, 1)])
def test_a_near_tie_shows_both(score: float, count: int):
    assert len(shown(PLAIN, hit("ssri/a", 0.9), hit("ssri/b", score))) == count


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("what are ssris? how do they act?", 2),
        ("what are ssris and how do they act", 2),
        ("pros and cons of ssris", 2),
        ("benefits and side effects of ssris", 2),
        ("what are ssris", 1),
        ("what are ssris?", 1),
        ("salt and pepper", 1),
    ],
)
def test_a_question_in_two_parts_shows_two(text: str, count: int):
    assert len(shown(PLAIN, hit("ssri/a", 0.9), hit("ssri/b", 0.7), hit("ssri/c", 0.69), text=text)) == count


def test_the_second_part_must_still_fit():
    assert len(shown(PLAIN, hit("ssri/a", 0.9), hit("ssri/b", 0.6), text="benefits and risks of ssris")) == 1


@pytest.mark.parametrize(("scores", "count"), [((0.86, 0.85), 3), ((0.86, 0.83), 2), ((0.9, 0.84), 3), ((0.82, 0.82), 2), ((0.9, 0.7), 2)])
def test_a_third_is_shown_where_it_is_nearer_still(scores: tuple[float, float], count: int):
    hits = [hit(f"ssri/{name}", score) for name, score in zip("abc", (0.9, *scores), strict=True)]
    assert len(shown(PLAIN, *hits, config=Config(near_tie=0.09, third_tie=0.061, max_answers=3))) == count


def test_never_more_than_max_answers():
    hits = [hit(f"ssri/{name}", 0.9) for name in "abcd"]
    assert len(shown(PLAIN, *hits)) == 2
    assert len(shown(PLAIN, *hits, config=replace(CONFIG, max_answers=3))) == 3


def test_a_gap_ends_the_answers():
    assert shown(PLAIN, hit("ssri/a", 0.9), hit("ssri/b", 0.8), hit("ssri/c", 0.79)) == [("ssri/a", "answer")]


# --- what stands beside ---

LINKED = corpus(
    passage("ssri/a", shown_with=("ssri/c", "ssri/d"), counterpoint=("ssri/e",)),
    passage("ssri/b", shown_with=("ssri/a", "ssri/c")),
    passage("ssri/c", shown_with=("ssri/b",)),
    passage("ssri/d"),
    passage("ssri/e"),
)


def test_companions_and_counterpoints_follow_all_answers():
    assert shown(LINKED, hit("ssri/a", 0.9), hit("ssri/b", 0.9)) == [
        ("ssri/a", "answer"),
        ("ssri/b", "answer"),
        ("ssri/c", "companion"),
        ("ssri/d", "companion"),
        ("ssri/e", "counterpoint"),
    ]


def test_a_companion_brings_no_companions_of_its_own():
    assert shown(LINKED, hit("ssri/b", 0.9)) == [("ssri/b", "answer"), ("ssri/a", "companion"), ("ssri/c", "companion")]


def test_a_link_to_nothing_is_left_out():
    assert shown(corpus(passage("ssri/a", shown_with=("ssri/gone",))), hit("ssri/a", 0.9)) == [("ssri/a", "answer")]


# --- comparisons ---


@pytest.mark.parametrize(
    ("text", "topics", "members", "expected"),
    [
        ("ssris vs magnesium", ("ssri", "magnesium"), (), True),
        ("SSRIs versus magnesium", ("ssri", "magnesium"), (), True),
        ("are ssris better than magnesium", ("ssri", "magnesium"), (), True),
        ("difference between zoloft and prozac", ("ssri",), ("sertraline", "fluoxetine"), True),
        ("magnesium or ssris", ("magnesium", "ssri"), (), True),
        ("ssris and magnesium", ("ssri", "magnesium"), (), False),
        ("is it better than nothing", ("ssri",), (), False),
        ("ssris vs placebo", ("ssri",), (), False),
    ],
)
def test_comparison(text: str, topics: tuple[str, ...], members: tuple[str, ...], expected: bool):
    assert is_comparison(Query(text, text, topics, members)) is expected


SIDES = corpus(
    passage("ssri/a"), passage("ssri/b"), passage("magnesium/a"), passage("wort/ssri", "Hypericum and SSRIs: the mix"), passage("wort/b")
)
VERSUS = {"text": "ssris vs magnesium", "topic_ids": ("ssri", "magnesium")}


def test_a_comparison_shows_the_best_passage_of_each_side():
    hits = [hit("ssri/a", 0.9), hit("ssri/b", 0.8), hit("wort/b", 0.7), hit("magnesium/a", 0.2)]
    assert shown(SIDES, *hits, **VERSUS) == [("ssri/a", "answer"), ("magnesium/a", "answer")]


def test_the_sides_come_in_the_order_in_which_they_were_named():
    hits = [hit("magnesium/a", 0.9), hit("ssri/a", 0.2)]
    assert shown(SIDES, *hits, **VERSUS) == [("ssri/a", "answer"), ("magnesium/a", "answer")]


def test_one_passage_about_both_sides_is_enough_when_it_comes_first():
    query = {"text": "st john's wort or ssris", "topic_ids": ("wort", "ssri")}
    hits = [hit("wort/ssri", 0.9), hit("ssri/a", 0.5), hit("wort/b", 0.4)]
    assert shown(SIDES, *hits, **query) == [("wort/ssri", "answer")]
    assert shown(SIDES, *hits[1:], **query) == [("wort/b", "answer"), ("ssri/a", "answer")]


def test_a_side_without_a_passage_leaves_the_other():
    assert shown(SIDES, hit("ssri/a", 0.9), hit("ssri/b", 0.5), **VERSUS) == [("ssri/a", "answer")]


# --- where to go next ---


def test_related_are_the_first_questions_of_the_next_passages():
    hits = [hit(f"ssri/{name}", 0.9 - number / 10) for number, name in enumerate("abcde")]
    assert composed(PLAIN, *hits).related == ("ssri/b?", "ssri/c?", "ssri/d?")


def test_related_leave_out_what_is_shown_and_what_has_no_questions():
    content = corpus(passage("ssri/a"), replace(passage("ssri/b"), questions=()), passage("ssri/c"))
    hits = [hit("ssri/a", 0.9), hit("ssri/b", 0.5), hit("ssri/c", 0.4)]
    assert related_questions(content, Query("q", "q"), hits, {"ssri/a"}) == ("ssri/c?",)
    assert related_questions(content, Query("q", "q"), [], set()) == ()


def test_nearest_titles_are_three_and_unlike():
    content = corpus(*(passage(f"ssri/{name}", title) for name, title in zip("abcde", ("One", "One", "Two", "Three", "Four"), strict=True)))
    assert nearest_titles(content, [hit(f"ssri/{name}", 0.1) for name in "abcde"]) == ("One", "Two", "Three")
    assert nearest_titles(content, []) == ()


def test_near_ties_that_are_not_shown_are_offered_by_title_before_the_rest():
    content = corpus(*(passage(f"ssri/{name}", f"Title {name}") for name in "abcdefg"))
    hits = [hit("ssri/a", 0.9), hit("ssri/b", 0.9), *(hit(f"ssri/{name}", 0.88) for name in "cd"), hit("ssri/e", 0.5)]
    found = composed(content, *hits)
    assert (found.did_you_mean, found.related) == (True, ("Title c", "Title d", "ssri/e?"))
    many = composed(content, *(hit(f"ssri/{name}", 0.9) for name in "abcdefg"))
    assert (many.did_you_mean, many.related) == (True, ("Title c", "Title d", "Title e"))


def test_what_is_no_near_tie_is_related():
    found = composed(PLAIN, hit("ssri/a", 0.9), hit("ssri/b", 0.9), hit("ssri/c", 0.8))
    assert (found.did_you_mean, found.related) == (False, ("ssri/c?",))


def test_a_near_tie_that_is_shown_as_a_companion_is_not_offered():
    content = corpus(passage("ssri/a", shown_with=("ssri/c",)), passage("ssri/b"), passage("ssri/c"))
    found = composed(content, *(hit(f"ssri/{name}", 0.9) for name in "abc"))
    assert (found.did_you_mean, found.related) == (False, ())
