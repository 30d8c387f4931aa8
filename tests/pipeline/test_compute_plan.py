from __future__ import annotations

import math

import pytest

from components.trainer.calibration import Speed
from models import scaling
from models.config import ModelConfig
from models.networks.counts import count
from models.scaling import Data
from pipeline import compute_plan
from pipeline.compute_plan import Budget
from pipeline.config import load
from pipeline.errors import ConfigError
from pipeline.plan_table import rows

DATA = Data(unique_tokens=1_400_000, vocabulary_size=4096, sequence_length=64)


class Machine:
    """Does so many FLOPs per second, after some seconds a step; remembers what it was asked to time."""

    def __init__(self, flops_per_s, start_s=6.0, first_validation_s=4.0, validation_s=1.0, overhead_s=0.0):
        self.flops_per_s, self.overhead_s = flops_per_s, overhead_s
        self.rest = {
            "start_s": start_s, "first_validation_s": first_validation_s, "validation_s": validation_s
        }  # fmt: skip
        self.asked = []

    def __call__(self, choice, steps_per_line):
        self.asked.append((choice, steps_per_line))
        tokens = choice.batch_size * choice.data.sequence_length
        return Speed(
            step_s=self.overhead_s + choice.counts.training_flops_per_token * tokens / self.flops_per_s,
            **self.rest,
        )


def plan(budget, machine=None, base=None):
    return compute_plan.make(base or ModelConfig(), DATA, budget, machine or Machine(6e10))


@pytest.mark.parametrize("family", ["transformer", "lstm"])
@pytest.mark.parametrize("flops", [1e12, 1e13, 1e15, 1e18])
def test_the_compute_given_is_the_compute_planned(family, flops):
    made = plan(Budget(flops=flops), base=ModelConfig(family=family))

    config = load("tiny", [f"model.family={family}", *made.overrides])
    counts = count(config.model, DATA.vocabulary_size, DATA.sequence_length)
    tokens = config.training.num_steps * config.training.batch_size * DATA.sequence_length
    assert counts.training_flops_per_token * tokens == pytest.approx(flops, rel=0.02)


@pytest.mark.parametrize("minutes", [0.5, 2, 5, 60])
@pytest.mark.parametrize("flops_per_s", [3e9, 6e10, 5e12])
@pytest.mark.parametrize("overhead_s", [0.0, 0.01])
def test_the_time_given_is_the_time_predicted_for_what_was_timed(minutes, flops_per_s, overhead_s):
    machine = Machine(flops_per_s, overhead_s=overhead_s)

    made = plan(Budget(minutes=minutes), machine)

    timed = [(choice.model, choice.batch_size) for choice, _ in machine.asked]
    assert (made.choice.model, made.choice.batch_size) in timed
    assert made.training_s <= 60 * minutes
    assert made.training_s == pytest.approx(60 * minutes, rel=0.03)


def test_the_predicted_time_is_the_sum_of_its_parts():
    speed = Speed(start_s=6.0, step_s=0.05, first_validation_s=4.0, validation_s=1.0)

    # 6 to start, 1,000 steps of 0.05, validations of 4, 1, 1, 1 and 1.
    assert speed.training_s(1000, 5) == 64.0
    assert speed.steps_within(64.0, 5) == 1000
    assert speed.steps_within(13.9, 5) == 0


def test_a_machine_that_is_faster_trains_a_larger_model_on_more_tokens_to_a_lower_loss():
    slow, fast = (plan(Budget(minutes=5), Machine(rate)).choice for rate in (1e10, 1e13))

    assert fast.model.hidden_dim > slow.model.hidden_dim
    assert fast.num_tokens > slow.num_tokens
    assert fast.bits_per_byte < slow.bits_per_byte


