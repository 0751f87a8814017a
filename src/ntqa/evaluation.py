"""What is measured on the test data: retrieval, dialogues, safety, and that every quote is verbatim."""

from __future__ import annotations

import html
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from ntqa.assistant import Assistant
from ntqa.errors import InputError
from ntqa.judged import JudgedQuestion, SafetyCase, read_cases, read_dialogues, read_questions
from ntqa.render import Texts, carried_topics, message_text, reply_html
from ntqa.report import Measure, Report, compare, read_floors
from ntqa.schema import REFUSALS, SUBSTANCE_KINDS, Reply

HELP = ("crisis", "emergency")
# Safety cases by how they came about, as tags; without any of them are those of the first writers.
GROUPS = {
    "first writers": set(),
    "made to be hard": {"calm", "who", "pair", "bye", "riddle", "follow"},
    "broad": {"broad"},
    "a day's messages": {"day"},
    "many voices": {"voices"},
}
_GROUPED = set().union(*GROUPS.values())


def evaluate(assistant: Assistant, tests: Path, memory: Path | None = None) -> Report:
    """Run all tests in `tests` (YAML files in retrieval, dialogues and safety; floors.yaml).

    `memory` keeps which tests were right, to say next time what has changed. Raises InputError when a file cannot be read.
    """
    report = Report()
    floors = read_floors(tests / "floors.yaml")
    runner = _Runner(assistant, report, floors)
    runner.questions(read_questions(tests / "retrieval"))
    runner.dialogues(tests / "dialogues")
    runner.safety(read_cases(tests / "safety"))
    runner.everything()
    unknown = set(floors) - {measure.name for measure in report.measures}
    if unknown:
        raise InputError(f"{tests / 'floors.yaml'} names measures that do not exist: {', '.join(sorted(unknown))}")
    if memory:
        compare(report, memory)
    return report


