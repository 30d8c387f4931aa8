"""The server's command line: the flags of tensorflow_model_server, read into a ServerConfig.

Every field of the configuration is a flag, and a flag may be written as there: ``--name
value``, ``--name=value``, and for switches ``--name``, ``--name=true`` or ``--name=false``.
Flags that only tune what this server does not have are accepted, so that one command line
suits both.
"""

from __future__ import annotations

import argparse
import dataclasses
from typing import Any

from serving.settings.server_config import ServerConfig

WITHOUT_EFFECT = (
    *("num_load_threads", "num_unload_threads", "flush_filesystem_caches", "grpc_max_threads"),
    *("rest_api_num_threads", "remove_unused_fields_from_bundle_metagraph", "enable_profiler"),
)
"""Flags of tensorflow_model_server that change nothing a client sees."""

_HELP = {
    "model_name": "the NAME in /v1/models/NAME",
    "model_base_path": "the folder whose integer-named subfolders are versions",
    "model_config_file": "text ModelServerConfig: several models, version policies, labels",
    "model_config_file_poll_wait_seconds": "time between looks at that file; 0: read once",
    "allow_version_labels_for_unavailable_models": "a new label may name a version that is not loaded",
    "host": "the address to listen on",
    "port": "gRPC port; 0 picks a free one",
    "rest_api_port": "REST port; 0 picks a free one",
    "rest_api_timeout_in_ms": "a REST request that takes longer is answered with 504; 0: no limit",
    "rest_api_enable_cors_support": "let web pages of other origins call the REST API",
    "ssl_config_file": "text SSLConfig: TLS for gRPC, client certificates",
    "grpc_channel_arguments": "comma-separated, such as grpc.max_connection_age_ms=2000",
    "enable_grpc_healthcheck_service": "serve grpc.health.v1",
    "enable_grpc_reflection": "serve gRPC reflection",
    "enable_batching": "requests that arrive together run as one batch",
    "batching_parameters_file": "text BatchingParameters",
    "enable_per_model_batching_parameters": "batch each version by the batching_params.pbtxt in its folder",
    "monitoring_config_file": "text MonitoringConfig: whether and where metrics are shown",
    "file_system_poll_wait_seconds": "time between looks for new versions; 0: looked for once",
    "max_num_load_retries": "how often a version that failed to load is tried again",
    "load_retry_interval_micros": "time before a failed version is tried again",
    "enable_model_warmup": "replay a version's warm-up records before its first request",
    "num_request_iterations_for_warmup": "how often each warm-up record is replayed; 0: once",
    "enable_signature_method_name_check": "classify and regress take only signatures exported for them",
    "enable_serialization_as_tensor_content": "answers over gRPC carry tensor_content",
    "tensorflow_session_parallelism": "threads of TensorFlow; 0: for one op half the cores, at most 4",
    "max_requests": "requests under way or waiting, both protocols; one more is refused at once",
    "max_running": "of those not batched, how many run at once; 0: four a core",
    "max_rest_body_bytes": "larger REST bodies are refused with 413",
    "stop_grace_s": "how long a stop waits for requests under way",
}


def parse_flags(arguments: list[str] | None = None) -> ServerConfig:
    """The configuration that the command line asks for; ends the process on a flag that is none."""
    parsed = vars(_parser().parse_args(arguments))
    return ServerConfig(**{name: value for name, value in parsed.items() if name in _HELP})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving",
        description="Serves SavedModels over gRPC and REST, as TensorFlow Serving does.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,
    )
    for field in dataclasses.fields(ServerConfig):
        options: dict[str, Any] = {"default": field.default, "help": _HELP[field.name]}
        if isinstance(field.default, bool):
            options |= {"type": _switch, "nargs": "?", "const": True}
        else:
            options["type"] = type(field.default)
        parser.add_argument(f"--{field.name}", **options)
    for name in WITHOUT_EFFECT:
        parser.add_argument(f"--{name}", nargs="?", help=argparse.SUPPRESS)
    return parser


def _switch(text: str) -> bool:
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
