import dataclasses
import http.client
import json
import threading
import time
import urllib.error
import urllib.request

import pytest
from tensorflow_serving.apis import model_pb2

from serving.errors import StartError
from serving.server import Server, ServerConfig


def predict(server, value=1.0):
    body = json.dumps({"inputs": [value]}).encode()
    request = urllib.request.Request(f"{server.rest_url}/v1/models/m:predict", body)
    with urllib.request.urlopen(request, timeout=20) as response:
        return json.load(response)["outputs"]


def wait_until(condition, timeout_s=15.0):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "the server did not get there in time"
        time.sleep(0.02)


def test_a_new_version_replaces_the_old_one_without_a_failed_request(tmp_path, save_factor, config):
    save_factor(tmp_path / "1", 2.0)
    answers, done = [], threading.Event()
    with Server(config("m", tmp_path)) as server:

        def keep_asking():
            while not done.is_set():
                answers.append(predict(server))

        asker = threading.Thread(target=keep_asking)
        asker.start()
        save_factor(tmp_path / "incoming", 3.0)
        (tmp_path / "incoming").rename(tmp_path / "2")
        wait_until(lambda: server.versions == [2])
        wait_until(lambda: answers[-1] == [3.0])
        done.set()
        asker.join()
    assert answers[0] == [2.0]
    assert sorted(answers) == answers
    assert {answer for (answer,) in answers} == {2.0, 3.0}


def test_a_truncated_new_version_leaves_the_old_one_serving_and_says_why(tmp_path, save_factor, config):
    save_factor(tmp_path / "1", 2.0)
    with Server(config("m", tmp_path)) as server:
        whole = (tmp_path / "1" / "saved_model.pb").read_bytes()
        (tmp_path / "incoming").mkdir()
        (tmp_path / "incoming" / "saved_model.pb").write_bytes(whole[: len(whole) // 2])
        (tmp_path / "incoming").rename(tmp_path / "2")

        def newest_status():
            with urllib.request.urlopen(f"{server.rest_url}/v1/models/m", timeout=20) as response:
                return json.load(response)["model_version_status"][0]

        wait_until(lambda: newest_status()["version"] == "2" and newest_status()["state"] == "END")
        assert "truncated or not a SavedModel" in newest_status()["status"]["error_message"]
        assert predict(server) == [2.0]


def test_a_start_without_a_base_path_says_what_was_expected(tmp_path, config):
    expected = (
        "cannot serve model m: the base path .*/nothing is not a folder; expected a folder "
        "with a SavedModel in a subfolder named by an integer version, "
        "such as .*/nothing/1/saved_model.pb: push a model there"
    )
    with pytest.raises(StartError, match=expected):
        Server(config("m", tmp_path / "nothing")).start()


def test_a_start_in_a_version_folder_points_to_the_folder_above(tmp_path, config):
    (tmp_path / "variables").mkdir()
    with pytest.raises(StartError, match=r"no version under .* or name the folder above the version"):
        Server(config("m", tmp_path)).start()


def test_a_start_with_a_broken_version_gives_its_error(tmp_path, config):
    (tmp_path / "1").mkdir()
    with pytest.raises(
        StartError, match=r"nothing under .* can be loaded: version 1: .*saved_model.pb: it does not"
    ):
        Server(config("m", tmp_path)).start()


@pytest.mark.parametrize("field", ["port", "rest_api_port"])
def test_a_taken_port_is_named(numeric_server, numeric_dir, config, field):
    taken = int(numeric_server.grpc_address.rsplit(":", 1)[1])
    server = Server(dataclasses.replace(config("m", numeric_dir), **{field: taken}))
    with pytest.raises(StartError, match=f"cannot listen for .* on 127.0.0.1:{taken}"):
        server.start()


@pytest.mark.parametrize(
    "wrong",
    [
        {"model_name": ""},
        {"model_base_path": ""},
        {"batching_parameters_file": "b"},
        {"port": 70000},
        {"max_requests": 0},
        {"file_system_poll_wait_seconds": -1},
    ],
)
def test_a_configuration_that_cannot_work_is_refused(wrong):
    with pytest.raises(StartError, match=next(iter(wrong))):
        ServerConfig(**{"model_name": "m", "model_base_path": "/models", **wrong})


def test_a_stop_lets_a_request_under_way_end_and_refuses_new_ones(tmp_path, save_factor, config):
    save_factor(tmp_path / "1", 2.0)
    server = Server(config("m", tmp_path)).start()
    entered, go_on, answers = threading.Event(), threading.Event(), []
    with server.models.acquire(model_pb2.ModelSpec(name="m")) as lease:
        servable = lease.servable
    run = servable.run

    def slow_run(*arguments):
        entered.set()
        go_on.wait(10)
        return run(*arguments)

    servable.run = slow_run
    url = server.rest_url
    asker = threading.Thread(target=lambda: answers.append(predict(server)))
    asker.start()
    assert entered.wait(10)
    stopper = threading.Thread(target=server.stop)
    stopper.start()

    def is_refused():
        try:
            urllib.request.urlopen(f"{url}/v1/models/m", timeout=1).close()
        except urllib.error.URLError:
            return True
        except (http.client.HTTPException, OSError):
            # Connected just before the port was closed: cut, or left without an answer.
            return False
        return False

    wait_until(is_refused)
    go_on.set()
    asker.join()
    stopper.join()
    assert answers == [[2.0]]


def test_a_body_beyond_the_limit_is_413(numeric_dir, config):
    with Server(dataclasses.replace(config("m", numeric_dir), max_rest_body_bytes=100)) as server:
        assert predict(server) == [2.0]
        with pytest.raises(urllib.error.HTTPError) as caught:
            predict(server, value=[1.0] * 100)
        with caught.value as error:
            assert error.code == 413
            assert "more than 100 bytes" in json.load(error)["error"]
