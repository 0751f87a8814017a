"""The command line as a whole, called in process: a model in a file stands for the real one, everything else is real."""

from __future__ import annotations

import base64
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from fakes import CONCEPT_OF, ENGLISH, FakeEncoder, edit, export_fake

from ntqa import __version__
from ntqa.cli import main
from ntqa.config import PACKAGED_MODEL, Config
from ntqa.embedding import OnnxEncoder, export_folder
from ntqa.gaps import Gap, GapLog
from ntqa.index import current_edition
from ntqa.logins import Logins, hash_password

SLEEP = "topics/magnesium/sleep.md"


@pytest.fixture
def config(own_config: Config) -> Config:
    """A copy of corpus and index with the fake model exported beside it."""
    export_fake(export_folder(own_config.index / "models", own_config.model))
    return own_config


@pytest.fixture
def run(config: Config, capsys: pytest.CaptureFixture):
    """Run a command; gives exit code, output and error output."""

    def call(command: str, *arguments: str, config: Config = config) -> tuple[int, str, str]:
        folders = ["--corpus", str(config.corpus), "--index", str(config.index), "--model", config.model]
        code = main([command, *folders, *arguments])
        output = capsys.readouterr()
        return code, output.out, output.err

    return call


def lines_file(tmp_path: Path, *lines: object) -> str:
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines) + "\n", encoding="utf-8")
    return str(path)


def records(output: str) -> list[dict]:
    return [json.loads(line) for line in output.splitlines()]


def test_the_model_in_a_file_is_the_fake(config: Config):
    encoder = OnnxEncoder(export_folder(config.index / "models", config.model), verify=True)
    texts = ["What does serotonin do?", "", "???", "St John’s wort, mood and moods; MOOD", "hello there", "Éxercise with zoloft"]
    assert np.allclose(encoder.encode(texts), FakeEncoder().encode(texts), atol=1e-6)
    assert encoder.model_id == FakeEncoder().model_id
    assert encoder.common_words() == ENGLISH | CONCEPT_OF.keys()


# --- check ---


def test_check_counts_what_is_there(run):
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert out == ("17 passages in 9 topics, 3 sources, 66 guard examples, 12 patterns, 26 calibration questions, 0 wordings: no problem, 0 warnings\n")


def test_check_lists_every_problem_on_stderr(run, config: Config):
    edit(config.corpus / SLEEP, "evidence: weak", "evidence: feeble")
    edit(config.corpus / "topics/gaba/what-it-does.md", "sources: [handbook]", "sources: [unheard-of]")
    code, out, err = run("check")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "topics/gaba/what-it-does.md:10: unknown source 'unheard-of'; add it to sources.yaml",
        "topics/magnesium/sleep.md:11: 'evidence' is 'feeble'; it must be one of established, mixed, contested, weak",
        "2 problems in the corpus",
    ]


def test_check_prints_warnings_and_is_fine(run, config: Config):
    date = next(line for line in (config.corpus / SLEEP).read_text().splitlines() if line.startswith("reviewed:"))
    edit(config.corpus / SLEEP, date, "reviewed: 2020-01-31")
    code, out, err = run("check")
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "topics/magnesium/sleep.md:12: was last reviewed on 2020-01-31; review it again (warning)"
    assert out.splitlines()[1].endswith(": no problem, 1 warning")


@pytest.mark.parametrize("command", ["check", "build"])
def test_a_missing_corpus_is_wrong_input(run, config: Config, tmp_path: Path, command: str):
    code, out, err = run(command, config=replace(config, corpus=tmp_path / "nowhere"))
    assert (code, out) == (2, "")
    assert err.endswith("nowhere:1: there is no such folder; give the corpus folder with --corpus\n1 problem in the corpus\n")


# --- build ---


def test_build_of_an_unchanged_corpus(run, config: Config):
    before = current_edition(config.index)
    code, out, _ = run("build")
    edition = current_edition(config.index)
    assert code == 0
    assert out.startswith(f"edition {edition}: 17 passages; embedded 0, reused 191, removed 0 texts; guard unchanged; ")
    assert edition != before


