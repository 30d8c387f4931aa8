import functools
import http.server
import socket
import threading

import pytest

from serving import contract
from serving.client import Client, RestClient, Retries
from serving.clients.results import Generation, ServedVersion, cut_at_stop
from serving.errors import (
    DeadlineExceededError,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)

PROMPTS = ["", "To be", "naïve café 漢字"]


@pytest.fixture(scope="module")
def grpc_client(language_server):
    with Client(language_server.grpc_address, model="toy") as client:
        yield client


@pytest.fixture
def client(connected, language_server):
    return connected(language_server.grpc_address, language_server.rest_url, "toy")


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
def test_every_client_gives_the_same_answer(client, grpc_client, sampling):
    assert client.generate(PROMPTS, **sampling) == grpc_client.generate(PROMPTS, **sampling)
    assert client.score(PROMPTS) == grpc_client.score(PROMPTS)


def test_each_prompt_may_have_a_seed_of_its_own(client):
    seeds = [4, -9, 2**31 - 1]
    together = client.generate(PROMPTS, seed=seeds)
    alone = [client.generate([prompt], seed=seed) for prompt, seed in zip(PROMPTS, seeds, strict=True)]
    assert together == [generation for [generation] in alone]
    with pytest.raises(ValueError, match="seed has 2 values for 3 prompts: give one, or one for each"):
        client.generate(PROMPTS, seed=[1, 2])


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


def at(connected, port, **options):
    return connected(f"127.0.0.1:{port}", f"http://127.0.0.1:{port}", "toy", **options)


def test_a_server_that_is_not_there_is_unavailable_and_worth_a_retry(connected, closed_port):
    client = at(connected, closed_port, retries=Retries(max_tries=2))
    with pytest.raises(UnavailableError, match=f"127.0.0.1:{closed_port}") as caught:
        client.score(["a"])
    assert caught.value.retry_helps
    with pytest.raises(UnavailableError, match=r"the model is not ready after 0.2 s: no .* server answers"):
        client.wait_until_ready(timeout_s=0.2)


def test_a_server_that_is_silent_exceeds_the_deadline(connected, silent_port):
    with pytest.raises(DeadlineExceededError, match=r"did not answer within 0.2 s"):
        at(connected, silent_port).score(["a"], timeout_s=0.2)


@pytest.mark.parametrize("timeout_s", [0.0, -1.0])
def test_without_time_there_is_no_answer(client, timeout_s):
    with pytest.raises(DeadlineExceededError):
        client.score(["a"], timeout_s=timeout_s)


def test_time_without_end_is_enough(client):
    assert len(client.score(["a"], timeout_s=float("inf"))) == 1


def test_an_unknown_model_is_not_found(connected, language_server):
    client = connected(language_server.grpc_address, language_server.rest_url, "q")
    with pytest.raises(NotFoundError, match=r"Servable not found for request: Latest\(q\)"):
        client.score(["a"])


def test_a_version_or_a_label_is_asked_for(connected, language_server):
    addresses = language_server.grpc_address, language_server.rest_url, "toy"
    assert connected(*addresses, version=1).score(["a"]) == connected(*addresses).score(["a"])
    with pytest.raises(NotFoundError, match=r"Specific\(toy, 7\)"):
        connected(*addresses, version=7).score(["a"])
    with pytest.raises(InvalidArgumentError, match="Unrecognized servable version label: canary"):
        connected(*addresses, label="canary").score(["a"])


@pytest.mark.parametrize("url", ["127.0.0.1:8501", "ftp://h", "http://", "http://h:port", "http://[::1"])
def test_what_is_no_address_of_a_rest_server_is_refused(url):
    with pytest.raises(
        InvalidArgumentError, match="is no address of a REST server: expected http://host:port"
    ):
        RestClient(url, "m")


@pytest.mark.parametrize("kind", ["REST", "async REST"])
def test_what_is_no_model_server_is_told(connected, kind):
    """A server of files answers the status request with a page."""
    handler = functools.partial(_Silent, directory="/nowhere")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        with pytest.raises(NotFoundError, match="HTTP 404"):
            at(connected, server.server_port).model_status()
        server.shutdown()


class _Silent(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.mark.parametrize("kind", ["REST", "async REST"])
@pytest.mark.parametrize(
    ("says", "error", "message"),
    [
        (b"SSH-2.0-x\r\n", InternalError, "something other than HTTP: it begins with 'SSH-2.0"),
        (b"", UnavailableError, "the connection ended before the answer did"),
        (b"HTTP/1.1 200 OK\r\n\r\n<p>", InternalError, "something other than JSON"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", InternalError, "other JSON than expected"),
        (b"HTTP/1.1 503 Busy\r\n\r\nsorry", UnavailableError, "HTTP 503: sorry"),
    ],
    ids=str,
)
def test_an_answer_of_something_else_is_told_in_one_line(connected, kind, says, error, message):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = at(connected, listener.getsockname()[1], retries=Retries(max_tries=1))

        def answer():
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(says)

        answering = threading.Thread(target=answer)
        answering.start()
        with pytest.raises(error, match=message) as caught:
            client.model_status()
        answering.join()
    assert "\n" not in caught.value.message
