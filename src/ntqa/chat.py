"""The Gradio chat. The only module that imports Gradio."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from typing import Any

# Gradio reads these when it is imported; without them it calls home at start.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import gradio as gr
from fastapi import FastAPI

from ntqa.assistant import Embedder
from ntqa.gaps import LIKED
from ntqa.live import Live, today
from ntqa.pages import browse_nav
from ntqa.render import Texts, carried_topics, escape, failure_html, reply_html
from ntqa.schema import Reply

log = logging.getLogger(__name__)

HEAD = '<link rel="icon" href="/favicon.ico"><link rel="stylesheet" href="/page/ntqa.css"><script src="/page/ntqa.js" defer></script>'
# Texts that ntqa.js shows or gives to screen readers; it has none of its own.
SCRIPT_TEXTS = (
    "label.asked", "label.answer", "label.examples", "label.related", "label.edit", "label.copy", "label.copied", "label.copy_failed",
    "page.pane", "page.pane_failed", "page.permalink", "page.close",
)  # fmt: skip
QUEUE = 200  # questions that wait; whoever comes then is told that the server is busy
REASONS = ("feedback.other", "feedback.unclear", "feedback.wrong")  # for not liking an answer, beside Gradio's own "Dislike"


def mount_chat(app: FastAPI, live: Live) -> None:
    """Put the chat at "/" of `app`."""
    texts = Texts(live.assistant.corpus)
    chat, chatbot = _chat(live, texts)
    # Updates at every change would send, for each answer, a message to all who wait, which the page does not show: most of the work at 50 readers.
    chat.queue(max_size=QUEUE, default_concurrency_limit=4, api_open=False, status_update_rate=60)
    gr.mount_gradio_app(
        app,
        chat,
        path="/",
        root_path=live.root or None,
        footer_links=[],
        run_history=False,  # otherwise questions and answers stay in the browser's storage
        allowed_paths=[],
        blocked_paths=["/"],
        show_error=False,
        max_file_size="1b",
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Default(font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"]),
        head=_script_texts(texts) + live.html(HEAD),
    )
    # Gradio checks the paths of file-shaped inputs only in a Blocks object that it launched itself.
    chat.has_launched = True

    def renew() -> None:
        chatbot.examples = _examples(live)
        chat.config = chat.get_config_file()  # what a page gets when it is opened

    live.renew = renew


def _script_texts(texts: Texts) -> str:
    return "".join(f'<meta name="ntqa:{key.split(".")[1]}" content="{escape(texts[key])}">' for key in SCRIPT_TEXTS)


def _examples(live: Live) -> list[dict[str, str]]:
    return [{"text": example} for example in live.assistant.examples(today())]


def _header(texts: Texts) -> str:
    new_tab = ' target="_blank" rel="noopener"'  # so that the conversation stays
    return (
        f'<div class="bar"><h1>{escape(texts["page.title"])}</h1>'
        f'<a class="help-link" href="/help"{new_tab}>{escape(texts["page.help"])}</a></div>{browse_nav(texts, new_tab)}'
        f'<p class="intro">{escape(texts["page.intro"])}</p><p class="limits">{escape(texts["page.limits"])}</p>'
    )


def _chat(live: Live, texts: Texts) -> tuple[gr.Blocks, gr.Chatbot]:
    """The chat and, of it, the conversation. The Chatbot is output only; what was said lives in the session's state and is passed to the assistant each time."""
    with gr.Blocks(title=texts["page.title"], analytics_enabled=False, fill_height=True) as chat:
        gr.Markdown(live.html(_header(texts)), latex_delimiters=[], elem_id="ntqa-header")
        state = gr.State(Said(), time_to_live=3600)
        chatbot = gr.Chatbot(
            show_label=False,
            label=texts["page.conversation"],
            elem_id="ntqa-chat",
            height="auto",
            autoscroll=False,  # ntqa.js shows the beginning of an answer
            buttons=[],
            latex_delimiters=[],
            feedback_options=("Like", "Dislike", *(texts[key] for key in REASONS)) if live.gap_log else None,
            allow_file_downloads=False,
            layout="panel",
            editable="user",
            examples=_examples(live),
        )
        with gr.Column(elem_id="ntqa-ask"):
            fresh = gr.Button("", size="sm", visible=False, elem_id="ntqa-fresh")
            fresh_done = gr.Markdown(_line("fresh-done", texts["page.fresh_done"]), latex_delimiters=[], visible=False)
            box = gr.Textbox(
                placeholder=texts["page.placeholder"],
                label=texts["page.placeholder"],
                show_label=False,
                submit_btn=texts["page.ask"],
                max_lines=6,
                autofocus=True,
                elem_id="ntqa-box",
            )
        clear = gr.Button(texts["page.clear"], size="sm", elem_id="ntqa-clear")
        kept = texts["page.kept" if live.gap_log else "page.not_kept"]
        gr.Markdown(_line("ntqa-disclaimer", f"{texts['page.disclaimer']} {kept}"), latex_delimiters=[])

        def shown(said: Said, box: str = "") -> tuple[Any, ...]:
            """Values of the outputs."""
            about, afresh = said.about, bool(said.turns) and said.fresh_from == len(said.turns)
            label = texts["page.fresh"].replace("{topics}", about)
            return _messages(said), said, box, gr.update(value=label, visible=bool(about) and not afresh), gr.update(visible=afresh)

        def answer(question: object, said: Said) -> tuple[Any, ...]:
            return shown(_answer(live, question, said))

        def picked(event: gr.SelectData, said: Said) -> tuple[Any, ...]:
            value = event.value
            return shown(_answer(live, value.get("text", value.get("value")) if isinstance(value, dict) else value, said))

        def undo(said: Said) -> tuple[Any, ...]:
            return shown(said.before(len(said.turns) - 1), said.turns[-1].asked) if said.turns else shown(said)

        def retry(said: Said) -> tuple[Any, ...]:
            return shown(_answer(live, said.turns[-1].asked, said.before(len(said.turns) - 1)) if said.turns else said)

        def edited(event: gr.EditData, said: Said) -> tuple[Any, ...]:
            return shown(_edited(live, event.index, event.value, said))

        def read_afresh(said: Said) -> tuple[Any, ...]:
            return shown(replace(said, fresh_from=len(said.turns)))

        def start_anew() -> tuple[Any, ...]:
            return shown(Said())

        reasons = {texts[key]: key.removeprefix("feedback.") for key in REASONS}

        def judged(event: gr.LikeData, said: Said) -> None:
            what = LIKED if event.liked is True else "dislike" if event.liked is False else reasons.get(str(event.liked), "")
            turn = said.turn(event.index)
            if what and turn and turn.reply:
                live.keep(turn.reply, what)

        # Private only hides an event from the API listing; what protects is that handlers take nothing but a text and a place.
        options: dict[str, Any] = {
            "outputs": [chatbot, state, box, fresh, fresh_done],
            "show_progress": "hidden",
            "api_visibility": "private",
            "concurrency_id": "ask",
        }
        box.submit(answer, [box, state], **options)
        chatbot.example_select(picked, [state], **options)
        chatbot.option_select(picked, [state], **options)
        chatbot.undo(undo, [state], **options)
        chatbot.retry(retry, [state], **options)
        chatbot.edit(edited, [state], **options)
        chatbot.clear(start_anew, None, **options)
        fresh.click(read_afresh, [state], **options)
        clear.click(start_anew, None, **options)
        if live.gap_log:
            chatbot.like(judged, [state], **{**options, "outputs": None})
    return chat, chatbot


