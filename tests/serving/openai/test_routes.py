"""OpenAI's own client against the server."""

import asyncio
import dataclasses
import json
import urllib.error
import urllib.request

import openai
import pytest

from serving.client import Client
from serving.engine.text import text_of

PROMPT = "The quick brown fox"
TEMPLATE = """{% for message in messages %}
{% if message.role == "pirate" %}{{ raise_exception("no role pirate") }}{% endif %}
{{ message.role }}: {{ message.content }}
{% endfor %}
{% if add_generation_prompt %}assistant:{% endif %}
"""


@pytest.fixture(scope="module")
def client(stepwise_server):
    with openai.OpenAI(
        base_url=f"{stepwise_server.rest_url}/v1", api_key="none", max_retries=0, timeout=60
    ) as client:
        yield client


@pytest.fixture
def template(stepwise_dir):
    path = stepwise_dir / "1" / "assets.extra" / "chat_template.jinja"
    path.parent.mkdir(exist_ok=True)
    path.write_text(TEMPLATE)
    yield path
    path.unlink()


def by_grpc(server, prompt, **settings):
    with Client(server.grpc_address, model="tiny") as grpc_client:
        [generation] = grpc_client.generate([prompt], **settings)
    return generation


def test_a_completion_is_the_signatures_answer(client, stepwise_server):
    answer = client.completions.create(model="tiny", prompt=PROMPT, temperature=0, max_tokens=12)
    expected = by_grpc(stepwise_server, PROMPT, temperature=0.0, max_new_tokens=12)
    assert answer.choices[0].text == expected.text
    assert answer.choices[0].finish_reason == "length"
    assert answer.model == "tiny"
    assert answer.usage.completion_tokens == expected.num_tokens == 12
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 12


def test_without_max_tokens_sixteen_are_made(client):
    assert client.completions.create(model="tiny", prompt="a", temperature=0).usage.completion_tokens == 16


def test_a_seed_gives_the_same_text_again_and_none_gives_another(client):
    def text(**more):
        return client.completions.create(model="tiny", prompt=PROMPT, max_tokens=30, **more).choices[0].text

    assert text(seed=4) == text(seed=4)
    assert len({text() for _ in range(4)}) > 1


def test_n_choices_and_several_prompts_are_numbered_prompt_by_prompt(client, stepwise_server):
    answer = client.completions.create(
        model="tiny", prompt=[PROMPT, "a"], n=3, seed=20, temperature=1, max_tokens=8
    )
    assert [choice.index for choice in answer.choices] == list(range(6))
    expected = [
        by_grpc(stepwise_server, prompt, temperature=1.0, max_new_tokens=8, seed=20 + choice).text
        for prompt in (PROMPT, "a")
        for choice in range(3)
    ]
    assert [choice.text for choice in answer.choices] == expected
    assert answer.usage.completion_tokens == 48


def test_a_stream_is_the_whole_answer_in_pieces(client):
    asked = {"model": "tiny", "prompt": PROMPT, "temperature": 0, "max_tokens": 40, "n": 2, "logprobs": 2}
    whole = client.completions.create(**asked)
    chunks = list(client.completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    for index, choice in enumerate(whole.choices):
        parts = [one for chunk in chunks for one in chunk.choices if one.index == index]
        assert "".join(part.text for part in parts) == choice.text
        assert parts[-1].finish_reason == choice.finish_reason
        assert all(part.finish_reason is None for part in parts[:-1])
        assert [token for part in parts for token in part.logprobs.tokens] == choice.logprobs.tokens
    assert chunks[-1].choices == []
    assert chunks[-1].usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks[:-1])


def test_logprobs_have_offsets_into_the_text(client):
    answer = client.completions.create(model="tiny", prompt=PROMPT, temperature=0, max_tokens=9, logprobs=3)
    choice = answer.choices[0]
    logprobs = choice.logprobs
    assert "".join(logprobs.tokens) == choice.text
    for token, offset in zip(logprobs.tokens, logprobs.text_offset, strict=True):
        assert choice.text[offset:].startswith(token)
    for value, top in zip(logprobs.token_logprobs, logprobs.top_logprobs, strict=True):
        assert value == pytest.approx(max(top.values()))
        assert len(top) <= 3


