"""The gap log: what was not covered or not liked, for curators. Kept on this machine only, only where the operator asked for it, scrubbed.

One JSON object a line, with the day and no time, nothing of who asked, and no text of a question that got a help card or a refusal.
"""

from __future__ import annotations

import json
import logging
import os
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ntqa.errors import InputError
from ntqa.jsonlog import event
from ntqa.schema import Reply

log = logging.getLogger(__name__)

MAX_BYTES = 10_000_000  # of the file, some 40,000 gaps; then nothing is added until a curator has taken it away
MAX_QUESTION = 300  # characters
NOT_COVERED, LIKED = "not_covered", "like"
SCRUBBED = "[...]"

_PRIVATE = re.compile(
    r"(?:https?://|www\.)\S+"  # addresses of pages
    r"|\S*@\S+"  # of people
    r"|\+?\d[\d\s()./:-]{3,}\d"  # telephone numbers, dates
    r"|\b\w*\d\w*\b",  # ages, amounts, postcodes, room numbers
)
_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z][\w'-]+(?: [A-Z][\w'-]+)*")  # inside a sentence: may be the name of a person or a place
_REPEATED = re.compile(rf"{re.escape(SCRUBBED)}(?: {re.escape(SCRUBBED)})+")
_CALLED = re.compile(r"(?i)\b(?:my name is|my name's|i am called|signed|yours,?|regards,?) +\w+(?: +\w+)?")


@dataclass(frozen=True, slots=True)
class Gap:
    """One line of the log."""

    day: str  # ISO date
    what: str  # NOT_COVERED, LIKED, or the reason for which an answer was not liked
    kind: str  # of the reply
    question: str = ""  # as it was read, scrubbed
    passages: tuple[str, ...] = ()  # that were quoted


def scrub(text: str, known: Callable[[str], bool]) -> str:
    """`text` without what may point to a person: addresses, numbers, and capitalised words that are no `known` words of the subject."""
    text = _PRIVATE.sub(SCRUBBED, _CALLED.sub(SCRUBBED, " ".join(text.split())))

    def masked(match: re.Match[str]) -> str:
        return " ".join(word if word == "I" or known(word.lower()) else SCRUBBED for word in match[0].split())

    return _REPEATED.sub(SCRUBBED, _CAPITAL.sub(masked, text))[:MAX_QUESTION]


def gap(reply: Reply, what: str, known: Callable[[str], bool]) -> Gap:
    """What is kept of `reply` when it is `what`. Nothing of the question where the reply was a help card or a refusal, or carried help lines."""
    tells = reply.kind in ("answer", NOT_COVERED, "clarify") and not reply.support and what != LIKED
    question = scrub(reply.query.text, known) if tells else ""
    quoted = tuple(dict.fromkeys(quote.passage.id for quote in reply.quotes))
    return Gap(datetime.now(UTC).date().isoformat(), what, reply.kind, question, quoted)


class GapLog:
    """Adds to the file at `path`, which only its owner may read."""

    def __init__(self, path: Path) -> None:
        """Raise InputError when nothing can be written there."""
        self._path, self._lock, self._full = path, threading.Lock(), False
        try:
            os.close(self._open())
        except OSError as error:
            raise InputError(f"the gap log {path} cannot be written: {error.strerror}") from None

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, item: Gap) -> None:
        """Append one line. A failure is logged and is no failure of the answer."""
        line = json.dumps(asdict(item), ensure_ascii=False).encode() + b"\n"
        try:
            with self._lock:
                descriptor = self._open()
                try:
                    room = os.fstat(descriptor).st_size + len(line) <= MAX_BYTES
                    if room:
                        os.write(descriptor, line)
                finally:
                    os.close(descriptor)
            if not room and not self._full:
                event(log, logging.WARNING, "the gap log is full", bytes=MAX_BYTES)
            self._full = not room
        except OSError as error:
            event(log, logging.ERROR, "the gap log could not be written", error=type(error).__name__)


def read_gaps(path: Path) -> list[Gap]:
    """The lines of a gap log; raises InputError with the line that is none."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}") from None
    return [_parsed(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]


def _parsed(path: Path, number: int, line: str) -> Gap:
    try:
        data: dict[str, Any] = json.loads(line)
        item = Gap(data["day"], data["what"], data["kind"], data["question"], tuple(data["passages"]))
        if not all(isinstance(text, str) for text in (item.day, item.what, item.kind, item.question, *item.passages)):
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InputError(
            f"{path}:{number}: this is no line of a gap log; take it out, or give the file that `ntqa serve --gap-log` wrote"
        ) from None
    return item


def days(gaps: Iterable[Gap]) -> tuple[str, str]:
    """The first and the last day."""
    found = sorted(item.day for item in gaps)
    return found[0], found[-1]
