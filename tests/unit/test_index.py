from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import DIMENSION, FAKE_ID, FakeEncoder, copy_mini_corpus, corpus_of, edit, vector

from ntqa.builder import build
from ntqa.corpus import load_corpus
from ntqa.errors import IndexUnavailableError, StaleIndexError
from ntqa.index import (
    FILES,
    FORMAT,
    calibration_hash,
    current_edition,
    dense_index,
    edition_ids,
    entry_rows,
    examples_hash,
    load_edition,
    read_manifest,
    roll_back,
    sentence_rows,
    stored_checks,
    stored_guard,
    stored_vectors,
    text_key,
    training_hash,
    write_edition,
)
from ntqa.schema import CalibrationQuestion, Corpus, GuardExample, Passage, Topic, Wordings

MAGNESIUM = Topic("magnesium", "Magnesium", "supplement", ())
SLEEP = Passage("magnesium/sleep", "magnesium", "Magnesium:  sleep", "Magnesium and\nsleep. Little is known.", ("does it help", "sleep?"))
EFFECTS = Passage("magnesium/effects", "magnesium", "Magnesium: effects", "Its effects are mild.", ("effects",))
BULK = Passage("bulk/one", "", "Daylight", "Daylight sets the clock. It does.", ("daylight",))
SMALL = corpus_of([MAGNESIUM], [SLEEP, EFFECTS, BULK])


def write(index: Path, corpus: Corpus = SMALL, keep: int = 3, model_id: str = FAKE_ID, **more: object) -> str:
    entries, sentences = entry_rows(corpus, model_id), sentence_rows(corpus, model_id)
    values = {
        "model_id": model_id,
        "entries": entries,
        "sentence_rows": sentences,
        "dense": dense_index(np.stack([vector(row.text) for row in entries]), flat_rows=100),
        "sentences": np.stack([vector(row.text) for row in sentences]),
        "training": ([text_key(model_id, "trained")], vector("mood")[None, :], np.array([[0.25, 0.75]], dtype=np.float32)),
        "guard": {"bias": np.array([1.0, 2.0])},
        "calibration": {"weights": np.array([3.0]), "cut_off": np.array(0.5)},
        "hashes": {"guard": training_hash(corpus, model_id), "calibration": calibration_hash(corpus)},
        "checked": ("b", "a"),
        "keep": keep,
    }
    return write_edition(index, **{**values, **more})


# --- rows ---


def test_key_depends_on_model_and_text():
    assert text_key("model", "text") == hashlib.sha256(b"model\ntext").hexdigest()[:32]
    assert len({text_key("a", "b"), text_key("b", "b"), text_key("a", "a")}) == 3


def test_entries_are_each_passage_then_its_questions():
    assert [(row.passage_id, row.kind, row.text, row.start, row.end) for row in entry_rows(SMALL, "m")] == [
        ("magnesium/sleep", "passage", "Magnesium: sleep. Magnesium and sleep. Little is known.", 0, 37),
        ("magnesium/sleep", "question", "does it help", 0, 37),
        ("magnesium/sleep", "question", "sleep?", 0, 37),
        ("magnesium/effects", "passage", "Magnesium: effects. Its effects are mild.", 0, 21),
        ("magnesium/effects", "question", "effects", 0, 21),
        ("bulk/one", "passage", "Daylight. Daylight sets the clock. It does.", 0, 33),
        ("bulk/one", "question", "daylight", 0, 33),
    ]


def test_wordings_stand_behind_the_questions_and_follow_ups_after_their_subject():
    wordings = {"magnesium/sleep": Wordings(("helps nodding off?",), ("any proof",)), "bulk/one": Wordings((), ("in winter",))}
    found = [(row.passage_id, row.text) for row in entry_rows(replace(SMALL, wordings=wordings), "m") if row.kind == "wording"]
    assert found == [
        ("magnesium/sleep", "helps nodding off?"),
        ("magnesium/sleep", "Magnesium: any proof"),
        ("bulk/one", "Daylight: in winter"),
    ]


def test_sentences_are_those_of_curated_passages_only():
    assert [(row.passage_id, row.kind, row.text, row.start, row.end) for row in sentence_rows(SMALL, "m")] == [
        ("magnesium/sleep", "sentence", "Magnesium and sleep.", 0, 20),
        ("magnesium/sleep", "sentence", "Little is known.", 21, 37),
        ("magnesium/effects", "sentence", "Its effects are mild.", 0, 21),
    ]


