import datetime as dt
import re

import pytest
from corpus_folder import TODAY, assert_only

from ntqa.corpus import load_corpus, read_corpus
from ntqa.errors import CorpusError
from ntqa.schema import CalibrationQuestion, GuardExample, GuardPattern, HelpLine, Passage, Source, Topic

SLEEP = "topics/magnesium/sleep.md"
TOPIC = "topics/magnesium/topic.yaml"
SEROTONIN = "topics/serotonin/what-it-is.md"
CRISIS = "guard/crisis.yaml"
HELP = "help_lines.yaml"


# --- what is read ---


def test_a_valid_folder_has_no_problem(folder):
    corpus, problems = folder.read()
    assert problems == []
    assert corpus.name == "Test corpus"
    assert corpus.examples == ("What does serotonin do?", "Does magnesium help with sleep?", "What are the side effects of magnesium?")
    assert list(corpus.topics) == ["magnesium", "serotonin"]
    assert list(corpus.passages) == ["magnesium/side-effects", "magnesium/sleep", "serotonin/what-it-is"]


def test_a_topic(folder):
    topics = folder.read()[0].topics
    assert topics["serotonin"] == Topic("serotonin", "Serotonin", "transmitter", ("5-HT", "happiness hormone"), {})
    assert topics["magnesium"] == Topic("magnesium", "Magnesium", "supplement", ("mag",), {"magnesium citrate": ("citramag",)})


def test_a_passage(folder):
    folder.body(SEROTONIN, "\n  Serotonin has\ntwo lines.\n\nAnd a paragraph. \n\n")
    assert folder.read()[0].passages["serotonin/what-it-is"] == Passage(
        id="serotonin/what-it-is",
        topic_id="serotonin",
        title="Serotonin: what it is",
        text="Serotonin has\ntwo lines.\n\nAnd a paragraph.",
        questions=(
            "what is serotonin",
            "what does 5-ht do in the body",
            "happiness hormone explained simply",
            "where is most of it made",
            "messenger between nerve cells in mood",
            "gut and brain chemical that starts with s",
        ),
        source_ids=("review-serotonin",),
        evidence="established",
        reviewed=dt.date(2026, 11, 20),
        reviewer="A. Reviewer, pharmacist",
        shown_with=(),
        counterpoint=("magnesium/sleep",),
    )


def test_a_source(folder):
    sources = folder.read()[0].sources
    assert list(sources) == ["nih-magnesium", "review-serotonin"]
    assert sources["review-serotonin"] == Source(
        "review-serotonin",
        "The expanded biology of serotonin",
        "Annual Review of Medicine",
        "Berger M et al.",
        2009,
        "https://doi.org/10.1146/annurev.med.60.042307.110802",
        "10.1146/annurev.med.60.042307.110802",
        "review",
    )
    assert (sources["nih-magnesium"].authors, sources["nih-magnesium"].doi) == ("", None)


def test_a_source_from_the_seed_documents_needs_no_address(folder):
    folder.replace("sources.yaml", "  url: https://ods.od.nih.gov/factsheets/Magnesium/\n  kind: government", "  kind: seed")
    corpus, problems = folder.read()
    assert problems == []
    assert corpus.sources["nih-magnesium"].url == ""


def test_messages_are_flat(folder):
    messages = folder.read()[0].messages
    assert messages["card.crisis.self"] == "Text of card crisis self."
    assert messages["label.sources"] == "Text of label sources."


def test_help_lines_in_order(folder):
    lines = folder.read()[0].help_lines
    assert [(line.country, line.kind) for line in lines] == [("any", "emergency"), ("any", "crisis"), ("GB", "emergency"), ("GB", "crisis")]
    assert lines[3] == HelpLine(
        "GB",
        "United Kingdom",
        "crisis",
        "Samaritans",
        "116 123",
        "call, day and night",
        "https://www.samaritans.org",
        dt.date(2026, 11, 1),
        "second editor",
    )
    assert [line.phone for line in lines] == ["", "", "999", "116 123"]


