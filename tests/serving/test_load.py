"""Many clients at once: batches, swaps, cancellations, and nothing left behind."""

import contextlib
import dataclasses
import gc
import random
import threading
import time
import urllib.request
from concurrent import futures

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import model_pb2, predict_pb2
from tensorflow_serving.apis.prediction_service_pb2_grpc import PredictionServiceStub

from serving.client import Client
from serving.server import Server


def request_for(value, name="m"):
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name=name))
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([value]))
    return request


def wait_until(condition, timeout_s=15.0):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


@pytest.mark.parametrize("enable_batching", [False, True])
def test_each_answer_comes_from_the_very_version_that_it_names(
    tmp_path, save_factor, config, enable_batching
):
    save_factor(tmp_path / "1", 1.0)
    settings = dataclasses.replace(config("m", tmp_path), enable_batching=enable_batching)
    done = threading.Event()
    seen = []
    with Server(settings) as server, grpc.insecure_channel(server.grpc_address) as channel:
        stub = PredictionServiceStub(channel)

        def ask(seed):
            chance = random.Random(seed)
            while not done.is_set():
                value = float(chance.randrange(1, 100))
                answer = stub.Predict(request_for(value), timeout=20)
                version = answer.model_spec.version.value
                assert answer.outputs["y"].float_val[0] == value * version
                seen.append(version)

        with futures.ThreadPoolExecutor(4) as pool:
            askers = [pool.submit(ask, seed) for seed in range(4)]
            for version in (2, 3, 4):
                save_factor(tmp_path / "incoming", float(version))
                (tmp_path / "incoming").rename(tmp_path / str(version))
                wait_until(lambda version=version: seen and seen[-1] == version)
            (tmp_path / "4").rename(tmp_path / "withdrawn")
            wait_until(lambda: seen[-1] == 3)
            done.set()
            for asker in askers:
                asker.result(20)
    assert set(seen) == {1, 2, 3, 4}


def test_a_batched_request_gets_the_answer_it_would_have_got_alone(
    language_model_dir, language_server, config, tmp_path
):
    chance = random.Random(0)
    words = ["To", "be", "or", "not", "é🙂", ""]
    asked = [
        (
            [" ".join(chance.choices(words, k=3)) for _ in range(chance.randrange(1, 4))],
            {
                "max_new_tokens": chance.randrange(1, 30),
                "temperature": chance.choice([0.0, 0.7]),
                "seed": chance.randrange(9),
            },
        )
        for _ in range(60)
    ]
    parameters = tmp_path / "batching.config"
    # Waits for company for as long as a busy machine may take to send it.
    parameters.write_text("max_batch_size { value: 24 } batch_timeout_micros { value: 500000 }")
    settings = dataclasses.replace(
        config("toy", language_model_dir), enable_batching=True, batching_parameters_file=str(parameters)
    )
    sizes = []
    with Client(language_server.grpc_address, "toy") as alone, Server(settings) as server:
        with server.models.acquire(model_pb2.ModelSpec(name="toy")) as lease:
            servable = lease.servable
        run_graph = servable.run_graph

        def counting(signature_name, feeds):
            sizes.append(feeds["prompts"].shape[0])
            return run_graph(signature_name, feeds)

        servable.run_graph = counting
        with Client(server.grpc_address, "toy") as together, futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda one: together.generate(one[0], **one[1]), asked))
        assert answers == [alone.generate(prompts, **options) for prompts, options in asked]
    assert sum(sizes) == sum(len(prompts) for prompts, _ in asked)
    assert len(sizes) < len(asked) / 2


def test_one_too_long_prompt_in_a_batch_fails_alone(language_model_dir, config):
    from serving.errors import InvalidArgumentError

    settings = dataclasses.replace(config("toy", language_model_dir), enable_batching=True)
    with Server(settings) as server, Client(server.grpc_address, "toy") as client:

        def ask(prompt):
            try:
                return client.generate([prompt], max_new_tokens=3)[0].num_tokens
            except InvalidArgumentError as error:
                return str(error)

        with futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, ["a", "b" * 300, "c", "d"] * 8))
    too_long = "prompt has 300 tokens, the model's context is 256: shorten it"
    assert answers == [3, too_long, 3, 3] * 8


class Waiting:
    """The default signature waits until its call is cancelled, and says so."""

    def __init__(self, server):
        self.entered, self.cancelled = threading.Event(), threading.Event()
        with server.models.acquire(model_pb2.ModelSpec(name="numeric")) as lease:
            lease.servable.set_runner("serving_default", self.run)

    def run(self, feeds, call):
        call.when_cancelled(self.cancelled.set)
        self.entered.set()
        self.cancelled.wait(10)
        call.check()
        return {"y": feeds["x"]}


@pytest.mark.parametrize("how", ["a REST client hangs up", "a gRPC client cancels", "a gRPC deadline passes"])
def test_a_client_that_goes_away_cancels_its_call(numeric_dir, config, how):
    with (
        Server(config("numeric", numeric_dir)) as server,
        grpc.insecure_channel(server.grpc_address) as channel,
    ):
        waiting = Waiting(server)
        if how == "a REST client hangs up":
            with contextlib.suppress(TimeoutError):
                url = f"{server.rest_url}/v1/models/numeric:predict"
                urllib.request.urlopen(url, b'{"inputs": [1.0]}', timeout=0.3)
        else:
            timeout_s = 0.3 if how == "a gRPC deadline passes" else None
            asked = PredictionServiceStub(channel).Predict.future(
                request_for(1.0, "numeric"), timeout=timeout_s
            )
            assert waiting.entered.wait(10)
            if how == "a gRPC client cancels":
                asked.cancel()
        assert waiting.cancelled.wait(10)


def test_after_load_and_a_stop_no_thread_and_no_request_is_left(numeric_dir, config):
    gc.collect()
    before = threading.active_count()
    settings = dataclasses.replace(config("numeric", numeric_dir), enable_batching=True)
    with Server(settings) as server, grpc.insecure_channel(server.grpc_address) as channel:
        stub = PredictionServiceStub(channel)
        with futures.ThreadPoolExecutor(32) as pool:
            asked = [pool.submit(stub.Predict, request_for(1.0, "numeric"), timeout=20) for _ in range(200)]
            assert {one.result(30).outputs["y"].float_val[0] for one in asked} == {2.0}
        with server.models.acquire(model_pb2.ModelSpec(name="numeric")):
            records = server._catalog.repository("numeric")._records
            assert [record.num_leases for record in records.values()] == [1]
        assert server._admission._inside == 0
    # gRPC's idle threads take a moment to notice that their server has gone.
    wait_until(lambda: gc.collect() is not None and threading.active_count() <= before + 2)
