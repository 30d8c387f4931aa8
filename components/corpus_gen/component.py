"""CorpusGen: an ExampleGen for text corpora of several sources and formats.

A file-based ExampleGen of TFX to the pipeline and to those who read its output; of our own are the reading,
sifting and writing (`transforms`), the split by a hash of the text alone (`splitting`), the cache key over
all sources' files (`spans`, `files`), the second output with what was left out (`rejections`), and the
checks (`counts`).
"""

from __future__ import annotations

from typing import Any, NamedTuple, final

import apache_beam as beam
from apache_beam.io.filesystems import FileSystems
from tfx import types
from tfx.components.example_gen import base_example_gen_executor, component, driver
from tfx.components.example_gen import utils as example_gen_utils
from tfx.components.util import examples_utils
from tfx.dsl.components.base import executor_spec
from tfx.dsl.io import fileio
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs

from components import documents, progress, runs
from components.config import CorpusConfig
from components.corpus_gen import files, source_files, spans, splitting, transforms
from components.corpus_gen.counts import CORPUS_REPORT, CorpusCounts
from components.corpus_gen.duplicates import decontamination
from components.corpus_gen.reading.transforms import ReadDocuments
from components.corpus_gen.settings import CorpusGenSettings

SETTINGS = "settings"
DOCUMENT_FEATURES = "document_features"
REJECTED = "rejected"


class CorpusGenSpec(component_spec.ComponentSpec):
    """The file-based ExampleGen's, our settings as one JSON text, and what a document consists of: part of
    the cache's key, so that documents of another version of this package are not taken for ours."""

    PARAMETERS = {  # noqa: RUF012
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        SETTINGS: component_spec.ExecutionParameter(type=str),
        DOCUMENT_FEATURES: component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, Any] = {}  # noqa: RUF012
    OUTPUTS = {  # noqa: RUF012
        **standard_component_specs.FileBasedExampleGenSpec.OUTPUTS,
        REJECTED: component_spec.ChannelParameter(type=standard_artifacts.Examples),
    }


class CorpusState(NamedTuple):
    """What the files are at the moment."""

    resolved: spans.Resolved
    fingerprint: str
    """Of every source's files, and of the task files: part of the cache's key."""


def corpus_state(settings: CorpusGenSettings) -> CorpusState:
    """Looks at the files.

    Raises:
      CorpusError: there are none, or not those of one span.
    """
    resolved = spans.resolve(settings.corpus)
    fingerprint = files.fingerprint(files.list_files(resolved.corpus))
    if settings.decontamination.against:
        fingerprint += f",tasks:{decontamination.fingerprint(settings.decontamination.against)}"
    return CorpusState(resolved, fingerprint)


@final
class CorpusDriver(driver.FileBasedDriver):
    """Puts the spans in place, and makes the state of *every* source's files, and of the task files, part of
    the cache key."""

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        settings = CorpusGenSettings.model_validate_json(exec_properties[SETTINGS])
        (corpus, span, version), fingerprint = corpus_state(settings)
        resolved = super().resolve_exec_properties(exec_properties, pipeline_info, component_info)
        resolved[SETTINGS] = settings.model_copy(update={"corpus": corpus}).model_dump_json()
        resolved[example_gen_utils.SPAN_PROPERTY_NAME] = span
        resolved[example_gen_utils.VERSION_PROPERTY_NAME] = version
        resolved[example_gen_utils.FINGERPRINT_PROPERTY_NAME] = fingerprint
        return resolved


@final
class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Reads, sifts, splits, writes, counts and checks.

    What runs in Beam's workers imports neither TFX nor TensorFlow, which would cost each several seconds: so
    the splits are written where TFX looks for them, and not by TFX.
    """

    def GetInputSourceToExamplePTransform(self) -> type[beam.PTransform]:
        """Not called, as `Do` is our own; the base class wants one."""
        return ReadDocuments

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        settings = CorpusGenSettings.model_validate_json(exec_properties[SETTINGS])
        # Done by the driver already, where there is one: Kubeflow's open-source backend has none.
        corpus, _, _ = spans.resolve(settings.corpus)
        settings = settings.model_copy(update={"corpus": corpus})
        [examples], [rejected] = output_dict[standard_component_specs.EXAMPLES_KEY], output_dict[REJECTED]
        splits = list(splitting.shares(corpus))
        _describe(examples, splits)
        _describe(rejected, [REJECTED])
        to = transforms.Directories(
            splits={split: artifact_utils.get_split_uri([examples], split) for split in splits},
            rejected=artifact_utils.get_split_uri([rejected], REJECTED),
            staging=f"{rejected.uri}/{runs.STAGING}",
        )
        for directory in (*to.splits.values(), to.rejected, to.staging):
            fileio.makedirs(directory)
        report_path = f"{rejected.uri}/{CORPUS_REPORT}"
        with self._make_beam_pipeline() as pipeline:
            made = pipeline | transforms.MakeCorpus(settings, files.list_files(corpus), to)
            _ = made.files | source_files.WriteSourceFiles(rejected.uri)
            empty = CorpusCounts.empty(corpus, splits)
            _ = pipeline | transforms.WriteReport(report_path, empty, made)
        fileio.rmtree(to.staging)

        with FileSystems.open(report_path) as file:
            counts = CorpusCounts.model_validate_json(file.read())
        counts.require_conservation()
        counts.require_few_malformed(corpus.path, corpus.max_bad_fraction)
        counts.require_every_split(corpus.path)
        progress.report(counts.summary())


@final
class CorpusGen(component.FileBasedExampleGen):
    """Reads a corpus.

    Outputs:
      examples: ``Examples`` with the splits train, eval and test, one document a record
        (`components.documents`).
      rejected: ``Examples`` with one split, rejected, one record that was left out a record
        (`components.corpus_gen.rejections`), and beside it the file `CORPUS_REPORT` and the hashes of the
        files that were read (`source_files`).
    """

    SPEC_CLASS = CorpusGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = CorpusDriver

    def __init__(self, settings: CorpusGenSettings) -> None:
        spec = CorpusGenSpec(
            input_base=settings.corpus.path,
            input_config=example_gen_utils.make_default_input_config(),
            output_config=_output_config(settings.corpus),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            settings=settings.model_dump_json(),
            document_features=",".join(documents.FEATURES),
            examples=types.Channel(type=standard_artifacts.Examples),
            rejected=types.Channel(type=standard_artifacts.Examples),
        )
        # FileBasedExampleGen's own constructor builds the stock specification.
        super(component.FileBasedExampleGen, self).__init__(spec=spec)


def _describe(examples: types.Artifact, splits: list[str]) -> None:
    examples.split_names = artifact_utils.encode_split_names(splits)
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    examples_utils.set_file_format(examples, "tfrecords_gzip")


def _output_config(corpus: CorpusConfig) -> example_gen_pb2.Output:
    splits = [
        example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=share)
        for name, share in splitting.shares(corpus).items()
    ]
    return example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(splits=splits, partition_feature_name=documents.TEXT)
    )
