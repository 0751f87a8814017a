"""The server's log: one JSON object a line. What a reader typed cannot get into it: of exceptions and of other libraries only names are written."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO


def event(log: logging.Logger, level: int, name: str, **fields: Any) -> None:
    """Log the event `name` with `fields`, which must be numbers, names and kinds of our own."""
    log.log(level, name, extra={"fields": fields})


class JsonFormatter(logging.Formatter):
    """A record as JSON: time, level, event, and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
        }
        ours = record.name.split(".")[0] in ("ntqa", "uvicorn")  # both write no part of a request's body
        line["event"] = record.getMessage() if ours else f"message of {record.name}"
        line |= getattr(record, "fields", {})
        if record.exc_info and record.exc_info[0]:
            frames = traceback.extract_tb(record.exc_info[2])[-3:]
            line["error"] = record.exc_info[0].__name__  # its message may quote the reader
            line["at"] = [f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames]
        return json.dumps(line, ensure_ascii=False)


def use_json_log(stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (standard error), warnings of other libraries included."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("ntqa").setLevel(logging.INFO)
    logging.captureWarnings(True)
