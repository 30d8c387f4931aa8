from __future__ import annotations

import pytest

from models import scaling
from models.config import ModelConfig
from models.networks.counts import count
from models.scaling import Data, LossLaw

LAW = LossLaw(irreducible=1.0, scale_n=400.0, alpha=0.34, scale_d=410.0, beta=0.28)
DATA = Data(unique_tokens=1_400_000, vocabulary_size=4096, sequence_length=64)


def test_the_worked_example_of_repeated_tokens():
    assert scaling.repeated(1000, 100, scaling.REPEATED_TOKENS) == pytest.approx(781, abs=1)


def test_the_first_pass_is_worth_all_its_tokens_and_no_number_of_passes_more_than_the_limit():
    unique = 100
    assert scaling.repeated(unique, unique, scaling.REPEATED_TOKENS) == unique
    assert scaling.repeated(2 * unique, unique, scaling.REPEATED_TOKENS) == pytest.approx(197, abs=1)
    assert scaling.repeated(1e9, unique, scaling.REPEATED_TOKENS) == pytest.approx(1638.8, abs=0.1)


def test_the_law_by_hand():
    # 10,000^-0.34 is 0.04365 and 1e6^-0.28 is 0.02089.
    assert LAW.loss(1e4, 1e6) == pytest.approx(1.0 + 400 * 0.04365 + 410 * 0.02089, rel=1e-3)


@pytest.mark.parametrize("tokens", [1e5, 1e7, 1e9])
def test_at_the_best_n_another_split_of_the_same_compute_is_worse(tokens):
    best = LAW.best_n(tokens)
    for factor in (0.7, 0.9, 1.1, 1.4):
        assert LAW.loss(best * factor, tokens / factor) > LAW.loss(best, tokens)


def test_repeating_a_corpus_is_never_better_than_as_much_new_text():
    n = LAW.best_n(5e5)
    for tokens in (1e5, 1e6, 1e7, 1e8):
        assert LAW.loss_on(1e6, n, tokens) >= LAW.loss(n, tokens) - 1e-12
    assert LAW.loss_on(1e6, n, 5e5) == pytest.approx(LAW.loss(n, 5e5))


@pytest.mark.parametrize("family", ["transformer", "lstm"])
@pytest.mark.parametrize("flops", [1e12, 3e13, 1e15])
def test_no_other_shape_has_a_lower_predicted_loss_for_the_same_compute(family, flops):
    chosen = scaling.choose(ModelConfig(family=family), DATA, flops)

    for shape in scaling.shapes(family):
        counts = count(ModelConfig(family=family, **shape), DATA.vocabulary_size, DATA.sequence_length)
        n = counts.training_flops_per_token / 6
        assert scaling.LAWS[family].loss_on(DATA.unique_tokens, n, flops / (6 * n)) >= chosen.bits_per_byte


@pytest.mark.parametrize("family", ["transformer", "lstm"])
def test_more_compute_is_a_model_at_least_as_large_and_a_lower_loss(family):
    choices = [scaling.choose(ModelConfig(family=family), DATA, 10.0**power) for power in range(11, 19)]

    widths = [choice.model.hidden_dim for choice in choices]
    losses = [choice.bits_per_byte for choice in choices]
    assert widths == sorted(widths)
    assert widths[-1] > widths[0]
    assert losses == sorted(losses, reverse=True)


def test_a_corpus_that_runs_out_is_read_again_but_less_than_new_text_would_be():
    small = scaling.choose(ModelConfig(), DATA, 1e16)
    large = scaling.choose(ModelConfig(), Data(10**12, 4096, 64), 1e16)

    assert small.epochs > 1
    assert large.epochs < 1
    assert small.bits_per_byte > large.bits_per_byte


def test_the_batch_grows_with_the_tokens_in_all():
    sizes = [scaling.batch_size(10.0**power, 64) for power in range(4, 12)]

    assert sizes == sorted(sizes)
    assert sizes[0] == 1
    # Ten times the tokens, 10^0.571 = 3.72 times the batch.
    assert sizes[-1] / sizes[-3] == pytest.approx(10 ** (2 * 0.571), rel=0.25)


def test_the_learning_rate_falls_with_the_width_and_rises_with_the_root_of_the_batch():
    narrow, wide = ModelConfig(hidden_dim=128), ModelConfig(hidden_dim=512)

    assert scaling.learning_rate(narrow, 512) == pytest.approx(4 * scaling.learning_rate(wide, 512), rel=0.02)
    assert scaling.learning_rate(wide, 4 * 512) == pytest.approx(
        2 * scaling.learning_rate(wide, 512), rel=0.05
    )
    assert scaling.learning_rate(ModelConfig(hidden_dim=8), 512) == 0.01
