from __future__ import annotations

import math

import numpy as np
import pytest

from ntqa.calibration import fit_confidence
from ntqa.retrieval import confidence

QUESTIONS = np.zeros((40, 3), dtype=np.float32)
COVERED = np.array([True] * 20 + [False] * 20)


def confident(calibration: dict, features: np.ndarray, question: np.ndarray) -> np.ndarray:
    return np.array([confidence(row, vector, calibration) for row, vector in zip(features, question, strict=True)])


def test_features_that_tell_covered_from_not_are_learnt():
    features = np.column_stack([np.where(COVERED, 0.9, 0.2), np.full(40, 0.5)])
    calibration = fit_confidence(features, QUESTIONS, COVERED)
    found = confident(calibration, features, QUESTIONS)
    assert calibration["weights"][0] > 0
    assert found[:20].min() > 0.7 > 0.3 > found[20:].max()
    assert 0.1 < float(calibration["cut_off"]) < 0.95


def test_features_that_say_nothing_leave_the_base_rate():
    covered = np.array([True] * 30 + [False] * 10)
    calibration = fit_confidence(np.full((40, 2), 0.5), QUESTIONS, covered)
    assert confident(calibration, np.full((40, 2), 0.5), QUESTIONS).tolist() == pytest.approx([0.75] * 40, abs=1e-3)


def test_two_features_can_matter_only_together():
    first, second = np.tile([0.0, 1.0], 20), np.tile([0.0, 0.0, 1.0, 1.0], 10)
    covered = first == second
    features = np.column_stack([first, second])
    found = confident(fit_confidence(features, QUESTIONS, covered), features, QUESTIONS)
    assert found[covered].min() > 0.7 > 0.3 > found[~covered].max()


def test_what_is_asked_about_counts_beside_the_features():
    questions = np.zeros((40, 3), dtype=np.float32)
    questions[:20, 0] = questions[20:, 1] = 1
    features = np.full((40, 2), 0.5)
    calibration = fit_confidence(features, questions, COVERED)
    assert calibration["question"][0] > 0 > calibration["question"][1]
    assert calibration["question"][2] == pytest.approx(0.0)
    found = confident(calibration, features, questions)
    assert found[:20].min() > 0.8 > 0.2 > found[20:].max()


def test_the_scale_of_a_feature_does_not_matter():
    features = np.column_stack([np.where(COVERED, 0.9, 0.2) + np.linspace(0, 0.1, 40), np.linspace(0, 1, 40)])
    first = fit_confidence(features, QUESTIONS, COVERED)
    scaled = fit_confidence(features * [1000, 1], QUESTIONS, COVERED)
    assert confident(first, features, QUESTIONS).tolist() == pytest.approx(
        confident(scaled, features * [1000, 1], QUESTIONS).tolist(), abs=1e-4
    )


@pytest.mark.parametrize("covered", [np.ones(40, dtype=bool), np.zeros(40, dtype=bool)])
def test_questions_of_one_kind_do_not_break_it(covered: np.ndarray):
    features = np.column_stack([np.linspace(0, 1, 40), np.linspace(1, 0, 40)])
    calibration = fit_confidence(features, QUESTIONS, covered)
    assert all(np.isfinite(value).all() for value in calibration.values())
    found = confident(calibration, features, QUESTIONS)
    assert (found > 0.9).all() if covered.all() else (found < 0.1).all()


def test_the_cut_off_separates_clean_data():
    # With one telling feature the held-out probabilities are high for all covered and low for all others: no error on either side
    features = np.where(COVERED, 5.0, -5.0)[:, None] + np.linspace(-1, 1, 40)[:, None]
    calibration = fit_confidence(features, QUESTIONS, COVERED)
    found = confident(calibration, features, QUESTIONS)
    assert found[20:].max() < float(calibration["cut_off"]) < found[:20].min()


def test_only_fresh_questions_set_the_cut_off():
    # What the adapter has seen looks easy: seen questions that are not covered lie far off, fresh ones right below the covered.
    seen = np.arange(40) >= 30
    features = np.select([COVERED, seen], [5.0, -50.0], 3.0)[:, None] + np.linspace(-1, 1, 40)[:, None]
    all_count, fresh_count = (fit_confidence(features, QUESTIONS, COVERED, fresh) for fresh in (None, ~seen))
    assert all(np.array_equal(all_count[name], fresh_count[name]) for name in all_count if name != "cut_off")
    only_seen = fit_confidence(features, QUESTIONS, COVERED, COVERED | seen)
    assert float(only_seen["cut_off"]) < float(fresh_count["cut_off"])


def test_fitting_is_the_same_each_time():
    features = np.column_stack([np.linspace(0, 1, 40), np.sin(np.arange(40))])
    first, second = fit_confidence(features, QUESTIONS, COVERED), fit_confidence(features, QUESTIONS, COVERED)
    assert all(np.array_equal(first[name], second[name]) for name in first)
    assert math.isfinite(float(first["bias"]))
