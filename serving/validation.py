"""The check before a push: does the model answer as the contract says, from a fresh server?

First its ops are compared with the stock image's (``stock_ops``), and its warm-up records
are looked for and looked at, which needs no server; one that cannot be answered fails the load.
Then the embedded server is started in a child process on a base path that holds nothing
but this version, and asked over gRPC and REST:

- metadata: every signature of the contract, with its inputs, outputs, dtypes and defaults, and over
  gRPC every signature of the SavedModel;
- warm-up: each record, sent as a request;
- generate, greedy: the same text twice, over both protocols, and for a prompt alone as in
  a batch; and sampled with one seed, the same text twice;
- score: finite, at most 0, with the text's number of bytes, the same over both protocols.

Nothing is copied when the version lies on a local disk. Costs 10 to 20 s and the model's
memory in the child.
"""

from __future__ import annotations

import contextlib
import math
import posixpath
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from serving import contract
from serving.client import Client, Generation, LanguageModel, RestClient
from serving.embedded_process import embedded_process
from serving.errors import LoadError, ServingError
from serving.replay import metadata_problems, replay_problems, warmup_shape_problems
from serving.stock_ops import missing_ops
from serving.warmup import WARMUP_FILE, read_warmup

PROMPTS = ("", "a", "To be", "é🙂")
"""Of different lengths, so that a batch is padded; an empty one; one that is not ASCII. None has more
than 7 tokens even where every byte is one, so they fit the shortest context, of 8."""

_MAX_NEW_TOKENS = 8
_RELATIVE_TOLERANCE = 1e-4
_FINISH_REASONS = (contract.FINISH_STOP, contract.FINISH_LENGTH, contract.FINISH_CONTEXT)
_JSON_DTYPES = {"string": "DT_STRING", "int32": "DT_INT32", "float32": "DT_FLOAT"}


def validate(version_dir: str, model_name: str, timeout_s: float = 180.0) -> list[str]:
    """What is wrong with the SavedModel in ``version_dir``, one sentence a failure; empty if nothing is."""
    deadline_s = time.monotonic() + timeout_s
    problems = missing_ops(version_dir) or warmup_problems(version_dir)
    if problems:
        return problems
    try:
        with (
            _base_path(version_dir) as base_path,
            embedded_process(model_name, base_path, timeout_s) as server,
        ):
            remaining_s = max(1.0, deadline_s - time.monotonic())
            rest = RestClient(server.rest_url, model_name)
            with Client(server.grpc_address, model_name) as client:
                problems += _answer_problems(client, rest, remaining_s)
            remaining_s = max(1.0, deadline_s - time.monotonic())
            asked = (server.grpc_address, model_name, version_dir, remaining_s)
            problems += [*metadata_problems(*asked), *replay_problems(*asked)]
    except ServingError as error:
        return [*problems, f"the model cannot be served: {error}"]
    if server.exit_status != 0:
        problems.append(f"the server did not stop as asked, but with status {server.exit_status}")
    return problems


def _answer_problems(client: Client, rest: RestClient, timeout_s: float) -> list[str]:
    deadline_s = time.monotonic() + timeout_s
    checks: list[tuple[str, Callable[[float], list[str]]]] = [
        ("metadata", lambda allowed_s: signature_problems(rest.signatures(allowed_s))),
        ("greedy generation", lambda allowed_s: _greedy_problems(client, rest, allowed_s)),
        ("sampled generation", lambda allowed_s: _sampling_problems(client, allowed_s)),
        ("scoring", lambda allowed_s: _score_problems(client, rest, allowed_s)),
    ]
    problems: list[str] = []
    for name, check in checks:
        allowed_s = deadline_s - time.monotonic()
        if allowed_s <= 0:
            return [*problems, f"the check ran out of its time before {name}"]
        try:
            problems += check(allowed_s)
        except ServingError as error:
            problems.append(f"{name} failed: {error}")
    return problems


def warmup_problems(version_dir: str) -> list[str]:
    """Which text signatures have no warm-up record, and which records a stock server could refuse."""
    try:
        logs = list(read_warmup(version_dir))
    except LoadError as error:
        return [str(error)]
    asked = {log.predict_log.request.model_spec.signature_name for log in logs}
    missing = [
        f"signature {name} has no warm-up record in {WARMUP_FILE}: write some with serving.warmup"
        for name in (contract.SERVING_DEFAULT, contract.GENERATE, contract.SCORE)
        if name not in asked
    ]
    return missing + warmup_shape_problems(logs)


