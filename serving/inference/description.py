"""What the server says of its models: their signatures, and the state of their versions."""

from __future__ import annotations

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2

from serving.errors import InvalidArgumentError, NotFoundError
from serving.inference.specs import acquired, answered_spec, given_spec
from serving.versions.catalog import Catalog
from serving.versions.repository import VersionStatus

SIGNATURE_DEF_FIELD = "signature_def"


def metadata(
    catalog: Catalog, request: get_model_metadata_pb2.GetModelMetadataRequest
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """The signatures of a loaded version."""
    spec = given_spec(request)
    if not request.metadata_field:
        raise InvalidArgumentError("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != SIGNATURE_DEF_FIELD:
            raise InvalidArgumentError(f"Metadata field {field} is not supported")
    signatures = get_model_metadata_pb2.SignatureDefMap()
    with acquired(catalog, spec) as lease:
        for name, signature in lease.servable.signature_defs.items():
            signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse(
            model_spec=answered_spec(lease, signature_name="")
        )
    response.metadata[SIGNATURE_DEF_FIELD].Pack(signatures)
    return response


def status(
    catalog: Catalog, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    """The state of one version, or of all, highest first. A label is ignored, as on the stock server."""
    spec = given_spec(request)
    repository = catalog.repository(spec.name)
    statuses = repository.statuses() if repository else []
    if spec.HasField("version"):
        version = spec.version.value
        statuses = [status for status in statuses if status.version == version]
        if not statuses:
            raise NotFoundError(f"Could not find version {version} of model {spec.name}")
    if not statuses:
        raise NotFoundError(f"Could not find any versions of model {spec.name}")
    response = get_model_status_pb2.GetModelStatusResponse()
    for found in statuses:
        _add_status(response, found)
    return response


def _add_status(response: get_model_status_pb2.GetModelStatusResponse, status: VersionStatus) -> None:
    added = response.model_version_status.add(version=status.version, state=status.state.value)
    added.status.SetInParent()
    added.status.error_code = status.error.code.number if status.error else 0
    added.status.error_message = status.error.wire_message if status.error else ""
