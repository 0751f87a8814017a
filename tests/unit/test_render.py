from __future__ import annotations

import html
import json
import re
from collections.abc import Callable

import pytest
from fakes import TODAY, corpus_of

from ntqa.assistant import Assistant
from ntqa.render import (
    Texts,
    carried_topics,
    escape,
    failure_html,
    help_lines_html,
    help_text,
    message_text,
    meta_html,
    passage_body_html,
    passage_url,
    quote_html,
    reply_html,
    reply_record,
    reply_text,
    sources_html,
)
from ntqa.schema import Passage, Query, Quote, Reply

HOSTILE = [
    "<script>alert(1)</script>",
    "</mark></blockquote><img src=x onerror=alert(1)>",
    "<b>bold</b> &amp; &lt; &#60; &nbsp; &copy",
    "**bold** __under__ *a* _b_ ~~gone~~ `code` ```block```",
    "[link](javascript:alert(1)) ![image](http://x/y.png) <http://auto.link>",
    "# heading\n## two\n- item\n+ item\n* item\n1. first\n> quote\n---\n===",
    "| a | b |\n|---|---|\n| 1 | 2 |",
    "$x^2$ $$\\frac{1}{2}$$ \\(a\\) \\[b\\] \\begin{align}",
    "https://example.org www.example.org me@example.org",
    "quote ' \" ` ´ ’ “ ”",
    "back\\slash \\* \\` \\\\",
    "emoji 🧠👩‍⚕️🇪🇸 and combining e\u0301",
    "עברית العربية \u202eright to left\u202c",
    "zero\u200bwidth nul\u00adl soft",
    "{{template}} ${code} {% block %} <%= erb %>",
    "onclick=alert(1) style=color:red",
    "",
]


def shown(markup: str) -> str:
    """What a page shows of some HTML: tags away, entities read once."""
    return html.unescape(re.sub(r"<[^>]*>", "", markup))


@pytest.mark.parametrize("text", HOSTILE)
def test_escaped_text_is_shown_as_it_is(text: str):
    assert shown(escape(text)) == text


@pytest.mark.parametrize("text", HOSTILE)
def test_no_mark_of_html_markdown_or_latex_is_left(text: str):
    assert not set(re.sub(r"&#\d+;", "", escape(text))) & set("&<>\"'`\\*_{}[]()#+-.!|~$=:/@")


def test_escape_uses_numeric_entities():
    assert escape("<a> & b") == "&#60;a&#62; &#38; b"
    assert escape("plain words 12") == "plain words 12"


# --- passages and quotes ---

TEXT = "First one. Second, with <b>*marks*</b> & $x$.\n\nThird\nover two lines. Fourth."


def made(text: str, **more: object) -> Passage:
    return Passage("topic/aspect", "topic", "A <title>", text, **more)


def paragraphs(markup: str) -> list[str]:
    return [shown(part) for part in re.findall(r"<p>(.*?)</p>", markup, re.DOTALL)]


@pytest.mark.parametrize("marked", [None, (0, 10), (11, 45), (47, 67), (68, 75), (0, 75), (5, 60), (0, 0)])
def test_a_passage_is_shown_whole_whatever_is_marked(marked: tuple[int, int] | None):
    assert paragraphs(passage_body_html(made(TEXT), 0, len(TEXT), marked)) == [
        "First one. Second, with <b>*marks*</b> & $x$.",
        "Third over two lines. Fourth.",
    ]


@pytest.mark.parametrize("text", [text for text in HOSTILE if text])
def test_a_hostile_passage_is_shown_as_it_is(text: str):
    flat = re.sub(r"\s+", " ", text)
    markup = passage_body_html(made(text), 0, len(text), (0, len(text)))
    assert shown(markup) == flat
    assert re.findall(r"<[^>]*>", markup) == ["<p>", "<mark>", "</mark>", "</p>"]


@pytest.mark.parametrize(
    ("marked", "expected"),
    [
        ((0, 10), ["First one."]),
        ((11, 45), ["Second, with <b>*marks*</b> & $x$."]),
        ((5, 60), [" one. Second, with <b>*marks*</b> & $x$.", "Third over tw"]),
        ((70, 500), ["ourth."]),
        (None, []),
        ((3, 3), []),
    ],
)
def test_the_marked_span_is_highlighted_in_each_paragraph(marked: tuple[int, int] | None, expected: list[str]):
    markup = passage_body_html(made(TEXT), 0, len(TEXT), marked)
    assert [shown(part) for part in re.findall(r"<mark[^>]*>(.*?)</mark>", markup)] == expected


