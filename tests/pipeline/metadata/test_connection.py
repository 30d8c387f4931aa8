"""How the metadata store is reached, and what is said when it is not."""

import contextlib
import socket
import sqlite3
import threading
import time

import pytest
from ml_metadata import errors

from pipeline.config import load
from pipeline.errors import ConfigError, MetadataError
from pipeline.metadata import connection

MYSQL = ["metadata.backend=mysql", "metadata.host=db.example", "metadata.user=trainer"]


def _load(*overrides):
    return load("tiny", list(overrides))


@pytest.fixture
def listen():
    """A server that answers a connection with these bytes, or with nothing while it lasts; gives its port."""
    servers = []

    def start(greeting):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve():
            client, _ = server.accept()
            servers.append(client)
            if greeting is not None:
                client.sendall(greeting)
                client.close()

        threading.Thread(target=serve, daemon=True).start()
        return server.getsockname()[1]

    yield start
    for each in servers:
        each.close()


def _of_port(port, *more):
    return _load(*MYSQL[:1], "metadata.user=u", "metadata.host=127.0.0.1", f"metadata.port={port}", *more)


def test_the_default_is_a_file_in_the_pipelines_folder(tmp_path):
    found = connection.connection(_load(f"output.root={tmp_path}"))
    assert found.WhichOneof("config") == "sqlite"
    assert found.sqlite.filename_uri == f"{tmp_path}/tiny/metadata.sqlite"


def test_a_server_comes_from_the_table_and_its_password_from_the_environment():
    config = _load(
        *MYSQL, "metadata.database=runs", "metadata.port=3307", "metadata.password_variable=MY_WORD"
    )
    found = connection.connection(config, {"MY_WORD": "pass", "LEXMILL_METADATA_PASSWORD": "other"}).mysql
    assert (found.host, found.port, found.database) == ("db.example", 3307, "runs")
    assert (found.user, found.password) == ("trainer", "pass")
    assert "pass" not in config.model_dump_json().replace("password_variable", "")


def test_a_server_on_this_machine_is_reached_by_its_port():
    assert connection.connection(_load(*MYSQL, "metadata.host=localhost"), {}).mysql.host == "127.0.0.1"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["metadata.backend=mysql"], r'metadata: backend = "mysql" needs host and user'),
        (["metadata.host=db"], r'metadata: host: only with backend = "mysql"'),
        (
            [*MYSQL, "metadata.password=x"],
            r"metadata.password: no such field: did you mean password_variable\?",
        ),
        ([*MYSQL, "metadata.port=0"], r"metadata.port = 0: Input should be greater than or equal to 1"),
        ([*MYSQL, "metadata.database=a/b"], r"metadata.database = 'a/b': "),
        (
            ["metadata.backend=postgres"],
            r"metadata.backend = 'postgres': Input should be 'sqlite' or 'mysql'",
        ),
    ],
)
def test_what_is_wrong_in_the_table_is_told_when_it_is_read(overrides, message):
    with pytest.raises(ConfigError, match=message):
        _load(*overrides)


def test_a_server_that_says_nothing_is_given_up_after_the_timeout(listen):
    port = listen(None)
    started = time.monotonic()
    with pytest.raises(
        MetadataError, match=rf"^metadata: MySQL at 127.0.0.1:{port}: no answer in 0.2 s; check"
    ):
        connection.connect(_of_port(port, "metadata.timeout_s=0.2"), {})
    assert time.monotonic() - started < 60


def test_a_port_where_nothing_listens_is_one_line():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(
        MetadataError, match=rf"^metadata: MySQL at 127.0.0.1:{port}: .*Connection refused; check"
    ):
        connection.connect(_of_port(port), {})


@pytest.mark.parametrize(
    ("greeting", "message"),
    [
        (b"HTTP/1.1 400 Bad Request\r\n", r"what listens at 127.0.0.1:\d+ is not MySQL: check metadata.port"),
        (b"", "is not MySQL"),
        (b"\x1c\x00\x00\x00\xff\x10\x04Too many connections", r"refuses: Too many connections$"),
    ],
)
def test_what_is_no_mysql_or_turns_away_is_told(listen, greeting, message):
    with pytest.raises(MetadataError, match=message) as raised:
        connection.connect(_of_port(listen(greeting)), {})
    assert "\n" not in str(raised.value)


def test_a_file_that_is_no_database_is_one_line(tmp_path):
    config = _load(f"output.root={tmp_path}")
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / connection.FILE).write_text("not a database, and longer than its header is " * 9)
    line = r"^metadata: .*/tiny/metadata.sqlite: .*file is not a database; if the file is damaged, move it"
    with pytest.raises(MetadataError, match=line) as raised:
        connection.connect(config)
    assert "CREATE TABLE" not in str(raised.value)


@pytest.fixture
def store(tmp_path):
    """A store with its tables, and its file."""
    config = _load(f"output.root={tmp_path}")
    connection.connect(config)
    return config, tmp_path / "tiny" / connection.FILE


def test_a_file_of_a_newer_version_is_not_called_damaged(store):
    config, file = store
    with contextlib.closing(sqlite3.connect(file)) as database:
        database.execute("UPDATE MLMDEnv SET schema_version = 999")
        database.commit()
    with pytest.raises(MetadataError, match=r"version 999 .*; a newer version wrote it") as raised:
        connection.connect(config)
    assert "move it away" not in str(raised.value)


@pytest.mark.parametrize(
    "said",
    [
        "Concurrent writes aborted after max number of retries.",
        "There are a subset of tables in MLMD instance. This may be due to concurrent connection to the",
    ],
)
def test_a_file_that_another_process_holds_is_not_called_damaged(store, monkeypatch, said):
    """What ML Metadata says, after 20 s, of a file that another process has locked."""

    def refuse(_):
        raise errors.AbortedError(said)

    monkeypatch.setattr(connection.metadata_store, "MetadataStore", refuse)
    with pytest.raises(MetadataError, match=r"; another process holds the file, .*: try again") as raised:
        connection.connect(store[0])
    assert "move it away" not in str(raised.value)


def test_looking_for_a_store_makes_none(tmp_path):
    config = _load(f"output.root={tmp_path}")
    assert not connection.exists(config)
    assert not list(tmp_path.iterdir())
    connection.connect(config)
    assert connection.exists(config)
