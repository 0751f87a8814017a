"""The recipe on the mini corpus: which reply, from which steps, and what happens when a step fails."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from fakes import BrokenEncoder, FakeEncoder, corpus_of, edit, edition_of

from ntqa.assistant import Assistant, Embedder, checked_messages, load_encoder
from ntqa.builder import build
from ntqa.config import Config
from ntqa.corpus import load_corpus
from ntqa.errors import CorpusError, IndexUnavailableError, InputError, StaleIndexError
from ntqa.index import load_edition
from ntqa.schema import GuardPattern, Passage, Reply, Topic

EXAMPLES = ("What does serotonin do?", "Does magnesium help with sleep?", "What are the side effects of SSRIs?")


def quotes(reply: Reply) -> list[tuple[str, str]]:
    return [(quote.passage.id, quote.role) for quote in reply.quotes]


@pytest.mark.parametrize(
    ("messages", "kind", "card"),
    [
        (["what does serotonin do?"], "answer", ""),
        (["what does metformin do"], "not_covered", "not_covered"),
        (["who won the football"], "not_covered", "not_covered"),
        (["is that proven?"], "clarify", "clarify"),
        (["hello"], "smalltalk", "smalltalk"),
        (["how much magnesium should i take"], "refusal_dosing", "refusal_dosing"),
        (["should i stop my ssri"], "refusal_treatment", "refusal_treatment"),
        (["my urine results came back"], "refusal_results", "refusal_results"),
        (["do i have depression"], "refusal_diagnosis", "refusal_diagnosis"),
        (["i want to hurt myself"], "crisis", "crisis.self"),
        (["my brother wants to die"], "crisis", "crisis.other"),
        (["i might hurt him"], "crisis", "crisis.harm"),
        (["she took too many pills"], "emergency", "emergency"),
        (["???"], "not_covered", "unreadable"),
        ([""], "not_covered", "unreadable"),
        (["¿Qué es la serotonina y para qué sirve en el cerebro humano?"], "not_covered", "language"),
    ],
)
def test_kinds_of_reply(mini: Assistant, messages: list[str], kind: str, card: str):
    reply = mini.reply(messages)
    assert (reply.kind, reply.card, reply.edition) == (kind, card, mini.edition.id)
    assert bool(reply.quotes) is (kind == "answer")


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        (["what does serotonin do?"], [("serotonin/what-it-does", "answer")]),
        (["does magnesium help with sleep?"], [("magnesium/sleep", "answer"), ("magnesium/side-effects", "companion")]),
        (
            ["is the chemical imbalance proven?"],
            [("chemical-imbalance/is-it-proven", "answer"), ("chemical-imbalance/why-it-lasts", "counterpoint")],
        ),
        (["what are ssris?", "and their side effects?"], [("ssri/side-effects", "answer")]),
        (["what does seratonin do"], [("serotonin/what-it-does", "answer")]),
        (["what does daylight set?"], [("bulk/daylight", "answer")]),
    ],
)
def test_answers(mini: Assistant, messages: list[str], expected: list[tuple[str, str]]):
    reply = mini.reply(messages)
    assert quotes(reply) == expected
    for quote in reply.quotes:
        assert quote.text == mini.corpus.passages[quote.passage.id].text
        assert 0 <= quote.marked[0] < quote.marked[1] <= len(quote.text)


def test_the_last_message_is_answered_and_nothing_is_remembered(mini: Assistant):
    mini.reply(["what are ssris?"])
    assert mini.reply(["and their side effects?"]).kind == "clarify"
    assert mini.reply(["i want to hurt myself"]).support is True
    assert mini.reply(["what does serotonin do?"]).support is False


def test_related_questions_are_curated_ones(mini: Assistant):
    reply = mini.reply(["what does serotonin do?"])
    curated = {passage.questions[0] for passage in mini.corpus.passages.values()}
    assert reply.related[0] == "Which foods raise serotonin?"
    assert set(reply.related) <= curated
    assert mini.reply(["hello"]).related == EXAMPLES
    assert mini.reply(["is that proven?"]).related == EXAMPLES
    assert mini.reply(["i want to hurt myself"]).related == ()


def test_not_covered_gives_titles_and_the_unknown_word(mini: Assistant):
    reply = mini.reply(["what does metformin do"])
    titles = {passage.title for passage in mini.corpus.passages.values()}
    assert reply.unknown_terms == ("metformin",)
    assert len(reply.related) == 3
    assert set(reply.related) <= titles


def test_a_refusal_that_names_a_topic_offers_its_questions(mini: Assistant):
    assert set(mini.reply(["how much magnesium should i take"]).related) == {
        "What are the side effects of magnesium?",
        "Does magnesium help with sleep?",
    }
    assert mini.reply(["how much should i take"]).related == EXAMPLES


def test_a_repeated_refusal_is_shorter(mini: Assistant):
    first = "how much magnesium should i take"
    assert mini.reply([first, "and how much should i take at night?"]).card == "refusal_again"
    assert mini.reply([first, "how much st john's wort should i take"]).card == "refusal_dosing"
    long = "but it is for a school project, so how much should i take, just between the two of us"
    assert mini.reply([first, long]).card == "refusal_dosing"


def test_the_second_one_is_the_topic_of_the_second_quote():
    topics = [Topic("walks", "Walks", "lifestyle", ()), Topic("swims", "Swims", "lifestyle", ())]
    passages = [Passage("walks/mood", "walks", "Walks", "Walks.", ("mood",)), Passage("swims/mood", "swims", "Swims", "Swims.", ("mood",))]
    corpus = corpus_of(topics, passages)
    assistant = Assistant(corpus, edition_of(corpus, FakeEncoder()), FakeEncoder(), Config(near_tie=1))
    before = "mood"
    assert quotes(assistant.reply([before])) == [("walks/mood", "answer"), ("swims/mood", "answer")]
    second = assistant.reply([before, "what about the second one?"])
    assert (second.query.text, second.query.topic_ids) == ("Swims: what about the second one?", ("swims",))
    assert second.quotes[0].passage.id == "swims/mood"
    assert assistant.reply([before, "and the first?"]).query.topic_ids == ("walks",)
    assert assistant.reply([before, "and the third?"]).query.topic_ids == ("swims",)  # there is no third: the last


def test_a_follow_up_to_what_nobody_named_goes_on_about_what_was_quoted():
    topics = [Topic("swims", "Swims", "lifestyle", ()), Topic("walks", "Walks", "lifestyle", ())]
    texts = {"swims/effects": "effects", "walks/mood": "mood", "walks/effects": "effects"}
    passages = [Passage(name, name.partition("/")[0], text, text, (text,)) for name, text in texts.items()]
    corpus = corpus_of(topics, passages)
    assistant = Assistant(corpus, edition_of(corpus, FakeEncoder()), FakeEncoder(), Config())
    first_quotes = [assistant.reply(messages).quotes[0].passage.id for messages in (["effects"], ["mood"], ["mood", "and effects?"])]
    assert first_quotes == ["swims/effects", "walks/mood", "walks/effects"]
    assert assistant.reply(["mood", "and effects?", "and effects?"]).quotes[0].passage.id == "walks/effects"


def test_only_what_was_shown_counts_as_told(mini: Assistant):
    embed = mini.embedder()
    refused = "how much magnesium should i take"
    mini.reply([refused, "does it help with sleep?", "and the risks?"], embed)
    assert embed.told[refused,] == ""
    assert embed.told[refused, "does it help with sleep?"] == "magnesium/sleep"


def test_what_was_quoted_may_be_gone_by_now(mini: Assistant):
    embed, first = mini.embedder(), "what does serotonin do?"
    embed.told[first,] = "serotonin/taken-away"
    assert mini.reply([first, "and its effect on mood?"], embed).query.topic_ids == ("serotonin",)


def test_a_conversation_without_a_memory_looks_back_a_few_turns_only(mini: Assistant):
    embed, messages = mini.embedder(), [*EXAMPLES * 2, "and the risks?"]
    mini.reply(messages, embed)
    assert sorted(map(len, embed.told)) == [3, 4, 5, 6, 7]


def test_an_ordinal_after_a_single_quote_changes_nothing(mini: Assistant):
    reply = mini.reply(["what does serotonin do?", "what about the second one?"])
    assert reply.query.topic_ids == ("serotonin",)


def test_support_of_the_guard_reaches_the_reply(mini: Assistant):
    reply = mini.reply(["i feel so hopeless, does exercise lift mood?"])
    assert (reply.kind, reply.support) == ("answer", True)
    later = mini.reply(["i want to hurt myself", "thanks", "which foods raise serotonin?"])
    assert (later.kind, later.support, later.verdict.reason) == ("answer", True, "no sign of anything else; earlier turn at risk")


def test_pointer_is_for_answers(mini: Assistant):
    assert mini.reply(["i have depression. does exercise lift mood?"]).pointer is True
    assert mini.reply(["does exercise lift mood?"]).pointer is False


def test_cards_are_in_the_readers_language_when_there_are_some(mini: Assistant):
    assert mini.reply(["¿Qué es la serotonina y para qué sirve en el cerebro humano?"]).language == "es"
    assert mini.reply(["Qu'est-ce que la sérotonine et à quoi sert-elle dans le cerveau ?"]).language == "en"
    assert mini.reply(["what does serotonin do?"]).language == "en"


# --- read afresh ---


def test_a_question_that_is_read_afresh_takes_nothing_from_earlier_turns(mini: Assistant):
    messages = ["what are ssris?", "and their side effects?"]
    assert mini.reply(messages).query.topic_ids == ("ssri",)
    assert mini.reply(messages, fresh_from=0).query.topic_ids == ("ssri",)
    assert mini.reply(messages, fresh_from=1).kind == "clarify"
    later = [*messages, "does magnesium help with sleep?", "and its side effects?"]
    assert quotes(mini.reply(later, fresh_from=2)) == [("magnesium/side-effects", "answer")]
    assert mini.reply(later, fresh_from=3).kind == "clarify"


def test_the_guard_sees_what_was_said_before_a_fresh_question(mini: Assistant):
    messages = ["i want to hurt myself", "which foods raise serotonin?"]
    assert mini.reply(messages, fresh_from=1).support is True
    assert mini.reply(messages[1:]).support is False


def test_fresh_from_counts_from_the_first_message_also_when_only_the_last_turns_count(mini_config: Config):
    assistant = Assistant.load(replace(mini_config, max_turns=2), FakeEncoder())
    messages = ["hello", "what are ssris?", "and their side effects?"]
    assert [assistant.reply(messages, fresh_from=place).kind for place in range(3)] == ["answer", "answer", "clarify"]


@pytest.mark.parametrize("place", [-1, 2, True, 1.0, "1", None])
def test_fresh_from_must_be_the_position_of_a_message(mini: Assistant, place: object):
    with pytest.raises(InputError, match="position of one of the messages"):
        mini.reply(["what are ssris?", "and their side effects?"], fresh_from=place)


# --- the first screen ---


def test_examples_rotate_and_name_each_topic_once(mini: Assistant):
    assert mini.examples(0) == ("What does serotonin do?", "Does magnesium help with sleep?", "What are the side effects of SSRIs?")
    assert mini.examples(0) == mini.examples(0)
    one, two = mini.examples(0, count=1), mini.examples(1, count=1)
    assert (one, two) == (("What does serotonin do?",), ("Does magnesium help with sleep?",))


def test_a_corpus_without_examples_has_none_to_show():
    corpus = corpus_of(passages=[Passage("bulk/a", "bulk", "A", "Text.")])
    assert Assistant(corpus, edition_of(corpus, FakeEncoder()), FakeEncoder(), Config()).examples(5) == ()


# --- bounds ---


def test_a_long_message_is_not_searched(mini: Assistant):
    text = "what does serotonin do? " * 200
    assert len(text) > mini.config.max_message
    assert (mini.reply([text]).kind, mini.reply([text]).card) == ("clarify", "too_long")
    assert mini.reply([text[: mini.config.max_message]]).card != "too_long"


@pytest.mark.parametrize("message", ["i want to hurt myself. {}", "{} i want to hurt myself"])
def test_danger_at_either_end_of_a_long_message_is_seen(mini: Assistant, message: str):
    assert mini.reply([message.format("blah " * 2000)]).kind == "crisis"


def test_only_the_last_turns_count(mini_config: Config):
    assistant = Assistant.load(replace(mini_config, max_turns=2), FakeEncoder())
    assert assistant.reply(["what are ssris?", "hello", "and their side effects?"]).kind == "clarify"
    assert assistant.reply(["hello", "what are ssris?", "and their side effects?"]).kind == "answer"


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        ([], "at least one text"),
        ("what is gaba", "must be a list"),
        (None, "must be a list"),
        ({"a": 1}, "must be a list"),
        (["what", 5], "message 2 is not text"),
        ([None], "message 1 is not text"),
    ],
)
def test_messages_must_be_texts(mini: Assistant, messages: object, words: str):
    with pytest.raises(InputError, match=words):
        mini.reply(messages)
    with pytest.raises(InputError, match=words):
        mini.retrieve(messages, 3)


def test_checked_messages_is_a_list_of_its_own():
    given = ("a", "b")
    assert checked_messages(given) == ["a", "b"]


# --- order of the steps ---


def with_encoder(assistant: Assistant, encoder: FakeEncoder) -> Assistant:
    return Assistant(assistant.corpus, assistant.edition, encoder, assistant.config)


def test_a_pattern_needs_no_model(trained_mini: Assistant):
    assistant = with_encoder(trained_mini, BrokenEncoder())
    assert assistant.reply(["i want to hurt myself"]).verdict.reason == "pattern crisis-self"
    assert assistant.reply(["she took too many pills"]).kind == "emergency"


def test_a_failing_guard_gives_the_safe_card_and_never_a_passage(trained_mini: Assistant):
    assistant = with_encoder(trained_mini, BrokenEncoder())
    reply = assistant.reply(["what does serotonin do?"])
    assert (reply.kind, reply.card, reply.support, reply.quotes, reply.related) == ("crisis", "crisis.self", True, (), ())
    assert reply.verdict.reason == "the guard failed: RuntimeError"


def test_a_guard_that_fails_on_an_earlier_turn_is_safe_too(trained_mini: Assistant):
    assistant = with_encoder(trained_mini, BrokenEncoder("daylight"))
    assert assistant.reply(["daylight", "what does serotonin do?"]).kind == "crisis"
    assert assistant.reply(["what does serotonin do?"]).kind == "answer"


def test_a_failing_search_is_raised_not_shown_as_nothing_found():
    corpus = corpus_of([], [Passage("bulk/one", "", "One", "Daylight.", ())])
    assistant = Assistant(corpus, edition_of(corpus, FakeEncoder()), BrokenEncoder(), Config())  # no guard weights: only the search embeds
    with pytest.raises(RuntimeError, match="the model broke"):
        assistant.reply(["what does daylight set"])


def test_danger_is_never_searched(mini: Assistant):
    reply = mini.reply(["i want to hurt myself, what does serotonin do?"])
    assert (reply.kind, reply.result, reply.quotes, reply.related) == ("crisis", None, (), ())


def test_a_direct_crisis_pattern_needs_no_model(trained_mini: Assistant):
    assert with_encoder(trained_mini, BrokenEncoder()).reply(["i want to hurt myself"]).verdict.reason.startswith("pattern")


def test_each_text_is_embedded_once_a_request(trained_mini: Assistant):
    encoder = FakeEncoder()
    assistant = with_encoder(trained_mini, encoder)
    assistant.reply(["does magnesium help with sleep?"])
    first = list(encoder.embedded)
    assert len(first) == len(set(first))
    assert "does magnesium help with sleep?" in first
    assistant.reply(["does magnesium help with sleep?"])
    assert encoder.embedded == first * 2  # and nothing is kept between requests


def test_a_conversation_may_keep_what_was_embedded(trained_mini: Assistant):
    encoder = FakeEncoder()
    assistant = Assistant(trained_mini.corpus, trained_mini.edition, encoder, trained_mini.config)
    embed, messages = assistant.embedder(), ["what are ssris?", "and their side effects?", "does magnesium help with sleep?"]
    kept = [assistant.reply(messages[: turn + 1], embed) for turn in range(3)]
    assert len(encoder.embedded) == len(set(encoder.embedded))
    assert [quotes(reply) for reply in kept] == [quotes(assistant.reply(messages[: turn + 1])) for turn in range(3)]


def test_a_text_that_could_not_be_embedded_is_tried_again():
    failing = [True]

    def before(text: str) -> None:
        if failing:
            failing.clear()
            raise RuntimeError("no memory")

    with ThreadPoolExecutor(1) as pool:
        embed = Embedder(FakeEncoder(before=before), pool)
        with pytest.raises(RuntimeError):
            embed("serotonin")
        assert embed("serotonin").any()


def test_a_search_keeps_to_its_own_thread(mini: Assistant):
    import faiss

    def ask() -> int:
        mini.reply(["what does serotonin do?"])
        return faiss.omp_get_max_threads()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(ask).result() == 1


def test_patterns_speak_without_trained_weights():
    pattern = GuardPattern("p", "crisis", "card", "en", "other", r"\bdanger\b", None, (), ())
    corpus = corpus_of(
        [Topic("gaba", "GABA", "transmitter", ())], [Passage("gaba/a", "gaba", "GABA", "Gaba.", ("gaba",))], patterns=(pattern,)
    )
    assistant = Assistant(corpus, edition_of(corpus, FakeEncoder()), FakeEncoder(), Config())
    assert assistant.reply(["danger"]).card == "crisis.other"
    assert quotes(assistant.reply(["what is gaba"])) == [("gaba/a", "answer")]


# --- retrieval measurements ---


def test_retrieve_ranks_without_guard_and_cut_off(mini: Assistant):
    query, result = mini.retrieve(["how much magnesium should i take"], 3)
    assert query.topic_ids == ("magnesium",)
    assert {hit.passage_id for hit in result.hits[:2]} == {"magnesium/sleep", "magnesium/side-effects"}
    assert len(mini.retrieve(["what does metformin do"], 4)[1].hits) == 4
    assert len(mini.retrieve(["magnesium"], 99)[1].hits) == len(mini.corpus.passages)  # unfiltered


# --- loading ---


def test_loading_needs_an_index(tmp_path):
    with pytest.raises(IndexUnavailableError, match=r"there is no index in .*index; run: ntqa build"):
        Assistant.load(Config(corpus=tmp_path, index=tmp_path / "index"), FakeEncoder())


def test_loading_needs_an_exported_model(mini_config: Config):
    with pytest.raises(IndexUnavailableError, match=r"the model fake has not been exported to .*; run: ntqa build"):
        load_encoder(mini_config)


def test_loading_refuses_a_changed_corpus(own_config: Config):
    edit(own_config.corpus / "topics/exercise/mood.md", "Walking, running", "Swimming, running")
    with pytest.raises(StaleIndexError, match="exercise/mood"):
        Assistant.load(own_config, FakeEncoder())
    build(own_config, encoder=FakeEncoder())
    assert "Swimming" in Assistant.load(own_config, FakeEncoder()).reply(["does exercise lift mood?"]).quotes[0].text


def test_loading_refuses_a_broken_corpus(own_config: Config):
    (own_config.corpus / "topics/exercise/mood.md").write_text("no front matter", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"topics/exercise/mood\.md:1: must begin with front matter"):
        Assistant.load(own_config, FakeEncoder())


def test_an_assistant_is_of_one_edition(own_config: Config):
    before = Assistant.load(own_config, FakeEncoder())
    edit(own_config.corpus / "topics/exercise/mood.md", "Walking, running", "Swimming, running")
    build(own_config, encoder=FakeEncoder())
    assert "Walking" in before.reply(["does exercise lift mood?"]).quotes[0].text
    corpus = load_corpus(own_config.corpus)
    assert load_edition(own_config.index, corpus, FakeEncoder().model_id).id != before.edition.id
