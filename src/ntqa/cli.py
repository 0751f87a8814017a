"""The command line: the only module that prints or exits."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ntqa import __version__
from ntqa.config import ADAPTER_FILE, PACKAGED_MODEL, Config
from ntqa.errors import CorpusError, InputError, NtqaError

if TYPE_CHECKING:
    from ntqa.assistant import Assistant

OK, BAR_MISSED, WRONG_INPUT = 0, 1, 2
RATE = 60  # questions a minute; a reader asks a few
STEPS, FRESH_STEPS = 600, 1400  # of fitting the adapter


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit code: 0 fine, 1 a bar missed, 2 wrong input."""
    parser = _parser()
    options = parser.parse_args(arguments)
    config = Config(corpus=options.corpus, index=options.index, model=options.model)
    try:
        code: int = options.run(options, config)
        return code
    except NtqaError as error:
        print(error, file=sys.stderr)
        return WRONG_INPUT
    except BrokenPipeError:  # "ntqa ask ... | head"
        sys.stderr.close()
        return OK
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--corpus", type=Path, default=Path("corpus"), metavar="DIR", help="folder of the content (default: corpus)")
    shared.add_argument("--index", type=Path, default=Path("index"), metavar="DIR", help="folder of the index (default: index)")
    shared.add_argument(
        "--model",
        default=PACKAGED_MODEL,
        metavar="NAME",
        help="a folder or Hugging Face id of a sentence-transformers model (default: %(default)s)",
    )
    parser = argparse.ArgumentParser(prog="ntqa", description="Answers questions by quoting curated passages, word for word.")
    parser.add_argument("--version", action="version", version=f"ntqa {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, help_text: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name,
            parents=[shared],
            help=help_text,
            description=help_text,
            epilog=f"example:\n  {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        sub.set_defaults(run=run)
        return sub

    command("check", _check, "Read the corpus and report every problem as file:line: problem.", "ntqa check")

    build = command("build", _build, "Check the corpus and build the index; only what changed is embedded.", "ntqa build")
    build.add_argument("--rollback", action="store_true", help="go back to the edition before the current one")
    build.add_argument("--fresh-model", action="store_true", help="export the embedding model again")

    adapt = command(
        "adapt",
        _adapt,
        "Fit the embedding model to the corpus. Edits are found without it; after hundreds it is worth its minutes.",
        "ntqa adapt && ntqa build && ntqa evaluate",
    )
    adapt.add_argument("--fresh", action="store_true", help="from nothing, instead of going on from the present adapter")
    adapt.add_argument("--guard", action="store_true", help="only the guard's own layers, going on from the present ones")
    adapt.add_argument(
        "--steps", type=int, metavar="N", help=f"steps of the training, about one a second (default: {STEPS}, fresh: {FRESH_STEPS})"
    )

    ask = command("ask", _ask, "Answer a question in the terminal.", 'ntqa ask "what are SSRIs?" "and their side effects?"')
    ask.add_argument("message", nargs="*", help="the reader's messages, oldest first; the last one is answered")
    ask.add_argument("--json", action="store_true", help="print the JSON record")
    ask.add_argument("--jsonl", metavar="FILE", help='answer many: lines {"id": ..., "messages": [...]} in FILE, or - for standard input')
    ask.add_argument("--retrieve", type=int, metavar="K", help="print the K best passages only, without guard and cut-off")
    ask.add_argument("--explain", action="store_true", help="also print verdict, reading, ranks and scores")

    serve = command("serve", _serve, "Run the web chat.", "ntqa serve --port 7860")
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    serve.add_argument("--port", type=int, default=7860, help="port to listen on (default: %(default)s)")
    serve.add_argument(
        "--allow-host", action="append", default=[], metavar="NAME", help="host name under which readers reach it; may be repeated"
    )
    serve.add_argument("--root-path", default="", metavar="PATH", help="prefix under which a proxy shows it, for example /ntqa")
    serve.add_argument("--auth-file", type=Path, metavar="FILE", help="let in only the users of this file; ntqa passwd makes its lines")
    serve.add_argument(
        "--rate",
        type=float,
        metavar="N",
        help=f"questions a minute of one client; 0 is no limit (default: {RATE}, and no limit for a server that only this machine reaches)",
    )
    serve.add_argument("--trust-proxy", action="store_true", help="behind a proxy: the last address of X-Forwarded-For is the client")
    serve.add_argument("--metrics", action="store_true", help="open /metrics to everybody, not only to this machine")
    serve.add_argument(
        "--gap-log",
        type=Path,
        metavar="FILE",
        help="let readers judge answers, and add these and questions without an answer, scrubbed, to FILE; readers are told",
    )

    gaps = command(
        "gaps",
        _gaps,
        "Read a gap log: what readers asked in vain or did not like, in groups, with one thing to do for each.",
        "ntqa gaps gaps.jsonl",
    )
    gaps.add_argument("log", type=Path, metavar="FILE", help="the file that ntqa serve --gap-log writes")
    gaps.add_argument("--limit", type=int, default=20, metavar="N", help="show the N largest groups (default: %(default)s)")
    gaps.add_argument("--json", action="store_true", help="print all of it as JSON")

    passwd = command(
        "passwd", _passwd, "Make a line of the file for serve --auth-file; asks for the password.", "ntqa passwd ada >> users.txt"
    )
    passwd.add_argument("user", help="name of the user")

    command("mcp", _mcp, "Run as an MCP server on standard input and output, for programs that speak this protocol.", "ntqa mcp")

    evaluate = command("evaluate", _evaluate, "Run the retrieval, dialogue and safety tests and print the measures.", "ntqa evaluate")
    evaluate.add_argument("--tests", type=Path, default=Path("tests"), metavar="DIR", help="folder of the test data (default: tests)")
    evaluate.add_argument("--misses", action="store_true", help="list what was missed")
    evaluate.add_argument("--write", type=Path, metavar="README", help="write the table of measures into this file")
    return parser


# --- check, build --------------------------------------------------------------------------------------------------------


def _check(options: argparse.Namespace, config: Config) -> int:
    from ntqa.checks import check_corpus
    from ntqa.corpus import read_corpus

    corpus, problems = read_corpus(config.corpus)
    errors, warnings = check_corpus(corpus, config.corpus)
    for warning in sorted(warnings):
        print(f"{warning} (warning)")
    if problems or errors:
        raise CorpusError([*problems, *errors])
    more = sum(len(item.asked) + len(item.after) for item in corpus.wordings.values())
    print(
        f"{len(corpus.passages)} passages in {len(corpus.topics)} topics, {len(corpus.sources)} sources, {len(corpus.guard_examples)} guard examples, "
        f"{len(corpus.patterns)} patterns, {len(corpus.calibration)} calibration questions, {more} wordings: no problem, {len(warnings)} warning{'s' * (len(warnings) != 1)}"
    )
    return OK


def _build(options: argparse.Namespace, config: Config) -> int:
    if options.rollback:
        return _roll_back(config)
    from ntqa.builder import build

    started = time.perf_counter()
    with _progress_bar() as progress:
        report = build(config, progress, fresh_model=options.fresh_model)
    for warning in report.warnings:
        print(f"{warning} (warning)", file=sys.stderr)
    guard = "trained" if report.guard_trained else "unchanged"
    print(
        f"edition {report.edition}: {report.passages} passages; embedded {report.embedded}, reused {report.reused}, removed {report.removed} texts; "
        f"guard {guard}; {time.perf_counter() - started:.1f} s"
    )
    return OK


def _adapt(options: argparse.Namespace, config: Config) -> int:
    from ntqa.adapting import fit_adapter
    from ntqa.corpus import load_corpus
    from ntqa.labelling import fit_guard_layers

    if config.model != PACKAGED_MODEL:
        raise InputError(f"only {PACKAGED_MODEL} is adapted; leave --model out")
    start = None if options.fresh else config.adapter
    steps = options.steps if options.steps is not None else STEPS if start else FRESH_STEPS
    if steps < 1:
        raise InputError("--steps must be at least 1")
    target = config.corpus / ADAPTER_FILE
    corpus = load_corpus(config.corpus)
    if options.guard and not target.is_file():
        raise InputError(f"there is no {target} whose guard's layers could be fitted anew; leave --guard out")
    losses = []
    with _progress_bar() as progress:
        if not options.guard:
            ranking, naming = fit_adapter(corpus, config.model, target, steps, progress, start)
            losses += [f"{ranking:.3f} (questions)", f"{naming:.3f} (messages)"]
        losses.append(f"{fit_guard_layers(corpus, config.model, target, progress):.3f} (guard)")
    print(f"{target}: {target.stat().st_size:,} bytes; losses {', '.join(losses)}; now run: ntqa build")
    return OK


def _roll_back(config: Config) -> int:
    from ntqa.assistant import Assistant
    from ntqa.errors import StaleIndexError
    from ntqa.index import roll_back

    print(f"edition {roll_back(config.index)} is current again")
    try:
        Assistant.load(config)
    except StaleIndexError as error:
        print(
            f"{error}\nUntil the corpus is that of this edition again (for example: git checkout -- {config.corpus}), it will not be served.",
            file=sys.stderr,
        )
    return OK


@contextlib.contextmanager
def _progress_bar() -> Iterator[Any]:
    from tqdm import tqdm

    bars: dict[str, tqdm[Any]] = {}

    def progress(what: str, done: int, total: int) -> None:
        if what not in bars:
            for bar in bars.values():
                bar.close()
            bars[what] = tqdm(total=total, desc=what, file=sys.stderr, dynamic_ncols=True, leave=True)
        bars[what].update(done - bars[what].n)

    try:
        yield progress
    finally:
        for bar in bars.values():
            bar.close()


# --- ask -----------------------------------------------------------------------------------------------------------------


def _ask(options: argparse.Namespace, config: Config) -> int:
    if options.retrieve is not None and options.retrieve < 1:
        raise InputError("--retrieve needs a number of passages, at least 1")
    if options.jsonl:
        if options.message:
            raise InputError("give either messages or --jsonl, not both")
        return _ask_lines(options, config)
    if not options.message:
        raise InputError('there is no question; for example: ntqa ask "what does serotonin do?"')
    from ntqa.render import reply_text

    assistant = _assistant(config)
    if options.retrieve:
        print(json.dumps(_hits(assistant, None, options.message, options.retrieve), ensure_ascii=False))
        return OK
    if options.json:
        print(json.dumps(_record(assistant, None, options.message), ensure_ascii=False, indent=1))
        return OK
    reply = assistant.reply(options.message)
    if options.explain:
        print(_explanation(reply))
    print(reply_text(reply, assistant.corpus), end="")
    return OK


def _assistant(config: Config) -> Assistant:
    from ntqa.assistant import Assistant

    return Assistant.load(config)


def _ask_lines(options: argparse.Namespace, config: Config) -> int:
    assistant = _assistant(config)
    invalid = 0
    with _lines(options.jsonl) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            record_id = None
            try:
                record_id, messages = _parse_line(line)
                if options.retrieve:
                    record = _hits(assistant, record_id, messages, options.retrieve)
                else:
                    record = _record(assistant, record_id, messages)
            except InputError as error:
                invalid += 1
                record = {"id": _line_id(line), "error": f"line {number}: {error}"}
            print(json.dumps(record, ensure_ascii=False), flush=True)
    if invalid:
        print(f"{invalid} invalid line{'s' * (invalid != 1)}; each has a record with 'error'", file=sys.stderr)
    return OK


@contextlib.contextmanager
def _lines(name: str) -> Iterator[Any]:
    if name == "-":
        yield (line.decode("utf-8", errors="replace") for line in sys.stdin.buffer)
        return
    try:
        with open(name, encoding="utf-8", errors="replace") as file:
            yield file
    except OSError as error:
        raise InputError(f"{name} cannot be read: {error.strerror}") from None


def _parse_line(line: str) -> tuple[Any, list[str]]:
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}") from None
    if not isinstance(data, dict) or "messages" not in data:
        raise InputError('not an object {"id": ..., "messages": [...]}')
    from ntqa.assistant import checked_messages

    return data.get("id"), checked_messages(data["messages"])


