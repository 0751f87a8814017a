"""Which outcome a message needs: the most serious one over the whole message, each sentence, and the follow-up as it was read.

Patterns (corpus/guard) are precise and decide alone. Else a classifier, trained at build on the examples beside them, and the embedding
model's own layers for the guard (`adapter`) are weighed, and decide by thresholds that were chosen by cross-validation. For crisis and
emergency there are two tiers: the full card, or one line of support under the normal reply.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ntqa.cues import is_aside, without_preamble
from ntqa.guard_features import dense_features, nearness, ngrams, probabilities
from ntqa.language import language_of
from ntqa.lexicon import Lexicon
from ntqa.normalise import plain, readable
from ntqa.patterns import PatternSet
from ntqa.schema import LANGUAGES, OUTCOMES, REFUSALS, Corpus, Person, Query, Verdict
from ntqa.sentences import sentence_spans
from ntqa.words import content_words

Vector = NDArray[np.float32]
NO_LABELS: Vector = np.zeros(len(OUTCOMES), dtype=np.float32)


class Embed(Protocol):
    """What a text is to the embedding model."""

    def __call__(self, text: str) -> Vector:
        """Its unit vector."""
        ...

    def labels(self, text: str) -> Vector:
        """Probability of each of `OUTCOMES` by the model's own layers for the guard; `NO_LABELS` when it has none."""
        ...


MAX_SENTENCES = 12
BARE = 2  # words
FRAGMENT = 5  # words; an addition this short ("with alcohol?") says too little by itself to be refused, or to get a full card, for it
SHORT = 8  # words; what says less may hang on the turn before
THANKS = 0.8  # probability of small talk from which a message asks nothing, whatever was asked before it
TOGETHER = 2  # earlier turns that are read as one message with the last, for a line of support
PRESSING = 3  # turns for which a refusal is remembered: "please", "come on" press for what was refused
THRESHOLDS = ("emergency_card", "emergency_strip", "crisis_card", "crisis_strip", "refusal", "smalltalk")

_OTHER_PERSON = re.compile(
    r"\b(?:my|our|her|his|a|this) (?:\w+ ){0,2}(?:son|daughter|kid|child|mom|mum|mother|dad|father|wife|husband|partner|boyfriend|girlfriend|bf|gf|"
    r"brother|sister|aunt|uncle|niece|nephew|gran\w*|nan|cousin|friend|mate|roommate|flatmate|housemate|neighbou?r|colleague|coworker|student|"
    r"patient|client|teen\w*|ex|classmate|girl|boy|man|woman|guy)\b|\b(?:he|she|they)(?:'s| is| said| says| keeps| told| wants| will| might| has)\b"
)
_HARM_OTHERS = re.compile(
    r"\b(?:kill|hurt|stab|shoot|attack|strangle|poison|murder|harm) (?:him|her|them|someone|somebody|people|everyone|my (?!self)\w+|the kids?|the baby|others)\b"
)
_OWN_RISK = re.compile(r"\b(?:i (?:want|wish|am going|might|will|think|feel|keep|cant|can't|dont|don't)|i'm|im|ive|i've|myself|my life)\b")
_OWN_SITUATION = re.compile(
    r"\b(?:i (?:have|live with|take|am on|was diagnosed|got diagnosed|suffer|was put on|started|use)|i've (?:been|had|got)|ive (?:been|had)|i'm on|im on|my (?:\w+ )?(?:son|daughter|mom|mum|dad|"
    r"husband|wife|partner|friend|brother|sister|doctor|psychiatrist|gp|depression|anxiety|adhd|bipolar|ocd|meds|medication))\b"
)


