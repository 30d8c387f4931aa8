from __future__ import annotations

import numpy as np
import pytest

from components.emergence_report import power_law, prediction, task_curve
from components.rung_recorder.record import RungRecord, TaskScores


def _law(x: float) -> float:
    return 1.0 + 8.0 / x**0.5


def test_the_worked_example_of_the_power_law() -> None:
    points = [1.0, 4.0, 16.0, 64.0]
    fit = power_law.fit(points, [_law(x) for x in points])

    assert [_law(x) for x in points] == [9.0, 5.0, 3.0, 2.0]
    assert fit.error < 0.005
    assert fit.best(256.0) == pytest.approx(1.5, rel=0.02)
    assert fit.predict(256.0).holds(1.5)


def test_a_law_without_an_irreducible_loss_is_among_those_tried() -> None:
    points = [1.0, 2.0, 4.0, 8.0]

    fit = power_law.fit(points, [5.0 / x**2 for x in points])

    assert fit.best.irreducible == 0.0
    assert fit.best(16.0) == pytest.approx(5.0 / 16.0**2)


def test_the_interval_of_the_next_loss_covers_it_nearly_always() -> None:
    random, held = np.random.default_rng(0), 0
    for _ in range(60):
        exponent, irreducible = random.uniform(0.1, 0.6), random.uniform(0.0, 1.0)
        points = 10 ** np.array([0.0, 0.7, 1.4, 2.1, 2.8])
        losses = (irreducible + 3.0 * points**-exponent) * np.exp(random.normal(0.0, 0.01, 5))
        held += power_law.fit(points[:4], losses[:4]).predict(points[4]).holds(losses[4])

    assert held >= 54


def test_fewer_points_leave_more_open() -> None:
    points = [1.0, 4.0, 16.0, 64.0]
    three, four = (power_law.fit(points[:n], [_law(x) for x in points[:n]]).predict(256.0) for n in (3, 4))

    assert three.high - three.low > four.high - four.low


def test_rungs_at_chance_say_that_the_next_is_probably_too_and_that_anything_is_possible() -> None:
    predicted = task_curve.predict([10.0, 10.5, 11.0, 11.5], [0.0] * 4, 0.0, 200, 12.0)

    assert predicted.value < 0.02
    assert predicted.low == 0.0
    assert predicted.high > 0.5


def test_rungs_that_rise_say_that_the_next_is_better() -> None:
    predicted = task_curve.predict([10.0, 10.5, 11.0, 11.5], [0.1, 0.25, 0.5, 0.75], 0.0, 200, 12.0)

    assert 0.75 < predicted.value < 1.0
    assert predicted.low > 0.4


def test_a_curve_stays_above_chance() -> None:
    predicted = task_curve.predict([10.0, 11.0, 12.0], [0.5, 0.5, 0.5], 0.5, 200, 12.5)

    assert predicted.value == pytest.approx(0.5, abs=0.05)


def _record(
    name: str, compute: float, loss: float, right: float, seed: int = 0, began: str = "3"
) -> RungRecord:
    items = tuple(f"{index}" for index in range(100))
    sharp = tuple(float(index < 100 * right) for index in range(100))
    task = TaskScores(
        label="addition", chance=0.0, sharp_metric="exact_match", smooth_metric="token_accuracy", items=items,
        target_tokens=(4,) * 100, sharp=sharp, smooth=sharp, log_probability=-1.0,
        metrics={"exact_match": right},
    )  # fmt: skip
    return RungRecord(
        name=name, family="lstm", seed=seed, num_parameters=1, num_tokens=1, compute=compute, loss=loss,
        bits_per_byte=1.0, training_seconds=1.0, recorded_at=f"{began}001", training_began_at=f"{began}000",
        weights_sha256=f"{name}{seed}" * 8, tasks=(task,),
    )  # fmt: skip


SMALLER = [_record(f"r{index}", 10.0**index, _law(10.0**index), 0.0) for index in range(4)]


def test_a_prediction_names_what_it_was_made_from_and_comes_back_from_its_file(tmp_path) -> None:
    made = prediction.predict(SMALLER, "largest", 1e4)
    prediction.write(str(tmp_path), made)

    assert prediction.read(str(tmp_path)) == made
    assert len(made.made_from) == 4
    assert made.made_from[0].startswith("r0, seed 0, weights r00r00")
    assert made.loss.holds(_law(1e4))


def test_whoever_changes_a_prediction_changes_its_hash(tmp_path) -> None:
    made = prediction.predict(SMALLER, "largest", 1e4)
    bent = made.model_copy(update={"made_at": "earlier"})

    assert bent.sha256 != made.sha256


def test_an_outcome_is_scored_over_the_seeds() -> None:
    made = prediction.predict(SMALLER, "largest", 1e4)
    outcome = prediction.score(
        made, [_record("largest", 1e4, 1.0, 0.2, 0), _record("largest", 1e4, 1.2, 0.4, 1)]
    )

    assert outcome.loss == pytest.approx(1.1)
    assert outcome.loss_error == pytest.approx(abs(made.loss.value - 1.1) / 1.1)
    assert outcome.tasks == {"addition": pytest.approx(0.3)}
    assert outcome.hits == 1
    assert outcome.was_before


def test_a_prediction_that_was_made_after_training_began_is_told() -> None:
    made = prediction.predict(SMALLER, "largest", 1e4)
    outcome = prediction.score(made, [_record("largest", 1e4, 1.0, 0.2, began="1")])

    assert not outcome.was_before
