"""What a good corpus must be like: the rules of corpus/README.md that a program can check."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

from ntqa.doses import dose_problem
from ntqa.errors import Problem
from ntqa.guard import PatternSet
from ntqa.lexicon import name_key, topic_names
from ntqa.schema import MESSAGE_KEYS, Corpus, Passage
from ntqa.words import fold, terms, words

WORDS = (50, 130)
QUESTIONS = (6, 12)
TITLE_LENGTH = 80
QUESTION_LENGTH = 200
LINKS = 2  # passages that may be shown beside one
REVIEW_AFTER_DAYS = 3 * 365
HELP_LINE_DAYS = 180
HELP_LINE_WARNING_DAYS = 150
SAME_TEXT = 0.7  # Jaccard similarity of word 3-grams at which two passages say the same

_DANGLING = re.compile(
    r"(?:However|It|Its|This|That|These|Those|They|Their|Them|But|And|Also|Thus|Therefore|Hence|Moreover|Furthermore|Additionally|Such|He|She|Instead|Conversely|"
    r"Similarly|Likewise|Nevertheless|Consequently|Then|So|Or|Because of this|As a result|On the other hand|For example|In addition)\b"
)
_BOILERPLATE = re.compile(
    r"\b(?:we use cookies|cookie (?:preferences|policy|settings)|manage your preferences|analytics cookies|personali[sz]ation cookies|privacy policy|all rights reserved|"
    r"subscribe to|sign up for|newsletter|click here|read more|terms of (?:use|service)|share this|add to cart|©)",
    re.IGNORECASE,
)
_MARKUP = re.compile(
    r"<[a-z/!][^>]*>|https?://|www\.|\[[^\]]*\]\(|^\s*(?:[-*+]|\d{1,2}[.)])\s|^#+ |```|\*\*|\$\$", re.IGNORECASE | re.MULTILINE
)
_PHONE = re.compile(r"(?<![\w-])\+?\d(?:[\d\s-]*\d){2,}(?![\w-])")


class _Checker:
    def __init__(self, corpus: Corpus, root: Path, today: dt.date) -> None:
        self.corpus, self.root, self.today = corpus, root, today
        self.errors: list[Problem] = []
        self.warnings: list[Problem] = []
        self._files: dict[str, list[str]] = {}

    def error(self, file: str, needle: str, message: str) -> None:
        self.errors.append(Problem(file, self._line(file, needle), message))

    def warn(self, file: str, needle: str, message: str) -> None:
        self.warnings.append(Problem(file, self._line(file, needle), message))

    def _line(self, file: str, needle: str) -> int:
        """The first line of `file` that holds `needle`; 1 when none does."""
        if file not in self._files:
            try:
                self._files[file] = (self.root / file).read_text(encoding="utf-8").splitlines()
            except OSError:
                self._files[file] = []
        return next((number for number, line in enumerate(self._files[file], 1) if needle and needle in line), 1)

    def curated(self) -> Iterable[tuple[Passage, str]]:
        """Passages under topics/ with their files; bulk passages keep to no house style."""
        for passage in self.corpus.passages.values():
            if passage.topic_id in self.corpus.topics:
                yield passage, f"topics/{passage.id}.md"

    # -- passages --

    def passages(self) -> None:
        for passage, file in self.curated():
            self._form(passage, file)
            self._ids(passage, file)
            for text in (passage.title, passage.text, *passage.questions):
                self.characters(file, text)

    def _form(self, passage: Passage, file: str) -> None:
        text_line = passage.text.splitlines()[0] if passage.text else ""
        count = len(passage.text.split())
        if not WORDS[0] <= count <= WORDS[1]:
            self.error(file, text_line, f"the passage has {count} words; {WORDS[0]} to {WORDS[1]} are allowed")
        if len(passage.title) > TITLE_LENGTH:
            self.error(file, "title:", f"the title has {len(passage.title)} characters; at most {TITLE_LENGTH}")
        if not QUESTIONS[0] <= len(passage.questions) <= QUESTIONS[1]:
            self.error(file, "questions:", f"{len(passage.questions)} questions; {QUESTIONS[0]} to {QUESTIONS[1]} are allowed")
        for question in passage.questions:
            if len(question) > QUESTION_LENGTH:
                self.error(file, question[:40], f"a question has {len(question)} characters; at most {QUESTION_LENGTH}")
        opening = _DANGLING.match(passage.text)
        if opening:
            self.error(file, text_line, f"opens with {opening.group()!r}, which leans on something before it; name the subject")
        for pattern, what in ((_BOILERPLATE, "text of a web page"), (_MARKUP, "markup, a list or a link")):
            found = pattern.search(passage.text)
            if found:
                self.error(file, found.group().strip(), f"holds {what}: {found.group().strip()!r}")
        for text in (passage.title, passage.text):
            dose = dose_problem(text)
            if dose:
                self.error(file, dose[1].split()[0], f"states {dose[0]}: {dose[1]!r}; no passage may")
        if passage.reviewed and (self.today - passage.reviewed).days > REVIEW_AFTER_DAYS:
            self.warn(file, "reviewed:", f"was last reviewed on {passage.reviewed}; review it again")

    def _ids(self, passage: Passage, file: str) -> None:
        for source_id in passage.source_ids:
            if source_id not in self.corpus.sources:
                self.error(file, source_id, f"unknown source {source_id!r}; add it to sources.yaml")
        for key, links in (("shown_with", passage.shown_with), ("counterpoint", passage.counterpoint)):
            if len(links) > LINKS:
                self.error(file, f"{key}:", f"{key!r} names {len(links)} passages; at most {LINKS}")
            for link in links:
                if link not in self.corpus.passages:
                    self.error(file, link, f"{key!r} names {link!r}, which does not exist")
                elif link == passage.id:
                    self.error(file, link, f"{key!r} names the passage itself")

    def characters(self, file: str, text: str) -> None:
        if unicodedata.normalize("NFC", text) != text:
            self.error(file, text.splitlines()[0], "is not in Unicode normal form NFC; save it composed")
        for char in text:
            if (unicodedata.category(char) in ("Cc", "Cf", "Co", "Cn", "Zl", "Zp") and char != "\n") or char == "\ufffd":
                self.error(file, char, f"holds the character U+{ord(char):04X}, which a page swallows or shows wrongly")
                break

    # -- what must be there once --

    def duplicates(self) -> None:
        texts: dict[str, str] = {}
        questions: dict[str, str] = {}
        wording: dict[frozenset[str], str] = {}
        for passage, file in self.curated():
            folded = " ".join(words(passage.text))
            if folded in texts:
                self.error(file, passage.text.splitlines()[0], f"has the same text as {texts[folded]}")
            texts[folded] = passage.id
            for question in passage.questions:
                key = " ".join(words(question))
                if key in questions:
                    self.error(file, question, f"the question {question!r} also stands under {questions[key]}")
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
                    self.error(file, passage.text.splitlines()[0], f"says nearly the same as {other}")
            shingles[passage.id] = own

    def topics(self) -> None:
        claimed: dict[tuple[str, ...], str] = {}
        for topic_id, name, _ in topic_names(self.corpus):
            file = f"topics/{topic_id}/topic.yaml"
            self.characters(file, name)
            owner = claimed.setdefault(name_key(name), topic_id)
            if owner != topic_id:
                self.error(file, name, f"the name {name!r} is also claimed by topic {owner!r}")
        filled = {passage.topic_id for passage in self.corpus.passages.values()}
        for topic_id in self.corpus.topics:
            if topic_id not in filled:
                self.error(f"topics/{topic_id}/topic.yaml", "", "the topic has no passage")
        for name in self.corpus.other_names:
            if name_key(name) in claimed:
                self.error("other_names.yaml", name, f"{name!r} is a name of topic {claimed[name_key(name)]!r}, which is covered")

    def sources(self) -> None:
        used = {source_id for passage in self.corpus.passages.values() for source_id in passage.source_ids}
        for source_id, source in self.corpus.sources.items():
            self.characters("sources.yaml", f"{source.title} {source.publisher} {source.authors}")
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
                    self.error("messages.yaml", match.group(), f"prints the number {match.group()!r}, which is not in help_lines.yaml")
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
        for pattern in self.corpus.patterns:
            file = self._guard_file(f"id: {pattern.id}")
            if pattern.id in seen:
                self.error(file, pattern.id, f"pattern id {pattern.id!r} is given twice")
            seen.add(pattern.id)
            try:
                alone = PatternSet([pattern])
            except re.error:
                continue  # reported when the file was read
            for text in pattern.match:
                if not alone.hits(text):
                    self.error(file, pattern.id, f"pattern {pattern.id!r} does not match its own example {text!r}")
            for text in pattern.no_match:
                if alone.hits(text):
                    self.error(file, pattern.id, f"pattern {pattern.id!r} matches {text!r}, which it must not")
        labels: dict[tuple[str, ...], str] = {}
        for example in self.corpus.guard_examples:
            key = (fold(example.text), *map(fold, example.history))
            other = labels.setdefault(key, example.outcome)
            if other != example.outcome:
                file = self._guard_file(example.text)
                self.error(file, example.text, f"the example {example.text!r} is given as {other} and as {example.outcome}")

    def _guard_file(self, needle: str) -> str:
        """The guard file that holds `needle`."""
        for path in sorted((self.root / "guard").glob("*.yaml")):
            file = f"guard/{path.name}"
            if self._line(file, needle) > 1:
                return file
        return "guard"

    def calibration(self) -> None:
        seen: set[str] = set()
        for question in self.corpus.calibration:
            for passage_id in question.passages:
                if passage_id not in self.corpus.passages:
                    self.error("calibration.yaml", passage_id, f"names passage {passage_id!r}, which does not exist")
            key = fold(question.text)
            if key in seen:
                self.error("calibration.yaml", question.text, f"the question {question.text!r} is given twice")
            seen.add(key)


def check_corpus(corpus: Corpus, root: Path, today: dt.date | None = None) -> tuple[list[Problem], list[Problem]]:
    """All errors (nothing is built with them) and warnings, as far as the files could be read at all."""
    checker = _Checker(corpus, Path(root), today or dt.date.today())
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
