"""No test text may be nearly an indexed or a training text: a test that repeats what was learnt measures memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rapidfuzz import fuzz

from ntqa.assistant import Assistant
from ntqa.index import stored_vectors, text_key
from ntqa.judged import read_cases, read_dialogues, read_questions
from ntqa.words import words

TESTS = Path(__file__).parent
NEAR = 0.85  # cosine from which two texts are compared letter by letter
SAME = 92  # of 100: similarity of the two, word order left aside
SHORT = 5  # words; "what is gaba" or "thank you" is everybody's wording and nobody's property


def judged_texts() -> list[tuple[str, str]]:
    """(id, text) of everything that is judged."""
    texts = [(item.id, item.text) for item in read_questions(TESTS / "retrieval")]
    texts += [(item.id, item.text) for item in read_cases(TESTS / "safety")]
    for dialogue in read_dialogues(TESTS / "dialogues"):
        texts += [(f"{dialogue.id}:{number}", turn.text) for number, turn in enumerate(dialogue.turns, 1)]
    return [(name, text) for name, text in texts if len(words(text)) >= SHORT]


def learnt_texts(assistant: Assistant) -> list[str]:
    corpus = assistant.corpus
    texts = [question for passage in corpus.passages.values() for question in passage.questions]
    texts += [passage.title for passage in corpus.passages.values()]
    texts += [example.text for example in corpus.guard_examples]
    texts += [question.text for question in corpus.calibration]
    texts += [text for item in corpus.wordings.values() for text in (*item.asked, *item.after)]
    return texts


def leaks(judged: list[tuple[str, str]], learnt: list[str], encode) -> list[str]:
    mine, theirs = encode([text for _, text in judged]), encode(learnt)
    found = []
    for (name, text), row in zip(judged, mine @ theirs.T, strict=True):
        for index in np.flatnonzero(row >= NEAR):
            if fuzz.token_sort_ratio(" ".join(words(text)), " ".join(words(learnt[index]))) >= SAME:
                found.append(f"{name}: {text!r} is nearly {learnt[index]!r}")
                break
    return found


def test_no_judged_text_is_nearly_a_learnt_one(real_assistant: Assistant) -> None:
    encoder = real_assistant.encoder
    _, stored, _ = stored_vectors(real_assistant.config.index, encoder.model_id)

    def encode(texts: list[str]) -> np.ndarray:
        """As the encoder does; what the build has embedded is taken from there."""
        missing = [text for text in texts if text_key(encoder.model_id, text) not in stored]
        fresh = dict(zip(missing, encoder.encode(missing), strict=True)) if missing else {}
        return np.stack([fresh[text] if text in fresh else stored[text_key(encoder.model_id, text)] for text in texts])

    found = leaks(judged_texts(), learnt_texts(real_assistant), encode)
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "twin",
    [
        "do magnesium tablets help people to sleep",
        "Do magnesium tablets help people to sleep??",
        "do people sleep to help magnesium tablets",
    ],
)
def test_a_near_copy_is_found(twin: str, real_assistant: Assistant) -> None:
    assert leaks([("x", twin)], ["do magnesium tablets help people to sleep"], real_assistant.encoder.encode)


def test_another_question_on_the_same_is_no_leak(real_assistant: Assistant) -> None:
    assert not leaks(
        [("x", "is magnesium any good if you lie awake all night")],
        ["do magnesium tablets help people to sleep"],
        real_assistant.encoder.encode,
    )
