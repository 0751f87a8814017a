"""What the guard's classifier sees of a text: the sentence embedding, hashed word and character n-grams, and a few named features."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntqa.lexicon import Lexicon
from ntqa.normalise import plain

Vector = NDArray[np.float32]

BUCKETS = 1 << 15  # of the hashed n-grams: about three times the distinct ones in the guard data, so collisions are rare
EMBEDDING_SCALE = 3.0  # sets how much regularisation lets the embedding speak beside the n-grams
NGRAM_SCALE = 2.0

_PERSON = (
    r"(?:my|our|her|his|a) (?:\w+ ){0,2}(?:son|daughter|kid|child|baby|toddler|boy|girl|mom|mum|mother|dad|father|parents?|wife|husband|partner|"
    r"boyfriend|girlfriend|bf|gf|brother|sister|aunt|uncle|niece|nephew|gran(?:ny|dma|dpa|dmother|dfather|ddaughter|dson)?|nan|cousin|friend|"
    r"roommate|flatmate|housemate|neighbou?r|colleague|coworker|student|patient|client|teen(?:ager)?|dog|cat|in-law)\b"
)
_SIGNS: Mapping[str, str] = {
    "I": r"\b(?:i|im|ive|id|ill|i'm|i've|i'd|me|myself)\b",
    "my": r"\bmy\b",
    "other person": _PERSON,
    "he or she": r"\b(?:he|she|him|her|his|hers|he's|she's|shes|hes)\b",
    "age or weight": r"\b\d{1,3} ?-?(?:years?|yrs?|yo|y/o|kgs?|kilos?|lbs?|pounds?|stone)\b|\bweigh",
    "amount": r"\b\d+(?:[.,]\d+)? ?(?:mg|mcg|g|grams?|iu|ml|pills?|tabs?|tablets?|capsules?|drops|puffs|units?)\b",
    "number": r"\d",
    "how much": r"\bhow (?:much|many|often|long between)\b|\bhow (?:high|low) (?:a )?dos",
    "dose word": r"\b(?:dos(?:e|es|age|ing)|amount|milligrams?|mgs?|taper|half|double|twice|extra|missed|skipp?ed|forgot|split|cut|maximum|max)\b",
    "when to take": r"\b(?:morning|night|bedtime|with food|empty stomach|before bed|time of day|hours apart|spac)",
    "should I": r"\b(?:should|shud|shld|shall|ought) (?:i|we|he|she|they|my|u)\b|\bdo i (?:need|have) to\b|\bis it time\b",
    "can I": r"\b(?:can|could|may|cud|might|am|are) (?:i|we|he|she|they|my)\b",
    "safe for me": r"\b(?:safe|ok|okay|alright|fine|bad|wise|allowed|smart|good idea|dangerous)\b.{0,20}\b(?:to|for|if|that) (?:i|me|my|him|her|us|we)\b",
    "safe to": r"\b(?:safe|ok|okay|alright|fine) (?:to|with)\b",
    "which": r"\bwhich (?:one|is|of|would|med|ssri|antidepressant)|\bbetter for (?:me|my|him|her)\b|\b(?:recommend|suggest|prescribe|pick|choose)\b",
    "change": r"\b(?:start|stop|quit|switch|swap|add|combine|mix|restart|come off|came off|go off|get off|wean|replace|ditch|continue|stay on|keep taking)",
    "have I": r"\b(?:do|does|did|have|has|is|am|are|could|cud|might) (?:i|he|she|we|it|this|that|my|these)\b",
    "whats wrong": r"\b(?:what(?:'?s| is) wrong|why (?:am|do|does|is|are|cant|can't|did) (?:i|my|he|she|we)|sign that i|mean i|means i|am i just)\b",
    "result": r"\b(?:results?|scored?|levels?|labs?|blood ?work|readings?|reports?|range|came back|ng/ml|nmol|test(?:ed)?)\b",
    "my result": r"\b(?:my|his|her|our|came back|i (?:got|scored|tested)|says?)\b.{0,30}\b(?:results?|scores?d?|levels?|labs?|tests?|panel|genes?|scan|phq|gad)",
    "pregnant": r"\b(?:pregnan|breastfeed|nursing|trying to conceive|ttc|expecting)",
    "now": r"\b(?:now|just|tonight|today|minutes? ago|hours? ago|hr ago|hrs ago|this morning|suddenly|right now|rn|at the moment|last night)\b",
    "took": r"\b(?:took|taken|swallowed|ate|drank|od|od'd|overdosed?|ingested|downed|popped)\b",
    "body danger": r"\b(?:breath|seizure|fit|unconscious|wake|collapsed|chest|blue|swell|swollen|fever|rigid|stiff|jerk|twitch|confus|rash|faint|vomit|shak|convuls|hallucinat)",
    "death": r"\b(?:die|dying|dead|death|kill|suicid|unalive|kms|end (?:it|my|things)|overdose|self.?harm|hurt myself|cut(?:ting)? myself|not (?:be )?here)",
    "despair": r"\b(?:hopeless|burden|pointless|no point|goodbye|better off|give up|can'?t go on|cant do this|no reason|worthless|disappear|wake up)",
    "general opening": r"^(?:hi|hello|hey|ok|okay|so|and|but|please|,| )*(?:what (?:is|are|does|do|was|were|happens|makes|kind)|how (?:do|does|is|are|did|long|well|common)|why (?:do|does|is|are|would|did)|"
    r"is (?:there|it true|\w+ (?:a|an|addictive|safe|really))|are (?:there|\w+ (?:addictive|safe))|does|do (?:\w+s|people)|which|who|when (?:do|does|was|should people)|explain|tell me about|difference between|can (?:\w+ ){1,3}(?:cause|help|raise|lower|increase|affect|make))\b",
    "people": r"\b(?:people|patients|someone|somebody|person|adults|children|women|men|studies|study|research(?:ers)?|trials?|evidence|scientists|doctors|brain|body)\b",
    "question": r"\?",
    "title or work": r"\b(?:movie|film|book|song|novel|lyrics|series|documentary|essay|paper|class|exam|article|thesis|homework|episode)\b",
    "other language": r"\b(?:que|qué|el|los|una|para|estoy|quiero|muy|je|suis|les|des|une|est|pas|mon|ich|nicht|und|der|die das|mein|habe|mit|bin|kann|pero|mas|mich|moi|mi hijo)\b",
    "thanks or greeting": r"^(?:hi|hello|hey|thanks?|thank you|thx|ty|cheers|bye|good (?:morning|evening|night|afternoon)|yo|sup|cool|ok|okay|lol|great|nice|wow)\b",
    "you": r"\b(?:you|your|u|ur|yourself|this (?:app|bot|site|chat|tool|page))\b",
}
_PATTERNS = tuple(re.compile(pattern) for pattern in _SIGNS.values())
NAMED = (*_SIGNS, "substances", "two substances", "any topic", "words", "sentences")
DENSE_SIZE_WITHOUT_EMBEDDING = len(NAMED)


def named_features(text: str, lexicon: Lexicon) -> Vector:
    """The features of `NAMED`, each between 0 and about 1; `text` as typed."""
    folded = plain(text)
    values = [float(bool(pattern.search(folded))) for pattern in _PATTERNS]
    mentions = lexicon.mentions(text)
    substances = {(item.topic_id, item.member) for item in mentions if lexicon.is_substance(item.topic_id)} | set(lexicon.other_names(text))
    count = folded.count(" ") + 1
    values += [float(bool(substances)), float(len(substances) > 1), float(bool(mentions)), min(count, 60) / 60]
    values.append(min(len(re.findall(r"[.!?\n]+", text)), 6) / 6)
    return np.array(values, dtype=np.float32)


def ngrams(text: str) -> tuple[NDArray[np.int64], Vector]:
    """Buckets and weights (unit length together) of the word 1-2-grams and character 3-5-grams of a text."""
    tokens = re.findall(r"[a-z0-9']+|[?!]", plain(text)[:1500])
    counts: dict[int, int] = {}
    previous = "^"
    for token in tokens:
        for bucket in (*_word_buckets(token), _bucket(f"{previous} {token}")):
            counts[bucket] = counts.get(bucket, 0) + 1
        previous = token
    buckets = np.fromiter(counts.keys(), dtype=np.int64, count=len(counts))
    weights = np.log1p(np.fromiter(counts.values(), dtype=np.float32, count=len(counts)))
    norm = float(np.sqrt((weights**2).sum())) or 1.0
    return buckets, (weights * (NGRAM_SCALE / norm)).astype(np.float32)


def _word_buckets(token: str) -> tuple[int, ...]:
    padded = f"<{token}>"
    grams = {padded[start : start + size] for size in (3, 4, 5) for start in range(len(padded) - size + 1)}
    return (_bucket(f"w {token}"), *(_bucket(f"c {gram}") for gram in sorted(grams)))


def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode()) & (BUCKETS - 1)


def dense_features(vector: Vector, text: str, lexicon: Lexicon) -> Vector:
    """Embedding and named features as one vector."""
    return np.concatenate([vector * EMBEDDING_SCALE, named_features(text, lexicon)]).astype(np.float32)


def probabilities(weights: Mapping[str, NDArray[Any]], dense: Vector, sparse: tuple[NDArray[np.int64], Vector]) -> Vector:
    """Softmax of the linear scores, shape (outcomes,), in the order of `weights["outcomes"]`."""
    buckets, values = sparse
    logits = weights["dense"] @ dense + weights["bias"] + weights["ngrams"][buckets].T @ values
    exponents = np.exp(logits - logits.max())
    result: Vector = exponents / exponents.sum()
    return result


NEIGHBOURS = 3  # examples of each outcome that a text is compared with: one alone may be odd


def example_table(vectors: Vector, labels: NDArray[np.int64], outcomes: int) -> dict[str, NDArray[Any]]:
    """The examples' unit vectors, shape (examples, dimension), in the order of their outcomes, and where each outcome begins and ends."""
    order = np.argsort(labels, kind="stable")
    return {"examples": vectors[order], "example_bounds": np.searchsorted(labels[order], np.arange(outcomes + 1))}


def nearness(table: Mapping[str, NDArray[Any]], vectors: Vector) -> Vector:
    """For each text and outcome, the mean cosine of the outcome's `NEIGHBOURS` examples that are nearest, shape (texts, outcomes); 0 where
    it has none. `vectors`: (texts, dimension).
    """
    similar = vectors @ table["examples"].T
    result = np.zeros((len(vectors), len(table["example_bounds"]) - 1), dtype=np.float32)
    for outcome, (first, last) in enumerate(pairwise(table["example_bounds"])):
        own = similar[:, first:last]
        if last - first > NEIGHBOURS:
            own = np.partition(own, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS:]
        if own.shape[1]:
            result[:, outcome] = own.mean(axis=1)
    return result
