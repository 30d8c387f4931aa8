"""A model whose loss is known, rows of two sources, and the Evaluator's executor over both."""

import json
import math

import pytest
import tensorflow as tf
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, channel_utils, standard_artifacts
from tfx.utils import proto_utils

from components.evaluator import component, summary
from models import manifest
from models.config import ModelConfig, TrainingConfig
from models.features import NUM_BYTES, SOURCE, TOKEN_IDS

LENGTH = 4


class FixedLoss(tf.Module):
    """Charges ``bits`` for every token, and twice that in rows that start with token 9."""

    def __init__(self, bits):
        super().__init__()
        self.nats = tf.Variable(bits * math.log(2.0))

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluate(self, examples):
        row = tf.io.parse_example(
            examples,
            {
                TOKEN_IDS: tf.io.FixedLenFeature([LENGTH + 1], tf.int64),
                NUM_BYTES: tf.io.FixedLenFeature([], tf.int64),
            },
        )
        count = tf.reduce_sum(tf.cast(row[TOKEN_IDS][:, 1:] != 0, tf.float32), axis=1)
        factor = tf.where(row[TOKEN_IDS][:, 0] == 9, 2.0, 1.0)
        return {
            "nll": count * factor * self.nats,
            "num_tokens": count,
            "num_bytes": tf.cast(row[NUM_BYTES], tf.float32),
        }


@pytest.fixture(scope="session")
def write_model():
    """Writes a model of known loss to a folder; returns the artifact."""
    return _write_model


def _write_model(directory, bits, tokenizer="t", evaluation=None):
    module = FixedLoss(bits)
    saved_model = f"{directory}/Format-Serving"
    tf.saved_model.save(module, saved_model, signatures={"evaluate": module.evaluate})
    manifest.write(
        saved_model,
        manifest.Manifest(
            model=ModelConfig(), training=TrainingConfig(), num_parameters=1, vocabulary_size=10,
            context_length=LENGTH, tokenizer_sha256=tokenizer, weights_sha256=str(bits),
            validation_bits_per_byte=bits, training_tokens=1, training_seconds=1.0,
            evaluation=evaluation or {},
        ),
    )  # fmt: skip
    return _artifact(standard_artifacts.Model, directory)


def _artifact(kind, directory):
    artifact = kind()
    artifact.uri = str(directory)
    return artifact


@pytest.fixture
def rows(tmp_path):
    """Two sources: 3 rows of ``a`` (4 tokens, 4 bytes each), 1 of ``b`` (2 tokens, 2 bytes, dearer)."""
    examples = _artifact(standard_artifacts.Examples, tmp_path / "rows")
    examples.split_names = artifact_utils.encode_split_names(["test"])
    folder = tmp_path / "rows" / "Split-test"
    folder.mkdir(parents=True)
    with tf.io.TFRecordWriter(str(folder / "data_tfrecord-00000-of-00001.gz"), "GZIP") as writer:
        for source, ids in [("a", [3, 4, 5, 6, 7])] * 3 + [("b", [9, 4, 5, 0, 0])]:
            size = sum(1 for token in ids[1:] if token)
            feature = {
                TOKEN_IDS: tf.train.Feature(int64_list=tf.train.Int64List(value=ids)),
                NUM_BYTES: tf.train.Feature(int64_list=tf.train.Int64List(value=[size])),
                SOURCE: tf.train.Feature(bytes_list=tf.train.BytesList(value=[source.encode()])),
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return examples


@pytest.fixture
def evaluate(tmp_path, rows):
    """Runs the executor: (model, baseline or None, settings) to the summary."""

    def run(model, baseline, settings):
        if baseline is None:
            (tmp_path / "none").mkdir(exist_ok=True)
            baseline = _artifact(standard_artifacts.Model, tmp_path / "none")
        outputs = {
            "evaluation": [_artifact(standard_artifacts.ModelEvaluation, tmp_path / "evaluation")],
            "blessing": [_artifact(standard_artifacts.ModelBlessing, tmp_path / "blessing")],
        }
        channels = [channel_utils.as_channel([artifact]) for artifact in (rows, model, baseline)]
        spec = component.Evaluator(*channels, settings).spec
        properties = {
            name: value if isinstance(value, str) or value is None else proto_utils.proto_to_json(value)
            for name, value in spec.exec_properties.items()
        }
        context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=["--runner=FnApiRunner"])
        inputs = {"examples": [rows], "model": [model], "baseline_model": [baseline]}
        component.Executor(context).Do(inputs, outputs, properties)
        assert json.loads((tmp_path / "evaluation" / summary.FILE).read_text())
        blessed = outputs["blessing"][0].get_int_custom_property("blessed") == 1
        found = summary.read(str(tmp_path / "evaluation"))
        assert found.blessed == blessed
        return found

    return run
