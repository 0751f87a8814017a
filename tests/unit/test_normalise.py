import pytest

from ntqa.normalise import legible, plain, readable, variants


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("Ｋｉｌｌ", "kill"),
        ("𝓴𝓲𝓵𝓵", "kill"),
        ("ﬁne", "fine"),
        ("naïve CAFÉ", "naive cafe"),
        ("cafe\u0301", "cafe"),
        ("STRAßE", "strasse"),
        ("can’t can‘t canʼt can`t can′t can＇t", "can't can't can't can't can't can't"),
        ("  a\n\tb\r\n c\u00a0d ", "a b c d"),
        ("soooo saaaad", "soo saad"),
    ],
)
def test_form_of_the_letters(typed, read):
    assert plain(typed) == read


@pytest.mark.parametrize(
    "mark", ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u200f", "\x00", "\x07", "\ue000"]
)
def test_invisible_characters_vanish(mark):
    assert plain(f"ki{mark}ll my{mark}self") == "kill myself"


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("ѕuісіdе", "suicide"),
        ("кill", "kill"),
        ("kіll", "kill"),
        ("dіе", "die"),
        ("ЅЅRІs", "ssris"),
        ("mуѕеlf", "myself"),
        ("dιe", "die"),
        ("οverdose", "overdose"),
        ("Ηelp", "help"),
        ("suicidе nοw", "suicide now"),
    ],
)
def test_look_alike_letters_in_mixed_words_become_latin(typed, read):
    assert not typed.isascii()
    assert plain(typed) == read


@pytest.mark.parametrize(
    ("typed", "read"),
    [("wnt t kll mysf", "want to kill myself"), ("nt wrth lvng", "not worth living"), ("thrt tght, cnt brth", "throat tght, cant brth")],
)
def test_words_of_danger_without_vowels_are_written_out(typed, read):
    assert variants(typed) == (typed, read)


@pytest.mark.parametrize("typed", ["привет", "сон и стресс", "κακο", "你好"])
def test_words_of_other_scripts_stay(typed):
    assert variants(typed) == (typed,)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("k i l l", "kill"),
        ("k.i.l.l", "kill"),
        ("s-u-i-c-i-d-e", "suicide"),
        ("s_u_i_c_i_d_e", "suicide"),
        ("s*u*i*c*i*d*e", "suicide"),
        ("k/i/l/l", "kill"),
        ("K I L L  M Y S E L F", "kill myself"),
        ("i want to d i e n o w", "i want to dienow"),
        ("k\u200b i\u200b l\u200b l", "kill"),
    ],
)
def test_spaced_out_words_are_joined(typed, read):
    assert plain(typed) == read


@pytest.mark.parametrize("typed", ["i a m", "mao-a or mao-b", "5 h t p", "plan b c", "and/or", "l-dopa", "sam-e"])
def test_few_single_letters_are_not_joined(typed):
    assert plain(typed) == typed


@pytest.mark.parametrize(
    ("typed", "second"),
    [
        ("k1ll mys3lf", "kill myself"),
        ("su1c1de", "suicide"),
        ("h3lp", "help"),
        ("c@n", "can"),
        ("$ad", "sad"),
        ("k!ll", "kill"),
        ("0v3rd0s3", "overdose"),
        ("wanna", "want to"),
        ("gonna end it 2nite", "going to end it tonight"),
        ("r u ok", "are you ok"),
        ("cuz of ur meds", "because of your meds"),
    ],
)
def test_a_second_reading_writes_digits_and_short_forms_out(typed, second):
    assert variants(typed) == (typed, second)


@pytest.mark.parametrize(
    "typed",
    [
        "5-htp", "5htp", "5-ht", "5ht2a", "b12", "vitamin b6", "60kg", "60 kg", "20mg", "400iu", "2nd", "1st", "omega3", "gad7", "phq-9", "covid19",
        "16yo", "10lbs", "9am", "2x", "90s", "d3", "24hrs", "what does serotonin do", "co2", "2020",
    ],
)  # fmt: skip
def test_ordinary_numbers_and_names_have_one_reading(typed):
    assert variants(typed) == (typed,)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("What is ｄｏｐａｍｉｎｅ?", "What is dopamine?"),
        ("𝐝𝐨𝐩𝐚𝐦𝐢𝐧𝐞 and B₁₂", "dopamine and B12"),
        ("hоw muсh mаgnesium", "how much magnesium"),
        ("zi\u200bnc\u00adpills", "zincpills"),
        ("w h a t   i s   g l u t a m a t e", "what is glutamate"),
        ("D O P A M I N E please", "DOPAMINE please"),
        ("one line\nand two", "one line\nand two"),
    ],
)
def test_legible_is_what_was_meant(typed, read):
    assert legible(typed) == read


@pytest.mark.parametrize("typed", ["Café’s naïve Straße", "Prozac™ ½", "vitamins a d e k", "магний", "A.D.H.D.", "What’s “GABA”?", "😀 ok"])
def test_legible_leaves_the_rest_as_typed(typed):
    assert legible(typed) == typed


@pytest.mark.parametrize("typed", ["", " ", "\u200b"])
def test_nothing_stays_nothing(typed):
    assert variants(typed) == ("",)


def test_reading_twice_changes_nothing_more():
    once = plain("ѕoooo  K I L L ’ naïve \u200b x")
    assert plain(once) == once


@pytest.mark.parametrize(
    "text", ["ok", "5-HTP?", "hi", "5htp", "привет", "你好", "??? why", "is it?!", "serotonin", "vitamin b12", "ab123"]
)
def test_readable(text):
    assert readable(text)


@pytest.mark.parametrize("text", ["", "?", "a", "123", "!!!", "…", "👍👍", "12:30", "((((((((((ab))))))))))"])
def test_not_readable(text):
    assert not readable(text)
