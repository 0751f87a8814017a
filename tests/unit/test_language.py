import pytest

from ntqa.language import language_of
from ntqa.lexicon import Lexicon


@pytest.fixture(scope="module")
def lexicon(small_corpus):
    return Lexicon(small_corpus, frozenset({"brain", "question", "coming", "hurt", "levels", "normal", "cafe", "naive"}))


@pytest.mark.parametrize(
    "text",
    [
        "what does serotonin do",
        "does coming off zoloft hurt",
        "seratonin levls in teh brian",
        "wat is serotonine",
        "sertraline",
        "5-HTP?",
        "zoloft lustral prozac",
        "is a naïve question about my café normal",
        "don’t levels hurt",
        "naïve zoloft brain levels",
        "",
        "123",
    ],
)
def test_english(lexicon, text):
    assert language_of(text, lexicon) == "en"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("qué es la serotonina y para qué sirve", "es"),
        ("estoy muy triste y no quiero seguir viviendo", "es"),
        ("je suis triste et je ne dors pas", "fr"),
        ("à quoi sert la sérotonine dans le cerveau", "fr"),
        ("was ist serotonin und wie wirkt es im gehirn", "de"),
        ("ich will nicht mehr leben", "de"),
        ("zoloft müdigkeit", "de"),
        ("wofür braucht der körper magnesium", "de"),
    ],
)
def test_other_languages(lexicon, text, code):
    assert language_of(text, lexicon) == code
