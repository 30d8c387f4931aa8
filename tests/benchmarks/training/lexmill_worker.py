"""Lexmill's side: the model and the compiled training step as the trainer uses them, on ids in memory."""

from __future__ import annotations

import json
import sys
import time

from pipeline import quiet

quiet.set_environment()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

from models import causal_lm  # noqa: E402
from models.config import ModelConfig, TrainingConfig  # noqa: E402
from models.training import batches, cores, devices  # noqa: E402
from models.training.optimizer import AdamW  # noqa: E402
from models.training.step import Stack, TrainingStep  # noqa: E402


def main() -> None:
    """Trains for as many seconds as each line of the standard input says; answers in JSON."""
    spec = json.loads(sys.argv[1])
    length, steps = spec["length"], batches.MAX_STEPS
    model_config = ModelConfig(
        family=spec["family"],
        num_layers=spec["layers"],
        hidden_dim=spec["width"],
        num_heads=spec["heads"],
        dropout=spec["dropout"],
    )
    config = TrainingConfig(
        batch_size=spec["batch"],
        beta_2=spec["beta_2"],
        precision=spec.get("precision", "float32"),
        jit_compile=spec["jit_compile"],
    )
    cores.share()
    devices.prepare(config)
    model = causal_lm.build(model_config, spec["vocabulary"], length)
    optimizer = AdamW(config, model.trainable_variables, devices.is_float16(config))
    step = TrainingStep(
        model, optimizer, config, devices.use_xla(config, model), cores.num_shards(config.rows_per_part)
    )
    random = np.random.default_rng(0)
    ids = random.integers(3, spec["vocabulary"], 1_000_000).astype(np.int32)
    windows = np.arange(length + 1)
    rows = (steps, 1, spec["batch"])

    def train() -> float:
        starts = random.integers(0, len(ids) - length, rows)
        sums = step(
            Stack(
                tf.constant(ids[starts[..., np.newaxis] + windows]),
                tf.ones([*rows, length]),
                tf.fill([steps], float(spec["batch"] * length)),
                tf.fill([steps], spec["learning_rate"]),
            )
        )
        return float(sums.nll[-1]) / spec["batch"] / length

    called = time.time()
    loss = train()
    print(json.dumps({"first_step": time.time(), "called": called, "loss": loss}), flush=True)
    for line in sys.stdin:
        seconds, count, started = float(line), 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            loss = train()
            count += steps
        answer = {"tokens_per_s": count * spec["batch"] * length / elapsed, "loss": loss}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
