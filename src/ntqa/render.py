"""Reply -> JSON record, text for the terminal, HTML for the page. Every letter comes from the corpus or is the reader's own, escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote as url_quote

from ntqa.config import MAX_MESSAGE
from ntqa.schema import Corpus, HelpLine, Passage, Quote, Reply
from ntqa.sentences import one_line

# Gradio's chat reads messages as Markdown, LaTeX and HTML; as numeric entities all of these reach the page as they are.
_MARKS = re.compile(r"""[&<>"'`\\*_{}\[\]()#+\-.!|~$=:/@]""")
FIRST_COUNTRIES = ("US", "GB", "any")


def escape(text: str) -> str:
    """`text` as HTML that shows exactly `text`, in a page and in a Markdown message alike."""
    return _MARKS.sub(lambda match: f"&#{ord(match.group())};", text)


def passage_url(passage_id: str, marked: tuple[int, int] | None = None) -> str:
    """Path of the page of a passage, with the marked span."""
    path = f"/passage/{url_quote(passage_id)}"
    return f"{path}?s={marked[0]}&e={marked[1]}#quote" if marked else path


def topic_url(topic_id: str) -> str:
    """Path of the page of a topic."""
    return f"/topic/{url_quote(topic_id)}"


class Texts:
    """The corpus's own words: cards, labels, page texts, help lines."""

    def __init__(self, corpus: Corpus) -> None:
        self._messages, self._lines = corpus.messages, corpus.help_lines

    def __getitem__(self, key: str) -> str:
        return self._messages.get(key, "")

    def card(self, key: str, language: str = "en") -> str:
        """A card in `language`, in English where it has no translation."""
        return self._messages.get(f"translations.{language}.{key}") or self[f"card.{key}"]

    def lines(self, countries: Iterable[str] | None = None) -> dict[str, list[HelpLine]]:
        """Help lines by country code, in the file's order."""
        chosen = None if countries is None else set(countries)
        found: dict[str, list[HelpLine]] = {}
        for line in self._lines:
            if chosen is None or line.country in chosen:
                found.setdefault(line.country, []).append(line)
        return found

    def countries_for(self, language: str) -> tuple[str, ...]:
        return {"es": ("ES", "MX", "any"), "fr": ("FR", "CH", "any"), "de": ("DE", "AT", "CH", "any")}.get(language, FIRST_COUNTRIES)


def help_text(line: HelpLine) -> str:
    return ", ".join(part for part in (f"{line.name}: {line.phone}" if line.phone else line.name, line.how, line.url) if part)


def message_text(reply: Reply, texts: Texts) -> str:
    """The fixed words of a reply: its card, or the lines under an answer."""
    parts = []
    needs_lines = reply.kind in ("crisis", "emergency") or reply.card in ("language", "failure")
    if reply.card:
        parts.append(texts.card(reply.card, reply.language).replace("{limit}", f"{MAX_MESSAGE:,}"))
    if reply.pointer:
        parts.append(texts["card.pointer"])
    if reply.support and reply.kind not in ("crisis", "emergency"):
        parts.append(texts.card("support", reply.language))
        needs_lines = True
    if needs_lines:
        for lines in texts.lines(texts.countries_for(reply.language)).values():
            parts.append("\n".join([lines[0].country_name, *(help_text(line) for line in lines)]))
    return "\n\n".join(part for part in parts if part)


# --- JSON ----------------------------------------------------------------------------------------------------------------


def reply_record(reply: Reply, corpus: Corpus, record_id: Any, took_ms: float) -> dict[str, Any]:
    """The JSON record of a reply, the same for `ntqa ask` and for the web."""
    return {
        "id": record_id,
        "kind": reply.kind,
        "read_as": reply.query.text,
        "support": reply.support,
        "message": message_text(reply, Texts(corpus)),
        "quotes": [_quote_record(quote, corpus) for quote in reply.quotes],
        "related": list(reply.related),
        "unknown_terms": list(reply.unknown_terms),
        "edition": reply.edition,
        "took_ms": round(took_ms, 2),
    }


def _quote_record(quote: Quote, corpus: Corpus) -> dict[str, Any]:
    passage = quote.passage
    return {
        "text": quote.text,
        "passage": passage.id,
        "title": passage.title,
        "start": quote.start,
        "end": quote.end,
        "marked": list(quote.marked),
        "evidence": passage.evidence,
        "reviewed": passage.reviewed.isoformat() if passage.reviewed else None,
        "role": quote.role,
        "url": passage_url(passage.id, quote.marked),
        "sources": [
            {"id": source.id, "title": source.title, "publisher": source.publisher, "year": source.year, "url": source.url}
            for source in (corpus.sources[source_id] for source_id in passage.source_ids)
        ],
    }


# --- terminal ------------------------------------------------------------------------------------------------------------


