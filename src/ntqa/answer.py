"""From a search result to what is shown: which passages, what must stand beside them, and where the reader can go next."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from ntqa.config import Config
from ntqa.schema import Corpus, Hit, Passage, Query, Quote, Role, SearchResult

Mark = Callable[[Passage], tuple[int, int]]

_COMPARISON = re.compile(
    r"\b(?:vs\.?|versus|compared? (?:to|with)|difference between|different from|differ from|differences?|better than|or (?:is|are|does)|same as|instead of)\b|\bor\b",
    re.IGNORECASE,
)
_TWO_PARTS = re.compile(
    r"\?.+\?|\band (?:what|how|why|is|are|does|do|can|which|when)\b|\b(?:pros and cons|benefits and (?:risks|side effects)|risks and benefits)\b",
    re.IGNORECASE | re.DOTALL,
)
RELATED = 3


@dataclass(frozen=True, slots=True)
class Composition:
    quotes: tuple[Quote, ...]
    related: tuple[str, ...]
    did_you_mean: bool  # `related` starts with titles of passages that fit as well as what is quoted


def compose(corpus: Corpus, query: Query, result: SearchResult, config: Config, mark: Mark) -> Composition:
    """Choose whole passages for an answer: one where it clearly answers, two where that is not clear or the question has parts, three at
    most where nothing sets them apart or it has sides.
    """
    chosen = _chosen(corpus, query, result.hits, config)
    quotes: list[Quote] = []
    shown: set[str] = set()

    def add(passage_id: str, role: Role) -> None:
        passage = corpus.passages.get(passage_id)
        if passage is not None and passage_id not in shown:
            shown.add(passage_id)
            quotes.append(Quote(passage, 0, len(passage.text), mark(passage), role))

    for hit in chosen:
        add(hit.passage_id, "answer")
    for hit in chosen:
        for passage_id in corpus.passages[hit.passage_id].shown_with:
            add(passage_id, "companion")
        for passage_id in corpus.passages[hit.passage_id].counterpoint:
            add(passage_id, "counterpoint")
    ties = [hit.passage_id for hit in _near_ties(result.hits, config) if hit.passage_id not in shown][:RELATED]
    titles = [corpus.passages[passage_id].title for passage_id in ties]
    related = [*titles, *related_questions(corpus, query, result.hits, {*shown, *ties})]
    return Composition(tuple(quotes), tuple(related[:RELATED]), did_you_mean=bool(ties))


def _near_ties(hits: Sequence[Hit], config: Config) -> list[Hit]:
    """The hits right after the first that answer as well as it does."""
    return list(takewhile(lambda hit: hits[0].score - hit.score <= config.near_tie, hits[1:]))


def _chosen(corpus: Corpus, query: Query, hits: Sequence[Hit], config: Config) -> list[Hit]:
    first = hits[0]
    if is_comparison(query):
        sides = _sides(corpus, query, hits)
        if len(sides) > 1:
            return sides
    ties = _near_ties(hits, config)
    chosen = [first, *ties[:1], *(hit for hit in ties[1:] if first.score - hit.score <= config.third_tie)]
    if len(chosen) == 1 and len(hits) > 1 and _TWO_PARTS.search(query.text) and first.score - hits[1].score <= config.second_part:
        chosen.append(hits[1])
    return chosen[: config.max_answers]


def is_comparison(query: Query) -> bool:
    """Whether two or more named things are set against each other."""
    return len(query.topic_ids) + len(query.members) > 1 and bool(_COMPARISON.search(query.text))


def _sides(corpus: Corpus, query: Query, hits: Sequence[Hit]) -> list[Hit]:
    """The best passage that speaks of both sides, when it comes first; else the best passage of each side."""
    titles = [corpus.passages[hit.passage_id].title for hit in hits]
    names = query.topic_ids
    first_topic = corpus.passages[hits[0].passage_id].topic_id
    if len(names) > 1 and all(_names_topic(corpus, titles[0], topic) or topic == first_topic for topic in names):
        return [hits[0]]
    sides: list[Hit] = []
    for topic in names[:3]:
        best = next((hit for hit in hits if corpus.passages[hit.passage_id].topic_id == topic), None)
        if best is not None and best not in sides:
            sides.append(best)
    return sides


def _names_topic(corpus: Corpus, title: str, topic_id: str) -> bool:
    topic = corpus.topics[topic_id]
    folded = title.lower()
    return any(name.lower() in folded for name in (topic.name, *topic.aliases) if len(name) > 3)


def related_questions(corpus: Corpus, query: Query, hits: Sequence[Hit], shown: set[str]) -> tuple[str, ...]:
    """Curated questions of the next best passages, one each, all general and answerable here."""
    related: list[str] = []
    for hit in hits:
        passage = corpus.passages[hit.passage_id]
        if passage.id not in shown and passage.questions and len(related) < RELATED:
            related.append(passage.questions[0])
    return tuple(related)


def nearest_titles(corpus: Corpus, hits: Sequence[Hit]) -> tuple[str, ...]:
    """Titles to offer when nothing clearly answers."""
    return tuple(dict.fromkeys(corpus.passages[hit.passage_id].title for hit in hits))[:RELATED]