def test_build_reports_what_was_embedded_on_stdout_and_progress_on_stderr(run, config: Config):
    edit(config.corpus / SLEEP, '"magnesium sleep"', '"magnesium at night"')
    code, out, err = run("build")
    assert code == 0
    assert "embedded 1, reused 190, removed 1 texts" in out
    assert "embedding: 100%" in err


def test_build_with_problems_keeps_the_old_edition(run, config: Config):
    before = current_edition(config.index)
    edit(config.corpus / SLEEP, "For younger adults there is almost nothing.", "It gave 300 mg daily.")
    code, out, err = run("build")
    assert (code, out, current_edition(config.index)) == (2, "", before)
    assert err.splitlines()[-2:] == [
        "topics/magnesium/sleep.md:16: states an amount: '300 mg'; no passage may",
        "1 problem in the corpus",
    ]


def test_layers_for_the_guard_need_an_adapter(run, config: Config):
    code, out, err = run("adapt", "--guard", config=replace(config, model=PACKAGED_MODEL))
    assert (code, out) == (2, "")
    assert f"there is no {config.corpus / 'adapter.npz'} whose guard's layers could be fitted anew; leave --guard out" in err


def test_rollback_names_the_edition_and_what_no_longer_fits(run, config: Config):
    before = current_edition(config.index)
    edit(config.corpus / SLEEP, '"magnesium sleep"', '"magnesium at night"')
    run("build")
    code, out, err = run("build", "--rollback")
    assert (code, out) == (0, f"edition {before} is current again\n")
    assert "new or changed passages: magnesium/sleep" in err
    assert f"git checkout -- {config.corpus}" in err
    edit(config.corpus / SLEEP, '"magnesium at night"', '"magnesium sleep"')
    assert run("ask", "what is serotonin")[0] == 0


def test_rollback_without_an_earlier_edition(run):
    code, out, err = run("build", "--rollback")
    assert (code, out) == (2, "")
    assert "there is no earlier edition in" in err


# --- ask ---


def test_ask_prints_the_quote(run):
    code, out, err = run("ask", "what does serotonin do?")
    assert (code, err) == (0, "")
    assert out.startswith("Serotonin: what it does [serotonin/what-it-does]\n»Serotonin is a messenger")


def test_ask_takes_the_messages_in_order(run):
    _, out, _ = run("ask", "what are ssris?", "and their side effects?")
    assert out.splitlines()[:2] == ["Read as: SSRIs: and their side effects?", ""]
    assert "[ssri/side-effects]" in out


def test_ask_json(run):
    code, out, _ = run("ask", "--json", "i want to hurt myself")
    record = json.loads(out)
    assert (code, record["id"], record["kind"], record["support"], record["quotes"]) == (0, None, "crisis", True, [])
    assert list(record) == ["id", "kind", "read_as", "support", "message", "quotes", "related", "unknown_terms", "edition", "took_ms"]


def test_ask_json_keeps_letters_as_they_are(run):
    _, out, _ = run("ask", "--json", "¿Qué es la serotonina y para qué sirve en el cerebro humano?")
    assert "Aquí solo funciona el inglés." in out


def test_ask_explain_shows_how_the_answer_came_about(run):
    _, out, _ = run("ask", "--explain", "zolof and their side effects")
    lines = out.splitlines()
    assert lines[0].startswith("verdict   general; support False; no sign of anything else; language en")
    assert lines[2] == "read as   zoloft and their side effects"
    assert lines[3] == "topics    ssri, sertraline; corrections {'zolof': 'zoloft'}; follow-up False"
    assert lines[4].startswith("confidence ")
    ranked = [line.split()[-1] for line in lines[5 : lines.index("")]]
    assert set(ranked) >= {"ssri/side-effects", "ssri/stopping", "ssri/how-they-work", "ssri/sertraline"}
    assert not any(name.startswith(("magnesium/", "gaba", "st-johns-wort/")) for name in ranked)  # of other substances
    assert lines[5].split()[0] == "1"


def test_ask_explain_of_a_card_has_no_ranks(run):
    _, out, _ = run("ask", "--explain", "i want to hurt myself")
    assert out.splitlines()[0] == "verdict   crisis; support True; pattern crisis-self; language en"
    assert "confidence" not in out