def test_a_quote_is_a_slice_of_its_passage(mini: Assistant):
    passage = mini.corpus.passages["ssri/stopping"]
    quote = Quote(passage, 3, 40, (5, 20))
    assert quote.text == passage.text[3:40]
    assert paragraphs(quote_html(quote, mini.corpus, Texts(mini.corpus)))[0] == " ".join(passage.text[3:40].split())


@pytest.mark.parametrize(
    ("role", "label"), [("answer", None), ("companion", "Also important"), ("counterpoint", "Others see it differently")]
)
def test_role_of_a_quote(mini: Assistant, role: str, label: str | None):
    passage = mini.corpus.passages["magnesium/sleep"]
    markup = quote_html(Quote(passage, 0, len(passage.text), (0, 10), role), mini.corpus, Texts(mini.corpus))
    assert f'<figure class="quote quote-{role}">' in markup
    assert re.findall(r'<p class="role">(.*?)</p>', markup) == ([label] if label else [])
    assert '<p class="quote-title">Magnesium&#58; does it help with sleep?</p>' in markup


def test_meta_gives_evidence_in_words_date_and_reviewer(mini: Assistant):
    passage = mini.corpus.passages["ssri/stopping"]
    date = TODAY.isoformat()
    assert (
        shown(meta_html(passage, Texts(mini.corpus))) == f"Evidence: established reviews agree Last reviewed: {date} Dr Example, pharmacist"
    )
    assert meta_html(made("text"), Texts(mini.corpus)) == ""


def test_sources_are_numbered_linked_and_escaped(mini: Assistant):
    texts = Texts(mini.corpus)
    markup = sources_html(mini.corpus.passages["ssri/how-they-work"], mini.corpus, texts)
    assert shown(markup) == (
        "Sources: 2Handbook of nerve messengers Example University Press, 2021Leaflet on medicines & mood Example Agency"
    )
    links = [html.unescape(link) for link in re.findall(r'href="([^"]*)"', markup)]
    assert links == ["https://example.org/handbook", "https://example.org/leaflet"]
    assert "<details class=" in markup
    assert "href" not in sources_html(mini.corpus.passages["gaba-supplement/evidence"], mini.corpus, texts)
    assert sources_html(made("text"), mini.corpus, texts) == ""


def test_passage_url():
    assert passage_url("ssri/side-effects") == "/passage/ssri/side-effects"
    assert passage_url("ssri/side-effects", (5, 17)) == "/passage/ssri/side-effects?s=5&e=17#quote"
    assert passage_url('a"b/<c>') == "/passage/a%22b/%3Cc%3E"


# --- replies ---


@pytest.mark.parametrize("question", HOSTILE)
def test_the_readers_words_come_back_only_escaped(mini: Assistant, question: str):
    reply = Reply("answer", Query(question, f"SSRIs: {question}"))
    markup = reply_html(reply, mini.corpus)
    assert shown(re.search(r"<q>(.*?)</q>", markup, re.DOTALL).group(1)) == " ".join(f"SSRIs: {question}".split())
    assert set(re.findall(r"<(\w+)", markup)) == {"div", "p", "q"}


def test_read_as_appears_only_when_something_was_changed(mini: Assistant):
    assert 'class="read-as"' not in reply_html(mini.reply(["  what does serotonin do?  "]), mini.corpus)
    follow_up = mini.reply(["what are ssris?", "and their side effects?"])
    assert shown(re.search(r'<p class="read-as">(.*?)</p>', reply_html(follow_up, mini.corpus)).group(1)) == (
        "Read as: SSRIs: and their side effects?"
    )


def test_answer_shows_its_quotes_in_order_of_role(mini: Assistant):
    markup = reply_html(mini.reply(["does magnesium help with sleep?"]), mini.corpus)
    assert re.findall(r'<figure class="quote quote-(\w+)">', markup) == ["answer", "companion"]
    titles = [shown(title) for title in re.findall(r'<p class="quote-title">(.*?)</p>', markup)]
    assert titles == ["Magnesium: does it help with sleep?", "Magnesium: side effects"]


