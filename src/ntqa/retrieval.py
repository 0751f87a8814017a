"""Which passages answer a question: dense and keyword search, fused, kept to the substance that was asked about, with a confidence."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntqa.config import Config
from ntqa.index import Edition
from ntqa.keywords import KeywordIndex
from ntqa.lexicon import Lexicon
from ntqa.schema import Corpus, Hit, Passage, Query, SearchResult
from ntqa.sentences import one_line, sentence_spans
from ntqa.spelling import replace_words
from ntqa.words import STOP_WORDS, stem, terms, words

Vector = NDArray[np.float32]
Embed = Callable[[str], Vector]
MAX_SENTENCES = 40  # of a bulk passage, looked at when it is quoted

# What the confidence is computed from; the weights are fitted on corpus/calibration.yaml at build.
FEATURES = (
    "dense",  # best cosine of the first hit
    "dense lead",  # over the best passage of another topic
    "question",  # best cosine with a curated question or wording of the first hit
    "coverage",  # share of the question's telling words that the first hit has
    "unknown",  # share of the question's telling words that are nowhere in the corpus
    "foreign",  # the question names something the corpus says it does not cover, or has a word nobody knows, and the first hit has it not
    "elsewhere",  # it names something the corpus says it does not cover
    "strange",  # it has a word that neither corpus nor language know
    "oddness",  # of the oddest such word: an invented name is less like any word of the corpus than a misspelling
    "strange length",  # of the longest such word, in tens of letters
    "topic",  # the first hit belongs to a topic that the question names
    "named",  # the question names any topic
    "length",  # log of the number of telling words
    "aspect missing",  # share of the telling words beside the names that the first hit has not
    "most telling missing",  # idf of the most telling of them
    "missing",  # their idf together
    "aspect length",  # how many telling words stand beside the names
    "keyword best",  # BM25 score of the best passage
    "keyword",  # BM25 score of the first hit
    "lead",  # fused score over the second hit
    "outside",  # the guard's probability that the message is out of scope or small talk
)


class Retriever:
    """Searches one edition; immutable."""

    def __init__(self, corpus: Corpus, edition: Edition, lexicon: Lexicon, config: Config) -> None:
        self._corpus, self._edition, self._lexicon, self._config = corpus, edition, lexicon, config
        self._passages: tuple[Passage, ...] = tuple(corpus.passages.values())
        self._position = {passage.id: index for index, passage in enumerate(self._passages)}
        self._owner = np.array([self._position[row.passage_id] for row in edition.entries], dtype=np.int64)
        # Entries lie in the order of the passages, each passage's own text before its questions.
        self._first_entry = np.searchsorted(self._owner, np.arange(len(self._passages)))
        self._entry_count = np.bincount(self._owner, minlength=len(self._passages))
        self._is_question = np.array([row.kind != "passage" for row in edition.entries])
        documents = [self._terms(passage) for passage in self._passages]
        self._document_terms = [frozenset(document) for document in documents]
        self._keywords = KeywordIndex(documents, k1=config.bm25_k1, b=config.bm25_b)
        self._read_names()

    def _terms(self, passage: Passage) -> list[str]:
        found = terms(passage.title) * self._config.title_repeat + terms(passage.text)
        for question in (*passage.questions, *self._corpus.wordings_of(passage.id).asked):
            found += terms(question)
        topic = self._corpus.topics.get(passage.topic_id)
        if topic:
            found += terms(topic.name)
            for alias in topic.aliases:
                found += terms(alias)
        return found

    def _read_names(self) -> None:
        """Which passages name which topic, as one row of booleans for each topic, so that a question is kept to its substance at once."""
        count = len(self._passages)
        rows = {topic_id: np.zeros((2, count), dtype=bool) for topic_id in self._corpus.topics}
        self._title_members: dict[int, frozenset[str]] = {}
        for index, passage in enumerate(self._passages):
            title = self._lexicon.mentions(passage.title)
            for mention in title:
                rows[mention.topic_id][0, index] = True
            for mention in self._lexicon.mentions(passage.text):
                rows[mention.topic_id][1, index] = True
            members = frozenset(mention.member for mention in title if mention.member)
            if members:
                self._title_members[index] = members
        self._in_title = {topic_id: row[0] for topic_id, row in rows.items()}
        self._in_text = {topic_id: row[1] for topic_id, row in rows.items()}
        self._topic_of = np.array([passage.topic_id for passage in self._passages])
        self._on_substance = np.array([self._lexicon.is_substance(passage.topic_id) for passage in self._passages])

    # -- search --

    def search(
        self, query: Query, embed: Embed, limit: int = 10, filtered: bool = True, outside: float = 0.0, told: Sequence[str] = ()
    ) -> SearchResult:
        """The best passages for `query`, best first, and how sure it is that the corpus covers it.

        `embed` gives the unit vector of a text. With `filtered`, passages about another substance than the one asked about are left out.
        `outside`: the guard's probability that the question belongs to another field. `told`: ids of the passages that answered the
        earlier turns, "" for none, oldest first. Who asks on speaks of the last of them, and has read them all.
        """
        dense, question = self._dense(query, embed)
        keyword = self._keywords.scores(self._query_terms(query))
        before = self._position.get(told[-1]) if told and query.context else None
        anew = before is not None and bool(self._lexicon.mentions(replace_words(query.asked, dict(query.corrections))))
        allowed = self._allowed(query) if filtered else np.ones(len(self._passages), dtype=bool)
        if before is not None and not anew:
            allowed |= self._topic_of == self._topic_of[before]
        fused = self._fuse(np.where(allowed, dense, -1.0), np.where(allowed, keyword, 0.0))
        fused[~allowed] = -1.0
        fused += self._config.focus_weight * self._in_focus(query) * (fused > 0)
        if before is not None:
            fused += self._near(before, anew) * (fused > 0)
        if query.context:
            fused[[self._position[passage_id] for passage_id in set(told) if passage_id in self._position]] -= self._config.told_weight
        order = [int(index) for index in np.argsort(-fused, kind="stable")[:limit] if fused[index] > 0]
        dense_rank = _ranks(dense)
        keyword_rank = _ranks(keyword)
        hits = tuple(
            Hit(
                passage_id=self._passages[index].id,
                score=float(fused[index]),
                dense=float(dense[index]),
                dense_rank=int(dense_rank[index]),
                keyword_rank=int(keyword_rank[index]) if keyword[index] > 0 else 0,
            )
            for index in order
        )
        names = self._lexicon.other_names(query.text)
        strange = self._strange_words(query, names)
        unknown = (*names, *strange)
        if not hits:
            return SearchResult((), 0.0, unknown)
        found = (*self._features(query, order, dense, question, names, strange), *self._aspect(query, order, keyword, fused))
        features = (*found, outside)
        vector = embed(query.text)
        if query.context:
            vector = (vector + embed(query.context)) / 2
        sure = 0.0 if _unrelated(query, features) else confidence(features, vector, self._edition.calibration)
        return SearchResult(hits, sure, unknown, features)

    def _query_terms(self, query: Query) -> list[str]:
        found = terms(query.text)
        for topic_id in query.topic_ids:
            found += terms(self._corpus.topics[topic_id].name)
        for member in query.members:
            found += terms(member)
        return found

    def _dense(self, query: Query, embed: Embed) -> tuple[Vector, Vector]:
        """Similarity of each passage over its entries, and best cosine over its questions and wordings, each of shape (passages,)."""
        config = self._config
        # Cosines are linear, so that what is fused late can be added up before the one search.
        vector = embed(query.text)
        canonical = self._lexicon.canonical(query.text) if query.topic_ids else ""
        if canonical and canonical != query.text:
            vector = (1 - config.canonical_weight) * vector + config.canonical_weight * embed(canonical)
        if query.context:  # a follow-up: late fusion with (previous turn + turn), and with its bare words, which alone tell the aspect
            vector = (1 - config.context_weight) * vector + config.context_weight * embed(query.context)
            vector = (1 - config.bare_weight) * vector + config.bare_weight * embed(query.asked)
        scores = self._entry_scores(vector)
        by_rank = self._best_entries(scores)
        best = by_rank[0]
        support = np.nanmean(np.where(np.isnan(by_rank[1:]), best, by_rank[1:]), axis=0)
        best = (1 - config.support_weight) * best + config.support_weight * support
        dense = (1 - config.passage_weight) * best + config.passage_weight * scores[self._first_entry]
        questions = np.full(len(self._passages), -1.0, dtype=np.float32)
        np.maximum.at(questions, self._owner[self._is_question], scores[self._is_question])
        return dense.astype(np.float32), questions

    def _best_entries(self, scores: Vector, ranks: int = 3) -> Vector:
        """The `ranks` best entry scores of each passage, shape (ranks, passages); NaN where a passage has fewer entries."""
        ordered = scores[np.lexsort((-scores, self._owner))]
        last = len(ordered) - 1
        rows = [np.where(self._entry_count > rank, ordered[np.minimum(self._first_entry + rank, last)], np.nan) for rank in range(ranks)]
        return np.array(rows, dtype=np.float32)

    def _entry_scores(self, vector: Vector) -> Vector:
        import faiss

        # Of this thread. For one query the others have nothing to do but to spin, which more than doubled the processor time of an answer.
        faiss.omp_set_num_threads(1)
        wanted = min(len(self._owner), self._config.entry_pool)
        values, rows = self._edition.dense.search(vector[None, :], wanted)
        found = rows[0] >= 0
        # An entry beyond the pool is no better than the last one in it.
        scores = np.full(len(self._owner), values[0][found].min(), dtype=np.float32)
        scores[rows[0][found]] = values[0][found]
        return scores

    def _fuse(self, dense: Vector, keyword: Vector) -> Vector:
        """Convex combination of min-max normalised scores over the union of both pools; -1 outside it."""
        pool = min(self._config.pool, len(dense))
        chosen = np.union1d(_top(dense, pool), _top(keyword, pool))
        chosen = chosen[dense[chosen] > -1]
        weight = self._config.dense_weight
        fused = np.full(len(dense), -1.0, dtype=np.float32)
        if len(chosen):
            fused[chosen] = weight * _min_max(dense[chosen]) + (1 - weight) * _min_max(keyword[chosen]) + 1e-6
        return fused

    def _in_focus(self, query: Query) -> NDArray[np.bool_]:
        """Which passages are of the topic spoken of before, for a question that names none and may or may not go on about it."""
        focus = set() if query.topic_ids or not query.context else {item.topic_id for item in self._lexicon.mentions(query.context)}
        return np.isin(self._topic_of, list(focus))

    def _near(self, before: int, anew: bool) -> Vector:
        """What each passage gains by its nearness to the one that answered the turn before; less when a topic is named anew."""
        config = self._config
        same = self._topic_of == self._topic_of[before]
        alike = self._entry_scores(self._edition.dense.reconstruct(int(self._first_entry[before])))[self._first_entry]
        alike[before] = np.delete(alike, before).max(initial=0.0)  # not more for being itself
        near: Vector = config.answered_topic_weights[anew] * same + config.answered_weights[anew] * np.maximum(alike, 0.0)
        return near

    def _allowed(self, query: Query) -> NDArray[np.bool_]:
        """Which passages may answer: with a substance named, none that belongs to another substance, unless it speaks of the one asked
        about, or of the group that this is part of; with a member of a group named, none about another member. Passages of no substance
        (sleep, pregnancy, how a trial is read) are left in: whether they answer is for the ranking to tell.
        """
        asked = self._lexicon.with_parents(topic_id for topic_id in query.topic_ids if self._lexicon.is_substance(topic_id))
        if not asked:
            return np.ones(len(self._passages), dtype=bool)
        own = np.isin(self._topic_of, asked)
        in_title = np.logical_or.reduce([self._in_title[topic_id] for topic_id in asked])
        in_text = np.logical_or.reduce([self._in_text[topic_id] for topic_id in asked])
        about = own | in_title | in_text | ~self._on_substance
        members = set(query.members)
        if members:  # what another substance's passage says in its title of the one asked about may name other members too
            whole = {topic_id for topic_id in query.topic_ids if not members & self._corpus.topics[topic_id].members.keys()}
            of_group = in_title & self._on_substance & ~own | np.isin(self._topic_of, list(whole))
            foreign = [index for index, named in self._title_members.items() if not named & members]
            about[foreign] &= of_group[foreign]
        return about

    def best_sentence(self, passage: Passage, query: Query, embed: Embed) -> tuple[int, int]:
        """Span, in the passage's text, of the sentence nearest to the question."""
        vector = embed(query.text)
        if passage.id in self._edition.sentence_rows:
            first, last = self._edition.sentence_rows[passage.id]
            return self._edition.sentence_spans[first + int(np.argmax(self._edition.sentences[first:last] @ vector))]
        spans = sentence_spans(passage.text)[:MAX_SENTENCES]
        scores = [float(embed(one_line(passage.text[start:end])) @ vector) for start, end in spans]
        return spans[int(np.argmax(scores))]

    # -- confidence --

    def _strange_words(self, query: Query, names: Sequence[str]) -> tuple[str, ...]:
        """Words in the question that neither corpus nor language know, beside the `names` of what the corpus says it does not cover."""
        taken = {form for name in names for word in name.split() for form in (word, f"{word}s")}
        return tuple(
            word
            for word in dict.fromkeys(words(query.text))
            if len(word) > 3
            and word not in STOP_WORDS
            and word not in taken
            and not self._lexicon.spelling.is_word(word)
        )

    def _features(
        self, query: Query, order: Sequence[int], dense: Vector, question: Vector, names: Sequence[str], strange: Sequence[str]
    ) -> tuple[float, ...]:
        first = order[0]
        topic = self._passages[first].topic_id
        rivals = [float(dense[index]) for index in order[1:] if self._passages[index].topic_id != topic]
        asked = list(dict.fromkeys(terms(query.text)))
        weights = [self._keywords.idf(term) for term in asked]
        total = sum(weights) or 1.0
        has = self._document_terms[first]
        covered = sum(weight for term, weight in zip(asked, weights, strict=True) if term in has)
        nowhere = sum(weight for term, weight in zip(asked, weights, strict=True) if term not in self._keywords)
        foreign = [name for name in (*names, *strange) if not {stem(word) for word in name.split()} <= has]
        return (
            float(dense[first]),
            float(dense[first]) - max(rivals, default=0.0),
            max(float(question[first]), 0.0),
            covered / total,
            nowhere / total,
            float(bool(foreign)),
            float(bool(names)),
            float(bool(strange)),
            max((self._lexicon.spelling.oddness(word) for word in strange), default=0.0),
            max(map(len, strange), default=0) / 10,
            float(topic in query.topic_ids or any(self._in_title[topic_id][first] for topic_id in query.topic_ids)),
            float(bool(query.topic_ids)),
            math.log1p(len(asked)),
        )

    def _aspect(self, query: Query, order: Sequence[int], keyword: Vector, fused: Vector) -> tuple[float, ...]:
        """What the question asks beside the names in it, and whether the first hit speaks of that."""
        tokens = words(query.text)
        named = {stem(word) for item in self._lexicon.mentions(query.text) for word in tokens[item.start : item.end]}
        rest = [term for term in dict.fromkeys(terms(query.text)) if term not in named]
        weights = {term: self._keywords.idf(term) for term in rest}
        missing = [weights[term] for term in rest if term not in self._document_terms[order[0]]]
        return (
            _share(sum(missing), sum(weights.values())),
            max(missing, default=0.0),
            sum(missing),
            float(len(rest)),
            float(keyword.max()),
            float(keyword[order[0]]),
            float(fused[order[0]] - fused[order[1]]) if len(order) > 1 else 0.0,
        )


