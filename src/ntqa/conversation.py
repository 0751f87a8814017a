"""Follow-ups: from the reader's messages to one standalone query, without a language model and without memory of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ntqa.lexicon import Lexicon, Mention, replace_words
from ntqa.schema import Query
from ntqa.words import content_words, fold, words

# "its side effects", "does it work", "are they safe": words that lean on something named before.
_PRONOUN = re.compile(r"\b(?:it|its|they|them|their|theirs|that one|those|these|this one|the same|the other)\b")
# "that" and "this" lean on something before only at certain places: "is that proven", "why is this", not "a drug that works".
_DEMONSTRATIVE = re.compile(
    r"^(?:and |but |so |ok |okay |wait |hmm |um |also )*(?:is|was|does|did|do|are|can|could|would|has|why|how|what|when|who|where)\b[\w' ]{0,20}\b(?:that|this)\b(?! (?:a|an|the|my|your|people|some)\b)"
    r"|\b(?:like|about|of|with|from|for|by|than|on|do|does|mean|means|causes?|prove[sn]?|stop|after|before) (?:that|this)\s*[?.!]*$|^(?:that|this)\b"
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
    r"\b(?:the )?(?P<which>first|second|third|last|other|former|latter|1st|2nd|3rd)(?: (?:one|passage|quote|answer|thing|drug|medicine|supplement|option))?\b"
)
_ORDINAL_VALUES = {"first": 0, "1st": 0, "former": 0, "second": 1, "2nd": 1, "other": 1, "latter": 1, "third": 2, "3rd": 2, "last": -1}
_ASIDE = re.compile(r"^(?:hi|hello|hey|thanks?|thank you|thx|ok(?:ay)?|great|cool|bye|got it|i see|interesting|good|lol)\b[\w ,!.]{0,20}$")
_KIND_WORDS = {"supplement", "supplements", "medicine", "medication", "drug", "hormone", "vitamin", "herb", "test", "food", "pill"}
_WORD = re.compile(r"[^\W_](?:[^\W_]|['’‘ʼ`´])*")  # where `words.words` finds its words, with their places
_LINK = re.compile(r"\s*(?:and|or|vs|,|:|&|/)?\s*")
SHORT = 6  # words; a message this short without a topic or a verb of its own is a fragment of the question before


@dataclass(frozen=True, slots=True)
class _Turn:
    text: str
    mentions: tuple[Mention, ...]


def reformulate(messages: Sequence[str], lexicon: Lexicon) -> Query:
    """Read the last of the reader's `messages` (oldest first) as a question that stands alone.

    A follow-up without a topic of its own takes the topics of the nearest earlier turn that has some; a message that leans on something
    that was never named comes back with `needs_topic`.
    """
    query = Query("", "")
    focus: tuple[Mention, ...] = ()
    standalone = ""
    for message in messages:
        query = _read(message, focus, standalone, lexicon)
        if query.topic_ids:
            focus = tuple(Mention(topic, "", 0, 0) for topic in query.topic_ids)
            if query.members:
                focus = tuple(_own_mentions(query.text, lexicon)) or focus
        if not _ASIDE.match(fold(message)) and not query.needs_topic:
            standalone = query.text
    return query


def _own_mentions(text: str, lexicon: Lexicon) -> tuple[Mention, ...]:
    seen: dict[tuple[str, str], Mention] = {}
    for mention in lexicon.mentions(text):
        seen.setdefault((mention.topic_id, mention.member), mention)
    return tuple(seen.values())


def _read(message: str, focus: tuple[Mention, ...], previous: str, lexicon: Lexicon) -> Query:
    corrections = lexicon.correct(message)
    text = replace_words(message.strip(), dict(corrections))
    mentions = _own_mentions(text, lexicon)
    folded = " ".join(fold(text).split())
    if _ASIDE.match(folded):
        return Query(message, text, *_topics(mentions), corrections=corrections)
    if not previous:
        needs = not mentions and leans(folded) and not _self_sufficient(folded)
        return Query(message, text, *_topics(mentions), needs_topic=needs, corrections=corrections)
    if _is_correction(folded):
        corrected = _corrected(text, mentions, focus, previous, lexicon)
        if corrected:
            return Query(
                message, corrected, *_topics(_own_mentions(corrected, lexicon)), corrections=corrections, context=f"{previous} {text}"
            )
    ordinal = _ordinal(folded) if not mentions else None
    if ordinal is not None and len(focus) > 1:
        focus = (focus[ordinal if -len(focus) <= ordinal < len(focus) else -1],)
        ordinal = None
    if mentions:
        if _only_swaps_topic(folded, text, mentions, lexicon):
            swapped = _swap(previous, mentions, lexicon, text)
            return Query(message, swapped, *_topics(_own_mentions(swapped, lexicon)), corrections=corrections, context=f"{previous} {text}")
        if _PRONOUN.search(folded) and focus and _names_a_partner(folded):
            joined = tuple({(item.topic_id, item.member): item for item in (*focus, *mentions)}.values())
            named = _names(focus, lexicon)
            return Query(message, f"{named}: {text}", *_topics(joined), corrections=corrections, context=f"{previous} {text}")
        return Query(message, text, *_topics(mentions), corrections=corrections)
    if not leans(folded) and not _fragment(folded, lexicon):
        return Query(message, text, corrections=corrections)
    if not focus:
        # Nothing with a name was spoken of: the previous question itself is what this leans on.
        return Query(message, f"{previous} {text}", corrections=corrections, context=previous, ordinal=ordinal)
    return Query(
        message,
        f"{_names(focus, lexicon)}: {text}",
        *_topics(focus),
        corrections=corrections,
        context=f"{previous} {text}",
        ordinal=ordinal,
    )


def leans(folded: str) -> bool:
    """Whether a folded message refers to something outside itself."""
    return bool(_OPENING.search(folded) or _DEMONSTRATIVE.search(folded) or _PRONOUN.search(folded))


def _self_sufficient(folded: str) -> bool:
    """Long messages that use a pronoun for something they describe themselves."""
    return len(content_words(folded)) >= 6 and not _OPENING.search(folded)


def _fragment(folded: str, lexicon: Lexicon) -> bool:
    """Too short to be a question of its own: "side effects?", "for kids"."""
    found = words(folded)
    if len(found) > SHORT:
        return False
    strange = [word for word in content_words(folded) if not lexicon.knows(word)]
    return not strange


def _is_correction(folded: str) -> bool:
    return bool(_CORRECTION.match(folded) and _CORRECTION_SIGN.search(folded)) or bool(
        re.match(r"^(?:no[,. ]+)?i meant?\b|^not the\b", folded)
    )


def _ordinal(folded: str) -> int | None:
    match = _ORDINAL.search(folded)
    return _ORDINAL_VALUES[match["which"]] if match else None


def _topics(mentions: Sequence[Mention]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    topics = tuple(dict.fromkeys(item.topic_id for item in mentions))
    members = tuple(dict.fromkeys(item.member for item in mentions if item.member))
    # A group named beside its member ("SSRIs like Zoloft") asks about the group.
    groups = {item.topic_id for item in mentions if not item.member}
    return topics, tuple(m for m in members if not any(i.member == m and i.topic_id in groups for i in mentions))


def _names(mentions: Sequence[Mention], lexicon: Lexicon) -> str:
    return " and ".join(dict.fromkeys(item.member or lexicon.topics[item.topic_id].name for item in mentions))


def _names_a_partner(folded: str) -> bool:
    """ "can it be mixed with X", "is it better than X": both the old topic and the new one are meant."""
    return bool(re.search(r"\b(?:with|than|and|versus|vs|or|like|as|from|to|alongside|on)\b", folded))


def _only_swaps_topic(folded: str, text: str, mentions: Sequence[Mention], lexicon: Lexicon) -> bool:
    """ "what about Zoloft", "and magnesium?": the previous question with another topic."""
    if not re.match(
        r"^(?:and|what about|how about|what of|or|same (?:for|with|question for)|ok(?:ay)? and|but what about|also|now)\b", folded
    ):
        return False
    named = {word for item in mentions for word in words(text)[item.start : item.end]}
    rest = [word for word in content_words(folded) if word not in named and word not in {"instead", "then", "one", "same", "question"}]
    return not rest


def _swap(previous: str, mentions: Sequence[Mention], lexicon: Lexicon, text: str) -> str:
    """`previous` with its topic names exchanged for those that `mentions` names in `text`; with none to exchange, the new names before it."""
    tokens = words(text)
    new = " and ".join(" ".join(tokens[item.start : item.end]) for item in mentions)
    old = lexicon.mentions(previous)
    if not old:
        return f"{new}: {previous}"
    spans = [match.span() for match in _WORD.finditer(previous)]
    result = previous[: spans[old[0].start][0]] + new
    cursor = spans[old[0].end - 1][1]
    for item in old[1:]:
        between = previous[cursor : spans[item.start][0]]
        if not _LINK.fullmatch(between):
            result += between
        cursor = spans[item.end - 1][1]
    return result + previous[cursor:]


def _corrected(text: str, mentions: Sequence[Mention], focus: Sequence[Mention], previous: str, lexicon: Lexicon) -> str:
    if mentions:
        wanted = mentions[-1:] if re.search(r"\bnot\b.*\b(?:but|,|\.)|\bnot the\b", fold(text)) else mentions
        kinds = [word for word in words(text) if word in _KIND_WORDS]
        named = _variant(wanted, kinds, lexicon) or wanted
        return _swap(previous, wanted, lexicon, text) if named is wanted else f"{_names(named, lexicon)}: {previous}"
    kinds = [word for word in words(text) if word in _KIND_WORDS]
    named = _variant(focus, kinds, lexicon)
    if named:
        return f"{_names(named, lexicon)}: {previous}"
    detail = " ".join(content_words(_CORRECTION.sub("", fold(text))))
    return f"{previous} {detail}" if detail else ""


def _variant(focus: Sequence[Mention], kinds: Sequence[str], lexicon: Lexicon) -> tuple[Mention, ...]:
    """ "the supplement" after "GABA": the topic whose name is the old one with that word, if the corpus has it."""
    for item in focus:
        for alias in (item.member, lexicon.topics[item.topic_id].name, *lexicon.topics[item.topic_id].aliases):
            for kind in kinds:
                found = lexicon.mentions(f"{alias} {kind.rstrip('s')}") if alias else ()
                if len(found) == 1 and found[0].topic_id != item.topic_id:
                    return found
    return ()
