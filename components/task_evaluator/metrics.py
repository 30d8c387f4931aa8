"""What is measured of an answer, item by item, and over all items.

Sharp metrics call an item right or wrong; smooth ones move with every token that becomes likelier. Both are
reported side by side, since a smooth ability can look like a sudden one through a sharp metric alone
(Schaeffer et al., "Are Emergent Abilities of Large Language Models a Mirage?", arXiv 2304.15004).

An example with choices: log-probabilities -1 for the right one and -2 for the other make probabilities
0.731 and 0.269 among the two, and a Brier score of (0.731 - 1)^2 + 0.269^2 = 0.145.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

EXACT_MATCH = "exact_match"
PASS_AT_1 = "pass_at_1"
ACCURACY = "accuracy"
ACCURACY_PER_BYTE = "accuracy_per_byte"
BRIER = "brier"
TARGET_LOG_PROBABILITY = "target_log_probability"
TOKEN_ACCURACY = "token_accuracy"
TOKEN_EDIT_DISTANCE = "token_edit_distance"
CHRF = "chrf"
BLEU = "bleu"

NUM_RESAMPLES = 1000
_INTERVAL = (2.5, 97.5)


@dataclasses.dataclass(frozen=True)
class Metric:
    """What a metric is."""

    meaning: str
    sharp: bool = False
    higher_is_better: bool = True


METRICS = {
    EXACT_MATCH: Metric("share of answers that are the target, and end where it does", sharp=True),
    PASS_AT_1: Metric("share of programs that pass their tests, one tried for each problem", sharp=True),
    ACCURACY: Metric("share of items whose right choice is the likeliest", sharp=True),
    ACCURACY_PER_BYTE: Metric(
        "the same, by log-probability per byte: long choices are not put back", sharp=True
    ),
    BRIER: Metric("squared error of the choices' probabilities, summed: 0 to 2", higher_is_better=False),
    TARGET_LOG_PROBABILITY: Metric("of the target, in nats per token"),
    TOKEN_ACCURACY: Metric("share of the target's tokens that are the likeliest after those before"),
    TOKEN_EDIT_DISTANCE: Metric(
        "tokens to insert, delete or replace to get from answer to target", higher_is_better=False
    ),
    CHRF: Metric("character n-gram F-score of a sentence (sacrebleu), 0 to 100, the mean"),
    BLEU: Metric("of the corpus (sacrebleu), 0 to 100"),
}


def edit_distance(first: Sequence[int], second: Sequence[int]) -> int:
    """Levenshtein: ``(1, 2, 3)`` to ``(2, 3, 4)`` takes 2, one deletion and one insertion."""
    above = list(range(len(second) + 1))
    for row, left in enumerate(first, start=1):
        current = [row]
        for column, right in enumerate(second, start=1):
            replaced = above[column - 1] + (left != right)
            current.append(min(replaced, above[column] + 1, current[-1] + 1))
        above = current
    return above[-1]


def target_scores(log_probabilities: np.ndarray, is_likeliest: np.ndarray) -> dict[str, float]:
    """Of the target's tokens, the end included."""
    return {
        TARGET_LOG_PROBABILITY: float(np.mean(log_probabilities, dtype=np.float64)),
        TOKEN_ACCURACY: float(np.mean(is_likeliest)),
    }


def choice_scores(
    log_probabilities: Sequence[float], num_bytes: Sequence[int], right: int
) -> dict[str, float]:
    """Of one item, from the choices' total log-probabilities and lengths. Of equals the first is taken."""
    totals = np.array(log_probabilities, np.float64)
    probabilities = np.exp(totals - totals.max())
    probabilities /= probabilities.sum()
    truth = np.arange(len(totals)) == right
    per_byte = totals / np.maximum(num_bytes, 1)
    return {
        ACCURACY: float(np.argmax(totals) == right),
        ACCURACY_PER_BYTE: float(np.argmax(per_byte) == right),
        BRIER: float(np.sum((probabilities - truth) ** 2)),
    }


Estimator = Callable[[np.ndarray], float]
"""From how often each item counts, int ``(items,)``, to the metric over them all."""


def mean_of(values: Sequence[float]) -> Estimator:
    """The mean of the items' values."""
    column = np.array(values, np.float64)
    return lambda weights: float(weights @ column / weights.sum())


def interval(estimate: Estimator, num_items: int, seed: int) -> tuple[float, float]:
    """Ends of the 95 % percentile interval of the bootstrap over items (Efron 1979): the metric over
    `NUM_RESAMPLES` times as many items, drawn with replacement. Where all items have one value it is that
    value: items that are all right do not tell how rare a wrong one is."""
    source = np.random.default_rng(seed)
    draws = source.multinomial(num_items, np.full(num_items, 1 / num_items), NUM_RESAMPLES)
    low, high = np.percentile([estimate(weights) for weights in draws], _INTERVAL)
    return float(low), float(high)
