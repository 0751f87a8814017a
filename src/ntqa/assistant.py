"""The recipe: from a reader's messages to a reply. The only module that knows the order of the steps; immutable."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np

from ntqa.answer import compose, nearest_titles, related_questions
from ntqa.config import Config
from ntqa.conversation import reformulate
from ntqa.corpus import load_corpus
from ntqa.embedding import FEW, Encoder, OnnxEncoder, Vectors, export_folder
from ntqa.errors import IndexUnavailableError, InputError
from ntqa.guard import NO_LABELS, Guard, safe_verdict, split_message
from ntqa.index import Edition, current_edition, load_edition
from ntqa.lexicon import Lexicon
from ntqa.normalise import legible
from ntqa.retrieval import Retriever
from ntqa.schema import REFUSALS, Corpus, Query, Reply, SearchResult, Verdict

log = logging.getLogger(__name__)

EMBEDDING_THREADS = 2  # sessions are single-threaded; with two, the sentences of a long message do not wait for the message
LOOK_BACK = 4  # earlier turns whose answers are looked up anew where a conversation brings no memory of them
FOLLOW_UP_EASE = 0.15  # of the cut-off: who has been answered and asks on is rarely outside the collection


class Embedder:
    """text -> unit vector, each text once. What will be needed can be asked for ahead: then a few texts are embedded together, aside.

    A conversation may keep one, so that its earlier turns are not embedded and answered again; it must end with it, because it holds what
    was asked.
    """

    def __init__(self, encoder: Encoder, pool: Executor) -> None:
        self.encoder, self._pool = encoder, pool
        self._vectors: dict[str, tuple[Future[tuple[Vectors, Vectors]], int]] = {}
        self.told: dict[tuple[str, ...], str] = {}  # the messages up to a turn -> id of the passage that answered it, or ""

    def __call__(self, text: str) -> Vectors:
        return self._found(text)[0]

    def labels(self, text: str) -> Vectors:
        """Probability of each outcome by the model's own layers for the guard; zeros when it has none."""
        found = self._found(text)[1]
        return found if len(found) else NO_LABELS

    def _found(self, text: str) -> tuple[Vectors, Vectors]:
        self.prefetch([text])
        future, row = self._vectors[text]
        try:
            vectors, labels = future.result()
            return vectors[row], labels[row]
        except Exception:
            self._vectors.pop(text, None)  # may go well the next time
            raise

    def prefetch(self, texts: Iterable[str]) -> None:
        missing = list(dict.fromkeys(text for text in texts if text and text not in self._vectors))
        for start in range(0, len(missing), FEW):
            group = missing[start : start + FEW]
            future = self._pool.submit(self.encoder.encode_and_label, group)
            self._vectors.update((text, (future, row)) for row, text in enumerate(group))


