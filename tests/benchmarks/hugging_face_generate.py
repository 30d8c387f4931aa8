"""Hugging Face's ``generate``, greedy, on a GPT-2 made from its configuration: tokens a second.

Runs in an environment of its own with torch and transformers; `serving_speed` calls it. Reads one JSON
object from standard input, writes one JSON list to standard output: for each batch size, seconds.
"""

import json
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel

asked = json.load(sys.stdin)
torch.manual_seed(0)
torch.set_num_threads(asked["threads"])
config = GPT2Config(
    vocab_size=asked["vocabulary_size"],
    n_positions=asked["context_length"],
    n_embd=asked["hidden_dim"],
    n_layer=asked["num_layers"],
    n_head=asked["num_heads"],
    bos_token_id=None,
    eos_token_id=None,
)
model = GPT2LMHeadModel(config).eval()
results = []
for batch in asked["batches"]:
    prompt = torch.randint(3, asked["vocabulary_size"], (batch, asked["prompt_tokens"]))

    def generate(prompt=prompt):
        return model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=asked["new_tokens"],
            min_new_tokens=asked["new_tokens"],
            do_sample=False,
            pad_token_id=0,
        )

    with torch.inference_mode():
        generate()
        started = time.perf_counter()
        assert generate().shape[1] == asked["prompt_tokens"] + asked["new_tokens"]
        results.append(time.perf_counter() - started)
json.dump(results, sys.stdout)
