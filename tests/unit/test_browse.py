from __future__ import annotations

import html
import re
from collections import Counter
from dataclasses import replace

import pytest
from fakes import corpus_of
from test_pages import links, shown

from ntqa import browse
from ntqa.assistant import Assistant
from ntqa.browse import evidence_page, topic_page, topics_page
from ntqa.schema import EVIDENCE, TOPIC_KINDS, Corpus, Passage, Topic

WITHOUT_TOPIC = Passage("bulk/odd", "", "Odd one", "An odd one.")


def part(markup: str, element_id: str) -> str:
    """From the element with this id to the next section."""
    return markup.split(f' id="{element_id}"')[1].split("<section")[0]


def table(markup: str) -> list[list[str]]:
    return [[shown(cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in re.findall(r"<tr>(.*?)</tr>", markup)]


def with_texts(corpus: Corpus, mini: Assistant) -> Corpus:
    return replace(corpus, messages=mini.corpus.messages)


# --- all topics ---


def test_every_topic_is_listed_by_kind_and_by_name_with_its_number_of_passages(mini: Assistant):
    page = topics_page(mini.corpus)
    by_kind, by_name = page.split('<section id="by-name">')
    expected = Counter(passage.topic_id for passage in mini.corpus.passages.values())
    for listing in (by_kind, by_name):
        found = re.findall(r'<li><a href="([^"]*)">([^<]*)</a>&nbsp;<span class="note">(\d+)</span>', listing)
        assert sorted((html.unescape(url), html.unescape(name), int(count)) for url, name, count in found) == sorted(
            (f"/topic/{topic.id}", topic.name, expected[topic.id]) for topic in mini.corpus.topics.values()
        )
    assert f"{len(mini.corpus.topics)} topics, {len(mini.corpus.passages)} passages." in shown(page)


def test_kinds_stand_in_their_order_and_names_under_their_letter(mini: Assistant):
    topics = [
        Topic("b", "Élan", "safety", ()),
        Topic("a", "5-HTP", "supplement", ()),
        Topic("c", "eels", "supplement", ()),
        Topic("d", "Ωμ", "care", ()),
    ]
    page = topics_page(with_texts(corpus_of(topics), mini))
    assert re.findall("<h3>(.*?)</h3>", page) == ["Supplements", "Safety", "Care", "5", "D", "E"]
    assert [url for url, _ in links(part(page, "letter-e").join(["<main>", "</main>"]))] == ["/topic/c", "/topic/b"]


def test_jumps_lead_to_what_is_there(mini: Assistant):
    page = topics_page(mini.corpus)
    targets = [url[1:] for url, _ in links(page) if url.startswith("#")]
    assert {"by-kind", "by-name", "kind-medicine", "letter-s"} <= set(targets)
    for target in targets:
        assert page.count(f' id="{target}"') == 1


@pytest.mark.parametrize("which", ["mini", "real"])
def test_every_passage_is_reached_from_the_topics(mini: Assistant, real_corpus: Corpus, which: str):
    corpus = mini.corpus if which == "mini" else real_corpus
    start = {url for url, _ in links(topics_page(corpus))}
    pages = [topic_page(topic, corpus) for topic in corpus.topics.values() if f"/topic/{topic.id}" in start]
    reached = start.union(*({url for url, _ in links(page)} for page in pages))
    assert [item for item in corpus.passages if f"/passage/{item}" not in reached] == []


def test_passages_without_topic_are_listed_below(mini: Assistant):
    page = topics_page(mini.corpus)
    assert links(part(page, "others").join(["<main>", "</main>"])) == [("/passage/bulk/daylight", "Daylight: what it sets")]
    assert 'id="others"' not in topics_page(replace(mini.corpus, passages={}))


def test_a_very_long_list_is_cut_and_says_so(mini: Assistant, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(browse, "LISTED", 2)
    passages = [Passage(f"bulk/{number}", "", f"Title {number}", "Text.") for number in range(5)]
    corpus = with_texts(corpus_of(passages=passages), mini)
    for page in (topics_page(corpus), evidence_page(corpus)):
        assert [text for url, text in links(page) if url.startswith("/passage/")] == ["Title 0", "Title 1"]
        assert "And 3 more." in shown(page)


# --- one topic ---


def test_a_topic_page_lists_its_passages_with_their_evidence(mini: Assistant):
    page = topic_page(mini.corpus.topics["magnesium"], mini.corpus)
    listed = re.findall(r'<li><a href="([^"]*)">.*?<span class="note">(.*?)</span>', page)
    assert [(html.unescape(url), shown(label)) for url, label in listed] == [
        (f"/passage/{item.id}", f"Evidence: {item.evidence}") for item in mini.corpus.passages.values() if item.topic_id == "magnesium"
    ]
    assert links(page)[0] == ("/topics#kind-supplement", "Supplements")


def test_a_topic_page_names_its_members_and_the_words_that_lead_to_it(mini: Assistant):
    page = topic_page(mini.corpus.topics["ssri"], mini.corpus)
    assert re.findall("<h2>(.*?)</h2>", page) == ["Also covered here", "Words that lead here"]
    assert "<li>sertraline, zoloft, lustral</li><li>fluoxetine, prozac</li>" in shown_lists(page)
    assert "ssri, selective serotonin reuptake inhibitors" in shown(page)


def shown_lists(markup: str) -> str:
    return html.unescape(re.sub(r"<(?!/?li>)[^>]*>", "", markup))


def test_group_and_members_lead_to_each_other(mini: Assistant):
    group, one = (
        Topic("mood-medicines", "Mood medicines", "medicine", ()),
        Topic("trazodone", "Trazodone", "medicine", ("trazodone",), part_of=("mood-medicines",)),
    )
    corpus = with_texts(corpus_of([group, one]), mini)
    assert links(topic_page(group, corpus))[1:] == [("/topic/trazodone", "Trazodone")]
    page = topic_page(one, corpus)
    assert links(page)[1:] == [("/topic/mood-medicines", "Mood medicines")]
    assert re.findall("<h2>(.*?)</h2>", page) == ["Part of"]  # its only other name is its name


# --- the map ---


@pytest.mark.parametrize("which", ["mini", "real"])
def test_the_map_counts_what_the_corpus_holds(mini: Assistant, real_corpus: Corpus, which: str):
    corpus = mini.corpus if which == "mini" else real_corpus
    head, *rows, foot = table(evidence_page(corpus))
    strengths = [*EVIDENCE, *([""] if which == "mini" else [])]  # the bulk passage has neither topic nor evidence
    assert len(head) == len(strengths) + 2
    expected = []
    for kind in (*TOPIC_KINDS, ""):
        own = [
            item
            for item in corpus.passages.values()
            if (corpus.topics[item.topic_id].kind if item.topic_id in corpus.topics else "") == kind
        ]
        if own:
            counts = [sum((item.evidence or "") == strength for item in own) for strength in strengths]
            expected.append([corpus.messages[f"kind.{kind}" if kind else "browse.no_topic"], *map(str, counts), str(len(own))])
    assert rows == expected
    assert foot[-1] == f"{len(corpus.passages):,}"
    assert [int(text) for text in foot[1:-1]] == [sum(int(row[column]) for row in rows) for column in range(1, len(foot) - 1)]


def test_each_cell_leads_to_the_passages_behind_it(mini: Assistant, real_corpus: Corpus):
    for corpus in (mini.corpus, real_corpus):
        page = evidence_page(corpus)
        cells = re.findall(r'<td><a href="#([^"]*)" aria-label="([^"]*)">.*?(\d+)</a></td>', page)
        seen: list[str] = []
        for target, name, count in cells:
            inside = [url for url, _ in links(part(page, target).join(["<main>", "</main>"])) if url.startswith("/passage/")]
            assert html.unescape(name).split()[0] == count == str(len(inside))
            seen += inside
        assert sorted(seen) == sorted(f"/passage/{item}" for item in corpus.passages)


def test_the_area_of_a_circle_is_the_count(mini: Assistant):
    topic = Topic("a", "A", "test", ())
    passages = [Passage(f"a/{number}", "a", "T", "Text.", evidence="mixed" if number else "weak") for number in range(17)]
    page = evidence_page(with_texts(corpus_of([topic], passages), mini))
    assert re.findall(r'<circle r="([\d.]+)"/></svg>(\d+)', page) == [("22.0", "16"), ("5.5", "1")]


def test_the_table_has_caption_and_scopes_and_no_empty_link(mini: Assistant):
    page = evidence_page(mini.corpus)
    assert "<caption>Passages by kind and evidence</caption>" in page
    assert page.count('<th scope="col">') == 7 and page.count("<th ") == page.count('<th scope="')
    assert shown(part(page, "supplement-weak")).startswith(">Supplements. Evidence: weak ")
    assert 'href="#medicine-contested"' not in page and "<td>0</td>" in page


def test_an_empty_collection_has_pages_too(mini: Assistant):
    empty = with_texts(corpus_of(), mini)
    assert table(evidence_page(empty))[1:] == [["All", "0", "0", "0", "0", "0"]]
    assert "0 topics, 0 passages." in shown(topics_page(empty))


# --- all of them ---


def test_hostile_text_is_escaped_everywhere(mini: Assistant):
    bad = "<img src=x onerror=alert(1)>"
    topic = Topic("gaba", bad, "transmitter", (f"{bad}2",), {bad: (bad,)}, part_of=("gaba",))
    corpus = replace(
        mini.corpus,
        topics={"gaba": topic},
        passages={"gaba/bad": Passage("gaba/bad", "gaba", bad, bad, evidence="weak"), "x": replace(WITHOUT_TOPIC, id=f'"{bad}', title=bad)},
        messages=dict.fromkeys(mini.corpus.messages, bad),
    )
    for page in (topics_page(corpus), topic_page(topic, corpus), evidence_page(corpus)):
        assert "<img" not in page and shown(page).count(bad) > 8
        assert not re.search(r"<[^>]*\son\w+=", page)


def test_the_pages_have_the_frame_and_no_script(mini: Assistant):
    for page in (topics_page(mini.corpus), topic_page(mini.corpus.topics["ssri"], mini.corpus), evidence_page(mini.corpus)):
        assert page.startswith('<!doctype html><html lang="en">')
        assert page.count("<h1>") == 1 and '<a class="help-link" href="/help">' in page and "<script" not in page
        assert '<nav class="browse"><a href="/topics">Browse topics</a> <a href="/evidence">Evidence map</a></nav>' in page