def test_guard_patterns_and_examples(folder):
    corpus = folder.read()[0]
    assert corpus.patterns == (
        GuardPattern(
            id="crisis-end-it",
            outcome="crisis",
            tier="card",
            language="en",
            person="self",
            regex=r"\bend it all\b",
            unless=r"\bsong\b",
            match=("I want to end it all",),
            no_match=("the song called end it all", "when does it end"),
        ),
    )
    assert corpus.guard_examples == (
        GuardExample("crisis", "nobody would miss me"),
        GuardExample("crisis", "yes, tonight", ("do you feel unsafe",)),
        GuardExample("general", "what does serotonin do"),
    )


def test_calibration(folder):
    assert folder.read()[0].calibration == (
        CalibrationQuestion("will magnesium make me drowsy", ("magnesium/sleep",)),
        CalibrationQuestion("who won the cup final", ()),
    )


def test_other_names_are_lower_case_and_of_all_groups(folder):
    folder.replace("other_names.yaml", "baclofen", "Baclofen")
    assert folder.read()[0].other_names == {"ibuprofen", "baclofen", "restless legs"}


@pytest.mark.parametrize("change", [lambda text: text.replace("\n", "\r\n"), lambda text: "\ufeff" + text, lambda text: text + "\n\n"])
def test_editors_on_other_systems_save_the_same_passage(folder, change):
    before = folder.read()[0].passages["magnesium/sleep"]
    folder.write(SLEEP, change(folder.text(SLEEP)))
    corpus, problems = folder.read()
    assert problems == []
    assert corpus.passages["magnesium/sleep"] == before


def test_hidden_files_are_left_out(folder):
    folder.write(".gitignore", "x")
    folder.write("README.md", "x")
    folder.write("topics/.DS_Store", "x")
    folder.write("topics/magnesium/.sleep.md.swp", "x")
    folder.write("guard/.crisis.yaml.swp", "x")
    corpus, problems = folder.read()
    assert problems == []
    assert len(corpus.passages) == 3


@pytest.mark.parametrize("name", ["topics", "passages", "sources", "messages"])
def test_what_was_read_cannot_be_changed(folder, name):
    with pytest.raises(TypeError):
        getattr(folder.read()[0], name)["new"] = "x"


@pytest.mark.parametrize("name", ["corpus.yaml", "other_names.yaml", "calibration.yaml", "sources.yaml", "messages.yaml", HELP])
def test_a_bulk_corpus_needs_none_of_the_settings_files(folder, name):
    folder.delete(name)
    assert folder.read()[1] == []


# --- one thing wrong ---


