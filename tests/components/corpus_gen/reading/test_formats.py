from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tracemalloc
from typing import Any

import pyarrow
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from components.config import SourceConfig
from components.corpus_gen.reading import formats
from components.corpus_gen.reading.records import Malformed, Passage, Record

COMPRESSIONS = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "Zstandard": zstandard.ZstdCompressor(write_checksum=True).compress,
}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def records(data: bytes, max_bytes: int = 1_000_000, **settings: Any) -> list[Record]:
    source = SourceConfig(name="s", pattern="*", **settings)
    return list(formats.read(io.BytesIO(data), source, max_bytes))


def read(data: bytes, **settings: Any) -> list[tuple[int, str]]:
    found = records(data, **settings)
    assert all(isinstance(record, Passage) for record in found), found
    return [(record.line, record.text) for record in found]


def faults(data: bytes, **settings: Any) -> list[tuple[int, str]]:
    return [
        (record.line, record.reason) for record in records(data, **settings) if isinstance(record, Malformed)
    ]


def read_pairs(data: bytes, **settings: Any) -> list[tuple[int, str, int]]:
    return [tuple(record) for record in records(data, prompt_column="q", completion_column="a", **settings)]


def message(data: bytes, **settings: Any) -> str:
    """Of the one record that is malformed."""
    [fault] = [record for record in records(data, **settings) if isinstance(record, Malformed)]
    assert "\n" not in fault.detail
    return fault.detail


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
    for compress in COMPRESSIONS.values():
        assert read(compress(data), **settings) == read(data, **settings)


def test_an_empty_file_is_one_empty_document() -> None:
    assert read(b"") == [(1, "")]
    assert read(b"", documents="blocks") == [(1, "")]


def test_what_is_not_utf8_is_named_by_byte_offset_and_line() -> None:
    text = message(b"\xef\xbb\xbfab\nc\xe9d")

    assert "byte 0xe9 at offset 4 (line 2) is not UTF-8" in text


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
    passages = records(data, format="jsonl", prompt_column="q", completion_column="a")

    assert [passage.lacks_completion for passage in passages] == [True, False, False, False]


@pytest.mark.parametrize(
    ("data", "settings", "expected"),
    [
        (b'{"q": "p"}', {"format": "jsonl"}, "no column 'a', only: 'q'; set completion_column"),
        (b'{"a": "p"}', {"format": "jsonl"}, "no column 'q', only: 'a'; set prompt_column"),
        (b'{"q": 1, "a": "c"}', {"format": "jsonl"}, "type int in 'q', not a string"),
        (b"3", {"format": "jsonl"}, 'write it as {"q": "\u2026", "a": "\u2026"}'),
        (b"q,b\n1,2\n", {"format": "csv"}, "the header has no column 'a', only: 'q', 'b'; set completion"),
    ],
)
def test_a_record_without_prompt_or_completion_names_the_setting(
    data: bytes, settings: dict[str, Any], expected: str
) -> None:
    assert expected in message(data, prompt_column="q", completion_column="a", **settings)


def test_a_template_puts_text_between_columns() -> None:
    data = b'{"en": "Yes", "fr": "Oui"}\n{"en": "No", "fr": ""}\n{"en": "", "fr": ""}\n'
    templates = {"prompt_template": "English: {en}\n{{French}}: ", "completion_template": "{fr}."}

    found = records(data, format="jsonl", **templates)

    assert found == [
        (1, "English: Yes\n{French}: Oui.", 23),
        (2, "English: No\n{French}: ", 22),
        (3, "", 0),
    ]


def test_a_template_may_make_plain_text() -> None:
    assert read(b"q,a\nWho?,I\n", format="csv", text_template="Q: {q} A: {a}") == [(2, "Q: Who? A: I")]


@pytest.mark.parametrize(
    ("settings", "rule"),
    [
        ({"format": "csv", "text_template": "none"}, "has no column in braces"),
        ({"format": "csv", "text_template": "{a"}, "a brace that is meant is written twice"),
        ({"format": "csv", "text_template": "{a!r}"}, "the name of a column, and nothing else"),
        ({"format": "csv", "text_template": "{a}", "text_column": "b"}, "exclude each other"),
        ({"text_template": "{a}"}, "templates need records with columns"),
        ({"format": "csv", "prompt_template": "{a}"}, "completion_column is missing"),
        ({"drop_front_matter": True}, 'drop_front_matter needs format = "markdown"'),
    ],
)
def test_a_template_that_cannot_be_is_refused(settings: dict[str, Any], rule: str) -> None:
    with pytest.raises(ValueError, match=rule):
        SourceConfig(name="s", pattern="*", **settings)


