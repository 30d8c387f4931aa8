from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import tracemalloc
from collections.abc import Callable

import pytest
import zstandard

from components.config import SourceConfig
from components.corpus_gen.reading import compression, formats
from components.corpus_gen.reading.records import Malformed, Record

Compress = Callable[[bytes], bytes]
COMPRESSIONS: dict[str, Compress] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "Zstandard": zstandard.ZstdCompressor(write_checksum=True).compress,
}
each_compression = pytest.mark.parametrize("name", COMPRESSIONS)
LINES = SourceConfig(name="s", pattern="*", documents="lines")


def read(data: bytes, source: SourceConfig = LINES, max_bytes: int = 1_000_000) -> list[Record]:
    return list(formats.read(io.BytesIO(data), source, max_bytes))


def many_lines() -> bytes:
    draw = random.Random(0)
    return b"".join(b"%d %d\n" % (number, draw.getrandbits(64)) for number in range(30_000))


@each_compression
def test_what_a_file_is_compressed_with_is_told_by_its_content(name: str) -> None:
    for data in (b"", b"x", b"words " * 1000):
        compressed = COMPRESSIONS[name](data)
        stream, found = compression.decompressed(io.BytesIO(compressed))
        assert (stream.read(), found) == (data, name)


@pytest.mark.parametrize("data", [b"", b"B", b"BZh is how bzip2 starts", b"(plain text)", b"\x1f"])
def test_what_is_not_compressed_is_read_as_it_is(data: bytes) -> None:
    stream, found = compression.decompressed(io.BytesIO(data))
    assert (stream.read(), found) == (data, None)


@each_compression
def test_several_members_are_one_file(name: str) -> None:
    compress = COMPRESSIONS[name]

    found = read(compress(b"a\nb") + compress(b"") + compress(b"c\nd\n"))

    assert [record.text for record in found] == ["a", "bc", "d"]


def test_skippable_frames_of_zstandard_are_skipped() -> None:
    compress = COMPRESSIONS["Zstandard"]
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"

    for before in (compress(b"a\n"), b""):
        found = read(before + skippable + compress(b"b\n"))
        assert [record.text for record in found] == (["a", "b"] if before else ["b"])


def test_long_windows_of_zstandard_are_read() -> None:
    """As ``zstd --long=31`` writes them; a reader of the library's default refuses more than 128 MB."""
    parameters = zstandard.ZstdCompressionParameters(window_log=31)
    writer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()

    assert [record.text for record in read(writer.compress(b"a\n") + writer.flush())] == ["a"]


@each_compression
def test_a_file_that_ends_early_gives_what_comes_before_and_is_malformed(name: str) -> None:
    compressed = COMPRESSIONS[name](many_lines())

    *before, last = read(compressed[: len(compressed) * 9 // 10])

    assert isinstance(last, Malformed)
    assert last.reason == "malformed:compression"
    assert f"the {name} data ends early, after line {len(before)}" in last.detail
    assert last.line == len(before) + 1
    assert [record.text for record in before] == many_lines().decode().splitlines()[: len(before)]


@each_compression
def test_a_file_that_is_one_document_and_ends_early_gives_none(name: str) -> None:
    [record] = read(COMPRESSIONS[name](many_lines())[:-100], SourceConfig(name="s", pattern="*"))

    assert (record.line, record.reason) == (1, "malformed:compression")


@each_compression
def test_damaged_data_is_malformed(name: str) -> None:
    data = bytearray(COMPRESSIONS[name](many_lines()))
    middle = len(data) // 2
    data[middle : middle + 50] = bytes(byte ^ 0xFF for byte in data[middle : middle + 50])

    last = read(bytes(data))[-1]

    assert isinstance(last, Malformed)
    assert last.reason == "malformed:compression"
    assert "\n" not in last.detail


@each_compression
def test_what_follows_a_member_and_is_none_is_malformed(name: str) -> None:
    """Else what follows the damaged start of a second member would be lost, and nothing said."""
    compress = COMPRESSIONS[name]

    *before, last = read(compress(b"a\nb\n") + b"damage" + compress(b"c\nd\n"))

    assert [record.text for record in before] == ["a", "b"]
    assert f"not valid {name} data after line 2" in last.detail


@each_compression
def test_zeros_after_a_member_are_padding(name: str) -> None:
    compress = COMPRESSIONS[name]

    for padding in (4, 100_000):
        found = read(compress(b"a\n") + bytes(padding) + compress(b"b\n") + bytes(padding))
        assert [record.text for record in found] == ["a", "b"]


@each_compression
def test_a_bomb_is_left_in_bounded_memory(name: str) -> None:
    """200 MB of one letter, which compress to 200 kB and less, where a document has 100 kB at most."""
    bomb = COMPRESSIONS[name](b"x" * 200_000_000)
    assert len(bomb) < 250_000

    for source in (LINES, SourceConfig(name="s", pattern="*")):
        tracemalloc.start()
        [record] = read(bomb, source, 100_000)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert record.reason == "malformed:too_large"
        assert peak < 40_000_000


def test_a_block_that_the_damage_cuts_is_named_by_its_start() -> None:
    text = b"first\n\n" + many_lines()

    found = read(
        gzip.compress(text)[:-1000], LINES.model_copy(update={"documents": "blocks", "block_bytes": 1})
    )

    assert [record.line for record in found] == [1, 3]
    assert found[1].reason == "malformed:compression"