class _Runner:
    def __init__(self, assistant: Assistant, report: Report, floors: dict[str, tuple[float, bool]]) -> None:
        self.assistant, self.report, self.floors = assistant, report, floors
        self.replies: list[Reply] = []
        self.times: list[float] = []

    def ask(self, messages: Sequence[str]) -> Reply:
        started = time.perf_counter()
        reply = self.assistant.reply(messages)
        self.times.append((time.perf_counter() - started) * 1000)
        self.replies.append(reply)
        return reply

    def measure(self, name: str, flags: Iterable[tuple[str, bool]], *, misses_are: bool) -> None:
        """Record how many of (id, flag) are true; the ids whose flag is `misses_are` are the misses."""
        flags = list(flags)
        self.add(name, sum(flag for _, flag in flags), len(flags), misses=tuple(name for name, flag in flags if flag is misses_are))

    def add(self, name: str, k: float, n: int, mean: bool = False, misses: tuple[str, ...] = ()) -> None:
        bar, most = self.floors.get(name, (None, False))
        self.report.measures.append(Measure(name, k, n, mean, bar, most, misses))

    # -- judged questions --

    def questions(self, questions: Sequence[JudgedQuestion]) -> None:
        import ir_measures
        from ir_measures import RR, Success, nDCG

        replies = {question.id: self.ask([question.text]) for question in questions}
        answerable = [question for question in questions if question.relevant]
        # An abstention or a refusal is an empty ranking: it counts 0.
        run = [
            ir_measures.ScoredDoc(question.id, hit.passage_id, hit.score)
            for question in answerable
            for hit in (replies[question.id].result.hits if replies[question.id].kind == "answer" else ())  # type: ignore[union-attr]
        ]
        qrels = [ir_measures.Qrel(question.id, passage, grade) for question in answerable for passage, grade in question.relevant.items()]
        first, third = Success(rel=1) @ 1, Success(rel=1) @ 3
        values: dict[object, dict[str, float]] = defaultdict(dict)
        for metric in ir_measures.iter_calc([first, third, RR @ 10, nDCG @ 10], qrels, run):
            values[metric.measure][metric.query_id] = metric.value
        buckets: dict[str, list[JudgedQuestion]] = defaultdict(list)
        for question in answerable:
            buckets["all answerable"].append(question)
            buckets[question.bucket].append(question)
            self.report.outcomes[f"question {question.id}"] = values[first].get(question.id, 0.0) > 0
        for bucket, members in buckets.items():
            for label, metric in (("Success@1", first), ("Success@3", third)):
                self.measure(f"{label}, {bucket}", ((item.id, values[metric].get(item.id, 0.0) > 0) for item in members), misses_are=False)
        for label, metric in (("RR@10", RR @ 10), ("nDCG@10", nDCG @ 10)):
            self.add(f"{label}, all answerable", sum(values[metric].get(item.id, 0.0) for item in answerable), len(answerable), mean=True)
        ranked = {item.id: [hit.passage_id for hit in self.assistant.retrieve([item.text], 3)[1].hits] for item in answerable}
        for k in (1, 3):
            flags = [(item.id, any(passage in item.relevant for passage in ranked[item.id][:k])) for item in answerable]
            self.measure(f"Success@{k}, ranking alone", flags, misses_are=False)
        self.measure(
            "not answered although covered", ((item.id, replies[item.id].kind != "answer") for item in answerable), misses_are=True
        )
        self.measure("quoted passage about another substance than named", self._wrong_topic(answerable, replies), misses_are=True)
        outside = [question for question in questions if not question.relevant]
        for bucket in ("", *sorted({question.bucket for question in outside})):
            members = [question for question in outside if not bucket or question.bucket == bucket]
            flags = [(item.id, replies[item.id].kind == "answer") for item in members]
            self.measure(f"answered although not covered{', ' + bucket if bucket else ''}", flags, misses_are=True)
            self.report.outcomes.update({f"question {name}": not flag for name, flag in flags})
        reached = {passage for question in answerable for passage in question.relevant}
        missing = [passage for passage in self.assistant.corpus.passages if passage not in reached]
        self.add("passages that no judged question reaches", len(missing), len(self.assistant.corpus.passages), misses=tuple(missing))
        words = [sum(len(quote.text.split()) for quote in reply.quotes) for reply in replies.values() if reply.kind == "answer"]
        self.report.notes.append(f"words quoted in an answer: mean {sum(words) / max(len(words), 1):.0f}, most {max(words, default=0)}")

    def _wrong_topic(self, questions: Sequence[JudgedQuestion], replies: dict[str, Reply]) -> Iterable[tuple[str, bool]]:
        """Whether an answer is about another substance, for each question that names one. (One that only describes it, "the root for
        nodding off", can be answered wrongly too; that is what Success@k counts.)
        """
        corpus, lexicon = self.assistant.corpus, self.assistant.lexicon
        for question in questions:
            if not any(lexicon.is_substance(mention.topic_id) for mention in lexicon.mentions(question.text)):
                continue
            right = {corpus.passages[passage].topic_id for passage in question.relevant if passage in corpus.passages}
            right |= set(lexicon.with_parents(mention.topic_id for mention in lexicon.mentions(question.text)))
            wrong = False
            for quote in replies[question.id].quotes:
                topic = corpus.topics.get(quote.passage.topic_id)
                if quote.role == "answer" and topic and topic.kind in SUBSTANCE_KINDS and topic.id not in right:
                    named = {mention.topic_id for mention in lexicon.mentions(f"{quote.passage.title} {quote.passage.text}")}
                    wrong = wrong or not named & right
            yield question.id, wrong

    # -- dialogues --

    def dialogues(self, path: Path) -> None:
        flags = []
        for dialogue in read_dialogues(path):
            said: list[str] = []
            for number, turn in enumerate(dialogue.turns, 1):
                said.append(turn.text)
                reply = self.ask(said)
                if turn.relevant:
                    right = reply.kind == "answer" and any(
                        quote.passage.id in turn.relevant for quote in reply.quotes if quote.role == "answer"
                    )
                else:
                    right = reply.kind == turn.kind
                flags.append((f"{dialogue.id}:{number}", right))
        self.measure("dialogue turns right", flags, misses_are=False)
        writers = dict.fromkeys(name.partition("-")[0] for name, _ in flags if "-" in name)
        for writer in writers if len(writers) > 1 else ():
            self.measure(f"dialogue turns right, {writer}", (item for item in flags if item[0].startswith(f"{writer}-")), misses_are=False)
        self.report.outcomes.update({f"dialogue {name}": right for name, right in flags})

    # -- safety --

    def safety(self, cases: Sequence[SafetyCase]) -> None:
        replies = {case.id: self.ask([*case.history, case.text]) for case in cases}
        labels = {name: _label(reply) for name, reply in replies.items()}

        def right(case: SafetyCase) -> bool:
            return labels[case.id] == case.expect or labels[case.id] in case.also_ok

        def of(*expected: str) -> list[SafetyCase]:
            return [case for case in cases if case.expect in expected]

        def may_be(case: SafetyCase) -> set[str]:
            return {case.expect, *case.also_ok}

        no_card: dict[str, list[tuple[str, bool]]] = {}
        for kind in HELP:
            missed = no_card[kind] = [(case.id, labels[case.id] not in HELP and not right(case)) for case in of(kind)]
            silent = [(name, flag and not replies[name].support) for name, flag in missed]
            self.measure(f"{kind}: no card and no strip", silent, misses_are=True)
            if kind == "crisis":
                direct = {case.id for case in of(kind) if "direct" in case.tags}
                self.measure(
                    "crisis: no card and no strip, direct wording", [item for item in silent if item[0] in direct], misses_are=True
                )
            self.measure(f"{kind}: no full card", missed, misses_are=True)
        for kind in REFUSALS:
            self.measure(
                f"{kind} answered", ((case.id, labels[case.id] == "answer" and not right(case)) for case in of(kind)), misses_are=True
            )
        answered = [(case.id, labels[case.id] == "answer" and not right(case)) for case in of(*REFUSALS)]
        self.measure("any refusal answered", answered, misses_are=True)
        refused = [case for case in of(*REFUSALS) if labels[case.id] in (*REFUSALS, *HELP)]
        self.measure("right kind of refusal", ((case.id, right(case)) for case in refused), misses_are=False)
        general = [case for case in of("answer") if not may_be(case) & {*REFUSALS, *HELP}]
        needless = [(case, labels[case.id] in (*REFUSALS, *HELP)) for case in general]
        self.measure("clear general question refused", ((case.id, flag) for case, flag in needless), misses_are=True)
        hard = [(case.id, flag) for case, flag in needless if {"alarm", "trap", "mixed"} & set(case.tags)]
        self.measure("clear general question refused, alarming words", hard, misses_are=True)
        self.measure(
            "clear general question without a passage",
            ((case.id, labels[case.id] in ("out_of_scope", "smalltalk") and not right(case)) for case in general),
            misses_are=True,
        )
        calm = [case for case in cases if not may_be(case) & set(HELP)]
        carded = [(case.id, labels[case.id] in HELP) for case in calm]
        self.measure("full help card without risk", carded, misses_are=True)
        self.measure(
            "strip without risk",
            ((case.id, replies[case.id].support and labels[case.id] not in HELP) for case in calm if not case.history),
            misses_are=True,
        )
        self.measure(
            "out of scope answered with a passage",
            ((case.id, labels[case.id] == "answer" and not right(case)) for case in of("out_of_scope")),
            misses_are=True,
        )
        for group, tags in GROUPS.items():
            chosen = {case.id for case in cases if (tags & set(case.tags) if tags else not set(case.tags) & _GROUPED)}
            for name, flags in (
                ("crisis: no full card", [item for item in no_card["crisis"] if item[0] in chosen]),
                ("any refusal answered", [item for item in answered if item[0] in chosen]),
                ("clear general question refused", [(case.id, flag) for case, flag in needless if case.id in chosen]),
                ("full help card without risk", [item for item in carded if item[0] in chosen]),
            ):
                if flags:
                    self.measure(f"{name}, {group}", flags, misses_are=True)
        self.measure("safety cases right", ((case.id, right(case)) for case in cases), misses_are=False)
        for tag in ("multi_turn", "long", "proxy", "typo", "unicode"):
            self.measure(f"safety cases right, {tag}", ((case.id, right(case)) for case in cases if tag in case.tags), misses_are=False)
        self.report.outcomes.update({f"safety {case.id}": right(case) for case in cases})

    # -- over every reply of the run --

    def everything(self) -> None:
        files: dict[str, str] = {}
        bent = []
        strange = []
        root = self.assistant.config.corpus
        for number, reply in enumerate(self.replies):
            for quote in reply.quotes:
                path = root / "topics" / f"{quote.passage.id}.md"
                if quote.passage.id not in files and path.exists():
                    files[quote.passage.id] = path.read_text(encoding="utf-8").partition("\n---\n")[2].strip()
                held = self.assistant.corpus.passages.get(quote.passage.id)
                expected = files.get(quote.passage.id, held.text if held else "")[quote.start : quote.end]
                if quote.text != expected or (quote.start, quote.end) != (0, len(quote.passage.text)):
                    bent.append(f"{number}:{quote.passage.id}")
            left = foreign_text(reply, self.assistant)
            if left:
                strange.append(f"{number}:{left[:40]!r}")
        quotes = sum(len(reply.quotes) for reply in self.replies)
        self.add("quotes that differ from their file", len(bent), quotes, misses=tuple(bent))
        self.add("replies with words from elsewhere", len(strange), len(self.replies), misses=tuple(strange))
        ordered = sorted(self.times)
        self.report.notes.append(
            f"time of an answer in process: p50 {ordered[len(ordered) // 2]:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)]:.1f} ms over {len(ordered)} replies"
        )


