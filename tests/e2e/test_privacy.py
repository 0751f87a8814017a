"""Nothing leaves the machine, nothing stays in the browser or on the disk, and the page runs no script but its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from driving import REPOSITORY, Chat, Server, running
from playwright.sync_api import Page

pytestmark = pytest.mark.e2e

STORED = """async () => ({
    local: Object.keys(localStorage), session: Object.keys(sessionStorage), cookie: document.cookie,
    databases: (await indexedDB.databases()).length, caches: (await caches.keys()).length,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
})"""
LOCAL = {"localhost", "127.0.0.1", "::1", "None", ""}


def test_no_request_leaves_the_origin_and_nothing_stays_in_the_browser(chat: Chat) -> None:
    chat.ask("what does serotonin do?")
    chat.ask("and its side effects?")
    chat.ask("I want to kill myself")
    assert chat.foreign_requests() == []
    assert chat.faults == []
    assert len(chat.requests) > 10  # the list does list
    assert chat.page.evaluate(STORED) == {"local": [], "session": [], "cookie": "", "databases": 0, "caches": 0, "workers": 0}
    assert chat.page.context.cookies() == []


def test_a_question_is_in_no_address_and_not_in_the_log_or_gradios_folder(chat: Chat, server: Server) -> None:
    chat.ask("does the word quixotically occur with dopamine?")
    chat.ask("quixotically kill myself")
    assert [url for url in chat.requests if "quixotically" in url] == []
    assert "quixotically" not in server.log.read_text()
    assert [item for item in server.folder.rglob("*") if item.is_file()] == []


def test_two_readers_do_not_see_each_other(new_chat: Callable[..., Chat]) -> None:
    first, second = new_chat(), new_chat(locale="fr-FR")
    first.ask("what are SSRIs?")
    second.ask("what does lithium do?")
    assert first.ask("and its side effects?").locator(".read-as q").inner_text() == "SSRIs: and its side effects?"
    assert second.questions.count() == 1


def test_a_strict_policy_is_set_and_every_inline_script_carries_its_nonce(server: Server) -> None:
    page, again = server.request("GET", "/"), server.request("GET", "/")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    nonce = re.fullmatch(r"'self' 'nonce-([\w-]{20,})'", policy["script-src"])
    assert nonce and nonce[1] not in again.text
    assert policy == {
        "default-src": "'none'",
        "script-src": f"'self' 'nonce-{nonce[1]}'",
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data:",
        "font-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'self'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    scripts = re.findall(r"<script\b[^>]*>", page.text)
    assert len(scripts) > 3
    assert [tag for tag in scripts if f'nonce="{nonce[1]}"' not in tag] == []
    assert re.findall(r"""\son\w+\s*=\s*["']|<meta[^>]+(?:og|twitter):""", page.text) == []
    assert (page.headers["x-content-type-options"], page.headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_only_gradios_own_files_are_kept_by_the_browser(server: Server) -> None:
    name = re.search(r'src="\./(assets/[\w.-]+\.js)"', server.request("GET", "/").text)
    assert name
    assert server.request("GET", f"/{name[1]}").headers["cache-control"] == "public, max-age=31536000, immutable"
    assert server.request("GET", "/assets/none.js").headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/help", "/passage/serotonin/what-it-does", "/healthz"])
def test_a_head_request_is_answered(server: Server, path: str) -> None:
    answer = server.request("HEAD", path)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("path", ["/", "/help", "/passage/serotonin/what-it-does", "/healthz", "/no-such-page"])
def test_every_response_has_the_policy(server: Server, path: str) -> None:
    headers = server.request("GET", path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "no-store")


def test_an_injected_script_does_not_run(server: Server, new_page: Callable[..., Page]) -> None:
    page = new_page()
    page.goto(f"{server.url}/help")
    page.evaluate("document.body.append(Object.assign(document.createElement('script'), {textContent: 'window.ran = 1'}))")
    assert page.evaluate("window.ran") is None


# --- the server's own connections and imports, seen by an audit hook in its process -----------------------------------------


def traced(report: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("traced.py")), str(report), *arguments]


def check_report(report: Path) -> None:
    seen = json.loads(report.read_text())
    assert seen["hosts"], "the hook saw nothing, not even its own call"
    assert set(seen["hosts"]) <= LOCAL
    assert [name for name in ("torch", "transformers", "sentence_transformers", "sklearn") if name in seen["modules"]] == []


def test_serving_and_answering_looks_up_no_name_and_does_not_import_torch(real_index: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with running(tmp_path, *traced(report, "serve")) as server:
        assert server.ask("what does serotonin do?")["kind"] == "answer"
        assert server.request("GET", "/").status == 200
        server.process.send_signal(signal.SIGINT)
        server.process.wait(20)
    check_report(report)


def test_nothing_is_kept_in_the_readers_home(real_index: Path, tmp_path: Path) -> None:
    """Libraries below Python are not seen by an audit hook; what ONNX Runtime would report of a machine it first writes into its home."""
    hidden = ("CI", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS", "XDG_CACHE_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    command = [sys.executable, "-m", "ntqa", "ask", "what does serotonin do?"]
    done = subprocess.run(command, cwd=REPOSITORY, env={**environment, "HOME": str(tmp_path)}, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("arguments", [("ask", "what does serotonin do?"), ("check",)], ids=lambda arguments: arguments[0])
def test_the_other_commands_neither(real_index: Path, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    report = tmp_path / "report.json"
    done = subprocess.run(traced(report, *arguments), cwd=REPOSITORY, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    check_report(report)
