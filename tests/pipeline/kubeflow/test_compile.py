"""The compiled pipelines are compared with golden files; these commands make them again:

lexmill compile tiny -o tests/pipeline/golden/tiny.yaml --set kubeflow.corpus_path=gs://lexmill/corpus \
    --set kubeflow.stages.Trainer.gpus=1 --set kubeflow.stages.Trainer.retries=2 \
    --set 'kubeflow.stages.Trainer.node_selector={"cloud.google.com/gke-accelerator"="nvidia-l4"}' \
    --set 'kubeflow.default.environment={LANG="C.UTF-8"}'
lexmill compile tiny -o tests/pipeline/golden/tiny-vertex.yaml --target vertex \
    --set vertex.corpus_path=gs://lexmill/corpus --set vertex.stages.Trainer.gpus=1 \
    --set vertex.default.retries=1
"""

import re
import sys
from pathlib import Path
from typing import get_args

import pytest
import yaml
from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from pipeline.config import load
from pipeline.kubeflow import compile as compiler
from pipeline.kubeflow.settings import Stage
from pipeline.kubeflow.target import Target

GOLDEN = {
    Target.KUBEFLOW: Path(__file__).parent.parent / "golden" / "tiny.yaml",
    Target.VERTEX: Path(__file__).parent.parent / "golden" / "tiny-vertex.yaml",
}
SETTINGS = dict(
    zip(
        (Target.KUBEFLOW, Target.VERTEX),
        (
            re.findall(r"--set '?([^ '\n]+(?:=\{[^}]*\})?)", command)
            for command in __doc__.split("lexmill compile")[1:]
        ),
        strict=True,
    )
)
"""The overrides of the commands above."""
STAGES = set(get_args(Stage)) - {"TaskEvaluator"}
"""tiny asks no tasks."""
BOTH = pytest.mark.parametrize("target", list(Target))


def _compile(target, *more):
    return compiler.compile_text(load("tiny", [*SETTINGS[target], *more]), target)


@pytest.fixture(scope="module")
def texts():
    return {target: _compile(target) for target in Target}


def _tasks(text):
    return next(yaml.safe_load_all(text))["root"]["dag"]["tasks"]


def _containers(text):
    executors = next(yaml.safe_load_all(text))["deploymentSpec"]["executors"]
    return {name.removesuffix("_executor"): each["container"] for name, each in executors.items()}


@BOTH
@pytest.mark.skipif(
    sys.version_info >= (3, 11), reason="the golden files are of the base stack's TFX and KFP"
)
def test_the_compiled_pipeline_is_the_golden_one(texts, target):
    assert texts[target] == GOLDEN[target].read_text(encoding="utf-8")


@BOTH
def test_it_is_valid_by_kubeflows_own_schema(texts, target):
    document, *platform = yaml.safe_load_all(texts[target])
    pipeline = json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec())
    deployment = pipeline_spec_pb2.PipelineDeploymentConfig()
    json_format.ParseDict(document["deploymentSpec"], deployment)
    for each in platform:
        json_format.ParseDict(each, pipeline_spec_pb2.PlatformSpec())
    assert pipeline.schema_version == "2.1.0"
    labels = {component.executor_label for component in pipeline.components.values()}
    assert labels == set(deployment.executors)
    for task in pipeline.root.dag.tasks.values():
        for given in task.inputs.artifacts.values():
            source = given.task_output_artifact
            produced = pipeline.components[source.producer_task].output_definitions.artifacts
            assert source.output_artifact_key in produced
            assert source.producer_task in task.dependent_tasks


@BOTH
def test_a_field_that_the_schema_does_not_have_is_found(texts, target):
    document = next(yaml.safe_load_all(texts[target]))
    document["deploymentSpec"]["executors"]["Trainer_executor"]["container"]["resource"] = {}
    with pytest.raises(json_format.ParseError, match="resource"):
        json_format.ParseDict(document["deploymentSpec"], pipeline_spec_pb2.PipelineDeploymentConfig())


@BOTH
def test_the_kfp_sdk_loads_it(texts, target):
    from kfp import components

    loaded = components.load_component_from_text(texts[target])
    assert loaded.name == "tiny"
    assert set(loaded.pipeline_spec.root.dag.tasks) == STAGES


def test_tasks_are_a_stage_of_their_own_where_there_are_any():
    text = _compile(
        Target.KUBEFLOW, 'tasks.evaluate=[{task="parity"}]', "kubeflow.stages.TaskEvaluator.cpu=2"
    )
    assert set(_tasks(text)) == set(get_args(Stage))


@BOTH
def test_every_stage_is_a_container_of_the_configured_image_and_our_entry_point(texts, target):
    containers = _containers(texts[target])
    assert set(containers) == STAGES
    assert {container["image"] for container in containers.values()} == {"lexmill:latest"}
    assert {tuple(container["command"]) for container in containers.values()} == {compiler.RUN}
    assert not any("lifecycle" in container for container in containers.values())


def test_the_pipeline_root_is_written_where_both_backends_read_it(texts):
    document = next(yaml.safe_load_all(texts[Target.KUBEFLOW]))
    assert document["defaultPipelineRoot"] == "gs://lexmill/pipelines/tiny"


