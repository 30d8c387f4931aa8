"""One loaded version of a model: its signatures, checked and called.

TensorFlow Serving checks a request against the ``SignatureDef`` before it runs the
graph, and never converts a value; a loaded signature in Python would raise
``TypeError`` in words of its own, so the same checks, with the same messages, are
made here first. Shapes are left to the ops, as they are there.

Loading costs 1 to 2 s and the model's memory. A call may come from any thread.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf

# Registers the ops of in-graph tokenizers; loading a SavedModel that has them fails without.
import tensorflow_text  # noqa: F401
from tensorflow.core.protobuf import meta_graph_pb2

from serving.call import Call
from serving.errors import FailedPreconditionError, InternalError, InvalidArgumentError, LoadError
from serving.servables import graph_errors
from serving.servables.saved_model_file import SERVE_TAG, read_meta_graph
from serving.servables.tensor_protos import dtype_name, tensor_from_proto

DEFAULT_SIGNATURE = "serving_default"

Tensors = Mapping[str, tf.Tensor]

Runner = Callable[[Tensors, Call], dict[str, tf.Tensor]]
"""What computes a signature: all inputs, checked and completed, to all outputs."""

Execute = Callable[["Servable", str, Tensors, Call], dict[str, tf.Tensor]]
"""What decides when and where a signature's graph runs, by calling ``run_graph``."""


def execute_at_once(
    servable: Servable, signature_name: str, feeds: Tensors, call: Call
) -> dict[str, tf.Tensor]:
    """Runs the graph in the caller's thread, at once."""
    return servable.run_graph(signature_name, feeds)


class Servable:
    """A SavedModel in memory, ready to answer."""

    def __init__(
        self,
        version_dir: str,
        signature_defs: Mapping[str, meta_graph_pb2.SignatureDef],
        functions: Mapping[str, Callable[..., dict[str, tf.Tensor]]],
        model: Any = None,
        execute: Execute = execute_at_once,
    ) -> None:
        """``model`` is only held: a signature's function does not keep its variables alive."""
        self._model = model
        self.version_dir = version_dir
        self.signature_defs = signature_defs
        self._functions = functions
        self._execute = execute
        self._runners: dict[str, Runner] = {}
        self._defaults = {
            name: {alias: tensor_from_proto(proto, alias) for alias, proto in signature.defaults.items()}
            for name, signature in signature_defs.items()
        }

    def signature(self, name: str) -> meta_graph_pb2.SignatureDef:
        """The signature called ``name``; FailedPreconditionError if there is none."""
        if name not in self.signature_defs:
            raise FailedPreconditionError(f'Serving signature key "{name}" not found.')
        return self.signature_defs[name]

    @property
    def model(self) -> Any:
        """The loaded SavedModel, with what it holds besides signatures."""
        return self._model

    def set_runner(self, signature_name: str, runner: Runner) -> None:
        """Lets ``runner`` compute the signature from now on, in place of the graph."""
        self.signature(signature_name)
        self._runners[signature_name] = runner

    def run(
        self,
        signature_name: str,
        inputs: Tensors,
        output_filter: Sequence[str] = (),
        call: Call | None = None,
    ) -> dict[str, tf.Tensor]:
        """The outputs, all or those in ``output_filter``, for ``inputs`` completed by the defaults."""
        signature = self.signature(signature_name)
        check_num_inputs(signature, inputs)
        feeds = completed_inputs(signature, inputs, self._defaults[signature_name])
        aliases = filtered_outputs(signature, output_filter)
        check_dtypes(signature, feeds)
        call = call or Call()
        call.check()
        runner = self._runners.get(signature_name)
        execute = functools.partial(self._execute, self, signature_name)
        outputs = (runner or execute)(feeds, call)
        return {alias: outputs[alias] for alias in aliases}

    def run_graph(self, signature_name: str, feeds: Tensors) -> dict[str, tf.Tensor]:
        """The signature's outputs by the graph itself, in one session call that nothing can stop."""
        if signature_name not in self._functions:
            raise InternalError(
                f'Signature "{signature_name}" cannot be called: it belongs to the model\'s set-up'
            )
        try:
            return self._functions[signature_name](**feeds)
        except tf.errors.OpError as error:
            raise graph_errors.serving_error(error) from error
        except (TypeError, ValueError) as error:
            # What the graph's construction would refuse, such as a rank no op accepts.
            raise InvalidArgumentError(str(error)) from error


