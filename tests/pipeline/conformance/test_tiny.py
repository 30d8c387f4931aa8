"""The tiny configuration, compiled and run as a cluster would, through an object store: what comes of it is
what the run on this machine gives, bit for bit.

Compared are the tokenizer, the packed rows (as a set: their order in a file is the writing worker's), the
model's manifest with the hash of its weights, the evaluation with every metric of every slice, and the
files of the pushed model that do not hold a time: variables and assets; the warm-up requests as messages.
The store is Cloud Storage's, and with ``--store s3``, which is run by hand, S3's.
"""

import gzip
import json
from pathlib import Path

import pytest

from components.model_store import MLMD_UUID
from pipeline.config import load
from pipeline.kubeflow import compile as compiler
from pipeline.kubeflow.target import Target

BUCKET = "lexmill"
MANIFEST = "assets.extra/lexmill.json"
OF_ONE_RUN = {"training_began_at", "training_seconds", "training_state"}
"""When its training began, how long it took, and the folder where it can be gone on with."""


@pytest.fixture(scope="module")
def compiled(served, tiny_config):
    bucket = f"{served[0].scheme}{BUCKET}"
    folders = {"corpus_path": "corpus", "pipeline_root": "pipelines", "serving_dir": "serving_models"}
    overrides = [f"kubeflow.{field}={bucket}/{folder}" for field, folder in folders.items()]
    overrides.append('training.sample_prompts=["the king"]')
    return compiler.compile_text(load(str(tiny_config), overrides), Target.KUBEFLOW)


@pytest.fixture(scope="module")
def ran(served, runner, compiled, corpus, tmp_path_factory):
    """The finished run."""
    store, environment, folder = served
    _upload(store, corpus, "corpus")
    image = runner.Image(
        {name: value.replace(f"{folder}/", "{files}/") for name, value in environment.items()},
        {path.name: path.read_bytes() for path in folder.iterdir()},
    )
    run = runner.Run(compiled, store, image, tmp_path_factory.mktemp("scratch"))
    run.run()
    return run


@pytest.fixture(scope="module")
def there(ran, served):
    """Objects of one output, by their names below it."""
    store, *_ = served

    def objects(stage, output):
        prefix = ran.output_uri(stage, output).removeprefix(f"{store.scheme}{BUCKET}/")
        return {
            name[len(prefix) + 1 :]: store.read(BUCKET, name) for name in store.names(BUCKET, f"{prefix}/")
        }

    return objects


@pytest.fixture(scope="module")
def here(tiny_run, tiny_config):
    """Files of one output of the local run."""
    assert tiny_run.returncode == 0, tiny_run.stderr
    artifacts = tiny_config.parent / "build/tiny/artifacts"

    def files(stage, output):
        folder = min((artifacts / stage / output).iterdir(), key=lambda path: int(path.name))
        return _files(folder)

    return files


def _files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def _records(files, split):
    """Of TFRecord files: length, its checksum, data, its checksum."""
    found = []
    for name, content in files.items():
        if name.startswith(f"Split-{split}/"):
            data, position = gzip.decompress(content), 0
            while position < len(data):
                length = int.from_bytes(data[position : position + 8], "little")
                found.append(data[position + 12 : position + 12 + length])
                position += 16 + length
    return sorted(found)


def _manifest(files):
    content = json.loads(next(content for name, content in files.items() if name.endswith("lexmill.json")))
    return {name: value for name, value in content.items() if name not in OF_ONE_RUN}


def test_every_stage_has_run(ran):
    assert len(ran.logs) == 13


def test_the_tokenizer_is_the_same(there, here):
    assert there("TokenizerTrainer", "tokenizer") == here("TokenizerTrainer", "tokenizer")


@pytest.mark.parametrize("split", ["train", "eval", "test"])
def test_the_packed_rows_are_the_same(there, here, split):
    cluster, local = (_records(files("SequencePacker", "packed_examples"), split) for files in (there, here))
    assert cluster == local
    assert local


def test_the_weights_are_the_same(there, here):
    assert _manifest(there("Trainer", "model")) == _manifest(here("Trainer", "model"))


def test_the_evaluation_is_the_same(there, here):
    cluster, local = (files("Evaluator", "evaluation")["evaluation.json"] for files in (there, here))
    assert json.loads(cluster) == json.loads(local)


@pytest.mark.usefixtures("ran", "here")
def test_the_pushed_model_is_the_same(served, tiny_config, tmp_path):
    from serving.warmup import WARMUP_FILE, read_warmup

    store, *_ = served
    _download(store, "serving_models/tiny/1", tmp_path)
    here = tiny_config.parent / "served/tiny/1"
    cluster, local = _files(tmp_path), _files(here)
    assert set(cluster) == set(local)
    assert _manifest(cluster) == _manifest(local)
    assert list(read_warmup(str(tmp_path))) == list(read_warmup(str(here)))
    # The graph's names hold addresses and times, a message's maps have no order, and each push has its UUID.
    differing = {name for name in local if cluster[name] != local[name]}
    assert differing <= {"saved_model.pb", "fingerprint.pb", MANIFEST, MLMD_UUID, WARMUP_FILE}


@pytest.mark.usefixtures("ran")
def test_the_model_file_came_last_and_nothing_was_left_beside_the_version(served):
    store, *_ = served
    version = "serving_models/tiny/1/"
    written = [name for kind, name in store.history if kind == "write" and name.startswith(version)]
    assert written[-1] == f"{version}saved_model.pb"
    there = [name for name in store.names(BUCKET, "serving_models/tiny/") if not name.endswith("/")]
    assert [name for name in there if not name.startswith(version)] == []


def test_the_clients_were_tensorflows_and_beams(ran, served):
    store, *_ = served
    tensorflow, beam = {"gs://": ("TSL", "apache-beam/"), "s3://": ("aws-sdk-cpp/", "Boto3/")}[store.scheme]
    assert any(agent.startswith(tensorflow) for agent in store.user_agents)
    assert any(agent.startswith(beam) for agent in store.user_agents)


def test_a_stages_log_tells_its_progress(ran, served):
    assert f"version 1 in {served[0].scheme}{BUCKET}/serving_models/tiny" in ran.logs["Pusher"]


def test_no_stage_asks_for_a_metadata_store(compiled):
    assert "sqlite" not in compiled
    assert str(Path.home()) not in compiled


def _upload(store, folder, prefix):
    for path in folder.rglob("*"):
        if path.is_file():
            store.put(BUCKET, f"{prefix}/{path.relative_to(folder).as_posix()}", path.read_bytes())


def _download(store, prefix, folder):
    for name in store.names(BUCKET, f"{prefix}/"):
        path = folder / name[len(prefix) + 1 :]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(store.read(BUCKET, name))
