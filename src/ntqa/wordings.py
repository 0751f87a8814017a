"""Wordings: more of what readers type for each passage, in corpus/wordings. They are searched like curated questions, teach the adapter and
the guard, and are never shown.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from ntqa.errors import Problem
from ntqa.fields import Fields, Report
from ntqa.schema import Wordings
from ntqa.words import fold
from ntqa.yamlfile import YamlError, parse

WORDINGS_FOLDER = "wordings"


def read_wordings(root: Path, passage_ids: Collection[str]) -> tuple[dict[str, Wordings], list[Problem]]:
    """The wordings in the corpus folder `root` by passage id, and every problem in them."""
    report = Report()
    found: dict[str, Wordings] = {}
    known: set[str] = set()
    for path in sorted((root / WORDINGS_FOLDER).glob("*.yaml")):
        name = path.relative_to(root).as_posix()
        try:
            fields = Fields(report, name, parse(path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            report.add(name, 1, f"cannot be read as UTF-8 text: {error}")
            continue
        except YamlError as error:
            report.add(name, error.line, str(error))
            continue
        for key in fields.data:
            entry = fields.sub(key)
            wordings = Wordings(entry.texts("asked"), entry.texts("after"))
            entry.close()
            if key not in passage_ids:
                fields.problem(f"there is no passage {key!r}", key)
            if key in found:
                fields.problem(f"passage {key!r} has its wordings elsewhere too; put them together", key)
            for text in wordings.asked:
                if fold(text) in known:
                    fields.problem(f"{text!r} is given twice", key)
                known.add(fold(text))
            found[str(key)] = wordings
    return found, report.problems
