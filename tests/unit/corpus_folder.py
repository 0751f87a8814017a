"""A small corpus folder without a problem, for tests that break one thing in it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import yaml

from ntqa.checks import check_corpus
from ntqa.corpus import read_corpus
from ntqa.errors import CorpusError, Problem
from ntqa.schema import MESSAGE_KEYS, Corpus

TODAY = dt.date(2026, 11, 21)

# Each passage has its own words: no two are near one another for the check of duplicates.
FILES = {
    "corpus.yaml": """\
name: Test corpus
language: en
examples:
  - What does serotonin do?
  - Does magnesium help with sleep?
  - What are the side effects of magnesium?
""",
    "sources.yaml": """\
nih-magnesium:
  title: Magnesium, a fact sheet
  publisher: National Institutes of Health
  year: 2024
  url: https://ods.od.nih.gov/factsheets/Magnesium/
  kind: government
  checked_on: 2026-11-01
  seen: text read in full
review-serotonin:
  title: The expanded biology of serotonin
  publisher: Annual Review of Medicine
  authors: Berger M et al.
  year: 2009
  url: https://doi.org/10.1146/annurev.med.60.042307.110802
  doi: 10.1146/annurev.med.60.042307.110802
  kind: review
  checked_on: 2026-11-01
  seen: abstract only
""",
    "help_lines.yaml": """\
countries:
  - code: any
    name: Anywhere else
    services:
      - kind: emergency
        name: Local emergency number
        phone: ""
        how: dial the number of the country you are in
        url: https://example.org/emergency
        checked_on: 2026-11-01
        checked_by: first editor
      - kind: crisis
        name: Find a Helpline
        how: web page that lists crisis lines
        url: https://findahelpline.com
        checked_on: 2026-11-01
        checked_by: first editor
  - code: GB
    name: United Kingdom
    services:
      - kind: emergency
        name: Emergency services
        phone: "999"
        how: call, day and night
        url: https://example.org/gb
        checked_on: 2026-11-01
        checked_by: first editor
      - kind: crisis
        name: Samaritans
        phone: "116 123"
        how: call, day and night
        url: https://www.samaritans.org
        checked_on: 2026-11-01
        checked_by: second editor
""",
    "other_names.yaml": """\
medicines:
  - ibuprofen
  - baclofen
conditions:
  - restless legs
""",
    "calibration.yaml": """\
answerable:
  - text: will magnesium make me drowsy
    passages: [magnesium/sleep]
not_covered:
  - who won the cup final
""",
    "guard/crisis.yaml": """\
outcome: crisis
patterns:
  - id: crisis-end-it
    tier: card
    language: en
    regex: '\\bend it all\\b'
    unless: '\\bsong\\b'
    match:
      - I want to end it all
    no_match:
      - the song called end it all
      - when does it end
examples:
  - nobody would miss me
  - text: yes, tonight
    history:
      - do you feel unsafe
""",
    "guard/general.yaml": """\
outcome: general
examples:
  - what does serotonin do
""",
    "topics/magnesium/topic.yaml": """\
name: Magnesium
kind: supplement
aliases:
  - mag
members:
  magnesium citrate: [citramag]
""",
    "topics/magnesium/sleep.md": """\
---
title: "Magnesium: sleep"
questions:
  - does magnesium help you sleep
  - mag at bedtime for insomnia
  - can a mineral make nights calmer
  - waking early and low minerals
  - is there proof that it shortens falling asleep
  - citramag for older people who lie awake
sources: [nih-magnesium]
evidence: weak
reviewed: 2026-11-20
shown_with: [magnesium/side-effects]
---
Magnesium is promoted as an aid to sleep, but only a few small studies in older adults
have looked at this. In those studies people fell asleep a little sooner than with a dummy
treatment, and the quality of the trials was low. Reviewers say that firm advice cannot be
drawn from them yet. Nobody knows whether younger people would notice any difference.
""",
    "topics/magnesium/side-effects.md": """\
---
title: "Magnesium: side effects and risks"
questions:
  - side effects of magnesium
  - why do magnesium tablets give me the runs
  - is too much mag dangerous
  - kidney disease and this mineral
  - upset stomach after citramag
  - who has to be careful with it
