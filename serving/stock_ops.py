"""Whether the stock TensorFlow Serving image can run a SavedModel, found without loading it.

The image has TensorFlow's own ops and most of tensorflow_text's. What else a model
uses makes the server refuse it, so it is looked for before a push: in the graph and in
every function of the library, which is flat, so functions called by functions are in
it. Also reported: ``jit_compile=True`` (the image runs without XLA, and the first request
fails) and signature outputs of 16-bit floats (REST cannot write them).

Which ops are TensorFlow's own is read from ``tf.raw_ops``, whose modules were generated
when TensorFlow was built. The process's op registry would not do: it also holds the ops
of every library that happens to be loaded (tensorflow_text, tfx-bsl, struct2tensor), and
of TensorFlow's own tests. The ops that ``tf.raw_ops`` leaves out belong to TPUs, XLA,
DTensor and TensorRT, which the image does not run either.

Not checked: that a server older than the exporter has every op; which image is not too old is
told by `serving.tensorflow_serving.images`.
"""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf
from tensorflow.core.framework import function_pb2, node_def_pb2, types_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from serving.errors import LoadError
from serving.servables.saved_model_file import read_meta_graph

PYTHON_OPS = frozenset({"PyFunc", "PyFuncStateless", "EagerPyFunc"})
"""TensorFlow's own, but they call Python, which the server does not have."""

TEXT_OPS = frozenset(
    {
        "CaseFoldUTF8",
        "ConstrainedSequence",
        "FastBertNormalize",
        "FastWordpieceTokenizeWithOffsets",
        "FindSourceOffsets",
        "MaxSpanningTree",
        "NormalizeUTF8",
        "NormalizeUTF8WithOffsetsMap",
        "PhraseTokenize",
        "RegexSplitWithOffsets",
        "RougeL",
        "SentenceFragments",
        "SentenceFragmentsV2",
        "SentencepieceDetokenizeOp",
        "SentencepieceIdToStringOp",
        "SentencepieceOp",
        "SentencepieceStringToIdOp",
        "SentencepieceTokenizeOp",
        "SentencepieceTokenizeWithOffsetsOp",
        "SentencepieceVocabSizeOp",
        "SplitMergeTokenizeWithOffsets",
        "TFText>BoiseTagsToOffsets",
        "TFText>ByteSplitByOffsets",
        "TFText>ByteSplitWithOffsets",
        "TFText>FastSentencepieceDetokenize",
        "TFText>FastSentencepieceTokenize",
        "TFText>FastWordpieceDetokenize",
        "TFText>NgramsStringJoin",
        "TFText>OffsetsToBoiseTags",
        "TFText>PhraseDetokenize",
        "TFText>WhitespaceTokenizeWithOffsetsV2",
        "TokenizerFromLogits",
        "UnicodeScriptTokenizeWithOffsets",
        "WhitespaceTokenizeWithOffsets",
        "WordpieceTokenizeWithOffsets",
    }
)
"""tensorflow_text's ops, without the trimmers' (``TFText>RoundRobin...``) and ``TFText>Utf8Binarize``,
which TensorFlow Serving 2.12 to 2.19 lacks."""

_XLA_ATTRIBUTE = "_XlaMustCompile"
_NARROW_FLOATS = {types_pb2.DT_HALF: "float16", types_pb2.DT_BFLOAT16: "bfloat16"}
_MAIN_GRAPH = "the main graph"


def missing_ops(saved_model_dir: str) -> list[str]:
    """Why the stock image cannot serve the SavedModel, one sentence a problem; empty if it can."""
    try:
        meta_graph = read_meta_graph(saved_model_dir)
    except LoadError as error:
        return [str(error)]
    return [*_op_problems(meta_graph), *_xla_problems(meta_graph), *_output_problems(meta_graph)]


def _op_problems(meta_graph: meta_graph_pb2.MetaGraphDef) -> list[str]:
    functions = {function.signature.name for function in meta_graph.graph_def.library.function}
    places: dict[str, set[str]] = {}
    for place, node in _nodes(meta_graph):
        if node.op not in functions and not _in_stock_image(node.op):
            places.setdefault(node.op, set()).add(place)
    return [_op_problem(op, sorted(found)) for op, found in sorted(places.items())]


def _op_problem(op: str, places: list[str]) -> str:
    others = f" and {len(places) - 1} other places" if len(places) > 1 else ""
    if op in PYTHON_OPS:
        remedy = "it calls Python, which the server does not have: write that step with TensorFlow's ops"
    else:
        remedy = (
            "it is neither TensorFlow's nor one of tensorflow_text's that the image has: export without it"
        )
    return f"op {op} in {places[0]}{others} is missing in the stock TensorFlow Serving image; {remedy}"


def _in_stock_image(op: str) -> bool:
    # Ops with a leading underscore are TensorFlow's internal ones, which no library may register.
    core = op.startswith("_") or hasattr(tf.raw_ops, op)
    return (core and op not in PYTHON_OPS) or op in TEXT_OPS


def _xla_problems(meta_graph: meta_graph_pb2.MetaGraphDef) -> list[str]:
    places = {
        f"function {function.signature.name}"
        for function in meta_graph.graph_def.library.function
        if _must_compile(function)
    }
    places |= {f"node {node.name} in {place}" for place, node in _nodes(meta_graph) if _must_compile(node)}
    return [
        f"{place} must be compiled with XLA, which the stock TensorFlow Serving image does not run: "
        "export with jit_compile=False"
        for place in sorted(places)
    ]


def _must_compile(part: node_def_pb2.NodeDef | function_pb2.FunctionDef) -> bool:
    return _XLA_ATTRIBUTE in part.attr and part.attr[_XLA_ATTRIBUTE].b


def _output_problems(meta_graph: meta_graph_pb2.MetaGraphDef) -> list[str]:
    return [
        f"output {alias} of signature {name} is {_NARROW_FLOATS[info.dtype]}, which REST cannot write: "
        "export it as float32"
        for name, signature in sorted(meta_graph.signature_def.items())
        for alias, info in sorted(signature.outputs.items())
        if info.dtype in _NARROW_FLOATS
    ]


def _nodes(meta_graph: meta_graph_pb2.MetaGraphDef) -> Iterator[tuple[str, node_def_pb2.NodeDef]]:
    """Every node with where it is: the main graph's, then each library function's."""
    for node in meta_graph.graph_def.node:
        yield _MAIN_GRAPH, node
    for function in meta_graph.graph_def.library.function:
        for node in function.node_def:
            yield f"function {function.signature.name}", node
