"""Every file of the folder, against the schema of what reads it."""

import json

import jsonschema
import kubernetes_validate
import pytest
import yaml

from serving.errors import StartError
from serving.settings.flags import parse_flags
from serving.tensorflow_serving import folder
from serving.tensorflow_serving.dockerfile import build_command, dockerfile
from serving.tensorflow_serving.storage import Bucket, LocalFolder, VolumeClaim, storage_of

SETTINGS = [
    {},
    {
        "batching": {"enabled": True, "allowed_batch_sizes": (8, 32)},
        "prometheus": False,
        "namespace": "poems",
    },
    {"storage_uri": "gs://bucket/poet", "service_account": "reader", "labels": {"stable": 1}},
    {
        "storage_uri": "pvc://models.claim/a/b",
        "version_policy": "all",
        "resources": {"cpu": 0.5, "cpu_limit": 2.0},
    },
    {"version_policy": "specific", "versions": (1, 2), "port": 9000, "rest_api_port": 9001},
]
STOCK_FLAGS = {
    *("port", "rest_api_port", "model_config_file", "model_config_file_poll_wait_seconds"),
    *(
        "allow_version_labels_for_unavailable_models",
        "file_system_poll_wait_seconds",
        "rest_api_timeout_in_ms",
    ),
    *(
        "tensorflow_session_parallelism",
        "monitoring_config_file",
        "enable_batching",
        "batching_parameters_file",
    ),
}
"""Of those in tensorflow_serving/model_servers/main.cc, 2.19.1 and 2.20.0, the ones in use."""


def rendered(server, uri="s3://bucket/poet"):
    names = [model.name for model in server.models]
    contents = folder.files(server, {n: f"/srv/{n}" for n in names}, dict.fromkeys(names, uri))
    return {name: yaml.safe_load(text) if name.endswith(".yaml") else text for name, text in contents.items()}


def container(files):
    return files["kubernetes/deployment.yaml"]["spec"]["template"]["spec"]["containers"][0]


@pytest.mark.parametrize("settings", SETTINGS)
def test_every_manifest_is_kubernetes_own_and_composes_the_specifications(server, check, settings):
    files = rendered(server("poet", "clerk", **settings))
    check.compose(files["compose.yaml"])
    manifests = {name.removeprefix("kubernetes/") for name in files if name.startswith("kubernetes/")}
    listed = files["kubernetes/kustomization.yaml"]["resources"]
    assert manifests == {"kustomization.yaml", *listed}
    for name in listed:
        check.kubernetes(files[f"kubernetes/{name}"])
    assert [files[f"kubernetes/{name}"]["kind"] for name in listed] == [
        "ConfigMap",
        "Deployment",
        "Service",
        "HorizontalPodAutoscaler",
    ]


@pytest.mark.parametrize("settings", SETTINGS)
def test_kserves_objects_have_its_fields_and_an_object_serves_one_model(server, check, settings):
    settings = {**settings, "kind": "kserve", "storage_uri": "s3://bucket/poet"}
    files = rendered(server("poet", "clerk", **settings))
    for name in ("poet", "clerk"):
        check.kubernetes(files[f"kubernetes/{name}-configmap.yaml"])
        service = files[f"kubernetes/{name}-inferenceservice.yaml"]
        check.kserve(service)
        predictor = service["spec"]["predictor"]
        assert predictor["model"]["storageUri"] == "s3://bucket/poet"
        assert predictor["model"]["runtimeVersion"] == "2.19.1"
        assert predictor["volumes"][0]["configMap"]["name"] == f"{name}-config"
        entry = files[f"kubernetes/{name}-configmap.yaml"]["data"]["models.config"]
        assert f'name: "{name}"' in entry
        assert 'base_path: "/mnt/models"' in entry


def test_an_image_of_ones_own_takes_the_place_of_the_runtimes(server):
    settings = {"kind": "kserve", "storage_uri": "s3://bucket/poet"}
    files = rendered(server(image="mine/serving:1", **settings))
    model = files["kubernetes/poet-inferenceservice.yaml"]["spec"]["predictor"]["model"]
    assert model["image"] == "mine/serving:1"
    assert "runtimeVersion" not in model


