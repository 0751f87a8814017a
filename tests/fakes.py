"""Stand-ins that tests pass in: an embedding model that can be computed by hand, and builders for small corpora and editions."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from pathlib import Path

import numpy as np

from ntqa.guard import NO_LABELS
from ntqa.index import Edition, dense_index, entry_rows, sentence_rows
from ntqa.schema import Corpus, Passage, Topic
from ntqa.words import words

TESTS = Path(__file__).parent
MINI_CORPUS = TESTS / "mini_corpus"
MINI_CORPUS_DATE = "2026-11-21"  # the only date in the mini corpus
TODAY = date.today()
FAKE_ID = "fake:concepts@1"

# Each concept is one dimension; a text's vector counts the words of each concept and is scaled to length 1.
CONCEPTS = {
    "serotonin": ("serotonin",),
    "gaba": ("gaba",),
    "ssri": ("ssri", "ssris"),
    "sertraline": ("sertraline", "zoloft"),
    "magnesium": ("magnesium",),
    "wort": ("wort", "hypericum"),
    "exercise": ("exercise",),
    "urine": ("urine",),
    "imbalance": ("imbalance",),
    "supplement": ("supplement", "supplements"),
    "effects": ("effect", "effects"),
    "sleep": ("sleep",),
    "food": ("food", "foods"),
    "mood": ("mood",),
    "stop": ("stop", "stopping", "stopped"),
    "work": ("work", "works"),
    "proof": ("proven", "proof", "evidence"),
    "medicines": ("medicines",),
    "experts": ("experts",),
    "daylight": ("daylight",),
}
NOTHING = len(CONCEPTS)  # the dimension of a text with none of these words
DIMENSION = NOTHING + 1
CONCEPT_OF = {word: number for number, group in enumerate(CONCEPTS.values()) for word in group}

# What the language has beside the words of the corpus: never taken for a misspelling or for a foreign word.
ENGLISH = frozenset(
    """act alcohol answer article bad banana baby bed bell better blood book bought brain break bring brother buy call capital cause cheap child children
    class coffee cold common cost country cure daily daughter day die doctor dose drink driving drug eat effective enough evening face faster father feel find
    first fly friend hand happen happy hard head health heard heart help hope hopeless hour house hurt idea kid kill kind king knee laptop late law laughing
    leave left legal long love low man many match medication medicine meet might mild mix moment money month morning mother movie name natural night number
    office often old option order pain pancake park part permanent phone pill pills plane plants play price question rain read real recipe red research rest
    results risk risks river road safe school science second short simple slow small song start story student study stuff summer switch swim tablet teen tell
    tennis test tests theory third tired took tooth town travel treat tree trial true vitamin walk war water weather week weeks wife window winter woman wonder
    word world worry worth write wrong year years young bother pros cons difference last one another brief expensive gain latter weight meant general""".split()
)


def unlabelled(embed: Callable[[str], np.ndarray]) -> Callable[[str], np.ndarray]:
    """`embed` as the guard wants it, of a model without layers of its own."""
    embed.labels = lambda text: NO_LABELS
    return embed


@unlabelled
def vector(text: str) -> np.ndarray:
    """The unit vector of a text: counts of `CONCEPTS`, scaled."""
    counts = np.zeros(DIMENSION, dtype=np.float32)
    for word in words(text):
        if word in CONCEPT_OF:
            counts[CONCEPT_OF[word]] += 1
    if not counts.any():
        counts[NOTHING] = 1
    return counts / np.linalg.norm(counts)


class FakeEncoder:
    """An `Encoder` that remembers which texts it was asked to embed. `before` is called with each text first."""

    dimension = DIMENSION
    labels = 0

    def __init__(self, model_id: str = FAKE_ID, before: Callable[[str], None] = lambda text: None) -> None:
        self.model_id, self._before = model_id, before
        self.embedded: list[str] = []

    def encode(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> np.ndarray:
        result = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for row, text in enumerate(texts):
            self._before(text)
            self.embedded.append(text)
            result[row] = vector(text)
            if progress:
                progress(1)
        return result

    def encode_and_label(self, texts: Sequence[str], progress: Callable[[int], None] | None = None) -> tuple[np.ndarray, np.ndarray]:
        return self.encode(texts, progress), np.zeros((len(texts), self.labels), dtype=np.float32)

    def common_words(self) -> frozenset[str]:
        return ENGLISH | CONCEPT_OF.keys()


class BrokenEncoder(FakeEncoder):
    """An encoder that raises for every text that holds one of `words`; for every text when none are given."""

    def __init__(self, *broken: str) -> None:
        def fail(text: str) -> None:
            if not broken or any(word in text for word in broken):
                raise RuntimeError(f"the model broke on {text!r}")

        super().__init__(before=fail)


def export_fake(folder: Path) -> None:
    """Write the fake as an exported model (ONNX, tokenizer, description), so that the command line loads it like any other."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers

    vocabulary = {"": 0, **{word: number for number, word in enumerate(sorted({*CONCEPT_OF, *ENGLISH}), 1)}}
    table = np.zeros((len(vocabulary), DIMENSION), dtype=np.float32)
    for word, dimension in CONCEPT_OF.items():
        table[vocabulary[word], dimension] = 1
    nothing = np.zeros((1, DIMENSION), dtype=np.float32)
    nothing[0, NOTHING] = 1
    initial = {"table": table, "nothing": nothing, "first": np.array([1]), "last": np.array([1]), "zero": np.zeros((), np.float32)}
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["rows"]),
        helper.make_node("ReduceSum", ["rows", "first"], ["counts"], keepdims=0),
        helper.make_node("ReduceSum", ["counts", "last"], ["total"], keepdims=1),
        helper.make_node("Equal", ["total", "zero"], ["empty"]),
        helper.make_node("Cast", ["empty"], ["missing"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["missing", "nothing"], ["instead"]),
        helper.make_node("Add", ["counts", "instead"], ["filled"]),
        helper.make_node("LpNormalization", ["filled"], ["sentence_embedding"], axis=1, p=2),
    ]
    graph = helper.make_graph(
        nodes,
        "fake",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["batch", "length"])],
        [helper.make_tensor_value_info("sentence_embedding", TensorProto.FLOAT, ["batch", DIMENSION])],
        [numpy_helper.from_array(value, name) for name, value in initial.items()],
    )
    folder.mkdir(parents=True)
    path = folder / "model.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), str(path))
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=""))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase(), normalizers.Replace(Regex("['’]"), "")]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("[^a-z0-9]+"), "removed")
    tokenizer.save(str(folder / "tokenizer.json"))
    meta = {
        "model_id": FAKE_ID,
        "dimension": DIMENSION,
        "max_length": 256,
        "inputs": ["input_ids"],
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
    }
    (folder / "meta.json").write_text(json.dumps(meta), encoding="utf-8")


