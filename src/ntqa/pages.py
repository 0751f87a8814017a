"""The pages that are plain HTML: one per passage, and the help lines. They work without JavaScript and can be printed."""

from __future__ import annotations

from ntqa.render import Texts, escape, help_lines_html, meta_html, passage_body_html, passage_url, sources_html
from ntqa.schema import Corpus, Passage


def _page(title: str, body: str, texts: Texts) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="/favicon.ico"><link rel="stylesheet" href="/page/ntqa.css"></head><body class="ntqa-page">'
        f'<header class="bar"><a href="/">{escape(texts["page.back"])}</a> <a class="help-link" href="/help">{escape(texts["page.help"])}</a></header>'
        f"<main>{body}</main><footer><p>{escape(texts['page.disclaimer'])}</p></footer></body></html>"
    )


def passage_page(passage: Passage, corpus: Corpus, marked: tuple[int, int] | None) -> str:
    """The page of one passage, `marked` (a span of its text) highlighted, with its companions and the rest of its topic."""
    texts = Texts(corpus)
    topic = corpus.topics.get(passage.topic_id)
    parts = [
        f"<h1>{escape(passage.title)}</h1>",
        f'<article class="quote" id="quote"><blockquote>{passage_body_html(passage, 0, len(passage.text), marked)}</blockquote>',
        meta_html(passage, texts),
        "" if passage.reviewer else f'<p class="note">{escape(texts["label.not_clinician"])}</p>',
        sources_html(passage, corpus, texts, unfolded=True),
        "</article>",
    ]
    for key, links in (("companion", passage.shown_with), ("counterpoint", passage.counterpoint)):
        if links:
            parts.append(f"<h2>{escape(texts[f'label.{key}'])}</h2>{_links(corpus, links)}")
    if topic:
        others = [item.id for item in corpus.passages.values() if item.topic_id == topic.id and item.id != passage.id]
        if others:
            parts.append(f"<h2>{escape(texts['page.topic'])}</h2>{_links(corpus, others)}")
    return _page(passage.title, "".join(parts), texts)


def _links(corpus: Corpus, passage_ids: list[str] | tuple[str, ...]) -> str:
    items = "".join(f'<li><a href="{escape(passage_url(item))}">{escape(corpus.passages[item].title)}</a></li>' for item in passage_ids)
    return f"<ul>{items}</ul>"


def help_page(corpus: Corpus) -> str:
    """All help lines, by country."""
    texts = Texts(corpus)
    body = f"<h1>{escape(texts['page.help'])}</h1><p>{escape(texts['page.help_intro'])}</p>{help_lines_html(texts, None, unfolded=True)}"
    return _page(texts["page.help"], body, texts)


def missing_page(corpus: Corpus) -> str:
    """What is shown for a passage that does not exist."""
    texts = Texts(corpus)
    return _page(texts["page.title"], f"<h1>{escape(texts['page.missing'])}</h1>", texts)
