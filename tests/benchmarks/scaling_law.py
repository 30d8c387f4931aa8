"""Losses of models of many shapes, trained on the rows of the last run, and the law through them.

    lexmill run shakespeare
    python tests/benchmarks/scaling_law.py transformer:1x64:8:2e6:6e-3 transformer:2x128:8:2e6:3e-3 …

A point is family, layers x width, rows per step, tokens, peak learning rate. Each is trained by the real
loop and measured on the whole eval split; its line is added to a file, ``build/scaling_law.jsonl``. Then
E, A and B of `models.scaling.LossLaw` are fitted to all of the file's points of a family by least squares,
with the exponents of Muennighoff et al. (arXiv 2305.16264, appendix A), which come with the constants for
repeated text; so few points of so narrow a range would not tell exponents apart. Only the shapes that
`models.scaling.shapes` makes count, and only points of at least 900,000 tokens: before that, how far the
learning has come, and not the size of the model, makes the loss. Of points that differ in batch or
learning rate alone, the best one counts.
"""

from __future__ import annotations

import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from models import scaling
from models.config import ModelConfig, TrainingConfig
from models.networks.counts import count
from pipeline.config import load

POINTS = Path("build/scaling_law.jsonl")
VOCABULARY, LENGTH, UNIQUE = 4096, 64, 1_382_511
ALL_OF_EVAL = 10_000
MIN_TOKENS = 900_000


def main(points: list[str]) -> None:
    """Trains the points, then fits."""
    root = Path(load("shakespeare").root, "artifacts")
    rows = max((root / "SequencePacker" / "packed_examples").iterdir(), key=lambda path: int(path.name))
    tokenizer = max((root / "TokenizerTrainer" / "tokenizer").iterdir(), key=lambda path: int(path.name))
    for point in points:
        line = json.dumps(train(point, rows, tokenizer / "tokenizer.model"))
        print(line, flush=True)
        with POINTS.open("a", encoding="utf-8") as file:
            file.write(line + "\n")
    measured = [json.loads(line) for line in POINTS.read_text(encoding="utf-8").splitlines()]
    for family in sorted({point["family"] for point in measured}):
        fit(family, [point for point in measured if point["family"] == family])


def train(point: str, rows: Path, tokenizer_model: Path) -> dict[str, Any]:
    """One point by the real loop."""
    import keras

    from models import causal_lm
    from models.tokenizer import GraphTokenizer
    from models.training import devices, loop

    family, shape, batch, tokens, learning_rate = point.split(":")
    layers, width = map(int, shape.split("x"))
    num_steps = max(1, round(float(tokens) / (int(batch) * LENGTH)))
    training = TrainingConfig(
        num_steps=num_steps,
        batch_size=int(batch),
        learning_rate=float(learning_rate),
        log_every=10 * max(1, num_steps // 100),
        eval_every=10 * num_steps,
        checkpoint_every=10 * num_steps,
        eval_batches=ALL_OF_EVAL,
        sample_tokens=1,
    )
    heads = max(1, width // 32)
    model_config = ModelConfig(family=family, num_layers=layers, hidden_dim=width, num_heads=heads)
    devices.prepare(training)
    tokenizer = GraphTokenizer(tokenizer_model.read_bytes())
    model = causal_lm.build(model_config, VOCABULARY, LENGTH)
    train_files, eval_files = (
        sorted(map(str, (rows / f"Split-{split}").iterdir())) for split in ("train", "eval")
    )
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        result = loop.train(
            model, tokenizer, training, train_files, eval_files, folder, f"{folder}/c", lambda *_: None
        )
    keras.backend.clear_session()
    return {
        "family": family,
        "layers": layers,
        "width": width,
        "batch": int(batch),
        "tokens": num_steps * int(batch) * LENGTH,
        "learning_rate": float(learning_rate),
        "bits_per_byte": result.validation.bits_per_byte,
        "seconds": time.monotonic() - started,
    }


def fit(family: str, points: list[dict[str, Any]]) -> None:
    """Prints the law of a family, and how far off it is at each of its points.

    What repeated text and excess parameters are worth depends on the law, so it is fitted until it stays,
    half way at a time.
    """
    best: dict[tuple[int, int], dict[str, Any]] = {}
    rule = {(shape["num_layers"], shape["hidden_dim"]) for shape in scaling.shapes(family)}
    for point in points:
        key = (point["width"], round(point["tokens"], -5))
        known = best.get(key, {"bits_per_byte": math.inf})["bits_per_byte"]
        is_of_rule = (point["layers"], point["width"]) in rule and point["tokens"] >= MIN_TOKENS
        if is_of_rule and point["bits_per_byte"] < known:
            best[key] = point
    chosen = sorted(best.values(), key=lambda point: (point["width"], point["tokens"]))
    if len(chosen) < 4:
        print(f"{family}: {len(chosen)} points, too few for a law")
        return
    n, d = np.array([_n(point) for point in chosen]), np.array([point["tokens"] for point in chosen])
    loss = np.array([point["bits_per_byte"] for point in chosen])
    law = scaling.LAWS[family]
    for _ in range(100):
        worth = np.array([law.worth(UNIQUE, *pair) for pair in zip(n, d, strict=True)])
        terms = np.concatenate([np.ones((len(n), 1)), worth**-scaling.EXPONENT], axis=1)
        (e, a, b), *_ = np.linalg.lstsq(terms, loss, rcond=None)
        law = scaling.LossLaw(
            (law.irreducible + e) / 2,
            (law.scale_n + max(a, 1.0)) / 2,
            scaling.EXPONENT,
            (law.scale_d + b) / 2,
            scaling.EXPONENT,
        )
    predicted = [law.loss_on(UNIQUE, *pair) for pair in zip(n, d, strict=True)]
    error = np.sqrt(np.mean((predicted - loss) ** 2))
    e, a, b = law.irreducible, law.scale_n, law.scale_d
    print(f"{family}: E = {e:.3f}, A = {a:.1f}, B = {b:.1f}; root mean square error {error:.3f}")
    for point, value in zip(chosen, predicted, strict=True):
        shape = f"{point['layers']}x{point['width']}"
        print(f"  {shape}, {point['tokens']:>9,} tokens: {point['bits_per_byte']:.3f}, the law {value:.3f}")


def _n(point: dict[str, Any]) -> float:
    config = ModelConfig(
        family=point["family"], num_layers=point["layers"], hidden_dim=point["width"], num_heads=1
    )
    return count(config, VOCABULARY, LENGTH).training_flops_per_token / 6


if __name__ == "__main__":
    main(sys.argv[1:])