def _line(name: str, text: str) -> str:
    return f'<p class="{name}">{escape(text)}</p>'


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its reply as it is shown."""

    asked: str
    reply: Reply | None  # None when none could be made
    html: str
    related: tuple[str, ...]
    about: str  # what it was taken to be about because of earlier turns
    fresh_from: int  # the first turn in whose light it was read
    embed: Embedder  # the conversation's, the same in all its turns


@dataclass(frozen=True, slots=True)
class Said:
    """A conversation; lives in the reader's session and ends with it."""

    turns: tuple[Turn, ...] = ()
    fresh_from: int = 0  # the first turn in whose light the next question is read

    @property
    def about(self) -> str:
        return self.turns[-1].about if self.turns else ""

    def turn(self, message: object) -> Turn | None:
        """The turn that the message at this place on the page belongs to, if there is one."""
        if isinstance(message, bool) or not isinstance(message, int) or not 0 <= message < 2 * len(self.turns):
            return None
        return self.turns[message // 2]

    def before(self, place: int) -> Said:
        """The conversation as it was before the turn at `place` was asked."""
        return Said(self.turns[:place], self.turns[place].fresh_from)


def _answer(live: Live, question: object, said: Said) -> Said:
    if not isinstance(question, str) or not question.strip():
        return said
    assistant, turns = live.assistant, said.turns
    embed = turns[-1].embed if turns and turns[-1].embed.encoder is assistant.encoder else assistant.embedder()
    reply: Reply | None = None
    try:
        reply, _ = live.reply(assistant, [*(turn.asked for turn in turns), question], embed, said.fresh_from)
        html, related, about = (
            live.html(reply_html(reply, assistant.corpus)),
            reply.related,
            ", ".join(carried_topics(reply, assistant.corpus)),
        )
        live.keep(reply)
    except Exception as error:  # shown as a failure, never as "nothing found"
        log.error("no answer could be made: %s", type(error).__name__)
        html, related, about = live.html(failure_html(assistant.corpus)), (), ""
    return replace(said, turns=(*turns, Turn(question, reply, html, related, about, said.fresh_from, embed)))


def _edited(live: Live, place: Any, question: object, said: Said) -> Said:
    """The conversation up to the message at `place`, which is asked in its new form; what came after it goes."""
    if said.turn(place) is None or place % 2 or not isinstance(question, str) or not question.strip():
        return said
    return _answer(live, question, said.before(place // 2))


def _messages(said: Said) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for turn in said.turns:
        messages.append({"role": "user", "content": escape(turn.asked)})
        messages.append({"role": "assistant", "content": turn.html, "options": [{"label": item, "value": item} for item in turn.related]})
    return messages
