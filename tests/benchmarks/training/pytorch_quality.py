"""nanoGPT's CPU recipe in PyTorch: trains on the ids it is given, prints seconds and validation loss."""

from __future__ import annotations

import json
import math
import sys
import time

import numpy as np
import pytorch_worker as worker
import torch


def learning_rate(step: int, spec: dict) -> float:
    """nanoGPT's: linear warm-up, then cosine to a tenth."""
    peak, warmup, steps = spec["learning_rate"], spec["warmup"], spec["steps"]
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    share = (step - warmup) / (steps - warmup)
    return peak * (0.1 + 0.9 * 0.5 * (1.0 + math.cos(math.pi * share)))


@torch.no_grad()
def validation_loss(model: torch.nn.Module, ids: np.ndarray, length: int) -> float:
    """Mean over the whole split in consecutive windows."""
    rows = torch.from_numpy(ids[: (len(ids) - 1) // length * length + 1].astype(np.int64))
    x, y = rows[:-1].view(-1, length), rows[1:].view(-1, length)
    model.eval()
    losses = [
        worker.loss_of(model, a, b).item() * len(a) for a, b in zip(x.split(64), y.split(64), strict=True)
    ]
    return sum(losses) / len(x)


def main() -> None:
    spec = json.loads(sys.argv[1])
    torch.set_num_threads(spec["threads"])
    torch.manual_seed(spec["seed"])
    data = np.load(spec["data"])
    model = worker.build(spec)
    optimizer = worker.build_optimizer(model, spec)
    started = time.perf_counter()
    for step in range(spec["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, spec)
        loss = worker.training_step(model, optimizer, *worker.get_batch(data["train"], spec))
    loss.item()
    seconds = time.perf_counter() - started
    loss = validation_loss(model, data["validation"], spec["length"])
    print(json.dumps({"seconds": seconds, "steps": spec["steps"], "loss": loss}))


if __name__ == "__main__":
    main()
