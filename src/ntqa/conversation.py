"""Follow-ups: from the reader's messages to one standalone query, without a language model and without memory of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ntqa.cues import (
    asks_in_full,
    asks_of_two,
    begins_with_preposition,
    goes_back,
    is_aside,
    is_correction,
    is_half_comparison,
    kinds_named,
    lacks_subject,
    leans,
    leans_beside_name,
    opens_follow_up,
    ordinal_of,
    refers_to_nothing,
    without_correction,
    without_ordinal,
    without_preamble,
)
from ntqa.lexicon import Lexicon, Mention
from ntqa.schema import Query
from ntqa.spelling import replace_words
from ntqa.words import WORD, content_words, fold, words

_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,200}>")  # pasted with a question; says nothing
_LINK = re.compile(r"\s*(?:and|or|vs|,|:|&|/)?\s*")
_FILLERS = frozenset({"instead", "then", "one", "same", "question", "well", "as", "too", "also", "either"})
_SELF_CORRECTED = re.compile(r"[\s,.]+(?:no |sorry |wait |oops )*i meant?\b[\s,:]+", re.IGNORECASE)
_TOO = re.compile(r"\b(?:too|as well|also)\s*[?.!]*$")
_SHORT_ASIDE = re.compile(r"^(?:why|any)\b|^[\w-]+ [\w-]+\?$")
SHORT_QUESTION = 8  # words
SHORT = 6  # words; a message this short without a topic or a verb of its own is a fragment of the question before


def reformulate(messages: Sequence[str], lexicon: Lexicon, answered: Sequence[str] = ()) -> Query:
    """Read the last of the reader's `messages` (oldest first) as a question that stands alone.

    A follow-up without a topic of its own takes the topics of the nearest earlier turn that has some; a message that leans on something
    that was never named comes back with `needs_topic`. `answered`: for each earlier message the topic of the passage that answered it, ""
    for none; from then on that is spoken of too.
    """
    state = _State()
    query = Query("", "")
    for place, message in enumerate(messages):
        query, state = _read(message, state, lexicon)
        if place < len(answered) and answered[place]:
            state = _with_answer(state, answered[place], lexicon)
    return query


@dataclass(frozen=True, slots=True)
class _State:
    """What has been spoken of so far."""

    focus: tuple[Mention, ...] = ()  # the topics of the last turn that had some
    before: tuple[Mention, ...] = ()  # those of the last turn that was about others
    first: tuple[Mention, ...] = ()  # those of the first turn that had some
    previous: str = ""  # the last question, standing alone
    question: str = ""  # the last that says more than names
    pending: str = ""  # a last question that lacked its topic


def _read(message: str, state: _State, lexicon: Lexicon) -> tuple[Query, _State]:
    plain = lexicon.joined(_TAG.sub(" ", message).strip() or message.strip())
    corrections = lexicon.spelling.correct(plain)
    text = lexicon.joined(replace_words(plain, dict(corrections)))
    mentions = _own_mentions(text, lexicon)
    if is_aside(" ".join(fold(text).split())) and not mentions:
        return Query(message, text, corrections=corrections), state
    if state.previous or state.pending:
        text = without_preamble(text)
    text = _as_meant(text, lexicon)
    folded = " ".join(fold(text).split())
    mentions = _own_mentions(text, lexicon)
    reading = _standalone(text, folded, mentions, state, lexicon)
    topics, members = _topics(reading.mentions)
    query = Query(
        message,
        reading.text,
        topics,
        members,
        needs_topic=reading.needs_topic,
        corrections=corrections,
        context=reading.context,
        ordinal=reading.ordinal,
    )
    if reading.needs_topic:
        return query, replace(state, pending=text)
    focus = reading.mentions or (() if _names_only_others(text, folded, mentions, lexicon) else state.focus)
    earlier = _things(state.focus, lexicon)
    before = earlier if earlier and not set(focus) & set(earlier) else state.before
    question = state.question if _only_names(reading.text, lexicon) else reading.text
    return query, _State(focus, before, state.first or focus, reading.text, question)


def _with_answer(state: _State, topic_id: str, lexicon: Lexicon) -> _State:
    """ "that red kitchen spice, does it lift depression", answered about saffron, is about saffron and no longer about depression; "why no
    cheese on antidepressants", answered about tyramine, is about both.
    """
    named = [item.topic_id for item in state.focus]
    if topic_id not in lexicon.topics or topic_id in named:
        return state
    substances = state.focus if any(map(lexicon.is_substance, named)) else ()
    focus = (*substances, Mention(topic_id, "", 0, 0))
    return replace(state, focus=focus, first=focus if state.first == state.focus else state.first)


@dataclass(frozen=True, slots=True)
class _Reading:
    text: str
    mentions: tuple[Mention, ...] = ()
    context: str = ""
    needs_topic: bool = False
    ordinal: int | None = None


def _standalone(text: str, folded: str, mentions: tuple[Mention, ...], state: _State, lexicon: Lexicon) -> _Reading:
    """How a message is read after what was said before it; the rules in order, the first that fits wins."""
    focus, previous = state.focus, state.previous
    both = f"{previous} {text}"
    if _names_only_others(text, folded, mentions, lexicon):
        focus = ()
    if state.pending and mentions and _only_names(without_correction(folded), lexicon):  # "what are its side effects?" - "i meant lithium"
        return _Reading(f"{_names(mentions, lexicon)}: {state.pending}", mentions)
    if not previous:
        return _Reading(text, mentions, needs_topic=refers_to_nothing(_unnamed(folded, mentions, lexicon)))
    if is_correction(folded):
        corrected = _corrected(text, mentions, focus, previous, lexicon)
        if corrected:
            return _Reading(corrected, _own_mentions(corrected, lexicon), both)
    ordinal = None if mentions else ordinal_of(folded)
    back = ordinal == 0 and goes_back(folded) and bool(state.first)
    things = _things(focus, lexicon)
    of_two = not mentions and len(things) == 1 and bool(state.before) and (ordinal is not None or asks_of_two(folded))
    if of_two:
        focus = (*state.before[-1:], *things)
    if ordinal is not None and (back or len(focus) > 1):
        meant = _things(state.first, lexicon) if back else (focus[ordinal if -len(focus) <= ordinal < len(focus) else -1],)
        read = f"{_names(meant, lexicon)}: {without_ordinal(text)}"
        return _Reading(read, meant, read)
    if mentions:
        adds = _adds(folded, mentions, focus, lexicon)
        if not adds and _only_swaps_topic(folded, text, mentions):
            swapped = _swap(state.question or previous, mentions, lexicon, text)
            return _Reading(swapped, _own_mentions(swapped, lexicon), both)
        goes_on = opens_follow_up(folded) and all(lexicon.topics[item.topic_id].kind == "condition" for item in mentions)
        if focus and (
            goes_on or adds or leans_beside_name(folded)
        ):  # "can it set off panic attacks": both the old topic and the new one are meant
            joined = _merged(_things(focus, lexicon), mentions)
            return _Reading(f"{_names(_things(focus, lexicon), lexicon)}: {text}", joined, both)
        if not focus and leans_beside_name(folded):  # "can exercise boost it", after a question about something without a name
            return _Reading(both, mentions, text)
        return _Reading(text, mentions, _perhaps_about(text, mentions, focus, lexicon))
    varied = _variant(focus, kinds_named(folded), lexicon) if opens_follow_up(folded) else ()
    if varied:  # "what about the supplement"
        return _Reading(f"{_names(varied, lexicon)}: {previous}", varied, both)
    if leans(folded) or _fragment(folded, lexicon) or of_two:
        if not focus:  # nothing with a name was spoken of: the previous question itself is what this leans on
            return _Reading(both, context=previous, ordinal=ordinal)
        things = _things(focus, lexicon)
        return _Reading(f"{_names(things, lexicon)}: {text}", things, both, ordinal=ordinal)
    # A whole question without a name may or may not go on about the same: it is searched both ways.
    return _Reading(text, context=f"{_names(_things(focus, lexicon), lexicon)}: {text}" if focus else "")


def _perhaps_about(text: str, mentions: Sequence[Mention], focus: tuple[Mention, ...], lexicon: Lexicon) -> str:
    """Context for half a question that names something of another kind than what was spoken of, and may go on about that: "why not just
    prozac" after bipolar disorder.
    """
    kinds, before = ({lexicon.topics[item.topic_id].kind for item in items} for items in (mentions, focus))
    short = len(text.split()) <= SHORT_QUESTION and not asks_in_full(fold(text))
    return f"{_names(_things(focus, lexicon), lexicon)}: {text}" if focus and short and not kinds & before else ""


def _unnamed(folded: str, mentions: Sequence[Mention], lexicon: Lexicon) -> str:
    """What should name its subject and does not: a message without a name, or what stands before "with" in "is it safe with alcohol"."""
    if not mentions:
        return folded
    subject, _, beside = folded.partition(" with ")
    goes_with = beside and _only_names(beside, lexicon) and content_words(subject) and not lexicon.mentions(subject)
    return subject if goes_with else ""


def _names_only_others(text: str, folded: str, mentions: Sequence[Mention], lexicon: Lexicon) -> bool:
    """Whether what is spoken of now is something that the corpus does not cover, and no longer what was: not in "I had bulimia, can I have it"."""
    return bool(lexicon.other_names(text)) and not mentions and not leans_beside_name(folded)


def _own_mentions(text: str, lexicon: Lexicon) -> tuple[Mention, ...]:
    return _merged((), lexicon.mentions(text))


def _merged(first: Sequence[Mention], second: Sequence[Mention]) -> tuple[Mention, ...]:
    """Both, each name once."""
    seen: dict[tuple[str, str], Mention] = {}
    for mention in (*first, *second):
        seen.setdefault((mention.topic_id, mention.member), mention)
    return tuple(seen.values())


def _things(focus: tuple[Mention, ...], lexicon: Lexicon) -> tuple[Mention, ...]:
    """What a follow-up is about: of "zinc for depression", the zinc."""
    kinds = {lexicon.topics[item.topic_id].kind for item in focus}
    if not kinds - {"condition", "transmitter"}:  # "parkinsons and dopamine" is about both
        return focus
    aside = {"condition"} | ({"concept"} if kinds - {"condition", "concept"} else set())
    return tuple(item for item in focus if lexicon.topics[item.topic_id].kind not in aside)


def _fragment(folded: str, lexicon: Lexicon) -> bool:
    """Too short to be a question of its own: "side effects?", "for kids"."""
    found = words(folded)
    if len(found) > SHORT:
        return False
    strange = [word for word in content_words(folded) if not lexicon.spelling.knows(word)]
    return not strange


def _as_meant(text: str, lexicon: Lexicon) -> str:
    """ "kratom, no sorry i mean kava": without what the reader took back."""
    match = _SELF_CORRECTED.search(text)
    if not match or not lexicon.mentions(text[match.end() :]):
        return text
    taken_back = lexicon.mentions(text[: match.start()])
    if not taken_back:
        return text
    start, _ = _spans(text)[taken_back[-1].start]
    return text[:start] + text[match.end() :]


def _only_names(text: str, lexicon: Lexicon) -> bool:
    tokens = words(text)
    named = {place for item in lexicon.mentions(text) for place in range(item.start, item.end)}
    return all(place in named or word in ("or", "and") for place, word in enumerate(tokens))


def _adds(folded: str, mentions: Sequence[Mention], focus: Sequence[Mention], lexicon: Lexicon) -> bool:
    """Whether what is named joins what was spoken of: a comparison that lacks its first side ("same as benzos?"), a short addition ("with
    alcohol?", "good for insomnia?", "dementia risk?", "and sleep?" after a substance of which the corpus says what it does to sleep), and
    "thyroid too?" after lithium, but not "mdma as well?" after psilocybin.
    """
    short = len(folded.split()) < SHORT
    if is_half_comparison(folded) or (short and (begins_with_preposition(folded) or lacks_subject(folded))):
        return True
    kinds = {lexicon.topics[item.topic_id].kind for item in mentions}
    aside = short and kinds <= {"condition", "test"} and bool(_SHORT_ASIDE.search(folded))
    done_to_it = all(any(lexicon.speaks_of(old.topic_id, new.topic_id) for old in focus) for new in mentions)
    if short and done_to_it and "condition" not in kinds:
        return True
    return aside or (bool(_TOO.search(folded)) and not kinds & {lexicon.topics[item.topic_id].kind for item in focus})


def _topics(mentions: Sequence[Mention]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    topics = tuple(dict.fromkeys(item.topic_id for item in mentions))
    members = tuple(dict.fromkeys(item.member for item in mentions if item.member))
    # A group named beside its member ("SSRIs like Zoloft") asks about the group.
    groups = {item.topic_id for item in mentions if not item.member}
    return topics, tuple(m for m in members if not any(i.member == m and i.topic_id in groups for i in mentions))


def _names(mentions: Sequence[Mention], lexicon: Lexicon) -> str:
    return " and ".join(dict.fromkeys(item.member or lexicon.topics[item.topic_id].name for item in mentions))


def _only_swaps_topic(folded: str, text: str, mentions: Sequence[Mention]) -> bool:
    """ "what about Zoloft", "and magnesium?", "vitamin d?": the previous question with another topic."""
    opened = re.match(
        r"^(?:and|what about|how about|what of|or|same (?:for|with|question for)|ok(?:ay)? and|but what about|also|now)\b", folded
    )
    if leans_beside_name(folded) or not (opened or folded.endswith("?")):
        return False
    named = {word for item in mentions for word in words(text)[item.start : item.end]}
    rest = content_words(folded) if opened else words(folded)
    return not [word for word in rest if word not in named and word not in _FILLERS]


def _swap(previous: str, mentions: Sequence[Mention], lexicon: Lexicon, text: str) -> str:
    """`previous` with the last of its topics exchanged for those that `mentions` names in `text`, one of their kind if there is one, else
    a substance for a substance, conditions for conditions only; with nothing to exchange, the new names before it.
    """
    tokens = words(text)
    new = " and ".join(" ".join(tokens[item.start : item.end]) for item in mentions)

    def kind(item: Mention) -> str:
        return lexicon.topics[item.topic_id].kind

    wanted = kind(mentions[0])
    found = lexicon.mentions(previous)
    substances = [item for item in found if lexicon.is_substance(item.topic_id)] if lexicon.is_substance(mentions[0].topic_id) else []
    alike = [item for item in found if kind(item) == wanted] or substances
    old = alike or [item for item in found if "condition" not in (kind(item), wanted)]
    if not old:
        return f"{previous} {new}" if wanted == "condition" else f"{new}: {previous}"
    spans = _spans(previous)

    def linked(one: Mention, two: Mention) -> bool:  # "magnesium or exercise" goes as one
        return bool(_LINK.fullmatch(previous[spans[one.end - 1][1] : spans[two.start][0]]))

    group = [old.pop()]
    while old and linked(old[-1], group[0]):
        group.insert(0, old.pop())
    for item in found[found.index(group[-1]) + 1 :]:
        if linked(group[-1], item):
            group.append(item)
    return _exchanged(previous, group, new)


def _spans(text: str) -> list[tuple[int, int]]:
    """Where the words of `text` are."""
    return [match.span() for match in WORD.finditer(text)]


def _exchanged(text: str, old: Sequence[Mention], new: str) -> str:
    """`text` with `new` in the place of the names `old`, which stand side by side."""
    spans = _spans(text)
    return text[: spans[old[0].start][0]] + new + text[spans[old[-1].end - 1][1] :]


def _corrected(text: str, mentions: Sequence[Mention], focus: Sequence[Mention], previous: str, lexicon: Lexicon) -> str:
    meant = without_correction(fold(text))
    if begins_with_preposition(meant):  # "with an ssri i mean"
        return f"{previous} {meant}"
    if mentions:
        wanted = mentions[-1:] if re.search(r"\bnot\b.*\b(?:but|,|\.)|\bnot the\b", fold(text)) else mentions
        named = _variant(wanted, kinds_named(fold(text)), lexicon) or wanted
        return _swap(previous, wanted, lexicon, text) if named is wanted else f"{_names(named, lexicon)}: {previous}"
    named = _variant(focus, kinds_named(fold(text)), lexicon)
    if named:
        return f"{_names(named, lexicon)}: {previous}"
    others, old = lexicon.other_names(text), lexicon.mentions(previous)[-1:]
    if others and old:  # "no i meant oxycontin", of which the corpus says nothing: no answer about what was named before
        exchanged = _exchanged(previous, old, others[-1])
        still = {item.topic_id for item in lexicon.mentions(exchanged)} & {item.topic_id for item in old}
        return others[-1] if still else exchanged
    return f"{previous} {text}"


def _variant(focus: Sequence[Mention], kinds: Sequence[str], lexicon: Lexicon) -> tuple[Mention, ...]:
    """ "the supplement" after "GABA": the topic whose name is the old one with that word, if the corpus has it."""
    for item in focus:
        for alias in (item.member, lexicon.topics[item.topic_id].name, *lexicon.topics[item.topic_id].aliases):
            for kind in kinds:
                found = lexicon.mentions(f"{alias} {kind.rstrip('s')}") if alias else ()
                if len(found) == 1 and found[0].topic_id != item.topic_id:
                    return found
    return ()
