"""Confidence: how sure retrieval may be that the corpus covers a question, fitted at build on labelled questions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

SEED = 7
QUESTION_SCALE = 8.0  # of the question's embedding beside the standardised features
CONFIDENCE_PENALTY = 10.0  # L2; with the scale above the best of a grid by cross-validation, which is flat around it


def fit_confidence(
    features: NDArray[np.float64], questions: NDArray[np.float32], covered: NDArray[np.bool_], fresh: NDArray[np.bool_] | None = None
) -> Arrays:
    """Logistic weights for "the corpus covers this question", and the cut-off below which nothing is quoted.

    `features`: (questions, features) of the search, which count alone and in pairs (an unknown word matters more where no substance is
    named); `questions`: their unit vectors, from which the model learns which matters (prices, brands, other fields) a corpus like this
    never covers; `covered`: the labels; `fresh`: which questions the adapter was not fitted on (all, if left out). The cut-off comes from cross-validated
    probabilities of these. Fitted by Newton's method (Hastie et al.,
    Elements of Statistical Learning, 4.4.1), written out here because importing scikit-learn would take a third of the time in which an
    edit has to be live.
    """
    centre, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    standard = (features - centre) / scale
    count = standard.shape[1]
    first, second = np.triu_indices(count)
    pairs = standard[:, first] * standard[:, second]
    pair_centre, pair_scale = pairs.mean(axis=0), pairs.std(axis=0) + 1e-6
    design = np.column_stack([standard, (pairs - pair_centre) / pair_scale, questions * QUESTION_SCALE, np.ones(len(features))])
    target = covered.astype(float)
    folds = np.random.default_rng(SEED).permutation(len(target)) % 5
    held_out = np.zeros(len(target))
    for fold in range(5):
        held_out[folds == fold] = _probability(design[folds == fold], _newton(design[folds != fold], target[folds != fold]))
    beta = _newton(design, target)
    judged = np.ones_like(covered) if fresh is None else fresh
    of_pairs = beta[count : count + len(first)] / pair_scale
    square = np.zeros((count, count))
    square[first, second] = of_pairs
    return {
        "centre": centre,
        "scale": scale,
        "weights": beta[:count],
        "pairs": square,
        "question": beta[count + len(first) : -1] * QUESTION_SCALE,
        "bias": np.array(beta[-1] - float(of_pairs @ pair_centre)),
        "cut_off": np.array(_cut_off(held_out[judged], covered[judged])),
    }


def _newton(design: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coefficients of an L2-regularised logistic regression; the last column, the intercept, is not penalised."""
    penalty = np.full(design.shape[1], CONFIDENCE_PENALTY)
    penalty[-1] = 1e-6
    beta = np.zeros(design.shape[1])
    for _ in range(25):
        probability = _probability(design, beta)
        gradient = design.T @ (target - probability) - penalty * beta
        hessian = (design * (probability * (1 - probability))[:, None]).T @ design + np.diag(penalty)
        step = np.linalg.solve(hessian, gradient)
        beta += step
        if np.abs(step).max() < 1e-6:
            break
    return beta


def _probability(design: NDArray[np.float64], beta: NDArray[np.float64]) -> NDArray[np.float64]:
    return _logistic(design @ beta)


def _logistic(values: Any) -> NDArray[np.float64]:
    result: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(values, -30, 30)))
    return result


ANSWERED_NOT_COVERED = 1.0  # cost of quoting something for a question that the corpus does not cover
MISSED_COVERED = 1.75  # cost of quoting nothing for one that it does: the nearest titles are still offered
BLUR = 0.5  # of the log-odds, so that a dozen questions more or less do not move the cut-off


def _cut_off(probability: NDArray[np.float64], covered: NDArray[np.bool_]) -> float:
    """The probability at which the two rates of error, weighed by their costs and blurred by a logistic kernel, are least."""
    bounded = np.clip(probability, 1e-4, 1 - 1e-4)
    odds = np.log(bounded / (1 - bounded))
    candidates = np.linspace(odds.min() - BLUR, odds.max() + BLUR, 500)

    def reached(values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Share of `values` that each candidate lets through."""
        if not len(values):
            return np.zeros(len(candidates))
        return _logistic((values[:, None] - candidates) / BLUR).mean(axis=0)

    cost = ANSWERED_NOT_COVERED * reached(odds[~covered]) + MISSED_COVERED * (1 - reached(odds[covered])) * covered.any()
    return float(_logistic(candidates[np.argmin(cost)]))
