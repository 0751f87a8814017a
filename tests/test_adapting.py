"""Fitting the adapter to the mini corpus, with the real model: a few steps already bring questions of one passage together."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import MINI_CORPUS

from ntqa import adapting, labelling
from ntqa.adapter import GUARD, adapt, guard_layers, low_rank_parts, seen_by_adapter, seen_texts, text_hash
from ntqa.adapting import fit_adapter
from ntqa.config import PACKAGED_MODEL
from ntqa.corpus import load_corpus
from ntqa.embedding import OnnxEncoder, export_model, load_reference
from ntqa.errors import ModelError
from ntqa.labelling import fit_guard_layers
from ntqa.samples import message_of
from ntqa.schema import OUTCOMES, Corpus, Wordings

STEPS = 30
WORDINGS = {"magnesium/sleep": Wordings(("do the tablets my nan takes knock you out",), ("and at night?",))}


def mini_corpus() -> Corpus:
    return replace(load_corpus(MINI_CORPUS), wordings=WORDINGS)


def margin(corpus: Corpus, model: object) -> float:
    """How much nearer two questions of one passage are than two of different passages, on average."""
    passages = [passage for passage in corpus.passages.values() if len(passage.questions) > 1]
    first = model.encode([passage.questions[0] for passage in passages], normalize_embeddings=True)
    second = model.encode([passage.questions[1] for passage in passages], normalize_embeddings=True)
    cosines = first @ second.T
    same = np.eye(len(passages), dtype=bool)
    return float(cosines[same].mean() - cosines[~same].mean())


def test_questions_of_one_passage_come_nearer_and_the_file_says_what_was_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(adapting, "WARM_UP", 3)
    monkeypatch.setattr(adapting, "CYCLES", 1)  # so few steps are not worth two
    corpus = mini_corpus()
    target, steps = tmp_path / "adapter.npz", []
    ranking, naming = fit_adapter(
        corpus, PACKAGED_MODEL, target, STEPS, lambda what, done, total: steps.append((what, done, total))
    )
    assert steps == [("fitting the adapter", step, STEPS) for step in range(1, STEPS + 1)]
    assert 0 < ranking < 10 and 0 < naming < 10
    assert [path.name for path in tmp_path.iterdir()] == ["adapter.npz"]
    learnt_from = [*map(message_of, corpus.guard_examples), *(item.text for item in corpus.calibration if not item.passages)]
    assert seen_texts(target) == {text_hash(text) for text in learnt_from if seen_by_adapter(text)}
    model = load_reference(PACKAGED_MODEL)
    before = margin(corpus, model)
    adapt(model, target)
    assert margin(corpus, model) > before + 0.01


def test_an_adapter_can_be_gone_on_from_and_keeps_what_it_has_seen(tmp_path: Path):
    corpus = mini_corpus()
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    fit_adapter(corpus, PACKAGED_MODEL, first, 1, lambda *_: None)
    parts = low_rank_parts(first)
    fewer = replace(corpus, guard_examples=corpus.guard_examples[:30])
    fit_adapter(fewer, PACKAGED_MODEL, second, 1, lambda *_: None, first)
    assert seen_texts(second) == seen_texts(first)
    moved = low_rank_parts(second)
    assert all(np.abs(moved[name][0] - parts[name][0]).max() < 0.01 for name in parts)  # from a fresh start they would be others
    np.savez(first, seen=np.array([1], dtype=np.uint64), **{"encoder.a": np.ones((1, 1)), "encoder.b": np.ones((1, 1))})
    with pytest.raises(ModelError, match="of another form than it would be now; make it anew: ntqa adapt --fresh"):
        fit_adapter(corpus, PACKAGED_MODEL, second, 1, lambda *_: None, first)


def test_the_adapter_is_the_mean_of_what_it_began_from_and_of_the_end_of_each_cycle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    corpus = mini_corpus()
    monkeypatch.setattr(adapting, "WARM_UP", 1)
    monkeypatch.setattr(adapting, "CYCLES", 1)
    first, second = tmp_path / "first.npz", tmp_path / "second.npz"
    fit_adapter(corpus, PACKAGED_MODEL, first, 1, lambda *_: None)
    fit_adapter(corpus, PACKAGED_MODEL, second, 1, lambda *_: None, first)
    start, end = low_rank_parts(first), low_rank_parts(second)
    # B begins at zero, and the first step of AdamW goes the same way along every axis: here the whole of it, there half.
    whole = np.median([np.median(np.abs(start[name][1])) for name in start])
    half = np.median([np.median(np.abs(end[name][1] - start[name][1])) for name in start])
    assert whole == pytest.approx(adapting.RATE, rel=0.05)
    assert half == pytest.approx(adapting.RATE / 2, rel=0.05)


# --- the guard's own layers ---


@pytest.fixture(scope="module")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An adapter of the mini corpus with layers for the guard, after a few steps."""
    target, corpus = tmp_path_factory.mktemp("guard") / "adapter.npz", mini_corpus()
    fit_adapter(corpus, PACKAGED_MODEL, target, 1, lambda *_: None)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(labelling, "WARM_UP", 2)
        patched.setattr(labelling, "MESSAGES", 24)
        fit_guard_layers(corpus, PACKAGED_MODEL, target, lambda *_: None, passes=5)
    return target


