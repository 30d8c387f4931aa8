"""What to serve, where and how: one typed value for every flag of the server.

Names and defaults are those of tensorflow_model_server's flags, but for the ports (REST is
on, and 0 picks a free port), the host, and the limits that it lacks.
"""

from __future__ import annotations

import dataclasses

from serving.errors import InvalidArgumentError, StartError
from serving.versions.policies import ModelConfig


@dataclasses.dataclass(frozen=True)
class ServerConfig:
    """A server's configuration; StartError if it cannot work."""

    model_name: str = "default"
    model_base_path: str = ""
    """The folder whose integer-named subfolders are versions; local or any scheme TensorFlow opens."""
    model_config_file: str = ""
    """A ModelServerConfig in protobuf's text format: several models, version policies, labels. Then the model
    name and base path are ignored."""
    model_config_file_poll_wait_seconds: float = 0.0
    """Time between looks at that file; 0: it is read once."""
    allow_version_labels_for_unavailable_models: bool = False
    """Lets a label that is not in use yet name a version that is not loaded, as at the start."""
    host: str = "127.0.0.1"
    """This machine only: there is no authentication."""
    port: int = 8500
    """gRPC; 0 picks a free one."""
    rest_api_port: int = 8501
    """REST; 0 picks a free one."""
    rest_api_timeout_in_ms: int = 30_000
    """A REST request that takes longer is answered with 504; 0: no limit."""
    rest_api_enable_cors_support: bool = False
    """Lets web pages of other origins call the REST API."""
    ssl_config_file: str = ""
    """An SSLConfig in protobuf's text format: TLS for gRPC, and whether clients need a certificate."""
    grpc_channel_arguments: str = ""
    """Comma-separated, such as grpc.max_connection_age_ms=2000."""
    enable_grpc_healthcheck_service: bool = False
    enable_grpc_reflection: bool = False
    enable_batching: bool = False
    """Requests that arrive together run as one batch."""
    batching_parameters_file: str = ""
    """BatchingParameters in protobuf's text format."""
    enable_per_model_batching_parameters: bool = False
    """Each version is batched by the batching_params.pbtxt in its folder."""
    monitoring_config_file: str = ""
    """A MonitoringConfig in protobuf's text format: whether and where metrics are shown."""
    file_system_poll_wait_seconds: float = 1.0
    """Time between looks for new versions; 0: they are looked for once."""
    max_num_load_retries: int = 5
    """How often a version that failed to load is tried again."""
    load_retry_interval_micros: int = 60_000_000
    enable_model_warmup: bool = True
    """Replays a version's warm-up records before its first request."""
    num_request_iterations_for_warmup: int = 0
    """How often each record is replayed; 0: once."""
    enable_signature_method_name_check: bool = False
    """Classify and regress take only signatures exported for them."""
    enable_serialization_as_tensor_content: bool = False
    """Answers over gRPC carry tensor_content instead of the typed fields."""
    tensorflow_session_parallelism: int = 0
    """Threads of TensorFlow, within an op and between ops; 0: half the cores, at most 4, within an op, and as
    many as cores between ops."""
    max_requests: int = 256
    """Requests under way or waiting, over both protocols; one more is refused at once."""
    max_running: int = 0
    """Of those that are not batched, how many run at once; 0: four a core."""
    max_rest_body_bytes: int = 100 * 2**20
    """A larger REST body, compressed or not, is refused with 413. gRPC messages are not limited."""
    stop_grace_s: float = 10.0
    """How long a stop waits for requests under way before it cuts them."""

    def __post_init__(self) -> None:
        if not self.model_config_file:
            if not self.model_name:
                raise StartError("model_name is empty: name the model, as it appears in /v1/models/NAME")
            if not self.model_base_path:
                raise StartError(
                    "model_base_path and model_config_file are both empty: name the folder that holds the "
                    "versions, or a file with several models"
                )
        for field in ("port", "rest_api_port"):
            if not 0 <= getattr(self, field) <= 65535:
                raise StartError(f"{field} is {getattr(self, field)}; expected 0 to 65535, 0 for a free one")
        for field in ("max_requests", "max_rest_body_bytes"):
            if getattr(self, field) < 1:
                raise StartError(f"{field} is {getattr(self, field)}; expected at least 1")
        for field in _NOT_NEGATIVE:
            if getattr(self, field) < 0:
                raise StartError(f"{field} is {getattr(self, field)}; expected 0 or more")
        if self.batching_parameters_file and not self.enable_batching:
            raise StartError(
                "batching_parameters_file is set without setting enable_batching: set both, or neither"
            )

    def models(self) -> list[ModelConfig]:
        """The models to serve, read anew from the file if there is one."""
        if not self.model_config_file:
            return [ModelConfig(self.model_name, self.model_base_path)]
        # Imports TensorFlow, which ``--help`` need not wait for.
        from serving.settings.models import configs_from_proto
        from serving.settings.text_protos import read_models_config

        try:
            configs = configs_from_proto(read_models_config(self.model_config_file))
        except InvalidArgumentError as error:
            raise StartError(f"{self.model_config_file}: {error}") from error
        if not configs:
            raise StartError(f"{self.model_config_file} names no model: add a config to model_config_list")
        return configs


_NOT_NEGATIVE = (
    "model_config_file_poll_wait_seconds",
    "rest_api_timeout_in_ms",
    "file_system_poll_wait_seconds",
    "max_num_load_retries",
    "load_retry_interval_micros",
    "num_request_iterations_for_warmup",
    "tensorflow_session_parallelism",
    "max_running",
    "stop_grace_s",
)