def test_the_trainer_alone_asks_for_a_gpu_on_the_chosen_nodes(texts):
    document, platform = yaml.safe_load_all(texts[Target.KUBEFLOW])
    containers = _containers(texts[Target.KUBEFLOW])
    assert [name for name, container in containers.items() if "resources" in container] == ["Trainer"]
    assert containers["Trainer"]["resources"] == {"accelerator": {"count": "1", "type": "nvidia.com/gpu"}}
    executors = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    selector = {"nodeSelector": {"labels": {"cloud.google.com/gke-accelerator": "nvidia-l4"}}}
    assert executors == {document["components"]["Trainer"]["executorLabel"]: selector}


def test_vertex_has_one_document_and_its_own_names_of_gpus(texts):
    assert len(list(yaml.safe_load_all(texts[Target.VERTEX]))) == 1
    accelerator = _containers(texts[Target.VERTEX])["Trainer"]["resources"]["accelerator"]
    assert accelerator == {"count": "1", "type": "NVIDIA_TESLA_T4"}


def test_retries_are_the_stages_own_or_the_defaults(texts):
    kubeflow, vertex = (_tasks(texts[target]) for target in Target)
    retried = {name: task["retryPolicy"] for name, task in kubeflow.items() if "retryPolicy" in task}
    assert list(retried) == ["Trainer"]
    assert {**retried["Trainer"], "backoffMaxDuration": ""} == {
        "backoffDuration": "60s", "backoffFactor": 2.0, "backoffMaxDuration": "", "maxRetryCount": 2,
    }  # fmt: skip
    assert {task["retryPolicy"]["maxRetryCount"] for task in vertex.values()} == {1}


def test_a_stage_that_trained_for_a_month_is_still_tried_again(texts):
    # Argo Workflows tries again only within this time of the first attempt's start.
    kubeflow, vertex = (_tasks(texts[target])["Trainer"]["retryPolicy"] for target in Target)
    assert int(kubeflow["backoffMaxDuration"].removesuffix("s")) > 12 * 31 * 24 * 3600
    assert vertex["backoffMaxDuration"] == "3600s"


@BOTH
def test_stages_that_look_at_files_are_not_cached(texts, target):
    cached = {name for name, task in _tasks(texts[target]).items() if task["cachingOptions"]}
    assert cached == STAGES - {"CorpusGen", "Pusher"}


def test_a_stage_has_the_defaults_but_for_what_it_says_itself(tmp_path):
    text = _compile(
        Target.KUBEFLOW,
        "kubeflow.default.cpu=2", "kubeflow.default.memory_gb=4", "kubeflow.stages.Trainer.memory_gb=16",
        'kubeflow.default.environment={A="1",B="2"}', 'kubeflow.stages.Trainer.environment={B="3"}',
        "kubeflow.default.caching=false", "kubeflow.stages.SchemaGen.caching=true",
        'kubeflow.default.tolerations=[{key="nvidia.com/gpu"}]',
        'kubeflow.default.volumes={"/data"="corpus"}',
        "kubeflow.default.timeout_s=90",
    )  # fmt: skip
    containers, tasks = _containers(text), _tasks(text)
    both = {"cpuLimit": 2.0, "cpuRequest": 2.0}
    assert containers["Pusher"]["resources"] == {**both, "memoryLimit": 4.0, "memoryRequest": 4.0}
    trainer = containers["Trainer"]
    assert trainer["resources"]["memoryLimit"] == 16.0
    assert trainer["resources"]["cpuLimit"] == 2.0
    assert trainer["env"] == [{"name": "A", "value": "1"}, {"name": "B", "value": "3"}]
    assert [name for name, task in tasks.items() if task["cachingOptions"]] == ["SchemaGen"]
    platform = list(yaml.safe_load_all(text))[1]
    pusher = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]["Pusher_executor"]
    assert pusher == {
        "activeDeadlineSeconds": "90",
        "pvcMount": [{"constant": "corpus", "mountPath": "/data"}],
        "tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists"}],
    }


def test_several_gpus_have_shared_memory_to_sum_gradients_in(texts):
    def platform(gpus):
        text = _compile(Target.KUBEFLOW, f"kubeflow.stages.Trainer.gpus={gpus}")
        executors = list(yaml.safe_load_all(text))[1]["platforms"]["kubernetes"]["deploymentSpec"][
            "executors"
        ]
        return executors["Trainer_executor"]

    mount = {"volumeName": "shared-memory", "mountPath": "/dev/shm", "medium": "Memory"}
    assert platform(2)["emptyDirMounts"] == [mount]
    assert "emptyDirMounts" not in platform(1)


def test_on_vertex_limits_choose_the_machine_and_nothing_is_requested():
    text = _compile(Target.VERTEX, "vertex.stages.Pusher.cpu=4", "vertex.stages.Pusher.memory_gb=16")
    assert _containers(text)["Pusher"]["resources"] == {"cpuLimit": 4.0, "memoryLimit": 16.0}


def test_caching_corpus_gen_makes_the_files_part_of_its_key(tmp_path):
    def fingerprint():
        mounted = f'kubeflow.default.volumes={{"{tmp_path}"="c"}}'
        caching = "kubeflow.stages.CorpusGen.caching=true"
        text = _compile(Target.KUBEFLOW, f"kubeflow.corpus_path={tmp_path}", mounted, caching)
        parameters = _tasks(text)["CorpusGen"]["inputs"]["parameters"]
        return parameters["input_fingerprint"]["runtimeValue"]["constant"]

    (tmp_path / "a.txt").write_text("one")
    first = fingerprint()
    assert first == fingerprint()
    (tmp_path / "a.txt").write_text("another")
    assert first != fingerprint()
