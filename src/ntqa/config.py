"""Paths and tuned numbers. Each number says what it does; `tests/` pins what depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ADAPTER_FILE = "adapter.npz"  # in the corpus folder
PACKAGED_MODEL = "packaged:all-MiniLM-L6-v2"
MAX_MESSAGE = 4_000  # characters; longer than any question, short enough for a bounded answer time
TRAINING_VERSION = 50  # raise it when the guard's features or training change, so that no index keeps weights of another kind


@dataclass(frozen=True, slots=True)
class Config:
    corpus: Path = Path("corpus")
    index: Path = Path("index")
    model: str = PACKAGED_MODEL

    # retrieval
    dense_weight: float = 0.7  # share of the dense score in the fused score; flat between .5 and .8 on every set tried
    pool: int = 100  # passages taken from each half before fusion
    support_weight: float = 0.4  # share of a passage's second and third best entries: one lucky question alone counts less
    passage_weight: float = 0.1  # share of the passage itself beside its best entries
    canonical_weight: float = 0.4  # share of the question with the corpus's own names ("Zoloft" -> "sertraline (SSRIs)")
    context_weight: float = 0.3  # share of (previous turn + turn) when a follow-up is searched
    bare_weight: float = 0.4  # share of the follow-up's own words beside how it was read
    focus_weight: float = 0.2  # for passages of the topic spoken of before, when a question names none; up to .3 costs a change of subject nothing
    told_weight: float = 0.1  # taken from passages that answered earlier turns: who asks on has read them
    # For passages of the topic that the turn before was answered from, and per cosine with what answered it: for a follow-up, and for one
    # that names a topic of its own.
    answered_topic_weights: tuple[float, float] = (0.15, 0.1)
    answered_weights: tuple[float, float] = (0.2, 0.1)
    title_repeat: int = 3  # how often a title counts in keyword search
    bm25_k1: float = 0.6
    bm25_b: float = 0.4
    entry_pool: int = 2_000  # entries whose cosine is asked for; what lies beyond is far from any answer
    flat_rows: int = 200_000  # up to here exact search answers in a few milliseconds; beyond it a graph index is worth its inexactness

    # answering
    # Fused score within which a second passage may answer as well as the first: of the calibration questions that come so close, about three
    # in four have the right passage first, and one in eight or more has it second only; beyond, soon nine in ten have it first.
    near_tie: float = 0.09
    third_tie: float = 0.06  # the same for a third: of the questions that have three so close, one in ten has it third only; beyond, one in 25
    second_part: float = 0.25  # fused score within which a second passage may answer the second part of a question
    max_answers: int = 3

    # conversation
    max_message: int = MAX_MESSAGE
    max_turns: int = 20  # reader's turns that are looked at

    # index
    keep_editions: int = 3

    @property
    def adapter(self) -> Path | None:
        """What adapts the packaged model to this corpus, where the corpus has it."""
        path = self.corpus / ADAPTER_FILE
        return path if self.model == PACKAGED_MODEL and path.is_file() else None