def reply_text(reply: Reply, corpus: Corpus) -> str:
    """A reply for the terminal."""
    texts = Texts(corpus)
    blocks = []
    if reply.query.text != reply.query.asked.strip():
        blocks.append(f"{texts['label.read_as']} {reply.query.text}")
    for quote in reply.quotes:
        blocks.append(_quote_text(quote, corpus, texts))
    message = message_text(reply, texts)
    if message:
        blocks.append(message)
    if reply.unknown_terms and reply.kind == "not_covered":
        blocks.append(f"{texts['label.unknown']} {', '.join(reply.unknown_terms)}")
    if reply.related:
        blocks.append("\n".join([_related_label(reply, texts), *(f"  {item}" for item in reply.related)]))
    return "\n\n".join(blocks) + "\n"


def _related_label(reply: Reply, texts: Texts) -> str:
    if reply.did_you_mean:
        return texts["label.did_you_mean"]
    return texts["label.nearest" if reply.kind == "not_covered" and reply.result else "label.related"]


def carried_topics(reply: Reply, corpus: Corpus) -> tuple[str, ...]:
    """Names of what a follow-up was taken to be about; none for a question that was read on its own, and under a card."""
    if not reply.query.follow_up or reply.kind not in ("answer", "not_covered"):
        return ()
    names: list[str] = []
    for topic in (corpus.topics[topic_id] for topic_id in reply.query.topic_ids):
        names += [member for member in reply.query.members if member in topic.members] or [topic.name]
    return tuple(dict.fromkeys(names))


def _quote_text(quote: Quote, corpus: Corpus, texts: Texts) -> str:
    passage = quote.passage
    start, end = quote.marked
    body = one_line(f"{passage.text[quote.start : start]}\u00bb{passage.text[start:end]}\u00ab{passage.text[end : quote.end]}")
    head = [texts[f"label.{quote.role}"]] if quote.role != "answer" else []
    foot = []
    if passage.evidence:
        foot.append(f"{texts['label.evidence']} {texts[f'evidence.{passage.evidence}.name']}: {texts[f'evidence.{passage.evidence}.note']}")
    if passage.reviewed:
        foot.append(f"{texts['label.reviewed']} {passage.reviewed.isoformat()}")
    for source_id in passage.source_ids:
        source = corpus.sources[source_id]
        foot.append("  " + ", ".join(str(part) for part in (source.title, source.publisher, source.year, source.url) if part))
    return "\n".join([*head, f"{passage.title} [{passage.id}]", body, *foot])


# --- HTML ----------------------------------------------------------------------------------------------------------------


def reply_html(reply: Reply, corpus: Corpus) -> str:
    """A reply as HTML for one chat message."""
    texts = Texts(corpus)
    parts = []
    if reply.kind == "answer" and reply.query.text != reply.query.asked.strip():
        parts.append(f'<p class="read-as">{escape(texts["label.read_as"])} <q>{escape(one_line(reply.query.text))}</q></p>')
    about = carried_topics(reply, corpus)
    if about:
        parts.append(f'<p class="about">{escape(texts["label.about"])} <b>{escape(", ".join(about))}</b></p>')
    parts += [quote_html(quote, corpus, texts) for quote in reply.quotes]
    parts.append(_card_html(reply, texts))
    if reply.unknown_terms and reply.kind == "not_covered":
        parts.append(f'<p class="unknown">{escape(texts["label.unknown"])} {escape(", ".join(reply.unknown_terms))}</p>')
    if reply.kind == "not_covered":
        parts.append(f'<p class="covers"><a href="/topics">{escape(texts["label.covers"])}</a></p>')
    if reply.related:  # the questions themselves are buttons below the message
        parts.append(f'<p class="related-label">{escape(_related_label(reply, texts))}</p>')
    return f'<div class="reply reply-{reply.kind.replace("_", "-")}">{"".join(parts)}</div>'


def failure_html(corpus: Corpus) -> str:
    """What is shown when no reply could be made: that it failed, and where help is."""
    texts = Texts(corpus)
    card = f'<div class="card">{_paragraphs(texts["card.failure"])}</div>'
    return f'<div class="reply reply-failure">{card}{help_lines_html(texts, FIRST_COUNTRIES)}</div>'


def _card_html(reply: Reply, texts: Texts) -> str:
    parts = []
    if reply.card:
        heading = texts[f"heading.{reply.kind}"]
        body = texts.card(reply.card, reply.language).replace("{limit}", f"{MAX_MESSAGE:,}")
        head = f'<p class="card-heading">{escape(heading)}</p>' if heading else ""
        parts.append(f'<div class="card">{head}{_paragraphs(body)}</div>')
    if reply.pointer:
        parts.append(f'<p class="pointer">{escape(texts["card.pointer"])}</p>')
    strip = reply.support and reply.kind not in ("crisis", "emergency")
    if strip:
        parts.append(f'<p class="support">{escape(texts.card("support", reply.language))}</p>')
    if strip or reply.kind in ("crisis", "emergency") or reply.card in ("language", "failure"):
        parts.append(help_lines_html(texts, texts.countries_for(reply.language)))
    return "".join(parts)


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(one_line(part))}</p>" for part in re.split(r"\n\s*\n", text))


