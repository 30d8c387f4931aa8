"""The records on a MySQL server: a MariaDB of the system's, where there is one."""

import shutil
import socket
import subprocess
import time

import pytest
from ml_metadata.proto import metadata_store_pb2 as mlmd
from tfx.dsl.compiler import constants

from pipeline.config import load
from pipeline.errors import MetadataError
from pipeline.metadata import connection
from pipeline.metadata.store import CACHED, DONE, Store

PASSWORD = "s3cret!"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Its port; one user, ``trainer``."""
    if not shutil.which("mariadbd") or not shutil.which("mariadb-install-db"):
        pytest.skip("no MariaDB here: apt-get install mariadb-server-core")
    folder = tmp_path_factory.mktemp("mariadb")
    data = folder / "data"
    with (folder / "log.txt").open("wb") as log:
        subprocess.run(
            ["mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db", "--user=root",
             "--auth-root-authentication-method=normal"],
            check=True, stdout=log, stderr=log,
        )  # fmt: skip
        grant = f"CREATE USER trainer@'%' IDENTIFIED BY '{PASSWORD}'; GRANT ALL ON *.* TO trainer@'%';"
        (folder / "init.sql").write_text(grant.replace("; ", ";\n") + "\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen(
            ["mariadbd", "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
             f"--socket={folder}/s", f"--init-file={folder}/init.sql", "--user=root"],
            stdout=log, stderr=log,
        )  # fmt: skip
    deadline = time.monotonic() + 60
    while True:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                break
        assert process.poll() is None, (folder / "log.txt").read_text()
        assert time.monotonic() < deadline
        time.sleep(0.1)
    yield port
    process.terminate()
    process.wait(30)


def _config(tmp_path, port, name="tiny", **table):
    values = {"backend": "mysql", "host": "localhost", "port": port, "user": "trainer", **table}
    overrides = [f"metadata.{field}={value}" for field, value in values.items()]
    return load("tiny", [f"output.root={tmp_path}", f"name={name}", *overrides])


def _record(config, run_id, state, environment):
    store = connection.connect(config, environment)
    types = [
        store.put_context_type(mlmd.ContextType(name=name))
        for name in (constants.PIPELINE_CONTEXT_TYPE_NAME, constants.PIPELINE_RUN_CONTEXT_TYPE_NAME)
    ]
    contexts = [
        mlmd.Context(type_id=type_id, name=name)
        for type_id, name in zip(types, (config.name, run_id), strict=True)
    ]
    stage = store.put_execution_type(mlmd.ExecutionType(name="components.Pusher"))
    made = store.put_artifact_type(mlmd.ArtifactType(name="PushedModel"))
    event = mlmd.Event(type=mlmd.Event.OUTPUT)
    event.path.steps.add(key="pushed_model")
    artifact = mlmd.Artifact(type_id=made, uri="/pushed/1")
    artifact.custom_properties["pushed_version"].string_value = "7"
    execution = mlmd.Execution(type_id=stage, last_known_state=state)
    store.put_execution(execution, [(artifact, event)], contexts, True)


def test_a_server_keeps_the_runs_of_several_pipelines_apart(server, tmp_path):
    environment = {"LEXMILL_METADATA_PASSWORD": PASSWORD}
    one, other = _config(tmp_path, server), _config(tmp_path, server, "other")
    _record(one, "20260201-000000-000", mlmd.Execution.COMPLETE, environment)
    _record(one, "20260202-000000-000", mlmd.Execution.CACHED, environment)
    _record(other, "20260203-000000-000", mlmd.Execution.COMPLETE, environment)

    store = Store(one, environment)

    assert store.run_ids() == ["20260202-000000-000", "20260201-000000-000"]
    assert Store(other, environment).run_ids() == ["20260203-000000-000"]
    [execution] = store.executions("20260202-000000-000")
    [artifact] = execution.outputs["pushed_model"]
    assert (execution.stage, execution.state) == ("Pusher", CACHED)
    assert (artifact.type, artifact.uri, artifact.properties) == (
        "PushedModel",
        "/pushed/1",
        {"pushed_version": "7"},
    )
    [first] = store.executions("20260201-000000-000")
    assert first.state == DONE
    assert store.run_id_of(first.id) == "20260201-000000-000"
    assert not list(tmp_path.iterdir())  # Nothing is written beside the server.


def test_a_wrong_password_is_one_line_that_does_not_show_it(server, tmp_path):
    who = rf"MySQL at localhost:{server}, database lexmill, user trainer"
    line = rf"^metadata: {who}: cannot sign in; .* the password in \$OTHER, "
    config = _config(tmp_path, server, password_variable="OTHER")
    with pytest.raises(MetadataError, match=line) as raised:
        Store(config, {"OTHER": "wrong-word"})
    assert "wrong-word" not in str(raised.value)