@pytest.mark.parametrize(
    ("message", "css", "heading", "body"),
    [
        ("i want to hurt myself", "crisis", "Please reach out", ["You matter. Please contact a crisis line below."]),
        ("my brother wants to die", "crisis", "Please reach out", ["Stay with the person. Please contact a crisis line below."]),
        ("i might hurt him", "crisis", "Please reach out", ["Step away. Please contact a crisis line below."]),
        ("she took too many pills", "emergency", "This may be an emergency", ["Call your local emergency number now."]),
        ("how much magnesium should i take", "refusal-dosing", "About amounts", ["No amounts here.", "A pharmacist can help."]),
        ("do i have depression", "refusal-diagnosis", "About diagnosis", ["No diagnosis here. A doctor can help."]),
        ("hello", "smalltalk", None, ["Hello from the mini corpus. Ask about serotonin, for example."]),
        ("is that proven?", "clarify", "One thing first", ["Which medicine, supplement or subject do you mean?"]),
        ("x" * 5000, "clarify", "One thing first", ["Please shorten it to 4,000 characters."]),
    ],
)
def test_cards(mini: Assistant, message: str, css: str, heading: str | None, body: list[str]):
    markup = reply_html(mini.reply([message]), mini.corpus)
    assert markup.startswith(f'<div class="reply reply-{css}">')
    assert [shown(item) for item in re.findall(r'<p class="card-heading">(.*?)</p>', markup)] == ([heading] if heading else [])
    assert paragraphs(markup.split('<div class="card">')[1].split("</div>")[0]) == body
    assert ('class="help-lines"' in markup) is (css in ("crisis", "emergency"))


def test_support_strip_comes_with_help_lines(mini: Assistant):
    markup = reply_html(mini.reply(["i feel so hopeless, does exercise lift mood?"]), mini.corpus)
    assert shown(re.search(r'<p class="support">(.*?)</p>', markup).group(1)) == "If any of this is about you, help is there:"
    assert 'href="tel:000988"' in markup
    assert 'class="quote quote-answer"' in markup


def test_support_strip_in_words_comes_with_help_lines(mini: Assistant):
    text = message_text(mini.reply(["i feel so hopeless, does exercise lift mood?"]), Texts(mini.corpus))
    assert text.startswith("If any of this is about you, help is there:\n\nAnywhere else\n")
    assert "Crisis line: 000-988, call or text" in text
    assert message_text(mini.reply(["does exercise lift mood?"]), Texts(mini.corpus)) == ""


def test_card_in_the_readers_language_with_its_own_help_lines(mini: Assistant):
    reply = Reply("crisis", Query("x", "x"), card="crisis.self", language="es", support=True)
    text = message_text(reply, Texts(mini.corpus))
    assert text.startswith("Usted importa. Llame a una línea de crisis.\n\n")
    assert "000-024" in text
    assert "000-988" not in text
    markup = reply_html(reply, mini.corpus)
    assert re.findall(r"<summary>([^<]*)", markup) == ["Anywhere else", "España", "United States"]


def test_a_card_without_translation_is_shown_in_english(mini: Assistant):
    texts = Texts(mini.corpus)
    assert texts.card("crisis.other", "es") == "Stay with the person. Please contact a crisis line below."
    assert texts.card("emergency", "fr") == "Call your local emergency number now."


def test_message_text_of_an_emergency_names_every_line(mini: Assistant):
    reply = Reply("emergency", Query("x", "x"), card="emergency", support=True)
    assert message_text(reply, Texts(mini.corpus)) == (
        "Call your local emergency number now.\n\n"
        "Anywhere else\n"
        "Local emergency number, dial the number of the country you are in, https://example.org/emergency\n"
        "Directory of crisis lines, web page, https://example.org/crisis\n\n"
        "United States\n"
        "Emergency services: 000-911, call, day and night, https://www.example.com/us-emergency\n"
        "Crisis line: 000-988, call or text, https://example.com/us-crisis\n"
        "Poison line: 1-000-222, call, https://example.com/us-poison"
    )


