import pytest

from ntqa.lexicon import Lexicon
from ntqa.schema import Corpus, Passage, Topic
from ntqa.spelling import Spelling, replace_words

COMMON = frozenset({"depressing", "magnet", "trail", "mode", "mood"})


@pytest.fixture(scope="module")
def spelling(small_corpus):
    return Lexicon(small_corpus, COMMON).spelling


def test_names_of_several_words_are_known_by_the_words_that_are_right():
    herb = Topic("wort", "St John's wort", "supplement", ("john wort",))
    spelling = Lexicon(Corpus("x", (), {"wort": herb}, {}), frozenset({"jons"})).spelling
    assert spelling.correct("st jons wort") == (("jons", "john"),)
    assert spelling.correct("st jane wort") == ()
    assert spelling.correct("jons wort") == ()  # two words alone, one of them a word of the language, are not enough


def test_a_name_of_a_member_is_never_taken_for_a_misspelling_of_its_misspelling():
    topic = Topic("x", "Antipsychotics", "medicine", (), {"risperidone": ("risperdal", "respiridone")})
    spelling = Lexicon(Corpus("x", (), {"x": topic}, {})).spelling
    assert spelling.correct("risperidone") == ()
    assert spelling.correct("respiridone") == (("respiridone", "risperidone"),)


# --- what is known ---


@pytest.mark.parametrize("word", ["serotonin", "moods", "relieving", "trial", "placebo", "placebos", "zolofts", "b12", "ssris", "evidence"])
def test_words_of_texts_questions_and_names_are_known_in_any_form(spelling, word):
    assert spelling.knows(word)


@pytest.mark.parametrize("word", ["zinc", "seratonin", "eaten", "sertindole"])
def test_other_words_are_not_known(spelling, word):
    assert not spelling.knows(word)


@pytest.mark.parametrize(("word", "common"), [("magnet", True), ("magnets", True), ("2020", True), ("zinc", False), ("serotonin", False)])
def test_common_words(spelling, word, common):
    assert spelling.is_common(word) is common


@pytest.mark.parametrize(("word", "known"), [("serotonin", True), ("magnet", True), ("seratonin", False)])
def test_words_of_corpus_or_language(spelling, word, known):
    assert spelling.is_word(word) is known


def test_oddness_is_less_for_a_misspelling_than_for_an_invented_name(spelling):
    assert spelling.oddness("magnesium") == 0
    assert spelling.oddness("magnesiumz") == pytest.approx(1 / 19)
    assert spelling.oddness("qwxzvk") > 0.6


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
def test_misspellings_are_corrected(spelling, typed, meant):
    assert spelling.correct(typed) == ((typed.lower().strip("!"), meant),)


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
def test_other_words_are_not_corrected(spelling, typed):
    assert spelling.correct(typed) == ()


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
def test_longer_words_may_have_more_mistakes(spelling, typed, meant):
    """One below nine letters, two below twelve, three from there on; one more where the word sounds the same."""
    assert [pair[1] for pair in spelling.correct(typed)] == ([meant] if meant else [])


def corpus_of(text, *topics):
    return Corpus("x", (), {topic.id: topic for topic in topics}, {"a/b": Passage("a/b", "a", "Title", text)})


def test_two_names_equally_near_are_not_guessed_between():
    topics = [Topic(name, name, "medicine", ()) for name in ("tramolinol", "tramobenol")]
    spelling = Lexicon(corpus_of("Tramolinol and tramobenol.", *topics)).spelling
    assert spelling.correct("tramoxanol") == ()
    assert spelling.correct("tramolixol") == (("tramolixol", "tramolinol"),)


def test_greek_words_may_be_spelt_as_they_sound():
    spelling = Lexicon(corpus_of("Psychedelics, methylphenidate and forty.")).spelling
    assert spelling.correct("sychedelics metilfenidate") == (("sychedelics", "psychedelics"), ("metilfenidate", "methylphenidate"))
    assert spelling.correct("froth") == ()  # in short words the spelling tells them apart


