"""Trains one small model on one device, on several logical ones, and by two worker processes; a program,
run by test_devices.py. Prints one JSON object: each way's curves, and a digest of its weights.

Each way is a fork of this process, which has imported TensorFlow but not used it.
"""

import json
import os
import socket
import sys
from pathlib import Path

import keras
import tensorflow as tf
from stopped_training import LENGTH, child, curves, write_rows

from models import causal_lm
from models.config import ModelConfig, TrainingConfig
from models.tokenizer import GraphTokenizer
from models.training import devices, loop, strategy


def train(folder: Path, name: str, options: dict, num_devices: int) -> None:
    """Leaves ``<name>.json``."""
    distribution = mirrored(num_devices) if num_devices > 1 else strategy.choose(os.environ)
    config = TrainingConfig(
        num_steps=12, batch_size=16, learning_rate=1e-2, clip_norm=0.1, eval_every=6, eval_batches=2,
        log_every=1, sample_tokens=2, jit_compile=options["jit_compile"],
        gradient_accumulation=options["parts"], precision=options["precision"],
    )  # fmt: skip
    devices.prepare(config)
    tokenizer = GraphTokenizer((folder / "tokenizer.model").read_bytes())
    with distribution.scope():
        size = ModelConfig(family=options["family"], num_layers=1, hidden_dim=16, num_heads=2)
        model = causal_lm.build(size, 320, LENGTH)
        log = folder / f"{name}-log"
        loop.train(
            model, tokenizer, config, [str(folder / "train")], [str(folder / "eval")], str(log),
            str(folder / f"{name}-checkpoints"), lambda *_: None,
        )  # fmt: skip
    weights = [float(keras.ops.sum(keras.ops.abs(weight))) for weight in model.trainable_variables]
    outcome = {
        "weights": weights, "replicas": distribution.num_replicas_in_sync,
        "chief": strategy.is_chief(distribution), "logged": log.exists(),
        "curves": curves(log) if log.exists() else {},
    }  # fmt: skip
    (folder / f"{name}.json").write_text(json.dumps(outcome))


def mirrored(num_devices: int) -> tf.distribute.Strategy:
    devices = [tf.config.LogicalDeviceConfiguration()] * num_devices
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], devices)
    return tf.distribute.MirroredStrategy([f"CPU:{index}" for index in range(num_devices)])


def clip_with_keras(folder: Path) -> None:
    """Keras' optimizer, clipping to a norm of 1, given a gradient of 3 on each of two devices."""
    distribution = mirrored(2)
    with distribution.scope():
        variable = keras.Variable([0.0])
        optimizer = keras.optimizers.SGD(1.0, global_clipnorm=1.0)
        optimizer.build([variable])
    update = tf.function(lambda: optimizer.apply([tf.constant([3.0])], [variable]))
    distribution.run(update)
    (folder / "keras.json").write_text(json.dumps(float(variable.numpy()[0])))


def worker(folder: Path, options: dict, index: int, addresses: list[str]) -> None:
    task = {"type": "worker", "index": index}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": {"worker": addresses}, "task": task})
    train(folder, f"worker-{index}", options, 1)


def free_address() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def main() -> None:
    folder, options = Path(sys.argv[1]), json.loads(sys.argv[2])
    names = ["one"]
    jobs = [[(train, folder, "one", options, 1)]]
    for count in options["devices"]:
        names.append(f"devices-{count}")
        jobs.append([(train, folder, names[-1], options, count)])
    if options["workers"]:
        addresses = [free_address() for _ in range(options["workers"])]
        numbers = range(options["workers"])
        names += [f"worker-{index}" for index in numbers]
        jobs.append([(worker, folder, options, index, addresses) for index in numbers])
    if options["keras"]:
        names, jobs = ["keras"], [[(clip_with_keras, folder)]]
    for job in [[(write_rows, folder)], *jobs]:
        for _ in [child(*work) for work in job]:
            if os.wait()[1]:
                sys.exit(f"{job[0][0].__name__} failed")
    print(json.dumps({name: json.loads((folder / f"{name}.json").read_text()) for name in names}))


if __name__ == "__main__":
    main()
