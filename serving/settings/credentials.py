"""TLS for gRPC, from the SSLConfig file."""

from __future__ import annotations

import grpc

from serving.errors import StartError
from serving.settings.text_protos import read_ssl_config


def server_credentials(path: str) -> grpc.ServerCredentials:
    """The server's key and certificate; with ``client_verify``, clients must show one of ``custom_ca``'s."""
    config = read_ssl_config(path)
    for field in ("server_key", "server_cert"):
        if "-----BEGIN " not in getattr(config, field):
            raise StartError(
                f"{field} in {path} is not in PEM form: paste the file's contents, newlines as \\n"
            )
    if config.client_verify and not config.custom_ca:
        raise StartError(
            f"{path} has client_verify but no custom_ca: add the certificate that signs the clients'"
        )
    return grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode() or None,
        require_client_auth=config.client_verify,
    )
