import pytest

from ntqa.schema import Passage
from ntqa.sentences import one_line, passage_text, sentence_spans


@pytest.mark.parametrize(
    ("text", "spans"),
    [
        ("One two. Three four.", ((0, 8), (9, 20))),
        ("  One.  Two.  ", ((2, 6), (8, 12))),
        ("Is it?\nYes! Sure.", ((0, 6), (7, 11), (12, 17))),
        ("No end", ((0, 6),)),
        ("First.\n\nSecond", ((0, 6), (8, 14))),
        ("no stop\n\n\nSecond.", ((0, 7), (10, 17))),
        ("", ()),
        (" \n\t ", ()),
    ],
)
def test_offsets(text, spans):
    assert sentence_spans(text) == spans


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith said so. He left.", ["Dr. Smith said so.", "He left."]),
        ("Foods, e.g. Brazil nuts. They hold it.", ["Foods, e.g. Brazil nuts.", "They hold it."]),
        (
            "The U.S. Food and Drug Administration agreed. Others did not.",
            ["The U.S. Food and Drug Administration agreed.", "Others did not."],
        ),
        ("SSRIs vs. Placebo was the question. It is open.", ["SSRIs vs. Placebo was the question.", "It is open."]),
        ("It rose by 3.5 percent. Then it fell.", ["It rose by 3.5 percent.", "Then it fell."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("Was it? (So it was.) Done.", ["Was it?", "(So it was.)", "Done."]),
        ("“Low serotonin.” ‘High hopes.’ End.", ["“Low serotonin.”", "‘High hopes.’", "End."]),
        ("Really?! Yes... No.", ["Really?!", "Yes...", "No."]),
        ("It comes from tryptophan. 5-HTP is next.", ["It comes from tryptophan.", "5-HTP is next."]),
        ("It is sold as mood.com products.", ["It is sold as mood.com products."]),
        ("See etc. and more.", ["See etc. and more."]),
        ("Bones need vitamin D. It is made in skin.", ["Bones need vitamin D.", "It is made in skin."]),
        ("Vitamin D. It is made in skin.", ["Vitamin D.", "It is made in skin."]),
        ("Some have hepatitis C. Others do not.", ["Some have hepatitis C.", "Others do not."]),
        ("It acts on GABA-A. Others do not.", ["It acts on GABA-A.", "Others do not."]),
        ("B. F. Skinner said so. He left.", ["B. F. Skinner said so.", "He left."]),
        ("It was tested by B. F. Skinner. He left.", ["It was tested by B. F. Skinner.", "He left."]),
        ("He left. B. F. Skinner stayed.", ["He left.", "B. F. Skinner stayed."]),
        ("John F. Kennedy took it. He said so.", ["John F. Kennedy took it.", "He said so."]),
        ("A study (J. Smith and R. Jones) agreed. Fine.", ["A study (J. Smith and R. Jones) agreed.", "Fine."]),
        ("Sleep was poor… Mood was low.", ["Sleep was poor…", "Mood was low."]),
        ("Lines may\nwrap here. Next\none.", ["Lines may\nwrap here.", "Next\none."]),
    ],
)
def test_sentences(text, sentences):
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences


ODD = [
    "...",
    "? ! .",
    "A.B.C.",
    "a\n\n\n\nb",
    "\u00a0x\u00a0",
    "🙂. 🙂! Ok.",
    "x.\u2028Y.",
    '"""',
    "1. 2. 3.",
    "e.g.",
    "(((",
    "A. " * 50,
    "\r\n\r\nx\r\n\r\ny",
]


def check_cover(text):
    end_before = 0
    for start, end in sentence_spans(text):
        assert end_before <= start < end <= len(text)
        assert not text[end_before:start].strip()
        assert text[start:end] == text[start:end].strip()
        end_before = end
    assert not text[end_before:].strip()


@pytest.mark.parametrize("text", ODD)
def test_spans_are_ordered_disjoint_and_cover_all_but_white_space(text):
    check_cover(text)


def test_spans_cover_every_passage_of_the_corpus(real_corpus):
    assert len(real_corpus.passages) > 100
    for passage in real_corpus.passages.values():
        check_cover(passage.text)


def test_passages_of_the_corpus_have_several_sentences(real_corpus):
    """A cutter that stopped cutting would pass the test above."""
    assert [passage.id for passage in real_corpus.passages.values() if len(sentence_spans(passage.text)) < 2] == []


def test_one_line():
    assert one_line("  a\n\n b\t c ") == "a b c"


def test_the_text_to_embed_is_title_and_text_on_one_line():
    passage = Passage("a/b", "a", "SSRIs: stopping", "They are stopped\nslowly.\n\nAlways.")
    assert passage_text(passage) == "SSRIs: stopping. They are stopped slowly. Always."
