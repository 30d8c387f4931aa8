"""Beam wiring of decontamination: `contamination` on splits.

    eval, test -> passages ─┐
    task files -> passages ─┴─► train -> suspects -> how many hold each n-gram -> decisions

The evaluation's n-grams, bounded by ``max_ngrams``, are a file that every worker reads; the alternative, to
group all of the training text's n-grams by hash, would sort more than the text. Only suspects are held back
until the n-grams that many documents have in common are known. All that is large lies on disk.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.io.filesystem import FileMetadata
from apache_beam.io.filesystems import FileSystems

from components import documents, runs, sorted_records
from components.corpus_gen import decisions, placed, splitting
from components.corpus_gen.decisions import Decision, Part, WaitingDecisions
from components.corpus_gen.duplicates import contamination, passages
from components.corpus_gen.duplicates.contamination import Passages
from components.corpus_gen.duplicates.passages import HASH, PassageRun, WaitingPassages
from components.corpus_gen.duplicates.settings import DecontaminationConfig
from components.corpus_gen.placed import Placed, WaitingItems
from components.corpus_gen.staging import Staging
from components.errors import CorpusError
from components.runs import Run

REASON = "contaminated"
_HITS = "hits"
_MANY_HITS = 1_000_000


class Suspect(NamedTuple):
    """A training document, and the n-grams that it shares with the evaluation."""

    text: str
    of_held_out: np.ndarray
    of_tasks: np.ndarray


class FindContaminated(beam.PTransform):
    """``((split, part), {"documents": runs, "decisions": runs})`` to ``((split, part), Run)`` of decisions:
    training documents that share a passage with the evaluation are left out. Those that are left out already
    count for nothing."""

    def __init__(self, settings: DecontaminationConfig, staging: Staging) -> None:
        super().__init__()
        self._settings = settings
        self._staging = staging

    def expand(self, part_to_found: beam.PCollection) -> beam.PCollection:
        settings, directory = self._settings, self._staging.directory
        task_files = [file.path for file in list_task_files(settings.against)]
        held_out = part_to_found | "HeldOut" >> beam.FlatMap(_held_out, settings, directory)
        tasks = (
            part_to_found.pipeline
            | "TaskFiles" >> beam.Create(task_files)
            | "Tasks" >> beam.FlatMap(_tasks, settings, directory)
        )
        sides = [
            beam.pvalue.AsSingleton(
                found
                | f"All[{name}]" >> beam.combiners.ToList()
                | f"Unite[{name}]" >> beam.Map(passages.unite, settings.max_ngrams, directory)
            )
            for name, found in (("held out", held_out), ("tasks", tasks))
        ]
        suspects = part_to_found | "Find" >> beam.ParDo(_Find(self._staging), *sides).with_outputs(
            _HITS, main="suspects"
        )
        common = (
            suspects[_HITS]
            | "ByHash" >> beam.GroupByKey()
            | "Common" >> beam.FlatMap(_common, settings.max_documents, directory)
        )
        return (
            suspects["suspects"]
            | "Spread" >> beam.Reshuffle()
            | "Judge" >> beam.ParDo(_Judge(self._staging), *sides, beam.pvalue.AsList(common))
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


def _held_out(
    part_to_found: tuple[Part, Mapping[str, Iterable[Run]]], settings: DecontaminationConfig, directory: str
) -> Iterator[PassageRun]:
    """Passages of the documents of a held-out split."""
    (split, _), found = part_to_found
    if split != splitting.TRAIN and settings.held_out_words:
        waiting = WaitingPassages(settings.held_out_words, settings.min_words, directory)
        texts = (document.text for document in decisions.kept(found["documents"], found["decisions"]))
        yield from waiting.of(texts)


def _tasks(path: str, settings: DecontaminationConfig, directory: str) -> Iterator[PassageRun]:
    """Passages of one file's items."""
    yield from WaitingPassages(settings.task_words, settings.min_words, directory).of(read_tasks(path))