@pytest.mark.parametrize(
    ("typed", "meant"), [("detocks", "detox"), ("exersize", "exercise"), ("cafeen", ""), ("turmerick", "turmeric"), ("sykosis", "")]
)
def test_letters_of_one_sound_are_taken_for_each_other(typed: str, meant: str):
    spelling = Lexicon(corpus_of("A detox at the docks, exercise, caffeine and turmeric.")).spelling
    assert dict(spelling.correct(f"{typed} now")).get(typed, "") == meant


def test_a_name_is_preferred_to_another_word_equally_near():
    spelling = Lexicon(corpus_of("A lustrat, a lustrat and a lustran.", Topic("a", "Lustran", "medicine", ()))).spelling
    assert spelling.correct("lustram") == (("lustram", "lustran"),)


def test_the_more_frequent_word_is_preferred_when_none_is_a_name():
    spelling = Lexicon(corpus_of("A pastel, a postal thing, a postal thing.")).spelling
    assert spelling.correct("pastal") == (("pastal", "postal"),)


def test_a_misspelling_among_the_aliases_is_mended_but_never_what_is_meant():
    """Aliases hold misspellings that lie far from the word; nearer ones must not be "corrected" to those."""
    spelling = Lexicon(corpus_of("Serotonin.", Topic("serotonin", "Serotonin", "transmitter", ("seratonim",)))).spelling
    assert spelling.correct("seratonim") == (("seratonim", "serotonin"),)
    assert spelling.correct("serotonim") == (("serotonim", "serotonin"),)


def test_each_misspelt_word_is_listed_once_in_order(spelling):
    text = "sertaline, seratonin or sertaline?"
    assert spelling.correct(text) == (("sertaline", "sertraline"), ("seratonin", "serotonin"))
    assert spelling.correct(text) == spelling.correct(text)


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


def test_spellings_of_text_messages_stand_for_one_word_each(spelling: Spelling):
    assert dict(spelling.correct("wat dus gaba do wiv sleep")) == {"wat": "what", "dus": "does", "wiv": "with"}
    assert spelling.correct("what does gaba do with sleep") == ()


def test_a_name_of_four_letters_is_known_by_its_sound():
    topics = {name: Topic(name, name, "medicine", ()) for name in ("pmdd", "rema", "rima")}
    spelling = Lexicon(Corpus("", (), topics, {})).spelling
    assert spelling.correct("pmmd") == (("pmmd", "pmdd"),)
    assert spelling.correct("pmxd") == ()  # sounds otherwise
    assert spelling.correct("roma") == ()  # may be either


def test_a_topics_own_name_has_no_rival_among_its_other_names():
    gaba, glossary = Topic("gaba", "GABA", "transmitter", ("gabab",)), Topic("glossary", "Glossary", "general", ("tolitol", "tolutol"))
    spelling = Lexicon(corpus_of("Gaba, gaba, gabab.", gaba, glossary)).spelling
    assert spelling.correct("gabba") == (("gabba", "gaba"),)
    assert spelling.correct("tolatol") == ()  # two terms of one topic may be opposites, as placebo and nocebo are


def test_a_word_of_four_letters_may_lack_one():
    spelling = Lexicon(corpus_of("Blood. " * 5 + "Flood.")).spelling
    assert spelling.correct("giving blod") == (("blod", "blood"),)
    assert spelling.correct("a flod") == ()  # said too rarely to be meant


def test_a_common_word_may_stand_for_half_of_a_name_beside_the_other_half():
    corpus = corpus_of("Fluid.", Topic("csf", "Lumbar puncture", "measure", ()))
    assert Lexicon(corpus, frozenset({"lumber"})).spelling.correct("lumber puncture") == (("lumber", "lumbar"),)
    assert Lexicon(corpus, frozenset({"lumber"})).spelling.correct("lumber yard") == ()