def test_search_is_exact_up_to_the_limit_and_a_graph_beyond():
    vectors = np.eye(DIMENSION, dtype=np.float32)
    exact, graph = dense_index(vectors, flat_rows=len(vectors)), dense_index(vectors, flat_rows=len(vectors) - 1)
    assert (type(exact).__name__, type(graph).__name__) == ("IndexFlatIP", "IndexHNSWFlat")
    for index in (exact, graph):
        values, rows = index.search(vectors[4][None, :], 1)
        assert (rows[0][0], values[0][0]) == (4, pytest.approx(1.0))


# --- writing and loading ---


def test_an_edition_comes_back_as_it_was_written(tmp_path: Path):
    edition_id = write(tmp_path)
    edition = load_edition(tmp_path, SMALL, FAKE_ID)
    assert (edition.id, edition.model_id, edition.entries) == (edition_id, FAKE_ID, tuple(entry_rows(SMALL, FAKE_ID)))
    assert np.array_equal(edition.dense.reconstruct_n(0, 7), np.stack([vector(row.text) for row in edition.entries]))
    assert edition.sentence_rows == {"magnesium/sleep": (0, 2), "magnesium/effects": (2, 3)}
    assert edition.sentence_spans == ((0, 20), (21, 37), (0, 21))
    assert np.array_equal(edition.sentences[0], vector("magnesium sleep"))
    assert edition.guard["bias"].tolist() == [1.0, 2.0]
    assert edition.calibration["cut_off"] == 0.5


def test_an_edition_holds_no_text(mini_config):
    folder = mini_config.index / "editions" / current_edition(mini_config.index)
    written = b"".join(path.read_bytes() for path in folder.iterdir())
    corpus = load_corpus(mini_config.corpus)
    for text in (
        corpus.passages["magnesium/sleep"].text[:30],
        "Does magnesium help with sleep?",
        "nobody would miss me",
        "capital of norway",
    ):
        assert text.encode() not in written
    assert {path.name for path in folder.iterdir()} == {*FILES, "manifest.json"}


def test_a_failed_write_leaves_the_old_edition_and_no_leftovers(tmp_path: Path):
    old = write(tmp_path)
    with pytest.raises(TypeError):
        write(tmp_path, hashes={"guard": object()})
    assert current_edition(tmp_path) == old
    assert [path.name for path in (tmp_path / "editions").iterdir()] == [old]


def test_only_the_last_editions_are_kept(tmp_path: Path):
    written = [write(tmp_path, keep=2) for _ in range(4)]
    assert edition_ids(tmp_path) == written[-2:]
    assert current_edition(tmp_path) == written[-1]


