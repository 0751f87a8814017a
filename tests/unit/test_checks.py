import unicodedata
from dataclasses import replace

import pytest
from corpus_folder import TODAY

from ntqa.checks import check_corpus, unit_hashes
from ntqa.corpus import read_corpus
from ntqa.schema import MESSAGE_KEYS

SLEEP = "topics/magnesium/sleep.md"
EFFECTS = "topics/magnesium/side-effects.md"
MAGNESIUM = "topics/magnesium/topic.yaml"
SEROTONIN = "topics/serotonin/what-it-is.md"
SEROTONIN_TOPIC = "topics/serotonin/topic.yaml"
CRISIS = "guard/crisis.yaml"
HELP = "help_lines.yaml"
MESSAGES = "messages.yaml"
BODY = 15  # line in which the text of sleep.md begins


def some_words(count, stem="word"):
    return " ".join(f"{stem}{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(count))


def test_a_good_corpus_has_neither_problems_nor_warnings(folder):
    assert folder.problems() == []
    assert folder.warnings() == []


# --- what has passed before ---


def test_what_has_passed_is_not_looked_at_again_but_what_is_new_is(folder):
    folder.replace(SLEEP, "Magnesium: sleep", "Magnesium: " + "x" * 70)
    folder.replace(EFFECTS, "Magnesium: side effects", "Magnesium: " + "y" * 70)
    corpus, _ = folder.read()
    both, _ = check_corpus(corpus, folder.root, TODAY)
    assert [problem.file for problem in both] == [EFFECTS, SLEEP]
    known = unit_hashes(corpus)
    folder.replace(EFFECTS, "y" * 70, "z" * 71)
    corpus, _ = folder.read()
    again, _ = check_corpus(corpus, folder.root, TODAY, passed=known)
    assert [problem.file for problem in again] == [EFFECTS]


def test_a_changed_pattern_is_tried_again(folder):
    corpus, _ = folder.read()
    known = unit_hashes(corpus)
    pattern = corpus.patterns[0]
    broken = replace(corpus, patterns=(replace(pattern, regex="never that"), *corpus.patterns[1:]))
    errors, _ = check_corpus(broken, folder.root, TODAY, passed=known)
    assert {error.message.partition(" does not")[0] for error in errors} == {f"pattern {pattern.id!r}"}


def test_what_must_fit_together_is_checked_even_when_it_has_passed(folder):
    corpus, _ = folder.read()
    known = unit_hashes(corpus)
    folder.replace(SLEEP, "sources: [", "sources: [nowhere-2020, ")
    corpus, _ = folder.read()
    errors, _ = check_corpus(corpus, folder.root, TODAY, passed=known)
    assert [(error.file, "nowhere-2020" in error.message) for error in errors] == [(SLEEP, True)]


# --- length and form ---


@pytest.mark.parametrize("count", [50, 130])
def test_the_shortest_and_the_longest_passage(folder, count):
    folder.body(SLEEP, some_words(count))
    assert folder.problems() == []


@pytest.mark.parametrize("count", [1, 49, 131])
def test_a_passage_too_short_or_too_long(folder, count):
    folder.body(SLEEP, some_words(count))
    folder.refuses(f"{SLEEP}:{BODY}", f"has {count} words", "50 to 130")


def test_a_passage_without_text(folder):
    folder.body(SLEEP, "\n \n")
    folder.refuses(f"{SLEEP}:1", "has 0 words")


def test_title_length(folder):
    folder.replace(SLEEP, "Magnesium: sleep", "Magnesium: " + "x" * 69)
    assert folder.problems() == []
    folder.replace(SLEEP, "x" * 69, "x" * 70)
    folder.refuses(f"{SLEEP}:2", "title has 81 characters", "at most 80")


def test_number_of_questions(folder):
    folder.replace(SLEEP, "  - mag at bedtime for insomnia\n", "")
    folder.refuses(f"{SLEEP}:3", "5 questions", "6 to 16")
    folder.replace(SLEEP, "questions:\n", "questions:\n" + "".join(f"  - {some_words(2, stem)}\n" for stem in "bcdfghjklmn"))
    assert folder.problems() == []
    folder.replace(SLEEP, "questions:\n", "questions:\n  - one more of them\n")
    folder.refuses(f"{SLEEP}:3", "17 questions", "6 to 16")


def test_question_length(folder):
    folder.replace(SLEEP, "mag at bedtime for insomnia", "x" * 200)
    assert folder.problems() == []
    folder.replace(SLEEP, "x" * 200, "x" * 201)
    folder.refuses(f"{SLEEP}:5", "a question has 201 characters", "at most 200")


@pytest.mark.parametrize(
    "opening",
    [
        "However", "It", "Its", "This", "That", "These", "Those", "They", "Their", "But", "And", "Also", "Thus", "Therefore", "Hence", "Moreover",
        "Furthermore", "Additionally", "Such", "He", "She", "Instead", "Similarly", "Then", "So", "Or", "As a result", "On the other hand",
        "For example", "In addition",
    ],
)  # fmt: skip
@pytest.mark.parametrize("after", [",", " magnesium"])
def test_an_opening_that_leans_on_something_before(folder, opening, after):
    folder.replace(SLEEP, "Magnesium is", f"{opening}{after} is")
    folder.refuses(f"{SLEEP}:{BODY}", f"opens with '{opening}'", "name the subject")


@pytest.mark.parametrize("opening", ["it", "HOWEVER", '"It', "“This", "‘They", "(In addition"])
def test_such_an_opening_in_lower_case_or_after_a_quote_mark(folder, opening):
    folder.replace(SLEEP, "Magnesium is", f"{opening} is")
    folder.refuses(f"{SLEEP}:{BODY}", f"opens with {opening.strip(chr(34) + '“‘(')!r}")


@pytest.mark.parametrize(
    "opening",
    ["Thistle", "Italy", "Butter", "Android", "Heroin", "Sound sleep", "Thyme", "Organic magnesium", "Examples, such as magnesium,"],
)
def test_openings_that_only_begin_like_it(folder, opening):
    folder.replace(SLEEP, "Magnesium is", f"{opening} is")
    assert folder.problems() == []


def test_leaning_words_may_stand_later(folder):
    folder.replace(SLEEP, "Nobody knows", "However, it is true that nobody knows")
    assert folder.problems() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("We use cookies to make this website work.", "We use cookies"),
        ("By clicking accept you agree to our Cookie Policy.", "Cookie Policy"),
        ("You can change your cookie settings at any time.", "cookie settings"),
        ("Manage your preferences or reject all.", "Manage your preferences"),
        ("We'd also like to set analytics cookies to understand how you use the site.", "analytics cookies"),
        ("Personalisation cookies remember your choices.", "Personalisation cookies"),
        ("Personalization cookies remember your choices.", "Personalization cookies"),
        ("See our Privacy Policy for details.", "Privacy Policy"),
        ("Copyright 2024, all rights reserved.", "all rights reserved"),
        ("Sign up for our weekly letter.", "Sign up for"),
        ("Subscribe to stay informed.", "Subscribe to"),
        ("The newsletter brings more.", "newsletter"),
        ("Click here to learn all.", "Click here"),
        ("Read more about it.", "Read more"),
        ("Our Terms of Use apply.", "Terms of Use"),
        ("Share this with a friend.", "Share this"),
        ("We use\ncookies to make this work.", "We use cookies"),
        ("This site uses cookies.", "This site uses cookies"),
        ("This website uses\ncookies.", "This website uses cookies"),
        ("You can accept all cookies.", "accept all cookies"),
        ("Reject all cookies.", "Reject all cookies"),
        ("© 2024 A Publisher", "©"),
    ],
)
def test_text_of_a_web_page(folder, text, words):
    folder.replace(SLEEP, "any difference.\n", f"any difference.\n{text}\n")
    folder.refuses(f"{SLEEP}:{BODY + 4}", "text of a web page", f"'{words}'")