def test_the_guards_layers_name_what_they_have_seen(fitted: Path, tmp_path: Path):
    corpus = mini_corpus()
    encoder = OnnxEncoder(export_model(PACKAGED_MODEL, tmp_path, fitted))
    assert encoder.labels == len(OUTCOMES)
    examples = [item for item in corpus.guard_examples if seen_by_adapter(message_of(item))]
    _, labels = encoder.encode_and_label([message_of(item) for item in examples])
    assert labels.sum(axis=1) == pytest.approx(1.0, abs=1e-5)
    right = [OUTCOMES[row.argmax()] == item.outcome for row, item in zip(labels, examples, strict=True)]
    assert np.mean(right) > 0.7


def test_padding_changes_no_label(fitted: Path, tmp_path: Path):
    encoder = OnnxEncoder(export_model(PACKAGED_MODEL, tmp_path, fitted))
    texts = ["how much should i take", "i do not want to be here any more, and nobody would notice if i was gone " * 3]
    together, alone = encoder.encode_and_label(texts)[1], [encoder.encode_and_label([text])[1][0] for text in texts]
    assert np.allclose(together, alone, atol=1e-5)


def test_the_guards_layers_leave_the_vectors_as_they_are(fitted: Path):
    model, other = load_reference(PACKAGED_MODEL), load_reference(PACKAGED_MODEL)
    adapt(model, fitted)
    adapt(other, fitted)
    before = other.encode(["does magnesium help sleep"])
    layers = guard_layers(model, fitted)
    assert np.array_equal(model.encode(["does magnesium help sleep"]), before)
    assert layers.labels == len(OUTCOMES)


def test_fitting_the_guards_layers_anew_keeps_the_adapter(fitted: Path, tmp_path: Path):
    corpus = mini_corpus()
    again = shutil.copy(fitted, tmp_path / "adapter.npz")
    steps = []
    loss = fit_guard_layers(corpus, PACKAGED_MODEL, again, lambda what, done, total: steps.append((what, done == total)), passes=0.1)
    assert 0 < loss < 10
    assert steps[-1] == ("fitting the guard's layers", True)
    with np.load(fitted) as old, np.load(again) as new:
        assert old.files and set(old.files) == set(new.files)
        differ = {name for name in old.files if not np.array_equal(old[name], new[name])}
    assert differ and all(name.startswith(GUARD) for name in differ)
    assert seen_texts(again) == seen_texts(fitted)


def test_going_on_with_the_adapter_keeps_the_guards_layers(fitted: Path, tmp_path: Path):
    target = tmp_path / "adapter.npz"
    fit_adapter(mini_corpus(), PACKAGED_MODEL, target, 1, lambda *_: None, fitted)
    with np.load(fitted) as before, np.load(target) as after:
        own = [name for name in before.files if name.startswith(GUARD)]
        assert own and all(np.array_equal(before[name], after[name]) for name in own)


def test_an_adapter_without_layers_for_the_guard_gives_no_labels(tmp_path: Path):
    target = tmp_path / "adapter.npz"
    fit_adapter(mini_corpus(), PACKAGED_MODEL, target, 1, lambda *_: None)
    assert guard_layers(load_reference(PACKAGED_MODEL), target) is None
