import pytest

from ntqa.lexicon import Lexicon, Mention, name_key, replace_words, topic_names
from ntqa.schema import Corpus, Passage, Topic

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
    names = [item for item in topic_names(small_corpus) if item[0] == "ssri"]
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


def test_names_of_several_words_are_known_by_the_words_that_are_right():
    herb = Topic("wort", "St John's wort", "supplement", ("john wort",))
    lexicon = Lexicon(Corpus("x", (), {"wort": herb}, {}), frozenset({"jons"}))
    assert lexicon.correct("st jons wort") == (("jons", "john"),)
    assert lexicon.correct("st jane wort") == ()
    assert lexicon.correct("jons wort") == ()  # two words alone, one of them a word of the language, are not enough


def test_a_name_of_a_member_is_never_taken_for_a_misspelling_of_its_misspelling():
    topic = Topic("x", "Antipsychotics", "medicine", (), {"risperidone": ("risperdal", "respiridone")})
    lexicon = Lexicon(Corpus("x", (), {"x": topic}, {}))
    assert lexicon.correct("risperidone") == ()
    assert lexicon.correct("respiridone") == (("respiridone", "risperidone"),)


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


# --- what is known ---


@pytest.mark.parametrize("word", ["serotonin", "moods", "relieving", "trial", "placebo", "placebos", "zolofts", "b12", "ssris", "evidence"])
def test_words_of_texts_questions_and_names_are_known_in_any_form(lexicon, word):
    assert lexicon.knows(word)


@pytest.mark.parametrize("word", ["zinc", "seratonin", "eaten", "sertindole"])
def test_other_words_are_not_known(lexicon, word):
    assert not lexicon.knows(word)


@pytest.mark.parametrize(("word", "common"), [("magnet", True), ("magnets", True), ("2020", True), ("zinc", False), ("serotonin", False)])
def test_common_words(lexicon, word, common):
    assert lexicon.is_common(word) is common


def test_oddness_is_less_for_a_misspelling_than_for_an_invented_name(lexicon):
    assert lexicon.oddness("magnesium") == 0
    assert lexicon.oddness("magnesiumz") == pytest.approx(1 / 19)
    assert lexicon.oddness("qwxzvk") > 0.6


@pytest.mark.parametrize(
    ("topic_id", "substance"),
    [("serotonin", True), ("ssri", True), ("magnesium", True), ("light-therapy", False), ("serotonin-syndrome", False), ("nowhere", False)],
)
def test_substances(lexicon, topic_id, substance):
    assert lexicon.is_substance(topic_id) is substance


# --- misspellings ---


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("seratonin", "serotonin"),
        ("sertonin", "serotonin"),
        ("srotonin", "serotonin"),
        ("serotinon", "serotonin"),
        ("zolof", "zoloft"),
        ("zolfot", "zoloft"),
        ("prozak", "prozac"),
        ("lustrol", "lustral"),
        ("magnesum", "magnesium"),
        ("mangesium", "magnesium"),
        ("fluoxatine", "fluoxetine"),
        ("sertaline", "sertraline"),
        ("sertralin", "sertraline"),
        ("hypericom", "hypericum"),
        ("hydroxytriptophann", "hydroxytryptophan"),
        ("depresion", "depression"),
        ("digestoin", "digestion"),
        ("Seratonin!", "serotonin"),
    ],
)
def test_misspellings_are_corrected(lexicon, typed, meant):
    assert lexicon.correct(typed) == ((typed.lower().strip("!"), meant),)


@pytest.mark.parametrize(
    "typed",
    [
        "serotonin", "zoloft", "trials", "ssris",  # right
        "sertindole", "sertindoles", "fluvoxatine",  # names of things that are not covered, though near to ones that are
        "depressing", "magnet", "magnets", "trail", "modes",  # words of the language
        "what", "zolo", "b121", "5htpp", "zoloft2",  # short, or no words
        "dopamine", "melatonin", "cortisone", "paroxetine", "ibuprofen",  # too far from any word of this corpus
        "aagnesium", "nagnesium", "bepression",  # another first letter
    ],
)  # fmt: skip
def test_other_words_are_not_corrected(lexicon, typed):
    assert lexicon.correct(typed) == ()


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("zoloff", "zoloft"),
        ("zolaff", None),
        ("magnisum", "magnesium"),  # sounds the same
        ("magnisiom", "magnesium"),
        ("magnisioms", None),
        ("hyppericcom", "hypericum"),
        ("hypeericcumm", "hypericum"),
        ("hydroxitriptopan", "hydroxytryptophan"),
        ("hydroxitriptofan", "hydroxytryptophan"),  # sounds the same
    ],
)
def test_longer_words_may_have_more_mistakes(lexicon, typed, meant):
    """One below nine letters, two below twelve, three from there on; one more where the word sounds the same."""
    assert [pair[1] for pair in lexicon.correct(typed)] == ([meant] if meant else [])