def help_lines_html(texts: Texts, countries: Iterable[str] | None = None, unfolded: bool = False) -> str:
    """Help lines by country, numbers as telephone links: those of `countries` first, the last of them open, the rest a choice to unfold."""
    by_country = texts.lines()
    first = [code for code in countries or () if code in by_country]
    blocks = []
    for code in [*reversed(first), *(code for code in by_country if code not in first)]:
        lines = by_country[code]
        items = "".join(f"<li>{_line_html(line)}</li>" for line in lines)
        is_open = " open" if unfolded or (first and code == first[-1]) else ""
        blocks.append(
            f'<details class="help-country"{is_open}><summary>{escape(lines[0].country_name)}</summary><ul>{items}</ul></details>'
        )
    return f'<div class="help-lines"><p class="help-choose">{escape(texts["page.help_country"])}</p>{"".join(blocks)}</div>'


def _line_html(line: HelpLine) -> str:
    phone = ""
    if line.phone:
        dial = re.sub(r"[^0-9+]", "", line.phone)
        phone = f' <a class="phone" href="tel:{dial}">{escape(line.phone)}</a>'
    site = re.sub(r"^https://(?:www\.)?", "", line.url).split("/")[0]
    return f'<b>{escape(line.name)}</b>{phone} {escape(line.how)} <a href="{escape(line.url)}" rel="noopener noreferrer" target="_blank">{escape(site)}</a>'


def quote_html(quote: Quote, corpus: Corpus, texts: Texts) -> str:
    """One quote with its evidence, review date and sources, as a figure."""
    passage = quote.passage
    role = f'<p class="role">{escape(texts[f"label.{quote.role}"])}</p>' if quote.role != "answer" else ""
    url = passage_url(passage.id, quote.marked)
    return (
        f'<figure class="quote quote-{quote.role}">{role}<p class="quote-title">{escape(passage.title)}</p>'
        f"<blockquote>{passage_body_html(passage, quote.start, quote.end, quote.marked)}</blockquote>"
        f"<figcaption>{meta_html(passage, texts)}{sources_html(passage, corpus, texts)}"
        f'<p class="context"><a href="{escape(url)}" class="context-link">{escape(texts["label.context"])}</a></p></figcaption></figure>'
    )


def passage_body_html(passage: Passage, start: int, end: int, marked: tuple[int, int] | None) -> str:
    """The passage's text in paragraphs, the marked span in <mark>."""
    text = passage.text
    marked = marked or (start, start)
    pieces = []
    for match in re.finditer(r"\S(?:.*?\S)??(?=\s*\n\s*\n|\s*\Z)", text[start:end], re.DOTALL):
        first, last = start + match.start(), start + match.end()
        low, high = max(first, min(marked[0], last)), max(first, min(marked[1], last))
        inside = f"<mark>{_flow(text[low:high])}</mark>" if low < high else ""
        pieces.append(f"<p>{_flow(text[first:low])}{inside}{_flow(text[high:last])}</p>")
    return "".join(pieces)


def _flow(text: str) -> str:
    return escape(re.sub(r"\s+", " ", text))


def meta_html(passage: Passage, texts: Texts) -> str:
    """Evidence in words with its explanation, and the review date."""
    parts = []
    if passage.evidence:
        parts.append(
            f'<span class="evidence evidence-{passage.evidence}">{escape(texts["label.evidence"])} '
            f"<b>{escape(texts[f'evidence.{passage.evidence}.name'])}</b> "
            f'<span class="note">{escape(texts[f"evidence.{passage.evidence}.note"])}</span></span>'
        )
    if passage.reviewed:
        who = f" {escape(passage.reviewer)}" if passage.reviewer else ""
        parts.append(f'<span class="reviewed">{escape(texts["label.reviewed"])} {escape(passage.reviewed.isoformat())}{who}</span>')
    return f'<p class="meta">{" ".join(parts)}</p>' if parts else ""


def sources_html(passage: Passage, corpus: Corpus, texts: Texts, unfolded: bool = False) -> str:
    """The numbered sources of a passage."""
    if not passage.source_ids:
        return ""
    items = []
    for source_id in passage.source_ids:
        source = corpus.sources[source_id]
        detail = ", ".join(str(part) for part in (source.publisher, source.year) if part)
        title = escape(source.title)
        if source.url:
            title = f'<a href="{escape(source.url)}" rel="noopener noreferrer" target="_blank">{title}</a>'
        items.append(f'<li>{title} <span class="note">{escape(detail)}</span></li>')
    is_open = " open" if unfolded else ""
    return f'<details class="sources"{is_open}><summary>{escape(texts["label.sources"])} {len(items)}</summary><ol>{"".join(items)}</ol></details>'
