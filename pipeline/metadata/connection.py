"""From the ``metadata`` table to a store that answers, or to one line that says why it does not.

ML Metadata's own MySQL client waits for a server without end and says little when it fails; so the
server's greeting is awaited first, with a timeout. A MySQL server speaks first: a packet of 3 bytes of
length, a number, and 10 for protocol version 10 or 255 for an error, after which comes a code of two
bytes and the text (MySQL's client/server protocol, "Connection Phase").
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ml_metadata import errors, metadata_store
from ml_metadata.proto import metadata_store_pb2

from pipeline.errors import MetadataError

if TYPE_CHECKING:
    from pipeline.config import PipelineConfig
    from pipeline.metadata.settings import MetadataConfig

FILE = "metadata.sqlite"
_ERROR_PACKET = 0xFF
_GREETING_BYTES = 4096
_HELD = ("Concurrent writes aborted", "subset of tables", "database is locked")
"""In what ML Metadata says of a file that another process has locked, or is making."""


def connection(
    config: PipelineConfig, environment: Mapping[str, str] = os.environ
) -> metadata_store_pb2.ConnectionConfig:
    """What ML Metadata and TFX connect with; holds the password, so it is not to be written anywhere."""
    found = metadata_store_pb2.ConnectionConfig()
    settings = config.metadata
    if settings.backend == "sqlite":
        found.sqlite.filename_uri = str(_file(config).resolve())
        found.sqlite.connection_mode = metadata_store_pb2.SqliteMetadataSourceConfig.READWRITE_OPENCREATE
        return found
    # MySQL's client takes "localhost" for a socket file, and a port for no matter.
    found.mysql.host = "127.0.0.1" if settings.host == "localhost" else settings.host
    found.mysql.port = settings.port
    found.mysql.database = settings.database
    found.mysql.user = settings.user
    found.mysql.password = environment.get(settings.password_variable, "")
    return found


def exists(config: PipelineConfig) -> bool:
    """Whether there is a store without opening one, which makes it: a server is taken to have one."""
    return config.metadata.backend != "sqlite" or _file(config).exists()


def connect(
    config: PipelineConfig, environment: Mapping[str, str] = os.environ
) -> metadata_store.MetadataStore:
    """The store, which is made when it is not there.

    Raises:
      MetadataError: the server does not answer, or refuses; the file is no database.
    """
    settings = config.metadata
    if settings.backend == "sqlite":
        _file(config).parent.mkdir(parents=True, exist_ok=True)
    else:
        _await_greeting(settings)
    try:
        return metadata_store.MetadataStore(connection(config, environment))
    except (errors.StatusError, RuntimeError) as error:
        raise MetadataError(f"{_what(config)}: {_reason(error)}; {_advice(settings, str(error))}") from error


def _await_greeting(settings: MetadataConfig) -> None:
    where = f"{settings.host}:{settings.port}"
    try:
        with socket.create_connection((str(settings.host), settings.port), settings.timeout_s) as server:
            server.settimeout(settings.timeout_s)
            greeting = server.recv(_GREETING_BYTES)
    except OSError as error:
        why = f"no answer in {settings.timeout_s:g} s" if isinstance(error, TimeoutError) else error
        raise MetadataError(
            f"metadata: MySQL at {where}: {why}; check metadata.host and metadata.port, and that the server "
            "runs and lets this machine in"
        ) from error
    if len(greeting) > 4 and greeting[4] == _ERROR_PACKET:
        raise MetadataError(
            f"metadata: MySQL at {where} refuses: {greeting[7:].decode('utf-8', 'replace').strip()}"
        )
    if len(greeting) < 5 or greeting[4] != 10:
        raise MetadataError(f"metadata: what listens at {where} is not MySQL: check metadata.port")


def _file(config: PipelineConfig) -> Path:
    return Path(config.root, FILE)


def _what(config: PipelineConfig) -> str:
    settings = config.metadata
    if settings.backend == "sqlite":
        return f"metadata: {_file(config)}"
    return (
        f"metadata: MySQL at {settings.host}:{settings.port}, database {settings.database}, "
        f"user {settings.user}"
    )


def _reason(error: Exception) -> str:
    """ML Metadata's text, of which the start says what is wrong; its MySQL client may give none."""
    text = " ".join(str(error).split()).rsplit(" query: ", 1)[0][:200]
    return "cannot sign in" if text.startswith("mysql_real_connect failed: errno: , ") else text


def _advice(settings: MetadataConfig, text: str) -> str:
    if "is greater than library version" in text:
        return "a newer version wrote it, and nothing is damaged: use that version, or another output.root"
    if settings.backend == "sqlite" and any(said in text for said in _HELD):
        return "another process holds the file, or is making it: try again once that has ended"
    if settings.backend == "sqlite":
        return "if the file is damaged, move it away: the next run begins a new one"
    return (
        f"check metadata.user, metadata.database and the password in ${settings.password_variable}, and that "
        "the user signs in by mysql_native_password, which ML Metadata's client needs"
    )
