"""An edited passage is in use seconds after `ntqa build`, in the server that is running; a broken one changes nothing."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driving import REPOSITORY, running

pytestmark = pytest.mark.e2e

QUESTION = "what does serotonin do?"
ADDED = "An editor added this sentence while the server was running."


def ntqa(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "ntqa", *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=120)


def eventually(seconds: float, condition: Callable[[], Any]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_edits_reach_the_running_server_and_broken_ones_do_not(real_index: Path, tmp_path: Path) -> None:
    corpus, index = tmp_path / "corpus", tmp_path / "index"
    shutil.copytree(REPOSITORY / "corpus", corpus)
    shutil.copytree(real_index, index)
    folders = ("--corpus", str(corpus), "--index", str(index))
    file = corpus / "topics" / "serotonin" / "what-it-does.md"
    original = file.read_text()

    with running(tmp_path, sys.executable, "-m", "ntqa", "serve", *folders) as server:

        def text() -> str:
            record = server.ask(QUESTION)
            assert (record["kind"], record["quotes"][0]["passage"]) == ("answer", "serotonin/what-it-does")
            return record["quotes"][0]["text"]

        def health() -> dict[str, Any]:
            told = server.request("GET", "/healthz").json()
            assert told.pop("age_seconds") >= 0
            return told

        assert f"the chat is at {server.url} (Ctrl+C ends it)\n" in server.log.read_text()
        first = health()
        assert (first["status"], ADDED in text()) == ("ok", False)

        # an edit that is not built yet changes nothing
        file.write_text(f"{original.rstrip()} {ADDED}\n")
        assert ADDED not in text()

        # built: in use within 3 seconds
        built = ntqa("build", *folders)
        assert built.returncode == 0, built.stderr
        assert eventually(3, lambda: text().endswith(ADDED)), server.log.read_text()
        second = health()
        assert second["status"] == "ok" and second["edition"] != first["edition"] and second["edition"] in built.stdout
        assert ADDED in server.request("GET", "/passage/serotonin/what-it-does").text.replace("&#46;", ".")

        # a broken edit is not built, says where it is broken, and the last good text stays
        file.write_text(file.read_text().replace("sources: [", "sources: [no-such-source, "))
        broken = ntqa("build", *folders)
        line = next(number for number, content in enumerate(file.read_text().splitlines(), 1) if "no-such-source" in content)
        assert broken.returncode == 2
        assert f"topics/serotonin/what-it-does.md:{line}: " in broken.stderr and "no-such-source" in broken.stderr
        time.sleep(1.5)
        assert text().endswith(ADDED)
        assert health() == second

        # an index that cannot be read is reported, and the last good text stays
        current = (index / "current.json").read_text()
        (index / "current.json").write_text(json.dumps({**json.loads(current), "edition": "20000101T000000000000-000000"}))
        assert eventually(3, lambda: health()["status"] == "degraded")
        assert "20000101T000000000000-000000" in health()["problem"]
        assert text().endswith(ADDED)
        (index / "current.json").write_text(current)
        assert eventually(3, lambda: health() == second)
