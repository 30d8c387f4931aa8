import re
import typing

import pytest

from models import causal_lm
from models.config import ModelConfig, Size
from models.networks import counts, sizes

GPT2 = {"85m": 124_439_808, "300m": 354_823_168, "700m": 774_030_080, "1.5b": 1_557_611_200}
"""All parameters at vocabulary 50,257 and context 1,024, as the weights that OpenAI published hold."""
SHAPES = [
    {"num_layers": 1, "hidden_dim": 8, "num_heads": 1},
    {"num_layers": 3, "hidden_dim": 16, "num_heads": 2, "intermediate_dim": 40},
    {"num_layers": 1, "hidden_dim": 8, "num_heads": 2, "style": "llama"},
    {"num_layers": 3, "hidden_dim": 32, "num_heads": 4, "style": "llama", "num_key_value_heads": 2},
    {"num_layers": 2, "hidden_dim": 24, "num_heads": 4, "style": "llama", "intermediate_dim": 40},
    {"num_layers": 1, "hidden_dim": 8, "family": "lstm"},
    {"num_layers": 2, "hidden_dim": 24, "family": "lstm", "embedding_dim": 24},
    {"num_layers": 3, "hidden_dim": 16, "family": "lstm", "embedding_dim": 40},
]
NAMED = [(family, size) for family, shapes in sizes.SHAPES.items() for size in shapes]


@pytest.mark.parametrize("values", SHAPES, ids=str)
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(("vocabulary", "context"), [(11, 7), (300, 16)])
def test_a_count_is_that_of_the_built_model(values, tied, vocabulary, context):
    config = ModelConfig(**values, tied_embeddings=tied)
    built = causal_lm.build(config, vocabulary, context)
    found = counts.count(config, vocabulary, context)
    assert found.parameters == built.count_params()
    tables = [w for w in built.weights if re.search(r"embeddings$|^output/kernel$", w.path)]
    assert found.embedding_parameters == sum(table.value.shape.num_elements() for table in tables)
    assert len(tables) == (1 if tied else 2) + (config.family == "transformer" and config.style == "gpt2")


def test_the_documented_example_gives_the_documented_numbers():
    found = counts.count(ModelConfig(size="85m"), 50_257, 1024)
    assert (found.embedding_parameters, found.non_embedding_parameters) == (39_383_808, 85_056_000)
    assert found.training_flops_per_token == 6 * (85_056_000 + 38_597_376) + 12 * 12 * 768 * 1024
    assert counts.format_flops(found.training_flops_per_token) == "855 MFLOPs"


@pytest.mark.parametrize("size", GPT2)
def test_gpt2s_published_sizes_have_their_published_parameters(size):
    assert counts.count(ModelConfig(size=size), 50_257, 1024).parameters == GPT2[size]


@pytest.mark.parametrize(("family", "size"), NAMED)
def test_a_named_size_has_the_parameters_that_it_says(family, size):
    styles = ("gpt2", "llama") if family == "transformer" else ("gpt2",)
    named = float(size[:-1]) * {"k": 1e3, "m": 1e6, "b": 1e9}[size[-1]]
    for style in styles:
        found = counts.count(ModelConfig(family=family, style=style, size=size), 300, 64)
        assert found.non_embedding_parameters == pytest.approx(named, rel=0.1)


def test_every_family_has_every_size():
    for shapes in sizes.SHAPES.values():
        assert tuple(shapes) == typing.get_args(Size)


def test_a_field_beside_the_size_wins_over_it():
    config = ModelConfig(size="1m", num_layers=7)
    assert (config.num_layers, config.hidden_dim, config.num_heads) == (7, 128, 4)
    assert ModelConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize(
    ("flops", "text"), [(0, "0 FLOPs"), (999, "999 FLOPs"), (999.6, "1 kFLOPs"), (1e22, "1e+04 EFLOPs")]
)
def test_operations_are_told_in_three_figures(flops, text):
    assert counts.format_flops(flops) == text
