"""Replaying a version's warm-up records, before its first request."""

from __future__ import annotations

from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving.errors import LoadError, ServingError, UnimplementedError
from serving.inference import examples
from serving.inference.specs import signature_of
from serving.servables.servable import Servable
from serving.servables.tensor_protos import tensor_from_proto
from serving.warmup import WARMUP_FILE, read_warmup


def warm_up(servable: Servable, num_iterations: int = 1) -> None:
    """Answers each of the version's warm-up records; LoadError for the first that fails."""
    for number, log in enumerate(read_warmup(servable.version_dir), start=1):
        try:
            for _ in range(num_iterations):
                _replay(servable, log)
        except ServingError as error:
            raise LoadError(
                f"warm-up record {number} of {servable.version_dir}/{WARMUP_FILE} fails: {error}", error.code
            ) from error


def _replay(servable: Servable, log: prediction_log_pb2.PredictionLog) -> None:
    kind = log.WhichOneof("log_type")
    if kind == "predict_log":
        _predict(servable, log.predict_log.request)
    elif kind == "classify_log":
        classify = log.classify_log.request
        examples.classified(servable, signature_of(classify.model_spec), classify.input)
    elif kind == "regress_log":
        regress = log.regress_log.request
        examples.regressed(servable, signature_of(regress.model_spec), regress.input)
    elif kind == "multi_inference_log":
        request = log.multi_inference_log.request
        examples.check_tasks(servable, request, check_method=False)
        for task in request.tasks:
            is_classify = task.method_name == examples.CLASSIFY_METHOD
            run = examples.classified if is_classify else examples.regressed
            run(servable, signature_of(task.model_spec), request.input)
    elif kind is not None:
        field = prediction_log_pb2.PredictionLog.DESCRIPTOR.fields_by_name[kind]
        raise UnimplementedError(f"Unsupported log_type for warmup: {field.number}")


def _predict(servable: Servable, request: predict_pb2.PredictRequest) -> None:
    inputs = {alias: tensor_from_proto(proto, alias) for alias, proto in request.inputs.items()}
    servable.run(signature_of(request.model_spec), inputs, request.output_filter)
