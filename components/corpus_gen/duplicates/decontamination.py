"""Beam wiring of decontamination: `contamination` on splits.

    eval, test -> passages ─┐
    task files -> passages ─┴─► train -> clean ───────────────────────────────► kept
                                  └────> suspect -> how many hold each n-gram -> kept or rejected

The evaluation's n-grams go to every worker as a side input, bounded by ``max_ngrams``; the alternative, to
group all of the training text's n-grams by hash, would send more than the text through a shuffle. Of the
training documents only suspects are held back until the n-grams that many have in common are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.filesystems import FileSystems

from components.corpus_gen import rejections
from components.corpus_gen.duplicates import contamination
from components.corpus_gen.duplicates.contamination import Passages
from components.corpus_gen.duplicates.settings import DecontaminationConfig
from components.corpus_gen.rejections import Sifted
from components.documents import Document
from components.errors import CorpusError

REASON = "contaminated"
_SUSPECT = "suspect"
_REJECTED = "rejected"
_FEW_NGRAMS = 1_000_000


class Suspect(NamedTuple):
    """A training document, and the n-grams that it shares with the evaluation."""

    document: Document
    of_held_out: np.ndarray
    of_tasks: np.ndarray


class RemoveContaminated(beam.PTransform):
    """Training documents to `Sifted`: those that share a passage with the evaluation are rejected.

    Args:
      settings: what counts as a passage.
      held_out: the documents of the other splits.
    """

    def __init__(self, settings: DecontaminationConfig, held_out: Iterable[beam.PCollection]) -> None:
        super().__init__()
        self._settings = settings
        self._held_out = tuple(held_out)

    def expand(self, train: beam.PCollection) -> Sifted:
        settings = self._settings
        sides = (self._held_out_passages(train.pipeline), self._task_passages(train.pipeline))
        held_out, tasks = (beam.pvalue.AsSingleton(side, Passages.none()) for side in sides)
        found = train | "Find" >> beam.ParDo(_find, held_out, tasks).with_outputs(_SUSPECT, main="clean")
        suspects = found[_SUSPECT]
        common = (
            suspects
            | "Hits" >> beam.FlatMap(_hits).with_output_types(tuple[int, int])
            | "Holders" >> beam.CombinePerKey(sum)
            | "Common" >> beam.Filter(lambda counted: counted[1] > settings.max_documents)
            | "Ngram" >> beam.Keys()
        )
        judged = suspects | "Judge" >> beam.ParDo(
            _Judge(settings), held_out, tasks, beam.pvalue.AsList(common)
        ).with_outputs(_REJECTED, main="kept")
        kept = (found["clean"], judged["kept"]) | "Kept" >> beam.Flatten()
        return Sifted(kept, judged[_REJECTED])

    def _held_out_passages(self, pipeline: beam.Pipeline) -> beam.PCollection:
        settings = self._settings
        splits = self._held_out if settings.held_out_words else ()
        return (
            splits
            | "HeldOut" >> beam.Flatten(pipeline=pipeline)
            | "HeldOutPassages"
            >> beam.Map(
                lambda document: contamination.passages(
                    document.text, settings.held_out_words, settings.min_words
                )
            )
            | "UniteHeldOut" >> beam.CombineGlobally(_Unite(settings.max_ngrams)).without_defaults()
        )

    def _task_passages(self, pipeline: beam.Pipeline) -> beam.PCollection:
        settings = self._settings
        return (
            pipeline
            | "TaskFiles" >> beam.Create([file.path for file in list_task_files(settings.against)])
            | "ReadTasks" >> beam.FlatMap(read_tasks)
            | "TaskPassages"
            >> beam.Map(lambda text: contamination.passages(text, settings.task_words, settings.min_words))
            | "UniteTasks" >> beam.CombineGlobally(_Unite(settings.max_ngrams)).without_defaults()
        )


def list_task_files(patterns: Iterable[str]) -> list[FileMetadata]:
    """The files of evaluation tasks, by path, each once."""
    found: dict[str, FileMetadata] = {}
    for pattern in patterns:
        [matched] = FileSystems.match([pattern])
        if not matched.metadata_list:
            raise CorpusError(
                f"decontamination.against: no file matches {pattern!r}; correct it (a relative path "
                "starts at the working directory) or remove it"
            )
        found.update((file.path, file) for file in matched.metadata_list)
    return [found[path] for path in sorted(found)]


def read_tasks(path: str) -> Iterator[str]:
    """Texts of the items of one file, decompressed by its name."""
    with FileSystems.open(path) as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise CorpusError(
                    f"decontamination.against: {path}: line {number} is not UTF-8 ({error.reason}); "
                    "convert the file to UTF-8, for example with iconv"
                ) from error
            yield from contamination.task_texts(text)


class _Unite(beam.CombineFn):
    """`Passages` to those of all, at most so many. What is added is united when it has doubled."""

    def __init__(self, max_ngrams: int) -> None:
        self._max_ngrams = max_ngrams

    def create_accumulator(self) -> list[Passages]:
        return [Passages.none()]

    def add_input(self, found: list[Passages], passages: Passages) -> list[Passages]:
        found.append(passages)
        united, *added = found
        if len(added) % 256 or sum(len(one.hashes) for one in added) < max(_FEW_NGRAMS, len(united.hashes)):
            return found
        return self.compact(found)

    def merge_accumulators(self, accumulators: Iterable[list[Passages]]) -> list[Passages]:
        merged = self.create_accumulator()
        for found in accumulators:
            merged = self.compact([*merged, *found])
        return merged

    def compact(self, found: list[Passages]) -> list[Passages]:
        return [contamination.unite(found, self._max_ngrams)]

    def extract_output(self, found: list[Passages]) -> Passages:
        return contamination.unite(found, self._max_ngrams)


class _Judge(beam.DoFn):
    """`Suspect` to its document, if only common n-grams spoke against it, or to its rejection."""

    def __init__(self, settings: DecontaminationConfig) -> None:
        self._settings = settings

    def process(
        self, suspect: Suspect, held_out: Passages, tasks: Passages, common: list[int]
    ) -> Iterator[Any]:
        ordinary = np.array(common, np.int64).view(np.uint64)
        for hits, against, name in (
            (suspect.of_tasks, tasks, "the evaluation tasks"),
            (suspect.of_held_out, held_out, "held-out documents"),
        ):
            telling = hits[~np.isin(hits, ordinary)]
            if len(telling):
                words = contamination.first_shared(suspect.document.text, telling, against.lengths)
                detail = f"shares {len(telling)} n-grams with {name}, the first: {words}"
                yield beam.pvalue.TaggedOutput(_REJECTED, rejections.reject(suspect.document, REASON, detail))
                return
        yield suspect.document


def _find(document: Document, held_out: Passages, tasks: Passages) -> Iterator[Any]:
    of_held_out, of_tasks = (contamination.shared(document.text, side) for side in (held_out, tasks))
    if len(of_held_out) or len(of_tasks):
        yield beam.pvalue.TaggedOutput(_SUSPECT, Suspect(document, of_held_out, of_tasks))
    else:
        yield document


def _hits(suspect: Suspect) -> Iterator[tuple[int, int]]:
    # Signed, as Beam's integers are; an n-gram of both kinds is one of each document.
    for ngram in np.union1d(suspect.of_held_out, suspect.of_tasks).view(np.int64).tolist():
        yield ngram, 1


def fingerprint(patterns: Iterable[str]) -> str:
    """Changes when a task file is added, removed, resized or written again."""
    files = list_task_files(patterns)
    return repr([(file.path, file.size_in_bytes, file.last_updated_in_seconds) for file in files])
