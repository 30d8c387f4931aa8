"""What is rendered is read back by the server's own messages."""

import pytest

from serving.batching.parameters import parameters_from_proto
from serving.settings.models import configs_from_proto
from serving.settings.text_protos import (
    read_batching_parameters,
    read_models_config,
    read_monitoring_config,
)
from serving.tensorflow_serving import text_protos
from serving.versions.policies import AllVersions, LatestVersions, ModelConfig, SpecificVersions


def written(tmp_path, text):
    path = tmp_path / "file"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "policy", [LatestVersions(1), LatestVersions(3), AllVersions(), SpecificVersions((2, 9))]
)
def test_models_are_read_back_as_they_were(tmp_path, policy):
    models = [
        ModelConfig("a", "/models/a", policy, {"stable": 2, "canary": 9}),
        ModelConfig("b", 'gs://bucket/quo"ted', policy, {}),
    ]
    assert (
        configs_from_proto(read_models_config(written(tmp_path, text_protos.models_config(models)))) == models
    )


@pytest.mark.parametrize(
    "batching",
    [
        {},
        {
            "max_batch_size": 8,
            "allowed_batch_sizes": (2, 8),
            "batch_timeout_micros": 500,
            "num_batch_threads": 3,
        },
    ],
)
def test_batching_parameters_are_read_back_as_they_were(tmp_path, server, batching):
    settings = server(batching=batching).settings
    read = parameters_from_proto(
        read_batching_parameters(written(tmp_path, text_protos.batching_config(settings)))
    )
    assert read == settings.batching.parameters(settings.resources.num_threads)


@pytest.mark.parametrize("enable", [True, False])
def test_monitoring_is_read_back_as_it_was(tmp_path, server, enable):
    settings = server(prometheus=enable, prometheus_path="/metrics").settings
    read = read_monitoring_config(
        written(tmp_path, text_protos.monitoring_config(settings))
    ).prometheus_config
    assert (read.enable, read.path) == (enable, "/metrics")
