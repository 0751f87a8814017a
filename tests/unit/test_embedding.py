"""What can be said of the ONNX encoder without a model; the real one is exported and compared where the index is built."""

from __future__ import annotations

import threading
import time
from types import SimpleNamespace

import numpy as np

from ntqa.embedding import BATCH_TOKENS, OnnxEncoder


class _Characters:
    """A tokenizer whose tokens are letters."""

    def encode_batch(self, texts: list[str]) -> list[SimpleNamespace]:
        return [SimpleNamespace(ids=list(map(ord, text))) for text in texts]


def _lengths() -> OnnxEncoder:
    """An encoder of one dimension and two labels, all of them the number of tokens, without a model."""
    encoder = object.__new__(OnnxEncoder)
    encoder._tokenizer, encoder.dimension, encoder.labels = _Characters(), 1, 2
    encoder._run = lambda tokens: tuple(np.array([[len(item.ids)] * width for item in tokens], dtype=np.float32) for width in (1, 2))
    return encoder


def test_many_texts_come_back_in_their_order():
    texts = ["a" * (1 + index % 40) for index in range(400)]
    vectors, labels = _lengths().encode_and_label(texts)
    assert vectors[:, 0].tolist() == labels[:, 1].tolist() == [len(text) for text in texts]
    assert np.array_equal(_lengths().encode(texts), vectors)


def test_progress_is_reported_by_one_thread_at_a_time():
    """Two threads that opened a progress bar at once had ended a first build."""
    inside, overlaps, done = threading.Lock(), [], []

    def progress(count: int) -> None:
        if not inside.acquire(blocking=False):
            overlaps.append(count)
            return
        time.sleep(0.001)
        done.append(count)
        inside.release()

    texts = ["a" * (1 + index % 20) for index in range(40 * BATCH_TOKENS // 4)]
    _lengths().encode(texts, progress)
    assert not overlaps
    assert sum(done) == len(texts)
