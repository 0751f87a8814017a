from __future__ import annotations

from pathlib import Path

from ntqa.asked import about_names, examples_of, general_questions, plain_questions
from ntqa.corpus import load_corpus
from ntqa.schema import GuardExample
from ntqa.wordings import Wordings

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
    assert examples_of(CORPUS, wordings) == (
        GuardExample("general", "helps nodding off?"),
        GuardExample("general", "for how long", ("what is Magnesium",)),
        GuardExample("general", "any proof", ("how does Magnesium work",)),
        GuardExample("general", "why", ("does SSRIs help",)),
    )
