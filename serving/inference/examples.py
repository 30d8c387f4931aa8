"""Classification and regression: examples in, classes with scores or one number an example out.

A signature for either has one input, ``inputs``, a vector of serialized ``tf.train.Example``.
A classification has outputs ``classes`` (string) and ``scores`` (float32), or one of them, of
shape ``(batch, classes)``; a regression has ``outputs``, float32 of shape ``(batch,)`` or
``(batch, 1)``. Checks and their words are TensorFlow Serving's.
"""

from __future__ import annotations

import tensorflow as tf
from google.protobuf import text_format
from tensorflow.core.framework import types_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import classification_pb2, inference_pb2, input_pb2, regression_pb2

from serving.call import Call
from serving.errors import FailedPreconditionError, InvalidArgumentError, UnimplementedError
from serving.servables.servable import DEFAULT_SIGNATURE, Servable, Tensors

CLASSIFY_METHOD = "tensorflow/serving/classify"
REGRESS_METHOD = "tensorflow/serving/regress"

INPUTS = "inputs"
CLASSES = "classes"
SCORES = "scores"
OUTPUTS = "outputs"


def classified(
    servable: Servable,
    signature_name: str,
    request_input: input_pb2.Input,
    check_method: bool = False,
    call: Call | None = None,
) -> classification_pb2.ClassificationResult:
    """The classes of each example. ``check_method``: only by a signature exported for classification."""
    wanted = check_classification(signature_called(servable, signature_name), check_method)
    inputs = example_tensor(request_input)
    outputs = servable.run(signature_name, {INPUTS: inputs}, wanted, call)
    return classification_result(outputs, inputs.shape[0])


def regressed(
    servable: Servable,
    signature_name: str,
    request_input: input_pb2.Input,
    check_method: bool = False,
    call: Call | None = None,
) -> regression_pb2.RegressionResult:
    """A number for each example. ``check_method``: only by a signature exported for regression."""
    wanted = check_regression(signature_called(servable, signature_name), check_method)
    inputs = example_tensor(request_input)
    outputs = servable.run(signature_name, {INPUTS: inputs}, wanted, call)
    return regression_result(outputs, inputs.shape[0])


def check_tasks(servable: Servable, request: inference_pb2.MultiInferenceRequest, check_method: bool) -> None:
    """Raises if a task of the request cannot be run; done before any of them is."""
    seen: set[str] = set()
    for task in request.tasks:
        if not task.model_spec.name:
            raise InvalidArgumentError("Found ModelSpec with an empty model name.")
        if task.model_spec.name != request.tasks[0].model_spec.name:
            raise InvalidArgumentError(
                "All ModelSpecs in a MultiInferenceRequest must access the same model name."
            )
        name = task.model_spec.signature_name or DEFAULT_SIGNATURE
        if name in seen:
            raise InvalidArgumentError(f"Duplicate evaluation of signature: {name}")
        seen.add(name)
        if name not in servable.signature_defs:
            raise InvalidArgumentError(f"Requested signature not found in model graph: {name}")
        if task.method_name == CLASSIFY_METHOD:
            check_classification(servable.signature(name), check_method)
        elif task.method_name == REGRESS_METHOD:
            check_regression(servable.signature(name), check_method)
        else:
            raise UnimplementedError(f"Unsupported signature method_name: {task.method_name}")


def signature_called(servable: Servable, name: str) -> meta_graph_pb2.SignatureDef:
    """The signature; InvalidArgumentError, where predicting gives another, if there is none."""
    try:
        return servable.signature(name)
    except FailedPreconditionError:
        raise InvalidArgumentError(f"No signature was found with the name: {name}") from None


def example_tensor(request_input: input_pb2.Input) -> tf.Tensor:
    """The examples, serialized: string ``(batch,)``. A context's features precede each example's."""
    kind = request_input.WhichOneof("kind")
    if kind == "example_list_with_context":
        with_context = request_input.example_list_with_context
        # Messages merge when their bytes are joined.
        context = with_context.context.SerializeToString()
        examples = [context + example.SerializeToString() for example in with_context.examples]
    else:
        examples = [example.SerializeToString() for example in request_input.example_list.examples]
    if not examples:
        raise InvalidArgumentError("Input is empty.")
    return tf.constant(examples, tf.string)


def check_classification(signature: meta_graph_pb2.SignatureDef, check_method: bool) -> list[str]:
    """The outputs to ask for; raises if the signature is no classification."""
    if check_method:
        _check_method(signature, "classification", CLASSIFY_METHOD)
    _check_one_input(signature)
    if len(signature.outputs) not in (1, 2):
        raise InvalidArgumentError(f"Expected one or two output Tensors, found {len(signature.outputs)}")
    _check_inputs(signature, "classification")
    found = [alias for alias in (CLASSES, SCORES) if alias in signature.outputs]
    if not found:
        raise InvalidArgumentError(
            f'Expected classification signature outputs to contain at least one of "{CLASSES}" or '
            f'"{SCORES}". Signature was: {_text(signature)}'
        )
    return found


