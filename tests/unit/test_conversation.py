"""How messages are read, on the mini corpus: each row gives the reader's messages, oldest first, and the reading of the last one."""

from __future__ import annotations

import pytest
from fakes import corpus_of

from ntqa.conversation import reformulate
from ntqa.cues import is_aside, leans
from ntqa.lexicon import Lexicon
from ntqa.schema import Passage, Query, Topic

SSRIS = "what are ssris?"
MAGNESIUM = "does magnesium help with sleep?"
GABA = "what is gaba"
WORT = "does st john's wort lift mood?"
PAIR = "zoloft and prozac"
URINE = "can a urine test measure serotonin?"
IMBALANCE = "is the chemical imbalance proven?"

# (messages, read as, topics and members)
READINGS = [
    # a first message is read as it stands
    (["what does serotonin do?"], "what does serotonin do?", "serotonin"),
    (["  What does serotonin do?  "], "What does serotonin do?", "serotonin"),
    (["what is zoloft"], "what is zoloft", "ssri sertraline"),
    ([PAIR], PAIR, "ssri sertraline fluoxetine"),
    (["SSRIs like Zoloft"], "SSRIs like Zoloft", "ssri"),
    (["is gaba better than magnesium"], "is gaba better than magnesium", "gaba magnesium"),
    (["do gaba supplements work"], "do gaba supplements work", "gaba-supplement"),
    (["is it true that serotonin is made in the gut?"], "is it true that serotonin is made in the gut?", "serotonin"),
    (["hello"], "hello", ""),
    ([""], "", ""),
    # a clause that hangs on what was said
    ([MAGNESIUM, "if they take zoloft"], "Magnesium: if they take zoloft", "magnesium ssri sertraline"),
    ([MAGNESIUM, "even zoloft?"], "Magnesium: even zoloft?", "magnesium ssri sertraline"),
    # misspelt words
    (["what does seratonin do"], "what does serotonin do", "serotonin"),
    (["magnesum for sleep"], "magnesium for sleep", "magnesium"),
    (["zolof, side effects?"], "zoloft, side effects?", "ssri sertraline"),
    ([SSRIS, "what about magnesum"], "what are magnesium?", "magnesium"),
    ([SSRIS, "and their side efects?"], "SSRIs: and their side effects?", "ssri"),
    # what lacks its subject
    ([SSRIS, "what about with magnesium?"], "SSRIs: what about with magnesium?", "ssri magnesium"),
    ([SSRIS, "good with magnesium?"], "SSRIs: good with magnesium?", "ssri magnesium"),
    ([SSRIS, "magnesium is good with food?"], "magnesium is good with food?", "magnesium"),
    # pronouns and fragments take the topic of the turn before
    ([SSRIS, "and their side effects?"], "SSRIs: and their side effects?", "ssri"),
    ([SSRIS, "what are their side effects"], "SSRIs: what are their side effects", "ssri"),
    ([SSRIS, "side effects?"], "SSRIs: side effects?", "ssri"),
    ([SSRIS, "are they safe"], "SSRIs: are they safe", "ssri"),
    ([SSRIS, "do they work"], "SSRIs: do they work", "ssri"),
    ([SSRIS, "how long?"], "SSRIs: how long?", "ssri"),
    ([SSRIS, "why?"], "SSRIs: why?", "ssri"),
    ([SSRIS, "tell me more"], "SSRIs: tell me more", "ssri"),
    ([SSRIS, "really?"], "SSRIs: really?", "ssri"),
    ([SSRIS, "says who"], "SSRIs: says who", "ssri"),
    ([SSRIS, "and stopping them?"], "SSRIs: and stopping them?", "ssri"),
    ([SSRIS, "in older adults"], "SSRIs: in older adults", "ssri"),
    ([SSRIS, "what about them and alcohol"], "SSRIs: what about them and alcohol", "ssri"),
    (["what is zoloft", "and its side effects?"], "sertraline: and its side effects?", "ssri sertraline"),
    (["what does serotonin do?", "and in food?"], "Serotonin: and in food?", "serotonin"),
    # "is that proven?"
    ([SSRIS, "is that proven?"], "SSRIs: is that proven?", "ssri"),
    ([MAGNESIUM, "is that proven?"], "Magnesium: is that proven?", "magnesium"),
    (["which vitamin is best for the heart?", "is that proven?"], "which vitamin is best for the heart? is that proven?", ""),
    ([IMBALANCE, "why do experts disagree"], "Chemical imbalance: why do experts disagree", "chemical-imbalance"),
    ([SSRIS, "how big were the trials"], "SSRIs: how big were the trials", "ssri"),
    ([SSRIS, "what else helps"], "SSRIs: what else helps", "ssri"),
    ([SSRIS, "what did the trials of walking show"], "what did the trials of walking show", ""),
    ([SSRIS, "can mine go with magnesium"], "SSRIs: can mine go with magnesium", "ssri magnesium"),
    # a name beside what leans on the turn before
    ([MAGNESIUM, "would zoloft qualify"], "Magnesium: would zoloft qualify", "magnesium ssri sertraline"),
    ([SSRIS, "is that the serotonin thing"], "SSRIs: is that the serotonin thing", "ssri serotonin"),
    (["which vitamin is best for the heart?", "does magnesium help it"], "which vitamin is best for the heart? does magnesium help it", "magnesium"),
    # the same question about another topic
    ([SSRIS, "what about magnesium?"], "what are magnesium?", "magnesium"),
    ([SSRIS, "and prozac"], "what are prozac?", "ssri fluoxetine"),
    ([SSRIS, "same for fluoxetine"], "what are fluoxetine?", "ssri fluoxetine"),
    ([MAGNESIUM, "and gaba?"], "does gaba help with sleep?", "gaba"),
    ([MAGNESIUM, "what about exercise instead"], "does exercise help with sleep?", "exercise"),
    ([MAGNESIUM, "or exercise?"], "does exercise help with sleep?", "exercise"),
    (["what is zoloft", "what about prozac?"], "what is prozac", "ssri fluoxetine"),
    ([MAGNESIUM, "gaba?"], "does gaba help with sleep?", "gaba"),
    ([WORT, "what about exercise?", "and magnesium?", "and gaba?"], "does gaba lift mood?", "gaba"),
    (["does magnesium or exercise lift mood?", "what about st john's wort?"], "does st johns wort lift mood?", "st-johns-wort"),
    # a new question of its own is left alone
    ([MAGNESIUM, "does exercise lift mood?"], "does exercise lift mood?", "exercise"),
    ([MAGNESIUM, "which foods raise serotonin?"], "which foods raise serotonin?", "serotonin"),
    ([SSRIS, "magnesium or gaba for sleep"], "magnesium or gaba for sleep", "magnesium gaba"),
    ([SSRIS, "what is the capital of norway"], "what is the capital of norway", ""),
    ([GABA, "what is metformin"], "what is metformin", ""),
    # the nearest turn that names something wins
    ([SSRIS, MAGNESIUM, "and its side effects?"], "Magnesium: and its side effects?", "magnesium"),
    ([SSRIS, "and its side effects?", "what about magnesium?"], "magnesium: and its side effects?", "magnesium"),
    ([SSRIS, "and its side effects?", "what about magnesium?", "is that proven?"], "Magnesium: is that proven?", "magnesium"),
    ([SSRIS, "what about exercise", "does it lift mood?"], "Exercise: does it lift mood?", "exercise"),
    # thanks and greetings in between change nothing
    ([MAGNESIUM, "thanks"], "thanks", ""),
    ([MAGNESIUM, "thanks", "and its side effects?"], "Magnesium: and its side effects?", "magnesium"),
    ([MAGNESIUM, "ok", "is that proven?"], "Magnesium: is that proven?", "magnesium"),
    ([MAGNESIUM, "got it, thanks!", "what about gaba?"], "does gaba help with sleep?", "gaba"),
    (["hello", "what does serotonin do?"], "what does serotonin do?", "serotonin"),
    # "no, I meant ..."
    ([GABA, "no, i meant the supplement"], "GABA supplements: what is gaba", "gaba-supplement gaba"),
    ([GABA, "I meant the supplement"], "GABA supplements: what is gaba", "gaba-supplement gaba"),
    ([GABA, "no, not that one, the pill"], "GABA supplements: what is gaba", "gaba-supplement gaba"),
    ([GABA, "sorry, i meant magnesium"], "what is magnesium", "magnesium"),
    ([GABA, "actually i meant serotonin"], "what is serotonin", "serotonin"),
    (["side effects of magnesium", "no i meant zoloft"], "side effects of zoloft", "ssri sertraline"),
    (["does serotonin beat exercise", "no i meant magnesium"], "does magnesium beat exercise", "magnesium exercise"),  # a substance for a substance
    (["is it safe with magnesium", "zoloft"], "sertraline: is it safe with magnesium", "ssri sertraline"),
    # ... something that the corpus does not cover: nothing about what was named before
    (["side effects of zoloft", "no i meant metformin"], "side effects of metformin", ""),
    (["does zoloft beat sertraline", "no i meant metformin"], "metformin", ""),
    # the first, the second, the last
    ([PAIR, "what about the second one"], "fluoxetine: what about the second one", "ssri fluoxetine"),
    ([PAIR, "and the first?"], "sertraline: and the first?", "ssri sertraline"),
    (["gaba or magnesium for sleep", "and the latter?"], "Magnesium: and the latter?", "magnesium"),
    (["gaba, magnesium and serotonin", "the last one?"], "Serotonin: the last one?", "serotonin"),
    ([PAIR, "the second one, how fast does it work"], "fluoxetine: how fast does it work", "ssri fluoxetine"),
    ([MAGNESIUM, "what about gaba?", "any risks with the second one"], "GABA: any risks with", "gaba"),
    ([MAGNESIUM, "what about gaba?", "any risks with the first one"], "Magnesium: any risks with", "magnesium"),
    ([MAGNESIUM, "what about zoloft and prozac?", "ok so back to the first one, any risks"], "Magnesium: any risks", "magnesium"),
    ([SSRIS, "what about gaba?", "and st john's wort?", "back to the first"], "SSRIs: back to the first", "ssri"),
    # both, when two were spoken of one after the other
    ([MAGNESIUM, "what about gaba?", "which one is proven"], "Magnesium and GABA: which one is proven", "magnesium gaba"),
    # words before the question
    ([MAGNESIUM, "lol ok. and gaba?"], "does gaba help with sleep?", "gaba"),
    ([MAGNESIUM, "ok then gaba?"], "does gaba help with sleep?", "gaba"),
    ([MAGNESIUM, "ok for adults?"], "Magnesium: ok for adults?", "magnesium"),
    # what the reader took back
    (["does zoloft, sorry i mean magnesium, help with sleep"], "does magnesium, help with sleep", "magnesium"),
    (["is it safe?", "magnesium i meant"], "Magnesium: is it safe?", "magnesium"),
    (["is it safe?", "i mean magnesium, how does it work"], "i mean magnesium, how does it work", "magnesium"),
    ([MAGNESIUM, "with zoloft i mean"], "does magnesium help with sleep? with zoloft", "magnesium ssri sertraline"),
    # what joins the topic before
    ([WORT, "with zoloft?"], "St John's wort: with zoloft?", "st-johns-wort ssri sertraline"),
    ([WORT, "same as prozac?"], "St John's wort: same as prozac?", "st-johns-wort ssri fluoxetine"),
    (["zoloft for mood", "prozac too?"], "prozac for mood", "ssri fluoxetine"),
    (["what is zoloft", "serotonin too?"], "sertraline: serotonin too?", "ssri serotonin sertraline"),
    # the question before a mere list of names is the one that is asked again
    (["does magnesium help with sleep?", "gaba or serotonin", "and zoloft?"], "does zoloft help with sleep?", "ssri sertraline"),
    # only the last of what was named is exchanged
    (["is gaba better than magnesium for sleep", "what about exercise?"], "is gaba better than exercise for sleep", "gaba exercise"),
    # comparisons
    ([SSRIS, "can they be mixed with st john's wort"], "SSRIs: can they be mixed with st john's wort", "ssri st-johns-wort"),
    ([SSRIS, "is it better than exercise"], "SSRIs: is it better than exercise", "ssri exercise"),
    ([WORT, "can it be mixed with zoloft?"], "St John's wort: can it be mixed with zoloft?", "st-johns-wort ssri sertraline"),
    (["zoloft or prozac", "which one is better for sleep"], "sertraline and fluoxetine: which one is better for sleep", "ssri sertraline fluoxetine"),
    (["is zoloft better than prozac", "and their side effects?"], "sertraline and fluoxetine: and their side effects?", "ssri sertraline fluoxetine"),
    ([URINE, "are they worth it"], "Urine tests and Serotonin: are they worth it", "urine-tests serotonin"),
]  # fmt: skip


