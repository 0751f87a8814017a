import pytest

from ntqa.lexicon import Lexicon, Mention
from ntqa.schema import Corpus, Passage, Topic
from ntqa.words import name_key

COMMON = frozenset({"depressing", "magnet", "trail", "mode", "mood"})


@pytest.fixture(scope="module")
def lexicon(small_corpus):
    return Lexicon(small_corpus, COMMON)


# --- names ---


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("St John’s Worts", ("st", "john", "wort")),
        ("5-HT", ("5", "ht")),
        ("Benzodiazepines", ("benzodiazepine",)),
        ("less", ("less",)),
        ("lupus", ("lupus",)),
        ("crisis", ("crisis",)),
        ("gas", ("gas",)),
        ("Café au lait", ("cafe", "au", "lait")),
    ],
)
def test_name_key(name, key):
    assert name_key(name) == key


def test_topic_names_are_listed_with_their_members(small_corpus):
    names = [item for item in small_corpus.names() if item[0] == "ssri"]
    assert names == [
        ("ssri", "SSRIs", ""),
        ("ssri", "ssri", ""),
        ("ssri", "sertraline", "sertraline"),
        ("ssri", "zoloft", "sertraline"),
        ("ssri", "lustral", "sertraline"),
        ("ssri", "fluoxetine", "fluoxetine"),
        ("ssri", "prozac", "fluoxetine"),
    ]


# --- mentions ---


@pytest.mark.parametrize(
    ("text", "mentions"),
    [
        ("what is serotonin", [("serotonin", "", 2, 3)]),
        ("SEROTONIN?!", [("serotonin", "", 0, 1)]),
        ("5-HT", [("serotonin", "", 0, 2)]),
        ("happiness hormones", [("serotonin", "", 0, 2)]),
        ("is zoloft safe", [("ssri", "sertraline", 1, 2)]),
        ("sertraline", [("ssri", "sertraline", 0, 1)]),
        ("ssri or SSRIs", [("ssri", "", 0, 1), ("ssri", "", 2, 3)]),
        ("prozac and serotonin", [("ssri", "fluoxetine", 0, 1), ("serotonin", "", 2, 3)]),
        ("St. John’s Wort", [("st-johns-wort", "", 0, 3)]),
        ("st johns worts", [("st-johns-wort", "", 0, 3)]),
        ("light therapy", [("light-therapy", "", 0, 2)]),
        ("vitamin b12", [("b12", "", 0, 2)]),
        ("b12", [("b12", "", 0, 1)]),
        ("ＺＯＬＯＦＴ®", [("ssri", "sertraline", 0, 1)]),
        ("zoloft zoloft", [("ssri", "sertraline", 0, 1), ("ssri", "sertraline", 1, 2)]),
        ("nothing of it", []),
        ("", []),
    ],
)
def test_mentions(lexicon, text, mentions):
    assert lexicon.mentions(text) == tuple(Mention(*item) for item in mentions)


@pytest.mark.parametrize("text", ["5htp", "5-HTP", "5 htp", "5‑HTP", "5HTPs"])
def test_names_of_several_words_may_be_joined(lexicon, text):
    assert [mention.topic_id for mention in lexicon.mentions(text)] == ["5-htp"]


def test_a_joined_name_that_is_another_word_is_no_name():
    topics = {"sam-e": Topic("sam-e", "SAM-e", "supplement", ("mag net",)), "gaba": Topic("gaba", "ga-ba", "transmitter", ())}
    lexicon = Lexicon(Corpus("x", (), topics, {}), COMMON)
    assert [m.topic_id for m in lexicon.mentions("sam-e and sam e and mag net")] == ["sam-e"] * 3
    assert lexicon.mentions("the same magnet") == ()
    assert [m.topic_id for m in lexicon.mentions("gaba")] == ["gaba"]


def test_the_longest_name_wins(lexicon):
    assert [m.topic_id for m in lexicon.mentions("serotonin syndrome")] == ["serotonin-syndrome"]
    assert [m.topic_id for m in lexicon.mentions("serotonin, serotonin syndrome, serotonin")] == [
        "serotonin",
        "serotonin-syndrome",
        "serotonin",
    ]


@pytest.mark.parametrize("text", ["serotonergic", "happiness", "light", "john", "5", "htp", "pro zac", "5-ht2a", "light of therapy"])
def test_parts_of_names_and_longer_words_are_no_mention(lexicon, text):
    assert lexicon.mentions(text) == ()


def test_the_first_topic_keeps_a_name_claimed_twice():
    corpus = Corpus("x", (), {"a": Topic("a", "Kava", "medicine", ()), "b": Topic("b", "Maca", "medicine", ("kava",))}, {})
    assert [m.topic_id for m in Lexicon(corpus).mentions("kava maca")] == ["a", "b"]


def test_a_name_that_is_also_a_plain_word_is_known_by_its_capitals():
    lexicon = Lexicon(Corpus("x", (), {"same": Topic("same", "S-adenosylmethionine", "supplement", ("SAMe",))}, {}))
    assert [(m.start, m.end) for m in lexicon.mentions("does SAMe do the same")] == [(1, 2)]
    assert lexicon.canonical("does SAMe do the same") == "does S-adenosylmethionine do the same"
    assert lexicon.mentions("same") == ()


# --- what is not covered ---


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("sertindole or zoloft", ("sertindole",)),
        ("my restless legs and Sertindole", ("restless leg", "sertindole")),
        ("fluvoxatines", ("fluvoxatine",)),
        ("serotonin", ()),
        ("legs", ()),
    ],
)
def test_other_names(lexicon, text, names):
    assert lexicon.other_names(text) == names


def test_a_covered_name_hides_the_other_name_inside_it():
    corpus = Corpus("x", (), {"a": Topic("a", "Fish oil", "supplement", ())}, {}, other_names=frozenset({"fish", "oil of fish"}))
    lexicon = Lexicon(corpus)
    assert lexicon.other_names("fish oil") == ()
    assert lexicon.other_names("fish") == ("fish",)


@pytest.mark.parametrize(
    ("topic_id", "substance"),
    [("serotonin", True), ("ssri", True), ("magnesium", True), ("light-therapy", False), ("serotonin-syndrome", False), ("nowhere", False)],
)
def test_substances(lexicon, topic_id, substance):
    assert lexicon.is_substance(topic_id) is substance


def corpus_of(text, *topics):
    return Corpus("x", (), {topic.id: topic for topic in topics}, {"a/b": Passage("a/b", "a", "Title", text)})


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("anti depressants and sleep", "antidepressants and sleep"),
        ("lev o thyroxine", "lev o thyroxine"),  # three parts
        ("is bu-spirone strong", "is buspirone strong"),
        ("lack of vit b 12?", "lack of vit b12?"),
        ("what is in vegas", "what is in vegas"),  # "invegas" would be a name, but "in" is a word of its own
        ("brain wave test", "brain wave test"),  # a name of several words is known as it is
    ],
)
def test_a_name_in_two_parts_is_put_together(typed: str, meant: str):
    tablets = Topic("tablets", "Tablets", "class", ("antidepressants", "buspirone", "levothyroxine", "Invega"))
    vitamin, test = Topic("b12", "B12", "nutrient", ()), Topic("eeg", "Brain wave test", "measure", ())
    assert Lexicon(corpus_of("Tablets.", tablets, vitamin, test)).joined(typed) == meant
