"""Fifty readers at once through the real HTTP path, and the time from pressing Enter to the answer on the screen in Chromium.

Readers speak Gradio's protocol as the page does: POST queue/join, then the events of queue/data. Each asks, reads for a while, asks again,
and after a few questions leaves and another one comes. `--think 0` asks without a pause, which is the most that this many can ask.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ntqa.config import Config
from ntqa.corpus import load_corpus

QUESTIONS_A_READER = 5
WARM_UP = 10


def main() -> None:
    options = arguments()
    questions = [item.text for item in load_corpus(Config().corpus).calibration]
    with server() as (port, process):
        function = submit_event(port)
        asyncio.run(readers(port, function, questions[:WARM_UP], 2, 2.0, 0.0))
        for think in options.think:
            used = cpu_seconds(process)
            asked, failed = asyncio.run(readers(port, function, questions, options.readers, options.seconds, think))
            show(f"{options.readers} readers, {think:g} s to read, {options.seconds:g} s", asked)
            print(f"  {len(asked) / options.seconds:.0f} answers a second; errors: {dict(failed) or 'none'}")
            if used:  # says more than the clock where the machine is shared
                print(f"  {(cpu_seconds(process) - used) / len(asked) * 1000:.0f} ms of the server's processor time an answer", flush=True)
        if options.browser:
            show("Enter to answer on the screen, Chromium", in_browser(port, questions, options.browser))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--readers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument(
        "--think", type=float, nargs="*", default=[5.0, 0.0], help="seconds between an answer and the next question; one run for each"
    )
    parser.add_argument("--browser", type=int, default=30, help="questions asked in Chromium; 0 leaves it out")
    return parser.parse_args()


@contextlib.contextmanager
def server() -> Iterator[tuple[int, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen([sys.executable, "-m", "ntqa", "serve", "--port", str(port), "--rate", "0"], stderr=subprocess.DEVNULL)
    try:
        for _ in range(600):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz"):
                break
            time.sleep(0.1)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(process: int) -> float:
    """Processor time that the process has used; 0 where the system does not tell."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def submit_event(port: int) -> int:
    """The number of the event "a question was sent", read off the page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as response:
        page = response.read().decode()
    start = page.index("window.gradio_config = ") + len("window.gradio_config = ")
    config, _ = json.JSONDecoder().raw_decode(page[start:])
    return next(item["id"] for item in config["dependencies"] if item["targets"][0][1] == "submit")


# --- readers -------------------------------------------------------------------------------------------------------------


async def readers(
    port: int, function: int, questions: list[str], count: int, seconds: float, think: float
) -> tuple[list[float], Counter[str]]:
    """Milliseconds of each answer, and how often what failed."""
    asked: list[float] = []
    failed: Counter[str] = Counter()
    end = time.monotonic() + seconds

    async def reader(chance: random.Random) -> None:
        await asyncio.sleep(chance.uniform(0, think))
        while time.monotonic() < end:
            session = f"load{chance.getrandbits(48):x}"
            for _ in range(QUESTIONS_A_READER):
                if time.monotonic() >= end:
                    return
                started = time.perf_counter()
                try:
                    await asyncio.wait_for(ask(port, function, session, chance.choice(questions)), 30)
                    asked.append((time.perf_counter() - started) * 1000)
                except (TimeoutError, OSError, RuntimeError, asyncio.IncompleteReadError) as error:
                    failed[str(error) or type(error).__name__] += 1
                await asyncio.sleep(chance.uniform(0.5, 1.5) * think)

    await asyncio.gather(*(reader(random.Random(number)) for number in range(count)))
    return asked, failed


async def ask(port: int, function: int, session: str, question: str) -> None:
    """One question as the page sends it; raises RuntimeError when it is not answered."""
    body = json.dumps(
        {"data": [question, None], "fn_index": function, "session_hash": session, "event_data": None, "trigger_id": 1}
    ).encode()
    status, lines = await exchange(port, "POST /gradio_api/queue/join", body)
    if status != 200:
        raise RuntimeError(f"queue/join {status}")
    status, lines = await exchange(port, f"GET /gradio_api/queue/data?session_hash={session}")
    events = [json.loads(line[6:]) for line in lines if line.startswith(b"data: ")]
    done: dict[str, Any] = next((event for event in events if event["msg"] == "process_completed"), {})
    if not done.get("success") or b"reply-failure" in b"".join(lines):
        raise RuntimeError(f"queue/data {status}: {[event['msg'] for event in events]}")


async def exchange(port: int, line: str, body: bytes = b"") -> tuple[int, list[bytes]]:
    """One request on its own connection; status and lines of the answer."""
    stream, out = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    try:
        head = f"{line} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        out.write(head.encode() + body)
        await out.drain()
        answer = await stream.read()
    finally:
        out.close()
    lines = answer.split(b"\n")
    return int(lines[0].split()[1]) if lines[0] else 0, lines


# --- browser -------------------------------------------------------------------------------------------------------------

# Resolves when the reply to the question that is sent now has been painted.
ENTER_TO_ANSWER = """(count) => new Promise((resolve) => {
    let started = 0;
    const box = document.querySelector("#ntqa-box textarea");
    box.addEventListener("keydown", () => { started = performance.now(); }, { once: true, capture: true });
    const observer = new MutationObserver(() => {
        if (document.querySelectorAll("#ntqa-chat .reply").length <= count) return;
        observer.disconnect();
        requestAnimationFrame(() => setTimeout(() => resolve(performance.now() - started)));
    });
    observer.observe(document.querySelector("#ntqa-chat"), { childList: true, subtree: true });
    window.ready = true;
})"""


def in_browser(port: int, questions: list[str], count: int) -> list[float]:
    from playwright.sync_api import sync_playwright

    times = []
    with sync_playwright() as playwright:
        found = shutil.which("chromium") or shutil.which("google-chrome")
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        for start in range(0, count, QUESTIONS_A_READER):
            page = browser.new_page()
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("#ntqa-chat .example").first.wait_for()
            for number in range(min(QUESTIONS_A_READER, count - start)):
                page.fill("#ntqa-box textarea", questions[start + number])
                page.evaluate(f"window.took = ({ENTER_TO_ANSWER})({number}); null")
                page.press("#ntqa-box textarea", "Enter")
                times.append(float(page.evaluate("window.took")))
            page.close()
        browser.close()
    return times


def show(name: str, values: list[float]) -> None:
    ordered = sorted(values)
    figures = ", ".join(f"p{part} {ordered[min(len(ordered) - 1, len(ordered) * part // 100)]:.0f} ms" for part in (50, 95, 99))
    print(f"{name}: {figures}, n {len(ordered)}", flush=True)


if __name__ == "__main__":
    main()