@pytest.mark.parametrize(
    ("file", "old", "new", "where", "essential"),
    [
        # passages
        (SLEEP, 'title: "Magnesium: sleep"\n', "", "2", ["missing key 'title'"]),
        (SLEEP, '"Magnesium: sleep"', "' '", "2", ["'title' is empty"]),
        (SLEEP, '"Magnesium: sleep"', "2020", "2", ["'title' must be text, not 2020", "quotes"]),
        (SLEEP, '"Magnesium: sleep"', "yes", "2", ["'title' must be text, not True", "quotes"]),
        (SLEEP, '"Magnesium: sleep"', "Magnesium: sleep", "2", ["not valid YAML", "mapping values"]),
        (SLEEP, "sources: [nih-magnesium]\n", "", "2", ["missing key 'sources'"]),
        (SLEEP, "sources: [nih-magnesium]", "sources: nih-magnesium", "10", ["'sources' must be a list"]),
        (SLEEP, "sources: [nih-magnesium]", "sources: []", "10", ["'sources' is empty"]),
        (SLEEP, "2026-11-20", "2026-13-20", "12", ["'2026-13-20' is no date"]),
        (SLEEP, "evidence: weak\n", "<<: {evidence: weak}\n", "11", ["merge keys (<<) are not allowed"]),
        (SLEEP, "evidence: weak\n", "", "2", ["missing key 'evidence'"]),
        (SLEEP, "evidence: weak", "evidence: strong", "11", ["'evidence' is 'strong'", "established, mixed, contested, weak"]),
        (SLEEP, "evidence: weak", "evidence: 3", "11", ["'evidence' must be text, not 3"]),
        (SLEEP, "evidence: weak", "evidence: weak\nevidence: mixed", "12", ["'evidence' is given twice"]),
        (SLEEP, "evidence: weak", "evidence: weak\nreviewr: x", "12", ["unknown key 'reviewr'", "did you mean 'reviewer'?"]),
        (SLEEP, "evidence: weak", "evidence: weak\ncolour: red", "12", ["unknown key 'colour'", "known keys: title, questions, sources, evidence"]),
        (SLEEP, "reviewed: 2026-11-20\n", "", "2", ["missing key 'reviewed'"]),
        (SLEEP, "2026-11-20", "2026-11-22", "12", ["'reviewed' is 2026-11-22", "future"]),
        (SLEEP, "2026-11-20", '"2026-11-20"', "12", ["'reviewed' must be a date such as 2026-01-31", "'2026-11-20'"]),
        (SLEEP, "2026-11-20", "2026-11-20 10:00:00", "12", ["'reviewed' must be a date"]),
        (SLEEP, "2026-11-20", "November 2026", "12", ["'reviewed' must be a date", "'November 2026'"]),
        (SLEEP, "- mag at bedtime for insomnia", "- 2026", "5", ["'questions' holds 2026", "not text", "quotes"]),
        (SLEEP, "- mag at bedtime for insomnia", "- mag: at bedtime", "5", ["'questions' holds {'mag': 'at bedtime'}", "quotes"]),
        (SLEEP, "- mag at bedtime for insomnia", "- ", "5", ["'questions' holds None"]),
        (SLEEP, "[magnesium/side-effects]", "magnesium/side-effects", "13", ["'shown_with' must be a list"]),
        (SLEEP, "---\ntitle", "title", "1", ["front matter", "'---'"]),
        (SLEEP, "\n---\nMagnesium is", "\nMagnesium is", "1", ["front matter", "'---'"]),
        # topics
        (TOPIC, "name: Magnesium\n", "", "1", ["missing key 'name'"]),
        (TOPIC, "kind: supplement\n", "", "1", ["missing key 'kind'"]),
        (TOPIC, "supplement", "vitamin", "2", ["'kind' is 'vitamin'", "transmitter, medicine, supplement"]),
        (TOPIC, "aliases:", "alias:", "3", ["unknown key 'alias'", "did you mean 'aliases'?"]),
        (TOPIC, "aliases:\n  - mag", "aliases: mag", "3", ["'aliases' must be a list"]),
        (TOPIC, "  - mag\n", "  - no\n", "4", ["'aliases' holds False", "quotes"]),
        (TOPIC, "[citramag]", "citramag", "6", ["'magnesium citrate' must be a list"]),
        (TOPIC, "  magnesium citrate: [citramag]", "  - magnesium citrate", "5", ["must be a mapping"]),
        # sources
        ("sources.yaml", "  title: Magnesium, a fact sheet\n", "", "1", ["missing key 'title'"]),
        ("sources.yaml", "  publisher: Annual Review of Medicine\n", "", "9", ["missing key 'publisher'"]),
        ("sources.yaml", "year: 2009", 'year: "2009"', "13", ["'year' must be a whole number, not '2009'"]),
        ("sources.yaml", "year: 2009", "year: yes", "13", ["'year' must be a whole number, not True"]),
        ("sources.yaml", "year: 2009", "yaer: 2009", "13", ["unknown key 'yaer'", "did you mean 'year'?"]),
        ("sources.yaml", "kind: review", "kind: blog", "16", ["'kind' is 'blog'", "government, guideline"]),
        ("sources.yaml", "https://ods", "http://ods", "5", ["'url' must be an https:// address"]),
        ("sources.yaml", "https://ods", "javascript:alert(1)//", "5", ["'url' must be an https:// address"]),
        ("sources.yaml", "  url: https://ods.od.nih.gov/factsheets/Magnesium/\n", "", "1", ["'url' must be an https:// address"]),
        ("sources.yaml", "  seen: abstract only\n", "", "9", ["missing key 'seen'"]),
        ("sources.yaml", "2026-11-01\n  seen: abstract", "2026-12-01\n  seen: abstract", "17", ["'checked_on' is 2026-12-01", "future"]),
        ("sources.yaml", "nih-magnesium:", "NIH Magnesium:", "1", ["source id 'NIH Magnesium'", "lower case"]),
        ("sources.yaml", "nih-magnesium:", "nih_magnesium--x:", "1", ["source id 'nih_magnesium--x'"]),
        ("sources.yaml", "review-serotonin:", "nih-magnesium:", "9", ["'nih-magnesium' is given twice"]),
        # settings
        ("corpus.yaml", "name: Test corpus\n", "", "1", ["missing key 'name'"]),
        ("corpus.yaml", "language: en", "language: fr", "2", ["'language' is 'fr'"]),
        ("corpus.yaml", "language: en\n", "language: en\nlicence: x\n", "3", ["unknown key 'licence'"]),
        ("corpus.yaml", "- What does serotonin do?", "- 5", "4", ["'examples' holds 5"]),
        ("other_names.yaml", "- baclofen", "- 3", "3", ["'medicines' holds 3"]),
        ("other_names.yaml", "conditions:\n  - restless legs", "conditions: restless legs", "4", ["'conditions' must be a list"]),
        ("calibration.yaml", "  - text: will", "  - txet: x\n    text: will", "2", ["unknown key 'txet'", "did you mean 'text'?"]),
        ("calibration.yaml", "    passages: [magnesium/sleep]\n", "", "2", ["missing key 'passages'"]),
        ("calibration.yaml", "[magnesium/sleep]", "[]", "3", ["'passages' is empty"]),
        ("calibration.yaml", "not_covered:", "not_coverd:", "4", ["unknown key 'not_coverd'", "did you mean 'not_covered'?"]),
        # help lines
        (HELP, '"999"', "999", "23", ["'phone' must be text, not 999", "quotes"]),
        (HELP, "code: GB", "code: NO", "18", ["'code' must be text, not False", "quotes"]),
        (HELP, "        checked_by: second editor\n", "", "28", ["missing key 'checked_by'"]),
        (HELP, "checked_by: second editor", "checked_by: x\n        checkedby: x", "35", ["unknown key 'checkedby'", "'checked_by'"]),
        (HELP, "name: Samaritans", "nmae: Samaritans\n        name: x", "29", ["unknown key 'nmae'", "did you mean 'name'?"]),
        (HELP, "2026-11-01\n        checked_by: second", "2026-11-22\n        checked_by: second", "33", ["2026-11-22", "future"]),
        (HELP, "  - code: GB\n    name: United Kingdom\n", "  - code: GB\n", "18", ["missing key 'name'"]),
        (HELP, "kind: crisis\n        name: Samaritans", "kind: chat\n        name: Samaritans", "28", ["'kind' is 'chat'", "emergency, crisis, poison"]),
        (HELP, "countries:", "source: x\ncountries:", "1", ["unknown key 'source'"]),
        # guard
        (CRISIS, "outcome: crisis", "outcome: doom", "1", ["'outcome' is 'doom'", "emergency, crisis, refusal_dosing"]),
        (CRISIS, "tier: card", "tier: full", "4", ["'tier' is 'full'", "card, strip"]),
        (CRISIS, "language: en", "language: it", "5", ["'language' is 'it'", "en, es, fr, de"]),
        (CRISIS, "    language: en", "    language: en\n    person: me", "6", ["'person' is 'me'", "self, other, harm"]),
        (CRISIS, "    regex: '\\bend it all\\b'\n", "", "3", ["missing key 'regex'"]),
        (CRISIS, "    match:\n      - I want to end it all\n", "", "3", ["missing key 'match'"]),
        (CRISIS, "    unless:", "    unles:", "7", ["unknown key 'unles'", "did you mean 'unless'?"]),
        (CRISIS, "- nobody would miss me", "- 3", "14", ["example 3 is not text", "quotes"]),
        (CRISIS, "- nobody would miss me", "- ' '", "14", ["is not text"]),
        (CRISIS, "    history:\n      - do you feel unsafe\n", "", "15", ["missing key 'history'"]),
        (CRISIS, "    match:\n      - I want to end it all\n", "    match: []\n", "8", ["'match' is empty"]),
        ("guard/general.yaml", "examples:\n  - what does serotonin do", "examples: none", "2", ["'examples' must be a list"]),
        (CRISIS, "patterns:", "pattern:", "2", ["unknown key 'pattern'", "did you mean 'patterns'?"]),
    ],
)  # fmt: skip
def test_one_wrong_thing_is_reported_once_with_its_line(folder, file, old, new, where, essential):
    folder.replace(file, old, new)
    assert_only(folder.read()[1], f"{file}:{where}", *essential)


