"""The web application: pages, JSON interface, the chat mounted among them, and the server that runs it."""

from __future__ import annotations

import json
import logging
import signal
import socket
from collections.abc import Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware

from ntqa import __version__
from ntqa.assistant import checked_fresh_from, checked_messages
from ntqa.browse import evidence_page, topic_page, topics_page
from ntqa.chat import mount_chat
from ntqa.config import Config
from ntqa.errors import InputError
from ntqa.gaps import GapLog
from ntqa.jsonlog import event, use_json_log
from ntqa.live import Live
from ntqa.pages import help_page, missing_page, passage_page
from ntqa.render import Texts, reply_record
from ntqa.shield import MAX_BODY_BYTES, Rules, Shield

log = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
STOP_SECONDS = 10  # for running answers when the server is stopped


def create_app(config: Config, rules: Rules, allowed_hosts: Sequence[str] = ("*",), gap_log: GapLog | None = None) -> FastAPI:
    """The whole application; raises NtqaError when there is no index that fits the corpus."""
    live = Live(config, rules.root_path, gap_log)

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
    mount_chat(app, live)
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


def serve(
    config: Config,
    host: str,
    port: int,
    allowed_hosts: Sequence[str],
    rules: Rules,
    announce: Callable[[str], None],
    gap_log: GapLog | None = None,
) -> None:
    """Serve until interrupted; one process, because the conversations live in it.

    `announce` is told where the chat is once it can be reached. Raises NtqaError when there is nothing to serve or the port is not free.
    """
    use_json_log()
    local = ["localhost", "127.0.0.1", "[::1]", "::1"]
    hosts = [*local, host, *allowed_hosts] if allowed_hosts or host in local else ["*"]
    app = create_app(config, rules, hosts, gap_log)
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
