"""Validation loss of small character-level models on 1.1 MB of Shakespeare, at equal steps and equal time.

    python tests/benchmarks/training/quality.py --torch-python /path/to/python

First nanoGPT's published CPU recipe in PyTorch, then the same recipe by Lexmill, then Lexmill's best
recipe in the seconds that PyTorch took. The text is the start of the sample corpus, 90 % for
training and 10 % for validation; a token is a character. Losses are nats per character over the whole
validation text, read in consecutive windows of the model's context.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import samples

FOLDER = Path(__file__).parent
NUM_BYTES = 1_115_394
"""Of nanoGPT's text; its own is another selection of the plays."""
SHAPE = {"layers": 4, "width": 128, "heads": 4, "length": 64, "batch": 12}
RECIPE = {
    "num_steps": 2000,
    "batch_size": 12,
    "learning_rate": 1e-3,
    "warmup_fraction": 0.05,
    "beta_2": 0.99,
    "weight_decay": 0.1,
}
BEST: dict[str, Any] = {
    "length": 128,
    "model": {"family": "lstm", "num_layers": 1, "hidden_dim": 256},
    "training": {"batch_size": 8, "learning_rate": 1.2e-2, "schedule": "linear", "beta_2": 0.99},
}


def ids_of(folder: Path) -> tuple[Path, int, str]:
    """Writes train and validation ids; their file, the number of characters, a description."""
    samples.prepare("shakespeare", folder / "texts")
    text = "".join(path.read_text() for path in sorted((folder / "texts").iterdir()))[:NUM_BYTES]
    alphabet = sorted(set(text))
    index = {character: i for i, character in enumerate(alphabet)}
    ids = np.array([index[character] for character in text], np.uint16)
    split = int(0.9 * len(ids))
    path = folder / "ids.npz"
    np.savez(path, train=ids[:split], validation=ids[split:])
    return path, len(alphabet), f"{len(text):,} characters, {len(alphabet)} of them different"


def run(python: str, script: str, spec: dict[str, Any]) -> dict[str, float]:
    """The figures that the script prints on its last line."""
    command = [python, str(FOLDER / script), json.dumps(spec)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Prints a line a training."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data, vocabulary, description = ids_of(Path(folder))
        print(description)
        common = {
            "data": str(data),
            "vocabulary": vocabulary,
            "seed": arguments.seed,
            "threads": arguments.threads,
        }
        torch_spec = {
            **common,
            **SHAPE,
            "family": "transformer",
            "dropout": 0.0,
            "bias": False,
            "fused": True,
            "learning_rate": 1e-3,
            "beta_2": 0.99,
            "warmup": 100,
            "steps": RECIPE["num_steps"],
        }
        torch = run(arguments.torch_python, "pytorch_quality.py", torch_spec)
        _show("nanoGPT's recipe, PyTorch", torch)
        model = {"num_layers": 4, "hidden_dim": 128, "num_heads": 4}
        same = {**common, "length": 64, "validation_length": 64, "model": model, "training": RECIPE}
        _show("nanoGPT's recipe, Lexmill", run(sys.executable, "lexmill_quality.py", same))
        best = {**common, **BEST, "validation_length": BEST["length"], "seconds": torch["seconds"]}
        _show("best recipe in PyTorch's seconds, Lexmill", run(sys.executable, "lexmill_quality.py", best))


def _show(name: str, figures: dict[str, float]) -> None:
    print(
        f"{name:42} validation loss {figures['loss']:.3f} after {figures['steps']:,.0f} steps, "
        f"{figures['seconds']:.1f} s",
        flush=True,
    )


if __name__ == "__main__":
    main()
