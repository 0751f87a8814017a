"""The guard's classifier and thresholds, fitted at build. Imports scikit-learn, so only builds use it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntqa.adapter import text_hash
from ntqa.guard import EVIDENCE, THRESHOLDS, WEIGHED, Embed, combine, evidence
from ntqa.guard_features import BUCKETS, dense_features, example_table, nearness, ngrams
from ntqa.lexicon import Lexicon
from ntqa.samples import Sample, message_of, sample_of, variants
from ntqa.schema import OUTCOMES, REFUSALS, GuardExample

Arrays = dict[str, NDArray[Any]]

HELP = ("crisis", "emergency")
FOLDS = 4
REGULARISATION = 3.0  # scikit-learn's C; the cross-validated log loss is flat from 1 to 10
FIT_JOBS = 2  # processes
MANY = 5_000  # samples; with fewer, starting processes takes longer than fitting
ENOUGH = 40  # examples of each outcome for choosing thresholds
# Share of harmless messages that may get each kind of needless reply: what the thresholds spend, on the guard's own data. The bars in
# the safety goals are for readers' messages; the guard's own harmless examples were written to look dangerous, so more of them may get one.
CARD_BUDGETS = {"emergency": 0.004, "crisis": 0.027}  # a crisis that is missed weighs more than a needless card
STRIP_BUDGETS = {"emergency": 0.012, "crisis": 0.08}  # nearly every emergency is found by its card
REFUSAL_BUDGET = 0.0145
SMALLTALK_BUDGET = 0.003
FLOOR = {"card": 0.25, "strip": 0.06, "refusal": 0.25}  # no threshold below these, however clean the data look
CURATED_WEIGHT = 0.3  # of a curated question, all of which are general, beside a hand-written example


def train_guard(
    examples: Sequence[GuardExample],
    curated: Sequence[str],
    embed: Embed,
    lexicon: Lexicon,
    seen: frozenset[int] = frozenset(),
    easy: Sequence[GuardExample] = (),
) -> Arrays:
    """Weights and thresholds of the guard, as plain arrays; empty when there are no examples.

    A multinomial logistic regression over embedding, hashed n-grams and named features, trained on the examples, on `curated` questions
    (all general) and on messages composed of two examples. Thresholds come from its cross-validated probabilities on the examples: as
    low as the budgets for needless cards, strips and refusals allow. `seen`: hashes of the examples that the adapter of the embedding
    was fitted on; they look easier than readers' messages will be, so thresholds are chosen on the others where these are enough.
    `easy`: more examples, which teach like the others, but which no threshold is chosen on: the budgets are for those written to look
    dangerous. How much the model's own layers for the guard are to be believed is fitted on those others too.
    """
    if len({example.outcome for example in examples}) < 2:
        return {}
    hard, examples = len(examples), (*examples, *easy)
    general = OUTCOMES.index("general")
    judged = [sample_of(example) for example in examples]
    extra = [*variants(examples), *(Sample((text,), general, CURATED_WEIGHT) for text in dict.fromkeys(curated))]
    samples = [*judged, *extra]
    features = _matrix([text for sample in samples for text in sample.texts], embed, lexicon)
    starts = np.cumsum([0, *(len(sample.texts) for sample in samples)])
    labels = np.array([sample.outcome for sample in samples])
    weights = np.array([sample.weight for sample in samples])
    vectors = [np.stack([embed(text) for text in sample.texts]) for sample in judged]
    wholes, outcomes = np.stack([rows[0] for rows in vectors]), labels[: len(judged)]

    folds = _folds(samples, len(judged))
    whole, *models = _fit_all(features[starts[:-1]], labels, weights, [np.arange(len(samples)), *(train for train, _ in folds)])
    held_out: list[NDArray[np.float32]] = [np.zeros(0, dtype=np.float32)] * len(judged)
    for (train, test), model in zip(folds, models, strict=True):
        among = train[train < len(judged)]
        table = example_table(wholes[among], labels[among], len(OUTCOMES))
        texts = np.concatenate([np.arange(starts[index], starts[index + 1]) for index in test])
        signs = np.zeros((len(texts), 2, len(OUTCOMES)), dtype=np.float32)
        signs[:, 0, model.classes_] = model.predict_proba(features[texts])
        signs[:, 1] = nearness(table, np.concatenate([vectors[index] for index in test]))
        ends = np.cumsum([len(vectors[index]) for index in test])
        for index, own in zip(test, np.split(signs, ends[:-1]), strict=True):
            held_out[index] = own

    result: Arrays = {**_weights(whole, features.shape[1] - BUCKETS), **example_table(wholes, outcomes, len(OUTCOMES))}
    rows = _fresh([text_hash(message_of(example)) in seen for example in examples], outcomes)
    fresh, named = [_with_labels(held_out[row], judged[row], embed) for row in rows], outcomes[rows]
    result.update(_second_stage(fresh, named))
    scores = [combine(result, found[0], list(found[1:]), []) for found, row in zip(fresh, rows, strict=True) if row < hard]
    result.update({f"threshold_{name}": np.array(value) for name, value in choose_thresholds(scores, named[rows < hard]).items()})
    return result


def _folds(samples: Sequence[Sample], count: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """For each fold the positions of what is trained on and of the examples held out, which are the first `count` samples; nothing made of
    these is trained on.

    An example stays in its fold whatever else is added or taken away, so that a small edit moves the thresholds little. Which fold it is
    has nothing to do with whether the adapter has seen it.
    """
    fold = np.array([text_hash(f"fold {sample.texts[0]}") % FOLDS for sample in samples[:count]])
    folds = []
    for number in range(FOLDS):
        out = set(np.flatnonzero(fold == number).tolist())
        train = [index for index in range(len(samples)) if index not in out and not out & set(samples[index].parents)]
        folds.append((np.array(train), np.array(sorted(out), dtype=np.int64)))
    return [(train, test) for train, test in folds if len(test)]


def _fresh(seen: Sequence[bool], outcomes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the examples that were not seen; of all when some outcome would be left with too few."""
    rows = np.flatnonzero(~np.array(seen))
    enough = all((outcomes[rows] == outcome).sum() >= ENOUGH for outcome in np.unique(outcomes))
    return rows if enough else np.arange(len(outcomes))