# --- corpora -------------------------------------------------------------------------------------------------------------


def copy_mini_corpus(target: Path) -> Path:
    """A copy of the mini corpus in which everything was checked today: a build refuses help lines that were not checked lately."""
    shutil.copytree(MINI_CORPUS, target)
    for path in target.rglob("*"):
        if path.suffix in (".yaml", ".md"):
            text = path.read_text(encoding="utf-8")
            path.write_text(text.replace(MINI_CORPUS_DATE, TODAY.isoformat()), encoding="utf-8")
    return target


def edit(path: Path, old: str, new: str) -> None:
    """Exchange `old`, which must occur exactly once, in a file."""
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def corpus_of(topics: Iterable[Topic] = (), passages: Iterable[Passage] = (), **more: object) -> Corpus:
    """A corpus made in code."""
    return Corpus(
        name="made in code",
        examples=(),
        topics={topic.id: topic for topic in topics},
        passages={passage.id: passage for passage in passages},
        **more,
    )


def edition_of(corpus: Corpus, encoder: FakeEncoder, **more: object) -> Edition:
    """The edition that a build of `corpus` with `encoder` would hold, without guard and calibration."""
    entries = entry_rows(corpus, encoder.model_id)
    sentences = sentence_rows(corpus, encoder.model_id)
    bounds: dict[str, tuple[int, int]] = {}
    for position, row in enumerate(sentences):
        bounds[row.passage_id] = (bounds.get(row.passage_id, (position, 0))[0], position + 1)
    values = {
        "id": "made-in-code",
        "built_at": "2026-01-31T00:00:00+00:00",
        "model_id": encoder.model_id,
        "dense": dense_index(encoder.encode([row.text for row in entries]), flat_rows=1000),
        "entries": tuple(entries),
        "sentences": encoder.encode([row.text for row in sentences]),
        "sentence_rows": bounds,
        "sentence_spans": tuple((row.start, row.end) for row in sentences),
        "guard": {},
        "calibration": {},
        **more,
    }
    return Edition(**values)


class Pause:
    """Called with each text; stops at the first one that holds `word` until `go` is set, after setting `reached`."""

    def __init__(self, word: str) -> None:
        self._word, self.reached, self.go = word, threading.Event(), threading.Event()

    def __call__(self, text: str) -> None:
        if self._word in text and not self.reached.is_set():
            self.reached.set()
            assert self.go.wait(10), "nobody let the paused build go on"
