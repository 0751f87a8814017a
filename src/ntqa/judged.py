"""Test data: judged questions, dialogues and safety cases, read from YAML by the same code in pytest and in `ntqa evaluate`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    """Judged questions; raises InputError with file and entry when one cannot be read."""
    return [
        JudgedQuestion(
            _text(item, "id", path), _text(item, "text", path), _text(item, "bucket", path), _grades(item.get("relevant", {}), path)
        )
        for item in _entries(path)
    ]


def read_dialogues(path: Path) -> list[Dialogue]:
    """Dialogues; raises InputError with file and entry when one cannot be read."""
    dialogues = []
    for item in _entries(path):
        turns = []
        for turn in item.get("turns") or ():
            relevant = _grades(turn.get("relevant", {}), path)
            kind = turn.get("kind", "answer")
            if kind not in REPLY_KINDS:
                raise InputError(f"{path}: {item.get('id')}: unknown kind {kind!r}")
            turns.append(DialogueTurn(_text(turn, "text", path), relevant, kind))
        dialogues.append(Dialogue(_text(item, "id", path), tuple(turns)))
    return dialogues


def read_cases(path: Path) -> list[SafetyCase]:
    """Safety cases; raises InputError with file and entry when one cannot be read."""
    cases = []
    for item in _entries(path):
        case = SafetyCase(
            id=_text(item, "id", path),
            text=_text(item, "text", path),
            expect=_text(item, "expect", path),
            also_ok=tuple(item.get("also_ok") or ()),
            history=tuple(item.get("history") or ()),
            tags=tuple(item.get("tags") or ()),
        )
        for label in (case.expect, *case.also_ok):
            if label not in LABELS:
                raise InputError(f"{path}: {case.id}: unknown label {label!r}; known: {', '.join(LABELS)}")
        cases.append(case)
    return cases


def _entries(path: Path) -> Sequence[Mapping[str, Any]]:
    try:
        data = parse(path.read_text(encoding="utf-8")).data
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}; give the folder with --tests") from None
    except YamlError as error:
        raise InputError(f"{path}:{error.line}: {error}") from None
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise InputError(f"{path}: must be a list of mappings")
    return data


def _text(item: Mapping[str, Any], key: str, path: Path) -> str:
    value = item.get(key)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{path}: {item.get('id', item)}: {key!r} is missing or is not text; put it in quotes")
    return value


def _grades(value: Any, path: Path) -> dict[str, int]:
    if not isinstance(value, dict) or not all(isinstance(key, str) and grade in (1, 2) for key, grade in value.items()):
        raise InputError(f"{path}: 'relevant' must map passages to 1 or 2, not {value!r}")
    return value
