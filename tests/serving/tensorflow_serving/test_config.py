import pytest
from pydantic import ValidationError

from serving.tensorflow_serving.config import ServingConfig


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"kind": "kserve"}, 'kind = "kserve" needs storage_uri'),
        ({"port": 8501}, "port and rest_api_port are both 8501"),
        ({"versions": (1,)}, 'versions and version_policy = "specific" go together'),
        ({"version_policy": "specific"}, 'versions and version_policy = "specific" go together'),
        ({"labels": {"a/b": 1}}, "'a/b' is no label"),
        ({"scaling": {"min_replicas": 5}}, "max_replicas = 4 is below min_replicas = 5"),
        ({"resources": {"cpu": 2.0, "cpu_limit": 1.0}}, "cpu_limit = 1.0 is below cpu = 2.0"),
        ({"batching": {"allowed_batch_sizes": (8, 16)}}, "must match max_batch_size"),
        ({"batching": {"allowed_batch_sizes": (32, 8, 32)}}, "ascending numbers"),
        ({"user_id": 0}, "greater than or equal to 1"),
        ({"imgae": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_rule(fields, rule):
    with pytest.raises(ValidationError, match=rule.replace("(", r"\(")):
        ServingConfig(**fields)


def test_a_batch_thread_runs_for_each_core_where_no_number_is_given():
    config = ServingConfig(resources={"cpu": 2.5})
    assert config.batching.parameters(config.resources.num_threads).num_batch_threads == 3
    given = ServingConfig(resources={"cpu": 2.5}, batching={"num_batch_threads": 7})
    assert given.batching.parameters(given.resources.num_threads).num_batch_threads == 7
