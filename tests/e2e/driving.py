"""Driving the server and the page: what the tests of this folder share."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, Playwright, expect

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 60
BROWSER_ARGS = "--no-sandbox --disable-gpu --disable-quic --disable-background-networking --disable-component-update --disable-sync".split()
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"}
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"}


# --- server --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Answer:
    """A response to a request that was sent exactly as given."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    folder: Path  # Gradio's folder for files

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def request(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One request, its path unchanged; a body that is no bytes is sent as JSON."""
        headers = {**({"content-type": "application/json"} if body is not None else {}), **(headers or {})}
        if body is not None and not isinstance(body, bytes) and not hasattr(body, "__next__"):
            body = json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        with contextlib.closing(connection):
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
                connection.request(method, path, body, headers, encode_chunked="transfer-encoding" in headers)
            response = connection.getresponse()
            return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())

    def ask(self, *messages: str) -> dict[str, Any]:
        answer = self.request("POST", "/api/ask", {"messages": messages})
        assert answer.status == 200, answer.text
        return answer.json()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(folder: Path, *command: str) -> Iterator[Server]:
    """`command` with --port added, from the moment when it answers /healthz."""
    port, log, files = free_port(), folder / "server.log", folder / "gradio"
    files.mkdir()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", str(port)],
            cwd=REPOSITORY,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "GRADIO_TEMP_DIR": str(files), "PYTHONUNBUFFERED": "1"},
        )
    server = Server(port, process, log, files)
    try:
        wait_until_healthy(server)
        yield server
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until_healthy(server: Server) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            pytest.fail(f"the server stopped with code {server.process.returncode}:\n{server.log.read_text()}")
        with contextlib.suppress(OSError):
            if server.request("GET", "/healthz").status == 200:
                return
        time.sleep(0.1)
    pytest.fail(f"no answer on /healthz within {START_SECONDS} s:\n{server.log.read_text()}")


# --- browser -------------------------------------------------------------------------------------------------------------


def chromium(playwright: Playwright) -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    if Path(playwright.chromium.executable_path).exists():
        return playwright.chromium.executable_path
    pytest.fail("no Chromium found; install one: `apt-get install chromium` (Debian, Ubuntu) or `python -m playwright install chromium`")


class Chat:
    """The chat as a reader uses it."""

    def __init__(self, page: Page, url: str) -> None:
        self.page, self.url = page, url
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("console", lambda message: self.faults.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: (self.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        self.box = page.locator("#ntqa-box textarea")
        self.questions = page.locator("#ntqa-chat .user-row")
        self.replies = page.locator("#ntqa-chat .reply")
        self.related = page.locator("#ntqa-chat .option")
        self.examples = page.locator("#ntqa-chat .example")
        self.help_link = page.locator("a.help-link")

    def open(self) -> Chat:
        self.page.goto(self.url)
        expect(self.box).to_be_focused()
        expect(self.examples.first).to_be_visible()
        return self

    def ask(self, question: str) -> Locator:
        """Type `question`, press Enter, wait; the new reply."""
        return self.after(lambda: (self.box.fill(question), self.box.press("Enter")))

    def after(self, action: Callable[[], Any]) -> Locator:
        count = self.replies.count()
        action()
        expect(self.replies).to_have_count(count + 1)
        expect(self.questions).to_have_count(count + 1)
        return self.replies.nth(count)

    def foreign_requests(self) -> list[str]:
        return [url for url in self.requests if not url.startswith((f"{self.url}/", "data:"))]


def kind(reply: Locator) -> str:
    """The kind of a reply, from its class."""
    return re.sub(r"^reply reply-", "", reply.get_attribute("class") or "").replace("-", "_")


def flat(text: str | None) -> str:
    """`text` with single spaces."""
    return " ".join((text or "").split())
