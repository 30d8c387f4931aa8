"""CorpusGen: an ExampleGen for text corpora of several sources and formats.

TFX's file-based ExampleGen does the splitting and writing; of our own are the
reading (`transforms`), the cache key over all sources' files, and the checks.
A document's split is a hash of its text alone, so the same text lands in the same
split on every machine and in every corpus, and copies of a text cannot straddle splits.
"""

from __future__ import annotations

from typing import Any, final

import apache_beam as beam
from tfx import types
from tfx.components.example_gen import base_example_gen_executor, component, driver
from tfx.components.example_gen import utils as example_gen_utils
from tfx.dsl.components.base import executor_spec
from tfx.orchestration import data_types
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, component_spec, standard_artifacts, standard_component_specs

from components import progress
from components.config import CorpusConfig
from components.corpus_gen import files, transforms
from components.documents import FEATURES, TEXT

CORPUS = "corpus"
DOCUMENT_FEATURES = "document_features"


class CorpusGenSpec(component_spec.ComponentSpec):
    """The file-based ExampleGen's, our settings as one JSON text, and what a document consists of: part of
    the cache's key, so that documents of another version of this package are not taken for ours."""

    PARAMETERS = {  # noqa: RUF012
        **standard_component_specs.FileBasedExampleGenSpec.PARAMETERS,
        CORPUS: component_spec.ExecutionParameter(type=str),
        DOCUMENT_FEATURES: component_spec.ExecutionParameter(type=str),
    }
    INPUTS: dict[str, Any] = {}  # noqa: RUF012
    OUTPUTS = standard_component_specs.FileBasedExampleGenSpec.OUTPUTS


@final
class CorpusDriver(driver.FileBasedDriver):
    """Makes the state of *every* source's files part of the cache key."""

    def resolve_exec_properties(
        self,
        exec_properties: dict[str, Any],
        pipeline_info: data_types.PipelineInfo,
        component_info: data_types.ComponentInfo,
    ) -> dict[str, Any]:
        corpus = CorpusConfig.model_validate_json(exec_properties[CORPUS])
        fingerprint = files.fingerprint(files.list_files(corpus))
        resolved = super().resolve_exec_properties(exec_properties, pipeline_info, component_info)
        resolved[example_gen_utils.FINGERPRINT_PROPERTY_NAME] = fingerprint
        return resolved


@final
class Executor(base_example_gen_executor.BaseExampleGenExecutor):
    """Reads, splits, counts and checks."""

    _pipeline: beam.Pipeline

    def GetInputSourceToExamplePTransform(self) -> type[beam.PTransform]:
        return transforms.CorpusToExamples

    def GenerateExamplesByBeam(
        self, pipeline: beam.Pipeline, exec_properties: dict[str, Any]
    ) -> dict[str, beam.PCollection]:
        splits = super().GenerateExamplesByBeam(pipeline, exec_properties)
        return {name: examples | transforms.CountDocuments(name) for name, examples in splits.items()}

    def _make_beam_pipeline(self) -> beam.Pipeline:
        self._pipeline = super()._make_beam_pipeline()
        return self._pipeline

    def Do(
        self,
        input_dict: dict[str, list[types.Artifact]],
        output_dict: dict[str, list[types.Artifact]],
        exec_properties: dict[str, Any],
    ) -> None:
        corpus = CorpusConfig.model_validate_json(exec_properties[CORPUS])
        super().Do(input_dict, output_dict, exec_properties)
        [examples] = output_dict[standard_component_specs.EXAMPLES_KEY]
        splits = artifact_utils.decode_split_names(examples.split_names)
        counts = transforms.read_counts(self._pipeline.result, splits)
        counts.require_every_split(corpus.path)
        progress.report(counts.summary())


@final
class CorpusGen(component.FileBasedExampleGen):
    """Reads a corpus.

    Outputs:
      examples: ``Examples`` with the splits train, eval and test, one document a record
        (`components.documents`).
    """

    SPEC_CLASS = CorpusGenSpec
    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = CorpusDriver

    def __init__(self, corpus: CorpusConfig) -> None:
        spec = CorpusGenSpec(
            input_base=corpus.path,
            input_config=example_gen_utils.make_default_input_config(),
            output_config=_output_config(corpus),
            output_data_format=example_gen_pb2.FORMAT_TF_EXAMPLE,
            output_file_format=example_gen_pb2.FORMAT_TFRECORDS_GZIP,
            corpus=corpus.model_dump_json(),
            document_features=",".join(FEATURES),
            examples=types.Channel(type=standard_artifacts.Examples),
        )
        # FileBasedExampleGen's own constructor builds the stock specification.
        super(component.FileBasedExampleGen, self).__init__(spec=spec)


def _output_config(corpus: CorpusConfig) -> example_gen_pb2.Output:
    """A hundred buckets by hash; the last are test's, so changing eval's share leaves test alone."""
    shares = {
        "train": 100 - corpus.eval_percent - corpus.test_percent,
        "eval": corpus.eval_percent,
        "test": corpus.test_percent,
    }
    splits = [
        example_gen_pb2.SplitConfig.Split(name=name, hash_buckets=share) for name, share in shares.items()
    ]
    return example_gen_pb2.Output(
        split_config=example_gen_pb2.SplitConfig(splits=splits, partition_feature_name=TEXT)
    )
