"""One dial: from a number of FLOPs or minutes to a model, its batch, its tokens and its learning rate.

The rules are `models.scaling`'s. Minutes become FLOPs by what this machine was measured to do: the shape
that a guess of its speed leads to is trained for some seconds (`components.trainer.calibration`), the
speed found leads to another shape or to the same one, and so on, at most `MAX_ROUNDS` times. Of the
shapes measured, the one with the lowest predicted loss is taken, with as many steps as the time has room
for. Under a budget of FLOPs the clock decides nothing: it is only asked how long it will take.

Nothing here trains, loads or prints. A plan is a set of overrides, so a run that is given them as
``--set`` is the same run, and takes its results from the cache.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from components.trainer.calibration import Speed
from models import scaling
from models.config import ModelConfig
from models.scaling import Choice, Data
from pipeline.errors import ConfigError

Measure = Callable[[Choice, int], Speed]
"""Trains a choice for some seconds, with so many steps between two progress lines."""

MAX_ROUNDS = 3
FIRST_GUESS_FLOPS_PER_S = 3e10
"""Two CPU cores. Where the search begins; elsewhere it takes a round more."""
STEPS_AT_A_TIME = 10
"""Log points and validations fall on multiples of this, so that the loop can run that many in one call."""
MIN_STEPS = 5 * STEPS_AT_A_TIME
_VALIDATIONS = 5
_LOG_POINTS = 50
_CALIBRATION_S = 1.5
"""Between two progress lines of a calibration, by the speed known so far."""
_CHOSEN = (
    "model.num_layers",
    "model.hidden_dim",
    "model.num_heads",
    "training.num_steps",
    "training.batch_size",
    "training.learning_rate",
    "training.eval_every",
    "training.log_every",
)
_OTHER_SHAPE_FIELDS = ("size", "intermediate_dim", "num_key_value_heads", "embedding_dim")


@dataclasses.dataclass(frozen=True)
class Budget:
    """What may be spent on training: one of the two."""

    flops: float | None = None
    minutes: float | None = None

    def __str__(self) -> str:
        return f"--compute {self.flops:g}" if self.flops is not None else f"--minutes {self.minutes:g}"


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to train, and what to expect of it."""

    budget: Budget
    choice: Choice
    speed: Speed
    """Measured at this shape and batch."""

    @property
    def eval_every(self) -> int:
        return _every(self.choice.num_steps, _VALIDATIONS)

    @property
    def num_validations(self) -> int:
        return _validations(self.choice.num_steps)

    @property
    def training_s(self) -> float:
        """Predicted: the training loop, with its compilation, validations, samples and checkpoints."""
        return self.speed.training_s(self.choice.num_steps, self.num_validations)

    @property
    def flops_per_s(self) -> float:
        """Of a step."""
        return _step_flops(self.choice) / self.speed.step_s

    def summary(self) -> str:
        """``2 x 128, 1,535,919 tokens in 142 s, about 2.22 bits per byte``."""
        choice, model = self.choice, self.choice.model
        tokens = choice.num_steps * _step_tokens(choice)
        return (
            f"{model.num_layers} x {model.hidden_dim}, {tokens:,} tokens in {self.training_s:,.0f} s, "
            f"about {choice.bits_per_byte:.2f} bits per byte"
        )

    @property
    def overrides(self) -> list[str]:
        """As ``--set`` takes them."""
        model = self.choice.model
        values = (
            model.num_layers,
            model.hidden_dim,
            model.num_heads,
            self.choice.num_steps,
            self.choice.batch_size,
            self.choice.learning_rate,
            self.eval_every,
            _every(self.choice.num_steps, _LOG_POINTS),
        )
        return [f"{field}={value!r}" for field, value in zip(_CHOSEN, values, strict=True)]