def test_help_text_without_a_number(mini: Assistant):
    assert help_text(mini.corpus.help_lines[1]) == "Directory of crisis lines, web page, https://example.org/crisis"


def test_help_lines_all_countries_with_the_last_chosen_one_open(mini: Assistant):
    markup = help_lines_html(Texts(mini.corpus), ("US", "any"))
    blocks = re.findall(r'<details class="help-country"( open)?><summary>([^<]*)</summary>', markup)
    assert blocks == [(" open", "Anywhere else"), ("", "United States"), ("", "España")]
    assert re.findall(r'href="tel:([^"]*)"', markup) == ["000911", "000988", "1000222", "000112", "000024"]
    unfolded = help_lines_html(Texts(mini.corpus), None, unfolded=True)
    assert re.findall(r"<details[^>]*>", unfolded) == ['<details class="help-country" open>'] * 3


def test_help_line_shows_the_site_and_links_the_page(mini: Assistant):
    markup = help_lines_html(Texts(mini.corpus), ("US",))
    link = re.search(r'<a href="([^"]*)" rel="noopener noreferrer" target="_blank">([^<]*)</a>', markup.split("000911")[1])
    assert [html.unescape(part) for part in link.groups()] == ["https://www.example.com/us-emergency", "example.com"]


def test_not_covered_names_the_unknown_words_and_the_nearest_titles(mini: Assistant):
    reply = mini.reply(["what does metformin do"])
    markup = reply_html(reply, mini.corpus)
    assert shown(re.search(r'<p class="unknown">(.*?)</p>', markup).group(1)) == "Not found here: metformin"
    text = reply_text(reply, mini.corpus)
    assert text.startswith("Nothing here fits this question.\n\nNot found here: metformin\n\nNearest in this collection\n  ")


@pytest.mark.parametrize(
    ("messages", "names"),
    [
        (["what are ssris?", "and their side effects?"], ("SSRIs",)),
        (["what does zoloft do?", "and its side effects?"], ("sertraline",)),
        (["what are ssris?"], ()),
        (["what are ssris?", "which foods raise serotonin?"], ()),
        (["what are ssris?", "should i stop them?"], ()),
    ],
)
def test_what_a_follow_up_was_taken_to_be_about(mini: Assistant, messages: list[str], names: tuple[str, ...]):
    reply = mini.reply(messages)
    assert carried_topics(reply, mini.corpus) == names
    lines = [shown(line) for line in re.findall(r'<p class="about">(.*?)</p>', reply_html(reply, mini.corpus))]
    assert lines == ([f"Answering about: {', '.join(names)}"] if names else [])


@pytest.mark.parametrize(("did_you_mean", "label"), [(True, "Did you mean"), (False, "Related questions")])
def test_label_of_what_is_offered(mini: Assistant, did_you_mean: bool, label: str):
    reply = Reply("answer", Query("q", "q"), related=("SSRIs: stopping",), did_you_mean=did_you_mean)
    assert shown(re.search(r'<p class="related-label">(.*?)</p>', reply_html(reply, mini.corpus)).group(1)) == label
    assert reply_text(reply, mini.corpus).startswith(f"{label}\n  SSRIs: stopping")
    assert reply_record(reply, mini.corpus, None, 0)["related"] == ["SSRIs: stopping"]


def test_what_is_not_covered_links_to_what_is(mini: Assistant):
    link = '<p class="covers"><a href="/topics">What this collection covers</a></p>'
    assert link in reply_html(mini.reply(["what does metformin do"]), mini.corpus)
    assert "/topics" not in reply_html(mini.reply(["what does serotonin do?"]), mini.corpus)


def test_failure_shows_that_it_failed_and_where_help_is(mini: Assistant):
    markup = failure_html(mini.corpus)
    assert paragraphs(markup)[0] == "Something went wrong, nothing was looked up."
    assert 'href="tel:000988"' in markup


def test_an_empty_corpus_without_messages_renders_without_failing():
    assert reply_html(Reply("crisis", Query("x", "x"), card="crisis.self"), corpus_of()).startswith('<div class="reply reply-crisis">')


# --- terminal ---