@pytest.mark.parametrize("flops_per_s", [1e9, 6e10, 1e13])
def test_a_budget_of_minutes_takes_a_few_timings_and_one_of_flops_a_single_one(flops_per_s):
    of_minutes, of_flops = Machine(flops_per_s), Machine(flops_per_s)

    plan(Budget(minutes=2), of_minutes)
    plan(Budget(flops=1e13), of_flops)

    assert len(of_minutes.asked) <= compute_plan.MAX_ROUNDS
    assert len(of_flops.asked) == 1


def test_a_timing_costs_a_small_share_of_the_training():
    machine = Machine(6e10)

    made = plan(Budget(minutes=5), machine)

    for choice, steps_per_line in list(machine.asked):
        speed = machine(choice, 0)
        assert 4 * steps_per_line * speed.step_s < 0.06 * made.training_s


def test_the_same_budget_gives_the_same_plan():
    assert plan(Budget(minutes=5)).overrides == plan(Budget(minutes=5)).overrides


def test_log_points_and_validations_fall_on_stacks_of_steps():
    for minutes in (0.5, 1, 2, 5, 17):
        values = dict(field.split("=") for field in plan(Budget(minutes=minutes)).overrides)
        eval_every, log_every = int(values["training.eval_every"]), int(values["training.log_every"])
        assert eval_every % 10 == log_every % 10 == 0
        assert math.ceil(int(values["training.num_steps"]) / eval_every) <= 5


@pytest.mark.parametrize(
    ("compute", "minutes", "overrides", "message"),
    [
        (1e15, 5.0, [], "--compute and --minutes are two budgets"),
        (0.0, None, [], "--compute 0: must be more than 0"),
        (None, -1.0, [], "--minutes -1: must be more than 0"),
        (
            1e15,
            None,
            ["model.num_layers=2"],
            "--set model.num_layers=2: --compute 1e\\+15 chooses model.num_layers: leave one",
        ),
        (None, 5.0, ["training.learning_rate = 1"], "--minutes 5 chooses training.learning_rate"),
        (None, 5.0, ["model.size=1m"], "--minutes 5 chooses model.size"),
    ],
)
def test_flags_that_contradict_each_other_are_one_line(compute, minutes, overrides, message):
    with pytest.raises(ConfigError, match=message) as caught:
        compute_plan.budget_of(compute, minutes, overrides)
    assert "\n" not in str(caught.value)


def test_other_overrides_go_with_a_budget():
    overrides = ["model.family=lstm", "corpus.path=x", "training.seed=3"]

    assert compute_plan.budget_of(None, 5.0, overrides) == Budget(minutes=5.0)
    assert compute_plan.budget_of(None, None, ["model.num_layers=2"]) is None


@pytest.mark.parametrize(
    ("budget", "base", "message"),
    [
        (Budget(flops=1e6), ModelConfig(), r"--compute 1e\+06: too little to train on .* at least \de\+"),
        (Budget(minutes=0.1), ModelConfig(), r"--minutes 0.1: too short"),
        (Budget(flops=1e13), ModelConfig(size="1m"), "so does model.size = '1m'"),
        (Budget(flops=1e13), ModelConfig(intermediate_dim=64), "so does model.intermediate_dim = 64"),
    ],
)
def test_a_budget_that_cannot_be_kept_says_what_to_do(budget, base, message):
    with pytest.raises(ConfigError, match=message) as caught:
        plan(budget, base=base)
    assert "\n" not in str(caught.value)


def test_the_table_says_where_each_figure_comes_from():
    made = plan(Budget(minutes=5))

    shown = {name: (value, why) for name, value, why in rows(made)}

    assert shown["parameters"][0] == f"{made.choice.counts.parameters:,}"
    assert shown["steps"][0] == f"{made.choice.num_steps:,}"
    assert shown["predicted time"][0] == f"{made.training_s:,.0f} s"
    assert shown["predicted loss"][0] == f"{made.choice.bits_per_byte:.2f} bits per byte"
    assert all(why for _, why in shown.values())


def test_every_family_with_rules_has_shapes_that_are_valid_models():
    for family in scaling.LAWS:
        for shape in scaling.shapes(family):
            ModelConfig(family=family, **shape)
