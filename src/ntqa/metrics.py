"""Counts for a monitoring system, in Prometheus' text form. Numbers and kinds only, nothing of what was asked or by whom."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)  # seconds; an answer takes about 0.02

HELP = {
    "replies": "Replies by kind; failure is one that could not be made.",
    "support_strips": "Replies that carried a strip with help lines.",
    "responses": "HTTP responses by class.",
    "refused": "Requests that were refused, by reason.",
}


class Metrics:
    """The counts of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # replies are made in threads
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in HELP}
        self._counts["support_strips"][""] = 0
        self._buckets = [0] * (len(BUCKETS) + 1)
        self._seconds = 0.0

    def reply(self, kind: str, support: bool, seconds: float) -> None:
        with self._lock:
            self._counts["replies"][f'kind="{kind}"'] += 1
            self._counts["support_strips"][""] += support
            self._buckets[bisect_left(BUCKETS, seconds)] += 1
            self._seconds += seconds

    def response(self, status: int, reason: str = "") -> None:
        """One HTTP response; `reason` says why the request was refused."""
        with self._lock:
            self._counts["responses"][f'class="{status // 100}xx"'] += 1
            if reason:
                self._counts["refused"][f'reason="{reason}"'] += 1

    def text(self, edition: str, version: str, age_seconds: float) -> str:
        """Everything, as Prometheus reads it. `edition` and `version` hold no quotes, being our own."""
        with self._lock:
            lines: list[str] = []
            for name, counts in self._counts.items():
                samples = ((f"{{{labels}}}" if labels else "", value) for labels, value in sorted(counts.items()))
                lines += _family(f"ntqa_{name}_total", "counter", HELP[name], samples)
            total, samples = 0, []
            for bound, count in zip((*BUCKETS, "+Inf"), self._buckets, strict=True):
                total += count
                samples.append((f'_bucket{{le="{bound}"}}', total))
            samples += [("_sum", round(self._seconds, 6)), ("_count", total)]
            lines += _family("ntqa_reply_seconds", "histogram", "Time to make a reply, without the network.", samples)
            lines += _family("ntqa_edition_age_seconds", "gauge", "Time since the index was built.", [("", round(age_seconds))])
            info = [(f'{{edition="{edition}",version="{version}"}}', 1)]
            lines += _family("ntqa_edition_info", "gauge", "The edition in use and the version of the program.", info)
            return "\n".join(lines) + "\n"


def _family(name: str, kind: str, about: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} {kind}", *(f"{name}{suffix} {value}" for suffix, value in samples)]
