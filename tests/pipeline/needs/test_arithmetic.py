"""What a corpus and a model need, on paper."""

import json

import pytest
from rich.console import Console

from models.config import ModelConfig
from models.networks.counts import count
from pipeline.config import load
from pipeline.errors import ConfigError
from pipeline.needs import arithmetic, figures, gathering, text
from pipeline.needs.figures import Figure, Figures
from pipeline.needs.options import Options


def _figures(**values):
    stages = {"CorpusGen": 1.0, "StatisticsGen": 2.0, "TokenizerTrainer": 10.0, "SequencePacker": 2.0}
    given = {
        "corpus_bytes": Figure(1e12, "given"), "bytes_per_token": Figure(4.0, "given"),
        "mb_per_cpu_s": {stage: Figure(rate, "given") for stage, rate in stages.items()},
        "documents_ratio": Figure(0.5, "given"), "row_bytes_per_token": Figure(2.0, "given"), "gpu": "H100",
        "gpu_peak_flops": Figure(989.4e12, "published"), "gpu_memory_gb": Figure(80.0, "published"),
        "utilisation": Figure(0.4, "assumed"), "num_gpus": 64, "data_hours": 10.0, "worker_cores": 4,
    }  # fmt: skip
    return Figures(**{**given, **values})


def _config(*overrides):
    return load("shakespeare", ["corpus.eval_percent=5", "corpus.test_percent=5", *overrides])


LARGE = ("model.size=1.5b", "tokenizer.vocabulary_size=50257", "packing.sequence_length=1024",
         "training.batch_size=512", "training.gradient_accumulation=4")  # fmt: skip


def test_the_worked_example_of_the_module():
    """1.5e9 parameters, 1e12 bytes at 4 a token, nine tenths: 2.0e21 FLOPs, 1,421 GPU hours."""
    found = arithmetic.needs(_config(*LARGE), _figures())
    assert found.value("training tokens D") == 2.25e11
    ratio = found.value("parameters N") / 1.5e9
    assert ratio == pytest.approx(1.0, abs=0.05)
    assert found.value("compute C") == pytest.approx(2.025e21 * ratio)
    assert found.value("GPU hours") == pytest.approx(1421 * ratio, rel=1e-3)
    assert found.value("days") == pytest.approx(1421 * ratio / 64 / 24, rel=1e-3)


def test_the_parameters_and_the_counted_compute_are_those_of_the_models_own_count():
    config = _config(*LARGE)
    counts = count(config.model, 50257, 1024)
    found = arithmetic.needs(config, _figures())
    assert found.value("parameters N") == counts.parameters == 1_557_611_200
    assert found.value("compute, counted") == counts.training_flops_per_token * 2.25e11


def test_beam_workers_are_as_many_as_the_hours_ask_for():
    # 1e6 MB at 1, 2 and 2 MB a core second: 277.8 + 138.9 + 138.9 core hours, in 10 hours on 4 cores: 13.9.
    found = arithmetic.needs(_config(), _figures())
    assert found.value("CorpusGen") == pytest.approx(277.78, abs=0.01)
    assert found.value("Beam workers") == 14
    assert found.value("Beam hours") == pytest.approx(555.56 / 56, rel=1e-3)
    assert found.value("TokenizerTrainer") == pytest.approx(0.9 * 27.78, abs=0.01)
    assert arithmetic.needs(_config(), _figures(data_hours=1000.0)).value("Beam workers") == 1


def test_memory_is_sixteen_bytes_a_parameter_and_the_activations_of_a_gpus_rows():
    found = arithmetic.needs(_config(*LARGE), _figures())
    assert found.value("weights, gradients, Adam") == 20 * 1_557_611_200  # With accumulated gradients.
    # 48 layers of 1,600, 25 heads, 1,024 tokens; 512 / 4 rows over 64 GPUs.
    per_row = 48 * 1024 * 1600 * (34 + 5 * 25 * 1024 / 1600) + 8 * 1024 * 50257
    assert found.value("activations") == pytest.approx(2 * per_row)
    assert found.value("rows that fit") == int((80e9 - 20 * 1_557_611_200) / per_row)
    alone = arithmetic.needs(_config(*LARGE, "training.gradient_accumulation=1"), _figures())
    assert alone.value("weights, gradients, Adam") == 16 * 1_557_611_200


def test_an_lstm_has_no_attention_to_keep():
    lstm = ModelConfig(family="lstm", num_layers=2, hidden_dim=100)
    assert arithmetic.activation_bytes_per_row(lstm, 1000, 64) == 2 * 12 * 64 * 100 + 8 * 64 * 1000