def test_text_marks_the_best_sentence(mini: Assistant):
    text = reply_text(mini.reply(["what are the side effects of ssris"]), mini.corpus)
    assert text.startswith(
        "SSRIs: side effects [ssri/side-effects]\n"
        "»SSRIs often cause nausea, headache, sweating or a dry mouth in the first weeks, and these effects tend to fade.« Sexual problems"
    )
    assert f"\nEvidence: established: reviews agree\nLast reviewed: {TODAY.isoformat()}\n" in text
    assert "\n  Leaflet on medicines & mood, Example Agency, https://example.org/leaflet\n" in text
    assert text.endswith("\n")


def test_text_of_a_follow_up_says_how_it_was_read(mini: Assistant):
    text = reply_text(mini.reply(["what are ssris?", "and their side effects?"]), mini.corpus)
    assert text.splitlines()[0] == "Read as: SSRIs: and their side effects?"


def test_text_names_the_role_of_companions(mini: Assistant):
    lines = reply_text(mini.reply(["is the chemical imbalance proven?"]), mini.corpus).splitlines()
    assert lines[lines.index("Others see it differently") + 1].endswith("[chemical-imbalance/why-it-lasts]")


# --- JSON ---

RECORD_KEYS = ["id", "kind", "read_as", "support", "message", "quotes", "related", "unknown_terms", "edition", "took_ms"]
QUOTE_KEYS = ["text", "passage", "title", "start", "end", "marked", "evidence", "reviewed", "role", "url", "sources"]


@pytest.mark.parametrize(
    "message",
    ["does magnesium help with sleep?", "hello", "i want to hurt myself", "what does metformin do", "should i stop my ssri", "daylight"],
)
def test_record_has_exactly_the_agreed_keys(mini: Assistant, message: str):
    record = reply_record(mini.reply([message]), mini.corpus, "q1", 1.2345)
    assert list(record) == RECORD_KEYS
    for quote in record["quotes"]:
        assert list(quote) == QUOTE_KEYS
        for source in quote["sources"]:
            assert list(source) == ["id", "title", "publisher", "year", "url"]
    assert json.loads(json.dumps(record)) == record


def test_record_of_an_answer(mini: Assistant):
    reply = mini.reply(["what are the side effects of ssris"])
    record = reply_record(reply, mini.corpus, 7, 1.2345)
    text = mini.corpus.passages["ssri/side-effects"].text
    end = text.index(" Sexual")
    assert record == {
        "id": 7,
        "kind": "answer",
        "read_as": "what are the side effects of ssris",
        "support": False,
        "message": "",
        "quotes": [
            {
                "text": text,
                "passage": "ssri/side-effects",
                "title": "SSRIs: side effects",
                "start": 0,
                "end": len(text),
                "marked": [0, end],
                "evidence": "established",
                "reviewed": TODAY.isoformat(),
                "role": "answer",
                "url": f"/passage/ssri/side-effects?s=0&e={end}#quote",
                "sources": [
                    {
                        "id": "leaflet",
                        "title": "Leaflet on medicines & mood",
                        "publisher": "Example Agency",
                        "year": None,
                        "url": "https://example.org/leaflet",
                    }
                ],
            }
        ],
        "related": list(reply.related),
        "unknown_terms": [],
        "edition": mini.edition.id,
        "took_ms": 1.23,
    }


def test_record_of_a_card_carries_its_words(mini: Assistant):
    record = reply_record(mini.reply(["i want to hurt myself"]), mini.corpus, None, 0)
    assert (record["id"], record["kind"], record["support"], record["quotes"]) == (None, "crisis", True, [])
    assert record["message"].startswith("You matter. Please contact a crisis line below.\n\nAnywhere else\n")


def test_bulk_passages_have_no_evidence_date_or_sources(mini: Assistant):
    (quote,) = reply_record(mini.reply(["what does daylight set?"]), mini.corpus, None, 0)["quotes"]
    assert (quote["evidence"], quote["reviewed"], quote["sources"]) == (None, None, [])


@pytest.mark.parametrize("function", [reply_html, reply_text])
def test_pointer_follows_the_quotes(mini: Assistant, function: Callable):
    text = shown(function(mini.reply(["i have depression. does exercise lift mood?"]), mini.corpus))
    assert text.index("Exercise eases") < text.index("General information, not about you.")