def test_the_schemas_refuse_a_field_that_is_none(server, check):
    files = rendered(server())
    files["compose.yaml"]["services"]["poet"]["comand"] = []
    with pytest.raises(jsonschema.ValidationError, match="comand"):
        check.compose(files["compose.yaml"])
    container(files)["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        check.kubernetes(files["kubernetes/deployment.yaml"])
    service = rendered(server(kind="kserve", storage_uri="s3://a/b"))["kubernetes/poet-inferenceservice.yaml"]
    service["spec"]["predictor"]["model"]["storageURI"] = "s3://a/b"
    with pytest.raises(jsonschema.ValidationError, match="storageURI"):
        check.kserve(service)


@pytest.mark.parametrize("settings", SETTINGS)
def test_one_list_of_flags_runs_the_server_everywhere_and_both_servers_know_each(server, settings):
    stock = server(**settings)
    files = rendered(stock)
    command = next(line for line in files["Dockerfile"].splitlines() if line.startswith("CMD "))
    assert json.loads(command.removeprefix("CMD ")) == stock.flags()
    assert files["compose.yaml"]["services"]["poet"]["command"] == stock.flags()
    assert container(files)["args"] == stock.flags()
    assert {flag.removeprefix("--").partition("=")[0] for flag in stock.flags()} <= STOCK_FLAGS
    config = parse_flags(stock.flags())
    assert (config.port, config.rest_api_port) == (stock.settings.port, stock.settings.rest_api_port)
    assert config.enable_batching == stock.settings.batching.enabled


def test_the_dockerfile_is_linted_and_puts_local_models_into_the_image(server, check, tmp_path):
    stock = server("poet", "clerk")
    path = tmp_path / "Dockerfile"
    path.write_text(dockerfile(stock))
    assert check.complaints(path) == []
    assert "COPY --from=clerk --chown=10001:10001 . /models/clerk/" in path.read_text()
    assert path.read_text().splitlines()[1] == "FROM tensorflow/serving:2.19.1"
    assert build_command(stock, "out") == (
        "docker build --build-context=poet=/srv/poet --build-context=clerk=/srv/clerk -t lexmill-poet:3 out"
    )
    path.write_text(dockerfile(stock).replace("USER", "USR"))
    assert check.complaints(path)


def test_models_elsewhere_are_not_put_into_the_image(server):
    stock = server(storage_uri="gs://bucket/poet")
    assert "COPY --from" not in dockerfile(stock)
    assert container(rendered(stock))["image"] == "tensorflow/serving:2.19.1"
    assert container(rendered(server()))["image"] == "lexmill-poet:3"


def test_a_volume_is_mounted_where_the_models_file_says(server):
    files = rendered(server("poet", storage_uri="pvc://models.claim/a/b"))
    pod = files["kubernetes/deployment.yaml"]["spec"]["template"]["spec"]
    assert {
        "name": "models-models-claim",
        "mountPath": "/models/poet",
        "readOnly": True,
        "subPath": "a/b",
    } in (pod["containers"][0]["volumeMounts"])
    assert pod["volumes"][-1]["persistentVolumeClaim"] == {"claimName": "models.claim", "readOnly": True}
    assert 'base_path: "/models/poet"' in files["models.config"]
    mounts = files["compose.yaml"]["services"]["poet"]["volumes"]
    assert {"type": "bind", "source": "/srv/poet", "target": "/models/poet", "read_only": True} in mounts


def test_the_objects_name_each_other(server):
    files = rendered(server(namespace="poems"))
    deployment, service = files["kubernetes/deployment.yaml"], files["kubernetes/service.yaml"]
    pod_labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert deployment["spec"]["selector"]["matchLabels"] == pod_labels == service["spec"]["selector"]
    assert {port["targetPort"] for port in service["spec"]["ports"]} == {
        port["name"] for port in container(files)["ports"]
    }
    target = files["kubernetes/autoscaler.yaml"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", deployment["metadata"]["name"])
    assert "replicas" not in deployment["spec"]
    volume = deployment["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"]
    assert files["kubernetes/configmap.yaml"]["metadata"]["name"] == volume
    kinds = [
        files[f"kubernetes/{name}.yaml"] for name in ("configmap", "deployment", "service", "autoscaler")
    ]
    assert {manifest["metadata"]["namespace"] for manifest in kinds} == {"poems"}


def test_the_container_is_probed_and_has_no_rights(server):
    found = container(rendered(server(start_timeout_s=301)))
    startup = found["startupProbe"]
    assert startup["periodSeconds"] * startup["failureThreshold"] >= 301
    assert (
        startup["httpGet"]
        == found["readinessProbe"]["httpGet"]
        == {"path": "/v1/models/poet", "port": "http"}
    )
    assert found["livenessProbe"]["tcpSocket"] == {"port": "http"}
    context = found["securityContext"]
    assert context["runAsNonRoot"]
    assert context["runAsUser"] == 10001
    assert context["readOnlyRootFilesystem"]
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert found["resources"]["limits"] == {"memory": "2000M"}
    service = rendered(server())["compose.yaml"]["services"]["poet"]
    assert (service["read_only"], service["user"], service["cap_drop"]) == (True, "10001:10001", ["ALL"])
    assert service["ports"] == ["127.0.0.1:8500:8500", "127.0.0.1:8501:8501"]


def test_another_batching_file_starts_the_pods_anew_and_another_label_does_not(server):
    def digest(**settings):
        files = rendered(server(**settings))
        template = files["kubernetes/deployment.yaml"]["spec"]["template"]
        return template["metadata"]["annotations"]["lexmill/config-sha256"]

    assert digest() == digest(labels={"stable": 1})
    assert digest() != digest(batching={"max_batch_size": 16})


def test_writing_again_keeps_what_else_is_in_the_folder(server, tmp_path):
    (tmp_path / "kubernetes").mkdir()
    (tmp_path / "kubernetes" / "ingress.yaml").write_text("mine")
    folder.write(folder.files(server(), {"poet": "/srv/poet"}, {}), tmp_path)
    assert (tmp_path / "kubernetes" / "ingress.yaml").read_text() == "mine"
    assert yaml.safe_load((tmp_path / "compose.yaml").read_text())["name"] == "lexmill-poet"


@pytest.mark.parametrize(
    ("uri", "storage"),
    [
        (None, LocalFolder("/srv/poet")),
        ("gs://bucket/a/", Bucket("gs://bucket/a")),
        ("pvc://claim", VolumeClaim("claim", "")),
        ("pvc://claim/a/b/", VolumeClaim("claim", "a/b")),
    ],
)
def test_a_storage_uri_says_where_the_versions_are(uri, storage):
    assert storage_of(uri, "/srv/poet") == storage


@pytest.mark.parametrize("uri", ["s3://bucket/a", "hdfs://a/b", "pvc://Bad_Name/a"])
def test_what_the_stock_server_cannot_read_is_refused(uri):
    with pytest.raises(StartError, match=r"the stock server cannot read .*: use gs://"):
        storage_of(uri, "/srv/poet")


def test_a_name_that_kubernetes_would_refuse_is_refused(server):
    with pytest.raises(StartError, match="'poet-' ends with '-'"):
        server("poet-")
