"""Read everything under corpus/ into records, and report every structural problem at once.

What the files must look like is here; what a good passage must be like (length, doses, duplicates ...) is in `checks`.
"""

from __future__ import annotations

import codecs
import datetime as dt
import json
import os
import re
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ntqa.config import ADAPTER_FILE
from ntqa.errors import CorpusError, InputError, Problem
from ntqa.fields import Fields, Report
from ntqa.schema import (
    EVIDENCE,
    LANGUAGES,
    OUTCOMES,
    TOPIC_KINDS,
    CalibrationQuestion,
    Corpus,
    GuardExample,
    GuardPattern,
    HelpLine,
    Passage,
    Source,
    Topic,
)
from ntqa.wordings import WORDINGS_FOLDER, read_wordings
from ntqa.yamlfile import YamlError, parse

SETTINGS_FILES = ("corpus.yaml", "sources.yaml", "messages.yaml", "help_lines.yaml", "calibration.yaml", "other_names.yaml")
BULK_FILE = "passages.jsonl"
FOLDERS = ("topics", "guard", WORDINGS_FOLDER)
KNOWN_NAMES = (*SETTINGS_FILES, BULK_FILE, ADAPTER_FILE, *FOLDERS, "README.md")  # everything that a corpus folder may hold, beside hidden files
MAX_FILE_BYTES = 2_000_000
MAX_BULK_LINE = 200_000
SOURCE_KINDS = ("government", "guideline", "systematic-review", "review", "trial", "study", "label", "reference", "seed")
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SURROGATE = re.compile("[\ud800-\udfff]")
_SOURCE_ID = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")


# A running server reads the corpus again after each edit of one file: what is unchanged is not parsed again. Nothing alters parsed data.
_parsed = lru_cache(maxsize=4096)(parse)


