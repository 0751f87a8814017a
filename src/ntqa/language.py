"""Which language a message is in, asked only when it does not look like English."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from ntqa.lexicon import Lexicon
from ntqa.words import STOP_WORDS, words

_CANDIDATES = ("en", "es", "fr", "de", "it", "pt", "nl", "pl", "sv", "tr", "ru", "uk", "ar", "hi", "zh", "ja")


@lru_cache(maxsize=1)
def _identifier() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(_CANDIDATES)
    return identifier


def language_of(text: str, lexicon: Lexicon) -> str:
    """ISO 639 code; "en" for anything without foreign letters or foreign function words: misspelt English is English."""
    found = words(text)
    foreign = sum(word in _FUNCTION_WORDS for word in found)
    if text.isascii() and not foreign:
        return "en"
    known = sum(word in STOP_WORDS or lexicon.spelling.is_word(word) for word in found)
    if found and known - foreign > len(found) / 2:
        return "en"
    code: str = _identifier().classify(text)[0]
    return code


_FUNCTION_WORDS = frozenset(
    """que el los las una para pero estoy quiero como porque mi muy por je suis les des une est pas mon ma avec pour dans qui
    ich nicht und der das mein meine habe mit bin kann ist ein eine wie auf zu il di che non sono com nao voce""".split()
)
