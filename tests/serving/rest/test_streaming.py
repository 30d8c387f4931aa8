import http.client
import json
import urllib.error
import urllib.request
from urllib.parse import urlsplit

import pytest

from serving.client import Client, RestClient

PROMPT = "The quick brown fox"


def ask(server, body, target="tiny"):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    url = f"{server.rest_url}/v1/models/{target}:generateStream"
    return urllib.request.urlopen(urllib.request.Request(url, data), timeout=60)


def events(response):
    """Of a whole answer: (name, data)."""
    with response:
        assert response.headers["Content-Type"].startswith("text/event-stream")
        blocks = response.read().decode().split("\n\n")
    assert blocks.pop() == ""
    found = []
    for block in blocks:
        lines = dict(line.split(": ", 1) for line in block.split("\n"))
        found.append((lines.get("event"), json.loads(lines["data"])))
    return found


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 0.0},
        {"temperature": 1.0, "seed": 5, "top_k": 30, "top_p": 0.9},
        {"temperature": 0.0, "stop": ["e"]},
    ],
    ids=str,
)
def test_the_stream_is_what_grpc_and_rest_answer_at_once(stepwise_server, settings):
    found = [data for _, data in events(ask(stepwise_server, {"prompt": PROMPT, **settings}))]
    rest = RestClient(stepwise_server.rest_url, "tiny")
    with Client(stepwise_server.grpc_address, model="tiny") as client:
        for [whole] in (client.generate([PROMPT], **settings), rest.generate([PROMPT], **settings)):
            assert "".join(data["text"] for data in found) == whole.text
            assert found[-1]["finish_reason"] == whole.finish_reason
    assert found[-1]["version"] == 1
    assert found[-1]["num_prompt_tokens"] > 0


def test_text_comes_in_several_events(stepwise_server):
    found = events(ask(stepwise_server, {"prompt": PROMPT, "temperature": 0.0, "max_new_tokens": 70}))
    assert len(found) > 1
    counts = [data["num_tokens"] for _, data in found]
    assert counts == sorted(counts)


@pytest.mark.parametrize("target", ["tiny/versions/1", "t%69ny"])
def test_a_version_or_an_escaped_name_is_understood(stepwise_server, target):
    assert events(ask(stepwise_server, {"prompt": PROMPT, "max_new_tokens": 2}, target))


def test_tokens_come_with_their_likelihood_and_alternatives(stepwise_server):
    body = {"prompt": PROMPT, "temperature": 0.0, "max_new_tokens": 5, "alternatives": 3}
    tokens = [token for _, data in events(ask(stepwise_server, body)) for token in data["tokens"]]
    assert len(tokens) == 5
    for token in tokens:
        assert len(token["alternatives"]) == 3
        assert token["alternatives"][0]["log_probability"] == token["log_probability"] < 0.0


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        (b"{", 400, "the body is not JSON"),
        (b"[" * 100_000, 400, "the body is not JSON"),
        ({"text": "a"}, 400, '"prompt", a string'),
        ({"prompt": "a", "top_q": 1}, 400, "unknown field 'top_q'"),
        ({"prompt": "a", "top_k": 1.5}, 400, '"top_k" must be an integer'),
        ({"prompt": "a", "seed": 2**31}, 400, '"seed" must be an integer of 32 bits'),
        ({"prompt": "a", "temperature": True}, 400, '"temperature" must be a number'),
        ({"prompt": "a", "temperature": 10**400}, 400, '"temperature" must be a number within float32'),
        ({"prompt": "a", "top_p": -(10**400)}, 400, '"top_p" must be a number within float32'),
        ({"prompt": "a", "temperature": -1}, 400, "temperature must be 0"),
        ({"prompt": "a", "stop": "b"}, 400, '"stop" must be a list'),
        ({"prompt": "\ud800"}, 400, "not text"),
        ({"prompt": "word " * 400}, 400, "a prompt may have at most 95 tokens"),
    ],
    ids=str,
)
def test_a_wrong_request_is_answered_as_predict_answers(stepwise_server, body, status, message):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(stepwise_server, body)
    with caught.value as error:
        assert error.code == status
        assert message in json.load(error)["error"]


@pytest.mark.parametrize("target", ["other", "tiny/versions/7"])
def test_an_unknown_model_is_404(stepwise_server, target):
    with pytest.raises(urllib.error.HTTPError) as caught:
        ask(stepwise_server, {"prompt": "a"}, target)
    with caught.value as error:
        assert error.code == 404


def test_a_client_that_goes_away_frees_its_place(stepwise_server):
    service = stepwise_server._extensions[0]._service
    [pool] = service._engines.values()
    for seed in range(20):
        address = urlsplit(stepwise_server.rest_url)
        connection = http.client.HTTPConnection(address.hostname, address.port, timeout=20)
        body = json.dumps({"prompt": "a", "max_new_tokens": 94, "temperature": 1.0, "seed": seed})
        connection.request("POST", "/v1/models/tiny:generateStream", body)
        connection.getresponse().read(5)
        connection.close()
    assert events(ask(stepwise_server, {"prompt": PROMPT, "max_new_tokens": 3}))[-1][1]["num_tokens"] <= 3
    assert sum(len(engine._batch) for engine in pool.engines) <= 1


def test_an_answer_is_by_the_version_that_it_began_with(stepwise_dir, config):
    """A version that is retired while it answers goes on to the end."""
    import shutil

    from serving.language_extension import LanguageExtension
    from serving.server import Server

    base_path = stepwise_dir.parent / "swapped"
    shutil.copytree(stepwise_dir / "1", base_path / "1")
    with Server(config("tiny", base_path), [LanguageExtension]) as server:
        import threading

        stop, failures, versions = threading.Event(), [], set()

        def keep_asking(seed):
            while not stop.is_set():
                try:
                    body = {"prompt": PROMPT, "temperature": 0.0, "max_new_tokens": 60}
                    data = [data for _, data in events(ask(server, body))]
                    versions.add(data[-1]["version"])
                    failures.extend(one for one in data if "error" in one)
                except Exception as error:
                    failures.append(error)

        askers = [threading.Thread(target=keep_asking, args=(seed,)) for seed in range(4)]
        for asker in askers:
            asker.start()
        shutil.copytree(stepwise_dir / "1", base_path / "incoming")
        (base_path / "incoming").rename(base_path / "2")
        import time

        deadline_s = time.monotonic() + 60
        while 2 not in versions and time.monotonic() < deadline_s:
            time.sleep(0.05)
        stop.set()
        for asker in askers:
            asker.join()
    assert failures == []
    assert versions == {1, 2}
