"""What in a message says that it goes on from the one before: words that lean on it, corrections, ordinals, halves of comparisons.

All of it takes folded text (`words.fold`), but for what gives text back.
"""

from __future__ import annotations

import re

from ntqa.words import content_words, fold, words

# "its side effects", "does it work", "are they safe": words that lean on something named before.
_PRONOUN = re.compile(r"\b(?:it|its|they|them|their|theirs|that one|those|these|this one|the same|the other|mine)\b")
# "that" and "this" lean on something before only at certain places: "is that proven", "why is this", not "a drug that works".
_DEMONSTRATIVE = re.compile(
    r"^(?:and |but |so |ok |okay |wait |hmm |um |also )*(?:is|was|does|did|do|are|can|could|would|has|why|how|what|when|who|where)\b[\w' ]{0,20}\b(?:that|this)\b(?! (?:a|an|the|my|your|people|some)\b)"
    r"|\b(?:like|about|of|with|from|for|by|than|on|do|does|mean|means|causes?|prove[sn]?|stop|after|before|(?:why|how) (?:is|was)) (?:that|this)\s*[?.!]*$|^(?:that|this)\b"
)
# "why is it hard to", "is it true that": an "it" that stands for nothing; in "what does it do to" it stands for something.
_DUMMY = re.compile(
    r"\b(?:is|was|does|would|will|makes?|find) ?it (?=(?:so |really |very |too |just )?(?:(?!do\b)\w+ (?:to|that)\b|true|normal|common|possible))|\bit(?:s| is) (?:true|normal|common|possible)\b"
)
_BARE_SUBJECT = re.compile(
    r"^(?:and |so |but |ok(?:ay)? )*(?:what|how|why|when|is|are|was|were|does|do|did|can|could|would|will|should|which|who)(?: \w+){0,2}? (?:it|its|they|them|their|that|this|these|those)\b"
)
# Of what?
_BARE_ASPECT = re.compile(
    r"^(?:what (?:are|is) |are there |is there )?(?:the |any |all |some )?(?:common |serious |bad |long[ -]term |main |usual )?"
    r"(?:side[ -]?effects?|risks?|dangers?|interactions?|benefits?|downsides?|evidence|alternatives?|reviews?)\s*[?.!]*$"
)
# "how big was the trial", "what else helps": where nothing is named, these are the trial, and other than the things, spoken of before.
_DEFINITE = re.compile(
    r"\b(?:the|that|those|these) (?:trials?|stud(?:y|ies)|levels?|clinic|spray|patch|tablets?|pills?|drugs?|medicines?|supplements?|tests?|risks?|"
    r"dangers?|side effects?|downsides?|benefits?|symptoms?|effects?|evidence|version)\b(?! (?:of|for|in|with|from|that|to|when|on|about)\b)|\belse\b"
)
# Only beside a name: "is that the adrenaline thing", "does tramadol count".
_PREDICATE = re.compile(
    r"^(?:and |so |but |oh )*(?:is|isn't|isnt|was|are) (?:that|this) (?:a|an|the)\b|^(?:and |so |but )*(?:does|do|would) [\w' -]{2,40} (?:count|qualify)(?: too| as well)?\s*[?.!]*$"
)
_OPENING = re.compile(
    r"^(?:and\b|what about\b|how about\b|but (?:what|how|is|does|why)\b|also\b|or\b|then\b|so (?:what|how|is|does|why)\b|same (?:for|with|question)\b|any (?:other|more)\b|why(?: not| is that| so)?\s*\??$"
    r"|how (?:so|come|long|often|fast|quickly|soon)\s*\??$|more (?:on|about) (?:that|this|it)|tell me more|go on|such as|like what|for example|really\s*\?|are you sure|says who|since when)"
)
_CORRECTION = re.compile(
    r"^(?:no+|nope|nah|sorry|oops|actually|wait|i mean|i meant|not that|that'?s not)[,.! ]*(?:sorry[, ]*)?(?:(?:i|we) (?:mean|meant|was asking about|was talking about|am asking about)|not (?:that|the \w+(?: one)?)[,.]?(?: i meant| but| the)?|i'm asking about|im asking about|meant)?\b"
)
_CORRECTION_SIGN = re.compile(
    r"\b(?:i meant?|i was (?:asking|talking) about|not the|not that|no[,.] (?:the|i)|as a (?:supplement|medicine|medication|pill|test))\b"
)
_ORDINAL = re.compile(
    r"\b(?:(?:go(?:ing)? )?back to )?(?:the )?(?P<which>first|second|third|last|other|former|latter|1st|2nd|3rd)(?: (?:one|passage|quote|answer|thing|drug|medicine|supplement|option)\b|(?=\s*(?:[,?.!]|$)))"
)
_BACK = re.compile(r"\bback to\b")
_LEFT_OVER = re.compile(r"^(?:(?:and|n|so|ok|okay|but)\b[\s,]*)+(?=\S)", re.IGNORECASE)  # what stood before it
_ORDINAL_VALUES = {"first": 0, "1st": 0, "former": 0, "second": 1, "2nd": 1, "other": 1, "latter": 1, "third": 2, "3rd": 2, "last": -1}
# What thanks, greetings and nods are made of; a message of other words besides asks something ("ok but with prozac", "ok and why").
_THANKS = frozenset({"thanks", "thank", "thx", "ty", "ta", "cheers"})
_ASIDE_OPENING = re.compile(
    r"^(?:hi|hello|hey|thanks?|thx|ty|ta|cheers|ok(?:ay)?|great|cool|nice|lovely|brilliant|bye|got it|i see|interesting|good|lol|haha)\b"
)
_ASIDE_WORDS = _THANKS.union(
    """hi hello hey there you u ok okay great cool nice lovely brilliant perfect awesome wow bye goodbye got it i see interesting good lol haha
    fine alright right sure yes yep yeah no makes sense that's thats that all for now so much very really a lot helpful useful to know one
    mate well again morning evening afternoon night day have later will do then fair enough""".split()
)
_KIND_WORDS = {"supplement", "supplements", "medicine", "medication", "drug", "hormone", "vitamin", "herb", "test", "food", "pill"}
_OWN_SUBJECT = re.compile(r"\b(?:if|when|because|since|as) (?:it|they|that|this)\b")  # the pronoun means what the message itself names
_PREAMBLE = re.compile(
    r"^(?:(?:lol|haha+|h+m+|um+|ok(?:ay)?(?: then)?|alright|right|thanks|thank you|thx|i see|got it|fair enough)\b[\s,.!]+(?!for\b)"
    r"|(?:great|good|cool|fine|fair|nice|interesting|well|yes|yeah|no)[,.!]+\s*)+(?=\S)",
    re.IGNORECASE,
)
_HALF_COMPARISON = re.compile(
    r"^(?:is (?:it|that) )?(?:the )?(?:same as|as \w+ as|different (?:from|to|than)|compared (?:to|with)|versus|vs|like|(?:more |less )?\w+ than)\b"
)
_PREPOSITION = re.compile(r"^(?:and |but |so )?(?:(?:what|how) about )?(?:with|without|in|during|for|after|before|on|plus|if|even)\b")
_IN_FULL = re.compile(r"^(?:does|do|did|is|are|was|were|can|could|will|would|should|has|have|what|whats|how|hows|who|which|when|where)\b")
_NO_SUBJECT = re.compile(
    r"^(?:and |so |but |is it |are they |any )*(?:good|better|bad|useful|use|help|helps|works?|worth it|safe|ok|okay|used|given|taken) (?:for|in|with|against|during)\b"
)
_BOTH = re.compile(
    r"\b(?:of (?:the two|them|those|these)|both|either|between (?:them|the two)|which(?: one)? (?:is|has|works?|helps?)|which one)\b"
)
BARE = 8  # words of a message in which a bare pronoun can be the whole subject


