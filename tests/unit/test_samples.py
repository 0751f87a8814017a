from __future__ import annotations

from rapidfuzz.distance import OSA

from ntqa.samples import training_texts
from ntqa.schema import GuardExample

TWO = [
    GuardExample("general", "what is serotonin"),
    GuardExample("general", "what is gaba for"),
    GuardExample("general", "how does food matter"),
    GuardExample("general", "why do people sleep"),
    GuardExample("general", "what does urine show"),
    GuardExample("crisis", "mood is so dark"),
    GuardExample("crisis", "this mood is the end"),
    GuardExample("crisis", "dark mood again"),
    GuardExample("crisis", "mood gone, dark"),
    GuardExample("crisis", "end of my mood"),
]


def test_training_texts_are_messages_then_their_sentences_each_once_and_last_turns_alone():
    given = [
        GuardExample("crisis", "One two three. Four five six."),
        GuardExample("crisis", "One two three. Four five six."),
        GuardExample("smalltalk", "and then?", ("earlier", "right before")),
    ]
    assert training_texts(given) == [
        "One two three. Four five six.",
        "One two three.",
        "Four five six.",
        "right before and then?",
        "and then?",
    ]


def test_some_messages_are_composed_of_an_example_and_a_general_one():
    texts = training_texts(TWO)
    alone = [example.text for example in TWO]
    composed = [text for text in texts if ". " in text]
    assert texts[: len(TWO)] == alone
    assert 0 < len(composed) <= len(TWO)
    for text in composed:
        first, second = text.removesuffix(".").split(". ")
        assert {first, second} <= set(alone)
        assert {first, second} & set(alone[:5])


def test_some_examples_come_again_with_slips_of_one_letter():
    many = [GuardExample("crisis", f"everything feels really terrible {name}") for name in "abcdefghij"]
    many.append(GuardExample("general", "what is gaba"))
    alone = {example.text.split(" ")[-1]: example.text.split(" ") for example in many}
    misspelt = [text.split(" ") for text in training_texts(many) if text.split(" ") not in alone.values() and ". " not in text]
    assert misspelt
    for text in misspelt:
        slips = [OSA.distance(word, meant) for word, meant in zip(text, alone[text[-1]], strict=True)]
        assert max(slips) == 1


def test_training_texts_are_the_same_each_time():
    assert training_texts(TWO) == training_texts(TWO)