def check_regression(signature: meta_graph_pb2.SignatureDef, check_method: bool) -> list[str]:
    """The output to ask for; raises if the signature is no regression."""
    if check_method:
        _check_method(signature, "regression", REGRESS_METHOD)
    _check_one_input(signature)
    if len(signature.outputs) != 1:
        raise InvalidArgumentError("Expected one output Tensor.")
    _check_inputs(signature, "regression")
    if OUTPUTS not in signature.outputs:
        raise InvalidArgumentError(f"No regression outputs found in SignatureDef: {_text(signature)}")
    return [OUTPUTS]


def classification_result(outputs: Tensors, num_examples: int) -> classification_pb2.ClassificationResult:
    """The classes of each example, in the graph's order."""
    classes, scores = outputs.get(CLASSES), outputs.get(SCORES)
    for name, tensor, dtype in ((CLASSES, classes, tf.string), (SCORES, scores, tf.float32)):
        if tensor is not None:
            _check_matrix(name, tensor, dtype, num_examples)
    if classes is not None and scores is not None and classes.shape[1] != scores.shape[1]:
        raise InvalidArgumentError(
            "Tensors class and score should match in dim_size(1). Got "
            f"{classes.shape[1]} vs. {scores.shape[1]}"
        )
    result = classification_pb2.ClassificationResult()
    labels = None if classes is None else classes.numpy().tolist()
    numbers = None if scores is None else scores.numpy().tolist()
    for row in range(num_examples):
        added = result.classifications.add()
        for column in range(len((labels or numbers or [[]])[row])):
            added.classes.add(
                label=labels[row][column].decode("utf-8", errors="replace") if labels else "",
                score=numbers[row][column] if numbers else 0.0,
            )
    return result


def regression_result(outputs: Tensors, num_examples: int) -> regression_pb2.RegressionResult:
    """Each example's number."""
    tensor = outputs[OUTPUTS]
    if tensor.shape.rank != 1 and not (tensor.shape.rank == 2 and tensor.shape[1] == 1):
        raise InvalidArgumentError(
            "Expected output Tensor shape to be either [batch_size] or [batch_size, 1] but got "
            f"{_shape(tensor)}"
        )
    if tensor.shape[0] != num_examples:
        raise InvalidArgumentError(
            f"Input batch size did not match output batch size: {num_examples} vs. {tensor.shape[0]}"
        )
    if tensor.dtype != tf.float32:
        raise InvalidArgumentError(f"Expected output Tensor of DT_FLOAT.  Got: {_enum(tensor)}")
    result = regression_pb2.RegressionResult()
    for value in tensor.numpy().reshape(-1).tolist():
        result.regressions.add(value=value)
    return result


def _check_method(signature: meta_graph_pb2.SignatureDef, kind: str, method: str) -> None:
    if signature.method_name != method:
        raise InvalidArgumentError(
            f"Expected {kind} signature method_name to be {method}. Was: {signature.method_name}"
        )


def _check_one_input(signature: meta_graph_pb2.SignatureDef) -> None:
    if len(signature.inputs) != 1:
        raise InvalidArgumentError("Expected one input Tensor.")


def _check_inputs(signature: meta_graph_pb2.SignatureDef, kind: str) -> None:
    if INPUTS not in signature.inputs:
        raise InvalidArgumentError(f"No {kind} inputs found in SignatureDef: {_text(signature)}")


def _check_matrix(name: str, tensor: tf.Tensor, dtype: tf.DType, num_examples: int) -> None:
    if tensor.shape.rank != 2:
        raise InvalidArgumentError(
            f"Expected Tensor shape: [batch_size num_classes] but got {_shape(tensor)}"
        )
    if tensor.dtype != dtype:
        expected = types_pb2.DataType.Name(dtype.as_datatype_enum)
        raise InvalidArgumentError(f"Expected {name} Tensor of {expected}. Got: {_enum(tensor)}")
    if tensor.shape[0] != num_examples:
        raise InvalidArgumentError(
            f"Expected {name} output batch size of {num_examples}. Got: {tensor.shape[0]}"
        )


def _shape(tensor: tf.Tensor) -> str:
    return f"[{','.join(map(str, tensor.shape))}]"


def _enum(tensor: tf.Tensor) -> str:
    return types_pb2.DataType.Name(tensor.dtype.as_datatype_enum)


def _text(signature: meta_graph_pb2.SignatureDef) -> str:
    return text_format.MessageToString(signature)
