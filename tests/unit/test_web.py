"""The application in process, on the mini corpus: which of its routes are reached. What a reader sees is in tests/e2e."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fakes import export_fake

from ntqa.config import Config
from ntqa.embedding import export_folder
from ntqa.shield import OPEN_PATHS, Rules

# What an unauthenticated client reaches: every route of this program and of Gradio that the shield lets through, and no more. README says the same.
REACHED = """/ /api/ask /assets/{path:path} /evidence /favicon.ico /gradio_api/cancel /gradio_api/heartbeat/{session_hash} /gradio_api/queue/data /gradio_api/queue/join
    /gradio_api/reset /gradio_api/startup-events /healthz /help /metrics /page/{name} /passage/{topic}/{aspect} /static/{path:path} /theme.css
    /topic/{topic} /topics""".split()
FILLED = {"name": "ntqa.css", "size": "192", "path_or_url:path": "/etc/hostname", "url_path:path": "http://127.0.0.1/"}


@pytest.fixture
def app(own_config: Config) -> Any:
    export_fake(export_folder(own_config.index / "models", own_config.model))
    from ntqa.web import create_app

    return create_app(own_config, Rules(rate=2))


def routes(app: Any) -> Iterator[tuple[str, set[str]]]:
    """Path and methods of every route, those of the mounted application too."""
    for route in app.routes:
        inner = getattr(route, "app", getattr(route, "original_router", None))  # a mounted application, or the router of one
        if hasattr(inner, "routes"):
            yield from routes(inner)
        else:
            yield route.path, set(getattr(route, "methods", None) or {"GET"})


def filled(path: str) -> str:
    """An address that the route would answer."""
    return re.sub(r"\{([^}]+)\}", lambda match: FILLED.get(match[1], "x1"), path)


async def responses(app: Any, *requests: tuple[str, str], peer: str = "127.0.0.1") -> list[httpx.Response]:
    transport = httpx.ASGITransport(app, client=(peer, 4711), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return [await client.request(method, path) for method, path in requests]


def test_which_routes_are_reached(app: Any):
    found = dict(routes(app))
    patterns = [re.compile(pattern) for pattern, _ in OPEN_PATHS]
    assert len(found) > 60  # Gradio's are among them
    assert sorted(path for path in found if any(pattern.fullmatch(filled(path)) for pattern in patterns)) == REACHED
    for pattern in patterns:  # no entry for what no longer exists
        assert any(pattern.fullmatch(filled(path)) for path in found), pattern.pattern


def test_all_other_routes_are_not_found(app: Any):
    closed = [(method, filled(path)) for path, methods in routes(app) if path not in REACHED for method in methods]
    answers = asyncio.run(responses(app, *closed))
    assert {response.status_code for response in answers} == {404}
    assert {response.content for response in answers} == {b"not found", b""}  # nothing for HEAD
    assert len(answers) > 60


def test_metrics_and_health(app: Any):
    metrics, health = asyncio.run(responses(app, ("GET", "/metrics"), ("GET", "/healthz")))
    assert metrics.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert f'edition="{health.json()["edition"]}"' in metrics.text
    assert health.json()["age_seconds"] >= 0
    assert asyncio.run(responses(app, ("GET", "/metrics"), peer="192.0.2.1"))[0].status_code == 404


def test_the_pages_for_looking_around(app: Any):
    paths = ("/topics", "/topic/ssri", "/evidence", "/topic/no-such-topic")
    answers = asyncio.run(responses(app, *[("GET", path) for path in paths]))
    assert [response.status_code for response in answers] == [200, 200, 200, 404]
    assert ["<h1>Browse topics<" in answers[0].text, "<h1>SSRIs<" in answers[1].text, "<h1>Evidence map<" in answers[2].text] == [True] * 3
    assert "There is no such topic" in answers[3].text


def test_the_words_of_a_refusal_are_the_corpuss(app: Any):
    answers = asyncio.run(responses(app, *[("POST", "/api/ask")] * 3))
    assert [response.status_code for response in answers] == [422, 422, 429]
    assert answers[-1].json()["detail"] == "Too many questions. Wait 30 seconds."
