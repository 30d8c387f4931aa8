"""Streaming through the clients, from the embedded server with an exported Transformer."""

import asyncio
import contextlib
import json
import threading
import time
import urllib.request

import pytest

from serving.client import AsyncClient, AsyncRestClient, Client, RestClient
from serving.errors import DeadlineExceededError, InvalidArgumentError, NotFoundError, UnimplementedError

PROMPT = "The quick brown fox"
GREEDY = {"max_new_tokens": 60, "temperature": 0.0}
SAMPLED = {"max_new_tokens": 60, "temperature": 1.0, "seed": 5, "top_k": 30, "top_p": 0.9}


@pytest.fixture
def client(connected, stepwise_server, kind):
    more = {"rest_url": stepwise_server.rest_url} if "gRPC" in kind else {}
    return connected(stepwise_server.grpc_address, stepwise_server.rest_url, "tiny", **more)


@pytest.mark.parametrize("settings", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_the_chunks_are_the_text_that_comes_at_once(client, settings):
    [whole] = client.generate([PROMPT], **settings)
    chunks = list(client.stream(PROMPT, **settings))
    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert (chunks[-1].finish_reason, chunks[-1].num_tokens) == (whole.finish_reason, whole.num_tokens)
    assert chunks[-1].version == 1
    assert len(chunks) > 1
    assert all(chunk.finish_reason is None for chunk in chunks[:-1])


def tokens_of(server):
    """The greedy continuation's tokens, as texts."""
    body = {"prompt": PROMPT, **GREEDY, "alternatives": 0}
    url = f"{server.rest_url}/v1/models/tiny:generateStream"
    with urllib.request.urlopen(url, json.dumps(body).encode(), timeout=60) as answer:
        events = [json.loads(line[6:]) for line in answer.read().splitlines() if line.startswith(b"data: ")]
    return [token["text"] for event in events for token in event["tokens"]]


def test_a_stop_string_across_tokens_ends_the_stream_before_it(client, stepwise_server):
    tokens = tokens_of(stepwise_server)
    index = next(i for i in range(5, 50) if all(len(token) > 0 for token in tokens[i : i + 2]))
    stop = tokens[index][-1] + tokens[index + 1][0]
    whole = "".join(tokens)
    chunks = list(client.stream(PROMPT, stop=[stop], **GREEDY))
    [generation] = client.generate([PROMPT], stop=[stop], **GREEDY)
    assert "".join(chunk.text for chunk in chunks) == whole[: whole.index(stop)] == generation.text
    assert chunks[-1].finish_reason == generation.finish_reason == "stop"


class Slowed:
    """The server's engine, a step at a time; says how far a continuation had come when it was ended."""

    def __init__(self, server, monkeypatch):
        [pool] = server._extensions[0]._service._engines.values()
        self.ended, self.unwanted = [], threading.Event()
        for engine in pool.engines:
            self._slow(engine._batch, monkeypatch)

    def _slow(self, batch, monkeypatch):
        step, leave = batch.step, batch.leave

        def slow_step(num_steps):
            time.sleep(0.02)
            step(1)

        def noted_leave(continuation):
            if continuation.call.cancelled:
                self.ended.append(continuation.num_tokens)
                self.unwanted.set()
            leave(continuation)

        monkeypatch.setattr(batch, "step", slow_step)
        monkeypatch.setattr(batch, "leave", noted_leave)


def test_leaving_the_loop_stops_the_servers_work(client, stepwise_server, monkeypatch):
    engine = Slowed(stepwise_server, monkeypatch)
    for chunk in client.stream(PROMPT, max_new_tokens=70, temperature=1.0):
        assert chunk.num_tokens < 70
        break
    assert engine.unwanted.wait(30)
    assert engine.ended[0] < 70


def test_leaving_an_asynchronous_loop_is_enough(stepwise_server, monkeypatch):
    engine = Slowed(stepwise_server, monkeypatch)

    async def leave():
        async with AsyncRestClient(stepwise_server.rest_url, "tiny") as client:
            async for _ in client.stream(PROMPT, max_new_tokens=70, temperature=1.0):
                break
            while not engine.unwanted.is_set():
                await asyncio.sleep(0.01)

    asyncio.run(asyncio.wait_for(leave(), 30))
    assert engine.ended[0] < 70


def test_a_cancelled_task_stops_the_servers_work(stepwise_server, monkeypatch):
    engine = Slowed(stepwise_server, monkeypatch)

    async def cancel():
        async with AsyncRestClient(stepwise_server.rest_url, "tiny") as client:
            begun = asyncio.Event()

            async def read():
                async for _ in client.stream(PROMPT, max_new_tokens=70, temperature=1.0):
                    begun.set()

            task = asyncio.create_task(read())
            await begun.wait()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    asyncio.run(cancel())
    assert engine.unwanted.wait(30)
    assert engine.ended[0] < 70


def test_a_stream_that_takes_too_long_is_ended(client, stepwise_server, monkeypatch):
    engine = Slowed(stepwise_server, monkeypatch)
    with pytest.raises(DeadlineExceededError, match=r"did not answer within 0\.\d+ s"):
        list(client.stream(PROMPT, max_new_tokens=70, temperature=1.0, timeout_s=0.3))
    assert engine.unwanted.wait(30)


def test_the_servers_refusal_comes_through(client):
    with pytest.raises(InvalidArgumentError, match="a prompt may have at most 95 tokens"):
        list(client.stream("word " * 400))


def test_an_unknown_model_is_not_found(stepwise_server):
    with pytest.raises(NotFoundError, match="Servable not found"):
        list(RestClient(stepwise_server.rest_url, "other").stream("a"))


def test_a_server_without_streams_is_told_in_one_line(language_server):
    with pytest.raises(UnimplementedError) as caught:
        next(RestClient(language_server.rest_url, "toy").stream("a"))
    assert "has no token streaming, as TensorFlow Serving's own server has none" in caught.value.message
    assert "\n" not in caught.value.message


def test_grpc_alone_has_no_streams(stepwise_server):
    with (
        Client(stepwise_server.grpc_address, "tiny") as client,
        pytest.raises(UnimplementedError, match="gRPC has no way to ask for token streaming"),
    ):
        next(client.stream("a"))


@pytest.mark.parametrize("kind", ["async gRPC", "async REST"])
def test_fifty_requests_at_once_on_one_client(stepwise_server, kind):
    prompts = [f"{PROMPT} {number}" for number in range(50)]
    settings = {"max_new_tokens": 8, "temperature": 0.0}

    async def ask():
        if kind == "async gRPC":
            made = AsyncClient(stepwise_server.grpc_address, "tiny")
        else:
            made = AsyncRestClient(stepwise_server.rest_url, "tiny")
        async with made as client:
            answers = await asyncio.gather(*(client.generate([prompt], **settings) for prompt in prompts))
        return [generation for [generation] in answers]

    assert asyncio.run(ask()) == RestClient(stepwise_server.rest_url, "tiny").generate(prompts, **settings)


def test_fifty_streams_at_once_on_one_client(stepwise_server):
    prompts = [f"{PROMPT} {number}" for number in range(50)]
    settings = {"max_new_tokens": 8, "temperature": 0.0}

    async def ask():
        async with AsyncRestClient(stepwise_server.rest_url, "tiny") as client:

            async def text(prompt):
                return "".join([chunk.text async for chunk in client.stream(prompt, **settings)])

            return await asyncio.gather(*(text(prompt) for prompt in prompts))

    whole = RestClient(stepwise_server.rest_url, "tiny").generate(prompts, **settings)
    assert asyncio.run(ask()) == [generation.text for generation in whole]
