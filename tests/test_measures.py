"""The measures of `ntqa evaluate` on the real corpus keep above their pinned floors, and every quote of every reply is exact."""

from __future__ import annotations

from pathlib import Path

import pytest

from ntqa.assistant import Assistant
from ntqa.evaluation import evaluate
from ntqa.judged import read_cases, read_dialogues, read_questions
from ntqa.report import Report

TESTS = Path(__file__).parent


@pytest.fixture(scope="module")
def report(real_assistant: Assistant) -> Report:
    return evaluate(real_assistant, TESTS)


def test_every_floor_is_kept(report: Report) -> None:
    assert not [measure.name for measure in report.measures if not measure.passed], report.text(with_misses=True)


def test_every_floor_belongs_to_a_measure_and_the_important_ones_have_one(report: Report) -> None:
    pinned = {measure.name for measure in report.measures if measure.bar is not None}
    assert {
        "Success@1, all answerable",
        "Success@3, all answerable",
        "answered although not covered",
        "not answered although covered",
        "dialogue turns right",
        "crisis: no card and no strip",
        "emergency: no card and no strip",
        "refusal_dosing answered",
        "any refusal answered",
        "clear general question refused",
        "full help card without risk",
        "quotes that differ from their file",
        "replies with words from elsewhere",
    } <= pinned


def test_there_are_enough_tests() -> None:
    questions = read_questions(TESTS / "retrieval")
    assert len(questions) >= 200
    assert len([question for question in questions if not question.relevant]) >= 50
    assert len(read_dialogues(TESTS / "dialogues")) >= 30
    assert len(read_cases(TESTS / "safety")) >= 120


def test_judged_passages_exist(real_assistant: Assistant) -> None:
    named = {passage for question in read_questions(TESTS / "retrieval") for passage in question.relevant}
    for dialogue in read_dialogues(TESTS / "dialogues"):
        named |= {passage for turn in dialogue.turns for passage in turn.relevant}
    assert named <= set(real_assistant.corpus.passages)
