"""Builds the index of a corpus with the fake encoder, for test_kill.py: says "ready" when everything is imported, then builds when told to."""

import sys
from pathlib import Path

import faiss  # noqa: F401 - imported before "ready", so that a kill strikes the build and not an import
from fakes import FakeEncoder

from ntqa.builder import build
from ntqa.config import Config

if __name__ == "__main__":
    config = Config(corpus=Path(sys.argv[1]), index=Path(sys.argv[2]))
    print("ready", flush=True)
    sys.stdin.readline()
    print(build(config, encoder=FakeEncoder()).edition, flush=True)
