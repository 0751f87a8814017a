"""The names that the corpus knows: which topics a text names, and which word a misspelt word was meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rapidfuzz.distance import OSA

from ntqa.schema import SUBSTANCE_KINDS, Corpus
from ntqa.words import STOP_WORDS, stem, words

MAX_NAME_WORDS = 7


@dataclass(frozen=True, slots=True)
class Mention:
    """A topic named in a text, at words [start, end)."""

    topic_id: str
    member: str  # "sertraline" for "Zoloft"; "" when the topic itself is named
    start: int
    end: int


def _singular(word: str) -> str:
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def name_key(name: str) -> tuple[str, ...]:
    """The form in which names are compared: folded words in the singular."""
    return tuple(_singular(word) for word in words(name))


class Lexicon:
    """Names of topics and their members, and the vocabulary of the corpus."""

    def __init__(self, corpus: Corpus, common_words: frozenset[str] = frozenset()) -> None:
        """`common_words`: words of the language that are never taken for a misspelling."""
        self.topics = corpus.topics
        self._common = common_words
        self._names: dict[tuple[str, ...], tuple[str, str]] = {}
        self._other = {name_key(name) for name in corpus.other_names}
        for topic_id, name, member in topic_names(corpus):
            key = name_key(name)
            self._names.setdefault(key, (topic_id, member))
            joined = "".join(key)  # "5 htp" is also typed "5htp"; but "SAM-e" is not the word "same"
            if joined not in STOP_WORDS and joined not in common_words:
                self._names.setdefault((joined,), (topic_id, member))
        self._name_words = {word for key in self._names for word in key}
        text_words: set[str] = set()
        for passage in corpus.passages.values():
            text_words.update(words(passage.title))
            text_words.update(words(passage.text))
        self._vocabulary = sorted(word for word in text_words | self._name_words | STOP_WORDS if len(word) >= 4 and not word.isdigit())
        known = set(text_words) | self._name_words
        for passage in corpus.passages.values():
            for question in passage.questions:
                known.update(words(question))
        self._known = known
        self._known_stems = {stem(word) for word in known}
        self._corrected: dict[str, str] = {}

    def is_substance(self, topic_id: str) -> bool:
        topic = self.topics.get(topic_id)
        return topic is not None and topic.kind in SUBSTANCE_KINDS

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """The topics named in `text`, in order; the longest name wins."""
        tokens = [_singular(word) for word in words(text)]
        found: list[Mention] = []
        position = 0
        while position < len(tokens):
            for length in range(min(MAX_NAME_WORDS, len(tokens) - position), 0, -1):
                named = self._names.get(tuple(tokens[position : position + length]))
                if named:
                    found.append(Mention(*named, position, position + length))
                    position += length
                    break
            else:
                position += 1
        return tuple(found)

    def canonical(self, text: str) -> str:
        """`text` with each named topic under the corpus's own name: "zoloft weight gain" -> "sertraline (SSRIs) weight gain"."""
        tokens = words(text)
        pieces: list[str] = []
        position = 0
        for mention in self.mentions(text):
            name = self.topics[mention.topic_id].name
            pieces += tokens[position : mention.start]
            pieces.append(f"{mention.member} ({name})" if mention.member else name)
            position = mention.end
        return " ".join([*pieces, *tokens[position:]])

    def other_names(self, text: str) -> tuple[str, ...]:
        """Names in `text` of things that the corpus knows it does not cover."""
        tokens = [_singular(word) for word in words(text)]
        taken = {index for mention in self.mentions(text) for index in range(mention.start, mention.end)}
        found = []
        for length in range(4, 0, -1):
            for position in range(len(tokens) - length + 1):
                spot = set(range(position, position + length))
                if tuple(tokens[position : position + length]) in self._other and not spot & taken:
                    found.append(" ".join(tokens[position : position + length]))
                    taken |= spot
        return tuple(found)

    def knows(self, word: str) -> bool:
        """Whether a folded word occurs in the corpus, in any inflected form."""
        return stem(word) in self._known_stems or _singular(word) in self._name_words

    def is_common(self, word: str) -> bool:
        """Whether the language, not only this corpus, has the word."""
        return word in self._common or _singular(word) in self._common or word.isdigit()

    def correct(self, text: str) -> tuple[tuple[str, str], ...]:
        """(typed, meant) for each word of `text` that is clearly a misspelling of one word of the corpus."""
        pairs = []
        for word in dict.fromkeys(words(text)):
            meant = self._correct_word(word)
            if meant and meant != word:
                pairs.append((word, meant))
        return tuple(pairs)

    def _correct_word(self, word: str) -> str:
        if word not in self._corrected:
            if len(self._corrected) > 10_000:  # a bounded memory; misspellings repeat, floods of junk do not
                self._corrected.clear()
            self._corrected[word] = self._nearest(word)
        return self._corrected[word]

    def _nearest(self, word: str) -> str:
        if len(word) < 4 or len(word) > 30 or word in STOP_WORDS or not word.isalpha():
            return ""
        if word in self._known or _singular(word) in self._known or self.is_common(word) or (_singular(word),) in self._other:
            return ""
        inflected = self.knows(word)  # "supplementing" beside "supplement"; but "creatin" has the stem of "creatine" and is none
        allowed = 1 if len(word) < 7 else 2 if len(word) < 12 else 3
        best: tuple[float, int, str] | None = None
        second = 99.0
        for candidate in self._vocabulary:
            if abs(len(candidate) - len(word)) > allowed or (inflected and candidate not in self._name_words):
                continue
            distance = OSA.distance(word, candidate, score_cutoff=allowed)
            if distance > allowed or (candidate[0] != word[0] and distance > 1):
                continue
            rank = (distance, 0 if candidate in self._name_words else 1, candidate)
            if best is None or rank < best:
                if best is not None and stem(best[2]) != stem(candidate):
                    second = best[0]
                best = rank
            elif stem(candidate) != stem(best[2]):
                second = min(second, distance)
        if best is None:
            return ""
        # Two different names equally near: guessing between medicines is worse than not guessing.
        if second == best[0] and best[2] in self._name_words and best[0] > 1:
            return ""
        return best[2]


def topic_names(corpus: Corpus) -> Iterable[tuple[str, str, str]]:
    """(topic id, name, member) of every name in the corpus: the topic's own name first, then aliases, members, their brands."""
    for topic in corpus.topics.values():
        yield topic.id, topic.name, ""
        for alias in topic.aliases:
            yield topic.id, alias, ""
        for member, brands in topic.members.items():
            for name in (member, *brands):
                yield topic.id, name, member


def replace_words(text: str, corrections: Mapping[str, str]) -> str:
    """`text` with misspelt words exchanged, all other characters as they were."""
    if not corrections:
        return text
    pieces = []
    for piece in text.split(" "):
        folded = words(piece)
        if len(folded) == 1 and folded[0] in corrections:
            core = piece.strip("\"'.,;:!?()[]")
            piece = piece.replace(core, corrections[folded[0]]) if core else piece
        pieces.append(piece)
    return " ".join(pieces)
