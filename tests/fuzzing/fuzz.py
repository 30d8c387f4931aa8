"""Coverage-guided fuzzing of what reads requests, by Atheris (libFuzzer for Python)::

    uv pip install --target .tools/atheris --python .venv --only-binary atheris atheris
    PYTHONPATH=.tools/atheris:. .venv/bin/python tests/fuzzing/fuzz.py TARGET -max_total_time=300 \\
        -dict=tests/fuzzing/json.dict "$(mktemp -d)" tests/fuzzing/seeds

TARGET is one of `TARGETS`; what follows are libFuzzer's options, a folder for what it adds, and
examples. Whatever the bytes, the result is a value, whose form is checked, or an
InvalidArgumentError or NotFoundError; anything else ends the run, with the bytes in ``crash-*``.
What was found so far is in the tests of the modules, and the properties themselves, on random
requests, in ``tests/serving/test_fuzzing.py``. Atheris has wheels for Linux on x86-64; elsewhere it
is built with Clang.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable

import atheris

from pipeline import quiet

quiet.set_environment()

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from google.protobuf.message import DecodeError  # noqa: E402
from tensorflow.core.framework import tensor_pb2  # noqa: E402

with atheris.instrument_imports(include=["serving"]):
    from serving.errors import InvalidArgumentError, NotFoundError
    from serving.openai import requests, routes
    from serving.rest import bodies, json_examples, json_predict, streaming
    from serving.servables import tensor_protos

DTYPES = (
    {"x": tf.float32},
    {"prompts": tf.string},
    {"flag": tf.bool, "long": tf.int64, "name_bytes": tf.string, "small": tf.uint8, "wide": tf.float64},
)


def predict(data: bytes) -> None:
    """The body of :predict, and its tensors written as an answer."""
    document = json_predict.parse_body(data)
    json_predict.signature_name(document)
    refusals = []
    for dtypes in DTYPES:
        try:
            layout, tensors = json_predict.input_tensors(document, dtypes)
            assert {name: tensor.dtype for name, tensor in tensors.items()} == dict(dtypes)
            json.loads(json_predict.answer_body(layout, tensors))
        except InvalidArgumentError as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]


def examples(data: bytes) -> None:
    """The body of :classify and :regress."""
    json_examples.request_input(json_predict.parse_body(data)).SerializeToString()


def tensor(data: bytes) -> None:
    """A TensorProto, and the tensor written as one again."""
    proto = tensor_pb2.TensorProto()
    try:
        proto.ParseFromString(data)
    except DecodeError:
        return
    read = tensor_protos.tensor_from_proto(proto, "x")
    if read.dtype in (tf.resource, tf.variant):
        # Of no signature's inputs or outputs.
        return
    again = tensor_protos.tensor_from_proto(tensor_protos.proto_from_tensor(read), "x")
    np.testing.assert_array_equal(read.numpy(), again.numpy())


def openai(data: bytes) -> None:
    """The bodies of OpenAI's routes."""
    refusals = []
    for kind in (requests.CompletionRequest, requests.ChatRequest):
        try:
            request = requests.parsed(kind, data)
            routes._spec(request.model).SerializeToString()
            as_tensors(request.sampling())
            if isinstance(request, requests.CompletionRequest):
                request.prompts()
        except (InvalidArgumentError, NotFoundError) as error:
            refusals.append(error)
    if refusals:
        raise refusals[0]


def stream(data: bytes) -> None:
    """The path, up to a line end, and the body of :generateStream."""
    path, _, body = data.partition(b"\n")
    spec = streaming.model_spec(f"/v1/models/{path.decode('latin-1')}:generateStream")
    spec.SerializeToString()
    asked = streaming.asked_for(body)
    for prompt in asked.prompts:
        prompt.encode()
    as_tensors(asked.settings)


def as_tensors(settings: dict[str, float]) -> None:
    """Sampling settings as inputs of the generate signature."""
    for name, value in settings.items():
        tf.constant([value], streaming._NUMBERS[name].dtype)


def gzip(data: bytes) -> None:
    """A compressed body."""
    assert len(bodies.inflated(data, "gzip", max_bytes=1000)) <= 1000


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target for target in (predict, examples, tensor, openai, stream, gzip)
}


def checked(target: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """Lets through what ``target`` may raise."""

    def run(data: bytes) -> None:
        with contextlib.suppress(InvalidArgumentError, NotFoundError):
            target(data)

    return run


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.exit(f"usage: fuzz.py {{{','.join(TARGETS)}}} [libFuzzer's options]")
    target = TARGETS[sys.argv.pop(1)]
    atheris.Setup(sys.argv, checked(target))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
