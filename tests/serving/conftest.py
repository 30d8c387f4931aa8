"""Toy SavedModels: a language model of the contract, made of string operations, and numeric ones."""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
with warnings.catch_warnings():
    # google.api_core, which TensorFlow imports, warns that it will drop Python 3.10.
    warnings.simplefilter("ignore", FutureWarning)
    import tensorflow as tf

from serving import contract
from serving.server import Server, ServerConfig
from serving.warmup import language_model_requests, write_warmup

# A signature's defaults are those of its function's parameters, if they are tensors.
DEFAULT_MAX_NEW_TOKENS = tf.constant([64])
DEFAULT_TEMPERATURE = tf.constant([0.8])
DEFAULT_TOP_P = tf.constant([1.0])
ZERO = tf.constant([0])
TEN = tf.constant([10.0])

ALPHABET = "the quick brown fox jumps over the lazy dog, and the dog sleeps on "


class ToyLanguageModel(tf.Module):
    """Continues a prompt with a stretch of ALPHABET; where it begins depends on the prompt and the seed."""

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, "prompts"),
            tf.TensorSpec([None], tf.int32, "max_new_tokens"),
            tf.TensorSpec([None], tf.float32, "temperature"),
            tf.TensorSpec([None], tf.int32, "top_k"),
            tf.TensorSpec([None], tf.float32, "top_p"),
            tf.TensorSpec([None], tf.int32, "seed"),
        ]
    )
    def generate(
        self,
        prompts,
        max_new_tokens=DEFAULT_MAX_NEW_TOKENS,
        temperature=DEFAULT_TEMPERATURE,
        top_k=ZERO,
        top_p=DEFAULT_TOP_P,
        seed=ZERO,
    ):
        lengths = tf.strings.length(prompts, unit="UTF8_CHAR")
        longest = tf.reduce_max(lengths)
        too_long = tf.strings.format("prompt has {} tokens, the model's context is 256: shorten it", longest)
        with tf.control_dependencies([tf.debugging.Assert(longest <= 256, [too_long])]):
            shift = seed + top_k + tf.cast(10.0 * top_p, tf.int32)
            begins = tf.where(temperature > 0.0, lengths + shift, lengths) % 30
        text = tf.strings.substr(tf.fill(tf.shape(prompts), ALPHABET), begins, 0 * begins + max_new_tokens)
        return {
            "text": text,
            "num_tokens": tf.strings.length(text),
            "finish_reason": tf.fill(tf.shape(prompts), "length"),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "texts")])
    def score(self, texts):
        num_bytes = tf.strings.length(texts)
        return {
            "log_probability": -0.3 * tf.cast(num_bytes, tf.float32),
            "num_tokens": num_bytes,
            "num_bytes": num_bytes,
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, "examples")])
    def evaluate(self, examples):
        size = tf.cast(tf.strings.length(examples), tf.float32)
        bins = tf.repeat(size[:, tf.newaxis], contract.CALIBRATION_BINS, axis=1)
        return {
            field.name: size if field.columns is None else bins
            for field in contract.EVALUATE_SIGNATURE.outputs
        }


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
        input_signature=[
            tf.TensorSpec([None], tf.bool, "flag"),
            tf.TensorSpec([None], tf.int64, "long"),
            tf.TensorSpec([None], tf.string, "name"),
            tf.TensorSpec([None], tf.uint8, "small"),
            tf.TensorSpec([None], tf.float64, "wide"),
        ]
    )
    def echo(self, flag, long, name, small, wide):
        return {"flag": flag, "long": long, "name": name, "name_bytes": name, "small": small, "wide": wide}

    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32, "x")])
    def matrix(self, x):
        tf.debugging.assert_less(tf.shape(x)[0], 5, message="the batch has more than 4 rows: send fewer")
        return {"half": tf.cast(x, tf.float16)}


def save_language_model(version_dir: Path) -> None:
    module = ToyLanguageModel()
    tf.saved_model.save(
        module,
        str(version_dir),
        signatures={
            "serving_default": module.generate,
            "generate": module.generate,
            "score": module.score,
            "evaluate": module.evaluate,
        },
    )
    write_warmup(str(version_dir), language_model_requests())


def save_numeric(version_dir: Path, factor: float = 2.0) -> None:
    module = Numeric(factor)
    signatures = {
        "serving_default": module.scale,
        "add": module.add,
        "echo": module.echo,
        "matrix": module.matrix,
    }
    tf.saved_model.save(module, str(version_dir), signatures=signatures)


@pytest.fixture(scope="session")
def language_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base path with version 1 of the toy language model."""
    base_path = tmp_path_factory.mktemp("language_model")
    save_language_model(base_path / "1")
    return base_path


@pytest.fixture(scope="session")
def numeric_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base path with version 3 of the numeric model, whose default signature doubles."""
    base_path = tmp_path_factory.mktemp("numeric")
    save_numeric(base_path / "3")
    return base_path


@pytest.fixture
def save_factor() -> Callable[[Path, float], None]:
    """Saves a numeric model whose default signature multiplies by the given factor."""
    return save_numeric


def _config(model_name: str, base_path: Path) -> ServerConfig:
    return ServerConfig(
        model_name=model_name,
        model_base_path=str(base_path),
        port=0,
        rest_api_port=0,
        file_system_poll_wait_seconds=0.05,
    )


@pytest.fixture
def config() -> Callable[[str, Path], ServerConfig]:
    """A configuration with free ports and quick polls."""
    return _config


@pytest.fixture(scope="session")
def language_server(language_model_dir: Path) -> Iterator[Server]:
    with Server(_config("toy", language_model_dir)) as server:
        yield server


MODELS_CONFIG = """
model_config_list {{ config {{
  name: "numeric" base_path: "{base_path}" model_platform: "tensorflow"
  version_labels {{ key: "stable" value: 3 }} version_labels {{ key: "gone" value: 9 }}
}} }}
"""


@pytest.fixture(scope="session")
def numeric_server(numeric_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    file = tmp_path_factory.mktemp("settings") / "models.config"
    file.write_text(MODELS_CONFIG.format(base_path=numeric_dir))
    config = dataclasses.replace(
        _config("numeric", numeric_dir),
        model_config_file=str(file),
        allow_version_labels_for_unavailable_models=True,
        # Room for the largest messages of the tests on a slow machine.
        rest_api_timeout_in_ms=60_000,
    )
    with Server(config) as server:
        yield server


@pytest.fixture(scope="session")
def stepwise_dir(tokenizer_proto: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base path with version 1, whose logits are far apart."""
    import keras

    from models import causal_lm, export
    from models.config import ModelConfig
    from models.tokenizer import GraphTokenizer

    keras.utils.set_random_seed(1)
    model = causal_lm.build(ModelConfig(num_layers=2, hidden_dim=32, num_heads=2), 320, 96)
    for variable in model.trainable_variables:
        if len(variable.shape) >= 2:
            variable.assign(variable * 6.0)
    base_path = tmp_path_factory.mktemp("stepwise")
    export.export(model, GraphTokenizer(tokenizer_proto), str(base_path / "1"))
    return base_path


@pytest.fixture(scope="session")
def stepwise_model(stepwise_dir: Path) -> object:
    import tensorflow_text  # noqa: F401

    return tf.saved_model.load(str(stepwise_dir / "1"))


@pytest.fixture(scope="session")
def stepwise_server(stepwise_dir: Path) -> Iterator[Server]:
    """Serves the exported Transformer with all that there is for language models."""
    from serving.language_extension import LanguageExtension

    with Server(_config("tiny", stepwise_dir), [LanguageExtension]) as server:
        yield server
