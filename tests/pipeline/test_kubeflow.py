"""The compiled pipeline is compared with a golden file; this command makes it again:

lexmill compile tiny -o tests/pipeline/golden/tiny.yaml --set kubeflow.trainer_gpus=1
"""

import sys
from pathlib import Path

import pytest
import yaml

from pipeline.config import load
from pipeline.kubeflow import compile as compiler

GOLDEN = Path(__file__).parent / "golden" / "tiny.yaml"


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    path = tmp_path_factory.mktemp("compiled") / "tiny.yaml"
    compiler.compile_to(load("tiny", ["kubeflow.trainer_gpus=1"]), str(path))
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def executors(compiled):
    specification = next(yaml.safe_load_all(compiled))
    return specification["deploymentSpec"]["executors"]


@pytest.mark.skipif(sys.version_info >= (3, 11), reason="the golden file is of the base stack's TFX and KFP")
def test_the_compiled_pipeline_is_the_golden_one(compiled):
    assert compiled == GOLDEN.read_text(encoding="utf-8")


def test_the_schema_is_the_one_that_the_open_source_backend_takes(compiled):
    assert next(yaml.safe_load_all(compiled))["schemaVersion"] == "2.1.0"


def test_every_stage_is_a_container_of_the_configured_image(executors):
    assert len(executors) == 12
    assert {executor["container"]["image"] for executor in executors.values()} == {"lexmill:latest"}


def test_the_trainer_alone_asks_for_a_gpu(executors):
    asking = {
        name: e["container"]["resources"] for name, e in executors.items() if "resources" in e["container"]
    }
    assert list(asking) == ["Trainer_executor"]
    assert asking["Trainer_executor"]["accelerator"] == {"count": "1", "type": "nvidia.com/gpu"}


def test_without_gpus_none_is_asked_for(tmp_path):
    compiler.compile_to(load("tiny"), str(tmp_path / "p.yaml"))
    assert "accelerator" not in (tmp_path / "p.yaml").read_text(encoding="utf-8")


def test_the_kfp_sdk_loads_it(compiled, tmp_path):
    from kfp import components

    path = tmp_path / "p.yaml"
    path.write_text(compiled, encoding="utf-8")
    assert components.load_component_from_file(str(path)).name == "tiny"
