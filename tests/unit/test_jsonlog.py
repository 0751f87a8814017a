from __future__ import annotations

import io
import json
import logging
import warnings
from collections.abc import Iterator

import pytest

from ntqa.jsonlog import event, use_json_log


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    """What is logged; afterwards logging is as before."""
    root, ours = logging.getLogger(), logging.getLogger("ntqa")
    before = root.handlers[:], root.level, ours.level
    written = io.StringIO()
    use_json_log(written)
    yield written
    logging.captureWarnings(False)
    root.handlers[:], root.level = before[:2]
    ours.setLevel(before[2])


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_object_with_its_fields(stream: io.StringIO):
    event(logging.getLogger("ntqa.web"), logging.INFO, "reply", kind="answer", ms=12.5)
    (line,) = lines(stream)
    assert line.pop("time").endswith("+00:00")
    assert line == {"level": "info", "event": "reply", "kind": "answer", "ms": 12.5}


def test_an_exception_is_named_but_its_message_is_not_written(stream: io.StringIO):
    try:
        raise ValueError("what the reader typed")
    except ValueError:
        logging.getLogger("uvicorn.error").exception("Exception in ASGI application\n")
    (line,) = lines(stream)
    assert (line["event"], line["error"]) == ("Exception in ASGI application\n", "ValueError")
    assert line["at"][0].startswith("test_jsonlog.py:")
    assert "typed" not in stream.getvalue()


def test_other_libraries_are_named_but_not_quoted(stream: io.StringIO):
    logging.getLogger("gradio").warning("got %s", "what the reader typed")
    warnings.warn("what the reader typed", stacklevel=1)
    logging.getLogger("gradio").info("chatter")
    assert [(line["level"], line["event"]) for line in lines(stream)] == [
        ("warning", "message of gradio"),
        ("warning", "message of py.warnings"),
    ]
    assert "typed" not in stream.getvalue()
