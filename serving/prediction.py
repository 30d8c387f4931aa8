"""What the server answers, whatever the protocol.

Both fronts translate their requests into calls of ``ModelServer`` and its errors into
status codes; there is one place where a model, a version and a signature are chosen.
Status and metadata answers are the protocol's own messages, which REST sends as JSON.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from serving.errors import InvalidArgumentError, NotFoundError
from serving.servable import DEFAULT_SIGNATURE, Servable, Tensors
from serving.versions import VersionRepository, VersionStatus

SIGNATURE_DEF_FIELD = "signature_def"


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A signature's outputs, and which model, version and signature gave them."""

    model_spec: model_pb2.ModelSpec
    outputs: dict[str, tf.Tensor]


class ModelServer:
    """The models of a server, by name."""

    def __init__(self, repositories: Mapping[str, VersionRepository]) -> None:
        self._repositories = dict(repositories)

    def predict(
        self, spec: model_pb2.ModelSpec, inputs: Tensors, output_filter: Sequence[str] = ()
    ) -> Prediction:
        """Runs the signature that ``spec`` names, the default one if it names none."""
        signature_name = spec.signature_name or DEFAULT_SIGNATURE
        with self._using(spec) as (version, servable):
            outputs = servable.run(signature_name, inputs, output_filter)
        return Prediction(_answered_spec(spec.name, version, signature_name), outputs)

    def check_available(self, spec: model_pb2.ModelSpec) -> None:
        """Raises if no loaded version answers to ``spec``."""
        with self._using(spec):
            pass

    def input_dtypes(self, spec: model_pb2.ModelSpec) -> dict[str, tf.DType]:
        """The inputs a JSON request must give, in order of their names."""
        signature_name = spec.signature_name or DEFAULT_SIGNATURE
        with self._using(spec) as (_, servable):
            if signature_name not in servable.signature_defs:
                raise InvalidArgumentError(
                    f'Serving signature name: "{signature_name}" not found in signature def'
                )
            inputs = servable.signature(signature_name).inputs
        if not inputs:
            raise InvalidArgumentError(
                f"Failed to get input map for signature: {spec.signature_name or 'DEFAULT'}"
            )
        return {alias: tf.dtypes.as_dtype(inputs[alias].dtype) for alias in sorted(inputs)}

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The signatures of a loaded version."""
        spec = given_spec(request)
        if not request.metadata_field:
            raise InvalidArgumentError("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field:
            if field != SIGNATURE_DEF_FIELD:
                raise InvalidArgumentError(f"Metadata field {field} is not supported")
        signatures = get_model_metadata_pb2.SignatureDefMap()
        with self._using(spec) as (version, servable):
            for name, signature in servable.signature_defs.items():
                signatures.signature_def[name].CopyFrom(signature)
        response = get_model_metadata_pb2.GetModelMetadataResponse(
            model_spec=_answered_spec(spec.name, version, signature_name="")
        )
        response.metadata[SIGNATURE_DEF_FIELD].Pack(signatures)
        return response

    def status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """The state of one version, or of all, highest first."""
        spec = given_spec(request)
        repository = self._repositories.get(spec.name)
        statuses = repository.statuses() if repository else []
        if spec.version_label and repository:
            with repository.using(label=spec.version_label) as (version, _):
                statuses = [status for status in statuses if status.version == version]
        elif spec.HasField("version"):
            version = spec.version.value
            statuses = [status for status in statuses if status.version == version]
            if not statuses:
                raise NotFoundError(f"Could not find version {version} of model {spec.name}")
        if not statuses:
            raise NotFoundError(f"Could not find any versions of model {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for status in statuses:
            _add_status(response, status)
        return response

    @contextmanager
    def _using(self, spec: model_pb2.ModelSpec) -> Iterator[tuple[int, Servable]]:
        if not spec.name:
            raise InvalidArgumentError("ModelSpec has no name specified.")
        version = spec.version.value if spec.HasField("version") else None
        if spec.name not in self._repositories:
            request = f"Latest({spec.name})" if version is None else f"Specific({spec.name}, {version})"
            raise NotFoundError(f"Servable not found for request: {request}")
        with self._repositories[spec.name].using(version, spec.version_label or None) as held:
            yield held


def given_spec(request: object) -> model_pb2.ModelSpec:
    """The request's model_spec; InvalidArgumentError if it has none."""
    if not request.HasField("model_spec"):  # type: ignore[attr-defined]
        raise InvalidArgumentError("Missing ModelSpec")
    return request.model_spec  # type: ignore[attr-defined]


def _answered_spec(name: str, version: int, signature_name: str) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=name, signature_name=signature_name)
    spec.version.value = version
    return spec


def _add_status(response: get_model_status_pb2.GetModelStatusResponse, status: VersionStatus) -> None:
    added = response.model_version_status.add(version=status.version, state=status.state.value)
    added.status.SetInParent()
    added.status.error_code = status.error.code.number if status.error else 0
    added.status.error_message = status.error.wire_message if status.error else ""