@pytest.mark.parametrize("text", ["Cookies hold sugar.", "The trial used a policy of privacy.", "People read many papers."])
def test_words_that_only_resemble_a_web_page(folder, text):
    folder.replace(SLEEP, "any difference.\n", f"any difference.\n{text}\n")
    assert folder.problems() == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<b>Nobody</b> knows.", "<b>"),
        ("Nobody knows.<br/>", "<br/>"),
        ("Nobody<!-- x --> knows.", "<!-- x -->"),
        ("<script>x</script>", "<script>"),
        ("**Nobody** knows.", "**"),
        ("* Nobody knows.", "*"),
        ("+ Nobody knows.", "+"),
        ("1. Nobody knows.", "1."),
        ("12) Nobody knows.", "12)"),
        ("# Nobody", "#"),
        ("### Nobody", "###"),
        ("```", "```"),
        ("$$x$$ is nobody", "$$"),
        ("See https://example.org now.", "https://"),
        ("See HTTP://example.org now.", "HTTP://"),
        ("See www.nhs.uk now.", "www."),
        ("See [the page](x) now.", "[the page]("),
        ("• Nobody knows.", "•"),
        ("> Nobody knows.", ">"),
        (">Nobody knows.", ">"),
        ("`Nobody` knows.", "`"),
    ],
)
def test_markup_lists_and_links(folder, text, words):
    folder.replace(SLEEP, "any difference.\n", f"any difference.\n{text}\n")
    folder.refuses(f"{SLEEP}:{BODY + 4}", "markup, a list or a link", repr(words))