def is_aside(folded: str) -> bool:
    """Thanks, greetings and the like, which change nothing."""
    if not _ASIDE_OPENING.search(folded) or "?" in folded:
        return False
    said = set(words(folded))
    return len(said - _ASIDE_WORDS) <= bool(said & _THANKS)  # "thank you anyway", "ok thanks doc"


def without_preamble(text: str) -> str:
    """ "lol ok. and serotonin?" without its first words; case is kept."""
    return _PREAMBLE.sub("", text)


def opens_follow_up(folded: str) -> bool:
    """ "and", "what about", "why not?": openings that only a follow-up has."""
    return bool(_OPENING.search(folded))


def asks_of_two(folded: str) -> bool:
    """ "which of the two", "do both work"."""
    return bool(_BOTH.search(folded))


def is_half_comparison(folded: str) -> bool:
    """A comparison that lacks its first side: "same as benzos?"."""
    return bool(_HALF_COMPARISON.search(folded))


def begins_with_preposition(folded: str) -> bool:
    """ "with alcohol?", "what about in pregnancy", or a clause that hangs on what was said: "if they are bipolar", "even bad depression?"."""
    return bool(_PREPOSITION.search(folded))


def asks_in_full(folded: str) -> bool:
    """ "does magnesium help with sleep", not "why not just prozac" or "blood tests too"."""
    return bool(_IN_FULL.search(folded))


