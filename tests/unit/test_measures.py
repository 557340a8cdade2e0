"""Accuracy and its kin."""

from __future__ import annotations

import math

import numpy as np
import pytest

from training import measures


def test_the_running_means_are_those_of_all_batches_together() -> None:
    running = measures.RunningMeasures()
    running.add(np.array([[0.7, 0.2, 0.1], [0.1, 0.6, 0.3]]), np.array([0, 2]))
    running.add(np.array([[0.2, 0.3, 0.5]]), np.array([2]))
    values = running.values()
    assert list(values) == ["accuracy", "cross-entropy", "top_k_accuracy_5"]
    assert values["accuracy"] == pytest.approx(2 / 3)
    assert values["cross-entropy"] == pytest.approx(-(math.log(0.7) + math.log(0.3) + math.log(0.5)) / 3)


def test_top_five_counts_ranks_and_works_with_three_classes() -> None:
    few, many = measures.RunningMeasures(), measures.RunningMeasures()
    few.add(np.array([[0.7, 0.2, 0.1]]), np.array([2]))
    ten = np.arange(10, 0, -1)[np.newaxis] / 55.0
    many.add(np.repeat(ten, 2, axis=0), np.array([4, 5]))
    assert few.values()["top_k_accuracy_5"] == 1.0
    assert many.values()["top_k_accuracy_5"] == 0.5


def test_a_diverged_network_shows_as_nan() -> None:
    running = measures.RunningMeasures()
    running.add(np.array([[np.nan, np.nan]]), np.array([0]))
    assert math.isnan(running.values()["cross-entropy"])


def test_the_confusion_matrix_has_the_truth_in_rows() -> None:
    matrix = measures.confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]


def test_precision_recall_and_f1_are_means_over_the_classes_that_occur() -> None:
    summary = measures.summarise(np.array([[3, 1, 0], [2, 2, 0], [0, 0, 0]]))
    assert summary["accuracy"] == pytest.approx(5 / 8)
    assert summary["precision"] == pytest.approx((3 / 5 + 2 / 3) / 2)
    assert summary["recall"] == pytest.approx((3 / 4 + 2 / 4) / 2)
    assert summary["f1"] == pytest.approx((2 / 3 + 4 / 7) / 2)


def test_a_metric_has_the_17_decimals_that_the_platform_keeps() -> None:
    assert len(repr(1 / 27).partition(".")[2]) == 18
    summary = measures.summarise(np.array([[1, 26], [0, 0]]))
    assert len(repr(summary["accuracy"]).partition(".")[2]) == 17
    assert summary["accuracy"] == pytest.approx(1 / 27)


def test_a_class_that_is_never_predicted_has_precision_zero() -> None:
    assert measures.summarise(np.array([[2, 0], [2, 0]]))["precision"] == pytest.approx(0.25)
