"""What the evaluation measures of a model's predictions: from sums over tokens to metrics, by numpy.

Each target that counts has a row of probabilities p over the vocabulary, of which y is the target's and c
(the confidence) the greatest. The model's ``evaluate`` signature sums over a packed row's targets
(`models.scoring.prediction_sums`); everything else adds such sums and divides once.

    loss               -sum ln y / N, nats per token
    perplexity         exp of the loss
    bits_per_byte      -sum ln y / ln 2 / B, comparable between tokenizers
    byte_perplexity    exp(-sum ln y / B), which is 2 ** bits_per_byte
    accuracy           share of the targets that have the greatest probability
    brier              sum over targets and vocabulary of (p - [is the target])^2, / N: 0 to 2
    calibration_error  sum over 15 equal bins of c of |(targets that had it) - sum of c|, / N

Those over bytes are defined as in lm-evaluation-harness (lm_eval/api/metrics.py), the Brier score as there
and by Brier (1950), Verification of forecasts expressed in terms of probability. The last is the expected
calibration error of arXiv 1706.04599, section 2 (M = 15): a bin's share of the targets times the gap
between its accuracy and its mean confidence. A bin is open on its left, so a confidence of exactly 1/15 is
in the first.

Worked example, two targets, 4 bytes, vocabulary of 3: p = (0.7, 0.2, 0.1) with the first as target, and p =
(0.5, 0.3, 0.2) with the second. Sum of -ln y = 0.357 + 1.204 = 1.561: loss 0.780, perplexity 2.182,
bits_per_byte 0.563, byte_perplexity 1.477. One of two is right: accuracy 0.5. Brier: (0.09 + 0.04 + 0.01 +
0.25 + 0.49 + 0.04) / 2 = 0.46. Confidences 0.7 and 0.5 are in bins 11 and 8: |1 - 0.7| + |0 - 0.5| = 0.8,
so calibration_error 0.4.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from serving import contract

NLL, NUM_TOKENS, NUM_BYTES = "nll", "num_tokens", "num_bytes"
NUM_CORRECT, BRIER = "num_correct", "brier"
BIN_TOKENS, BIN_CONFIDENCE, BIN_CORRECT = "bin_tokens", "bin_confidence", "bin_correct"
NUM_BINS = contract.CALIBRATION_BINS
"""As in Guo et al."""
BINNED = (BIN_TOKENS, BIN_CONFIDENCE, BIN_CORRECT)
SUMS = (NLL, NUM_TOKENS, NUM_BYTES, NUM_CORRECT, BRIER, *BINNED)
"""What is summed. Models of earlier versions of Lexmill give the first three alone."""

LOWER_IS_BETTER = {
    "loss": True,
    "perplexity": True,
    "bits_per_byte": True,
    "byte_perplexity": True,
    "accuracy": False,
    "brier": True,
    "calibration_error": True,
}
"""Metric -> whether less of it is better."""
METRICS = tuple(LOWER_IS_BETTER)
OVERALL = "overall"
"""The slice of all targets."""

Sums = Mapping[str, np.ndarray]
"""Name -> float64 ``(...)``, and ``(..., NUM_BINS)`` for those in `BINNED`; all with the same dots."""


def metrics(sums: Sums) -> dict[str, np.ndarray]:
    """Metric -> value, float64 ``(...)``; those whose sums are missing are left out.

    NaN over no tokens, and over no bytes where bytes are the divisor.
    """
    tokens, num_bytes = (
        np.where(sums[name] > 0, sums[name], np.nan).astype(np.float64) for name in (NUM_TOKENS, NUM_BYTES)
    )
    with np.errstate(over="ignore"):
        found = {
            "loss": sums[NLL] / tokens,
            "perplexity": np.exp(sums[NLL] / tokens),
            "bits_per_byte": sums[NLL] / np.log(2.0) / num_bytes,
            "byte_perplexity": np.exp(sums[NLL] / num_bytes),
        }
    if all(name in sums for name in SUMS):
        found["accuracy"] = sums[NUM_CORRECT] / tokens
        found["brier"] = sums[BRIER] / tokens
        gaps = np.abs(sums[BIN_CORRECT] - sums[BIN_CONFIDENCE])
        found["calibration_error"] = gaps.sum(axis=-1) / tokens
    return found


def uniform_guess(num_tokens: float, num_bytes: float, vocabulary_size: int) -> dict[str, float]:
    """Metric -> what a model has that gives every token the same probability, on as many tokens and bytes:
    the level of chance. Its calibration is perfect, as it is right as often as it says."""
    size = float(vocabulary_size)
    nll = num_tokens * np.log(size)
    sums = {NLL: np.array(nll), NUM_TOKENS: np.array(num_tokens), NUM_BYTES: np.array(num_bytes)}
    found = {name: float(value) for name, value in metrics(sums).items()}
    return {**found, "accuracy": 1 / size, "brier": 1 - 1 / size, "calibration_error": 0.0}
