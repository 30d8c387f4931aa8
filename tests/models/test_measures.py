import math

import pytest

from models.measures import LossSums


def test_the_documented_example_gives_the_documented_numbers():
    sums = LossSums(10.0, 4, 16) + LossSums(2.0, 2, 4)
    assert sums.loss == 2.0
    assert sums.perplexity == pytest.approx(7.389, abs=1e-3)
    assert sums.bits_per_byte == pytest.approx(0.8656, abs=1e-4)


def test_nothing_measured_is_not_a_number():
    assert math.isnan(LossSums().loss)
    assert math.isnan(LossSums().bits_per_byte)


def test_a_hopeless_loss_has_an_infinite_perplexity():
    assert LossSums(10_000.0, 1, 1).perplexity == math.inf