def _line_id(line: str) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        data = json.loads(line)
        if isinstance(data, dict):
            return data.get("id")
    return None


def _record(assistant: Assistant, record_id: Any, messages: Sequence[str]) -> dict[str, Any]:
    from ntqa.render import reply_record

    started = time.perf_counter()
    reply = assistant.reply(messages)
    return reply_record(reply, assistant.corpus, record_id, (time.perf_counter() - started) * 1000)


def _hits(assistant: Assistant, record_id: Any, messages: Sequence[str], limit: int) -> dict[str, Any]:
    _, result = assistant.retrieve(messages, limit)
    return {"id": record_id, "hits": [{"passage": hit.passage_id, "score": round(hit.score, 6)} for hit in result.hits]}


def _explanation(reply: Any) -> str:
    verdict, query, result = reply.verdict, reply.query, reply.result
    lines = [
        f"verdict   {verdict.outcome}; support {verdict.support}; {verdict.reason}; language {verdict.language}",
        "scores    " + ", ".join(f"{name} {value:.2f}" for name, value in sorted(verdict.scores.items(), key=lambda item: -item[1])),
        f"read as   {query.text}",
        f"topics    {', '.join((*query.topic_ids, *query.members)) or '-'}; corrections {dict(query.corrections) or '-'}; follow-up {query.follow_up}",
    ]
    if result:
        from ntqa.retrieval import FEATURES

        named = ", ".join(f"{name} {value:.2f}" for name, value in zip(FEATURES, result.features, strict=False))
        lines.append(f"confidence {result.confidence:.2f} ({named})")
        for rank, hit in enumerate(result.hits, 1):
            lines.append(
                f"{rank:>3} {hit.score:.3f} dense {hit.dense:.3f} (rank {hit.dense_rank}) keyword rank {hit.keyword_rank or '-'}  {hit.passage_id}"
            )
    return "\n".join(lines) + "\n"


