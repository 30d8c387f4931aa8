"""The data stages on a portable runner: Beam's own job server, and a pool of workers, over gRPC, in the place
of Flink's and Spark's. What they leave is, byte for byte, what the local runner leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from apache_beam.runners.portability import local_job_service
from apache_beam.runners.worker import worker_pool_main

from components.config import CorpusConfig, PackingConfig, SourceConfig, TokenizerConfig
from components.corpus_gen import placed
from components.corpus_gen.counts import CorpusCounts
from pipeline import beam_options
from pipeline.beam_options import BeamConfig

LOCAL = beam_options.local(BeamConfig())


@pytest.fixture(scope="module")
def portable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, ...]]:
    """The options of a job server and a worker pool that run."""
    server = local_job_service.LocalJobServicer(str(tmp_path_factory.mktemp("staging")))
    port = server.start_grpc_server()
    address, pool = worker_pool_main.BeamFnExternalWorkerPoolServicer.start(use_process=False)
    endpoint = f"--job_endpoint=localhost:{port}"
    yield beam_options.local(BeamConfig(runner="PortableRunner", worker_pool=address, options=(endpoint,)))
    pool.stop(0)
    server.stop()
    assert len(server._jobs) == 2  # CorpusGen's and SequencePacker's.


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> CorpusConfig:
    folder = tmp_path_factory.mktemp("corpus")
    text = " ".join(f"word{number}" for number in range(120))
    for number in range(6):
        lines = [f"{number * 100 + line} grains of sand\n" for line in range(30)]
        (folder / f"{number}.txt").write_text("".join(lines) + "the same line\n" + text + f" {number}\n")
    source = SourceConfig(name="lines", pattern="*.txt", documents="lines")
    return CorpusConfig(path=str(folder), sources=(source,), eval_percent=20, test_percent=20)


@pytest.fixture(scope="module")
def runs(
    corpus: CorpusConfig,
    portable: tuple[str, ...],
    generate: Callable[..., Any],
    train_tokenizer: Callable[..., Any],
    pack: Callable[..., Any],
) -> list[dict[str, dict[str, bytes]]]:
    """The files of each output, on the local runner and on the portable one."""

    def run(beam_args: Sequence[str]) -> dict[str, dict[str, bytes]]:
        documents = generate(corpus, beam_args)
        tokenizer = train_tokenizer(documents, TokenizerConfig(vocabulary_size=300))
        rows = pack(documents, tokenizer, PackingConfig(sequence_length=16), beam_args)
        rejected = Path(documents.uri).parent / "rejected"
        return {
            name: _contents(folder)
            for name, folder in [
                ("documents", Path(documents.uri)),
                ("rejected", rejected / "Split-rejected"),
                ("tokenizer", Path(tokenizer.uri)),
                ("rows", Path(rows.uri)),
                ("report", rejected),
            ]
        }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(placed, "num_parts", lambda num_bytes: 2)
        return [run(LOCAL), run(portable)]


def _contents(folder: Path) -> dict[str, bytes]:
    """Without the hashes of the files read, which Beam writes in no order."""
    paths = (path for path in folder.rglob("*") if path.is_file() and "files" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("output", ["documents", "rejected", "tokenizer", "rows", "report"])
def test_a_portable_runner_leaves_the_same_bytes_as_the_local_one(
    runs: list[dict[str, dict[str, bytes]]], output: str
) -> None:
    local, portable = runs
    assert portable[output] == local[output]
    assert any(local[output].values())


def test_what_both_made_has_something_of_everything(runs: list[dict[str, dict[str, bytes]]]) -> None:
    counts = CorpusCounts.model_validate_json(runs[1]["report"]["corpus.json"])
    assert counts.dropped() == {"duplicate:exact": 5, "duplicate:near": 5}
    assert len([name for name in runs[1]["documents"] if name.startswith("Split-train/")]) == 2
