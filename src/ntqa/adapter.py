"""The adapter: a small low-rank change of the embedding model, learnt from the corpus's own questions and messages, stored in the corpus.

It teaches the model which everyday wordings ask for the same passage, and which messages need the same reply. LoRA (Hu et al. 2021,
arXiv:2106.09685): each linear layer W of the encoder becomes W + B A, with A and B of low rank. It is added to the weights once, before
the model is exported, and so costs an answer nothing. The file holds, for each layer, <name>.a of shape (rank, inputs) and <name>.b of
shape (outputs, rank), float16.

Beside these it may hold layers for the guard alone (`GuardLayers`): copies of the upper layers, with low-rank changes of their own, that
name the outcome of a message. They start from what the lower layers make of a text anyway, and cost half an embedding.
"""

from __future__ import annotations

import copy
import hashlib
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntqa.errors import ModelError

GUARD = "guard."  # before the names of what belongs to the guard's own layers
SHARED_LAYERS = 3  # of six; those above are the guard's own as well
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


def low_rank_parts(path: Path, prefix: str = "") -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """A and B of each layer, or with the prefix `GUARD` of each of the guard's own; raises ModelError when the file cannot be read."""
    with _opened(path) as stored:
        names = [name.removesuffix(".a") for name in stored.files if name.endswith(".a") and name.startswith(GUARD) == bool(prefix)]
        return {
            name.removeprefix(prefix): (stored[f"{name}.a"].astype(np.float32), stored[f"{name}.b"].astype(np.float32)) for name in names
        }


def adapt(model: Any, path: Path) -> None:
    """Add the adapter in `path` to the weights of a SentenceTransformer; raises ModelError when it was not made for this model."""
    _add(encoder_of(model), low_rank_parts(path), path)


def guard_layers(model: Any, path: Path) -> Any:
    """The guard's own layers in `path` upon a SentenceTransformer that has been adapted; None when the file has none. Raises ModelError when
    they were not made for this model. Called with the attention mask after each run of the model, they give the scores (texts, labels).
    """
    parts = low_rank_parts(path, GUARD)
    if not parts:
        return None
    import torch

    head = guard_head(path)
    layers = new_guard_layers(encoder_of(model), len(head["bias"]))
    _add(layers, parts, path)
    layers.head.load_state_dict({name: torch.from_numpy(value) for name, value in head.items()})
    return layers.eval()


def guard_head(path: Path) -> dict[str, NDArray[np.float32]]:
    """Weight (labels, dimension) and bias (labels,) of the last layer of the guard's own; raises ModelError when the file cannot be read."""
    with _opened(path) as stored:
        return {name: stored[f"{GUARD}{name}"].astype(np.float32) for name in ("weight", "bias")}


def mean(states: Any, mask: Any) -> Any:
    """The mean over the tokens, which is how this model makes one vector of a text."""
    weights = mask.unsqueeze(-1).to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)


def new_guard_layers(encoder: Any, labels: int) -> Any:
    """Copies of the encoder's layers above the shared ones, the mean over the tokens, and a linear layer to as many scores as `labels`."""
    import torch

    class GuardLayers(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.labels = labels
            self.layer = copy.deepcopy(encoder.encoder.layer[SHARED_LAYERS:])
            self.head = torch.nn.Linear(encoder.config.hidden_size, labels)
            self._shared: tuple[tuple[Any, ...], dict[str, Any]] = ((), {})
            encoder.encoder.layer[SHARED_LAYERS].register_forward_pre_hook(self._remember, with_kwargs=True)

        def _remember(self, _: Any, given: tuple[Any, ...], named: dict[str, Any]) -> None:
            """What the first layer above the shared ones is given: states, and the mask in the form that layers take."""
            self._shared = (given, named)

        def pooled(self, attention_mask: Any) -> Any:
            (states, *given), named = self._shared
            for layer in self.layer:
                made = layer(states, *given, **named)
                states = made[0] if isinstance(made, tuple) else made
            return mean(states, attention_mask)

        def forward(self, attention_mask: Any) -> Any:
            return self.head(self.pooled(attention_mask))

    return GuardLayers()


def _add(module: Any, parts: Mapping[str, tuple[NDArray[np.float32], NDArray[np.float32]]], path: Path) -> None:
    import torch

    layers = {name: layer for name, layer in module.named_modules() if isinstance(layer, torch.nn.Linear)}
    with torch.no_grad():
        for name, (a, b) in parts.items():
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