def test_what_a_killed_build_left_behind_is_removed_by_the_next(tmp_path: Path):
    (tmp_path / "editions" / ".building-old").mkdir(parents=True)
    (tmp_path / "editions" / ".building-old" / "dense.faiss").write_text("half")
    (tmp_path / ".current-99.json").write_text("{")
    edition = write(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current.json", "editions"]
    assert [path.name for path in (tmp_path / "editions").iterdir()] == [edition]


def test_the_edition_in_use_is_kept_even_when_the_clock_was_set_back(tmp_path: Path):
    for name in ("29991231T000000000000-abcdef", "29991231T000001000000-abcdef"):
        (tmp_path / "editions" / name).mkdir(parents=True)
    edition = write(tmp_path, keep=1)
    assert edition in edition_ids(tmp_path)
    assert load_edition(tmp_path, SMALL, FAKE_ID).id == edition


def test_unfinished_editions_are_not_listed(tmp_path: Path):
    assert edition_ids(tmp_path) == []
    edition = write(tmp_path)
    (tmp_path / "editions" / ".building-next").mkdir()
    assert edition_ids(tmp_path) == [edition]


# --- an index that does not fit ---


def changed(corpus: Corpus, *passages: Passage) -> Corpus:
    return replace(corpus, passages={passage.id: passage for passage in passages})


@pytest.mark.parametrize(
    ("corpus", "names", "words"),
    [
        (
            changed(SMALL, replace(SLEEP, text="Other words."), EFFECTS, BULK),
            ("magnesium/sleep",),
            "new or changed passages: magnesium/sleep)",
        ),
        (changed(SMALL, SLEEP, replace(EFFECTS, title="Other"), BULK), ("magnesium/effects",), "magnesium/effects"),
        (changed(SMALL, SLEEP, replace(EFFECTS, questions=("other",)), BULK), ("magnesium/effects",), "magnesium/effects"),
        (
            changed(SMALL, replace(SLEEP, text="Other."), EFFECTS, replace(BULK, text="New.")),
            ("bulk/one", "magnesium/sleep"),
            "bulk/one, magnesium/sleep",
        ),
        (changed(SMALL, SLEEP, EFFECTS), (), "passages were removed or moved"),
        (changed(SMALL, EFFECTS, SLEEP, BULK), (), "passages were removed or moved"),
        (replace(SMALL, guard_examples=(GuardExample("crisis", "new"),)), ("guard",), "corpus/guard has changed"),
        (replace(SMALL, calibration=(CalibrationQuestion("new", ()),)), ("calibration",), "corpus/calibration"),
    ],
    ids="text title question two removed moved guard calibration".split(),
)
def test_another_corpus_is_stale_and_says_what_differs(tmp_path: Path, corpus: Corpus, names: tuple[str, ...], words: str):
    write(tmp_path)
    with pytest.raises(StaleIndexError) as caught:
        load_edition(tmp_path, corpus, FAKE_ID)
    assert caught.value.changed == names
    assert words in str(caught.value)
    assert "run: ntqa build" in str(caught.value)


def test_the_sixth_changed_passage_is_counted_not_named(tmp_path: Path):
    write(tmp_path)
    more = [replace(EFFECTS, id=f"magnesium/new-{number}", text=f"New {number}.") for number in range(7)]
    with pytest.raises(StaleIndexError, match=r"magnesium/new-0, .*magnesium/new-4 and 2 more\)"):
        load_edition(tmp_path, changed(SMALL, SLEEP, EFFECTS, BULK, *more), FAKE_ID)


def test_a_changed_evidence_label_needs_no_build(tmp_path: Path):
    write(tmp_path)
    load_edition(tmp_path, changed(SMALL, replace(SLEEP, evidence="weak"), EFFECTS, BULK), FAKE_ID)


def test_another_model_is_stale_and_both_are_named(tmp_path: Path):
    write(tmp_path)
    with pytest.raises(StaleIndexError, match="built with model fake:concepts@1, not other@2; run: ntqa build"):
        load_edition(tmp_path, SMALL, "other@2")


# --- damage ---


def test_no_index(tmp_path: Path):
    assert current_edition(tmp_path) is None
    with pytest.raises(IndexUnavailableError, match=r"there is no index in .*; run: ntqa build"):
        load_edition(tmp_path, SMALL, FAKE_ID)


@pytest.mark.parametrize("name", sorted(set(FILES) - {"training.npz"}))
@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, damage: str):
    path = tmp_path / "editions" / write(tmp_path) / name
    data = path.read_bytes()
    if damage == "flip":
        path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "cut":
        path.write_bytes(data[: len(data) // 2])
    else:
        path.unlink()
    with pytest.raises(IndexUnavailableError, match=rf"{name} is damaged .*; run: ntqa build"):
        load_edition(tmp_path, SMALL, FAKE_ID)


@pytest.mark.parametrize("name", ["dense.faiss", "training.npz"])
def test_nothing_is_reused_from_a_damaged_edition(tmp_path: Path, name: str):
    path = tmp_path / "editions" / write(tmp_path) / name
    path.write_bytes(b"junk")
    assert stored_vectors(tmp_path, FAKE_ID) == (frozenset(), {}, {})


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"edition": 5, "manifest": "x"}', '{"edition": "x"}'])
def test_a_damaged_pointer_is_named(tmp_path: Path, text: str):
    write(tmp_path)
    (tmp_path / "current.json").write_text(text)
    with pytest.raises(IndexUnavailableError, match=r"current\.json cannot be read .*run: ntqa build"):
        current_edition(tmp_path)


def test_an_altered_manifest_is_refused(tmp_path: Path):
    path = tmp_path / "editions" / write(tmp_path) / "manifest.json"
    path.write_text(path.read_text().replace("fake:concepts@1", "fake:concepts@9"))
    with pytest.raises(IndexUnavailableError, match=r"manifest\.json cannot be read \(it is not the file that was written\)"):
        load_edition(tmp_path, SMALL, "fake:concepts@9")


def test_a_missing_edition_is_named(tmp_path: Path):
    edition = write(tmp_path)
    (tmp_path / "editions" / edition).rename(tmp_path / "editions" / "elsewhere")
    with pytest.raises(IndexUnavailableError, match=f"{edition}/manifest.json cannot be read"):
        read_manifest(tmp_path)


def test_another_format_is_refused(tmp_path: Path):
    edition = write(tmp_path)
    path = tmp_path / "editions" / edition / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "format": 99}))
    pointer = {"edition": edition, "manifest": hashlib.sha256(path.read_bytes()).hexdigest()}
    (tmp_path / "current.json").write_text(json.dumps(pointer))
    with pytest.raises(IndexUnavailableError, match=f"has format 99, not {FORMAT}; run: ntqa build"):
        load_edition(tmp_path, SMALL, FAKE_ID)