@pytest.mark.parametrize(("value", "shown"), [("3", "3"), ("[a]", "['a']"), ('""', "''"), ("", "None"), ("yes", "True")])
def test_a_message_must_be_text(folder, value, shown):
    line = folder.line("messages.yaml", "Text of label sources.")
    folder.replace("messages.yaml", "Text of label sources.", value)
    corpus, problems = folder.read()
    assert_only(problems, f"messages.yaml:{line}", f"'label.sources' must be text, not {shown}", "quotes")
    assert "label.sources" not in corpus.messages


def test_a_misspelt_key_is_also_missing(folder):
    folder.replace(SLEEP, "evidence: weak", "evidnce: weak")
    assert folder.read()[1] == [
        f"{SLEEP}:2: missing key 'evidence'",
        f"{SLEEP}:11: unknown key 'evidnce'; did you mean 'evidence'?",
    ]


@pytest.mark.parametrize("name", ["corpus.yaml", "sources.yaml", "messages.yaml", HELP, "other_names.yaml", TOPIC, CRISIS])
@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("a: 1\nb: &x 2\n", 2, "anchors and aliases"),
        ("a: 1\nb: !!python/name:os.system x\n", 2, "tags such as"),
        ("a:\n- " + "[" * 20 + "]" * 20 + "\n", 2, "nested deeper than 8 levels"),
        ("a: 1\nc: 2\na: 3\n", 3, "'a' is given twice"),
        ("a: 1\n\tb: 2\n", 2, "not valid YAML"),
        ("#" * 2_000_001, 1, "larger than 2,000,000 bytes"),
    ],
    ids=["anchor", "tag", "deep", "key twice", "tab", "huge"],
)
def test_yaml_that_no_editor_needs_is_refused_in_every_file(folder, name, text, line, words):
    folder.write(name, text)
    found = [problem for problem in folder.read()[1] if problem.startswith(f"{name}:{line}: ")]
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    "name", ["corpus.yaml", "sources.yaml", "messages.yaml", HELP, "other_names.yaml", "calibration.yaml", TOPIC, CRISIS]
)
@pytest.mark.parametrize("data", [b"name: caf\xe9\n", b"\xff\xfen\x00a\x00", b"\x80"])
def test_files_that_are_not_utf8_are_refused(folder, name, data):
    folder.write_bytes(name, data)
    found = [problem for problem in folder.read()[1] if problem.startswith(f"{name}:1: not UTF-8 text")]
    assert len(found) == 1
    assert "save it as UTF-8" in found[0]


