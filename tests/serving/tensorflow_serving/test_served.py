"""The embedded server, started from the files that are rendered for the stock one."""

import json
import urllib.request

import grpc
import pytest
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

from serving.client import Client
from serving.replay import replay_problems
from serving.server import Server
from serving.settings.flags import parse_flags
from serving.tensorflow_serving import folder
from serving.tensorflow_serving.server import CONFIG_DIR
from serving.tensorflow_serving.text_protos import models_config


@pytest.fixture(scope="module")
def served(language_model_dir, tmp_path_factory):
    """A server from the folder's files. Only the ports differ, and the paths that are a container's."""
    from serving.tensorflow_serving.config import ServingConfig
    from serving.tensorflow_serving.server import ServedModel, StockServer, version_policy
    from serving.tensorflow_serving.storage import LocalFolder

    settings = ServingConfig(
        labels={"stable": 1}, version_policy="all", batching={"enabled": True, "max_batch_size": 8}
    )
    model = ServedModel(
        "poet", LocalFolder(str(language_model_dir)), version_policy(settings), settings.labels
    )
    stock = StockServer((model,), "tensorflow/serving:2.19.1", "lexmill-poet:1", settings)
    target = tmp_path_factory.mktemp("rendered")
    folder.write(folder.files(stock, {}, {}), target)
    (target / "models.config").write_text(models_config([model.model_config(str(language_model_dir))]))
    flags = [flag.replace(CONFIG_DIR, str(target)) for flag in stock.flags()]
    with Server(parse_flags([*flags, "--port=0", "--rest_api_port=0"])) as server:
        yield server


def test_it_predicts_by_label(served):
    with Client(served.grpc_address, "poet", label="stable") as client:
        [answer] = client.generate(["The"], max_new_tokens=9, temperature=0.0)
    assert answer.num_tokens == 9


def test_it_tells_the_version_that_the_file_labels(served):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "poet"
    with grpc.insecure_channel(served.grpc_address) as channel:
        answer = model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(request, timeout=20)
    assert [status.version for status in answer.model_version_status] == [1]
    with urllib.request.urlopen(f"{served.rest_url}/v1/models/poet/labels/stable", timeout=20) as response:
        [status] = json.load(response)["model_version_status"]
    assert (status["version"], status["state"]) == ("1", "AVAILABLE")


def test_it_shows_its_metrics_where_the_file_says(served):
    url = f"{served.rest_url}/monitoring/prometheus/metrics"
    with urllib.request.urlopen(url, timeout=20) as response:
        assert b":tensorflow:serving:request_count" in response.read()


def test_it_batches_as_the_file_says(served, language_model_dir):
    assert replay_problems(served.grpc_address, "poet", str(language_model_dir / "1"), 20.0) == []
    with Client(served.grpc_address, "poet") as client:
        assert len(client.score(["text"] * 8)) == 8
        with pytest.raises(Exception, match="batch"):
            client.score(["text"] * 9)
