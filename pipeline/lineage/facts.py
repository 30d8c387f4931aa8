"""What came of a stage, in a few figures read from its artifacts; of one that is gone, that it is gone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tfx.dsl.io import fileio
from tfx.types.standard_component_specs import CUSTOM_CONFIG_KEY
from tfx.utils import path_utils

from components.artifacts import TOKENIZER_MODEL
from components.corpus_gen.counts import CORPUS_REPORT, CorpusCounts
from components.evaluator import summary
from components.sequence_packer.counts import PACKING_REPORT, PackingReport
from components.tokenizer_trainer.component import TOKENIZER
from components.trainer.settings import SETTINGS
from models import manifest
from models.errors import ModelError
from pipeline.metadata.store import Artifact, Execution


class Fact(NamedTuple):
    """A figure and what it is."""

    name: str
    value: str


def of(execution: Execution) -> Iterator[Fact]:
    """Of one stage; for a stage of which nothing is known, nothing."""
    yield from _start(execution)
    for output, describe in _DESCRIBED.get(execution.stage, {}).items():
        for artifact in execution.outputs.get(output, []):
            try:
                yield from describe(artifact)
            except Exception as error:  # Each file system has errors of its own.
                if fileio.exists(artifact.uri):
                    raise
                yield Fact(output, f"gone: {artifact.uri} ({type(error).__name__})")


def _start(execution: Execution) -> Iterator[Fact]:
    """The version whose weights a training started from, if it did."""
    custom_config = json.loads(str(execution.properties.get(CUSTOM_CONFIG_KEY) or "{}"))
    start = json.loads(custom_config.get(SETTINGS, "{}")).get("warm_start") or {}
    if start.get("version"):
        yield Fact("started from", f"version {start['version']}, weights sha256 {start['weights_sha256']}")


def _corpus(artifact: Artifact) -> Iterator[Fact]:
    counts = CorpusCounts.model_validate_json(_read(f"{artifact.uri}/{CORPUS_REPORT}"))
    yield Fact("documents", counts.summary())


def _tokenizer(artifact: Artifact) -> Iterator[Fact]:
    yield Fact("sha256", hashlib.sha256(_read(f"{artifact.uri}/{TOKENIZER_MODEL}")).hexdigest())


def _rows(artifact: Artifact) -> Iterator[Fact]:
    report = PackingReport.model_validate_json(_read(f"{artifact.uri}/{PACKING_REPORT}"))
    yield Fact("rows", report.summary())
    yield Fact("row length", f"{report.packing.sequence_length:,} tokens")


def _model(artifact: Artifact) -> Iterator[Fact]:
    found = manifest.read(path_utils.serving_model_path(artifact.uri))
    yield Fact("model", f"{found.model.family} of {found.num_parameters:,} parameters")
    yield Fact("trained on", f"{found.training_tokens:,} tokens in {found.training_seconds:.0f} s")
    if found.attention is not None:
        seen = {"row": "all of its row before it", "document": "its own document before it"}[found.attention]
        yield Fact("a token saw", seen)
    yield Fact("validation", f"{found.validation_bits_per_byte:.3f} bits per byte")
    yield Fact("weights sha256", found.weights_sha256)


def _baseline(artifact: Artifact) -> Iterator[Fact]:
    if not fileio.exists(path_utils.serving_model_dir(artifact.uri)):
        yield Fact("baseline", "none: nothing else was pushed yet")
        return
    try:
        found = manifest.read(path_utils.serving_model_dir(artifact.uri))
        yield Fact("baseline", f"weights sha256 {found.weights_sha256}")
    except ModelError as error:
        yield Fact("baseline", str(error))


def _evaluation(artifact: Artifact) -> Iterator[Fact]:
    found = summary.read(artifact.uri)
    yield Fact("verdict", found.verdict())
    for name, metrics in found.metrics.items():
        if name != summary.OVERALL and "bits_per_byte" in metrics:
            yield Fact(name, f"{metrics['bits_per_byte']:.3f} bits per byte")


def _blessing(artifact: Artifact) -> Iterator[Fact]:
    yield Fact("blessed", "yes" if artifact.properties.get("blessed") else "no")


def _pushed(artifact: Artifact) -> Iterator[Fact]:
    yield Fact("version", str(artifact.properties.get("pushed_version", "")))
    yield Fact("folder", str(artifact.properties.get("pushed_destination", "")))


_DESCRIBED: dict[str, dict[str, Callable[[Artifact], Iterator[Fact]]]] = {
    "CorpusGen": {"rejected": _corpus},
    "TokenizerTrainer": {TOKENIZER: _tokenizer},
    "SequencePacker": {"packed_examples": _rows},
    "Trainer": {"model": _model},
    "BaselineFinder": {"baseline": _baseline},
    "Evaluator": {"evaluation": _evaluation},
    "ServingValidator": {"blessing": _blessing},
    "Pusher": {"pushed_model": _pushed},
}


def _read(path: str) -> bytes:
    with fileio.open(path, "rb") as file:
        content: bytes = file.read()
    return content