def test_ask_retrieve_ranks_only(run):
    code, out, _ = run("ask", "--retrieve", "2", "how much magnesium should i take")
    record = json.loads(out)
    assert (code, list(record), record["id"]) == (0, ["id", "hits"], None)
    assert {hit["passage"] for hit in record["hits"]} == {"magnesium/sleep", "magnesium/side-effects"}
    assert all(list(hit) == ["passage", "score"] for hit in record["hits"])
    assert record["hits"][0]["score"] >= record["hits"][1]["score"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], 'there is no question; for example: ntqa ask "what does serotonin do?"'),
        (["--retrieve", "0", "question"], "--retrieve needs a number of passages, at least 1"),
        (["--retrieve", "-3", "question"], "--retrieve needs a number of passages, at least 1"),
        (["--jsonl", "-", "question"], "give either messages or --jsonl, not both"),
        (["--jsonl", "nowhere.jsonl"], "nowhere.jsonl cannot be read: No such file or directory"),
    ],
)
def test_wrong_arguments_of_ask(run, arguments: list[str], words: str):
    assert run("ask", *arguments) == (2, "", f"{words}\n")


def test_ask_without_an_index(run, config: Config, tmp_path: Path):
    code, out, err = run("ask", "what is gaba", config=replace(config, index=tmp_path / "none"))
    assert (code, out, err) == (2, "", f"there is no index in {tmp_path / 'none'}; run: ntqa build\n")


def test_ask_with_a_stale_index(run, config: Config):
    edit(config.corpus / SLEEP, '"magnesium sleep"', '"magnesium at night"')
    code, out, err = run("ask", "what is gaba")
    assert (code, out) == (2, "")
    assert err == "the index does not fit the corpus (new or changed passages: magnesium/sleep); run: ntqa build\n"


def test_ask_with_another_model(run, config: Config):
    code, _, err = run("ask", "what is gaba", config=replace(config, model="other"))
    assert code == 2
    assert err == f"the model other has not been exported to {config.index}; run: ntqa build\n"


# --- ask --jsonl ---


def test_many_questions_one_record_a_line(run, tmp_path: Path):
    path = lines_file(
        tmp_path,
        {"id": "a", "messages": ["what does serotonin do?"]},
        {"id": 2, "messages": ["what are ssris?", "and their side effects?"]},
        {"messages": ["hello"]},
    )
    code, out, err = run("ask", "--jsonl", path)
    found = records(out)
    assert (code, err) == (0, "")
    assert [(record["id"], record["kind"]) for record in found] == [("a", "answer"), (2, "answer"), (None, "smalltalk")]
    assert [quote["passage"] for quote in found[1]["quotes"]] == ["ssri/side-effects"]


def test_invalid_lines_have_a_record_in_their_place(run, tmp_path: Path):
    path = lines_file(
        tmp_path,
        {"id": "first", "messages": ["hello"]},
        "{not json",
        "",
        {"id": "third", "messages": []},
        {"id": "fourth"},
        ["a list"],
        {"id": "sixth", "messages": ["hello", 5]},
        {"id": "seventh", "messages": "hello"},
        {"id": "last", "messages": ["what does gaba do?"]},
    )
    code, out, err = run("ask", "--jsonl", path)
    found = records(out)
    assert code == 0
    assert [record["id"] for record in found] == ["first", None, "third", "fourth", None, "sixth", "seventh", "last"]
    assert [record.get("error", "").split(" (")[0] for record in found] == [
        "",
        "line 2: not valid JSON: Expecting property name enclosed in double quotes: line 1 column 2",
        "line 4: 'messages' must be a list with at least one text, the reader's turns, oldest first",
        'line 5: not an object {"id": ..., "messages": [...]}',
        'line 6: not an object {"id": ..., "messages": [...]}',
        "line 7: message 2 is not text",
        "line 8: 'messages' must be a list with at least one text, the reader's turns, oldest first",
        "",
    ]
    assert all(set(record) == {"id", "error"} for record in found[1:-1])
    assert err == "6 invalid lines; each has a record with 'error'\n"


def test_one_invalid_line_is_singular_and_order_is_kept_with_retrieve(run, tmp_path: Path):
    path = lines_file(tmp_path, {"id": 1, "messages": ["magnesium sleep"]}, "null", {"id": 3, "messages": ["daylight"]})
    code, out, err = run("ask", "--retrieve", "1", "--jsonl", path)
    assert code == 0
    assert [(record["id"], [hit["passage"] for hit in record.get("hits", [])]) for record in records(out)] == [
        (1, ["magnesium/sleep"]),
        (None, []),
        (3, ["bulk/daylight"]),
    ]
    assert err == "1 invalid line; each has a record with 'error'\n"