def lacks_subject(folded: str) -> bool:
    """ "good for insomnia?", "safe with alcohol": what is good or safe was named before."""
    return bool(_NO_SUBJECT.search(folded))


def leans(folded: str) -> bool:
    """Whether a folded message refers to something outside itself."""
    refers = _OPENING.search(folded) or _DEMONSTRATIVE.search(folded) or _DEFINITE.search(folded)
    return bool(refers or _PRONOUN.search(_DUMMY.sub("", folded)))


def leans_beside_name(folded: str) -> bool:
    """Whether a message that names a topic also refers back: "is it better than X", "does that go for X as well"."""
    bare = _DUMMY.sub("", folded)
    return bool(_PRONOUN.search(bare) or _DEMONSTRATIVE.search(bare) or _PREDICATE.search(bare)) and not _OWN_SUBJECT.search(folded)


def refers_to_nothing(folded: str) -> bool:
    """A first message whose subject is a bare pronoun ("what are its side effects?") or missing ("any side effects?"); a longer one
    describes what it means itself.
    """
    short = len(folded.split()) <= BARE and len(content_words(folded)) <= 3
    return short and bool(_BARE_SUBJECT.search(_DUMMY.sub("", folded)) or _OPENING.search(folded) or _BARE_ASPECT.search(folded))


def is_correction(folded: str) -> bool:
    """Whether a message mends the one before: "no, I meant the supplement"."""
    if re.search(r"\bi mean(?:t)?[.!]?$|^(?:[\w-]+ ){1,3}(?:sorry|oops)[.!]?$", folded):  # "buspirone i meant"
        return True
    return bool(_CORRECTION.match(folded) and _CORRECTION_SIGN.search(folded)) or bool(
        re.match(r"^(?:no[,. ]+)?i meant?\b|^not the\b", folded)
    )


def without_correction(folded: str) -> str:
    """What a correction puts in the place of what was said."""
    return re.sub(r"\bi meant?[.!]?$|\b(?:sorry|oops)\b", "", _CORRECTION.sub("", folded)).strip(" ,")


def ordinal_of(folded: str) -> int | None:
    """Which of several things is meant ("the second one"): its position, -1 for the last."""
    match = _ORDINAL.search(folded)
    return _ORDINAL_VALUES[match["which"]] if match else None


def goes_back(folded: str) -> bool:
    """ "back to the first one"."""
    return bool(_BACK.search(folded))


def without_ordinal(text: str) -> str:
    """ "the second one, how long does it take" without its first words, when what is left says something."""
    match = _ORDINAL.search(text.lower())
    rest = " ".join((text[: match.start()] + " " + text[match.end() :]).split()).strip(" ,?.!:") if match else ""
    return _LEFT_OVER.sub("", rest) if content_words(fold(rest)) else text


def kinds_named(folded: str) -> list[str]:
    """ "the supplement", but not "not the supplement"."""
    return [word for word in words(re.sub(r"\bnot (?:the|a|an) \w+", "", folded)) if word in _KIND_WORDS]
