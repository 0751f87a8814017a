"""What an operator may set: a prefix, a login, a rate; what the server says of itself; and how it stops."""

from __future__ import annotations

import base64
import json
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from driving import REPOSITORY, Chat, Server, flat, running
from playwright.sync_api import Browser, Page, expect
from test_accessibility import check

from ntqa.gaps import read_gaps
from ntqa.logins import password_line
from ntqa.schema import Corpus

pytestmark = pytest.mark.e2e

SERVE = (sys.executable, "-m", "ntqa", "serve")
QUESTION = "what does serotonin do?"


def log_lines(server: Server) -> list[dict]:
    return [json.loads(line) for line in server.log.read_text().splitlines() if line.startswith("{")]


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def events(server: Server) -> list[str]:
    return [line["event"] for line in log_lines(server)]


# --- under a prefix ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def prefixed(real_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("prefixed"), *SERVE, "--root-path", "/about/brains/") as server:
        yield server


def test_under_a_prefix_the_chat_stays_under_it(prefixed: Server, new_page: Callable[..., Page]) -> None:
    page = new_page()
    chat = Chat(page, f"{prefixed.url}/about/brains")
    chat.open()
    assert page.url == f"{prefixed.url}/about/brains/"  # the slash was added
    reply = chat.ask(QUESTION)
    assert chat.ask("and its side effects?").locator(".read-as q").inner_text() == "Serotonin: and its side effects?"
    reply.locator("a.context-link").first.click()
    expect(page.locator("#ntqa-pane mark")).to_be_visible()
    page.locator("#ntqa-pane .pane-body a[href*='/passage/serotonin/']:visible").first.click()
    expect(page.locator("#ntqa-pane mark")).to_have_count(0)
    page.keyboard.press("Escape")
    for link in (reply.locator("a.context-link").first, chat.help_link):
        assert (link.get_attribute("href") or "").startswith("/about/brains/")
    assert [url for url in chat.requests if not url.startswith((f"{prefixed.url}/about/brains", "data:"))] == []
    assert chat.faults == []

    page.goto(prefixed.url + (reply.locator("a.context-link").first.get_attribute("href") or ""))
    expect(page.locator("mark")).to_be_visible()
    home = f"{prefixed.url}/about/brains/"
    seen = {f"{home}passage/serotonin/what-it-does"}
    for path in ("passage/serotonin/what-it-does", "topic/serotonin", "topics", "topic/ssri", "evidence", "help"):
        assert home + path in seen, path  # from page to page by links of our own
        answer = page.goto(home + path)
        assert answer and answer.status == 200
        links = page.eval_on_selector_all("a[href]", "found => found.map(link => link.href.split('#')[0])")
        own = {link for link in links if link.startswith(prefixed.url)}
        assert [link for link in own if not link.startswith(home)] == []
        seen |= own
    assert chat.faults == []


@pytest.mark.parametrize("prefix", ["", "/about/brains"])
def test_a_proxy_may_take_the_prefix_away_or_not(prefixed: Server, prefix: str) -> None:
    assert prefixed.request("GET", f"{prefix}/healthz").json()["status"] == "ok"
    assert 'href="/about/brains/page/ntqa.css"' in prefixed.request("GET", f"{prefix}/help").text
    record = prefixed.request("POST", f"{prefix}/api/ask", {"messages": [QUESTION]}).json()
    assert record["quotes"][0]["url"].startswith("/about/brains/passage/serotonin/")
    for path in ("/config", "/gradio_api/upload", "/about/brains/help", "/gradio_api/file=/etc/hostname", "//help"):
        assert prefixed.request("GET", prefix + path).status == (200 if (prefix, path) == ("", "/about/brains/help") else 404)


# --- with a login --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def private(real_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("private")
    users = folder / "users.txt"
    users.write_text(password_line("ada", "a pässword: with a colon") + "\n", encoding="utf-8")
    with running(folder, *SERVE, "--auth-file", str(users)) as server:
        yield server


def basic(user: str, password: str) -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


@pytest.mark.parametrize("path", ["/", "/help", "/metrics", "/page/ntqa.css", "/theme.css", "/gradio_api/queue/data?session_hash=x"])
def test_without_a_login_nothing_is_shown(private: Server, path: str) -> None:
    answer = private.request("GET", path)
    assert (answer.status, answer.headers["www-authenticate"]) == (401, 'Basic realm="ntqa", charset="UTF-8"')
    assert private.request("GET", path, headers=basic("ada", "wrong")).status == 401
    assert private.request("POST", "/api/ask", {"messages": [QUESTION]}).status == 401


def test_with_a_login_the_chat_works_and_health_needs_none(private: Server, browser: Browser) -> None:
    assert private.request("GET", "/healthz").status == 200
    context = browser.new_context(http_credentials={"username": "ada", "password": "a pässword: with a colon"})
    chat = Chat(context.new_page(), private.url).open()
    assert "Serotonin" in chat.ask(QUESTION).inner_text()
    assert [fault for fault in chat.faults if "401" not in fault] == []  # Chromium reports the first 401 before it sends the password
    context.close()
    assert "ada" not in private.log.read_text()


# --- limits and failures a reader sees -----------------------------------------------------------------------------------


