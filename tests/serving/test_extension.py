import json
import threading
import urllib.error
import urllib.request

import pytest
import tensorflow as tf
from aiohttp import web
from tensorflow_serving.apis import model_pb2

from serving.server import Server


class Greeter:
    """Adds a page, doubles every answer of ``scale``, and remembers what happens to it."""

    def __init__(self, models):
        self.models = models
        self.events = []
        self.waiting, self.left = threading.Event(), threading.Event()
        models.observe(self)

    def add_routes(self, application):
        application.router.add_get("/v1/hello", self.hello)
        application.router.add_get("/wait", self.wait)

    async def hello(self, request):
        return web.json_response({"models": self.models.model_names()})

    async def wait(self, request):
        import asyncio

        self.waiting.set()
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            self.left.set()
            raise

    def loaded(self, model_name, version, servable):
        self.events.append(f"loaded {version}")

        def doubled(feeds, call):
            return {"y": 2.0 * servable.run_graph("serving_default", feeds)["y"]}

        servable.set_runner("serving_default", doubled)

    def retired(self, model_name, version):
        self.events.append(f"retired {version}")

    def unloaded(self, model_name, version):
        self.events.append(f"unloaded {version}")

    def close(self):
        self.events.append("closed")


def answer(url, body=None):
    with urllib.request.urlopen(url, body, timeout=20) as response:
        return json.load(response)


@pytest.fixture
def extended(numeric_dir, config):
    extensions = []

    def make(models):
        extensions.append(Greeter(models))
        return extensions[0]

    with Server(config("numeric", numeric_dir), [make]) as server:
        yield server, extensions[0]


def test_an_extension_adds_routes_and_leaves_tensorflow_servings_in_place(extended):
    server, _ = extended
    assert answer(f"{server.rest_url}/v1/hello") == {"models": ["numeric"]}
    assert answer(f"{server.rest_url}/v1/models/numeric")["model_version_status"][0]["version"] == "3"
    with pytest.raises(urllib.error.HTTPError) as caught:
        answer(f"{server.rest_url}/v1/goodbye")
    with caught.value as error:
        assert error.code == 400


def test_an_extension_can_compute_a_signature_whose_checks_stay(extended):
    server, _ = extended
    assert answer(f"{server.rest_url}/v1/models/numeric:predict", b'{"inputs": [1.0]}') == {"outputs": [4.0]}
    with pytest.raises(urllib.error.HTTPError) as caught:
        answer(f"{server.rest_url}/v1/models/numeric:predict", b'{"inputs": ["one"]}')
    with caught.value as error:
        assert error.code == 400


def test_an_extension_is_told_of_loads_and_closed_before_the_models_go(numeric_dir, config):
    greeters = []

    def make(models):
        greeters.append(Greeter(models))
        return greeters[0]

    with Server(config("numeric", numeric_dir), [make]):
        assert greeters[0].events == ["loaded 3"]
    assert greeters[0].events == ["loaded 3", "closed", "retired 3", "unloaded 3"]


def test_a_handler_is_cancelled_when_its_client_goes_away(extended):
    server, greeter = extended

    def impatient():
        with pytest.raises(TimeoutError):
            urllib.request.urlopen(f"{server.rest_url}/wait", timeout=0.3)

    impatient()
    assert greeter.waiting.is_set()
    assert greeter.left.wait(10)


def test_a_runner_for_a_signature_that_is_not_there_is_refused(numeric_server):
    from serving.errors import FailedPreconditionError

    with (
        numeric_server.models.acquire(model_pb2.ModelSpec(name="numeric")) as lease,
        pytest.raises(FailedPreconditionError, match='"nothing" not found'),
    ):
        lease.servable.set_runner("nothing", lambda feeds, call: {"y": tf.constant(0.0)})
