from __future__ import annotations

import gzip
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.config import SourceConfig
from components.corpus_gen import formats
from components.errors import CorpusError

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def read(data: bytes, path: str = "f", **settings: Any) -> list[tuple[int, str]]:
    source = SourceConfig(name="s", pattern="*", **settings)
    return [(passage.line, passage.text) for passage in formats.read(io.BytesIO(data), path, source)]


def read_pairs(data: bytes, path: str = "f", **settings: Any) -> list[tuple[int, str, int]]:
    source = SourceConfig(name="s", pattern="*", prompt_column="q", completion_column="a", **settings)
    return [tuple(passage) for passage in formats.read(io.BytesIO(data), path, source)]


def message(data: bytes, path: str = "f", **settings: Any) -> str:
    with pytest.raises(CorpusError) as caught:
        read(data, path, **settings)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_the_example_of_blocks() -> None:
    assert read(b"a\n\nbcd\n\n\ne", documents="blocks", block_bytes=4) == [(1, "a\n\nbcd\n\n\n"), (6, "e")]


@given(st.text(st.sampled_from("ab \n\r\t\u2028é")), st.integers(1, 20))
def test_the_blocks_of_a_file_joined_are_the_file(text: str, block_bytes: int) -> None:
    blocks = read(text.encode(), documents="blocks", block_bytes=block_bytes)

    assert "".join(block for _, block in blocks) == text


@given(st.text(st.sampled_from("ab \n\r\t\u2028é")), st.integers(1, 20))
def test_every_block_but_the_last_has_the_least_size(text: str, block_bytes: int) -> None:
    blocks = read(text.encode(), documents="blocks", block_bytes=block_bytes)

    assert all(len(block.encode()) >= block_bytes and block.strip() for _, block in blocks[:-1])


def test_a_block_is_not_cut_within_a_paragraph() -> None:
    assert len(read(b"line\n" * 100, documents="blocks", block_bytes=8)) == 1


def test_a_file_is_one_document_with_its_line_ends() -> None:
    assert read(b"a\r\nb\rc\n\n") == [(1, "a\r\nb\rc\n\n")]


@given(TEXTS)
def test_a_file_without_byte_order_mark_is_kept_to_the_byte(text: str) -> None:
    text = text.removeprefix("\ufeff")

    assert read(text.encode()) == [(1, text)]


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (b"x", {}),
        (b"x", {"documents": "lines"}),
        (b'{"text": "x"}', {"format": "jsonl"}),
        (b"text\nx", {"format": "csv"}),
    ],
)
def test_a_byte_order_mark_is_not_text(data: bytes, settings: dict[str, Any]) -> None:
    assert read(b"\xef\xbb\xbf" + data, **settings)[0][1] == "x"


def test_lines_are_documents_without_their_ends_and_blank_ones_are_none() -> None:
    assert read(b"a \r\n\n \t\nb\rc\nd", documents="lines") == [(1, "a "), (4, "b\rc"), (5, "d")]


def test_other_unicode_line_separators_do_not_end_a_line() -> None:
    assert read("a\u2028b\x85c\x0bd".encode(), documents="lines") == [(1, "a\u2028b\x85c\x0bd")]


def test_json_lines_give_the_text_column() -> None:
    data = b'{"id": 1, "body": "a\\nb"}\n\n{"body": ""}\r\n'

    assert read(data, format="jsonl", text_column="body") == [(1, "a\nb"), (3, "")]


def test_quoted_csv_fields_keep_separators_quotes_and_line_ends() -> None:
    data = b'id,text\r\n1,"a, ""b""\r\nc"\r\n\r\n2,d\r\n'

    assert read(data, format="csv") == [(2, 'a, "b"\r\nc'), (5, "d")]


def test_a_csv_text_may_be_longer_than_the_standard_limit() -> None:
    assert len(read(b"text\n" + b"x" * 200_000, format="csv")[0][1]) == 200_000


def test_tsv_is_separated_by_tabs() -> None:
    assert read(b"id\ttext\n1\ta, b\n", format="tsv") == [(2, "a, b")]


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (b"a\n\nb", {"documents": "blocks", "block_bytes": 1}),
        (json.dumps({"text": "é"}).encode(), {"format": "jsonl"}),
        ("text\né\n".encode(), {"format": "csv"}),
    ],
)
def test_a_compressed_file_reads_as_the_plain_one(data: bytes, settings: dict[str, Any]) -> None:
    assert read(gzip.compress(data), "f.GZ", **settings) == read(data, **settings)


def test_an_empty_file_is_one_empty_document() -> None:
    assert read(b"") == [(1, "")]
    assert read(b"", documents="blocks") == [(1, "")]


