"""What the server answers, whatever the protocol.

Both fronts translate their requests into calls of ``ModelServer`` and its errors into
status codes; there is one place where a model, a version and a signature are chosen.
Answers are the protocol's own messages, which REST sends as JSON, but for ``predict``,
whose tensors each front writes in its own way.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Sequence

import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_pb2,
    regression_pb2,
)

from serving.call import Call
from serving.errors import InvalidArgumentError
from serving.inference import description, examples
from serving.inference.specs import acquired, answered_spec, given_spec, signature_of
from serving.monitoring.server_metrics import ServerMetrics
from serving.servables.servable import DEFAULT_SIGNATURE, Tensors
from serving.settings.models import configs_from_proto
from serving.versions.catalog import Catalog
from serving.versions.repository import Lease, Observer


@dataclasses.dataclass(frozen=True)
class Prediction:
    """A signature's outputs, and which model, version and signature gave them."""

    model_spec: model_pb2.ModelSpec
    outputs: dict[str, tf.Tensor]


class ModelServer:
    """The models of a server, by name."""

    def __init__(
        self, catalog: Catalog, metrics: ServerMetrics | None = None, check_methods: bool = False
    ) -> None:
        """``check_methods``: classify and regress take only signatures exported for them."""
        self._catalog = catalog
        self._check_methods = check_methods
        self.metrics = metrics or ServerMetrics()

    def model_names(self) -> list[str]:
        """The models' names, in order."""
        return self._catalog.names

    def available(self) -> dict[str, list[int]]:
        """Each model's versions that answer, highest first."""
        found = {name: self._catalog.repository(name) for name in self._catalog.names}
        return {name: repository.available_versions() for name, repository in found.items() if repository}

    def acquire(self, spec: model_pb2.ModelSpec) -> Lease:
        """The loaded version that ``spec`` names, held in memory until the lease is released."""
        return acquired(self._catalog, spec)

    def observe(self, observer: Observer) -> None:
        """Tells ``observer`` of the loads and unloads of every model from now on."""
        self._catalog.observe(observer)

    def predict(
        self,
        lease: Lease,
        signature_name: str,
        inputs: Tensors,
        output_filter: Sequence[str] = (),
        call: Call | None = None,
    ) -> Prediction:
        """Runs a signature of the leased version, the default one if ``signature_name`` is empty."""
        signature_name = signature_name or DEFAULT_SIGNATURE
        with self._timed("Predict", lease, signature_name):
            outputs = lease.servable.run(signature_name, inputs, output_filter, call)
        return Prediction(answered_spec(lease, signature_name), outputs)

    def input_dtypes(self, lease: Lease, signature_name: str) -> dict[str, tf.DType]:
        """The inputs a JSON request must give, in order of their names."""
        wanted = signature_name or DEFAULT_SIGNATURE
        signature = lease.servable.signature_defs.get(wanted)
        if signature is None:
            raise InvalidArgumentError(f'Serving signature name: "{wanted}" not found in signature def')
        if not signature.inputs:
            raise InvalidArgumentError(
                f"Failed to get input map for signature: {signature_name or 'DEFAULT'}"
            )
        return {
            alias: tf.dtypes.as_dtype(signature.inputs[alias].dtype) for alias in sorted(signature.inputs)
        }

    def classify(
        self, request: classification_pb2.ClassificationRequest, call: Call | None = None
    ) -> classification_pb2.ClassificationResponse:
        """Classes and scores of each example."""
        spec = given_spec(request)
        name = signature_of(spec)
        with self.acquire(spec) as lease:
            with self._timed("Classify", lease, name):
                result = examples.classified(lease.servable, name, request.input, self._check_methods, call)
            return classification_pb2.ClassificationResponse(
                model_spec=answered_spec(lease, name), result=result
            )

    def regress(
        self, request: regression_pb2.RegressionRequest, call: Call | None = None
    ) -> regression_pb2.RegressionResponse:
        """A number for each example."""
        spec = given_spec(request)
        name = signature_of(spec)
        with self.acquire(spec) as lease:
            with self._timed("Regress", lease, name):
                result = examples.regressed(lease.servable, name, request.input, self._check_methods, call)
            return regression_pb2.RegressionResponse(model_spec=answered_spec(lease, name), result=result)

    def multi_inference(
        self, request: inference_pb2.MultiInferenceRequest, call: Call | None = None
    ) -> inference_pb2.MultiInferenceResponse:
        """Several classifications and regressions of the same examples, by one version of one model."""
        first = request.tasks[0].model_spec if request.tasks else model_pb2.ModelSpec()
        response = inference_pb2.MultiInferenceResponse()
        with self.acquire(first) as lease:
            examples.check_tasks(lease.servable, request, self._check_methods)
            for task in request.tasks:
                name = signature_of(task.model_spec)
                added = response.results.add(model_spec=answered_spec(lease, name))
                given = (lease.servable, name, request.input, self._check_methods, call)
                with self._timed("MultiInference", lease, name):
                    if task.method_name == examples.CLASSIFY_METHOD:
                        added.classification_result.CopyFrom(examples.classified(*given))
                    else:
                        added.regression_result.CopyFrom(examples.regressed(*given))
        return response

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The signatures of a loaded version."""
        return description.metadata(self._catalog, request)

    def status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """The state of one version, or of all, highest first."""
        return description.status(self._catalog, request)

    def reload(
        self, request: model_management_pb2.ReloadConfigRequest
    ) -> model_management_pb2.ReloadConfigResponse:
        """Serves exactly the models of the request's configuration from now on."""
        before = {name: self.metrics.value_of(name) for name in request.metric_names}
        if request.config.WhichOneof("config") != "model_config_list":
            raise InvalidArgumentError(
                "ServerModelConfig type not supported by HandleReloadConfigRequest."
                " Only ModelConfigList is currently supported"
            )
        self._catalog.configure(configs_from_proto(request.config))
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        for name, value in before.items():
            response.metric.add(name=name, int64_value_increase=self.metrics.value_of(name) - value)
        return response

    @contextlib.contextmanager
    def _timed(self, api: str, lease: Lease, signature_name: str) -> Iterator[None]:
        begun_s = time.perf_counter()
        yield
        seconds = time.perf_counter() - begun_s
        self.metrics.record_run(lease.model_name, lease.version, api, signature_name, seconds)
