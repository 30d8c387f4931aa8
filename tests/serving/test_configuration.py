"""Several models in one server, and what changes while it runs."""

import json
import time
import urllib.error
import urllib.request

import grpc
import pytest
from tensorflow_serving.apis import model_management_pb2, model_service_pb2_grpc

from serving.errors import StartError
from serving.server import Server, ServerConfig


def answer(server, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(f"{server.rest_url}/v1/models/{path}", data, timeout=20) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def factor(server, model):
    status, found = answer(server, f"{model}:predict", {"inputs": [1.0]})
    return found["outputs"][0] if status == 200 else found["error"]


def wait_until(condition, timeout_s=15.0):
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline_s, "the server did not get there in time"
        time.sleep(0.02)


def reload_request(*models):
    """Each model as (name, base path, labels)."""
    request = model_management_pb2.ReloadConfigRequest(metric_names=["/lexmill/serving/loaded_versions"])
    for name, base_path, labels in models:
        request.config.model_config_list.config.add(
            name=name, base_path=str(base_path), model_platform="tensorflow", version_labels=labels
        )
    return request


def models_config(*models):
    return str(reload_request(*models).config)


@pytest.fixture
def two(tmp_path, save_factor):
    """Base paths ``a`` with versions 1 and 2, ``b`` with 7; a models file that names both."""
    for path, value in (("a/1", 1.0), ("a/2", 2.0), ("b/7", 7.0)):
        save_factor(tmp_path / path, value)
    (tmp_path / "models.config").write_text(
        models_config(("a", tmp_path / "a", {}), ("b", tmp_path / "b", {}))
    )
    return tmp_path


def config_for(folder, **options):
    return ServerConfig(
        model_config_file=str(folder / "models.config"),
        port=0,
        rest_api_port=0,
        file_system_poll_wait_seconds=0.05,
        **options,
    )


def reloaded(server, request):
    with grpc.insecure_channel(server.grpc_address) as channel:
        return model_service_pb2_grpc.ModelServiceStub(channel).HandleReloadConfigRequest(request, timeout=30)


def test_several_models_are_served_under_their_names(two):
    with Server(config_for(two)) as server:
        assert server.served() == {"a": [2], "b": [7]}
        assert (factor(server, "a"), factor(server, "b")) == (2.0, 7.0)


def test_a_reload_adds_and_removes_models_and_gives_labels(two):
    with Server(config_for(two)) as server:
        response = reloaded(server, reload_request(("b", two / "b", {"best": 7}), ("c", two / "a", {})))
        assert (response.status.error_code, response.status.error_message) == (0, "")
        assert [(metric.name, metric.int64_value_increase) for metric in response.metric] == [
            ("/lexmill/serving/loaded_versions", 0)
        ]
        assert server.served() == {"b": [7], "c": [2]}
        assert factor(server, "a") == "Servable not found for request: Latest(a)"
        assert factor(server, "b/labels/best") == 7.0
        assert factor(server, "c") == 2.0


def test_a_label_goes_only_to_a_version_that_is_available(two):
    with Server(config_for(two)) as server:
        with pytest.raises(grpc.RpcError) as caught:
            reloaded(server, reload_request(("a", two / "a", {"old": 1}), ("b", two / "b", {})))
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert caught.value.details() == (
            "Request to assign label to version 1 of model a, which is not currently available for inference"
        )
        assert factor(server, "a") == 2.0


def test_a_label_at_the_start_needs_the_flag_that_allows_it(two):
    (two / "models.config").write_text(models_config(("a", two / "a", {"best": 2})))
    with pytest.raises(StartError, match="--allow_version_labels_for_unavailable_models"):
        Server(config_for(two)).start()
    with Server(config_for(two, allow_version_labels_for_unavailable_models=True)) as server:
        assert factor(server, "a/labels/best") == 2.0
        # The flag is for labels that are not in use: this one would leave its version.
        with pytest.raises(grpc.RpcError):
            reloaded(server, reload_request(("a", two / "a", {"best": 9})))
        assert factor(server, "a/labels/best") == 2.0


def test_a_reload_with_a_model_that_cannot_load_says_so_and_keeps_the_rest(two):
    (two / "empty").mkdir()
    with Server(config_for(two)) as server:
        with pytest.raises(grpc.RpcError) as caught:
            reloaded(server, reload_request(("a", two / "a", {}), ("e", two / "empty", {})))
        assert caught.value.code() is grpc.StatusCode.UNKNOWN
        assert caught.value.details().startswith("1 model(s) did not become available: {{{name: e}")
        assert factor(server, "a") == 2.0


def test_the_models_file_is_polled_and_a_broken_one_changes_nothing(two):
    with Server(config_for(two, model_config_file_poll_wait_seconds=0.05)) as server:
        (two / "models.config").write_text("model_config_list { nonsense")
        time.sleep(0.3)
        assert server.served() == {"a": [2], "b": [7]}
        text = (
            f'model_config_list {{ config {{ name: "a" base_path: "{two}/a" model_platform: "tensorflow"\n'
            "model_version_policy { all { } } } }"
        )
        (two / "models.config").write_text(text)
        wait_until(lambda: server.served() == {"a": [2, 1]})
        (two / "models.config").write_text(text.replace("all { }", "specific { versions: 1 versions: 9 }"))
        wait_until(lambda: server.served() == {"a": [1]})
        assert factor(server, "a") == 1.0


def test_deleting_the_newest_version_rolls_back(two):
    with Server(config_for(two)) as server:
        (two / "a" / "2").rename(two / "gone")
        wait_until(lambda: server.served()["a"] == [1])
        assert factor(server, "a") == 1.0
        statuses = answer(server, "a")[1]["model_version_status"]
        assert [(found["version"], found["state"]) for found in statuses] == [
            ("2", "END"),
            ("1", "AVAILABLE"),
        ]


@pytest.mark.parametrize(
    "damage", ["empty graph", "half a graph", "no variables", "damaged variables", "no index", "bad warm-up"]
)
def test_a_version_that_is_broken_in_any_way_leaves_the_old_one_serving(two, save_factor, damage):
    save_factor(two / "incoming", 3.0)
    incoming = two / "incoming"
    graph, data = incoming / "saved_model.pb", incoming / "variables" / "variables.data-00000-of-00001"
    if damage == "empty graph":
        graph.write_bytes(b"")
    elif damage == "half a graph":
        graph.write_bytes(graph.read_bytes()[: graph.stat().st_size // 2])
    elif damage == "no variables":
        data.unlink()
    elif damage == "damaged variables":
        data.write_bytes(b"")
    elif damage == "no index":
        (incoming / "variables" / "variables.index").unlink()
    else:
        (incoming / "assets.extra").mkdir()
        (incoming / "assets.extra" / "tf_serving_warmup_requests").write_bytes(b"no records at all")
    with Server(config_for(two)) as server:
        incoming.rename(two / "a" / "3")

        def failed():
            newest = answer(server, "a")[1]["model_version_status"][0]
            return newest["version"] == "3" and newest["state"] == "END" and newest["status"]["error_message"]

        wait_until(failed)
        assert server.served()["a"] == [2]
        assert factor(server, "a") == 2.0