def test_echo_gives_the_prompt_and_its_likelihoods(client, stepwise_server):
    answer = client.completions.create(model="tiny", prompt=PROMPT, echo=True, max_tokens=0, logprobs=1)
    choice = answer.choices[0]
    assert choice.text == PROMPT
    assert answer.usage.completion_tokens == 0
    with Client(stepwise_server.grpc_address, model="tiny") as grpc_client:
        [score] = grpc_client.score([PROMPT])
    # Unlike the score, likelihoods leave out padding and the unknown token, which are never generated.
    assert sum(choice.logprobs.token_logprobs) == pytest.approx(score.log_probability, rel=0.02)
    continued = client.completions.create(
        model="tiny", prompt=PROMPT, echo=True, max_tokens=5, temperature=0, logprobs=1
    )
    assert continued.choices[0].text.startswith(PROMPT)
    assert len(continued.choices[0].logprobs.tokens) == answer.usage.prompt_tokens + 5


def test_token_ids_are_a_prompt_too(client, stepwise_server):
    service = stepwise_server._extensions[0]._service
    [engine] = service._engines.values()
    from serving.engine.service import prepared

    [row] = prepared(engine.model, [PROMPT])
    ids = row.token_ids[1:].tolist()
    by_text = client.completions.create(model="tiny", prompt=PROMPT, temperature=0)
    assert client.completions.create(model="tiny", prompt=ids, temperature=0).choices[0].text == (
        by_text.choices[0].text
    )
    with pytest.raises(openai.BadRequestError, match="not in the vocabulary"):
        client.completions.create(model="tiny", prompt=[10**6])


def test_stop_strings_end_the_text_before_them(client):
    whole = (
        client.completions.create(model="tiny", prompt=PROMPT, temperature=0, max_tokens=40).choices[0].text
    )
    stop = whole[10:13]
    cut = client.completions.create(model="tiny", prompt=PROMPT, temperature=0, max_tokens=40, stop=[stop])
    assert cut.choices[0].text == whole[: whole.index(stop)]
    assert cut.choices[0].finish_reason == "stop"


def test_a_conversation_goes_through_the_models_template(client, stepwise_server, template):
    messages = [{"role": "user", "content": "The dog"}]
    answer = client.chat.completions.create(
        model="tiny", messages=messages, temperature=0, max_tokens=10, logprobs=True, top_logprobs=2
    )
    expected = by_grpc(stepwise_server, "user: The dog\nassistant:", temperature=0.0, max_new_tokens=10)
    choice = answer.choices[0]
    assert choice.message.role == "assistant"
    assert choice.message.content == expected.text
    assert text_of([bytes(token.bytes) for token in choice.logprobs.content]) == expected.text
    assert [len(token.top_logprobs) for token in choice.logprobs.content] == [2] * 10
    parts = client.chat.completions.create(
        model="tiny", messages=messages, temperature=0, max_tokens=10, stream=True
    )
    deltas = [part.choices[0] for part in parts]
    assert deltas[0].delta.role == "assistant"
    assert "".join(delta.delta.content or "" for delta in deltas) == expected.text
    assert deltas[-1].finish_reason == "length"


def test_content_in_parts_is_joined(client, template):
    def text(content):
        messages = [{"role": "user", "content": content}]
        answer = client.chat.completions.create(model="tiny", messages=messages, temperature=0, max_tokens=6)
        return answer.choices[0].message.content

    assert text([{"type": "text", "text": "The "}, {"type": "text", "text": "dog"}]) == text("The dog")


def test_a_template_says_no_in_its_own_words(client, template):
    with pytest.raises(openai.BadRequestError, match="no role pirate"):
        client.chat.completions.create(model="tiny", messages=[{"role": "pirate", "content": "arr"}])
    template.write_text("{{ ''.__class__.__mro__ }}{{ messages.append(1) }}")
    with pytest.raises(openai.BadRequestError, match="the chat template refuses"):
        client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "a"}])


def test_a_model_without_a_template_says_so(client):
    with pytest.raises(openai.BadRequestError, match="no chat template"):
        client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "a"}])


def test_the_models_are_listed_and_a_version_can_be_named(client, stepwise_server):
    assert [model.id for model in client.models.list()] == ["tiny", "tiny@1"]
    newest = client.completions.create(model="tiny", prompt="a", temperature=0)
    named = client.completions.create(model="tiny@1", prompt="a", temperature=0)
    assert named.choices[0].text == newest.choices[0].text
    with urllib.request.urlopen(f"{stepwise_server.rest_url}/v1/models/tiny", timeout=20) as response:
        assert json.load(response)["model_version_status"][0]["state"] == "AVAILABLE"


