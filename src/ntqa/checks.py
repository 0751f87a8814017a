"""What a good corpus must be like: the rules of corpus/README.md that a program can check."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from ntqa.corpus import BULK_FILE
from ntqa.doses import dose_problem
from ntqa.errors import CorpusError, Problem
from ntqa.patterns import PatternSet
from ntqa.schema import MESSAGE_KEYS, Corpus, GuardPattern, Passage
from ntqa.words import fold, name_key, terms, words

WORDS = (50, 130)
QUESTIONS = (6, 16)
TITLE_LENGTH = 80
QUESTION_LENGTH = 200
LINKS = 2  # passages that may be shown beside one
REVIEW_AFTER_DAYS = 3 * 365
HELP_LINE_DAYS = 180
HELP_LINE_WARNING_DAYS = 150
SAME_TEXT = 0.7  # Jaccard similarity of word 3-grams at which two passages say the same

_DANGLING = re.compile(
    r"[\"'“‘(]*((?:However|It|Its|This|That|These|Those|They|Their|Them|But|And|Also|Thus|Therefore|Hence|Moreover|Furthermore|Additionally|Such|He|She|Instead|"
    r"Conversely|Similarly|Likewise|Nevertheless|Consequently|Then|So|Or|Because of this|As a result|On the other hand|For example|In addition)\b)",
    re.IGNORECASE,
)
_BOILERPLATE = re.compile(
    r"\b(?:we use cookies|this (?:web)?site uses cookies|(?:accept|reject) all cookies|cookie (?:preferences|policy|settings)|manage your preferences|analytics cookies|"
    r"personali[sz]ation cookies|privacy policy|all rights reserved|subscribe to|sign up for|newsletter|click here|read more|terms of (?:use|service)|share this|"
    r"add to cart)\b|©".replace(" ", r"\s+"),
    re.IGNORECASE,
)
_MARKUP = re.compile(
    r"<[a-z/!][^>]*>|https?://|www\.|\[[^\]]*\]\(|^\s*(?:[-*+>]|\d{1,2}[.)])\s|^\s*>|^#+ |`+|[•◦▪‣]|\*\*|\$\$", re.IGNORECASE | re.MULTILINE
)
_PHONE = re.compile(r"(?<![\w-])\+?\d(?:[\d\s-]*\d){2,}(?![\w-])")


_PATTERN_ID = re.compile(r"""\bid:\s*["']?([\w-]+)""")


