"""Presets that the tests make: trained, exported, loaded and asked, each as the Keras model itself has it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from components.sequence_packer import packing
from components.sequence_packer.packing import TokenizedDocument
from models import causal_lm, export
from models.config import ModelConfig, TrainingConfig
from models.decoding.keras_rows import KerasRowDecoder
from models.errors import PresetError
from models.presets import model as presets
from models.presets import tokenizers
from models.tokenizer import GraphTokenizer
from models.tokenizing import reading
from models.training import devices, loop
from serving.client import Client
from serving.server import Server
from serving.settings.server_config import ServerConfig
from serving.stock_ops import missing_ops

# Attention from the first token is a softmax over one number, rightly 1.
pytestmark = pytest.mark.filterwarnings("ignore:.*You are using a softmax over axis -1:UserWarning")

LENGTH = 24
TEXTS = ["The quick brown fox jumps over the lazy dog.", "Pack my box with five dozen jugs!"] * 6
PROMPT = "The quick"
KINDS = ["gpt2", "llama", "gemma", "opt", "mistral"]
TRAINED = [("gpt2", 2), ("gpt2", 0), ("llama", 2), ("gemma", 2), ("opt", 0)]
FALLBACKS = {"gemma", "opt", "mistral"}


def _config(**values):
    defaults = {
        "num_steps": 20, "batch_size": 4, "learning_rate": 1e-2, "eval_every": 10, "eval_batches": 2,
        "log_every": 10, "checkpoint_every": 10, "sample_tokens": 2, "projector_tokens": 0,
    }  # fmt: skip
    return TrainingConfig(**{**defaults, **values})


def _rows(content, path, prompt=""):
    """The texts as rows, packed as the pipeline packs them; with ``prompt``, only what follows counts."""
    tokenizer = reading.read(content)
    documents = []
    for text in TEXTS:
        ids = [tokenizer.encode(part) for part in (prompt, text)]
        sizes = [len(part.encode()) for part in (prompt, text)]
        ids = ids if prompt else ids[1:]
        documents.append(
            TokenizedDocument(np.concatenate(ids), sum(sizes), len(ids[0]) if prompt else 0, sizes[0])
        )
    with tf.io.TFRecordWriter(str(path), "GZIP") as writer:
        for rows in packing.pack_stream(documents, tokenizer.vocabulary, LENGTH):
            for record in rows.encode("texts"):
                writer.write(record)
    return [str(path)]


def _train(folder, path, rank, prompt="", name="run", **values):
    """A preset, trained on `TEXTS`; its tokenizer's file; what came of it."""
    content = tokenizers.read(folder)
    files = _rows(content, path / f"{name}.gz", prompt)
    config = _config(**values)
    devices.prepare(config)
    try:
        tokenizer = GraphTokenizer(content)
        settings = ModelConfig(family="preset", preset=str(folder), lora_rank=rank)
        model = causal_lm.build(settings, tokenizer.vocabulary_size(), LENGTH)
        first = [np.array(weights) for weights in model.get_weights()]
        result = loop.train(
            model, tokenizer, config, files, files, str(path / f"{name}-log"),
            str(path / f"{name}-checkpoints"), lambda *_: None,
        )  # fmt: skip
    finally:
        keras.config.set_dtype_policy("float32")
    return model, tokenizer, result, first


@pytest.fixture(scope="module", params=TRAINED, ids=lambda param: f"{param[0]}-{param[1] or 'whole'}")
def trained(request, make_preset, tmp_path_factory):
    """(kind, rank, Keras model, tokenizer, logits before export, base path of the export)."""
    kind, rank = request.param
    path = tmp_path_factory.mktemp(f"{kind}{rank}")
    model, tokenizer, result, _ = _train(make_preset(kind), path, rank)
    assert result.num_steps == 20
    ids = tf.constant(
        np.random.default_rng(0).integers(0, tokenizer.vocabulary_size(), (2, LENGTH)), tf.int32
    )
    logits = causal_lm.logits(model, ids).numpy()
    greedy = _greedy(model, tokenizer)
    export.export(model, tokenizer, str(path / "served" / "1"))
    return kind, rank, ids, logits, greedy, path / "served"


