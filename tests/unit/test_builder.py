from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fakes import FAKE_ID, BrokenEncoder, FakeEncoder, Pause, edit, vector

from ntqa.builder import build
from ntqa.config import Config
from ntqa.corpus import load_corpus
from ntqa.errors import CorpusError, IndexUnavailableError, StaleIndexError
from ntqa.index import current_edition, edition_ids, entry_rows, load_edition, roll_back, sentence_rows

SLEEP = "topics/magnesium/sleep.md"


def texts_of(config: Config) -> set[str]:
    corpus = load_corpus(config.corpus)
    return {row.text for row in (*entry_rows(corpus, FAKE_ID), *sentence_rows(corpus, FAKE_ID))}


def embedded_rows(encoder: FakeEncoder, config: Config) -> list[str]:
    """What was embedded for the index; a build may also embed questions in another form while it calibrates."""
    rows = texts_of(config)
    return [text for text in encoder.embedded if text in rows]


def counts(report) -> tuple[int, int, int]:
    return report.embedded, report.reused, report.removed


def bulk_config(root: Path, *lines: dict, guard: bool = False) -> Config:
    """A corpus of bulk passages, with a few guard examples if wanted: quick to train on."""
    (root / "corpus").mkdir()
    (root / "corpus" / "passages.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    if guard:
        (root / "corpus" / "guard").mkdir()
        for outcome, stem in (("general", "what is sleep number"), ("smalltalk", "hello friend number")):
            examples = "".join(f"  - {stem} {word}\n" for word in ("one", "two", "three", "four"))
            (root / "corpus" / "guard" / f"{outcome}.yaml").write_text(f"outcome: {outcome}\nexamples:\n{examples}", encoding="utf-8")
    return Config(corpus=root / "corpus", index=root / "index")


DAYLIGHT = {"id": "bulk/daylight", "title": "Daylight", "text": "Daylight sets the clock.", "questions": ["what does daylight set"]}
MOOD = {"id": "bulk/mood", "title": "Mood", "text": "Mood changes.", "questions": ["mood"]}


# --- only what changed is embedded ---


def test_an_unchanged_corpus_embeds_nothing(own_config: Config):
    encoder = FakeEncoder()
    report = build(own_config, encoder=encoder)
    assert counts(report) == (0, len(texts_of(own_config)), 0)
    assert (encoder.embedded, report.guard_trained, report.passages, report.warnings) == ([], False, 17, ())


def test_the_first_build_embeds_each_text_once(tmp_path: Path):
    config = bulk_config(tmp_path, DAYLIGHT, {**MOOD, "questions": ["mood", "what does daylight set"]})
    encoder = FakeEncoder()
    assert counts(build(config, encoder=encoder)) == (4, 0, 0)
    assert encoder.embedded == ["Daylight. Daylight sets the clock.", "what does daylight set", "Mood. Mood changes.", "mood"]


def test_an_edited_sentence_embeds_it_and_its_passage(own_config: Config):
    before = len(texts_of(own_config))
    edit(own_config.corpus / SLEEP, "For younger adults there is almost nothing.", "For younger adults there is one trial.")
    encoder = FakeEncoder()
    report = build(own_config, encoder=encoder)
    corpus = load_corpus(own_config.corpus)
    passage = entry_rows(corpus, FAKE_ID)[[row.passage_id for row in entry_rows(corpus, FAKE_ID)].index("magnesium/sleep")]
    assert encoder.embedded == [passage.text, "For younger adults there is one trial."]
    assert counts(report) == (2, before - 2, 2)
    assert not report.guard_trained


def test_an_edited_question_embeds_the_question(own_config: Config):
    before = len(texts_of(own_config))
    edit(own_config.corpus / SLEEP, '"magnesium sleep"', '"magnesium at night"')
    encoder = FakeEncoder()
    assert counts(build(own_config, encoder=encoder)) == (1, before - 1, 1)
    assert encoder.embedded == ["magnesium at night"]


def test_a_new_title_embeds_the_passage_but_not_its_sentences(own_config: Config):
    before = len(texts_of(own_config))
    edit(own_config.corpus / SLEEP, "Magnesium: does it help with sleep?", "Magnesium: nights")
    encoder = FakeEncoder()
    assert counts(build(own_config, encoder=encoder)) == (1, before - 1, 1)
    assert encoder.embedded[0].startswith("Magnesium: nights. Magnesium is often sold")


def test_evidence_and_sources_need_no_embedding(own_config: Config):
    edit(own_config.corpus / SLEEP, "evidence: weak", "evidence: mixed")
    edit(own_config.corpus / SLEEP, "sources: [handbook]", "sources: [handbook, leaflet]")
    assert build(own_config, encoder=FakeEncoder()).embedded == 0


def test_a_removed_passage_is_gone(own_config: Config):
    before = len(texts_of(own_config))
    edit(own_config.corpus / "topics/chemical-imbalance/is-it-proven.md", "counterpoint: [chemical-imbalance/why-it-lasts]\n", "")
    (own_config.corpus / "topics/chemical-imbalance/why-it-lasts.md").unlink()
    encoder = FakeEncoder()
    report = build(own_config, encoder=encoder)
    gone = 1 + 6 + 4  # the passage, its questions, its sentences
    assert (counts(report), embedded_rows(encoder, own_config), report.passages) == ((0, before - gone, gone), [], 16)
    edition = load_edition(own_config.index, load_corpus(own_config.corpus), FAKE_ID)
    assert "chemical-imbalance/why-it-lasts" not in {row.passage_id for row in edition.entries}
    assert edition.dense.ntotal == len(edition.entries)


def test_a_new_passage_embeds_its_texts(own_config: Config):
    before = texts_of(own_config)
    text = (own_config.corpus / SLEEP).read_text(encoding="utf-8")
    head, _, _ = text.partition("questions:")
    questions = "".join(f"  - new question number {word}\n" for word in "one two three four five six".split())
    words = " ".join(f"word{number}" for number in range(25))
    body = f"Magnesium first says {words}. Magnesium then says {words[::-1]}."
    (own_config.corpus / "topics/magnesium/new.md").write_text(
        f"{head}questions:\n{questions}sources: [handbook]\nevidence: weak\nreviewed: 2026-01-31\n---\n{body}\n", encoding="utf-8"
    )
    encoder = FakeEncoder()
    report = build(own_config, encoder=encoder)
    assert set(embedded_rows(encoder, own_config)) == texts_of(own_config) - before
    assert counts(report) == (1 + 6 + 2, len(before), 0)


def test_a_new_calibration_question_embeds_no_passage(own_config: Config):
    edit(own_config.corpus / "calibration.yaml", '  - "how do planes fly"', '  - "how do planes fly"\n  - "why is the sea salty"')
    encoder = FakeEncoder()
    report = build(own_config, encoder=encoder)
    assert (encoder.embedded[0], embedded_rows(encoder, own_config)) == ("why is the sea salty", [])
    assert (report.embedded, report.guard_trained) == (0, False)


def test_reused_vectors_are_the_right_ones(own_config: Config):
    edit(own_config.corpus / SLEEP, '"magnesium sleep"', '"magnesium mood"')
    build(own_config, encoder=FakeEncoder())
    edition = load_edition(own_config.index, load_corpus(own_config.corpus), FAKE_ID)
    found = edition.dense.reconstruct_n(0, edition.dense.ntotal)
    assert np.array_equal(found, np.stack([vector(row.text) for row in edition.entries]))


def test_a_new_guard_example_trains_the_guard_again(tmp_path: Path):
    config = bulk_config(tmp_path, DAYLIGHT, guard=True)
    assert build(config, encoder=FakeEncoder()).guard_trained
    assert not build(config, encoder=FakeEncoder()).guard_trained
    edit(config.corpus / "guard/smalltalk.yaml", "  - hello friend number one\n", "  - hello friend number nine\n")
    encoder = FakeEncoder()
    report = build(config, encoder=encoder)
    assert (report.guard_trained, counts(report)) == (True, (0, 2, 0))
    assert "hello friend number nine" in encoder.embedded
    assert "hello friend number two" not in encoder.embedded


def test_wordings_are_searched_and_train_the_guard(tmp_path: Path):
    config = bulk_config(tmp_path, DAYLIGHT, MOOD, guard=True)
    assert build(config, encoder=FakeEncoder()).guard_trained
    (config.corpus / "wordings").mkdir()
    wordings = config.corpus / "wordings" / "all.yaml"
    wordings.write_text('bulk/daylight:\n  asked: ["why wake early in june"]\n  after: ["and in winter?"]\n', encoding="utf-8")
    with pytest.raises(StaleIndexError, match="bulk/daylight"):
        load_edition(config.index, load_corpus(config.corpus), FAKE_ID)
    encoder = FakeEncoder()
    report = build(config, encoder=encoder)
    assert (report.guard_trained, counts(report)) == (True, (2, len(texts_of(config)) - 2, 0))
    edition = load_edition(config.index, load_corpus(config.corpus), FAKE_ID)
    assert [row.text for row in edition.entries if row.kind == "wording"] == ["why wake early in june", "Daylight: and in winter?"]
    # alone, and the follow-up after a question about its topic
    assert {"what is Daylight and in winter?", "why wake early in june"} <= set(encoder.embedded)
    assert not build(config, encoder=FakeEncoder()).guard_trained


def test_bad_wordings_are_reported_and_nothing_is_built(tmp_path: Path):
    config = bulk_config(tmp_path, DAYLIGHT)
    (config.corpus / "wordings").mkdir()
    (config.corpus / "wordings" / "all.yaml").write_text('bulk/nothing:\n  asked: ["why"]\n', encoding="utf-8")
    with pytest.raises(CorpusError, match=r"wordings/all\.yaml:1: there is no passage 'bulk/nothing'"):
        build(config, encoder=FakeEncoder())
    assert current_edition(config.index) is None


def test_a_curated_question_does_not_train_the_guard_again(tmp_path: Path):
    config = bulk_config(tmp_path, DAYLIGHT, guard=True)
    build(config, encoder=FakeEncoder())
    edit(config.corpus / "passages.jsonl", "what does daylight set", "what is set by daylight")
    assert not build(config, encoder=FakeEncoder()).guard_trained


def test_another_model_embeds_and_trains_everything_anew(tmp_path: Path):
    config = bulk_config(tmp_path, DAYLIGHT, guard=True)
    build(config, encoder=FakeEncoder())
    report = build(config, encoder=FakeEncoder(model_id="fake:other@2"))
    assert (counts(report), report.guard_trained) == ((2, 0, 0), True)
    assert load_edition(config.index, load_corpus(config.corpus), "fake:other@2").model_id == "fake:other@2"


def test_a_damaged_edition_is_built_anew(own_config: Config):
    edition = current_edition(own_config.index)
    (own_config.index / "editions" / edition / "sentences.npy").write_bytes(b"junk")
    report = build(own_config, encoder=FakeEncoder())
    assert (report.reused, report.embedded) == (0, len(texts_of(own_config)))
    assert report.edition != edition
    load_edition(own_config.index, load_corpus(own_config.corpus), FAKE_ID)


# --- refusals leave the old edition in use ---


def test_an_empty_corpus_is_refused(tmp_path: Path):
    with pytest.raises(CorpusError, match="there are no passages"):
        build(bulk_config(tmp_path), encoder=FakeEncoder())
    assert current_edition(tmp_path / "index") is None


def test_a_missing_corpus_is_refused(tmp_path: Path):
    with pytest.raises(CorpusError, match=r"nowhere:1: there is no such folder; give the corpus folder with --corpus"):
        build(Config(corpus=tmp_path / "nowhere", index=tmp_path / "index"), encoder=FakeEncoder())


def test_all_problems_are_reported_and_nothing_is_built(own_config: Config):
    old = current_edition(own_config.index)
    edit(own_config.corpus / SLEEP, "For younger adults there is almost nothing.", "Trials gave 300 mg of it.")
    edit(own_config.corpus / "topics/gaba/what-it-does.md", "evidence: established", "evidence: certain")
    encoder = FakeEncoder()
    with pytest.raises(CorpusError) as caught:
        build(own_config, encoder=encoder)
    places = [(problem.file, problem.line) for problem in caught.value.problems]
    assert places == [("topics/gaba/what-it-does.md", 11), ("topics/magnesium/sleep.md", 16)]
    assert "evidence" in caught.value.problems[0].message
    assert "300 mg" in caught.value.problems[1].message
    assert str(caught.value).endswith("2 problems in the corpus")
    assert (encoder.embedded, current_edition(own_config.index)) == ([], old)


def test_a_failing_model_leaves_the_old_edition(own_config: Config):
    old = current_edition(own_config.index)
    edit(own_config.corpus / SLEEP, '"magnesium sleep"', '"magnesium at night"')
    with pytest.raises(RuntimeError, match="the model broke on 'magnesium at night'"):
        build(own_config, encoder=BrokenEncoder("at night"))
    assert (current_edition(own_config.index), edition_ids(own_config.index)) == (old, [old])
    assert build(own_config, encoder=FakeEncoder()).embedded == 1  # and the lock is free again


# --- one build at a time ---


def test_a_second_build_is_refused_while_one_is_running(own_config: Config):
    edit(own_config.corpus / SLEEP, '"magnesium sleep"', '"magnesium at night"')
    pause = Pause("at night")
    reports = []
    first = threading.Thread(target=lambda: reports.append(build(own_config, encoder=FakeEncoder(before=pause))))
    first.start()
    assert pause.reached.wait(10)
    try:
        with pytest.raises(IndexUnavailableError, match=r"another build is writing to .*; wait for it to end"):
            build(own_config, encoder=FakeEncoder())
    finally:
        pause.go.set()
        first.join()
    assert current_edition(own_config.index) == reports[0].edition


def test_readers_see_the_old_edition_until_the_build_is_done(own_config: Config):
    old, old_corpus = current_edition(own_config.index), load_corpus(own_config.corpus)
    edit(own_config.corpus / SLEEP, '"magnesium sleep"', '"magnesium at night"')
    seen = []
    build(own_config, encoder=FakeEncoder(before=lambda _: seen.append(load_edition(own_config.index, old_corpus, FAKE_ID).id)))
    assert seen == [old]
    assert current_edition(own_config.index) != old


# --- editions ---


def test_leftovers_are_cleaned_and_models_are_not(own_config: Config):
    (own_config.index / "editions/.building-dead").mkdir()
    (own_config.index / ".current-1.json").write_text("{")
    (own_config.index / "models/fake").mkdir(parents=True)
    build(own_config, encoder=FakeEncoder())
    assert not list((own_config.index / "editions").glob(".*"))
    assert not list(own_config.index.glob(".current-*"))
    assert (own_config.index / "models/fake").is_dir()


def test_the_last_editions_are_kept(own_config: Config):
    config = replace(own_config, keep_editions=2)
    built = [build(config, encoder=FakeEncoder()).edition for _ in range(4)]
    assert edition_ids(config.index) == built[-2:]


def test_a_build_after_a_roll_back_reuses_the_older_edition(own_config: Config):
    edit(own_config.corpus / SLEEP, '"magnesium sleep"', '"magnesium at night"')
    build(own_config, encoder=FakeEncoder())
    roll_back(own_config.index)
    encoder = FakeEncoder()
    assert build(own_config, encoder=encoder).embedded == 1
    assert encoder.embedded == ["magnesium at night"]


def test_progress_counts_up_to_the_number_of_texts(tmp_path: Path):
    steps = []
    build(bulk_config(tmp_path, DAYLIGHT, MOOD), lambda *step: steps.append(step), FakeEncoder())
    assert [step for step in steps if step[0] == "embedding"] == [
        ("embedding", 1, 4),
        ("embedding", 2, 4),
        ("embedding", 3, 4),
        ("embedding", 4, 4),
    ]


def test_a_bulk_corpus_needs_neither_guard_nor_calibration(tmp_path: Path):
    config = bulk_config(tmp_path, DAYLIGHT)
    build(config, encoder=FakeEncoder())
    edition = load_edition(config.index, load_corpus(config.corpus), FAKE_ID)
    assert (edition.guard, edition.calibration, edition.sentences.shape[0]) == ({}, {}, 0)
