"""The index on disk: editions that are written aside and committed by one rename, and loaded only when they fit the corpus.

    index/current.json            names the edition in use; replacing it is the commit
    index/editions/<id>/          manifest.json, dense.faiss, sentences.npy, training.npz, guard.npz, calibration.npz
    index/models/<name>/          the exported embedding model

An edition holds vectors, weights, spans and hashes, and no text.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ntqa.config import TRAINING_VERSION
from ntqa.errors import IndexUnavailableError, StaleIndexError
from ntqa.schema import Corpus, GuardExample
from ntqa.sentences import one_line, passage_text, sentence_spans

FORMAT = 2
FILES = ("dense.faiss", "sentences.npy", "training.npz", "guard.npz", "calibration.npz")
Vectors = NDArray[np.float32]


RowKind = Literal["passage", "question", "wording", "sentence"]


@dataclass(frozen=True, slots=True)
class Row:
    """One vector of the index: what it stands for and the hash of the text (and model) it was made from."""

    key: str
    passage_id: str
    kind: RowKind
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Edition:
    """A loaded edition; its rows are those of the corpus it was checked against."""

    id: str
    built_at: str
    model_id: str
    dense: Any  # faiss index over the passage and question rows
    entries: tuple[Row, ...]
    sentences: Vectors
    sentence_rows: Mapping[str, tuple[int, int]]  # passage id -> [first, last) row of `sentences`
    sentence_spans: tuple[tuple[int, int], ...]
    guard: Mapping[str, NDArray[Any]]
    calibration: Mapping[str, NDArray[Any]]


def text_key(model_id: str, text: str) -> str:
    """Identity of a vector: the hash of the model and of the text that was embedded."""
    return hashlib.sha256(f"{model_id}\n{text}".encode()).hexdigest()[:32]


def entry_rows(corpus: Corpus, model_id: str) -> list[Row]:
    """The rows that are searched: one for each passage, curated question and wording; follow-ups as they are read, after their subject."""
    rows: list[Row] = []
    for passage in corpus.passages.values():
        more, subject = corpus.wordings_of(passage.id), corpus.subject(passage.id)
        wordings = (*more.asked, *(f"{subject}: {text}" for text in more.after))
        texts: dict[RowKind, Sequence[str]] = {"passage": [passage_text(passage)], "question": passage.questions, "wording": wordings}
        for kind, of_kind in texts.items():
            rows += [Row(text_key(model_id, text), passage.id, kind, 0, len(passage.text), text) for text in of_kind]
    return rows


def sentence_rows(corpus: Corpus, model_id: str) -> list[Row]:
    """The rows that choose the marked sentence of a quote. Bulk passages have none: theirs are embedded when they are quoted,
    which keeps the building of large collections short.
    """
    rows = []
    for passage in corpus.passages.values():
        if passage.topic_id not in corpus.topics:
            continue
        for start, end in sentence_spans(passage.text):
            text = one_line(passage.text[start:end])
            rows.append(Row(text_key(model_id, text), passage.id, "sentence", start, end, text))
    return rows


def training_hash(corpus: Corpus, model_id: str) -> str:
    """Hash of the examples that the guard is trained on, and of how it is trained."""
    return _hash(model_id, str(TRAINING_VERSION), *map(_example_line, corpus.guard_examples))


def examples_hash(examples: Iterable[GuardExample]) -> str:
    """Hash of what the guard is trained on besides its own examples. An edition is not stale when that changes; the next build trains anew."""
    return _hash(*map(_example_line, examples))


def _example_line(item: GuardExample) -> str:
    return f"{item.outcome}\t{item.text}\t{'|'.join(item.history)}"


def _hash(*content: str) -> str:
    return hashlib.sha256("\n".join(content).encode()).hexdigest()[:32]


def calibration_hash(corpus: Corpus) -> str:
    """Hash of the questions that set the cut-off, and of how it is set."""
    return _hash(str(TRAINING_VERSION), *(f"{item.text}\t{'|'.join(item.passages)}" for item in corpus.calibration))


# --- writing -------------------------------------------------------------------------------------------------------------


def dense_index(vectors: Vectors, flat_rows: int) -> Any:
    """A FAISS index over unit vectors by inner product: exact up to `flat_rows` rows, a navigable graph beyond."""
    import faiss

    dimension = vectors.shape[1]
    if len(vectors) <= flat_rows:
        index = faiss.IndexFlatIP(dimension)
    else:
        index = faiss.IndexHNSWFlat(dimension, 32, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = 200
        index.hnsw.efSearch = 128
    index.add(vectors)
    return index


def write_edition(
    index_dir: Path,
    *,
    model_id: str,
    entries: Sequence[Row],
    sentence_rows: Sequence[Row],
    dense: Any,
    sentences: Vectors,
    training: tuple[Sequence[str], Vectors, Vectors],
    guard: Mapping[str, NDArray[Any]],
    calibration: Mapping[str, NDArray[Any]],
    hashes: Mapping[str, str],
    checked: Iterable[str],
    keep: int,
) -> str:
    """Write an edition aside, then make it the current one by replacing current.json; returns its id.

    Whenever the process dies, `current.json` names a whole edition, the old or the new one.
    """
    import faiss

    editions = index_dir / "editions"
    editions.mkdir(parents=True, exist_ok=True)
    now = dt.datetime.now(dt.UTC)
    digest = hashlib.sha256("".join(row.key for row in entries).encode()).hexdigest()[:6]
    edition = f"{now:%Y%m%dT%H%M%S%f}-{digest}"
    staging = editions / f".building-{edition}"
    staging.mkdir()
    try:
        faiss.write_index(dense, str(staging / "dense.faiss"))
        np.save(staging / "sentences.npy", sentences)
        keys = np.array([key.encode("ascii") for key in training[0]], dtype="S32")
        np.savez(staging / "training.npz", keys=keys, vectors=training[1], labels=training[2])
        np.savez(staging / "guard.npz", **guard)
        np.savez(staging / "calibration.npz", **calibration)
        manifest = {
            "format": FORMAT,
            "edition": edition,
            "built_at": now.isoformat(timespec="seconds"),
            "model_id": model_id,
            "entries": [row.key for row in entries],
            "sentences": [row.key for row in sentence_rows],
            "passages": len({row.passage_id for row in entries}),
            "hashes": dict(hashes),
            "checked": sorted(checked),
            "files": {name: _file_hash(staging / name) for name in FILES},
        }
        (staging / "manifest.json").write_text(json.dumps(manifest) + "\n", encoding="utf-8")
        for file in staging.iterdir():
            _sync(file)
        staging.rename(editions / edition)
        _sync(editions)
    except BaseException:
        shutil.rmtree(staging, ignore_errors=True)
        raise
    _commit(index_dir, edition)
    _clean_up(index_dir, keep)
    return edition


def _commit(index_dir: Path, edition: str) -> None:
    manifest_hash = _file_hash(index_dir / "editions" / edition / "manifest.json")
    temporary = index_dir / f".current-{os.getpid()}.json"
    temporary.write_text(json.dumps({"edition": edition, "manifest": manifest_hash}) + "\n", encoding="utf-8")
    _sync(temporary)
    temporary.replace(index_dir / "current.json")
    _sync(index_dir)


def _clean_up(index_dir: Path, keep: int) -> None:
    """Remove what earlier builds left unfinished, and all but the last `keep` editions."""
    current = current_edition(index_dir)
    for path in (index_dir / "editions").glob(".building-*"):
        shutil.rmtree(path, ignore_errors=True)
    for path in index_dir.glob(".current-*.json"):
        path.unlink(missing_ok=True)
    for edition in edition_ids(index_dir)[:-keep]:
        if edition != current:
            shutil.rmtree(index_dir / "editions" / edition, ignore_errors=True)


def _sync(path: Path) -> None:
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:  # Windows opens no folders; there the rename alone has to do
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- reading -------------------------------------------------------------------------------------------------------------


def edition_ids(index_dir: Path) -> list[str]:
    """Finished editions, the oldest first."""
    folder = index_dir / "editions"
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")) if folder.is_dir() else []


def current_edition(index_dir: Path) -> str | None:
    """The id of the edition in use; None when nothing was built. Raises IndexUnavailableError when the file is damaged."""
    return _pointer(index_dir)["edition"] if (index_dir / "current.json").exists() else None


def _pointer(index_dir: Path) -> dict[str, str]:
    path = index_dir / "current.json"
    try:
        pointer = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(pointer["edition"], str) or not isinstance(pointer["manifest"], str):
            raise ValueError("fields are of the wrong kind")
    except FileNotFoundError:
        raise IndexUnavailableError(f"there is no index in {index_dir}; run: ntqa build") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexUnavailableError(f"{path} cannot be read ({error}); run: ntqa build") from None
    return pointer


def read_manifest(index_dir: Path) -> dict[str, Any]:
    """The manifest of the current edition; raises IndexUnavailableError when there is none or it is damaged."""
    pointer = _pointer(index_dir)
    path = index_dir / "editions" / pointer["edition"] / "manifest.json"
    try:
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != pointer["manifest"]:
            raise ValueError("it is not the file that was written")
        manifest: dict[str, Any] = json.loads(data)
    except (OSError, ValueError) as error:
        raise IndexUnavailableError(f"{path} cannot be read ({error}); run: ntqa build") from None
    if manifest["format"] != FORMAT:
        raise IndexUnavailableError(f"the index in {index_dir} has format {manifest['format']}, not {FORMAT}; run: ntqa build")
    return manifest


def _verified(folder: Path, manifest: Mapping[str, Any], name: str) -> Path:
    path = folder / name
    try:
        if _file_hash(path) == manifest["files"][name]:
            return path
        reason = "it is not the file that was written"
    except OSError as error:
        reason = error.strerror or str(error)
    raise IndexUnavailableError(f"{path} is damaged ({reason}); run: ntqa build")


def load_edition(index_dir: Path, corpus: Corpus, model_id: str) -> Edition:
    """Load the current edition and compare it, row by row, with the corpus.

    Raises IndexUnavailableError when files are missing or damaged, StaleIndexError when the index was built by another model or from
    other content; the error names the passages.
    """
    import faiss

    manifest = read_manifest(index_dir)
    if manifest["model_id"] != model_id:
        raise StaleIndexError(f"the index was built with model {manifest['model_id']}, not {model_id}; run: ntqa build")
    folder = index_dir / "editions" / manifest["edition"]
    with ThreadPoolExecutor(1) as aside:  # the files are hashed while the rows are made from the corpus
        verified = {name: aside.submit(_verified, folder, manifest, name) for name in FILES if name != "training.npz"}
        entries = entry_rows(corpus, model_id)
        sentences = sentence_rows(corpus, model_id)
        _compare("content", entries, manifest["entries"])
        _compare("sentences", sentences, manifest["sentences"])
        hashes = {"guard": training_hash(corpus, model_id), "calibration": calibration_hash(corpus)}
        for part, value in hashes.items():
            if manifest["hashes"].get(part) != value:
                raise StaleIndexError(f"corpus/{part} has changed since the index was built; run: ntqa build", (part,))
        files = {name: future.result() for name, future in verified.items()}
    dense = faiss.read_index(str(files["dense.faiss"]))
    matrix = np.load(files["sentences.npy"], allow_pickle=False)
    if dense.ntotal != len(entries) or len(matrix) != len(sentences):
        raise IndexUnavailableError(f"the parts of edition {manifest['edition']} do not agree; run: ntqa build")
    bounds: dict[str, tuple[int, int]] = {}
    for position, row in enumerate(sentences):
        first, _ = bounds.get(row.passage_id, (position, position))
        bounds[row.passage_id] = (first, position + 1)
    return Edition(
        id=manifest["edition"],
        built_at=manifest["built_at"],
        model_id=model_id,
        dense=dense,
        entries=tuple(entries),
        sentences=matrix,
        sentence_rows=bounds,
        sentence_spans=tuple((row.start, row.end) for row in sentences),
        guard=_arrays(files["guard.npz"]),
        calibration=_arrays(files["calibration.npz"]),
    )


def _compare(part: str, rows: Iterable[Row], keys: Sequence[str]) -> None:
    rows = list(rows)
    built = set(keys)
    if [row.key for row in rows] == list(keys):
        return
    changed = sorted({row.passage_id for row in rows if row.key not in built})
    shown = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
    what = f"new or changed passages: {shown}" if changed else "passages were removed or moved"
    raise StaleIndexError(f"the index does not fit the corpus ({what}); run: ntqa build", changed)


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def stored_vectors(index_dir: Path, model_id: str) -> tuple[frozenset[str], dict[str, Vectors], dict[str, Vectors]]:
    """Keys of the rows of the current edition, every vector in it by its key, to be used again, and the labels of what the guard was trained
    with by theirs; empty when there is none of this model.
    """
    import faiss

    try:
        manifest = read_manifest(index_dir)
        if manifest["model_id"] != model_id:
            return frozenset(), {}, {}
        folder = index_dir / "editions" / manifest["edition"]
        dense = faiss.read_index(str(_verified(folder, manifest, "dense.faiss")))
        vectors = dict(zip(manifest["entries"], dense.reconstruct_n(0, dense.ntotal), strict=True))
        vectors.update(zip(manifest["sentences"], np.load(_verified(folder, manifest, "sentences.npy")), strict=True))
        rows = frozenset(vectors)
        training = _arrays(_verified(folder, manifest, "training.npz"))
        keys = [key.decode() for key in training["keys"]]
        vectors.update(zip(keys, training["vectors"], strict=True))
        labels = dict(zip(keys, training["labels"], strict=True))
    except IndexUnavailableError:  # nothing to reuse: the build starts from the corpus, which is all it needs
        return frozenset(), {}, {}
    return rows, vectors, labels


def stored_checks(index_dir: Path) -> frozenset[str]:
    """Hashes of the passages and patterns that had passed the check when the current edition was built."""
    try:
        return frozenset(read_manifest(index_dir).get("checked", ()))
    except IndexUnavailableError:
        return frozenset()


def stored_guard(index_dir: Path, hashes: Mapping[str, str]) -> dict[str, NDArray[Any]] | None:
    """The guard's weights in the current edition when everything they were trained on, by `hashes`, is the same."""
    try:
        manifest = read_manifest(index_dir)
        if not hashes.items() <= manifest["hashes"].items():
            return None
        return _arrays(_verified(index_dir / "editions" / manifest["edition"], manifest, "guard.npz"))
    except IndexUnavailableError:
        return None