sources: [nih-magnesium]
evidence: established
reviewed: 2026-11-20
---
Magnesium supplements most often upset the gut: loose stools, nausea and cramps are common
complaints. Kidneys normally remove any surplus, so serious harm is rare in healthy people.
When kidneys work poorly the mineral can build up, which may slow the heart and weaken
muscles. Some antibiotics are absorbed badly when both arrive in the stomach together.
""",
    "topics/serotonin/topic.yaml": """\
name: Serotonin
kind: transmitter
aliases:
  - 5-HT
  - happiness hormone
""",
    "topics/serotonin/what-it-is.md": """\
---
title: "Serotonin: what it is"
questions:
  - what is serotonin
  - what does 5-ht do in the body
  - happiness hormone explained simply
  - where is most of it made
  - messenger between nerve cells in mood
  - gut and brain chemical that starts with s
sources: [review-serotonin]
evidence: established
reviewed: 2026-11-20
reviewer: A. Reviewer, pharmacist
counterpoint: [magnesium/sleep]
---
Serotonin is a chemical messenger that nerve cells use to pass on signals. The body makes it
from tryptophan, an amino acid in food, and most of the supply sits in the gut rather than
in the brain. There the substance takes part in digestion, while in the brain it shapes
mood, appetite and rest. Blood levels say little about what happens between nerve cells.
""",
}


def _messages() -> str:
    tree: dict = {}
    for key in sorted(MESSAGE_KEYS):
        *outer, last = key.split(".")
        branch = tree
        for step in outer:
            branch = branch.setdefault(step, {})
        branch[last] = f"Text of {key.replace('.', ' ')}."
    return yaml.safe_dump(tree, sort_keys=True)


class CorpusFolder:
    """A folder that `ntqa check` accepts as it is; every change is made in the files, as an editor would."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in {**FILES, "messages.yaml": _messages()}.items():
            self.write(name, text)

    def text(self, name: str) -> str:
        return (self.root / name).read_text(encoding="utf-8")

    def line(self, name: str, words: str) -> int:
        """The line in which `words` stand, for files whose length is not fixed here."""
        (number,) = (number for number, line in enumerate(self.text(name).splitlines(), 1) if words in line)
        return number

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")

    def write_bytes(self, name: str, data: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def replace(self, name: str, old: str, new: str) -> None:
        """Exchange `old`, which must stand exactly once in the file."""
        text = self.text(name)
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
        self.write(name, text.replace(old, new))

    def body(self, name: str, text: str) -> None:
        """Exchange what follows the front matter."""
        head, marker, _ = self.text(name).partition("\n---\n")
        self.write(name, f"{head}{marker}{text}\n")

    def delete(self, name: str) -> None:
        (self.root / name).unlink()

    def read(self) -> tuple[Corpus, list[str]]:
        """The corpus, and the structural problems alone."""
        corpus, problems = read_corpus(self.root, TODAY)
        return corpus, listed(problems)

    def problems(self) -> list[str]:
        """What `ntqa check` refuses, in the order in which it is printed."""
        corpus, problems = read_corpus(self.root, TODAY)
        return listed([*problems, *check_corpus(corpus, self.root, TODAY)[0]])

    def warnings(self) -> list[str]:
        corpus, _ = read_corpus(self.root, TODAY)
        return listed(check_corpus(corpus, self.root, TODAY)[1])

    def refuses(self, where: str, *essential: str) -> None:
        """Assert that exactly one problem is reported, at `where` (file:line) and with all `essential` words."""
        assert_only(self.problems(), where, *essential)

    def warns(self, where: str, *essential: str) -> None:
        """Assert one warning and no problem."""
        assert self.problems() == []
        assert_only(self.warnings(), where, *essential)


def listed(problems: list[Problem]) -> list[str]:
    return [str(problem) for problem in CorpusError(problems).problems]


def assert_only(found: list[str], where: str, *essential: str) -> None:
    assert [line.split(": ")[0] for line in found] == [where], found
    for words in essential:
        assert words in found[0]
