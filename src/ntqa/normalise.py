"""The forms in which a message is read: as plain words to look for danger in, and as legible ones to search with. What is shown is never changed."""

from __future__ import annotations

import re
import unicodedata

# Letters of other scripts that look like Latin ones; folded only inside words that also hold Latin letters.
_LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝӏкмтвнгпзАЕОРСУХІЈЅНКМТВαορνικτυχεηΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwlkmtbhrn3AEOPCYXIJSHKMTBaopviktuxenABEZHIKMNOPTYX",
)
_MIXED_WORD = re.compile(r"\b(?=\w*[A-Za-z])(?=\w*[\u0370-\u052f])\w+")
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_LEET_WORD = re.compile(r"(?<!\S)(?=\S*[a-z])(?=\S*[0-9@$!])[a-z0-9@$!*]*[a-z0-9@$](?=[.,;:?!]*(?:\s|$))")
_INVISIBLE = ("Cf", "Co", "Cn", "Cc")
# Numbers with letters that are ordinary here: "5-htp", "b12", "60kg", "2nd", "5ht2a", "omega3", "gad7".
_PLAIN_MIX = re.compile(r"\d+(?:st|nd|rd|th|mg|mcg|g|kg|ml|iu|lbs?|yo|yrs?|hrs?|h|am|pm|x|k|s|ht\w*|htp|hiaa)?|[a-z]{1,6}-?\d{1,3}[a-z]?")
_SPACED = re.compile(r"(?<!\w)(?:[a-z][ .\-_*/]{1,2}){3,}[a-z](?!\w)")
# As `_SPACED`, for text that is searched with: longer, because "vitamins a d e k" is four words, and with the wider gaps between words.
_SPELT_OUT = re.compile(r"(?<!\w)(?:[a-z][ .\-_*/]{1,4}){4,}[a-z](?!\w)", re.IGNORECASE)
_REPEATED = re.compile(r"([a-z])\1{2,}")
_APOSTROPHES = re.compile(r"[’‘ʼ`´′＇]")
_WHITE = re.compile(r"\s+")
# Words of danger as they stand in messages without vowels: "nt wrth lvng".
_BARE = {
    word[0] + re.sub("[aeiou]", "", word[1:]): word
    for word in """anything breathing cannot chest death dying everything goodbye kill living lonely myself nothing pills swallowed
    tablets throat tomorrow tonight want worth""".split()
}
_SMS = {
    "u": "you",
    "ur": "your",
    "r": "are",
    "im": "im",
    "wanna": "want to",
    "gonna": "going to",
    "2nite": "tonight",
    "2day": "today",
    "cuz": "because",
    "gna": "going to",
    "gunna": "going to",
    "wnna": "want to",
    "wnt t": "want to",
    "dnt": "dont",
    "cnt": "cant",
    "dis": "this",
    "dat": "that",
    "lyf": "life",
    "lyfe": "life",
    "meself": "myself",
    "myslf": "myself",
    "mysef": "myself",
    "mysf": "myself",
    "nemore": "anymore",
    "sumone": "someone",
    "nt": "not",
    "hav": "have",
    **_BARE,
}
_SMS_WORD = re.compile(r"\b(?:" + "|".join(_SMS) + r")\b")


def plain(text: str) -> str:
    """NFKC, lower case, no accents, no invisible characters, look-alike letters folded, white space collapsed, spaced-out words joined,
    runs of a letter cut to two.
    """
    return _REPEATED.sub(r"\1\1", _flat(text))


def _flat(text: str) -> str:
    if text.isascii() and text.isprintable():  # nothing to fold
        return _WHITE.sub(" ", _SPACED.sub(_join_spaced, _APOSTROPHES.sub("'", text.lower()))).strip()
    text = unicodedata.normalize("NFKC", _APOSTROPHES.sub("'", text))  # before NFKC, which takes an acute accent for a blank and a mark
    kept = (" " if char in "\n\t\r" else char for char in text if char in "\n\t\r" or unicodedata.category(char) not in _INVISIBLE)
    text = _MIXED_WORD.sub(lambda match: match.group().translate(_LOOK_ALIKES), "".join(kept))
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    text = "".join(char for char in decomposed if not unicodedata.combining(char))
    return _WHITE.sub(" ", _SPACED.sub(_join_spaced, text)).strip()


def _join_spaced(match: re.Match[str]) -> str:
    """ "k i l l  m y s e l f" -> "kill myself": the usual gap parts letters, a wider one parts words."""
    gaps = re.findall(r"[ .\-_*/]+", match.group())
    usual = min(len(gap) for gap in gaps)
    return "".join(piece if piece.isalpha() else " " if len(piece) > usual else "" for piece in re.split(r"([ .\-_*/]+)", match.group()))


def legible(text: str) -> str:
    """`text` as it is meant to be read, otherwise as typed: fullwidth and styled letters as usual ones, look-alike letters folded, invisible
    characters dropped, spelt-out words joined.
    """
    if not text.isascii():
        kept = (_usual(char) for char in text if char in "\n\t\r" or unicodedata.category(char) not in _INVISIBLE)
        text = _MIXED_WORD.sub(lambda match: match.group().translate(_LOOK_ALIKES), "".join(kept))
    return _SPELT_OUT.sub(_join_spaced, text)


def _usual(char: str) -> str:
    """The ASCII character that a compatibility form ("ｄ", "²", "𝐝") stands for, or the character itself."""
    usual = unicodedata.normalize("NFKC", char)
    return usual if len(usual) == 1 and usual.isascii() else char


def variants(text: str) -> tuple[str, ...]:
    """`plain(text)` and, where it differs, the same with long runs of a letter cut to one, digits read as letters, and
    text-message words written out.
    """
    base = plain(text)
    letters = _LEET_WORD.sub(_as_letters, _REPEATED.sub(r"\1", _flat(text)))
    letters = _SMS_WORD.sub(lambda match: _SMS[match.group()], letters)
    return (base,) if letters == base else (base, letters)


def _as_letters(match: re.Match[str]) -> str:
    word = match.group()
    return word if _PLAIN_MIX.fullmatch(word) else word.translate(_LEET)


def readable(text: str) -> bool:
    """Whether a message holds anything that could be a question: a letter, and not mostly marks."""
    signs = sum(char.isalnum() for char in text)
    return any(char.isalpha() for char in text) and signs >= 2 and signs >= 0.4 * sum(not char.isspace() for char in text)