class _Reader:
    def __init__(self, root: Path, today: dt.date) -> None:
        self.root, self.today, self.report = root, today, Report()
        self.names = self.known_names()

    # -- files --

    def known_names(self) -> set[str]:
        """What there is to read in the corpus folder; everything else in it is reported."""
        names = set()
        for entry in self.entries(self.root):
            if entry.name not in KNOWN_NAMES:
                self.unexpected(entry.path, f"known names: {', '.join(KNOWN_NAMES)}")
            elif entry.name in FOLDERS and not entry.is_dir():
                self.report.add(entry.name, 1, "must be a folder")
            else:
                names.add(entry.name)
        return names

    def settings(self, name: str) -> Fields | None:
        """A settings file; a bulk corpus needs none."""
        return self.yaml(self.root / name) if name in self.names else None

    def read_text(self, path: Path) -> str | None:
        name = path.relative_to(self.root).as_posix()
        try:
            if path.is_symlink():
                self.report.add(name, 1, "symbolic links are not allowed; put the file itself here")
                return None
            if path.stat().st_size > MAX_FILE_BYTES:
                self.report.add(name, 1, f"larger than {MAX_FILE_BYTES:,} bytes; split it")
                return None
            return path.read_text(encoding="utf-8").removeprefix("\ufeff")
        except UnicodeDecodeError as error:
            self.report.add(name, 1, f"not UTF-8 text (byte {error.start}); save it as UTF-8")
        except OSError as error:
            self.report.add(name, 1, f"cannot be read: {error.strerror or error}")
        return None

    def yaml(self, path: Path) -> Fields | None:
        text = self.read_text(path)
        return None if text is None else self.yaml_text(path, text, 1)

    def yaml_text(self, path: Path, text: str, first_line: int) -> Fields | None:
        name = path.relative_to(self.root).as_posix()
        try:
            return Fields(self.report, name, _parsed(text, first_line))
        except YamlError as error:
            self.report.add(name, error.line, str(error))
            return None

    def entries(self, folder: Path) -> list[os.DirEntry[str]]:
        """What lies in a folder, hidden files left out, symbolic links reported and left out."""
        found = []
        with os.scandir(folder) as scan:
            for entry in sorted(scan, key=lambda item: item.name):
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink():
                    name = Path(entry.path).relative_to(self.root).as_posix()
                    self.report.add(name, 1, "symbolic links are not allowed; put the file itself here")
                    continue
                found.append(entry)
        return found

    def unexpected(self, path: str, hint: str) -> None:
        self.report.add(Path(path).relative_to(self.root).as_posix(), 1, f"does not belong here; {hint}")

    # -- content --

    def topics(self) -> tuple[dict[str, Topic], dict[str, Passage]]:
        topics: dict[str, Topic] = {}
        passages: dict[str, Passage] = {}
        for entry in self.entries(self.root / "topics") if "topics" in self.names else ():
            if not entry.is_dir() or not _ID.fullmatch(entry.name):
                self.unexpected(entry.path, "topics/ holds one folder a topic, named in lower case with hyphens")
                continue
            files = self.entries(Path(entry.path))
            if "topic.yaml" not in [file.name for file in files]:
                self.report.add(f"topics/{entry.name}", 1, "has no topic.yaml (name, kind, aliases)")
            for file in files:
                path = Path(file.path)
                if file.name == "topic.yaml":
                    topic = self.topic(entry.name, path)
                    if topic:
                        topics[topic.id] = topic
                elif file.is_file() and path.suffix == ".md" and _ID.fullmatch(path.stem):
                    passage = self.passage(entry.name, path)
                    if passage:
                        passages[passage.id] = passage
                else:
                    self.unexpected(file.path, "a topic holds topic.yaml and passages <aspect>.md in lower case with hyphens")
        return topics, passages

    def topic(self, topic_id: str, path: Path) -> Topic | None:
        fields = self.yaml(path)
        if fields is None:
            return None
        members: dict[str, tuple[str, ...]] = {}
        if "members" in fields.data:
            inner = fields.sub("members")
            members = {str(name): inner.texts(name) for name in inner.data}
        fields.asked.append("members")
        topic = Topic(
            id=topic_id,
            name=fields.text("name"),
            kind=fields.choice("kind", TOPIC_KINDS),
            aliases=fields.texts("aliases"),
            members=MappingProxyType(members),
            part_of=fields.texts("part_of"),
        )
        fields.close()
        return topic

    def passage(self, topic_id: str, path: Path) -> Passage | None:
        text = self.read_text(path)
        if text is None:
            return None
        name = path.relative_to(self.root).as_posix()
        head, closing, body = text.removeprefix("---\n").partition("\n---\n")
        if not text.startswith("---\n") or not closing:
            self.report.add(name, 1, "must begin with front matter between two lines of '---'")
            return None
        fields = self.yaml_text(path, head, first_line=2)
        if fields is None:
            return None
        passage = Passage(
            id=f"{topic_id}/{path.stem}",
            topic_id=topic_id,
            title=fields.text("title"),
            text=body.strip(),
            questions=fields.texts("questions", required=True),
            source_ids=fields.texts("sources", required=True),
            evidence=fields.choice("evidence", EVIDENCE),  # type: ignore[arg-type]
            reviewed=fields.date("reviewed", self.today),
            reviewer=fields.text("reviewer", required=False) or None,
            shown_with=fields.texts("shown_with"),
            counterpoint=fields.texts("counterpoint"),
        )
        fields.close()
        return passage

    def bulk(self) -> dict[str, Passage]:
        """`passages.jsonl`: one JSON object a line with id, title, text; other collections' keys are ignored."""
        passages: dict[str, Passage] = {}
        if BULK_FILE not in self.names:
            return passages
        try:
            # Cut into lines before decoding, so that one bad byte costs one line.
            with (self.root / BULK_FILE).open("rb") as lines:
                for number, line in enumerate(lines, 1):
                    if not line.strip():
                        continue
                    try:
                        passage = _bulk_passage(line.removeprefix(codecs.BOM_UTF8))
                    except InputError as error:
                        self.report.add(BULK_FILE, number, str(error))
                        continue
                    if passage.id in passages:
                        self.report.add(BULK_FILE, number, f"id {passage.id!r} is given twice")
                    passages[passage.id] = passage
        except OSError as error:
            self.report.add(BULK_FILE, 1, f"cannot be read: {error.strerror or error}")
        return passages

    def sources(self) -> dict[str, Source]:
        sources: dict[str, Source] = {}
        fields = self.settings("sources.yaml")
        if fields is None:
            return sources
        for key in fields.data:
            entry = fields.sub(key)
            if not _SOURCE_ID.fullmatch(str(key)):
                fields.problem(f"source id {key!r} must be lower case letters and digits with - or _", key)
            source = Source(
                id=str(key),
                title=entry.text("title"),
                publisher=entry.text("publisher"),
                authors=entry.text("authors", required=False),
                year=entry.number("year"),
                url=entry.text("url", required=False),
                doi=entry.text("doi", required=False) or None,
                kind=entry.choice("kind", SOURCE_KINDS),
            )
            entry.date("checked_on", self.today)
            entry.text("seen")  # what was really read when it was checked; for editors
            entry.close()
            if source.kind != "seed" and not source.url.startswith("https://"):
                entry.problem("'url' must be an https:// address", "url")
            sources[source.id] = source
        return sources

    def messages(self) -> dict[str, str]:
        fields = self.settings("messages.yaml")
        if fields is None:
            return {}
        flat: dict[str, str] = {}

        def visit(value: Any, key: tuple[str, ...]) -> None:
            if isinstance(value, dict):
                for name, inner in value.items():
                    visit(inner, (*key, str(name)))
            elif isinstance(value, str) and value.strip():
                flat[".".join(key)] = value.strip()
            else:
                fields.problem(f"{'.'.join(key)!r} must be text, not {value!r}; put it in quotes", *key)

        visit(fields.data, ())
        return flat

    def help_lines(self) -> tuple[HelpLine, ...]:
        fields = self.settings("help_lines.yaml")
        if fields is None:
            return ()
        lines = []
        for country in fields.items("countries"):
            code, name = country.text("code"), country.text("name")
            for service in country.items("services"):
                lines.append(
                    HelpLine(
                        country=code,
                        country_name=name,
                        kind=service.choice("kind", ("emergency", "crisis", "poison")),  # type: ignore[arg-type]
                        name=service.text("name"),
                        phone=service.text("phone", required=False),
                        how=service.text("how"),
                        url=service.text("url"),
                        checked_on=service.date("checked_on", self.today) or self.today,
                        checked_by=service.text("checked_by"),
                    )
                )
                service.close()
            country.close()
        fields.close()
        return tuple(lines)

    def other_names(self) -> frozenset[str]:
        fields = self.settings("other_names.yaml")
        if fields is None:
            return frozenset()
        groups = [fields.texts(str(key)) for key in fields.data]
        return frozenset(name.lower() for group in groups for name in group)

    def calibration(self) -> tuple[CalibrationQuestion, ...]:
        fields = self.settings("calibration.yaml")
        if fields is None:
            return ()
        result = []
        for item in fields.items("answerable"):
            result.append(CalibrationQuestion(item.text("text"), item.texts("passages", required=True)))
            item.close()
        result += [CalibrationQuestion(text, ()) for text in fields.texts("not_covered")]
        fields.close()
        return tuple(result)

    def guard(self) -> tuple[list[GuardPattern], list[GuardExample]]:
        patterns: list[GuardPattern] = []
        examples: list[GuardExample] = []
        for entry in self.entries(self.root / "guard") if "guard" in self.names else ():
            if not entry.name.endswith(".yaml"):
                self.unexpected(entry.path, "guard/ holds YAML files")
                continue
            fields = self.yaml(Path(entry.path))
            if fields is None:
                continue
            outcome = fields.choice("outcome", OUTCOMES)
            for item in fields.items("patterns"):
                patterns.append(self.pattern(item, outcome))
            listed = fields.data.get("examples")
            fields.asked.append("examples")
            if listed is not None and not isinstance(listed, list):
                fields.problem("'examples' must be a list", "examples")
            for position, value in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(value, dict):
                    item = fields.sub("examples", position)
                    examples.append(GuardExample(outcome, item.text("text"), item.texts("history", required=True)))
                    item.close()
                elif isinstance(value, str) and value.strip():
                    examples.append(GuardExample(outcome, value.strip()))
                else:
                    fields.problem(f"example {value!r} is not text; put it in quotes", "examples", position)
            fields.close()
        return patterns, examples

    def pattern(self, item: Fields, outcome: str) -> GuardPattern:
        pattern = GuardPattern(
            id=item.text("id"),
            outcome=outcome,
            tier=item.choice("tier", ("card", "strip")),  # type: ignore[arg-type]
            language=item.choice("language", LANGUAGES),
            person=item.choice("person", ("self", "other", "harm"), default="self"),  # type: ignore[arg-type]
            regex=item.text("regex"),
            unless=item.text("unless", required=False) or None,
            match=item.texts("match", required=True),
            no_match=item.texts("no_match", required=True),
        )
        item.close()
        return pattern

    def read(self) -> Corpus:
        name, examples = "", ()
        fields = self.settings("corpus.yaml")
        if fields is not None:
            name, examples = fields.text("name"), fields.texts("examples", required=True)
            fields.choice("language", ("en",))
            fields.close()
        topics, passages = self.topics()
        for passage in self.bulk().values():
            if passage.id in passages:
                self.report.add(BULK_FILE, 1, f"id {passage.id!r} is also a file under topics/")
            passages[passage.id] = passage
        patterns, guard_examples = self.guard()
        wordings, unreadable = read_wordings(self.root, passages)
        self.report.problems.extend(unreadable)
        return Corpus(
            name=name,
            examples=examples,
            topics=MappingProxyType(topics),
            passages=MappingProxyType(passages),
            sources=MappingProxyType(self.sources()),
            messages=MappingProxyType(self.messages()),
            help_lines=self.help_lines(),
            other_names=self.other_names(),
            patterns=tuple(patterns),
            guard_examples=tuple(guard_examples),
            calibration=self.calibration(),
            wordings=MappingProxyType(wordings),
        )