def load_servable(version_dir: str, execute: Execute = execute_at_once) -> Servable:
    """Loads the SavedModel in ``version_dir``; LoadError says in one line why it cannot."""
    meta_graph = read_meta_graph(version_dir)
    try:
        model = tf.saved_model.load(version_dir, tags=[SERVE_TAG])
    except Exception as error:
        # TensorFlow raises nearly every class here, depending on which file is broken.
        reason = graph_errors.human_message(str(error)).splitlines()
        raise LoadError(
            f"cannot load the SavedModel in {version_dir}: {reason[0] if reason else type(error).__name__}"
        ) from error
    return Servable(version_dir, dict(meta_graph.signature_def), dict(model.signatures), model, execute)


def check_num_inputs(signature: meta_graph_pb2.SignatureDef, inputs: Collection[str]) -> None:
    """Raises if there are too many inputs, or too few and the signature has no defaults."""
    sent, known = set(inputs), set(signature.inputs)
    if len(sent) > len(known) or (len(sent) < len(known) and not signature.defaults):
        raise InvalidArgumentError(
            f"input size does not match signature: {len(sent)}!={len(known)}"
            f" len({_names(sent)}) != len({_names(known)})."
            f" Sent extra: {_names(sent - known)}. Missing but required: {_names(known - sent)}."
        )


def completed_inputs(
    signature: meta_graph_pb2.SignatureDef, inputs: Tensors, defaults: Tensors
) -> dict[str, tf.Tensor]:
    """Every input of the signature, from the request or else from the defaults."""
    feeds = {}
    for alias in sorted(signature.inputs):
        if alias in inputs:
            feeds[alias] = inputs[alias]
        elif alias in defaults:
            feeds[alias] = defaults[alias]
        else:
            raise InvalidArgumentError(
                f"Signature input alias: {alias}(feed name: {signature.inputs[alias].name})"
                " not found in request and no default value provided."
                f" Inputs expected to be in the request {_names(inputs)},"
                f" or default input alias set: {','.join(sorted(defaults))}"
            )
    if inputs and not set(inputs) <= set(feeds):
        used = sorted(set(inputs) & set(feeds))
        raise InvalidArgumentError(
            f"Inputs contains invalid name. Used request inputs: {','.join(used)}"
            f", request input: {','.join(sorted(inputs))}"
        )
    return feeds


def check_dtypes(signature: meta_graph_pb2.SignatureDef, feeds: Tensors) -> None:
    """Raises if an input is of another dtype than the signature's: nothing is cast."""
    for index, alias in enumerate(sorted(signature.inputs)):
        expected = signature.inputs[alias].dtype
        provided = feeds[alias].dtype.as_datatype_enum
        if provided != expected:
            raise InvalidArgumentError(
                f"Expects arg[{index}] to be {dtype_name(expected)} but {dtype_name(provided)} is provided"
            )


def filtered_outputs(signature: meta_graph_pb2.SignatureDef, output_filter: Sequence[str]) -> list[str]:
    """The outputs to answer with: those asked for, or all."""
    seen: set[str] = set()
    for alias in output_filter:
        if alias not in signature.outputs:
            raise InvalidArgumentError(
                f"output tensor alias not found in signature: {alias}"
                f" Outputs expected to be in the set {_names(signature.outputs)}."
            )
        if alias in seen:
            raise InvalidArgumentError(f"duplicate output tensor alias: {alias}")
        seen.add(alias)
    return list(output_filter) or sorted(signature.outputs)


def _names(names: Mapping[str, object] | set[str]) -> str:
    return f"{{{','.join(sorted(names))}}}"
