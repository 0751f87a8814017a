"""Time and memory of answering, starting, serving and editing; the answer beside plain sentence-transformers search in the same run."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

from ntqa.assistant import Assistant
from ntqa.config import Config

ROUNDS = 300
BLOCK = 30
COMMAND = [sys.executable, "-m", "ntqa"]


def main() -> None:
    config = Config()
    in_process(config)
    ask_command()
    serving_and_editing(config)


def in_process(config: Config) -> None:
    assistant = Assistant.load(config)
    questions = [question.text for question in assistant.corpus.calibration if question.passages][:ROUNDS]
    for question in questions[:20]:
        assistant.reply([question])
    ours, theirs = [], []
    plain = plain_search(assistant)
    # In turn, so that both meet the same machine, but in blocks with a pause: torch's threads go on spinning for a while after each call.
    for start in range(0, len(questions), BLOCK):
        block = questions[start : start + BLOCK]
        for times, action in ((ours, lambda question: assistant.reply([question])), (theirs, plain)):
            time.sleep(0.5)
            times += [timed(lambda question=question, action=action: action(question)) for question in block]
    show("answer in process (guard, search, quotes)", ours)
    show("plain dense search, sentence-transformers", theirs)
    print(f"  ratio of medians: {median(ours) / median(theirs):.2f}")


def plain_search(assistant: Assistant):  # noqa: ANN201
    from sentence_transformers import SentenceTransformer

    from ntqa.embedding import packaged_model
    from ntqa.sentences import passage_text

    model = SentenceTransformer(str(packaged_model()), device="cpu")
    content = model.encode([passage_text(passage) for passage in assistant.corpus.passages.values()], normalize_embeddings=True)
    return lambda question: (content @ model.encode([question], normalize_embeddings=True)[0]).argmax()


def ask_command() -> None:
    times = []
    for _ in range(5):
        times.append(timed(lambda: subprocess.run([*COMMAND, "ask", "what does serotonin do?"], check=True, capture_output=True)))
    show("ntqa ask, launch to answer", times)
    # The high-water mark of the process's own memory; what `getrusage` says of a child includes this benchmark before the exec.
    program = "from ntqa.cli import main; main(['ask', 'what does serotonin do?']); print(open('/proc/self/status').read())"
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    peak = next(int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("VmHWM"))
    print(f"  peak memory of ntqa ask: {peak / 1024:.0f} MB")


def serving_and_editing(config: Config) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        corpus, index = Path(temporary) / "corpus", Path(temporary) / "index"
        shutil.copytree(config.corpus, corpus)
        shutil.copytree(config.index, index)
        where = ["--corpus", str(corpus), "--index", str(index)]
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        started = time.perf_counter()
        server = subprocess.Popen([*COMMAND, "serve", *where, "--port", str(port)], stderr=subprocess.DEVNULL)
        try:
            edition = wait_for(port, lambda health: True)["edition"]
            print(f"ntqa serve, launch to ready: {time.perf_counter() - started:.2f} s")
            ask(port, "what does serotonin do?")
            print(f"  resident memory of ntqa serve: {resident(server.pid):.0f} MB")
            passage = corpus / "topics" / "serotonin" / "what-it-does.md"
            passage.write_text(passage.read_text(encoding="utf-8").rstrip() + " Research on this goes on.\n", encoding="utf-8")
            started = time.perf_counter()
            done = subprocess.run([*COMMAND, "build", *where], check=True, capture_output=True, text=True)
            built = time.perf_counter() - started
            wait_for(port, lambda health: health["edition"] != edition)
            print(f"one-passage edit: built in {built:.2f} s, live after {time.perf_counter() - started:.2f} s")
            print(f"  {done.stdout.strip()}")
        finally:
            server.terminate()
            server.wait()
        started = time.perf_counter()
        subprocess.run(
            [*COMMAND, "build", "--corpus", str(corpus), "--index", str(Path(temporary) / "fresh")], check=True, capture_output=True
        )
        print(f"index from nothing (model exported, guard trained): {time.perf_counter() - started:.0f} s")


def ask(port: int, question: str) -> dict[str, object]:
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/api/ask", json.dumps({"messages": [question]}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def wait_for(port: int, ready) -> dict[str, str]:  # noqa: ANN001
    for _ in range(3000):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz") as response:
                health = json.load(response)
            if ready(health):
                return health
        except OSError:
            pass
        time.sleep(0.02)
    raise SystemExit("the server did not get ready")


def resident(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def timed(action) -> float:  # noqa: ANN001
    started = time.perf_counter()
    action()
    return (time.perf_counter() - started) * 1000


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def show(name: str, values: list[float]) -> None:
    ordered = sorted(values)
    print(
        f"{name}: p50 {median(values):.1f} ms, p99 {ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]:.1f} ms, n {len(values)}",
        flush=True,
    )


if __name__ == "__main__":
    main()
