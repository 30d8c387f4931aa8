"""``lexmill generate`` and ``score``: the pushed model answers."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from models.measures import LossSums
from pipeline.config import PipelineConfig, load
from pipeline.errors import MissingInputError
from serving.client import Client, LanguageModel, RestClient
from serving.embedded_process import embedded_process
from serving.errors import UnimplementedError
from serving.tensorflow_serving import images

MAX_SCORED_BYTES = 10_000_000


def generated_text(
    config_name: str,
    overrides: Sequence[str],
    server: str | None,
    prompt: str,
    stream: bool | None = None,
    **options: Any,
) -> Iterator[str]:
    """The continuation of ``prompt``, at once or in pieces; ``options`` are `LanguageModel.generate`'s.

    Where ``stream`` is None, the pieces come as the model makes them if somebody watches, the server is one
    started here and the model can be asked step by step.
    """
    is_watched = stream is None and server is None and sys.stdout.isatty()
    with _client(config_name, overrides, server) as client:
        if stream or is_watched:
            try:
                yield from (chunk.text for chunk in client.stream(prompt, **options))
                return
            except UnimplementedError:
                if stream:
                    raise
        [generation] = client.generate([prompt], **options)
        yield generation.text


def score_file(config_name: str, overrides: Sequence[str], server: str | None, file: str) -> str:
    """One line: tokens, bytes, log-probability, perplexity, bits per byte."""
    text = read_text(file)
    with _client(config_name, overrides, server) as client:
        [score] = client.score([text])
    sums = LossSums(-score.log_probability, score.num_tokens, score.num_bytes)
    return (
        f"{score.num_tokens:,} tokens, {score.num_bytes:,} bytes: "
        f"log-probability {score.log_probability:.2f} nats, perplexity {sums.perplexity:.2f}, "
        f"{sums.bits_per_byte:.4f} bits per byte"
    )


@contextlib.contextmanager
def _client(config_name: str, overrides: Sequence[str], server: str | None) -> Iterator[LanguageModel]:
    """A client of ``server``, or of one started for the length of the block."""
    config = load(config_name, overrides)
    if server is None:
        require_pushed(config, config_name)
        with served(config) as client:
            yield client
        return
    kind = RestClient if server.startswith(("http://", "https://")) else Client
    with kind(server, model=config.name) as client:
        yield client


@contextlib.contextmanager
def served(config: PipelineConfig) -> Iterator[Client]:
    """A client of an embedded server on what was pushed, for the length of the block."""
    with (
        embedded_process(config.name, config.model_base_path, start_timeout_s=120.0) as started,
        Client(started.grpc_address, model=config.name, rest_url=started.rest_url) as client,
    ):
        yield client


def require_pushed(config: PipelineConfig, config_name: str) -> None:
    """Raises if no version of the pipeline's model is in its serving folder."""
    base_path = config.model_base_path
    if "://" not in base_path and images.newest_version(base_path) is None:
        raise MissingInputError(
            f"{base_path}: no pushed model of {config.name!r} is here: "
            f"run 'lexmill run {config_name}' first, in the folder where you want the model"
        )


def read_text(file: str) -> str:
    """A UTF-8 file, or with ``-`` standard input; of at most `MAX_SCORED_BYTES`."""
    if file == "-":
        data = sys.stdin.buffer.read(MAX_SCORED_BYTES + 1)
    else:
        try:
            with Path(file).open("rb") as opened:
                data = opened.read(MAX_SCORED_BYTES + 1)
        except OSError as error:
            raise MissingInputError(f"{file}: cannot be read: {error.strerror}") from error
    if len(data) > MAX_SCORED_BYTES:
        raise MissingInputError(f"{file}: more than {MAX_SCORED_BYTES:,} bytes: score a part of it")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MissingInputError(
            f"{file}: byte {error.start} is not UTF-8: convert the file, for example with iconv"
        ) from error