_WHOLE_QUESTION = re.compile(
    r"^(?:(?:ok|okay|and|so|but|right|then|fair enough|alright|in general|generally)[,. ]+)*(?:what|how|why|does|do|is|are|which|who|when|where|can|could|has|have)\b"
)
_FIRST_PERSON = re.compile(r"\b(?:i|i'm|im|i've|ive|me|my|mine|he|she|him|her|his|hers)\b")
_I_MEAN = re.compile(r"\bi mean(?:t)?\b")
_PERSONAL = re.compile(
    r"\b(?:i|i'?m|i'?ve|me|my|mine|we|our|us|he|she|him|her|his|hers|someone like|\d+ ?(?:yo|y/o|years?|kgs?|kilos?|lbs?|stone|mg))\b"
    r"|\b(?:how (?:much|many|often)|dos(?:e|es|age)|amounts?|mgs?|roughly|ballpark|exact\w*|number|yes or no|should|shall|safe to|ok to|okay to|"
    r"twice|half|double|daily|morning|night|bedtime|with food|when to|how late|how early|hours|max\w*|limit|(?:a|per|each|every) (?:day|night))\b"
)


class Guard:
    """Assesses messages; immutable."""

    def __init__(self, corpus: Corpus, weights: Mapping[str, NDArray[Any]], lexicon: Lexicon) -> None:
        """`weights` as trained at build; without them (a bulk corpus) only the patterns speak."""
        self._patterns = PatternSet(corpus.patterns, weights)
        self._weights = weights if "dense" in weights else None
        self._lexicon = lexicon
        if self._weights is not None:
            self._thresholds = {name: float(self._weights[f"threshold_{name}"]) for name in THRESHOLDS}

    def assess(self, messages: Sequence[str], query: Query, embed: Embed) -> Verdict:
        """The outcome for the last of `messages` (the reader's turns, oldest first), read as `query`."""
        message = messages[-1]
        language = language_of(message, self._lexicon)
        if not readable(message):
            return Verdict("out_of_scope", reason="unreadable", language=language)
        verdict = self._assess_one(message, query, messages[:-1], embed)
        verdict = replace(verdict, language=language)
        if verdict.outcome == "crisis":
            return replace(verdict, person=_person(message, verdict))
        if verdict.outcome == "emergency":
            return verdict
        if not verdict.support and any(self._was_risk(turn, embed) for turn in messages[:-1]):
            verdict = replace(verdict, support=True, reason=f"{verdict.reason}; earlier turn at risk")
        if verdict.outcome == "general" and _OWN_SITUATION.search(plain(message)):
            verdict = replace(verdict, pointer=True)
        if language != "en" and verdict.outcome in ("general", "smalltalk", "out_of_scope"):
            verdict = replace(verdict, outcome="out_of_scope", reason=f"{verdict.reason}; language {language}")
        return verdict

    # -- one message --

    def _assess_one(self, message: str, query: Query, earlier: Sequence[str], embed: Embed) -> Verdict:
        hits = self._patterns.hits(message)
        as_read = query.text if query.text != message else ""  # a follow-up with its topic, or misspellings mended
        if as_read:
            hits += self._patterns.hits(query.text)
        cards = [item for item in hits if item.tier == "card" and item.outcome in ("emergency", "crisis")]
        if cards:  # emergency comes first in `hits`; whose crisis it is, is what a crisis pattern says
            return Verdict(cards[0].outcome, True, person=cards[0].person, reason=f"pattern {cards[0].id}")
        strip = any(item.tier == "strip" for item in hits)
        previous = earlier[-1] if earlier and self._leans(message, query) else ""
        scores = self.scores(message, as_read, previous, embed, self._goes_on_asking(message, earlier, embed))
        if scores and earlier and as_read:
            scores = self._placed(scores, message, as_read, earlier[-1], embed)
        if scores:
            for outcome in ("emergency", "crisis"):
                if scores[outcome] >= self._thresholds[f"{outcome}_card"]:
                    return Verdict(outcome, True, reason=f"score {outcome} {scores[outcome]:.2f}", scores=scores)
            strip = strip or any(scores[outcome] >= self._thresholds[f"{outcome}_strip"] for outcome in ("emergency", "crisis"))
            strip = strip or self._adds_up([*earlier[-TOGETHER:], message], embed)
        refusal = next((item for item in hits if item.outcome in REFUSALS), None)
        aside = next((item for item in hits if item.outcome in ("smalltalk", "out_of_scope")), None)
        if refusal:
            return Verdict(refusal.outcome, strip, reason=f"pattern {refusal.id}", scores=scores)
        if scores and scores["refusal"] >= self._thresholds["refusal"]:
            kind = max(REFUSALS, key=lambda name: scores[name])
            return Verdict(kind, strip, reason=f"score refusal {scores['refusal']:.2f}", scores=scores)
        if aside:
            return Verdict(aside.outcome, strip, reason=f"pattern {aside.id}", scores=scores)
        # "Out of scope" is not decided here: its score is one of the signs from which retrieval's confidence is computed.
        if scores and scores["smalltalk"] >= self._thresholds["smalltalk"] and not (self._lexicon.mentions(message) or query.needs_topic):
            return Verdict("smalltalk", strip, reason=f"score smalltalk {scores['smalltalk']:.2f}", scores=scores)
        return Verdict("general", strip, reason="no sign of anything else", scores=scores)

    def _adds_up(self, turns: Sequence[str], embed: Embed) -> bool:
        """Whether turns that say little each ("which are riskier in overdose", "wife left sunday", "so which is the worst") are together
        what would get a full card as one message.
        """
        # Two have been read together already, where the second leans on the first.
        return len(turns) > 2 and all(map(readable, turns)) and self._looks_like_risk(" ".join(turns), embed)

    def _leans(self, message: str, query: Query) -> bool:
        """Whether the message says too little alone ("just a ballpark", "I weigh 60 kilos") and is judged with the turn before.

        A whole general question is judged alone, so that a refusal before it does not stain it; so are thanks.
        """
        folded = plain(message)
        if (_is_whole(folded) and not _FIRST_PERSON.search(folded)) or is_aside(folded):
            return False
        return query.follow_up or (len(folded.split()) <= SHORT and not self._lexicon.mentions(message))

    def _goes_on_asking(self, message: str, earlier: Sequence[str], embed: Embed) -> bool:
        """Whether a follow-up asks on in general ("and for people with bipolar?"): nothing in it is about somebody or about an amount, and
        it is a whole question or none of the last turns was refused. Then only the message itself can make it personal.
        """
        folded = _I_MEAN.sub("", plain(message))
        if not earlier or self._weights is None or _PERSONAL.search(folded):
            return False
        if not all(map(self._lexicon.spelling.is_word, content_words(message))):  # "nd hw mch"
            return False
        return _is_whole(folded) or not any(self._was_refused(turn, embed) for turn in earlier[-PRESSING:])

    def _was_refused(self, turn: str, embed: Embed) -> bool:
        if any(item.outcome in REFUSALS for item in self._patterns.hits(turn)):
            return True
        return readable(turn) and self.scores(turn, "", "", embed)["refusal"] >= self._thresholds["refusal"]

    def _was_risk(self, turn: str, embed: Embed) -> bool:
        """Whether an earlier turn got, or should have got, a full crisis or emergency card."""
        if any(item.tier == "card" and item.outcome in ("crisis", "emergency") for item in self._patterns.hits(turn)):
            return True
        return self._weights is not None and readable(turn) and self._looks_like_risk(turn, embed)

    def _looks_like_risk(self, text: str, embed: Embed) -> bool:
        """Whether a text as the only message would get a full card for its scores."""
        scores = self.scores(text, "", "", embed)
        return any(scores[outcome] >= self._thresholds[f"{outcome}_card"] for outcome in ("crisis", "emergency"))

    def scores(self, message: str, as_read: str, previous: str, embed: Embed, alone: bool = False) -> dict[str, float]:
        """Probability of each outcome, and of any refusal; empty without trained weights. `as_read` and `previous` are the follow-up as
        it was read and the turn before, when the message leans on them: the more serious reading counts, for a refusal only unless the
        message is to be judged `alone`, as thanks always are. What a fragment after another turn seems to be counts less, see `_in_context`.
        """
        if self._weights is None:
            return {}
        # A bare name ("histamine?") says nothing of what is wanted; as read, after the question before it, it does.
        name = without_preamble(message)
        bare = len(name.split()) <= BARE
        sentences = split_message(message)
        forms = [text for text in (as_read, f"{previous} {message}" if previous else "") if text]
        whole, *others = self._signs([(name if alone else as_read or message) if bare else message, *sentences, *forms], embed)
        parts, joined = others[: len(sentences)], others[len(sentences) :]
        alone = alone or bool(whole[0, OUTCOMES.index("smalltalk")] >= THANKS)
        result = combine(self._weights, whole, parts, joined, alone)
        if previous and len(message.split()) <= FRAGMENT:
            return self._in_context(result, joined, refusal=alone, danger=not speaks_of_someone(message))
        return result

    def _placed(self, scores: dict[str, float], message: str, as_read: str, before: str, embed: Embed) -> dict[str, float]:
        """The `scores` of a short follow-up, which may look like small talk or of another field by itself ("sorry, i meant lithium", "where is
        it made"), no further outside this field than its reading is; plain small talk that names nothing stays small talk. A fragment
        that speaks of nobody ("can it be permanent") gets no full card unless it would as it was read, or after the turn before.
        """
        assert self._weights is not None
        if len(message.split()) > SHORT or (scores["smalltalk"] >= THANKS and not self._lexicon.mentions(message)):
            return scores
        read, after = self._signs([as_read, f"{before} {message}"], embed)
        likely = _likely(read)
        placed = {**scores, **{name: min(scores[name], float(likely[OUTCOMES.index(name)])) for name in ("out_of_scope", "smalltalk")}}
        if len(message.split()) > FRAGMENT or speaks_of_someone(message):
            return placed
        return self._no_higher(placed, combine(self._weights, read, (), [after]))

    def _in_context(self, scores: dict[str, float], joined: Sequence[Vector], refusal: bool, danger: bool) -> dict[str, float]:
        """The `scores` of a fragment, no higher than its joined forms make them: for a `refusal` the turn before with it, for crisis and
        emergency (`danger`) any of them. Danger that only the fragment itself shows is left high enough for the line of support.
        """
        assert self._weights is not None
        limited = dict(scores)
        if refusal:
            limited["refusal"] = min(scores["refusal"], combine(self._weights, joined[-1], (), ())["refusal"])
        return self._no_higher(limited, combine(self._weights, joined[-1], (), joined[:-1])) if danger else limited

    def _no_higher(self, scores: dict[str, float], together: Mapping[str, float]) -> dict[str, float]:
        """The `scores` with crisis and emergency no higher than `together` has them, but high enough for the line of support."""
        limited = {name: min(scores[name], max(together[name], self._thresholds[f"{name}_strip"])) for name in ("emergency", "crisis")}
        return {**scores, **limited}

    def _signs(self, texts: Sequence[str], embed: Embed) -> list[Vector]:
        """For each text the probability of each outcome, how near it is to the examples of each, and its probability by the model's own
        layers: shape (3, outcomes). All together, because the table of examples is read from memory once.
        """
        assert self._weights is not None
        vectors = [embed(text) for text in texts]
        near = nearness(self._weights, np.stack(vectors))
        likely = [
            probabilities(self._weights, dense_features(vector, text, self._lexicon), ngrams(text))
            for text, vector in zip(texts, vectors, strict=True)
        ]
        return [np.stack([likely[row], near[row], embed.labels(text)]) for row, text in enumerate(texts)]


