"""Every error this program raises on purpose.

NtqaError                   the reader, curator or operator can do something about it
├── CorpusError             the files under corpus/ are not fit to be published; carries every problem found
├── IndexUnavailableError   there is no index, or its files are damaged
├── StaleIndexError         the index was built from other content, or by another model
├── ModelError              the embedding model is missing, altered, or does not do what it should
└── InputError              a message, a line or an argument is not of the form that is asked for
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class NtqaError(Exception):
    """Base class; its text says what is wrong, where, and what to do next."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong in the corpus: `file:line: message`."""

    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}"


class CorpusError(NtqaError):
    """The corpus cannot be used; `problems` lists all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems))
        count = len(self.problems)
        listing = "\n".join(str(problem) for problem in self.problems)
        super().__init__(f"{listing}\n{count} problem{'s' if count != 1 else ''} in the corpus")


class IndexUnavailableError(NtqaError):
    """No index can be read."""


class StaleIndexError(NtqaError):
    """Index and corpus (or model) are not of the same edition; `changed` names what differs."""

    def __init__(self, message: str, changed: Sequence[str] = ()) -> None:
        self.changed = tuple(changed)
        super().__init__(message)


class ModelError(NtqaError):
    """The embedding model cannot be loaded or trusted."""


class InputError(NtqaError):
    """Something that was typed or sent cannot be read."""
