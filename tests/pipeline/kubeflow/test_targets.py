"""What a target would ignore is an error, by name."""

import pytest

from pipeline import stack
from pipeline.config import load
from pipeline.errors import ConfigError
from pipeline.kubeflow import targets
from pipeline.kubeflow.target import Target

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
         "vertex.stages.Trainer.gpu_type = 'nvidia.com/gpu': not a kind of GPU that Vertex AI has: "),
        (Target.VERTEX, "vertex.stages.Trainer={gpus=1,gpu_type=\"TPU_V3\"}", "'TPU_V3': not a kind of GPU"),
        (Target.VERTEX, "vertex.stages.Trainer.gpus=3", "gpus = 3: a machine of Vertex AI has 1, 2, 4, 8"),
        (Target.KUBEFLOW, "kubeflow.pipeline_root=gs://", "root = 'gs://': expected a bucket and names"),
        (Target.KUBEFLOW, "kubeflow.pipeline_root=gs://b/x?region=a", "expected a bucket and names"),
        (Target.KUBEFLOW, "kubeflow.serving_dir=gs://b/{{workflow.name}}", "serving_dir = 'gs://b/{{workflow"),
        (Target.KUBEFLOW, 'tasks.evaluate=[{task="jsonl",path="mine.jsonl"}]',
         "tasks.evaluate: 'mine.jsonl' is on"),
        (Target.KUBEFLOW, "kubeflow.stages.TaskEvaluator.cpu=1", "this pipeline has no such stage"),
        (Target.KUBEFLOW, "kubeflow.stages.Trainer.gpu_type=a.b/c",
         "kubeflow.stages.Trainer.gpu_type = 'a.b/c': would be ignored, as gpus = 0"),
        (Target.VERTEX, "vertex.default.retry_wait_s=9",
         "vertex.default.retry_wait_s = 9: would be ignored, as retries = 0"),
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


def test_a_stage_with_volumes_of_its_own_lacks_those_of_the_others():
    mounted = 'kubeflow.default.volumes={"/data"="claim"}'
    instead = 'kubeflow.stages.CorpusGen.volumes={"/more"="other"}'
    [problem] = _problems(Target.KUBEFLOW, mounted, instead, "kubeflow.corpus_path=/data/text")
    assert problem.startswith("kubeflow.corpus_path = '/data/text': is on this machine")


def test_a_default_that_one_stage_makes_use_of_is_not_ignored():
    given = ("kubeflow.default.gpu_type=a.b/c", "kubeflow.default.retry_wait_s=9")
    assert len(_problems(Target.KUBEFLOW, *given)) == 2
    used = ("kubeflow.stages.Trainer.gpus=1", "kubeflow.stages.Pusher.retries=1")
    assert _problems(Target.KUBEFLOW, *given, *used) == []


def test_tasks_of_a_pipeline_that_asks_some_may_have_a_stage_of_their_own():
    asked = 'tasks.evaluate=[{task="jsonl",path="gs://b/mine.jsonl"}]'
    assert _problems(Target.KUBEFLOW, asked, "kubeflow.stages.TaskEvaluator.cpu=1") == []


def test_a_slash_at_a_folders_end_is_no_other_folder():
    kubeflow = load("tiny", ["kubeflow.pipeline_root=gs://b/x/", "kubeflow.corpus_path=gs://b/"]).kubeflow
    assert (kubeflow.pipeline_root, kubeflow.corpus_path) == ("gs://b/x", "gs://b")


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
        ("kubeflow.default.memory_gb=inf", "memory_gb = inf: Input should be less than or equal to"),
        ("kubeflow.default.memory_gb=1e-9", "= 1e-09: Input should be greater than or equal to 0.001"),
        ("kubeflow.default.cpu=1e30", "cpu = 1e+30: Input should be less than or equal to"),
        ('kubeflow.image=""', "kubeflow.image = ''"),
        ('kubeflow.default.node_selector={"a b"="c"}', "'a b' is no label of a node"),
        ('kubeflow.default.node_selector={a="b c"}', "a: 'b c' is no label's value"),
        ('kubeflow.default.volumes={data="c"}', "'data': a volume is mounted at an absolute path"),
        ('kubeflow.default.volumes={"/data"="My Claim"}', "'My Claim' is no name of a claim"),
        ('kubeflow.default.tolerations=[{key="a",value="b"}]', "value = 'b' is compared under operator ="),
        ('kubeflow.default.tolerations=[{key="",operator="Equal"}]', 'key = "" tolerates every taint'),
    ],
)  # fmt: skip
def test_what_no_target_takes_is_told_when_the_configuration_is_read(override, told):
    with pytest.raises(ConfigError) as caught:
        load("tiny", [override])
    assert told in str(caught.value)
