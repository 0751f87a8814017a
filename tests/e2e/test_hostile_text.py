"""Whatever a reader types is shown as typed and never executed."""

from __future__ import annotations

import re

import pytest
from driving import Chat, Server, flat, kind
from playwright.sync_api import expect

from ntqa.config import MAX_MESSAGE
from ntqa.schema import Corpus

pytestmark = pytest.mark.e2e

HOSTILE = {
    "script": "<script>alert(1)</script> what does serotonin do?",
    "image": "<img src=x onerror=alert(1)><svg onload=alert(1)> serotonin",
    "frame": '<iframe srcdoc="<script>alert(1)</script>"></iframe><style>*{display:none}</style>',
    "closing tags": "</p></div></span></textarea></title><h1>big</h1>",
    "remote": "![x](http://example.org/x.png) <img src='http://example.org/y.png'> <a href='javascript:alert(1)'>x</a>",
    "markdown": "# heading **bold** _em_ `code` [link](http://example.org) > quote - item 1. item | a | b | ~~gone~~ ---",
    "fences": "```mermaid graph TD; A-->B; ``` ```html <b>x</b> ```",
    "latex": r"$$\frac{1}{2}$$ $x^2$ \(a\) \[b\] \begin{equation} x \end{equation}",
    "templates": "${7*7} {{7*7}} {% 7*7 %} <%= 7*7 %> #{7*7} @(7*7) {value} {0} %s",
    "entities": "&lt;b&gt; &amp;amp; &#60;script&#62; &nbsp; &copy",
    "right to left": "what \u202edoes\u202c serotonin \u2066do\u2069? \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627",
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f3f3\ufe0f\u200d\U0001f308 e\u0301 \u200b serotonin",
    "quotes": '"\'`\\ \\n \\" \\u003cb\\u003e',
}


def test_hostile_questions_are_shown_as_typed_and_not_executed(chat: Chat) -> None:
    for name, text in HOSTILE.items():
        reply = chat.ask(text)
        message = chat.questions.last.locator(".md")
        assert flat(message.text_content()) == flat(text), name
        assert set(message.locator("*").evaluate_all("elements => elements.map(element => element.tagName)")) <= {"P", "SPAN"}, name
        assert reply.locator(".read-as q *").count() == 0, name
        assert chat.page.locator("h1").count() == 1, name
        assert (chat.faults, chat.foreign_requests()) == ([], []), name  # no dialog, nothing on the console, nothing fetched elsewhere


def test_hostile_text_in_a_follow_up_is_escaped_where_it_is_repeated(chat: Chat) -> None:
    chat.ask("what are SSRIs?")
    text = "and its <b>side</b> effects <img src=x onerror=alert(1)>?"
    reply = chat.ask(text)
    assert reply.locator("img, .read-as b").count() == 0
    assert flat(chat.questions.last.text_content()) == text


def test_a_message_that_is_too_long_gets_a_clear_card_from_the_server(chat: Chat, server: Server, corpus: Corpus) -> None:
    long = "what does serotonin do? " * 209
    assert 5_000 < len(long) < 5_100
    expected = corpus.messages["card.too_long"].replace("{limit}", f"{MAX_MESSAGE:,}")
    reply = chat.ask(long)
    assert kind(reply) == "clarify"
    assert flat(" ".join(reply.locator(".card p").all_text_contents())).endswith(flat(expected))
    assert reply.locator("figure").count() == 0
    assert chat.page.evaluate("document.documentElement.scrollWidth") == 1280
    record = server.ask(long)
    assert (record["kind"], record["message"], record["quotes"]) == ("clarify", expected, [])


def test_danger_at_the_end_of_a_message_that_is_too_long_is_seen(chat: Chat) -> None:
    assert kind(chat.ask("what does serotonin do? " * 209 + "I want to kill myself")) == "crisis"


def test_a_word_without_end_does_not_widen_the_page(chat: Chat) -> None:
    chat.page.set_viewport_size({"width": 320, "height": 640})
    chat.ask("serotonin" * 300)
    assert chat.page.evaluate("document.documentElement.scrollWidth") == 320


def test_a_message_beyond_the_size_of_a_request_is_refused_and_the_chat_goes_on(chat: Chat) -> None:
    chat.box.fill("\U0001f642" * 20_000)
    with chat.page.expect_response(re.compile("queue/join")) as response:
        chat.box.press("Enter")
    assert response.value.status == 413
    expect(chat.page.locator(".toast-body")).to_be_visible()
    chat.faults = [fault for fault in chat.faults if "413" not in fault]
    assert kind(chat.ask("what does serotonin do?")) == "answer"