def test_a_passage_that_is_not_utf8_is_refused_with_the_place(folder):
    folder.write_bytes(SLEEP, b"---\ntitle: \xe9\n---\nx\n")
    assert folder.read()[1] == [f"{SLEEP}:1: not UTF-8 text (byte 11); save it as UTF-8"]


def test_front_matter_that_is_no_mapping(folder):
    folder.write(SLEEP, "---\n- a\n---\nText.\n")
    assert f"{SLEEP}:2: must be a mapping of keys to values" in folder.read()[1]


# --- where files may be ---


@pytest.mark.parametrize(
    ("path", "where", "words"),
    [
        ("topics/notes.txt", "topics/notes.txt", "one folder a topic"),
        ("topics/Bad Name/topic.yaml", "topics/Bad Name", "lower case with hyphens"),
        ("topics/under_score/topic.yaml", "topics/under_score", "lower case with hyphens"),
        ("topics/-x/topic.yaml", "topics/-x", "lower case with hyphens"),
        ("topics/magnesium/notes.txt", "topics/magnesium/notes.txt", "a topic holds topic.yaml and passages"),
        ("topics/magnesium/Sleep.md", "topics/magnesium/Sleep.md", "lower case with hyphens"),
        ("topics/magnesium/sleep.md.bak", "topics/magnesium/sleep.md.bak", "a topic holds"),
        ("topics/magnesium/deep/sleep.md", "topics/magnesium/deep", "a topic holds"),
        ("topics/magnesium/deep.md/x", "topics/magnesium/deep.md", "a topic holds"),
        ("guard/crisis.yml", "guard/crisis.yml", "guard/ holds YAML files"),
        ("guard/README.md", "guard/README.md", "guard/ holds YAML files"),
        ("calibration.yml", "calibration.yml", "known names: corpus.yaml, sources.yaml"),
        ("topic/x.md", "topic", "known names: "),
    ],
)
def test_files_in_the_wrong_place_are_named(folder, path, where, words):
    folder.write(path, "x")
    assert_only(folder.read()[1], f"{where}:1", "does not belong here", words)


