"""From the gap log to a short list for curators: like questions together, and for each group one thing to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ntqa.assistant import Assistant
from ntqa.gaps import LIKED, NOT_COVERED, SCRUBBED, Gap, days
from ntqa.schema import Reply

ALIKE = 0.72  # cosine to the first question of a group; questions that one passage would answer are mostly nearer
NEAR = 0.55  # cosine to a passage that may answer the question already
SHOWN = 3  # questions of a group


@dataclass(frozen=True, slots=True)
class Group:
    """Questions that one edit may settle."""

    count: int
    first_day: str
    last_day: str
    questions: tuple[str, ...]  # some of them, each once
    reasons: tuple[str, ...]  # why answers were not liked, most frequent first; empty for what was not covered
    action: str


@dataclass(frozen=True, slots=True)
class Report:
    groups: tuple[Group, ...]  # the largest first
    settled: int  # not covered then, answered by the edition in use
    liked: int
    without_text: int  # help cards and refusals that were not liked: their questions are not kept


def report(gaps: Sequence[Gap], assistant: Assistant) -> Report:
    """Ask every question again, and group what is still open.

    What readers did not like stays until the log is taken away; what was not covered goes when the present edition answers it.
    """
    open_gaps: list[tuple[Gap, Reply]] = []
    replies: dict[str, Reply] = {}
    settled = 0
    texts = [item for item in gaps if item.question and item.what != LIKED]
    for item in texts:
        reply = replies.setdefault(item.question, assistant.reply([item.question]))
        if item.what == NOT_COVERED and reply.kind == "answer":
            settled += 1
        else:
            open_gaps.append((item, reply))
    groups = [_group(members, assistant) for members in _alike(open_gaps, assistant)]
    groups.sort(key=lambda group: (-group.count, group.questions))
    liked = sum(item.what == LIKED for item in gaps)
    return Report(tuple(groups), settled, liked, len(gaps) - liked - len(texts))


def _alike(items: Sequence[tuple[Gap, Reply]], assistant: Assistant) -> list[list[tuple[Gap, Reply]]]:
    """Groups of like questions: each joins the first group whose first question is near, of the same cause."""
    embed = assistant.embedder()
    embed.prefetch(item.question for item, _ in items)
    groups: list[list[tuple[Gap, Reply]]] = []
    leaders = np.zeros((0, assistant.encoder.dimension), dtype=np.float32)
    for item, reply in items:
        vector = embed(item.question)
        near = [
            place
            for place in np.flatnonzero(leaders @ vector >= ALIKE)
            if (groups[place][0][0].what == NOT_COVERED) == (item.what == NOT_COVERED)
            and groups[place][0][0].passages[:1] == item.passages[:1]
        ]
        if near:
            groups[near[0]].append((item, reply))
        else:
            groups.append([(item, reply)])
            leaders = np.vstack([leaders, vector])
    return groups


def _group(members: Sequence[tuple[Gap, Reply]], assistant: Assistant) -> Group:
    gaps = [item for item, _ in members]
    reasons = Counter(item.what for item in gaps if item.what != NOT_COVERED)
    first, last = days(gaps)
    questions = tuple(name for name, _ in Counter(item.question for item in gaps).most_common(SHOWN))
    action = _read_again(gaps[0]) if reasons else _cover(members[0][1], assistant)
    return Group(len(gaps), first, last, questions, tuple(reason for reason, _ in reasons.most_common()), action)


def _read_again(item: Gap) -> str:
    if not item.passages:
        return "see which passage should have been quoted, and add the wording to its questions"
    return f"read corpus/topics/{item.passages[0]}.md beside the question: mend the passage, or move the wording to the one that answers it"


def _cover(reply: Reply, assistant: Assistant) -> str:
    """What would close the gap, from what the search found."""
    names = [term for term in reply.unknown_terms if term not in SCRUBBED]
    if names:
        known = [name for name in names if name in assistant.corpus.other_names]
        if known:
            return f"corpus/other_names.yaml says that {known[0]} is not covered; write a topic if it is asked often"
        return f"{names[0]!r} is not known here: write a topic for it, or put it in corpus/other_names.yaml"
    hits = reply.result.hits if reply.result else ()
    if hits and hits[0].dense >= NEAR:
        return f"if corpus/topics/{hits[0].passage_id}.md answers it, add the wording to its questions; if not, write a passage"
    topics = [topic_id for topic_id in reply.query.topic_ids if topic_id in assistant.corpus.topics]
    if topics:
        return f"write a passage in corpus/topics/{topics[0]}/"
    return "write a passage, if it belongs to the subject; if not, add it to corpus/calibration.yaml as not covered"
