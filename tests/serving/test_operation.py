"""What an operator sees: metrics, health, reflection, TLS, CORS, limits, a stop."""

import asyncio
import contextlib
import dataclasses
import datetime
import http.server
import ipaddress
import json
import ssl
import threading
import time
import urllib.error
import urllib.request

import grpc
import pytest
import tensorflow as tf
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from tensorflow_serving.apis import get_model_status_pb2, model_pb2, model_service_pb2_grpc, predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc as services

from serving.client import AsyncClient, AsyncRestClient, Client, RestClient, Retries
from serving.clients import http_connections
from serving.errors import StartError, UnavailableError
from serving.server import Server


def predict_body(value=1.0):
    return json.dumps({"inputs": [value]}).encode()


def rest(server, path, body=None, timeout=20, **headers):
    request = urllib.request.Request(server.rest_url + path, body, headers)
    try:
        with urllib.request.urlopen(request, timeout=timeout) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def predict_request(name="numeric"):
    request = predict_pb2.PredictRequest(model_spec=model_pb2.ModelSpec(name=name))
    request.inputs["x"].CopyFrom(tf.make_tensor_proto([1.0]))
    return request


def status_request():
    return get_model_status_pb2.GetModelStatusRequest(model_spec=model_pb2.ModelSpec(name="numeric"))


def with_file(config, field, path, text):
    path.write_text(text)
    return dataclasses.replace(config, **{field: str(path)})


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("prometheus_config { enable: true }", "/monitoring/prometheus/metrics"),
        ('prometheus_config { enable: true path: "/v1/numbers" }', "/v1/numbers"),
    ],
)
def test_the_metrics_are_on_their_page(numeric_dir, config, tmp_path, text, path):
    settings = with_file(config("numeric", numeric_dir), "monitoring_config_file", tmp_path / "m", text)
    with Server(settings) as server:
        assert rest(server, "/v1/models/numeric:predict", predict_body())[0] == 200
        assert rest(server, "/v1/models/q:predict", predict_body())[0] == 404
        with grpc.insecure_channel(server.grpc_address) as channel:
            services.PredictionServiceStub(channel).Predict(predict_request())
        status, page = rest(server, path)
    assert status == 200
    lines = page.splitlines()
    assert ':tensorflow:serving:request_count{model_name="numeric",status="OK"} 2' in lines
    assert ':tensorflow:serving:request_count{model_name="q",status="NOT_FOUND"} 1' in lines
    for entrypoint in ("REST", "GRPC"):
        labels = f'model_name="numeric",API="{"predict" if entrypoint == "REST" else "Predict"}"'
        count = f':tensorflow:serving:request_latency_count{{{labels},entrypoint="{entrypoint}"}} 1'
        assert count in lines
    runs = 'model_name="numeric",version="3",API="Predict",signature="serving_default"'
    assert f":lexmill:serving:version_request_count{{{runs}}} 2" in lines


@pytest.mark.parametrize("text", ["", "prometheus_config { enable: false }"])
def test_there_is_no_page_of_metrics_unless_it_is_asked_for(numeric_dir, config, tmp_path, text):
    settings = with_file(config("numeric", numeric_dir), "monitoring_config_file", tmp_path / "m", text)
    with Server(settings) as server:
        assert rest(server, "/monitoring/prometheus/metrics")[0] == 404


def test_health_and_reflection_are_there_when_asked_for(numeric_dir, config):
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

    settings = dataclasses.replace(
        config("numeric", numeric_dir), enable_grpc_healthcheck_service=True, enable_grpc_reflection=True
    )
    with Server(settings) as server, grpc.insecure_channel(server.grpc_address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "ModelService", "PredictionService", "tensorflow.serving.PredictionService"):
            assert health.Check(health_pb2.HealthCheckRequest(service=name)).status == 1
        with pytest.raises(grpc.RpcError):
            health.Check(health_pb2.HealthCheckRequest(service="other"))
        asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
        (answer,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked)
        names = {service.name for service in answer.list_services_response.service}
        assert {"tensorflow.serving.PredictionService", "tensorflow.serving.ModelService"} <= names


