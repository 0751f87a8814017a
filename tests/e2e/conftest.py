"""The real server on the real corpus, and a real Chromium. Every chat opened here must stay on its origin and keep its console clean."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from driving import BROWSER_ARGS, DESKTOP, REPOSITORY, Chat, Server, chromium, running
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from ntqa.corpus import load_corpus
from ntqa.schema import Corpus


@pytest.fixture(scope="session")
def server(real_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("server"), sys.executable, "-m", "ntqa", "serve") as server:
        yield server


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    return load_corpus(REPOSITORY / "corpus")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(playwright), args=BROWSER_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def desktop(browser: Browser) -> Iterator[BrowserContext]:
    """One reader's browser for all tests that need no other: it keeps Gradio's files, and must keep nothing else."""
    context = browser.new_context(**DESKTOP)
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def new_page(browser: Browser, desktop: BrowserContext) -> Iterator[Callable[..., Page]]:
    """Pages; those with options of their own have a browser of their own. All are closed at the end."""
    opened: list[Page | BrowserContext] = []

    def open_page(**options: Any) -> Page:
        if options:
            context = browser.new_context(**{**DESKTOP, **options})
            context.set_default_timeout(10_000)
            opened.append(context)
            return context.new_page()
        opened.append(desktop.new_page())
        return opened[-1]

    yield open_page
    for item in opened:
        item.close()


@pytest.fixture
def new_chat(server: Server, new_page: Callable[..., Page]) -> Iterator[Callable[..., Chat]]:
    """Open chats; at the end none may have left its origin or complained."""
    chats: list[Chat] = []

    def open_chat(**options: Any) -> Chat:
        chats.append(Chat(new_page(**options), server.url))
        return chats[-1].open()

    yield open_chat
    for chat in chats:
        assert chat.foreign_requests() == []
        assert chat.faults == []


@pytest.fixture
def chat(new_chat: Callable[..., Chat]) -> Chat:
    return new_chat()
