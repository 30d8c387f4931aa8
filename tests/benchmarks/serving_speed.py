"""Speed of generation through the embedded server, against Hugging Face's ``generate`` in process.

For each shape: tokens a second and latencies at 1, 8 and 64 clients over gRPC, REST, server-sent events
and OpenAI's API, in pairs with Hugging Face's at the same batch; then what a request costs besides the
model's work. Greedy, 64 new tokens, random weights of the same shapes::

    python3 -m venv /tmp/hf && /tmp/hf/bin/pip install torch transformers numpy
    python tests/benchmarks/serving_speed.py --torch-python /tmp/hf/bin/python tiny gpt2

Clients run beside the server on the same cores. Nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from serving.embedded_process import EmbeddedProcess, process_with_flags

SHAPES = {
    "tiny": {"num_layers": 4, "hidden_dim": 128, "num_heads": 4, "vocabulary": 4096, "context": 256},
    "middle": {"num_layers": 6, "hidden_dim": 384, "num_heads": 6, "vocabulary": 8192, "context": 256},
    "gpt2-small": {
        "num_layers": 12,
        "hidden_dim": 768,
        "num_heads": 12,
        "vocabulary": 50257,
        "context": 1024,
    },
}
NEW_TOKENS, PROMPT_TOKENS = 64, 8
MODEL = "speed"
One = Callable[[int], Awaitable[int]]
"""One request, by its number: the tokens that came back."""


def export_model(shape: dict[str, int], directory: str) -> None:
    """A SavedModel of the shape with random weights; its tokenizer is one of bytes, filled up with pieces
    that no text has."""
    import keras

    from components.config import TokenizerConfig
    from components.tokenizer_trainer import training
    from models import causal_lm, export
    from models.config import ModelConfig
    from models.tokenizer import GraphTokenizer
    from models.tokenizing.model_proto import ModelProto

    keras.utils.set_random_seed(0)
    fields = ("num_layers", "hidden_dim", "num_heads")
    config = ModelConfig(**{name: shape[name] for name in fields})
    model = causal_lm.build(config, shape["vocabulary"], shape["context"])
    text = "abcdefghijklmnopqrstuvwxyz " * 20
    proto = ModelProto.FromString(training.train([text], TokenizerConfig(vocabulary_size=300)))
    for index in range(len(proto.pieces), shape["vocabulary"]):
        proto.pieces.add(piece=f"\u2042{index}", score=-1000.0, type=1)
    export.export(model, GraphTokenizer(proto.SerializeToString()), directory)


def prompt(number: int) -> str:
    return "".join(chr(ord("a") + (number * 7 + place * place) % 26) for place in range(PROMPT_TOKENS))


def grpc_request(address: str) -> tuple[One, Callable[[], Awaitable[None]]]:
    from serving.client import AsyncClient, Retries

    client = AsyncClient(address, MODEL, retries=Retries(max_tries=1))

    async def one(number: int, new_tokens: int = NEW_TOKENS) -> int:
        [generation] = await client.generate([prompt(number)], max_new_tokens=new_tokens, temperature=0.0)
        return generation.num_tokens

    return one, client.close


def http_requests(url: str) -> tuple[dict[str, One], Callable[[], Awaitable[None]]]:
    """Over connections that stay open, so that the server is measured and not the connecting."""
    import aiohttp

    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))

    async def rest(number: int, new_tokens: int = NEW_TOKENS) -> int:
        # In columns, TensorFlow Serving wants every input.
        inputs = {"prompts": [prompt(number)], "max_new_tokens": [new_tokens], "temperature": [0.0]}
        inputs |= {"top_k": [0], "top_p": [1.0], "seed": [0]}
        async with session.post(f"{url}/v1/models/{MODEL}:predict", json={"inputs": inputs}) as answer:
            return (await answer.json())["outputs"]["num_tokens"][0]

    async def events(number: int, new_tokens: int = NEW_TOKENS) -> int:
        body = {"prompt": prompt(number), "max_new_tokens": new_tokens, "temperature": 0.0}
        async with session.post(f"{url}/v1/models/{MODEL}:generateStream", json=body) as answer:
            last = b""
            async for line in answer.content:
                last = line if line.startswith(b"data: ") else last
        return json.loads(last[6:])["num_tokens"]

    async def openai(number: int, new_tokens: int = NEW_TOKENS) -> int:
        body = {"model": MODEL, "prompt": prompt(number), "max_tokens": new_tokens, "temperature": 0}
        async with session.post(f"{url}/v1/completions", json=body) as answer:
            return (await answer.json())["usage"]["completion_tokens"]

    return {"REST": rest, "SSE": events, "OpenAI": openai}, session.close


async def measured(one: One, clients: int, rounds: int) -> tuple[float, list[float]]:
    """Tokens a second, and each request's seconds, of so many clients that ask again and again."""
    seconds: list[float] = []
    tokens = 0

    async def client(number: int) -> None:
        nonlocal tokens
        for turn in range(rounds):
            begun = time.perf_counter()
            got = await one(number + turn * clients)
            # Not in one statement: that would read the sum before it waits.
            tokens += got
            seconds.append(time.perf_counter() - begun)

    started = time.perf_counter()
    await asyncio.gather(*(client(number) for number in range(clients)))
    return tokens / (time.perf_counter() - started), seconds


