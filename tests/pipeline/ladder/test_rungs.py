from __future__ import annotations

import pytest

from models.networks.counts import count
from pipeline.config import load
from pipeline.errors import ConfigError
from pipeline.ladder.rungs import largest, rungs
from pipeline.ladder.settings import LadderConfig, RungConfig


def _with(config, **ladder):
    return config.model_copy(update={"ladder": config.ladder.model_copy(update=ladder)})


def test_rungs_come_by_compute_and_the_last_of_each_family_is_its_largest(ladder_config) -> None:
    found = rungs(ladder_config)

    assert [rung.name for rung in found if rung.family == "transformer"] == ["1x16", "1x32", "1x64", "1x128"]
    assert [rung.compute for rung in found] == sorted(rung.compute for rung in found)
    assert largest(found) == {"transformer": "1x128", "lstm": "10k"}


def test_compute_is_six_times_parameters_outside_the_embeddings_times_positions(ladder_config) -> None:
    rung = next(rung for rung in rungs(ladder_config) if rung.name == "1x64")

    assert rung.num_parameters == count(rung.config.model, 999, 32).non_embedding_parameters
    assert rung.num_tokens == 100 * 8 * 32
    assert rung.compute == 6 * rung.num_parameters * rung.num_tokens


def test_tokens_become_steps(ladder_config) -> None:
    rung = next(rung for rung in rungs(ladder_config) if rung.name == "1x32")

    assert rung.config.training.num_steps == 51_200 // (8 * 32)


def test_tokens_go_by_parameters_where_a_rung_says_nothing_else(ladder_config) -> None:
    plain, told, stepped = rungs(
        _with(
            ladder_config,
            tokens_per_parameter=50.0,
            rungs=(
                RungConfig(hidden_dim=16, num_layers=1),
                RungConfig(hidden_dim=32, num_layers=1, tokens=512_000),
                RungConfig(hidden_dim=64, num_layers=1, num_steps=9999),
            ),
        )
    )

    assert plain.num_tokens == pytest.approx(50 * plain.num_parameters, abs=8 * 32)
    assert told.num_tokens == 512_000
    assert stepped.config.training.num_steps == 9999


def test_what_only_the_other_family_has_is_left_out_and_a_size_gives_the_shape(ladder_config) -> None:
    lstm = next(rung for rung in rungs(ladder_config) if rung.family == "lstm")

    assert lstm.config.model.style == "gpt2"
    assert lstm.config.model.hidden_dim == 36
    assert lstm.config.training.learning_rate == 0.01


def test_all_that_is_not_the_models_is_every_rungs(ladder_config) -> None:
    for rung in rungs(ladder_config):
        kept = rung.config.model_dump(exclude={"model", "training", "ladder"})
        assert kept == ladder_config.model_dump(exclude={"model", "training", "ladder"})
        assert rung.config.ladder == LadderConfig()


def test_each_rung_is_there_with_each_seed(ladder_config) -> None:
    found = rungs(_with(ladder_config, seeds=(3, 5)))

    assert len(found) == 10
    assert {rung.seed for rung in found if rung.name == "10k"} == {3, 5}


def test_rungs_of_one_name_are_refused(ladder_config) -> None:
    twice = (RungConfig(size="10k", num_steps=10), RungConfig(size="10k", num_steps=20))

    with pytest.raises(ConfigError, match="two are called transformer '10k': give them names"):
        rungs(_with(ladder_config, rungs=twice))


def test_a_configuration_without_rungs_is_told_where_to_look() -> None:
    with pytest.raises(ConfigError, match=r"no rungs: list them in \[ladder\]"):
        rungs(load("tiny"))


def test_a_rung_against_a_rule_of_the_model_is_named(ladder_config) -> None:
    odd = (RungConfig(hidden_dim=33, num_layers=1),)

    with pytest.raises(ConfigError, match="num_heads = 2 does not divide hidden_dim = 33"):
        rungs(_with(ladder_config, rungs=odd))


def test_a_ladder_that_would_stop_early_is_refused(ladder_config) -> None:
    training = ladder_config.training.model_copy(update={"early_stopping": 2})

    with pytest.raises(ConfigError, match="early_stopping"):
        rungs(ladder_config.model_copy(update={"training": training}))


def test_tokens_and_steps_exclude_each_other() -> None:
    with pytest.raises(ValueError, match="tokens and num_steps exclude each other"):
        RungConfig(size="10k", tokens=10, num_steps=10)
