"""Decoders from the weights of KerasHub models.

Also inside a ``tf.function``: the decoder then holds tensors computed from the live
variables. `frozen` makes variables of its own for an export.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from models.decoding.decoder import Decoder
from models.decoding.keras_rows import KerasRowDecoder
from models.decoding.lstm import LSTMDecoder
from models.decoding.transformer import TransformerDecoder, TransformerShape, Weights


def gpt2_decoder(
    backbone: Any,
    output_layer: Any = None,
    context_length: int | None = None,
    document_start: int | None = None,
) -> TransformerDecoder:
    """A ``keras_hub.models.GPT2Backbone`` as a decoder, with an output layer if the embedding is not it, for
    up to ``context_length`` tokens, or as many as it has positions."""
    context_length = context_length or backbone.max_sequence_length
    head_dim = backbone.hidden_dim // backbone.num_heads
    shape = TransformerShape(
        num_heads=backbone.num_heads,
        num_key_value_heads=backbone.num_heads,
        head_dim=head_dim,
        norm="layer",
        norm_epsilon=1e-5,
        activation="gelu",
    )
    final = backbone.get_layer("layer_norm")
    weights = {
        "positions": _float(backbone.position_embedding.position_embeddings)[:context_length],
        "layers": [_gpt2_layer(layer, head_dim) for layer in backbone.transformer_layers],
        **_head(backbone.token_embedding, output_layer),
        "final_scale": _float(final.gamma),
        "final_shift": _float(final.beta),
    }
    return TransformerDecoder(shape, weights, context_length, backbone.vocabulary_size, document_start)


def llama_decoder(
    backbone: Any, context_length: int, document_start: int | None = None
) -> TransformerDecoder:
    """A ``keras_hub.models.LlamaBackbone`` as a decoder for up to ``context_length`` tokens."""
    head_dim = backbone.hidden_dim // backbone.num_query_heads
    shape = TransformerShape(
        num_heads=backbone.num_query_heads,
        num_key_value_heads=backbone.num_key_value_heads,
        head_dim=head_dim,
        norm="rms",
        norm_epsilon=backbone.layer_norm_epsilon,
        activation="swiglu",
    )
    rotary = backbone.transformer_layers[0]._self_attention_layer.rotary_embedding_layer
    # Turning (1, ..., 1, 0, ..., 0) gives the cosines, then the sines.
    ones = tf.sequence_mask(tf.fill([1, context_length, 1], head_dim // 2), head_dim, tf.float32)
    cosines, sines = tf.split(tf.cast(rotary(ones)[0, :, 0], tf.float32), 2, axis=-1)
    weights = {
        "cosines": cosines,
        "sines": sines,
        "layers": [_llama_layer(layer, head_dim) for layer in backbone.transformer_layers],
        **_head(backbone.token_embedding),
        "final_scale": _float(backbone.layer_norm.scale),
    }
    return TransformerDecoder(shape, weights, context_length, backbone.vocabulary_size, document_start)


def lstm_decoder(backbone: Any, document_start: int | None = None) -> LSTMDecoder:
    """A `models.networks.lstm.LSTMBackbone` as a decoder."""
    weights = {
        "layers": [
            {
                "kernel": tf.concat([_float(layer.cell.kernel), _float(layer.cell.recurrent_kernel)], axis=0),
                "bias": _float(layer.cell.bias),
            }
            for layer in backbone.lstm_layers
        ],
        **_head(backbone.token_embedding),
    }
    if backbone.projection is not None:
        weights["projection"] = _float(backbone.projection.kernel)
    return LSTMDecoder(
        weights,
        backbone.hidden_dim,
        backbone.max_sequence_length,
        backbone.vocabulary_size,
        document_start,
    )


def frozen(decoder: Decoder) -> Decoder:
    """``decoder`` with variables of its own instead of tensors, to be saved. One that runs on a Keras model
    keeps that model's, with what was learnt beside a matrix merged into it."""
    if isinstance(decoder, KerasRowDecoder):
        decoder.merge_adapters()
        return decoder
    decoder.weights = tf.nest.map_structure(
        lambda tensor: tf.Variable(tensor, trainable=False), decoder.weights
    )
    return decoder


def _gpt2_layer(layer: Any, head_dim: int) -> Weights:
    attention = layer._self_attention_layer
    dense = [attention.query_dense, attention.key_dense, attention.value_dense]
    kernels = [_flat(part.kernel, 1) for part in dense]
    biases = [tf.reshape(_float(part.bias), [-1]) for part in dense]
    kernels[0] *= head_dim**-0.5
    biases[0] *= head_dim**-0.5
    out, up, down = (
        attention.output_dense,
        layer._feedforward_intermediate_dense,
        layer._feedforward_output_dense,
    )
    return {
        **_after_norm("qkv", tf.concat(kernels, 1), tf.concat(biases, 0), layer._self_attention_layer_norm),
        "out": _flat(out.kernel, 2),
        "out_bias": _float(out.bias),
        **_after_norm("up", _float(up.kernel), _float(up.bias), layer._feedforward_layer_norm),
        "down": _float(down.kernel),
        "down_bias": _float(down.bias),
    }


def _llama_layer(layer: Any, head_dim: int) -> Weights:
    attention = layer._self_attention_layer
    dense = [attention._query_dense, attention._key_dense, attention._value_dense]
    kernels = [_flat(part.kernel, 1) for part in dense]
    kernels[0] *= head_dim**-0.5
    gate, value = layer._feedforward_gate_dense, layer._feedforward_intermediate_dense
    up = tf.concat([_float(gate.kernel), _float(value.kernel)], axis=1)
    return {
        **_after_norm("qkv", tf.concat(kernels, axis=1), None, layer._self_attention_layernorm),
        "out": _flat(attention._output_dense.kernel, 2),
        **_after_norm("up", up, None, layer._feedforward_layernorm),
        "down": _float(layer._feedforward_output_dense.kernel),
    }


def _head(embedding: Any, output_layer: Any = None) -> Weights:
    """The output matrix, and the embedding where that is not its transpose. A product is about three
    times as fast with this layout as with the embedding's, and a lookup hardly slower."""
    table = _float(embedding.embeddings)
    if output_layer is not None:
        return {"head": _float(output_layer.kernel), "embedding": table}
    if embedding.tie_weights:
        return {"head": tf.transpose(table)}
    return {"head": _float(embedding.reverse_embeddings), "embedding": table}


def _after_norm(name: str, kernel: tf.Tensor, bias: tf.Tensor | None, norm: Any) -> Weights:
    """A matrix and bias that take what is only centred and scaled: ``(g * x + b) @ K`` is
    ``x @ (g[:, None] * K) + b @ K``."""
    scale, shift = norm.gamma if hasattr(norm, "gamma") else norm.scale, getattr(norm, "beta", None)
    weights: Weights = {name: _float(scale)[:, tf.newaxis] * kernel}
    if shift is not None:
        shifted = tf.linalg.matvec(kernel, _float(shift), transpose_a=True)
        bias = shifted if bias is None else bias + shifted
    if bias is not None:
        weights[f"{name}_bias"] = bias
    return weights


def _flat(kernel: Any, leading: int) -> tf.Tensor:
    """An einsum kernel as a matrix: its first ``leading`` axes are the input."""
    kernel = _float(kernel)
    return tf.reshape(kernel, [int(np.prod(kernel.shape[:leading])), -1])


def _float(variable: Any) -> tf.Tensor:
    return tf.cast(tf.convert_to_tensor(variable), tf.float32)
