import socket

import pytest

from serving import contract
from serving.client import Client, RestClient
from serving.clients.results import Generation, ServedVersion, cut_at_stop
from serving.errors import (
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)

PROMPTS = ["", "To be", "naïve café 漢字"]


@pytest.fixture(scope="module")
def grpc_client(language_server):
    with Client(language_server.grpc_address, model="toy") as client:
        yield client


@pytest.fixture(scope="module")
def rest_client(language_server):
    return RestClient(language_server.rest_url, model="toy")


@pytest.fixture(params=["grpc_client", "rest_client"])
def client(request):
    return request.getfixturevalue(request.param)


def test_prompts_are_continued(client):
    assert client.generate(["", "To be"], max_new_tokens=9, temperature=0) == [
        Generation("the quick", 9, "length"),
        Generation("uick brow", 9, "length"),
    ]


def test_what_is_left_out_takes_the_contracts_default(client):
    (generation,) = client.generate([""])
    explicit = {
        field.name: field.default for field in contract.GENERATE_SIGNATURE.inputs if field.default is not None
    }
    assert client.generate([""], **explicit) == [generation]
    assert client.generate([""], seed=5) != [generation]


@pytest.mark.parametrize("sampling", [{}, {"temperature": 0.0}, {"seed": 3, "top_k": 2, "top_p": 0.5}])
def test_both_protocols_give_the_same_answer(grpc_client, rest_client, sampling):
    assert grpc_client.generate(PROMPTS, **sampling) == rest_client.generate(PROMPTS, **sampling)
    assert grpc_client.score(PROMPTS) == rest_client.score(PROMPTS)


def test_texts_are_scored(client):
    scores = client.score(PROMPTS)
    assert [score.num_bytes for score in scores] == [len(prompt.encode()) for prompt in PROMPTS]
    assert scores[1].log_probability == pytest.approx(-1.5)


def test_no_prompts_are_no_request(client):
    assert client.generate([]) == []
    assert client.score([]) == []


def test_the_text_ends_before_the_first_stop_string(client):
    (generation,) = client.generate([""], temperature=0, stop=["fox", "brown", ""])
    assert generation.text == "the quick "
    assert generation.finish_reason == "stop"


def test_a_text_without_stop_string_is_left_alone():
    generation = Generation("to be or not", 4, "length")
    assert cut_at_stop(generation, ["then"]) == generation
    assert cut_at_stop(generation, ["or", "o"]) == Generation("t", 4, "stop")


def test_a_single_string_is_refused(client):
    with pytest.raises(TypeError, match="prompts is one string; expected a list of strings"):
        client.generate("To be")


def test_the_models_own_refusal_comes_through(client):
    with pytest.raises(InvalidArgumentError) as caught:
        client.generate(["a" * 300])
    assert caught.value.message == "prompt has 300 tokens, the model's context is 256: shorten it"
    assert not caught.value.retry_helps


def test_the_status_lists_the_versions(client):
    assert client.model_status() == [ServedVersion(1, "AVAILABLE", "")]
    client.wait_until_ready(timeout_s=1)


@pytest.fixture
def silent_port():
    """A port that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def clients(port, model="toy"):
    yield RestClient(f"http://127.0.0.1:{port}", model)
    with Client(f"127.0.0.1:{port}", model) as client:
        yield client


def test_a_server_that_is_not_there_is_unavailable_and_worth_a_retry(closed_port):
    for client in clients(closed_port):
        with pytest.raises(UnavailableError, match=f"127.0.0.1:{closed_port}") as caught:
            client.score(["a"])
        assert caught.value.retry_helps
        with pytest.raises(
            UnavailableError, match=r"the model is not ready after 0.2 s: no .* server answers"
        ):
            client.wait_until_ready(timeout_s=0.2)


def test_a_server_that_is_silent_exceeds_the_deadline(silent_port):
    rest_client = next(clients(silent_port))
    with pytest.raises(DeadlineExceededError, match=r"did not answer within 0.2 s"):
        rest_client.score(["a"], timeout_s=0.2)


def test_an_unknown_model_is_not_found(language_server):
    rest_client = RestClient(language_server.rest_url, "q")
    with Client(language_server.grpc_address, "q") as grpc_client:
        for client in (rest_client, grpc_client):
            with pytest.raises(NotFoundError, match=r"Servable not found for request: Latest\(q\)"):
                client.score(["a"])
