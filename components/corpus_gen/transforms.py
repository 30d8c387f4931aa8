"""Beam wiring of CorpusGen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import apache_beam as beam
import tensorflow as tf
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems
from apache_beam.metrics import Metrics
from apache_beam.metrics.metric import MetricsFilter
from apache_beam.runners.runner import PipelineResult

from components import documents, progress
from components.config import CorpusConfig
from components.corpus_gen import files, formats
from components.corpus_gen.counts import CorpusCounts, SplitCounts
from components.errors import CorpusError
from models.features import NUM_BYTES

_NAMESPACE = "lexmill.corpus"
_EMPTY = "empty_documents"
_WITHOUT_COMPLETION = "without_completion"


class CorpusToExamples(beam.PTransform):
    """Pipeline to ``tf.train.Example``, one a document that has text; bounded, in no order.

    A record that cannot be read raises `CorpusError`; one without text, or with nothing after its
    prompt, is counted and left out.
    The signature is the one that ExampleGen calls.
    """

    def __init__(self, exec_properties: dict[str, Any], split_pattern: str) -> None:
        super().__init__()
        self._corpus = CorpusConfig.model_validate_json(exec_properties["corpus"])

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        found = files.list_files(self._corpus)
        size = progress.format_bytes(sum(file.num_bytes for file in found))
        progress.report(f"reading {len(found)} files, {size}")
        return (
            pipeline
            | "Files" >> beam.Create(found)
            | "Spread" >> beam.Reshuffle()
            | "ReadDocuments" >> beam.ParDo(_ReadDocuments(len(found)))
            | "ToExample" >> beam.Map(_to_example).with_output_types(tf.train.Example)
        )


class CountDocuments(beam.PTransform):
    """``tf.train.Example`` to its bytes, in the same order; counts documents and bytes of a split.

    Serialised here, as equal documents give equal bytes then; TFX's writer would not see to that.
    """

    def __init__(self, split: str) -> None:
        super().__init__(f"CountDocuments[{split}]")
        self._split = split

    def expand(self, examples: beam.PCollection) -> beam.PCollection:
        return examples | beam.ParDo(_Count(self._split)).with_output_types(bytes)


def read_counts(result: PipelineResult, splits: list[str]) -> CorpusCounts:
    """The counters of a finished run of `CorpusToExamples` and `CountDocuments`."""
    found = result.metrics().query(MetricsFilter().with_namespace(_NAMESPACE))["counters"]
    values = {counter.key.metric.name: counter.result for counter in found}
    return CorpusCounts(
        splits={
            split: SplitCounts(values.get(f"{split}.documents", 0), values.get(f"{split}.bytes", 0))
            for split in splits
        },
        empty_documents=values.get(_EMPTY, 0),
        without_completion=values.get(_WITHOUT_COMPLETION, 0),
    )


class _ReadDocuments(beam.DoFn):
    """`files.CorpusFile` to `documents.Document`, in file order within a file."""

    def __init__(self, num_files: int) -> None:
        self._num_files = num_files
        self._num_read = 0
        self._empty = Metrics.counter(_NAMESPACE, _EMPTY)
        self._without_completion = Metrics.counter(_NAMESPACE, _WITHOUT_COMPLETION)

    def process(self, file: files.CorpusFile) -> Iterator[documents.Document]:
        try:
            stream = FileSystems.open(file.path, compression_type=CompressionTypes.UNCOMPRESSED)
        except OSError as error:
            raise CorpusError(f"{file.path}: cannot be opened ({error}); check its permissions") from error
        with stream:
            for passage in formats.read(stream, file.path, file.source):
                if not passage.text:
                    self._empty.inc()
                elif passage.lacks_completion:
                    self._without_completion.inc()
                else:
                    document_id = documents.make_id(file.relative_path, passage.line)
                    yield documents.Document(
                        passage.text, file.source.name, document_id, passage.num_prompt_bytes
                    )
        self._num_read += 1
        progress.report(f"read {file.relative_path}", completed=self._num_read, total=self._num_files)


class _Count(beam.DoFn):
    def __init__(self, split: str) -> None:
        self._documents = Metrics.counter(_NAMESPACE, f"{split}.documents")
        self._bytes = Metrics.counter(_NAMESPACE, f"{split}.bytes")

    def process(self, example: tf.train.Example) -> Iterator[bytes]:
        self._documents.inc()
        self._bytes.inc(example.features.feature[NUM_BYTES].int64_list.value[0])
        yield example.SerializeToString(deterministic=True)


def _to_example(document: documents.Document) -> tf.train.Example:
    return tf.train.Example.FromString(documents.encode(document))