RECALIBRATE_AFTER = 0.05  # share of changed entries; a few edits move the confidence less than its own uncertainty


def stored_calibration(index_dir: Path, wanted: str, keys: Sequence[str]) -> dict[str, NDArray[Any]] | None:
    """The fitted confidence of the current edition when it still holds: same questions, nearly the same entries as when it was fitted."""
    try:
        manifest = read_manifest(index_dir)
        if manifest["hashes"].get("calibration") != wanted:
            return None
        stored = _arrays(_verified(index_dir / "editions" / manifest["edition"], manifest, "calibration.npz"))
    except IndexUnavailableError:
        return None
    if "entries" not in stored:
        return None
    fitted_on = {key.decode() for key in stored["entries"]}
    return stored if len(fitted_on ^ set(keys)) <= RECALIBRATE_AFTER * len(fitted_on) else None


def roll_back(index_dir: Path) -> str:
    """Make the edition before the current one current again; returns its id. Raises IndexUnavailableError when there is none."""
    current = current_edition(index_dir)
    earlier = [edition for edition in edition_ids(index_dir) if current is None or edition < current]
    if not earlier:
        raise IndexUnavailableError(f"there is no earlier edition in {index_dir} to go back to")
    _commit(index_dir, earlier[-1])
    return earlier[-1]
