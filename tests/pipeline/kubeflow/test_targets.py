"""What a target would ignore is an error, by name."""

import pytest

from pipeline import stack
from pipeline.config import load
from pipeline.errors import ConfigError
from pipeline.kubeflow import targets
from pipeline.kubeflow.targets import Target

CORPUS = {target: f"{target.value}.corpus_path=gs://b/corpus" for target in Target}


def _problems(target, *overrides):
    return targets.problems(load("tiny", [CORPUS[target], *overrides]), target)


@pytest.mark.parametrize("target", list(Target))
def test_the_tiny_configuration_with_its_corpus_in_a_bucket_has_none(target):
    assert _problems(target) == []


@pytest.mark.parametrize(
    ("target", "override", "told"),
    [
        (Target.KUBEFLOW, "kubeflow.pipeline_root=/tmp/x", "pipeline_root = '/tmp/x': expected a folder in"),
        (Target.KUBEFLOW, "kubeflow.pipeline_root=minio://m/x", "no file system for MinIO's own scheme"),
        (Target.KUBEFLOW, "kubeflow.serving_dir=served", "kubeflow.serving_dir = 'served': expected"),
        (Target.KUBEFLOW, "kubeflow.corpus_path=data", "kubeflow.corpus_path = 'data': is on this machine"),
        (Target.KUBEFLOW, 'decontamination.against=["tasks/*"]', "against: 'tasks/*' is on this"),
        (Target.KUBEFLOW, "beam.runner=FlinkRunner", "beam.runner = 'FlinkRunner': needs --flink_master=…"),
        (Target.KUBEFLOW, "beam.runner=SparkRunner", "'SparkRunner': needs --spark_master_url=…"),
        (Target.VERTEX, "vertex.pipeline_root=s3://b/x", "expected a folder in gs://"),
        (Target.VERTEX, "vertex.stages.Trainer={gpus=1,gpu_type=\"nvidia.com/gpu\"}",
         "vertex.stages.Trainer.gpu_type = 'nvidia.com/gpu': not a kind that Vertex AI has: "),
    ],
)  # fmt: skip
def test_what_a_target_could_not_use_is_told_by_field(target, override, told):
    assert told in "\n".join(_problems(target, override))


def test_a_corpus_of_this_machine_is_told_with_the_field_to_set():
    [problem] = targets.problems(load("tiny"), Target.VERTEX)
    assert problem.startswith("corpus.path = 'data/shakespeare': is on this machine")
    assert problem.endswith("set vertex.corpus_path")


def test_a_preset_in_a_folder_of_this_machine_is_told():
    config = load("tiny", [CORPUS[Target.VERTEX]])
    model = config.model.model_copy(update={"family": "preset", "preset": "./mine"})
    [problem] = targets.problems(config.model_copy(update={"model": model}), Target.VERTEX)
    assert problem.startswith("model.preset = './mine': is on this machine")


def test_a_volume_of_every_stage_may_hold_corpus_and_models():
    mounted = 'kubeflow.default.volumes={"/data"="claim"}'
    places = ("kubeflow.corpus_path=/data/text", "kubeflow.serving_dir=/data/served")
    assert _problems(Target.KUBEFLOW, mounted, *places) == []
    assert _problems(Target.KUBEFLOW, *places) != []
    assert _problems(Target.KUBEFLOW, mounted, "kubeflow.pipeline_root=/data/root") != []


def test_s3_is_refused_where_tensorflow_has_no_file_system_for_it(monkeypatch):
    monkeypatch.setattr(stack, "HAS_S3", False)
    assert (
        "s3://: TensorFlow has no file system"
        in _problems(Target.KUBEFLOW, "kubeflow.serving_dir=s3://b/x")[0]
    )
    monkeypatch.setattr(stack, "HAS_S3", True)
    assert _problems(Target.KUBEFLOW, "kubeflow.serving_dir=s3://b/x") == []


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("kubeflow.stages.Trainr.gpus=1", "kubeflow.stages.Trainr"),
        ("kubeflow.stages.Trainer.gpu=1", "kubeflow.stages.Trainer.gpu: no such field: did you mean gpus?"),
        ("kubeflow.default.gpu_type=NVIDIA_L4", "Kubernetes would wait for ever"),
        ('vertex.default.node_selector={a="b"}', "node_selector: Vertex AI runs no pods of yours"),
        ('kubeflow.default.environment={"A-B"="1"}', "'A-B' is no name of an environment variable"),
    ],
)  # fmt: skip
def test_what_no_target_takes_is_told_when_the_configuration_is_read(override, told):
    with pytest.raises(ConfigError) as caught:
        load("tiny", [override])
    assert told in str(caught.value)
