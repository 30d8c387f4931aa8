"""What ``TF_CONFIG`` may say."""

import json

import pytest

from models.errors import DevicesError
from models.training import tf_config

TWO = {"worker": ["a:1", "b:1"]}


def _num_workers(cluster, **task):
    content = {"cluster": cluster, "environment": "cloud", **({"task": task} if task else {})}
    return tf_config.num_workers({"TF_CONFIG": json.dumps(content)})


def test_no_cluster_is_this_machine_alone():
    assert tf_config.num_workers({}) == 1
    assert tf_config.num_workers({"TF_CONFIG": " "}) == 1
    assert _num_workers({}) == 1


def test_a_cluster_of_one_is_one_machine():
    assert _num_workers({"chief": ["a:1"]}, type="chief", index=0) == 1


def test_the_chief_counts():
    assert _num_workers({"chief": ["a:1"], "worker": ["b:1"]}, type="worker", index=0) == 2
    assert _num_workers(TWO, type="worker", index=1) == 2


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"cluster": []}', '{"cluster": {"worker": 3}}'])
def test_what_is_not_of_its_form_is_one_clear_line(text):
    with pytest.raises(DevicesError, match=r"^TF_CONFIG: [^\n]*: expected \{[^\n]*got[^\n]*$"):
        tf_config.num_workers({"TF_CONFIG": text})


@pytest.mark.parametrize(
    ("cluster", "task", "told"),
    [
        (TWO, {}, "TF_CONFIG: task: missing"),
        (TWO, {"type": "worker", "index": 2}, "task.index = 2: the cluster has 2 of worker"),
        (TWO, {"type": "chief", "index": 0}, "task.index = 0: the cluster has 0 of chief"),
        (TWO, {"type": "ps", "index": 0}, "TF_CONFIG: task.type: Input should be 'chief' or 'worker'"),
        ({**TWO, "ps": ["c:1"]}, {"type": "worker", "index": 0}, "cluster.ps: no such kind of machine"),
        ({**TWO, "evaluator": ["c:1"]}, {"type": "worker", "index": 0}, "cluster.evaluator: no such kind"),
        ({"worker": ["a:1", "b"]}, {"type": "worker", "index": 0}, "cluster.worker.1: String should"),
    ],
)  # fmt: skip
def test_a_machine_that_would_wait_for_ever_or_has_no_part_is_told(cluster, task, told):
    with pytest.raises(DevicesError) as caught:
        _num_workers(cluster, **task)
    assert told in str(caught.value)
