import dataclasses
import json
import urllib.request

import pytest
import tensorflow as tf
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving import contract
from serving.errors import LoadError
from serving.inference.warming import warm_up
from serving.servables.servable import load_servable
from serving.server import Server
from serving.warmup import MAX_RECORDS, WARMUP_FILE, language_model_requests, read_warmup, write_warmup


def doubling(value, signature_name="serving_default"):
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature_name
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([value]))
    return request


def write_logs(version_dir, *logs):
    (version_dir / WARMUP_FILE).parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(version_dir / WARMUP_FILE)) as writer:
        for log in logs:
            writer.write(log if isinstance(log, bytes) else log.SerializeToString())


@pytest.fixture
def version_dir(tmp_path, save_factor):
    save_factor(tmp_path / "1", 2.0)
    return tmp_path / "1"


class Counting:
    """A loaded version whose runs are counted by signature."""

    def __init__(self, version_dir):
        self.servable = load_servable(str(version_dir))
        self.runs = []
        for name in self.servable.signature_defs:
            if not name.startswith("__"):
                self.servable.set_runner(name, self.runner(name))

    def runner(self, name):
        def run(feeds, call):
            self.runs.append(name)
            return self.servable.run_graph(name, feeds)

        return run


def test_what_is_written_is_read_and_replayed(version_dir):
    write_warmup(str(version_dir), [doubling(1.0), doubling(2.0)])
    assert [log.predict_log.request for log in read_warmup(str(version_dir))] == [
        doubling(1.0),
        doubling(2.0),
    ]
    version = Counting(version_dir)
    warm_up(version.servable)
    assert version.runs == ["serving_default"] * 2
    warm_up(version.servable, num_iterations=3)
    assert len(version.runs) == 2 + 6


def test_a_version_without_records_needs_no_warm_up(version_dir):
    assert list(read_warmup(str(version_dir))) == []


def test_a_language_models_records_ask_each_signature_of_text(language_model_dir, tmp_path):
    requests = language_model_requests()
    asked = {request.model_spec.signature_name for request in requests}
    assert asked == {contract.SERVING_DEFAULT, contract.GENERATE, contract.SCORE}
    write_warmup(str(tmp_path), requests)
    servable = load_servable(str(language_model_dir / "1"))
    servable.version_dir = str(tmp_path)
    warm_up(servable)


def test_a_record_that_the_version_cannot_answer_fails_the_load(version_dir):
    write_warmup(str(version_dir), [doubling(1.0), doubling(1.0, "nothing")])
    with pytest.raises(LoadError, match=r'warm-up record 2 of .* fails: Serving signature key "nothing"'):
        warm_up(load_servable(str(version_dir)))


def test_a_damaged_file_fails_the_load(version_dir):
    servable = load_servable(str(version_dir))
    write_logs(version_dir, b"\xff\xff")
    with pytest.raises(LoadError, match="Failed to parse warmup record: number 1 from"):
        warm_up(servable)
    write_warmup(str(version_dir), [doubling(1.0)])
    whole = (version_dir / WARMUP_FILE).read_bytes()
    (version_dir / WARMUP_FILE).write_bytes(whole[:-1])
    with pytest.raises(LoadError, match="is damaged after 0 warm-up records"):
        warm_up(servable)


def test_more_records_than_the_stock_server_takes_fail_the_load(version_dir):
    write_logs(version_dir, *[prediction_log_pb2.PredictionLog()] * MAX_RECORDS)
    warm_up(load_servable(str(version_dir)))
    write_logs(version_dir, *[prediction_log_pb2.PredictionLog()] * (MAX_RECORDS + 1))
    with pytest.raises(LoadError, match=r"Number of warmup records exceeds the maximum \(1000\) at "):
        warm_up(load_servable(str(version_dir)))


class Regressor(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def regress(self, inputs):
        return {"outputs": tf.cast(tf.strings.length(inputs), tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classify(self, inputs):
        return {"scores": tf.ones([tf.shape(inputs)[0], 2])}


def test_every_kind_of_record_is_replayed(tmp_path):
    module = Regressor()
    signatures = {"regress": module.regress, "classify": module.classify}
    tf.saved_model.save(module, str(tmp_path), signatures=signatures)
    regress, classify, both = (prediction_log_pb2.PredictionLog() for _ in range(3))
    regress.regress_log.request.model_spec.signature_name = "regress"
    classify.classify_log.request.model_spec.signature_name = "classify"
    for name in ("regress", "classify"):
        task = both.multi_inference_log.request.tasks.add(method_name=f"tensorflow/serving/{name}")
        task.model_spec.name, task.model_spec.signature_name = "m", name
    for request in (
        regress.regress_log.request,
        classify.classify_log.request,
        both.multi_inference_log.request,
    ):
        request.input.example_list.examples.append(example_pb2.Example())
    write_logs(tmp_path, regress, classify, both)
    version = Counting(tmp_path)
    warm_up(version.servable)
    assert version.runs == ["regress", "classify", "regress", "classify"]
    session = prediction_log_pb2.PredictionLog()
    session.session_run_log.SetInParent()
    write_logs(tmp_path, session)
    with pytest.raises(LoadError, match="Unsupported log_type for warmup: 5"):
        warm_up(version.servable)


def test_a_server_warms_up_unless_told_otherwise(version_dir, config):
    write_warmup(str(version_dir), [doubling(1.0, "nothing")])
    settings = dataclasses.replace(config("m", version_dir.parent), enable_model_warmup=False)
    with Server(settings) as server:
        body = json.dumps({"inputs": [1.0]}).encode()
        with urllib.request.urlopen(f"{server.rest_url}/v1/models/m:predict", body, timeout=20) as response:
            assert json.load(response) == {"outputs": [2.0]}


def test_a_language_models_records_give_every_input_one_value_a_row():
    for request in language_model_requests():
        signature = contract.SIGNATURES[request.model_spec.signature_name]
        assert set(request.inputs) == {field.name for field in signature.inputs}
        assert len({tensor.tensor_shape.dim[0].size for tensor in request.inputs.values()}) == 1
