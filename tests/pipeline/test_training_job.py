"""Training on several machines, from the configuration."""

import json

import pytest
import yaml

from components.trainer.settings import SETTINGS, TrainerSettings
from components.training_job.manifest import TFJob
from pipeline.commands.training_job import write_training_job
from pipeline.config import load
from pipeline.errors import ConfigError
from pipeline.graph import Places, create_stages

WORKERS = ["training_job.workers=2", "training_job.gpus=4", "kubeflow.image=repo/lexmill:1"]


def test_the_command_writes_the_job_of_the_configuration(tmp_path):
    write_training_job("tiny", WORKERS, str(tmp_path / "job.yaml"), None)
    job = TFJob.model_validate(yaml.safe_load((tmp_path / "job.yaml").read_text()))
    worker = job.spec.tfReplicaSpecs.Worker
    [container] = worker.template.spec.containers
    assert (worker.replicas, container.image) == (2, "repo/lexmill:1")
    assert container.resources.limits["nvidia.com/gpu"] == "4"
    assert container.args == ("gs://lexmill/pipelines/tiny/training_request.json",)


@pytest.mark.parametrize(("metadata", "workers"), [(None, 2), (object(), None)])
def test_the_trainer_starts_a_job_in_a_cluster_and_none_on_this_machine(metadata, workers):
    places = Places(
        root="gs://b/r",
        corpus_path="gs://b/c",
        model_base_path="gs://b/s",
        beam_options=(),
        metadata=metadata,
    )
    [trainer] = [stage for stage in create_stages(load("tiny", WORKERS), places) if stage.id == "Trainer"]
    custom_config = json.loads(trainer.exec_properties["custom_config"])
    settings = TrainerSettings.model_validate_json(custom_config[SETTINGS])
    assert (settings.job and settings.job.workers) == workers
    assert settings.job_image == ("repo/lexmill:1" if workers else "")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training_job.workers=3"], r"workers = 3 does not divide the \d+ rows that are worked on at once"),
        (["training_job.namespace=Team A"], "training_job.namespace = 'Team A': a namespace is lower-case"),
        (["training_job.worker=3"], "training_job.worker: no such field: did you mean workers?"),
    ],
)
def test_what_is_wrong_in_the_table_is_told_when_it_is_read(overrides, message):
    with pytest.raises(ConfigError, match=message):
        load("tiny", overrides)