@pytest.mark.parametrize("mark", ["---", "+++"])
def test_front_matter_is_left_out_of_markdown_where_asked_for(mark: str) -> None:
    data = f"{mark}\ntitle: x\n{mark}\n# A\n\nb\n".encode()

    assert read(data, format="markdown") == [(1, data.decode())]
    assert read(data, format="markdown", drop_front_matter=True) == [(4, "# A\n\nb\n")]
    assert read(data, format="markdown", drop_front_matter=True, documents="lines") == [(4, "# A"), (6, "b")]


@pytest.mark.parametrize(
    "text", ["---\nno end\n", "# A\n---\nb\n---\n", "---", "---\n" + "x\n" * 501 + "---\n"]
)
def test_what_is_no_front_matter_stays(text: str) -> None:
    assert read(text.encode(), format="markdown", drop_front_matter=True) == [(1, text)]


def test_of_a_line_that_is_not_utf8_only_that_line_is_malformed() -> None:
    assert records(b"a\nb\xff\nc\n", documents="lines")[::2] == [(1, "a", 0), (3, "c", 0)]
    assert faults(b"a\nb\xff\nc\n", documents="lines") == [(2, "malformed:utf8")]
    data = b'{"text": "a"}\n{"text": "\xff"}\n{"text": "c"}\n'
    assert records(data, format="jsonl")[::2] == [(1, "a", 0), (3, "c", 0)]


def test_of_a_block_that_is_not_utf8_all_is_malformed_and_the_others_are_not() -> None:
    data = b"aa\n\nb\n\xe9\n\ncc\n"

    found = records(data, documents="blocks", block_bytes=2)

    assert [type(record) for record in found] == [Passage, Malformed, Passage]
    assert [record.line for record in found] == [1, 3, 6]
    assert "byte 0xe9 at offset 6 (line 4)" in found[1].detail


def test_after_a_row_that_is_not_like_the_header_reading_goes_on() -> None:
    data = b'id,text\n1,a\n2,b,c\n3,"d"e\n4,\xe9\n5,\0\n6,f\n'

    found = records(data, format="csv")

    assert [record for record in found if isinstance(record, Passage)] == [(2, "a", 0), (7, "f", 0)]
    assert faults(data, format="csv") == [
        (3, "malformed:fields"),
        (4, "malformed:table"),
        (5, "malformed:utf8"),
        (6, "malformed:table"),
    ]


@pytest.mark.parametrize(
    ("data", "settings"),
    [
        (b"a\0b", {}),
        (b"a\0b\n", {"documents": "lines"}),
        (b'{"text": "a\\u0000b"}', {"format": "jsonl"}),
    ],
)
def test_a_nul_byte_is_a_character_like_another(data: bytes, settings: dict[str, Any]) -> None:
    assert read(data, **settings) == [(1, "a\0b")]


@pytest.mark.parametrize(
    ("before", "after", "settings"),
    [
        (b"", b"", {"documents": "lines"}),
        (b'{"text": "', b'"}', {"format": "jsonl"}),
        (b"1,", b"", {"format": "csv"}),
        (b'1,"', b'"', {"format": "csv"}),
        (b'1,"a""\n', b'"""', {"format": "csv"}),
        (b'1,"', b'""\n"', {"format": "csv"}),
    ],
)
def test_a_record_over_the_limit_is_malformed_and_reading_goes_on(
    before: bytes, after: bytes, settings: dict[str, Any]
) -> None:
    record = {"jsonl": b'{"text": "%s"}\n', "csv": b"2,%s\n"}.get(settings.get("format", ""), b"%s\n")
    head = b"id,text\n" if settings.get("format") == "csv" else b""
    data = head + record % b"first" + before + b"x" * 10_000 + after + b"\n" + record % b"last"

    found = records(data, max_bytes=1000, **settings)

    assert [record.text for record in (found[0], found[-1])] == ["first", "last"]
    assert [record.reason for record in found[1:-1]] == ["malformed:too_large"]


@pytest.mark.parametrize("settings", [{}, {"documents": "blocks"}, {"format": "html"}])
def test_a_document_over_the_limit_is_malformed(settings: dict[str, Any]) -> None:
    data = b"a line\n" * 1000

    assert faults(data, max_bytes=1000, **settings) == [(1, "malformed:too_large")]
    assert "7,000 bytes or more" in message(data, max_bytes=1000, documents="blocks")


def test_a_document_as_large_as_the_limit_is_read() -> None:
    assert len(read(b"x" * 1000, max_bytes=1000)[0][1]) == 1000
    assert len(read(b"x" * 1000 + b"\r\n", max_bytes=1000, documents="lines")[0][1]) == 1000
    assert faults(b"x" * 1001 + b"\n", max_bytes=1000, documents="lines") == [(1, "malformed:too_large")]


def test_a_quote_that_is_never_closed_costs_no_more_than_a_document() -> None:
    rows = b"".join(b"%d,some text\n" % number for number in range(1000))

    found = records(b'id,text\n0,"open\n' + rows, max_bytes=1000, format="csv")

    assert found[0].reason == "malformed:too_large"
    assert len(found) > 900
    assert found[-1] == (1002, "some text", 0)


