import pytest

from serving.errors import StartError
from serving.settings import text_protos


def test_each_file_is_read(tmp_path):
    file = tmp_path / "file"
    file.write_text('server_key: "k" server_cert: "c" client_verify: true')
    ssl = text_protos.read_ssl_config(str(file))
    assert (ssl.server_key, ssl.server_cert, ssl.custom_ca, ssl.client_verify) == ("k", "c", "", True)
    file.write_text('prometheus_config { enable: true path: "/metrics" }')
    monitoring = text_protos.read_monitoring_config(str(file)).prometheus_config
    assert (monitoring.enable, monitoring.path) == (True, "/metrics")
    file.write_text('# a comment\nmodel_config_list: { config: { name: "m" base_path: "/m" } }')
    assert text_protos.read_models_config(str(file)).model_config_list.config[0].name == "m"


def test_a_file_that_is_not_there_or_no_text_proto_is_named_with_its_place(tmp_path):
    with pytest.raises(
        StartError, match=r"cannot read .*/none: .*expected a SSLConfig in protobuf's text format"
    ):
        text_protos.read_ssl_config(str(tmp_path / "none"))
    file = tmp_path / "file"
    file.write_text("\nmax_batch_sise { value: 3 }")
    with pytest.raises(
        StartError, match=r"/file is no BatchingParameters .*2:1.*its fields are max_batch_size, "
    ):
        text_protos.read_batching_parameters(str(file))
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(StartError, match="/file"):
        text_protos.read_monitoring_config(str(file))
