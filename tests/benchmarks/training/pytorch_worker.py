"""The PyTorch side: nanoGPT's model and training step, written as its users run it on a CPU.

One module per block, `scaled_dot_product_attention`, tied embeddings, AdamW with decay on
matrices only, gradients clipped at 1.0, batches cut from one array of ids; eager unless
``compile`` is asked for. The LSTM is ``nn.Embedding``, ``nn.LSTM``, a tied output layer. Needs
PyTorch and NumPy alone, in an environment of their own.
"""

from __future__ import annotations

import json
import math
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class Attention(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.c_attn = nn.Linear(width, 3 * width, bias=bias)
        self.c_proj = nn.Linear(width, width, bias=bias)
        self.resid_dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, length, width = x.shape
        q, k, v = (
            t.view(batch, length, self.heads, width // self.heads).transpose(1, 2)
            for t in self.c_attn(x).split(width, dim=2)
        )
        dropout = self.dropout if self.training else 0.0
        y = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=True)
        y = y.transpose(1, 2).contiguous().view(batch, length, width)
        return self.resid_dropout(self.c_proj(y))


class Block(nn.Module):
    def __init__(self, width: int, heads: int, dropout: float, bias: bool) -> None:
        super().__init__()
        self.ln_1, self.ln_2 = nn.LayerNorm(width, bias=bias), nn.LayerNorm(width, bias=bias)
        self.attn = Attention(width, heads, dropout, bias)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width, bias=bias),
            nn.GELU(),
            nn.Linear(4 * width, width, bias=bias),
            nn.Dropout(dropout),
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    """GPT-2; initialised as nanoGPT does, residual projections scaled down by depth."""

    def __init__(
        self, layers: int, width: int, heads: int, length: int, vocabulary: int, dropout: float, bias: bool
    ) -> None:
        super().__init__()
        self.wte, self.wpe = nn.Embedding(vocabulary, width), nn.Embedding(length, width)
        self.drop = nn.Dropout(dropout)
        self.h = nn.ModuleList([Block(width, heads, dropout, bias) for _ in range(layers)])
        self.ln_f = nn.LayerNorm(width, bias=bias)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.wte.weight = self.lm_head.weight
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for block in self.h:
            for projection in (block.attn.c_proj, block.mlp[2]):
                nn.init.normal_(projection.weight, std=0.02 / math.sqrt(2 * layers))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        x = self.drop(self.wte(ids) + self.wpe(torch.arange(ids.shape[1])))
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


class LSTM(nn.Module):
    def __init__(self, layers: int, width: int, vocabulary: int, dropout: float) -> None:
        super().__init__()
        self.wte = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.wte.weight, std=0.05)
        self.drop = nn.Dropout(dropout)
        self.lstm = nn.LSTM(width, width, layers, batch_first=True, dropout=dropout)
        self.lm_head = nn.Linear(width, vocabulary, bias=False)
        self.lm_head.weight = self.wte.weight

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        return self.lm_head(self.drop(self.lstm(self.drop(self.wte(ids)))[0]))


def build(spec: dict) -> nn.Module:
    if spec["family"] == "lstm":
        return LSTM(spec["layers"], spec["width"], spec["vocabulary"], spec["dropout"])
    return Transformer(
        spec["layers"],
        spec["width"],
        spec["heads"],
        spec["length"],
        spec["vocabulary"],
        spec["dropout"],
        spec["bias"],
    )


def build_optimizer(model: nn.Module, spec: dict) -> torch.optim.Optimizer:
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in parameters if p.dim() < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        groups, lr=spec["learning_rate"], betas=(0.9, spec["beta_2"]), fused=spec["fused"]
    )


def get_batch(ids: np.ndarray, spec: dict) -> tuple[torch.Tensor, torch.Tensor]:
    length = spec["length"]
    starts = torch.randint(len(ids) - length, (spec["batch"],))
    x = torch.stack([torch.from_numpy(ids[i : i + length].astype(np.int64)) for i in starts])
    y = torch.stack([torch.from_numpy(ids[i + 1 : i + 1 + length].astype(np.int64)) for i in starts])
    return x, y


def loss_of(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    logits = model(x)
    return F.cross_entropy(logits.view(-1, logits.size(-1)), y.view(-1))


def training_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, x: torch.Tensor, y: torch.Tensor
) -> torch.Tensor:
    loss = loss_of(model, x, y)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return loss


def main() -> None:
    spec = json.loads(sys.argv[1])
    torch.set_num_threads(spec["threads"])
    torch.manual_seed(0)
    ids = np.random.default_rng(0).integers(3, spec["vocabulary"], 1_000_000).astype(np.uint16)
    model = build(spec)
    optimizer = build_optimizer(model, spec)
    run = torch.compile(model) if spec["compile"] else model
    called = time.time()
    loss = training_step(run, optimizer, *get_batch(ids, spec)).item()
    print(json.dumps({"first_step": time.time(), "called": called, "loss": loss}), flush=True)
    for line in sys.stdin:
        seconds, steps, started = float(line), 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            loss = training_step(run, optimizer, *get_batch(ids, spec))
            steps += 1
            if steps % 10 == 0:
                loss.item()
        print(json.dumps({"tokens_per_s": steps * spec["batch"] * spec["length"] / elapsed}), flush=True)


if __name__ == "__main__":
    main()
