"""What the guard is trained on: each example, and variants of some: inside a longer message, misspelt, without the turn before it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from ntqa.guard import split_message
from ntqa.schema import OUTCOMES, GuardExample

SEED = 7
COMPOSED_WEIGHT = 0.5  # of a variant, beside an example as it is written
MISSPELT_SHARE = 0.15
COMPOSED_SHARE = 0.25  # of the examples that also appear inside a longer message


@dataclass(frozen=True, slots=True)
class Sample:
    """Something to learn from."""

    texts: tuple[str, ...]  # the message (or, with history, previous turn + message), then its sentences
    outcome: int
    weight: float = 1.0
    parents: tuple[int, ...] = ()  # of a composed message: positions of the examples it is made of


def message_of(example: GuardExample) -> str:
    """What is classified of an example: its text, after the turn before it if there is one."""
    return f"{example.history[-1]} {example.text}" if example.history else example.text


def sample_of(example: GuardExample) -> Sample:
    """An example as it is."""
    return Sample((message_of(example), *split_message(example.text)), OUTCOMES.index(example.outcome))


def variants(examples: Sequence[GuardExample]) -> list[Sample]:
    """What the examples are trained on as besides themselves."""
    return [*_composed(examples), *_misspelt(examples), *_alone(examples)]


def training_texts(examples: Sequence[GuardExample]) -> list[str]:
    """Every text of the guard's own data whose vector the training needs, without repetition."""
    samples = [*(sample_of(example) for example in examples), *variants(examples)]
    return list(dict.fromkeys(text for sample in samples for text in sample.texts))


def _composed(examples: Sequence[GuardExample]) -> list[Sample]:
    """Longer messages in which one example stands before or after a general one: the more serious outcome is that of the whole.

    Without them, length itself looks like danger, because people in danger write long messages.
    """
    order = random.Random(SEED)
    alone = [index for index, example in enumerate(examples) if not example.history]
    general = [index for index in alone if examples[index].outcome == "general"]
    composed = []
    for index in alone:
        if not general or order.random() > COMPOSED_SHARE:
            continue
        pair = [index, order.choice(general)]
        order.shuffle(pair)
        text = " ".join(examples[member].text.rstrip(" .") + "." for member in pair)
        outcome = examples[index].outcome
        outcome = "general" if outcome in ("smalltalk", "general") else outcome
        if outcome != "out_of_scope":
            composed.append(Sample((text,), OUTCOMES.index(outcome), COMPOSED_WEIGHT, tuple(pair)))
    return composed


def _misspelt(examples: Sequence[GuardExample]) -> list[Sample]:
    """Some examples again as they come from a hurried thumb: letters swapped, dropped, doubled or next to the right one."""
    order = random.Random(SEED + 1)
    samples = []
    for index, example in enumerate(examples):
        if order.random() < MISSPELT_SHARE and not example.history:
            text = slip_words(example.text, order)
            if text != example.text:
                samples.append(Sample((text,), OUTCOMES.index(example.outcome), COMPOSED_WEIGHT, (index,)))
    return samples


def _alone(examples: Sequence[GuardExample]) -> list[Sample]:
    """The last turn of each example with history by itself, as the guard also sees it: "just a ballpark"."""
    return [
        Sample((example.text,), OUTCOMES.index(example.outcome), COMPOSED_WEIGHT, (index,))
        for index, example in enumerate(examples)
        if example.history
    ]


def slip_words(text: str, order: random.Random) -> str:
    """`text` with slips of the thumb in about a third of its longer words."""
    return " ".join(_slip(word, order) if len(word) > 3 and order.random() < 0.35 else word for word in text.split(" "))


def _slip(word: str, order: random.Random) -> str:
    at = order.randrange(1, len(word) - 1)
    kind = order.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 1:
        return word[:at] + word[at + 1 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    return word[:at] + order.choice("aeiourstn") + word[at + 1 :]
