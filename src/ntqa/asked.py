"""What teaches without a label of its own: curated questions, wordings, and plain questions made of every name in the corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import cycle

from ntqa.adapter import text_hash
from ntqa.guard import speaks_of_someone
from ntqa.schema import Corpus, GuardExample, Topic

PLAIN = ("{}", "what is {}", "what does {} do", "tell me about {}")
OPENINGS = ("what is {}", "how does {} work", "does {} help", "{} side effects", "tell me about {}")
SYMPTOMS = (
    "dizziness", "tremor", "seizures", "rash", "breathing problems", "weight gain", "confusion", "palpitations", "sweating", "headache", "nausea",
)  # fmt: skip
WHOLE = 3  # passages; a topic with fewer may tell one side of its subject only, as that of statins and mood


def general_questions(corpus: Corpus, curated: Sequence[str]) -> list[str]:
    """Questions that are general because a passage answers them (curated ones, and those of the calibration that speak of nobody), and
    those of `about_names`.
    """
    asked = [item.text for item in corpus.calibration if item.passages and not speaks_of_someone(item.text)]
    return [*curated, *asked, *about_names(corpus)]


def about_names(corpus: Corpus) -> list[str]:
    """Plain questions about each name, so that the guard takes no name for a sign of a refusal, nor a symptom beside it for an emergency."""
    names = _names(corpus.topics.values())
    plain = [text for name in names for text in (name, f"what is {name}?", f"{name} side effects")]
    return [*plain, *(f"{name} {symptom}" for name, symptom in zip(names, cycle(SYMPTOMS), strict=False))]


def plain_questions(corpus: Corpus) -> list[str]:
    """What is asked most, in one form for each name, of topics that are told whole: covered, whatever its words look like."""
    passages = Counter(passage.topic_id for passage in corpus.passages.values())
    names = _names(topic for topic in corpus.topics.values() if passages[topic.id] >= WHOLE)
    return [form.format(name.lower()) for name, form in zip(names, cycle(PLAIN), strict=False)]


def examples_of(corpus: Corpus) -> tuple[GuardExample, ...]:
    """The wordings of every passage as general examples, follow-ups after a question about their topic. Written to be found, not to look
    dangerous, they show the guard what most readers ask. Which question stands before a follow-up hangs on its text alone, so that one more
    wording changes no other.
    """

    def opening(text: str, passage_id: str) -> str:
        return OPENINGS[text_hash(text) % len(OPENINGS)].format(corpus.subject(passage_id))

    alone = [GuardExample("general", text) for item in corpus.wordings.values() for text in item.asked]
    after = [(text, passage_id) for passage_id, item in corpus.wordings.items() for text in item.after]
    return (*alone, *(GuardExample("general", text, (opening(text, passage_id),)) for text, passage_id in after))


def _names(topics: Iterable[Topic]) -> list[str]:
    return [name for topic in topics for name in (topic.name, *topic.members)]