WEIGHED = ("emergency", "crisis", "refusal")  # what is decided by a threshold on whole message and sentences together
EVIDENCE = (
    "whole", "worst sentence", "general", "sentences",
    "near", "near general", "near other", "sentence near", "sentence nearer",
    "labelled", "worst sentence labelled", "labelled general",
)  # fmt: skip


def evidence(outcomes: Sequence[str], whole: Vector, parts: Sequence[Vector]) -> dict[str, Vector]:
    """For each of `WEIGHED`, what speaks for it (`EVIDENCE`), from the signs (3, outcomes) of the whole message and of its sentences.

    Log-odds of the whole and of the worst sentence, how general the whole looks, how many sentences there are; then how near the whole is
    to examples of it, to general ones and to those of anything else, and how near a sentence comes to it, in itself and beyond the
    general ones; and the first three again by the model's own layers. A sentence out of its context misleads, so the two are weighed, not
    maximised.
    """
    index = {name: position for position, name in enumerate(outcomes)}
    columns = {"emergency": [index["emergency"]], "crisis": [index["crisis"]], "refusal": [index[name] for name in REFUSALS]}
    general = index["general"]
    found = {}
    for name, chosen in columns.items():
        others = [position for position in index.values() if position not in chosen]
        alone = float(whole[0, chosen].sum())
        sentences = parts or [whole]
        found[name] = np.array(
            [
                _log_odds(alone),
                _log_odds(max(float(part[0, chosen].sum()) for part in sentences)),
                whole[0, general],
                np.log1p(len(parts)),
                whole[1, chosen].max(),
                whole[1, general],
                whole[1, others].max(),
                max(part[1, chosen].max() for part in sentences),
                max(part[1, chosen].max() - part[1, general] for part in sentences),
                _log_odds(float(whole[2, chosen].sum())),
                _log_odds(max(float(part[2, chosen].sum()) for part in sentences)),
                whole[2, general],
            ],
            dtype=np.float32,
        )
    return found


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return float(np.log(bounded / (1 - bounded)))


