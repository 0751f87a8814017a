"""The application in process, on the mini corpus: which of its routes are reached. What a reader sees is in tests/e2e."""

from __future__ import annotations

import asyncio
import queue
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
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


# --- the conversation ---


@pytest.fixture
def live(own_config: Config) -> Any:
    export_fake(export_folder(own_config.index / "models", own_config.model))
    from ntqa.live import Live

    return Live(own_config, "")


def asked(live: Any, *questions: str) -> Any:
    from ntqa.chat import Said, _answer

    said = Said()
    for question in questions:
        said = _answer(live, question, said)
    return said


def test_an_edited_question_is_answered_and_what_came_after_it_goes(live: Any):
    from ntqa.chat import _edited

    said = asked(live, "what are ssris?", "and their side effects?", "hello")
    assert [turn.about for turn in said.turns] == ["", "SSRIs", ""]
    changed = _edited(live, 2, "what does magnesium do?", said)
    assert [turn.asked for turn in changed.turns] == ["what are ssris?", "what does magnesium do?"]
    assert [turn.asked for turn in _edited(live, 0, "hi", said).turns] == ["hi"]


@pytest.mark.parametrize("place", [1, -2, 6, True, None, "0", [0, 0], 0.0])
def test_only_a_readers_own_message_is_edited(live: Any, place: object):
    from ntqa.chat import _edited

    said = asked(live, "what are ssris?", "and their side effects?")
    assert _edited(live, place, "hi", said) is said


@pytest.mark.parametrize("question", ["", "  ", None, {"text": "hi"}, ["hi"], 5])
def test_what_is_no_text_changes_nothing(live: Any, question: object):
    from ntqa.chat import _answer, _edited

    said = asked(live, "what are ssris?")
    assert _edited(live, 0, question, said) is said
    assert _answer(live, question, said) is said


def test_a_subject_that_was_left_stays_left_when_a_turn_is_taken_back(live: Any):
    from ntqa.chat import _answer

    said = asked(live, "what are ssris?", "and their side effects?")
    said = _answer(live, "and their side effects?", replace(said, fresh_from=2))
    said = _answer(live, "does magnesium help with sleep?", said)
    assert [turn.fresh_from for turn in said.turns] == [0, 0, 2, 2]
    assert said.turns[2].about == ""
    assert [said.before(place).fresh_from for place in range(4)] == [0, 0, 2, 2]


# --- the gap log ---


def test_what_is_kept_of_a_chat_and_only_where_the_operator_asked_for_it(own_config: Config, tmp_path: Path):
    export_fake(export_folder(own_config.index / "models", own_config.model))
    from ntqa.gaps import GapLog, read_gaps
    from ntqa.live import Live

    path = tmp_path / "gaps.jsonl"
    live = Live(own_config, "", GapLog(path))
    said = asked(live, "what are ssris?", "is blorptamine good", "i want to kill myself")
    assert [(item.what, item.question) for item in read_gaps(path)] == [("not_covered", "is blorptamine good")]
    live.keep(said.turns[0].reply, "wrong")
    assert (read_gaps(path)[1].what, read_gaps(path)[1].question) == ("wrong", "what are ssris?")
    Live(own_config, "").keep(said.turns[1].reply)  # without a log nothing is kept
    assert len(read_gaps(path)) == 2


def test_an_answer_does_not_hang_on_the_gap_log(own_config: Config, caplog: pytest.LogCaptureFixture):
    export_fake(export_folder(own_config.index / "models", own_config.model))
    from ntqa.live import Live

    class Broken:
        def add(self, record: object) -> None:
            raise RuntimeError("disk")

    said = asked(Live(own_config, "", Broken()), "is blorptamine good")
    assert said.turns[0].reply.kind == "not_covered"
    assert "the gap log was not written: RuntimeError" in caplog.text


@pytest.mark.parametrize(
    ("place", "asked_there"),
    [(0, "what are ssris?"), (1, "what are ssris?"), (3, "hello"), (4, None), (-1, None), (True, None), ("1", None)],
)
def test_which_turn_a_mark_belongs_to(live: Any, place: object, asked_there: str | None):
    turn = asked(live, "what are ssris?", "hello").turn(place)
    assert (turn and turn.asked) == asked_there


@pytest.mark.parametrize("value", ["1", 2, -1, True, None])
def test_fresh_from_of_the_json_interface_is_checked(app: Any, value: object):
    (answer,) = asyncio.run(posted(app, {"messages": ["what are ssris?", "and their side effects?"], "fresh_from": value}))
    assert (answer.status_code, "fresh_from" in answer.json()["error"]) == (422, True)


def test_fresh_from_of_the_json_interface(app: Any):
    body = {"messages": ["what are ssris?", "and their side effects?"]}
    plain, fresh = asyncio.run(posted(app, body, {**body, "fresh_from": 1}))
    assert plain.json()["read_as"] == "SSRIs: and their side effects?"
    assert fresh.json()["read_as"] == "and their side effects?"


async def posted(app: Any, *bodies: dict[str, Any]) -> list[httpx.Response]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
        return [await client.post("/api/ask", json=body) for body in bodies]


def test_the_first_screen_changes_with_the_day(app: Any, monkeypatch: pytest.MonkeyPatch):
    import ntqa.chat

    def page() -> str:
        return asyncio.run(responses(app, ("GET", "/")))[0].text

    live = app.state.live
    first = page()
    monkeypatch.setattr(ntqa.chat, "_examples", lambda _: [{"text": "Another example?"}])
    live.renew()
    assert "Another example?" not in first
    assert "Another example?" in page()


def test_every_text_of_the_script_comes_with_the_page(app: Any):
    page = asyncio.run(responses(app, ("GET", "/")))[0].text
    script = (Path(__file__).parents[2] / "src" / "ntqa" / "static" / "ntqa.js").read_text(encoding="utf-8")
    given = set(re.findall(r'meta name=\\?"ntqa:(\w+)', page))
    names = dict(re.findall(r'"(\.[^"]*)": "(\w+)"', script))
    used = {*re.findall(r'text\("(\w+)"\)', script), *names.values(), "copied", "copy_failed"}
    assert used == given


def test_the_first_screen_is_renewed_once_a_day(live: Any, monkeypatch: pytest.MonkeyPatch):
    import ntqa.live

    renewed: queue.Queue[int] = queue.Queue()
    live.renew = lambda: renewed.put(ntqa.live.today())
    monkeypatch.setattr(ntqa.live, "POLL_SECONDS", 0.001)
    live.start()
    for day in (1, 2):
        monkeypatch.setattr(ntqa.live, "today", lambda day=day: day)
        assert renewed.get(timeout=10) == day
    live.stop()
    assert renewed.empty()
