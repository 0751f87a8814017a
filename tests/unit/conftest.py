from pathlib import Path

import pytest
from corpus_folder import CorpusFolder

from ntqa.corpus import read_corpus
from ntqa.schema import Corpus, Passage, Topic

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> CorpusFolder:
    return CorpusFolder(tmp_path / "corpus")


@pytest.fixture(scope="session")
def real_corpus() -> Corpus:
    """The corpus of this repository."""
    return read_corpus(REPOSITORY / "corpus")[0]


@pytest.fixture(scope="session")
def small_corpus() -> Corpus:
    """A few topics with names of every form, for the lexicon and what rests on it."""
    topics = [
        Topic("serotonin", "Serotonin", "transmitter", ("5-HT", "happiness hormone")),
        Topic("serotonin-syndrome", "Serotonin syndrome", "safety", ()),
        Topic("5-htp", "5-HTP", "supplement", ("hydroxytryptophan",)),
        Topic("ssri", "SSRIs", "medicine", ("ssri",), {"sertraline": ("zoloft", "lustral"), "fluoxetine": ("prozac",)}),
        Topic("st-johns-wort", "St John's wort", "supplement", ("hypericum",)),
        Topic("magnesium", "Magnesium", "supplement", ()),
        Topic("light-therapy", "Light therapy", "therapy", ("bright light",)),
        Topic("b12", "Vitamin B12", "supplement", ("b12", "cobalamin")),
    ]
    passages = [
        Passage(
            "serotonin/what-it-is", "serotonin", "Serotonin: what it is", "Serotonin shapes mood, appetite and digestion.", ("what is it",)
        ),
        Passage(
            "ssri/evidence",
            "ssri",
            "SSRIs: evidence",
            "Trials found that sertraline and fluoxetine relieve depression.",
            ("do they beat placebo",),
        ),
        Passage("magnesium/shops", "magnesium", "Magnesium: in shops", "Magnesium is sold beside hypericum and hydroxytryptophan."),
    ]
    return Corpus(
        name="Small",
        examples=(),
        topics={topic.id: topic for topic in topics},
        passages={passage.id: passage for passage in passages},
        other_names=frozenset({"sertindole", "restless legs", "fluvoxatine"}),
    )
