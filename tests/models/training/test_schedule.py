import pytest

from models.config import TrainingConfig
from models.training.schedule import learning_rate


def _rates(**values):
    config = TrainingConfig(**{"learning_rate": 1.0, "num_steps": 10, "warmup_fraction": 0.2, **values})
    return [learning_rate(config, step) for step in range(config.num_steps)]


def test_the_docstrings_example():
    expected = [0.5, 1.0, 0.8875, 0.775, 0.6625, 0.55, 0.4375, 0.325, 0.2125, 0.1]
    assert _rates(schedule="linear") == pytest.approx(expected)


def test_cosine_is_half_way_down_in_the_middle_and_ends_at_the_final_fraction():
    rates = _rates(schedule="cosine")
    assert rates[1] == 1.0
    assert rates[5] == pytest.approx(0.55)
    assert rates[-1] == pytest.approx(0.1)
    assert rates[1:] == sorted(rates[1:], reverse=True)


def test_warm_up_stable_decay_is_constant_until_its_last_steps():
    rates = _rates(schedule="wsd", decay_fraction=0.3, final_fraction=0.0)
    assert rates == pytest.approx([0.5, 1, 1, 1, 1, 1, 1, 2 / 3, 1 / 3, 0])


def test_a_decay_as_long_as_the_training_begins_after_the_warm_up():
    assert _rates(schedule="wsd", decay_fraction=1.0) == pytest.approx(_rates(schedule="linear"))


@pytest.mark.parametrize("schedule", ["cosine", "linear", "wsd", "constant"])
@pytest.mark.parametrize("num_steps", [1, 2, 3, 100])
def test_every_step_has_a_rate_between_zero_and_the_peak(schedule, num_steps):
    rates = _rates(schedule=schedule, num_steps=num_steps, warmup_fraction=0.5)
    assert all(0.0 < rate <= 1.0 for rate in rates)


def test_a_constant_rate_stays_after_warm_up():
    assert _rates(schedule="constant") == pytest.approx([0.5] + [1.0] * 9)


@pytest.mark.parametrize("step", [0, 3])
def test_a_constant_rate_without_warm_up_is_the_same_whatever_the_length(step):
    values = {"schedule": "constant", "warmup_fraction": 0.0}
    assert _rates(**values, num_steps=5)[step] == _rates(**values, num_steps=50)[step]
    assert TrainingConfig(**values).goes_on_from_shorter
    assert not TrainingConfig(schedule="constant").goes_on_from_shorter
    assert not TrainingConfig(warmup_fraction=0.0).goes_on_from_shorter


def test_without_warm_up_the_peak_is_at_the_start():
    assert _rates(warmup_fraction=0.0, schedule="wsd")[0] == 1.0
