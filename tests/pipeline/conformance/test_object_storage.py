"""What the stages write to ``gs://`` and ``s3://`` beside their artifacts, by TensorFlow's own clients."""

import concurrent.futures
import os
import subprocess
import sys

import pytest
import tensorflow as tf
from apache_beam.io.filesystems import FileSystems

from components import model_store
from components.config import CorpusConfig
from components.corpus_gen import files
from components.data_gate import history
from models import manifest
from models.config import ModelConfig, TrainingConfig
from models.training import event_files
from models.training.checkpoints import CheckpointStore, Progress
from pipeline import stack
from pipeline.kubeflow import container
from serving import object_storage

NO_S3 = pytest.mark.skipif(not stack.HAS_S3, reason="TensorFlow has no s3:// on this stack")


@pytest.fixture(scope="module", params=["gs", pytest.param("s3", marks=NO_S3)])
def server(request, object_store, s3_store, tmp_path_factory):
    serving = {
        "gs": lambda: object_store.serve_in_process(tmp_path_factory.mktemp("store")),
        "s3": lambda: s3_store.serve_in_process(["files"]),
    }
    with serving[request.param]() as found:
        yield found


@pytest.fixture
def bucket(server, monkeypatch, request):
    """The store, and a folder in it that no other test uses."""
    store, environment = server
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    object_storage.open_for(store.scheme)
    return store, f"{store.scheme}files/{request.node.originalname}"


@pytest.fixture
def saved_model(tmp_path):
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    (folder / "variables" / "variables.index").write_bytes(b"index")
    return str(folder)


def _manifest(weights="w"):
    return manifest.Manifest(
        model=ModelConfig(), training=TrainingConfig(), num_parameters=1, vocabulary_size=10,
        context_length=8, tokenizer_sha256="t", weights_sha256=weights, validation_bits_per_byte=2.0,
        training_tokens=1, training_seconds=1.0,
    )  # fmt: skip


def _object_name(path):
    return path.partition("://files/")[2]


def _names(store, folder):
    prefix = _object_name(folder)
    return [name[len(prefix) + 1 :] for name in store.names("files", f"{prefix}/") if not name.endswith("/")]


def test_a_push_moves_the_model_file_last_and_leaves_nothing_beside(bucket, saved_model):
    store, base = bucket
    assert model_store.push(saved_model, base, _manifest("a")) == 1
    assert model_store.push(saved_model, base, _manifest("b")) == 2
    files = [
        "assets.extra/lexmill.json",
        "assets.extra/mlmd_uuid",
        "saved_model.pb",
        "variables/variables.index",
    ]
    assert _names(store, base) == [f"{version}/{name}" for version in (1, 2) for name in files]
    for version in (1, 2):
        start = _object_name(f"{base}/{version}/")
        written = [name for kind, name in store.history if kind == "write" and name.startswith(start)]
        assert written[-1].endswith("/saved_model.pb")
    assert [found.weights_sha256 for _, found in model_store.manifests(base)] == ["b", "a"]


def test_a_number_that_another_push_has_claimed_is_not_taken(bucket, saved_model):
    store, base = bucket
    store.put("files", f"{_object_name(base)}/.claim-1-another", b"")
    assert model_store.push(saved_model, base, _manifest()) == 2


def test_pushes_at_the_same_time_get_numbers_and_files_of_their_own(bucket, saved_model):
    _, base = bucket
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        pushes = [pool.submit(model_store.push, saved_model, base, _manifest(name)) for name in "abc"]
        pushed = {push.result(): name for push, name in zip(pushes, "abc", strict=True)}
    assert len(pushed) == 3
    assert {version: found.weights_sha256 for version, found in model_store.manifests(base)} == pushed


def test_a_version_whose_push_was_stopped_half_way_is_no_model_and_its_number_is_not_used_again(
    bucket, saved_model
):
    _, base = bucket
    model_store.push(saved_model, base, _manifest())
    tf.io.gfile.remove(f"{base}/1/saved_model.pb")
    assert model_store.manifests(base) == []
    assert model_store.push(saved_model, base, _manifest()) == 2


