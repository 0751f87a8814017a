"""Measures with intervals and bars: how they are shown, and what has changed since the last run."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from pathlib import Path

from ntqa.errors import InputError
from ntqa.yamlfile import YamlError, parse

TABLE_BEGIN, TABLE_END = "<!-- measures: written by ntqa evaluate --write README.md -->", "<!-- end of measures -->"


@dataclass(frozen=True, slots=True)
class Measure:
    """k of n, or a mean over n when `mean` is given; `bar` is the pinned bound, `most` says whether it is an upper one."""

    name: str
    k: float
    n: int
    mean: bool = False
    bar: float | None = None
    most: bool = False
    misses: tuple[str, ...] = ()

    @property
    def value(self) -> float:
        return self.k / self.n if self.n else 0.0

    @property
    def passed(self) -> bool:
        return self.bar is None or not self.n or (self.value <= self.bar + 1e-9 if self.most else self.value >= self.bar - 1e-9)

    def interval(self) -> tuple[float, float]:
        """95 %: Wilson's score interval for k of n; for a mean of values in [0, 1], the normal one with its largest variance."""
        return wilson(self.k, self.n)


def wilson(k: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval (E. B. Wilson, JASA 1927) for k successes in n trials."""
    if not n:
        return 0.0, 1.0
    p = k / n
    denominator = 1 + z * z / n
    centre = (p + z * z / (2 * n)) / denominator
    half = z * math.sqrt(max(p * (1 - p), 0) / n + z * z / (4 * n * n)) / denominator
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(slots=True)
class Report:
    """What one run has measured, in the order of the report."""

    measures: list[Measure] = field(default_factory=list)
    outcomes: dict[str, bool] = field(default_factory=dict)  # test id -> right
    changed: tuple[list[str], list[str]] = ((), ())  # type: ignore[assignment]  # newly right, newly wrong
    notes: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(measure.passed for measure in self.measures)

    def text(self, with_misses: bool = False) -> str:
        """The report for the terminal."""
        lines = []
        for measure in self.measures:
            low, high = measure.interval()
            count = f"mean of {measure.n}" if measure.mean else f"{measure.k:.0f} of {measure.n}"
            mark = (
                ""
                if measure.bar is None
                else f"  {'ok ' if measure.passed else 'MISSED'} (bar: {'at most' if measure.most else 'at least'} {measure.bar:g})"
            )
            lines.append(f"{measure.name:58s} {measure.value:6.3f}  {count:>14s}  95 % {low:.3f} to {high:.3f}{mark}")
            if with_misses and measure.misses:
                lines.append("    " + " ".join(measure.misses))
        right, wrong = self.changed
        if right or wrong:
            lines.append(f"since the last run: {len(right)} newly right, {len(wrong)} newly wrong")
            lines += [f"  newly wrong: {name}" for name in wrong] + [f"  newly right: {name}" for name in right]
        return "\n".join([*lines, *self.notes])

    def table(self) -> str:
        """The measures as a Markdown table."""
        rows = ["| measure | value | count | 95 % interval | bar |", "|---|---|---|---|---|"]
        for measure in self.measures:
            low, high = measure.interval()
            count = f"mean of {measure.n}" if measure.mean else f"{measure.k:.0f} of {measure.n}"
            bar = "" if measure.bar is None else f"{'≤' if measure.most else '≥'} {measure.bar:g}{'' if measure.passed else ' (missed)'}"
            rows.append(f"| {measure.name} | {measure.value:.3f} | {count} | {low:.3f} to {high:.3f} | {bar} |")
        return "\n".join(rows)

    def write_table(self, path: Path) -> None:
        """Put the table between its two marks in a file; raises InputError when the marks are missing."""
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise InputError(f"{path} cannot be read: {error.strerror}") from None
        before, begin, rest = text.partition(TABLE_BEGIN)
        _, end, after = rest.partition(TABLE_END)
        if not begin or not end:
            raise InputError(f"{path} has no line {TABLE_BEGIN!r} followed by {TABLE_END!r}")
        path.write_text(f"{before}{TABLE_BEGIN}\n\n{self.table()}\n\n{TABLE_END}{after}", encoding="utf-8")


def read_floors(path: Path) -> dict[str, tuple[float, bool]]:
    """Measure -> (bound, whether it is an upper one); nothing without the file. Raises InputError when it cannot be read."""
    if not path.exists():
        return {}
    try:
        data = parse(path.read_text(encoding="utf-8")).data
        if not isinstance(data, dict) or set(data) - {"at_least", "at_most"}:
            raise InputError(f"{path} must hold 'at_least' and 'at_most', each a mapping of measures to numbers")
    except YamlError as error:
        raise InputError(f"{path}:{error.line}: {error}") from None
    floors = {name: (float(value), False) for name, value in (data.get("at_least") or {}).items()}
    floors.update({name: (float(value), True) for name, value in (data.get("at_most") or {}).items()})
    return floors


def compare(report: Report, memory: Path) -> None:
    """Say in `report` what has changed since the run that `memory` holds, and keep this one there."""
    if memory.exists():
        try:
            last = json.loads(memory.read_text(encoding="utf-8"))
        except ValueError:  # nothing to compare with; it is written anew below
            last = {}
        report.changed = (
            sorted(name for name, right in report.outcomes.items() if right and last.get(name) is False),
            sorted(name for name, right in report.outcomes.items() if not right and last.get(name) is True),
        )
    memory.write_text(json.dumps(report.outcomes, indent=0) + "\n", encoding="utf-8")
