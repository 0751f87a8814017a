"""The names that the corpus knows, and which topics a text names by them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ntqa.schema import SUBSTANCE_KINDS, Corpus
from ntqa.spelling import Spelling
from ntqa.words import STOP_WORDS, WORD, name_key, singular, words

_PAIR = re.compile(rf"(?=\b({WORD.pattern})[ -]({WORD.pattern}))")
LONG = 7  # letters; of a name that is told from chance by its length


@dataclass(frozen=True, slots=True)
class Mention:
    """A topic named in a text, at words [start, end)."""

    topic_id: str
    member: str  # "sertraline" for "Zoloft"; "" when the topic itself is named
    start: int
    end: int


class Lexicon:
    """Names of topics and their members; `spelling` knows the words of the corpus."""

    def __init__(self, corpus: Corpus, common_words: frozenset[str] = frozenset()) -> None:
        """`common_words`: words of the language that are never taken for a misspelling."""
        self.topics = corpus.topics
        self._names: dict[tuple[str, ...], tuple[str, str]] = {}
        self._of_parts: set[str] = set()  # names of several words written as one
        self._other = {name_key(name) for name in corpus.other_names}
        self._cased: dict[str, str] = {}
        for topic_id, name, member in corpus.names():
            if name.lower() in STOP_WORDS:  # "SAMe" is a supplement, "same" is a word: told apart by the capitals alone
                self._cased[name] = f"{name.lower()}{len(self._cased)}"
                name = self._cased[name]
            key = name_key(name)
            self._names.setdefault(key, (topic_id, member))
            joined = "".join(key)  # "5 htp" is also typed "5htp"; but "SAM-e" is not the word "same"
            if joined not in STOP_WORDS and joined not in common_words and (joined,) not in self._names:
                self._names[joined,] = (topic_id, member)
                self._of_parts.add(joined)
        self._cased_name = re.compile(rf"\b(?:{'|'.join(map(re.escape, self._cased)) or '(?!)'})\b")
        # The longest name that begins with a word: nearly every word begins none, and is passed over at once.
        self._longest: dict[str, int] = {}
        for key in filter(None, self._names):
            self._longest[key[0]] = max(len(key), self._longest.get(key[0], 0))
        self._titles = {(passage.topic_id, item.topic_id) for passage in corpus.passages.values() for item in self.mentions(passage.title)}
        self.spelling = Spelling(corpus, self._names, common_words)

    def is_substance(self, topic_id: str) -> bool:
        topic = self.topics.get(topic_id)
        return topic is not None and topic.kind in SUBSTANCE_KINDS

    def with_parents(self, topic_ids: Iterable[str]) -> tuple[str, ...]:
        """`topic_ids` and the topics that they are part of: what is said of antidepressants is said of SSRIs."""
        own = tuple(topic_ids)
        return tuple(dict.fromkeys((*own, *(parent for topic_id in own for parent in self.topics[topic_id].part_of))))

    def speaks_of(self, topic_id: str, other_id: str) -> bool:
        """Whether a passage of a substance has another topic in its title: "Caffeine and sleep"."""
        return self.is_substance(topic_id) and topic_id != other_id and (topic_id, other_id) in self._titles

    def mentions(self, text: str) -> tuple[Mention, ...]:
        """The topics named in `text`, in order; the longest name wins."""
        tokens = [singular(word) for word in words(self._cased_name.sub(lambda match: self._cased[match.group()], text))]
        found: list[Mention] = []
        position = 0
        while position < len(tokens):
            for length in range(min(self._longest.get(tokens[position], 0), len(tokens) - position), 0, -1):
                named = self._names.get(tuple(tokens[position : position + length]))
                if named:
                    found.append(Mention(*named, position, position + length))
                    position += length
                    break
            else:
                position += 1
        return tuple(found)

    def canonical(self, text: str) -> str:
        """`text` with each named topic under the corpus's own name: "zoloft weight gain" -> "sertraline (SSRIs) weight gain"; `text` itself when it is so already."""
        tokens = words(text)
        pieces: list[str] = []
        position = 0
        for mention in self.mentions(text):
            name = self.topics[mention.topic_id].name
            pieces += tokens[position : mention.start]
            pieces.append(f"{mention.member} ({name})" if mention.member else name)
            position = mention.end
        renamed = " ".join([*pieces, *tokens[position:]])
        return text if words(renamed) == tokens else renamed

    def other_names(self, text: str) -> tuple[str, ...]:
        """Names in `text` of things that the corpus knows it does not cover."""
        tokens = [singular(word) for word in words(text)]
        taken = {index for mention in self.mentions(text) for index in range(mention.start, mention.end)}
        found = []
        for length in range(4, 0, -1):
            for position in range(len(tokens) - length + 1):
                spot = set(range(position, position + length))
                if tuple(tokens[position : position + length]) in self._other and not spot & taken:
                    found.append(" ".join(tokens[position : position + length]))
                    taken |= spot
        return tuple(found)

    def joined(self, text: str) -> str:
        """`text` with names of one word that were typed as two put together: "anti depressants", "vit b 12"."""
        for match in _PAIR.finditer(text):
            parts = words(" ".join(match.groups()))
            name = "".join(parts)
            (key,) = name_key(name)
            long = len(name) >= LONG or not name.isalpha()
            if long and (key,) in self._names and key not in self._of_parts and not STOP_WORDS & set(parts) and tuple(parts) not in self._names:
                start, end = match.start(1), match.end(2)
                return self.joined(f"{text[:start]}{name}{text[end:]}")
        return text
