"""The chat as a reader uses it: questions, follow-ups, cards, buttons, keyboard."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from driving import PHONE, Chat, Server, flat, kind
from playwright.sync_api import Locator, expect

from ntqa.schema import Corpus, Passage

pytestmark = pytest.mark.e2e


def titles(reply: Locator) -> list[str]:
    return [flat(title) for title in reply.locator(".quote-title").all_text_contents()]


def read_as(reply: Locator) -> str:
    return flat(reply.locator(".read-as q").text_content())


def check_quote(figure: Locator, corpus: Corpus) -> Passage:
    """Everything that a quote on the page says is what the files say; returns its passage."""
    link = urlsplit(figure.locator("a.context-link").get_attribute("href") or "")
    passage = corpus.passages[link.path.removeprefix("/passage/")]
    span = parse_qs(link.query)
    start, end = int(span["s"][0]), int(span["e"][0])
    assert flat(figure.locator("blockquote").inner_text()) == flat(passage.text)
    assert flat(figure.locator("mark").text_content()) == flat(passage.text[start:end]) != ""
    assert flat(figure.locator(".quote-title").text_content()) == passage.title
    assert flat(figure.locator(".evidence b").text_content()) == corpus.messages[f"evidence.{passage.evidence}.name"]
    assert passage.reviewed is not None
    assert flat(figure.locator(".reviewed").text_content()) == f"Last reviewed: {passage.reviewed.isoformat()}"
    figure.locator(".sources summary").click()
    shown = [flat(item) for item in figure.locator(".sources li").all_inner_texts()]
    sources = [corpus.sources[source_id] for source_id in passage.source_ids]
    assert shown == [flat(f"{item.title} {', '.join(str(part) for part in (item.publisher, item.year) if part)}") for item in sources]
    return passage


def test_an_answer_shows_a_passage_word_for_word_with_evidence_date_and_sources(chat: Chat, corpus: Corpus) -> None:
    reply = chat.ask("what does serotonin do?")
    assert kind(reply) == "answer"
    assert check_quote(reply.locator("figure.quote").first, corpus).id == "serotonin/what-it-does"
    assert reply.locator(".card, .read-as").count() == 0
    assert flat(chat.questions.first.text_content()) == "what does serotonin do?"


def test_a_misspelt_word_is_read_as_the_known_one_and_this_is_shown(chat: Chat, corpus: Corpus) -> None:
    reply = chat.ask("serotinin foods")
    assert (kind(reply), read_as(reply)) == ("answer", "serotonin foods")
    assert check_quote(reply.locator("figure.quote").first, corpus).id == "serotonin/foods"
    same = chat.ask("seratonin foods")  # so common that the corpus lists it among the names
    assert check_quote(same.locator("figure.quote").first, corpus).id == "serotonin/foods"


def test_a_follow_up_is_read_with_the_subject_of_the_question_before(chat: Chat, corpus: Corpus) -> None:
    first = chat.ask("what are SSRIs?")
    assert (kind(first), titles(first)[0]) == ("answer", corpus.passages["ssri/what-it-is"].title)
    second = chat.ask("and its side effects?")
    assert (kind(second), read_as(second)) == ("answer", "SSRIs: and its side effects?")
    for figure in second.locator("figure.quote").all():
        check_quote(figure, corpus)
    assert titles(second)[0] == corpus.passages["ssri/side-effects"].title


def test_a_question_about_an_amount_gets_a_card_and_no_quote(chat: Chat, corpus: Corpus) -> None:
    reply = chat.ask("how much 5-HTP should I take")
    assert kind(reply) == "refusal_dosing"
    assert flat(reply.locator(".card-heading").text_content()) == corpus.messages["heading.refusal_dosing"]
    assert reply.locator(".card p:not(.card-heading)").all_text_contents() == [
        flat(part) for part in corpus.messages["card.refusal_dosing"].split("\n\n")
    ]
    assert reply.locator("figure, blockquote, mark").count() == 0


def test_related_questions_ask_themselves(chat: Chat, corpus: Corpus) -> None:
    first = chat.ask("what does serotonin do?")
    assert flat(first.locator(".related-label").text_content()) == corpus.messages["label.related"]
    button = chat.related.first
    question = flat(button.text_content())
    reply = chat.after(button.click)
    assert flat(chat.questions.last.text_content()) == question
    assert kind(reply) == "answer"
    expect(first.locator(".related-label")).to_be_hidden()  # its buttons are gone, too
    expect(chat.box).to_be_focused()


def test_examples_of_the_first_screen_ask_themselves(chat: Chat, corpus: Corpus) -> None:
    shown = [flat(text) for text in chat.examples.all_text_contents()]
    assert len(shown) == len(set(shown) & set(corpus.examples)) == 6
    reply = chat.after(chat.examples.nth(2).click)
    assert flat(chat.questions.first.text_content()) == shown[2]
    assert kind(reply) == "answer"
    expect(chat.box).to_be_focused()


def test_every_example_is_answered(server: Server, corpus: Corpus) -> None:
    assert len(corpus.examples) >= 24
    assert [example for example in corpus.examples if server.ask(example)["kind"] != "answer"] == []


def test_new_conversation_forgets_what_was_said(chat: Chat) -> None:
    chat.ask("what are SSRIs?")
    chat.page.get_by_role("button", name="New conversation").click()
    expect(chat.replies).to_have_count(0)
    expect(chat.examples.first).to_be_visible()
    expect(chat.box).to_be_focused()
    assert kind(chat.ask("and its side effects?")) == "clarify"


def test_undo_takes_the_last_question_back_into_the_box(chat: Chat) -> None:
    chat.ask("what are SSRIs?")
    chat.ask("what does lithium do?")
    chat.page.get_by_role("button", name="Undo").click()
    expect(chat.replies).to_have_count(1)
    expect(chat.box).to_have_value("what does lithium do?")
    assert read_as(chat.ask("and its side effects?")) == "SSRIs: and its side effects?"


def test_retry_answers_the_last_question_again_and_nothing_is_added(chat: Chat) -> None:
    chat.ask("what are SSRIs?")
    before = chat.ask("and its side effects?").inner_text()
    with chat.page.expect_response(re.compile("queue/join")):
        chat.page.get_by_role("button", name="Retry").click()
    chat.page.wait_for_timeout(500)
    expect(chat.replies).to_have_count(2)
    assert chat.replies.last.inner_text() == before
    assert read_as(chat.ask("is that proven?")).startswith("SSRIs: ")


def test_enter_sends_shift_enter_does_not_and_the_focus_stays(chat: Chat) -> None:
    chat.box.fill("what are")
    chat.box.press("Shift+Enter")
    chat.page.keyboard.type("SSRIs?")
    expect(chat.box).to_have_value("what are\nSSRIs?")
    reply = chat.after(lambda: chat.box.press("Enter"))
    assert kind(reply) == "answer"
    expect(chat.box).to_be_focused()
    expect(chat.box).to_have_value("")


def test_the_button_sends(chat: Chat) -> None:
    chat.box.fill("what are SSRIs?")
    assert kind(chat.after(chat.page.get_by_role("button", name="Ask", exact=True).click)) == "answer"


def test_an_empty_message_is_no_turn(chat: Chat) -> None:
    chat.box.fill("   ")
    with chat.page.expect_response(re.compile("queue/join")):
        chat.box.press("Enter")
    chat.page.wait_for_timeout(500)
    expect(chat.replies).to_have_count(0)
    expect(chat.examples.first).to_be_visible()


def test_a_question_outside_the_collection_is_not_answered(chat: Chat, corpus: Corpus) -> None:
    reply = chat.ask("what is the capital of Mongolia?")
    assert kind(reply) == "not_covered"
    assert reply.get_by_role("link", name=corpus.messages["label.covers"]).get_attribute("href") == "/topics"
    assert flat(reply.locator(".card-heading").text_content()) == corpus.messages["heading.not_covered"]
    assert reply.locator("figure").count() == 0


@pytest.mark.parametrize(
    "message, expected",
    [("I want to kill myself", "crisis"), ("my friend took a whole bottle of pills and will not wake up", "emergency")],
)
def test_danger_gets_its_card_first_telephone_links_and_nothing_else(chat: Chat, corpus: Corpus, message: str, expected: str) -> None:
    reply = chat.ask(message)
    assert kind(reply) == expected
    assert reply.locator(":scope > :first-child").get_attribute("class") == "card"
    assert flat(reply.locator(".card-heading").text_content()) == corpus.messages[f"heading.{expected}"]
    links = [link.get_attribute("href") for link in reply.locator(".help-lines a.phone").all()]
    assert links == [f"tel:{re.sub('[^0-9+]', '', item)}" for item in reply.locator(".help-lines a.phone").all_text_contents()]
    assert sorted(links) == sorted(f"tel:{re.sub('[^0-9+]', '', line.phone)}" for line in corpus.help_lines if line.phone)
    assert reply.locator("figure, .related-label").count() == 0
    assert chat.related.count() == 0


def test_the_help_link_is_always_in_sight(chat: Chat) -> None:
    for question in ("what are SSRIs?", "how much 5-HTP should I take"):
        expect(chat.help_link).to_be_in_viewport(ratio=1)
        chat.ask(question)
    chat.page.mouse.wheel(0, 10_000)
    expect(chat.help_link).to_be_in_viewport(ratio=1)


# --- what is in sight ----------------------------------------------------------------------------------------------------


def test_a_long_answer_is_shown_from_its_question_on_below_the_bar(chat: Chat) -> None:
    chat.page.set_viewport_size(PHONE["viewport"])
    for count, question in enumerate(["what are SSRIs?", "how do SSRIs work?", "how much 5-HTP should I take"], 1):
        chat.ask(question)
        bar = chat.page.locator(".bar").bounding_box()
        assert bar is not None and bar["y"] == 0
        expect(chat.questions.nth(count - 1)).to_be_in_viewport(ratio=1)
        row = chat.questions.nth(count - 1).bounding_box()
        assert row is not None and 0 <= row["y"] - bar["height"] < 40
        expect(chat.box).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("width, scheme", [(320, "light"), (390, "dark"), (1280, "light")])
def test_nothing_is_cut_off_and_what_is_tapped_is_large(new_chat, width: int, scheme: str) -> None:
    chat: Chat = new_chat(viewport={"width": width, "height": 700}, color_scheme=scheme)

    def check(tapped: str) -> None:
        assert chat.page.evaluate("document.documentElement.scrollWidth") == width
        for target in chat.page.locator(f"{tapped}, a.help-link, #ntqa-ask button, #ntqa-clear").all():
            box = target.bounding_box()
            assert box is not None and box["height"] >= 44 and box["width"] >= 44, target

    check(".example")
    reply = chat.ask("what are SSRIs?")
    check(".option, .icon-button:visible")
    # the wrapper that Gradio makes half transparent
    assert reply.evaluate("element => getComputedStyle(element.closest('.md')).opacity") == "1"
    chat.ask("I want to kill myself")
    chat.page.locator(".help-country summary").all()[1].click()
    check(".help-country summary, .help-country[open] a.phone")
