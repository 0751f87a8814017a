"""The pages that are plain HTML: the frame of all of them, one per passage, the help lines. They work without JavaScript and can be printed."""

from __future__ import annotations

from collections.abc import Iterable

from ntqa.render import Texts, escape, help_lines_html, meta_html, passage_body_html, passage_url, sources_html, topic_url
from ntqa.schema import Corpus, Passage


def browse_nav(texts: Texts, attributes: str = "") -> str:
    """The line below the bar that leads to topics and evidence map; `attributes` are added to its links."""
    links = (("/topics", "browse.topics"), ("/evidence", "browse.evidence"))
    items = " ".join(f'<a href="{url}"{attributes}>{escape(texts[key])}</a>' for url, key in links)
    return f'<nav class="browse">{items}</nav>'


def page(title: str, body: str, texts: Texts) -> str:
    """A whole page: `body`, which is HTML, between the bar and the disclaimer."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="/favicon.ico"><link rel="stylesheet" href="/page/ntqa.css"></head><body class="ntqa-page">'
        f'<header class="bar"><a href="/">{escape(texts["page.back"])}</a> <a class="help-link" href="/help">{escape(texts["page.help"])}</a></header>{browse_nav(texts)}'
        f"<main>{body}</main><footer><p>{escape(texts['page.disclaimer'])}</p></footer></body></html>"
    )


def passage_page(passage: Passage, corpus: Corpus, marked: tuple[int, int] | None) -> str:
    """The page of one passage, `marked` (a span of its text) highlighted, with its companions and the rest of its topic."""
    texts = Texts(corpus)
    topic = corpus.topics.get(passage.topic_id)
    parts = [
        f'<p class="crumb"><a href="{escape(topic_url(topic.id))}">{escape(topic.name)}</a></p>' if topic else "",
        f"<h1>{escape(passage.title)}</h1>",
        f'<article class="quote" id="quote"><blockquote>{passage_body_html(passage, 0, len(passage.text), marked)}</blockquote>',
        meta_html(passage, texts),
        "" if passage.reviewer else f'<p class="note">{escape(texts["label.not_clinician"])}</p>',
        sources_html(passage, corpus, texts, unfolded=True),
        "</article>",
    ]
    for key, links in (("companion", passage.shown_with), ("counterpoint", passage.counterpoint)):
        if links:
            parts.append(f"<h2>{escape(texts[f'label.{key}'])}</h2>{passage_links(corpus.passages[item] for item in links)}")
    if topic:
        others = [item for item in corpus.passages.values() if item.topic_id == topic.id and item.id != passage.id]
        if others:
            parts.append(f"<h2>{escape(texts['page.topic'])}</h2>{passage_links(others)}")
    return page(passage.title, "".join(parts), texts)


def passage_links(passages: Iterable[Passage], texts: Texts | None = None) -> str:
    """Titles that lead to the passages; with `texts`, how strong the evidence is stands behind each."""
    items = []
    for passage in passages:
        label = f"{texts['label.evidence']} {texts[f'evidence.{passage.evidence}.name']}" if texts and passage.evidence else ""
        note = f' <span class="note">{escape(label)}</span>' if label else ""
        items.append(f'<li><a href="{escape(passage_url(passage.id))}">{escape(passage.title)}</a>{note}</li>')
    kind = ' class="labelled"' if texts else ""
    return f"<ul{kind}>{''.join(items)}</ul>"


def help_page(corpus: Corpus) -> str:
    """All help lines, by country."""
    texts = Texts(corpus)
    body = f"<h1>{escape(texts['page.help'])}</h1><p>{escape(texts['page.help_intro'])}</p>{help_lines_html(texts, None, unfolded=True)}"
    return page(texts["page.help"], body, texts)


def missing_page(corpus: Corpus, key: str = "page.missing") -> str:
    """What is shown for a passage that does not exist; for something else with another `key` of a text that says so."""
    texts = Texts(corpus)
    return page(texts["page.title"], f"<h1>{escape(texts[key])}</h1>", texts)
