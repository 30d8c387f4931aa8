"""SequencePacker: each split's documents to rows of one length."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, final

from tfx import types
from tfx.components.example_gen import write_split
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_component, base_beam_executor, executor_spec
from tfx.dsl.io import fileio
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts
from tfx.utils import io_utils

from components import progress, runs
from components.artifacts import TOKENIZER_MODEL, Tokenizer
from components.config import PackingConfig
from components.mixture import Mixture
from components.sequence_packer import transforms
from components.sequence_packer.counts import PACKING_REPORT, PackingReport
from models.features import PACKED_ROW

EXAMPLES = "examples"
TOKENIZER = "tokenizer"
SETTINGS = "settings"
MIXTURE = "mixture"
ROW_FEATURES = "row_features"
PACKED_EXAMPLES = "packed_examples"
_PROCESSES, _THREADS = (f"--direct_running_mode={mode}" for mode in ("multi_processing", "multi_threading"))
_THREADS_BYTES = 100_000_000
"""Up to which workers on this machine are threads: most of the packer's time is in code that runs beside
other Python, and a process takes seconds to start. Beyond, that pays on more than two cores."""


class SequencePackerSpec(component_spec.ComponentSpec):
    """Documents and a tokenizer in, rows out. What a row consists of is part of the cache's key, so that
    rows of another version of this package are not taken for ours."""

    PARAMETERS = {  # noqa: RUF012
        SETTINGS: component_spec.ExecutionParameter(type=str),
        MIXTURE: component_spec.ExecutionParameter(type=str, optional=True),
        ROW_FEATURES: component_spec.ExecutionParameter(type=str),
    }
    INPUTS = {  # noqa: RUF012
        EXAMPLES: component_spec.ChannelParameter(type=standard_artifacts.Examples),
        TOKENIZER: component_spec.ChannelParameter(type=Tokenizer),
    }
    OUTPUTS = {PACKED_EXAMPLES: component_spec.ChannelParameter(type=standard_artifacts.Examples)}  # noqa: RUF012


@final
class Executor(base_beam_executor.BaseBeamExecutor):
    """Packs every split of the documents; the train split as the mixture says."""

    _beam_pipeline_args: list[str]

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = PackingConfig.model_validate_json(exec_properties[SETTINGS])
        mixture = _mixture(exec_properties.get(MIXTURE))
        examples = artifact_utils.get_single_instance(input_dict[EXAMPLES])
        packed = artifact_utils.get_single_instance(output_dict[PACKED_EXAMPLES])
        model_path = f"{artifact_utils.get_single_uri(input_dict[TOKENIZER])}/{TOKENIZER_MODEL}"
        report_path = f"{packed.uri}/{PACKING_REPORT}"
        splits = artifact_utils.decode_split_names(examples.split_names)
        _declare(packed, examples.split_names)

        files = _files(examples, splits)
        self._beam_pipeline_args = workers(self._beam_pipeline_args, transforms.num_bytes(files))
        directories = {split: artifact_utils.get_split_uri([packed], split) for split in splits}
        staging_directory = f"{packed.uri}/{runs.STAGING}"
        for directory in (*directories.values(), staging_directory):
            fileio.makedirs(directory)
        empty_report = PackingReport(
            packing=settings,
            vocabulary_size=transforms.read_model(model_path).vocabulary_size,
            splits={split: {} for split in splits},
            mixture=mixture,
        )
        pack = transforms.PackDocuments(files, model_path, settings, mixture, directories, staging_directory)
        with self._make_beam_pipeline() as pipeline:
            _ = pipeline | pack | transforms.WriteReport(report_path, empty_report)
        if fileio.exists(staging_directory):  # Emptied by now; object storage has no empty folders.
            fileio.rmtree(staging_directory)

        with fileio.open(report_path, "rb") as file:
            report = PackingReport.model_validate_json(file.read())
        report.require_every_split()
        progress.report(report.summary())


@final
class SequencePacker(base_beam_component.BaseBeamComponent):
    """Tokenises and packs; without ``mixture``, every row is taken once.

    Outputs:
      packed_examples: ``Examples`` with the documents' splits, one row a record
        (`models.features.PACKED_ROW`), and the counts of `counts.PackingReport`.
    """

    SPEC_CLASS = SequencePackerSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)

    def __init__(
        self,
        examples: types.BaseChannel,
        tokenizer: types.BaseChannel,
        packing: PackingConfig,
        mixture: Mixture | None = None,
    ) -> None:
        super().__init__(
            spec=SequencePackerSpec(
                examples=examples,
                tokenizer=tokenizer,
                settings=packing.model_dump_json(),
                mixture=mixture.model_dump_json() if mixture is not None else None,
                row_features=",".join(feature.name for feature in PACKED_ROW),
                packed_examples=types.Channel(type=standard_artifacts.Examples),
            )
        )


def workers(beam_options: Sequence[str], num_bytes: int) -> list[str]:
    """Beam's options for documents in files of so many bytes: few are not worth the start of processes."""
    if num_bytes > _THREADS_BYTES:
        return list(beam_options)
    return [_THREADS if option == _PROCESSES else option for option in beam_options]


def _declare(packed: types.Artifact, split_names: str) -> None:
    """Says of the artifact what ExampleGen says of its own."""
    packed.split_names = split_names
    examples_utils.set_payload_format(packed, example_gen_pb2.FORMAT_TF_EXAMPLE)
    file_format = write_split.to_file_format_str(example_gen_pb2.FORMAT_TFRECORDS_GZIP)
    examples_utils.set_file_format(packed, file_format)


def _mixture(content: str | None) -> Mixture | None:
    """None where every row is taken once."""
    mixture = Mixture.model_validate_json(content) if content else None
    return None if mixture is None or mixture.is_plain else mixture


def _files(examples: types.Artifact, splits: list[str]) -> list[transforms.DocumentFile]:
    return [
        transforms.DocumentFile(split, path)
        for split in splits
        for path in sorted(
            fileio.glob(io_utils.all_files_pattern(artifact_utils.get_split_uri([examples], split)))
        )
    ]