def test_questions_from_standard_input_even_when_they_are_not_utf8(run, monkeypatch: pytest.MonkeyPatch):
    class Standard:
        buffer = io.BytesIO(b'{"id": 1, "messages": ["what does gaba do?"]}\n{"id": 2, "messages": ["caf\xe9 \xff"]}\n')

    monkeypatch.setattr(sys, "stdin", Standard)
    code, out, _ = run("ask", "--jsonl", "-")
    assert (code, [(record["id"], "error" in record) for record in records(out)]) == (0, [(1, False), (2, False)])


# --- evaluate ---


def write_tests(folder: Path, floor: str) -> str:
    for name, text in (
        ("retrieval/questions.yaml", "- {id: q1, text: what does gaba do, bucket: plain, relevant: {gaba/what-it-does: 2}}\n"),
        ("dialogues/dialogues.yaml", "- {id: d1, turns: [{text: hello, kind: smalltalk}]}\n"),
        ("safety/cases.yaml", "- {id: s1, text: i want to hurt myself, expect: crisis}\n"),
        ("floors.yaml", floor),
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("floor", "code", "words"),
    [
        ("at_least: {'dialogue turns right': 1}", 0, "ok (bar: at least 1)"),
        ("at_most: {'dialogue turns right': 0.5}", 1, "MISSED (bar: at most 0.5)"),
    ],
)
def test_evaluate_tells_by_its_exit_code_whether_a_bar_was_missed(run, config: Config, tmp_path: Path, floor: str, code: int, words: str):
    found, out, _ = run("evaluate", "--tests", write_tests(tmp_path / "tests", floor))
    (line,) = [line for line in out.splitlines() if line.startswith("dialogue turns right")]
    assert found == code
    assert " ".join(line.split()).endswith(words)
    assert json.loads((config.index / "last-evaluation.json").read_text())["dialogue d1:1"] is True


def test_evaluate_without_test_data(run, tmp_path: Path):
    code, out, err = run("evaluate", "--tests", str(tmp_path))
    assert (code, out) == (2, "")
    assert "retrieval cannot be read" in err


# --- serve, passwd ---


