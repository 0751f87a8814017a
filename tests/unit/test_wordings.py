"""Reading corpus/wordings."""

from __future__ import annotations

from pathlib import Path

import pytest

from ntqa.schema import Wordings
from ntqa.wordings import read_wordings

GOOD = """
gaba/what-it-is:
  asked: ["what calms the brain down", "gaba explained"]
  after: ["and where is it made"]
"""


def write(root: Path, **files: str) -> Path:
    (root / "wordings").mkdir()
    for name, text in files.items():
        (root / "wordings" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return root


def test_wordings_are_read_by_passage(tmp_path: Path):
    found, problems = read_wordings(
        write(tmp_path, a=GOOD, b='gaba/too-little: {asked: ["low gaba"], after: []}'), ["gaba/what-it-is", "gaba/too-little"]
    )
    assert problems == []
    assert found == {
        "gaba/what-it-is": Wordings(("what calms the brain down", "gaba explained"), ("and where is it made",)),
        "gaba/too-little": Wordings(("low gaba",), ()),
    }


def test_a_corpus_needs_none(tmp_path: Path):
    assert read_wordings(tmp_path, []) == ({}, [])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (GOOD.replace("what-it-is", "what"), 2, "there is no passage 'gaba/what'"),
        (GOOD.replace("after", "then"), 4, "unknown key 'then'; known keys: asked, after"),
        (GOOD.replace('"gaba explained"', '"What calms the brain down"'), 2, "'What calms the brain down' is given twice"),
        (GOOD.replace('["and where is it made"]', "made"), 4, "'after' must be a list"),
        ("gaba/what-it-is: [", 2, "not valid YAML"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(tmp_path: Path, text: str, line: int, message: str):
    _, problems = read_wordings(write(tmp_path, a=text), ["gaba/what-it-is"])
    assert [(problem.file, problem.line) for problem in problems] == [("wordings/a.yaml", line)]
    assert message in problems[0].message


def test_one_passage_in_two_files_and_unreadable_files_are_reported(tmp_path: Path):
    root = write(tmp_path, a=GOOD, b=GOOD.replace("calms", "slows").replace("gaba explained", "gaba"))
    (root / "wordings" / "c.yaml").write_bytes(b"\xff")
    _, problems = read_wordings(root, ["gaba/what-it-is"])
    assert [problem.message.partition(":")[0] for problem in problems] == [
        "passage 'gaba/what-it-is' has its wordings elsewhere too; put them together",
        "cannot be read as UTF-8 text",
    ]
