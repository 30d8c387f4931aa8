import importlib.metadata
import shlex
from pathlib import Path

import pytest
import yaml
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands.serving_config import write_serving_config
from pipeline.errors import MissingInputError
from serving.tensorflow_serving.images import stock_image

CORPUS = '[corpus]\npath = "data"\nsources = [{ name = "a", pattern = "*.txt" }]\n'
FILES = {"Dockerfile", "batching.config", "compose.yaml", "kubernetes", "models.config", "monitoring.config"}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A working folder with two configurations, of which ``poet`` has versions 2 and 10."""
    labels = "[serving]\nlabels = { stable = 10 }\n[serving.resources]\nmemory_gb = 4\n"
    (tmp_path / "poet.toml").write_text(f'name = "poet"\n{CORPUS}{labels}')
    (tmp_path / "clerk.toml").write_text(f'name = "clerk"\n{CORPUS}')
    for version in ("2", "10"):
        (tmp_path / "serving_models" / "poet" / version).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def models(folder):
    text = (folder / "out" / "models.config").read_text()
    config = text_format.Parse(text, model_server_config_pb2.ModelServerConfig())
    return [
        (model.name, model.base_path, dict(model.version_labels)) for model in config.model_config_list.config
    ]


def test_a_sample_needs_no_table(folder):
    result = CliRunner().invoke(app, ["serving-config", "shakespeare", "-o", "out"])
    assert result.exit_code == 0, result.output
    assert {path.name for path in (folder / "out").iterdir()} == FILES
    image = stock_image(importlib.metadata.version("tensorflow"))
    compose = yaml.safe_load((folder / "out" / "compose.yaml").read_text())
    assert compose["services"]["shakespeare"]["image"] == image
    assert "no version of shakespeare is pushed yet: run 'lexmill run shakespeare' first" in result.output
    assert f"FROM {image}\n" in (folder / "out" / "Dockerfile").read_text()


def test_the_lines_say_what_to_run_next(folder):
    lines = write_serving_config(["poet.toml"], [], "out")
    assert lines[0].startswith("wrote models.config, batching.config, monitoring.config, Dockerfile, ")
    assert not any("pushed yet" in line for line in lines)
    commands = [shlex.split(line, comments=True) for line in lines if line.startswith("  ")]
    assert commands == [
        ["docker", "compose", "-f", "out/compose.yaml", "up", "--wait"],
        [
            *("docker", "build", f"--build-context=poet={folder}/serving_models/poet"),
            *("-t", "lexmill-poet:10", "out"),
        ],
        ["docker", "push", "lexmill-poet:10"],
        ["kubectl", "apply", "-k", "out/kubernetes"],
    ]


def test_one_server_takes_the_models_of_several_configurations(folder):
    write_serving_config(["poet.toml", "clerk.toml"], [], "out")
    assert models(folder) == [("poet", "/models/poet", {"stable": 10}), ("clerk", "/models/clerk", {})]
    service = yaml.safe_load((folder / "out" / "compose.yaml").read_text())["services"]["poet"]
    sources = {mount["target"]: mount["source"] for mount in service["volumes"]}
    assert sources["/models/clerk"] == f"{folder}/serving_models/clerk"
    assert service["deploy"]["resources"]["limits"] == {"memory": "4000M"}


def test_kserve_takes_the_versions_from_the_cluster_and_compose_from_here(folder):
    overrides = ["serving.kind=kserve", "serving.storage_uri=s3://bucket/poet"]
    lines = write_serving_config(["poet.toml"], overrides, "out")
    assert not any("docker build" in line for line in lines)
    service = yaml.safe_load((folder / "out" / "kubernetes" / "poet-inferenceservice.yaml").read_text())
    assert service["spec"]["predictor"]["model"]["storageUri"] == "s3://bucket/poet"
    compose = (folder / "out" / "compose.yaml").read_text()
    assert f"{folder}/serving_models/poet" in compose
    assert "s3://" not in compose


def test_a_bucket_that_versions_are_pushed_to_needs_no_storage_uri(folder):
    write_serving_config(["poet.toml"], ["output.serving_dir=gs://bucket/models"], "out")
    assert models(folder) == [("poet", "gs://bucket/models/poet", {"stable": 10})]


def test_an_output_that_is_a_file_is_refused(folder):
    with pytest.raises(MissingInputError, match=r"poet\.toml: is a file: name a folder to write to"):
        write_serving_config(["poet.toml"], [], "poet.toml")


def test_the_readmes_commands_are_those_that_the_command_prints(folder):
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text(encoding="utf-8")
    block = readme.split("lexmill serving-config shakespeare --set ")[1].split("```")[0].splitlines()
    lines = write_serving_config(["shakespeare"], [block[0]], "serving-config")
    printed = [line.partition("  #")[0].strip() for line in lines if line.startswith("  ")][1:]
    assert [line.replace(f"{folder}/", "").partition("    #")[0] for line in printed] == block[1:]
    assert "docker compose -f serving-config/compose.yaml up --wait " in readme