def test_a_topic_without_its_file(folder):
    folder.delete(TOPIC)
    corpus, problems = folder.read()
    assert_only(problems, "topics/magnesium:1", "has no topic.yaml")
    assert list(corpus.topics) == ["serotonin"]


@pytest.mark.parametrize("name", [SLEEP, TOPIC, CRISIS, "corpus.yaml", "sources.yaml", "messages.yaml", HELP, "other_names.yaml"])
def test_a_file_may_not_be_a_symbolic_link(folder, tmp_path, name):
    path = folder.root / name
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved")
    problems = [problem for problem in folder.read()[1] if problem.startswith(f"{name}:")]
    assert problems == [f"{name}:1: symbolic links are not allowed; put the file itself here"]


def test_a_topic_folder_may_not_be_a_symbolic_link(folder, tmp_path):
    path = folder.root / "topics/magnesium"
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved", target_is_directory=True)
    corpus, problems = folder.read()
    assert problems == ["topics/magnesium:1: symbolic links are not allowed; put the file itself here"]
    assert list(corpus.passages) == ["serotonin/what-it-is"]


def test_a_link_to_nowhere_is_reported_too(folder):
    (folder.root / "topics/magnesium/new.md").symlink_to("/nonexistent/secret.md")
    assert_only(folder.read()[1], "topics/magnesium/new.md:1", "symbolic links")


@pytest.mark.parametrize("name", ["topics", "guard"])
def test_the_folders_may_not_be_symbolic_links(folder, tmp_path, name):
    path = folder.root / name
    path.rename(tmp_path / "moved")
    path.symlink_to(tmp_path / "moved", target_is_directory=True)
    assert_only(folder.read()[1], f"{name}:1", "symbolic links")


@pytest.mark.parametrize(
    "name", ["corpus.yaml", "sources.yaml", "messages.yaml", HELP, "other_names.yaml", "calibration.yaml", "passages.jsonl"]
)
def test_a_link_to_nowhere_in_the_place_of_a_file(folder, name):
    (folder.root / name).unlink(missing_ok=True)
    (folder.root / name).symlink_to("/nonexistent/file")
    assert_only(folder.read()[1], f"{name}:1", "symbolic links")


@pytest.mark.parametrize("name", ["topics", "guard"])
def test_a_file_in_the_place_of_a_folder(folder, tmp_path, name):
    (folder.root / name).rename(tmp_path / "moved")
    folder.write(name, "x")
    assert_only(folder.read()[1], f"{name}:1", "must be a folder")


def test_a_folder_in_the_place_of_the_bulk_file(folder):
    folder.write("passages.jsonl/x", "x")
    assert_only(folder.read()[1], "passages.jsonl:1", "cannot be read: Is a directory")


def test_the_bulk_file_may_not_be_a_symbolic_link(folder, tmp_path):
    (tmp_path / "real.jsonl").write_text('{"id": "a", "title": "A", "text": "x"}\n', encoding="utf-8")
    (folder.root / "passages.jsonl").symlink_to(tmp_path / "real.jsonl")
    corpus, problems = folder.read()
    assert_only(problems, "passages.jsonl:1", "symbolic links")
    assert "a" not in corpus.passages


