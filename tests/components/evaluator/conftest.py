"""Models whose sums are known, rows of two sources, and the Evaluator's executor over both."""

import functools
import json
import math

import pytest
import tensorflow as tf
from tfx.components.util import model_utils
from tfx.dsl.components.base import base_beam_executor
from tfx.types import artifact_utils, channel_utils, standard_artifacts
from tfx.utils import proto_utils

from components.evaluator import component, summary
from models import manifest
from models.config import ModelConfig, TrainingConfig
from models.features import LANGUAGE, LENGTH, NUM_BYTES, SOURCE, TOKEN_IDS
from models.prediction_measures import NUM_BINS
from models.training.event_files import EventWriter
from pipeline import beam_options
from pipeline.beam_options import BeamConfig

ROW = 4
BIN = 7


class FixedLoss(tf.Module):
    """Charges ``bits`` for every token, and twice that in rows that start with token 9. It is always 0.52
    sure, and right about half of the tokens. One of an earlier version says its loss alone."""

    def __init__(self, bits, is_old=False):
        super().__init__()
        self.nats = tf.Variable(bits * math.log(2.0))
        self.is_old = is_old

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluate(self, examples):
        row = tf.io.parse_example(
            examples,
            {
                TOKEN_IDS: tf.io.FixedLenFeature([ROW + 1], tf.int64),
                NUM_BYTES: tf.io.FixedLenFeature([], tf.int64),
            },
        )
        count = tf.reduce_sum(tf.cast(row[TOKEN_IDS][:, 1:] != 0, tf.float32), axis=1)
        factor = tf.where(row[TOKEN_IDS][:, 0] == 9, 2.0, 1.0)
        sums = {
            "nll": count * factor * self.nats,
            "num_tokens": count,
            "num_bytes": tf.cast(row[NUM_BYTES], tf.float32),
        }
        if self.is_old:
            return sums
        in_its_bin = count[:, None] * tf.one_hot(tf.fill(tf.shape(count), BIN), NUM_BINS)
        bins = {"bin_tokens": 1.0, "bin_confidence": 0.52, "bin_correct": 0.5}
        return {
            **sums,
            "num_correct": count / 2.0,
            "brier": count * 0.25,
            **{name: in_its_bin * value for name, value in bins.items()},
        }


@pytest.fixture(scope="session")
def write_model():
    """Writes a model of known loss to a folder; returns the artifact."""
    return _write_model


def _write_model(directory, bits, tokenizer="t", evaluation=None, is_old=False):
    module = FixedLoss(bits, is_old)
    saved_model = f"{directory}/Format-Serving"
    tf.saved_model.save(module, saved_model, signatures={"evaluate": module.evaluate})
    manifest.write(
        saved_model,
        manifest.Manifest(
            model=ModelConfig(), training=TrainingConfig(), num_parameters=1, vocabulary_size=10,
            context_length=ROW, tokenizer_sha256=tokenizer, weights_sha256=str(bits),
            validation_bits_per_byte=bits, training_tokens=1, training_seconds=1.0,
            evaluation=evaluation or {},
        ),
    )  # fmt: skip
    return _artifact(standard_artifacts.Model, directory)


def _artifact(kind, directory):
    artifact = kind()
    artifact.uri = str(directory)
    return artifact


def _write_rows(folder):
    """Two sources: 3 rows of ``a`` (4 tokens, 4 bytes each), 1 of ``b`` (2 tokens, 2 bytes, dearer)."""
    examples = _artifact(standard_artifacts.Examples, folder)
    examples.split_names = artifact_utils.encode_split_names(["test"])
    (folder / "Split-test").mkdir(parents=True)
    path = folder / "Split-test" / "data_tfrecord-00000-of-00001.gz"
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for source, ids in [("a", [3, 4, 5, 6, 7])] * 3 + [("b", [9, 4, 5, 0, 0])]:
            size = sum(1 for token in ids[1:] if token)
            named = {SOURCE: source, LANGUAGE: "en", LENGTH: "<256"}
            feature = {
                TOKEN_IDS: tf.train.Feature(int64_list=tf.train.Int64List(value=ids)),
                NUM_BYTES: tf.train.Feature(int64_list=tf.train.Int64List(value=[size])),
                **{
                    name: tf.train.Feature(bytes_list=tf.train.BytesList(value=[value.encode()]))
                    for name, value in named.items()
                },
            }
            writer.write(tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString())
    return examples


def _write_model_run(folder):
    writer = EventWriter(str(folder))
    writer.write(20)
    writer.close()
    return _artifact(standard_artifacts.ModelRun, folder)


@pytest.fixture(scope="session")
def evaluate_in():
    """Runs the executor in a folder: (folder, model, baseline or None, settings) to the summary."""
    return _evaluate_in


@pytest.fixture
def evaluate(tmp_path):
    """`evaluate_in` a folder of the test's own."""
    return functools.partial(_evaluate_in, tmp_path)


def _evaluate_in(folder, model, baseline, settings):
    if baseline is None:
        (folder / "none").mkdir()
        baseline = _artifact(standard_artifacts.Model, folder / "none")
    rows, model_run = _write_rows(folder / "rows"), _write_model_run(folder / "model_run")
    outputs = {
        "evaluation": [_artifact(standard_artifacts.ModelEvaluation, folder / "evaluation")],
        "blessing": [_artifact(standard_artifacts.ModelBlessing, folder / "blessing")],
    }
    channels = [channel_utils.as_channel([artifact]) for artifact in (rows, model, baseline, model_run)]
    spec = component.Evaluator(*channels, settings).spec
    properties = {
        name: value if isinstance(value, str) or value is None else proto_utils.proto_to_json(value)
        for name, value in spec.exec_properties.items()
    }
    options = list(beam_options.local(BeamConfig()))
    context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=options)
    inputs = {
        "examples": [rows], "model": [model], "baseline_model": [baseline], "model_run": [model_run],
    }  # fmt: skip
    component.Executor(context).Do(inputs, outputs, properties)
    assert json.loads((folder / "evaluation" / summary.FILE).read_text())
    found = summary.read(str(folder / "evaluation"))
    assert model_utils.is_model_blessed(outputs["blessing"][0]) == found.blessed
    assert (folder / "blessing" / ("BLESSED" if found.blessed else "NOT_BLESSED")).exists()
    return found
