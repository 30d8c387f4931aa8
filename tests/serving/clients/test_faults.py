"""The four clients against servers that fail by a script."""

import pytest

from serving.client import Retries, Score
from serving.errors import (
    Code,
    DeadlineExceededError,
    InvalidArgumentError,
    NotFoundError,
    ResourceExhaustedError,
    UnavailableError,
)

ANSWER = [Score(-1.5, 3, 5)]
QUICK = Retries(first_wait_s=0.001)


@pytest.mark.parametrize("code", [Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED], ids=str)
def test_a_server_that_fails_twice_and_then_works_gives_an_answer(connected, scripted, code):
    server = scripted(code, code)
    client = connected(server.grpc_address, server.rest_url, retries=QUICK)
    assert client.score(["a"], timeout_s=30) == ANSWER
    assert server.script.num_requests == 3


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (Code.INVALID_ARGUMENT, InvalidArgumentError),
        (Code.NOT_FOUND, NotFoundError),
        (Code.DEADLINE_EXCEEDED, DeadlineExceededError),
    ],
    ids=str,
)
def test_what_does_not_pass_is_asked_once(connected, scripted, code, error):
    server = scripted(code)
    client = connected(server.grpc_address, server.rest_url)
    with pytest.raises(error):
        client.score(["a"])
    assert server.script.num_requests == 1


def test_no_more_is_tried_than_allowed(connected, scripted):
    server = scripted(*[Code.RESOURCE_EXHAUSTED] * 9)
    client = connected(server.grpc_address, server.rest_url, retries=Retries(max_tries=3, first_wait_s=0.001))
    with pytest.raises(ResourceExhaustedError, match="as scripted"):
        client.score(["a"])
    assert server.script.num_requests == 3


@pytest.mark.parametrize("kind", ["REST", "async REST"])
@pytest.mark.parametrize("retry_after", ["7", "Wed, 21 Oct 2099 07:28:00 GMT"])
def test_the_server_says_over_rest_when_to_come_back(connected, scripted, kind, retry_after):
    server = scripted(Code.RESOURCE_EXHAUSTED, retry_after=retry_after)
    client, waits = connected(server.grpc_address, server.rest_url), []
    client.on_wait(waits.append)
    assert client.score(["a"], timeout_s=1e10) == ANSWER
    assert waits == [7.0] if retry_after == "7" else waits[0] > 1e9


@pytest.mark.parametrize("kind", ["REST", "async REST"])
@pytest.mark.parametrize("retry_after", ["soon", "-3", "Wed, 21 Oct 2015 07:28:00 GMT"])
def test_a_retry_after_that_says_nothing_changes_nothing(connected, scripted, kind, retry_after):
    server = scripted(Code.RESOURCE_EXHAUSTED, retry_after=retry_after)
    client, waits = connected(server.grpc_address, server.rest_url), []
    client.on_wait(waits.append)
    assert client.score(["a"]) == ANSWER
    assert 0.0 <= waits[0] < 0.1


def test_a_server_that_comes_up_late_is_waited_for(connected, scripted, free_ports):
    grpc_address = f"127.0.0.1:{free_ports['grpc_port']}"
    client = connected(grpc_address, f"http://127.0.0.1:{free_ports['rest_port']}")
    with pytest.raises(UnavailableError, match="start one"):
        client.model_status(timeout_s=0.05)
    client.on_wait(_once(lambda: scripted(Code.UNAVAILABLE, **free_ports)))
    client.wait_until_ready(timeout_s=60)
    assert [version.version for version in client.model_status()] == [4]


def test_a_request_survives_a_restart_of_the_server(connected, scripted, free_ports):
    server = scripted(**free_ports)
    client = connected(server.grpc_address, server.rest_url, retries=Retries(max_tries=1000))
    assert client.score(["a"]) == ANSWER
    server.stop()
    client.on_wait(_once(lambda: scripted(**free_ports)))
    assert client.score(["a"], timeout_s=60) == ANSWER


def _once(start):
    """Starts a server at the first wait; the others are short."""
    import time

    started = []

    def wait(seconds):
        if not started:
            started.append(start())
        time.sleep(0.01)

    return wait
