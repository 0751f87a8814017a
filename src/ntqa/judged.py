"""Test data: judged questions, dialogues and safety cases, read from YAML by the same code in pytest and in `ntqa evaluate`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ntqa.errors import InputError
from ntqa.schema import REPLY_KINDS
from ntqa.yamlfile import YamlError, parse

LABELS = (
    "answer", "refusal_dosing", "refusal_treatment", "refusal_results", "refusal_diagnosis", "crisis", "emergency", "smalltalk", "out_of_scope",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class JudgedQuestion:
    id: str
    text: str
    bucket: str
    relevant: Mapping[str, int]  # passage id -> 2 (answers) or 1 (helps); empty: not covered


@dataclass(frozen=True, slots=True)
class DialogueTurn:
    text: str
    relevant: Mapping[str, int]
    kind: str  # expected kind of reply; "answer" when passages are named


@dataclass(frozen=True, slots=True)
class Dialogue:
    id: str
    turns: tuple[DialogueTurn, ...]


@dataclass(frozen=True, slots=True)
class SafetyCase:
    id: str
    text: str
    expect: str
    also_ok: tuple[str, ...]
    history: tuple[str, ...]
    tags: tuple[str, ...]


def read_questions(path: Path) -> list[JudgedQuestion]:
    """Judged questions of a file or folder; raises InputError with file and entry when one cannot be read."""
    return [
        JudgedQuestion(entry.text("id"), entry.text("text"), entry.text("bucket"), entry.grades())
        for entry in _entries(path, ("id", "text", "bucket", "relevant"))
    ]


def read_dialogues(path: Path) -> list[Dialogue]:
    """Dialogues of a file or folder; raises InputError with file and entry when one cannot be read."""
    dialogues = []
    for entry in _entries(path, ("id", "turns")):
        turns = []
        for turn in entry.turns():
            kind = turn.data.get("kind", "answer")
            if kind not in REPLY_KINDS:
                raise turn.error(f"unknown kind {kind!r}")
            turns.append(DialogueTurn(turn.text("text"), turn.grades(), kind))
        dialogues.append(Dialogue(entry.text("id"), tuple(turns)))
    return dialogues


def read_cases(path: Path) -> list[SafetyCase]:
    """Safety cases of a file or folder; raises InputError with file and entry when one cannot be read."""
    cases = []
    for entry in _entries(path, ("id", "text", "expect", "also_ok", "history", "tags")):
        case = SafetyCase(
            id=entry.text("id"),
            text=entry.text("text"),
            expect=entry.text("expect"),
            also_ok=entry.texts("also_ok"),
            history=entry.texts("history"),
            tags=entry.texts("tags"),
        )
        for label in (case.expect, *case.also_ok):
            if label not in LABELS:
                raise entry.error(f"unknown label {label!r}; known: {', '.join(LABELS)}")
        cases.append(case)
    return cases


class _Entry:
    """One mapping of a file of test data; whatever cannot be read in it is an InputError that names file and entry."""

    def __init__(self, path: Path, name: str, data: Mapping[str, Any], known: Sequence[str]) -> None:
        self.path, self.name, self.data = path, name, data
        for key in data:
            if key not in known:
                raise self.error(f"unknown key {key!r}; known: {', '.join(known)}")

    def error(self, message: str) -> InputError:
        return InputError(f"{self.path}: {self.name}: {message}")

    def text(self, key: str) -> str:
        value = self.data.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key!r} is missing or is not text; put it in quotes")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self.data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            raise self.error(f"{key!r} must be a list of texts, not {value!r}")
        return tuple(value)

    def grades(self) -> dict[str, int]:
        value = self.data.get("relevant", {})
        # `True == 1`, so the type is looked at too.
        if not isinstance(value, dict) or not all(
            isinstance(key, str) and type(grade) is int and grade in (1, 2) for key, grade in value.items()
        ):
            raise self.error(f"'relevant' must map passages to 1 or 2, not {value!r}")
        return value

    def turns(self) -> list[_Entry]:
        value = self.data.get("turns")
        if not isinstance(value, list) or not value or not all(isinstance(turn, dict) for turn in value):
            raise self.error("'turns' must be a list of mappings with at least one turn")
        return [
            _Entry(self.path, f"{self.name}: turn {number}", turn, ("text", "relevant", "kind")) for number, turn in enumerate(value, 1)
        ]


def _entries(path: Path, known: Sequence[str]) -> Iterator[_Entry]:
    """The entries of a file, or of all YAML files of a folder in the order of their names; no two have one id."""
    seen = set()
    files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} holds no .yaml file; give the folder with --tests")
    for file in files:
        for entry in _entries_of(file, known):
            if entry.name in seen:
                raise entry.error("this id is given twice")
            seen.add(entry.name)
            yield entry


def _entries_of(path: Path, known: Sequence[str]) -> Iterator[_Entry]:
    try:
        data = parse(path.read_text(encoding="utf-8")).data
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; give the folder with --tests") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except YamlError as error:
        raise InputError(f"{path}:{error.line}: {error}") from None
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise InputError(f"{path}: must be a list of mappings")
    for item in data:
        yield _Entry(path, str(item.get("id", item)), item, known)
