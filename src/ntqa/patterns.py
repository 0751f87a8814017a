"""The guard's reviewed patterns: regular expressions over the plain form of a message. They need neither model nor index.

There are hundreds of them and a message fits a few at most. So each pattern is looked up by three-letter pieces (trigrams) that any text it
matches must hold; only patterns whose pieces are in the message are compiled and tried.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

from ntqa.errors import CorpusError, Problem
from ntqa.normalise import variants
from ntqa.schema import OUTCOMES, GuardPattern

MOST_PIECES = 400  # a pattern that may begin in more ways than these is tried on every message

# Compiling a pattern takes a millisecond; `re` itself keeps too few. Corpus text only, so the memory is bounded.
_compiled = cache(re.compile)


def pieces(regex: str) -> frozenset[str] | None:
    """Trigrams of which at least one is in every text that `regex` matches; None when that cannot be said.

    Reads the parse tree of the standard library. Whatever is optional, a class of characters, or forbidden, counts for nothing, so the
    answer may be wider than need be, but never too narrow.
    """
    found = _required(sre_parser.parse(regex))
    return found if found is not None and len(found) <= MOST_PIECES else None


def _required(nodes: Iterable[Any]) -> frozenset[str] | None:
    """The best (smallest) choice among what the parts of a sequence require; runs of letters are read as one word."""
    choices: list[frozenset[str]] = []
    run = ""

    def end_run() -> None:
        nonlocal run
        if len(run) >= 3:
            choices.append(frozenset({run[:3]}))
        run = ""

    for kind, value in nodes:
        if kind is sre.LITERAL:
            run += chr(value)
            continue
        end_run()
        if kind is sre.SUBPATTERN:
            inner = _required(value[-1])
        elif kind is sre.BRANCH:
            parts = [_required(part) for part in value[1]]
            inner = None if any(part is None for part in parts) else frozenset().union(*(part for part in parts if part is not None))
        elif kind is sre.ASSERT:  # what a look-ahead finds is in the text as well
            inner = _required(value[1])
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT) and value[0] >= 1:
            inner = _required(value[2])
        else:
            inner = None
        if inner is not None:
            choices.append(inner)
    end_run()
    return min(choices, key=len, default=None)


@dataclass(frozen=True, slots=True)
class _Part:
    pattern: GuardPattern
    pieces: frozenset[str] | None

    def search(self, forms: Sequence[str]) -> bool:
        regex = _compiled(self.pattern.regex)
        unless = _compiled(self.pattern.unless) if self.pattern.unless else None
        return any(regex.search(form) and not (unless and unless.search(form)) for form in forms)


class PatternSet:
    """Patterns in the order in which they decide: cards first, and among them the most serious outcome first."""

    def __init__(self, patterns: Sequence[GuardPattern]) -> None:
        """Raises CorpusError when one of them is not a valid regular expression."""
        order = {outcome: rank for rank, outcome in enumerate(OUTCOMES)}
        parts = []
        for item in sorted(patterns, key=lambda item: (item.tier != "card", order[item.outcome])):
            for key, source in (("regex", item.regex), ("unless", item.unless)):
                try:
                    found = pieces(source) if source else None
                except re.error as error:
                    message = f"{key!r} of pattern {item.id!r} is not a valid regular expression: {error}"
                    raise CorpusError([Problem("guard", 1, message)]) from None
                if key == "regex":
                    parts.append(_Part(item, found))
        self._parts = tuple(parts)
        self._always = frozenset(index for index, part in enumerate(parts) if part.pieces is None)
        self._by_piece: dict[str, list[int]] = {}
        for index, part in enumerate(parts):
            for piece in part.pieces or ():
                self._by_piece.setdefault(piece, []).append(index)

    def hits(self, text: str) -> list[GuardPattern]:
        """All patterns that match `text`."""
        forms = variants(text)
        likely = set(self._always)
        for piece in {form[at : at + 3] for form in forms for at in range(len(form) - 2)}:
            likely.update(self._by_piece.get(piece, ()))
        return [self._parts[index].pattern for index in sorted(likely) if self._parts[index].search(forms)]
