"""Tokens per second of a training step: Lexmill's and PyTorch's, in pairs.

    python tests/benchmarks/training/speed.py --torch-python /path/to/python [--shape small] [--family lstm]

Both sides run in processes of their own, with as many threads, on the same shapes, in
float32, AdamW with decay on matrices only, gradients clipped at 1.0, batches cut from ids in memory. They
take turns, several seconds each, so that what else the machine does hits both; a ratio is
the median over the rounds of one side's figure over the other's in the same round. Another
interpreter with PyTorch in it (``python3 -m venv env && env/bin/pip install torch numpy``) is all
that the other side needs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

SHAPES: dict[str, dict[str, Any]] = {
    "small": {"layers": 4, "width": 128, "heads": 4, "length": 64, "batch": 12, "vocabulary": 65},
    "middle": {"layers": 4, "width": 128, "heads": 4, "length": 128, "batch": 32, "vocabulary": 4096},
    "large": {"layers": 6, "width": 384, "heads": 6, "length": 256, "batch": 8, "vocabulary": 4096},
}
"""``small`` is nanoGPT's CPU recipe, ``large`` its GPU recipe for characters with a larger vocabulary."""


class Side:
    """A worker process that trains for some seconds whenever it is asked to."""

    def __init__(self, name: str, python: str, script: str, spec: dict[str, Any]) -> None:
        self.name = name
        self.figures: list[float] = []
        started = time.time()
        self._process = subprocess.Popen(
            [python, str(FOLDER / script), json.dumps(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("VERBOSE") else subprocess.DEVNULL,
            text=True,
        )
        answer = self._answer()
        self.seconds_to_first_step = answer["first_step"] - started
        self.seconds_of_first_call = answer["first_step"] - answer["called"]

    def run(self, seconds: float) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        self.figures.append(self._answer()["tokens_per_s"])

    def close(self) -> None:
        self._process.communicate()

    def _answer(self) -> dict[str, float]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.name}: the worker ended; run again with VERBOSE=1 to see why")
        return json.loads(line)


def main() -> None:
    """Prints a line a side, and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--torch-python", required=True)
    parser.add_argument("--shape", choices=SHAPES, default="small")
    parser.add_argument("--family", choices=["transformer", "lstm"], default="transformer")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--compile", action="store_true", help="torch.compile on PyTorch's side")
    parser.add_argument("--jit-compile", choices=["on", "off"], default="on", help="XLA on Lexmill's side")
    arguments = parser.parse_args()
    spec = {
        **SHAPES[arguments.shape],
        "family": arguments.family,
        "dropout": 0.0,
        "bias": True,
        "threads": arguments.threads,
        "learning_rate": 1e-3,
        "beta_2": 0.99,
        "fused": True,
        "compile": arguments.compile,
        "jit_compile": arguments.jit_compile,
    }
    sides = [
        Side("PyTorch", arguments.torch_python, "pytorch_worker.py", spec),
        Side("Lexmill", sys.executable, "lexmill_worker.py", spec),
    ]
    for side in sides:
        side.run(arguments.seconds / 2)  # Warms up; not counted.
        side.figures.clear()
    for _ in range(arguments.rounds):
        for side in sides:
            side.run(arguments.seconds)
    for side in sides:
        ratio = statistics.median(a / b for a, b in zip(side.figures, sides[0].figures, strict=True))
        print(
            f"{side.name:8} {statistics.median(side.figures):9,.0f} tokens/s "
            f"({min(side.figures):,.0f} to {max(side.figures):,.0f}), {ratio:.2f} x PyTorch, "
            f"first step after {side.seconds_to_first_step:.1f} s, {side.seconds_of_first_call:.1f} s "
            "of them from the first call"
        )
        side.close()


if __name__ == "__main__":
    main()