class _Find(beam.DoFn):
    """Parts of the train split to runs of `Suspect` and, second, ``(range of hashes, Run)`` of the n-grams
    that each shares with the evaluation."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging

    def process(
        self,
        part_to_found: tuple[Part, Mapping[str, Iterable[Run]]],
        held_out_run: PassageRun,
        tasks_run: PassageRun,
    ) -> Iterator[Any]:
        (split, _), found = part_to_found
        held_out, tasks = passages.read(held_out_run), passages.read(tasks_run)
        if split != splitting.TRAIN or not (held_out.lengths or tasks.lengths):
            return
        suspects: WaitingItems[None] = WaitingItems(self._staging.directory)
        hits, count = [np.empty(0, np.uint64)], 0
        for document in decisions.kept(found["documents"], found["decisions"]):
            suspect = Suspect(
                document.text, *(contamination.shared(document.text, s) for s in (held_out, tasks))
            )
            shared = np.union1d(suspect.of_held_out, suspect.of_tasks)
            if not len(shared):
                continue
            hits.append(shared)
            count += len(shared)
            suspects.add(
                None, Placed.of(document.document_id, tuple(suspect)), len(suspect.text) + 8 * len(shared)
            )
            if suspects.are_many or count >= _MANY_HITS:
                yield from self._write(suspects, hits)
                hits, count = hits[:1], 0
        yield from self._write(suspects, hits)

    def _write(self, suspects: WaitingItems[None], hits: list[np.ndarray]) -> Iterator[Any]:
        for _, run in suspects.write():
            yield run
        found = np.sort(np.concatenate(hits))
        if len(found):
            ranges = sorted_records.by_range(found, found, self._staging.num_parts)
            blocks = ((number, sorted_records.to_blocks(piece)) for number, piece in ranges)
            for number_to_run in runs.write(self._staging.directory, blocks):
                yield beam.pvalue.TaggedOutput(_HITS, number_to_run)


def _common(number_to_runs: tuple[int, Iterable[Run]], max_documents: int, directory: str) -> Iterator[Run]:
    """The n-grams of a range that more documents share."""
    found = passages.counted(sorted_records.in_order(number_to_runs[1], HASH))
    common = [hashes[counts > max_documents] for hashes, counts in found]
    blocks = sorted_records.to_blocks(np.concatenate([np.empty(0, HASH), *common]))
    yield from (run for _, run in runs.write(directory, [(None, blocks)]))


class _Judge(beam.DoFn):
    """Runs of `Suspect` to runs of decisions on those of whom not only common n-grams tell."""

    def __init__(self, staging: Staging) -> None:
        self._staging = staging

    def process(
        self, run: Run, held_out_run: PassageRun, tasks_run: PassageRun, common: list[Run]
    ) -> Iterator[tuple[Part, Run]]:
        held_out, tasks = passages.read(held_out_run), passages.read(tasks_run)
        ordinary = passages.all_hashes(common)
        waiting = WaitingDecisions(self._staging.directory, self._staging.num_parts)
        for item in placed.in_order([run]):
            suspect = Suspect(*item.value)
            decision = _judge(suspect, held_out, tasks, ordinary)
            if decision is not None:
                waiting.decide(splitting.TRAIN, documents.make_id(item.path, item.line), decision)
        yield from waiting.write()


def _judge(
    suspect: Suspect, held_out: Passages, tasks: Passages, ordinary: contamination.Hashes
) -> Decision | None:
    for hits, against, name in (
        (suspect.of_tasks, tasks, "the evaluation tasks"),
        (suspect.of_held_out, held_out, "held-out documents"),
    ):
        telling = hits[~np.isin(hits, ordinary)]
        if len(telling):
            words = contamination.first_shared(suspect.text, telling, against.lengths)
            return Decision(REASON, f"shares {len(telling)} n-grams with {name}, the first: {words}")
    return None


def fingerprint(patterns: Iterable[str]) -> str:
    """Changes when a task file is added, removed, resized or written again."""
    files = list_task_files(patterns)
    return repr([(file.path, file.size_in_bytes, file.last_updated_in_seconds) for file in files])
