import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.clients.http_messages import AnswerReader, HttpRequest, HttpSyntaxError, request_bytes

BODY = "naïve é\r\n\r\n0\r\n".encode()
SIZE = len(BODY)
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE + BODY,
    "length, no spaces": b"HTTP/1.1 200\ncontent-length:%d\n\n" % SIZE + BODY,
    "chunks": CHUNKED + b"3\r\n" + BODY[:3] + b"\r\n%x;a=b\r\n" % (SIZE - 3) + BODY[3:] + b"\r\n0\r\n\r\n",
    "to the end": b"HTTP/1.0 200 OK\r\n\r\n" + BODY,
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(BODY)
    + BODY,
}


def read(data, cuts=()):
    """Body and reader, of bytes that come cut at these places."""
    reader, body = AnswerReader(), b""
    places = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    for start, end in zip(places, places[1:]):  # noqa: B905, RUF007
        if start < end:
            body += reader.feed(data[start:end])
    if not reader.complete:
        body += reader.feed(b"")
    return body, reader


@given(name=st.sampled_from(list(ANSWERS)), cuts=st.lists(st.integers(0, 300), max_size=30))
def test_an_answer_is_the_same_wherever_it_is_cut(name, cuts):
    body, reader = read(ANSWERS[name], cuts)
    assert body == BODY
    assert reader.complete
    assert reader.status == 200


def test_headers_are_known_by_their_names_in_lower_case():
    _, reader = read(b"HTTP/1.1 429 Too Many\r\nRetry-After:  7 \r\nContent-Length: 0\r\n\r\n")
    assert (reader.status, reader.headers["retry-after"]) == (429, "7")


def test_a_status_without_body_has_none():
    body, reader = read(b"HTTP/1.1 204 No Content\r\n\r\n")
    assert (body, reader.complete) == (b"", True)


@pytest.mark.parametrize("name", ["length", "chunks", "interim"])
def test_an_end_before_its_time_is_noticed(name):
    for size in range(len(ANSWERS[name]) - 5):
        with pytest.raises(ConnectionError, match="ended before the answer"):
            read(ANSWERS[name][:size])


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "begins with 'SSH-2.0"),
        (b"HTTP/2 200\r\n", "begins with 'HTTP/2'"),
        (b"HTTP/1.1 abc\r\n", "'abc' where a number"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "'-1' where a number"),
        (CHUNKED + b"xyz\r\n", "'xyz' where a number"),
        (CHUNKED + b"1\r\nab\r\n", "longer than it says"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 300, "more than 256 headers"),
        (b"a" * 70_000, "a line of more than 65536 bytes"),
    ],
    ids=str,
)
def test_what_is_not_http_is_said(data, message):
    with pytest.raises(HttpSyntaxError, match=message):
        AnswerReader().feed(data)


def test_a_request_names_its_host_and_length():
    assert request_bytes(HttpRequest("POST", "/a%20b", b"{}"), "h:1") == (
        b"POST /a%20b HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\nAccept: */*\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert b"Content" not in request_bytes(HttpRequest("GET", "/"), "h:1")
