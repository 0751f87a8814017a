"""The form of a message in which danger is looked for: written-around words are made plain. What is shown is never changed."""

from __future__ import annotations

import re
import unicodedata

# Letters of other scripts that look like Latin ones; folded only inside words that also hold Latin letters.
_LOOK_ALIKES = str.maketrans(
    "аеорсухіјѕһԁԛԝӏкмтвнгпзАЕОРСУХІЈЅНКМТВαορνικτυχεηΑΒΕΖΗΙΚΜΝΟΡΤΥΧ",
    "aeopcyxijshdqwlkmtbhrn3AEOPCYXIJSHKMTBaopviktuxenABEZHIKMNOPTYX",
)
_MIXED_WORD = re.compile(r"\b(?=\w*[A-Za-z])(?=\w*[\u0370-\u04ff])\w+")
_LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})
_LEET_WORD = re.compile(r"(?<!\S)(?=\S*[a-z])(?=\S*[0-9@$!])[a-z0-9@$!*]{3,}(?!\S)")
# Numbers with letters that are ordinary here: "5-htp", "b12", "60kg", "2nd", "5ht2a", "omega3", "gad7".
_PLAIN_MIX = re.compile(r"\d+(?:st|nd|rd|th|mg|mcg|g|kg|ml|iu|lbs?|yo|yrs?|hrs?|h|am|pm|x|k|s|ht\w*|htp|hiaa)?|[a-z]{1,6}-?\d{1,3}[a-z]?")
_SPACED = re.compile(r"(?<!\w)(?:[a-z][ .\-_*/]{1,2}){3,}[a-z](?!\w)")
_REPEATED = re.compile(r"([a-z])\1{2,}")
_APOSTROPHES = re.compile(r"[’‘ʼ`´′＇]")
_WHITE = re.compile(r"\s+")
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
}
_SMS_WORD = re.compile(r"\b(?:" + "|".join(_SMS) + r")\b")


def plain(text: str) -> str:
    """NFKC, lower case, no accents, no invisible characters, look-alike letters folded, white space collapsed, spaced-out words joined."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(
        " " if char in "\n\t\r" else char for char in text if unicodedata.category(char) not in ("Cf", "Co", "Cn", "Cc") or char in "\n\t\r"
    )
    text = _MIXED_WORD.sub(lambda match: match.group().translate(_LOOK_ALIKES), text)
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("ß", "ss"))
    text = "".join(char for char in decomposed if not unicodedata.combining(char))
    text = _APOSTROPHES.sub("'", text)
    text = _SPACED.sub(_join_spaced, text)
    text = _REPEATED.sub(r"\1\1", text)
    return _WHITE.sub(" ", text).strip()


def _join_spaced(match: re.Match[str]) -> str:
    """ "k i l l  m y s e l f" -> "kill myself": a single mark parts letters, a wider gap parts words."""
    return " ".join(re.sub(r"[ .\-_*/]", "", part) for part in re.split(r"[ .\-_*/]{2}", match.group()))


def variants(text: str) -> tuple[str, ...]:
    """`plain(text)` and, where they differ, the same with digits read as letters and with text-message words written out."""
    base = plain(text)
    letters = _LEET_WORD.sub(lambda match: match.group() if _PLAIN_MIX.fullmatch(match.group()) else match.group().translate(_LEET), base)
    letters = _SMS_WORD.sub(lambda match: _SMS[match.group()], letters)
    letters = _REPEATED.sub(r"\1", letters)
    return (base,) if letters == base else (base, letters)


def readable(text: str) -> bool:
    """Whether a message holds anything that could be a question: some letters, and not mostly marks and digits."""
    letters = sum(char.isalpha() for char in text)
    return letters >= 2 and letters >= 0.4 * sum(not char.isspace() for char in text)
