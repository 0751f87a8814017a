"""axe-core finds nothing, on every kind of screen, and the parts have names for screen readers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from driving import DESKTOP, PHONE, Chat, Server, kind
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e

RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
SCREENS = pytest.mark.parametrize("options", [DESKTOP, PHONE], ids=["desktop-light", "phone-dark"])


def check(page: Page) -> None:
    # The whole page in sight: what lies below a bar until it is scrolled would count as covered.
    page.set_viewport_size({"width": page.viewport_size["width"], "height": page.evaluate("document.documentElement.scrollHeight")})
    results = Axe().run(page, options=RULES)
    checked = {rule["id"] for rule in results.response["passes"]}
    assert {"color-contrast", "html-has-lang", "document-title"} <= checked
    assert results.violations_count == 0, results.generate_report()


@SCREENS
def test_the_chat_breaks_no_rule(new_chat: Callable[..., Chat], options: dict) -> None:
    chat = new_chat(**options)
    check(chat.page)
    for question, expected in (
        ("what are SSRIs?", "answer"),
        ("how much 5-HTP should I take", "refusal_dosing"),
        ("what is the capital of Mongolia?", "not_covered"),
        ("I want to kill myself", "crisis"),
    ):
        reply = chat.ask(question)
        assert kind(reply) == expected
        reply.locator("details").evaluate_all("all => all.slice(0, 4).forEach(one => { one.open = true; })")
        check(chat.page)


@SCREENS
@pytest.mark.parametrize("path", ["/passage/ssri/side-effects?s=0&e=60#quote", "/help", "/passage/no-such/passage"])
def test_the_pages_break_no_rule(server: Server, new_page: Callable[..., Page], path: str, options: dict) -> None:
    page = new_page(**options)
    page.goto(server.url + path)
    check(page)


def test_messages_have_short_names_and_quotes_keep_their_structure(chat: Chat) -> None:
    chat.ask("what are SSRIs?")
    log = chat.page.get_by_role("log")
    expect(log.get_by_role("group", name="You asked", exact=True)).to_have_text("what are SSRIs?")
    answer = log.get_by_role("group", name="Answer", exact=True)
    expect(answer).to_have_count(1)
    assert answer.get_by_role("figure").first.get_by_role("blockquote").count() == 1
    assert chat.page.get_by_role("heading", level=1).count() == 1
    assert log.get_by_role("group", name="Related questions").get_by_role("button").count() == 3
    assert [button.get_attribute("aria-label") for button in chat.page.locator("#ntqa-chat .icon-button:visible").all()] == [
        "Edit",
        "Retry",
        "Undo",
    ]
    expect(chat.page.get_by_role("textbox")).to_have_accessible_name("Type a question, for example about serotonin Ask")


def test_everything_is_reached_by_keyboard_and_never_hidden_behind_the_bars(chat: Chat) -> None:
    chat.page.set_viewport_size({"width": 390, "height": 700})
    chat.ask("what are SSRIs?")
    bar, form = chat.page.locator(".bar").bounding_box(), chat.page.locator("#ntqa-ask").bounding_box()
    assert bar is not None and form is not None
    reached = set()
    for _ in range(20):
        chat.page.keyboard.press("Shift+Tab")
        focused = chat.page.locator(":focus")
        name = focused.evaluate("element => element.className || element.tagName")
        reached.add(name.split(" ")[0])
        box = focused.bounding_box()
        if "help-link" in name:
            break
        assert box is not None and box["y"] >= bar["y"] + bar["height"] - 1, name
        assert box["y"] + box["height"] <= form["y"] + 1, name
    assert reached == {"option", "icon-button", "context-link", "SUMMARY", "A", "copy", "help-link"}