@pytest.mark.parametrize(
    "text",
    [
        "Two - or three - trials.",
        "Values < 3 or > 5 count.",
        "The sum is 2 * 3.",
        "In 2020. Then.",
        "(1) first and (2) second.",
        "5-HTP is made.",
    ],
)
def test_marks_inside_a_sentence_are_no_markup(folder, text):
    folder.replace(SLEEP, "any difference.\n", f"any difference. {text}\n")
    assert folder.problems() == []


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_hyphen_as_a_bullet_is_found_in_its_own_line(folder, gap):
    folder.replace(SLEEP, "any difference.\n", f"any difference - one.{gap}- one more\n")
    folder.refuses(f"{SLEEP}:{BODY + 3 + len(gap)}", "holds markup, a list or a link: '-'")


# --- doses ---


def test_a_dose_in_the_text(folder):
    folder.replace(SLEEP, "Nobody knows", "Adults got 250 mg of it. Nobody knows")
    folder.refuses(f"{SLEEP}:{BODY + 3}", "states an amount", "'250 mg'", "no passage may")


def test_a_dose_parted_by_the_end_of_a_line(folder):
    folder.replace(SLEEP, "any difference.", "any difference at 250\nmg.")
    folder.refuses(f"{SLEEP}:{BODY + 3}", "states an amount", "'250 mg'")


def test_a_dose_in_the_title(folder):
    folder.replace(SLEEP, "Magnesium: sleep", "Magnesium twice a day: sleep")
    folder.refuses(f"{SLEEP}:2", "states a frequency", "'twice a day'")


def test_a_dose_in_a_question(folder):
    folder.replace(SLEEP, "mag at bedtime for insomnia", "is 400 mg of mag too much")
    folder.refuses(f"{SLEEP}:5", "states an amount", "'400 mg'")


def test_a_dose_is_found_in_its_own_line(folder):
    folder.replace(SLEEP, "older adults\n", "older two adults\n")
    folder.replace(SLEEP, "any difference.", "any difference from two\ntablets.")
    folder.refuses(f"{SLEEP}:{BODY + 3}", "states an amount", "'two tablets'")


# --- sources ---


def test_an_unknown_source(folder):
    folder.replace(SLEEP, "[nih-magnesium]", "[nih-magnesium, nih-zinc]")
    folder.refuses(f"{SLEEP}:10", "unknown source 'nih-zinc'", "sources.yaml")


def test_a_source_that_nothing_uses(folder):
    folder.replace(SEROTONIN, "[review-serotonin]", "[nih-magnesium]")
    folder.refuses("sources.yaml:9", "source 'review-serotonin'", "not used")


def test_without_any_source_one_problem_says_so(folder):
    folder.delete("sources.yaml")
    assert folder.problems() == ["sources.yaml:1: no source can be read here, and passages name 2; mend or restore this file first"]


# --- links between passages ---