@pytest.fixture(scope="module")
def lexicon(mini) -> Lexicon:
    return mini.lexicon


@pytest.mark.parametrize(("messages", "text", "named"), READINGS, ids=[" | ".join(messages) or "empty" for messages, _, _ in READINGS])
def test_reading(lexicon: Lexicon, messages: list[str], text: str, named: str):
    query = reformulate(messages, lexicon)
    assert (query.text, " ".join((*query.topic_ids, *query.members)), query.needs_topic) == (text, named, False)
    assert query.asked == messages[-1]


@pytest.mark.parametrize(
    "messages",
    [
        ["is that proven?"],
        ["and its side effects?"],
        ["what about it"],
        ["does it work"],
        ["what about the second one"],
        ["tell me more"],
        ["why?"],
        ["what are the side effects?"],
        ["any common risks"],
        ["hello", "and its side effects?"],
        ["thanks", "ok", "is that proven?"],
        ["", "and its side effects?"],
        ["what about it", "and its side effects?"],
    ],
)
def test_what_leans_on_nothing_needs_a_topic(lexicon: Lexicon, messages: list[str]):
    query = reformulate(messages, lexicon)
    assert query == Query(messages[-1], messages[-1], needs_topic=True)


def test_what_goes_with_a_name_needs_its_own(lexicon: Lexicon):
    assert reformulate(["is it safe with magnesium"], lexicon).needs_topic
    for message in ("is zoloft safe with magnesium", "what is it with magnesium", "is it safe to mix magnesium and zoloft", "is it safe with a pill of magnesium"):
        assert not reformulate([message], lexicon).needs_topic


