"""The hashes of the files that a corpus is read from."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet
from tfx.types import standard_artifacts

from components.config import CorpusConfig, SourceConfig
from components.corpus_gen import source_files
from components.corpus_gen.source_files import HashedStream, SourceFile

Generate = Callable[..., standard_artifacts.Examples]


def _read(examples: standard_artifacts.Examples) -> dict[str, SourceFile]:
    return {file.path: file for file in source_files.read(f"{Path(examples.uri).parent}/rejected")}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_every_file_has_the_hash_of_its_bytes_on_the_disk(generate: Generate, tmp_path: Path) -> None:
    lines = [f"Verse {number} of the song\n" for number in range(400)]
    (tmp_path / "plain.txt").write_text("".join(lines[:200]))
    (tmp_path / "packed.txt.gz").write_bytes(gzip.compress("".join(lines[200:]).encode()))
    rows = [json.dumps({"text": f"Row {n}"}) for n in range(50)]
    (tmp_path / "rows.jsonl").write_text("\n".join(rows))
    table = {"text": [f"Cell {n}" for n in range(500)], "other": [random.Random(0).random()] * 500}
    parquet.write_table(pyarrow.table(table), tmp_path / "table.parquet", row_group_size=100)
    sources = (
        SourceConfig(name="verses", pattern="*.txt*", documents="lines"),
        SourceConfig(name="rows", pattern="*.jsonl", format="jsonl"),
        SourceConfig(name="cells", pattern="*.parquet", format="parquet"),
    )

    found = _read(generate(CorpusConfig(path=str(tmp_path), sources=sources)))

    assert {path: file.sha256 for path, file in found.items()} == {
        path.name: _sha256(path) for path in tmp_path.iterdir()
    }
    assert found["packed.txt.gz"].source == "verses"
    assert found["table.parquet"].num_bytes == (tmp_path / "table.parquet").stat().st_size


def test_a_damaged_file_and_one_over_the_limit_are_hashed_whole(generate: Generate, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"Line {number}\n" for number in range(300)))
    noise = random.Random(0).randbytes(300_000)
    (tmp_path / "b.txt").write_bytes(gzip.compress(noise.hex().encode())[:100_000] + noise)
    (tmp_path / "c.txt").write_text("words " * 50_000)
    source = SourceConfig(name="all", pattern="*.txt", documents="lines")

    examples = generate(
        CorpusConfig(path=str(tmp_path), sources=(source,), max_document_bytes=1000, max_bad_fraction=0.9)
    )

    assert {path: file.sha256 for path, file in _read(examples).items()} == {
        path.name: _sha256(path) for path in tmp_path.iterdir()
    }


def test_a_file_that_cannot_be_read_has_no_hash(generate: Generate, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("".join(f"Line {number}\n" for number in range(300)))
    (tmp_path / "b.txt").symlink_to(tmp_path / "gone")
    source = SourceConfig(name="all", pattern="*.txt", documents="lines")

    found = _read(generate(CorpusConfig(path=str(tmp_path), sources=(source,), max_bad_fraction=0.9)))

    assert found["b.txt"].sha256 is None
    assert found["a.txt"].sha256 == _sha256(tmp_path / "a.txt")


@given(st.binary(max_size=300), st.lists(st.tuples(st.integers(0, 320), st.integers(1, 100)), max_size=8))
def test_however_a_stream_is_read_its_hash_is_that_of_all_its_bytes(
    content: bytes, reads: list[tuple[int, int]]
) -> None:
    stream = HashedStream(io.BytesIO(content))
    for offset, size in reads:
        stream.seek(offset)
        assert stream.read(size) == content[offset : offset + size]

    assert stream.sha256() == hashlib.sha256(content).hexdigest()


def test_of_an_earlier_versions_output_there_are_no_files(tmp_path: Path) -> None:
    assert list(source_files.read(str(tmp_path))) == []


def test_closing_the_reader_leaves_the_rest_to_be_hashed() -> None:
    stream = HashedStream(io.BytesIO(b"abc" * 100_000))
    with io.BufferedReader(stream, 16) as reader:  # type: ignore[type-var]
        reader.read(3)

    assert stream.sha256() == hashlib.sha256(b"abc" * 100_000).hexdigest()


@pytest.mark.parametrize("size", [0, 1, source_files._BLOCK_BYTES, source_files._BLOCK_BYTES + 1])
def test_a_file_of_any_size_is_hashed(size: int) -> None:
    assert HashedStream(io.BytesIO(bytes(size))).sha256() == hashlib.sha256(bytes(size)).hexdigest()
