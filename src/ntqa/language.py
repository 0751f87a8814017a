"""Which language a message is in, asked only when it does not look like English."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ntqa.lexicon import Lexicon
from ntqa.words import STOP_WORDS, words

_CANDIDATES = ("en", "es", "fr", "de", "it", "pt", "nl", "pl", "sv", "tr")
STRANGE_SHARE = 0.5  # of the words; below it a message is taken as English without asking
MINIMUM_WORDS = 3


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_CANDIDATES)
    return identifier


def language_of(text: str, lexicon: Lexicon) -> str:
    """ISO 639 code; "en" for anything that is mostly English words, names the corpus knows, or too short to tell."""
    found = [word for word in words(text) if not word.isdigit()]
    strange = [word for word in found if word not in STOP_WORDS and not lexicon.is_common(word) and not lexicon.knows(word)]
    foreign_share = len(strange) / max(len(found), 1)
    if text.isascii() and (len(found) < MINIMUM_WORDS or foreign_share < STRANGE_SHARE) and not _foreign_function_words(found):
        return "en"
    code: str = _identifier().classify(text)[0]
    return code


def _foreign_function_words(found: list[str]) -> bool:
    return sum(word in _FUNCTION_WORDS for word in found) >= 2


_FUNCTION_WORDS = frozenset(
    """que el los las una para pero estoy quiero como porque mi muy por je suis les des une est pas mon ma avec pour dans qui
    ich nicht und der das mein meine habe mit bin kann ist ein eine wie auf zu il di che non sono com nao voce""".split()
)
