"""The passage pages and the help page: bookmarkable, without JavaScript, printable."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from driving import PHONE, Chat, Server, flat
from playwright.sync_api import Page, expect

from ntqa.schema import Corpus

pytestmark = pytest.mark.e2e

PASSAGE = "/passage/serotonin/what-it-does"


def test_read_in_context_opens_the_passage_with_the_span_marked(chat: Chat, corpus: Corpus) -> None:
    reply = chat.ask("what does serotonin do?")
    marked = flat(reply.locator("mark").first.text_content())
    with chat.page.context.expect_page() as opened:  # a tab of its own: the conversation stays
        chat.page.locator("a.context-link").first.click(modifiers=["Control"])
    page, passage = opened.value, corpus.passages["serotonin/what-it-does"]
    expect(page.locator("h1")).to_have_text(passage.title)
    span = parse_qs(urlsplit(page.url).query)
    assert flat(page.locator("#quote mark").inner_text()) == marked == flat(passage.text[int(span["s"][0]) : int(span["e"][0])])
    assert flat(page.locator("#quote blockquote").inner_text()) == flat(passage.text)
    expect(page.locator("#quote mark")).to_be_in_viewport(ratio=1)
    expect(page.locator("h1")).to_be_in_viewport(ratio=1)
    expect(chat.replies).to_have_count(1)


def test_the_pages_work_without_javascript(server: Server, new_page: Callable[..., Page], corpus: Corpus) -> None:
    passage = corpus.passages["ssri/side-effects"]
    page = new_page(java_script_enabled=False)
    page.goto(f"{server.url}/passage/{passage.id}?s=0&e=20#quote")
    expect(page.locator("mark")).to_have_text(flat(passage.text[:20]))
    assert page.locator(".sources li a").count() == sum(1 for source_id in passage.source_ids if corpus.sources[source_id].url)
    expect(page.locator(".sources li").first).to_be_visible()
    others = [item for item in corpus.passages.values() if item.topic_id == "ssri" and item.id != passage.id]
    page.get_by_role("link", name=others[0].title, exact=True).last.click()
    expect(page.locator("h1")).to_have_text(others[0].title)
    page.locator("a.help-link").click()
    expect(page.locator("h1")).to_have_text(corpus.messages["page.help"])
    expect(page.locator("a.phone").first).to_be_visible()


def test_a_span_over_two_paragraphs_is_marked_in_both(server: Server, new_page: Callable[..., Page], corpus: Corpus) -> None:
    text = corpus.passages["serotonin/what-it-does"].text
    page = new_page()
    page.goto(f"{server.url}{PASSAGE}?s=0&e={len(text)}")
    assert [flat(item) for item in page.locator("mark").all_inner_texts()] == [flat(part) for part in text.split("\n\n")]


@pytest.mark.parametrize(
    "query",
    [
        "s=9&e=3",
        "s=-1&e=5",
        "s=a&e=b",
        "s=&e=",
        "s=1",
        "s=1.5&e=9",
        "s=0&e=0",
        "s=99999&e=999999",
        "s=%C2%B2&e=%C2%B3",
        "s=0&e=" + "9" * 400,
    ],
)
def test_nonsense_in_the_address_marks_nothing(server: Server, query: str) -> None:
    answer = server.request("GET", f"{PASSAGE}?{query}")
    assert answer.status == 200
    assert "<mark" not in answer.text and "<blockquote><p>Serotonin" in answer.text


def test_an_end_beyond_the_text_is_the_end_of_the_text(server: Server, new_page: Callable[..., Page], corpus: Corpus) -> None:
    page = new_page()
    page.goto(f"{server.url}{PASSAGE}?s=0&e=99999")
    assert flat(" ".join(page.locator("mark").all_inner_texts())) == flat(corpus.passages["serotonin/what-it-does"].text)


@pytest.mark.parametrize("path", ["/passage/serotonin/no-such-aspect", "/passage/no-such-topic/what-it-does"])
def test_an_unknown_passage_gets_a_page_that_says_so(server: Server, corpus: Corpus, path: str) -> None:
    answer = server.request("GET", path)
    assert answer.status == 404
    assert corpus.messages["page.missing"].rstrip(".") in answer.text and 'href="/help"' in answer.text


@pytest.mark.parametrize(
    "path", ["/passage/Serotonin/what-it-does", "/passage/serotonin", "/passage/serotonin/what-it-does/", "/passage/../corpus"]
)
def test_what_is_no_passage_id_is_no_page(server: Server, path: str) -> None:
    assert server.request("GET", path).status == 404


@pytest.mark.parametrize("options", [{}, PHONE], ids=["desktop-light", "phone-dark"])
@pytest.mark.parametrize("path", [PASSAGE, "/help"])
def test_the_pages_load_only_the_sheet_and_fit_the_screen(server: Server, new_page: Callable[..., Page], path: str, options: dict) -> None:
    page = new_page(**options)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url.removeprefix(server.url)))
    page.goto(f"{server.url}{path}")
    assert [item for item in requests if item != "/favicon.ico"] == [path, "/page/ntqa.css"]
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    page.mouse.wheel(0, 10_000)
    expect(page.locator("a.help-link")).to_be_in_viewport(ratio=1)


def test_in_print_the_sources_stay_and_the_bar_goes(server: Server, new_page: Callable[..., Page]) -> None:
    page = new_page(color_scheme="dark")
    page.goto(f"{server.url}{PASSAGE}")
    page.emulate_media(media="print")
    expect(page.locator(".sources li").first).to_be_visible()
    expect(page.locator(".bar")).to_be_hidden()
    assert page.locator("blockquote p").first.evaluate("element => getComputedStyle(element).color") == "rgb(0, 0, 0)"
    assert page.locator("body").evaluate("element => getComputedStyle(element).backgroundColor") == "rgb(255, 255, 255)"