def test_storage_is_the_sum_of_what_each_stage_leaves():
    found = arithmetic.needs(_config(*LARGE), _figures())
    parts = [found.value(name) for name in ("documents", "rows", "checkpoints", "models")]
    assert parts == [0.5e12, 2 * 2.5e11, 36 * 1_557_611_200, 16 * 1_557_611_200]
    assert found.value("artifacts in all") == sum(parts)
    assert found.value("trainer's local disk") == 3 * 2.25e11


def test_what_does_not_fit_is_said():
    small = arithmetic.needs(_config(), _figures(corpus_bytes=Figure(1e8, "given")))
    assert small.warnings == ()
    [shards] = arithmetic.needs(_config(), _figures()).warnings
    assert "packing.num_shards = 113 makes it 4 GB" in shards
    tiny_gpu = arithmetic.needs(_config(*LARGE), _figures(gpu_memory_gb=Figure(24.0, "given")))
    assert tiny_gpu.warnings[0].startswith("the model does not fit a H100: every GPU holds all of it")
    batch = arithmetic.needs(_config(*LARGE, "training.batch_size=4096"), _figures())
    assert batch.warnings[0].startswith("the batch does not fit: more GPUs, a larger")


def test_every_line_has_a_formula_and_all_of_them_are_shown():
    found = arithmetic.needs(_config(*LARGE), _figures())
    assert all(line.formula and line.shown for line in found.lines)
    console = Console(width=250)
    with console.capture() as shown:
        console.print(text.table(found, "t"))
    for line in found.lines:
        assert line.name in shown.get()
        assert line.formula in shown.get()
    assert len(json.loads(json.dumps(text.as_json(found)))["lines"]) == len(found.lines)


@pytest.mark.parametrize(
    ("parameters", "shape"), [(1.5e9, (48, 1600)), (88e6, (12, 768)), (7e9, (33, 4224)), (2.4e6, (2, 320))]
)
def test_a_number_of_parameters_is_the_nearest_named_size_or_a_shape_by_the_rule(parameters, shape):
    model = gathering.with_parameters(_config(), parameters).model
    assert (model.num_layers, model.hidden_dim) == shape
    assert count(model, 0, 1).non_embedding_parameters == pytest.approx(parameters, rel=0.12)


def test_a_presets_size_is_its_own(tmp_path):
    preset = load("shakespeare", ["model.family=preset", f"model.preset={tmp_path}"])
    with pytest.raises(ConfigError, match=r"--parameters: .* the preset decides its size"):
        gathering.with_parameters(preset, 1e9)


def test_without_runs_figures_are_stated_and_given_ones_win(tmp_path):
    config = _config(f"output.root={tmp_path}")
    found = gathering.gather(config, Options(corpus_bytes=1e12, mb_per_core=3.0, gpu="A100", gpus=4))
    assert found.corpus_bytes == Figure(1e12, "given")
    assert found.bytes_per_token == Figure(figures.STATED_BYTES_PER_TOKEN, figures.STATED_FROM)
    assert set(found.mb_per_cpu_s.values()) == {Figure(3.0, "given")}
    assert (found.gpu_peak_flops.value, found.gpu_memory_gb.value) == (312e12, 80.0)
    assert found.utilisation.value == 0.4


def test_the_corpus_own_files_are_counted_and_a_missing_one_is_one_line(tmp_path):
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.txt").write_bytes(bytes(1234))
    own = ['corpus.sources=[{name="a", pattern="*.txt"}]', f"output.root={tmp_path}/build"]
    config = _config(*own, f"corpus.path={tmp_path}/text")
    found = gathering.gather(config, Options())
    assert (found.corpus_bytes.value, found.corpus_bytes.source) == (
        1234, f"1 files below {tmp_path}/text, as they lie there",
    )  # fmt: skip
    missing = _config(*own, f"corpus.path={tmp_path}/none")
    with pytest.raises(ConfigError, match=r"does not exist.*; or give --corpus-bytes$"):
        gathering.gather(missing, Options())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpu": "Voodoo"}, r"^--gpu Voodoo: how much memory it has is not known: give --gpu-memory-gb$"),
        (
            {"gpu": "Voodoo", "gpu_memory_gb": 1.0},
            r"^--gpu Voodoo: no published peak of it is known: one of B200",
        ),
    ],
)
def test_a_gpu_that_is_not_known_is_one_line(tmp_path, options, message):
    with pytest.raises(ConfigError, match=message):
        gathering.gather(_config(f"output.root={tmp_path}"), Options(corpus_bytes=1e9, **options))
