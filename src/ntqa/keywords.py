"""BM25 keyword search over short documents, held in memory.

Own code instead of a package because importing one costs more start-up time (0.35 s for bm25s, which loads SciPy) than
building this index does, and `ntqa ask` has to answer in little more than a second.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class KeywordIndex:
    """Okapi BM25 with the idf of Lucene, ln(1 + (N - n + 0.5) / (n + 0.5)) (Robertson and Zaragoza 2009, section 3)."""

    def __init__(self, documents: Sequence[Sequence[str]], k1: float = 1.2, b: float = 0.75) -> None:
        """`documents` are lists of terms; `k1` sets how fast repetition saturates, `b` how much length counts."""
        count = len(documents)
        lengths = np.array([len(document) for document in documents], dtype=np.float32)
        mean = float(lengths.mean()) if count and lengths.any() else 1.0
        norm = k1 * (1 - b + b * lengths / mean)
        postings: dict[str, tuple[list[int], list[int]]] = {}
        for position, document in enumerate(documents):
            for term, frequency in Counter(document).items():
                rows, frequencies = postings.setdefault(term, ([], []))
                rows.append(position)
                frequencies.append(frequency)
        self.size = count
        self._idf: dict[str, float] = {}
        self._postings: dict[str, tuple[NDArray[np.int32], NDArray[np.float32]]] = {}
        for term, (rows, frequencies) in postings.items():
            idf = math.log(1 + (count - len(rows) + 0.5) / (len(rows) + 0.5))
            at = np.array(rows, dtype=np.int32)
            tf = np.array(frequencies, dtype=np.float32)
            self._idf[term] = idf
            self._postings[term] = (at, (idf * tf * (k1 + 1) / (tf + norm[at])).astype(np.float32))

    def __contains__(self, term: str) -> bool:
        return term in self._postings

    def idf(self, term: str) -> float:
        """How telling a term is; a term in no document counts like one in half a document."""
        return self._idf.get(term, math.log(1 + (self.size + 0.5) / 0.5))

    def scores(self, query: Sequence[str]) -> NDArray[np.float32]:
        """BM25 score of every document, shape (documents,); repeated query terms count once."""
        result = np.zeros(self.size, dtype=np.float32)
        for term in set(query):
            posting = self._postings.get(term)
            if posting is not None:
                result[posting[0]] += posting[1]
        return result