@pytest.mark.parametrize(
    "message",
    [
        "does it help with sleep or mood when people take magnesium",
        "when i wake up at night my heart is racing, is it the medicine from the doctor",
        "how do plants grow in winter",
    ],
)
def test_a_first_message_that_says_what_it_means_needs_no_topic(lexicon: Lexicon, message: str):
    assert not reformulate([message], lexicon).needs_topic


def test_only_a_follow_up_has_a_context(lexicon: Lexicon):
    assert reformulate([SSRIS], lexicon).context == ""
    assert reformulate([SSRIS, MAGNESIUM], lexicon).context == ""
    follow_up = reformulate([SSRIS, "and their side effects?"], lexicon)
    assert follow_up.context == "what are ssris? and their side effects?"
    assert follow_up.follow_up


@pytest.mark.parametrize(
    ("before", "text", "context"),
    [
        (IMBALANCE, "why not just prozac", "Chemical imbalance: why not just prozac"),
        (SSRIS, "does exercise lift mood", ""),  # a whole question
        (SSRIS, "what does zoloft do", ""),  # of the same kind
    ],
)
def test_half_a_question_about_something_else_may_go_on_about_the_same(lexicon: Lexicon, before: str, text: str, context: str):
    assert reformulate([before, text], lexicon).context == context