def _with_labels(signs: NDArray[np.float32], sample: Sample, embed: Embed) -> NDArray[np.float32]:
    """The signs (texts, 2, outcomes) of a sample with a third: what the model's own layers make of each text."""
    labels = np.stack([embed.labels(text) for text in sample.texts])
    return np.concatenate([signs, labels[:, None]], axis=1)


def _second_stage(held_out: Sequence[NDArray[np.float32]], labels: NDArray[np.int64]) -> Arrays:
    """How much each part of the evidence counts, fitted on held-out signs."""
    from sklearn.linear_model import LogisticRegression

    found = [evidence(OUTCOMES, item[0], list(item[1:])) for item in held_out]
    names = np.array([OUTCOMES[label] for label in labels])
    fitted = {}
    for name in WEIGHED:
        target = np.isin(names, REFUSALS) if name == "refusal" else names == name
        # What has a more serious outcome is no counter-example: it never comes to this decision.
        counted = ~np.isin(names, HELP) if name == "refusal" else target | ~np.isin(names, HELP)
        features = np.stack([item[name] for item in found])[counted]
        if target.any() and not target[counted].all():
            mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
            model = LogisticRegression(C=1.0, class_weight="balanced").fit((features - mean) / scale, target[counted])
            weights = model.coef_[0] / scale
            fitted[f"second_{name}"] = np.array([*weights, model.intercept_[0] - weights @ mean])
        else:  # an outcome without examples is never chosen
            fitted[f"second_{name}"] = np.array([*np.zeros(len(EVIDENCE)), -30.0])
    return fitted