@pytest.mark.parametrize(
    "link", ["magnesium/side-effect", "zinc", "serotonin/sleep", "../../etc/passwd", "/etc/passwd", "magnesium/../serotonin/what-it-is"]
)
def test_a_link_to_no_passage(folder, link):
    folder.replace(SLEEP, "[magnesium/side-effects]", f"[{link}]")
    folder.refuses(f"{SLEEP}:13", f"'shown_with' names '{link}'", "does not exist")


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "words"),
    [
        (SLEEP, "[nih-magnesium]", "[nih-magnesium, sleep]", 10, "unknown source 'sleep'"),
        (SLEEP, "[magnesium/side-effects]", "\n  - magnesium/side-effects\n  - sleep", 15, "'shown_with' names 'sleep'"),
        (SEROTONIN, "[magnesium/sleep]", "[serotonin]", 14, "'counterpoint' names 'serotonin'"),
        (
            "calibration.yaml",
            "not_covered:",
            "  - text: is zinc any good\n    passages: [magnesium/sleep]\n  - {text: is it, passages: [zinc]}\nnot_covered:",
            6,
            "'zinc'",
        ),
    ],
)
def test_a_link_is_looked_up_in_its_own_list(folder, file, old, new, line, words):
    folder.replace(file, old, new)
    folder.refuses(f"{file}:{line}", words)


def test_a_counterpoint_to_no_passage(folder):
    folder.replace(SEROTONIN, "[magnesium/sleep]", "[magnesium/sleeep]")
    folder.refuses(f"{SEROTONIN}:14", "'counterpoint' names 'magnesium/sleeep'", "does not exist")


def test_a_link_to_itself(folder):
    folder.replace(SLEEP, "[magnesium/side-effects]", "[magnesium/sleep]")
    folder.refuses(f"{SLEEP}:13", "'shown_with' names the passage itself")


def test_too_many_links(folder):
    folder.replace(SLEEP, "[magnesium/side-effects]", "[magnesium/side-effects, serotonin/what-it-is]")
    assert folder.problems() == []
    folder.replace(SLEEP, "what-it-is]", "what-it-is, magnesium/side-effects]")
    folder.refuses(f"{SLEEP}:13", "'shown_with' names 3 passages", "at most 2")


# --- dates ---


def test_a_review_of_long_ago_is_a_warning(folder):
    folder.replace(SLEEP, "2026-11-20", "2023-11-22")  # 3 * 365 days
    assert folder.warnings() == []
    folder.replace(SLEEP, "2023-11-22", "2023-11-21")
    folder.warns(f"{SLEEP}:12", "last reviewed on 2023-11-21")


def test_a_review_today_is_not_in_the_future(folder):
    folder.replace(SLEEP, "2026-11-20", "2026-11-21")
    assert folder.problems() == []


# --- characters ---


@pytest.mark.parametrize(
    "char",
    ["\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202a", "\u202e", "\u2066", "\u2069", "\u200e", "\u200f", "\x00", "\x07", "\x1b", "\x7f", "\t", "\ue000", "\ufffd", "\u0378"],
    ids=lambda char: f"U+{ord(char):04X}",
)  # fmt: skip
def test_characters_that_a_page_swallows(folder, char):
    folder.replace(SLEEP, "younger people", f"younger{char} people")
    folder.refuses(f"{SLEEP}:{BODY + 3}", f"U+{ord(char):04X}")


@pytest.mark.parametrize("char", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029"], ids=lambda char: f"U+{ord(char):04X}")
def test_separators_other_than_the_line_feed(folder, char):
    folder.replace(SLEEP, "younger people", f"younger{char}people")
    (problem,) = folder.problems()
    assert f"holds the character U+{ord(char):04X}" in problem


@pytest.mark.parametrize("text", ["naïve", "“quoted” – or ‘so’…", "β-blocker", "20 °C", "no\u00a0break", "𝛼", "日本", "🙂"])
def test_ordinary_characters_of_other_kinds(folder, text):
    folder.replace(SLEEP, "younger people", f"younger {text} people")
    assert folder.problems() == []


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        (SLEEP, "Magnesium: sleep", "Magnesium:\u202e sleep", 2),
        (SLEEP, "mag at bedtime", "mag\u200b at bedtime", 5),
        (MAGNESIUM, "- mag\n", "- mag\u200b\n", 4),
        (MAGNESIUM, "[citramag]", "[citra\u00admag]", 6),
        (MAGNESIUM, "name: Magnesium", "name: Magnesium\u2060", 1),
        ("sources.yaml", "The expanded", "The\u200b expanded", 10),
    ],
)
def test_hidden_characters_are_found_everywhere(folder, file, old, new, line):
    folder.replace(file, old, new)
    folder.refuses(f"{file}:{line}", "holds the character U+")


