import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.engine.text import TextStream, text_of


def pieces(data, sizes):
    cut, start = [], 0
    for size in sizes:
        cut.append(data[start : start + size])
        start += size
    return [*cut, data[start:]]


@given(st.text(), st.lists(st.integers(0, 5), max_size=30), st.lists(st.text(max_size=4), max_size=3))
def test_the_text_is_what_stands_before_the_first_stop_string_however_it_is_cut(text, sizes, stop):
    stream = TextStream(stop)
    given_out = []
    for token in pieces(text.encode(), sizes):
        given_out.append(stream.add(token))
        for other in filter(None, stop):
            assert other not in "".join(given_out)
    whole = "".join(given_out) + stream.finish()
    found = [index for other in stop if other and (index := text.find(other)) >= 0]
    assert stream.stopped == bool(found)
    # Where stop strings overlap, the one that is complete first decides.
    assert text.startswith(whole)
    assert len(whole) >= min(found, default=len(text))
    if len(stop) <= 1:
        assert whole == text[: min(found, default=len(text))]


@given(st.binary(), st.lists(st.integers(0, 4), max_size=30))
def test_bytes_that_are_no_text_come_out_alike_however_they_are_cut(data, sizes):
    stream = TextStream()
    streamed = "".join(stream.add(token) for token in pieces(data, sizes)) + stream.finish()
    assert streamed == text_of([data])


def test_the_example_of_the_module():
    stream = TextStream(["end"])
    assert [stream.add(token) for token in (b"the e", b"n", b"tire", b" en", b"d.")] == [
        "the ",
        "",
        "entir",
        "e ",
        "",
    ]
    assert stream.stopped
    assert stream.finish() == ""


def test_half_a_character_is_held_back_until_it_is_whole():
    stream = TextStream()
    assert [stream.add(bytes([byte])) for byte in "é🙂".encode()] == ["", "é", "", "", "", "🙂"]


@pytest.mark.parametrize(
    ("data", "text"), [(b"a\xff", "a\ufffd"), (b"\xe2\x82", "\ufffd\ufffd"), (b"\xe2\x82a", "\ufffd\ufffda")]
)
def test_each_byte_that_is_no_text_is_one_mark_as_the_tokenizer_has_it(data, text):
    assert text_of([data]) == text
