import json
import shutil

import keras_hub
import pytest

from models import causal_lm
from models.config import ModelConfig
from models.errors import PresetError
from models.presets import contents, location, outline, tokenizers


@pytest.fixture
def copy(make_preset, tmp_path):
    return shutil.copytree(make_preset("gpt2"), tmp_path / "copy")


def _edit(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def _load(folder, sequence_length=16):
    return causal_lm.build(ModelConfig(family="preset", preset=str(folder)), 10, sequence_length)


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json"])
def test_a_missing_file_is_named(copy, name):
    (copy / name).unlink()
    with pytest.raises(
        PresetError, match=f"{name} is missing: expected the folder that save_to_preset wrote"
    ):
        contents.check(copy)


def test_missing_weights_are_named(copy):
    (copy / "model.weights.h5").unlink()
    with pytest.raises(
        PresetError, match=r"no weights: model\.weights\.h5 or model\.weights\.json is missing"
    ):
        contents.check(copy)


@pytest.mark.parametrize("text", ["{", "[]", ""])
def test_a_file_that_is_no_json_object_is_named(copy, text):
    (copy / "config.json").write_text(text)
    with pytest.raises(PresetError, match=r"config\.json: not (valid JSON|a JSON object)"):
        contents.check(copy)


def test_another_libraries_configuration_is_named(copy):
    (copy / "config.json").write_text('{"layers": 3}')
    with pytest.raises(PresetError, match="neither KerasHub's nor Hugging Face's"):
        contents.check(copy)


def test_an_unknown_model_is_named(copy):
    _edit(copy / "config.json", registered_name="keras_hub>NoSuchBackbone")
    with pytest.raises(PresetError, match="'keras_hub>NoSuchBackbone' is not a model of KerasHub"):
        contents.check(copy)


def test_an_encoder_is_no_causal_language_model(tmp_path):
    models = keras_hub.models
    backbone = models.BertBackbone(
        vocabulary_size=6, num_layers=1, num_heads=2, hidden_dim=8, intermediate_dim=8, max_sequence_length=16
    )
    backbone.save_to_preset(str(tmp_path))
    with pytest.raises(PresetError, match="a BertBackbone, which is no causal language model"):
        _load(tmp_path)


@pytest.mark.parametrize("place", ["config.json", "task.json"])
def test_objects_of_other_packages_are_never_made(copy, place, tmp_path):
    evil = {"module": "subprocess", "class_name": "run", "config": {"args": ["touch", str(tmp_path / "x")]}}
    config = json.loads((copy / place).read_text())
    config["config"]["dtype"] = evil
    (copy / place).write_text(json.dumps(config))
    with pytest.raises(
        PresetError, match=r"asks for subprocess\.run: only Keras' and KerasHub's own objects"
    ):
        _load(copy)
    assert not (tmp_path / "x").exists()


def test_truncated_weights_are_one_line(copy):
    weights = copy / "model.weights.h5"
    weights.write_bytes(weights.read_bytes()[:5000])
    with pytest.raises(PresetError, match=r"cannot be loaded: .*truncated") as caught:
        _load(copy)
    assert "\n" not in str(caught.value)


def test_weights_of_another_shape_are_one_line(copy):
    config = json.loads((copy / "task.json").read_text())
    config["config"]["backbone"]["config"]["hidden_dim"] = 32
    (copy / "task.json").write_text(json.dumps(config))
    with pytest.raises(PresetError, match="cannot be loaded: ") as caught:
        _load(copy)
    assert "\n" not in str(caught.value)


def test_rows_longer_than_the_preset_reads_are_refused_with_both_numbers(copy):
    for use in (_load, lambda folder, length: outline.count_preset(_config(folder), length)):
        with pytest.raises(PresetError, match=r"packing\.sequence_length = 65 is more than the 64 tokens"):
            use(copy, 65)


def _config(folder, lora_rank=0):
    return ModelConfig(family="preset", preset=str(folder), lora_rank=lora_rank)


def test_a_tokenizer_of_more_tokens_than_the_model_has_is_refused(copy):
    with pytest.raises(PresetError, match="its tokenizer has 9,999 tokens, its model 268"):
        causal_lm.build(_config(copy), 9_999, 16)


def test_a_damaged_vocabulary_is_one_line(copy):
    (copy / "assets/tokenizer/vocabulary.json").write_text('{"<|endoftext|>": 0}')
    # By us, or earlier by KerasHub's own tokenizer, as its releases have it.
    with pytest.raises(
        PresetError, match=r"merge 1 needs 't', which vocabulary.json lacks|'t h' contains .* not in"
    ):
        tokenizers.read(copy)
    (copy / "assets/tokenizer/merges.txt").unlink()
    with pytest.raises(PresetError, match=r"its tokenizer cannot be read: .*merges.txt"):
        tokenizers.read(copy)


def test_the_fingerprint_is_of_names_and_content(copy):
    before = location.fingerprint(copy)
    (copy / ".hidden").write_text("x")
    assert location.fingerprint(copy) == before
    (copy / "README.md").write_text("x")
    assert location.fingerprint(copy) != before


@pytest.mark.parametrize("rank", [0, 2])
@pytest.mark.parametrize("kind", ["gpt2", "gemma"])
def test_the_outline_counts_what_the_model_holds_and_trains(make_preset, kind, rank):
    config = _config(make_preset(kind), rank)
    counts = outline.count_preset(config, 16)
    model = causal_lm.build(config, 10, 16)
    assert counts.parameters == model.count_params()
    trained = sum(variable.value.shape.num_elements() for variable in model.trainable_variables)
    assert counts.trained_parameters == (trained if rank else None)
    whole = 3 * counts.forward_flops_per_token
    frozen = (
        2 * (counts.parameters - trained) if kind == "gemma" else 2 * (counts.parameters - trained - 64 * 16)
    )
    assert counts.training_flops_per_token == (whole - frozen if rank else whole)