def test_who_asks_too_much_is_told_to_wait_and_still_finds_help(
    real_index: Path, tmp_path: Path, new_page: Callable[..., Page], corpus: Corpus
) -> None:
    with running(tmp_path, *SERVE, "--rate", "2") as server:
        chat = Chat(new_page(), server.url)
        chat.page.goto(server.url)  # the page itself needs more than two requests
        chat.examples.first.wait_for()
        chat.ask(QUESTION)
        chat.ask("what is GABA?")
        chat.box.fill("what is dopamine?")
        chat.box.press("Enter")
        words = corpus.messages["page.too_many"].split("{seconds}")
        expect(chat.page.locator("body")).to_contain_text(words[0].strip())
        shown = flat(chat.page.locator("body").inner_text())
        assert re.search(re.escape(flat(words[0])) + r" \d+ " + re.escape(flat(words[1])), shown)
        refused = server.request("POST", "/api/ask", {"messages": [QUESTION]})
        assert refused.status == 429 and 1 <= int(refused.headers["retry-after"]) <= 30
        assert refused.json()["error"].startswith(words[0])
        assert server.request("GET", "/help").status == 200
        wanted = {"event": "request", "path": "/api/ask", "status": 429, "reason": "rate"}
        assert any(wanted.items() <= line.items() for line in log_lines(server))  # the open page may have asked for something since


def test_a_request_that_is_too_large_is_told_so_in_the_words_of_the_corpus(server: Server, corpus: Corpus) -> None:
    refused = server.request("POST", "/gradio_api/queue/join", b'{"data": ["' + b"a" * 70_000 + b'"]}')
    assert (refused.status, refused.json()["detail"]) == (413, corpus.messages["page.too_large"].replace("{limit}", "64,000"))


# --- the gap log ---------------------------------------------------------------------------------------------------------


def test_readers_judge_answers_only_where_the_operator_wants_it_and_are_told(
    real_index: Path, tmp_path: Path, new_page: Callable[..., Page], chat: Chat, corpus: Corpus
) -> None:
    chat.ask(QUESTION)
    assert chat.page.get_by_role("button", name="Like", exact=True).count() == 0
    expect(chat.page.locator(".ntqa-disclaimer")).to_contain_text(corpus.messages["page.not_kept"])

    gaps = tmp_path / "gaps.jsonl"
    with running(tmp_path, *SERVE, "--gap-log", str(gaps)) as server:
        judging = Chat(new_page(), server.url).open()
        told = flat(judging.page.locator(".ntqa-disclaimer").inner_text())
        assert flat(corpus.messages["page.kept"]) in told and corpus.messages["page.not_kept"] not in told
        judging.ask(QUESTION)
        judging.page.get_by_role("button", name="Like", exact=True).first.click()
        wait_for(lambda: [item.what for item in read_gaps(gaps)] == ["like"])
        judging.page.wait_for_timeout(1000)  # until then Gradio takes no other event, and the question would stay in the box
        judging.ask("is the new quixotamine of Smith any good")
        wait_for(lambda: [item.kind for item in read_gaps(gaps)] == ["answer", "not_covered"])
        assert "quixotamine" in gaps.read_text() and "Smith" not in gaps.read_text()
        judging.ask("I want to kill myself")
        check(judging.page)
        assert len(read_gaps(gaps)) == 2
        assert judging.faults == [] and judging.foreign_requests() == []


# --- what the server says of itself --------------------------------------------------------------------------------------


def test_log_and_metrics_count_and_tell_nothing_of_the_question(real_index: Path, tmp_path: Path) -> None:
    with running(tmp_path, *SERVE) as server:
        server.ask("what does quixotically mean for serotonin?")
        assert server.ask("how much sertraline should i take")["kind"] == "refusal_dosing"
        assert server.ask("I want to kill myself")["kind"] == "crisis"
        server.request("GET", "/passage/serotonin/what-it-does?s=1&e=20")
        server.request("GET", "/gradio_api/upload?quixotically=1")
        metrics = server.request("GET", "/metrics").text
        assert 'ntqa_replies_total{kind="refusal_dosing"} 1\n' in metrics and 'ntqa_replies_total{kind="crisis"} 1\n' in metrics
        assert "ntqa_reply_seconds_count 3\n" in metrics and 'ntqa_refused_total{reason="path"} 1\n' in metrics
        assert f'edition="{server.request("GET", "/healthz").json()["edition"]}"' in metrics
        assert server.request("GET", "/metrics", headers={"x-forwarded-for": "203.0.113.7"}).status == 404
        lines = log_lines(server)
        assert [line["kind"] for line in lines if line["event"] == "reply"][1:] == ["refusal_dosing", "crisis"]
        assert {line["path"] for line in lines if line["event"] == "request"} == {"/api/ask", "/passage", "other"}
        assert all({"time", "level", "event"} <= line.keys() for line in lines)
        written = server.log.read_text() + metrics
        assert [word for word in ("quixotically", "sertraline", "kill", "what-it-does", "203.0.113") if word in written] == []
        assert "127.0.0.1" not in "".join(json.dumps(line) for line in lines)


def test_health_says_how_old_the_index_is(server: Server) -> None:
    assert 0 <= server.request("GET", "/healthz").json()["age_seconds"] < 10 * 365 * 86_400


def test_a_stopped_server_finishes_its_answers_and_ends_well(real_index: Path, tmp_path: Path, new_page: Callable[..., Page]) -> None:
    with running(tmp_path, *SERVE) as server:
        Chat(new_page(), server.url).open()  # an open page must not hold the server up
        answers: list[str] = []
        readers = [threading.Thread(target=lambda: answers.append(server.ask(QUESTION)["kind"])) for _ in range(8)]
        for reader in readers:
            reader.start()
        while "reply" not in events(server):  # in the middle of it
            assert server.process.poll() is None
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(30) == 0
        for reader in readers:
            reader.join()
        assert answers == ["answer"] * 8
        assert events(server)[-1] == "stopped"
        assert [line for line in log_lines(server) if line["level"] == "error"] == []


def test_a_port_that_is_taken_is_said_in_one_line(server: Server) -> None:
    done = subprocess.run([*SERVE, "--port", str(server.port)], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"cannot listen on 127.0.0.1, port {server.port}" in done.stderr