def _bulk_passage(line: bytes) -> Passage:
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 text (byte {error.start} of the line); save it as UTF-8") from None
    if len(text) > MAX_BULK_LINE:
        raise InputError(f"line is longer than {MAX_BULK_LINE:,} characters")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not a JSON object: {error}") from None
    if not isinstance(data, dict):
        raise InputError("not a JSON object")
    for key in ("id", "title", "text"):
        if not isinstance(data.get(key), str) or not data[key].strip():
            raise InputError(f"{key!r} is missing or is not text")
    lists = {}
    for key in ("questions", "shown_with", "counterpoint"):
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise InputError(f"{key!r} must be a list of texts")
        lists[key] = tuple(value)
    for value in (data["id"], data["title"], data["text"], *(item for items in lists.values() for item in items)):
        if _SURROGATE.search(value):
            raise InputError("holds half of a character (a lone surrogate such as \\ud800); write the whole character")
    if data.get("evidence") not in (None, *EVIDENCE):
        raise InputError(f"'evidence' must be one of {', '.join(EVIDENCE)}")
    return Passage(
        id=data["id"].strip(),
        topic_id=str(data.get("topic", "")),
        title=data["title"].strip(),
        text=data["text"].strip(),
        evidence=data.get("evidence"),
        **lists,
    )


def read_corpus(root: Path, today: dt.date | None = None) -> tuple[Corpus, list[Problem]]:
    """Read the corpus and every structural problem in it; with problems, the corpus is what could be read.

    Raises CorpusError when `root` is no folder.
    """
    root = Path(root)
    if not root.is_dir():
        raise CorpusError([Problem(str(root), 1, "there is no such folder; give the corpus folder with --corpus")])
    reader = _Reader(root, today or dt.date.today())
    return reader.read(), reader.report.problems


def load_corpus(root: Path, today: dt.date | None = None) -> Corpus:
    """Read the corpus; raises CorpusError with all problems when it cannot be used as it is."""
    corpus, problems = read_corpus(root, today)
    if problems:
        raise CorpusError(problems)
    return corpus