def test_context_grows_from_the_turn_as_read_not_from_the_whole_history(lexicon: Lexicon):
    query = reformulate([MAGNESIUM, SSRIS, "and their side effects?", "is that proven?"], lexicon)
    assert query.context == "SSRIs: and their side effects? is that proven?"


def test_an_ordinal_without_a_list_is_left_to_the_quotes(lexicon: Lexicon):
    assert reformulate([SSRIS, "what about the second one"], lexicon).ordinal == 1
    assert reformulate([SSRIS, "and the third?"], lexicon).ordinal == 2
    assert reformulate([SSRIS, "the last one?"], lexicon).ordinal == -1
    assert reformulate([PAIR, "what about the second one"], lexicon).ordinal is None


@pytest.mark.parametrize(
    ("title", "text", "topics"),
    [
        ("Magnesium and sleep", "Magnesium: and sleep?", ("magnesium", "sleep")),
        ("Magnesium and food", "is sleep good for nerves", ("sleep",)),
    ],
)
def test_what_a_substance_does_to_something_is_no_other_question(title: str, text: str, topics: tuple[str, ...]):
    """Where the corpus says what magnesium does to sleep, "and sleep?" asks for that; else it is the same question about sleep."""
    named = [Topic("magnesium", "Magnesium", "supplement", ()), Topic("sleep", "Sleep", "lifestyle", ())]
    lexicon = Lexicon(corpus_of(named, [Passage("magnesium/other", "magnesium", title, "About it.")]))
    query = reformulate(["is magnesium good for nerves", "and sleep?"], lexicon)
    assert (query.text, query.topic_ids) == (text, topics)


