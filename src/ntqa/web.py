"""The web application: a Gradio chat mounted in FastAPI, the pages, the JSON interface. The only module that imports Gradio."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Gradio reads these when it is imported; without them it calls home at start.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ntqa import __version__
from ntqa.assistant import Assistant, Embedder, checked_fresh_from, checked_messages
from ntqa.browse import evidence_page, topic_page, topics_page
from ntqa.config import Config
from ntqa.errors import InputError, NtqaError, StaleIndexError
from ntqa.index import current_edition
from ntqa.jsonlog import event, use_json_log
from ntqa.metrics import Metrics
from ntqa.pages import browse_nav, help_page, missing_page, passage_page
from ntqa.render import Texts, carried_topics, escape, failure_html, reply_html, reply_record
from ntqa.schema import Reply
from ntqa.shield import MAX_BODY_BYTES, Rules, Shield

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
HEAD = '<link rel="icon" href="/favicon.ico"><link rel="stylesheet" href="/page/ntqa.css"><script src="/page/ntqa.js" defer></script>'
# Texts that ntqa.js shows or gives to screen readers; it has none of its own.
SCRIPT_TEXTS = (
    "label.asked", "label.answer", "label.examples", "label.related", "label.edit", "label.copy", "label.copied", "label.copy_failed",
    "page.pane", "page.pane_failed", "page.permalink", "page.close",
)  # fmt: skip
POLL_SECONDS = 0.2  # how often the index folder is looked at for a new edition
RETRY_SECONDS = 10.0  # after which an edition that could not be loaded is tried again; loading takes a second of work
QUEUE = 200  # questions that wait; whoever comes then is told that the server is busy
QUIET = ("/assets", "/static", "/theme.css", "/favicon.ico", "/page", "/healthz", "/metrics", "/gradio_api")  # not logged while all is well
STOP_SECONDS = 10  # for running answers when the server is stopped

# Links as the templates of `render`, `pages` and this module write them; texts of the corpus and of readers hold neither quotes nor slashes
# once they are escaped, so nothing else looks like this.
_LINK = re.compile(r'\b(href|src|action)="(?:/|&#47;)')


class Live:
    """The assistant in use, exchanged whole when a new edition appears. A new edition that cannot be loaded leaves the old one in use."""

    def __init__(self, config: Config, root: str) -> None:
        self._config, self.root = config, root
        self._stop = threading.Event()
        self.metrics = Metrics()
        self.assistant = Assistant.load(config)
        self.problem = ""  # why the newest edition is not in use
        self.renew: Callable[[], None] = lambda: None  # brings the first screen up to date
        self._shown = self._first_screen()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="ntqa-watch", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def html(self, markup: str) -> str:
        """HTML of `render` or `pages` for a site that readers see under the prefix."""
        return _LINK.sub(rf'\1="{self.root}/', markup) if self.root else markup

    @property
    def age_seconds(self) -> float:
        """How long ago the index in use was built."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.assistant.edition.built_at)).total_seconds()

    def reply(
        self, assistant: Assistant, messages: Sequence[str], embed: Embedder | None = None, fresh_from: int = 0
    ) -> tuple[Reply, float]:
        """The reply and the milliseconds it took, counted and logged."""
        started, kind, support = time.perf_counter(), "failure", False
        try:
            reply = assistant.reply(messages, embed, fresh_from)
            kind, support = reply.kind, reply.support
            return reply, (time.perf_counter() - started) * 1000
        finally:
            seconds = time.perf_counter() - started
            self.metrics.reply(kind, support, seconds)
            event(log, logging.INFO, "reply", kind=kind, ms=round(seconds * 1000, 1))

    def observe(self, route: str, status: int, ms: float, reason: str) -> None:
        """Count and log one HTTP response."""
        self.metrics.response(status, reason)
        if status >= 400 or not route.startswith(QUIET):
            fields = {"path": route, "status": status, "ms": round(ms, 1), **({"reason": reason} if reason else {})}
            event(log, logging.ERROR if status >= 500 and not reason else logging.INFO, "request", **fields)

    def _first_screen(self) -> tuple[str, int]:
        """What the first screen depends on."""
        return self.assistant.edition.id, today()

    def _load(self) -> Assistant:
        try:  # with the model that is loaded already, which is nearly always still the right one
            return Assistant.load(self._config, self.assistant.encoder)
        except StaleIndexError:
            return Assistant.load(self._config)

    def _watch(self) -> None:
        refused, not_before = None, 0.0
        while not self._stop.wait(POLL_SECONDS):
            try:
                if self._shown != self._first_screen():
                    self._shown = self._first_screen()
                    self.renew()
                newest = current_edition(self._config.index)
                if newest == self.assistant.edition.id:
                    self.problem = ""
                    continue
                if newest == refused and time.monotonic() < not_before:
                    continue
                refused, not_before = newest, time.monotonic() + RETRY_SECONDS
                self.assistant = self._load()
                self.problem, refused = "", None
                event(log, logging.INFO, "new edition in use", edition=newest)
            except NtqaError as error:
                if str(error) != self.problem:
                    event(log, logging.ERROR, "the new edition is not in use", problem=str(error))
                self.problem = str(error)
            except Exception:
                log.exception("looking for a new edition failed")


