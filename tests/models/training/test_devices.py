"""Several devices, and several worker processes, compute what one device computes."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import pytest

from models.config import TrainingConfig
from models.errors import DevicesError
from models.training import devices

PROGRAM = Path(__file__).with_name("spread_training.py")


def _train(folder, tokenizer_proto, **options):
    defaults = {
        "family": "transformer", "devices": [], "workers": 0, "parts": 1, "jit_compile": "auto",
        "precision": "float32", "keras": False,
    }  # fmt: skip
    (folder / "tokenizer.model").write_bytes(tokenizer_proto)
    outcome = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), json.dumps({**defaults, **options})],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert outcome.returncode == 0, outcome.stderr[-3000:]
    return json.loads(outcome.stdout.splitlines()[-1])


def _assert_same(one, other, tolerance=1e-5):
    for curve in ("loss/training", "loss/validation"):
        assert [step for step, _ in one["curves"][curve]] == [step for step, _ in other["curves"][curve]]
        values = [value for _, value in one["curves"][curve]]
        assert [value for _, value in other["curves"][curve]] == pytest.approx(values, abs=tolerance)
    # Clipping is by the norm of the whole batch's gradient, not of one device's share.
    norms = [value for _, value in one["curves"]["optimizer/gradient_norm"]]
    assert [value for _, value in other["curves"]["optimizer/gradient_norm"]] == pytest.approx(norms, 1e-3)
    # Not relative alone: a key's bias has no gradient but rounding errors, which Adam scales up.
    assert other["weights"] == pytest.approx(one["weights"], rel=100 * tolerance, abs=100 * tolerance)


def test_two_and_four_devices_have_one_devices_losses(tokenizer_proto, tmp_path):
    runs = _train(tmp_path, tokenizer_proto, devices=[2, 4])
    assert [run["replicas"] for run in runs.values()] == [1, 2, 4]
    _assert_same(runs["one"], runs["devices-2"])
    _assert_same(runs["one"], runs["devices-4"])


def test_parts_and_xla_on_two_devices_have_one_devices_losses(tokenizer_proto, tmp_path):
    runs = _train(tmp_path, tokenizer_proto, family="lstm", devices=[2], parts=2, jit_compile="on")
    _assert_same(runs["one"], runs["devices-2"])


def test_loss_scaling_goes_on_across_devices(tokenizer_proto, tmp_path):
    runs = _train(tmp_path, tokenizer_proto, devices=[2], precision="mixed_float16")
    _assert_same(runs["one"], runs["devices-2"], tolerance=0.02)


def test_two_worker_processes_have_one_devices_losses_and_only_the_chief_writes(tokenizer_proto, tmp_path):
    runs = _train(tmp_path, tokenizer_proto, workers=2)
    chief, other = runs["worker-0"], runs["worker-1"]
    assert (chief["replicas"], other["replicas"]) == (2, 2)
    _assert_same(runs["one"], chief)
    assert other["weights"] == pytest.approx(chief["weights"], rel=1e-6)
    assert (chief["chief"], other["chief"], other["logged"]) == (True, False, False)
    assert (tmp_path / "worker-0-checkpoints").exists()
    assert not (tmp_path / "worker-1-checkpoints").exists()


def test_kerass_optimizer_clips_each_devices_gradient_before_the_sum(tokenizer_proto, tmp_path):
    """Why this package has an optimizer of its own: one device would move by 1, not by 2. When this
    fails, Keras can take its place again."""
    assert _train(tmp_path, tokenizer_proto, keras=True)["keras"] == pytest.approx(-2.0)


@pytest.mark.parametrize(
    ("capabilities", "precision"),
    [
        ([], "float32"), ([(6, 1)], "float32"), ([(7, 0)], "mixed_float16"), ([(7, 5)], "mixed_float16"),
        ([(8, 0)], "mixed_bfloat16"), ([(9, 0), (7, 5)], "mixed_float16"), ([(9, 0), None], "float32"),
    ],
)  # fmt: skip
def test_the_precision_is_what_the_slowest_gpu_computes_fast(capabilities, precision):
    assert devices.precision_of(capabilities) == precision


def test_a_configured_precision_stands():
    assert devices.dtype_policy(TrainingConfig(precision="mixed_float16")) == "mixed_float16"


class _Layer:
    def __init__(self, name, supports_jit):
        self.name, self.supports_jit = name, supports_jit


def _model(*layers):
    return SimpleNamespace(backbone=SimpleNamespace(layers=layers))


def test_on_a_gpu_xla_compiles_what_does_not_run_on_cudnn(monkeypatch):
    monkeypatch.setattr(devices, "has_gpu", lambda: True)
    dense, lstm = _Layer("dense", True), _Layer("lstm_0", False)
    assert devices.use_xla(TrainingConfig(), _model(dense))
    assert not devices.use_xla(TrainingConfig(), _model(dense, lstm))
    assert not devices.use_xla(TrainingConfig(jit_compile="off"), _model(dense))
    with pytest.raises(DevicesError, match="lstm_0 runs on cuDNN, which XLA cannot compile: choose 'auto'"):
        devices.use_xla(TrainingConfig(jit_compile="on"), _model(dense, lstm))


def test_on_a_cpu_xla_compiles_the_loop_of_an_lstm():
    lstm = keras.layers.LSTM(4, name="lstm_0")
    assert devices.use_xla(TrainingConfig(), _model(lstm))
    assert not devices.use_xla(TrainingConfig(), _model(_Layer("dense", True)))
    assert devices.use_xla(TrainingConfig(jit_compile="on"), _model(_Layer("dense", True)))
    assert not devices.use_xla(TrainingConfig(jit_compile="off"), _model(lstm))
