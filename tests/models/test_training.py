import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from models import causal_lm, devices, training
from models.config import ModelConfig, TrainingConfig
from models.errors import TooFewRowsError, TrainingDivergedError
from models.features import NUM_BYTES, TOKEN_IDS
from models.tokenizer import GraphTokenizer

LENGTH = 8


@pytest.fixture
def rows(tmp_path):
    """Rows of a language that can be learnt: each token is the one before it plus one."""

    def write(name, count):
        path = str(tmp_path / f"{name}.gz")
        with tf.io.TFRecordWriter(path, "GZIP") as writer:
            for row in range(count):
                ids = [3 + (row * 7 + position) % 40 for position in range(LENGTH + 1)]
                features = {
                    TOKEN_IDS: tf.train.Feature(int64_list=tf.train.Int64List(value=ids)),
                    NUM_BYTES: tf.train.Feature(int64_list=tf.train.Int64List(value=[2 * LENGTH])),
                }
                writer.write(
                    tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()
                )
        return [path]

    return write


def _config(**values):
    defaults = {
        "num_steps": 30, "batch_size": 8, "learning_rate": 1e-2, "eval_every": 15, "eval_batches": 2,
        "log_every": 5, "sample_tokens": 4,
    }  # fmt: skip
    return TrainingConfig(**{**defaults, **values})


def _train(rows, tokenizer_proto, directory, family="transformer", progress=None, **values):
    config = _config(**values)
    devices.prepare(config)
    model = causal_lm.build(ModelConfig(family=family, num_layers=1, hidden_dim=16, num_heads=2), 320, LENGTH)
    try:
        result = training.train(
            model,
            GraphTokenizer(tokenizer_proto),
            config,
            rows("train", 40),
            rows("eval", 10),
            str(directory),
            progress or (lambda *_: None),
        )
    finally:
        keras.config.set_dtype_policy("float32")
    return model, result


@pytest.mark.parametrize("family", ["transformer", "lstm"])
@pytest.mark.parametrize("jit_compile", ["on", "off"])
def test_the_loss_falls_with_and_without_xla(rows, tokenizer_proto, tmp_path, family, jit_compile):
    _, result = _train(rows, tokenizer_proto, tmp_path, family, jit_compile=jit_compile, num_steps=60)
    assert result.num_tokens == 60 * 8 * LENGTH
    assert result.validation.loss < 0.8 * math.log(320)


@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_the_loss_falls_in_mixed_precision(rows, tokenizer_proto, tmp_path, precision):
    model, result = _train(rows, tokenizer_proto, tmp_path, precision=precision, num_steps=60)
    assert result.validation.loss < 0.9 * math.log(320)
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}


def test_two_runs_with_one_seed_give_the_same_weights(rows, tokenizer_proto, tmp_path):
    first, _ = _train(rows, tokenizer_proto, tmp_path / "a")
    second, _ = _train(rows, tokenizer_proto, tmp_path / "b")
    other, _ = _train(rows, tokenizer_proto, tmp_path / "c", seed=1)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not np.array_equal(first.get_weights()[0], other.get_weights()[0])


def test_tensorboard_has_the_curves_and_the_samples(rows, tokenizer_proto, tmp_path):
    lines = []
    _train(
        rows, tokenizer_proto, tmp_path, progress=lambda *line: lines.append(line), sample_prompts=("The",)
    )
    events = EventAccumulator(str(tmp_path), size_guidance={"tensors": 0})
    events.Reload()
    assert set(events.Tags()["tensors"]) == {
        "training/loss", "training/perplexity", "training/bits_per_byte", "training/learning_rate",
        "training/gradient_norm", "training/tokens_per_second", "validation/loss", "validation/perplexity",
        "validation/bits_per_byte", "samples/0",
    }  # fmt: skip
    assert [event.step for event in events.Tensors("training/loss")] == [5, 10, 15, 20, 25, 30]
    losses = {
        tag: float(tf.make_ndarray(events.Tensors(f"validation/{tag}")[-1].tensor_proto))
        for tag in ("loss", "perplexity", "bits_per_byte")
    }
    assert losses["perplexity"] == pytest.approx(math.exp(losses["loss"]), rel=1e-4)
    # Two bytes a token: half the bits.
    assert losses["bits_per_byte"] == pytest.approx(losses["loss"] / math.log(2) / 2, rel=1e-4)
    assert [done for _, done, _ in lines] == [5, 10, 15, 20, 25, 30]


def test_a_loss_that_is_no_number_stops_the_run_and_says_why(rows, tokenizer_proto, tmp_path):
    model = causal_lm.build(ModelConfig(num_layers=1, hidden_dim=16, num_heads=2), 320, LENGTH)
    model.trainable_variables[0].assign(model.trainable_variables[0] * np.nan)
    with pytest.raises(
        TrainingDivergedError, match=r"the loss is nan at step 5 .*lower training.learning_rate"
    ):
        training.train(
            model,
            GraphTokenizer(tokenizer_proto),
            _config(),
            rows("train", 40),
            rows("eval", 10),
            str(tmp_path),
            lambda *_: None,
        )


@pytest.mark.parametrize(("train_rows", "eval_rows", "split"), [(0, 10, "train"), (40, 0, "eval")])
def test_an_empty_split_is_named(rows, tokenizer_proto, tmp_path, train_rows, eval_rows, split):
    model = causal_lm.build(ModelConfig(num_layers=1, hidden_dim=16, num_heads=2), 320, LENGTH)
    with pytest.raises(TooFewRowsError, match=f"the {split} split holds no rows"):
        training.train(
            model,
            GraphTokenizer(tokenizer_proto),
            _config(),
            rows("train", train_rows),
            rows("eval", eval_rows),
            str(tmp_path),
            lambda *_: None,
        )
