"""``lexmill generate`` and its server."""

import contextlib
import sys

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.commands import ask
from serving.client import Chunk, Generation, RestClient
from serving.errors import UnimplementedError


class FakeClient:
    """Streams, or cannot; remembers what it was asked."""

    def __init__(self, streams=True):
        self.streams, self.asked = streams, []

    def generate(self, prompts, **options):
        self.asked.append(("generate", options["max_new_tokens"]))
        return [Generation(", or not", 3, "length")]

    def stream(self, prompt, **options):
        self.asked.append(("stream", options["max_new_tokens"]))
        if not self.streams:
            raise UnimplementedError("no streams here")
        yield Chunk(", or", 2)
        yield Chunk(" not", 3, "length", 1)


@pytest.fixture
def pieces(monkeypatch):
    def pieces(client, stream=None, server=None, is_terminal=False):
        monkeypatch.setattr(ask, "_client", lambda *given: contextlib.nullcontext(client))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: is_terminal, raising=False)
        return list(ask.generated_text("tiny", [], server, "To be", stream, max_new_tokens=9))

    return pieces


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"stream": True}, ["stream"]),
        ({"stream": True, "server": "http://h:1"}, ["stream"]),
        ({"stream": False, "is_terminal": True}, ["generate"]),
        ({"is_terminal": True}, ["stream"]),
        ({"is_terminal": False}, ["generate"]),
        ({"is_terminal": True, "server": "h:1"}, ["generate"]),
    ],
    ids=str,
)
def test_text_grows_where_asked_for_or_watched(pieces, given, expected):
    client = FakeClient()
    assert "".join(pieces(client, **given)) == ", or not"
    assert client.asked == [(expected[0], 9)]


def test_a_model_that_cannot_stream_answers_at_once_unless_told_to_stream(pieces):
    client = FakeClient(streams=False)
    assert pieces(client, is_terminal=True) == [", or not"]
    assert [name for name, _ in client.asked] == ["stream", "generate"]
    with pytest.raises(UnimplementedError, match="no streams here"):
        pieces(client, stream=True, is_terminal=True)


def test_the_command_prints_the_prompt_and_its_continuation_on_one_line(monkeypatch):
    monkeypatch.setattr(ask, "_client", lambda *given: contextlib.nullcontext(FakeClient()))
    for option in ("--stream", "--no-stream"):
        result = CliRunner().invoke(app, ["generate", "To be", option])
        assert result.output == "To be, or not\n"


def test_an_http_address_is_asked_over_rest():
    with ask._client("tiny", [], "http://127.0.0.1:1") as client:
        assert isinstance(client, RestClient)
    with ask._client("tiny", [], "127.0.0.1:1") as client:
        assert client.target == "127.0.0.1:1"