def test_a_hidden_character_is_found_in_its_own_line(folder):
    folder.replace(SLEEP, "does magnesium help you sleep", "zero\u200bwidth")
    folder.replace(SLEEP, "younger people", "younger\u200b people")
    assert [problem.split(": ")[0] for problem in folder.problems()] == [f"{SLEEP}:4", f"{SLEEP}:{BODY + 3}"]


def test_a_blank_that_has_another_normal_form(folder):
    folder.replace(SLEEP, "younger people", "younger\u2000people")
    folder.refuses(f"{SLEEP}:{BODY}", "normal form NFC")


def test_hidden_characters_in_messages(folder):
    line = folder.line(MESSAGES, "Text of label sources.")
    folder.replace(MESSAGES, "Text of label sources.", "Text\u2066 of it.")
    folder.refuses(f"{MESSAGES}:{line}", "U+2066")


@pytest.mark.parametrize(
    ("file", "old", "new", "line"),
    [
        (SLEEP, "Magnesium is", "Café is", BODY),
        (SLEEP, "Magnesium: sleep", "Café: sleep", 2),
        (SLEEP, "mag at bedtime", "café at bedtime", 5),
        (MAGNESIUM, "- mag\n", "- café\n", 4),
        (SEROTONIN_TOPIC, "- 5-HT\n", "- café\n", 4),
    ],
)
def test_text_in_another_normal_form(folder, file, old, new, line):
    folder.replace(file, old, unicodedata.normalize("NFD", new))
    folder.refuses(f"{file}:{line}", "normal form NFC")
    folder.write(file, unicodedata.normalize("NFC", folder.text(file)))
    assert folder.problems() == []


# --- the same thing twice ---


def test_the_same_text_twice(folder):
    text = folder.text(EFFECTS).partition("\n---\n")[2].strip()
    folder.body(SLEEP, text.upper().replace(",", ";"))
    problems = folder.problems()
    assert {problem.split(": ")[0] for problem in problems} == {f"{SLEEP}:{BODY}"}
    assert any("has the same text as magnesium/side-effects" in problem for problem in problems)


def test_nearly_the_same_text(folder):
    """Of 58 runs of three words in either text, k are shared: k / (116 - k) reaches .7 at k = 48, which is 50 words."""
    folder.body(EFFECTS, f"{some_words(49)} {some_words(11, 'other')}")
    folder.body(SLEEP, some_words(60))
    assert folder.problems() == []
    folder.body(EFFECTS, f"{some_words(50)} {some_words(10, 'other')}")
    folder.refuses(f"{SLEEP}:{BODY}", "says nearly the same as magnesium/side-effects")


def test_the_same_question_under_two_passages(folder):
    folder.replace(SLEEP, "mag at bedtime for insomnia", "Side-effects of magnesium?!")
    folder.refuses(f"{SLEEP}:5", "the question 'Side-effects of magnesium?!' also stands under magnesium/side-effects")


def test_the_same_question_twice_in_one_passage(folder):
    folder.replace(SLEEP, "mag at bedtime for insomnia", "Does magnesium help you sleep?")
    folder.refuses(f"{SLEEP}:5", "also stands under magnesium/sleep")


def test_the_same_question_is_reported_once(folder):
    folder.replace(SLEEP, "mag at bedtime for insomnia", "Upset stomach after Citramag?")
    folder.refuses(f"{SLEEP}:5", "also stands under magnesium/side-effects")
    assert folder.warnings() == []


def test_nearly_the_same_question_is_a_warning(folder):
    folder.replace(SLEEP, "mag at bedtime for insomnia", "an upset of the stomach with citramag after it")
    folder.warns(f"{SLEEP}:5", "is nearly one of magnesium/side-effects")


def test_other_forms_within_one_passage_are_no_warning(folder):
    folder.replace(SLEEP, "mag at bedtime for insomnia", "citramag and older people lying awake")
    assert folder.problems() == []
    assert folder.warnings() == []


