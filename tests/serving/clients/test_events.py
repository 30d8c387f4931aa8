import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.clients.events import ChunkReader, EventReader
from serving.clients.results import Chunk
from serving.errors import InternalError, UnavailableError

STREAM = (
    ": a comment\n"
    'data: {"text": "naïve", "num_tokens": 1}\n\n'
    'id: 3\r\nevent: error\r\ndata:{"error": "é"}\r\n\r\n'
    "event: forgotten, as it has no data\n\n"
    "data: one\n: within an event\ndata:  two\n\n"
    "data: not ended"
).encode()
EVENTS = [("", '{"text": "naïve", "num_tokens": 1}'), ("error", '{"error": "é"}'), ("", "one\n two")]


@given(cuts=st.lists(st.integers(0, len(STREAM)), max_size=40))
def test_events_are_the_same_wherever_the_bytes_are_cut(cuts):
    reader, places = EventReader(), [0, *sorted(cuts), len(STREAM)]
    parts = [STREAM[start:end] for start, end in zip(places, places[1:])]  # noqa: B905, RUF007
    assert [event for part in parts for event in reader.feed(part)] == EVENTS


def test_the_last_chunk_has_the_reason_and_the_version():
    reader = ChunkReader()
    assert reader.feed(b'data: {"text": "a", "num_tokens": 1}\n\n') == [Chunk("a", 1)]
    assert not reader.complete
    last = '{"text": "", "num_tokens": 2, "finish_reason": "stop", "version": 7, "num_prompt_tokens": 1}'
    assert reader.feed(f"data: {last}\n\n".encode()) == [Chunk("", 2, "stop", 7)]
    assert reader.complete


def test_a_failure_in_mid_stream_is_raised():
    with pytest.raises(InternalError, match="generation failed"):
        ChunkReader().feed(b'event: error\ndata: {"error": "generation failed"}\n\n')


def test_a_stream_that_ends_before_the_text_is_a_failure_that_may_pass():
    with pytest.raises(UnavailableError, match="ended before the text did"):
        ChunkReader().feed(b"")


@pytest.mark.parametrize(
    "data", [b"data: {\n\n", b"data: {}\n\n", b"data: [1]\n\n", b"event: error\ndata: 1\n\n"]
)
def test_events_of_others_are_refused(data):
    with pytest.raises(InternalError, match="none of Lexmill's"):
        ChunkReader().feed(data)
