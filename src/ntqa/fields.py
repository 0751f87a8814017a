"""One mapping of a YAML file, read field by field: each is asked for with its kind, and what is wrong is reported with its line."""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterator, Sequence
from typing import Any

from ntqa.errors import Problem
from ntqa.yamlfile import Located
from ntqa.yamlfile import Path as KeyPath


class Report:
    """Collects problems while reading goes on."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, file: str, line: int, message: str) -> None:
        self.problems.append(Problem(file, line, message))


class Fields:
    """One mapping of a YAML file while it is read: every key that is not asked for is reported by `close`."""

    def __init__(self, report: Report, file: str, located: Located, path: KeyPath = ()) -> None:
        self.report, self.file, self.located, self.path = report, file, located, path
        data = located.data
        for step in path:
            data = data[step]
        self.valid = isinstance(data, dict)
        self.data: dict[str, Any] = data if self.valid else {}
        self.asked: list[str] = []
        if not self.valid:
            self.problem("must be a mapping of keys to values")

    def problem(self, message: str, *path: str | int) -> None:
        self.report.add(self.file, self.located.line(*self.path, *path), message)

    def _get(self, key: str, required: bool) -> Any:
        self.asked.append(key)
        value = self.data.get(key)
        if value is None and required and self.valid:
            self.problem(f"missing key {key!r}")
        return value

    def text(self, key: str, required: bool = True) -> str:
        value = self._get(key, required)
        if value is None:
            return ""
        if not isinstance(value, str):
            self.problem(f"{key!r} must be text, not {value!r}; put it in quotes", key)
            return ""
        if required and not value.strip():
            self.problem(f"{key!r} is empty", key)
        return value.strip()

    def choice(self, key: str, allowed: Sequence[str], default: str | None = None) -> str:
        value = self.text(key, required=default is None)
        if not value:
            return default or allowed[0]
        if value not in allowed:
            self.problem(f"{key!r} is {value!r}; it must be one of {', '.join(allowed)}", key)
            return default or allowed[0]
        return value

    def texts(self, key: str, required: bool = False) -> tuple[str, ...]:
        value = self._get(key, required)
        if value is None:
            return ()
        if not isinstance(value, list):
            self.problem(f"{key!r} must be a list", key)
            return ()
        if required and not value:
            self.problem(f"{key!r} is empty", key)
        result = []
        for position, item in enumerate(value):
            if not isinstance(item, str) or not item.strip():
                self.problem(f"{key!r} holds {item!r}, which is not text; put it in quotes", key, position)
            else:
                result.append(item.strip())
        return tuple(result)

    def number(self, key: str) -> int | None:
        value = self._get(key, required=False)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
            self.problem(f"{key!r} must be a whole number, not {value!r}", key)
            return None
        return value

    def date(self, key: str, today: dt.date) -> dt.date | None:
        value = self._get(key, required=True)
        if value is None:
            return None
        if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
            self.problem(f"{key!r} must be a date such as 2026-01-31, not {value!r}", key)
            return None
        if value > today:
            self.problem(f"{key!r} is {value}, which lies in the future", key)
        return value

    def sub(self, *path: str | int) -> Fields:
        return Fields(self.report, self.file, self.located, (*self.path, *path))

    def items(self, key: str) -> Iterator[Fields]:
        """The mappings in the list under `key`."""
        value = self._get(key, required=False)
        if value is not None and not isinstance(value, list):
            self.problem(f"{key!r} must be a list", key)
            return
        for position in range(len(value or ())):
            yield self.sub(key, position)

    def close(self) -> None:
        for key in self.data:
            if key not in self.asked:
                near = difflib.get_close_matches(str(key), self.asked, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(self.asked)}"
                self.problem(f"unknown key {key!r}{hint}", key)
