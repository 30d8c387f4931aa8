"""What the data stages of one run left, found through ML Metadata, and its records.

Records come file by file, by name, in the order in which they were written: so the number of a row is its
place in its split, from 0, and stays the same as long as the artifact does.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

from tfx.dsl.io import fileio
from tfx.types import artifact_utils, standard_artifacts

from components import tfrecords
from components.artifacts import TOKENIZER_MODEL
from components.corpus_gen.component import REJECTED
from components.corpus_gen.counts import CORPUS_REPORT, CorpusCounts
from components.sequence_packer.counts import PACKING_REPORT, PackingReport
from models.tokenizing import reading
from models.tokenizing.reading import TextTokenizer
from pipeline import history
from pipeline.config import PipelineConfig
from pipeline.errors import MissingInputError

DOCUMENTS = ("CorpusGen", "examples")
LEFT_OUT = ("CorpusGen", "rejected")
TOKENIZER = ("TokenizerTrainer", "tokenizer")
ROWS = ("SequencePacker", "packed_examples")


@dataclasses.dataclass(frozen=True)
class DataOutputs:
    """Of one run: those of its data stages that have ended."""

    run_id: str
    uris: dict[tuple[str, str], str]
    """(stage, output) -> folder."""

    @functools.cached_property
    def corpus(self) -> CorpusCounts:
        """What became of every record."""
        return CorpusCounts.model_validate_json(_read(f"{self._uri(LEFT_OUT)}/{CORPUS_REPORT}"))

    @functools.cached_property
    def packing(self) -> PackingReport:
        """What the rows hold."""
        return PackingReport.model_validate_json(_read(f"{self._uri(ROWS)}/{PACKING_REPORT}"))

    @functools.cached_property
    def tokenizer_content(self) -> bytes:
        """The tokenizer's file."""
        return _read(f"{self._uri(TOKENIZER)}/{TOKENIZER_MODEL}")

    @functools.cached_property
    def tokenizer(self) -> TextTokenizer:
        return reading.read(self.tokenizer_content)

    def has(self, output: tuple[str, str]) -> bool:
        return output in self.uris

    def rows(self, split: str) -> Iterator[bytes]:
        """Serialized rows of one split (`models.features.PACKED_ROW`).

        Raises:
          MissingInputError: there is no such split.
        """
        splits = tuple(self.packing.splits)
        if split not in splits:
            raise MissingInputError(f"{split}: no such split: there are {', '.join(splits)}")
        return _records(self._uri(ROWS), splits, split)

    def documents(self, split: str) -> Iterator[bytes]:
        """Serialized documents of one split (`components.documents`)."""
        return _records(self._uri(DOCUMENTS), self.corpus.splits, split)

    def rejected(self) -> Iterator[bytes]:
        """Serialized records that were left out (`components.corpus_gen.rejections`)."""
        return _records(self._uri(LEFT_OUT), (REJECTED,), REJECTED)

    def _uri(self, output: tuple[str, str]) -> str:
        if output not in self.uris:
            raise MissingInputError(
                f"run {self.run_id}: its stage {output[0]} has not ended: finish it with 'lexmill run', "
                "or name another run"
            )
        return self.uris[output]


def find(
    config: PipelineConfig, run_id: str | None, command: str, needed: tuple[str, str] = ROWS
) -> DataOutputs:
    """The outputs of a run by its id; without one, of the latest run that has ``needed``.

    Args:
      command: how the user starts a run of this configuration, for the hint.

    Raises:
      MissingInputError: there is no such run, or it did not come so far.
    """
    if run_id is not None:
        chosen = history.choose(config, run_id, command)
        found = DataOutputs(chosen.run_id, history.output_uris(config, chosen.run_id))
        found._uri(needed)
        return found
    latest = history.choose(config, None, command)
    for run in history.runs(config):
        found = DataOutputs(run.run_id, history.output_uris(config, run.run_id))
        if found.has(needed):
            return found
    raise MissingInputError(
        f"{config.root}: of no run of {config.name!r} the stage {needed[0]} has ended, nor of the latest, "
        f"{latest.run_id}: finish one with '{command}'"
    )


def _records(uri: str, splits: tuple[str, ...], split: str) -> Iterator[bytes]:
    examples = standard_artifacts.Examples()
    examples.uri, examples.split_names = uri, artifact_utils.encode_split_names(list(splits))
    folder = artifact_utils.get_split_uri([examples], split)
    for path in sorted(fileio.glob(f"{folder}/*")):
        yield from tfrecords.read(path)


def _read(path: str) -> bytes:
    with fileio.open(path, "rb") as file:
        content: bytes = file.read()
    return content