def test_a_folder_in_the_place_of_a_file(folder):
    folder.delete("sources.yaml")
    folder.write("sources.yaml/x", "x")
    folder.write("guard/more.yaml/x", "x")
    assert folder.read()[1] == ["guard/more.yaml:1: cannot be read: Is a directory", "sources.yaml:1: cannot be read: Is a directory"]


# --- bulk ---


def bulk(folder, *lines):
    folder.write("passages.jsonl", "".join(f"{line}\n" for line in lines))
    return folder.read()


def test_bulk_passages(folder):
    corpus, problems = bulk(
        folder,
        '{"id": "doc1", "title": " One ", "text": " About one. ", "url": "ignored", "metadata": {}}',
        "",
        '{"id": "a b/../c", "title": "Two", "text": "About two.", "questions": ["q"], "evidence": "mixed", "shown_with": ["doc1"], "topic": "t"}',
    )
    assert problems == []
    assert corpus.passages["doc1"] == Passage("doc1", "", "One", "About one.")
    assert corpus.passages["a b/../c"] == Passage("a b/../c", "t", "Two", "About two.", ("q",), evidence="mixed", shown_with=("doc1",))
    assert list(corpus.passages)[-2:] == ["doc1", "a b/../c"]


def test_a_folder_with_nothing_but_bulk_passages(tmp_path):
    (tmp_path / "passages.jsonl").write_text('{"id": "a", "title": "A", "text": "x"}', encoding="utf-8")
    corpus = load_corpus(tmp_path, TODAY)
    assert list(corpus.passages) == ["a"]
    assert (corpus.name, corpus.topics, corpus.messages) == ("", {}, {})


@pytest.mark.parametrize(
    ("line", "essential"),
    [
        ("nonsense", ["not a JSON object", "Expecting value"]),
        ("[1]", ["not a JSON object"]),
        ('"text"', ["not a JSON object"]),
        ("null", ["not a JSON object"]),
        ('{"id": "b"', ["not a JSON object"]),
        ('{"title": "B", "text": "x"}', ["'id' is missing"]),
        ('{"id": 3, "title": "B", "text": "x"}', ["'id'", "not text"]),
        ('{"id": "b", "text": "x"}', ["'title' is missing"]),
        ('{"id": "b", "title": "B"}', ["'text' is missing"]),
        ('{"id": "b", "title": "B", "text": " "}', ["'text' is missing"]),
        ('{"id": "b", "title": "B", "text": ["x"]}', ["'text'", "not text"]),
        ('{"id": "b", "title": "B", "text": "x", "questions": "q"}', ["'questions' must be a list of texts"]),
        ('{"id": "b", "title": "B", "text": "x", "questions": [1]}', ["'questions' must be a list of texts"]),
        ('{"id": "b", "title": "B", "text": "x", "shown_with": {}}', ["'shown_with' must be a list of texts"]),
        ('{"id": "b", "title": "B", "text": "x", "counterpoint": [null]}', ["'counterpoint' must be a list of texts"]),
        ('{"id": "b", "title": "B", "text": "x", "evidence": "strong"}', ["'evidence' must be one of established"]),
        ('{"id": "b", "title": "B", "text": "x", "evidence": ["weak"]}', ["'evidence' must be one of established"]),
        ('{"id": "a", "title": "B", "text": "x"}', ["id 'a' is given twice"]),
        ("[" * 100_000, ["not a JSON object", "recursion"]),
        ('{"id": "b", "title": "B", "text": "' + "x" * 200_000 + '"}', ["longer than 200,000 characters"]),
    ],
    ids=range(20),
)
def test_a_bad_bulk_line_is_named_and_the_others_are_read(folder, line, essential):
    good = '{"id": "%s", "title": "T", "text": "x"}'
    corpus, problems = bulk(folder, good % "a", "", line, good % "z")
    assert_only(problems, "passages.jsonl:3", *essential)
    assert [passage for passage in corpus.passages if "/" not in passage] == ["a", "z"]


@pytest.mark.parametrize("key", ["id", "title", "text"])
def test_half_a_character_in_a_bulk_line(folder, key):
    line = '{"id": "b", "title": "b", "text": "b"}'.replace(f'"{key}": "b"', f'"{key}": "b\\ud83d"')
    corpus, problems = bulk(folder, '{"id": "a", "title": "A", "text": "\\ud83d\\ude42"}', line)
    assert_only(problems, "passages.jsonl:2", "lone surrogate")
    assert corpus.passages["a"].text == "🙂"