def corpus_of(text, *topics):
    return Corpus("x", (), {topic.id: topic for topic in topics}, {"a/b": Passage("a/b", "a", "Title", text)})


def test_two_names_equally_near_are_not_guessed_between():
    topics = [Topic(name, name, "medicine", ()) for name in ("tramolinol", "tramobenol")]
    lexicon = Lexicon(corpus_of("Tramolinol and tramobenol.", *topics))
    assert lexicon.correct("tramoxanol") == ()
    assert lexicon.correct("tramolixol") == (("tramolixol", "tramolinol"),)


def test_greek_words_may_be_spelt_as_they_sound():
    lexicon = Lexicon(corpus_of("Psychedelics, methylphenidate and forty."))
    assert lexicon.correct("sychedelics metilfenidate") == (("sychedelics", "psychedelics"), ("metilfenidate", "methylphenidate"))
    assert lexicon.correct("froth") == ()  # in short words the spelling tells them apart


def test_a_name_is_preferred_to_another_word_equally_near():
    lexicon = Lexicon(corpus_of("A lustrat, a lustrat and a lustran.", Topic("a", "Lustran", "medicine", ())))
    assert lexicon.correct("lustram") == (("lustram", "lustran"),)


def test_the_more_frequent_word_is_preferred_when_none_is_a_name():
    lexicon = Lexicon(corpus_of("A pastel, a postal thing, a postal thing."))
    assert lexicon.correct("pastal") == (("pastal", "postal"),)


def test_a_misspelling_among_the_aliases_is_mended_but_never_what_is_meant():
    """Aliases hold misspellings that lie far from the word; nearer ones must not be "corrected" to those."""
    lexicon = Lexicon(corpus_of("Serotonin.", Topic("serotonin", "Serotonin", "transmitter", ("seratonim",))))
    assert lexicon.correct("seratonim") == (("seratonim", "serotonin"),)
    assert lexicon.correct("serotonim") == (("serotonim", "serotonin"),)


def test_each_misspelt_word_is_listed_once_in_order(lexicon):
    text = "sertaline, seratonin or sertaline?"
    assert lexicon.correct(text) == (("sertaline", "sertraline"), ("seratonin", "serotonin"))
    assert lexicon.correct(text) == lexicon.correct(text)


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        ("is seratonin low", "is serotonin low"),
        ("Seratonin?", "serotonin?"),
        ('"seratonin," (seratonin) seratonin...', '"serotonin," (serotonin) serotonin...'),
        ("two  blanks seratonin ", "two  blanks serotonin "),
        ("seratoninergic", "seratoninergic"),
        ("", ""),
    ],
)
def test_replace_words(text, replaced):
    assert replace_words(text, {"seratonin": "serotonin"}) == replaced


def test_without_corrections_the_text_is_the_same():
    assert replace_words("Any  Text\n", {}) == "Any  Text\n"


def test_spellings_of_text_messages_stand_for_one_word_each(lexicon: Lexicon):
    assert dict(lexicon.correct("wat dus gaba do wiv sleep")) == {"wat": "what", "dus": "does", "wiv": "with"}
    assert lexicon.correct("what does gaba do with sleep") == ()


def test_a_name_of_four_letters_is_known_by_its_sound():
    topics = {name: Topic(name, name, "medicine", ()) for name in ("pmdd", "rema", "rima")}
    lexicon = Lexicon(Corpus("", (), topics, {}))
    assert lexicon.correct("pmmd") == (("pmmd", "pmdd"),)
    assert lexicon.correct("pmxd") == ()  # sounds otherwise
    assert lexicon.correct("roma") == ()  # may be either


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


def test_a_topics_own_name_has_no_rival_among_its_other_names():
    gaba, glossary = Topic("gaba", "GABA", "transmitter", ("gabab",)), Topic("glossary", "Glossary", "general", ("tolitol", "tolutol"))
    lexicon = Lexicon(corpus_of("Gaba, gaba, gabab.", gaba, glossary))
    assert lexicon.correct("gabba") == (("gabba", "gaba"),)
    assert lexicon.correct("tolatol") == ()  # two terms of one topic may be opposites, as placebo and nocebo are


def test_a_word_of_four_letters_may_lack_one():
    lexicon = Lexicon(corpus_of("Blood. " * 5 + "Flood."))
    assert lexicon.correct("giving blod") == (("blod", "blood"),)
    assert lexicon.correct("a flod") == ()  # said too rarely to be meant


def test_a_common_word_may_stand_for_half_of_a_name_beside_the_other_half():
    corpus = corpus_of("Fluid.", Topic("csf", "Lumbar puncture", "measure", ()))
    assert Lexicon(corpus, frozenset({"lumber"})).correct("lumber puncture") == (("lumber", "lumbar"),)
    assert Lexicon(corpus, frozenset({"lumber"})).correct("lumber yard") == ()
