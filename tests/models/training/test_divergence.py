import math

import pytest

from models.config import TrainingConfig
from models.training.divergence import problem

UNIFORM = math.log(100)
CONFIG = TrainingConfig(num_steps=100, warmup_fraction=0.1, learning_rate=0.5)


def _problem(config=CONFIG, first_step=50, nll=(10.0, 10.0), loss=3.0, first_loss=4.6):
    return problem(config, first_step, nll, [1.0, 2.0, 3.0][: len(nll)], (loss, first_loss), UNIFORM)


def test_a_falling_loss_and_a_passing_spike_go_on():
    assert _problem() is None
    assert _problem(loss=UNIFORM * 1.49) is None


def test_the_first_window_may_be_worse_than_a_guess():
    assert _problem(loss=10 * UNIFORM, first_loss=None) is None
    assert _problem(loss=9 * UNIFORM, first_loss=8 * UNIFORM) is None


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_the_step_with_no_number_is_named_with_the_gradient_before(value):
    found = _problem(nll=(10.0, value, 10.0))
    assert f"the loss is {value} at step 51 (gradient norm 1 before)" in found
    assert "likely too high a learning rate: lower training.learning_rate (now 0.5)" in found


def test_a_loss_far_above_a_guess_is_an_explosion():
    assert "the loss exploded: 9 nats per token at step 51, where a uniform guess has 4.61" in _problem(
        loss=9.0
    )


@pytest.mark.parametrize(
    ("values", "step", "cause"),
    [
        ({}, 1, "no numbers or far too large"),
        ({}, 5, "rises too fast"),
        ({}, 11, "too high a learning rate"),
        ({"precision": "mixed_float16"}, 11, "float16's narrow range"),
    ],
)
def test_the_likely_cause_follows_from_the_moment_and_the_precision(values, step, cause):
    config = CONFIG.model_copy(update=values)
    assert cause in _problem(config, first_step=step, nll=(math.nan,))