# --- names ---


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("happiness hormone", "Magnesium"),
        ("happiness hormone", "mags"),
        ("happiness hormone", "Citramag"),
        ("happiness hormone", "magnesium-citrate"),
    ],
)
def test_a_name_claimed_by_two_topics(folder, old, new):
    folder.replace(SEROTONIN_TOPIC, old, new)
    folder.refuses(f"{SEROTONIN_TOPIC}:5", f"the name '{new}' is also claimed by topic 'magnesium'")


def test_two_topics_of_one_name(folder):
    folder.replace(SEROTONIN_TOPIC, "name: Serotonin", "name: magnesium")
    folder.refuses(f"{SEROTONIN_TOPIC}:1", "the name 'magnesium' is also claimed by topic 'magnesium'")


def test_a_topic_may_repeat_its_own_name(folder):
    folder.replace(MAGNESIUM, "- mag\n", "- magnesium\n")
    assert folder.problems() == []


def test_a_topic_without_a_passage(folder):
    folder.write("topics/zinc/topic.yaml", "name: Zinc\nkind: supplement\n")
    folder.refuses("topics/zinc/topic.yaml:1", "has no passage")


@pytest.mark.parametrize("name", ["citramag", "happiness hormones", "serotonin"])
def test_a_covered_name_among_the_names_that_are_not(folder, name):
    folder.replace("other_names.yaml", "ibuprofen", name)
    folder.refuses("other_names.yaml:2", f"'{name}' is a name of topic", "covered")


# --- what the assistant says ---


def test_every_text_must_be_there(folder):
    folder.delete(MESSAGES)
    assert folder.problems() == [f"{MESSAGES}:1: the text {key!r} is missing" for key in sorted(MESSAGE_KEYS)]


def test_one_text_missing(folder):
    folder.replace(MESSAGES, "    harm: Text of card crisis harm.\n", "")
    folder.refuses(f"{MESSAGES}:1", "the text 'card.crisis.harm' is missing")


@pytest.mark.parametrize("parent", ["nothing", "magnesium"])
def test_a_topic_that_is_part_of_no_other(folder, parent):
    folder.replace(MAGNESIUM, "kind: supplement\n", f"kind: supplement\npart_of: [{parent}]\n")
    folder.refuses(f"{MAGNESIUM}:3", f"'part_of' names '{parent}'", "no other topic")


def test_an_unknown_text(folder):
    line = folder.line(MESSAGES, "Text of page missing.")
    folder.replace(MESSAGES, "  missing: Text of page missing.", "  missing: Text of page missing.\n  redo: Once more.")
    folder.refuses(f"{MESSAGES}:{line + 1}", "unknown text 'page.redo'")


def test_translations_may_have_any_key(folder):
    folder.write(MESSAGES, f"{folder.text(MESSAGES)}translations:\n  es:\n    crisis: Un texto.\n")
    assert folder.problems() == []


@pytest.mark.parametrize("number", ["911", "116 124", "0800 111 222", "1-800-662-4357", "+44 116 123", "13 11 14"])
def test_a_number_that_is_no_help_line(folder, number):
    line = folder.line(MESSAGES, "Text of label sources.")
    folder.replace(MESSAGES, "Text of label sources.", f"Call {number}, day and night.")
    folder.refuses(f"{MESSAGES}:{line}", f"prints the number '{number}'", "not in help_lines.yaml")


@pytest.mark.parametrize(
    "text", ["Call 999.", "Call 116 123, or 116123, or 116-123.", "Open 24/7.", "5-HTP and vitamin B12", "5-HT2A", "80 percent of 12"]
)
def test_help_lines_and_small_numbers_may_be_printed(folder, text):
    folder.replace(MESSAGES, "Text of label sources.", text)
    assert folder.problems() == []


def test_too_few_example_questions(folder):
    folder.replace("corpus.yaml", "  - Does magnesium help with sleep?\n", "")
    folder.refuses("corpus.yaml:3", "at least 3 example questions")


# --- help lines ---


def set_checked(folder, date):
    folder.replace(HELP, "2026-11-01\n        checked_by: second", f"{date}\n        checked_by: second")