def budget_of(compute: float | None, minutes: float | None, overrides: Sequence[str]) -> Budget | None:
    """The budget that the command line asks for; None for a run without one.

    Raises:
      ConfigError: two budgets, one that is not positive, or a ``--set`` of what the budget decides.
    """
    if compute is None and minutes is None:
        return None
    if compute is not None and minutes is not None:
        raise ConfigError("--compute and --minutes are two budgets for one training: give one of them")
    budget = Budget(compute, minutes)
    if (compute or minutes or 0.0) <= 0.0:
        raise ConfigError(f"{budget}: must be more than 0")
    for override in overrides:
        field = override.partition("=")[0].strip()
        if field in _CHOSEN or field in {f"model.{name}" for name in _OTHER_SHAPE_FIELDS}:
            raise ConfigError(f"--set {override}: {budget} chooses {field}: leave one of the two out")
    return budget


def make(base: ModelConfig, data: Data, budget: Budget, measure: Measure) -> Plan:
    """The plan for a budget.

    Raises:
      ConfigError: the family has no scaling rules, its shape is given in the configuration file, or the
        budget is too small to train anything.
    """
    check(base, budget)
    if budget.flops is not None:
        choice = scaling.choose(base, data, budget.flops)
        if choice.num_steps < MIN_STEPS:
            least = MIN_STEPS * _step_flops(choice)
            raise ConfigError(f"{budget}: too little to train on this text: give at least {least:.1g}")
        return Plan(budget, choice, measure(choice, _calibration_steps(choice, FIRST_GUESS_FLOPS_PER_S)))
    seconds = 60.0 * (budget.minutes or 0.0)
    rate = FIRST_GUESS_FLOPS_PER_S
    plans: dict[ModelConfig, Plan] = {}
    for _ in range(MAX_ROUNDS):
        choice = scaling.choose(base, data, rate * seconds)
        if choice.model in plans:
            break
        speed = measure(choice, _calibration_steps(choice, rate))
        rate = _step_flops(choice) / speed.step_s
        choice = _filled(choice, speed, seconds)
        if choice.num_tokens >= MIN_STEPS * _step_tokens(choice):
            plans[choice.model] = Plan(budget, choice, speed)
            rate = choice.flops / seconds
    if not plans:
        raise ConfigError(f"{budget}: too short, starting and validating take most of it: give more")
    return min(plans.values(), key=lambda plan: plan.choice.bits_per_byte)


def check(base: ModelConfig, budget: Budget) -> None:
    """Raises `ConfigError` where there is no shape to choose."""
    if base.family not in scaling.LAWS:
        families = ", ".join(scaling.LAWS)
        raise ConfigError(
            f'{budget}: model.family = "{base.family}" has no shape to choose: use one of {families}, '
            "or set training.num_steps"
        )
    for name in _OTHER_SHAPE_FIELDS:
        if getattr(base, name) is not None:
            raise ConfigError(
                f"{budget} chooses the model's shape, and so does model.{name} = {getattr(base, name)!r} "
                "in the configuration: leave one of the two out"
            )


def _filled(choice: Choice, speed: Speed, seconds: float) -> Choice:
    """With the tokens that the time has room for, beside starting and validations."""
    for num_validations in range(_VALIDATIONS, 0, -1):
        num_steps = speed.steps_within(seconds, num_validations)
        if _validations(num_steps) <= num_validations:
            break
    return dataclasses.replace(choice, num_tokens=float(num_steps * _step_tokens(choice)))


def _calibration_steps(choice: Choice, flops_per_s: float) -> int:
    """Some seconds between two progress lines, and no more than a hundredth of the training."""
    of_clock = _CALIBRATION_S * flops_per_s / _step_flops(choice)
    steps = min(of_clock, choice.num_steps / 100)
    return STEPS_AT_A_TIME * max(1, round(steps / STEPS_AT_A_TIME))


def _step_flops(choice: Choice) -> float:
    return choice.counts.training_flops_per_token * _step_tokens(choice)


def _step_tokens(choice: Choice) -> int:
    return choice.batch_size * choice.data.sequence_length


def _every(num_steps: int, times: int) -> int:
    """Steps between points of which a run has at most ``times``: 1,003 and 5 give 210."""
    return STEPS_AT_A_TIME * max(1, -(-num_steps // (times * STEPS_AT_A_TIME)))


def _validations(num_steps: int) -> int:
    return -(-num_steps // _every(num_steps, _VALIDATIONS)) if num_steps else 0