def today() -> int:
    """A running number for the day."""
    return datetime.now(UTC).toordinal()


def create_app(config: Config, rules: Rules, allowed_hosts: Sequence[str] = ("*",)) -> FastAPI:
    """The whole application; raises NtqaError when there is no index that fits the corpus."""
    live = Live(config, rules.root_path)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> Any:
        live.start()
        event(log, logging.INFO, "started", edition=live.assistant.edition.id, version=__version__)
        yield
        live.stop()
        event(log, logging.INFO, "stopped")

    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan)

    @app.api_route("/healthz", methods=["GET", "HEAD"])
    def health() -> JSONResponse:
        assistant = live.assistant
        state = {
            "status": "degraded" if live.problem else "ok",
            "edition": assistant.edition.id,
            "built_at": assistant.edition.built_at,
            "age_seconds": round(live.age_seconds),
            "passages": len(assistant.corpus.passages),
            "topics": len(assistant.corpus.topics),
        }
        return JSONResponse({**state, "problem": live.problem} if live.problem else state)

    @app.api_route("/metrics", methods=["GET", "HEAD"])
    def metrics() -> PlainTextResponse:
        text = live.metrics.text(live.assistant.edition.id, __version__, live.age_seconds)
        return PlainTextResponse(text, media_type="text/plain; version=0.0.4")

    @app.post("/api/ask")
    async def api_ask(request: Request) -> JSONResponse:
        try:
            data = json.loads(await request.body())
            if not isinstance(data, dict) or "messages" not in data:
                raise InputError('send an object {"messages": [...]}')
            messages = checked_messages(data["messages"])
            fresh_from = checked_fresh_from(data.get("fresh_from", 0), messages)
        except (InputError, ValueError, RecursionError) as error:
            return JSONResponse({"error": str(error)}, status_code=422)
        return JSONResponse(await run_in_threadpool(_record, live, data.get("id"), messages, fresh_from))

    @app.api_route("/passage/{topic}/{aspect}", methods=["GET", "HEAD"])
    def passage(topic: str, aspect: str, s: str = "", e: str = "") -> HTMLResponse:
        corpus = live.assistant.corpus
        found = corpus.passages.get(f"{topic}/{aspect}")
        if found is None:
            return HTMLResponse(live.html(missing_page(corpus)), status_code=404)
        return HTMLResponse(live.html(passage_page(found, corpus, _span(s, e, len(found.text)))))

    @app.api_route("/topics", methods=["GET", "HEAD"])
    def topics() -> HTMLResponse:
        return HTMLResponse(live.html(topics_page(live.assistant.corpus)))

    @app.api_route("/topic/{topic}", methods=["GET", "HEAD"])
    def one_topic(topic: str) -> HTMLResponse:
        corpus = live.assistant.corpus
        found = corpus.topics.get(topic)
        if found is None:
            return HTMLResponse(live.html(missing_page(corpus, "browse.missing")), status_code=404)
        return HTMLResponse(live.html(topic_page(found, corpus)))

    @app.api_route("/evidence", methods=["GET", "HEAD"])
    def evidence() -> HTMLResponse:
        return HTMLResponse(live.html(evidence_page(live.assistant.corpus)))

    @app.api_route("/help", methods=["GET", "HEAD"])
    def help_lines() -> HTMLResponse:
        return HTMLResponse(live.html(help_page(live.assistant.corpus)))

    @app.api_route("/page/{name}", methods=["GET", "HEAD"])
    def static_file(name: str) -> Response:
        return FileResponse(STATIC / name) if name in ("ntqa.css", "ntqa.js") else Response(status_code=404)

    app.state.live = live
    _mount_chat(app, live)
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY_BYTES)  # of a body that does not say how long it is
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts))
    app.add_middleware(Shield, rules=rules, say=lambda key: Texts(live.assistant.corpus)[key], observe=live.observe)
    return app