def _label(reply: Reply) -> str:
    """The label that a reply stands for in the safety cases."""
    return "out_of_scope" if reply.kind in ("not_covered", "clarify") else reply.kind


def foreign_text(reply: Reply, assistant: Assistant) -> str:
    """What remains of a reply as shown when all that the corpus holds, and the reader's own question, is taken away; "" when all is well."""
    corpus = assistant.corpus
    shown = html.unescape(re.sub(r"<[^>]+>", "\n", reply_html(reply, corpus)))
    pieces = [*corpus.messages.values(), message_text(reply, Texts(corpus)), reply.query.text, reply.query.asked]
    pieces += [", ".join(reply.unknown_terms), ", ".join(carried_topics(reply, corpus))]
    for topic in (corpus.topics[topic_id] for topic_id in reply.query.topic_ids):
        pieces += [topic.name, *topic.members]
    for quote in reply.quotes:
        passage = quote.passage
        pieces += [passage.text, passage.title, passage.reviewer or "", passage.reviewed.isoformat() if passage.reviewed else ""]
        for source in (corpus.sources[source_id] for source_id in passage.source_ids):
            pieces += [source.title, source.publisher, str(source.year or "")]
    for line in corpus.help_lines:
        pieces += [line.country_name, line.name, line.phone, line.how, line.url]
    known = "\n".join(" ".join(piece.split()) for piece in pieces)
    parts = (" ".join(part.split()) for part in shown.split("\n"))
    return " | ".join(part for part in parts if not _made_of(part, known))


PIECES = 4  # a label, a name, a number and a note may share a line of the page


def _made_of(part: str, known: str) -> bool:
    """Whether a line of the page is at most `PIECES` runs of known text, one after the other; counts of sources are digits."""
    rest = part.split()
    for _ in range(PIECES):
        size = next((size for size in range(len(rest), 0, -1) if " ".join(rest[:size]).rstrip(",") in known), 0)
        rest = rest[size or int(bool(rest) and rest[0].isdigit()) :]
    return not rest
