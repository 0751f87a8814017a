"""A build that is killed at any moment leaves the old edition in use or the new one, never something between."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from fakes import FAKE_ID, TESTS, FakeEncoder, edit, vector

from ntqa.builder import build
from ntqa.config import Config
from ntqa.corpus import load_corpus
from ntqa.index import current_edition, load_edition

KILLS = 50
TITLES = ("Magnesium: does it help with sleep?", "Magnesium: nights")


def start_build(config: Config) -> subprocess.Popen:
    """A process that has imported everything and waits for a line before it builds."""
    command = [sys.executable, str(TESTS / "build_driver.py"), str(config.corpus), str(config.index)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    return process


def run_build(config: Config) -> float:
    """Seconds that a build takes which nobody kills."""
    with start_build(config) as process:
        started = time.perf_counter()
        process.communicate("go\n", timeout=30)
        assert process.returncode == 0
        return time.perf_counter() - started


def kill_build(config: Config, delay: float) -> None:
    with start_build(config) as process:
        process.stdin.write("go\n")
        process.stdin.flush()
        time.sleep(delay)
        process.kill()
        process.wait()


def test_a_killed_build_leaves_a_whole_edition(own_config: Config):
    passage = own_config.corpus / "topics/magnesium/sleep.md"
    title = 0

    def change() -> None:
        nonlocal title
        edit(passage, TITLES[title], TITLES[1 - title])
        title = 1 - title

    change()
    duration = run_build(own_config)
    random.seed(7)
    # From "killed at once" to "had ended already", in mixed order.
    delays = [0.0, *(random.uniform(0, duration) for _ in range(KILLS - 2)), 3 * duration + 0.5]
    random.shuffle(delays)
    outcomes = []
    for delay in delays:
        before, old_corpus = current_edition(own_config.index), load_corpus(own_config.corpus)
        change()
        kill_build(own_config, delay)
        after = current_edition(own_config.index)
        outcomes.append("old" if after == before else "new")
        corpus = old_corpus if after == before else load_corpus(own_config.corpus)
        edition = load_edition(own_config.index, corpus, FAKE_ID)  # raises when it is not whole
        assert edition.id == after
        assert np.array_equal(edition.dense.reconstruct_n(0, edition.dense.ntotal), np.stack([vector(row.text) for row in edition.entries]))
        if after == before:
            change()  # back, so that the edition in use and the corpus agree again
    assert len(outcomes) == KILLS
    assert set(outcomes) == {"old", "new"}
    build(own_config, encoder=FakeEncoder())  # the lock of a dead process is no lock
    assert not leftovers(own_config.index)


def leftovers(index: Path) -> list[str]:
    return [path.name for pattern in ("editions/.*", ".current-*") for path in index.glob(pattern)]
