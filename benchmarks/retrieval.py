"""nDCG@10 of `ntqa ask --retrieve 10` on a collection in BEIR's form, beside plain dense search with the same model."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import RR, Success, nDCG

MEASURES = [nDCG @ 10, Success @ 1, RR @ 10]


def main(folder: Path) -> None:
    queries = [json.loads(line) for line in (folder / "queries.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = [line.split("\t") for line in (folder / "qrels.tsv").read_text(encoding="utf-8").splitlines()[1:]]
    qrels = [ir_measures.Qrel(query, passage, int(grade)) for query, passage, grade in rows]
    passages = [json.loads(line) for line in (folder / "corpus.jsonl").read_text(encoding="utf-8").splitlines()]
    report("ntqa", ours(folder, queries), qrels)
    report("dense (sentence-transformers)", dense(passages, queries), qrels)


def report(name: str, run: list[ir_measures.ScoredDoc], qrels: list[ir_measures.Qrel]) -> None:
    values = ir_measures.calc_aggregate(MEASURES, qrels, run)
    print(f"{name:32s} " + "  ".join(f"{measure} {values[measure]:.4f}" for measure in MEASURES), flush=True)


def ours(folder: Path, queries: list[dict[str, str]]) -> list[ir_measures.ScoredDoc]:
    with tempfile.TemporaryDirectory() as temporary:
        corpus, index = Path(temporary) / "corpus", Path(temporary) / "index"
        corpus.mkdir()
        (corpus / "passages.jsonl").write_bytes((folder / "corpus.jsonl").read_bytes())
        command = [sys.executable, "-m", "ntqa"]
        where = ["--corpus", str(corpus), "--index", str(index)]
        started = time.perf_counter()
        subprocess.run([*command, "build", *where], check=True)
        print(f"built in {time.perf_counter() - started:.0f} s", flush=True)
        lines = "".join(json.dumps({"id": query["id"], "messages": [query["text"]]}) + "\n" for query in queries)
        started = time.perf_counter()
        done = subprocess.run(
            [*command, "ask", *where, "--retrieve", "10", "--jsonl", "-"], input=lines, text=True, capture_output=True, check=True
        )
        print(f"{len(queries)} queries in {time.perf_counter() - started:.1f} s, start included", flush=True)
        records = [json.loads(line) for line in done.stdout.splitlines()]
    return [ir_measures.ScoredDoc(record["id"], hit["passage"], hit["score"]) for record in records for hit in record["hits"]]


def dense(passages: list[dict[str, str]], queries: list[dict[str, str]]) -> list[ir_measures.ScoredDoc]:
    from sentence_transformers import SentenceTransformer

    from ntqa.embedding import packaged_model

    model = SentenceTransformer(str(packaged_model()), device="cpu")
    content = model.encode([f"{item['title']}. {item['text']}" for item in passages], normalize_embeddings=True)
    asked = model.encode([query["text"] for query in queries], normalize_embeddings=True)
    found = []
    for query, scores in zip(queries, asked @ content.T, strict=True):
        best = np.argsort(-scores)[:10]
        found += [ir_measures.ScoredDoc(query["id"], passages[index]["id"], float(scores[index])) for index in best]
    return found


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__ + "\nusage: python benchmarks/retrieval.py DIR")
    main(Path(sys.argv[1]))