class _Checker:
    def __init__(self, corpus: Corpus, root: Path, today: dt.date, passed: frozenset[str]) -> None:
        self.corpus, self.root, self.today, self.passed = corpus, root, today, passed
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self._files: dict[str, str] = {}

    def error(self, file: str, where: str | int, message: str, after: str = "") -> None:
        """Report `message` in line `where`, or in the first line from `after` on that holds the words `where`."""
        self.errors.append(Problem(file, where if isinstance(where, int) else self._line(file, where, after), message))

    def warn(self, file: str, needle: str, message: str) -> None:
        self.warnings.append(Problem(file, self._line(file, needle), message))

    def _text(self, file: str) -> str:
        if file not in self._files:
            try:
                self._files[file] = (self.root / file).read_text(encoding="utf-8", errors="replace")
            except OSError:
                self._files[file] = ""
        return self._files[file]

    @staticmethod
    def _pattern(needle: str) -> str:
        """Matches the words of `needle` however the lines are wrapped; YAML doubles an apostrophe between apostrophes."""
        return r"\s+".join(re.escape(word).replace("'", "''?") for word in needle.split()) or re.escape(needle)

    def _find(self, file: str, needle: str, start: int = 0) -> int:
        """Where `needle` stands in `file` from `start` on; -1 when nowhere."""
        found = re.compile(self._pattern(needle)).search(self._text(file), start) if needle else None
        return found.start() if found else -1

    def _line(self, file: str, needle: str, after: str = "") -> int:
        """The first line from `after` on that holds `needle`; that of `after` (or 1) when none does."""
        start = max(self._text(file).find(after), 0)
        return self._line_at(file, max(self._find(file, needle, start), start))

    def _line_at(self, file: str, position: int) -> int:
        return self._text(file).count("\n", 0, position) + 1

    def _body_line(self, file: str, passage: Passage, position: int = 0) -> int:
        """The line of a position in the text of a passage."""
        return self._line_at(file, max(self._text(file).find(passage.text), 0) + position)

    def curated(self) -> Iterable[tuple[Passage, str]]:
        """Passages under topics/ with their files; bulk passages keep to no house style."""
        for passage in self.corpus.passages.values():
            if passage.topic_id in self.corpus.topics:
                yield passage, f"topics/{passage.id}.md"

    # -- passages --

    def passages(self) -> None:
        for passage, file in self.curated():
            self._ids(passage, file)
            if passage.reviewed and (self.today - passage.reviewed).days > REVIEW_AFTER_DAYS:
                self.warn(file, "reviewed:", f"was last reviewed on {passage.reviewed}; review it again")
            if _passage_hash(passage) in self.passed:
                continue
            self._form(passage, file)
            for text in (passage.title, passage.text, *passage.questions):
                self.characters(file, text)
        for passage in self.corpus.passages.values():
            if passage.topic_id not in self.corpus.topics and not passage.source_ids:
                self._ids(passage, BULK_FILE)

    def _form(self, passage: Passage, file: str) -> None:
        count = len(passage.text.split())
        if not WORDS[0] <= count <= WORDS[1]:
            self.error(file, self._body_line(file, passage), f"the passage has {count} words; {WORDS[0]} to {WORDS[1]} are allowed")
        if len(passage.title) > TITLE_LENGTH:
            self.error(file, "title:", f"the title has {len(passage.title)} characters; at most {TITLE_LENGTH}")
        if not QUESTIONS[0] <= len(passage.questions) <= QUESTIONS[1]:
            self.error(file, "questions:", f"{len(passage.questions)} questions; {QUESTIONS[0]} to {QUESTIONS[1]} are allowed")
        for question in passage.questions:
            if len(question) > QUESTION_LENGTH:
                self.error(file, question[:40], f"a question has {len(question)} characters; at most {QUESTION_LENGTH}")
        opening = _DANGLING.match(passage.text)
        if opening:
            message = f"opens with {opening.group(1)!r}, which leans on something before it; name the subject"
            self.error(file, self._body_line(file, passage), message)
        for pattern, what in ((_BOILERPLATE, "text of a web page"), (_MARKUP, "markup, a list or a link")):
            found = pattern.search(passage.text)
            if found:
                start = found.end() - len(found.group().lstrip())
                self.error(file, self._body_line(file, passage, start), f"holds {what}: {' '.join(found.group().split())!r}")
        for text, after in (
            (passage.title, "title:"),
            (passage.text, passage.text),
            *((question, question) for question in passage.questions),
        ):
            dose = dose_problem(text)
            if dose:
                self.error(file, dose[1], f"states {dose[0]}: {dose[1]!r}; no passage may", after)

    def _ids(self, passage: Passage, file: str) -> None:
        for source_id in passage.source_ids if self.corpus.sources else ():  # without any, `sources` says so once
            if source_id not in self.corpus.sources:
                self.error(file, source_id, f"unknown source {source_id!r}; add it to sources.yaml", "sources:")
        for key, links in (("shown_with", passage.shown_with), ("counterpoint", passage.counterpoint)):
            after = json.dumps(passage.id, ensure_ascii=False) if file == BULK_FILE else f"{key}:"
            if len(links) > LINKS:
                self.error(file, key, f"{key!r} names {len(links)} passages; at most {LINKS}", after)
            for link in links:
                if link not in self.corpus.passages:
                    self.error(file, link, f"{key!r} names {link!r}, which does not exist", after)
                elif link == passage.id:
                    self.error(file, link, f"{key!r} names the passage itself", after)

    def characters(self, file: str, text: str) -> None:
        composed = unicodedata.normalize("NFC", text)
        if composed != text:
            word = next((word for word in text.split() if word not in composed), text)
            self.error(file, self._position(file, text, word), "is not in Unicode normal form NFC; save it composed")
        for char in text:
            if (unicodedata.category(char) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp") and char != "\n") or char == "\ufffd":
                message = f"holds the character U+{ord(char):04X}, which a page swallows or shows wrongly"
                self.error(file, self._position(file, text, char), message)
                break

    def _position(self, file: str, text: str, part: str) -> int:
        """The line of the first `part` of `text`."""
        start = max(self._find(file, text), 0)
        return self._line_at(file, max(self._text(file).find(part, start), start))

    # -- what must be there once --

    def duplicates(self) -> None:
        texts: dict[str, str] = {}
        questions: dict[str, str] = {}
        wording: dict[frozenset[str], str] = {}
        for passage, file in self.curated():
            folded = " ".join(words(passage.text))
            if folded in texts:
                self.error(file, self._body_line(file, passage), f"has the same text as {texts[folded]}")
            texts[folded] = passage.id
            for question in passage.questions:
                key = " ".join(words(question))
                if key in questions:
                    self.error(file, question, f"the question {question!r} also stands under {questions[key]}")
                    continue
                questions[key] = passage.id
                stems = frozenset(terms(question))
                if len(stems) > 2 and wording.setdefault(stems, passage.id) != passage.id:
                    self.warn(file, question, f"the question {question!r} is nearly one of {wording[stems]}")
        self._same_texts()

    def _same_texts(self) -> None:
        shingles: dict[str, set[str]] = {}
        holders: dict[str, list[str]] = defaultdict(list)
        for passage, file in self.curated():
            found = words(passage.text)
            own = {" ".join(found[start : start + 3]) for start in range(len(found) - 2)}
            shared: dict[str, int] = defaultdict(int)
            for shingle in own:
                for other in holders[shingle]:
                    shared[other] += 1
                holders[shingle].append(passage.id)
            for other, count in shared.items():
                if count / (len(own) + len(shingles[other]) - count) >= SAME_TEXT:
                    self.error(file, self._body_line(file, passage), f"says nearly the same as {other}")
            shingles[passage.id] = own

    def topics(self) -> None:
        claimed: dict[tuple[str, ...], str] = {}
        for topic_id, name, _ in self.corpus.names():
            file = f"topics/{topic_id}/topic.yaml"
            self.characters(file, name)
            owner = claimed.setdefault(name_key(name), topic_id)
            if owner != topic_id:
                self.error(file, name, f"the name {name!r} is also claimed by topic {owner!r}")
        for topic in self.corpus.topics.values():
            for parent in topic.part_of:
                if parent not in self.corpus.topics or parent == topic.id:
                    self.error(f"topics/{topic.id}/topic.yaml", parent, f"'part_of' names {parent!r}, which is no other topic", "part_of:")
        filled = {passage.topic_id for passage in self.corpus.passages.values()}
        for topic_id in self.corpus.topics:
            if topic_id not in filled:
                self.error(f"topics/{topic_id}/topic.yaml", "", "the topic has no passage")
        for name in self.corpus.other_names:
            if name_key(name) in claimed:
                self.error("other_names.yaml", name, f"{name!r} is a name of topic {claimed[name_key(name)]!r}, which is covered")

    def sources(self) -> None:
        used = {source_id for passage in self.corpus.passages.values() for source_id in passage.source_ids}
        if used and not self.corpus.sources:
            self.error("sources.yaml", "", f"no source can be read here, and passages name {len(used)}; mend or restore this file first")
        for source_id, source in self.corpus.sources.items():
            for text in (source.title, source.publisher, source.authors):
                self.characters("sources.yaml", text)
            if source_id not in used:
                self.error("sources.yaml", f"{source_id}:", f"source {source_id!r} is not used by any passage")

    # -- what the assistant says --

    def messages(self) -> None:
        if not self.corpus.topics:
            return
        for key in MESSAGE_KEYS:
            if key not in self.corpus.messages:
                self.error("messages.yaml", "", f"the text {key!r} is missing")
        numbers = {re.sub(r"\D", "", line.phone) for line in self.corpus.help_lines if line.phone}
        for key, text in self.corpus.messages.items():
            needle = text.splitlines()[0]
            if key not in MESSAGE_KEYS and not key.startswith("translations."):
                self.error("messages.yaml", needle, f"unknown text {key!r}")
            self.characters("messages.yaml", text)
            for match in _PHONE.finditer(text):
                if re.sub(r"\D", "", match.group()) not in numbers:
                    message = f"prints the number {match.group()!r}, which is not in help_lines.yaml"
                    self.error("messages.yaml", match.group(), message, after=needle)
        if len(self.corpus.examples) < 3:
            self.error("corpus.yaml", "examples", "at least 3 example questions are needed for the first screen")

    def help_lines(self) -> None:
        kinds: dict[str, set[str]] = defaultdict(set)
        for line in self.corpus.help_lines:
            kinds[line.country].add(line.kind)
            age = (self.today - line.checked_on).days
            where = f"the {line.kind} line of {line.country_name}"
            if age > HELP_LINE_DAYS:
                self.error("help_lines.yaml", line.name, f"{where} was checked {age} days ago; check it on {line.url} and set checked_on")
            elif age > HELP_LINE_WARNING_DAYS:
                self.warn("help_lines.yaml", line.name, f"{where} was checked {age} days ago; it is refused after {HELP_LINE_DAYS}")
            if not line.url.startswith("https://"):
                self.error("help_lines.yaml", line.name, f"{where} needs the https:// address of its official page")
        for country, found in kinds.items():
            if not {"emergency", "crisis"} <= found:
                self.error("help_lines.yaml", f"code: {country}", f"country {country!r} needs an emergency and a crisis line")
        if self.corpus.topics and "any" not in kinds:
            self.error("help_lines.yaml", "", "the country 'any' (anywhere else) is missing")

    def guard(self) -> None:
        seen: set[str] = set()
        lines = self._pattern_lines()
        for pattern in self.corpus.patterns:
            file, line = lines.get(pattern.id, ("guard", 1))
            if pattern.id in seen:
                self.error(file, line, f"pattern id {pattern.id!r} is given twice")
            seen.add(pattern.id)
            if _pattern_hash(pattern) in self.passed:
                continue
            try:
                alone = PatternSet([pattern])
            except CorpusError as error:
                self.error(file, line, error.problems[0].message)
                continue
            for text in pattern.match:
                if not alone.hits(text):
                    self.error(file, line, f"pattern {pattern.id!r} does not match its own example {text!r}")
            for text in pattern.no_match:
                if alone.hits(text):
                    self.error(file, line, f"pattern {pattern.id!r} matches {text!r}, which it must not")
        labels: dict[tuple[str, ...], str] = {}
        for example in self.corpus.guard_examples:
            key = (fold(example.text), *map(fold, example.history))
            other = labels.setdefault(key, example.outcome)
            if other != example.outcome:
                file, line = self._guard_line(self._pattern(example.text))
                self.error(file, line, f"the example {example.text!r} is given as {other} and as {example.outcome}")

    def _pattern_lines(self) -> dict[str, tuple[str, int]]:
        """Guard file and line of each pattern id."""
        found: dict[str, tuple[str, int]] = {}
        for path in sorted((self.root / "guard").glob("*.yaml")):
            file = f"guard/{path.name}"
            for match in _PATTERN_ID.finditer(self._text(file)):
                found.setdefault(match[1], (file, self._line_at(file, match.start())))
        return found

    def _guard_line(self, pattern: str) -> tuple[str, int]:
        """The guard file and the line in which `pattern` matches first."""
        for path in sorted((self.root / "guard").glob("*.yaml")):
            file = f"guard/{path.name}"
            found = re.search(pattern, self._text(file), re.MULTILINE)
            if found:
                return file, self._line_at(file, found.start())
        return "guard", 1

    def calibration(self) -> None:
        seen: set[str] = set()
        for question in self.corpus.calibration:
            for passage_id in question.passages:
                if passage_id not in self.corpus.passages:
                    self.error("calibration.yaml", passage_id, f"names passage {passage_id!r}, which does not exist", question.text)
            key = fold(question.text)
            if key in seen:
                self.error("calibration.yaml", question.text, f"the question {question.text!r} is given twice")
            seen.add(key)


@cache
def _rules() -> bytes:
    """Hash of the code that the verdict on a single passage or pattern rests on: when it changes, everything is looked at again."""
    digest = hashlib.sha256()
    for name in ("checks.py", "doses.py", "patterns.py", "normalise.py"):
        digest.update((Path(__file__).parent / name).read_bytes())
    return digest.digest()


def _unit_hash(*parts: str) -> str:
    return hashlib.sha256(_rules() + "\n".join(parts).encode()).hexdigest()[:32]


def _passage_hash(passage: Passage) -> str:
    return _unit_hash(passage.title, passage.text, *passage.questions)


def _pattern_hash(pattern: GuardPattern) -> str:
    return _unit_hash(repr(pattern))


def unit_hashes(corpus: Corpus) -> frozenset[str]:
    """Identities of the passages and patterns of a corpus, each with the rules that it is checked by. An edition keeps those of the corpus
    it was built from, which has passed; the next check need not look at them again.
    """
    return frozenset(map(_passage_hash, corpus.passages.values())) | frozenset(map(_pattern_hash, corpus.patterns))


def check_corpus(
    corpus: Corpus, root: Path, today: dt.date | None = None, passed: frozenset[str] = frozenset()
) -> tuple[list[Problem], list[Problem]]:
    """All errors (nothing is built with them) and warnings, as far as the files could be read at all.

    `passed`: `unit_hashes` of an earlier corpus without errors. What concerns one passage or pattern alone is not checked again when it is
    among them; what must fit together always is.
    """
    checker = _Checker(corpus, Path(root), today or dt.date.today(), passed)
    rules: tuple[Callable[[], None], ...] = (
        checker.passages,
        checker.duplicates,
        checker.topics,
        checker.sources,
        checker.messages,
        checker.help_lines,
        checker.guard,
        checker.calibration,
    )
    for rule in rules:
        rule()
    return checker.errors, checker.warnings