# --- what a build can use again ---


def test_stored_vectors_are_those_of_rows_and_training(tmp_path: Path):
    write(tmp_path)
    rows, vectors, labels = stored_vectors(tmp_path, FAKE_ID)
    assert {key: row.tolist() for key, row in labels.items()} == {text_key(FAKE_ID, "trained"): [0.25, 0.75]}
    wanted = {row.key: row.text for row in (*entry_rows(SMALL, FAKE_ID), *sentence_rows(SMALL, FAKE_ID))}
    assert rows == wanted.keys()
    assert vectors.keys() == {*wanted, text_key(FAKE_ID, "trained")}
    assert all(np.array_equal(vectors[key], vector(text)) for key, text in wanted.items())
    assert np.array_equal(vectors[text_key(FAKE_ID, "trained")], vector("mood"))


def test_vectors_of_another_model_are_not_reused(tmp_path: Path):
    write(tmp_path)
    assert stored_vectors(tmp_path, "other@2") == (frozenset(), {}, {})


def test_guard_is_reused_only_for_the_same_examples(tmp_path: Path):
    hashes = {"guard": training_hash(SMALL, FAKE_ID), "calibration": calibration_hash(SMALL)}
    assert stored_guard(tmp_path, hashes) is None
    write(tmp_path)
    assert stored_guard(tmp_path, hashes)["bias"].tolist() == [1.0, 2.0]
    assert stored_guard(tmp_path, {**hashes, "guard": training_hash(SMALL, "other@2")}) is None
    assert stored_guard(tmp_path, {**hashes, "wordings": examples_hash([GuardExample("general", "text")])}) is None


def test_training_hash_sees_text_outcome_history_and_model():
    example = GuardExample("crisis", "text", ("before",))
    variants = [
        example,
        replace(example, text="other"),
        replace(example, outcome="general"),
        replace(example, history=()),
        replace(example, history=("other",)),
    ]
    hashes = [training_hash(replace(SMALL, guard_examples=(item,)), FAKE_ID) for item in variants]
    assert len({*hashes, training_hash(replace(SMALL, guard_examples=(example,)), "other")}) == 6


# --- going back ---


def test_what_had_passed_the_check_is_kept_with_the_edition(tmp_path: Path):
    assert stored_checks(tmp_path) == frozenset()
    write(tmp_path)
    assert stored_checks(tmp_path) == {"a", "b"}


def test_roll_back_goes_one_edition_back_each_time(tmp_path: Path):
    first, second, third = (write(tmp_path) for _ in range(3))
    assert (roll_back(tmp_path), current_edition(tmp_path)) == (second, second)
    assert (roll_back(tmp_path), current_edition(tmp_path)) == (first, first)
    with pytest.raises(IndexUnavailableError, match="no earlier edition"):
        roll_back(tmp_path)
    assert edition_ids(tmp_path) == [first, second, third]


def test_a_build_after_a_roll_back_is_the_newest(tmp_path: Path):
    write(tmp_path)
    write(tmp_path)
    roll_back(tmp_path)
    newest = write(tmp_path)
    assert current_edition(tmp_path) == newest == edition_ids(tmp_path)[-1]


def test_rolled_back_edition_fits_the_corpus_it_was_built_from(own_config):
    old = load_corpus(own_config.corpus)
    edit(own_config.corpus / "topics/exercise/mood.md", "Walking, running", "Swimming, walking, running")
    build(own_config, encoder=FakeEncoder())
    roll_back(own_config.index)
    assert load_edition(own_config.index, old, FAKE_ID).id == current_edition(own_config.index)
    with pytest.raises(StaleIndexError, match="exercise/mood"):
        load_edition(own_config.index, load_corpus(own_config.corpus), FAKE_ID)


def test_mini_corpus_copy_is_a_valid_corpus(tmp_path: Path):
    corpus = load_corpus(copy_mini_corpus(tmp_path / "corpus"))
    assert (len(corpus.topics), len(corpus.passages)) == (9, 17)