class _Endless(io.RawIOBase):
    """A line without end; counts what is taken of it."""

    taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        buffer[:] = b"x" * len(buffer)
        self.taken += len(buffer)
        return len(buffer)


@pytest.mark.parametrize("settings", [{}, {"documents": "lines"}, {"format": "jsonl"}, {"format": "csv"}])
def test_a_line_without_end_is_left_in_bounded_memory(settings: dict[str, Any]) -> None:
    stream = _Endless()
    source = SourceConfig(name="s", pattern="*", **settings)
    tracemalloc.start()

    found = list(formats.read(stream, source, 100_000))

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [record.reason for record in found] == ["malformed:too_large"]
    assert stream.taken < 102 * 100_000 + (1 << 17)
    assert peak < 1_500_000


def test_the_main_text_of_a_page_is_without_menus_and_scripts() -> None:
    paragraphs = "".join(f"<p>Paragraph {n} has words of its own about the sea.</p>" for n in range(5))
    page = (
        "<html><head><title>T</title><script>var x = 1;</script><style>p {color: red}</style></head><body>"
        "<nav><ul><li><a href='/'>Home</a></li><li><a href='/a'>About</a></li></ul></nav>"
        f"<main><article><h1>The café</h1>{paragraphs}</article></main><footer>Imprint</footer></body></html>"
    )

    [(line, text)] = read(page.encode(), format="html")

    assert line == 1
    assert text.startswith("The café")
    assert all(f"Paragraph {n} has words" in text for n in range(5))
    assert not any(word in text for word in ("var x", "color", "Home", "Imprint"))


def test_a_page_is_read_in_the_encoding_that_it_declares() -> None:
    page = '<html><head><meta charset="iso-8859-1"></head><body><p>café</p></body></html>'

    assert "café" in read(page.encode("latin-1"), format="html")[0][1]
    undeclared = page.replace("iso-8859-1", "utf-8").encode("latin-1")
    assert faults(undeclared, format="html") == [(1, "malformed:utf8")]


def test_a_page_without_text_is_an_empty_document() -> None:
    assert read(b"<html><body><script>1</script></body></html>", format="html") == [(1, "")]


def parquet_file(**columns: Any) -> bytes:
    sink = io.BytesIO()
    parquet.write_table(pyarrow.table(columns), sink, row_group_size=50)
    return sink.getvalue()


def test_parquet_gives_a_document_a_row() -> None:
    texts = [f"text {n}" for n in range(200)]

    found = read(parquet_file(id=list(range(200)), text=texts), format="parquet")

    assert found == [(n + 1, text) for n, text in enumerate(texts)]


def test_parquet_has_prompts_and_dictionaries_and_rows_without_text() -> None:
    answers = pyarrow.array(["yes", None, "yes"]).dictionary_encode()
    data = parquet_file(q=["a ", "b ", "c "], a=answers)

    found = records(data, format="parquet", prompt_column="q", completion_column="a")

    assert (found[0], found[2]) == ((1, "a yes", 2), (3, "c yes", 2))
    assert found[1].reason == "malformed:fields"
    assert "row 2 has a value of type NoneType" in found[1].detail


def test_a_parquet_row_over_the_limit_is_malformed() -> None:
    assert faults(parquet_file(text=["a", "x" * 2000]), max_bytes=1000, format="parquet") == [
        (2, "malformed:too_large")
    ]


@pytest.mark.parametrize(
    ("data", "reason", "words"),
    [
        (parquet_file(text=["a"] * 100)[:-20], "malformed:parquet", "not valid Parquet after row 0"),
        (b"PAR1 but not", "malformed:parquet", "not valid Parquet"),
        (b"", "malformed:parquet", "not valid Parquet"),
        (parquet_file(body=["a"]), "malformed:fields", "has no column 'text', only: 'body'; set text_column"),
        (parquet_file(text=[1]), "malformed:fields", "column 'text' has the type int64, not string"),
    ],
)
def test_parquet_that_cannot_be_read_says_why(data: bytes, reason: str, words: str) -> None:
    assert faults(data, format="parquet") == [(1, reason)]
    assert words in message(data, format="parquet")


def test_parquet_that_is_damaged_on_the_way_gives_what_comes_before() -> None:
    data = bytearray(parquet_file(text=[f"{n} " + "ab" * n for n in range(500)]))
    middle = len(data) // 2
    data[middle : middle + 2000] = b"\xff" * 2000

    *before, last = records(bytes(data), format="parquet")

    assert [record.line for record in before] == list(range(1, len(before) + 1))
    assert 50 <= len(before) < 500
    assert (last.line, last.reason) == (len(before) + 1, "malformed:parquet")
