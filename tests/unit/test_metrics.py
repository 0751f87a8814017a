from __future__ import annotations

from ntqa.metrics import Metrics


def samples(metrics: Metrics) -> dict[str, str]:
    lines = metrics.text("20260131T000000-abc", "1.2.3", 12.4).splitlines()
    return dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))


def test_a_fresh_process():
    found = samples(Metrics())
    assert found["ntqa_reply_seconds_count"] == "0"
    assert found["ntqa_support_strips_total"] == "0"
    assert found["ntqa_edition_age_seconds"] == "12"
    assert found['ntqa_edition_info{edition="20260131T000000-abc",version="1.2.3"}'] == "1"


def test_replies_are_counted_by_kind_and_by_time():
    metrics = Metrics()
    for kind, support, seconds in (("answer", False, 0.005), ("answer", True, 0.02), ("crisis", True, 9.0)):
        metrics.reply(kind, support, seconds)
    found = samples(metrics)
    assert (found['ntqa_replies_total{kind="answer"}'], found['ntqa_replies_total{kind="crisis"}']) == ("2", "1")
    assert found["ntqa_support_strips_total"] == "2"
    bounds = {name: found[f'ntqa_reply_seconds_bucket{{le="{name}"}}'] for name in ("0.005", "0.01", "0.025", "2.5", "+Inf")}
    assert bounds == {"0.005": "1", "0.01": "1", "0.025": "2", "2.5": "2", "+Inf": "3"}
    assert (found["ntqa_reply_seconds_sum"], found["ntqa_reply_seconds_count"]) == ("9.025", "3")


def test_responses_are_counted_by_class_and_refusals_by_reason():
    metrics = Metrics()
    for status, reason in ((200, ""), (204, ""), (404, "path"), (429, "rate"), (429, "rate"), (500, "")):
        metrics.response(status, reason)
    found = samples(metrics)
    assert {name: value for name, value in found.items() if "responses" in name or "refused" in name} == {
        'ntqa_responses_total{class="2xx"}': "2",
        'ntqa_responses_total{class="4xx"}': "3",
        'ntqa_responses_total{class="5xx"}': "1",
        'ntqa_refused_total{reason="path"}': "1",
        'ntqa_refused_total{reason="rate"}': "2",
    }


def test_every_family_has_its_help_and_type_before_it():
    lines = Metrics().text("e", "v", 0).splitlines()
    declared = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert declared == [line.split()[2] for line in lines if line.startswith("# HELP")]
    assert len(declared) == len(set(declared)) == 7
    for line in lines:
        if not line.startswith("#"):
            assert any(line.startswith(name) for name in declared), line
