"""Looking around without asking: all topics, a topic, the evidence map. All of it without JavaScript."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from driving import Chat, Server
from playwright.sync_api import Page, expect
from test_accessibility import check

from ntqa.schema import Corpus

pytestmark = pytest.mark.e2e

PATHS = ("/topics", "/topics#by-name", "/topic/ssri", "/topic/antidepressants", "/evidence", "/evidence#supplement-weak")


@pytest.fixture
def plain(new_page: Callable[..., Page]) -> Iterator[Page]:
    yield new_page(java_script_enabled=False, viewport={"width": 360, "height": 780})


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("path", PATHS)
def test_no_rule_is_broken_and_nothing_is_wider_than_the_screen(
    server: Server, new_page: Callable[..., Page], path: str, width: int, scheme: str
) -> None:
    page = new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url.removeprefix(server.url)))
    page.goto(server.url + path)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert [item for item in requests if item != "/favicon.ico"] == [path.split("#")[0], "/page/ntqa.css"]
    check(page)


def test_the_chat_leads_to_the_topics_and_a_topic_to_its_passages_and_back(chat: Chat, corpus: Corpus) -> None:
    chat.ask("what does serotonin do?")
    with chat.page.context.expect_page() as opened:  # a tab of its own: the conversation stays
        chat.page.get_by_role("link", name=corpus.messages["browse.topics"]).click()
    page = opened.value
    page.locator("#by-kind").get_by_role("link", name="SSRIs", exact=True).click()
    expect(page.locator("h1")).to_have_text("SSRIs")
    page.get_by_role("link", name=corpus.passages["ssri/side-effects"].title, exact=True).click()
    expect(page.locator("h1")).to_have_text(corpus.passages["ssri/side-effects"].title)
    page.locator(".crumb a").click()
    expect(page.locator("h1")).to_have_text("SSRIs")
    page.locator(".crumb a").click()
    expect(page.locator("#kind-medicine")).to_be_in_viewport()
    expect(chat.replies).to_have_count(1)
    with chat.page.context.expect_page() as opened:
        chat.page.get_by_role("link", name=corpus.messages["browse.evidence"]).click()
    expect(opened.value.locator("h1")).to_have_text(corpus.messages["browse.evidence"])


def test_topics_are_shown_by_kind_until_the_reader_wants_them_by_name(server: Server, plain: Page, corpus: Corpus) -> None:
    plain.goto(f"{server.url}/topics")
    by_kind, by_name = plain.locator("#by-kind"), plain.locator("#by-name")
    expect(by_kind).to_be_visible()
    expect(by_name).to_be_hidden()
    plain.get_by_role("link", name=corpus.messages["browse.by_name"]).click()
    expect(by_name).to_be_visible()
    expect(by_kind).to_be_hidden()
    by_name.get_by_role("link", name="S", exact=True).click()
    expect(plain.locator("#letter-s h3")).to_be_in_viewport(ratio=1)
    expect(by_kind).to_be_hidden()
    plain.go_back()
    plain.go_back()
    expect(by_kind).to_be_visible()


def test_every_cell_of_the_map_is_reached_by_keyboard_and_opens_its_passages(server: Server, plain: Page, corpus: Corpus) -> None:
    plain.goto(f"{server.url}/evidence")
    cells, opened = plain.locator(".map a"), plain.locator(".cell:visible")
    expect(opened).to_have_count(0)
    bar = plain.locator(".bar").bounding_box()
    targets = []
    plain.locator("nav a").last.focus()
    for _ in range(cells.count()):
        plain.keyboard.press("Tab")
        focused = plain.locator(":focus")
        targets.append(focused.get_attribute("href"))
        box = focused.bounding_box()
        assert box and bar and box["y"] >= bar["height"] - 1 and box["y"] + box["height"] <= 780
    assert targets == [cell.get_attribute("href") for cell in cells.all()]
    plain.locator('.map a[href="#supplement-weak"]').focus()
    plain.keyboard.press("Enter")
    expect(opened).to_have_count(1)
    expect(opened.locator("h2")).to_be_in_viewport(ratio=1)
    behind = [item for item in corpus.passages.values() if item.evidence == "weak" and corpus.topics[item.topic_id].kind == "supplement"]
    expect(opened.get_by_role("listitem")).to_have_count(len(behind))
    plain.keyboard.press("Tab")  # from the beginning of what was opened
    expect(opened.get_by_role("listitem").first.get_by_role("link")).to_be_focused()
    plain.get_by_role("link", name=corpus.messages["browse.back_to_map"]).click()
    expect(opened).to_have_count(0)
    expect(plain.locator("caption")).to_be_in_viewport(ratio=0.99)  # all of it, but for a fraction of a pixel


def test_the_map_is_a_table_for_screen_readers(server: Server, new_page: Callable[..., Page], corpus: Corpus) -> None:
    page = new_page()
    page.goto(f"{server.url}/evidence")
    table = page.get_by_role("table", name=corpus.messages["browse.map_caption"])
    kinds = {topic.kind for topic in corpus.topics.values()}
    assert table.get_by_role("rowheader").count() == len(kinds) + 1
    assert table.get_by_role("columnheader").count() == 6
    assert page.get_by_role("img").count() == 0  # the circles say nothing that the digits do not


def test_in_print_the_map_keeps_its_circles_and_loses_the_navigation(server: Server, new_page: Callable[..., Page]) -> None:
    page = new_page(color_scheme="dark")
    page.emulate_media(media="print")
    page.goto(f"{server.url}/evidence#supplement-weak")
    expect(page.locator(".map circle").first).to_be_visible()
    expect(page.locator("#supplement-weak li").first).to_be_visible()
    expect(page.locator("nav")).to_be_hidden()
    assert page.locator(".map svg").first.evaluate("element => getComputedStyle(element).fill") == "rgb(0, 0, 0)"


def test_an_unknown_topic_gets_a_page_that_says_so(server: Server, corpus: Corpus) -> None:
    answer = server.request("GET", "/topic/no-such-topic")
    assert answer.status == 404
    assert corpus.messages["browse.missing"].rstrip(".") in answer.text and 'href="/topics"' in answer.text
