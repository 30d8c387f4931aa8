"""A SavedModel's description, read without loading the model or importing its ops.

``saved_model.pb`` holds the graph, the function library and the signatures; the
variables lie beside it and are not touched. Costs one read of that file, which is a
few megabytes for a language model. The text form (``saved_model.pbtxt``) is not read.
"""

from __future__ import annotations

import posixpath

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2

from serving.errors import LoadError

SERVE_TAG = "serve"


def read_meta_graph(version_dir: str) -> meta_graph_pb2.MetaGraphDef:
    """The graph tagged ``serve`` of the SavedModel in ``version_dir``; LoadError if there is none."""
    path = posixpath.join(version_dir, "saved_model.pb")
    saved_model = _parse(path)
    for meta_graph in saved_model.meta_graphs:
        if SERVE_TAG in meta_graph.meta_info_def.tags:
            return meta_graph
    tags = sorted(tag for meta_graph in saved_model.meta_graphs for tag in meta_graph.meta_info_def.tags)
    raise LoadError(
        f"{path} has no graph tagged {SERVE_TAG!r}, only {tags or 'none at all'}: "
        "export the model again with tf.saved_model.save"
    )


def _parse(path: str) -> saved_model_pb2.SavedModel:
    try:
        with tf.io.gfile.GFile(path, "rb") as file:
            content = file.read()
    except tf.errors.OpError as error:
        raise LoadError(
            f"cannot read {path}: {_reason(error)}; expected a SavedModel: export or copy it again"
        ) from error
    if not content:
        raise LoadError(f"{path} is empty; expected a SavedModel: export or copy it again")
    saved_model = saved_model_pb2.SavedModel()
    try:
        saved_model.ParseFromString(content)
    except DecodeError as error:
        raise LoadError(
            f"{path} is truncated or not a SavedModel ({len(content)} bytes do not parse): "
            "export or copy it again"
        ) from error
    return saved_model


def _reason(error: tf.errors.OpError) -> str:
    if isinstance(error, tf.errors.NotFoundError):
        return "it does not exist"
    return (error.message or type(error).__name__).splitlines()[0]