@pytest.mark.parametrize("date", ["2026-11-21", "2026-06-24"])
def test_a_help_line_checked_lately(folder, date):
    set_checked(folder, date)
    assert folder.problems() == []
    assert folder.warnings() == []


@pytest.mark.parametrize(("date", "days"), [("2026-06-23", 151), ("2026-05-25", 180)])
def test_a_help_line_that_is_due_is_a_warning(folder, date, days):
    set_checked(folder, date)
    folder.warns(f"{HELP}:29", "the crisis line of United Kingdom", f"{days} days ago", "refused after 180")


def test_a_help_line_checked_too_long_ago(folder):
    set_checked(folder, "2026-05-24")
    folder.refuses(f"{HELP}:29", "the crisis line of United Kingdom", "181 days ago", "https://www.samaritans.org", "set checked_on")


def test_a_help_line_without_a_safe_address(folder):
    folder.replace(HELP, "https://www.samaritans.org", "http://www.samaritans.org")
    folder.refuses(f"{HELP}:29", "the crisis line of United Kingdom", "https://")


@pytest.mark.parametrize(("kind", "name"), [("crisis", "Samaritans"), ("emergency", "Emergency services")])
def test_a_country_without_one_of_the_two_lines(folder, kind, name):
    folder.replace(HELP, f"kind: {kind}\n        name: {name}", f"kind: poison\n        name: {name}")
    folder.refuses(f"{HELP}:18", "country 'GB'", "an emergency and a crisis line")


def test_the_rest_of_the_world_is_needed(folder):
    folder.replace(HELP, "code: any", "code: IE")
    folder.refuses(f"{HELP}:1", "'any'", "missing")


# --- guard ---


def test_a_pattern_that_misses_its_own_example(folder):
    folder.replace(CRISIS, "I want to end it all", "I want to end everything")
    folder.refuses(f"{CRISIS}:3", "pattern 'crisis-end-it' does not match its own example 'I want to end everything'")


@pytest.mark.parametrize("written", ['"crisis-end-it"', "'crisis-end-it'", "crisis-end-it  # why"])
def test_a_pattern_is_found_however_its_id_is_written(folder, written):
    folder.replace(CRISIS, "- id: crisis-end-it\n", f"- id: {written}\n")
    folder.replace(CRISIS, "I want to end it all", "I want to end everything")
    folder.refuses(f"{CRISIS}:3", "does not match its own example")


def test_a_pattern_whose_id_begins_another(folder):
    pattern = folder.text(CRISIS).partition("patterns:\n")[2].partition("examples:")[0]
    folder.replace(CRISIS, "examples:", f"{pattern.replace('crisis-end-it', 'crisis-end')}examples:")
    folder.replace(
        CRISIS,
        "  - id: crisis-end\n    tier: card\n    language: en\n    regex: '\\bend it all\\b'",
        "  - id: crisis-end\n    tier: card\n    language: en\n    regex: x{9}",
    )
    folder.refuses(f"{CRISIS}:13", "pattern 'crisis-end' does not match")


def test_an_exception_counts_against_an_example(folder):
    folder.replace(CRISIS, "I want to end it all", "I want to end it all with a song")
    folder.refuses(f"{CRISIS}:3", "does not match its own example")


def test_a_pattern_that_matches_what_it_must_not(folder):
    folder.replace(CRISIS, "when does it end", "do trials END  it all?")
    folder.refuses(f"{CRISIS}:3", "pattern 'crisis-end-it' matches 'do trials END  it all?', which it must not")


def test_a_pattern_id_given_twice(folder):
    pattern = folder.text(CRISIS).partition("patterns:\n")[2].partition("examples:")[0]
    folder.replace(CRISIS, "examples:", f"{pattern}examples:")
    folder.refuses(f"{CRISIS}:3", "pattern id 'crisis-end-it' is given twice")


@pytest.mark.parametrize(("right", "wrong", "key"), [("'\\bend it all\\b'", "'(end'", "regex"), ("'\\bsong\\b'", "'[song'", "unless")])
def test_an_invalid_pattern_is_reported_once_and_the_rest_is_checked(folder, right, wrong, key):
    folder.replace(CRISIS, right, wrong)
    problems = folder.problems()
    assert len(problems) == 1
    assert problems[0].startswith(f"{CRISIS}:") and f"'{key}' of pattern" in problems[0] and "not a valid regular expression" in problems[0]


