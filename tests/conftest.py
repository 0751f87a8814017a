"""The mini corpus, built once with the fake encoder, and copies of it that a test may change."""

from __future__ import annotations

import os

# Before numpy is imported: with more threads than cores, training on the mini corpus takes four times as long.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fakes import FakeEncoder, copy_mini_corpus

from ntqa.assistant import Assistant
from ntqa.builder import build
from ntqa.config import Config

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def mini_config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    """The mini corpus with its index; not to be changed."""
    root = tmp_path_factory.mktemp("mini")
    config = Config(corpus=copy_mini_corpus(root / "corpus"), index=root / "index", model="fake")
    build(config, encoder=FakeEncoder())
    return config


@pytest.fixture(scope="session")
def trained_mini(mini_config: Config) -> Assistant:
    """The assistant on the mini corpus, with the guard as trained on its few examples."""
    return Assistant.load(mini_config, FakeEncoder())


@pytest.fixture(scope="session")
def mini(trained_mini: Assistant) -> Assistant:
    """The same with the guard's patterns alone: what it replies can be read off the files."""
    return Assistant(trained_mini.corpus, replace(trained_mini.edition, guard={}), FakeEncoder(), trained_mini.config)


@pytest.fixture
def own_config(mini_config: Config, tmp_path: Path) -> Config:
    """A copy of corpus and index that the test may change."""
    shutil.copytree(mini_config.corpus, tmp_path / "corpus")
    shutil.copytree(mini_config.index, tmp_path / "index")
    return replace(mini_config, corpus=tmp_path / "corpus", index=tmp_path / "index")


@pytest.fixture(scope="session")
def real_index() -> Path:
    """The index of the real corpus, built by the command a curator uses; fast when it is up to date."""
    done = subprocess.run([sys.executable, "-m", "ntqa", "build"], cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return REPOSITORY / "index"


@pytest.fixture(scope="session")
def real_assistant(real_index: Path) -> Assistant:
    """The assistant on the real corpus with the real model."""
    return Assistant.load(Config(corpus=REPOSITORY / "corpus", index=real_index))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The page comes last: Playwright keeps an event loop running, beside which no other test can start one."""
    items.sort(key=lambda item: "e2e" in item.path.parts)
