"""Passages and help lines beside the chat, copying with citation, and what a reader can change about what was asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from driving import DESKTOP, REPOSITORY, Chat, flat, kind, running
from playwright.sync_api import Locator, Page, expect
from test_accessibility import check

from ntqa.schema import Corpus, Passage

pytestmark = pytest.mark.e2e

PHONE = {"viewport": {"width": 360, "height": 740}}
WIDTHS = pytest.mark.parametrize("options", [PHONE, DESKTOP], ids=["360", "1280"])


def pane(page: Page) -> Locator:
    return page.get_by_role("complementary", name="Beside the chat")


def heading(page: Page) -> Locator:
    return pane(page).get_by_role("heading", level=2)


def opened(chat: Chat, question: str = "what are SSRIs?") -> Locator:
    """The pane with the first passage of an answer to `question`."""
    chat.ask(question).locator(".context-link").first.click()
    expect(heading(chat.page)).to_be_focused()
    return pane(chat.page)


def cited(passage: Passage, corpus: Corpus, url: str) -> str:
    sources = [corpus.sources[source_id] for source_id in passage.source_ids]
    listed = [
        f"{place}. {', '.join(str(part) for part in (item.title, item.publisher, item.year, item.url) if part)}"
        for place, item in enumerate(sources, 1)
    ]
    name, note = (corpus.messages[f"evidence.{passage.evidence}.{part}"] for part in ("name", "note"))
    assert passage.reviewed
    about = [f"{corpus.messages['label.evidence']} {name} ({note})", f"{corpus.messages['label.reviewed']} {passage.reviewed.isoformat()}"]
    text = "\n\n".join(flat(part) for part in passage.text.split("\n\n"))
    return "\n\n".join([passage.title, text, "\n".join(about), "\n".join([corpus.messages["label.sources"], *listed]), url])


# --- the pane ------------------------------------------------------------------------------------------------------------


@WIDTHS
@pytest.mark.parametrize("way", ["Escape", "Close"])
def test_a_passage_opens_beside_the_chat_and_the_focus_goes_there_and_back(
    new_chat: Callable[..., Chat], corpus: Corpus, options: dict, way: str
) -> None:
    chat = new_chat(**options)
    link = chat.ask("what are SSRIs?").locator(".context-link").first
    marked = flat(chat.replies.first.locator("mark").first.text_content())
    link.press("Enter")
    passage = corpus.passages["ssri/what-it-is"]
    expect(heading(chat.page)).to_be_focused()
    expect(heading(chat.page)).to_have_text(passage.title)
    beside = pane(chat.page)
    assert flat(beside.locator("blockquote").inner_text()) == flat(passage.text)
    assert flat(beside.locator("mark").text_content()) == marked
    expect(beside.locator("mark")).to_be_in_viewport(ratio=1)
    expect(beside.locator(".sources li").first).to_be_visible()
    assert beside.get_by_role("link", name="Open as a page").get_attribute("href") == link.evaluate("element => element.href")
    expect(chat.help_link).to_be_in_viewport(ratio=1)
    assert chat.page.evaluate("document.documentElement.scrollWidth") == options["viewport"]["width"]
    box = beside.bounding_box()
    assert box and box["y"] + box["height"] == pytest.approx(options["viewport"]["height"])
    if options is DESKTOP:  # at its side, not over it
        reply = chat.replies.first.bounding_box()
        assert reply and reply["x"] + reply["width"] <= box["x"]
    if way == "Escape":
        chat.page.keyboard.press("Escape")
    else:
        beside.get_by_role("button", name="Close").click()
    expect(beside).to_be_hidden()
    expect(link).to_be_focused()
    expect(chat.replies).to_have_count(1)


def test_links_to_other_passages_are_followed_inside(chat: Chat, corpus: Corpus) -> None:
    link = chat.ask("what are SSRIs?").locator(".context-link").first
    link.click()
    other = corpus.passages["ssri/how-it-acts"].title
    pane(chat.page).get_by_role("link", name=other, exact=True).click()
    expect(heading(chat.page)).to_have_text(other)
    expect(heading(chat.page)).to_be_focused()
    assert pane(chat.page).get_by_role("link", name="Open as a page").get_attribute("href") == f"{chat.url}/passage/ssri/how-it-acts"
    chat.page.keyboard.press("Escape")
    expect(link).to_be_focused()
    assert chat.page.url == f"{chat.url}/"


@WIDTHS
def test_the_back_button_goes_back_page_by_page_and_then_to_the_chat(new_chat: Callable[..., Chat], corpus: Corpus, options: dict) -> None:
    chat = new_chat(**options)
    link = chat.ask("what are SSRIs?").locator(".context-link").first
    link.click()
    first, other = corpus.passages["ssri/what-it-is"].title, corpus.passages["ssri/how-it-acts"].title
    pane(chat.page).get_by_role("link", name=other, exact=True).click()
    expect(heading(chat.page)).to_have_text(other)
    chat.page.go_back()
    expect(heading(chat.page)).to_have_text(first)
    chat.page.go_back()
    expect(pane(chat.page)).to_be_hidden()
    expect(link).to_be_focused()
    expect(chat.replies).to_have_count(1)
    chat.page.go_forward()
    expect(heading(chat.page)).to_have_text(first)
    pane(chat.page).get_by_role("link", name=other, exact=True).click()
    expect(heading(chat.page)).to_have_text(other)
    pane(chat.page).get_by_role("button", name="Close").click()  # leaves both steps behind at once
    expect(pane(chat.page)).to_be_hidden()
    assert chat.page.evaluate("history.state?.ntqa") is None
    chat.page.reload()
    expect(chat.box).to_be_visible()
    expect(pane(chat.page)).to_be_hidden()


@WIDTHS
def test_help_opens_beside_the_chat_with_a_list_of_countries(new_chat: Callable[..., Chat], corpus: Corpus, options: dict) -> None:
    chat = new_chat(**options)
    chat.help_link.click()
    expect(heading(chat.page)).to_have_text(corpus.messages["page.help"])
    countries = pane(chat.page).locator(".help-country summary")
    assert countries.all_text_contents() == list(dict.fromkeys(line.country_name for line in corpus.help_lines))
    expect(countries.nth(2)).to_be_in_viewport(ratio=1)
    countries.nth(1).click()
    expect(pane(chat.page).locator(".help-country").nth(1).locator("a.phone").first).to_be_visible()
    chat.page.keyboard.press("Escape")
    expect(chat.help_link).to_be_focused()


def test_reading_the_help_lines_does_not_lose_the_place_in_the_conversation(chat: Chat) -> None:
    chat.ask("what are SSRIs?")
    chat.ask("and its side effects?")
    before = chat.page.evaluate("scrollY")
    assert before > 200
    chat.help_link.evaluate("element => element.click()")  # Playwright's own click scrolls
    expect(heading(chat.page)).to_be_focused()
    chat.page.keyboard.press("Escape")
    expect(chat.help_link).to_be_focused()
    assert chat.page.evaluate("scrollY") == before


def test_a_link_can_still_be_opened_in_a_tab_of_its_own(chat: Chat) -> None:
    link = chat.ask("what are SSRIs?").locator(".context-link").first
    for item in (link, chat.help_link):
        with chat.page.context.expect_page() as other:
            item.click(modifiers=["Control"])
        expect(other.value.locator("main h1")).to_be_visible()
        other.value.close()
    expect(pane(chat.page)).to_be_hidden()


def test_a_page_that_cannot_be_loaded_is_said_so_and_can_be_opened(chat: Chat, corpus: Corpus) -> None:
    link = chat.ask("what are SSRIs?").locator(".context-link").first
    chat.page.route("**/passage/**", lambda route: route.abort())
    link.click()
    expect(heading(chat.page)).to_have_text(corpus.messages["page.pane_failed"])
    expect(pane(chat.page).get_by_role("link", name="Open as a page")).to_be_visible()
    chat.faults = [fault for fault in chat.faults if "ERR_FAILED" not in fault]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@WIDTHS
def test_the_open_pane_breaks_no_rule(new_chat: Callable[..., Chat], options: dict, scheme: str) -> None:
    chat = new_chat(**options, **({} if "color_scheme" in options else {"color_scheme": scheme}))
    chat.page.emulate_media(color_scheme=scheme)
    chat.ask("what are SSRIs?")
    opened(chat, "and its side effects?")
    chat.page.locator("#ntqa-pane").evaluate("element => { element.style.maxHeight = 'none'; }")
    check(chat.page)
    chat.help_link.click()
    expect(heading(chat.page)).to_have_text("Need help now?")
    check(chat.page)


HOSTILE = "<img src=x onerror=alert(1)> <script>alert(2)</script> </main><b>bold</b> ${7*7} **stars** &lt;i&gt;"


def test_hostile_text_of_a_passage_is_shown_as_it_is_beside_the_chat(real_index: Path, new_page: Callable[..., Page], tmp_path: Path) -> None:
    corpus, index = tmp_path / "corpus", tmp_path / "index"
    corpus.mkdir()
    record = {"id": "zinc/hostile", "title": f"Zinc {HOSTILE}", "text": f"Zinc is a metal. It is {HOSTILE}", "questions": ["what is zinc?"]}
    (corpus / "passages.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    shutil.copy(REPOSITORY / "corpus" / "messages.yaml", corpus)
    shutil.copytree(real_index / "models", index / "models")
    where = ("--corpus", str(corpus), "--index", str(index))
    built = subprocess.run([sys.executable, "-m", "ntqa", "build", *where], cwd=REPOSITORY, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    with running(tmp_path, sys.executable, "-m", "ntqa", "serve", *where) as server:
        chat = Chat(new_page(), server.url)
        chat.page.goto(server.url)
        opened(chat, "what is zinc?")
        assert heading(chat.page).text_content() == record["title"]
        assert flat(pane(chat.page).locator("blockquote").text_content()) == record["text"]
        assert pane(chat.page).locator("img, script, b, i").count() == 0
        assert (chat.faults, chat.foreign_requests()) == ([], [])
        chat.page.close()


# --- copying -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clipboard", [True, False], ids=["clipboard", "without"])
def test_a_quote_is_copied_with_all_that_is_needed_to_cite_it(new_chat: Callable[..., Chat], corpus: Corpus, clipboard: bool) -> None:
    chat = new_chat(permissions=["clipboard-read", "clipboard-write"])
    if not clipboard:
        chat.page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('not allowed')); }")
    figure = chat.ask("what does serotonin do?").locator("figure.quote").first
    button = figure.get_by_role("button", name="Copy with citation")
    button.click()
    expect(chat.page.locator("#ntqa-status")).to_have_text("Copied")
    expect(figure.get_by_role("button")).to_have_text("Copied")
    expect(figure.get_by_role("button")).to_be_focused()
    url = figure.locator(".context-link").evaluate("element => element.href")
    copied = chat.page.evaluate("navigator.clipboard.readText()")
    assert copied == cited(corpus.passages["serotonin/what-it-does"], corpus, url)
    figure.locator(".context-link").click()
    pane(chat.page).get_by_role("button", name="Copy with citation").click()
    expect(pane(chat.page).get_by_role("button", name="Copied")).to_be_visible()
    assert chat.page.evaluate("navigator.clipboard.readText()") == copied


# --- what was asked ------------------------------------------------------------------------------------------------------


def test_the_subject_of_a_follow_up_is_shown_and_can_be_left(chat: Chat) -> None:
    first = chat.ask("what are SSRIs?")
    leave = chat.page.locator("#ntqa-fresh")
    assert first.locator(".about").count() == 0
    expect(leave).to_be_hidden()
    second = chat.ask("and its side effects?")
    assert flat(second.locator(".about").text_content()) == "Answering about: SSRIs"
    expect(leave).to_have_text("Ask without SSRIs")
    leave.click()
    expect(leave).to_be_hidden()
    expect(chat.page.locator(".fresh-done")).to_have_text("The next question is read on its own.")
    expect(chat.page.locator("#ntqa-status")).to_have_text("The next question is read on its own.")
    expect(chat.box).to_be_focused()
    assert kind(chat.ask("and its side effects?")) == "clarify"
    expect(chat.page.locator(".fresh-done")).to_be_hidden()
    assert chat.ask("what about the side effects of magnesium?").locator(".about").count() == 0
    assert flat(chat.ask("is it proven?").locator(".about b").text_content()) == "Magnesium"


def test_an_earlier_question_is_changed_and_answered_from_there_on(chat: Chat) -> None:
    chat.ask("what's known of SSRIs & sleep?")
    chat.ask("and its side effects?")
    chat.ask("is that proven?")
    chat.page.get_by_role("button", name="Edit", exact=True).first.click()
    field = chat.page.get_by_role("textbox", name="Change your question")
    expect(field).to_be_focused()
    expect(field).to_have_value("what's known of SSRIs & sleep?")  # and not its source
    check(chat.page)
    field.press("Escape")
    expect(field).to_be_hidden()
    expect(chat.replies).to_have_count(3)
    chat.page.get_by_role("button", name="Edit", exact=True).first.click()
    field.fill("how does lithium act? <b>thanks</b>")
    field.press("Enter")
    expect(chat.replies).to_have_count(1)
    assert flat(chat.questions.first.text_content()) == "how does lithium act? <b>thanks</b>"
    assert "Lithium" in flat(chat.replies.first.locator(".quote-title").first.text_content())
    expect(chat.box).to_be_focused()
    assert flat(chat.ask("and its side effects?").locator(".about b").text_content()) == "Lithium"
    chat.page.get_by_role("button", name="Edit", exact=True).last.click()  # a later one, and the button instead of the key
    chat.page.get_by_role("textbox", name="Change your question").fill("what are SSRIs?")
    chat.page.get_by_role("button", name="Submit", exact=True).click()
    expect(chat.questions.last).to_contain_text("what are SSRIs?")
    expect(chat.replies).to_have_count(2)


# Everything that a live region of the page says from now on.
LISTEN = """() => {
    window.said = [];
    const live = '[aria-live=polite], [aria-live=assertive], [role=status]:not([aria-live=off]), [role=alert]:not([aria-live=off]), [role=log]:not([aria-live=off])';
    new MutationObserver((changes) => {
        for (const change of changes) {
            const target = change.target.nodeType === 1 ? change.target : change.target.parentElement;
            const added = [...change.addedNodes].map((node) => node.textContent).join('') || (change.type === 'characterData' ? target.textContent : '');
            if (added.trim() && target?.closest(live)) window.said.push(added.trim());
        }
    }).observe(document, { childList: true, characterData: true, subtree: true });
}"""


def test_each_answer_is_announced_once_in_a_few_words(chat: Chat, corpus: Corpus) -> None:
    chat.page.evaluate(LISTEN)

    def announced(action: Callable[[], object]) -> list[str]:
        chat.page.evaluate("window.said = []")
        action()
        chat.page.wait_for_timeout(700)
        return chat.page.evaluate("window.said")

    ssri = f"Answer: {corpus.passages['ssri/what-it-is'].title}"
    assert announced(lambda: chat.ask("what are SSRIs?")) == [ssri]
    assert announced(lambda: chat.ask("what are SSRIs?")) == [ssri]  # the same again is said again
    refusal, crisis = (corpus.messages[f"card.{card}"].split("\n\n")[0] for card in ("refusal_dosing", "crisis.self"))
    assert announced(lambda: chat.ask("how much 5-HTP should I take")) == [f"{corpus.messages['heading.refusal_dosing']} {flat(refusal)}"]
    assert announced(lambda: chat.ask("I want to kill myself")) == [f"{corpus.messages['heading.crisis']} {flat(crisis)}"]
    assert announced(chat.page.get_by_role("button", name="Undo").click) == []
    assert announced(chat.page.get_by_role("button", name="New conversation").click) == []
    assert announced(lambda: chat.ask("what are SSRIs?")) == [ssri]
