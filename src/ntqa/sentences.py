"""Sentence spans with exact offsets, and the texts that are embedded. The text to quote never changes; the text to embed may be richer."""

from __future__ import annotations

import re

from ntqa.schema import Passage

Span = tuple[int, int]

# A sentence ends at . ! ? or … (with closing quotes or brackets) before white space and something that can begin a sentence.
_END = re.compile(r"""[.!?…]+["'”’)\]]*(?=\s+["'“‘(\[]*[A-Z0-9])|\n\s*\n""")
_ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|Prof|St|vs|etc|cf|approx|No|Fig|e\.g|i\.e|U\.S|U\.K)\.$")
# A capital letter is an initial where a name begins (at the start, after another initial, after "by" ...) or goes on (after a capitalised
# word): "B. F. Skinner", "John F. Kennedy". After any other word it is a kind of something: "hepatitis C.", "Vitamin D.".
_INITIAL = re.compile(
    r"(?:^\s*|[.(]\s*|\b(?:by|and|of|with|from|to|(?!Vitamin|Hepatitis|Type|Group|Plan|Phase|Schedule)[A-Z][a-z]+)\s+)[A-Z]\.$"
)


def sentence_spans(text: str) -> tuple[Span, ...]:
    """Start and end of each sentence of `text`, white space left outside; together they cover all other characters."""
    spans: list[Span] = []
    start = 0
    for match in _END.finditer(text):
        sentence = text[start : match.end()]
        if _ABBREVIATION.search(sentence) or _INITIAL.search(sentence):
            continue
        spans.append(_trim(text, start, match.end()))
        start = match.end()
    spans.append(_trim(text, start, len(text)))
    return tuple(span for span in spans if span[0] < span[1])


def _trim(text: str, start: int, end: int) -> Span:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - (len(piece) - len(piece.rstrip()))


def one_line(text: str) -> str:
    """`text` with every run of white space as one blank."""
    return " ".join(text.split())


def passage_text(passage: Passage) -> str:
    """What is embedded for a whole passage: the title carries substance and aspect, without it dense search falls far."""
    return one_line(f"{passage.title}. {passage.text}")