def signature_problems(signatures: dict[str, dict[str, Any]]) -> list[str]:
    """How the metadata's signatures differ from the contract's."""
    problems = []
    for name, expected in contract.SIGNATURES.items():
        if name not in signatures:
            others = ", ".join(sorted(other for other in signatures if not other.startswith("__")))
            problems.append(f"the model has no signature {name}, only {others}")
            continue
        for side, fields in (("inputs", expected.inputs), ("outputs", expected.outputs)):
            found = {alias: info["dtype"] for alias, info in signatures[name].get(side, {}).items()}
            wanted = {field.name: _JSON_DTYPES[field.dtype] for field in fields}
            if found != wanted:
                problems.append(f"the {side} of signature {name} are {found}; expected {wanted}")
        defaults = set(signatures[name].get("defaults", {}))
        missing = [
            field.name
            for field in expected.inputs
            if field.default is not None and field.name not in defaults
        ]
        if missing:
            problems.append(f"signature {name} has no default for {', '.join(missing)}")
    return problems


def _greedy_problems(client: LanguageModel, rest: LanguageModel, timeout_s: float) -> list[str]:
    def greedy(model: LanguageModel, *prompts: str) -> list[Generation]:
        return model.generate(prompts, max_new_tokens=_MAX_NEW_TOKENS, temperature=0.0, timeout_s=timeout_s)

    batch = greedy(client, *PROMPTS)
    problems = [
        problem for item in zip(PROMPTS, batch, strict=True) for problem in _generation_problems(*item)
    ]
    problems += _differences("asked twice", batch, greedy(client, *PROMPTS))
    problems += _differences("over REST", batch, greedy(rest, *PROMPTS))
    problems += _differences("alone", batch, [greedy(client, prompt)[0] for prompt in PROMPTS])
    return problems


def _sampling_problems(client: LanguageModel, timeout_s: float) -> list[str]:
    def sampled() -> list[Generation]:
        return client.generate(
            PROMPTS,
            max_new_tokens=_MAX_NEW_TOKENS,
            temperature=1.0,
            top_k=20,
            top_p=0.9,
            seed=7,
            timeout_s=timeout_s,
        )

    return _differences("sampled again with the same seed", sampled(), sampled())


def _score_problems(client: LanguageModel, rest: LanguageModel, timeout_s: float) -> list[str]:
    problems = []
    texts = [text for text in PROMPTS if text]
    for text, score, other in zip(
        texts, client.score(texts, timeout_s), rest.score(texts, timeout_s), strict=True
    ):
        if not math.isfinite(score.log_probability) or score.log_probability > 0:
            problems.append(
                f"the log-probability of {text!r} is {score.log_probability}; expected finite, at most 0"
            )
        num_bytes = len(text.encode())
        if score.num_bytes != num_bytes:
            problems.append(f"{text!r} is counted as {score.num_bytes} bytes; expected {num_bytes}")
        if not math.isclose(score.log_probability, other.log_probability, rel_tol=_RELATIVE_TOLERANCE):
            problems.append(
                f"the log-probability of {text!r} is {score.log_probability} over gRPC, "
                f"but {other.log_probability} over REST"
            )
    return problems


def _generation_problems(prompt: str, generation: Generation) -> Iterator[str]:
    if not 0 <= generation.num_tokens <= _MAX_NEW_TOKENS:
        yield f"{prompt!r} is continued by {generation.num_tokens} tokens; expected at most {_MAX_NEW_TOKENS}"
    if generation.finish_reason not in _FINISH_REASONS:
        reasons = ", ".join(_FINISH_REASONS)
        yield f"{prompt!r} finishes with {generation.finish_reason!r}; expected one of {reasons}"


def _differences(circumstance: str, first: list[Generation], second: list[Generation]) -> list[str]:
    return [
        f"{prompt!r} is continued by {one.text!r}, but {circumstance} by {other.text!r}"
        for prompt, one, other in zip(PROMPTS, first, second, strict=True)
        if one != other
    ]


@contextlib.contextmanager
def _base_path(version_dir: str) -> Iterator[str]:
    """A temporary folder with the version in it as number 1."""
    with tempfile.TemporaryDirectory() as folder:
        version = Path(folder) / "1"
        if "://" in version_dir:
            _copy(version_dir, str(version))
        else:
            version.symlink_to(Path(version_dir).resolve(), target_is_directory=True)
        yield folder


def _copy(source: str, target: str) -> None:
    for folder, _, files in tf.io.gfile.walk(source):
        there = posixpath.join(target, posixpath.relpath(folder, source))
        tf.io.gfile.makedirs(there)
        for name in files:
            tf.io.gfile.copy(posixpath.join(folder, name), posixpath.join(there, name))
