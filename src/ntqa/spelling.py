"""The words that the corpus and the language know, and which of them a misspelt word was meant to be."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from string import ascii_lowercase

from jellyfish import metaphone
from rapidfuzz import process
from rapidfuzz.distance import OSA, Indel

from ntqa.schema import Corpus
from ntqa.words import STOP_WORDS, TEXTING, WORD, name_key, singular, stem, words

# Greek spellings in the plainer one ("sycotics", "metilfenidate"); in short words they tell words apart ("forty", "froth").
_PLAINER = ((re.compile(r"^ps"), "s"), (re.compile(r"ych"), "yk"), (re.compile(r"th"), "t"))
# Letters that are taken for others of the same sound ("detocks", "exersize"): unlike the consonants of a sound, these leave the vowels as they are.
_SAME = tuple(
    (re.compile(spelling), plainer)
    for spelling, plainer in (("ph", "f"), ("qu", "kw"), ("x", "ks"), ("ck", "k"), ("c(?=[eiy])", "s"), ("c(?!h)", "k"), ("y", "i"), ("z", "s"), ("e$", ""))
)
USUAL = 5  # times that a word occurs in the texts, from which it may be what a short misspelling means
LONG = 7  # letters; of a word that tells a name by itself


def _sound(word: str) -> str:
    """How a word sounds, by its consonants; doubled ones count once."""
    for spelling, plainer in _PLAINER if len(word) > 6 else ():
        word = spelling.sub(plainer, word)
    return _single(metaphone(word))


def _single(word: str) -> str:
    """`word` with doubled letters once."""
    return re.sub(r"(.)\1+", r"\1", word)


def _letters(word: str) -> str:
    """A word with one letter for each sound that has several, doubled ones once."""
    for spelling, plainer in _SAME:
        word = spelling.sub(plainer, word)
    return _single(word)


class Spelling:
    """The vocabulary of a corpus."""

    def __init__(self, corpus: Corpus, names: Mapping[tuple[str, ...], tuple[str, str]], common_words: frozenset[str] = frozenset()) -> None:
        """`names`: keys of names (`words.name_key`), each with its topic and member. `common_words`: words of the language that are never
        taken for a misspelling.
        """
        self._names = names
        self._common = common_words
        self._other = {name_key(name) for name in corpus.other_names}
        self._own = {name_key(name) for topic in corpus.topics.values() for name in (topic.name, *topic.members)}
        self._names_with: dict[str, list[tuple[int, tuple[str, ...]]]] = {}  # word -> its places in names of several words
        for key in self._names:
            for at, word in enumerate(key if len(key) > 1 else ()):
                self._names_with.setdefault(word, []).append((at, key))
        text_words: Counter[str] = Counter()
        asked_words: set[str] = set()
        for passage in corpus.passages.values():
            text_words.update(words(f"{passage.title} {passage.text}"))
            for question in passage.questions:
                asked_words.update(words(question))
        self._frequency = text_words
        # What a misspelling can be meant to be: words of titles and texts, and single-word names, but none that is misspelt itself.
        self._single_names = {key[0]: topic_id for key, (topic_id, _) in names.items() if len(key) == 1}
        misspelt = self._misspelt_names(corpus, text_words)
        self._vocabulary = sorted(
            word for word in (set(text_words) | set(self._single_names) | STOP_WORDS) - misspelt if len(word) >= 4 and not word.isdigit()
        )
        self._well_spelt = frozenset(self._vocabulary)
        self._by_letters: dict[str, list[str]] = {}
        for word in self._vocabulary:
            self._by_letters.setdefault(_letters(word), []).append(word)
        self._name_words = {word for key in names for word in key}
        self._known_stems = {stem(word) for word in set(text_words) | self._name_words | asked_words}

    @staticmethod
    def _misspelt_names(corpus: Corpus, text_words: Mapping[str, int]) -> set[str]:
        """Names that are given because readers misspell them: in no text, and a few letters away from another name of their topic."""
        own: dict[str, set[str]] = {}
        proper: dict[str, set[str]] = {}
        for topic in corpus.topics.values():
            for name in (topic.name, *topic.members):
                proper.setdefault(topic.id, set()).update(words(name))
        for topic_id, name, _ in corpus.names():
            key = name_key(name)
            if len(key) == 1:
                kind = proper if text_words[key[0]] else own
                kind.setdefault(topic_id, set()).add(key[0])
        return {
            name
            for topic_id, names in own.items()
            for name in names - proper.get(topic_id, set())
            if any(OSA.distance(name, other, score_cutoff=3) <= 3 for other in proper.get(topic_id, ()) if len(other) > 4)
        }

    def knows(self, word: str) -> bool:
        """Whether a folded word occurs in the corpus, in any inflected form."""
        return stem(word) in self._known_stems or singular(word) in self._name_words

    def is_common(self, word: str) -> bool:
        """Whether the language, not only this corpus, has the word."""
        return word in self._common or singular(word) in self._common or word.isdigit()

    def is_word(self, word: str) -> bool:
        """Whether the corpus or the language has a folded word."""
        return self.knows(word) or self.is_common(word)

    def oddness(self, word: str) -> float:
        """How unlike every word of the corpus a folded word is, from 0 to 1: less for a misspelling than for an invented name."""
        best = process.extractOne(word, self._vocabulary, scorer=Indel.normalized_similarity)
        return 1.0 - best[1] if best else 1.0

    def correct(self, text: str) -> tuple[tuple[str, str], ...]:
        """(typed, meant) for each word of `text` that is clearly a misspelling of one word of the corpus."""
        found = words(text)
        pairs = self._correct_names(found)
        for word in dict.fromkeys(found):
            meant = pairs.get(word) or self._from_texting(word) or self._correct_word(word)
            if meant and meant != word:
                pairs[word] = meant
        return tuple(pairs.items())

    def _correct_names(self, found: Sequence[str]) -> dict[str, str]:
        """Misspelt words of names of several words, known by the words beside them: "st jons wort"."""
        pairs: dict[str, str] = {}
        for position, word in enumerate(found):
            for at, name in self._names_with.get(word, ()):
                window = found[max(position - at, 0) : position - at + len(name)]
                sure = len(name) > 2 or self._is_rare(word)
                if len(window) == len(name) and all(self._is_slip(typed, meant, sure) for typed, meant in zip(window, name, strict=True)):
                    pairs.update((typed, meant) for typed, meant in zip(window, name, strict=True) if singular(typed) != meant)
        return pairs

    def _is_slip(self, typed: str, meant: str, sure: bool) -> bool:
        """Whether a word is the one that is meant or one letter away from it, and no word of its own unless the words beside it make the
        name `sure`: "lumber puncture".
        """
        if singular(typed) == meant:
            return True
        if len(typed) < 4 or not typed.isalpha() or typed[0] != meant[0] or (not sure and (self.is_common(typed) or self._frequency[typed])):
            return False
        return OSA.distance(singular(typed), meant, score_cutoff=1) <= 1

    def _is_rare(self, word: str) -> bool:
        """Whether a long word is part of names of several words of one topic only, so that it tells the topic by itself."""
        return len(word) >= LONG and len({self._names[name][0] for _, name in self._names_with.get(word, ())}) == 1

    def _from_texting(self, word: str) -> str:
        return "" if (word,) in self._names or self._frequency[word] else TEXTING.get(word, "")

    def _short_word(self, word: str) -> str:
        """The one word of the texts with a letter more that a word of four letters, not its own, sounds like: "blod"."""
        near = {
            candidate
            for candidate in (word[:at] + letter + word[at:] for at in range(1, 5) for letter in ascii_lowercase)
            if candidate in self._well_spelt and self._frequency[candidate] >= USUAL and _sound(candidate) == _sound(word)
        }
        return near.pop() if len(near) == 1 else ""

    def _short_name(self, word: str) -> str:
        """The one name of four letters that a word of four letters, not its own, sounds like: "pmmd"."""
        near = {
            name
            for name in self._single_names
            if len(name) == 4 and name[0] == word[0] and _sound(name) == _sound(word) and OSA.distance(name, word, score_cutoff=1) <= 1
        }
        return near.pop() if len(near) == 1 else ""

    def _correct_word(self, word: str) -> str:
        if not 4 <= len(word) <= 30 or word in STOP_WORDS or not word.isalpha():
            return ""
        if self._frequency[word] or self._frequency[singular(word)] or self.is_common(word) or (singular(word),) in self._other:
            return ""
        if word in self._well_spelt:
            return ""
        # A word of curated questions or of the aliases may be misspelt there on purpose; it can then only be meant to be a name.
        known = self.knows(word)
        if len(word) == 4:  # so short a word is near to too many others; only swapped letters are clear ("wrok")
            swapped = {word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(3)} & (STOP_WORDS | self._frequency.keys())
            if known:
                return ""
            return swapped.pop() if len(swapped) == 1 else self._short_name(word) or self._short_word(word)
        own = self._single_names.get(singular(word), "")
        alike = self._by_letters.get(_letters(word), ())
        if alike and not known and not own and len({stem(item) for item in alike}) == 1:
            return max(alike, key=lambda item: self._frequency[item])
        allowed = 1 if len(word) < 9 else 2 if len(word) < 12 else 3
        sound = _sound(word)
        found: list[tuple[float, bool, int, str]] = []
        for candidate, distance, _ in process.extract_iter(word, self._vocabulary, scorer=OSA.distance, score_cutoff=allowed + 1):
            topic = self._single_names.get(candidate, "")
            if (known and not topic) or (own and topic != own):
                continue
            near = distance <= allowed and candidate[0] == word[0]
            if known and not own:  # in curated questions: another form of the name, or the name as it sounds?
                form = len(word) > len(candidate) and word.startswith(candidate[:-1]) and _single(word) != _single(candidate)
                near = near and not form and _sound(candidate) == sound
            # One letter more may be wrong in a word that sounds the same ("sinaps").
            if near or (not known and len(sound) > 2 and _sound(candidate) == sound):
                found.append((distance, not topic, -self._frequency[candidate], candidate))
        if not found:
            return ""
        best = min(found)
        rivals = [item for item in found if item[:2] == best[:2] and stem(item[-1]) != stem(best[-1])]
        if (best[-1],) in self._own:  # rather than what belongs to it: "gaba" than "gabab"; but "placebo" and "nocebo" remain rivals
            rivals = [item for item in rivals if self._names[item[-1],] != self._names[best[-1],]]
        # Two different names equally near: guessing between medicines is worse than not guessing.
        return "" if rivals and not best[1] else best[-1]


def replace_words(text: str, corrections: Mapping[str, str]) -> str:
    """`text` with misspelt words exchanged, all other characters as they were."""

    def exchanged(match: re.Match[str]) -> str:
        folded = words(match.group())
        return corrections.get(folded[0], match.group()) if len(folded) == 1 else match.group()

    return WORD.sub(exchanged, text) if corrections else text
