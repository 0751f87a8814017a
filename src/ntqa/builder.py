"""Corpus -> a new edition of the index: embed what is new, train what has changed, commit."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from ntqa.adapter import seen_by_adapter, seen_texts, text_hash
from ntqa.asked import about_names, examples_of, general_questions, plain_questions
from ntqa.assistant import load_encoder
from ntqa.calibration import fit_confidence
from ntqa.checks import check_corpus, unit_hashes
from ntqa.config import Config
from ntqa.conversation import reformulate
from ntqa.corpus import read_corpus
from ntqa.embedding import Encoder, Vectors, export_folder, export_model
from ntqa.errors import CorpusError, IndexUnavailableError, Problem
from ntqa.guard import NO_LABELS, Embed, Guard
from ntqa.index import (
    Edition,
    Row,
    calibration_hash,
    dense_index,
    entry_rows,
    examples_hash,
    sentence_rows,
    stored_calibration,
    stored_checks,
    stored_guard,
    stored_vectors,
    text_key,
    training_hash,
    write_edition,
)
from ntqa.lexicon import Lexicon
from ntqa.patterns import pack
from ntqa.retrieval import FEATURES, Retriever
from ntqa.samples import message_of, training_texts
from ntqa.schema import Corpus
from ntqa.training import train_guard

Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all


@dataclass(frozen=True, slots=True)
class BuildReport:
    edition: str
    passages: int
    embedded: int  # texts of passages, questions and sentences that were embedded now
    reused: int
    removed: int
    guard_trained: bool
    warnings: tuple[Problem, ...]


def build(config: Config, progress: Progress = lambda *_: None, encoder: Encoder | None = None, fresh_model: bool = False) -> BuildReport:
    """Check the corpus and write a new edition; until the last step, the old one stays in use.

    Raises CorpusError (nothing is built from content with problems), ModelError, or IndexUnavailableError when another build is running.
    """
    config.index.mkdir(parents=True, exist_ok=True)
    lock = FileLock(config.index / ".build.lock", timeout=0)
    try:
        with lock:
            return _build(config, progress, encoder, fresh_model)
    except Timeout:
        raise IndexUnavailableError(f"another build is writing to {config.index}; wait for it to end") from None


def _build(config: Config, progress: Progress, encoder: Encoder | None, fresh_model: bool) -> BuildReport:
    with ThreadPoolExecutor(1) as aside:  # the model, where it has been exported before, is loaded while the corpus is read
        exported = (
            encoder is None
            and not fresh_model
            and (export_folder(config.index / "models", config.model, config.adapter) / "meta.json").exists()
        )
        loading = aside.submit(load_encoder, config) if exported else None
        corpus, problems = read_corpus(config.corpus)
        errors, warnings = check_corpus(corpus, config.corpus, passed=stored_checks(config.index))
        if problems or errors:
            raise CorpusError([*problems, *errors])
        if not corpus.passages:
            raise CorpusError([Problem(str(config.corpus), 1, "there are no passages; an empty index would answer nothing")])
        encoder = encoder or (loading.result() if loading else _exported(config, progress))
    entries = entry_rows(corpus, encoder.model_id)
    sentences = sentence_rows(corpus, encoder.model_id)
    stored, known, known_labels = stored_vectors(config.index, encoder.model_id)
    wanted = {row.key: row.text for row in (*entries, *sentences)}
    asked = examples_of(corpus)
    guard_hashes = {"guard": training_hash(corpus, encoder.model_id), "wordings": examples_hash(asked)}
    guard = stored_guard(config.index, guard_hashes)
    fresh_guard = guard is None
    texts = (*training_texts((*corpus.guard_examples, *asked)), *about_names(corpus)) if fresh_guard else ()
    trained = {text_key(encoder.model_id, text): text for text in texts}
    questions = {text_key(encoder.model_id, question.text): question.text for question in corpus.calibration}
    texts_by_key = {**wanted, **trained, **questions}
    missing = [key for key in texts_by_key if key not in known or (key not in known_labels and (key in trained or key in questions))]
    embed = _Embedded(encoder, known, known_labels)
    embed.add({key: texts_by_key[key] for key in missing}, progress)
    vectors, labels = embed.vectors_by_key, embed.labels_by_key
    lexicon = Lexicon(corpus, encoder.common_words())
    if guard is None:  # trained on the guard's own data; that curated questions change does not make it stale
        progress("training the guard", 0, 1)
        seen = seen_texts(config.adapter)
        if seen:
            seen |= {text_hash(message_of(item)) for item in asked if seen_by_adapter(item.text)}
        curated = general_questions(corpus, [row.text for row in entries if row.kind == "question"])
        guard = train_guard(corpus.guard_examples, curated, embed, lexicon, seen, asked)
        progress("training the guard", 1, 1)
    guard = {**guard, **pack(corpus.patterns, guard)}
    dense = dense_index(np.stack([vectors[row.key] for row in entries]), config.flat_rows)
    sentence_matrix = _rows(vectors, [row.key for row in sentences], encoder.dimension)
    calibration = None if fresh_guard else stored_calibration(config.index, calibration_hash(corpus), [row.key for row in entries])
    if calibration is None:
        calibration = _calibrate(corpus, _draft(encoder, entries, dense, guard), lexicon, config, embed, progress)
    kept = trained.keys() | questions.keys() | (set() if fresh_guard else known.keys() - stored)  # for the next training
    edition = write_edition(
        config.index,
        model_id=encoder.model_id,
        entries=entries,
        sentence_rows=sentences,
        dense=dense,
        sentences=sentence_matrix,
        training=(list(kept), _rows(vectors, kept, encoder.dimension), _rows(labels, kept, encoder.labels)),
        guard=guard,
        calibration=calibration,
        hashes={**guard_hashes, "calibration": calibration_hash(corpus)},
        checked=unit_hashes(corpus),
        keep=config.keep_editions,
    )
    return BuildReport(
        edition,
        len(corpus.passages),
        embedded=len(wanted.keys() - known.keys()),
        reused=len(wanted.keys() & known.keys()),
        removed=len(stored - wanted.keys()),
        guard_trained=fresh_guard and bool(guard),
        warnings=tuple(warnings),
    )


def _exported(config: Config, progress: Progress) -> Encoder:
    progress(f"exporting the model {config.model}", 0, 1)
    export_model(config.model, config.index / "models", config.adapter)
    progress(f"exporting the model {config.model}", 1, 1)
    return load_encoder(config)


class _Embedded:
    """text -> vector and labels, each text embedded once, now or in an earlier build."""

    def __init__(self, encoder: Encoder, vectors: Mapping[str, Vectors], labels: Mapping[str, Vectors]) -> None:
        self._encoder, self.vectors_by_key, self.labels_by_key = encoder, dict(vectors), dict(labels)

    def __call__(self, text: str) -> Vectors:
        return self._found(text, self.vectors_by_key)

    def labels(self, text: str) -> Vectors:
        return self._found(text, self.labels_by_key) if self._encoder.labels else NO_LABELS

    def _found(self, text: str, known: Mapping[str, Vectors]) -> Vectors:
        key = text_key(self._encoder.model_id, text)
        if key not in known:
            self.add({key: text})
        return known[key]

    def add(self, texts: Mapping[str, str], progress: Progress = lambda *_: None) -> None:
        """Embed texts, given by their keys."""
        done = 0

        def step(count: int) -> None:
            nonlocal done
            done += count
            progress("embedding", done, len(texts))

        if texts:
            vectors, labels = self._encoder.encode_and_label(list(texts.values()), step)
            self.vectors_by_key.update(zip(texts, vectors, strict=True))
            self.labels_by_key.update(zip(texts, labels, strict=True))


def _rows(values: Mapping[str, Vectors], keys: Collection[str], width: int) -> Vectors:
    return np.stack([values[key] for key in keys]) if keys else np.zeros((0, width), np.float32)


def _draft(encoder: Encoder, entries: Sequence[Row], dense: Any, guard: dict[str, NDArray[Any]]) -> Edition:
    """The edition as far as retrieval and guard need it to be calibrated."""
    return Edition("", "", encoder.model_id, dense, tuple(entries), np.zeros((0, encoder.dimension), np.float32), {}, (), guard, {})


def _calibrate(
    corpus: Corpus, draft: Edition, lexicon: Lexicon, config: Config, embed: Embed, progress: Progress
) -> dict[str, NDArray[Any]]:
    """Fit the confidence on the calibration questions, and on plain ones about every name; empty when the corpus has none of the former."""
    if not corpus.calibration:
        return {}
    retriever = Retriever(corpus, draft, lexicon, config)
    guard = Guard(corpus, draft.guard, lexicon)
    features, vectors, covered, fresh = [], [], [], []
    seen = seen_texts(config.adapter)
    asked = [(item.text, bool(item.passages), text_hash(item.text) not in seen) for item in corpus.calibration]
    # What is asked most is covered for every name; it is too easy to set the cut-off by.
    asked += [(text, True, False) for text in plain_questions(corpus)]
    for done, (text, is_covered, is_fresh) in enumerate(asked, 1):
        query = reformulate([text], lexicon)
        verdict = guard.assess([text], query, embed)
        result = retriever.search(query, embed, outside=verdict.outside)
        features.append(result.features or (0.0,) * len(FEATURES))
        vectors.append(embed(query.text))
        covered.append(is_covered)
        fresh.append(is_fresh)
        progress("calibrating", done, len(asked))
    fitted = fit_confidence(np.array(features, dtype=float), np.stack(vectors), np.array(covered), np.array(fresh))
    return {**fitted, "entries": np.array([row.key.encode("ascii") for row in draft.entries], dtype="S32")}
