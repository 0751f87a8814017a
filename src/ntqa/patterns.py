"""The guard's reviewed patterns: regular expressions over the plain form of a message. They need neither model nor index.

There are hundreds of them and a message fits a few at most. So each pattern is looked up by three-letter pieces (trigrams) that any text it
matches must hold; only patterns whose pieces are in the message are compiled and tried.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntqa.errors import CorpusError, Problem
from ntqa.normalise import variants
from ntqa.schema import OUTCOMES, GuardPattern

_LETTER = (1 << 21) - 1  # a character's code point has 21 bits; three of them make the number of a piece
MOST_PIECES = 400  # a pattern that may begin in more ways than these is tried on every message

# Compiling a pattern takes a millisecond; `re` itself keeps too few. Corpus text only, so the memory is bounded.
_compiled = cache(re.compile)


@cache
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


def _checked(item: GuardPattern) -> frozenset[str] | None:
    """The pieces of a pattern; raises CorpusError when it is not a valid regular expression."""
    part = "regex"
    try:
        found = pieces(item.regex)
        part = "unless"
        if item.unless:
            sre_parser.parse(item.unless)
    except re.error as error:
        raise CorpusError([Problem("guard", 1, f"{part!r} of pattern {item.id!r} is not a valid regular expression: {error}")]) from None
    return found


def _key(regex: str) -> str:
    return hashlib.sha256(regex.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class _Part:
    pattern: GuardPattern
    pieces: frozenset[str] | None

    def search(self, forms: Sequence[str]) -> bool:
        regex = _compiled(self.pattern.regex)
        unless = _compiled(self.pattern.unless) if self.pattern.unless else None
        return any(regex.search(form) and not (unless and unless.search(form)) for form in forms)


def pack(patterns: Sequence[GuardPattern], known: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """The pieces of `patterns` as arrays, to be kept with the index: reading hundreds of parse trees would take a third of the time in
    which `ntqa ask` answers. What is in `known`, arrays of the same kind, is not read again.
    """
    if not patterns:
        return {}
    found = _unpacked(known)
    every = [found[key] if (key := _key(item.regex)) in found else pieces(item.regex) for item in patterns]
    codes = [sorted(ord(a) << 42 | ord(b) << 21 | ord(c) for a, b, c in item or ()) for item in every]
    return {
        "pattern_keys": np.array([_key(item.regex).encode("ascii") for item in patterns], dtype="S32"),
        "pattern_bounds": np.cumsum([0, *map(len, codes)]),
        "pattern_pieces": np.array([code for item in codes for code in item], dtype=np.uint64),
    }


def _unpacked(packed: Mapping[str, NDArray[Any]]) -> dict[str, frozenset[str] | None]:
    if "pattern_keys" not in packed:
        return {}
    bounds, codes = packed["pattern_bounds"].tolist(), packed["pattern_pieces"].tolist()
    return {
        key.decode(): frozenset("".join(chr(code >> shift & _LETTER) for shift in (42, 21, 0)) for code in codes[first:last]) or None
        for key, (first, last) in zip(packed["pattern_keys"].tolist(), pairwise(bounds), strict=True)
    }


class PatternSet:
    """Patterns in the order in which they decide: cards first, and among them the most serious outcome first."""

    def __init__(self, patterns: Sequence[GuardPattern], packed: Mapping[str, NDArray[Any]] | None = None) -> None:
        """`packed`: their pieces as kept with the index, which has been built only because they are all valid.

        Raises CorpusError when one of the others is not a valid regular expression.
        """
        known = _unpacked(packed or {})
        order = {outcome: rank for rank, outcome in enumerate(OUTCOMES)}
        parts = []
        for item in sorted(patterns, key=lambda item: (item.tier != "card", order[item.outcome])):
            key = _key(item.regex)
            parts.append(_Part(item, known[key] if key in known else _checked(item)))
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