def test_what_is_not_utf8_is_named_by_byte_offset_and_line() -> None:
    text = message(b"\xef\xbb\xbfab\nc\xe9d", "p.txt")

    assert "p.txt: byte 0xe9 at offset 7 (line 2) is not UTF-8" in text


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b'{"text": "a"}\n{"text": \n', "line 2, column 10 is not JSON"),
        (b'["text"]\n', "line 1 is a JSON list, not an object"),
        (b'{"body": "a"}\n', "line 1 has no column 'text', only: 'body'"),
        (b'{"text": 3}\n', "line 1 has a value of type int in 'text', not a string"),
        (b'{"text": "\\ud800"}\n', "line 1 escapes half of a surrogate pair"),
        (b'{"text": ' + b"[" * 200_000 + b"}", "line 1 is nested too deep"),
    ],
)
def test_a_line_that_is_not_an_object_with_a_text_is_an_error(data: bytes, expected: str) -> None:
    assert expected in message(data, format="jsonl")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", "is empty"),
        (b"id,body\n1,a\n", "the header has no column 'text', only: 'id', 'body'"),
        (b"id,text\n1,a\n2,b,c\n", "the row at line 3 has 3 fields, the header 2"),
        (b'id,text\n1,"a\n', "the row at line 2 cannot be parsed"),
        (b'id,text\n1,"a"b\n', "the row at line 2 cannot be parsed"),
    ],
)
def test_a_row_that_is_not_like_the_header_is_an_error(data: bytes, expected: str) -> None:
    assert expected in message(data, format="csv")


def test_truncated_gzip_is_an_error() -> None:
    data = gzip.compress(b"".join(b"%d\n" % number for number in range(10_000)))

    assert "f.gz: the gzip data ends early" in message(data[:-2000], "f.gz")


def test_a_file_that_is_not_gzip_in_spite_of_its_name_is_an_error() -> None:
    assert "f.gz: not valid gzip data" in message(b"plain text", "f.gz")


def test_corrupt_gzip_is_an_error() -> None:
    data = bytearray(gzip.compress(b"text " * 1000))
    data[-8:-4] = b"\0\0\0\0"

    assert "f.gz: not valid gzip data" in message(bytes(data), "f.gz")


def test_the_example_of_a_prompt_and_its_completion() -> None:
    assert read_pairs(b'{"q": "2+2=", "a": "4"}', format="jsonl") == [(1, "2+2=4", 4)]


@given(st.lists(st.tuples(TEXTS, TEXTS), min_size=1))
def test_a_prompt_and_its_completion_come_back_to_the_byte(pairs: list[tuple[str, str]]) -> None:
    data = "\n".join(json.dumps({"a": completion, "q": prompt}) for prompt, completion in pairs)

    passages = read_pairs(data.encode(), format="jsonl")

    assert [
        (text.encode()[:size].decode(), text.encode()[size:].decode()) for _, text, size in passages
    ] == pairs


@pytest.mark.parametrize(("name", "separator"), [("csv", ","), ("tsv", "\t")])
def test_a_prompt_and_its_completion_may_be_any_columns_of_a_table(name: str, separator: str) -> None:
    data = "a,id,q\n 4.,1,Où ?\n".replace(",", separator).encode()

    assert read_pairs(data, format=name) == [(2, "Où ? 4.", 5)]


def test_a_prompt_without_a_completion_is_told_from_other_documents() -> None:
    data = b'{"q": "p\\u00e9", "a": ""}\n{"q": "p", "a": " "}\n{"q": "", "a": "c"}\n{"q": "", "a": ""}\n'
    source = SourceConfig(name="s", pattern="*", format="jsonl", prompt_column="q", completion_column="a")

    passages = list(formats.read(io.BytesIO(data), "f", source))

    assert [passage.lacks_completion for passage in passages] == [True, False, False, False]


@pytest.mark.parametrize(
    ("data", "settings", "expected"),
    [
        (b'{"q": "p"}', {"format": "jsonl"}, "no column 'a', only: 'q'; set completion_column to one"),
        (b'{"a": "p"}', {"format": "jsonl"}, "no column 'q', only: 'a'; set prompt_column to one"),
        (b'{"q": 1, "a": "c"}', {"format": "jsonl"}, "type int in 'q', not a string"),
        (b"3", {"format": "jsonl"}, 'write it as {"q": "\u2026", "a": "\u2026"}'),
        (b"q,b\n1,2\n", {"format": "csv"}, "the header has no column 'a', only: 'q', 'b'; set completion"),
    ],
)
def test_a_record_without_prompt_or_completion_names_the_setting(
    data: bytes, settings: dict[str, Any], expected: str
) -> None:
    with pytest.raises(CorpusError) as caught:
        read_pairs(data, **settings)

    assert expected in str(caught.value)