def _greedy(model, tokenizer):
    """The slow reference: the Keras model reads the whole sequence again for each token."""
    vocabulary = tokenizer.vocabulary
    ids, length = (values.numpy()[0] for values in tokenizer.encode(tf.constant([PROMPT])))
    ids = ids[:length].tolist()
    start = len(ids)
    while len(ids) - start < 8:
        logits = causal_lm.logits(model, tf.constant([ids], tf.int32))[0, -1].numpy()
        logits[vocabulary.never_generated] = -np.inf
        logits[vocabulary.size :] = -np.inf
        token = int(logits.argmax())
        if token == vocabulary.end_id:
            break
        ids.append(token)
    new = ids[start:]
    return tokenizer.decode(tf.constant([new], tf.int32), tf.constant([len(new)])).numpy()[0].decode()


def test_the_export_has_the_logits_of_the_unmerged_model(trained):
    _, _, ids, logits, _, served = trained
    loaded = tf.saved_model.load(str(served / "1"))
    for row, expected in zip(ids.numpy(), logits, strict=True):
        found = loaded.stepwise.likelihoods(tf.constant(row))["log_probabilities"].numpy()
        shifted = expected[:-1] - expected[:-1].max(axis=1, keepdims=True)
        vocabulary = loaded.stepwise.token_bytes().numpy()
        silent = np.array([not text for text in vocabulary])
        assert found.dtype == np.float32
        # What is never generated is left out of the sum, and only then.
        kept = ~silent
        for position, token in enumerate(row[1:]):
            if silent[token]:
                continue
            rest = np.exp(shifted[position][kept]).sum()
            end = int(loaded.stepwise.description()["end_id"])
            rest += np.exp(shifted[position][end]) if silent[end] else 0.0
            assert found[position] == pytest.approx(shifted[position][token] - np.log(rest), abs=1e-4)


def test_the_export_runs_in_the_stock_server(trained):
    assert missing_ops(str(trained[-1] / "1")) == []


def test_greedy_text_is_the_same_in_process_in_the_saved_model_and_over_grpc(trained):
    *_, greedy, served = trained
    loaded = tf.saved_model.load(str(served / "1"))
    inputs = export.default_inputs([PROMPT], temperature=0.0, max_new_tokens=8)
    answer = loaded.signatures["generate"](**{name: tf.constant(value) for name, value in inputs.items()})
    config = ServerConfig(model_name="m", model_base_path=str(served), port=0, rest_api_port=0)
    with Server(config) as server, Client(server.grpc_address, "m") as client:
        [generation] = client.generate([PROMPT], max_new_tokens=8, temperature=0.0)
    assert answer["text"].numpy()[0].decode() == greedy == generation.text


@pytest.mark.parametrize("kind", KINDS)
def test_gpt2_and_llama_have_decoders_of_their_own(make_preset, kind):
    config = ModelConfig(family="preset", preset=str(make_preset(kind)))
    decoder = causal_lm.build(config, 10, LENGTH).decoder()
    assert isinstance(decoder, KerasRowDecoder) == (kind in FALLBACKS)


