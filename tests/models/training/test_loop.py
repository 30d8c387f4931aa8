import datetime
import math

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from models import causal_lm
from models.config import ModelConfig, TrainingConfig
from models.errors import TooFewRowsError, TrainingDivergedError
from models.features import LOSS_MASK, NUM_BYTES, TOKEN_IDS
from models.measures import LossSums
from models.tokenizer import GraphTokenizer
from models.training import devices, loop, projector

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
                    LOSS_MASK: tf.train.Feature(int64_list=tf.train.Int64List(value=[0] + [1] * LENGTH)),
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
        result = loop.train(
            model,
            GraphTokenizer(tokenizer_proto),
            config,
            rows("train", 40),
            rows("eval", 10),
            str(directory / "log"),
            str(directory / "checkpoints"),
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


def test_parts_change_memory_and_not_the_result(rows, tokenizer_proto, tmp_path):
    whole, _ = _train(rows, tokenizer_proto, tmp_path / "a", learning_rate=1e-3)
    parts, _ = _train(rows, tokenizer_proto, tmp_path / "b", learning_rate=1e-3, gradient_accumulation=4)
    for a, b in zip(whole.get_weights(), parts.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)


def test_label_smoothing_keeps_the_model_from_certainty_and_is_not_in_the_loss(
    rows, tokenizer_proto, tmp_path
):
    _, sharp = _train(rows, tokenizer_proto, tmp_path / "a", num_steps=90)
    _, smooth = _train(rows, tokenizer_proto, tmp_path / "b", num_steps=90, label_smoothing=0.3)
    # A model that gives the target 0.7 and the rest evenly has a loss of -ln 0.7 = 0.36 or more.
    assert sharp.validation.loss < smooth.validation.loss
    assert smooth.validation.loss > 0.3


def test_training_stops_early_and_the_model_has_the_best_weights(
    rows, tokenizer_proto, tmp_path, monkeypatch
):
    """Validations of 3, 2, 2.5, 2.6: with a patience of 2 the fourth is the last."""
    weights, results = {}, {}
    for which in ("best", "last"):
        losses = iter([3.0, 2.0, 2.5, 2.6, 1.0])
        monkeypatch.setattr(
            loop.validation, "loss_sums", lambda *_, losses=losses: LossSums(next(losses), 1.0, 1.0)
        )
        lines = []
        model, results[which] = _train(
            rows, tokenizer_proto, tmp_path / which, num_steps=60, eval_every=10, early_stopping=2,
            export_weights=which, progress=lambda line, *_, lines=lines: lines.append(line),
        )  # fmt: skip
        weights[which] = model.trainable_variables[0].numpy()
        assert "stopped early: no better validation loss since step 20" in lines
    assert [
        (result.num_steps, result.exported_step, result.validation.loss) for result in results.values()
    ] == [
        (40, 20, 2.0),
        (40, 40, 2.6),
    ]
    for which, step in (("best", 20), ("last", 40)):
        reader = tf.train.load_checkpoint(
            str(tmp_path / which / "checkpoints" / f"step-{step:010d}" / "state")
        )
        saved = reader.get_tensor("variables/0/.ATTRIBUTES/VARIABLE_VALUE")
        np.testing.assert_array_equal(weights[which], saved)
    assert (weights["best"] != weights["last"]).any()


def test_tensorboard_has_the_curves(rows, tokenizer_proto, tmp_path):
    lines = []
    _train(
        rows, tokenizer_proto, tmp_path, progress=lambda *line: lines.append(line), sample_prompts=("The",)
    )
    events = EventAccumulator(str(tmp_path / "log"), size_guidance={"tensors": 0})
    events.Reload()
    assert [event.step for event in events.Tensors("loss/training")] == [5, 10, 15, 20, 25, 30]
    losses = {
        tag: float(tf.make_ndarray(events.Tensors(f"{tag}/validation")[-1].tensor_proto))
        for tag in ("loss", "perplexity", "bits_per_byte")
    }
    assert losses["perplexity"] == pytest.approx(math.exp(losses["loss"]), rel=1e-4)
    # Two bytes a token: half the bits.
    assert losses["bits_per_byte"] == pytest.approx(losses["loss"] / math.log(2) / 2, rel=1e-4)
    assert [done for _, done, _ in lines] == [5, 10, 15, 20, 25, 30]


@pytest.mark.parametrize("family", ["transformer", "lstm"])
def test_histograms_and_a_profile_are_written_by_choice_and_change_no_weight(
    rows, tokenizer_proto, tmp_path, family
):
    plain, _ = _train(rows, tokenizer_proto, tmp_path / "plain", family)
    model, _ = _train(rows, tokenizer_proto, tmp_path, family, histograms=True, profile_steps=3)
    for a, b in zip(plain.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert not list((tmp_path / "plain" / "log").glob("plugins"))
    assert len(list((tmp_path / "log").glob("plugins/profile/*/*.xplane.pb"))) == 1
    events = EventAccumulator(str(tmp_path / "log"), size_guidance={"tensors": 0})
    events.Reload()
    for variable in model.trainable_variables:
        for group in ("weights", "weight_gradients"):
            points = events.Tensors(f"{group}/{variable.path}")
            assert [event.step for event in points] == [15, 30]
            counts = tf.make_ndarray(points[-1].tensor_proto)[:, 2]
            assert counts.sum() == math.prod(variable.shape)
    table = model.backbone.token_embedding.embeddings.numpy()
    edges = tf.make_ndarray(events.Tensors("weights/token_embedding/embeddings")[-1].tensor_proto)
    assert (edges[0, 0], edges[-1, 1]) == pytest.approx((table.min(), table.max()))


def test_the_tokens_of_the_projector_have_their_own_vectors(rows, tokenizer_proto, tmp_path):
    model, _ = _train(rows, tokenizer_proto, tmp_path, num_steps=5)
    projector.write_tokens(str(tmp_path), model, GraphTokenizer(tokenizer_proto), 4096)
    lines = (tmp_path / projector.METADATA).read_text(encoding="utf-8").splitlines()
    vectors = np.loadtxt(tmp_path / projector.VECTORS, delimiter="\t")
    assert len(lines) == 321
    assert any(line.startswith("␣quick\t") for line in lines)
    np.testing.assert_allclose(
        vectors, model.backbone.token_embedding.embeddings.numpy(), rtol=1e-4, atol=1e-6
    )
    projector.write_tokens(str(tmp_path / "none"), model, GraphTokenizer(tokenizer_proto), 0)
    assert not (tmp_path / "none").exists()


def test_a_loss_that_is_no_number_stops_the_run_and_says_why(rows, tokenizer_proto, tmp_path):
    model = causal_lm.build(ModelConfig(num_layers=1, hidden_dim=16, num_heads=2), 320, LENGTH)
    model.trainable_variables[0].assign(model.trainable_variables[0] * np.nan)
    with pytest.raises(
        TrainingDivergedError, match=r"the loss is nan at step 1 .*the weights that training started from"
    ):
        loop.train(
            model,
            GraphTokenizer(tokenizer_proto),
            _config(),
            rows("train", 40),
            rows("eval", 10),
            str(tmp_path / "log"),
            str(tmp_path / "checkpoints"),
            lambda *_: None,
        )


@pytest.mark.parametrize(("train_rows", "eval_rows", "split"), [(0, 10, "train"), (40, 0, "eval")])
def test_an_empty_split_is_named(rows, tokenizer_proto, tmp_path, train_rows, eval_rows, split):
    model = causal_lm.build(ModelConfig(num_layers=1, hidden_dim=16, num_heads=2), 320, LENGTH)
    with pytest.raises(TooFewRowsError, match=f"the {split} split holds no rows"):
        loop.train(
            model,
            GraphTokenizer(tokenizer_proto),
            _config(),
            rows("train", train_rows),
            rows("eval", eval_rows),
            str(tmp_path / "log"),
            str(tmp_path / "checkpoints"),
            lambda *_: None,
        )


def test_a_longer_training_at_a_constant_rate_goes_on_from_a_shorter_one_to_the_same_weights(
    rows, tokenizer_proto, tmp_path
):
    values = {"schedule": "constant", "warmup_fraction": 0.0, "export_weights": "last"}
    _, short = _train(rows, tokenizer_proto, tmp_path / "parts", num_steps=10, **values)
    steps = []
    longer, result = _train(
        rows, tokenizer_proto, tmp_path / "parts", num_steps=20,
        progress=lambda line, done, total: steps.append(done), **values,
    )  # fmt: skip
    straight, _ = _train(rows, tokenizer_proto, tmp_path / "straight", num_steps=20, **values)

    assert min(steps) > 9
    for one, other in zip(longer.trainable_variables, straight.trainable_variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    assert result.num_tokens == 20 * 8 * LENGTH
    assert result.began_at > short.began_at


def test_a_training_that_was_stopped_began_when_its_first_process_did(rows, tokenizer_proto, tmp_path):
    def stop(line, done, total):
        if done == 20:
            raise KeyboardInterrupt

    started = datetime.datetime.now(datetime.timezone.utc)
    with pytest.raises(KeyboardInterrupt):
        _train(rows, tokenizer_proto, tmp_path, progress=stop, checkpoint_every=10)
    stopped = datetime.datetime.now(datetime.timezone.utc)
    _, result = _train(rows, tokenizer_proto, tmp_path)

    assert started.isoformat() < result.began_at < stopped.isoformat()