NOWHERE = 0.5  # share of the telling words that are nowhere in the corpus


def _unrelated(query: Query, features: Sequence[float]) -> bool:
    """Whether question and first hit have no word in common, most words of the question are nowhere in the corpus, and it names no topic and
    follows none: gibberish, or an order to the machine. So little was seen of that when the confidence was fitted that it cannot tell.
    """
    found = dict(zip(FEATURES, features, strict=True))
    return not query.topic_ids and not query.context and found["coverage"] == 0 and found["unknown"] >= NOWHERE


def _share(value: float, total: float) -> float:
    return value / total if total else 0.0


def confidence(features: Sequence[float], question: Vector, calibration: Mapping[str, NDArray[Any]]) -> float:
    """Probability that the corpus covers the question, by the logistic model fitted at build; 1.0 when the corpus has no calibration."""
    if "weights" not in calibration:
        return 1.0
    signs = (np.asarray(features) - calibration["centre"]) / calibration["scale"]
    logit = float(
        calibration["weights"] @ signs + signs @ calibration["pairs"] @ signs + calibration["question"] @ question + calibration["bias"]
    )
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))


def _top(scores: Vector, count: int) -> NDArray[np.int64]:
    if count >= len(scores):
        return np.arange(len(scores))
    return np.argpartition(-scores, count)[:count]


def _min_max(scores: Vector) -> Vector:
    low, high = float(scores.min()), float(scores.max())
    return (scores - low) / (high - low) if high > low else np.zeros_like(scores)


def _ranks(scores: Vector) -> NDArray[np.int64]:
    ranks = np.empty(len(scores), dtype=np.int64)
    ranks[np.argsort(-scores, kind="stable")] = np.arange(1, len(scores) + 1)
    return ranks
