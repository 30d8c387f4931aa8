"""Runs the data stages' executors as a launcher would, in process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.message import Message
from tfx.dsl.components.base import base_beam_executor, base_component
from tfx.types import artifact_utils, standard_artifacts
from tfx.utils import proto_utils

from components.artifacts import Tokenizer
from components.config import CorpusConfig, PackingConfig, TokenizerConfig
from components.corpus_gen import component as corpus_gen
from components.corpus_gen import rejections
from components.corpus_gen.counts import CORPUS_REPORT, CorpusCounts
from components.corpus_gen.settings import CorpusGenSettings
from components.documents import split_id
from components.mixture import Mixture
from components.protos import Example
from components.sequence_packer import component as sequence_packer
from components.tokenizer_trainer import component as tokenizer_trainer
from components.tokenizer_trainer.settings import TokenizerTrainerSettings
from pipeline import beam_options
from pipeline.beam_options import BeamConfig

BEAM_ARGS = beam_options.local(BeamConfig())


def exec_properties_of(component: base_component.BaseComponent) -> dict[str, Any]:
    """What an executor receives: messages have become JSON."""
    return {
        name: proto_utils.proto_to_json(value) if isinstance(value, Message) else value
        for name, value in component.spec.exec_properties.items()
    }


def beam_context(args: Sequence[str] = BEAM_ARGS) -> base_beam_executor.BaseBeamExecutor.Context:
    return base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=list(args))


@pytest.fixture(scope="session")
def exec_properties() -> Callable[[base_component.BaseComponent], dict[str, Any]]:
    return exec_properties_of


@pytest.fixture(scope="session")
def generate(
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[..., standard_artifacts.Examples]:
    """CorpusGen's executor; what it rejects lies in the folder ``rejected`` beside the documents'."""

    def run(
        corpus: CorpusConfig, beam_args: Sequence[str] = BEAM_ARGS, **tables: Any
    ) -> standard_artifacts.Examples:
        examples, rejected = standard_artifacts.Examples(), standard_artifacts.Examples()
        root = tmp_path_factory.mktemp("corpus_gen")
        examples.uri, rejected.uri = str(root / "documents"), str(root / "rejected")
        properties = exec_properties_of(corpus_gen.CorpusGen(CorpusGenSettings(corpus=corpus, **tables)))
        outputs = {"examples": [examples], "rejected": [rejected]}
        corpus_gen.Executor(beam_context(beam_args)).Do({}, outputs, properties)
        return examples

    return run


@pytest.fixture(scope="session")
def train_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Tokenizer]:
    """TokenizerTrainer's executor."""

    def run(
        examples: standard_artifacts.Examples,
        settings: TokenizerConfig,
        weights: dict[str, float] | None = None,
    ) -> Tokenizer:
        tokenizer = Tokenizer()
        tokenizer.uri = str(tmp_path_factory.mktemp("tokenizer"))
        making = TokenizerTrainerSettings(tokenizer=settings, weights=weights or {})
        tokenizer_trainer.Executor().Do(
            {"examples": [examples]}, {"tokenizer": [tokenizer]}, {"settings": making.model_dump_json()}
        )
        return tokenizer

    return run


@pytest.fixture(scope="session")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., standard_artifacts.Examples]:
    """SequencePacker's executor."""

    def run(
        examples: standard_artifacts.Examples,
        tokenizer: Tokenizer,
        settings: PackingConfig,
        beam_args: Sequence[str] = BEAM_ARGS,
        mixture: Mixture | None = None,
    ) -> standard_artifacts.Examples:
        packed = standard_artifacts.Examples()
        packed.uri = str(tmp_path_factory.mktemp("rows"))
        sequence_packer.Executor(beam_context(beam_args)).Do(
            {"examples": [examples], "tokenizer": [tokenizer]},
            {"packed_examples": [packed]},
            {"settings": settings.model_dump_json(), "mixture": mixture and mixture.model_dump_json()},
        )
        return packed

    return run


@pytest.fixture(scope="session")
def records_of() -> Callable[[standard_artifacts.Examples, str], list[bytes]]:
    """The serialized records of a split, file by file, as TensorFlow reads them."""
    import tensorflow as tf

    def read(examples: standard_artifacts.Examples, split: str) -> list[bytes]:
        paths = sorted(Path(artifact_utils.get_split_uri([examples], split)).iterdir())
        return list(tf.data.TFRecordDataset([str(path) for path in paths], "GZIP").as_numpy_iterator())

    return read


@pytest.fixture(scope="session")
def features_of(
    records_of: Callable[[standard_artifacts.Examples, str], list[bytes]],
) -> Callable[[standard_artifacts.Examples, str], list[dict[str, list[Any]]]]:
    """Feature name -> values, record by record."""

    def read(examples: standard_artifacts.Examples, split: str) -> list[dict[str, list[Any]]]:
        parsed = [Example.FromString(record).features.feature for record in records_of(examples, split)]
        return [
            {name: list(getattr(value, value.WhichOneof("kind")).value) for name, value in features.items()}
            for features in parsed
        ]

    return read


@pytest.fixture(scope="session")
def rejected_of() -> Callable[[standard_artifacts.Examples], list[rejections.Rejected]]:
    """What `generate` left out of the documents, by place."""
    import tensorflow as tf

    def read(examples: standard_artifacts.Examples) -> list[rejections.Rejected]:
        paths = sorted(Path(examples.uri).parent.glob("rejected/Split-rejected/*"))
        records = tf.data.TFRecordDataset([str(path) for path in paths], "GZIP").as_numpy_iterator()
        found = [rejections.decode(record) for record in records]
        return sorted(found, key=lambda rejected: (rejected.source, split_id(rejected.document_id)))

    return read


@pytest.fixture(scope="session")
def counts_of() -> Callable[[standard_artifacts.Examples], CorpusCounts]:
    """The report that `generate` wrote."""

    def read(examples: standard_artifacts.Examples) -> CorpusCounts:
        path = Path(examples.uri).parent / "rejected" / CORPUS_REPORT
        return CorpusCounts.model_validate_json(path.read_bytes())

    return read