# --- serve, evaluate -----------------------------------------------------------------------------------------------------


def _serve(options: argparse.Namespace, config: Config) -> int:
    import re

    from ntqa.gaps import GapLog
    from ntqa.logins import Logins
    from ntqa.shield import Rules

    root_path = options.root_path.rstrip("/")
    if root_path and not re.fullmatch(r"(?:/[\w~-][\w.~-]*)+", root_path, re.ASCII):
        raise InputError("--root-path must be a path such as /ntqa")
    rate = options.rate
    if rate is None:  # behind a proxy that is not trusted to name its clients all readers would share one limit
        rate = 0 if options.host in ("localhost", "127.0.0.1", "::1") and not options.trust_proxy else RATE
    if not 0 <= rate < float("inf"):
        raise InputError("--rate must be a number of questions a minute, or 0 for no limit")
    logins = Logins.read(options.auth_file) if options.auth_file else None
    rules = Rules(root_path, rate, options.trust_proxy, logins, options.metrics)
    gap_log = GapLog(options.gap_log) if options.gap_log else None
    from ntqa.web import serve

    serve(config, options.host, options.port, options.allow_host, rules, announce=lambda text: print(text, flush=True), gap_log=gap_log)
    return OK


def _gaps(options: argparse.Namespace, config: Config) -> int:
    from dataclasses import asdict

    from ntqa.gap_report import report
    from ntqa.gaps import days, read_gaps

    gaps = read_gaps(options.log)
    if not gaps:
        print(f"{options.log} is empty")
        return OK
    found = report(gaps, _assistant(config))
    if options.json:
        print(json.dumps(asdict(found), ensure_ascii=False, indent=1))
        return OK
    first, last = days(gaps)
    print(
        f"{len(gaps)} lines from {first} to {last}: {found.liked} answers liked, {found.settled} questions answered by now, "
        f"{found.without_text} without text, {len(found.groups)} groups open"
    )
    for group in found.groups[: max(options.limit, 0)]:
        reasons = f" ({', '.join(group.reasons)})" if group.reasons else ""
        print(f"\n{group.count} x, {group.first_day} to {group.last_day}{reasons}")
        for question in group.questions:
            print(f"    {question}")
        print(f"  -> {group.action}")
    return OK


def _passwd(options: argparse.Namespace, config: Config) -> int:
    from getpass import getpass

    from ntqa.logins import password_line

    password = getpass("Password: ", stream=sys.stderr)
    if getpass("Again: ", stream=sys.stderr) != password:
        raise InputError("the two passwords differ")
    print(password_line(options.user, password))
    return OK


def _mcp(options: argparse.Namespace, config: Config) -> int:
    from ntqa.mcp_server import run

    run(_assistant(config))
    return OK


def _evaluate(options: argparse.Namespace, config: Config) -> int:
    from ntqa.evaluation import evaluate

    report = evaluate(_assistant(config), options.tests, config.index / "last-evaluation.json")
    print(report.text(with_misses=options.misses))
    if options.write:
        report.write_table(options.write)
    return OK if report.passed else BAR_MISSED
