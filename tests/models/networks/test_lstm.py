import sys
from unittest import mock

import pytest
import tensorflow as tf

from models import causal_lm
from models.config import ModelConfig

# Keras names a function as this module is named, so that it cannot be imported from its package.
RNN = sys.modules["keras.src.backend.tensorflow.rnn"]


def _ops(logits):
    function = tf.function(logits, autograph=False)
    graph = function.get_concrete_function(tf.TensorSpec([None, 8], tf.int32)).graph.as_graph_def()
    nodes = [*graph.node, *(node for inner in graph.library.function for node in inner.node_def)]
    return {node.op for node in nodes}


@pytest.fixture
def gpu_model():
    """As it would be on a machine with a GPU: there, tracing is all that can be done without one."""
    with (
        mock.patch.object(RNN, "_is_gpu_available", return_value=True),
        mock.patch.object(tf.config, "list_physical_devices", return_value=["GPU"]),
    ):
        yield causal_lm.build(ModelConfig(family="lstm", num_layers=2, hidden_dim=16), 300, 8)


def test_on_a_gpu_the_layers_run_on_cudnn_and_so_without_xla(gpu_model):
    assert any("Cudnn" in op for op in _ops(lambda ids: causal_lm.logits(gpu_model, ids)))
    assert not all(layer.supports_jit for layer in gpu_model.backbone.layers)


def test_what_is_exported_on_a_gpu_runs_without_one(gpu_model):
    assert not any("Cudnn" in op for op in _ops(gpu_model.decoder().sequence_logits))