@pytest.mark.parametrize(
    ("messages", "answered", "text", "topics"),
    [
        # what was only described is named by what answered it
        (["getting out of breath on purpose", "does it help?"], ["exercise"], "Exercise: does it help?", ("exercise",)),
        # and so is what was described under another name
        (["imbalance theory, does pee show it", "does it help?"], ["urine-tests"], "Urine tests: does it help?", ("urine-tests",)),
        # a named substance stays, what answered joins it
        ([MAGNESIUM, "does it help?"], ["gaba-supplement"], "Magnesium and GABA supplements: does it help?", ("magnesium", "gaba-supplement")),
        ([MAGNESIUM, "does it help?"], ["magnesium"], "Magnesium: does it help?", ("magnesium",)),
        # what answered later is not gone back to
        ([MAGNESIUM, "getting out of breath", "zoloft side effects"], ["magnesium", "exercise"], "zoloft side effects", ("ssri",)),
        (["getting out of breath", "does it help?"], ["gone"], "getting out of breath does it help?", ()),
        (["getting out of breath", "does it help?"], [""], "getting out of breath does it help?", ()),
    ],
)
def test_what_answered_is_spoken_of_from_then_on(
    lexicon: Lexicon, messages: list[str], answered: list[str], text: str, topics: tuple[str, ...]
):
    query = reformulate(messages, lexicon, answered)
    assert (query.text, query.topic_ids) == (text, topics)


def test_corrections_say_what_was_typed_and_what_was_read(lexicon: Lexicon):
    assert reformulate(["what does seratonin do"], lexicon).corrections == (("seratonin", "serotonin"),)
    assert reformulate(["what does serotonin do"], lexicon).corrections == ()


def test_reading_depends_on_the_messages_alone(lexicon: Lexicon):
    first = reformulate([SSRIS, "side effects?"], lexicon)
    reformulate([MAGNESIUM, "and gaba?"], lexicon)
    assert reformulate([SSRIS, "side effects?"], lexicon) == first


@pytest.mark.parametrize(
    ("folded", "expected"),
    [
        ("is that proven?", True),
        ("what about zoloft", True),
        ("why?", True),
        ("does it work", True),
        ("why is it hard to stop smoking", False),
        ("is it normal to feel sad", False),
        ("what does serotonin do", False),
    ],
)
def test_leans(folded: str, expected: bool):
    assert leans(folded) is expected


@pytest.mark.parametrize(
    ("folded", "expected"),
    [
        ("ok", True),
        ("ok great, that makes sense", True),
        ("thank you anyway", True),
        ("ok thanks doc", True),
        ("ok with nurofen", False),
        ("ok but why", False),
        ("thanks and with beer", False),
        ("ok?", False),
        ("what is gaba", False),
    ],
)
def test_thanks_and_nods_ask_nothing(folded: str, expected: bool):
    assert is_aside(folded) is expected


@pytest.mark.parametrize(
    ("message", "read"),
    [
        ("what does <b>magnesium</b> do?", "what does  magnesium  do?"),
        ("<p class='x'>what is gaba?</p>", "what is gaba?"),
        ("is a level <5 or >7 of gaba high", "is a level <5 or >7 of gaba high"),
        ("<b></b>", "<b></b>"),
    ],
)
def test_markup_that_came_with_a_question_is_not_read(lexicon, message: str, read: str):
    assert reformulate([message], lexicon).text == read