def test_an_example_of_two_outcomes(folder):
    folder.replace("guard/general.yaml", "- what does serotonin do", "- Nobody would miss me")
    folder.refuses("guard/general.yaml:3", "'Nobody would miss me'", "as crisis and as general")


def test_the_same_words_after_another_history_may_have_another_outcome(folder):
    folder.write(
        "guard/general.yaml",
        "outcome: general\nexamples:\n  - text: yes, tonight\n    history: [shall we compare melatonin and magnesium]\n",
    )
    assert folder.problems() == []


# --- calibration ---


def test_calibration_with_an_unknown_passage(folder):
    folder.replace("calibration.yaml", "[magnesium/sleep]", "[magnesium/slep]")
    folder.refuses("calibration.yaml:3", "names passage 'magnesium/slep'", "does not exist")


@pytest.mark.parametrize("text", ["who won the cup final", "Who won the Cup final", "will magnesium make me drowsy"])
def test_a_calibration_question_given_twice(folder, text):
    folder.replace("calibration.yaml", "not_covered:\n", f"not_covered:\n  - {text}\n")
    (problem,) = folder.problems()
    assert problem.startswith("calibration.yaml:")
    assert "is given twice" in problem


# --- bulk passages and all at once ---


def test_bulk_passages_keep_to_no_house_style(folder):
    folder.write("passages.jsonl", '{"id": "a", "title": "A", "text": "However, take 20 mg. https://example.org"}\n')
    assert folder.problems() == []


@pytest.mark.parametrize("key", ["shown_with", "counterpoint"])
def test_links_of_bulk_passages(folder, key):
    line = '{"id": "%s", "title": "T", "text": "x", "' + key + '": [%s]}\n'
    folder.write("passages.jsonl", line % ("a", '"magnesium/sleep"') + line % ("b", '"a", "none"'))
    folder.refuses("passages.jsonl:2", f"'{key}' names 'none', which does not exist")
    folder.write("passages.jsonl", line % ("a", '"a"'))
    folder.refuses("passages.jsonl:1", f"'{key}' names the passage itself")


def test_a_bulk_corpus_alone_needs_no_messages(tmp_path):
    (tmp_path / "passages.jsonl").write_text('{"id": "a", "title": "A", "text": "x"}\n', encoding="utf-8")
    corpus, problems = read_corpus(tmp_path, TODAY)
    assert problems == []
    assert check_corpus(corpus, tmp_path, TODAY) == ([], [])


def test_all_rules_report_at_once(folder):
    folder.replace(SLEEP, "Magnesium is promoted", "This is promoted")
    folder.replace(SLEEP, "[nih-magnesium]", "[nih-zinc]")
    folder.replace(SLEEP, "evidence: weak", "evidence: strong")
    folder.replace(SEROTONIN, "digestion", "digestion, twice a day")
    folder.replace(SEROTONIN_TOPIC, "happiness hormone", "mag")
    folder.replace("sources.yaml", "year: 2024", "year: soon")
    folder.replace(CRISIS, "I want to end it all", "I want it to be over")
    folder.replace("calibration.yaml", "[magnesium/sleep]", "[magnesium/slep]")
    set_checked(folder, "2026-01-01")
    folder.replace("corpus.yaml", "  - Does magnesium help with sleep?\n", "")
    assert [problem.split(": ")[0] for problem in folder.problems()] == [
        "calibration.yaml:3",
        "corpus.yaml:3",
        f"{CRISIS}:3",
        f"{HELP}:29",
        "sources.yaml:4",
        f"{SLEEP}:10",
        f"{SLEEP}:11",
        f"{SLEEP}:{BODY}",
        f"{SEROTONIN_TOPIC}:5",
        f"{SEROTONIN}:18",
    ]


def test_warnings_do_not_count_as_problems(folder):
    folder.replace(SLEEP, "2026-11-20", "2020-01-01")
    set_checked(folder, "2026-06-01")
    assert folder.problems() == []
    assert [warning.split(": ")[0] for warning in folder.warnings()] == [f"{HELP}:29", f"{SLEEP}:12"]
