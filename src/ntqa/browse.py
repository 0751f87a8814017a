"""The pages for looking around: all topics, one topic, and the evidence map. Plain HTML, without JavaScript, and they can be printed."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from ntqa.pages import page, passage_links
from ntqa.render import Texts, escape, topic_url
from ntqa.schema import EVIDENCE, TOPIC_KINDS, Corpus, Passage, Topic
from ntqa.words import words

LISTED = 1000  # passages in one list: another's collection may hold a hundred thousand without a topic, and a page must stay small
RADIUS = 22.0  # of the largest circle of the map
SMALLEST = 2.5  # of a circle that can still be seen
_HEADING = {"by-kind": "browse.by_kind", "by-name": "browse.by_name"}  # of the two ways in which topics are shown


def topics_page(corpus: Corpus) -> str:
    """All topics, by kind and A to Z, each with its number of passages; then the passages without a topic."""
    texts = Texts(corpus)
    counts = Counter(passage.topic_id for passage in corpus.passages.values())
    topics = sorted(corpus.topics.values(), key=_sort_key)
    by_kind = {kind: [topic for topic in topics if topic.kind == kind] for kind in TOPIC_KINDS}
    by_letter: dict[str, list[Topic]] = {}
    for topic in topics:
        by_letter.setdefault(_sort_key(topic)[0][:1], []).append(topic)
    groups = {
        "by-kind": [(f"kind-{kind}", texts[f"kind.{kind}"], listed) for kind, listed in by_kind.items() if listed],
        "by-name": [(f"letter-{letter}", letter.upper(), listed) for letter, listed in by_letter.items()],
    }
    intro = texts["browse.intro"].replace("{topics}", f"{len(topics):,}").replace("{passages}", f"{len(corpus.passages):,}")
    switch = "".join(f'<a href="#{name}">{escape(texts[_HEADING[name]])}</a> ' for name in groups)
    parts = [f'<h1>{escape(texts["browse.topics"])}</h1><p>{escape(intro)}</p><p class="switch">{switch}</p>']
    for name, listed in groups.items():
        jumps = "".join(f'<a href="#{group_id}">{escape(title)}</a> ' for group_id, title, _ in listed)
        sections = "".join(
            f'<section id="{group_id}"><h3>{escape(title)}</h3>{_topic_links(members, counts)}</section>'
            for group_id, title, members in listed
        )
        parts.append(f'<section id="{name}"><h2>{escape(texts[_HEADING[name]])}</h2><p class="jump">{jumps}</p>{sections}</section>')
    others = [passage for passage in corpus.passages.values() if passage.topic_id not in corpus.topics]
    if others:
        parts.append(f'<h2 id="others">{escape(texts["browse.no_topic"])}</h2>{_listed(others, texts)}')
    return page(texts["browse.topics"], "".join(parts), texts)


def topic_page(topic: Topic, corpus: Corpus) -> str:
    """One topic: its passages with their evidence, the groups it is in, what it includes, and the words that lead to it."""
    texts = Texts(corpus)
    passages = [passage for passage in corpus.passages.values() if passage.topic_id == topic.id]
    parts = [
        f'<p class="crumb"><a href="/topics#kind-{topic.kind}">{escape(texts[f"kind.{topic.kind}"])}</a></p><h1>{escape(topic.name)}</h1>',
        _listed(passages, texts, labelled=True),
    ]
    counts = Counter(passage.topic_id for passage in corpus.passages.values())
    groups = [corpus.topics[parent] for parent in topic.part_of if parent in corpus.topics]
    inside = sorted((other for other in corpus.topics.values() if topic.id in other.part_of), key=_sort_key)
    for key, related in (("browse.part_of", groups), ("browse.includes", inside)):
        if related:
            parts.append(f"<h2>{escape(texts[key])}</h2>{_topic_links(related, counts)}")
    if topic.members:
        members = "".join(f"<li>{escape(', '.join((name, *also)))}</li>" for name, also in topic.members.items())
        parts.append(f'<h2>{escape(texts["browse.members"])}</h2><ul class="columns">{members}</ul>')
    names = [alias for alias in topic.aliases if alias.casefold() != topic.name.casefold()]
    if names:
        parts.append(f"<h2>{escape(texts['browse.names'])}</h2><p>{escape(', '.join(names))}</p>")
    return page(topic.name, "".join(parts), texts)


def evidence_page(corpus: Corpus) -> str:
    """The evidence map: a table of kinds and strengths whose cells are drawn as circles; each leads to the passages behind it."""
    texts = Texts(corpus)
    cells = evidence_cells(corpus)
    kinds = {kind: texts[f"kind.{kind}"] for kind in TOPIC_KINDS} | {"": texts["browse.no_topic"]}
    strengths = {strength: texts[f"evidence.{strength}.name"] for strength in EVIDENCE}
    if any(strength == "" for _, strength in cells):
        strengths[""] = texts["browse.no_evidence"]
    largest = max((len(found) for found in cells.values()), default=1)
    total_of = {strength: sum(len(found) for (_, other), found in cells.items() if other == strength) for strength in strengths}

    every = texts["browse.all"]
    rows = [_row("col", texts["browse.kind"], [f'<th scope="col">{escape(label)}</th>' for label in (*strengths.values(), every)])]
    lists = []
    for kind, name in kinds.items():
        row = {strength: cells.get((kind, strength), []) for strength in strengths}
        total = sum(len(found) for found in row.values())
        if not total:
            continue
        drawn = []
        for strength, found in row.items():
            cell_id = f"{kind or 'no-topic'}-{strength or 'no-evidence'}"
            title = f"{name}. {texts['label.evidence']} {strengths[strength]}"
            drawn.append(f"<td>{_circle(cell_id, title, len(found), largest) if found else 0}</td>")
            if found:
                lists.append(
                    f'<section class="cell" id="{cell_id}"><h2>{escape(title)} <span class="note">{len(found):,}</span></h2>'
                    f'{_listed(found, texts)}<p><a href="#map">{escape(texts["browse.back_to_map"])}</a></p></section>'
                )
        rows.append(_row("row", name, [*drawn, f"<td>{total:,}</td>"]))
    rows.append(_row("row", every, [f"<td>{total:,}</td>" for total in (*total_of.values(), len(corpus.passages))]))
    legend = "".join(f"<li><b>{escape(strengths[item])}</b>: {escape(texts[f'evidence.{item}.note'])}</li>" for item in EVIDENCE)
    body = (
        f"<h1>{escape(texts['browse.evidence'])}</h1><p>{escape(texts['browse.map_intro'])}</p>"
        f'<table class="map" id="map"><caption>{escape(texts["browse.map_caption"])}</caption>'
        f"<thead>{rows[0]}</thead><tbody>{''.join(rows[1:-1])}</tbody><tfoot>{rows[-1]}</tfoot></table>"
        f'<ul class="legend">{legend}</ul>{"".join(lists)}'
    )
    return page(texts["browse.evidence"], body, texts)


def _row(scope: str, head: str, cells: Sequence[str]) -> str:
    return f'<tr><th scope="{scope}">{escape(head)}</th>{"".join(cells)}</tr>'


def evidence_cells(corpus: Corpus) -> dict[tuple[str, str], list[Passage]]:
    """The passages by kind of topic and strength of evidence, each "" where there is none; only cells that hold passages, by title."""
    cells: dict[tuple[str, str], list[Passage]] = {}
    for passage in sorted(corpus.passages.values(), key=lambda passage: words(passage.title)):
        topic = corpus.topics.get(passage.topic_id)
        cells.setdefault((topic.kind if topic else "", passage.evidence or ""), []).append(passage)
    return cells


def _circle(target: str, name: str, count: int, largest: int) -> str:
    """A circle whose area is the count, and the count in digits; the name of the link also says which cell it is."""
    radius = max(SMALLEST, RADIUS * math.sqrt(count / largest))
    return (
        f'<a href="#{target}" aria-label="{count:,} {escape(name)}"><svg viewBox="-22 -22 44 44" aria-hidden="true" focusable="false">'
        f'<circle r="{radius:.1f}"/></svg>{count:,}</a>'
    )


def _sort_key(topic: Topic) -> tuple[str, str]:
    """Without case, accents and marks, so that what a reader looks up stands where they look."""
    return " ".join(words(topic.name)) or topic.id, topic.id


def _topic_links(topics: Iterable[Topic], counts: Counter[str]) -> str:
    items = "".join(
        f'<li><a href="{escape(topic_url(topic.id))}">{escape(topic.name)}</a>&nbsp;<span class="note">{counts[topic.id]:,}</span></li>'
        for topic in topics
    )
    return f'<ul class="columns">{items}</ul>'


def _listed(passages: Sequence[Passage], texts: Texts, labelled: bool = False) -> str:
    """Passages as links, cut where a list would grow without end; with their evidence when `labelled`."""
    left = len(passages) - LISTED
    more = f"<p>{escape(texts['browse.more'].replace('{count}', f'{left:,}'))}</p>" if left > 0 else ""
    return passage_links(passages[:LISTED], texts if labelled else None) + more