def _matrix(texts: Sequence[str], embed: Embed, lexicon: Lexicon) -> Any:
    from scipy.sparse import csr_matrix, hstack

    dense = np.stack([dense_features(embed(text), text, lexicon) for text in texts])
    pointer, columns, values = [0], [], []
    for text in texts:
        buckets, weights = ngrams(text)
        columns.append(buckets)
        values.append(weights)
        pointer.append(pointer[-1] + len(buckets))
    sparse = csr_matrix((np.concatenate(values), np.concatenate(columns), pointer), shape=(len(texts), BUCKETS))
    return hstack([csr_matrix(dense), sparse], format="csr", dtype=np.float32)


def _fit_all(features: Any, labels: NDArray[np.int64], weights: NDArray[np.float64], subsets: Sequence[NDArray[np.int64]]) -> list[Any]:
    """A model for each of the `subsets` of the rows, several at a time where there is enough to do."""
    from joblib import Parallel, delayed

    jobs = FIT_JOBS if features.shape[0] > MANY else 1
    return list(Parallel(n_jobs=jobs)(delayed(_fit)(features[rows], labels[rows], weights[rows]) for rows in subsets))


def _fit(features: Any, labels: NDArray[np.int64], weights: NDArray[np.float64]) -> Any:
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):  # for small problems several BLAS threads only get in each other's way
        return LogisticRegression(C=REGULARISATION, max_iter=300, tol=1e-3).fit(features, labels, sample_weight=weights)


def _weights(model: Any, dense_size: int) -> Arrays:
    coefficients = np.zeros((len(OUTCOMES), model.coef_.shape[1]), dtype=np.float32)
    bias = np.full(len(OUTCOMES), -30.0, dtype=np.float32)  # an outcome without examples is never chosen
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two classes
        coefficients[model.classes_[1]] = model.coef_[0]
        bias[model.classes_] = (0.0, model.intercept_[0])
    else:
        coefficients[model.classes_] = model.coef_
        bias[model.classes_] = model.intercept_
    return {
        "outcomes": np.array(OUTCOMES, dtype="U24"),
        "dense": coefficients[:, :dense_size],
        "ngrams": np.ascontiguousarray(coefficients[:, dense_size:].T),
        "bias": bias,
    }


def choose_thresholds(scores: Sequence[dict[str, float]], labels: NDArray[np.int64]) -> dict[str, float]:
    """The lowest thresholds whose needless cards, strips and refusals stay within the budgets."""
    names = [OUTCOMES[label] for label in labels]
    harmless = [score for score, name in zip(scores, names, strict=True) if name not in ("crisis", "emergency")]
    general = [score for score, name in zip(scores, names, strict=True) if name == "general"]
    chosen = {}
    for outcome, budget in CARD_BUDGETS.items():
        values = [score[outcome] for score in harmless]
        chosen[f"{outcome}_card"] = _within(values, budget, FLOOR["card"])
        chosen[f"{outcome}_strip"] = min(_within(values, STRIP_BUDGETS[outcome], FLOOR["strip"]), chosen[f"{outcome}_card"])
    chosen["refusal"] = _within([score["refusal"] for score in general], REFUSAL_BUDGET, FLOOR["refusal"])
    chosen["smalltalk"] = _within([score["smalltalk"] for score in general], SMALLTALK_BUDGET, 0.5)
    assert set(chosen) == set(THRESHOLDS) and REFUSALS
    return chosen


def _within(values: Sequence[float], budget: float, floor: float) -> float:
    """The lowest threshold that at most `budget` of `values` reach."""
    if not values:
        return max(floor, 0.5)
    ordered = np.sort(np.array(values))[::-1]
    allowed = int(budget * len(ordered))
    return float(max(floor, np.nextafter(ordered[min(allowed, len(ordered) - 1)], 1.0)))
