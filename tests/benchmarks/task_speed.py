"""How long a model takes over a thousand short items of each kind of task.

    python tests/benchmarks/task_speed.py build/shakespeare/artifacts/Trainer/model/*/Format-Serving

Prints seconds for each task, with and without shots; the first line is what loading takes.
"""

from __future__ import annotations

import os
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

TASKS = (
    {"task": "addition"},
    {"task": "addition", "digits": 2, "shots": 4},
    {"task": "parity", "length": 10, "evaluation_percent": 90},
    {"task": "induction"},
    {"task": "copying", "length": 4},
    {"task": "trivia", "test_percent": 100},
)
NUM_ITEMS = 1000


def main(saved_model: str) -> None:
    from components.task_evaluator.config import TasksConfig
    from components.task_evaluator.evaluation import evaluate

    started = time.perf_counter()
    evaluate(saved_model, TasksConfig())
    print(f"{'loading':<40} {time.perf_counter() - started:6.1f} s", flush=True)
    for entry in TASKS:
        config = TasksConfig.model_validate({"num_items": NUM_ITEMS, "evaluate": [entry]})
        started = time.perf_counter()
        [result] = evaluate(saved_model, config).report.results
        seconds = time.perf_counter() - started
        print(f"{result.label:<40} {seconds:6.1f} s  {result.num_items:,} items", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
