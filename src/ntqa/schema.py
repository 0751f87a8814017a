"""The records that flow between the modules. All are frozen: a score never lives in a passage, and nothing is edited in passing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

Evidence = Literal["established", "mixed", "contested", "weak"]
EVIDENCE: tuple[Evidence, ...] = ("established", "mixed", "contested", "weak")

TOPIC_KINDS = (
    "transmitter", "medicine", "supplement", "substance", "lifestyle", "therapy", "test", "condition", "concept", "safety", "care",
)  # fmt: skip
# Kinds that name one thing a reader can take or have in the body: a question about one must never be answered with another.
SUBSTANCE_KINDS = frozenset({"transmitter", "medicine", "supplement", "substance"})

REFUSALS = ("refusal_dosing", "refusal_treatment", "refusal_results", "refusal_diagnosis")
# What the guard can decide, the most serious first.
OUTCOMES = ("emergency", "crisis", *REFUSALS, "smalltalk", "out_of_scope", "general")
REPLY_KINDS = ("answer", "not_covered", "clarify", "smalltalk", *REFUSALS, "crisis", "emergency")

Role = Literal["answer", "companion", "counterpoint"]
Person = Literal["self", "other", "harm"]
LANGUAGES = ("en", "es", "fr", "de")


# --- content -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Source:
    id: str
    title: str
    publisher: str
    authors: str
    year: int | None
    url: str
    doi: str | None
    kind: str


@dataclass(frozen=True, slots=True)
class Topic:
    id: str
    name: str
    kind: str
    aliases: tuple[str, ...]
    members: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # "sertraline" -> ("zoloft", "lustral")
    part_of: tuple[str, ...] = ()  # topics whose passages speak of this one too: SSRIs are antidepressants


@dataclass(frozen=True, slots=True)
class Passage:
    id: str  # "<topic>/<aspect>"
    topic_id: str
    title: str
    text: str  # exactly as in the file, white space at both ends removed
    questions: tuple[str, ...] = ()
    source_ids: tuple[str, ...] = ()
    evidence: Evidence | None = None
    reviewed: dt.date | None = None
    reviewer: str | None = None
    shown_with: tuple[str, ...] = ()
    counterpoint: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wordings:
    """What readers type for one passage, beside its curated questions."""

    asked: tuple[str, ...] = ()  # whole messages
    after: tuple[str, ...] = ()  # follow-ups while its topic is spoken of, which they do not name


NO_WORDINGS = Wordings()


@dataclass(frozen=True, slots=True)
class HelpLine:
    country: str  # ISO 3166 code, or "any" for everywhere else
    country_name: str
    kind: Literal["emergency", "crisis", "poison"]
    name: str
    phone: str  # as dialled; "" for a service that is only a web address
    how: str  # "call or text, day and night"
    url: str
    checked_on: dt.date
    checked_by: str


@dataclass(frozen=True, slots=True)
class GuardPattern:
    id: str
    outcome: str
    tier: Literal["card", "strip"]
    language: str
    person: Person
    regex: str
    unless: str | None
    match: tuple[str, ...]
    no_match: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GuardExample:
    outcome: str
    text: str
    history: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CalibrationQuestion:
    text: str
    passages: tuple[str, ...]  # empty: not covered


@dataclass(frozen=True, slots=True)
class Corpus:
    """Everything that can be shown or that teaches the program, read-only. `name` is "" for a bulk corpus without settings."""

    name: str
    examples: tuple[str, ...]
    topics: Mapping[str, Topic]
    passages: Mapping[str, Passage]
    sources: Mapping[str, Source] = field(default_factory=dict)
    messages: Mapping[str, str] = field(default_factory=dict)
    help_lines: tuple[HelpLine, ...] = ()
    other_names: frozenset[str] = frozenset()
    patterns: tuple[GuardPattern, ...] = ()
    guard_examples: tuple[GuardExample, ...] = ()
    calibration: tuple[CalibrationQuestion, ...] = ()
    wordings: Mapping[str, Wordings] = field(default_factory=dict)  # by passage id

    def wordings_of(self, passage_id: str) -> Wordings:
        return self.wordings.get(passage_id, NO_WORDINGS)

    def subject(self, passage_id: str) -> str:
        """What is spoken of where this passage answers: the name of its topic; bulk passages have none, and their title does for it."""
        passage = self.passages[passage_id]
        return self.topics[passage.topic_id].name if passage.topic_id in self.topics else passage.title

    def names(self) -> Iterator[tuple[str, str, str]]:
        """(topic id, name, member) of every name: of each topic its own first, then aliases, members, their brands."""
        for topic in self.topics.values():
            for name in (topic.name, *topic.aliases):
                yield topic.id, name, ""
            for member, brands in topic.members.items():
                for name in (member, *brands):
                    yield topic.id, name, member


# --- from question to reply ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """How the last message was read."""

    asked: str
    text: str  # standalone form
    topic_ids: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    needs_topic: bool = False  # refers to something that was never named
    corrections: tuple[tuple[str, str], ...] = ()
    context: str = ""  # previous turn + this turn, searched beside `text` when this is a follow-up
    ordinal: int | None = None  # "the second one": 1

    @property
    def follow_up(self) -> bool:
        return bool(self.context)


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: str
    support: bool = False
    pointer: bool = False  # the reader told their own situation beside a general question
    person: Person = "self"
    language: str = "en"
    reason: str = ""
    scores: Mapping[str, float] = field(default_factory=dict)

    @property
    def outside(self) -> float:
        """Probability that the message belongs to no field of this corpus."""
        return self.scores.get("out_of_scope", 0.0) + self.scores.get("smalltalk", 0.0)


@dataclass(frozen=True, slots=True)
class Hit:
    passage_id: str
    score: float
    dense: float  # best cosine of the passage's entries
    dense_rank: int  # from 1; 0 = not found this way
    keyword_rank: int


@dataclass(frozen=True, slots=True)
class SearchResult:
    hits: tuple[Hit, ...]
    confidence: float  # calibrated probability that the corpus covers the question; 1.0 when it has no calibration
    unknown_terms: tuple[str, ...] = ()
    features: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Quote:
    """A slice of a passage. There is no field to put other words in."""

    passage: Passage
    start: int
    end: int
    marked: tuple[int, int]
    role: Role = "answer"

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class Reply:
    kind: str
    query: Query
    card: str = ""  # key of the fixed text in messages.yaml
    quotes: tuple[Quote, ...] = ()
    related: tuple[str, ...] = ()  # curated questions; under "not covered" the nearest titles
    did_you_mean: bool = False  # `related` starts with titles of passages that fit as well as what is quoted
    language: str = "en"
    support: bool = False
    pointer: bool = False
    unknown_terms: tuple[str, ...] = ()
    edition: str = ""
    verdict: Verdict | None = None
    result: SearchResult | None = None


# --- texts ---------------------------------------------------------------------------------------------------------------

# Every sentence the assistant itself says, by its key in messages.yaml; a missing or unknown key is a problem of the corpus.
MESSAGE_KEYS = frozenset(
    """card.smalltalk card.refusal_dosing card.refusal_treatment card.refusal_results card.refusal_diagnosis card.refusal_again
    card.crisis.self card.crisis.other card.crisis.harm card.emergency card.not_covered card.clarify card.unreadable
    card.language card.too_long card.failure card.support card.pointer heading.refusal_dosing heading.refusal_treatment
    heading.refusal_results heading.refusal_diagnosis heading.crisis heading.emergency heading.not_covered heading.clarify
    evidence.established.name evidence.established.note evidence.mixed.name evidence.mixed.note evidence.contested.name
    evidence.contested.note evidence.weak.name evidence.weak.note label.read_as label.evidence label.reviewed label.sources
    label.context label.companion label.counterpoint label.related label.nearest label.unknown label.not_clinician
    page.title page.intro page.limits page.disclaimer page.placeholder page.ask page.clear page.help page.help_intro
    page.help_country page.back page.topic page.missing page.conversation page.too_many page.too_large page.busy page.kept
    page.not_kept feedback.other feedback.unclear feedback.wrong
    label.about label.did_you_mean label.covers label.asked label.answer label.examples label.edit label.copy label.copied label.copy_failed
    page.fresh page.fresh_done page.pane page.pane_failed page.permalink page.close
    browse.topics browse.intro browse.by_kind browse.by_name browse.no_topic browse.more browse.missing browse.part_of browse.includes
    browse.members browse.names browse.evidence browse.map_intro browse.map_caption browse.kind browse.all browse.no_evidence
    browse.back_to_map""".split()
).union(f"kind.{kind}" for kind in TOPIC_KINDS)
