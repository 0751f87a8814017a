from __future__ import annotations

import json
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ntqa import gaps
from ntqa.assistant import Assistant
from ntqa.errors import InputError
from ntqa.gaps import LIKED, NOT_COVERED, Gap, GapLog, gap, read_gaps, scrub

KNOWN = {"zoloft", "parkinson"}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("does zoloft help", "does zoloft help"),
        ("does Zoloft help with Parkinson tremor", "does Zoloft help with Parkinson tremor"),
        ("my son Tom Miller, takes zoloft", "my son [...], takes zoloft"),
        ("and when I ask", "and when I ask"),
        ("My name is ada lovelace. what is gaba", "[...]. what is gaba"),
        ("write to ada.l@example.org or https://example.org/a?b=c please", "write to [...] or [...] please"),
        ("call +44 20 7946 0018 today", "call [...] today"),
        ("I am 34, took 50mg on 03/04/1999", "I am [...], took [...] on [...]"),
        ("flat 12b  in\nSW1A 1AA", "flat [...] in [...]"),
        ("x" * 400, "x" * 300),
        ("", ""),
    ],
)
def test_what_may_point_to_a_person_is_taken_out(text: str, kept: str):
    assert scrub(text, KNOWN.__contains__) == kept


def test_what_is_kept_of_an_answer(mini: Assistant):
    reply = mini.reply(["what are ssris?"])
    day = datetime.now(UTC).date().isoformat()
    assert gap(reply, "wrong", KNOWN.__contains__) == Gap(day, "wrong", "answer", "what are ssris?", tuple(q.passage.id for q in reply.quotes))
    assert gap(reply, LIKED, KNOWN.__contains__).question == ""


@pytest.mark.parametrize("message", ["i want to kill myself", "how much zoloft should i take?"])
def test_nothing_is_kept_of_a_question_that_got_a_card(mini: Assistant, message: str):
    reply = mini.reply([message])
    assert reply.kind in ("crisis", "refusal_dosing")
    assert gap(reply, "dislike", KNOWN.__contains__) == Gap(datetime.now(UTC).date().isoformat(), "dislike", reply.kind)


def test_written_and_read_again(tmp_path: Path):
    path = tmp_path / "gaps.jsonl"
    log, items = GapLog(path), [Gap("2026-01-31", NOT_COVERED, "not_covered", "é?"), Gap("2026-02-01", LIKED, "answer", "", ("a/b", "c/d"))]
    for item in items:
        log.add(item)
    assert read_gaps(path) == items
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    GapLog(path).add(items[0])  # another start of the server adds to it
    assert len(read_gaps(path)) == 3


def test_a_full_log_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    path, item = tmp_path / "gaps.jsonl", Gap("2026-01-31", NOT_COVERED, "not_covered", "what?")
    log = GapLog(path)
    log.add(item)
    monkeypatch.setattr(gaps, "MAX_BYTES", path.stat().st_size + 10)
    log.add(item)
    log.add(item)
    assert len(read_gaps(path)) == 1
    assert [record.message for record in caplog.records] == ["the gap log is full"]
    path.unlink()  # taken away by a curator
    log.add(item)
    assert len(read_gaps(path)) == 1


def test_what_cannot_be_written_is_no_failure_of_the_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    folder = tmp_path / "logs"
    folder.mkdir()
    log = GapLog(folder / "gaps.jsonl")
    (folder / "gaps.jsonl").unlink()
    folder.rmdir()
    log.add(Gap("2026-01-31", NOT_COVERED, "not_covered", "a secret question"))
    assert [record.message for record in caplog.records] == ["the gap log could not be written"]
    assert "secret" not in caplog.text


def test_a_log_that_cannot_be_written_is_said_at_the_start(tmp_path: Path):
    with pytest.raises(InputError, match=r"the gap log .*missing.* cannot be written: No such file"):
        GapLog(tmp_path / "missing" / "gaps.jsonl")


@pytest.mark.parametrize(
    "line",
    ["no json", "[]", "{}", json.dumps({"day": "2026-01-31", "what": "like", "kind": 5, "question": "", "passages": []}), "null", "[" * 50_000],
)
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str):
    path = tmp_path / "gaps.jsonl"
    good = json.dumps({"day": "2026-01-31", "what": "like", "kind": "answer", "question": "", "passages": []})
    path.write_text(f"{good}\n\n{line}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"gaps\.jsonl:3: this is no line of a gap log"):
        read_gaps(path)


def test_a_log_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_gaps(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="it is not UTF-8"):
        read_gaps(tmp_path / "binary")