def combine(
    weights: Mapping[str, NDArray[Any]], whole: Vector, parts: Sequence[Vector], joined: Sequence[Vector], alone: bool = False
) -> dict[str, float]:
    """One score per outcome, and one for any refusal, from the signs of the whole message, its sentences, and its joined forms; with
    `alone`, the joined forms count for crisis and emergency only.
    """
    outcomes = [str(name) for name in weights["outcomes"]]
    likely = _likely(whole)
    result = {name: float(likely[position]) for position, name in enumerate(outcomes)}
    kinds = [outcomes.index(name) for name in REFUSALS]
    for form in (whole, *joined):
        for name, found in evidence(outcomes, form, parts).items():
            score = float(1 / (1 + np.exp(-(weights[f"second_{name}"][:-1] @ found + weights[f"second_{name}"][-1]))))
            if form is whole or (score > result[name] and not (alone and name == "refusal")):
                result[name] = score
    best = max(map(_likely, (whole, *(() if alone else joined), *parts)), key=lambda item: float(item[kinds].sum()))
    result.update({name: float(best[position]) for name, position in zip(REFUSALS, kinds, strict=True)})
    return result


def _likely(signs: Vector) -> Vector:
    """Probability of each outcome: the mean of the classifier's and of the model's own layers', where it has them."""
    mean: Vector = signs[[0, 2]].mean(axis=0) if signs[2].any() else signs[0]
    return mean


