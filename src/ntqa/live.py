"""The assistant in use by a server, exchanged when the index changes, and what is counted, logged and kept of its replies."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from ntqa.assistant import Assistant, Embedder
from ntqa.config import Config
from ntqa.errors import NtqaError, StaleIndexError
from ntqa.gaps import NOT_COVERED, GapLog, gap
from ntqa.index import current_edition
from ntqa.jsonlog import event
from ntqa.metrics import Metrics
from ntqa.schema import Reply

log = logging.getLogger(__name__)

POLL_SECONDS = 0.2  # how often the index folder is looked at for a new edition
RETRY_SECONDS = 10.0  # after which an edition that could not be loaded is tried again; loading takes a second of work
QUIET = ("/assets", "/static", "/theme.css", "/favicon.ico", "/page", "/healthz", "/metrics", "/gradio_api")  # not logged while all is well

# Links as the templates of `render`, `pages` and `chat` write them; texts of the corpus and of readers hold neither quotes nor slashes
# once they are escaped, so nothing else looks like this.
_LINK = re.compile(r'\b(href|src|action)="(?:/|&#47;)')


class Live:
    """The assistant in use, exchanged whole when a new edition appears. A new edition that cannot be loaded leaves the old one in use."""

    def __init__(self, config: Config, root: str, gap_log: GapLog | None = None) -> None:
        self._config, self.root, self.gap_log = config, root, gap_log
        self._stop = threading.Event()
        self.metrics = Metrics()
        self.assistant = Assistant.load(config)
        self.problem = ""  # why the newest edition is not in use
        self.renew: Callable[[], None] = lambda: None  # brings the first screen up to date
        self._shown = self._first_screen()

    def start(self) -> None:
        threading.Thread(target=self._watch, name="ntqa-watch", daemon=True).start()

    def stop(self) -> None:
        self._stop.set()

    def html(self, markup: str) -> str:
        """HTML of `render` or `pages` for a site that readers see under the prefix."""
        return _LINK.sub(rf'\1="{self.root}/', markup) if self.root else markup

    @property
    def age_seconds(self) -> float:
        """How long ago the index in use was built."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.assistant.edition.built_at)).total_seconds()

    def reply(
        self, assistant: Assistant, messages: Sequence[str], embed: Embedder | None = None, fresh_from: int = 0
    ) -> tuple[Reply, float]:
        """The reply and the milliseconds it took, counted and logged."""
        started, kind, support = time.perf_counter(), "failure", False
        try:
            reply = assistant.reply(messages, embed, fresh_from)
            kind, support = reply.kind, reply.support
            return reply, (time.perf_counter() - started) * 1000
        finally:
            seconds = time.perf_counter() - started
            self.metrics.reply(kind, support, seconds)
            event(log, logging.INFO, "reply", kind=kind, ms=round(seconds * 1000, 1))

    def keep(self, reply: Reply, what: str = NOT_COVERED) -> None:
        """Put into the gap log, where there is one, that `reply` could not answer, or what a reader thought of it. Never raises: the
        answer does not hang on the log.
        """
        if self.gap_log and (what != NOT_COVERED or reply.kind == NOT_COVERED):
            try:
                self.gap_log.add(gap(reply, what, self.assistant.lexicon.spelling.knows))
            except Exception as error:
                log.error("the gap log was not written: %s", type(error).__name__)

    def observe(self, route: str, status: int, ms: float, reason: str) -> None:
        """Count and log one HTTP response."""
        self.metrics.response(status, reason)
        if status >= 400 or not route.startswith(QUIET):
            fields = {"path": route, "status": status, "ms": round(ms, 1), **({"reason": reason} if reason else {})}
            event(log, logging.ERROR if status >= 500 and not reason else logging.INFO, "request", **fields)

    def _first_screen(self) -> tuple[str, int]:
        """What the first screen depends on."""
        return self.assistant.edition.id, today()

    def _load(self) -> Assistant:
        try:  # with the model that is loaded already, which is nearly always still the right one
            return Assistant.load(self._config, self.assistant.encoder)
        except StaleIndexError:
            return Assistant.load(self._config)

    def _watch(self) -> None:
        refused, not_before = None, 0.0
        while not self._stop.wait(POLL_SECONDS):
            try:
                if self._shown != self._first_screen():
                    self._shown = self._first_screen()
                    self.renew()
                newest = current_edition(self._config.index)
                if newest == self.assistant.edition.id:
                    self.problem = ""
                    continue
                if newest == refused and time.monotonic() < not_before:
                    continue
                refused, not_before = newest, time.monotonic() + RETRY_SECONDS
                self.assistant = self._load()
                self.problem, refused = "", None
                event(log, logging.INFO, "new edition in use", edition=newest)
            except NtqaError as error:
                if str(error) != self.problem:
                    event(log, logging.ERROR, "the new edition is not in use", problem=str(error))
                self.problem = str(error)
            except Exception:
                log.exception("looking for a new edition failed")


def today() -> int:
    """A running number for the day."""
    return datetime.now(UTC).toordinal()