def test_a_bulk_line_that_is_not_utf8(folder):
    good = b'{"id": "%s", "title": "T", "text": "x"}\n'
    folder.write_bytes("passages.jsonl", good % b"a" + good % b"caf\xe9" + good % b"z")
    corpus, problems = folder.read()
    assert_only(problems, "passages.jsonl:2", "not UTF-8 text (byte 11 of the line)")
    assert [passage for passage in corpus.passages if "/" not in passage] == ["a", "z"]


def test_a_bulk_file_from_other_systems(folder):
    folder.write_bytes(
        "passages.jsonl", b'\xef\xbb\xbf{"id": "a", "title": "T", "text": "x"}\r\n{"id": "b", "title": "T", "text": "x"}\r\n'
    )
    corpus, problems = folder.read()
    assert problems == []
    assert [passage for passage in corpus.passages if "/" not in passage] == ["a", "b"]


def test_bulk_problems_are_all_reported_by_line(folder):
    _, problems = bulk(folder, "x", '{"id": "a", "title": "A", "text": "x"}', "[]", "", '{"id": "a", "title": "A", "text": "x"}')
    assert [problem.split(": ")[0] for problem in problems] == ["passages.jsonl:1", "passages.jsonl:3", "passages.jsonl:5"]


def test_a_bulk_id_that_is_also_a_file(folder):
    _, problems = bulk(folder, '{"id": "magnesium/sleep", "title": "A", "text": "x"}')
    assert_only(problems, "passages.jsonl:1", "'magnesium/sleep' is also a file under topics/")


# --- all at once ---


def test_all_problems_are_reported_at_once_in_the_order_of_the_files(folder):
    folder.replace(SLEEP, "evidence: weak", "evidence: strong")
    folder.replace(SLEEP, "2026-11-20", "2027-01-01")
    folder.replace(SEROTONIN, "evidence: established\n", "")
    folder.replace("corpus.yaml", "language: en", "lang: en")
    folder.replace("sources.yaml", "year: 2009", "year: old")
    folder.replace(CRISIS, "tier: card", "tier: full")
    folder.write("guard/zz.txt", "x")
    with pytest.raises(CorpusError) as caught:
        load_corpus(folder.root, TODAY)
    assert [str(problem).split(": ")[0] for problem in caught.value.problems] == [
        "corpus.yaml:1",
        "corpus.yaml:2",
        "guard/crisis.yaml:4",
        "guard/zz.txt:1",
        "sources.yaml:13",
        f"{SLEEP}:11",
        f"{SLEEP}:12",
        f"{SEROTONIN}:2",
    ]
    assert str(caught.value).endswith("\n8 problems in the corpus")


def test_what_can_be_read_is_read_beside_the_problems(folder):
    folder.write_bytes(SLEEP, b"\xff")
    corpus, problems = folder.read()
    assert len(problems) == 1
    assert list(corpus.passages) == ["magnesium/side-effects", "serotonin/what-it-is"]


@pytest.mark.parametrize("read", [read_corpus, load_corpus])
@pytest.mark.parametrize("name", ["nowhere", "corpus/corpus.yaml"])
def test_a_folder_that_is_none_is_refused_with_the_option_to_give_it(folder, tmp_path, read, name):
    with pytest.raises(CorpusError, match=re.escape(f"{tmp_path / name}:1: there is no such folder")) as caught:
        read(tmp_path / name, TODAY)
    assert "--corpus" in str(caught.value)


def test_load_returns_the_corpus_when_nothing_is_wrong(folder):
    assert load_corpus(folder.root, TODAY) == folder.read()[0]


def test_today_is_the_day_of_reading_unless_given(folder):
    folder.replace(SLEEP, "2026-11-20", "9999-12-31")
    _, problems = read_corpus(folder.root)
    assert [problem.message for problem in problems if problem.file == SLEEP] == ["'reviewed' is 9999-12-31, which lies in the future"]
