"""What is fitted at build: the guard's classifier and thresholds, and the confidence of retrieval. Imports scikit-learn, so only builds use it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntqa.guard import THRESHOLDS, combine, split_message
from ntqa.guard_features import BUCKETS, dense_features, ngrams
from ntqa.lexicon import Lexicon
from ntqa.schema import OUTCOMES, REFUSALS, GuardExample

Embed = Callable[[str], NDArray[np.float32]]
Arrays = dict[str, NDArray[Any]]

FOLDS = 4
REGULARISATION = 3.0  # scikit-learn's C; the cross-validated log loss is flat from 1 to 10
SEED = 7
# Share of harmless messages that may get each kind of needless reply: what the thresholds spend, on the guard's own data. The bars in
# the safety goals are for whole messages of readers; these are a little lower, because training data are harder than readers.
FULL_CARD_BUDGET = 0.010  # crisis and emergency cards, each half
STRIP_BUDGET = 0.040
REFUSAL_BUDGET = 0.03
FLOOR = {"card": 0.25, "strip": 0.06, "refusal": 0.25}  # no threshold below these, however clean the data look


@dataclass(frozen=True, slots=True)
class _Sample:
    texts: tuple[str, ...]  # the message (or, with history, previous turn + message), then its sentences
    outcome: int


def training_texts(examples: Sequence[GuardExample]) -> list[str]:
    """Every text whose vector the training needs, without repetition."""
    return list(dict.fromkeys(text for example in examples for text in _sample(example).texts))


def _sample(example: GuardExample) -> _Sample:
    message = f"{example.history[-1]} {example.text}" if example.history else example.text
    return _Sample((message, *split_message(example.text)), OUTCOMES.index(example.outcome))


def train_guard(examples: Sequence[GuardExample], embed: Embed, lexicon: Lexicon) -> Arrays:
    """Weights and thresholds of the guard, as plain arrays; empty when there are no examples.

    A multinomial logistic regression over embedding, hashed n-grams and named features; thresholds from its cross-validated
    probabilities: as low as the budgets for needless cards, strips and refusals allow.
    """
    if len({example.outcome for example in examples}) < 2:
        return {}
    from sklearn.model_selection import StratifiedKFold

    samples = [_sample(example) for example in examples]
    owners = np.array([index for index, sample in enumerate(samples) for _ in sample.texts])
    texts = [text for sample in samples for text in sample.texts]
    features = _matrix(texts, embed, lexicon)
    labels = np.array([sample.outcome for sample in samples])
    first = np.array([index == 0 or owners[index] != owners[index - 1] for index in range(len(owners))])
    held_out = np.zeros((len(texts), len(OUTCOMES)), dtype=np.float32)
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=SEED)
    for train, test in folds.split(labels[:, None], labels):
        model = _fit(features[np.flatnonzero(first & np.isin(owners, train))], labels[train])
        rows = np.flatnonzero(np.isin(owners, test))
        held_out[np.ix_(rows, model.classes_)] = model.predict_proba(features[rows])
    scores = []
    for index in range(len(samples)):
        rows = np.flatnonzero(owners == index)
        scores.append(combine(OUTCOMES, held_out[rows[0]], list(held_out[rows[1:]]), []))
    model = _fit(features[np.flatnonzero(first)], labels)
    weights: Arrays = _weights(model, features.shape[1] - BUCKETS)
    weights.update({f"threshold_{name}": np.array(value) for name, value in choose_thresholds(scores, labels).items()})
    return weights


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


def _fit(features: Any, labels: NDArray[np.int64]) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=REGULARISATION, max_iter=300, tol=1e-3).fit(features, labels)


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
    aside = [max(score["smalltalk"], score["out_of_scope"]) for score in general]
    chosen = {}
    for outcome in ("emergency", "crisis"):
        values = [score[outcome] for score in harmless]
        chosen[f"{outcome}_card"] = _within(values, FULL_CARD_BUDGET / 2, FLOOR["card"])
        chosen[f"{outcome}_strip"] = min(_within(values, STRIP_BUDGET / 2, FLOOR["strip"]), chosen[f"{outcome}_card"])
    chosen["refusal"] = _within([score["refusal"] for score in general], REFUSAL_BUDGET, FLOOR["refusal"])
    chosen["aside"] = _within(aside, 0.01, 0.5)
    assert set(chosen) == set(THRESHOLDS) and REFUSALS
    return chosen


def _within(values: Sequence[float], budget: float, floor: float) -> float:
    """The lowest threshold that at most `budget` of `values` reach."""
    if not values:
        return max(floor, 0.5)
    ordered = np.sort(np.array(values))[::-1]
    allowed = int(budget * len(ordered))
    return float(max(floor, np.nextafter(ordered[min(allowed, len(ordered) - 1)], 1.0)))


# --- confidence ----------------------------------------------------------------------------------------------------------


def fit_confidence(features: NDArray[np.float64], answered: NDArray[np.bool_], covered: NDArray[np.bool_]) -> Arrays:
    """Logistic weights for "the first hit answers", and the cut-off below which nothing is quoted.

    `features`: (questions, features); `answered`: the first hit was right; `covered`: the corpus has an answer. The weights come from an
    L2-regularised logistic regression fitted by Newton's method (Hastie et al., Elements of Statistical Learning, 4.4.1), written
    out here because importing scikit-learn for nine numbers would take a third of the time in which an edit has to be live.
    """
    target = answered.astype(float)
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    design = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    penalty = np.full(design.shape[1], 1.0)
    penalty[-1] = 0.0
    beta = np.zeros(design.shape[1])
    for _ in range(50):
        probability = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
        gradient = design.T @ (target - probability) - penalty * beta
        hessian = (design * (probability * (1 - probability))[:, None]).T @ design + np.diag(penalty) + 1e-9 * np.eye(len(beta))
        step = np.linalg.solve(hessian, gradient)
        beta += step
        if np.abs(step).max() < 1e-8:
            break
    probability = 1 / (1 + np.exp(-np.clip(design @ beta, -30, 30)))
    weights = beta[:-1] / scale
    return {
        "weights": weights,
        "bias": np.array(beta[-1] - float(weights @ mean)),
        "cut_off": np.array(_cut_off(probability, covered)),
    }


ANSWERED_NOT_COVERED = 1.0  # cost of quoting something for a question that the corpus does not cover
MISSED_COVERED = 1.3  # cost of quoting nothing for one that it does: the nearest titles are still offered


def _cut_off(probability: NDArray[np.float64], covered: NDArray[np.bool_]) -> float:
    """The probability at which the two rates of error, weighed by their costs, are least."""
    candidates = np.unique(np.concatenate([[0.0], probability]))
    wrong = np.array([(probability[~covered] >= value).mean() if (~covered).any() else 0.0 for value in candidates])
    missed = np.array([(probability[covered] < value).mean() if covered.any() else 0.0 for value in candidates])
    cost = ANSWERED_NOT_COVERED * wrong + MISSED_COVERED * missed
    best = np.flatnonzero(cost <= cost.min() + 1e-12)
    low = best[len(best) // 2]
    return float((candidates[low] + candidates[max(low - 1, 0)]) / 2)