def test_without_the_flags_there_is_neither(numeric_server):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    with (
        grpc.insecure_channel(numeric_server.grpc_address) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


SIGNS = x509.KeyUsage(
    key_cert_sign=True, crl_sign=True, digital_signature=False, content_commitment=False,
    key_encipherment=False, data_encipherment=False, key_agreement=False, encipher_only=False,
    decipher_only=False,
)  # fmt: skip


class Authority:
    """A key that signs certificates for 127.0.0.1."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.certificate = self.sign(self.key.public_key(), self.name, is_authority=True)

    def sign(self, public_key, subject, is_authority=False):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
                critical=False,
            )
            # Python 3.13 asks that certificates say what RFC 5280 wants said.
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False
            )
        )
        if is_authority:
            builder = builder.add_extension(SIGNS, critical=True)
        certificate = builder.sign(self.key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM)

    def issue(self, name):
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return pem, self.sign(key.public_key(), subject)


def ssl_config(authority, client_verify):
    key, certificate = authority.issue("server")
    fields = {"server_key": key, "server_cert": certificate, "custom_ca": authority.certificate}
    lines = [f"{name}: {json.dumps(value.decode())}" for name, value in fields.items()]
    return "\n".join([*lines, f"client_verify: {'true' if client_verify else 'false'}"])


def asks(address, credentials):
    with grpc.secure_channel(address, credentials) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        return stub.GetModelStatus(status_request(), timeout=5).model_version_status[0].version


def states_by_clients(address, **options):
    """The newest version, as the blocking and the awaited client have it."""

    async def ask():
        async with AsyncClient(address, "numeric", **options) as client:
            return (await client.model_status(timeout_s=5))[0].version

    with Client(address, "numeric", **options) as client:
        return [client.model_status(timeout_s=5)[0].version, asyncio.run(ask())]


def test_the_clients_speak_rest_over_tls_with_a_server_that_they_trust(tmp_path, monkeypatch):
    """Such as a proxy before the REST port; whom to trust is in the file that SSL_CERT_FILE names."""
    authority = Authority()
    key, certificate = authority.issue("server")
    (tmp_path / "server.pem").write_bytes(key + certificate)
    (tmp_path / "authority.pem").write_bytes(authority.certificate)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "server.pem")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Status) as server:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        url = f"https://127.0.0.1:{server.server_port}"
        once = Retries(max_tries=1)
        try:
            http_connections._tls.cache_clear()
            with pytest.raises(UnavailableError, match=r"(?i)certificate.verify.failed"):
                RestClient(url, "m", retries=once).model_status()
            http_connections._tls.cache_clear()
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
            assert RestClient(url, "m", retries=once).model_status()[0].version == 8
            assert asyncio.run(AsyncRestClient(url, "m", retries=once).model_status())[0].version == 8
        finally:
            http_connections._tls.cache_clear()
            server.shutdown()


class Status(http.server.BaseHTTPRequestHandler):
    """Answers with one version."""

    def do_GET(self):
        status = {"version": "8", "state": "AVAILABLE", "status": {"error_message": ""}}
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({"model_version_status": [status]}).encode())

    def log_message(self, *args):
        pass


def test_grpc_speaks_tls_and_knows_its_clients(numeric_dir, config, tmp_path):
    authority, stranger = Authority(), Authority()
    trusting = grpc.ssl_channel_credentials(authority.certificate)
    plain = config("numeric", numeric_dir)
    open_to_all = with_file(plain, "ssl_config_file", tmp_path / "open", ssl_config(authority, False))
    with Server(open_to_all) as server:
        assert asks(server.grpc_address, trusting) == 3
        with pytest.raises(grpc.RpcError):
            asks(server.grpc_address, grpc.ssl_channel_credentials(stranger.certificate))
        with grpc.insecure_channel(server.grpc_address) as channel, pytest.raises(grpc.RpcError):
            model_service_pb2_grpc.ModelServiceStub(channel).GetModelStatus(status_request(), timeout=5)
        assert states_by_clients(server.grpc_address, credentials=trusting) == [3, 3]
        with pytest.raises(UnavailableError):
            states_by_clients(server.grpc_address, retries=Retries(max_tries=1))
    verifying = with_file(plain, "ssl_config_file", tmp_path / "closed", ssl_config(authority, True))
    with Server(verifying) as server:
        known = grpc.ssl_channel_credentials(authority.certificate, *authority.issue("client"))
        unknown = grpc.ssl_channel_credentials(authority.certificate, *stranger.issue("client"))
        assert asks(server.grpc_address, known) == 3
        for credentials in (trusting, unknown):
            with pytest.raises(grpc.RpcError):
                asks(server.grpc_address, credentials)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('server_key: "k" server_cert: "c"', "server_key in .* is not in PEM form"),
        (
            'server_key: "-----BEGIN x" server_cert: "-----BEGIN x" client_verify: true',
            "client_verify but no custom_ca",
        ),
    ],
)
def test_tls_that_cannot_be_is_refused_with_the_reason(numeric_dir, config, tmp_path, text, message):
    settings = with_file(config("numeric", numeric_dir), "ssl_config_file", tmp_path / "ssl", text)
    with pytest.raises(StartError, match=message):
        Server(settings).start()


def test_pages_of_other_origins_may_ask_when_allowed_to(numeric_dir, config):
    settings = dataclasses.replace(config("numeric", numeric_dir), rest_api_enable_cors_support=True)
    with Server(settings) as server:
        with urllib.request.urlopen(f"{server.rest_url}/v1/models/numeric", timeout=20) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "*"
        url = f"{server.rest_url}/v1/models/numeric:predict"
        preflight = urllib.request.Request(url, headers={"Origin": "https://a"}, method="OPTIONS")
        with urllib.request.urlopen(preflight, timeout=20) as response:
            assert response.headers["Access-Control-Allow-Methods"] == "POST, GET"
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(urllib.request.Request(url, method="OPTIONS"), timeout=20)
        caught.value.close()
        assert caught.value.code == 400


class Held:
    """The numeric model's default signature, held up until ``go_on``."""

    def __init__(self, server):
        self.entered, self.go_on = threading.Semaphore(0), threading.Event()
        with server.models.acquire(model_pb2.ModelSpec(name="numeric")) as lease:
            servable = lease.servable

        def run(feeds, call):
            self.entered.release()
            self.go_on.wait(20)
            return servable.run_graph("serving_default", feeds)

        servable.set_runner("serving_default", run)


def test_what_is_too_much_is_refused_at_once_over_both_protocols(numeric_dir, config):
    settings = dataclasses.replace(config("numeric", numeric_dir), max_requests=2)
    with Server(settings) as server, grpc.insecure_channel(server.grpc_address) as channel:
        stub = services.PredictionServiceStub(channel)
        held = Held(server)
        answers = []
        ask = [
            lambda: answers.append(rest(server, "/v1/models/numeric:predict", predict_body())[0]),
            lambda: answers.append(stub.Predict(predict_request(), timeout=20).outputs["y"].float_val[0]),
        ]
        threads = [threading.Thread(target=one) for one in ask]
        for thread in threads:
            thread.start()
        assert held.entered.acquire(timeout=10)
        assert held.entered.acquire(timeout=10)
        status, body = rest(server, "/v1/models/numeric:predict", predict_body(), timeout=2)
        assert status == 429
        assert "2 requests under way" in body
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(predict_request(), timeout=2)
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        # Whoever watches the server still hears that it lives.
        assert rest(server, "/v1/models/numeric", timeout=2)[0] == 200
        held.go_on.set()
        for thread in threads:
            thread.join()
        assert sorted(answers) == [2.0, 200]
        assert rest(server, "/v1/models/numeric:predict", predict_body())[0] == 200


def test_a_rest_request_that_takes_too_long_is_504(numeric_dir, config):
    settings = dataclasses.replace(config("numeric", numeric_dir), rest_api_timeout_in_ms=200)
    with Server(settings) as server:
        held = Held(server)
        status, body = rest(server, "/v1/models/numeric:predict", predict_body())
        assert (status, json.loads(body)) == (504, {"error": "Timed out waiting for notification"})
        held.go_on.set()


def test_a_stop_is_bounded_even_if_a_request_never_ends(numeric_dir, config):
    settings = dataclasses.replace(config("numeric", numeric_dir), stop_grace_s=0.3)
    server = Server(settings).start()
    held = Held(server)

    def ask():
        with contextlib.suppress(OSError):
            rest(server, "/v1/models/numeric:predict", predict_body())

    asker = threading.Thread(target=ask)
    asker.start()
    assert held.entered.acquire(timeout=10)
    begun_s = time.monotonic()
    server.stop()
    assert time.monotonic() - begun_s < 5.0
    held.go_on.set()
    asker.join()


def test_a_stop_is_bounded_even_if_a_load_never_ends(numeric_dir, config):
    settings = dataclasses.replace(config("numeric", numeric_dir), stop_grace_s=0.2)
    server = Server(settings).start()
    loading, go_on = threading.Event(), threading.Event()
    poll = server._catalog.repository("numeric").poll

    def slow_poll():
        loading.set()
        go_on.wait(20)
        return poll()

    server._catalog.repository("numeric").poll = slow_poll
    assert loading.wait(10)
    begun_s = time.monotonic()
    server.stop()
    assert time.monotonic() - begun_s < 5.0
    go_on.set()
