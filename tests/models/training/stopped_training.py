"""Trains a small model in child processes that are killed; a program, run by test_resume.py.

Each attempt is a fork of this process, which has imported TensorFlow but not used it: a fork costs a
second where a new process costs ten. Prints one JSON object: for each run its final weights' hash and
its curves.
"""

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from models import causal_lm
from models.config import ModelConfig, TrainingConfig
from models.features import PACKED_ROW
from models.tokenizer import GraphTokenizer
from models.training import checkpoints, devices, loop

LENGTH = 8
CURVES = ("loss/training", "loss/validation", "optimizer/gradient_norm", "optimizer/learning_rate")


def write_rows(folder: Path) -> None:
    for name, count in (("train", 40), ("eval", 10)):
        with tf.io.TFRecordWriter(str(folder / name), "GZIP") as writer:
            for row in range(count):
                ids = [3 + (row * 7 + position) % 40 for position in range(LENGTH + 1)]
                values = {"token_ids": ids, "num_bytes": [2 * LENGTH]}
                features = {}
                for feature in PACKED_ROW:
                    if feature.dtype == "int64":
                        value = values.get(feature.name, [1] * (LENGTH + 1) if feature.per_token else [1])
                        features[feature.name] = tf.train.Feature(int64_list=tf.train.Int64List(value=value))
                example = tf.train.Example(features=tf.train.Features(feature=features))
                writer.write(example.SerializeToString())


def attempt(folder: Path, run: str, number: int, options: dict, die_while_writing: int | None) -> None:
    """Trains to the end, or is killed; the end leaves ``<run>.json``."""
    config = TrainingConfig(
        num_steps=options["num_steps"], batch_size=8, gradient_accumulation=2, learning_rate=1e-2,
        eval_every=10, eval_batches=2, log_every=5, checkpoint_every=3, sample_tokens=4,
    )  # fmt: skip
    if die_while_writing is not None:
        write = checkpoints._write

        def dies(path: str, text: str) -> None:
            if f"step-{die_while_writing:010d}/complete.json" in path:
                Path(path).write_text(text[: len(text) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            write(path, text)

        checkpoints._write = dies
    devices.prepare(config)
    model_config = ModelConfig(
        family=options["family"], num_layers=1, hidden_dim=16, num_heads=2, dropout=0.1
    )
    model = causal_lm.build(model_config, 320, LENGTH)
    tokenizer = GraphTokenizer((folder / "tokenizer.model").read_bytes())
    lines = []
    log = folder / f"{run}-log-{number}"
    result = loop.train(
        model, tokenizer, config, [str(folder / "train")], [str(folder / "eval")], str(log),
        str(folder / f"{run}-checkpoints"), lambda line, *_: lines.append(line),
    )  # fmt: skip
    digest = hashlib.sha256(b"".join(weight.tobytes() for weight in model.get_weights())).hexdigest()
    outcome = {
        "weights": digest, "curves": curves(log), "attempts": number + 1, "num_tokens": result.num_tokens,
        "validation": result.validation.loss, "resumed": [line for line in lines if "going on" in line],
    }  # fmt: skip
    (folder / f"{run}.json").write_text(json.dumps(outcome))


def curves(log: Path) -> dict:
    """Tag -> [[step, value], …], from the event files."""
    events = EventAccumulator(str(log), size_guidance={"tensors": 0})
    events.Reload()
    return {
        tag: [[event.step, float(tf.make_ndarray(event.tensor_proto))] for event in events.Tensors(tag)]
        for tag in CURVES
    }


def child(work: object, *arguments: object) -> int:
    process = os.fork()
    if process == 0:
        try:
            work(*arguments)
            os._exit(0)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            os._exit(1)
    return process


def main() -> None:
    folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    if child(write_rows, folder) and os.wait()[1]:
        sys.exit("no rows")
    started = time.monotonic()
    if child(attempt, folder, "whole", 0, options, None) and os.wait()[1]:
        sys.exit("the whole run failed")
    seconds = time.monotonic() - started
    chance = random.Random(options["seed"])
    for number in range(options["kills"] + 1):
        is_last = number == options["kills"]
        writing = options["num_steps"] // 2 if number == 0 else None
        process = child(attempt, folder, "killed", number, options, writing)
        if not is_last and writing is None:
            time.sleep(chance.uniform(0.3, 0.95) * seconds)
            os.kill(process, signal.SIGKILL)
        _, status = os.wait()
        if is_last and status:
            sys.exit("the last attempt failed")
    print(json.dumps({run: json.loads((folder / f"{run}.json").read_text()) for run in ("whole", "killed")}))


if __name__ == "__main__":
    main()