def hugging_face(python: str, shape: dict[str, int], batches: list[int]) -> list[float]:
    """Tokens a second at each batch size."""
    asked = {
        **{name: shape[name] for name in ("num_layers", "hidden_dim", "num_heads")},
        "vocabulary_size": shape["vocabulary"],
        "context_length": shape["context"],
        "threads": os.cpu_count(),
        "prompt_tokens": PROMPT_TOKENS + 1,
        "new_tokens": NEW_TOKENS,
        "batches": batches,
    }
    script = Path(__file__).with_name("hugging_face_generate.py")
    done = subprocess.run(
        [python, str(script)], input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    return [batch * NEW_TOKENS / taken for batch, taken in zip(batches, json.loads(done.stdout), strict=True)]


def percentiles(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    values = (ordered[min(len(ordered) - 1, int(share * len(ordered)))] for share in (0.5, 0.9, 0.99))
    return " / ".join(f"{1e3 * value:.0f}" for value in values)


async def through_server(
    name: str, shape: dict[str, int], server: EmbeddedProcess, options: argparse.Namespace
) -> None:
    """Prints the speeds, in pairs, and what one token takes."""
    grpc_one, close_grpc = grpc_request(server.grpc_address)
    http_ones, close_http = http_requests(server.rest_url)
    ones = {"gRPC": grpc_one, **http_ones}
    for one in ones.values():
        await one(0)
    for pair in range(options.pairs):
        if options.torch_python:
            for batch, speed in zip(
                options.clients, hugging_face(options.torch_python, shape, options.clients), strict=True
            ):
                say(f"{name:8} pair {pair} Hugging Face, batch {batch:2}: {speed:7.0f} tokens/s")
        for protocol, one in ones.items():
            for clients in options.clients:
                speed, seconds = await measured(one, clients, max(1, options.rounds // clients))
                say(
                    f"{name:8} pair {pair} {protocol:6} {clients:2} clients: {speed:7.0f} tokens/s, "
                    f"latency p50 / p90 / p99 {percentiles(seconds)} ms"
                )
    for protocol, one in ones.items():
        taken = []
        for number in range(60):
            begun = time.perf_counter()
            await one(number, 1)  # type: ignore[call-arg]
            taken.append(time.perf_counter() - begun)
        say(f"{name:8} one token over {protocol:6}: median {1e3 * statistics.median(taken):.2f} ms")
    await close_grpc()
    await close_http()


def in_process(name: str, version_dir: str) -> None:
    """One token without the server: what is left of the figure above is the server's own."""
    import numpy as np
    import tensorflow as tf
    import tensorflow_text  # noqa: F401

    from serving.call import Call
    from serving.engine.batch import RunningBatch
    from serving.engine.continuation import Continuation
    from serving.engine.model import StepwiseModel
    from serving.engine.service import prepared

    loaded = tf.saved_model.load(version_dir)
    model = StepwiseModel(loaded)
    taken = []
    for number in range(60):
        begun = time.perf_counter()
        [row] = prepared(model, [prompt(number)], temperature=0.0, max_new_tokens=1)
        batch = RunningBatch(model, 1)
        tokens = row.token_ids[:-1]
        padded = [*tokens, *[0] * (-len(tokens) % 16)]
        cache = model.read(np.array(padded, np.int32), model.empty_cache(1, 128), 0, len(tokens))
        batch.join(Continuation(row, model.context_length, lambda delta: None, Call()), cache, 128)
        batch.step(1)
        taken.append(time.perf_counter() - begun)
    say(f"{name:8} one token in process: median {1e3 * statistics.median(taken):.2f} ms")


def say(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shapes", nargs="+", choices=SHAPES)
    parser.add_argument("--torch-python", default="")
    parser.add_argument("--pairs", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=8, help="requests at one client")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--flag", action="append", default=[], help="one more flag of the server")
    parser.add_argument("--keep", default="", help="folder in which models are kept for the next time")
    options = parser.parse_args()

    with tempfile.TemporaryDirectory() as temporary:
        for name in options.shapes:
            base_path = Path(options.keep or temporary) / name
            if not (base_path / "1").exists():
                export_model(SHAPES[name], str(base_path / "1"))
            flags = ["--model_name", MODEL, "--model_base_path", str(base_path), *options.flag]
            with process_with_flags(flags, start_timeout_s=120) as server:
                asyncio.run(through_server(name, SHAPES[name], server, options))
            in_process(name, str(base_path / "1"))


if __name__ == "__main__":
    main()
