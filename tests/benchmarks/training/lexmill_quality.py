"""Lexmill's side of the quality benchmark: trains on the ids it is given, prints seconds and validation loss.

With ``seconds`` in the specification, the number of steps is what fits into them at the speed that
the first steps, made on a copy of the model, had; compilation is reported by itself.
"""

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
from models.training.schedule import learning_rate  # noqa: E402
from models.training.step import Stack, TrainingStep  # noqa: E402

STEPS_AT_A_TIME = batches.MAX_STEPS
TIMED_STEPS = 10 * STEPS_AT_A_TIME


class Trainer:
    """A model, its optimizer and its step."""

    def __init__(self, spec: dict) -> None:
        self.length, self.batch = spec["length"], spec["training"]["batch_size"]
        self.config = TrainingConfig(**spec["training"], seed=spec["seed"], precision="float32")
        cores.share()
        devices.prepare(self.config)
        self.model = causal_lm.build(ModelConfig(**spec["model"]), spec["vocabulary"], self.length)
        self.optimizer = AdamW(self.config, self.model.trainable_variables, False)
        self._step = TrainingStep(
            self.model,
            self.optimizer,
            self.config,
            devices.use_xla(self.config, self.model),
            cores.num_shards(self.config.rows_per_part),
        )
        self._random = np.random.default_rng(spec["seed"])

    def train(self, ids: np.ndarray, first_step: int, config: TrainingConfig) -> float:
        """`STEPS_AT_A_TIME` steps on random windows; the last one's loss."""
        rows = (STEPS_AT_A_TIME, 1, self.batch)
        starts = self._random.integers(0, len(ids) - self.length, rows)
        steps = range(first_step, first_step + STEPS_AT_A_TIME)
        sums = self._step(
            Stack(
                tf.constant(ids[starts[..., np.newaxis] + np.arange(self.length + 1)].astype(np.int32)),
                tf.ones([*rows, self.length]),
                tf.fill([STEPS_AT_A_TIME], float(self.batch * self.length)),
                tf.constant([learning_rate(config, step) for step in steps], tf.float32),
            )
        )
        return float(sums.nll[-1]) / self.batch / self.length

    def validation_loss(self, ids: np.ndarray, length: int) -> float:
        """Mean over the whole split in consecutive windows."""
        rows = (len(ids) - 1) // length
        x = ids[: rows * length].reshape(rows, length).astype(np.int32)
        y = ids[1 : rows * length + 1].reshape(rows, length).astype(np.int32)

        @tf.function(reduce_retracing=True)
        def total(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
            logits = causal_lm.logits(self.model, x)
            return tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits))

        size = max(1, 8192 // length)
        return sum(float(total(x[i : i + size], y[i : i + size])) for i in range(0, rows, size)) / x.size


def main() -> None:
    spec = json.loads(sys.argv[1])
    data = np.load(spec["data"])
    trainer = Trainer(spec)
    begun = time.perf_counter()
    state = [v.value for v in trainer.model.trainable_variables] + trainer.optimizer.state
    fresh = [variable.numpy() for variable in state]
    trainer.train(data["train"], 0, trainer.config)
    compiled = time.perf_counter()
    num_steps = trainer.config.num_steps
    if "seconds" in spec:
        for first in range(0, TIMED_STEPS, STEPS_AT_A_TIME):
            trainer.train(data["train"], first, trainer.config)
        a_stack = (time.perf_counter() - compiled) * STEPS_AT_A_TIME / TIMED_STEPS
        num_steps = max(1, int(spec["seconds"] / a_stack)) * STEPS_AT_A_TIME
    for variable, value in zip(state, fresh, strict=True):
        variable.assign(value)
    config = trainer.config.model_copy(update={"num_steps": num_steps})
    started = time.perf_counter()
    for first in range(0, num_steps, STEPS_AT_A_TIME):
        trainer.train(data["train"], first, config)
    seconds = time.perf_counter() - started
    loss = trainer.validation_loss(data["validation"], spec["validation_length"])
    result = {"seconds": seconds, "steps": num_steps, "loss": loss, "compiled": compiled - begun}
    print(json.dumps({**result, "parameters": trainer.model.count_params()}))


if __name__ == "__main__":
    main()
