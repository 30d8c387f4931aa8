"""Metrics against numbers worked out by hand, and against other implementations."""

from __future__ import annotations

import numpy as np
import pytest
from sacrebleu.metrics import BLEU, CHRF
from sklearn.metrics import brier_score_loss

from components.task_evaluator import aggregation, metrics, translation_scores


@pytest.mark.parametrize(
    ("first", "second", "distance"),
    [
        ([], [], 0),
        ([1, 2, 3], [1, 2, 3], 0),
        ([1, 2, 3], [2, 3, 4], 2),
        ([1, 2, 3], [], 3),
        ([], [7], 1),
        # kitten to sitting, as ever.
        (list(b"kitten"), list(b"sitting"), 3),
        ([1, 2, 3, 4], [4, 3, 2, 1], 4),
    ],
)
def test_edit_distance(first: list[int], second: list[int], distance: int) -> None:
    assert metrics.edit_distance(first, second) == distance
    assert metrics.edit_distance(second, first) == distance


def test_edit_distance_is_that_of_the_full_table() -> None:
    source = np.random.default_rng(0)
    for _ in range(30):
        first, second = (source.integers(0, 3, source.integers(0, 8)).tolist() for _ in range(2))
        assert metrics.edit_distance(first, second) == _full_table(first, second)


def _full_table(first: list[int], second: list[int]) -> int:
    if not first or not second:
        return len(first) + len(second)
    return min(
        _full_table(first[1:], second) + 1,
        _full_table(first, second[1:]) + 1,
        _full_table(first[1:], second[1:]) + (first[0] != second[0]),
    )


def test_target_scores_are_means_over_the_tokens() -> None:
    found = metrics.target_scores(np.array([-1.0, -3.0, -2.0]), np.array([True, False, True]))
    assert found == {"target_log_probability": -2.0, "token_accuracy": pytest.approx(2 / 3)}


def test_the_brier_score_of_the_modules_example() -> None:
    found = metrics.choice_scores([-1.0, -2.0], [1, 1], right=0)
    assert found["brier"] == pytest.approx(0.1446, abs=1e-4)
    assert found["accuracy"] == 1.0
    assert metrics.choice_scores([-1.0, -2.0], [1, 1], right=1)["accuracy"] == 0.0


def test_the_brier_score_is_scikit_learns() -> None:
    """Which has it for two classes, with the square of one of them: half of ours."""
    source = np.random.default_rng(1)
    logits = source.normal(size=(50, 2)) * 2
    rights = source.integers(0, 2, 50)
    ours = [
        metrics.choice_scores(row.tolist(), [1, 1], int(right))["brier"]
        for row, right in zip(logits, rights, strict=True)
    ]
    second = np.exp(logits[:, 1]) / np.exp(logits).sum(axis=1)
    assert np.mean(ours) == pytest.approx(2 * brier_score_loss(rights, second))


def test_equal_choices_have_the_brier_score_of_chance() -> None:
    assert metrics.choice_scores([-5.0] * 4, [1] * 4, right=2)["brier"] == pytest.approx(1 - 1 / 4)


def test_very_unlikely_choices_are_still_told_apart() -> None:
    found = metrics.choice_scores([-2000.0, -1000.0], [1, 1], right=1)
    assert found["brier"] == pytest.approx(0.0)


def test_a_long_choice_is_not_put_back_per_byte() -> None:
    found = metrics.choice_scores([-4.0, -6.0], [2, 6], right=1)
    assert (found["accuracy"], found["accuracy_per_byte"]) == (0.0, 1.0)


def test_the_interval_has_the_width_that_theory_has_for_a_share() -> None:
    values = [1.0] * 60 + [0.0] * 140
    low, high = metrics.interval(metrics.mean_of(values), 200, seed=0)
    half_width = 1.96 * np.sqrt(0.3 * 0.7 / 200)
    assert low == pytest.approx(0.3 - half_width, abs=0.01)
    assert high == pytest.approx(0.3 + half_width, abs=0.01)
    assert (low, high) == metrics.interval(metrics.mean_of(values), 200, seed=0)
    assert (low, high) != metrics.interval(metrics.mean_of(values), 200, seed=1)


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    source = np.random.default_rng(2)
    held = 0
    for seed in range(80):
        values = source.normal(5.0, 2.0, 60)
        low, high = metrics.interval(metrics.mean_of(values.tolist()), 60, seed)
        held += low <= 5.0 <= high
    assert 0.86 <= held / 80 < 1.0


def test_summaries_say_value_interval_and_chance() -> None:
    scores = [{"exact_match": float(index < 3), "token_edit_distance": float(index)} for index in range(4)]
    chances = [{"exact_match": 0.1 * (index + 1)} for index in range(4)]
    found = aggregation.summarize(scores, chances, {}, seed=0)
    assert found["exact_match"].value == 0.75
    assert found["exact_match"].chance == pytest.approx(0.25)
    assert found["exact_match"].sharp
    assert found["token_edit_distance"].value == 1.5
    assert found["token_edit_distance"].chance is None
    assert not found["token_edit_distance"].higher_is_better
    assert found["exact_match"].low < 0.75 < found["exact_match"].high


ANSWERS = ["Le chat est sur le tapis", "Ouvrir le fichier", "Fermer", "un deux trois quatre cinq six"]
TARGETS = ["Le chat est assis sur le tapis", "Ouvrir un fichier", "Fermer", "un deux trois quatre cinq sept"]


def test_corpus_bleu_is_sacrebleus_for_every_resample() -> None:
    estimate = translation_scores.corpus_bleu(ANSWERS, TARGETS, "13a")
    for weights in ([1, 1, 1, 1], [4, 0, 0, 0], [2, 0, 1, 1], [0, 0, 1, 3]):
        answers = [answer for answer, count in zip(ANSWERS, weights, strict=True) for _ in range(count)]
        targets = [target for target, count in zip(TARGETS, weights, strict=True) for _ in range(count)]
        expected = BLEU(tokenize="13a").corpus_score(answers, [targets]).score
        assert estimate(np.array(weights)) == pytest.approx(expected)


def test_chinese_is_compared_character_by_character() -> None:
    estimate = translation_scores.corpus_bleu(["打开一个文件夹"], ["打开一个新文件夹"], "zh")
    expected = BLEU(tokenize="zh").corpus_score(["打开一个文件夹"], [["打开一个新文件夹"]]).score
    assert estimate(np.array([1])) == pytest.approx(expected)
    assert 0 < expected < 100


def test_chrf_is_sacrebleus() -> None:
    assert translation_scores.chrf("Fermer", "Fermer") == pytest.approx(100.0)
    expected = CHRF().sentence_score("Ouvrir le fichier", ["Ouvrir un fichier"]).score
    assert translation_scores.chrf("Ouvrir le fichier", "Ouvrir un fichier") == pytest.approx(expected)
