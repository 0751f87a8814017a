from __future__ import annotations

from pathlib import Path

import pytest

from ntqa.errors import InputError
from ntqa.report import TABLE_BEGIN, TABLE_END, Measure, Report, wilson

# --- intervals ---


@pytest.mark.parametrize(
    ("k", "n", "low", "high"),
    [
        # published examples of Wilson's score interval without continuity correction, at 95 %
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
        (1, 29, 0.0061, 0.1718),
        (0, 0, 0.0, 1.0),
    ],
)
def test_wilson(k: int, n: int, low: float, high: float):
    assert wilson(k, n) == pytest.approx((low, high), abs=5e-5)


def test_wilson_is_symmetric_and_narrows():
    low, high = wilson(3, 20)
    assert wilson(17, 20) == pytest.approx((1 - high, 1 - low))
    assert wilson(30, 200)[1] - wilson(30, 200)[0] < high - low


# --- measures and bars ---


@pytest.mark.parametrize(
    ("k", "bar", "most", "passed"),
    [
        (9, 0.9, False, True),
        (8, 0.9, False, False),
        (1, 0.1, True, True),
        (2, 0.1, True, False),
        (0, 0.0, True, True),
        (10, 1.0, False, True),
        (3, None, False, True),
    ],
)
def test_a_bar_is_met_or_missed(k: int, bar: float | None, most: bool, passed: bool):
    measure = Measure("m", k, 10, bar=bar, most=most)
    assert (measure.passed, measure.value) == (passed, k / 10)
    assert Report([Measure("other", 1, 1, bar=1.0), measure]).passed is passed


def test_a_measure_over_nothing_is_no_miss():
    assert Measure("m", 0, 0, bar=0.9).passed
    assert Measure("m", 0, 0).value == 0.0


def test_a_bar_is_not_missed_by_rounding():
    assert Measure("m", 0.1 + 0.2, 1, mean=True, bar=0.3, most=True).passed


MEASURES = [
    Measure("Success@1, all", 8, 10, bar=0.9, misses=("q2", "q5")),
    Measure("nDCG@10, all", 7.5, 10, mean=True, bar=0.7),
    Measure("answered", 1, 10, bar=0.1, most=True),
    Measure("plain", 3, 3),
]


def test_report_for_the_terminal():
    report = Report(MEASURES, changed=(["b"], ["a"]), notes=["a note"])
    assert [" ".join(line.split()) for line in report.text().splitlines()] == [
        "Success@1, all 0.800 8 of 10 95 % 0.490 to 0.943 MISSED (bar: at least 0.9)",
        "nDCG@10, all 0.750 mean of 10 95 % 0.442 to 0.919 ok (bar: at least 0.7)",
        "answered 0.100 1 of 10 95 % 0.018 to 0.404 ok (bar: at most 0.1)",
        "plain 1.000 3 of 3 95 % 0.438 to 1.000",
        "since the last run: 1 newly right, 1 newly wrong",
        "newly wrong: a",
        "newly right: b",
        "a note",
    ]
    assert "    q2 q5" in report.text(with_misses=True).splitlines()
    assert "q2" not in report.text()


def test_table():
    assert Report(MEASURES).table().splitlines() == [
        "| measure | value | count | 95 % interval | bar |",
        "|---|---|---|---|---|",
        "| Success@1, all | 0.800 | 8 of 10 | 0.490 to 0.943 | ≥ 0.9 (missed) |",
        "| nDCG@10, all | 0.750 | mean of 10 | 0.442 to 0.919 | ≥ 0.7 |",
        "| answered | 0.100 | 1 of 10 | 0.018 to 0.404 | ≤ 0.1 |",
        "| plain | 1.000 | 3 of 3 | 0.438 to 1.000 |  |",
    ]


def test_table_is_written_between_its_marks(tmp_path: Path):
    path = tmp_path / "README.md"
    path.write_text(f"before\n{TABLE_BEGIN}\nold table\n{TABLE_END}\nafter\n", encoding="utf-8")
    report = Report(MEASURES[3:])
    report.write_table(path)
    written = path.read_text(encoding="utf-8")
    assert written == f"before\n{TABLE_BEGIN}\n\n{report.table()}\n\n{TABLE_END}\nafter\n"
    report.write_table(path)
    assert path.read_text(encoding="utf-8") == written


@pytest.mark.parametrize("text", ["no marks", f"{TABLE_BEGIN} only", f"{TABLE_END}\n{TABLE_BEGIN}"])
def test_a_file_without_marks_is_refused_and_left_alone(tmp_path: Path, text: str):
    path = tmp_path / "README.md"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"README\.md has no line '<!-- measures"):
        Report(MEASURES).write_table(path)
    assert path.read_text(encoding="utf-8") == text
