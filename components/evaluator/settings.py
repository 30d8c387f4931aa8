"""Settings of the Evaluator: when a model is good enough to be pushed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from models.config import Settings
from models.features import SLICES
from models.prediction_measures import LOWER_IS_BETTER, OVERALL

_BITS_PER_BYTE: Final = "bits_per_byte"


class Bound(Settings):
    """What one metric must be on some slices. At least one of the three limits."""

    metric: Literal[
        "loss",
        "perplexity",
        "bits_per_byte",
        "byte_perplexity",
        "accuracy",
        "brier",
        "calibration_error",
    ]
    """What is bounded; the README's section on evaluation defines each."""
    slices: str = OVERALL
    """``overall``; every slice of one kind, ``source``, ``language`` or ``length``; or one slice,
    ``language:fr``."""
    at_most: float | None = None
    at_least: float | None = None
    max_regression: float | None = Field(default=None, ge=0)
    """How much worse than the model pushed last: more, or for accuracy less."""

    @field_validator("slices")
    @classmethod
    def _the_slices_are_of_a_kind(cls, slices: str) -> str:
        if slices != OVERALL and not re.fullmatch(rf"({'|'.join(SLICES)})(:.+)?", slices):
            raise ValueError(
                f"expected {OVERALL}, {', '.join(SLICES)}, or one slice such as {SLICES[0]}:NAME"
            )
        return slices

    @model_validator(mode="after")
    def _something_is_bounded(self) -> Bound:
        if self.at_most is None and self.at_least is None and self.max_regression is None:
            raise ValueError("give at_most, at_least or max_regression")
        return self

    @property
    def lower_is_better(self) -> bool:
        return LOWER_IS_BETTER[self.metric]

    def among(self, slices: Iterable[str]) -> list[str]:
        """Those of ``slices`` that are bounded."""
        return [name for name in slices if self.slices in (name, name.partition(":")[0])]


class EvaluationConfig(Settings):
    """When a model is good enough to be pushed. All bounds are on the test split."""

    max_bits_per_byte: float = Field(default=8.0, gt=0)
    """A model above this is never blessed. 8 bits per byte is what text costs uncompressed."""
    max_regression: float = Field(default=0.02, ge=0)
    """How much worse than the model pushed last a model may be, in bits per byte, overall."""
    max_slice_regression: float = Field(default=0.1, ge=0)
    """The same on each source, language and length of documents; wider, as a slice may be small."""
    min_slice_tokens: int = Field(default=1000, ge=0)
    """A slice with fewer tokens is measured and reported, and blocks nothing: they are too few to tell a
    change from chance."""
    bounds: tuple[Bound, ...] = ()
    """More of them, of any metric on any slices: ``{ metric = "accuracy", slices = "language:fr", at_least =
    0.3 }``, with ``at_most``, ``at_least`` and ``max_regression``, the allowed change for the worse."""

    def all_bounds(self) -> tuple[Bound, ...]:
        """Those of the first fields, and the others."""
        overall = Bound(
            metric=_BITS_PER_BYTE, at_most=self.max_bits_per_byte, max_regression=self.max_regression
        )
        by_slice = (
            Bound(metric=_BITS_PER_BYTE, slices=kind, max_regression=self.max_slice_regression)
            for kind in SLICES
        )
        return (overall, *by_slice, *self.bounds)
