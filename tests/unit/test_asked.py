from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ntqa.asked import about_names, examples_of, general_questions, plain_questions
from ntqa.corpus import load_corpus
from ntqa.schema import GuardExample, Wordings

CORPUS = load_corpus(Path(__file__).parents[1] / "mini_corpus")


def test_every_name_is_asked_about():
    asked = about_names(CORPUS)
    assert {"Magnesium", "what is Magnesium?", "Magnesium side effects", "sertraline", "what is sertraline?"} <= set(asked)
    assert len(asked) == 4 * (len(CORPUS.topics) + sum(len(topic.members) for topic in CORPUS.topics.values()))


def test_plain_questions_are_of_topics_told_whole():
    count = {topic: sum(passage.topic_id == topic for passage in CORPUS.passages.values()) for topic in CORPUS.topics}
    asked = " | ".join(plain_questions(CORPUS))
    for topic, passages in count.items():
        assert (CORPUS.topics[topic].name.lower() in asked) == (passages >= 3)
    assert min(count.values()) < 3 <= max(count.values())


def test_general_questions_are_curated_ones_calibration_and_names():
    asked = general_questions(CORPUS, ["is this curated"])
    covered = [item.text for item in CORPUS.calibration if item.passages]
    assert asked[0] == "is this curated" and set(asked[1:]) <= {*covered, *about_names(CORPUS)}


def test_wordings_are_general_examples_follow_ups_after_their_topic():
    wordings = {"magnesium/sleep": Wordings(("helps nodding off?",), ("for how long", "any proof")), "ssri/how-they-work": Wordings((), ("why",))}
    assert examples_of(replace(CORPUS, wordings=wordings)) == (
        GuardExample("general", "helps nodding off?"),
        GuardExample("general", "for how long", ("Magnesium side effects",)),
        GuardExample("general", "any proof", ("does Magnesium help",)),
        GuardExample("general", "why", ("tell me about SSRIs",)),
    )


def test_one_more_wording_changes_no_other_example():
    wordings = {"magnesium/sleep": Wordings((), ("for how long", "any proof"))}
    more = {"ssri/how-they-work": Wordings((), ("why",)), **wordings}
    assert set(examples_of(replace(CORPUS, wordings=wordings))) < set(examples_of(replace(CORPUS, wordings=more)))
