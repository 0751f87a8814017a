from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from ntqa.adapter import SEEN, adapt, adapter_id, low_rank_parts, seen_by_adapter, seen_texts, text_hash
from ntqa.config import Config
from ntqa.errors import ModelError


def model() -> Any:
    """A "SentenceTransformer" with two linear layers of zeros, from 3 to 2 and from 2 to 2."""
    import torch

    layers = torch.nn.ModuleDict({"first": torch.nn.Linear(3, 2, bias=False), "second": torch.nn.Linear(2, 2, bias=False)})
    for layer in layers.values():
        torch.nn.init.zeros_(layer.weight)
    return [SimpleNamespace(auto_model=layers)]


def stored(path: Path, **arrays: np.ndarray) -> Path:
    np.savez(path, **{SEEN: np.array([3, 2**63], dtype=np.uint64), **arrays})
    return path


ONE = {"first.a": np.array([[1.0, 0.0, 2.0]], dtype=np.float16), "first.b": np.array([[1.0], [-1.0]], dtype=np.float16)}


def test_the_product_is_added_to_the_layer_it_is_named_for(tmp_path: Path):
    given = model()
    adapt(given, stored(tmp_path / "adapter.npz", **ONE))
    assert given[0].auto_model["first"].weight.tolist() == [[1.0, 0.0, 2.0], [-1.0, 0.0, -2.0]]
    assert given[0].auto_model["second"].weight.tolist() == [[0.0, 0.0], [0.0, 0.0]]


@pytest.mark.parametrize(
    "arrays",
    [
        {"third.a": ONE["first.a"], "third.b": ONE["first.b"]},
        {"second.a": ONE["first.a"], "second.b": ONE["first.b"]},
        {"first.a": ONE["first.a"], "first.b": np.ones((2, 2), dtype=np.float16)},
    ],
)
def test_an_adapter_of_another_model_is_refused(tmp_path: Path, arrays: dict[str, np.ndarray]):
    with pytest.raises(ModelError, match=r"adapter\.npz does not fit the model: layer \w+; make it anew: ntqa adapt"):
        adapt(model(), stored(tmp_path / "adapter.npz", **arrays))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut off"])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes):
    path = tmp_path / "adapter.npz"
    path.write_bytes(content)
    for read in (lambda: adapt(model(), path), lambda: seen_texts(path), lambda: low_rank_parts(path)):
        with pytest.raises(ModelError, match=r"adapter\.npz cannot be read .* restore it, or make it anew: ntqa adapt"):
            read()


def test_half_a_layer_is_a_damaged_file(tmp_path: Path):
    with pytest.raises(ModelError, match="cannot be read"):
        adapt(model(), stored(tmp_path / "adapter.npz", **{"first.a": ONE["first.a"]}))


def test_what_was_seen(tmp_path: Path):
    assert seen_texts(stored(tmp_path / "adapter.npz", **ONE)) == {3, 2**63}
    assert seen_texts(None) == frozenset()


def test_a_quarter_of_the_examples_is_kept_apart_always_the_same():
    texts = [f"example {number}" for number in range(2000)]
    apart = [text for text in texts if not seen_by_adapter(text)]
    assert 430 < len(apart) < 570
    assert [hex(text_hash(text)) for text in ("example 1", "hello")] == ["0xaa85217594d8ac6d", "0xa7b6eda801e5347d"]


def test_only_the_packaged_model_of_a_corpus_with_an_adapter_is_adapted(tmp_path: Path):
    assert Config(corpus=tmp_path).adapter is None
    path = stored(tmp_path / "adapter.npz", **ONE)
    assert Config(corpus=tmp_path).adapter == path
    assert Config(corpus=tmp_path, model="/another/model").adapter is None
    first = adapter_id(path)
    assert (len(first), adapter_id(None)) == (12, "")
    stored(path, **{**ONE, "first.b": -ONE["first.b"]})
    assert adapter_id(path) != first
