"""One request, and everything that can become of it."""

import pytest

from pipeline.kubeflow.api import PipelinesApi
from pipeline.kubeflow.connection import ClusterError, ClusterUnreachableError, Connection

TOKEN = "a-secret-token"


@pytest.fixture
def api(kubeflow):
    return PipelinesApi(Connection(kubeflow.url, lambda: TOKEN, timeout_s=20.0))


def test_the_token_goes_with_every_request(api, kubeflow):
    kubeflow.token = TOKEN
    api.create_experiment("mine")
    assert api.experiment("mine") is not None
    assert {headers["Authorization"] for *_, headers in kubeflow.requests} == {f"Bearer {TOKEN}"}


def test_the_token_is_read_anew_for_every_request(kubeflow):
    tokens = iter(["old", "new"])
    api = PipelinesApi(Connection(kubeflow.url, lambda: next(tokens)))
    api.experiment("a")
    api.experiment("a")
    assert [headers["Authorization"] for *_, headers in kubeflow.requests] == ["Bearer old", "Bearer new"]


def test_without_a_token_none_is_sent_and_401_asks_for_one(kubeflow):
    kubeflow.token = TOKEN
    api = PipelinesApi(Connection(kubeflow.url, lambda: None))
    with pytest.raises(ClusterError, match=r"401 .*a token is asked for: set LEXMILL_KFP_TOKEN") as refused:
        api.run("run-0")
    assert refused.value.status == 401
    assert "Authorization" not in kubeflow.requests[0][-1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_token_does_not_follow_a_redirect(api, kubeflow, elsewhere, status):
    kubeflow.fail("GET", "/runs", status)
    with pytest.raises(
        ClusterError, match=rf"sends to http://{kubeflow.elsewhere}/dex/auth, where the token"
    ):
        api.run("run-0")
    assert elsewhere == []


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "a token was not accepted: it may have expired: set LEXMILL_KFP_TOKEN"),
        (403, "may not do this: ask for the rights, or name your own namespace"),
        (404, r"status 404 \(a fault"),
        (409, r"status 409 \(a fault"),
        (400, r"status 400 \(a fault"),
    ],
)
def test_a_refusal_says_what_was_asked_what_came_and_what_to_do(api, kubeflow, status, message):
    kubeflow.fail("GET", "/runs", status)
    with pytest.raises(ClusterError, match=message) as refused:
        api.run("run-0")
    assert str(refused.value).startswith(f"GET {kubeflow.url}/apis/v2beta1/runs/run-0: status {status}")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_no_message_holds_the_token(api, kubeflow, status):
    kubeflow.fail("GET", "/runs", status)
    with pytest.raises((ClusterError, ClusterUnreachableError)) as refused:
        api.run("run-0")
    assert TOKEN not in str(refused.value)
    assert "a fault with *** in it" in str(refused.value)


@pytest.mark.parametrize(
    "kind", [429, 500, 502, 503, 504, "dropped", "lost", "truncated", b"{oops", b"[1]", b"\xff"]
)
def test_what_may_pass_is_another_kind_of_failure(api, kubeflow, kind):
    api.create_experiment("mine")
    kubeflow.fail("GET", "/experiments", kind)
    with pytest.raises(ClusterUnreachableError):
        api.experiment("mine")


def test_nobody_listening_is_told_with_the_address():
    api = PipelinesApi(Connection("http://127.0.0.1:1", lambda: None))
    with pytest.raises(ClusterUnreachableError, match=r"GET http://127.0.0.1:1/apis.*: .*refused"):
        api.run("run-0")


def test_an_object_of_another_kind_is_no_run(api, kubeflow):
    kubeflow.fail("GET", "/runs", b'{"items": []}')
    with pytest.raises(ClusterError, match=r"the server's run cannot be read: run_id: Field required"):
        api.run("run-0")


def test_a_sign_in_page_is_not_taken_for_an_answer(api, kubeflow):
    kubeflow.fail("GET", "/runs", "<html>Log in</html>")
    with pytest.raises(ClusterError, match=r"a web page answers.*sign-in page, set LEXMILL_KFP_TOKEN"):
        api.run("run-0")


def test_a_name_on_the_last_page_is_found(api, kubeflow):
    pipeline = api.create_pipeline("tiny", "")
    for number in range(5):
        api.upload_version(pipeline.pipeline_id, f"v{number}", b"a: 1\n")
    assert api.version(pipeline.pipeline_id, "v4").pipeline_version_id == "version-4"
    assert api.version(pipeline.pipeline_id, "v5") is None
    pages = [query.get("page_token") for method, path, query, *_ in kubeflow.requests if method == "GET"]
    assert pages == [None, "2", "4"] * 2


def test_a_state_that_is_not_known_yet_is_read_all_the_same(api, kubeflow):
    kubeflow.fail("GET", "/runs", b'{"run_id": "a", "state": "DREAMING", "new_field": {"deep": [1]}}')
    assert api.run("a").state == "DREAMING"


@pytest.mark.parametrize(
    ("host", "is_readable"),
    [
        ("https://kubeflow.example.com/pipeline", False),
        ("http://kubeflow.example.com", True),
        ("http://10.0.0.7:8080", True),
        ("http://localhost:8080", False),
        ("http://127.0.0.1:8080", False),
        ("http://[::1]:8080", False),
        ("http://ml-pipeline.kubeflow.svc.cluster.local:8888", False),
    ],
)
def test_a_token_is_readable_on_the_way_only_over_plain_http_on_a_network(host, is_readable):
    assert Connection(host, lambda: None).is_token_readable_on_the_way is is_readable
