"""The models that the contract tests ask, and the configuration that serves them.

``python tests/serving/contract/models.py FOLDER [PATH]`` writes both; PATH is where the server
sees the folder, if elsewhere, as in a container. Then, against any TensorFlow Serving::

    tensorflow_model_server --port=8500 --rest_api_port=8501 --model_config_file=FOLDER/models.config \\
        --allow_version_labels_for_unavailable_models
    pytest tests/serving/contract --server 127.0.0.1:8500,127.0.0.1:8501
"""

from __future__ import annotations

import sys
from pathlib import Path

import tensorflow as tf

TEN = tf.constant([10.0])

MODELS_CONFIG = """
model_config_list {{
  config {{
    name: "numeric" base_path: "{path}/numeric" model_platform: "tensorflow"
    model_version_policy {{ specific {{ versions: 3 }} }}
    version_labels {{ key: "stable" value: 3 }}
    version_labels {{ key: "gone" value: 9 }}
  }}
  config {{
    name: "examples" base_path: "{path}/examples" model_platform: "tensorflow"
  }}
  config {{
    name: "all" base_path: "{path}/numeric" model_platform: "tensorflow"
    model_version_policy {{ all {{ }} }}
  }}
  config {{
    name: "two words" base_path: "{path}/numeric" model_platform: "tensorflow"
    model_version_policy {{ latest {{ num_versions: 2 }} }}
    version_labels {{ key: "a/b" value: 5 }}
  }}
}}
"""
"""Versions 3, 4 and 5 of ``numeric`` multiply by their number."""


class Numeric(tf.Module):
    """One signature for each rule about inputs and outputs."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = tf.Variable(factor)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def scale(self, x):
        return {"y": self.factor * x}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.float32, "x"), tf.TensorSpec([None], tf.float32, "z")]
    )
    def add(self, x, z=TEN):
        return {"sum": x + z, "difference": x - z}

    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.float32, "a"), tf.TensorSpec([None], tf.float32, "b")]
    )
    def product(self, a, b):
        return {"y": a * b}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], dtype, name)
            for name, dtype in (
                ("flag", tf.bool),
                ("long", tf.int64),
                ("name", tf.string),
                ("small", tf.uint8),
                ("wide", tf.float64),
            )
        ]
    )
    def echo(self, flag, long, name, small, wide):
        return {"flag": flag, "long": long, "name": name, "name_bytes": name, "small": small, "wide": wide}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "x")])
    def matrix(self, x):
        return {"half": tf.cast(x, tf.float16)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.float32, "x")])
    def scalar(self, x):
        return {"y": x + 1.0}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, "x")])
    def strict(self, x):
        tf.debugging.assert_less(x, 100.0)
        return {"y": tf.identity(x)}


class Examples(tf.Module):
    """Classifications and regressions, and signatures that are neither."""

    @staticmethod
    def _x(serialized):
        feature = {"x": tf.io.FixedLenFeature([], tf.float32, default_value=1.0)}
        return tf.io.parse_example(serialized, feature)["x"]

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def classify(self, inputs):
        x = self._x(inputs)
        labels = tf.repeat(tf.constant([["low", "high"]]), tf.shape(x)[0], axis=0)
        return {"classes": labels, "scores": tf.stack([1.0 - x, x], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def scores(self, inputs):
        x = self._x(inputs)
        return {"scores": tf.stack([x], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def labels(self, inputs):
        return {"classes": tf.strings.as_string(tf.stack([self._x(inputs)], axis=1), precision=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def regress(self, inputs):
        return {"outputs": 2.0 * self._x(inputs)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def column(self, inputs):
        return {"outputs": 3.0 * tf.expand_dims(self._x(inputs), 1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def wide(self, inputs):
        x = self._x(inputs)
        return {"outputs": tf.stack([x, x], axis=1)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def flat(self, inputs):
        return {"scores": self._x(inputs)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def misnamed(self, examples):
        return {"outputs": self._x(examples)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "inputs")])
    def three(self, inputs):
        x = self._x(inputs)
        return {"classes": x, "scores": x, "outputs": x}


def save_all(folder: Path, served_path: str | None = None) -> Path:
    """Writes the models and ``models.config`` into ``folder``; returns that file."""
    for version in (3, 4, 5):
        numeric = Numeric(float(version))
        signatures = {
            name: getattr(numeric, name) for name in ("add", "product", "echo", "matrix", "scalar", "strict")
        }
        tf.saved_model.save(
            numeric, str(folder / "numeric" / str(version)), {"serving_default": numeric.scale, **signatures}
        )
    examples = Examples()
    names = ("classify", "scores", "labels", "regress", "column", "wide", "flat", "misnamed", "three")
    tf.saved_model.save(
        examples,
        str(folder / "examples" / "1"),
        {"serving_default": examples.classify, **{name: getattr(examples, name) for name in names}},
    )
    config = folder / "models.config"
    config.write_text(MODELS_CONFIG.format(path=served_path or folder.resolve()))
    return config


if __name__ == "__main__":
    save_all(Path(sys.argv[1]), *sys.argv[2:3])
