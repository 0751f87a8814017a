"""The pictures of the README, taken from the page as it is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from driving import DESKTOP, PHONE, REPOSITORY, Chat, Server, kind
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.e2e

FOLDER = REPOSITORY / "docs" / "screenshots"


SCREENS = pytest.mark.parametrize("name, options", [("desktop-light", DESKTOP), ("phone-dark", PHONE)])


@SCREENS
def test_pictures_for_the_readme(new_chat: Callable[..., Chat], name: str, options: dict) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for state, question, expected in (
        ("first", "", ""),
        ("answer", "what are SSRIs?", "answer"),
        ("refusal", "how much 5-HTP should I take", "refusal_dosing"),
        ("crisis", "I want to end my life", "crisis"),
    ):
        chat = new_chat(**options)
        if question:
            assert kind(chat.ask(question)) == expected
        take(chat, f"{state}-{name}")
        if state == "answer":
            link = chat.page.locator(".context-link").first
            for pane, opener, heading in (("passage", link, "SSRIs: what they are"), ("help", chat.help_link, "Need help now?")):
                opener.evaluate("element => element.click()")  # Playwright's own click scrolls
                expect(chat.page.locator("#ntqa-pane").get_by_role("heading", name=heading)).to_be_focused()
                take(chat, f"{pane}-{name}")


@SCREENS
def test_pictures_of_the_pages_for_looking_around(server: Server, new_page: Callable[..., Page], name: str, options: dict) -> None:
    for state, path in (("topics", "/topics"), ("topic", "/topic/ssri"), ("evidence", "/evidence")):
        page = new_page(**options)
        page.goto(server.url + path)
        picture = FOLDER / f"{state}-{name}.png"
        page.screenshot(path=picture, animations="disabled")
        assert picture.stat().st_size < 200_000


def take(chat: Chat, name: str) -> None:
    path = FOLDER / f"{name}.png"
    chat.page.screenshot(path=path, animations="disabled", caret="hide")
    assert path.stat().st_size < 250_000