@pytest.mark.parametrize("kind", ["gpt2", "gemma"])
def test_lora_changes_its_own_matrices_alone_and_checkpoints_hold_no_others(make_preset, tmp_path, kind):
    model, _, _, before = _train(make_preset(kind), tmp_path, rank=2)
    names = [variable.name for variable in model.trainable_variables]
    assert sorted(set(names)) == ["lora_kernel_a", "lora_kernel_b"]
    assert len(names) == 8
    after = model.get_weights()
    changed = sum(not np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    assert changed == 8
    sizes = [
        np.prod(shape)
        for name, shape in tf.train.list_variables(str(tmp_path / "run-checkpoints/step-0000000020/state"))
        if "CHECKPOINTABLE" not in name
    ]
    trained = sum(variable.value.shape.num_elements() for variable in model.trainable_variables)
    assert sum(sizes) < 3 * trained + 20  # two moments each, and some counters


@pytest.mark.parametrize(("rank", "nats"), [(0, 0.5), (2, 0.05)])
def test_training_lowers_the_loss(make_preset, tmp_path, rank, nats):
    """By less with LoRA: what it leaves frozen is random here."""
    _, _, short, _ = _train(make_preset("gpt2"), tmp_path, rank, name="a", num_steps=1, learning_rate=1e-6)
    _, _, long, _ = _train(make_preset("gpt2"), tmp_path, rank, name="b", num_steps=60)
    assert long.validation.loss < short.validation.loss - nats


@pytest.mark.parametrize("kind", ["gpt2", "gemma"])
def test_a_run_that_goes_on_ends_at_the_same_weights(make_preset, tmp_path, kind, monkeypatch):
    whole, _, _, _ = _train(make_preset(kind), tmp_path, 2, name="whole")
    save, saved = loop.CheckpointStore.save, []

    def stops(store, progress):
        save(store, progress)
        saved.append(progress.step)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(loop.CheckpointStore, "save", stops)
        with pytest.raises(KeyboardInterrupt):
            _train(make_preset(kind), tmp_path, 2, name="stopped")
    assert saved == [10]
    resumed, _, _, _ = _train(make_preset(kind), tmp_path, 2, name="stopped")
    for a, b in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_loss_is_on_the_completion_only(make_preset, tmp_path):
    _, _, plain, _ = _train(make_preset("llama"), tmp_path, 2, name="plain")
    _, tokenizer, masked, _ = _train(make_preset("llama"), tmp_path, 2, prompt="Five jugs: ", name="masked")
    completions = sum(
        len(reading.read(tokenizers.read(make_preset("llama"))).encode(text)) + 1 for text in TEXTS
    )
    # Every row is trained on about as often as any other: targets a step are those of four rows' completions.
    _, starts = tokenizer.encode(tf.constant(["Five jugs: "]))
    share = completions / (completions + len(TEXTS) * int(starts[0]))
    assert masked.num_tokens / (20 * 4 * LENGTH) == pytest.approx(share, rel=0.1)
    assert plain.num_tokens > masked.num_tokens


@pytest.mark.parametrize("kind", ["gpt2", "gemma"])
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_what_is_trained_in_16_bits_is_served_in_float32(make_preset, tmp_path, kind, precision):
    model, tokenizer, _, _ = _train(make_preset(kind), tmp_path, 2, precision=precision)
    assert {variable.dtype for variable in model.trainable_variables} == {"float32"}
    export.export(model, tokenizer, str(tmp_path / "1"))
    assert missing_ops(str(tmp_path / "1")) == []
    ids = tf.constant([[1, 5, 9, 17]])
    assert model.decoder().sequence_logits(ids).dtype == tf.float32


def test_a_decoder_that_computes_something_else_is_refused(make_preset, monkeypatch):
    real = presets.gpt2_decoder

    def shifted(backbone, context_length):
        decoder = real(backbone, context_length=context_length)
        decoder.weights["final_shift"] = decoder.weights["final_shift"] + 1.0
        return decoder

    monkeypatch.setattr(presets, "gpt2_decoder", shifted)
    config = ModelConfig(family="preset", preset=str(make_preset("gpt2")))
    with pytest.raises(PresetError, match="cannot be served: generating step by step differs from the model"):
        causal_lm.build(config, 10, LENGTH)


def test_a_model_without_layers_to_adapt_is_one_line(make_preset, monkeypatch):
    import keras_hub

    monkeypatch.setattr(
        keras_hub.models.GPT2Backbone, "default_lora_layer_names", lambda self: ["no such layer"]
    )
    config = ModelConfig(family="preset", preset=str(make_preset("gpt2")), lora_rank=2)
    with pytest.raises(PresetError, match=r"model\.lora_rank = 2: a GPT2Backbone has no layers"):
        causal_lm.build(config, 10, LENGTH)
