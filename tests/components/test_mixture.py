from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components import mixture
from components.config import SourceConfig
from components.mixture import Mixture, MixtureConfig

SIZES = {"prose": 600, "code": 200}


def mixed(rule: str, prose: float = 1.0, code: float = 1.0, **settings: float) -> Mixture:
    config = MixtureConfig.model_validate({"rule": rule, **settings})
    return Mixture(config=config, weights={"prose": prose, "code": code})


def tokens(mixture: Mixture) -> dict[str, int]:
    times = mixture.times(SIZES)
    return {source: round(times[source] * size) for source, size in SIZES.items()}


def test_the_example() -> None:
    assert tokens(mixed("repeats", code=1.5)) == {"prose": 600, "code": 300}
    assert tokens(mixed("shares")) == {"prose": 400, "code": 400}
    assert tokens(mixed("shares", code=3)) == {"prose": 200, "code": 600}
    assert tokens(mixed("temperature", temperature=2)) == {"prose": 507, "code": 293}
    assert tokens(mixed("tokens", prose=300, code=100)) == {"prose": 300, "code": 100}
    assert tokens(mixed("shares", code=3, max_repeats=2)) == {"prose": 133, "code": 400}


def test_at_temperature_one_every_source_is_as_large_as_it_is() -> None:
    assert mixed("temperature", temperature=1.0).times(SIZES) == pytest.approx({"prose": 1, "code": 1})


def test_a_number_of_tokens_is_that_of_the_epoch() -> None:
    assert tokens(mixed("shares", code=3, tokens=80)) == {"prose": 20, "code": 60}


@given(
    st.dictionaries(st.sampled_from("abcd"), st.integers(1, 10**9), min_size=1),
    st.lists(st.floats(0.01, 100), min_size=4, max_size=4),
    st.floats(0.1, 10),
)
def test_shares_are_the_weights_and_no_source_is_taken_too_often(
    sizes: dict[str, int], weights: list[float], max_repeats: float
) -> None:
    by_source = dict(zip("abcd", weights, strict=True))
    config = MixtureConfig(rule="shares", max_repeats=max_repeats)

    times = Mixture(config=config, weights=by_source).times(sizes)

    parts = {source: times[source] * size / by_source[source] for source, size in sizes.items()}
    assert max(parts.values()) == pytest.approx(min(parts.values()))
    assert max(times.values()) <= max_repeats * (1 + 1e-9)
    assert sum(times[source] * size for source, size in sizes.items()) <= sum(sizes.values()) * (1 + 1e-9)


@given(st.floats(0, 5), st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 9))
def test_a_stream_gives_its_rows_so_many_times_whichever_way_it_comes(
    times: float, batches: list[int], seed: int
) -> None:
    mixture = mixed("repeats", seed=seed)
    whole = mixture.copies("prose", 0, sum(batches), times).tolist()

    apart: list[int] = []
    for size in batches:
        apart += mixture.copies("prose", len(apart), size, times).tolist()

    assert apart == whole
    assert abs(sum(whole) - times * len(whole)) <= 1
    assert {int(times), int(times) + 1} >= set(whole)


def test_another_seed_takes_other_rows() -> None:
    first, again, other = (
        mixed("repeats", seed=seed).copies("prose", 0, 100, 0.4).tolist() for seed in (0, 0, 1)
    )
    assert first == again != other


def test_weights_of_one_are_no_mixture() -> None:
    sources = [SourceConfig(name="a", pattern="*.txt"), SourceConfig(name="b", pattern="*.md", weight=2.5)]

    assert mixture.of(MixtureConfig(), sources[:1]).is_plain
    assert not mixture.of(MixtureConfig(), sources).is_plain
    assert not mixture.of(MixtureConfig(rule="shares"), sources[:1]).is_plain


@pytest.mark.parametrize(
    ("rule", "weight", "problem"),
    [
        ("tokens", 1.0, "give a whole number of 1000 or more"),
        ("tokens", 2000.5, "give a whole number of 1000 or more"),
        ("repeats", 5000.0, "at most 1000"),
    ],
)
def test_a_weight_that_the_rule_cannot_mean_is_told(rule: str, weight: float, problem: str) -> None:
    config = MixtureConfig.model_validate({"rule": rule})
    [found] = mixture.problems(config, [SourceConfig(name="a", pattern="*", weight=weight)])
    assert problem in found


def test_weights_that_suit_the_rule_are_no_problem() -> None:
    sources = [SourceConfig(name="a", pattern="*", weight=2_000_000.0)]
    assert not mixture.problems(MixtureConfig(rule="tokens"), sources)
    assert not mixture.problems(MixtureConfig(rule="shares"), sources)
