"""BLEU and chrF by sacrebleu, an answer at a time and resampled.

BLEU is of a corpus: its n-gram counts are summed over the sentences and divided once. sacrebleu counts each
sentence once here, and the sums over a resample give its BLEU. chrF is a sentence's, and over several the
mean.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from components.task_evaluator.metrics import Estimator


@functools.cache
def _bleu(tokenize: str) -> Any:
    return BLEU(tokenize=tokenize, effective_order=True)


_CHRF = CHRF()


def chrf(answer: str, target: str) -> float:
    """0 to 100."""
    return float(_CHRF.sentence_score(answer, [target]).score)


def sentence_bleu(answer: str, target: str, tokenize: str) -> float:
    """0 to 100, by the n-grams that a sentence is long enough for. ``tokenize`` is sacrebleu's: ``13a``,
    ``zh``."""
    return float(_bleu(tokenize).sentence_score(answer, [target]).score)


def corpus_bleu(answers: Sequence[str], targets: Sequence[str], tokenize: str) -> Estimator:
    """BLEU over resamples of the sentences, the same as sacrebleu's `corpus_score` of those sentences."""
    metric = _bleu(tokenize)
    counted = [
        metric.sentence_score(answer, [target]) for answer, target in zip(answers, targets, strict=True)
    ]
    counts = np.array([score.counts for score in counted])
    totals = np.array([score.totals for score in counted])
    lengths = np.array([(score.sys_len, score.ref_len) for score in counted])

    def estimate(weights: np.ndarray) -> float:
        answer_length, target_length = (weights @ lengths).tolist()
        score = BLEU.compute_bleu(
            correct=(weights @ counts).tolist(),
            total=(weights @ totals).tolist(),
            sys_len=int(answer_length),
            ref_len=int(target_length),
            smooth_method="exp",
        )
        return float(score.score)

    return estimate