class Assistant:
    """Answers from one edition of one corpus; exchanged whole when the index changes."""

    def __init__(self, corpus: Corpus, edition: Edition, encoder: Encoder, config: Config) -> None:
        self.corpus, self.edition, self.config = corpus, edition, config
        self.encoder = encoder
        self._pool = ThreadPoolExecutor(EMBEDDING_THREADS, thread_name_prefix="embed")
        self.lexicon = Lexicon(corpus, encoder.common_words())
        self._guard = Guard(corpus, edition.guard, self.lexicon)
        self._retriever = Retriever(corpus, edition, self.lexicon, config)
        self._cut_off = float(edition.calibration.get("cut_off", np.zeros(())))

    @classmethod
    def load(cls, config: Config, encoder: Encoder | None = None) -> Assistant:
        """Read corpus and index and check that they fit.

        Raises CorpusError, IndexUnavailableError, StaleIndexError or ModelError; each says what to do next.
        """
        if current_edition(config.index) is None:
            raise IndexUnavailableError(f"there is no index in {config.index}; run: ntqa build")
        with ThreadPoolExecutor(1) as aside:  # the model is loaded while the corpus is read
            loading = None if encoder else aside.submit(load_encoder, config)
            corpus = load_corpus(config.corpus)
            encoder = loading.result() if loading else encoder
        return cls(corpus, load_edition(config.index, corpus, encoder.model_id), encoder, config)

    def embedder(self) -> Embedder:
        """A memory of vectors for one request or one conversation, so that nothing of a reader stays."""
        return Embedder(self.encoder, self._pool)

    def reply(self, messages: Sequence[str], embed: Embedder | None = None, fresh_from: int = 0) -> Reply:
        """The reply to the last of the reader's `messages` (oldest first). `embed` is this conversation's memory of vectors, if it has one.

        The question is read in the light of the messages from position `fresh_from` on; the guard looks at all of them, because danger does
        not end with a subject. Raises InputError when there is no message or `fresh_from` is the position of none. A failure of the guard
        gives the safe card; a failure of the search is raised.
        """
        messages = checked_messages(messages)
        fresh_from = max(0, checked_fresh_from(fresh_from, messages) - max(0, len(messages) - self.config.max_turns))
        messages = messages[-self.config.max_turns :]
        typed = messages[-1]
        messages = [legible(message) for message in messages]
        embed = embed or self.embedder()
        too_long = len(messages[-1]) > self.config.max_message
        if too_long:  # its ends are still looked at for danger
            half = self.config.max_message // 2
            messages = [*messages[:-1], f"{messages[-1][:half]}\n{messages[-1][-half:]}"]
        reply = self._turn(messages, fresh_from, embed, too_long)
        return replace(reply, query=replace(reply.query, asked=typed), edition=self.edition.id)

    def _turn(
        self, messages: Sequence[str], fresh_from: int, embed: Embedder, too_long: bool = False, told: Sequence[str] | None = None
    ) -> Reply:
        """The reply to a turn. `told`: as from `_told`, where it is known."""
        try:
            embed.prefetch([messages[-1]])  # needed in any case: begun while the message is being read
            query = reformulate(messages[fresh_from:], self.lexicon)
            canonical = self.lexicon.canonical(query.text) if query.topic_ids else ""
            embed.prefetch([query.text, canonical, query.context, *split_message(messages[-1]), *messages[:-1]])
            verdict = self._guard.assess(messages, query, embed)
        except Exception as error:  # whatever went wrong: never a passage, and never silence
            log.error("the guard failed: %s", type(error).__name__)
            query, verdict = Query(messages[-1], messages[-1]), safe_verdict(f"the guard failed: {type(error).__name__}")
        reply = self._reply(messages[fresh_from:], query, verdict, embed, too_long, told)
        embed.told[tuple(messages[fresh_from:])] = next((quote.passage.id for quote in reply.quotes), "")
        return replace(reply, verdict=verdict, support=verdict.support, language=self._card_language(verdict))

    def _reply(
        self, messages: Sequence[str], query: Query, verdict: Verdict, embed: Embedder, too_long: bool, told: Sequence[str] | None
    ) -> Reply:
        if verdict.outcome == "crisis":
            return Reply("crisis", query, card=f"crisis.{verdict.person}")
        if verdict.outcome == "emergency":
            return Reply("emergency", query, card="emergency")
        if too_long:
            return Reply("clarify", query, card="too_long")
        if verdict.outcome == "smalltalk":
            return Reply("smalltalk", query, card="smalltalk", related=self.corpus.examples[:3])
        if verdict.outcome == "out_of_scope":
            card = "unreadable" if verdict.reason == "unreadable" else "not_covered" if verdict.language == "en" else "language"
            return Reply("not_covered", query, card=card, related=self.corpus.examples[:3])
        if verdict.outcome in REFUSALS:
            named = self.lexicon.with_parents(query.topic_ids)
            hits = [hit for hit in self._retriever.search(query, embed).hits if self.corpus.passages[hit.passage_id].topic_id in named]
            related = related_questions(self.corpus, query, hits, set()) or self.corpus.examples[:3]
            again = query.follow_up and len(messages) > 1 and len(messages[-1].split()) <= 8
            return Reply(verdict.outcome, query, card="refusal_again" if again else verdict.outcome, related=related)
        if query.needs_topic:
            return Reply("clarify", query, card="clarify", related=self.corpus.examples[:3])
        if len(messages) > 1:
            told = self._told(messages, embed) if told is None else told
            query = self._with_ordinal(messages, reformulate(messages, self.lexicon, self._topics(told)), embed, told)
            embed.prefetch([query.text, query.context])
        result = self._retriever.search(query, embed, outside=verdict.outside, told=told or ())
        if not self._covers(result, query):
            related = nearest_titles(self.corpus, result.hits)
            return Reply("not_covered", query, card="not_covered", related=related, unknown_terms=result.unknown_terms, result=result)
        found = compose(self.corpus, query, result, self.config, lambda passage: self._retriever.best_sentence(passage, query, embed))
        return Reply(
            "answer",
            query,
            quotes=found.quotes,
            related=found.related,
            did_you_mean=found.did_you_mean,
            pointer=verdict.pointer,
            unknown_terms=result.unknown_terms,
            result=result,
        )

    def _covers(self, result: SearchResult, query: Query) -> bool:
        """Whether a search is sure enough to be quoted from. Who turns to something that the corpus says it does not cover has left it."""
        eased = query.follow_up and not self.lexicon.other_names(query.text)
        return bool(result.hits) and result.confidence >= self._cut_off * (FOLLOW_UP_EASE if eased else 1.0)

    def _told(self, messages: Sequence[str], embed: Embedder) -> list[str]:
        """Ids of the passages that answered the turns before the last, "" for those without an answer and those too far back."""
        told: list[str] = []
        for end in range(1, len(messages)):
            earlier = tuple(messages[:end])
            if earlier not in embed.told and end >= len(messages) - LOOK_BACK:
                self._turn(earlier, 0, embed, told=told)
            told.append(embed.told.get(earlier, ""))
        return told

    def _topics(self, told: Sequence[str]) -> list[str]:
        found = map(self.corpus.passages.get, told)  # an edit may have taken away what was quoted earlier in a conversation
        return [passage.topic_id if passage else "" for passage in found]

    def _with_ordinal(self, messages: Sequence[str], query: Query, embed: Embedder, told: Sequence[str]) -> Query:
        """ "the second one" after an answer with several quotes: the topic of that quote."""
        if query.ordinal is None:
            return query
        quotes = self._turn(messages[:-1], 0, embed, told=told[:-1]).quotes
        if len(quotes) < 2:
            return query
        topic_id = quotes[query.ordinal if -len(quotes) <= query.ordinal < len(quotes) else -1].passage.topic_id
        if topic_id not in self.corpus.topics:
            return query
        return replace(query, topic_ids=(topic_id,), members=(), text=f"{self.corpus.topics[topic_id].name}: {query.asked}")

    def examples(self, day: int, count: int = 6) -> tuple[str, ...]:
        """Example questions for the first screen, others each `day` (a running number), no two about one topic."""
        listed = self.corpus.examples
        chosen: list[str] = []
        taken: set[str] = set()
        for place in range(len(listed)):
            example = listed[(day * count + place) % len(listed)]
            topics = {mention.topic_id for mention in self.lexicon.mentions(example)}
            if len(chosen) < count and not topics & taken:
                chosen.append(example)
                taken |= topics
        return tuple(chosen)

    def _card_language(self, verdict: Verdict) -> str:
        has_cards = f"translations.{verdict.language}.language" in self.corpus.messages
        return verdict.language if has_cards else "en"

    def retrieve(self, messages: Sequence[str], limit: int) -> tuple[Query, SearchResult]:
        """The ranked passages for the last message, without guard and cut-off, for retrieval measurements."""
        messages = [legible(message) for message in checked_messages(messages)[-self.config.max_turns :]]
        embed = self.embedder()
        told = self._told(messages, embed)
        query = reformulate(messages, self.lexicon, self._topics(told))
        return query, self._retriever.search(query, embed, limit=limit, filtered=False, told=told)


def load_encoder(config: Config) -> OnnxEncoder:
    """The exported model that `config` names; raises IndexUnavailableError when nothing was built."""
    folder = export_folder(config.index / "models", config.model, config.adapter)
    if not (folder / "meta.json").exists():
        raise IndexUnavailableError(f"the model {config.model} has not been exported to {config.index}; run: ntqa build")
    return OnnxEncoder(Path(folder))


def checked_fresh_from(place: object, messages: Sequence[str]) -> int:
    """The position of the first message in whose light the last one is read; raises InputError when there is none at `place`."""
    if isinstance(place, bool) or not isinstance(place, int) or not 0 <= place < len(messages):
        raise InputError("'fresh_from' must be the position of one of the messages, counted from 0")
    return place


def checked_messages(messages: Sequence[str]) -> list[str]:
    """The reader's messages as a list of texts; raises InputError with what is wrong."""
    if isinstance(messages, str) or not isinstance(messages, Sequence) or not messages:
        raise InputError("'messages' must be a list with at least one text, the reader's turns, oldest first")
    for position, message in enumerate(messages):
        if not isinstance(message, str):
            raise InputError(f"message {position + 1} is not text")
    return list(messages)