def test_accepted_statistics_count_once_they_are_whole(bucket):
    from tensorflow_metadata.proto.v0 import statistics_pb2

    _, base = bucket
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    assert history.latest(base) is None
    for name in ("a", "b"):
        history.add(base, statistics, history.Origin(configuration=name))
    assert history.latest(base)[1].configuration == "b"
    tf.io.gfile.remove(f"{base}/2/origin.json")
    assert history.latest(base)[1].configuration == "a"


def test_checkpoints_are_saved_pruned_and_restored(bucket):
    _, base = bucket
    variable, told = tf.Variable([1.0, 2.0]), []
    store = CheckpointStore(base, [variable], told.append)
    for step in (10, 20, 30):
        variable.assign([step, step])
        store.save(Progress(step=step))
    assert sorted(store.steps()) == [20, 30]
    tf.io.gfile.remove(f"{base}/step-0000000030/complete.json")
    variable.assign([0.0, 0.0])
    assert store.restore().step == 20
    assert variable.numpy().tolist() == [20.0, 20.0]
    assert told == [f"{base}/step-0000000030: passed over: its writing was not finished"]


def test_event_files_are_not_written_anew_at_every_step(bucket):
    store, base = bucket
    writer = event_files.EventWriter(base)
    for step in range(20):
        writer.write(step)
    writer.close()
    assert [event.step for event in event_files.read(base)] == [0, *range(20)]
    writes = [name for kind, name in store.history if kind == "write" and "tfevents" in name]
    assert len(writes) <= 3


def test_objects_that_stand_for_folders_are_removed_and_files_stay(bucket):
    store, base = bucket
    for folder in ("model/Format-Serving/variables", "empty"):
        tf.io.gfile.makedirs(f"{base}/{folder}")
    with tf.io.gfile.GFile(f"{base}/model/Format-Serving/saved_model.pb", "w") as file:
        file.write("x")
    start = _object_name(base)
    # TensorFlow's own client makes such objects, and tensorflow-io's none.
    assert (f"{start}/empty/" in store.names("files", start)) == (store.scheme == "gs://")
    artifacts = {name: {"artifacts": [{"uri": f"{base}/{name}"}]} for name in ("model", "empty", "absent")}
    container.remove_folder_objects({"outputs": {"artifacts": artifacts}})
    left = store.names("files", f"{start}/")
    assert [name for name in left if name.startswith((f"{start}/model/", f"{start}/empty/"))] == [
        f"{start}/model/Format-Serving/saved_model.pb"
    ]


@NO_S3
def test_the_corpus_is_listed_on_s3_outside_a_pipeline(s3_store, monkeypatch):
    monkeypatch.setattr(FileSystems, "_pipeline_options", None)
    with s3_store.serve_in_process(["files"]) as (store, environment):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        for name in ("corpus/a.txt", "corpus/deep/b.txt", "corpus/c.csv", "other/d.txt"):
            store.put("files", name, b"text")
        corpus = CorpusConfig(path="s3://files/corpus", sources=[{"name": "prose", "pattern": "**.txt"}])
        found = files.list_files(corpus)
    assert [(file.relative_path, file.num_bytes) for file in found] == [("a.txt", 4), ("deep/b.txt", 4)]


@NO_S3
def test_a_process_that_has_used_s3_ends_with_its_own_status(s3_store):
    code = (
        "import sys, atexit; from serving import object_storage; object_storage.open_for('s3://files/x')\n"
        "import tensorflow as tf; atexit.register(print, 'left in order')\n"
        "with tf.io.gfile.GFile('s3://files/x', 'w') as file: file.write('text')\n"
        "print(tf.io.gfile.GFile('s3://files/x').read()); sys.exit(3)\n"
    )
    with s3_store.serve_in_process(["files"]) as (store, environment):
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code], env={**os.environ, **environment},
            capture_output=True, text=True, check=False, timeout=200,
        )  # fmt: skip
        assert (done.returncode, done.stdout.split("\n")[:2]) == (3, ["text", "left in order"]), done.stderr
        assert store.read("files", "x") == b"text"
