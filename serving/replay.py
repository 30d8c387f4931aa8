"""What a stock server does with a version when it loads it, asked of a server that runs.

Each warm-up record is sent as a request over gRPC, and every signature of the SavedModel is
looked for in GetModelMetadata with its inputs and outputs. `warmup_shape_problems` needs no
server: it finds records that a server which batches would refuse.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import grpc
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from serving import contract
from serving.servables.saved_model_file import read_meta_graph
from serving.warmup import read_warmup

SIGNATURES = "signature_def"
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # The server is on this machine, and a cluster's containers often have a proxy in their environment.
    ("grpc.enable_http_proxy", 0),
]


def replay_problems(address: str, model_name: str, version_dir: str, timeout_s: float) -> list[str]:
    """Warm-up records that the server at ``address`` does not answer, one sentence each."""
    problems = []
    with grpc.insecure_channel(address, options=_OPTIONS) as channel:
        predict = prediction_service_pb2_grpc.PredictionServiceStub(channel).Predict
        for number, log in enumerate(read_warmup(version_dir), start=1):
            request = log.predict_log.request
            request.model_spec.name = model_name
            try:
                predict(request, timeout=timeout_s)
            except grpc.RpcError as error:
                problems.append(
                    f"warm-up record {number} (signature {request.model_spec.signature_name}) is answered "
                    f"with {error.code().name}: {error.details()}"
                )
    return problems


def metadata_problems(address: str, model_name: str, version_dir: str, timeout_s: float) -> list[str]:
    """How what GetModelMetadata says at ``address`` differs from the signatures in the SavedModel."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=[SIGNATURES])
    request.model_spec.name = model_name
    with grpc.insecure_channel(address, options=_OPTIONS) as channel:
        service = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        try:
            answer = service.GetModelMetadata(request, timeout=timeout_s)
        except grpc.RpcError as error:
            return [f"GetModelMetadata is answered with {error.code().name}: {error.details()}"]
    told = get_model_metadata_pb2.SignatureDefMap()
    if not answer.metadata[SIGNATURES].Unpack(told):
        return [f"GetModelMetadata has no {SIGNATURES}"]
    return list(signature_differences(read_meta_graph(version_dir).signature_def, told.signature_def))


def signature_differences(
    saved: dict[str, meta_graph_pb2.SignatureDef], told: dict[str, meta_graph_pb2.SignatureDef]
) -> Iterator[str]:
    """Where the signatures that a server tells are not those of the SavedModel."""
    for name in sorted(saved):
        if name not in told:
            yield f"GetModelMetadata does not name signature {name}"
            continue
        for side in ("inputs", "outputs"):
            expected, found = (_tensors(getattr(source[name], side)) for source in (saved, told))
            if expected != found:
                yield f"GetModelMetadata tells the {side} of signature {name} as {found}; expected {expected}"


def warmup_shape_problems(logs: Iterable[prediction_log_pb2.PredictionLog]) -> list[str]:
    """Records that do not give every input of their signature one value a row. A stock server that batches
    joins requests row by row, refuses those, and so would not load the version."""
    problems = []
    for number, log in enumerate(logs, start=1):
        request = log.predict_log.request
        name = request.model_spec.signature_name
        if name not in contract.SIGNATURES:
            continue
        rows = {field.name: 1 for field in contract.SIGNATURES[name].inputs}
        rows |= {
            alias: tensor.tensor_shape.dim[0].size if tensor.tensor_shape.dim else 0
            for alias, tensor in request.inputs.items()
        }
        if len(set(rows.values())) > 1:
            problems.append(
                f"warm-up record {number} (signature {name}) has {rows} values for its inputs, which a stock "
                "server that batches refuses: give each one value a row"
            )
    return problems


def _tensors(infos: dict[str, meta_graph_pb2.TensorInfo]) -> dict[str, str]:
    return {
        alias: f"{types_pb2.DataType.Name(info.dtype)}{[dim.size for dim in info.tensor_shape.dim]}"
        for alias, info in sorted(infos.items())
    }