def split_message(message: str) -> list[str]:
    """The sentences of a message with at least three words, when there is more than one."""
    spans = sentence_spans(message)
    lines = [part.strip() for start, end in spans for part in re.split(r"[\n;]+|(?<=[.!?])\s+", message[start:end])]
    sentences = [part for part in lines if len(part.split()) >= 3]
    return sentences[:MAX_SENTENCES] if len(sentences) > 1 or (sentences and len(spans) > 1) else []


def _is_whole(folded: str) -> bool:
    """Whether a message is a question with a verb of its own, not a fragment."""
    return bool(_WHOLE_QUESTION.search(folded)) and len(folded.split()) >= 4


def _person(message: str, verdict: Verdict) -> Person:
    """Whom a crisis is about, for the wording of the card."""
    if verdict.person != "self" and verdict.reason.startswith("pattern"):
        return verdict.person
    folded = plain(message)
    if _HARM_OTHERS.search(folded):
        return "harm"
    if _OTHER_PERSON.search(folded) and not _OWN_RISK.search(folded):
        return "other"
    return "self"


def speaks_of_someone(text: str) -> bool:
    """Whether a text speaks of the writer or of somebody known to them."""
    folded = plain(text)
    return bool(_FIRST_PERSON.search(folded) or _OTHER_PERSON.search(folded))


def safe_verdict(reason: str) -> Verdict:
    """What is shown when the guard itself fails: the crisis card, never a passage."""
    return Verdict("crisis", True, reason=reason, language=LANGUAGES[0])