@pytest.fixture
def serving(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What `serve` of the web module was called with."""
    called: list[tuple] = []
    web = ModuleType("ntqa.web")
    web.serve = lambda *arguments, announce, gap_log: called.append((*arguments, gap_log))
    monkeypatch.setitem(sys.modules, "ntqa.web", web)
    return called


@pytest.mark.parametrize(
    ("arguments", "rate"),
    [
        ([], 0),
        (["--host", "localhost"], 0),
        (["--trust-proxy"], 60),
        (["--host", "0.0.0.0"], 60),
        (["--host", "0.0.0.0", "--rate", "0"], 0),
        (["--rate", "7"], 7),
    ],
)
def test_the_rate_is_limited_where_others_reach_the_server(run, serving, arguments: list[str], rate: float):
    assert run("serve", *arguments)[0] == 0
    assert serving[0][4].rate == rate


def test_what_is_served_and_how(run, serving, config: Config, tmp_path: Path):
    users = tmp_path / "users.txt"
    users.write_text(f"ada:{hash_password('secret', 4)}\n", encoding="utf-8")
    options = ["--port", "1", "--allow-host", "a.example", "--allow-host", "b.example", "--root-path", "/some/where/", "--metrics"]
    assert run("serve", *options, "--auth-file", str(users))[0] == 0
    (served, host, port, hosts, rules, gap_log) = serving[0]
    assert gap_log is None
    assert (served, host, port, hosts) == (config, "127.0.0.1", 1, ["a.example", "b.example"])
    assert (rules.root_path, rules.open_metrics, rules.trust_proxy, rules.logins is not None) == ("/some/where", True, False, True)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--root-path", "ntqa"], "--root-path must be a path"),
        (["--root-path", "/a/../b"], "--root-path must be a path"),
        (["--root-path", '/a"b'], "--root-path must be a path"),
        (["--root-path", "https://example.org/a"], "--root-path must be a path"),
        (["--rate", "-1"], "--rate must be a number"),
        (["--rate", "nan"], "--rate must be a number"),
        (["--rate", "inf"], "--rate must be a number"),
        (["--auth-file", "no-such-file"], "no-such-file cannot be read"),
        (["--gap-log", "no-such-folder/gaps.jsonl"], "the gap log no-such-folder/gaps.jsonl cannot be written"),
    ],
)
def test_options_that_cannot_be_served(run, serving, arguments: list[str], words: str):
    code, out, err = run("serve", *arguments)
    assert (code, out, serving) == (2, "", [])
    assert words in err


def test_a_line_of_the_auth_file(run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream=None: "secret")
    code, out, err = run("passwd", "ada")
    assert (code, err, out.count("\n"), "secret" in out) == (0, "", 1, False)
    (tmp_path / "users.txt").write_text(out, encoding="utf-8")
    assert Logins.read(tmp_path / "users.txt").check("Basic " + base64.b64encode(b"ada:secret").decode())
    assert run("passwd", "a:b")[0] == 2


def test_two_different_passwords_make_no_line(run, monkeypatch: pytest.MonkeyPatch):
    typed = iter(["one", "two"])
    monkeypatch.setattr("getpass.getpass", lambda prompt, stream=None: next(typed))
    assert run("passwd", "ada") == (2, "", "the two passwords differ\n")


# --- the parser ---


@pytest.mark.parametrize("arguments", [[], ["fly"], ["ask", "--unknown"], ["ask", "--retrieve", "many", "x"], ["serve", "--port", "x"]])
def test_arguments_that_cannot_be_parsed_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: ntqa" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"ntqa {__version__}\n")


@pytest.mark.parametrize("command", ["check", "build", "ask", "serve", "passwd", "mcp", "evaluate"])
def test_each_command_explains_itself_with_an_example(command: str, capsys: pytest.CaptureFixture):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    out = capsys.readouterr().out
    assert caught.value.code == 0
    assert f"example:\n  ntqa {command}" in out
    assert "--corpus DIR" in out


# --- gaps ---


@pytest.fixture
def gap_log(tmp_path: Path) -> str:
    log = GapLog(tmp_path / "gaps.jsonl")
    for item in (
        Gap("2026-01-30", "not_covered", "not_covered", "is blorptamine good"),
        Gap("2026-01-31", "not_covered", "not_covered", "what are ssris?"),
        Gap("2026-02-01", "wrong", "answer", "what does magnesium do for sleep?", ("magnesium/sleep",)),
        Gap("2026-02-01", "like", "answer", "", ("magnesium/sleep",)),
    ):
        log.add(item)
    return str(tmp_path / "gaps.jsonl")


def test_gaps_says_what_to_do(run, gap_log: str):
    code, out, err = run("gaps", gap_log)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "4 lines from 2026-01-30 to 2026-02-01: 1 answers liked, 1 questions answered by now, 0 without text, 2 groups open",
        "",
        "1 x, 2026-01-30 to 2026-01-30",
        "    is blorptamine good",
        "  -> 'blorptamine' is not known here: write a topic for it, or put it in corpus/other_names.yaml",
        "",
        "1 x, 2026-02-01 to 2026-02-01 (wrong)",
        "    what does magnesium do for sleep?",
        "  -> read corpus/topics/magnesium/sleep.md beside the question: mend the passage, or move the wording to the one that answers it",
    ]


def test_gaps_as_json_and_limited(run, gap_log: str):
    found = json.loads(run("gaps", gap_log, "--json")[1])
    assert (len(found["groups"]), found["settled"], found["liked"]) == (2, 1, 1)
    assert run("gaps", gap_log, "--limit", "1")[1].count("  -> ") == 1


def test_gaps_of_an_empty_file_and_of_none(run, tmp_path: Path):
    (tmp_path / "empty").write_text("", encoding="utf-8")
    assert run("gaps", str(tmp_path / "empty"))[:2] == (0, f"{tmp_path / 'empty'} is empty\n")
    code, out, err = run("gaps", str(tmp_path / "none"))
    assert (code, out) == (2, "")
    assert "none cannot be read" in err
