"""The adapter: a small low-rank change of the embedding model, learnt from the corpus's own questions and messages, stored in the corpus.

It teaches the model which everyday wordings ask for the same passage, and which messages need the same reply. LoRA (Hu et al. 2021,
arXiv:2106.09685): each linear layer W of the encoder becomes W + B A, with A and B of low rank. It is added to the weights once, before
the model is exported, and so costs an answer nothing. The file holds, for each layer, <name>.a of shape (rank, inputs) and <name>.b of
shape (outputs, rank), float16.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntqa.errors import ModelError

SEEN = "seen"  # hashes of the guard's examples that were looked at, uint64


def text_hash(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def seen_by_adapter(text: str) -> bool:
    """Whether an example of the guard is one of the three quarters that an adapter is fitted on."""
    return text_hash(text) % 4 != 0


def seen_texts(path: Path | None) -> frozenset[int]:
    """Hashes of the examples that the adapter in `path` was fitted on."""
    if path is None:
        return frozenset()
    with _opened(path) as stored:
        return frozenset(int(value) for value in stored[SEEN])


def adapter_id(path: Path | None) -> str:
    """What distinguishes the adapted model from others; "" without an adapter."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12] if path else ""


def encoder_of(model: Any) -> Any:
    """The transformer inside a SentenceTransformer."""
    first = model[0]
    return first.auto_model if hasattr(first, "auto_model") else first.model


def low_rank_parts(path: Path) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """A and B of each layer; raises ModelError when the file cannot be read."""
    with _opened(path) as stored:
        names = [name.removesuffix(".a") for name in stored.files if name.endswith(".a")]
        return {name: (stored[f"{name}.a"].astype(np.float32), stored[f"{name}.b"].astype(np.float32)) for name in names}


def adapt(model: Any, path: Path) -> None:
    """Add the adapter in `path` to the weights of a SentenceTransformer; raises ModelError when it was not made for this model."""
    import torch

    encoder = encoder_of(model)
    layers = {name: layer for name, layer in encoder.named_modules() if isinstance(layer, torch.nn.Linear)}
    with torch.no_grad():
        for name, (a, b) in low_rank_parts(path).items():
            layer = layers.get(name)
            if layer is None or tuple(layer.weight.shape) != (b.shape[0], a.shape[1]) or a.shape[0] != b.shape[1]:
                raise ModelError(f"{path} does not fit the model: layer {name}; make it anew: ntqa adapt")
            layer.weight += torch.from_numpy(b @ a)


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    try:
        with np.load(path, allow_pickle=False) as stored:
            yield stored
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path} cannot be read ({error}); restore it, or make it anew: ntqa adapt") from None
