from __future__ import annotations

import html
import re
from dataclasses import replace

import pytest

from ntqa.assistant import Assistant
from ntqa.pages import help_page, missing_page, passage_page
from ntqa.schema import Passage


def shown(markup: str) -> str:
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


def links(markup: str) -> list[tuple[str, str]]:
    """(address, text) of the links in the main part."""
    main = markup.split("<main>")[1].split("</main>")[0]
    return [(html.unescape(url), shown(text)) for url, text in re.findall(r'<a href="([^"]*)"[^>]*>(.*?)</a>', main)]


def page_of(mini: Assistant, passage_id: str, marked: tuple[int, int] | None = None) -> str:
    return passage_page(mini.corpus.passages[passage_id], mini.corpus, marked)


def test_a_passage_page_shows_the_whole_passage(mini: Assistant):
    page = page_of(mini, "ssri/stopping", (0, 100))
    passage = mini.corpus.passages["ssri/stopping"]
    body = page.split("<blockquote>")[1].split("</blockquote>")[0]
    assert [shown(part) for part in re.findall(r"<p>(.*?)</p>", body)] == [" ".join(part.split()) for part in passage.text.split("\n\n")]
    assert shown(re.search(r"<mark[^>]*>(.*?)</mark>", body).group(1)) == passage.text[:100].replace("\n", " ")
    assert re.search("<h1>(.*?)</h1>", page).group(1) == "SSRIs&#58; stopping them"
    assert re.search("<title>(.*?)</title>", page).group(1) == "SSRIs&#58; stopping them"


def test_it_links_companions_sources_and_the_rest_of_the_topic(mini: Assistant):
    assert links(page_of(mini, "ssri/stopping")) == [
        ("/topic/ssri", "SSRIs"),
        ("https://example.org/leaflet", "Leaflet on medicines & mood"),
        ("/passage/ssri/side-effects", "SSRIs: side effects"),
        ("/passage/ssri/how-they-work", "SSRIs: how they work"),
        ("/passage/ssri/sertraline", "Sertraline: how it differs from other SSRIs"),
        ("/passage/ssri/side-effects", "SSRIs: side effects"),
    ]


def test_headings_say_what_the_links_are(mini: Assistant):
    assert re.findall("<h2>(.*?)</h2>", page_of(mini, "magnesium/sleep")) == ["Also important", "More on this topic"]
    assert re.findall("<h2>(.*?)</h2>", page_of(mini, "chemical-imbalance/is-it-proven")) == [
        "Others see it differently",
        "More on this topic",
    ]
    assert re.findall("<h2>(.*?)</h2>", page_of(mini, "exercise/mood")) == []


def test_only_what_a_clinician_has_seen_goes_without_the_note(mini: Assistant):
    assert "not yet reviewed by a clinician" in page_of(mini, "magnesium/sleep")
    assert "not yet reviewed by a clinician" not in page_of(mini, "ssri/stopping")
    assert "Dr Example, pharmacist" in shown(page_of(mini, "ssri/stopping"))


def test_without_a_mark_nothing_is_highlighted(mini: Assistant):
    assert "<mark" not in page_of(mini, "magnesium/sleep")


def test_a_bulk_passage_has_a_page_without_topic(mini: Assistant):
    page = page_of(mini, "bulk/daylight")
    assert "Morning light shifts it forward" in shown(page)
    assert links(page) == []


def test_hostile_text_is_escaped_everywhere(mini: Assistant):
    bad = "<img src=x onerror=alert(1)>"
    passage = Passage("gaba/bad", "gaba", bad, bad, reviewer=bad, shown_with=("gaba/bad",))
    corpus = replace(mini.corpus, passages={"gaba/bad": passage})
    page = passage_page(passage, corpus, None)
    assert "<img" not in page
    assert shown(page).count(bad) == 4  # title, heading, text, link to itself (a reviewer without date is not shown)


def test_help_page_lists_every_line_unfolded(mini: Assistant):
    page = help_page(mini.corpus)
    assert re.findall(r"<summary>([^<]*)</summary>", page) == ["Anywhere else", "United States", "España"]
    assert page.count("<details") == page.count(" open>") == 3
    assert "In danger, call your local emergency number." in shown(page)
    for line in mini.corpus.help_lines:
        assert f"<b>{line.name}</b>" in page
        assert line.phone in shown(page)


def test_missing_page(mini: Assistant):
    page = missing_page(mini.corpus)
    assert shown(page.split("<main>")[1].split("</main>")[0]) == "There is no such passage."
    assert "There is no such topic." in shown(missing_page(mini.corpus, "browse.missing"))


@pytest.mark.parametrize(
    "build", [lambda mini: page_of(mini, "magnesium/sleep"), lambda mini: help_page(mini.corpus), lambda mini: missing_page(mini.corpus)]
)
def test_every_page_has_language_help_and_disclaimer_and_no_script(mini: Assistant, build):
    page = build(mini)
    assert page.startswith('<!doctype html><html lang="en">')
    assert '<a class="help-link" href="/help">' in page
    assert shown(page.split("<footer>")[1]) == "General information, not medical advice."
    assert "<script" not in page
    assert not re.search(r"<[^>]*\son\w+=", page)
