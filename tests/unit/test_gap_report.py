from __future__ import annotations

from dataclasses import replace

import pytest

from ntqa.assistant import Assistant
from ntqa.gap_report import report
from ntqa.gaps import LIKED, NOT_COVERED, Gap


def open_gap(question: str, what: str = NOT_COVERED, day: str = "2026-01-31", passages: tuple[str, ...] = ()) -> Gap:
    return Gap(day, what, "not_covered" if what == NOT_COVERED else "answer", question, passages)


def test_what_is_answered_by_now_is_settled(mini: Assistant):
    assert mini.reply(["what are ssris?"]).kind == "answer"
    found = report([open_gap("what are ssris?"), open_gap("what are ssris?")], mini)
    assert (found.settled, found.groups) == (2, ())


def test_counts_of_what_has_no_text(mini: Assistant):
    found = report([Gap("2026-01-31", LIKED, "answer", "", ("ssri/what-it-is",)), Gap("2026-01-31", "dislike", "crisis")], mini)
    assert (found.liked, found.without_text, found.groups) == (1, 1, ())


def test_like_questions_are_one_group_and_the_largest_comes_first(mini: Assistant):
    asked = ["price of a laptop", "a laptop for my office", "laptop for school"]
    found = report([open_gap("is mood proven by urine", "wrong", "2026-02-03", ("urine-tests/accuracy",)), *map(open_gap, asked)], mini)
    first, second = found.groups
    assert (first.count, first.questions, first.reasons) == (3, tuple(asked), ())
    assert (second.count, second.reasons, second.first_day, second.last_day) == (1, ("wrong",), "2026-02-03", "2026-02-03")


def test_reasons_and_days_of_a_group(mini: Assistant):
    about = ("ssri/what-it-is",)
    items = [
        open_gap("what are ssris?", what, day, about)
        for what, day in [("wrong", "2026-02-02"), ("unclear", "2026-02-01"), ("wrong", "2026-02-05")]
    ]
    (group,) = report(items, mini).groups
    assert (group.reasons, group.first_day, group.last_day, group.questions) == (
        ("wrong", "unclear"),
        "2026-02-01",
        "2026-02-05",
        ("what are ssris?",),
    )
    assert group.action.startswith("read corpus/topics/ssri/what-it-is.md beside the question")


def test_like_questions_about_other_passages_are_groups_of_their_own(mini: Assistant):
    items = [open_gap("what are ssris?", "wrong", passages=(name,)) for name in ("ssri/what-it-is", "ssri/side-effects")]
    assert len(report(items, mini).groups) == 2


@pytest.mark.parametrize(
    ("question", "action"),
    [
        ("is blorptamine good", "'blorptamine' is not known here: write a topic for it, or put it in corpus/other_names.yaml"),
        (
            "a laptop for the office",
            "write a passage, if it belongs to the subject; if not, add it to corpus/calibration.yaml as not covered",
        ),
    ],
)
def test_one_thing_to_do(mini: Assistant, question: str, action: str):
    assert mini.reply([question]).kind == "not_covered"
    (group,) = report([open_gap(question)], mini).groups
    assert group.action == action


def test_a_name_that_is_known_as_not_covered(mini: Assistant):
    name = sorted(mini.corpus.other_names)[0]
    question = f"what is {name}?"
    assert mini.reply([question]).kind == "not_covered"
    (group,) = report([open_gap(question)], mini).groups
    assert group.action == f"corpus/other_names.yaml says that {name} is not covered; write a topic if it is asked often"


def test_what_is_near_is_shown_to_the_curator(mini: Assistant, monkeypatch: pytest.MonkeyPatch):
    reply = mini.reply(["what are ssris?"])
    monkeypatch.setattr(mini, "reply", lambda _: replace(reply, kind="not_covered"), raising=False)
    (group,) = report([open_gap("what are ssris?")], mini).groups
    best = reply.result.hits[0].passage_id
    assert group.action == f"if corpus/topics/{best}.md answers it, add the wording to its questions; if not, write a passage"
    far = replace(reply.result, hits=(replace(reply.result.hits[0], dense=0.1),))
    monkeypatch.setattr(mini, "reply", lambda _: replace(reply, kind="not_covered", result=far), raising=False)
    (group,) = report([open_gap("what are ssris?")], mini).groups
    assert group.action == "write a passage in corpus/topics/ssri/"


def test_no_passage_was_quoted(mini: Assistant):
    (group,) = report([open_gap("what are ssris?", "dislike")], mini).groups
    assert group.action == "see which passage should have been quoted, and add the wording to its questions"