@pytest.mark.parametrize(
    ("asked", "error", "param", "message"),
    [
        ({"model": "other", "prompt": "a"}, openai.NotFoundError, None, "not found"),
        ({"model": "tiny@x", "prompt": "a"}, openai.NotFoundError, None, "does not exist"),
        ({"model": "tiny@-1", "prompt": "a"}, openai.NotFoundError, None, "does not exist"),
        ({"model": f"tiny@{2**63}", "prompt": "a"}, openai.NotFoundError, None, "does not exist"),
        ({"model": "tiny@" + 5000 * "9", "prompt": "a"}, openai.NotFoundError, None, "does not exist"),
        ({"model": "tiny", "prompt": "a", "temperature": -1}, openai.BadRequestError, "temperature", "0"),
        ({"model": "tiny", "prompt": "a", "n": 0}, openai.BadRequestError, "n", "1"),
        ({"model": "tiny", "prompt": {}}, openai.BadRequestError, "prompt", "prompt"),
        (
            {"model": "tiny", "prompt": "a", "logit_bias": {"5": 1}},
            openai.BadRequestError,
            "logit_bias",
            "support",
        ),
        ({"model": "tiny", "prompt": "a", "best_of": 3}, openai.BadRequestError, None, "best_of"),
        ({"model": "tiny", "prompt": "word " * 400}, openai.BadRequestError, None, "at most 95 tokens"),
        ({"model": "tiny", "prompt": ["a"] * 200}, openai.BadRequestError, None, "128 continuations"),
    ],
    ids=str,
)
def test_errors_are_openais(client, asked, error, param, message):
    with pytest.raises(error, match=message) as caught:
        client.completions.create(**asked)
    assert caught.value.param == param
    assert caught.value.type == "invalid_request_error"


def test_a_model_name_without_utf_8_is_an_unknown_model(stepwise_server):
    """The client would not send it; in JSON it is the escape of half a surrogate pair."""
    body = b'{"model": "\\ud800", "prompt": "a"}'
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(f"{stepwise_server.rest_url}/v1/completions", body, timeout=20)
    with caught.value as error:
        assert error.code == 404
        assert "does not exist" in json.load(error)["error"]["message"]


def test_too_many_at_once_is_a_rate_limit_error(client, stepwise_server, monkeypatch):
    [pool] = stepwise_server._extensions[0]._service._engines.values()
    for engine in pool.engines:
        monkeypatch.setattr(engine, "_config", dataclasses.replace(engine._config, max_queue=0))
    for stream in (False, True):
        with pytest.raises(openai.RateLimitError, match="send the request again later") as caught:
            client.completions.create(model="tiny", prompt="a", stream=stream)
        assert caught.value.status_code == 429


@pytest.fixture
def failing_engine(stepwise_server, monkeypatch):
    """Engines that make two tokens and fail."""
    [pool] = stepwise_server._extensions[0]._service._engines.values()
    for engine in pool.engines:

        def step(engine=engine):
            if max(row.num_tokens for row in engine._batch.continuations()) >= 2:
                raise RuntimeError("the accelerator is gone")
            engine._batch.step(1)

        monkeypatch.setattr(engine, "_step", step)


@pytest.mark.usefixtures("failing_engine")
def test_a_failure_is_raised_by_the_client(client):
    with pytest.raises(openai.InternalServerError, match="the accelerator is gone"):
        client.completions.create(model="tiny", prompt=PROMPT, temperature=0)


@pytest.mark.usefixtures("failing_engine")
def test_a_failure_in_the_middle_of_a_stream_is_raised_after_the_text_so_far(client):
    stream = client.completions.create(model="tiny", prompt=PROMPT, temperature=0, stream=True)
    assert next(stream).choices[0].text
    with pytest.raises(openai.APIError, match="the accelerator is gone"):
        list(stream)


def test_many_streams_at_once_are_each_their_own(stepwise_server, client):
    prompts = [f"{PROMPT} {index}" for index in range(24)]
    expected = [
        client.completions.create(model="tiny", prompt=prompt, temperature=0, max_tokens=30).choices[0].text
        for prompt in prompts
    ]

    async def one(asynchronous, prompt):
        stream = await asynchronous.completions.create(
            model="tiny", prompt=prompt, temperature=0, max_tokens=30, stream=True
        )
        return "".join([part.choices[0].text async for part in stream])

    async def all_of_them():
        base_url = f"{stepwise_server.rest_url}/v1"
        async with openai.AsyncOpenAI(base_url=base_url, api_key="none", max_retries=0) as asynchronous:
            return await asyncio.gather(*(one(asynchronous, prompt) for prompt in prompts))

    assert asyncio.run(all_of_them()) == expected