def _record(live: Live, record_id: Any, messages: Sequence[str], fresh_from: int) -> dict[str, Any]:
    assistant = live.assistant
    reply, took_ms = live.reply(assistant, messages, fresh_from=fresh_from)
    record = reply_record(reply, assistant.corpus, record_id, took_ms)
    for quote in record["quotes"]:
        quote["url"] = live.root + quote["url"]
    return record


def _span(start: str, end: str, length: int) -> tuple[int, int] | None:
    if not (start.isdecimal() and end.isdecimal() and len(start) < 7 and len(end) < 7):
        return None
    first, last = int(start), min(int(end), length)
    return (first, last) if first < last else None


# --- the chat ------------------------------------------------------------------------------------------------------------


def _mount_chat(app: FastAPI, live: Live) -> None:
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
            feedback_options=None,
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
        gr.Markdown(_line("ntqa-disclaimer", texts["page.disclaimer"]), latex_delimiters=[])

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
    return chat, chatbot


def _line(name: str, text: str) -> str:
    return f'<p class="{name}">{escape(text)}</p>'


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its reply as it is shown."""

    asked: str
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

    def before(self, place: int) -> Said:
        """The conversation as it was before the turn at `place` was asked."""
        return Said(self.turns[:place], self.turns[place].fresh_from)


def _answer(live: Live, question: object, said: Said) -> Said:
    if not isinstance(question, str) or not question.strip():
        return said
    assistant, turns = live.assistant, said.turns
    embed = turns[-1].embed if turns and turns[-1].embed.encoder is assistant.encoder else assistant.embedder()
    try:
        reply, _ = live.reply(assistant, [*(turn.asked for turn in turns), question], embed, said.fresh_from)
        html, related, about = live.html(reply_html(reply, assistant.corpus)), reply.related, ", ".join(carried_topics(reply, assistant.corpus))
    except Exception as error:  # shown as a failure, never as "nothing found"
        log.error("no answer could be made: %s", type(error).__name__)
        html, related, about = live.html(failure_html(assistant.corpus)), (), ""
    return replace(said, turns=(*turns, Turn(question, html, related, about, said.fresh_from, embed)))


def _edited(live: Live, place: object, question: object, said: Said) -> Said:
    """The conversation up to the message at `place`, which is asked in its new form; what came after it goes."""
    if isinstance(place, bool) or not isinstance(place, int) or place % 2 or not 0 <= place < 2 * len(said.turns):
        return said
    if not isinstance(question, str) or not question.strip():
        return said
    return _answer(live, question, said.before(place // 2))


def _messages(said: Said) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = []
    for turn in said.turns:
        messages.append({"role": "user", "content": escape(turn.asked)})
        messages.append({"role": "assistant", "content": turn.html, "options": [{"label": item, "value": item} for item in turn.related]})
    return messages


# --- serving -------------------------------------------------------------------------------------------------------------


class _Server(uvicorn.Server):
    """Ends what would go on for ever when it is asked to stop, so that it waits for running answers only."""

    def __init__(self, app: FastAPI, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._mounted = [route.app for route in app.routes if hasattr(getattr(route, "app", None), "stop_event")]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for mounted in self._mounted:
            mounted.stop_event.set()  # of the streams by which Gradio knows that a page is open
        await super().shutdown(sockets)


def serve(config: Config, host: str, port: int, allowed_hosts: Sequence[str], rules: Rules, announce: Callable[[str], None]) -> None:
    """Serve until interrupted; one process, because the conversations live in it.

    `announce` is told where the chat is once it can be reached. Raises NtqaError when there is nothing to serve or the port is not free.
    """
    use_json_log()
    local = ["localhost", "127.0.0.1", "[::1]", "::1"]
    hosts = [*local, host, *allowed_hosts] if allowed_hosts or host in local else ["*"]
    app = create_app(config, rules, hosts)
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET, backlog=2048)
    except OSError as error:
        raise InputError(f"cannot listen on {host}, port {port}: {error.strerror}") from None
    signal.signal(signal.SIGTERM, lambda *_: None)  # what uvicorn calls again after a graceful stop: exit code 0
    settings = uvicorn.Config(
        app,
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,  # the shield reads them when the operator says so
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    announce(f"the chat is at http://{f'[{host}]' if ':' in host else host}:{port}{rules.root_path} (Ctrl+C ends it)")
    with listening:
        _Server(app, settings).run(sockets=[listening])
